// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/layer_trace.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/curvature/double_backward.h"
#include "core/curvature/drawn_trace.h"
#include "core/curvature/graphs.h"
#include "core/curvature/memory.h"
#include "core/curvature/recording.h"

namespace eigenscape {

namespace {

using torch::Tensor;

/// Draws of the first visit. They say how long each layer's probes should be.
constexpr std::int64_t kPilot = 2;
/// Least draws and degrees of freedom for a standard error that can be trusted: of an example there are few values, and
/// some that are far from the others.
constexpr std::int64_t kFewest = 4;

/// Examples at once.
std::int64_t chunkSize(const Model& model, const CurvatureOptions& options) {
  return std::min<std::int64_t>(options.batchSize, model.device().is_cuda() ? 512 : 64);
}

/// The entries within a range; none where it begins or ends inside of one.
std::vector<std::size_t> entriesIn(const Model& model, const Range& range) {
  std::vector<std::size_t> found;
  std::int64_t size = 0;
  const auto& entries = model.parameters().entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].offset < range.offset || entries[i].offset + entries[i].size > range.offset + range.size) continue;
    found.push_back(i);
    size += entries[i].size;
  }
  if (size != range.size) found.clear();
  return found;
}

class LayerTraces {
 public:
  LayerTraces(Model& model, const Examples& examples, const CurvatureOptions& curvature,
              const std::vector<Range>& ranges, const TraceOptions& options, const Context& context)
      : model_(model),
        examples_(examples),
        options_(options),
        context_(context),
        chunk_(chunkSize(model, curvature)),
        generator_(at::detail::createCPUGenerator(options.seed)),
        watched_(options.watched < 0 ? ranges.size()
                                     : std::min(ranges.size(), static_cast<std::size_t>(options.watched))),
        layers_(layerEntries(model)) {
    const auto& entries = model.parameters().entries();
    const auto count = static_cast<std::int64_t>(ranges.size()) + 1, real = static_cast<std::int64_t>(entries.size());
    members_ = torch::zeros({count, real}, torch::kFloat64);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      for (const auto entry : entriesIn(model, ranges[i]))
        members_[static_cast<std::int64_t>(i)][static_cast<std::int64_t>(entry)] = 1;
    }
    members_[count - 1].fill_(1);
    mean_ = torch::zeros({count, examples.size()}, torch::kFloat64);
    squares_ = torch::zeros_like(mean_);
    products_ = torch::zeros({count, count}, torch::kFloat64);
    lengths_.assign(entries.size(), 1.0);
    group(ranges);
    shares_.assign(watched_ + 1, 1.0);
  }

  TraceEstimates run() {
    TraceEstimates result;
    const auto most = std::max<std::int64_t>(options_.maxProbes, 2);
    std::int64_t next = std::min(kPilot, most);
    while (true) {
      visit(next);
      balance();
      const double needed = neededDraws();
      result.converged = needed <= static_cast<double>(draws_);
      if (result.converged || draws_ >= most) break;
      // The need was seen with the lengths so far, which were no good at first: it is approached step by step.
      const double missing = std::min(std::ceil(1.1 * needed), 3.0 * static_cast<double>(draws_));
      next = std::clamp<std::int64_t>(static_cast<std::int64_t>(missing) - draws_, 1, most - draws_);
    }
    for (std::int64_t i = 0; i + 1 < mean_.size(0); ++i) result.ranges.push_back(estimate(i));
    result.whole = estimate(mean_.size(0) - 1);
    result.correlations = correlations();
    result.squaredFrobenius = {std::nan(""), std::nan("")};
    result.products = result.probes = draws_;
    result.method = "layers";
    return result;
  }

 private:
  /// Each entry goes with the smallest watched range that holds it; the last group is of those that none holds.
  void group(const std::vector<Range>& ranges) {
    const auto& entries = model_.parameters().entries();
    groupOf_.assign(entries.size(), watched_);
    for (std::size_t i = 0; i < watched_; ++i) {
      for (const auto entry : entriesIn(model_, ranges[i])) {
        auto& group = groupOf_[entry];
        if (group == watched_ || ranges[i].size < ranges[group].size) group = i;
      }
    }
  }

  void visit(std::int64_t draws) {
    const torch::AutoGradMode record(true);
    const ForwardMode mode(model_, BatchNormMode::Evaluation);
    for (std::int64_t begin = 0; begin < examples_.size(); begin += chunk_) {
      context_.check();
      const auto batch = examples_.slice(begin, chunk_);
      const Recording recording(model_);
      const auto loss =
          torch::nn::functional::cross_entropy(model_.forward(batch.inputs), batch.targets,
                                               torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum));
      std::vector<Tensor> zeros;
      for (const auto& [layer, own] : layers_) zeros.push_back(layer->zeros());
      const auto gradient =
          torch::autograd::grad({loss / static_cast<double>(examples_.size())}, zeros, {}, true, true);
      for (std::int64_t draw = 1; draw <= draws; ++draw) {
        context_.check();
        add(begin, probe(zeros, gradient, draw < draws), static_cast<double>(draws_ + draw));
      }
      const double done = static_cast<double>(draws_) +
                          static_cast<double>(draws * (begin + batch.size())) / static_cast<double>(examples_.size());
      context_.report(done / static_cast<double>(options_.maxProbes));
    }
    draws_ += draws;
  }

  /// sᵀJᵀHJs of every entry (rows) and example.
  Tensor probe(const std::vector<Tensor>& zeros, const std::vector<Tensor>& gradient, bool keep) {
    std::vector<std::vector<Tensor>> changes;
    std::vector<Tensor> live, weights;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const auto& [layer, own] = layers_[i];
      changes.push_back(layer->randomChanges(generator_));
      if (!gradient[i].requires_grad()) continue;
      auto sum = changes[i][0] * lengths_[own[0]];
      for (std::size_t k = 1; k < own.size(); ++k) sum.add_(changes[i][k], lengths_[own[k]]);
      live.push_back(gradient[i]);
      weights.push_back(std::move(sum));
    }
    auto products = live.empty() ? std::vector<Tensor>(zeros.size())
                                 : torch::autograd::grad(live, zeros, weights, keep, false, true);
    std::vector<Tensor> values(lengths_.size());
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const auto& own = layers_[i].second;
      for (std::size_t k = 0; k < own.size(); ++k) {
        values[own[k]] =
            products[i].defined()
                ? (changes[i][k] * products[i]).flatten(1).sum(1).to(torch::kCPU, torch::kFloat64) / lengths_[own[k]]
                : torch::zeros({zeros[i].size(0)}, torch::kFloat64);
      }
    }
    return torch::stack(values);
  }

  /// Welford's step for the examples from `begin` on.
  void add(std::int64_t begin, const Tensor& values, double count) {
    const auto x = members_.mm(values);
    if (!std::isfinite(x.sum().item<double>())) throw productNotFinite();
    auto mean = mean_.narrow(1, begin, x.size(1)), squares = squares_.narrow(1, begin, x.size(1));
    const auto delta = x - mean;
    mean.add_(delta / count);
    const auto after = x - mean;
    squares.add_(delta * after);
    products_.add_(delta.mm(after.t()));
  }

  /// Examples are uncorrelated.
  TraceEstimate estimate(std::int64_t range) const {
    const auto draws = static_cast<double>(draws_);
    const auto own = squares_[range] / ((draws - 1) * draws);
    const double variance = own.sum().item<double>(), fourth = own.square().sum().item<double>();
    return drawnTrace(mean_[range].sum().item<double>(), variance, fourth, draws_);
  }

  /// Of the ranges; examples are uncorrelated in them, too.
  std::vector<double> correlations() const {
    const auto count = products_.size(0) - 1;
    const auto own = products_.narrow(0, 0, count).narrow(1, 0, count);
    const auto scale = own.diagonal().sqrt();
    const auto all = (own + own.t()) / 2 / scale.outer(scale);
    const auto matrix = torch::where(all.isfinite(), all, torch::zeros_like(all)).contiguous();
    matrix.fill_diagonal_(1);
    return {matrix.data_ptr<double>(), matrix.data_ptr<double>() + matrix.numel()};
  }

  /// A probe's length enters a layer's value only by what the blocks between it and the others add to it: ℓₖ / ℓ times
  /// their noise. Lengths of 1 / √trace share the relative error out to begin with; then those that settle slowly get
  /// more. No length changes a mean, so that all draws count alike.
  void balance() {
    if (watched_ == 0) return;
    std::vector<double> traces, errors;
    for (std::size_t g = 0; g < watched_; ++g) {
      const auto e = estimate(static_cast<std::int64_t>(g));
      traces.push_back(std::max(std::abs(e.trace), e.standardError));
      errors.push_back(traces[g] > 0 ? e.standardError / traces[g] : 0);
    }
    // What nobody watches counts in the whole alone.
    const auto whole = estimate(mean_.size(0) - 1);
    traces.push_back(std::max(std::abs(whole.trace), whole.standardError));
    const double largest = *std::max_element(traces.begin(), traces.end());
    if (draws_ > kPilot) {
      auto sorted = errors;
      std::sort(sorted.begin(), sorted.end());
      const double median = sorted[sorted.size() / 2];
      for (std::size_t g = 0; g < watched_; ++g) {
        if (errors[g] > 0 && median > 0)
          shares_[g] = std::clamp(shares_[g] * std::sqrt(errors[g] / median), 1.0 / 4, 4.0);
      }
    }
    // A trace near zero must not drown the others.
    constexpr double narrowest = 1e-3;
    for (std::size_t i = 0; i < lengths_.size(); ++i) {
      const auto g = groupOf_[i];
      lengths_[i] = largest > 0 ? shares_[g] / std::sqrt(std::max(traces[g] / largest, narrowest)) : 1;
    }
  }

  double neededDraws() const {
    double needed = static_cast<double>(kFewest);
    for (std::int64_t i = 0; i < mean_.size(0); ++i) {
      if (i >= static_cast<std::int64_t>(watched_) && i + 1 < mean_.size(0)) continue;
      needed = std::max(needed, drawsNeeded(estimate(i), options_.tolerance, draws_));
    }
    return needed;
  }

  Model& model_;
  const Examples& examples_;
  const TraceOptions& options_;
  const Context& context_;
  std::int64_t chunk_, draws_ = 0;
  at::Generator generator_;
  std::size_t watched_;
  std::vector<LayerEntries> layers_;
  std::vector<std::size_t> groupOf_;  ///< of each entry
  std::vector<double> lengths_;       ///< of each entry's probe
  std::vector<double> shares_;        ///< of each group: more than 1/√trace
  Tensor members_;                    ///< ranges and the whole × entries, 0 or 1
  Tensor mean_, squares_;             ///< ranges and the whole × examples
  Tensor products_;                   ///< of deviations, ranges and the whole²
};

}  // namespace

