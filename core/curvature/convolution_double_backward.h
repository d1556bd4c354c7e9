// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace eigenscape {

/// LibTorch differentiates aten::convolution_backward through transposed convolutions whose kernels are as large as the
/// image, which makes a Hessian-vector product cost five to six gradients. This replaces that derivative, process-wide
/// and for every model (TorchScript too), by
///
///     ∂/∂gradₒ = conv(ggI, W) + conv(I, ggW) + ggb
///     ∂/∂I     = input part of convolution_backward(gradₒ, I, ggW)
///     ∂/∂W     = weight part of convolution_backward(gradₒ, ggI, W)
///
/// which are the same sums in the cheap order: a product then costs about two gradients. Values and first derivatives
/// are the library's own. Safe to call often; takes effect once. CurvatureOperator calls it when it is made.
void useFastConvolutionDoubleBackward();

/// For tests and benchmarks: while one of these lives, graphs are made with the library's own derivative. Process-wide;
/// CurvatureOperator leaves it alone.
class LibraryConvolutionDoubleBackward {
 public:
  LibraryConvolutionDoubleBackward();
  ~LibraryConvolutionDoubleBackward();
  LibraryConvolutionDoubleBackward(const LibraryConvolutionDoubleBackward&) = delete;
  LibraryConvolutionDoubleBackward& operator=(const LibraryConvolutionDoubleBackward&) = delete;

 private:
  bool previous_;
};

}  // namespace eigenscape
