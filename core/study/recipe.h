// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// A recipe says everything that a run depends on. Every key is declared once, in recipeFields(): parsing, --set,
// --list options, --check and the window's form all come from that table.
namespace eigenscape {

struct DataRecipe {
  std::string dataset, path;
  std::int64_t trainLimit = 0, testLimit = 0;
  std::vector<double> mean, deviation;
  bool augment = true;
};

struct ModelRecipe {
  std::string architecture, torchscript, weights, checkpoints;
  std::vector<double> learningRates;
};

struct AdversaryRecipe {
  std::string method = "none";
  double epsilon = 0.005, ratio = 0.2;
};

struct TrainingRecipe {
  std::int64_t epochs = 0, batchSize = 128;
  std::string optimizer = "sgd";
  double learningRate = 0.1, momentum = 0.9, weightDecay = 5e-4;
  std::string schedule = "step";
  std::int64_t checkpointEvery = 1;
  AdversaryRecipe adversary;
};

struct CurvatureRecipe {
  std::string op = "hessian", split = "train";
  std::int64_t samples = 0, batches = 1, batchSize = 256;
  std::string batchNorm = "eval", precision = "float32";
  std::int64_t top = 5, bottom = 0;
  std::string method = "lanczos";
  double tolerance = 1e-3, missProbability = 1e-3;
  std::int64_t block = 1, powerIterations = 100, maxProducts = 1000, every = 1, memory = 0;
  bool cudnnBenchmark = false;  ///< on a GPU: faster kernels, and results that repeat only up to rounding
  std::string scopes = "model";
  std::vector<std::string> layers;
  std::int64_t layerTop = 1;
  bool trace = false;
  std::string traceMethod = "auto";
  double traceTolerance = 0.05;
  std::int64_t traceProbes = 200;
  bool density = false;
  std::int64_t densityProbes = 10, densityNodes = 80;
  double densityWidth = 0.01;
  bool overhead = false;
  double sharpnessEpsilon = 0;  ///< of Keskar's sharpness; 0: not looked for
};

/// A [[profile]] or a [[surface]]; `y` is empty for a profile.
struct LandscapeRecipe {
  std::string name, x = "eigenvector:1", y;
  std::vector<double> range = {-1, 1};  ///< empty: by advice, for each direction its own
  std::int64_t points = 51;
  std::string normalization = "none", split = "both", batchNorm = "eval";
  std::int64_t samples = 0, batchSize = 256, every = 0;  ///< every: epochs between evaluations; 0: the last epoch alone
  // Of a surface alone:
  std::int64_t curvatureMap = 0;  ///< points along each direction at which λ_min and λ_max are found; 0: none
  std::string scale = "auto";     ///< of height and colours in figures
  double clip = 0;                ///< losses above it are drawn at it; 0: none
};

struct QuantizationRecipe {
  bool enabled = false;  ///< true when the recipe has a [quantization] section or sets one of its keys
  std::vector<std::int64_t> bits = {2, 4, 8};
  std::string scheme = "symmetric", range = "max";
  double percentile = 99.9;
  std::int64_t group = 16;  ///< output channels that share a scale with granularity = "group"
  bool foldBatchNorm = false;
  std::string activationBits = "float";  ///< "float", "same" or a number
  std::int64_t calibrationSamples = 512, firstLastBits = 0;
  std::vector<std::string> methods = {"v2"};
  std::int64_t shares = 4, samples = 1000;
  std::string finetune = "none";
  std::int64_t finetuneEpochs = 2;
  double finetuneLearningRate = 0.01;
  std::string granularity = "channel", sensitivity;
  std::vector<std::string> limits = {"size=0.5"};
  std::string frontier = "size";    ///< the cost of pareto.csv's frontier
  std::string settings;             ///< a bits.json whose settings are measured, too
  std::int64_t frontierPoints = 8;  ///< of it that are measured on the test split
  std::string landscapes;           ///< the setting that profiles and surfaces are evaluated at once more; empty: none
};

struct SweepRecipe {
  std::string key;
  std::vector<std::string> values;  ///< TOML literals
};

struct Recipe {
  std::string name = "study";
  std::int64_t seed = 0;
  DataRecipe data;
  ModelRecipe model;
  TrainingRecipe training;
  CurvatureRecipe curvature;
  std::vector<LandscapeRecipe> profiles, surfaces;
  QuantizationRecipe quantization;
  std::vector<SweepRecipe> sweeps;
};

/// Where a field's value lives. The alternative is the field's type.
using Slot = std::variant<bool*, std::int64_t*, double*, std::string*, std::vector<double>*, std::vector<std::int64_t>*,
                          std::vector<std::string>*>;

/// One key of the recipe. Its default is what a default-constructed Recipe (or LandscapeRecipe) holds in the slot.
struct Field {
  std::string key;                                ///< dotted: "training.epochs"; of an array's entry: "profile.points"
  std::string help;                               ///< one line
  Slot (*slot)(Recipe&) = nullptr;                ///< of a plain key
  Slot (*entrySlot)(LandscapeRecipe&) = nullptr;  ///< of a key of [[profile]] / [[surface]]
  double low = 0, high = 0;          ///< accepted range of numbers (low < high) or of each number of a list
  bool lowOpen = false;              ///< true: the value must be greater than low
  std::vector<std::string> choices;  ///< accepted words; empty: any text
  std::size_t length = 0;            ///< of a list; 0: any
  std::string emptyMeans;            ///< what [] stands for where a list of `length` may also be empty
  bool isPath = false;               ///< the form offers a file dialogue
  bool advanced = false;             ///< the form shows it under "more"

