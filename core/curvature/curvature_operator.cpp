// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/curvature_operator.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/curvature/double_backward.h"
#include "core/curvature/graphs.h"
#include "core/curvature/memory.h"
#include "core/model/activations.h"
#include "core/model/device.h"

namespace eigenscape {

namespace {

/// Examples on which the probe looks, and on which it is tried whether a second derivative is to be had.
constexpr std::int64_t kProbeExamples = 16, kTrialExamples = 4;

/// For graphs that are kept: a share of what is free, larger on a GPU, which others seldom wait for. Where nothing
/// tells how much that is, a size that every GPU of today has.
std::int64_t defaultGraphMemory(const torch::Device& device) {
  if (!device.is_cuda()) return freeMemory() / 4;
  // Of the first time: what LibTorch keeps of an operator's graphs counts as in use, though the next one can have it.
  static const auto free = deviceMemory(device).free;
  return free > 0 ? free / 3 * 2 : std::int64_t{4} << 30;
}

/// That this process holds on a CPU, and all processes on a GPU; 0 when the system does not say.
std::int64_t memoryInUse(const torch::Device& device) {
  return device.is_cuda() ? deviceMemory(device).inUse : residentMemory();
}

/// An estimate of what a kept graph takes: the activations of each weight layer are saved by the forward pass, by the
/// backward pass and by the ReLU and sum between, about six times in all (measured on ResNet-20).
std::int64_t graphBytesPerExample(const Model& model, std::int64_t inputElements) {
  constexpr std::int64_t copies = 6;
  const auto activations = activationBytes(model);
  const auto input = inputElements * static_cast<std::int64_t>(c10::elementSize(model.type()));
  return copies * std::accumulate(activations.begin(), activations.end(), input);
}

/// Most examples at once for which the passes over an activation find it in a processor's cache: of ResNet-20's 64,
/// with which a product takes three quarters of the time that it takes with 256. The oneDNN of LibTorch 1.x is the
/// faster the more it is given.
std::int64_t examplesInCache(const Model& model) {
  constexpr std::int64_t all = std::numeric_limits<std::int64_t>::max(), cache = std::int64_t{4} << 20;
  return TORCH_VERSION_MAJOR < 2 ? all : examplesWithin(cache, model);
}

torch::Tensor crossEntropy(const torch::Tensor& outputs, const torch::Tensor& targets) {
  return torch::nn::functional::cross_entropy(outputs, targets,
                                              torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum));
}

/// Sums of products, parameter by parameter: in the layout that derivatives come in, and joined once and not by batch.
class PieceSum {
 public:
  explicit PieceSum(std::size_t count) : pieces_(count), ours_(count) {}
  void add(const std::vector<torch::Tensor>& more) {
    const torch::NoGradGuard noGrad;
    for (std::size_t i = 0; i < more.size(); ++i) {
      if (!more[i].defined()) continue;
      if (!pieces_[i].defined()) {
        pieces_[i] = more[i];
      } else if (ours_[i]) {
        pieces_[i].add_(more[i]);
      } else {
        // Not in place: what autograd returned may be a view of something else.
        pieces_[i] = pieces_[i] + more[i];
        ours_[i] = true;
      }
    }
  }
  const std::vector<torch::Tensor>& pieces() const { return pieces_; }

 private:
  std::vector<torch::Tensor> pieces_;
  std::vector<bool> ours_;
};

ParameterSubset subsetOf(const Model& model, const CurvatureOptions& options) {
  return options.layers.empty() ? ParameterSubset(model.parameters())
                                : ParameterSubset(model.parameters(), options.layers);
}

}  // namespace

