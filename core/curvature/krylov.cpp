// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/krylov.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace eigenscape {

namespace {

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

/// Only the stretch of the basis that the coupling touches: in Lanczos' method one vector.
void Krylov::removeKnown(torch::Tensor& w, const Eigen::VectorXd& coupling) const {
  Eigen::Index first = 0, last = coupling.size();
  while (first < last && coupling[first] == 0) ++first;
  while (last > first && coupling[last - 1] == 0) --last;
  if (first == last) return;
  const Eigen::VectorXd part = coupling.segment(first, last - first);
  const auto weights =
      torch::from_blob(const_cast<double*>(part.data()), {part.size()}, torch::kFloat64).to(op_.device(), op_.type());
  w.sub_(basis_.narrow(0, first, last - first).t().mv(weights));
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
  pending_.push_back({w.div_(length), Eigen::VectorXd::Zero(size_)});
  return true;
}

void Krylov::addRandomStart() {
  // Nearly always the first one does; none does once the space is whole.
  for (int tries = 0; tries < 5; ++tries) {
    if (addStart(torch::randn({op_.dimension()}, generator_, torch::kFloat32))) return;
  }
}

void Krylov::expand(std::size_t which) {
  const auto chosen = pending_.begin() + static_cast<std::ptrdiff_t>(which);
  const Direction direction = std::move(*chosen);
  pending_.erase(chosen);
  const auto at = size_++;
  const auto p = basis_[at];
  p.copy_(direction.vector);
  for (Eigen::Index i = 0; i < direction.coupling.size(); ++i)
    projection_(i, at) = projection_(at, i) = direction.coupling[i];

  auto w = op_.apply(p);
  const double applied = lengthOf(w);
  if (!std::isfinite(applied)) throw productNotFinite();
  scale_ = std::max(scale_, applied);

  // What is known first, so that one more pass over the whole basis finds rounding alone.
  removeKnown(w, direction.coupling);
  const double along = innerProduct(p, w);
  projection_(at, at) += along;
  w.sub_(p * along);
  for (auto& other : pending_) {
    other.coupling.conservativeResize(size_);
    other.coupling[at] = 0;
  }
  double length = lengthOf(w);
  for (int pass = 0; pass < 3; ++pass) {
    const double before = length;
    for (auto& other : pending_) {
      const double coupling = innerProduct(other.vector, w);
      w.sub_(other.vector * coupling);
      other.coupling[at] += coupling;
    }
    const auto more = removeBasis(w);
    for (Eigen::Index i = 0; i < more.size(); ++i) {
      projection_(i, at) += more[i];
      if (i != at) projection_(at, i) = projection_(i, at);
    }
    length = lengthOf(w);
    if (length > 0.7 * before) break;
  }
  // Below that the space is invariant along this direction: what is left of w is rounding.
  if (length > 10 * epsilon() * scale_) {
    Eigen::VectorXd coupling = Eigen::VectorXd::Zero(size_);
    coupling[at] = length;
    pending_.push_back({w.div_(length), std::move(coupling)});
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
  const auto matrix = torch::from_blob(const_cast<double*>(coordinates.data()),
                                       {coordinates.cols(), coordinates.rows()}, torch::kFloat64)
                          .to(op_.device(), op_.type());
  return matrix.mm(rows(size_));
}

torch::Tensor Krylov::predictedProduct(const Eigen::VectorXd& coordinates) const {
  auto product = vectors(projection_.topLeftCorner(size_, size_) * coordinates)[0];
  for (const auto& direction : pending_)
    product.add_(direction.vector, direction.coupling.dot(coordinates.head(direction.coupling.size())));
  return product;
}

void Krylov::restart(const Eigen::VectorXd& values, const Eigen::MatrixXd& coordinates) {
  const auto kept = coordinates.cols();
  basis_.narrow(0, 0, kept).copy_(vectors(coordinates));
  projection_.setZero();
  projection_.topLeftCorner(kept, kept) = values.asDiagonal();
  for (auto& direction : pending_) {
    direction.coupling.conservativeResizeLike(Eigen::VectorXd::Zero(size_));
    direction.coupling = Eigen::VectorXd(coordinates.transpose() * direction.coupling);
  }
  size_ = kept;
}

}  // namespace eigenscape
