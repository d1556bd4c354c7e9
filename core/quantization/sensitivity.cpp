// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantization/sensitivity.h"

#include <torch/torch.h>

#include <limits>
#include <stdexcept>

namespace eigenscape {

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
                                        const std::vector<std::int64_t>& bits, Granularity granularity) {
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
      row.perturbation =
          (quantized(weight, width, granularity) - weight).to(torch::kFloat64).square().sum().item<double>();
      row.omega = row.meanTrace * row.perturbation;
      rows.push_back(row);
    }
  }
  return rows;
}

}  // namespace eigenscape
