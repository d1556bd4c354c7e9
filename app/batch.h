// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace eigenscape {

struct CommandLine;

/// --batch. Returns the exit status; throws RecipeError and RunError.
int runBatch(const CommandLine& line);

/// --render. Returns the exit status; throws RecipeError and RunError.
int renderAgain(const CommandLine& line);

}  // namespace eigenscape
