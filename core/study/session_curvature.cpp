// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/lanczos.h"
#include "core/quantization/sensitivity.h"
#include "core/study/session_support.h"

namespace eigenscape {

CurvatureOptions curvatureOptions(const CurvatureRecipe& recipe) {
  CurvatureOptions options;
  options.batchSize = recipe.batchSize;
  options.batchNorm = recipe.batchNorm == "train" ? BatchNormMode::Training : BatchNormMode::Evaluation;
  options.graphMemory = recipe.memory << 20;
  return options;
}

namespace {

LanczosOptions lanczosOptions(const Recipe& recipe) {
  LanczosOptions options;
  options.top = recipe.curvature.top;
  options.bottom = recipe.curvature.bottom;
  options.tolerance = recipe.curvature.tolerance;
  options.maxProducts = recipe.curvature.maxProducts;
  options.seed = static_cast<std::uint64_t>(recipe.seed);
  return options;
}

Granularity granularityOf(const std::string& word) {
  if (word == "group") return Granularity::Group;
  return word == "tensor" ? Granularity::Tensor : Granularity::Channel;
}

}  // namespace

void Session::spectrum(std::int64_t epoch) {
  const auto& curvature = recipe_.curvature;
  if (curvature.top + curvature.bottom == 0) return;
  const Costs costs(recipe_, material_.train.size(), material_.test.size());
  phase(keyed("spectrum", epoch), "spectrum · epoch " + std::to_string(epoch), costs.spectrum,
        [&](const Context& context) -> Products {
          std::vector<SpectrumRow> rows;
          NamedTensors vectors;
          Products products = 0;
          const auto splits = splitsOf(curvature.split, curvature.samples);
          for (std::size_t part = 0; part < splits.size(); ++part) {
            const auto& split = splits[part];
            CurvatureOperator hessian(*material_.model, split.examples, curvatureOptions(curvature), context);
            const auto pairs = lanczos(hessian, lanczosOptions(recipe_), context.part(part, splits.size()));
            products += pairs.products;
            const bool first = vectors.empty();  // directions come from the first split
            const auto add = [&](const EigenPair& pair, std::int64_t index) {
              rows.push_back({epoch, curvature.op, "model", split.name, index, pair.value, pair.residual,
                              pair.converged, pairs.products});
              if (first) vectors.emplace_back("eigenvector:" + std::to_string(index), pair.vector.to(torch::kCPU));
            };
            for (std::size_t i = 0; i < pairs.top.size(); ++i) add(pairs.top[i], static_cast<std::int64_t>(i) + 1);
            for (std::size_t i = 0; i < pairs.bottom.size(); ++i)
              add(pairs.bottom[i], -static_cast<std::int64_t>(i) - 1);
            if (!pairs.top.empty()) {
              context.say("epoch " + std::to_string(epoch) + ": λ₁ = " + shortNumber(pairs.top[0].value) + " (" +
                          split.name + "), residual " + shortNumber(pairs.top[0].residual, "%.1e") + ", " +
                          std::to_string(pairs.products) + " products");
            }
          }
          directions_ = std::move(vectors);
          directionsEpoch_ = epoch;
          saveDirections();
          journal_.append(rows);
          return products;
        });
}

TraceEstimates Session::traceOn(const LandscapeSplit& split, const Context& context) {
  const auto& curvature = recipe_.curvature;
  auto ranges = weightRanges(*material_.model);
  const auto weights = static_cast<std::int64_t>(ranges.size());
  for (const auto& layer : material_.model->parameters().layers()) ranges.push_back({layer.offset, layer.size});
  CurvatureOperator hessian(*material_.model, split.examples, curvatureOptions(curvature), context);
  TraceOptions options;
  options.tolerance = curvature.traceTolerance;
  options.maxProbes = curvature.traceProbes;
  options.watched = weights;
  options.seed = static_cast<std::uint64_t>(recipe_.seed);
  return estimateTraces(hessian, ranges, options, context);
}

void Session::trace(std::int64_t epoch) {
  const Costs costs(recipe_, material_.train.size(), material_.test.size());
  phase(keyed("trace", epoch), "trace · epoch " + std::to_string(epoch), costs.trace,
        [&](const Context& context) -> Products {
          const auto& layers = material_.model->parameters().layers();
          const auto& curvature = recipe_.curvature;
          std::vector<TraceRow> rows;
          Products products = 0;
          auto splits = splitsOf(curvature.split, curvature.samples);
          if (!curvature.trace)
            splits.erase(splits.begin() + 1, splits.end());  // the sensitivity's, which stands on the first
          for (std::size_t part = 0; part < splits.size(); ++part) {
            const auto& split = splits[part];
            const auto estimates = traceOn(split, context.part(part, splits.size()));
            const auto add = [&](const std::string& scope, const TraceEstimate& estimate) {
              rows.push_back(
                  {epoch, curvature.op, scope, split.name, estimate.trace, estimate.standardError, estimates.products});
            };
            add("model", estimates.whole);
            const auto weights = estimates.ranges.size() - layers.size();
            for (std::size_t i = 0; i < layers.size(); ++i) add(layers[i].name, estimates.ranges[weights + i]);
            products += estimates.products;
            if (lastTraceEpoch_ != epoch) {
              lastTrace_ = estimates;
              lastTraceEpoch_ = epoch;
            }
            context.say("epoch " + std::to_string(epoch) + ": trace = " + shortNumber(estimates.whole.trace) + " ± " +
                        shortNumber(estimates.whole.standardError, "%.2g") + " (" + split.name + "), " +
                        std::to_string(estimates.products) + " products");
          }
          journal_.append(rows);
          return products;
        });
}

void Session::sensitivity(std::int64_t epoch) {
  phase("sensitivity", "sensitivity", 0, [&](const Context& context) -> Products {
    Products products = 0;
    if (lastTraceEpoch_ != epoch) {
      // A resumed run has the traces' table but not the estimates of the weights alone.
      lastTrace_ = traceOn(splitsOf(recipe_.curvature.split, recipe_.curvature.samples).front(), context);
      lastTraceEpoch_ = epoch;
      products = lastTrace_.products;
    }
    const auto weights = material_.model->weightLayers().size();
    const std::vector<TraceEstimate> traces(lastTrace_.ranges.begin(),
                                            lastTrace_.ranges.begin() + static_cast<std::ptrdiff_t>(weights));
    journal_.append(eigenscape::sensitivity(*material_.model, traces, {}, recipe_.quantization.bits,
                                            granularityOf(recipe_.quantization.granularity)));
    return products;
  });
}

}  // namespace eigenscape
