// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/krylov.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/curvature/basis_sweep.h"
#include "core/curvature/memory.h"

namespace eigenscape {

namespace {

/// What is left of the basis in a product may wait for the next pass where it is no larger than this share of it.
constexpr double kLaterShare = 0.01;
/// A product that keeps less of its length than this beside its own vector has lost digits, and waits for nothing.
constexpr double kGreatLoss = 0.1;

Eigen::VectorXd toEigen(const torch::Tensor& vector) {
  const auto values = vector.to(torch::kCPU, torch::kFloat64).contiguous();
  return Eigen::Map<const Eigen::VectorXd>(values.data_ptr<double>(), values.numel());
}

double lengthOf(const torch::Tensor& vector) {
  return vector.norm().item<double>();
}

double innerProduct(const torch::Tensor& a, const torch::Tensor& b) {
  return a.dot(b).item<double>();
}

}  // namespace

std::int64_t vectorsThatFit(const LinearOperator& op) {
  constexpr std::int64_t any = std::numeric_limits<std::int32_t>::max();
  // What LibTorch keeps of earlier work on a GPU looks taken and can be had: there the allocation itself tells.
  const auto free = op.device().is_cpu() ? freeMemory() : -1;
  const auto bytes = op.dimension() * static_cast<std::int64_t>(c10::elementSize(op.type()));
  return free >= 0 ? free / 8 * 3 / std::max<std::int64_t>(bytes, 1) : any;
}

Krylov::Krylov(LinearOperator& op, std::int64_t capacity, std::uint64_t seed)
    : op_(op),
      capacity_(capacity),
      generator_(at::detail::createCPUGenerator(seed)),
      // Not zeroed: pages of main memory that are never written are never taken.
      basis_(torch::empty({capacity, op.dimension()}, torch::TensorOptions(op.device()).dtype(op.type()))),
      projection_(Eigen::MatrixXd::Zero(capacity, capacity)) {}

double Krylov::epsilon() const {
  return op_.type() == torch::kFloat64 ? std::numeric_limits<double>::epsilon()
                                       : static_cast<double>(std::numeric_limits<float>::epsilon());
}

Eigen::VectorXd Krylov::removeBasis(torch::Tensor& w) const {
  if (size_ == 0) return {};
  const auto along = rows(size_).mv(w);
  w.sub_(rows(size_).t().mv(along));
  return toEigen(along);
}

/// As rows, in the operator's type and on its device.
torch::Tensor Krylov::transposed(const Eigen::MatrixXd& columns) const {
  return torch::from_blob(const_cast<double*>(columns.data()), {columns.cols(), columns.rows()}, torch::kFloat64)
      .to(op_.device(), op_.type());
}

torch::Tensor Krylov::settled(const Direction& direction) const {
  if (!(direction.rest.array() != 0).any()) return direction.vector;
  return direction.vector - rows(direction.rest.size()).t().mv(transposed(direction.rest)[0]);
}

bool Krylov::addStart(const torch::Tensor& vector) {
  auto w = vector.detach().to(op_.device(), op_.type(), false, true);
  const double before = lengthOf(w);
  if (!(before > 0) || !std::isfinite(before)) return false;
  w.div_(before);
  for (int pass = 0; pass < 2; ++pass) {
    removeBasis(w);
    for (const auto& other : pending_) w.sub_(other.vector * innerProduct(other.vector, w));
  }
  const double length = lengthOf(w);
  if (!(length > 1e3 * epsilon())) return false;
  pending_.push_back({w.div_(length), Eigen::VectorXd::Zero(size_), Eigen::VectorXd::Zero(size_)});
  return true;
}

void Krylov::addRandomStart() {
  // Nearly always the first one does; none does once the space is whole.
  for (int tries = 0; tries < 5; ++tries) {
    if (addStart(torch::randn({op_.dimension()}, generator_, torch::kFloat32))) return;
  }
}

void Krylov::record(const Eigen::VectorXd& more, std::int64_t at) {
  for (Eigen::Index i = 0; i < more.size(); ++i) {
    projection_(i, at) += more[i];
    if (i != at) projection_(at, i) = projection_(i, at);
  }
}

double Krylov::removeAll(torch::Tensor& w, std::int64_t at, double length) {
  for (int pass = 0; pass < 3; ++pass) {
    const double before = length;
    for (auto& other : pending_) {
      const double coupling = innerProduct(other.vector, w);
      w.sub_(other.vector, coupling);
      other.coupling[at] += coupling;
    }
    record(removeBasis(w), at);
    length = lengthOf(w);
    if (length > 0.7 * before) break;
  }
  return length;
}

/// One pass over the basis a step: what the last one found left in a direction is subtracted with the next, and A q̂ of
/// q̂ = q − V e follows from A q by the relation that the basis satisfies.
void Krylov::expand(std::size_t which) {
  const auto chosen = pending_.begin() + static_cast<std::ptrdiff_t>(which);
  Direction direction = std::move(*chosen);
  pending_.erase(chosen);
  const auto at = size_;
  auto p = basis_[at];
  p.copy_(direction.vector);
  auto w = op_.apply(p);
  const double applied = lengthOf(w);
  if (!std::isfinite(applied)) throw productNotFinite();
  scale_ = std::max(scale_, applied);

  const auto padded = [&](Eigen::VectorXd& values) {
    values.conservativeResizeLike(Eigen::VectorXd::Zero(at));
    return values;
  };
  const Eigen::VectorXd rest = padded(direction.rest), coupling = padded(direction.coupling);
  const Eigen::VectorXd known = coupling + projection_.topLeftCorner(at, at) * rest;
  const Left left = sweep(rows(at), rest, p, known, w);
  const double along = innerProduct(p, w), whole = lengthOf(w);
  w.sub_(p, along);
  Eigen::VectorXd more = left.ofW - along * left.ofQ;
  Eigen::VectorXd withOthers = Eigen::VectorXd::Zero(at);  // of the basis, subtracted as part of other directions
  for (auto& other : pending_) {
    const double ofRest = padded(other.coupling).dot(rest), part = innerProduct(other.vector, w);
    w.sub_(other.vector, part);
    withOthers += part * padded(other.rest);
    other.coupling.conservativeResize(at + 1);
    other.coupling[at] = part - ofRest;
  }
  for (Eigen::Index i = 0; i < at; ++i) projection_(i, at) = projection_(at, i) = coupling[i];
  projection_(at, at) = along - coupling.dot(rest);
  size_ = at + 1;

  more -= withOthers;
  record(withOthers, at);
  more.conservativeResize(size_);
  more[at] = innerProduct(p, w);
  const double before = lengthOf(w), excess = more.norm();
  double length = before;
  if (before >= kGreatLoss * whole && excess <= kLaterShare * before) {
    record(more, at);
    length = std::sqrt(before * before - excess * excess);
  } else {
    length = removeAll(w, at, before);
    more.setZero();
  }
  // Below that the space is invariant along this direction: what is left of w is rounding.
  if (length > 10 * epsilon() * scale_) {
    Eigen::VectorXd ofNext = Eigen::VectorXd::Zero(size_);
    ofNext[at] = length;
    pending_.push_back({w.div_(length), std::move(ofNext), more / length});
  }
  // A fresh direction finds the eigenvectors outside of an invariant space.
  if (pending_.empty() && size_ < op_.dimension()) addRandomStart();
}

Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> Krylov::solve(std::int64_t first) const {
  const auto count = size_ - first;
  return Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(projection_.block(first, first, count, count));
}

std::vector<double> Krylov::squaredResiduals(const Eigen::VectorXd& coordinates) const {
  std::vector<double> squares;
  for (const auto& direction : pending_) {
    const double along = direction.coupling.dot(coordinates.head(direction.coupling.size()));
    squares.push_back(along * along);
  }
  return squares;
}

double Krylov::residual(const Eigen::VectorXd& coordinates) const {
  const auto squares = squaredResiduals(coordinates);
  return std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
}

torch::Tensor Krylov::vectors(const Eigen::MatrixXd& coordinates) const {
  return transposed(coordinates).mm(rows(size_));
}

torch::Tensor Krylov::predictedProduct(const Eigen::VectorXd& coordinates) const {
  auto product = vectors(projection_.topLeftCorner(size_, size_) * coordinates)[0];
  for (const auto& direction : pending_)
    product.add_(settled(direction), direction.coupling.dot(coordinates.head(direction.coupling.size())));
  return product;
}

void Krylov::restart(const Eigen::VectorXd& values, const Eigen::MatrixXd& coordinates) {
  const auto kept = coordinates.cols();
  for (auto& direction : pending_) direction.vector = settled(direction);
  // Piece by piece: a second basis may have no room.
  const auto matrix = transposed(coordinates);
  constexpr std::int64_t columns = std::int64_t{1} << 18;
  for (std::int64_t first = 0; first < op_.dimension(); first += columns) {
    const auto piece = basis_.narrow(1, first, std::min(columns, op_.dimension() - first));
    piece.narrow(0, 0, kept).copy_(matrix.mm(piece.narrow(0, 0, size_)));
  }
  projection_.setZero();
  projection_.topLeftCorner(kept, kept) = values.asDiagonal();
  for (auto& direction : pending_) {
    direction.coupling.conservativeResizeLike(Eigen::VectorXd::Zero(size_));
    direction.coupling = Eigen::VectorXd(coordinates.transpose() * direction.coupling);
    direction.rest = Eigen::VectorXd::Zero(kept);
  }
  size_ = kept;
}

}  // namespace eigenscape
