// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace eigenscape {

/// `word` so that a shell reads it as one.
std::string shellQuoted(const std::string& word);

}  // namespace eigenscape
