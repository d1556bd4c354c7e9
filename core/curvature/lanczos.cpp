// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/lanczos.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>

namespace eigenscape {

namespace {

/// The estimate |β sₘᵢ| is aimed below the tolerance, so that the measured residual meets it too.
constexpr double kSafety = 0.5;

std::int64_t basisSize(const LanczosOptions& options, std::int64_t dimension, torch::ScalarType type) {
  constexpr std::int64_t bytes = std::int64_t{1} << 30;
  const auto wanted = options.top + options.bottom;
  const auto affordable = bytes / (dimension * static_cast<std::int64_t>(c10::elementSize(type)));
  const auto least = 3 * wanted + 20, most = std::max<std::int64_t>(300, least);
  const auto chosen = options.maxBasis > 0 ? options.maxBasis : std::clamp(affordable, least, most);
  return std::min(std::max(chosen, wanted + 3), dimension);
}

/// An orthonormal basis V of a growing Krylov space and the projection T = VᵀAV, which is kept dense: full
/// reorthogonalization computes every entry anyway, and a restart then needs no case of its own.
class Krylov {
 public:
  Krylov(LinearOperator& op, std::int64_t capacity, std::uint64_t seed)
      : op_(op),
        capacity_(capacity),
        generator_(at::detail::createCPUGenerator(seed)),
        basis_(torch::zeros({capacity + 1, op.dimension()}, torch::TensorOptions(op.device()).dtype(op.type()))),
        projection_(Eigen::MatrixXd::Zero(capacity + 1, capacity + 1)) {
    startAnew();
  }

  std::int64_t size() const { return size_; }
  bool full() const { return size_ == capacity_; }
  double beta() const { return beta_; }

  /// Multiplies the newest vector and appends the next direction.
  void expand() {
    const auto newest = size_++;
    auto w = op_.apply(basis_[newest]);
    const auto before = w.norm().item<double>();
    const auto coefficients = orthogonalize(w, size_);
    for (std::int64_t i = 0; i < size_; ++i) projection_(i, newest) = projection_(newest, i) = coefficients[i];
    beta_ = w.norm().item<double>();
    scale_ = std::max(scale_, before);
    // The space is invariant: what is left of w is rounding. A fresh direction finds the eigenvectors outside of it.
    if (beta_ <= 10 * epsilon() * scale_) {
      beta_ = 0;
      if (size_ < op_.dimension()) startAnew();
    } else {
      basis_[size_].copy_(w / beta_);
    }
  }

  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solve() const {
    return Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(projection_.topLeftCorner(size_, size_));
  }

  /// Ritz vectors for the columns of `coordinates`, as rows.
  torch::Tensor ritzVectors(const Eigen::MatrixXd& coordinates) const {
    const Eigen::MatrixXd copy = coordinates;
    const auto matrix = torch::from_blob(const_cast<double*>(copy.data()), {copy.cols(), copy.rows()}, torch::kFloat64)
                            .to(op_.device(), op_.type());
    return matrix.mm(basis_.narrow(0, 0, size_));
  }

  /// Thick restart: the space shrinks to the given Ritz vectors and goes on with the newest direction.
  void restart(const Eigen::VectorXd& values, const Eigen::MatrixXd& coordinates) {
    const auto kept = coordinates.cols();
    const auto next = basis_[size_].clone();
    basis_.narrow(0, 0, kept).copy_(ritzVectors(coordinates));
    basis_[kept].copy_(next);
    projection_.setZero();
    projection_.topLeftCorner(kept, kept) = values.asDiagonal();
    size_ = kept;
  }

 private:
  double epsilon() const {
    return op_.type() == torch::kFloat64 ? std::numeric_limits<double>::epsilon()
                                         : static_cast<double>(std::numeric_limits<float>::epsilon());
  }

  /// Takes the components along the first `count` basis vectors out of w, twice, and returns them.
  std::vector<double> orthogonalize(torch::Tensor& w, std::int64_t count) const {
    std::vector<double> total(static_cast<std::size_t>(count), 0);
    if (count == 0) return total;
    const auto rows = basis_.narrow(0, 0, count);
    for (int pass = 0; pass < 2; ++pass) {
      const auto along = rows.mv(w);
      w.sub_(rows.t().mv(along));
      const auto values = along.to(torch::kCPU, torch::kFloat64);
      for (std::int64_t i = 0; i < count; ++i) total[static_cast<std::size_t>(i)] += values.data_ptr<double>()[i];
    }
    return total;
  }

  void startAnew() {
    auto w = torch::randn({op_.dimension()}, generator_, torch::kFloat32).to(op_.device(), op_.type());
    orthogonalize(w, size_);
    basis_[size_].copy_(w / w.norm());
  }

