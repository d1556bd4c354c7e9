// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/results/run_directory.h"

namespace eigenscape {

/// The table that a batch run ends with: loss and accuracy, eigenvalues with their residuals, traces, and the most and
/// least sensitive layers, all at the run's last epoch.
std::string summaryOf(const RunResults& run);

}  // namespace eigenscape
