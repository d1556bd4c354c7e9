// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/trace.h"
#include "core/curvature/memory.h"
#include "core/curvature/trace_correlation.h"
#include "core/model/random_signs.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

namespace eigenscape {

namespace {

/// Probes after which it is decided whether deflation pays; their products are then the sketch.
constexpr std::int64_t kPilot = 16;
/// Probes still to come from which on it does: it costs kPilot products and rarely saves less than half of the rest.
constexpr double kWorthwhile = 3.0 * kPilot;

/// Mean and standard error of a growing sample (Welford), beside a part that is known exactly.
class Sample {
 public:
  /// The deviations of x from the means without and with it.
  std::pair<double, double> add(double x) {
    ++count_;
    const double delta = x - mean_;
    mean_ += delta / static_cast<double>(count_);
    squares_ += delta * (x - mean_);
    return {delta, x - mean_};
  }
  void restart(double exact) { *this = Sample(), exact_ = exact; }
  TraceEstimate estimate() const {
    const auto n = static_cast<double>(count_);
    if (count_ < 2) return {exact_ + mean_, std::nan(""), 0};
    return {exact_ + mean_, studentFactor(n - 1) * std::sqrt(squares_ / (n - 1) / n), n - 1};
  }
  /// Of positive numbers whose mean is skewed: half the 95 % interval of its logarithm, upwards, where that is wider.
  TraceEstimate skewedEstimate() const {
    constexpr double z = 1.96;
    auto e = estimate();
    if (mean_ > 0) e.standardError = mean_ * std::expm1(z * e.standardError / mean_) / z;
    return e;
  }
  bool settled(double tolerance) const {
    const auto e = estimate();
    return e.standardError <= tolerance * std::abs(e.trace);
  }
  /// Probes that the tolerance takes in all, by the variance so far.
  double needed(double tolerance) const {
    const auto e = estimate();
    const double goal = tolerance * std::abs(e.trace);
    return goal > 0 ? static_cast<double>(count_) * std::pow(e.standardError / goal, 2) : HUGE_VAL;
  }

 private:
  std::int64_t count_ = 0;
  double mean_ = 0, squares_ = 0, exact_ = 0;
};

class Traces {
 public:
  Traces(LinearOperator& op, const std::vector<Range>& ranges, const TraceOptions& options, const Context& context)
      : op_(op),
        ranges_(ranges),
        options_(options),
        context_(context),
        before_(op.products()),
        generator_(at::detail::createCPUGenerator(options.seed)),
        parts_(ranges.size()),
        correlation_(ranges.size()),
        watched_(options.watched < 0 ? ranges.size()
                                     : std::min(ranges.size(), static_cast<std::size_t>(options.watched))) {}

  TraceEstimates run() {
    if (options_.deflated > 0) deflate(sketch(options_.deflated));
    while (used() < options_.maxProbes && !result_.converged) {
      if (options_.deflated < 0 && !basis_.defined() && result_.probes == kPilot && worthwhile()) {
        deflate(columns_);
        columns_.clear();
      }
      probe();
      result_.converged = result_.probes >= std::max<std::int64_t>(options_.minProbes, 2) && settled();
      context_.report(static_cast<double>(used()) / static_cast<double>(options_.maxProbes));
    }
    result_.whole = whole_.estimate();
    for (const auto& part : parts_) result_.ranges.push_back(part.estimate());
    result_.correlations = correlation_.matrix();
    result_.squaredFrobenius = square_.skewedEstimate();
    addErrorOfProducts();
    result_.products = used();
    result_.method = result_.deflated > 0 ? "hutch++" : "hutchinson";
    return std::move(result_);
  }

 private:
  std::int64_t used() const { return op_.products() - before_; }

  torch::Tensor draw() { return randomSigns({op_.dimension()}, generator_, op_.device(), op_.type()); }

  torch::Tensor apply(const torch::Tensor& vector) {
    context_.check();
    auto product = op_.apply(vector);
    if (!std::isfinite(product.sum().item<double>())) throw productNotFinite();
    return product;
  }

  void probe() {
    auto z = draw();
    if (basis_.defined()) z.sub_(basis_.t().mv(basis_.mv(z)));
    const auto product = apply(z);
    const double length = product.norm().item<double>();
    square_.add(length * length);
    if (options_.deflated < 0 && !basis_.defined() && result_.probes < kPilot) columns_.push_back(product);
    const auto terms = termsOf(z * product);
    whole_.add(terms.back());
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const auto [before, after] = parts_[i].add(terms[i]);
      correlation_.set(i, before, after);
    }
    correlation_.end();
    ++result_.probes;
  }

  /// Sums over each range, then over the whole.
  std::vector<double> termsOf(const torch::Tensor& perParameter) const {
    const auto values = perParameter.to(torch::kFloat64);
    std::vector<double> terms;
    for (const auto& range : ranges_) terms.push_back(values.narrow(0, range.offset, range.size).sum().item<double>());
    terms.push_back(values.sum().item<double>());
    return terms;
  }

  /// Products of random vectors lean towards the top of the spectrum.
  std::vector<torch::Tensor> sketch(std::int64_t count) {
    std::vector<torch::Tensor> columns;
    while (static_cast<std::int64_t>(columns.size()) < count && used() < options_.maxProbes)
      columns.push_back(apply(draw()));
    return columns;
  }

