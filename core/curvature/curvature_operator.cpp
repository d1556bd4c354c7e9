// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/curvature_operator.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <mutex>
#include <utility>

#include "core/curvature/double_backward.h"
#include "core/curvature/graphs.h"
#include "core/curvature/memory.h"
#include "core/model/activations.h"
#include "core/model/device.h"

namespace eigenscape {

namespace {

/// Examples on which the probe looks, and on which it is tried whether a second derivative is to be had.
constexpr std::int64_t kProbeExamples = 16, kTrialExamples = 4;

/// For graphs, where `asked` is 0: a share of what is free, larger on a GPU, which others seldom wait for. Where
/// nothing tells how much that is, a size that every computer and every GPU of today has. On a CPU no more than half of
/// it, the vectors of a solver being the other claim: beyond what there is, the system ends a process without a word,
/// and libraries crash.
std::int64_t graphMemory(std::int64_t asked, const torch::Device& device) {
  if (!device.is_cuda()) {
    const auto free = freeMemory();
    if (free < 0) return asked > 0 ? asked : std::int64_t{1} << 30;
    const auto share = std::max((asked > 0 ? 2 : 1) * (free / 4), std::int64_t{1} << 20);
    return asked > 0 ? std::min(asked, share) : share;
  }
  if (asked > 0) return asked;
  // Of the first time: what LibTorch keeps of an operator's graphs counts as in use, though the next one can have it.
  static std::mutex guard;
  static std::map<c10::DeviceIndex, std::int64_t> firstFree;
  const std::lock_guard<std::mutex> lock(guard);
  const auto [found, isNew] = firstFree.try_emplace(device.index(), 0);
  if (isNew) found->second = deviceMemory(device).free;
  return found->second > 0 ? found->second / 3 * 2 : std::int64_t{4} << 30;
}

/// To two digits: what is free changes from one operator to the next, and each says the same then.
std::string mebibytes(std::int64_t bytes) {
  const double size = static_cast<double>(bytes) / (1 << 20);
  const double unit = std::pow(10, std::floor(std::log10(std::max(size, 1e-6))) - 1);
  char text[32];
  std::snprintf(text, sizeof text, "%.6g MiB", std::round(size / unit) * unit);
  return text;
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
  const auto asked = std::exchange(options_.graphMemory, graphMemory(options_.graphMemory, model_.device()));
  if (asked > options_.graphMemory) {
    context_.say("curvature.memory = " + std::to_string(asked >> 20) + " is more than half of what is free: it is " +
                 mebibytes(options_.graphMemory) + " from now on");
  }
  keepMemory_ = options_.graphMemory;
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

bool CurvatureOperator::releaseMemory() {
  if (kept_.empty()) return false;
  context_.say("memory ran out beside the graphs of " + std::to_string(keptBatches()) + " of " +
               std::to_string(batches()) + " batches: none is kept from now on, and products take longer");
  kept_.clear();
  keptMemory_ = 0;
  keepAtMost_ = 0;
  return true;
}

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
auto CurvatureOperator::withinMemory(Work&& work, std::int64_t most) {
  while (true) {
    try {
      return work();
    } catch (const std::exception& error) {
      if (!isOutOfMemory(error)) throw;
      makeRoom(error, most);
    }
  }
}

/// First fewer graphs are kept, then batches get smaller, and the graphs of those are kept again within what the others
/// left room for: each step leaves fewer of them or smaller batches than ever before, so that it comes to an end.
void CurvatureOperator::makeRoom(const std::exception& error, std::int64_t most) {
  const auto had = keptBatches(), all = batches();
  const bool fixed = options_.batchNorm == BatchNormMode::Training;
  if (had > 1 || (had == 1 && (all > 1 || fixed))) {
    keepAtMost_ = had / 2;
    keepMemory_ = std::min(keepMemory_, keptMemory_ / 2);
    keptMemory_ = keptMemory_ / had * keepAtMost_;
    kept_.resize(static_cast<std::size_t>(keepAtMost_));
    char longer[16];
    std::snprintf(longer, sizeof longer, "%.2g",
                  static_cast<double>(3 * all - keepAtMost_) / static_cast<double>(3 * all - had));
    context_.say("memory ran out: the graphs of " + std::to_string(keepAtMost_) + " of " + std::to_string(all) +
                 " batches are kept from now on in place of " + std::to_string(had) + "; a product takes about " +
                 longer + " times as long");
    return;
  }
  kept_.clear();
  keptMemory_ = 0;
  prepared_ = false;
  const auto size = std::min(options_.batchSize, most);
  if (size <= 1 || fixed) {
    throw RunError("memory ran out at curvature.batch_size = " + std::to_string(options_.batchSize) +
                   (fixed ? " with curvature.batch_norm = \"train\"; use \"eval\", for which batches are made "
                            "smaller, or a smaller curvature.batch_size, which is another objective"
                          : "; use fewer threads, another device, or a smaller model") +
                   " (" + std::string(error.what()).substr(0, 120) + ")");
  }
  options_.batchSize = (size + 1) / 2;
  keepAtMost_ = -1;
  context_.say("memory ran out: curvature.batch_size is " + std::to_string(options_.batchSize) +
               " from now on; results stay the same, but small batches take longer");
}

void CurvatureOperator::prepare() {
  if (prepared_) return;
  chooseProduct();
  withinMemory([this] { tryPrepare(); });
}

bool CurvatureOperator::mayKeep(std::int64_t bytes) const {
  const auto have = keptBatches();
  return keptMemory_ + bytes <= keepMemory_ && (keepAtMost_ < 0 || have < keepAtMost_) &&
         (options_.keptGraphs < 0 || have < options_.keptGraphs);
}

/// Bytes of one batch's graph as a few examples tell them: growth with the batch, and what is of the parameters' size.
std::int64_t CurvatureOperator::estimatedBytes() {
  const auto estimate = [this] { return fixedBytes_ + bytesPerExample_ * options_.batchSize; };
  if (estimate() <= options_.graphMemory || fewBytes_ == 0) return estimate();
  // More than the gradient may be of that size: a second look, with more of them, tells.
  const auto more = examples_.first(std::min(kProbeExamples, options_.batchSize));
  if (more.size() <= kTrialExamples) return estimate();
  const CountedMemory counted;
  const auto graph = differentiate(more, 0);
  bytesPerExample_ = std::max<std::int64_t>((counted.bytes() - fewBytes_) / (more.size() - kTrialExamples), 0);
  fixedBytes_ = std::max<std::int64_t>(fewBytes_ - bytesPerExample_ * kTrialExamples, 0);
  fewBytes_ = 0;
  return estimate();
}

/// Where one graph, of `bytes`, is beyond the budget, and smaller batches can help: takes them.
bool CurvatureOperator::takeSmallerBatches(std::int64_t bytes) {
  // With batch statistics the batch size is part of the objective.
  const auto room = static_cast<double>(options_.graphMemory - fixedBytes_);
  if (bytes <= options_.graphMemory || options_.batchNorm == BatchNormMode::Training || options_.batchSize <= 1 ||
      room <= 0) {
    return false;
  }
  const auto size = static_cast<double>(options_.batchSize);
  const double fitting = size * room / static_cast<double>(bytes - fixedBytes_);
  // At least by a quarter: what else doesn't shrink with the batch must not make this a long search.
  const auto fewer = static_cast<std::int64_t>(std::min(fitting, size * 3 / 4));
  options_.batchSize = fewer >= 16 ? fewer / 8 * 8 : std::max<std::int64_t>(fewer, 1);
  return true;
}

/// `asked`: the batch size before; `bytes`: of the first graph.
void CurvatureOperator::sayWhatIsTooLarge(std::int64_t asked, std::int64_t bytes) {
  const auto most = mebibytes(options_.graphMemory);
  if (options_.batchSize < asked) {
    context_.say("the graph of " + std::to_string(asked) + " examples takes more than the " + most +
                 " of curvature.memory: curvature.batch_size is " + std::to_string(options_.batchSize) +
                 " from now on; results stay the same");
  }
  if (bytes <= options_.graphMemory || options_.keptGraphs == 0 || std::exchange(saidTooLarge_, true)) return;
  context_.say("the graph of " + std::to_string(options_.batchSize) + " examples takes " + mebibytes(bytes) +
               ", more than the " + most +
               " of curvature.memory: none is kept, and a product takes as long as three gradients in place of two" +
               (options_.batchNorm == BatchNormMode::Training
                    ? "; with curvature.batch_norm = \"train\" the batch is part of the objective and stays as it is"
                    : ""));
}

void CurvatureOperator::tryPrepare() {
  kept_.clear();
  keptMemory_ = 0;
  loss_ = 0;
  gradient_ = torch::zeros({dimension()}, torch::TensorOptions(device()).dtype(type()));
  const auto asked = options_.batchSize;
  if (options_.batchNorm == BatchNormMode::Evaluation) takeSmallerBatches(estimatedBytes());
  for (std::int64_t batch = 0; batch < batches(); ++batch) {
    const CountedMemory counted;
    auto graph = graphOf(batch);
    const auto bytes = counted.bytes();
    if (batch == 0) {
      if (takeSmallerBatches(bytes)) {
        batch = -1;
        continue;
      }
      sayWhatIsTooLarge(asked, bytes);
    }
    gradient_ += subset_.flatten(graph->gradient);
    loss_ += graph->loss;
    // Only the first batches are kept, so that a product knows which to make anew.
    if (keptBatches() < batch || !mayKeep(bytes)) continue;
    kept_.push_back(std::move(graph));
    keptMemory_ += bytes;
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
  fewBytes_ = fixedBytes_ = bytesPerExample_ = 0;  // no graph stays
  kept_.clear();
  keptMemory_ = 0;
  prepared_ = false;
  if (reason.empty()) return;  // whoever asked for them knows
  char text[32];
  std::snprintf(text, sizeof text, "%.1e", differenceError_);
  context_.say(reason + ": products are central differences of gradients; their relative error is about " + text);
}

/// Tries a product on a few examples. Where the second derivative is not to be had, central differences take over.
void CurvatureOperator::chooseProduct() {
  if (chosen_ || examples_.size() == 0) return;
  auto generator = at::detail::createCPUGenerator(options_.seed + 1);
  const auto v = torch::randn({dimension()}, generator, torch::kFloat32).to(device(), type());
  const auto pieces = subset_.unflatten(v / v.norm());
  withinMemory([&] { tryProduct(pieces); }, kTrialExamples);
  chosen_ = true;
}

void CurvatureOperator::tryProduct(const std::vector<torch::Tensor>& pieces) {
  const auto few = examples_.first(std::min(kTrialExamples, options_.batchSize));
  if (options_.differences) {
    takeDifferences(bestDifference(few, pieces), {});
    return;
  }
  try {
    const CountedMemory counted;
    const auto graph = differentiate(few, 0);
    fewBytes_ = few.size() == kTrialExamples ? counted.bytes() : 0;
    fixedBytes_ = dimension() * static_cast<std::int64_t>(c10::elementSize(type()));  // the gradient
    bytesPerExample_ = std::max<std::int64_t>((counted.bytes() - fixedBytes_) / few.size(), 0);
    graph->multiply(pieces, false);
  } catch (const c10::Error& error) {
    if (isOutOfMemory(error)) throw;
    const std::string reason = error.what_without_backtrace();
    takeDifferences(bestDifference(few, pieces),
                    "this model has no second derivative (" + reason.substr(0, reason.find('\n')).substr(0, 160) + ")");
  }
}

ProbeResult CurvatureOperator::probe() {
  if (examples_.size() == 0 || dimension() == 0) return {};
  chooseProduct();
  return withinMemory([this] { return tryProbe(); }, kProbeExamples);
}

ProbeResult CurvatureOperator::tryProbe() {
  ProbeResult result;
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
  result.repetition = norm != 0 ? (av - again).norm().item<double>() / norm : 0;
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
