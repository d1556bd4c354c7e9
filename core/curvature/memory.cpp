// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/memory.h"

#include <c10/util/Exception.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <new>
#include <string>
#include <string_view>

namespace eigenscape {

namespace {

/// The number behind the word `key` in a file, or the file's first word for an empty key; −1 without a number there.
std::int64_t numberIn(const char* file, const std::string& key) {
  std::ifstream stream(file);
  std::string word;
  while (!key.empty() && stream >> word && word != key) {
  }
  std::int64_t number = -1;
  return stream >> number ? number : -1;
}

}  // namespace

std::int64_t freeMemory() {
  const auto available = std::max<std::int64_t>(numberIn("/proc/meminfo", "MemAvailable:"), 0) * 1024;
  const auto most = numberIn("/sys/fs/cgroup/memory.max", "");
  if (most < 0) return available;
  const auto cache = std::max<std::int64_t>(numberIn("/sys/fs/cgroup/memory.stat", "inactive_file"), 0);
  const auto used = std::max<std::int64_t>(numberIn("/sys/fs/cgroup/memory.current", ""), 0) - cache;
  return std::clamp<std::int64_t>(most - used, 0, available);
}

std::int64_t residentMemory() {
  std::ifstream stream("/proc/self/statm");
  std::int64_t size = 0, resident = 0;
  return stream >> size >> resident ? resident * ::sysconf(_SC_PAGESIZE) : 0;
}

bool isOutOfMemory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error)) return true;
  if (!dynamic_cast<const c10::Error*>(&error)) return false;
  // LibTorch's class for a device's memory is not that of main memory, and older versions had none: the words stayed.
  const std::string_view text = error.what();
  for (const char* words : {"out of memory", "can't allocate memory", "not enough memory"}) {
    if (text.find(words) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace eigenscape
