// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/progress_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace eigenscape {
namespace {

std::size_t terminalWidth() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
  return size.ws_col;
}

/// The first `columns` characters of UTF-8 text.
std::string clipped(const std::string& text, std::size_t columns) {
  std::size_t end = 0, seen = 0;
  while (end < text.size()) {
    if ((static_cast<unsigned char>(text[end]) & 0xC0) != 0x80 && seen++ == columns) break;
    ++end;
  }
  return text.substr(0, end);
}

std::string bar(double fraction) {
  constexpr int cells = 20;
  const int full = static_cast<int>(std::lround(std::clamp(fraction, 0.0, 1.0) * cells));
  std::string text;
  for (int i = 0; i < cells; ++i) text += i < full ? "█" : "░";
  return text;
}

}  // namespace

std::string durationText(double seconds) {
  const auto total = static_cast<long long>(std::llround(std::max(seconds, 0.0)));
  if (total < 100) return std::to_string(total) + " s";
  const long long minutes = (total + 30) / 60;
  if (minutes < 100) return std::to_string(minutes) + " min";
  return std::to_string(minutes / 60) + " h " + std::to_string(minutes % 60) + " min";
}

ProgressLine::ProgressLine(bool quiet) : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}

void ProgressLine::update(const StudyProgress& progress) {
  const std::lock_guard lock(mutex_);
  if (quiet_ || closed_) return;
  const bool newPhase = progress.phase != phase_;
  phase_ = progress.phase;
  if (!terminal_) {
    if (newPhase) std::fprintf(stderr, "%s\n", phase_.c_str());
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (!newPhase && now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  std::string text =
      bar(progress.totalFraction) + " " + std::to_string(std::lround(progress.totalFraction * 100)) + " %  " + phase_;
  if (progress.secondsLeft >= 0) text += " · " + durationText(progress.secondsLeft) + " left";
  wipe();
  std::fprintf(stderr, "%s", clipped(text, terminalWidth() - 1).c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressLine::log(const std::string& line) {
  const std::lock_guard lock(mutex_);
  if (quiet_ || closed_ || !terminal_) return;
  wipe();
  std::fprintf(stderr, "%s\n", line.c_str());
}

void ProgressLine::close() {
  const std::lock_guard lock(mutex_);
  wipe();
  closed_ = true;
}

void ProgressLine::wipe() {
  if (drawn_) std::fprintf(stderr, "\r\033[K");
  drawn_ = false;
}

}  // namespace eigenscape
