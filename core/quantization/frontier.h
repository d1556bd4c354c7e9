// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <stop_token>
#include <vector>

#include "core/quantization/bit_choices.h"

namespace eigenscape {

/// The settings that no other beats in both cost and ΣΩ.
struct Frontier {
  std::vector<BitSetting> points;  ///< ascending in cost, descending in omega
  bool complete = true;            ///< false: only the best settings of `points.size()` evenly spread limits
};

/// So many settings a frontier's computation may keep; beyond them it stops to be complete.
constexpr std::size_t kMostFrontierStates = 200'000;

/// The whole frontier of one cost against ΣΩ, exactly: layer by layer, the settings of the layers so far that none
/// beats in both are kept (Nemhauser and Ullmann 1969). Sizes of networks have large common divisors, so there are few
/// enough of them; where there are more than `most`, the best settings of evenly spread limits are found by allocate()
/// instead. Of settings equal in both, one stays. Throws Stopped; std::invalid_argument where the cost is not known.
Frontier frontierOf(const std::vector<LayerChoices>& layers, Cost cost, const std::stop_token& stop = {},
                    std::size_t most = kMostFrontierStates);

/// What a greedy choice gives at every cost: from all layers at the lowest width, the step that takes the most Ω off
/// for its cost (to any higher width of one group of layers) comes next, until no step takes any off. Ascending in
/// cost.
std::vector<BitSetting> greedyPath(const std::vector<LayerChoices>& layers, Cost cost);

/// HAWQ-V1's order (arXiv:1905.03696): from all layers at the lowest width, one group after another in descending λ₁/n
/// (the largest of its members) goes to the next width; when all are there, the same to the one after. So a layer never
/// has fewer bits than one of smaller λ₁/n. Empty where a layer's λ₁ or number of parameters is not known.
std::vector<BitSetting> firstOrderPath(const std::vector<LayerChoices>& layers);

}  // namespace eigenscape
