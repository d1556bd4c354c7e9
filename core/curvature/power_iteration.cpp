// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/power_iteration.h"

#include <torch/torch.h>

#include <chrono>
#include <cmath>
#include <limits>

#include "core/curvature/eigen_pairs.h"

namespace eigenscape {

namespace {

void removeFound(torch::Tensor& v, const std::vector<EigenPair>& found) {
  for (const auto& pair : found) v.sub_(pair.vector * pair.vector.dot(v));
}

}  // namespace

PowerResult powerIteration(LinearOperator& op, const PowerOptions& options, const Context& context) {
  const auto start = std::chrono::steady_clock::now();
  const auto before = op.products();
  auto generator = at::detail::createCPUGenerator(options.seed);
  const auto count = std::min(options.top, op.dimension());
  PowerResult result;
  for (std::int64_t index = 1; index <= count; ++index) {
    auto v = torch::randn({op.dimension()}, generator, torch::kFloat32).to(op.device(), op.type());
    removeFound(v, result.pairs);
    v.div_(v.norm());
    EigenPair pair;
    for (std::int64_t iteration = 1; iteration <= options.maxIterations; ++iteration) {
      context.check();
      auto product = op.apply(v);
      const double value = v.dot(product).item<double>();
      if (!std::isfinite(value)) throw productNotFinite();
      const auto error = (product - value * v).norm().item<double>();
      pair.value = value;
      pair.vector = v;
      pair.residual = value != 0 ? error / std::abs(value) : (error == 0 ? 0 : std::numeric_limits<double>::infinity());
      result.path.push_back({index, iteration, value});
      context.report((static_cast<double>(index - 1) +
                      static_cast<double>(iteration) / static_cast<double>(options.maxIterations)) /
                     static_cast<double>(count));
      if (pair.residual <= options.tolerance) break;
      removeFound(product, result.pairs);
      const auto length = product.norm().item<double>();
      if (length == 0) break;
      v = product / length;
    }
    pair.converged = pair.residual <= options.tolerance;
    pair.vector = withFixedSign(pair.vector);
    result.pairs.push_back(std::move(pair));
  }
  result.products = op.products() - before;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace eigenscape
