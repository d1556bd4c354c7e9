// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/winograd.h"

#include <torch/torch.h>

#include <vector>

#include "core/model/instruction_sets.h"
#include "core/model/parallel.h"
#include "core/model/winograd_kernels.h"

namespace eigenscape {

namespace {

const winograd::Kernels& kernels() {
  static const winograd::Kernels& chosen = EIGENSCAPE_KERNELS_OF(winograd);
  return chosen;
}

/// Room that a thread keeps from call to call: allocating it anew costs as much as a small convolution.
float* scratchOf(const winograd::Layer& layer) {
  constexpr std::int64_t line = 16;
  thread_local std::vector<float> room;
  const auto size = layer.scratch();
  if (room.size() < static_cast<std::size_t>(size + line)) room.assign(static_cast<std::size_t>(size + line), 0);
  auto* begin = room.data();
  while (reinterpret_cast<std::uintptr_t>(begin) % (line * sizeof(float)) != 0) ++begin;
  std::fill_n(begin + size - layer.in, layer.in, 0.0F);
  return begin;
}

bool plain(const torch::Tensor& tensor) {
  return tensor.device().is_cpu() && tensor.scalar_type() == torch::kFloat32 &&
         !(torch::GradMode::is_enabled() && tensor.requires_grad());
}

const float* dataOf(const torch::Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr<float>() : nullptr;
}

}  // namespace

bool winogradApplies(const torch::Tensor& x, const torch::Tensor& kernel, const Epilogue& epilogue, std::int64_t stride,
                     std::int64_t padding) {
  if (stride != 1 || padding != 1 || x.dim() != 4 || kernel.size(2) != 3 || kernel.size(3) != 3) return false;
  if (x.size(1) % winograd::kGroup != 0 || kernel.size(0) % winograd::kGroup != 0) return false;
  for (const auto& tensor : {x, kernel, epilogue.shift, epilogue.residual}) {
    if (tensor.defined() && !plain(tensor)) return false;
  }
  return x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

WinogradKernel::WinogradKernel(const torch::Tensor& kernel) : in(kernel.size(1)), out(kernel.size(0)) {
  const torch::NoGradGuard noGrad;
  const auto weights = kernel.contiguous();
  values = torch::empty({winograd::kPositions * winograd::Layer::kernelStride(in, out)}, kernel.options());
  const auto* from = weights.data_ptr<float>();
  auto* const to = values.data_ptr<float>();
  parallelFor(out / winograd::kGroup, [&](std::int64_t first, std::int64_t last) {
    kernels().transformKernels(from, in, first, last, out, to);
  });
}

torch::Tensor winogradConvolution(const torch::Tensor& x, const WinogradKernel& kernel, const Epilogue& epilogue) {
  const torch::NoGradGuard noGrad;
  auto y = torch::empty({x.size(0), kernel.out, x.size(2), x.size(3)}, x.options(), at::MemoryFormat::ChannelsLast);
  const auto shift = epilogue.shift.defined() ? epilogue.shift.contiguous() : torch::Tensor();
  const auto residual =
      epilogue.residual.defined() ? epilogue.residual.contiguous(at::MemoryFormat::ChannelsLast) : torch::Tensor();
  const winograd::Layer layer{x.data_ptr<float>(), kernel.values.data_ptr<float>(),
                              dataOf(shift),       dataOf(residual),
                              y.data_ptr<float>(), x.size(0),
                              x.size(2),           x.size(3),
                              kernel.in,           kernel.out,
                              epilogue.relu};
  parallelFor(layer.blocks(),
              [&](std::int64_t first, std::int64_t last) { kernels().convolve(layer, first, last, scratchOf(layer)); });
  return y;
}

}  // namespace eigenscape
