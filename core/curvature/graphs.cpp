// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/graphs.h"

#include <cmath>

namespace eigenscape {

namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;

/// grad without what does not take part: an output without a graph contributes nothing, and nothing at all gives {}.
Tensors derivative(const Tensors& outputs, const Tensors& inputs, const Tensors& weights, bool keep) {
  Tensors live, liveWeights;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].defined() || !outputs[i].requires_grad()) continue;
    live.push_back(outputs[i]);
    liveWeights.push_back(weights[i]);
  }
  if (live.empty()) return Tensors(inputs.size());
  return torch::autograd::grad(live, inputs, liveWeights, keep, false, true);
}

Tensors detached(const Tensors& tensors) {
  Tensors list;
  for (const auto& tensor : tensors) list.push_back(tensor.defined() ? tensor.detach() : tensor);
  return list;
}

/// Moves parameters along a direction and puts them back, whatever happens in between.
class Moved {
 public:
  Moved(const Tensors& parameters, const Tensors& pieces) : parameters_(parameters), pieces_(pieces) {
    const torch::NoGradGuard noGrad;
    for (const auto& parameter : parameters_) home_.push_back(parameter.detach().clone());
  }
  ~Moved() { to(0); }
  Moved(const Moved&) = delete;
  Moved& operator=(const Moved&) = delete;
  void to(double step) const {
    const torch::NoGradGuard noGrad;
    for (std::size_t i = 0; i < home_.size(); ++i) {
      // set_data and not copy_: graphs of others that saved these tensors stay valid.
      auto parameter = parameters_[i];
      parameter.set_data(step == 0 ? home_[i] : home_[i] + step * pieces_[i]);
    }
  }

 private:
  const Tensors& parameters_;
  const Tensors& pieces_;
  Tensors home_;
};

}  // namespace

ForwardMode::ForwardMode(Model& model, BatchNormMode mode) : model_(model), wasTraining_(model.isTraining()) {
  model_.setTraining(mode == BatchNormMode::Training);
  if (mode == BatchNormMode::Training) {
    for (const auto& [name, buffer] : model_.namedBuffers()) saved_.emplace_back(buffer, buffer.clone());
  }
}

ForwardMode::~ForwardMode() {
  torch::NoGradGuard noGrad;
  for (auto& [buffer, value] : saved_) buffer.copy_(value);
  model_.setTraining(wasTraining_);
}

CurvatureOperator::HessianGraph::HessianGraph(const CurvatureOperator& op, const Examples& batch)
    : parameters_(op.subset_.tensors()) {
  const ForwardMode mode(op.model_, op.options_.batchNorm);
  const auto outputs = op.model_.forward(batch.inputs);
  const auto mean = op.options_.loss(outputs, batch.targets) / static_cast<double>(op.examples_.size());
  loss = mean.item<double>();
  gradient = torch::autograd::grad({mean}, parameters_, {}, true, true, true);
}

Tensors CurvatureOperator::HessianGraph::multiply(const Tensors& pieces, bool keep) {
  // A parameter that the loss does not depend on, or that it depends on linearly, has no graph: its rows are zero.
  return derivative(gradient, parameters_, pieces, keep);
}

CurvatureOperator::OutputMatrix::OutputMatrix(const CurvatureOperator& op, const Tensor& outputs, const Examples& batch,
                                              std::int64_t first)
    : scale_(1 / static_cast<double>(op.examples_.size())), outputs_(outputs.detach()) {
  outputs_.set_requires_grad(true);
  const auto gradientFor = [&](const Tensor& targets, bool graph) {
    return torch::autograd::grad({op.options_.loss(outputs_, targets)}, {outputs_}, {}, graph, graph)[0];
  };
  if (op.options_.kind == CurvatureKind::GaussNewton) {
    gradient_ = gradientFor(batch.targets, true);
  } else if (op.options_.kind == CurvatureKind::Fisher) {
    rows_.push_back(gradientFor(batch.targets, false));
  } else {
    const auto labels = op.drawnLabels(outputs_.detach(), first);
    for (std::int64_t k = 0; k < labels.size(1); ++k)
      rows_.push_back(gradientFor(labels.select(1, k).contiguous(), false));
    scale_ /= static_cast<double>(labels.size(1));
  }
}

