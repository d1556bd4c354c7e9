// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/lanczos.h"
#include "core/quantization/input_trace.h"
#include "core/quantization/ranking.h"
#include "core/quantization/sensitivity.h"
#include "core/study/quantizer_recipe.h"
#include "core/study/session_support.h"

namespace eigenscape {

void Session::sensitivity(std::int64_t epoch) {
  const auto& quantization = recipe_.quantization;
  weightSensitivity(epoch);
  if (asksFor(quantization, "v2") && quantizesInputs(quantization)) inputSensitivity();
  if (asksFor(quantization, "qbert")) layerEigenvalues();
  if (!asksFor(quantization, "measured")) return;
  layerLosses();
  rankSensitivities();
}

LandscapeSplit Session::sensitivitySplit(std::int64_t samples) const {
  return splitsOf(recipe_.curvature.split, samples).front();
}

const Calibration& Session::calibration(const Context& context) {
  if (calibration_) return *calibration_;
  const auto& quantization = recipe_.quantization;
  if (!quantizesInputs(quantization)) return calibration_.emplace();
  const auto& examples = material_.train.size() > 0 ? material_.train : material_.test;
  const Context quiet{context.stop, {}, context.log};
  calibration_ = calibrate(*material_.model, examples.first(quantization.calibrationSamples), kMeasureBatch, quiet);
  return *calibration_;
}

EigenPairs Session::topOfLayer(std::size_t weightLayer, const Examples& examples, bool search, const Context& context) {
  const auto& layer = material_.model->weightLayers()[weightLayer];
  const auto block = material_.model->parameters().entries()[layer.parameterEntry].layer;
  const auto op = makeOperator(examples, {layer.name, {block}}, context);
  LanczosOptions options;
  options.top = 1;
  options.tolerance = recipe_.curvature.tolerance;
  options.maxProducts = recipe_.curvature.maxProducts;
  options.seed = static_cast<std::uint64_t>(recipe_.seed);
  if (!search) options.missTolerance = 1;
  return lanczos(*op, options, noting(context));
}

/// Of each weight layer's block, from the table where a spectrum of it was computed on the traces' split; the others
/// are computed where the method v1 asks for them, and nan otherwise.
std::vector<double> Session::topEigenvalues(std::int64_t epoch, Products& products, const Context& context) {
  const auto split = sensitivitySplit(recipe_.curvature.samples);
  const auto rows = readTable<SpectrumRow>(journal_.directory());
  const auto& layers = material_.model->weightLayers();
  std::vector<double> values;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    double value = std::nan("");
    for (const auto& row : rows) {
      if (row.epoch == epoch && row.scope == layers[i].name && row.split == split.name && row.index == 1)
        value = row.eigenvalue;
    }
    if (std::isnan(value) && asksFor(recipe_.quantization, "v1")) {
      const InPrecision exact(*material_.model, precision());
      const auto pairs = topOfLayer(i, split.examples, true, context.part(i, layers.size()));
      value = pairs.top.empty() ? value : pairs.top.front().value;
      products += pairs.products;
    }
    values.push_back(value);
  }
  return values;
}

void Session::weightSensitivity(std::int64_t epoch) {
  const auto& quantization = recipe_.quantization;
  phase("sensitivity", "sensitivity", costs_.sensitivity, [&](const Context& context) -> Products {
    Products products = 0;
    if (lastTraceEpoch_ != epoch) {
      // A resumed run has the traces' table but not the estimates of the weights alone.
      lastTrace_ = traceOn(sensitivitySplit(recipe_.curvature.samples), context);
      lastTraceEpoch_ = epoch;
      products = lastTrace_.products;
    }
    const auto weights = material_.model->weightLayers().size();
    const std::vector<TraceEstimate> traces(lastTrace_.ranges.begin(),
                                            lastTrace_.ranges.begin() + static_cast<std::ptrdiff_t>(weights));
    const auto top = topEigenvalues(epoch, products, context);
    journal_.append(correlationRows("weights", material_.model->weightLayerNames(), lastTrace_.correlations));
    journal_.append(
        eigenscape::sensitivity(*material_.model, traces, top, quantization.bits, quantizerOptions(quantization)));
    return products;
  });
}

