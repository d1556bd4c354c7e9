// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "app/measuring.h"
#include "core/results/error.h"
#include "core/results/tables.h"
#include "core/study/bit_plan.h"

namespace eigenscape {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDirections = "directions.safetensors";
/// Of a study that begins with the weights it looks at.
constexpr std::int64_t kOnlyEpoch = 0;

std::string phaseOf(const LandscapeRecipe& recipe, std::int64_t epoch) {
  return (recipe.y.empty() ? "profile:" : "surface:") + recipe.name + ":" + std::to_string(epoch);
}

template <class Row>
std::vector<Row> rowsOf(const std::vector<Row>& all, const std::string& name, std::int64_t epoch) {
  std::vector<Row> rows;
  std::copy_if(all.begin(), all.end(), std::back_inserter(rows),
               [&](const Row& row) { return row.epoch == epoch && row.name == name; });
  return rows;
}

LandscapeInfo infoOf(const LandscapeRecipe& recipe) {
  LandscapeInfo info{recipe.name,   recipe.y.empty() ? "profile" : "surface", recipe.x, recipe.y, recipe.normalization,
                     recipe.samples};
  if (!recipe.y.empty()) info.scale = recipe.scale, info.clip = recipe.clip;
  return info;
}

/// For a run that has none: what costs a minute or two for a small network and asks for no spectrum.
FloatLandscape randomPlane(const RunResults& run) {
  FloatLandscape plane;
  plane.recipe.name = "random";
  plane.recipe.x = "random:1";
  plane.recipe.y = "random:2";
  plane.recipe.normalization = "filter";
  plane.recipe.points = 15;
  plane.recipe.samples = 500;
  plane.recipe.split = run.info.testExamples > 0 && run.info.trainExamples > 0 ? "both"
                       : run.info.testExamples > 0                             ? "test"
                                                                               : "train";
  plane.info = infoOf(plane.recipe);
  return plane;
}

/// The run's recipe names directions that only its own spectra or training make; its folder keeps them.
std::string keptDirection(const RunResults& run, const LandscapeRecipe& recipe, const std::string& text) {
  const auto name = recipe.normalization == "none" ? text : text + "/" + recipe.normalization;
  return "tensor:" + fs::absolute(run.directory / kDirections).string() + "#" + name;
}

/// Examples are the first ones of a split, so that no more need be read than the landscape or the ranges of inputs
/// take. Of a folder of images which come first depends on how many there are.
std::int64_t trainLimit(const Recipe& own, std::int64_t forMeasuring, const LandscapeRecipe& landscape) {
  if (own.data.dataset == "image-folder") return own.data.trainLimit;
  const bool train = landscape.split != "test" || landscape.batchNorm == "reestimate";
  if (!train) return forMeasuring;
  return landscape.samples == 0 ? own.data.trainLimit : std::max(forMeasuring, landscape.samples);
}

}  // namespace

std::size_t FloatLandscape::points() const {
  std::set<std::pair<double, double>> places;
  for (const auto& row : profiles) places.emplace(row.alpha, 0);
  for (const auto& row : surfaces) places.emplace(row.alpha, row.beta);
  if (!places.empty()) return places.size();
  const auto side = static_cast<std::size_t>(recipe.points);
  return isSurface() ? side * side : side;
}

std::vector<FloatLandscape> landscapesOf(const RunResults& run) {
  Recipe recipe;
  try {
    recipe = parseRecipe(run.recipe, (run.directory / "recipe.toml").string());
  } catch (const RecipeError&) {
    return {};
  }
  const auto epoch = run.info.epochs;
  const bool kept = fs::is_regular_file(run.directory / kDirections);
  std::vector<FloatLandscape> found;
  for (const auto* list : {&recipe.surfaces, &recipe.profiles}) {
    for (const auto& one : *list) {
      const auto phase = std::find_if(run.info.phases.begin(), run.info.phases.end(),
                                      [&](const PhaseInfo& done) { return done.name == phaseOf(one, epoch); });
      if (!kept || phase == run.info.phases.end()) continue;
      FloatLandscape landscape{one, infoOf(one), {}, {}, true, phase->seconds};
      one.y.empty() ? void(landscape.profiles = rowsOf(run.profiles, one.name, epoch))
                    : void(landscape.surfaces = rowsOf(run.surfaces, one.name, epoch));
      if (landscape.isEvaluated()) found.push_back(std::move(landscape));
    }
  }
  if (found.empty()) found.push_back(randomPlane(run));
  return found;
}

Recipe landscapeRecipe(const RunResults& run, const fs::path& bits, const FloatLandscape& landscape) {
  Recipe recipe = measuringRecipe(run, bits);
  const Recipe own = parseRecipe(run.recipe, (run.directory / "recipe.toml").string());
  LandscapeRecipe entry = landscape.recipe;
  recipe.data.trainLimit = trainLimit(own, recipe.data.trainLimit, entry);
  if (own.data.trainLimit > 0) recipe.data.trainLimit = std::min(recipe.data.trainLimit, own.data.trainLimit);
  if (landscape.directionsKept) {
    entry.x = keptDirection(run, landscape.recipe, entry.x);
    if (landscape.isSurface()) entry.y = keptDirection(run, landscape.recipe, entry.y);
    entry.normalization = "none";  // they were stored as they were used
  }
  entry.every = 0;
  entry.curvatureMap = 0;
  (landscape.isSurface() ? recipe.surfaces : recipe.profiles).push_back(entry);
  recipe.quantization.landscapes = kWorkbenchSetting;
  return recipe;
}

void beginLandscape(const Recipe& recipe, const FloatLandscape& landscape, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw RunError(folder.string() + ": cannot be made (" + error.message() + ")");
  RunInfo info;
  info.status = "interrupted";
  info.name = recipe.name;
  if (landscape.isEvaluated()) {
    auto profiles = landscape.profiles;
    auto surfaces = landscape.surfaces;
    for (auto& row : profiles) row.epoch = kOnlyEpoch;
    for (auto& row : surfaces) row.epoch = kOnlyEpoch;
    landscape.isSurface() ? writeTable(folder, surfaces) : writeTable(folder, profiles);
    info.phases.push_back({phaseOf(landscape.recipe, kOnlyEpoch), landscape.seconds, 0});
  }
  writeFileAtomically(folder / "recipe.toml", toToml(recipe));
  writeRunInfo(folder, info);
}

std::vector<SensitivityRow> orderedSensitivity(const RunResults& run) {
  std::vector<std::string> layers;
  for (const auto& row : run.settingBits) {
    if (row.setting == run.settingBits.front().setting) layers.push_back(row.layer);
  }
  return inNetworkOrder(run.sensitivity, layers);
}

}  // namespace eigenscape
