// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>

namespace eigenscape {

/// So many runs can be told apart in one figure.
inline constexpr std::size_t fewestCompared = 2, mostCompared = 4;

}  // namespace eigenscape
