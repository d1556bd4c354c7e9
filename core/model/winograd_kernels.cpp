// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/winograd_kernels.h"

// EIGENSCAPE_KERNELS names what this compilation defines; the compiler's options decide the rest.
namespace eigenscape::winograd {

namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
constexpr int kVectors = kGroup / kLanes;  // per group of channels

using Vec = float __attribute__((vector_size(kLanes * sizeof(float))));
using Unaligned = float __attribute__((vector_size(kLanes * sizeof(float)), aligned(sizeof(float)), may_alias));

inline Vec load(const float* from) {
  return *reinterpret_cast<const Unaligned*>(from);
}
inline void store(float* to, Vec value) {
  *reinterpret_cast<Unaligned*>(to) = value;
}

// Interpolation at 0, ±√½, ±√2 and ∞: the work is that of 0, ±1, ±2 and ∞, with constants nearer to one (2.8, not 8).
constexpr float kA = 0.70710678118654752F, kB = 1.41421356237309505F;

/// Six values of a tile's row or column → three of the six transformed ones: at 0, √½, −√½, or at √2, −√2, ∞.
template <bool upper>
inline void transformHalf(const Vec (&d)[6], Vec& x, Vec& y, Vec& z) {
  if constexpr (!upper) {
    const Vec even = d[4] - 2 * d[2], odd = d[3] - 2 * d[1];
    x = d[0] + (d[4] - 2.5F * d[2]);
    y = even + kA * odd;
    z = even - kA * odd;
  } else {
    const Vec even = d[4] - 0.5F * d[2], odd = d[3] - 0.5F * d[1];
    x = even + kB * odd;
    y = even - kB * odd;
    z = d[1] + (d[5] - 2.5F * d[3]);
  }
}

/// Three of the six rows of Bᵀ d B. In halves, because 36 values are more than there are registers.
template <bool upper, typename Pixel>
inline void transformRows(const Pixel& pixel, float* to, std::int64_t stride) {
  Vec rows[3][6];
#pragma GCC unroll 6
  for (int c = 0; c < 6; ++c) {
    Vec d[6];
#pragma GCC unroll 6
    for (int r = upper ? 1 : 0; r < (upper ? 6 : 5); ++r) d[r] = load(pixel(r, c));
    transformHalf<upper>(d, rows[0][c], rows[1][c], rows[2][c]);
  }
#pragma GCC unroll 3
  for (int r = 0; r < 3; ++r) {
    Vec t[6];
    transformHalf<false>(rows[r], t[0], t[1], t[2]);
    transformHalf<true>(rows[r], t[3], t[4], t[5]);
#pragma GCC unroll 6
    for (int c = 0; c < 6; ++c) store(to + (r * 6 + c) * stride, t[c]);
  }
}

/// Bᵀ d B of one tile, for all channels.
template <typename Place>
inline void transformTile(const Place& place, std::int64_t in, float* to, std::int64_t stride) {
  for (std::int64_t group = 0; group < in; group += kGroup, to += kTiles * kGroup) {
    for (int v = 0; v < kGroup; v += kLanes) {
      const auto pixel = [&](int r, int c) { return place(r, c) + group + v; };
      transformRows<false>(pixel, to + v, stride);
      transformRows<true>(pixel, to + v + 18 * stride, stride);
    }
  }
}

/// A tile's place: its upper left output.
struct Tile {
  std::int64_t image, row, column;
};

void transformInput(const Layer& layer, const Tile& tile, const float* zeros, float* to, std::int64_t stride) {
  const auto rowStride = layer.width * layer.in;
  // The pixel above and to the left; outside of the image it is not looked at.
  const auto corner = (tile.image * layer.height + tile.row - 1) * rowStride + (tile.column - 1) * layer.in;
  if (tile.row > 0 && tile.column > 0 && tile.row + 5 <= layer.height && tile.column + 5 <= layer.width) {
    const float* first = layer.input + corner;
    transformTile([&](int r, int c) { return first + r * rowStride + c * layer.in; }, layer.in, to, stride);
    return;
  }
  const float* pixels[6][6];
  for (int r = 0; r < 6; ++r) {
    const auto row = tile.row - 1 + r;
    for (int c = 0; c < 6; ++c) {
      const auto column = tile.column - 1 + c;
      const bool inside = row >= 0 && row < layer.height && column >= 0 && column < layer.width;
      pixels[r][c] = inside ? layer.input + corner + r * rowStride + c * layer.in : zeros;
    }
  }
  transformTile([&](int r, int c) { return pixels[r][c]; }, layer.in, to, stride);
}

/// At one position: m[groups][tile][16] = Σ over input channels of v[channel] · u[channel][groups of outputs].
template <int tiles, int groups>
inline void multiply(const float* v, const float* u, std::int64_t in, float* m) {
  constexpr int width = groups * kVectors;
  Vec sum[tiles][width] = {};
  const float* second = u + in * kGroup;
  for (std::int64_t group = 0; group < in; group += kGroup, v += kTiles * kGroup) {
    for (int k = 0; k < kGroup; ++k, u += kGroup, second += kGroup) {
      Vec kernel[width];
#pragma GCC unroll 8
      for (int j = 0; j < width; ++j) kernel[j] = load((j < kVectors ? u : second) + j % kVectors * kLanes);
#pragma GCC unroll 16
      for (int t = 0; t < tiles; ++t) {
#pragma GCC unroll 8
        for (int j = 0; j < width; ++j) sum[t][j] += v[t * kGroup + k] * kernel[j];
      }
    }
  }
#pragma GCC unroll 16
  for (int t = 0; t < tiles; ++t) {
#pragma GCC unroll 8
    for (int j = 0; j < width; ++j) {
      store(m + j / kVectors * kTiles * kGroup + t * kGroup + j % kVectors * kLanes, sum[t][j]);
    }
  }
}

void multiplyAll(const Layer& layer, std::int64_t tiles, const float* v, float* m) {
  constexpr int few = kLanes == 16 ? 8 : kLanes == 8 ? 4 : 2, many = kLanes == 16 ? 16 : few;
  const auto stride = layer.stride(), size = layer.in * kGroup;
  for (std::int64_t position = 0; position < kPositions; ++position, v += stride, m += stride) {
    const float* u = layer.kernels + position * Layer::kernelStride(layer.in, layer.out);
    float* to = m;
    for (std::int64_t group = 0; group < layer.out;) {
      const bool pair = kLanes == 16 && group + kGroup < layer.out;
      // Tiles beyond the last are what an earlier block left there; nobody reads them.
      for (std::int64_t t = 0; t < tiles; t += pair ? few : many) {
        if (pair) {
          multiply<few, 2>(v + t * kGroup, u, layer.in, to + t * kGroup);
        } else {
          multiply<many, 1>(v + t * kGroup, u, layer.in, to + t * kGroup);
        }
      }
      const int groups = pair ? 2 : 1;
      group += groups * kGroup;
      u += groups * size;
      to += groups * kTiles * kGroup;
    }
  }
}

/// Six values → outputs 0 and 2 of the four, or 1 and 3.
template <bool odd>
inline void outputHalf(const Vec (&m)[6], Vec& x, Vec& y) {
  if constexpr (!odd) {
    const Vec a = m[1] + m[2], b = m[3] + m[4];
    x = m[0] + (a + b);
    y = 0.5F * a + 2 * b;
  } else {
    const Vec a = m[1] - m[2], b = m[3] - m[4];
    x = kA * a + kB * b;
    y = kA / 2 * a + (kB * 2 * b + m[5]);
  }
}

/// Two of the four rows of Aᵀ m A, handed to `finish(row, column, value)`.
template <bool odd, typename Finish>
inline void outputRows(const float* m, std::int64_t stride, const Finish& finish) {
  Vec rows[2][6];
#pragma GCC unroll 6
  for (int c = 0; c < 6; ++c) {
    Vec d[6];
#pragma GCC unroll 6
    for (int r = odd ? 1 : 0; r < (odd ? 6 : 5); ++r) d[r] = load(m + (r * 6 + c) * stride);
    outputHalf<odd>(d, rows[0][c], rows[1][c]);
  }
#pragma GCC unroll 2
  for (int r = 0; r < 2; ++r) {
    Vec y[4];
    outputHalf<false>(rows[r], y[0], y[2]);
    outputHalf<true>(rows[r], y[1], y[3]);
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) finish(2 * r + odd, c, y[c]);
  }
}

