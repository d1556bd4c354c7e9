// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

// The inner loops of core/curvature/basis_sweep.h, compiled once per instruction set: plain pointers and no other
// header, so that no code made for a newer processor can stand in for a function that the whole program shares.
namespace eigenscape::basis {

/// Some columns of a basis, short enough to stay in a core's cache, and the same stretch of two vectors.
template <class T>
struct Piece {
  const T* rows;
  std::int64_t stride, count, length;
  const T *rest, *known;  ///< `count` each; rest is null where nothing is to be taken out of q
  T *q, *w;
  double *ofQ, *ofW;  ///< `count` sums each
};

struct Kernels {
  /// q −= Σ rest[i] row i, w −= Σ known[i] row i, then ofQ[i] = row i · q, ofW[i] = row i · w.
  void (*ofFloats)(const Piece<float>& piece);
  void (*ofDoubles)(const Piece<double>& piece);
};

extern const Kernels kBaseline;
#ifdef __x86_64__
extern const Kernels kAvx2, kAvx512;
#endif

}  // namespace eigenscape::basis
