// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/standard_output.h"

#include <cstdio>

#include "core/results/error.h"

namespace eigenscape {

void printOut(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (std::fflush(stdout) != 0 || !written) throw RunError("standard output: cannot be written; is the disk full?");
}

}  // namespace eigenscape
