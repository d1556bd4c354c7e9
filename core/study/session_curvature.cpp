// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <cmath>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/layer_trace.h"
#include "core/study/session_support.h"
#include "core/study/trace_method.h"

namespace eigenscape {

TraceEstimates Session::traceOn(const LandscapeSplit& split, const Context& context) {
  const auto& curvature = recipe_.curvature;
  auto& model = *material_.model;
  // Before it is tried which method fits: that is kept for all epochs.
  if (!weightsAreFinite()) throw productNotFinite();
  const auto ranges = tracedRanges(model);
  const InPrecision exact(model, precision());
  const auto op = makeOperator(split.examples, {"model", {}}, context);
  TraceOptions options;
  options.tolerance = curvature.traceTolerance;
  options.maxProbes = curvature.traceProbes;
  options.watched = static_cast<std::int64_t>(model.weightLayers().size());
  options.seed = static_cast<std::uint64_t>(recipe_.seed);
  if (curvature.traceMethod == "auto" || curvature.traceMethod == "outputs") {
    const auto examples = split.examples.to(model.device(), model.type());
    if (tracesComeFromOutputs(examples, ranges, context)) {
      options.watched = -1;  // none of them is near zero by cancellation
      return estimateTracesFromOutputs(model, examples, curvatureOptions(recipe_), ranges, options, noting(context));
    }
  }
  if (curvature.traceMethod == "auto" || curvature.traceMethod == "layers") {
    auto products = curvatureOptions(recipe_);
    products.differences = differences_;
    const auto obstacle = layerTraceObstacle(model, products, ranges);
    if (obstacle.empty())
      return estimateTracesAtLayers(model, split.examples.to(model.device(), model.type()), products, ranges, options,
                                    noting(context));
    if (curvature.traceMethod == "layers") refuseTraceMethod(recipe_, obstacle);
  }
  if (curvature.traceMethod != "hutchinson") options.deflated = -1;
  return estimateTraces(*op, ranges, options, noting(context));
}

bool Session::tracesComeFromOutputs(const Examples& examples, const std::vector<Range>& ranges,
                                    const Context& context) {
  // Once: it lies in the network, not in its weights.
  if (!outputTraceObstacle_) {
    auto options = curvatureOptions(recipe_);
    options.differences = differences_;
    outputTraceObstacle_ = outputTraceObstacle(*material_.model, examples, options, ranges, context);
  }
  if (outputTraceObstacle_->empty()) return true;
  if (recipe_.curvature.traceMethod == "outputs") refuseTraceMethod(recipe_, *outputTraceObstacle_);
  return false;
}

/// What a trace phase appends at its end.
struct Session::TraceLot {
  std::vector<TraceRow> rows;
  std::vector<FrobeniusRow> norms;
  std::vector<SolveRow> solves;
  Products products = 0;
};

void Session::trace(std::int64_t epoch) {
  phase(keyed("trace", epoch), "trace · epoch " + std::to_string(epoch), costs_.trace,
        [&](const Context& context) -> Products {
          const auto& curvature = recipe_.curvature;
          auto splits = splitsOf(curvature.split, curvature.samples);
          // The sensitivity's, which stands on the first.
          if (!curvature.trace) splits.erase(splits.begin() + 1, splits.end());
          TraceLot lot;
          for (std::size_t part = 0; part < splits.size(); ++part)
            tracesOf(epoch, splits[part], context.part(part, splits.size()), lot);
          journal_.append(lot.rows);
          if (!lot.norms.empty()) journal_.append(lot.norms);
          journal_.append(lot.solves);
          return lot.products;
        });
}

void Session::tracesOf(std::int64_t epoch, const LandscapeSplit& split, const Context& context, TraceLot& lot) {
  const auto& layers = material_.model->parameters().layers();
  const auto& curvature = recipe_.curvature;
  TraceEstimates estimates;
  const auto add = [&](const std::string& scope, const TraceEstimate& estimate) {
    const bool converged = estimate.freedom >= kEnoughFreedom &&
                           estimate.standardError <= curvature.traceTolerance * std::abs(estimate.trace);
    lot.rows.push_back({epoch, curvature.op, scope, split.name, estimate.trace, estimate.standardError,
                        estimates.products, estimates.method, converged});
  };
  const auto close = [&] {
    lot.solves.push_back({epoch, curvature.op, "model", split.name, "trace", estimates.method, 1, estimates.products, 0,
                          estimates.seconds, estimates.converged});
  };
  try {
    estimates = traceOn(split, context);
  } catch (const NotFinite& error) {
    // A sensitivity would stand on nothing.
    if (visit_ == lastVisit_ && computesSensitivity(recipe_))
      throw NotFinite(placeOf(static_cast<std::size_t>(visit_)) + ": " + error.what());
    leaveOut("traces (" + split.name + ")", error, context);
    TraceEstimate unknown;
    unknown.trace = unknown.standardError = std::nan("");
    add("model", unknown);
    for (const auto& layer : layers) add(layer.name, unknown);
    return close();
  }
  add("model", estimates.whole);
  const auto weights = estimates.ranges.size() - layers.size();
  for (std::size_t i = 0; i < layers.size(); ++i) add(layers[i].name, estimates.ranges[weights + i]);
  close();
  if (std::isfinite(estimates.squaredFrobenius.trace) && !normComesFromDensity(recipe_))
    lot.norms.push_back({epoch, curvature.op, "model", split.name, estimates.squaredFrobenius.trace,
                         estimates.squaredFrobenius.standardError, estimates.products, estimates.method});
  lot.products += estimates.products;
  if (lastTraceEpoch_ != epoch) {
    lastTrace_ = estimates;
    lastTraceEpoch_ = epoch;
  }
  context.say("epoch " + std::to_string(epoch) + ": trace = " + shortNumber(estimates.whole.trace) + " ± " +
              shortNumber(estimates.whole.standardError, "%.2g") + " (" + split.name + "), " +
              std::to_string(estimates.products) + " products, method " + estimates.method +
              (estimates.deflated > 0 ? ", " + std::to_string(estimates.deflated) + " vectors deflated" : ""));
  if (!estimates.converged)
    note("traces (" + split.name + ", " + estimates.method + "): " + std::to_string(estimates.products) +
             " probes were too few for curvature.trace_tolerance in every layer",
         context);
}

}  // namespace eigenscape