CurvatureOperator::CurvatureOperator(Model& model, const Examples& examples, CurvatureOptions options, Context context)
    : model_(model),
      subset_(subsetOf(model, options)),
      examples_(examples),
      options_(std::move(options)),
      context_(std::move(context)) {
  options_.batchSize = std::clamp<std::int64_t>(options_.batchSize, 1, std::max<std::int64_t>(examples_.size(), 1));
  // With batch statistics the batch size is part of the objective.
  if (options_.batchNorm == BatchNormMode::Evaluation)
    options_.batchSize = std::min(options_.batchSize, examplesInCache(model_));
  if (options_.graphMemory <= 0) options_.graphMemory = defaultGraphMemory(model_.device());
  if (!options_.loss) options_.loss = crossEntropy;
  if (options_.kind == CurvatureKind::SampledFisher) {
    // Drawn once and by example, so that neither the batch size nor a graph made anew changes a label.
    auto generator = at::detail::createCPUGenerator(options_.seed);
    draws_ = torch::rand({examples_.size(), std::max<std::int64_t>(options_.labelsPerExample, 1)}, generator,
                         torch::kFloat64);
  }
  useFastDoubleBackward();
}

CurvatureOperator::~CurvatureOperator() = default;

std::int64_t CurvatureOperator::dimension() const {
  return subset_.dimension();
}
torch::Device CurvatureOperator::device() const {
  return model_.device();
}
torch::ScalarType CurvatureOperator::type() const {
  return model_.type();
}
std::int64_t CurvatureOperator::keptBatches() const {
  return static_cast<std::int64_t>(kept_.size());
}
std::int64_t CurvatureOperator::batches() const {
  return (examples_.size() + options_.batchSize - 1) / options_.batchSize;
}

torch::Tensor CurvatureOperator::drawnLabels(const torch::Tensor& outputs, std::int64_t first) const {
  const auto cumulative = torch::softmax(outputs.to(torch::kFloat64), 1).cumsum(1);
  const auto uniform = draws_.narrow(0, first, outputs.size(0)).to(outputs.device());
  return torch::searchsorted(cumulative.contiguous(), uniform.contiguous()).clamp_max(outputs.size(1) - 1);
}

std::unique_ptr<CurvatureOperator::Graph> CurvatureOperator::differentiate(const Examples& batch,
                                                                           std::int64_t first) const {
  const torch::AutoGradMode record(true);
  if (options_.differences) return std::make_unique<DifferenceGraph>(*this, batch, first, differenceStep_);
  if (options_.kind == CurvatureKind::Hessian) return std::make_unique<HessianGraph>(*this, batch);
  return std::make_unique<JacobianGraph>(*this, batch, first);
}

std::unique_ptr<CurvatureOperator::Graph> CurvatureOperator::graphOf(std::int64_t batch) const {
  context_.check();
  const auto first = batch * options_.batchSize;
  return differentiate(examples_.slice(first, options_.batchSize), first);
}

template <class Work>
auto CurvatureOperator::withinMemory(Work&& work) {
  while (true) {
    try {
      return work();
    } catch (const std::exception& error) {
      if (!isOutOfMemory(error)) throw;
      makeRoom(error);
    }
  }
}

/// First fewer graphs are kept, then batches get smaller.
void CurvatureOperator::makeRoom(const std::exception& error) {
  if (kept_.size() > 1 || (kept_.size() == 1 && batches() > 1)) {
    keepAtMost_ = keptBatches() / 2;
    kept_.resize(static_cast<std::size_t>(keepAtMost_));
    context_.say("memory ran out: the graphs of " + std::to_string(keepAtMost_) + " of " + std::to_string(batches()) +
                 " batches are kept from now on");
    return;
  }
  kept_.clear();
  prepared_ = false;
  if (options_.batchSize <= 1 || options_.batchNorm == BatchNormMode::Training) {
    throw RunError(std::string("memory ran out at curvature.batch_size = ") + std::to_string(options_.batchSize) +
                   "; use fewer threads, another device, or a smaller model (" +
                   std::string(error.what()).substr(0, 120) + ")");
  }
  options_.batchSize = (options_.batchSize + 1) / 2;
  keepAtMost_ = 1;
  context_.say("memory ran out: curvature.batch_size is " + std::to_string(options_.batchSize) + " from now on");
}

