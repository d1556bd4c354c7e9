// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/activations.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <limits>

namespace eigenscape {

std::vector<std::int64_t> activationBytes(const Model& model) {
  std::vector<std::int64_t> bytes;
  for (const auto& layer : model.weightLayers()) {
    const auto& entry = model.parameters().entries()[layer.parameterEntry];
    bytes.push_back(entry.shape.front() * layer.macs / std::max<std::int64_t>(entry.size, 1) *
                    static_cast<std::int64_t>(c10::elementSize(model.type())));
  }
  return bytes;
}

std::int64_t examplesWithin(std::int64_t cache, const Model& model) {
  constexpr std::int64_t all = std::numeric_limits<std::int64_t>::max(), fewest = 16;
  if (model.device().is_cuda()) return all;
  const auto activations = activationBytes(model);
  const auto most = std::max_element(activations.begin(), activations.end());
  return most == activations.end() || *most == 0 ? all : std::max(cache / *most, fewest);
}

void keepFreedMemory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}

}  // namespace eigenscape
