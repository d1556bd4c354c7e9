// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>

#include "core/results/context.h"

namespace eigenscape {

/// Bytes of main memory that this process can have without swapping: what the system has available, within the limits
/// of the process's control group and of the groups around it (version 1 or 2, so those of containers, systemd and
/// Slurm, too) and half of its address space (`ulimit -v`). −1 when the system does not say. `root`: the folder that
/// has `proc` and `sys`.
std::int64_t freeMemory(const std::filesystem::path& root = "/");

/// Whether the exception says that memory for a tensor could not be had, on a device or in main memory. Not for a
/// RunError, which has been put into words for people.
bool isOutOfMemory(const std::exception& error);

/// Half of `examples`, after saying so by `context.log`, where the error says that memory ran out for `task` ("the
/// traces") with so many at once; throws RunError where that was one. Any other error is thrown again: to be called
/// while it is handled.
std::int64_t halfAfter(const std::exception& error, std::int64_t examples, const char* task, const Context& context);

/// `work(examples)`; where memory runs out, `work` begins anew with half as many examples at once.
template <class Work>
auto withFewerAtOnce(std::int64_t examples, const char* task, const Context& context, Work&& work) {
  while (true) {
    try {
      return work(examples);
    } catch (const std::exception& error) {
      examples = halfAfter(error, examples, task, context);
    }
  }
}

/// `work()`, and where memory runs out once more after `release()` gave some back (true: it did).
template <class Release, class Work>
auto withReleasedMemory(Release&& release, Work&& work) {
  try {
    return work();
  } catch (const std::exception& error) {
    if (!isOutOfMemory(error) || !release()) throw;
  }
  return work();
}

/// Counts what LibTorch allocates and frees while it lives: on this thread and, for backward passes, on the threads of
/// devices. What was there before must not be freed meanwhile.
class CountedMemory {
 public:
  CountedMemory();
  ~CountedMemory();
  CountedMemory(const CountedMemory&) = delete;
  CountedMemory& operator=(const CountedMemory&) = delete;
  /// Bytes allocated and not freed yet, on all devices.
  std::int64_t bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eigenscape
