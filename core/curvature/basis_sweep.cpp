// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/basis_sweep.h"

#include <torch/torch.h>

#include <algorithm>
#include <cstdint>

#include "core/curvature/basis_kernels.h"
#include "core/model/instruction_sets.h"
#include "core/model/parallel.h"

namespace eigenscape {

namespace {

const basis::Kernels& kernels() {
  static const basis::Kernels& chosen = EIGENSCAPE_KERNELS_OF(basis);
  return chosen;
}

void sweepPiece(const basis::Piece<float>& piece) {
  kernels().ofFloats(piece);
}
void sweepPiece(const basis::Piece<double>& piece) {
  kernels().ofDoubles(piece);
}

/// As many columns as keep their piece of the basis in a core's cache: it is read twice, from memory once.
template <class T>
std::int64_t pieceLength(std::int64_t count) {
  constexpr std::int64_t bytes = std::int64_t{384} << 10, line = 64 / sizeof(T);
  const auto fitting = bytes / (count * static_cast<std::int64_t>(sizeof(T)));
  return std::clamp<std::int64_t>(fitting / line * line, 4 * line, 4096);
}

template <class T>
Left sweepOnCpu(const torch::Tensor& basis, const Eigen::VectorXd& rest, torch::Tensor& q, const Eigen::VectorXd& known,
                torch::Tensor& w) {
  const std::int64_t count = basis.size(0), length = basis.size(1), stride = basis.stride(0);
  const std::int64_t piece = pieceLength<T>(count), pieces = (length + piece - 1) / piece;
  const Eigen::Matrix<T, Eigen::Dynamic, 1> ofQ = rest.cast<T>(), ofW = known.cast<T>();
  const bool changesQ = (rest.array() != 0).any();
  const T* const rows = basis.template data_ptr<T>();
  T *const first = q.template data_ptr<T>(), *const second = w.template data_ptr<T>();
  Eigen::MatrixXd ofFirst(count, pieces), ofSecond(count, pieces);
  parallelFor(pieces, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t at = p * piece, size = std::min(piece, length - at);
      sweepPiece(basis::Piece<T>{rows + at, stride, count, size, changesQ ? ofQ.data() : nullptr, ofW.data(),
                                 first + at, second + at, ofFirst.col(p).data(), ofSecond.col(p).data()});
    }
  });
  return {ofFirst.rowwise().sum(), ofSecond.rowwise().sum()};
}

torch::Tensor weights(const Eigen::MatrixXd& values, const torch::Tensor& like) {
  return torch::from_blob(const_cast<double*>(values.data()), {values.cols(), values.rows()}, torch::kFloat64)
      .to(like.device(), like.scalar_type());
}

}  // namespace

Left sweep(const torch::Tensor& basis, const Eigen::VectorXd& rest, torch::Tensor& q, const Eigen::VectorXd& known,
           torch::Tensor& w) {
  if (basis.size(0) == 0) return {};
  if (basis.is_cpu() && w.is_contiguous() && q.is_contiguous()) {
    return basis.scalar_type() == torch::kFloat64 ? sweepOnCpu<double>(basis, rest, q, known, w)
                                                  : sweepOnCpu<float>(basis, rest, q, known, w);
  }
  Eigen::MatrixXd both(basis.size(0), 2);
  both << rest, known;
  const auto changes = weights(both, basis).mm(basis);
  q.sub_(changes[0]);
  w.sub_(changes[1]);
  const auto left = torch::stack({q, w}).mm(basis.t()).to(torch::kCPU, torch::kFloat64).contiguous();
  const Eigen::Map<const Eigen::MatrixXd> columns(left.data_ptr<double>(), basis.size(0), 2);
  return {columns.col(0), columns.col(1)};
}

}  // namespace eigenscape