void CurvatureOperator::prepare() {
  if (prepared_) return;
  chooseProduct();
  withinMemory([this] { tryPrepare(); });
}

void CurvatureOperator::tryPrepare() {
  kept_.clear();
  loss_ = 0;
  const auto inputElements = examples_.size() > 0 ? examples_.inputs[0].numel() : 0;
  const auto estimate = options_.batchSize * graphBytesPerExample(model_, inputElements);
  const auto atFirst = memoryInUse(device());
  gradient_ = torch::zeros({dimension()}, torch::TensorOptions(device()).dtype(type()));
  for (std::int64_t batch = 0; batch < batches(); ++batch) {
    auto graph = graphOf(batch);
    gradient_ += subset_.flatten(graph->gradient);
    loss_ += graph->loss;
    // One batch is kept unless memory ran out: its graph has to be made for every product anyway. Of further ones the
    // memory that they really took decides, where the system tells it; freed memory that was taken again does not show
    // there. Only the first batches are kept, so that a product knows which to make anew.
    const auto have = keptBatches();
    if (have < batch) continue;
    const auto measured = atFirst > 0 ? memoryInUse(device()) - atFirst : 0;
    const bool fits = std::max(measured, estimate * (have + 1) / (atFirst > 0 ? 3 : 1)) <= options_.graphMemory;
    if ((have == 0 && keepAtMost_ != 0) || (fits && (keepAtMost_ < 0 || have < keepAtMost_)))
      kept_.push_back(std::move(graph));
  }
  prepared_ = true;
}

torch::Tensor CurvatureOperator::gradient() {
  prepare();
  return gradient_;
}

double CurvatureOperator::loss() {
  prepare();
  return loss_;
}

torch::Tensor CurvatureOperator::multiply(const torch::Tensor& vector) {
  const auto pieces = subset_.unflatten(vector.detach().to(device(), type()));
  return withinMemory([&] {
    prepare();  // after memory ran out, too
    return tryMultiply(pieces);
  });
}

torch::Tensor CurvatureOperator::tryMultiply(const std::vector<torch::Tensor>& pieces) {
  PieceSum sum(pieces.size());
  for (const auto& graph : kept_) {
    context_.check();
    sum.add(graph->multiply(pieces, true));
  }
  for (auto batch = keptBatches(); batch < batches(); ++batch) sum.add(graphOf(batch)->multiply(pieces, false));
  return subset_.flatten(sum.pieces());
}

struct CurvatureOperator::Difference {
  torch::Tensor product;  ///< in double
  double step = 0;
  double error = std::numeric_limits<double>::infinity();  ///< between this step and the next longer one, relative
};

/// The step at which two lengths agree best.
CurvatureOperator::Difference CurvatureOperator::bestDifference(const Examples& few,
                                                                const std::vector<torch::Tensor>& pieces) const {
  const torch::AutoGradMode record(true);
  const double precision = type() == torch::kFloat64 ? std::numeric_limits<double>::epsilon()
                                                     : static_cast<double>(std::numeric_limits<float>::epsilon());
  double length = 1;
  for (const auto& tensor : subset_.tensors()) length += tensor.detach().pow(2).sum().item<double>();
  double step = std::cbrt(precision) * std::sqrt(length);
  Difference best;
  torch::Tensor before;
  for (int i = 0; i < 5; ++i, step /= 4) {
    context_.check();
    const auto product =
        subset_.flatten(DifferenceGraph(*this, few, 0, step).multiply(pieces, false)).to(torch::kFloat64);
    const double norm = product.norm().item<double>();
    if (before.defined()) {
      const double error = norm > 0 ? ((product - before).norm() / norm).item<double>() : 0;
      if (error < best.error) best = {product, step, error};
    }
    before = product;
  }
  if (!best.product.defined()) best.product = before;
  return best;
}

