// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "core/results/error.h"
#include "core/study/recipe.h"
#include "core/study/study.h"

namespace eigenscape {

/// The shortest recipe that is complete.
inline constexpr const char* smallest = "[data]\ndataset = \"glyphs\"\n[model]\narchitecture = \"cnn\"\n";

/// Trains for two epochs and computes a little of everything.
inline constexpr const char* tinyStudy = R"(
name = "tiny"
seed = 3
[data]
dataset = "glyphs"
train_limit = 96
test_limit = 40
[model]
architecture = "cnn"
[training]
epochs = 2
batch_size = 32
learning_rate = 0.05
schedule = "cosine"
[curvature]
split = "both"
samples = 24
batch_size = 16
top = 2
bottom = 1
trace = true
trace_method = "hutch++"
trace_probes = 12
scopes = "both"
layers = ["linear"]
density = true
density_probes = 2
density_nodes = 2
sharpness_epsilon = 1e-3
[[profile]]
name = "p"
x = "eigenvector:1"
points = 5
range = [-0.5, 0.5]
every = 1
[[profile]]
name = "r"
x = "random:4"
normalization = "filter"
points = 3
samples = 20
[[profile]]
name = "l"
x = "eigenvector:1@linear"
points = 3
split = "test"
[[profile]]
name = "g"
x = "gradient"
points = 3
split = "test"
[[surface]]
name = "s"
x = "eigenvector:1"
y = "eigenvector:-1"
points = 3
samples = 20
[quantization]
bits = [2, 8]
)";

/// Untrained, top 2 and bottom 1 with traces, nothing else.
inline Recipe untrained(Recipe recipe) {
  recipe.training.epochs = 0;
  recipe.profiles.clear();
  recipe.surfaces.clear();
  recipe.quantization.enabled = false;
  recipe.curvature.scopes = "model";
  recipe.curvature.layers.clear();
  recipe.curvature.density = false;
  recipe.curvature.split = "train";
  return recipe;
}

/// On the CPU with one thread, so that two runs are the same.
inline StudyOptions into(const std::filesystem::path& directory) {
  StudyOptions options;
  options.out = directory;
  options.device = "cpu";
  options.threads = 1;
  return options;
}

/// What the RecipeError says; "" when none is thrown.
inline std::string errorOf(const std::function<void()>& act) {
  try {
    act();
  } catch (const RecipeError& error) {
    return error.what();
  }
  return "";
}

}  // namespace eigenscape