InputTraceMethod Session::inputTraceMethod(const Examples& examples, const Context& context) {
  const auto& curvature = recipe_.curvature;
  if (curvature.op == "fisher") return InputTraceMethod::EmpiricalFisher;
  if (curvature.op != "hessian") return InputTraceMethod::FromOutputs;
  if (curvature.traceMethod != "auto" && curvature.traceMethod != "outputs") return InputTraceMethod::FromProducts;
  // What is piecewise linear in each layer's weights alone is so in its inputs, too.
  return tracesComeFromOutputs(examples, weightRanges(*material_.model), context) ? InputTraceMethod::FromOutputs
                                                                                  : InputTraceMethod::FromProducts;
}

void Session::inputSensitivity() {
  const auto& quantization = recipe_.quantization;
  phase("input_sensitivity", "sensitivity of inputs", costs_.inputSensitivity, [&](const Context& context) -> Products {
    auto& model = *material_.model;
    const auto& ranges = calibration(context);
    const InPrecision exact(model, precision());
    const auto examples = sensitivitySplit(recipe_.curvature.samples).examples.to(model.device(), model.type());
    const auto bits = allInputWidths(quantization);
    const auto perturbations =
        inputPerturbations(model, examples, kMeasureBatch, ranges, bits, quantizerOptions(quantization), context);
    TraceOptions options;
    options.tolerance = recipe_.curvature.traceTolerance;
    options.maxProbes = recipe_.curvature.traceProbes;
    // Other draws than for the weights: Ω adds the two, and their errors count as independent.
    options.seed = static_cast<std::uint64_t>(recipe_.seed) + 1;
    const auto traces = estimateInputTraces(model, examples, recipe_.curvature.batchSize, options,
                                            inputTraceMethod(examples, context), context);
    journal_.append(correlationRows("inputs", model.weightLayerNames(), traces.correlations));
    journal_.append(eigenscape::inputSensitivity(model, ranges, traces, bits, perturbations));
    if (!traces.converged) note("traces of inputs: not every layer's tolerance reached", context);
    return traces.products;
  });
}

void Session::layerEigenvalues() {
  phase("layer_eigenvalues", "eigenvalues of layers on shares", costs_.layerEigenvalues,
        [&](const Context& context) -> Products {
          const InPrecision exact(*material_.model, precision());
          const auto examples = sensitivitySplit(recipe_.curvature.samples).examples;
          const auto& layers = material_.model->weightLayers();
          const auto shares = std::min(recipe_.quantization.shares, examples.size());
          const auto parts = layers.size() * static_cast<std::size_t>(shares);
          std::vector<LayerEigenvalueRow> rows;
          Products products = 0;
          for (std::size_t i = 0; i < layers.size(); ++i) {
            for (std::int64_t share = 0; share < shares; ++share) {
              const auto begin = examples.size() * share / shares, end = examples.size() * (share + 1) / shares;
              const auto pairs =
                  topOfLayer(i, examples.slice(begin, end - begin), false, context.part(rows.size(), parts));
              if (pairs.top.empty()) continue;
              const auto& top = pairs.top.front();
              rows.push_back(
                  {layers[i].name, share + 1, end - begin, top.value, top.residual, top.converged, pairs.products});
              products += pairs.products;
            }
          }
          journal_.append(rows);
          return products;
        });
}

void Session::layerLosses() {
  const auto& quantization = recipe_.quantization;
  phase("layer_loss", "loss with one layer quantized", costs_.layerLosses, [&](const Context& context) -> Products {
    const auto split = sensitivitySplit(quantization.samples);
    journal_.append(eigenscape::layerLosses(*material_.model, quantization.bits, inputWidths(quantization),
                                            quantizerOptions(quantization), calibration(context), split.examples,
                                            split.name, kMeasureBatch, context));
    return 0;
  });
}

void Session::rankSensitivities() {
  phase("ranking", "ranking of sensitivities", 0, [&](const Context& context) -> Products {
    const auto& directory = journal_.directory();
    const auto scores = layerScores(readTable<SensitivityRow>(directory), readTable<InputSensitivityRow>(directory),
                                    readTable<LayerEigenvalueRow>(directory));
    const auto rows = ranking(scores, readTable<LayerLossRow>(directory), static_cast<std::uint64_t>(recipe_.seed));
    journal_.append(scores);
    journal_.append(rows);
    for (const auto& row : rows) {
      if (row.bits != 0 || row.measure != "spearman") continue;
      context.say("rank correlation of " + row.method + " with the measured loss (" + row.kind +
                  "): " + shortNumber(row.correlation, "%.2f") + " [" + shortNumber(row.low, "%.2f") + ", " +
                  shortNumber(row.high, "%.2f") + "]");
    }
    return 0;
  });
}

}  // namespace eigenscape