template <bool whole>
void transformOutput(const Layer& layer, const Tile& tile, const float* m) {
  const auto rows = layer.height - tile.row, columns = layer.width - tile.column, stride = layer.stride();
  const auto corner = ((tile.image * layer.height + tile.row) * layer.width + tile.column) * layer.out;
  for (std::int64_t group = 0; group < layer.out; group += kGroup, m += kTiles * kGroup) {
    for (int v = 0; v < kGroup; v += kLanes) {
      const Vec shift = layer.shift ? load(layer.shift + group + v) : Vec{};
      const auto finish = [&](int r, int c, Vec y) {
        if (!whole && (r >= rows || c >= columns)) return;
        const auto at = corner + (r * layer.width + c) * layer.out + group + v;
        y += shift;
        if (layer.residual) y += load(layer.residual + at);
        if (layer.relu) y = y < 0 ? Vec{} : y;  // keeps what is not a number
        store(layer.output + at, y);
      };
      outputRows<false>(m + v, stride, finish);
      outputRows<true>(m + v, stride, finish);
    }
  }
}

void convolve(const Layer& layer, std::int64_t first, std::int64_t last, float* scratch) {
  const auto rows = layer.tileRows(), columns = layer.tileColumns(), all = layer.images * rows * columns;
  // A position's products take the place of the position before, which has been read: half the room in the cache.
  float* const m = scratch;
  float* const v = m + layer.stride();
  const float* const zeros = v + kPositions * layer.stride();
  const auto place = [&](std::int64_t tile) {
    return Tile{tile / (rows * columns), tile / columns % rows * 4, tile % columns * 4};
  };
  for (std::int64_t block = first; block < last; ++block) {
    const auto begin = block * kTiles, count = begin + kTiles < all ? kTiles : all - begin;
    for (std::int64_t t = 0; t < count; ++t) {
      transformInput(layer, place(begin + t), zeros, v + t * kGroup, layer.stride());
    }
    multiplyAll(layer, count, v, m);
    for (std::int64_t t = 0; t < count; ++t) {
      const auto tile = place(begin + t);
      if (tile.row + 4 <= layer.height && tile.column + 4 <= layer.width) {
        transformOutput<true>(layer, tile, m + t * kGroup);
      } else {
        transformOutput<false>(layer, tile, m + t * kGroup);
      }
    }
  }
}

