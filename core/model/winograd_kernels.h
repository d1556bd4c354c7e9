// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

// The inner loops of core/model/winograd.h, compiled once per instruction set: plain pointers and no other header, so
// that no code made for a newer processor can stand in for a function that the whole program shares.
// The members below are always inlined for the same reason.
namespace eigenscape::winograd {

constexpr std::int64_t kPositions = 36;  ///< of a transformed tile: 6×6
constexpr std::int64_t kTiles = 16;      ///< of 4×4 outputs that go through the stages together
constexpr std::int64_t kGroup = 16;      ///< channels that lie side by side; channel counts are multiples of it

/// A 3×3 convolution of stride 1 and padding 1, y = conv(x, W) + shift [+ residual] [then ReLU]. Images are
/// N×H×W×channels.
struct Layer {
  const float* input;
  const float* kernels;   ///< from transformKernels
  const float* shift;     ///< `out` values, or null
  const float* residual;  ///< as output, or null
  float* output;
  std::int64_t images, height, width, in, out;
  bool relu;

  [[gnu::always_inline]] std::int64_t tileRows() const { return (height + 3) / 4; }
  [[gnu::always_inline]] std::int64_t tileColumns() const { return (width + 3) / 4; }
  [[gnu::always_inline]] std::int64_t blocks() const {
    return (images * tileRows() * tileColumns() + kTiles - 1) / kTiles;
  }
  /// Floats between two positions of the transformed tiles; one line more than they need, or all 36 would fall into
  /// the same set of the cache.
  [[gnu::always_inline]] std::int64_t stride() const { return (in > out ? in : out) * kTiles + kGroup; }
  /// The same between two positions of the transformed kernels.
  [[gnu::always_inline]] static std::int64_t kernelStride(std::int64_t in, std::int64_t out) {
    return in * out + kGroup;
  }
  /// Floats, of which the last `in` have to be zero: they are the padding.
  [[gnu::always_inline]] std::int64_t scratch() const { return (kPositions + 1) * stride() + in; }
};

struct Kernels {
  /// out×in×3×3 → 36 × out/16 × in × 16 (see kernelStride), for the groups of outputs first … last−1.
  void (*transformKernels)(const float* kernel, std::int64_t in, std::int64_t first, std::int64_t last,
                           std::int64_t out, float* transformed);
  /// The blocks of tiles first … last−1.
  void (*convolve)(const Layer& layer, std::int64_t first, std::int64_t last, float* scratch);
};

extern const Kernels kBaseline;
#ifdef __x86_64__
extern const Kernels kAvx2, kAvx512;
#endif

}  // namespace eigenscape::winograd
