// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "core/model/examples.h"
#include "core/model/model.h"
#include "core/study/recipe.h"

namespace eigenscape {

/// The network that a recipe asks for, with random weights; null where it names none. No data are read: their shape is
/// the data set's own.
std::unique_ptr<Model> plannedModel(const Recipe& recipe);

/// A few examples of noise, as plannedModel() takes them.
Examples plannedExamples(const Recipe& recipe);

/// Whether what the recipe says of layers is true of the network: the scopes of curvature, given sensitivities and
/// given bits. Throws RecipeError, RunError for what a file holds.
void checkLayers(const Recipe& recipe, const Model& model);

}  // namespace eigenscape