/// Three values of a kernel's row or column → six.
inline void kernelValues(const Vec& x, const Vec& y, const Vec& z, Vec (&to)[6]) {
  const Vec nearEven = (-1 / 1.5F) * x - (0.5F / 1.5F) * z, farEven = (1 / 6.0F) * x + (2 / 6.0F) * z;
  to[0] = x;
  to[1] = nearEven - (kA / 1.5F) * y;
  to[2] = nearEven + (kA / 1.5F) * y;
  to[3] = farEven + (kB / 6) * y;
  to[4] = farEven - (kB / 6) * y;
  to[5] = z;
}

/// Kernels of one group of outputs for `kGroup` inputs: out×in×9 → in×9×out.
void gather(const float* kernel, std::int64_t in, float (&to)[kGroup][9][kGroup]) {
  for (int o = 0; o < kGroup; ++o, kernel += in * 9) {
    for (int k = 0; k < kGroup; ++k) {
      for (int i = 0; i < 9; ++i) to[k][i][o] = kernel[k * 9 + i];
    }
  }
}

/// G g Gᵀ of a kernel, one value per output channel.
void transformKernel(const float (&g)[9][kGroup], float* to, std::int64_t stride) {
  for (int v = 0; v < kGroup; v += kLanes) {
    Vec columns[3][6];
    for (int c = 0; c < 3; ++c) kernelValues(load(g[c] + v), load(g[3 + c] + v), load(g[6 + c] + v), columns[c]);
    for (int r = 0; r < 6; ++r) {
      Vec row[6];
      kernelValues(columns[0][r], columns[1][r], columns[2][r], row);
      for (int c = 0; c < 6; ++c) store(to + v + (r * 6 + c) * stride, row[c]);
    }
  }
}

void transformKernels(const float* kernel, std::int64_t in, std::int64_t first, std::int64_t last, std::int64_t out,
                      float* transformed) {
  float gathered[kGroup][9][kGroup];
  for (std::int64_t group = first; group < last; ++group) {
    for (std::int64_t k = 0; k < in; k += kGroup) {
      gather(kernel + (group * kGroup * in + k) * 9, in, gathered);
      float* const to = transformed + (group * in + k) * kGroup;
      for (int i = 0; i < kGroup; ++i) transformKernel(gathered[i], to + i * kGroup, Layer::kernelStride(in, out));
    }
  }
}

}  // namespace

const Kernels EIGENSCAPE_KERNELS{transformKernels, convolve};

}  // namespace eigenscape::winograd
