// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <vector>

#include "core/quantization/bit_choices.h"

namespace eigenscape {

struct AllocationOptions {
  /// Bits that a layer has to keep, one entry per layer, 0: free. Empty: all are free. A layer's group is bound with
  /// it.
  std::vector<std::int64_t> locked;
  double seconds = 10;  ///< after which the best setting so far is returned
  std::stop_token stop;
};

struct Allocation {
  BitSetting setting;
  bool proven = true;  ///< false: the time was over before the setting was proven to be the best
};

/// The setting of least ΣΩ that keeps every limit: an integer program as in HAWQ-V3 (arXiv:2011.10680), solved by
/// branch and bound (GLPK). Nothing when no setting keeps the limits with the locked bits, or when the time was over
/// before one was found.
///
/// The optimum is exact to 1e-7 of its value: settings that are nearer to each other than that count as equal, and any
/// of them may come out, the same each time. A limit may be exceeded by a billionth of the way from low to high, so
/// that one that is met to the bit counts as kept. May run in several threads at once: GLPK keeps its state per thread,
/// and each call clears it again.
///
/// Throws Stopped; std::invalid_argument where a cost is limited that is not known, or locked bits of a group differ.
std::optional<Allocation> allocate(const std::vector<LayerChoices>& layers, const std::vector<Limit>& limits,
                                   const AllocationOptions& options = {});

}  // namespace eigenscape
