// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/power_iteration.h"

#include <torch/torch.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/curvature/eigen_pairs.h"
#include "core/curvature/memory.h"

namespace eigenscape {

namespace {

/// The deflated iteration stops below the tolerance: what the found vectors have in common adds to a residual.
constexpr double kSafety = 0.9;

/// The unit vectors that the iterations ended with, their products and their Rayleigh quotients.
struct Found {
  Found(LinearOperator& op, std::int64_t count)
      : vectors(torch::empty({count, op.dimension()}, torch::TensorOptions(op.device()).dtype(op.type()))),
        products(torch::empty_like(vectors)) {}
  void add(const torch::Tensor& vector, const torch::Tensor& product, double value) {
    const auto row = static_cast<std::int64_t>(values.size());
    vectors[row].copy_(vector);
    products[row].copy_(product);
    values.push_back(value);
  }
  void removeFrom(torch::Tensor& v) const {
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(values.size()); ++i) v.sub_(vectors[i] * vectors[i].dot(v));
  }
  torch::Tensor vectors, products;  ///< a row each
  std::vector<double> values;
};

EigenPair pairOf(double value, const torch::Tensor& vector, const torch::Tensor& product, double tolerance,
                 double relativeError) {
  EigenPair pair;
  const auto error = (product - value * vector).norm().item<double>();
  pair.value = value;
  pair.vector = withFixedSign(vector);
  pair.residual = std::hypot(relativeResidual(error, value), relativeError);
  pair.converged = pair.residual <= tolerance;
  return pair;
}

/// Rayleigh-Ritz over all that was found, by the products at hand. The first vector is off by as much as its tolerance,
/// mostly along the second, which is looked for at right angles to it: alone it would never have a small residual.
std::vector<EigenPair> ritzPairs(const Found& found, double tolerance, double relativeError) {
  const auto& v = found.vectors;
  const auto projected = v.mm(found.products.t()).to(torch::kCPU, torch::kFloat64).contiguous();
  const auto size = static_cast<Eigen::Index>(found.values.size());
  const Eigen::MatrixXd between = Eigen::Map<const Eigen::MatrixXd>(projected.data_ptr<double>(), size, size);
  Eigen::MatrixXd matrix = (between + between.transpose()) / 2;
  // Of one vector alone the value is the last one of its path.
  for (Eigen::Index i = 0; i < size; ++i) matrix(i, i) = found.values[static_cast<std::size_t>(i)];
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> ritz(matrix);
  const auto turn = torch::from_blob(const_cast<double*>(ritz.eigenvectors().data()), {size, size}, torch::kFloat64)
                        .to(v.device(), v.scalar_type());
  std::vector<EigenPair> pairs;
  for (Eigen::Index i = 0; i < size; ++i)
    pairs.push_back(
        pairOf(ritz.eigenvalues()[i], turn[i].matmul(v), turn[i].matmul(found.products), tolerance, relativeError));
  std::sort(pairs.begin(), pairs.end(),
            [](const auto& a, const auto& b) { return std::abs(a.value) > std::abs(b.value); });
  return pairs;
}

}  // namespace

PowerResult powerIteration(LinearOperator& op, const PowerOptions& options, const Context& context) {
  const auto start = std::chrono::steady_clock::now();
  const auto before = op.products();
  auto generator = at::detail::createCPUGenerator(options.seed);
  const auto count = std::min(options.top, op.dimension());
  PowerResult result;
  auto found = withReleasedMemory([&] { return op.releaseMemory(); }, [&] { return Found(op, count); });
  for (std::int64_t index = 1; index <= count; ++index) {
    auto v = torch::randn({op.dimension()}, generator, torch::kFloat32).to(op.device(), op.type());
    found.removeFrom(v);
    v.div_(v.norm());
    torch::Tensor product;
    for (std::int64_t iteration = 1; iteration <= options.maxIterations; ++iteration) {
      context.check();
      product = op.apply(v);
      const double value = v.dot(product).item<double>();
      if (!std::isfinite(value)) throw productNotFinite();
      result.path.push_back({index, iteration, value});
      context.report((static_cast<double>(index - 1) +
                      static_cast<double>(iteration) / static_cast<double>(options.maxIterations)) /
                     static_cast<double>(count));
      auto next = product.clone();
      found.removeFrom(next);
      const auto error = (next - value * v).norm().item<double>();
      const auto length = next.norm().item<double>();
      if (error <= kSafety * options.tolerance * std::abs(value) || length == 0) break;
      if (iteration < options.maxIterations) v = next / length;
    }
    found.add(v, product, result.path.back().eigenvalue);
  }
  if (count > 0) result.pairs = ritzPairs(found, options.tolerance, op.relativeError());
  result.products = op.products() - before;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace eigenscape
