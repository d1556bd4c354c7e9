// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/double_backward.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "core/curvature/double_backward_kernels.h"

namespace eigenscape {

namespace {

using c10::DispatchKey;

/// Nothing is overridden (the library's kernels stand at an alias key), so dropping a registration brings them back.
class Registration {
 public:
  void set(bool on) {
    const std::scoped_lock lock(mutex_);
    if (on == !libraries_.empty()) return;
    libraries_.clear();
    if (!on) return;
    implementConvolutionBackward(at(DispatchKey::AutogradCUDA));
    auto& cpu = at(DispatchKey::AutogradCPU);
    implementConvolutionBackward(cpu);
    implementGeluBackward(cpu);
    implementLayerNormBackward(cpu);
  }
  bool isOn() const { return !libraries_.empty(); }
  /// How many want the library's own: then it stays off.
  std::atomic<int> held = 0;

 private:
  torch::Library& at(DispatchKey key) {
    libraries_.push_back(std::make_unique<torch::Library>(torch::Library::IMPL, "aten", key, __FILE__, __LINE__));
    return *libraries_.back();
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<torch::Library>> libraries_;
};

/// The dispatcher's table is the process's, so there is one registration; it is never destroyed, because the dispatcher
/// may be gone before it at exit.
Registration& registration() {
  static auto* const one = new Registration;
  return *one;
}

}  // namespace

void useFastDoubleBackward() {
  if (registration().held == 0) registration().set(true);
}

LibraryDoubleBackward::LibraryDoubleBackward() : previous_(registration().isOn()) {
  ++registration().held;
  registration().set(false);
}

LibraryDoubleBackward::~LibraryDoubleBackward() {
  if (--registration().held == 0) registration().set(previous_);
}

}  // namespace eigenscape
