// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/trace_method.h"

#include "core/curvature/layer_trace.h"
#include "core/curvature/output_trace.h"
#include "core/quantization/sensitivity.h"
#include "core/results/error.h"
#include "core/study/bit_plan.h"
#include "core/study/session_support.h"

namespace eigenscape {

std::vector<Range> tracedRanges(const Model& model) {
  auto ranges = weightRanges(model);
  for (const auto& layer : model.parameters().layers()) ranges.push_back({layer.offset, layer.size});
  return ranges;
}

void refuseTraceMethod(const Recipe& recipe, const std::string& obstacle) {
  throw RecipeError("curvature.trace_method = \"" + recipe.curvature.traceMethod + "\": not for this network, as " +
                    obstacle + "; expected curvature.trace_method = \"auto\" or \"hutch++\"");
}

void checkTraceMethod(const Recipe& recipe, Model& model, const Examples& examples) {
  const auto& curvature = recipe.curvature;
  if (!curvature.trace && !computesSensitivity(recipe)) return;
  std::string obstacle;
  if (curvature.traceMethod == "layers") {
    obstacle = layerTraceObstacle(model, curvatureOptions(recipe), tracedRanges(model));
  } else if (curvature.traceMethod == "outputs") {
    const InPrecision exact(model, precisionOf(recipe));
    try {
      obstacle = outputTraceObstacle(model, examples.to(model.device(), model.type()), curvatureOptions(recipe),
                                     tracedRanges(model));
    } catch (const NotFinite&) {
      return;  // it lies in the weights; a run says so, and of which
    }
  }
  if (!obstacle.empty()) refuseTraceMethod(recipe, obstacle);
}

}  // namespace eigenscape
