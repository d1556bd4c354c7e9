// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/memory.h"

#include <c10/core/Allocator.h>
#include <c10/util/Exception.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <limits>
#include <new>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/results/error.h"

namespace eigenscape {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

/// The number behind the word `key` in a file, or the file's first word for an empty key; −1 without a number there.
std::int64_t numberIn(const fs::path& file, const std::string& key) {
  std::ifstream stream(file);
  std::string word;
  while (!key.empty() && stream >> word && word != key) {
  }
  std::int64_t number = -1;
  return stream >> number ? number : -1;
}

/// The files of a control group, by the version of the interface. Pages of files are counted and can be had back.
struct GroupFiles {
  std::vector<const char*> limits;
  const char* usage;
  std::vector<const char*> pages;  ///< in memory.stat
};

const GroupFiles& groupFiles(bool second) {
  static const GroupFiles first{
      {"memory.limit_in_bytes"}, "memory.usage_in_bytes", {"total_active_file", "total_inactive_file"}};
  static const GroupFiles unified{{"memory.max", "memory.high"}, "memory.current", {"active_file", "inactive_file"}};
  return second ? unified : first;
}

std::int64_t leftInGroup(const fs::path& folder, const GroupFiles& files) {
  std::int64_t limit = kUnlimited;
  for (const auto* name : files.limits) {
    const auto number = numberIn(folder / name, {});
    if (number >= 0) limit = std::min(limit, number);
  }
  if (limit == kUnlimited) return limit;
  auto used = std::max<std::int64_t>(numberIn(folder / files.usage, {}), 0);
  for (const auto* name : files.pages) used -= std::max<std::int64_t>(numberIn(folder / "memory.stat", name), 0);
  return std::max<std::int64_t>(limit - std::max<std::int64_t>(used, 0), 0);
}

bool lists(const std::string& commas, std::string_view word) {
  std::istringstream stream(commas);
  for (std::string item; std::getline(stream, item, ',');) {
    if (item == word) return true;
  }
  return false;
}

/// Of the process, in the hierarchy that counts memory in this version; empty: in none.
std::string groupOfProcess(const fs::path& root, bool second) {
  std::ifstream stream(root / "proc/self/cgroup");
  for (std::string line; std::getline(stream, line);) {  // number:controllers:/path
    const auto one = line.find(':'), two = line.find(':', one + 1);
    if (two == std::string::npos) continue;
    const auto controllers = line.substr(one + 1, two - one - 1);
    if (second ? controllers.empty() : lists(controllers, "memory")) return line.substr(two + 1);
  }
  return {};
}

/// The least that any group from the process's up to the topmost one seen leaves.
std::int64_t leftInGroups(const fs::path& root, bool second) {
  const auto own = groupOfProcess(root, second);
  auto least = kUnlimited;
  std::ifstream stream(root / "proc/self/mountinfo");
  for (std::string line; std::getline(stream, line) && !own.empty();) {
    // number parent device group point options [more …] - kind source options
    std::istringstream words(line);
    std::string skipped, top, point, kind, options;
    words >> skipped >> skipped >> skipped >> top >> point;
    while (words >> skipped && skipped != "-") {
    }
    words >> kind >> skipped >> options;
    if (second ? kind != "cgroup2" : kind != "cgroup" || !lists(options, "memory")) continue;
    // A container sees its own group as the topmost one, while its name may still be that outside.
    if (top == "/") top.clear();
    const bool below = own.starts_with(top + "/") && own.find("/..") == std::string::npos;
    const auto folder = root / fs::path(point).relative_path();
    for (fs::path group = below ? own.substr(top.size()) : "/";; group = group.parent_path()) {
      least = std::min(least, leftInGroup(folder / group.relative_path(), groupFiles(second)));
      if (!group.has_relative_path()) break;
    }
  }
  return least;
}

/// Half of the addresses left: heaps of threads, stacks and the code of libraries take more of them than they fill.
std::int64_t leftInAddressSpace(const fs::path& root) {
  std::ifstream stream(root / "proc/self/limits");
  constexpr std::string_view name = "Max address space";
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with(name)) continue;
    std::int64_t limit = 0;
    if (!(std::istringstream(line.substr(name.size())) >> limit)) return kUnlimited;
    const auto pages = std::max<std::int64_t>(numberIn(root / "proc/self/statm", {}), 0);
    return std::max<std::int64_t>(limit - pages * ::sysconf(_SC_PAGESIZE), 0) / 2;
  }
  return kUnlimited;
}

