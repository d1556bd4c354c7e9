// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/value_scale.h"

#include <algorithm>
#include <cmath>

#include "views/tickers.h"

namespace eigenscape {
namespace {

const double threshold = std::pow(10.0, 1.5);
// Four decades above the median and eight below it: a diverged corner must not flatten all the rest.
constexpr double reachUp = 1e4, reachDown = 1e-8;

}  // namespace

ValueScale::ValueScale(const std::vector<double>& values, const HeightChoice& choice) {
  std::vector<double> finite;
  std::copy_if(values.begin(), values.end(), std::back_inserter(finite), [](double v) { return std::isfinite(v); });
  if (finite.empty()) return;
  valid_ = true;
  std::sort(finite.begin(), finite.end());
  lower_ = finite.front();
  upper_ = finite.back();
  const double median = finite[finite.size() / 2];
  if (choice.clip > lower_) upper_ = std::min(upper_, choice.clip);
  const auto positive = std::upper_bound(finite.begin(), finite.end(), 0.0);
  const bool possible = positive != finite.end() && *positive < upper_;
  // A loss may be exactly zero; a few zeros or tiny negatives don't stop the logarithm, they are clipped below it.
  const bool fits = possible && median > 0 && upper_ > threshold * *positive;
  if (choice.kind == "log" ? possible : choice.kind == "auto" && fits) {
    logarithmic_ = true;
    lower_ = median > 0 ? std::max(*positive, median * reachDown) : *positive;
    if (median > 0) upper_ = std::min(upper_, median * reachUp);
  }
  if (!(upper_ > lower_)) {
    const double pad = lower_ == 0 ? 1 : std::abs(lower_) * 0.05;
    lower_ -= pad;
    upper_ += pad;
    logarithmic_ = false;
  }
}

double ValueScale::clamp(double value) const {
  return std::clamp(value, lower_, upper_);
}

double ValueScale::position(double value) const {
  if (logarithmic_) return std::log(std::max(value, lower_ * 1e-3) / lower_) / std::log(upper_ / lower_);
  return (value - lower_) / (upper_ - lower_);
}

double ValueScale::value(double position) const {
  if (logarithmic_) return lower_ * std::pow(upper_ / lower_, position);
  return lower_ + position * (upper_ - lower_);
}

std::vector<double> ValueScale::levels(int count) const {
  return logarithmic_ ? roundLogValues(lower_, upper_, count) : roundValues(lower_, upper_, count);
}

bool wantsLogarithm(const std::vector<double>& values) {
  double smallest = HUGE_VAL, largest = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    smallest = std::min(smallest, value);
    largest = std::max(largest, value);
  }
  return smallest > 0 && largest > threshold * smallest;
}

}  // namespace eigenscape