  LinearOperator& op_;
  std::int64_t capacity_, size_ = 0;
  at::Generator generator_;
  torch::Tensor basis_;  ///< rows are the vectors; row size_ is the next one
  Eigen::MatrixXd projection_;
  double beta_ = 0, scale_ = 0;
};

/// Columns of the ascending spectrum that are wanted: the last `top` and the first `bottom`.
std::vector<Eigen::Index> wantedColumns(Eigen::Index size, std::int64_t top, std::int64_t bottom) {
  std::vector<Eigen::Index> columns;
  for (Eigen::Index i = 0; i < std::min<Eigen::Index>(bottom, size); ++i) columns.push_back(i);
  for (auto i = std::max<Eigen::Index>(size - top, static_cast<Eigen::Index>(columns.size())); i < size; ++i)
    columns.push_back(i);
  return columns;
}

Eigen::MatrixXd select(const Eigen::MatrixXd& matrix, const std::vector<Eigen::Index>& columns) {
  Eigen::MatrixXd result(matrix.rows(), static_cast<Eigen::Index>(columns.size()));
  for (std::size_t i = 0; i < columns.size(); ++i) result.col(static_cast<Eigen::Index>(i)) = matrix.col(columns[i]);
  return result;
}

/// The eigenvector's sign is free; fixing it makes runs, restarts and resumed runs agree.
torch::Tensor withFixedSign(torch::Tensor v) {
  v = v / v.norm();
  return v[v.abs().argmax()].item<double>() < 0 ? -v : v;
}

EigenPair measured(LinearOperator& op, const torch::Tensor& ritz, double tolerance) {
  EigenPair pair;
  pair.vector = withFixedSign(ritz);
  const auto product = op.apply(pair.vector);
  pair.value = pair.vector.to(torch::kFloat64).dot(product.to(torch::kFloat64)).item<double>();
  const auto error = (product - pair.value * pair.vector).norm().item<double>();
  pair.residual =
      pair.value != 0 ? error / std::abs(pair.value) : (error == 0 ? 0 : std::numeric_limits<double>::infinity());
  pair.converged = pair.residual <= tolerance;
  return pair;
}

}  // namespace

EigenPairs lanczos(LinearOperator& op, const LanczosOptions& options, const Context& context) {
  const auto before = op.products();
  EigenPairs result;
  const auto dimension = op.dimension();
  const auto top = std::min(options.top, dimension), bottom = std::min(options.bottom, dimension - top);
  if (top + bottom == 0) return result;

  const auto capacity = basisSize(options, dimension, op.type());
  Krylov space(op, capacity, options.seed);
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> ritz;
  std::vector<Eigen::Index> wanted;
  while (true) {
    context.check();
    space.expand();
    if (!std::isfinite(space.beta())) throw productNotFinite();
    const bool exhausted = space.size() == dimension;
    if (space.size() < top + bottom && !exhausted) continue;
    ritz = space.solve();
    wanted = wantedColumns(space.size(), top, bottom);
    const auto done = std::count_if(wanted.begin(), wanted.end(), [&](Eigen::Index i) {
      const double estimate = space.beta() * std::abs(ritz.eigenvectors()(space.size() - 1, i));
      return estimate <= kSafety * options.tolerance * std::abs(ritz.eigenvalues()[i]);
    });
    context.report(static_cast<double>(done) / static_cast<double>(wanted.size()));
    const bool spent = op.products() - before + top + bottom >= options.maxProducts;
    if (exhausted || spent || (done == static_cast<std::ptrdiff_t>(wanted.size()) && space.beta() > 0)) break;
    if (space.full()) {
      // Neighbours of the wanted pairs are kept as well: they are the ones that the next steps would find again.
      const auto extra = (capacity - top - bottom) / 3;
      const auto kept =
          wantedColumns(space.size(), top + (bottom > 0 ? extra / 2 : extra), bottom + (bottom > 0 ? extra / 2 : 0));
      Eigen::VectorXd values(static_cast<Eigen::Index>(kept.size()));
      for (std::size_t i = 0; i < kept.size(); ++i) values[static_cast<Eigen::Index>(i)] = ritz.eigenvalues()[kept[i]];
      space.restart(values, select(ritz.eigenvectors(), kept));
    }
  }

  const auto vectors = space.ritzVectors(select(ritz.eigenvectors(), wanted));
  for (std::int64_t i = 0; i < vectors.size(0); ++i) {
    context.check();
    auto pair = measured(op, vectors[i], options.tolerance);
    (i < std::min<std::int64_t>(bottom, vectors.size(0)) ? result.bottom : result.top).push_back(std::move(pair));
  }
  // The measured Rayleigh quotients may change places within rounding.
  std::sort(result.top.begin(), result.top.end(), [](const auto& a, const auto& b) { return a.value > b.value; });
  std::sort(result.bottom.begin(), result.bottom.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
  result.products = op.products() - before;
  return result;
}

}  // namespace eigenscape
