// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "core/results/error.h"

namespace eigenscape {

/// What a long computation is given: it polls `stop` at least once per batch and tells how far it is.
/// The callbacks run on the computing thread.
struct Context {
  std::stop_token stop;
  /// Share done (0..1) of the present phase. May be empty.
  std::function<void(double fraction)> progress;
  /// One line for people, such as "epoch 3: λ₁ = 97.69, residual 4e-4, 31 products". May be empty.
  std::function<void(const std::string& line)> log;

  void check() const {
    if (stop.stop_requested()) throw Stopped();
  }
  void report(double fraction) const {
    if (progress) progress(fraction);
  }
  /// For the index-th of `count` equal parts of the work; refers to this context.
  Context part(std::size_t index, std::size_t count) const {
    return {stop,
            [this, index, count](double fraction) {
              report((static_cast<double>(index) + fraction) / static_cast<double>(count));
            },
            log};
  }
  void say(const std::string& line) const {
    if (log) log(line);
  }
};

}  // namespace eigenscape
