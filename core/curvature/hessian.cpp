// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/hessian.h"

#include <torch/torch.h>

#include <algorithm>
#include <fstream>

#include "core/curvature/convolution_double_backward.h"

namespace eigenscape {

namespace {

/// The number behind the word `key` in a file, or the file's first word for an empty key; −1 without a number there.
std::int64_t numberIn(const char* file, const std::string& key) {
  std::ifstream stream(file);
  std::string word;
  while (!key.empty() && stream >> word && word != key) {
  }
  std::int64_t number = -1;
  return stream >> number ? number : -1;
}

/// Bytes of main memory that can be had without swapping, within what a container (control group 2) allows; 0 when the
/// system does not say.
std::int64_t freeMemory() {
  const auto available = std::max<std::int64_t>(numberIn("/proc/meminfo", "MemAvailable:"), 0) * 1024;
  const auto most = numberIn("/sys/fs/cgroup/memory.max", "");
  if (most < 0) return available;
  const auto cache = std::max<std::int64_t>(numberIn("/sys/fs/cgroup/memory.stat", "inactive_file"), 0);
  const auto used = std::max<std::int64_t>(numberIn("/sys/fs/cgroup/memory.current", ""), 0) - cache;
  return std::clamp<std::int64_t>(most - used, 0, available);
}

/// For graphs that are kept. LibTorch's C++ interface does not tell how much memory a GPU has left, so there it is a
/// size that every GPU of today has; `curvature.memory` raises it.
std::int64_t defaultGraphMemory(const torch::Device& device) {
  return device.is_cuda() ? std::int64_t{4} << 30 : freeMemory() / 4;
}

/// An estimate of what a kept graph takes: the activations of each weight layer are saved by the forward pass, by the
/// backward pass and by the ReLU and sum between, about six times in all (measured on ResNet-20).
std::int64_t graphBytesPerExample(const Model& model, std::int64_t inputElements) {
  constexpr std::int64_t copies = 6;
  std::int64_t elements = inputElements;
  for (const auto& layer : model.weightLayers()) {
    const auto& entry = model.parameters().entries()[layer.parameterEntry];
    elements += entry.shape.front() * layer.macs / std::max<std::int64_t>(entry.size, 1);
  }
  return elements * copies * static_cast<std::int64_t>(c10::elementSize(model.type()));
}

/// Sets the mode of BatchNorm for a forward pass and puts running statistics and mode back.
class ForwardMode {
 public:
  ForwardMode(Model& model, BatchNormMode mode) : model_(model), wasTraining_(model.isTraining()) {
    model_.setTraining(mode == BatchNormMode::Training);
    if (mode == BatchNormMode::Training) {
      for (const auto& [name, buffer] : model_.namedBuffers()) saved_.emplace_back(buffer, buffer.clone());
    }
  }
  ~ForwardMode() {
    torch::NoGradGuard noGrad;
    for (auto& [buffer, value] : saved_) buffer.copy_(value);
    model_.setTraining(wasTraining_);
  }
  ForwardMode(const ForwardMode&) = delete;
  ForwardMode& operator=(const ForwardMode&) = delete;

 private:
  Model& model_;
  bool wasTraining_;
  std::vector<std::pair<torch::Tensor, torch::Tensor>> saved_;
};

torch::Tensor crossEntropy(const torch::Tensor& outputs, const torch::Tensor& targets) {
  return torch::nn::functional::cross_entropy(outputs, targets,
                                              torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum));
}

}  // namespace

struct HessianOperator::Graph {
  torch::Tensor loss;                   ///< the batch's share of the mean loss
  std::vector<torch::Tensor> gradient;  ///< by parameter, differentiable
};

HessianOperator::HessianOperator(Model& model, const Examples& examples, HessianOptions options, Context context)
    : model_(model), examples_(examples), options_(std::move(options)), context_(std::move(context)) {
  options_.batchSize = std::clamp<std::int64_t>(options_.batchSize, 1, std::max<std::int64_t>(examples_.size(), 1));
  if (options_.graphMemory <= 0) options_.graphMemory = defaultGraphMemory(model_.device());
  if (!options_.loss) options_.loss = crossEntropy;
  useFastConvolutionDoubleBackward();
}

HessianOperator::~HessianOperator() = default;

std::int64_t HessianOperator::dimension() const {
  return model_.parameters().dimension();
}
torch::Device HessianOperator::device() const {
  return model_.device();
}
torch::ScalarType HessianOperator::type() const {
  return model_.type();
}
std::int64_t HessianOperator::keptBatches() const {
  return static_cast<std::int64_t>(kept_.size());
}
std::int64_t HessianOperator::batches() const {
  return (examples_.size() + options_.batchSize - 1) / options_.batchSize;
}

HessianOperator::Graph HessianOperator::differentiate(const Examples& batch) const {
  torch::AutoGradMode record(true);
  const ForwardMode mode(model_, options_.batchNorm);
  const auto logits = model_.forward(batch.inputs);
  const auto loss = options_.loss(logits, batch.targets) / static_cast<double>(examples_.size());
  auto gradient = torch::autograd::grad({loss}, model_.parameters().tensors(), {}, true, true, true);
  return {loss.detach(), std::move(gradient)};
}

void HessianOperator::prepare() {
  if (prepared_) return;
  const auto inputElements = examples_.size() > 0 ? examples_.inputs[0].numel() : 0;
  const auto bytesPerBatch = options_.batchSize * graphBytesPerExample(model_, inputElements);
  const auto keep = options_.graphMemory / std::max<std::int64_t>(bytesPerBatch, 1);
  gradient_ = torch::zeros({dimension()}, torch::TensorOptions(device()).dtype(type()));
  for (std::int64_t begin = 0; begin < examples_.size(); begin += options_.batchSize) {
    context_.check();
    auto graph = differentiate(examples_.slice(begin, options_.batchSize));
    gradient_ += model_.parameters().flatten(graph.gradient);
    loss_ += graph.loss.item<double>();
    // One batch is always kept: its graph has to be made for every product anyway.
    if (keptBatches() < std::max<std::int64_t>(keep, 1)) kept_.push_back(std::move(graph));
  }
  prepared_ = true;
}

torch::Tensor HessianOperator::gradient() {
  prepare();
  return gradient_;
}

double HessianOperator::loss() {
  prepare();
  return loss_;
}

torch::Tensor HessianOperator::multiply(const torch::Tensor& vector) {
  prepare();
  const auto& space = model_.parameters();
  const auto pieces = space.unflatten(vector.detach().to(device(), type()));
  auto product = torch::zeros({dimension()}, torch::TensorOptions(device()).dtype(type()));

  const auto accumulate = [&](const Graph& graph, bool keep) {
    context_.check();
    std::vector<torch::Tensor> outputs, weights;
    for (std::size_t i = 0; i < graph.gradient.size(); ++i) {
      // A parameter that the loss does not depend on, or that it depends on linearly, has no graph: its rows are zero.
      if (!graph.gradient[i].defined() || !graph.gradient[i].requires_grad()) continue;
      outputs.push_back(graph.gradient[i]);
      weights.push_back(pieces[i]);
    }
    if (outputs.empty()) return;
    product += space.flatten(torch::autograd::grad(outputs, space.tensors(), weights, keep, false, true));
  };

  for (const auto& graph : kept_) accumulate(graph, true);
  for (auto batch = keptBatches(); batch < batches(); ++batch) {
    context_.check();
    accumulate(differentiate(examples_.slice(batch * options_.batchSize, options_.batchSize)), false);
  }
  return product;
}

}  // namespace eigenscape
