// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/landscape/curvature_map.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>

#include "core/curvature/lanczos.h"
#include "core/landscape/excursion.h"

namespace eigenscape {

namespace {

/// How much of a start is random: enough that an eigenvector in which the neighbour had no share is found.
constexpr double kRandomShare = 0.3;

/// Solves at one point after the other.
class Line {
 public:
  Line(Model& model, const Examples& examples, const CurvatureMapOptions& options, const Context& context)
      : model_(model), examples_(examples), options_(options), stopOnly_{context.stop, {}, {}} {
    start_ = options.start;
  }

  /// At the model's present parameters.
  CurvatureMapPoint solve() {
    CurvatureMapPoint point;
    try {
      auto curvature = options_.curvature;
      curvature.kind = CurvatureKind::Hessian;
      CurvatureOperator hessian(model_, examples_, curvature, stopOnly_);
      if (!std::isfinite(hessian.loss())) throw productNotFinite();
      use(lanczos(hessian, lanczosOptions(hessian), stopOnly_), point);
    } catch (const NotFinite&) {
      point.lowest = point.highest = point.residual = std::numeric_limits<double>::quiet_NaN();
    }
    return point;
  }

 private:
  LanczosOptions lanczosOptions(const CurvatureOperator& hessian) const {
    LanczosOptions options;
    options.top = options.bottom = 1;
    options.tolerance = options_.tolerance;
    options.relativeToLargest = true;
    options.maxProducts = options_.maxProducts;
    options.missTolerance = 1;
    options.seed = options_.seed;
    for (const auto& vector : start_) options.start.push_back(vector.to(hessian.device(), hessian.type()));
    if (!options.start.empty()) {
      auto generator = at::detail::createCPUGenerator(options_.seed);
      const auto random = torch::randn({hessian.dimension()}, generator, torch::kFloat64);
      options.start.push_back((random * (kRandomShare / random.norm())).to(hessian.device(), hessian.type()));
    }
    return options;
  }

  void use(const EigenPairs& found, CurvatureMapPoint& point) {
    // A single parameter has one eigenvalue: both ends.
    const auto& high = found.top.front();
    const auto& low = found.bottom.empty() ? high : found.bottom.front();
    point.lowest = low.value;
    point.highest = high.value;
    point.products = found.products;
    const double largest = std::max(std::abs(low.value), std::abs(high.value));
    const auto error = [](const EigenPair& pair) { return pair.value == 0 ? 0 : pair.residual * std::abs(pair.value); };
    point.residual = largest > 0 ? std::max(error(low), error(high)) / largest : 0;
    point.converged = point.residual <= options_.tolerance;
    start_ = {high.vector, low.vector};
  }

  Model& model_;
  const Examples& examples_;
  const CurvatureMapOptions& options_;
  const Context stopOnly_;
  std::vector<torch::Tensor> start_;
};

}  // namespace

std::vector<double> coarserAxis(const std::vector<double>& axis, std::int64_t points) {
  const auto count = static_cast<std::int64_t>(axis.size());
  if (points >= count || points < 2) return axis;
  std::vector<std::int64_t> places;
  // From both ends alike, so that a symmetric axis keeps a symmetric choice: halves are rounded towards the middle.
  for (std::int64_t k = 0; k < points; ++k) {
    const bool upper = 2 * k > points - 1;
    const auto place =
        static_cast<double>((upper ? points - 1 - k : k) * (count - 1)) / static_cast<double>(points - 1);
    places.push_back(upper ? count - 1 - std::llround(place) : std::llround(place));
  }
  const auto zero = std::find(axis.begin(), axis.end(), 0.0) - axis.begin();
  if (zero > 0 && zero < count - 1 && points > 2) {
    const auto nearest = std::min_element(places.begin() + 1, places.end() - 1,
                                          [&](auto a, auto b) { return std::abs(a - zero) < std::abs(b - zero); });
    *nearest = zero;
  }
  std::vector<double> values;
  for (const auto place : places) values.push_back(axis[static_cast<std::size_t>(place)]);
  return values;
}

void evaluateCurvatureMap(Model& model, const std::vector<LandscapeSplit>& splits, const torch::Tensor& x,
                          const std::vector<double>& alphas, const torch::Tensor& y, const std::vector<double>& betas,
                          const CurvatureMapOptions& options, const std::vector<CurvatureMapPoint>& known,
                          const std::function<void(const CurvatureMapPoint&)>& deliver, const Context& context,
                          const RunningStatistics& statistics) {
  std::set<std::tuple<std::size_t, double, double>> there;
  for (const auto& point : known) there.emplace(point.split, point.beta, point.alpha);
  Excursion excursion(model, x, y);
  excursion.moveBuffers(statistics.x, statistics.y);
  const auto total = static_cast<double>(splits.size() * betas.size() * alphas.size());
  double done = 0;
  for (std::size_t split = 0; split < splits.size(); ++split) {
    const auto examples = splits[split].examples.to(model.device(), model.type());
    for (const double beta : betas) {
      const auto has = [&](double alpha) { return there.contains({split, beta, alpha}); };
      if (std::all_of(alphas.begin(), alphas.end(), has)) {
        context.report((done += static_cast<double>(alphas.size())) / total);
        continue;
      }
      Line line(model, examples, options, context);
      for (const double alpha : alphas) {
        context.check();
        excursion.go(alpha, beta);
        auto point = line.solve();
        point.alpha = alpha, point.beta = beta, point.split = split;
        if (!has(alpha)) deliver(point);
        context.report(++done / total);
      }
    }
  }
}

}  // namespace eigenscape
