// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/basis_kernels.h"

// EIGENSCAPE_KERNELS names what this compilation defines; the compiler's options decide the rest.
namespace eigenscape::basis {

namespace {

/// Partial sums of a scalar product: several registers full of them, so that one addition need not wait for another.
constexpr std::int64_t kLanes = 32;

/// to ← to − Σ weights[i] row i. Four rows at a time: `to` is read and written for each pass over it.
template <class T>
void subtract(const Piece<T>& piece, const T* weights, T* __restrict to) {
  std::int64_t i = 0;
  for (; i + 4 <= piece.count; i += 4) {
    const T *a = piece.rows + i * piece.stride, *b = a + piece.stride, *c = b + piece.stride, *d = c + piece.stride;
    const T x = weights[i], y = weights[i + 1], z = weights[i + 2], u = weights[i + 3];
    for (std::int64_t k = 0; k < piece.length; ++k) to[k] -= (x * a[k] + y * b[k]) + (z * c[k] + u * d[k]);
  }
  for (; i < piece.count; ++i) {
    const T* a = piece.rows + i * piece.stride;
    for (std::int64_t k = 0; k < piece.length; ++k) to[k] -= weights[i] * a[k];
  }
}

/// row · q and row · w.
template <class T>
void products(const Piece<T>& piece, const T* __restrict row, double& withQ, double& withW) {
  const T* __restrict q = piece.q, * __restrict w = piece.w;
  T lanesQ[kLanes] = {}, lanesW[kLanes] = {};
  std::int64_t k = 0;
  for (; k + kLanes <= piece.length; k += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) lanesQ[lane] += row[k + lane] * q[k + lane];
    for (std::int64_t lane = 0; lane < kLanes; ++lane) lanesW[lane] += row[k + lane] * w[k + lane];
  }
  double sumQ = 0, sumW = 0;
  for (; k < piece.length; ++k) {
    sumQ += static_cast<double>(row[k]) * static_cast<double>(q[k]);
    sumW += static_cast<double>(row[k]) * static_cast<double>(w[k]);
  }
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    sumQ += static_cast<double>(lanesQ[lane]);
    sumW += static_cast<double>(lanesW[lane]);
  }
  withQ = sumQ;
  withW = sumW;
}

template <class T>
void sweepPiece(const Piece<T>& piece) {
  if (piece.rest) subtract(piece, piece.rest, piece.q);
  subtract(piece, piece.known, piece.w);
  for (std::int64_t i = 0; i < piece.count; ++i)
    products(piece, piece.rows + i * piece.stride, piece.ofQ[i], piece.ofW[i]);
}

}  // namespace

const Kernels EIGENSCAPE_KERNELS{sweepPiece<float>, sweepPiece<double>};

}  // namespace eigenscape::basis