std::string layerTraceObstacle(const Model& model, const CurvatureOptions& options, const std::vector<Range>& ranges) {
  if (options.kind != CurvatureKind::Hessian) return "it is not the Hessian";
  if (options.loss || !options.layers.empty()) return "it is not the mean cross-entropy by all parameters";
  if (options.batchNorm == BatchNormMode::Training) return "batch statistics tie the examples of a batch together";
  if (options.differences) return "it has no second derivative";
  std::vector<bool> covered(model.parameters().entries().size(), false);
  for (const auto* layer : model.affineLayers()) {
    for (const auto& parameter : layer->parameters(false)) {
      const auto entry = entryOf(model, parameter);
      if (!entry || covered[*entry]) return "layers share parameters";
      covered[*entry] = true;
    }
  }
  const auto missing = std::find(covered.begin(), covered.end(), false);
  if (missing != covered.end())
    return "no layer that is affine in its parameters has " +
           model.parameters().entries()[static_cast<std::size_t>(missing - covered.begin())].name;
  for (const auto& range : ranges) {
    if (entriesIn(model, range).empty()) return "a range begins or ends within a tensor";
  }
  return {};
}

TraceEstimates estimateTracesAtLayers(Model& model, const Examples& examples, const CurvatureOptions& curvature,
                                      const std::vector<Range>& ranges, const TraceOptions& options,
                                      const Context& context) {
  const auto start = std::chrono::steady_clock::now();
  useFastDoubleBackward();
  auto result = withFewerAtOnce(chunkSize(model, curvature), "traces", context, [&](std::int64_t atOnce) {
    auto smaller = curvature;
    smaller.batchSize = atOnce;
    return LayerTraces(model, examples, smaller, ranges, options, context).run();
  });
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace eigenscape
