// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>

// Convolutions for passes without gradients: Winograd's F(4×4, 3×3) (Lavin & Gray, arXiv:1509.09308) takes a quarter of
// a direct convolution's multiplications, and what follows it in a residual block is done before the values leave the
// registers.
namespace eigenscape {

/// What a convolution's output goes through: y = conv(x, W) + shift [+ residual] [then ReLU]. Undefined tensors add
/// nothing.
struct Epilogue {
  torch::Tensor shift;     ///< one value per output channel
  torch::Tensor residual;  ///< of the output's shape
  bool relu = false;
};

/// Whether `winogradConvolution` takes these: 3×3 kernel, stride and padding 1, float32 in channels-last memory on a
/// CPU, channels in multiples of 16, and no gradient asked for.
bool winogradApplies(const torch::Tensor& x, const torch::Tensor& kernel, const Epilogue& epilogue, std::int64_t stride,
                     std::int64_t padding);

/// A kernel out×in×3×3, float32 on a CPU, as the products of the tiles need it.
struct WinogradKernel {
  explicit WinogradKernel(const torch::Tensor& kernel);
  std::int64_t in, out;
  torch::Tensor values;
};

/// N×C×H×W by out×C×3×3 → N×out×H×W, channels last. Errors stay below 1e-6 of the largest Σ |x| |w| (tested). An
/// image's result depends on nothing but that image: not on the others of the batch, not on the number of threads.
/// A value that is not finite makes all outputs of the 4×4 tiles that see it not finite or not a number, also those
/// that a direct convolution would not let it reach; so do finite ones above 1e37.
torch::Tensor winogradConvolution(const torch::Tensor& x, const WinogradKernel& kernel, const Epilogue& epilogue);

}  // namespace eigenscape
