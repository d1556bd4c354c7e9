// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/output_trace.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <optional>
#include <set>

#include "core/curvature/drawn_trace.h"
#include "core/curvature/graphs.h"
#include "core/curvature/memory.h"
#include "core/curvature/recording.h"
#include "core/curvature/trace_correlation.h"
#include "core/model/random_signs.h"

namespace eigenscape {

namespace {

/// Examples whose signs meet in one square. Smaller groups vary less, until a pass costs more than a large batch's.
std::int64_t groupSize(const Model& model, const CurvatureOptions& options) {
  return std::min<std::int64_t>(options.batchSize, model.device().is_cuda() ? 128 : 16);
}

/// The layers, where they hold every parameter and can square each example's gradient without making it, as linear ones
/// can, and where no range cuts a tensor, of whose parts they do not tell; else none. One example's forward pass bears
/// out that no layer is used twice, or by rows.
std::vector<LayerEntries> squaringLayers(Model& model, const Examples& examples, const std::vector<Range>& ranges) {
  for (const auto& entry : model.parameters().entries()) {
    const auto inside = [&](std::int64_t at) { return at > entry.offset && at < entry.offset + entry.size; };
    for (const auto& range : ranges) {
      if (inside(range.offset) || inside(range.offset + range.size)) return {};
    }
  }
  auto layers = layerEntries(model);
  std::size_t entries = 0;
  for (const auto& [layer, own] : layers) entries += own.size();
  if (layers.empty() || entries != model.parameters().entries().size()) return {};
  const torch::NoGradGuard noGrad;
  const ForwardMode mode(model, BatchNormMode::Evaluation);
  const Recording recording(model);
  try {
    model.forward(examples.first(1).inputs);
  } catch (const c10::Error&) {
    return {};
  }
  const bool all = std::all_of(layers.begin(), layers.end(), [](const LayerEntries& layer) {
    return layer.first->zeros().defined() && !layer.first->squaredGradients(layer.first->zeros()).empty();
  });
  return all ? layers : std::vector<LayerEntries>();
}

/// The parts of one parameter tensor that ranges begin and end between.
struct Atom {
  std::size_t tensor;
  std::int64_t begin, size;  ///< in the tensor
};

class OutputTraces {
 public:
  OutputTraces(Model& model, const Examples& examples, const CurvatureOptions& curvature,
               const std::vector<Range>& ranges, const std::vector<LayerEntries>& layers, const TraceOptions& options,
               const Context& context)
      : model_(model),
        examples_(examples),
        layers_(layers),
        kind_(curvature.kind),
        options_(options),
        context_(context),
        group_(groupSize(model, curvature)),
        step_(layers.empty() ? group_ : std::max<std::int64_t>(curvature.batchSize / group_, 1) * group_),
        generator_(at::detail::createCPUGenerator(options.seed)),
        watched_(options.watched < 0 ? ranges.size()
                                     : std::min(ranges.size(), static_cast<std::size_t>(options.watched))),
        shares_(ranges.size() + 1, std::vector<DrawnShare>(static_cast<std::size_t>(groups()))),
        correlation_(ranges.size()) {
    cut(ranges);
  }

  TraceEstimates run() {
    TraceEstimates result;
    result.converged = drawUntilKnown(
        groups(), options_.maxProbes, draws_, [this](std::int64_t draws) { visit(draws); },
        [this] { return neededDraws(); });
    for (std::size_t i = 0; i + 1 < shares_.size(); ++i) result.ranges.push_back(estimate(i));
    result.whole = estimate(shares_.size() - 1);
    result.correlations = correlation_.matrix();
    result.squaredFrobenius = {std::nan(""), std::nan("")};
    result.products = result.probes = draws_;
    result.method = "outputs";
    return result;
  }

 private:
  std::int64_t groups() const { return (examples_.size() + group_ - 1) / group_; }

