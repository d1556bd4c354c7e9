// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/model/model.h"
#include "core/study/recipe.h"

namespace eigenscape {

/// A state of the weights that a study looks at.
struct Visit {
  std::int64_t epoch = 0;
  std::filesystem::path checkpoint;  ///< to load; empty: what training has come to
};

/// Epochs 0 … training.epochs, or the files of model.checkpoints in natural order ("net-9.pt" before "net-10.pt"). They
/// are numbered by the last number in their names where those ascend, else from 1. Throws RecipeError when the glob
/// matches no file.
std::vector<Visit> visitsOf(const Recipe& recipe);

/// The files that a glob of file names ('*' and '?' in the last part of the path) matches, in natural order.
std::vector<std::filesystem::path> matchingFiles(const std::string& glob);

/// A part of the model whose curvature is looked at.
struct Scope {
  std::string name;                 ///< "model", a layer's name, or a pattern that stands for several
  std::vector<std::size_t> layers;  ///< indices into parameters().layers(); empty: all
  bool isModel() const { return layers.empty(); }
};

/// What curvature.scopes and curvature.layers ask for, the model first. Throws RecipeError for a pattern that matches
/// no layer.
std::vector<Scope> scopesOf(const CurvatureRecipe& recipe, const Model& model);

}  // namespace eigenscape
