// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/model/model.h"

namespace eigenscape {

/// Bytes that each weight layer puts out for one example.
std::vector<std::int64_t> activationBytes(const Model& model);

/// What evaluations without gradients let the largest activation take: each layer finds in the cache what the one
/// before left.
constexpr std::int64_t kCacheForEvaluation = std::int64_t{2} << 20;

/// How many examples to pass through the model at once so that the largest activation takes no more than `cache`
/// bytes, sixteen at least. Without limit on a GPU, and where the model doesn't tell its layers.
std::int64_t examplesWithin(std::int64_t cache, const Model& model);

/// Lets glibc's malloc keep what is freed, up to the size (64 MB) to which it raises that limit by itself once large
/// blocks have come and gone. Until then activations go back to the system layer by layer, and the pages that come in
/// again take a third of the time of a pass without gradients. To be called once, by a program's main.
void keepFreedMemory();

}  // namespace eigenscape
