// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/landscape/trajectory.h"

#include <torch/torch.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace eigenscape {

namespace {

torch::Tensor onCpu(const torch::Tensor& tensor) {
  return tensor.detach().to(torch::kCPU, torch::kFloat32);
}

double innerProduct(const torch::Tensor& a, const torch::Tensor& b) {
  return a.to(torch::kFloat64).dot(b.to(torch::kFloat64)).item<double>();
}

/// Differences from the centre of the points from `first` on, as rows.
torch::Tensor differences(const Trajectory& path, const torch::Tensor& centre, std::int64_t first, std::int64_t count,
                          const Context& context) {
  auto rows = torch::empty({count, centre.size(0)}, torch::kFloat32);
  for (std::int64_t i = 0; i < count; ++i) {
    context.check();
    rows[i] = onCpu(path.point(first + i)) - centre;
  }
  return rows;
}

/// All inner products of the differences, block by block.
Eigen::MatrixXd gramMatrix(const Trajectory& path, const torch::Tensor& centre, std::int64_t block,
                           const Context& context) {
  Eigen::MatrixXd gram(path.count, path.count);
  for (std::int64_t i = 0; i < path.count; i += block) {
    const auto rows = differences(path, centre, i, std::min(block, path.count - i), context);
    for (std::int64_t j = 0; j <= i; j += block) {
      const auto others = j == i ? rows : differences(path, centre, j, block, context);
      for (std::int64_t a = 0; a < rows.size(0); ++a) {
        for (std::int64_t b = 0; b < others.size(0); ++b)
          gram(i + a, j + b) = gram(j + b, i + a) = innerProduct(rows[a], others[b]);
      }
    }
  }
  return gram;
}

}  // namespace

PrincipalDirections principalDirections(const Trajectory& path, const torch::Tensor& centre, std::int64_t components,
                                        const Context& context, std::int64_t bytes) {
  const torch::NoGradGuard noGrad;
  const auto origin = onCpu(centre);
  const auto dimension = origin.size(0);
  const auto row = dimension * static_cast<std::int64_t>(sizeof(float));
  const auto block =
      std::clamp<std::int64_t>(bytes / 2 / std::max<std::int64_t>(row, 1), 1, std::max<std::int64_t>(path.count, 1));
  PrincipalDirections found{torch::zeros({0, dimension}, torch::kFloat32), {}};
  if (path.count == 0) return found;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gramMatrix(path, origin, block, context));
  const auto& values = solver.eigenvalues();
  const double total = values.cwiseMax(0).sum();
  // Beyond that a component is rounding of the differences.
  std::vector<Eigen::Index> columns;
  for (auto i = values.size() - 1; i >= 0 && static_cast<std::int64_t>(columns.size()) < components; --i) {
    if (values[i] > 1e-10 * total) columns.push_back(i);
  }
  found.rows = torch::zeros({static_cast<std::int64_t>(columns.size()), dimension}, torch::kFloat64);
  for (std::int64_t i = 0; i < path.count; ++i) {
    context.check();
    const auto difference = (onCpu(path.point(i)) - origin).to(torch::kFloat64);
    for (std::size_t k = 0; k < columns.size(); ++k)
      found.rows[static_cast<std::int64_t>(k)] += difference * solver.eigenvectors()(i, columns[k]);
  }
  const auto first = (onCpu(path.point(0)) - origin).to(torch::kFloat64);
  for (std::size_t k = 0; k < columns.size(); ++k) {
    auto direction = found.rows[static_cast<std::int64_t>(k)];
    direction /= direction.norm();
    if (direction.dot(first).item<double>() < 0) direction.neg_();
    found.shares.push_back(values[columns[k]] / total);
  }
  found.rows = found.rows.to(torch::kFloat32);
  return found;
}

namespace {

Eigen::Matrix2d gramOf(const torch::Tensor& u, const torch::Tensor& v) {
  Eigen::Matrix2d gram;
  gram << innerProduct(u, u), innerProduct(u, v), innerProduct(u, v), innerProduct(v, v);
  return gram;
}

bool isRegular(const Eigen::Matrix2d& gram) {
  return gram.determinant() > 1e-9 * gram(0, 0) * gram(1, 1);
}

}  // namespace

bool spanPlane(const torch::Tensor& x, const torch::Tensor& y) {
  const torch::NoGradGuard noGrad;
  return isRegular(gramOf(onCpu(x), onCpu(y)));
}

std::vector<ProjectedPoint> projected(const Trajectory& path, const torch::Tensor& centre, const torch::Tensor& x,
                                      const torch::Tensor& y, const Context& context) {
  const torch::NoGradGuard noGrad;
  const auto origin = onCpu(centre), u = onCpu(x), v = onCpu(y);
  const auto gram = gramOf(u, v);
  if (!isRegular(gram)) throw std::invalid_argument("trajectory: the two directions span no plane");
  const Eigen::LDLT<Eigen::Matrix2d> solver(gram);
  std::vector<ProjectedPoint> points;
  for (std::int64_t i = 0; i < path.count; ++i) {
    context.check();
    const auto difference = onCpu(path.point(i)) - origin;
    const Eigen::Vector2d along(innerProduct(u, difference), innerProduct(v, difference));
    const Eigen::Vector2d coordinates = solver.solve(along);
    const double length = innerProduct(difference, difference);
    const double rest = length > 0 ? 1 - coordinates.dot(along) / length : 0;
    points.push_back({coordinates[0], coordinates[1], std::clamp(rest, 0.0, 1.0)});
  }
  return points;
}

std::vector<double> projected(const Trajectory& path, const torch::Tensor& centre, const torch::Tensor& x,
                              const Context& context) {
  const torch::NoGradGuard noGrad;
  const auto origin = onCpu(centre), u = onCpu(x);
  const double square = innerProduct(u, u);
  std::vector<double> alphas;
  for (std::int64_t i = 0; i < path.count; ++i) {
    context.check();
    alphas.push_back(square > 0 ? innerProduct(u, onCpu(path.point(i)) - origin) / square : 0);
  }
  return alphas;
}

}  // namespace eigenscape
