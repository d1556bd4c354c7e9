// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace eigenscape {

/// What a Hessian-vector product spends beyond two gradients it spends on how LibTorch differentiates three derivatives
/// again: of a convolution through kernels as large as the image, of GELU and of layer normalisation through a dozen
/// passes over the activations each. These replace them, process-wide and for every model (TorchScript too), by the
/// same sums in a cheap order; the sources beside have the formulas:
///
///     convolution_double_backward.cpp   three convolutions           CPU and CUDA
///     gelu_double_backward.cpp          two multiplications          CPU
///     layer_norm_double_backward.cpp    one pass                     CPU
///
/// Values and first derivatives are the library's own. Safe to call often; takes effect once. CurvatureOperator calls
/// it when it is made.
void useFastDoubleBackward();

/// For tests and benchmarks: while one of these lives, graphs are made with the library's own derivatives.
/// Process-wide; CurvatureOperator leaves it alone.
class LibraryDoubleBackward {
 public:
  LibraryDoubleBackward();
  ~LibraryDoubleBackward();
  LibraryDoubleBackward(const LibraryDoubleBackward&) = delete;
  LibraryDoubleBackward& operator=(const LibraryDoubleBackward&) = delete;

 private:
  bool previous_;
};

}  // namespace eigenscape