Tensor CurvatureOperator::OutputMatrix::apply(const Tensor& u) const {
  if (gradient_.defined()) {
    if (!gradient_.requires_grad()) return torch::zeros_like(u);
    return torch::autograd::grad({gradient_}, {outputs_}, {u}, true)[0] * scale_;
  }
  auto sum = torch::zeros_like(u);
  for (const auto& row : rows_) {
    const auto along = (row * u).flatten(1).sum(1);
    std::vector<std::int64_t> shape(static_cast<std::size_t>(u.dim()), 1);
    shape[0] = -1;
    sum += row * along.view(shape);
  }
  return sum * scale_;
}

CurvatureOperator::JacobianGraph::JacobianGraph(const CurvatureOperator& op, const Examples& batch, std::int64_t first)
    : parameters_(op.subset_.tensors()) {
  const ForwardMode mode(op.model_, op.options_.batchNorm);
  outputs_ = op.model_.forward(batch.inputs);
  TORCH_CHECK(outputs_.requires_grad(), "the outputs do not depend on the parameters");
  const auto mean = op.options_.loss(outputs_, batch.targets) / static_cast<double>(op.examples_.size());
  loss = mean.item<double>();
  gradient = detached(torch::autograd::grad({mean}, parameters_, {}, true, false, true));
  weights_ = torch::zeros_like(outputs_).set_requires_grad(true);
  pulled_ = torch::autograd::grad({outputs_}, parameters_, {weights_}, true, true, true);
  matrix_ = std::make_unique<OutputMatrix>(op, outputs_, batch, first);
}

Tensors CurvatureOperator::JacobianGraph::multiply(const Tensors& pieces, bool keep) {
  const auto u = derivative(pulled_, {weights_}, pieces, true)[0];
  TORCH_CHECK(u.defined(), "the backward pass keeps no graph of its own");
  return torch::autograd::grad({outputs_}, parameters_, {matrix_->apply(u)}, keep, false, true);
}

CurvatureOperator::DifferenceGraph::DifferenceGraph(const CurvatureOperator& op, const Examples& batch,
                                                    std::int64_t first, double step)
    : op_(op), batch_(batch), first_(first), step_(step) {
  const ForwardMode mode(op_.model_, op_.options_.batchNorm);
  const auto mean =
      op_.options_.loss(op_.model_.forward(batch_.inputs), batch_.targets) / static_cast<double>(op_.examples_.size());
  loss = mean.item<double>();
  gradient = torch::autograd::grad({mean}, op_.subset_.tensors(), {}, false, false, true);
}

Tensors CurvatureOperator::DifferenceGraph::multiply(const Tensors& pieces, bool) {
  double square = 0;
  for (const auto& piece : pieces) square += piece.to(torch::kFloat64).pow(2).sum().item<double>();
  const auto& parameters = op_.subset_.tensors();
  if (square == 0) return Tensors(parameters.size());
  const double h = step_ / std::sqrt(square);
  const ForwardMode mode(op_.model_, op_.options_.batchNorm);
  const auto gradientNow = [&] {
    const auto mean = op_.options_.loss(op_.model_.forward(batch_.inputs), batch_.targets) /
                      static_cast<double>(op_.examples_.size());
    return torch::autograd::grad({mean}, parameters, {}, false, false, true);
  };
  const auto outputsNow = [&] {
    const torch::NoGradGuard noGrad;
    return op_.model_.forward(batch_.inputs);
  };
  Tensors plus, minus;
  {
    const Moved moved(parameters, pieces);
    const bool hessian = op_.options_.kind == CurvatureKind::Hessian;
    moved.to(h);
    plus = hessian ? gradientNow() : Tensors{outputsNow()};
    moved.to(-h);
    minus = hessian ? gradientNow() : Tensors{outputsNow()};
  }
  for (std::size_t i = 0; i < plus.size(); ++i) {
    if (plus[i].defined() && minus[i].defined()) plus[i] = (plus[i] - minus[i]) / (2 * h);
  }
  if (op_.options_.kind == CurvatureKind::Hessian) return plus;
  const auto outputs = op_.model_.forward(batch_.inputs);
  const OutputMatrix matrix(op_, outputs, batch_, first_);
  return torch::autograd::grad({outputs}, parameters, {matrix.apply(plus[0])}, false, false, true);
}

}  // namespace eigenscape