void CurvatureOperator::takeDifferences(const Difference& difference, const std::string& reason) {
  options_.differences = true;
  differenceStep_ = difference.step;
  differenceError_ = difference.error;
  kept_.clear();
  prepared_ = false;
  char text[32];
  std::snprintf(text, sizeof text, "%.1e", differenceError_);
  context_.say(reason + ": products are central differences of gradients; their relative error is about " + text);
}

/// Tries a product on a few examples. Where the second derivative is not to be had, central differences take over.
void CurvatureOperator::chooseProduct() {
  if (chosen_ || examples_.size() == 0) return;
  chosen_ = true;
  const auto few = examples_.first(kTrialExamples);
  auto generator = at::detail::createCPUGenerator(options_.seed + 1);
  const auto v = torch::randn({dimension()}, generator, torch::kFloat32).to(device(), type());
  const auto pieces = subset_.unflatten(v / v.norm());
  if (options_.differences) {
    takeDifferences(bestDifference(few, pieces), "as asked for");
    return;
  }
  try {
    differentiate(few, 0)->multiply(pieces, false);
  } catch (const c10::Error& error) {
    if (isOutOfMemory(error)) return;
    const std::string reason = error.what_without_backtrace();
    takeDifferences(bestDifference(few, pieces),
                    "this model has no second derivative (" + reason.substr(0, reason.find('\n')).substr(0, 160) + ")");
  }
}

ProbeResult CurvatureOperator::probe() {
  ProbeResult result;
  if (examples_.size() == 0 || dimension() == 0) return result;
  chooseProduct();
  const auto few = examples_.first(std::min(kProbeExamples, options_.batchSize));
  auto generator = at::detail::createCPUGenerator(options_.seed + 2);
  const auto draw = [&] {
    const auto v = torch::randn({dimension()}, generator, torch::kFloat32).to(device(), type());
    return v / v.norm();
  };
  const auto u = draw(), v = draw();
  const auto product = [&](const torch::Tensor& x) {
    context_.check();
    return subset_.flatten(differentiate(few, 0)->multiply(subset_.unflatten(x), false)).to(torch::kFloat64);
  };
  const auto av = product(v), again = product(v), au = product(u);
  const double norm = std::max(av.norm().item<double>(), au.norm().item<double>());
  result.repetition = norm > 0 ? (av - again).norm().item<double>() / norm : 0;
  result.asymmetry =
      norm == 0
          ? 0
          : std::abs(u.to(torch::kFloat64).dot(av).item<double>() - v.to(torch::kFloat64).dot(au).item<double>()) /
                norm;
  if (!options_.differences) {
    const auto difference = bestDifference(few, subset_.unflatten(v));
    const double unit = difference.product.norm().item<double>();
    result.mismatch = unit > 0 ? (av - difference.product).norm().item<double>() / unit : norm > 0 ? 1 : 0;
    // Far beyond what kinks of a ReLU and rounding do to a difference that two steps agree on.
    if (result.repetition < 1e-4 && difference.error < 0.05 && result.mismatch > 0.3) {
      takeDifferences(difference, "the backward pass of this model keeps no complete graph");
    }
  }
  const double exact = type() == torch::kFloat64 ? 1e-9 : 1e-4;
  const double tolerance = options_.differences ? std::max(exact, 10 * differenceError_) : exact;
  if (result.repetition > tolerance || result.asymmetry > tolerance) {
    std::string names;
    for (const auto& name : model_.randomLayers()) names += (names.empty() ? "" : ", ") + name;
    char numbers[96];
    std::snprintf(numbers, sizeof numbers, "two products of one vector differ by %.1e, uᵀAv and vᵀAu by %.1e",
                  result.repetition, result.asymmetry);
    result.warning = std::string(result.repetition > tolerance ? "the operator is not deterministic: "
                                                               : "the operator is not symmetric: ") +
                     numbers + (names.empty() ? std::string() : "; layers that draw random numbers: " + names) +
                     "; eigenvalues and traces of it mean little";
  }
  return result;
}

}  // namespace eigenscape
