// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/curvature/trace.h"
#include "core/model/examples.h"
#include "core/model/model.h"
#include "core/study/recipe.h"

namespace eigenscape {

/// What a study estimates the traces of: every weight, as in model.weightLayers(), then every layer.
std::vector<Range> tracedRanges(const Model& model);

/// Whether curvature.trace_method, where the recipe has traces estimated and names a method that not every network
/// allows, fits this one. It lies in the network and not in its weights, so that it is known before a training.
/// `examples`: any few that the network takes; it is moved to the recipe's precision and back. Throws RecipeError.
void checkTraceMethod(const Recipe& recipe, Model& model, const Examples& examples);

/// What such an error says.
[[noreturn]] void refuseTraceMethod(const Recipe& recipe, const std::string& obstacle);

}  // namespace eigenscape