/// What LibTorch's profiler is told, too. The types of the totals differ from version to version.
template <class Method>
struct Totals;
template <class Class, class Pointer, class Size, class Total, class... Rest>
struct Totals<void (Class::*)(Pointer, Size, Total, Rest...)> {
  using Type = Total;
};
using Total = Totals<decltype(&c10::MemoryReportingInfoBase::reportMemoryUsage)>::Type;

struct Counter : c10::MemoryReportingInfoBase {
  void reportMemoryUsage(void*, std::int64_t size, Total, Total, c10::Device) override { bytes += size; }
  bool memoryProfilingEnabled() const override { return true; }
  std::atomic<std::int64_t> bytes = 0;
};

}  // namespace

std::int64_t freeMemory(const fs::path& root) {
  const auto available = numberIn(root / "proc/meminfo", "MemAvailable:");
  const auto least = std::min({available < 0 ? kUnlimited : available * 1024, leftInGroups(root, false),
                               leftInGroups(root, true), leftInAddressSpace(root)});
  return least == kUnlimited ? -1 : least;
}

bool isOutOfMemory(const std::exception& error) {
  if (dynamic_cast<const RunError*>(&error) || dynamic_cast<const RecipeError*>(&error)) return false;
  if (dynamic_cast<const std::bad_alloc*>(&error)) return true;
  // LibTorch's class for a device's memory is not that of main memory, older versions had none, TorchScript throws one
  // of the standard library, and oneDNN its own: the words stayed.
  const auto* library = dynamic_cast<const c10::Error*>(&error);
  const std::string_view text = library ? library->what_without_backtrace() : error.what();
  for (const char* words : {
           "out of memory",                   // CUDA, HIP, cudaErrorMemoryAllocation
           "can't allocate memory",           // LibTorch in main memory
           "not enough memory",               // the same, newer, and MKL
           "Cannot allocate memory",          // ENOMEM
           "std::bad_alloc",                  // out of TorchScript
           "STATUS_ALLOC_FAILED",             // cuBLAS, cuDNN, cuSOLVER, MKL
           "ALLOCATION_FAILED",               // cuDNN 9: …_DEVICE_ALLOCATION_FAILED
           "valid cuDNN algorithm",           // none left whose workspace fits
           "unable to find an engine to ex",  // the same, newer: "… execute this computation"
           "could not create a memory object",
       }) {
    if (text.find(words) != std::string_view::npos) return true;
  }
  return text == "could not create a memory";  // oneDNN 2
}

std::int64_t halfAfter(const std::exception& error, std::int64_t examples, const char* task, const Context& context) {
  if (!isOutOfMemory(error)) throw;
  if (examples <= 1) {
    throw RunError(std::string("memory ran out for ") + task + " of one example at a time" +
                   "; use fewer threads, another device, or a smaller model (" +
                   std::string(error.what()).substr(0, 120) + ")");
  }
  const auto half = (examples + 1) / 2;
  context.say(std::string("memory ran out: ") + task + " begin anew with " + std::to_string(half) +
              " examples at once in place of " + std::to_string(examples));
  return half;
}

struct CountedMemory::State {
  std::shared_ptr<Counter> counter = std::make_shared<Counter>();
  c10::DebugInfoGuard guard{c10::DebugInfoKind::PROFILER_STATE, counter};
};

CountedMemory::CountedMemory() : state_(std::make_unique<State>()) {}
CountedMemory::~CountedMemory() = default;
std::int64_t CountedMemory::bytes() const {
  return state_->counter->bytes;
}

}  // namespace eigenscape
