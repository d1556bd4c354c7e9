// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <stop_token>
#include <thread>

namespace eigenscape {

/// While it lives, SIGINT and SIGTERM ask the computation to stop. If that has not brought the process to an end after
/// a second and a half, or when a second signal comes, `force` is called on another thread; it must not return.
///
/// A handler and a pipe, and not a blocked signal and sigwait: libraries start threads before main does, and the signal
/// may be delivered to any of them.
class Interruption {
 public:
  explicit Interruption(std::function<void()> force);
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  bool requested() const { return source_.stop_requested(); }

 private:
  void watch();

  std::function<void()> force_;
  std::stop_source source_;
  std::thread watcher_;
};

}  // namespace eigenscape
