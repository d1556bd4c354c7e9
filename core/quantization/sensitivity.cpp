// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantization/sensitivity.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>

#include "core/quantization/measure.h"
#include "core/quantization/simulation.h"

namespace eigenscape {

namespace {

/// |mean| + standard deviation (Q-BERT, arXiv:1909.05840, section 3.1).
double meanAndSpread(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / count;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::abs(mean) + std::sqrt(squares / (count - 1));
}

/// Leave out one share at a time (Efron & Tibshirani, 1993, section 11).
double jackknifeError(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  if (values.size() < 3) return std::nan("");
  std::vector<double> without;
  double mean = 0, squares = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto rest = values;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
    without.push_back(meanAndSpread(rest));
    mean += without.back() / count;
  }
  for (const double value : without) squares += (value - mean) * (value - mean);
  return std::sqrt((count - 1) / count * squares);
}

}  // namespace

std::vector<Range> weightRanges(const Model& model) {
  std::vector<Range> ranges;
  for (const auto& layer : model.weightLayers()) {
    const auto& entry = model.parameters().entries()[layer.parameterEntry];
    ranges.push_back({entry.offset, entry.size});
  }
  return ranges;
}

std::vector<SensitivityRow> sensitivity(const Model& model, const std::vector<TraceEstimate>& traces,
                                        const std::vector<double>& topEigenvalues,
                                        const std::vector<std::int64_t>& bits, const QuantizerOptions& options) {
  const auto& layers = model.weightLayers();
  if (traces.size() != layers.size() || (!topEigenvalues.empty() && topEigenvalues.size() != layers.size())) {
    throw std::invalid_argument("sensitivity: one value per weight layer is needed");
  }
  torch::NoGradGuard noGrad;
  std::vector<SensitivityRow> rows;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto weight = model.parameters().tensors()[layers[i].parameterEntry].detach();
    const auto size = static_cast<double>(weight.numel());
    SensitivityRow row;
    row.layer = layers[i].name;
    row.parameters = weight.numel();
    row.macs = layers[i].macs;
    row.topEigenvalue = topEigenvalues.empty() ? std::numeric_limits<double>::quiet_NaN() : topEigenvalues[i];
    row.meanTrace = traces[i].trace / size;
    row.standardError = traces[i].standardError / size;
    for (const auto width : bits) {
      row.bits = width;
      row.perturbation = (quantized(weight, width, options) - weight).to(torch::kFloat64).square().sum().item<double>();
      row.omega = row.meanTrace * row.perturbation;
      rows.push_back(row);
    }
  }
  return rows;
}

std::vector<TraceCorrelationRow> correlationRows(const std::string& kind, const std::vector<std::string>& names,
                                                 const std::vector<double>& matrix) {
  const auto width = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(matrix.size()))));
  std::vector<TraceCorrelationRow> rows;
  for (std::size_t i = 0; i < std::min(names.size(), width); ++i) {
    for (std::size_t j = i + 1; j < std::min(names.size(), width); ++j)
      rows.push_back({kind, names[i], names[j], matrix[i * width + j]});
  }
  return rows;
}

std::vector<LayerLossRow> layerLosses(Model& model, const std::vector<std::int64_t>& weightBits,
                                      const std::vector<std::int64_t>& inputBits, const QuantizerOptions& options,
                                      const Calibration& calibration, const Examples& examples,
                                      const std::string& split, std::int64_t batchSize, const Context& context) {
  const auto& layers = model.weightLayers();
  const auto parts = layers.size() * (weightBits.size() + inputBits.size()) + 1;
  const auto before = exampleLosses(model, examples, batchSize, context.part(0, parts));
  Setting setting(layers.size());
  Simulation simulation(model, setting, options, calibration);
  std::vector<LayerLossRow> rows;
  for (const bool inputs : {false, true}) {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      for (const auto width : inputs ? inputBits : weightBits) {
        setting[i] = inputs ? LayerBits{0, width} : LayerBits{width, 0};
        simulation.set(setting);
        const auto after = exampleLosses(model, examples, batchSize, context.part(rows.size() + 1, parts));
        const auto increase = lossIncrease(before, after);
        const auto mean = after.mean();
        rows.push_back({layers[i].name, inputs ? "inputs" : "weights", width, split, examples.size(), mean.loss,
                        mean.accuracy, increase.increase, increase.standardError});
      }
      setting[i] = {};
    }
  }
  return rows;
}

std::vector<LayerScoreRow> layerScores(const std::vector<SensitivityRow>& weights,
                                       const std::vector<InputSensitivityRow>& inputs,
                                       const std::vector<LayerEigenvalueRow>& eigenvalues) {
  std::map<std::string, std::vector<double>> shares;
  for (const auto& row : eigenvalues) shares[row.layer].push_back(row.eigenvalue);
  const double unknown = std::nan("");
  std::vector<LayerScoreRow> rows;
  const auto add = [&](const auto& row, const char* kind, const char* method, double score, double error) {
    if (std::isfinite(score)) rows.push_back({row.layer, kind, row.bits, method, score, error});
  };
  for (const auto& row : weights) {
    const auto size = static_cast<double>(std::max<std::int64_t>(row.parameters, 1));
    add(row, "weights", "v1", row.topEigenvalue / size, unknown);
    add(row, "weights", "v1-order", row.topEigenvalue * row.perturbation, unknown);
    add(row, "weights", "v2", row.omega, row.standardError * row.perturbation);
    if (const auto found = shares.find(row.layer); found != shares.end() && found->second.size() > 1) {
      add(row, "weights", "qbert", meanAndSpread(found->second), jackknifeError(found->second));
    }
  }
  for (const auto& row : inputs) add(row, "inputs", "v2", row.omega, row.standardError * row.perturbation);
  return rows;
}

}  // namespace eigenscape