  bool isEntry() const { return entrySlot != nullptr; }
  std::string section() const;   ///< "training" of "training.epochs"; "" of "seed"
  std::string typeName() const;  ///< "integer", "number", "text", "true/false", "list of …"
  std::string accepted() const;  ///< "an integer from 1 to 1000000", "one of sgd, adam", …
};

/// Every key, in the order in which recipes are written and forms shown. Keys of [[profile]] come once each under
/// "profile." and again under "surface.".
const std::vector<Field>& recipeFields();
/// nullptr when there is no such key.
const Field* findField(std::string_view key);

/// The slot's value as a TOML literal ("0.1", "\"sgd\"", "[2, 4, 8]").
std::string literal(const Slot& slot);
/// The literal of the field's default.
std::string defaultLiteral(const Field& field);

/// Parses TOML text. `source` is the name that errors carry. Unknown keys, wrong types and values out of range throw
/// RecipeError: "quickstart.toml:12: training.epochs = -1: expected an integer from 0 to 1000000".
Recipe parseRecipe(std::string_view toml, const std::string& source);
/// RECIPE of the command line: a path, or the name of a shipped recipe. Throws RecipeError when neither exists.
Recipe loadRecipe(const std::string& pathOrName);
/// "training.epochs=3", and "profile.points=11" (every profile) or "profile.along-e1.points=11" (that one). A bare word
/// is taken as text where text is expected. Throws RecipeError.
void setKey(Recipe& recipe, const std::string& assignment);
/// Sets one value from what a person typed (a literal, or a bare word for text); `key` is the name that an error
/// carries.
void assignValue(const Field& field, const Slot& slot, const std::string& key, const std::string& text);
/// "" when `text` (a literal, or a bare word for text) is good for the field, else what is accepted. For the form.
std::string problemWith(const Field& field, const std::string& text);

/// Checks what single fields cannot: files that must exist, combinations that make no sense. Throws RecipeError;
/// RunError for a quantization.sensitivity that does not hold what bits are chosen from.
void validate(const Recipe& recipe);

/// The resolved recipe: every key with its value, in table order; parseRecipe reads it back to an equal recipe.
std::string toToml(const Recipe& recipe);

/// "" when the recipes are equal, else the first key that differs: "training.epochs = 3 is not the 5".
std::string firstDifference(const Recipe& old, const Recipe& now);
/// The assignments for setKey that make `to` of `from`; nothing when there are none, e.g. another [[profile]].
std::optional<std::vector<std::string>> assignmentsBetween(const Recipe& from, const Recipe& to);

/// A key that is not the same in several recipes.
struct RecipeDifference {
  std::string key;
  std::vector<std::string> values;  ///< as one would type them behind --set; "" where the recipe lacks the key
};
/// In the order of the recipe's table of keys, entries last.
std::vector<RecipeDifference> differences(const std::vector<Recipe>& recipes);

/// What a run of this recipe will do, for --check and the window: one line each, such as
/// "5 epochs of 4000 examples", "6 spectra: top 5 of the Hessian on 512 examples", "1 surface, 31 × 31 points, train
/// and test".
std::vector<std::string> plannedWork(const Recipe& recipe);

/// Shipped recipes: name, one-line description, TOML text; compiled in from resources/recipes.
struct ShippedRecipe {
  std::string name, description, toml;
};
const std::vector<ShippedRecipe>& shippedRecipes();

}  // namespace eigenscape