  /// With orthonormal rows Q and P = 1 − QᵀQ: A = QᵀQA + PA. The diagonal of the first is known from the products AQᵀ;
  /// that of the second is the mean of Pz ∘ APz.
  void deflate(const std::vector<torch::Tensor>& columns) {
    if (columns.empty()) return;
    // In double: columns of a sketch are nearly parallel.
    basis_ = withReleasedMemory([this] { return op_.releaseMemory(); },
                                [&] {
                                  const auto q =
                                      std::get<0>(torch::linalg_qr(torch::stack(columns, 1).to(torch::kFloat64)));
                                  return q.t().to(op_.type()).contiguous();
                                });
    std::vector<torch::Tensor> products;
    for (std::int64_t i = 0; i < basis_.size(0); ++i) products.push_back(apply(basis_[i]));
    const auto y = torch::stack(products);
    const auto exact = termsOf((basis_ * y).sum(0));
    whole_.restart(exact.back());
    for (std::size_t i = 0; i < parts_.size(); ++i) parts_[i].restart(exact[i]);
    correlation_.restart();
    square_.restart(y.to(torch::kFloat64).pow(2).sum().item<double>());
    result_.probes = 0;
    result_.deflated = basis_.size(0);
  }

  /// An error of length ε‖Az‖ in Az is one of about ε‖Az‖ in zᵀAz, z's entries being ±1, and it may be the same in
  /// every probe: ‖Az‖² has the mean ‖A‖²_F.
  void addErrorOfProducts() {
    const double share = op_.relativeError();
    if (share == 0) return;
    auto& square = result_.squaredFrobenius;
    const double error = share * std::sqrt(std::max(square.trace, 0.0));
    bool within = true;
    const auto widen = [&](TraceEstimate& estimate, bool watched) {
      estimate.standardError = std::hypot(estimate.standardError, error);
      within = within && (!watched || estimate.standardError <= options_.tolerance * std::abs(estimate.trace));
    };
    widen(result_.whole, true);
    for (std::size_t i = 0; i < result_.ranges.size(); ++i) widen(result_.ranges[i], i < watched_);
    square.standardError = std::hypot(square.standardError, 2 * share * square.trace);
    result_.converged = result_.converged && within;
  }

  bool settled() const {
    return whole_.settled(options_.tolerance) &&
           std::all_of(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(watched_),
                       [&](const Sample& part) { return part.settled(options_.tolerance); });
  }

  bool worthwhile() const {
    double needed = whole_.needed(options_.tolerance);
    for (std::size_t i = 0; i < watched_; ++i) needed = std::max(needed, parts_[i].needed(options_.tolerance));
    const auto left = static_cast<double>(options_.maxProbes - used());
    return std::min(needed - kPilot, left) > kWorthwhile;
  }

  LinearOperator& op_;
  const std::vector<Range>& ranges_;
  const TraceOptions& options_;
  const Context& context_;
  std::int64_t before_;
  at::Generator generator_;
  torch::Tensor basis_;  ///< rows: the deflated vectors
  std::vector<torch::Tensor> columns_;
  Sample whole_, square_;
  std::vector<Sample> parts_;
  TraceCorrelation correlation_;
  std::size_t watched_;
  TraceEstimates result_;
};

/// P(|T| > t) of Student's distribution at x = freedom / (freedom + t²), which is the incomplete beta function
/// I_x(freedom / 2, 1/2), by its power series; and the derivative by ln x.
std::pair<double, double> studentTail(double x, double freedom) {
  const double a = freedom / 2;
  double coefficient = 1, sum = 0;
  for (int n = 0; coefficient > 1e-16 * sum; ++n) {
    sum += coefficient / (a + n);
    coefficient *= x * (n + 0.5) / (n + 1);
  }
  constexpr double rootOfPi = 1.7724538509055160;
  const double scale = std::pow(x, a) * std::tgamma(a + 0.5) / (std::tgamma(a) * rootOfPi);
  return {scale * sum, scale / std::sqrt(1 - x)};
}

}  // namespace

double studentFactor(double freedom) {
  constexpr double tail = 0.05, z = 1.959963984540054;
  if (freedom >= 20) {
    // Expansion by Cornish and Fisher, in powers of 1 / freedom.
    constexpr double z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z, z9 = z7 * z * z;
    const double first = (z3 + z) / 4, second = (5 * z5 + 16 * z3 + 3 * z) / 96,
                 third = (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / 384,
                 fourth = (79 * z9 + 776 * z7 + 1482 * z5 - 1920 * z3 - 945 * z) / 92160;
    const double inverse = 1 / freedom;
    return 1 + inverse * (first + inverse * (second + inverse * (third + inverse * fourth))) / z;
  }
  // The tail's logarithm is convex in that of x, and t is at least z: Newton's steps come down to the root.
  double x = freedom / (freedom + z * z);
  for (int step = 0; step < 50; ++step) {
    const auto [probability, slope] = studentTail(x, freedom);
    const double change = std::log(probability / tail) * probability / slope;
    x *= std::exp(-change);
    if (std::abs(change) < 1e-12) break;
  }
  return std::sqrt(freedom * (1 - x) / x) / z;
}

TraceEstimate skewedMean(const std::vector<double>& numbers) {
  Sample sample;
  for (const double number : numbers) sample.add(number);
  return sample.skewedEstimate();
}

TraceEstimates estimateTraces(LinearOperator& op, const std::vector<Range>& ranges, const TraceOptions& options,
                              const Context& context) {
  const auto start = std::chrono::steady_clock::now();
  auto result = Traces(op, ranges, options, context).run();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace eigenscape
