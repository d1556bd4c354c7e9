// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace eigenscape {

/// Writes to standard output, which may be a full disk or a closed pipe. Throws RunError.
void printOut(const std::string& text);

}  // namespace eigenscape
