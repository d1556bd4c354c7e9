// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "core/study/study.h"

namespace eigenscape {

/// "40 s", "12 min", "3 h 20 min".
std::string durationText(double seconds);

/// Progress on standard error: a bar that is drawn over on a terminal, one line per phase otherwise.
class ProgressLine {
 public:
  explicit ProgressLine(bool quiet);
  void update(const StudyProgress& progress);
  /// One line of the log; shown above the bar on a terminal alone.
  void log(const std::string& line);
  /// Takes the bar away. May be called from any thread.
  void close();

 private:
  void wipe();

  std::mutex mutex_;
  bool quiet_, terminal_, drawn_ = false, closed_ = false;
  std::string phase_;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace eigenscape