  /// Cuts the tensors where a range begins or ends, so that each number is squared once.
  void cut(const std::vector<Range>& ranges) {
    std::set<std::int64_t> cuts;
    for (const auto& range : ranges) cuts.insert({range.offset, range.offset + range.size});
    std::vector<std::int64_t> offsets;  // of atoms
    std::int64_t offset = 0;
    const auto& tensors = model_.parameters().tensors();
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const auto end = offset + tensors[i].numel();
      for (auto begin = offset; begin < end;) {
        const auto next = cuts.upper_bound(begin);
        const auto stop = next == cuts.end() ? end : std::min(*next, end);
        offsets.push_back(begin);
        atoms_.push_back({i, begin - offset, stop - begin});
        begin = stop;
      }
      offset = end;
    }
    const auto atomAt = [&](std::int64_t at) {
      return static_cast<std::size_t>(std::lower_bound(offsets.begin(), offsets.end(), at) - offsets.begin());
    };
    for (const auto& range : ranges) spans_.emplace_back(atomAt(range.offset), atomAt(range.offset + range.size));
    spans_.emplace_back(0, atoms_.size());
  }

  void visit(std::int64_t draws) {
    const torch::AutoGradMode record(true);
    for (std::int64_t begin = 0; begin < examples_.size(); begin += step_) {
      const auto batch = examples_.slice(begin, step_);
      const ForwardMode mode(model_, BatchNormMode::Evaluation);
      std::optional<Recording> recording;
      if (!layers_.empty()) recording.emplace(model_);
      const auto outputs = model_.forward(batch.inputs);
      for (std::int64_t draw = 1; draw <= draws; ++draw) {
        context_.check();
        const auto root = signedRoot(outputs.detach(), batch.targets, kind_, generator_);
        const bool keep = draw < draws;
        add(static_cast<std::size_t>(begin / group_),
            layers_.empty() ? squaresOfGroup(outputs, root, keep) : squaresOfExamples(outputs, root, keep),
            static_cast<double>(draws_ + draw));
      }
      const double done = static_cast<double>(draws_) +
                          static_cast<double>(draws * (begin + batch.size())) / static_cast<double>(examples_.size());
      context_.report(done / static_cast<double>(options_.maxProbes));
    }
    draws_ += draws;
  }

  /// Of every atom, for one group: a column.
  torch::Tensor squaresOfGroup(const torch::Tensor& outputs, const torch::Tensor& root, bool keep) const {
    const auto pulled = torch::autograd::grad({outputs}, model_.parameters().tensors(), {root}, keep, false, true);
    // Asked for together: a GPU is waited for once and not for each.
    std::vector<torch::Tensor> parts;
    const auto zero = torch::zeros({}, torch::TensorOptions(model_.device()).dtype(model_.type()));
    for (const auto& atom : atoms_) {
      if (!pulled[atom.tensor].defined()) {
        parts.push_back(zero);
        continue;
      }
      const auto part = pulled[atom.tensor].reshape({-1}).narrow(0, atom.begin, atom.size);
      parts.push_back(part.dot(part));
    }
    return torch::stack(parts).to(torch::kCPU, torch::kFloat64).unsqueeze(1);
  }

  /// Of every atom and each group among the batch. Examples do not meet in a square, and no gradient by the parameters
  /// is made: a perceptron's is as large as its weights, and memory is slow.
  torch::Tensor squaresOfExamples(const torch::Tensor& outputs, const torch::Tensor& root, bool keep) const {
    std::vector<torch::Tensor> zeros, parts(atoms_.size());
    for (const auto& [layer, own] : layers_) zeros.push_back(layer->zeros());
    const auto pulled = torch::autograd::grad({outputs}, zeros, {root}, keep, false, true);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const auto& [layer, own] = layers_[i];
      const auto squares = layer->squaredGradients(pulled[i].defined() ? pulled[i] : torch::zeros_like(zeros[i]));
      for (std::size_t k = 0; k < own.size(); ++k) parts[own[k]] = squares[k];
    }
    std::vector<torch::Tensor> groups;
    for (const auto& group : torch::stack(parts).to(torch::kCPU, torch::kFloat64).split(group_, 1))
      groups.push_back(group.sum(1));
    return torch::stack(groups, 1);
  }

