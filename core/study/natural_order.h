// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace eigenscape {

/// "net-9" before "net-10": runs of digits compare as numbers, everything else by its bytes.
bool naturallyBefore(const std::string& a, const std::string& b);

}  // namespace eigenscape
