// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <cmath>

#include "core/curvature/double_backward_kernels.h"

// The derivative of gradₒ·d(x), d = GELU′, weighed with gg, is gg·d(x) by gradₒ and gg·gradₒ·d′(x) by x. The second
// factor of gg is worked out once, with the graph, and a product multiplies by it. The first is not kept, because the
// graph has x anyway: of the mixer's graph that takes off a seventh, and it adds a tenth to a product.
//
//     exact:  d(x) = Φ(x) + x φ(x),   d′(x) = (2 − x²) φ(x)
//     tanh:   GELU(x) = x (1 + t)/2,  t = tanh u,  u = √(2/π) (x + 0.044715 x³)

namespace eigenscape {

namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

Tensor secondDerivative(const Tensor& x, c10::string_view approximate) {
  const double twoOverPi = 2 / M_PI;
  if (approximate != "tanh") {
    return (2 - x.square()).mul_(x.square().mul_(-0.5).exp_()).mul_(std::sqrt(twoOverPi) / 2);
  }
  const double k = std::sqrt(twoOverPi), c = 0.044715;
  const auto squares = x.square();
  const auto t = (x * (1 + c * squares)).mul_(k).tanh_();
  const auto slope = k * (1 + 3 * c * squares);
  const auto rest = 1 - t.square();
  return rest * slope + 0.5 * x * rest * (6 * k * c * x - 2 * t * slope.square());
}

class GeluBackward : public torch::autograd::Function<GeluBackward> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& gradOutput, const Tensor& x, const std::string& kind) {
    at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({x});
    context->saved_data["kind"] = kind;
    // No input or output of this function, so that holding it makes no cycle.
    context->saved_data["second"] = secondDerivative(x, kind).mul_(gradOutput);
    return at::gelu_backward(gradOutput, x, kind);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "GELU has no third derivative here");
    const auto& gg = gradients[0];
    if (!gg.defined()) return {Tensor(), Tensor(), Tensor()};
    Tensor byGradOutput, byX;
    if (context->needs_input_grad(0))
      byGradOutput =
          at::gelu_backward(gg, context->get_saved_variables()[0], context->saved_data["kind"].toStringRef());
    if (context->needs_input_grad(1)) byX = gg * context->saved_data["second"].toTensor();
    return {byGradOutput, byX, Tensor()};
  }
};

Tensor geluBackward(const Tensor& gradOutput, const Tensor& x, c10::string_view approximate) {
  const std::string kind(approximate.data(), approximate.size());
  if (at::GradMode::is_enabled() && (gradOutput.requires_grad() || x.requires_grad())) {
    return GeluBackward::apply(gradOutput, x, kind);
  }
  at::AutoDispatchBelowADInplaceOrView below;
  return at::gelu_backward(gradOutput, x, kind);
}

}  // namespace

void implementGeluBackward(torch::Library& library) {
  library.impl("gelu_backward", TORCH_FN(geluBackward));
}

}  // namespace eigenscape