  /// `squares`: float64, atoms × groups from `first` on.
  void add(std::size_t first, const torch::Tensor& squares, double count) {
    const auto columns = squares.t().contiguous();
    const auto rows = columns.size(1);
    for (std::int64_t column = 0; column < columns.size(0); ++column) {
      const double* square = columns.data_ptr<double>() + column * rows;
      const auto group = first + static_cast<std::size_t>(column);
      for (std::size_t i = 0; i < spans_.size(); ++i) {
        const double sum = std::accumulate(square + spans_[i].first, square + spans_[i].second, 0.0);
        const auto [before, after] = shares_[i][group].add(sum / static_cast<double>(examples_.size()), count);
        if (i + 1 < spans_.size()) correlation_.set(i, before, after);
      }
      correlation_.end();
      if (!std::isfinite(shares_.back()[group].mean)) throw productNotFinite();
    }
  }

  TraceEstimate estimate(std::size_t range) const { return drawnTrace(shares_[range], draws_); }

  double neededDraws() const {
    double needed = 0;
    for (std::size_t i = 0; i < shares_.size(); ++i) {
      if (i >= watched_ && i + 1 < shares_.size()) continue;
      needed = std::max(needed, drawsNeeded(estimate(i), options_.tolerance, draws_));
    }
    return needed;
  }

  Model& model_;
  const Examples& examples_;
  const std::vector<LayerEntries>&
      layers_;  ///< that square each example's gradients; empty: groups' gradients are made
  CurvatureKind kind_;
  const TraceOptions& options_;
  const Context& context_;
  std::int64_t group_, step_, draws_ = 0;  ///< examples of a group and of a forward pass
  at::Generator generator_;
  std::size_t watched_;
  std::vector<Atom> atoms_;
  std::vector<std::pair<std::size_t, std::size_t>> spans_;  ///< first and last atom of each range, then of the whole
  std::vector<std::vector<DrawnShare>> shares_;             ///< of each range, then of the whole, by group
  TraceCorrelation correlation_;                            ///< of the ranges
};

/// The ranges that lie in no other one, and the tensors that lie in no range: every parameter is in one of them.
std::vector<Range> coveringBlocks(const Model& model, const std::vector<Range>& ranges) {
  const auto inside = [](const Range& a, const Range& b) {
    return a.offset >= b.offset && a.offset + a.size <= b.offset + b.size;
  };
  std::vector<Range> blocks;
  const auto covered = [&](const Range& range) {
    return std::any_of(blocks.begin(), blocks.end(), [&](const Range& block) { return inside(range, block); });
  };
  auto sorted = ranges;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Range& a, const Range& b) { return a.size > b.size; });
  for (const auto& range : sorted) {
    if (!covered(range)) blocks.push_back(range);
  }
  for (const auto& entry : model.parameters().entries()) {
    if (!covered({entry.offset, entry.size})) blocks.push_back({entry.offset, entry.size});
  }
  return blocks;
}

/// Moves the weights to random ones near the present ones, and back in the end.
class Elsewhere {
 public:
  template <class Draw>
  Elsewhere(Model& model, Draw&& draw) : model_(model), home_(model.parameters().flatten()) {
    std::vector<torch::Tensor> moved;
    for (const auto& tensor : model.parameters().tensors()) {
      const auto size = tensor.detach().pow(2).mean().sqrt() + 0.01;
      moved.push_back((tensor.detach() + size * draw(tensor)).flatten());
    }
    model.parameters().assign(torch::cat(moved));
  }
  ~Elsewhere() { model_.parameters().assign(home_); }
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;

 private:
  Model& model_;
  torch::Tensor home_;
};

