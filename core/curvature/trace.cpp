// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/trace.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

namespace eigenscape {

namespace {

/// Mean and standard error of a growing sample (Welford).
class Sample {
 public:
  void add(double x) {
    ++count_;
    const double delta = x - mean_;
    mean_ += delta / static_cast<double>(count_);
    squares_ += delta * (x - mean_);
  }
  TraceEstimate estimate() const {
    const auto n = static_cast<double>(count_);
    return {mean_, count_ > 1 ? std::sqrt(squares_ / (n - 1) / n) : std::nan("")};
  }
  bool settled(double tolerance) const {
    const auto e = estimate();
    return e.standardError <= tolerance * std::abs(e.trace);
  }

 private:
  std::int64_t count_ = 0;
  double mean_ = 0, squares_ = 0;
};

}  // namespace

TraceEstimates hutchinson(LinearOperator& op, const std::vector<Range>& ranges, const TraceOptions& options,
                          const Context& context) {
  const auto before = op.products();
  auto generator = at::detail::createCPUGenerator(options.seed);
  Sample whole;
  std::vector<Sample> parts(ranges.size());
  const auto watched =
      options.watched < 0 ? ranges.size() : std::min(ranges.size(), static_cast<std::size_t>(options.watched));
  const auto settled = [&] {
    return whole.settled(options.tolerance) &&
           std::all_of(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(watched),
                       [&](const Sample& part) { return part.settled(options.tolerance); });
  };

  TraceEstimates result;
  for (std::int64_t probe = 0; probe < options.maxProbes && !result.converged; ++probe) {
    context.check();
    const auto z =
        torch::randint(0, 2, {op.dimension()}, generator, torch::kFloat32).mul_(2).sub_(1).to(op.device(), op.type());
    const auto terms = (z * op.apply(z)).to(torch::kFloat64);
    const auto sample = terms.sum().item<double>();
    if (!std::isfinite(sample)) throw productNotFinite();
    whole.add(sample);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      parts[i].add(terms.narrow(0, ranges[i].offset, ranges[i].size).sum().item<double>());
    }
    result.converged = probe + 1 >= options.minProbes && settled();
    context.report(static_cast<double>(probe + 1) / static_cast<double>(options.maxProbes));
  }
  result.whole = whole.estimate();
  for (const auto& part : parts) result.ranges.push_back(part.estimate());
  result.products = op.products() - before;
  return result;
}

}  // namespace eigenscape
