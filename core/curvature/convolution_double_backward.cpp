// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <array>

#include "core/curvature/double_backward_kernels.h"

// LibTorch differentiates aten::convolution_backward through transposed convolutions whose kernels are as large as the
// image, which makes a Hessian-vector product cost five to six gradients. Here, with ggI, ggW, ggb the weights of the
// three outputs:
//
//     ∂/∂gradₒ = conv(ggI, W) + conv(I, ggW) + ggb
//     ∂/∂I     = input part of convolution_backward(gradₒ, I, ggW)
//     ∂/∂W     = weight part of convolution_backward(gradₒ, ggI, W)

namespace eigenscape {

namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The arguments of a convolution that are not tensors.
struct Geometry {
  std::vector<std::int64_t> stride, padding, dilation, outputPadding;
  bool transposed = false;
  std::int64_t groups = 1;
  bool hasBias = false;
  std::vector<std::int64_t> biasSizes;

  Tensor convolve(const Tensor& input, const Tensor& weight) const {
    return at::convolution(input, weight, {}, stride, padding, dilation, transposed, outputPadding, groups);
  }
  std::tuple<Tensor, Tensor, Tensor> backward(const Tensor& gradOutput, const Tensor& input, const Tensor& weight,
                                              std::array<bool, 3> mask) const {
    at::OptionalIntArrayRef bias;
    if (hasBias && mask[2]) bias = at::IntArrayRef(biasSizes);
    return at::convolution_backward(gradOutput, input, weight, bias, stride, padding, dilation, transposed,
                                    outputPadding, groups, mask);
  }
};

struct GeometryHolder : torch::CustomClassHolder {
  GeometryHolder(Geometry g, std::array<bool, 3> m) : geometry(std::move(g)), mask(m) {}
  Geometry geometry;
  std::array<bool, 3> mask;
};

Tensor plus(const Tensor& a, const Tensor& b) {
  if (!a.defined()) return b;
  return b.defined() ? a + b : a;
}

/// Only the outputs that the mask asks for are returned, in order: an autograd function has no undefined outputs.
class ConvolutionBackward : public torch::autograd::Function<ConvolutionBackward> {
 public:
  static variable_list forward(AutogradContext* context, const Tensor& gradOutput, const Tensor& input,
                               const Tensor& weight, const c10::intrusive_ptr<GeometryHolder>& holder) {
    at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({gradOutput, input, weight});
    context->saved_data["geometry"] = c10::IValue::make_capsule(holder);
    const auto [gi, gw, gb] = holder->geometry.backward(gradOutput, input, weight, holder->mask);
    variable_list outputs;
    const std::array<Tensor, 3> all{gi, gw, gb};
    for (std::size_t i = 0; i < 3; ++i) {
      if (holder->mask[i]) outputs.push_back(all[i]);
    }
    return outputs;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto capsule = context->saved_data["geometry"].toCapsule();
    const auto* holder = static_cast<const GeometryHolder*>(capsule.get());
    const auto& geometry = holder->geometry;
    const auto saved = context->get_saved_variables();
    const auto &gradOutput = saved[0], &input = saved[1], &weight = saved[2];
    std::array<Tensor, 3> gg;
    for (std::size_t i = 0, next = 0; i < 3; ++i) {
      if (holder->mask[i]) gg[i] = gradients[next++];
    }
    const auto& [ggInput, ggWeight, ggBias] = gg;

    Tensor byGradOutput, byInput, byWeight;
    if (context->needs_input_grad(0)) {
      if (ggInput.defined()) byGradOutput = geometry.convolve(ggInput, weight);
      if (ggWeight.defined()) byGradOutput = plus(byGradOutput, geometry.convolve(input, ggWeight));
      if (ggBias.defined()) {
        std::vector<std::int64_t> shape(static_cast<std::size_t>(gradOutput.dim()), 1);
        shape[1] = -1;
        const auto spread = ggBias.view(shape);
        byGradOutput = byGradOutput.defined() ? byGradOutput + spread : spread.expand_as(gradOutput);
      }
    }
    if (ggWeight.defined() && context->needs_input_grad(1)) {
      byInput = std::get<0>(geometry.backward(gradOutput, input, ggWeight, {true, false, false}));
    }
    if (ggInput.defined() && context->needs_input_grad(2)) {
      byWeight = std::get<1>(geometry.backward(gradOutput, ggInput, weight, {false, true, false}));
    }
    return {byGradOutput, byInput, byWeight, Tensor()};
  }
};

std::tuple<Tensor, Tensor, Tensor> convolutionBackward(const Tensor& gradOutput, const Tensor& input,
                                                       const Tensor& weight, at::OptionalIntArrayRef biasSizes,
                                                       at::IntArrayRef stride, at::IntArrayRef padding,
                                                       at::IntArrayRef dilation, bool transposed,
                                                       at::IntArrayRef outputPadding, std::int64_t groups,
                                                       std::array<bool, 3> mask) {
  Geometry geometry{stride.vec(), padding.vec(), dilation.vec(), outputPadding.vec(), transposed, groups, false, {}};
  if (biasSizes.has_value()) {
    geometry.hasBias = true;
    geometry.biasSizes = biasSizes->vec();
  }
  const auto differentiated =
      at::GradMode::is_enabled() && (gradOutput.requires_grad() || input.requires_grad() || weight.requires_grad());
  if (!differentiated) {
    at::AutoDispatchBelowADInplaceOrView below;
    return geometry.backward(gradOutput, input, weight, mask);
  }
  const auto outputs = ConvolutionBackward::apply(gradOutput, input, weight,
                                                  c10::make_intrusive<GeometryHolder>(std::move(geometry), mask));
  std::array<Tensor, 3> all;
  for (std::size_t i = 0, next = 0; i < 3; ++i) {
    if (mask[i]) all[i] = outputs[next++];
  }
  return {all[0], all[1], all[2]};
}

}  // namespace

void implementConvolutionBackward(torch::Library& library) {
  library.impl("convolution_backward", TORCH_FN(convolutionBackward));
}

}  // namespace eigenscape