/// The first parameter of a block in whose parameters alone some output is curved; empty: there is none.
std::string curvedBlock(Model& model, const Examples& examples, std::uint64_t seed, const std::vector<Range>& blocks,
                        const Context& context) {
  constexpr std::int64_t few = 4;
  // Of the gradient, for a move as long as the weights: what would multiply the move is not there to begin with, and
  // rounding alone is left.
  const double tolerance = model.type() == torch::kFloat64 ? 1e-9 : 1e-4;
  auto generator = at::detail::createCPUGenerator(seed);
  const auto drawn = [&](const torch::Tensor& like) {
    return torch::rand(like.sizes(), generator, torch::kFloat32).sub_(0.5).to(like.device(), like.scalar_type());
  };
  // What is linear is so for any weights; at the present ones a block may be dead, or zero.
  const Elsewhere elsewhere(model, drawn);
  const torch::AutoGradMode record(true);
  const ForwardMode mode(model, BatchNormMode::Evaluation);
  const auto outputs = model.forward(examples.first(few).inputs);
  const auto& entries = model.parameters().entries();
  const auto gradient =
      torch::autograd::grad({(outputs * drawn(outputs)).sum()}, model.parameters().tensors(), {}, true, true, true);
  for (const auto& block : blocks) {
    context.check();
    std::vector<torch::Tensor> parameters, pulled, moves;
    std::string name;
    double gradients = 0, weights = 0, lengths = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const bool inside =
          entries[i].offset < block.offset + block.size && entries[i].offset + entries[i].size > block.offset;
      if (!inside || !gradient[i].defined()) continue;
      if (name.empty()) name = entries[i].name;
      parameters.push_back(model.parameters().tensors()[i]);
      weights += parameters.back().detach().pow(2).sum().item<double>();
      gradients += gradient[i].detach().pow(2).sum().item<double>();
      if (!gradient[i].requires_grad()) continue;
      pulled.push_back(gradient[i]);
      moves.push_back(drawn(gradient[i]));
      lengths += moves.back().pow(2).sum().item<double>();
    }
    // What is not finite tells nothing of the network.
    if (!std::isfinite(gradients)) throw productNotFinite();
    if (!(gradients > 0)) return name.empty() ? model.parameters().entries().front().name : name;
    if (pulled.empty()) continue;
    double change = 0;
    for (const auto& part : torch::autograd::grad(pulled, parameters, moves, true, false, true)) {
      if (part.defined()) change += part.pow(2).sum().item<double>();
    }
    if (!(change * weights <= tolerance * tolerance * gradients * lengths)) return name;
  }
  return {};
}

}  // namespace

torch::Tensor signedRoot(const torch::Tensor& outputs, const torch::Tensor& targets, CurvatureKind kind,
                         at::Generator& generator) {
  const auto p = torch::softmax(outputs, 1);
  const bool perOutput = kind != CurvatureKind::Fisher;
  const auto signs = randomSigns({p.size(0), perOutput ? p.size(1) : 1}, generator, p.device(), p.scalar_type());
  if (!perOutput) return (p - torch::one_hot(targets, p.size(1))) * signs;
  // diag(p) − ppᵀ = SSᵀ with S = diag(√p) − p√pᵀ.
  const auto along = p.sqrt() * signs;
  return along - p * along.sum(1, true);
}

std::string outputTraceObstacle(Model& model, const Examples& examples, const CurvatureOptions& options,
                                const std::vector<Range>& ranges, const Context& context) {
  if (options.kind == CurvatureKind::SampledFisher) return "a Fisher matrix of drawn labels is no sum over outputs";
  if (options.loss || !options.layers.empty()) return "it is not the mean cross-entropy by all parameters";
  if (options.batchNorm == BatchNormMode::Training) return "batch statistics tie the examples of a batch together";
  if (options.kind != CurvatureKind::Hessian) return {};
  if (options.differences) return "its backward pass cannot be differentiated, so that it cannot be tested";
  try {
    const auto name = curvedBlock(model, examples, options.seed, coveringBlocks(model, ranges), context);
    return name.empty() ? std::string() : "the outputs are not piecewise linear in " + name;
  } catch (const c10::Error& error) {
    if (isOutOfMemory(error)) return "memory ran out in the test whether the network is piecewise linear";
    return "the network has no second derivative, so that it cannot be seen whether it is piecewise linear";
  }
}

TraceEstimates estimateTracesFromOutputs(Model& model, const Examples& examples, const CurvatureOptions& curvature,
                                         const std::vector<Range>& ranges, const TraceOptions& options,
                                         const Context& context) {
  const auto start = std::chrono::steady_clock::now();
  const auto layers = squaringLayers(model, examples, ranges);
  const auto most = layers.empty() ? groupSize(model, curvature) : curvature.batchSize;
  auto result = withFewerAtOnce(most, "traces", context, [&](std::int64_t atOnce) {
    auto smaller = curvature;
    smaller.batchSize = atOnce;
    return OutputTraces(model, examples, smaller, ranges, layers, options, context).run();
  });
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace eigenscape
