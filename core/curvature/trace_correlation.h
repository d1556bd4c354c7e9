// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace eigenscape {

/// How the errors of several traces hang together that are estimated from the same draws: sums over the draws of the
/// products of their deviations, by Welford's step. Shares of the examples that draw for themselves go into the same
/// sums, each with its own means, as long as all have as many draws.
class TraceCorrelation {
 public:
  explicit TraceCorrelation(std::size_t traces)
      : before_(traces), after_(traces), size_(traces), sums_(traces * traces) {}

  /// One trace's deviation in this draw from its mean without and with the draw; then end() once for all of them.
  void set(std::size_t trace, double before, double after) { before_[trace] = before, after_[trace] = after; }
  void end() {
    for (std::size_t i = 0; i < size_; ++i) {
      for (std::size_t j = 0; j < size_; ++j) sums_[i * size_ + j] += before_[i] * after_[j];
    }
  }
  void restart() { sums_.assign(sums_.size(), 0); }

  /// Row by row, 1 on the diagonal; 0 with a trace that does not vary.
  std::vector<double> matrix() const {
    std::vector<double> result(sums_.size());
    for (std::size_t i = 0; i < size_; ++i) {
      for (std::size_t j = 0; j < size_; ++j) {
        const double scale = std::sqrt(sums_[i * size_ + i]) * std::sqrt(sums_[j * size_ + j]);
        // The two halves are equal but for rounding.
        const double product = (sums_[i * size_ + j] + sums_[j * size_ + i]) / 2;
        result[i * size_ + j] = i == j ? 1 : scale > 0 ? product / scale : 0;
      }
    }
    return result;
  }

 private:
  std::vector<double> before_, after_;
  std::size_t size_;
  std::vector<double> sums_;
};

}  // namespace eigenscape
