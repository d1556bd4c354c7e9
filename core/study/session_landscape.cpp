// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <algorithm>

#include "core/curvature/curvature_operator.h"
#include "core/landscape/directions.h"
#include "core/model/state_dict.h"
#include "core/study/session_support.h"

namespace eigenscape {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDirections = "directions.safetensors";

Normalization normalizationOf(const std::string& word) {
  if (word == "filter") return Normalization::Filter;
  return word == "layer" ? Normalization::Layer : Normalization::None;
}

const torch::Tensor* find(const NamedTensors& tensors, const std::string& name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const auto& item) { return item.first == name; });
  return found == tensors.end() ? nullptr : &found->second;
}

/// Rows that an interrupted evaluation of this landscape left.
template <class Row>
std::int64_t rowsOf(const fs::path& directory, const std::string& name, std::int64_t epoch) {
  const auto rows = readTable<Row>(directory);
  return std::count_if(rows.begin(), rows.end(),
                       [&](const Row& row) { return row.name == name && row.epoch == epoch; });
}

}  // namespace

/// directions.safetensors holds the directions of the newest epoch; those of earlier ones are kept in directions/.
void Session::saveDirections() const {
  const auto file = journal_.directory() / kDirections;
  if (fs::exists(file)) {
    std::map<std::string, std::string> metadata;
    readSafetensors(file, &metadata);
    if (const auto old = std::stoll(metadata["epoch"]); old != directionsEpoch_) {
      const auto archive = journal_.directory() / "directions";
      fs::create_directories(archive);
      fs::rename(file, archive / epochFile(old));
    }
  }
  writeSafetensors(file, directions_, {{"epoch", std::to_string(directionsEpoch_)}});
}

NamedTensors Session::storedDirections(std::int64_t epoch) const {
  for (const auto& file :
       {journal_.directory() / kDirections, journal_.directory() / "directions" / epochFile(epoch)}) {
    if (!fs::exists(file)) continue;
    std::map<std::string, std::string> metadata;
    auto tensors = readSafetensors(file, &metadata);
    if (metadata["epoch"] == std::to_string(epoch)) return tensors;
  }
  return {};
}

void Session::loadDirections(std::int64_t epoch) {
  directions_ = storedDirections(epoch);
  directionsEpoch_ = epoch;
}

torch::Tensor Session::direction(const std::string& text, const std::string& normalization, std::int64_t epoch) {
  auto& model = *material_.model;
  if (directionsEpoch_ != epoch) loadDirections(epoch);
  const auto name = normalization == "none" ? text : text + "/" + normalization;
  const auto ready = [&](const torch::Tensor& tensor) { return tensor.to(model.device(), model.type()); };
  if (const auto* stored = find(directions_, name)) return ready(*stored);

  const auto spec = parseDirection(text);
  torch::Tensor made;
  if (spec.kind == DirectionSpec::Kind::Random) {
    made = randomDirection(model, spec.seed, normalizationOf(normalization));
  } else if (spec.kind == DirectionSpec::Kind::Gradient) {
    const Context context{context_.stop, {}, {}};
    const auto split = splitsOf(recipe_.curvature.split, recipe_.curvature.samples).front();
    made = CurvatureOperator(model, split.examples, curvatureOptions(recipe_), context).gradient();
    if (const auto length = made.norm().item<double>(); length > 0) made = made / length;
    made = normalizedDirection(model, made, normalizationOf(normalization));
  } else {
    const auto* vector = find(directions_, text);
    if (!vector) throw RunError(text + ": the spectrum of epoch " + std::to_string(epoch) + " has no such eigenvector");
    made = normalizedDirection(model, ready(*vector), normalizationOf(normalization));
  }
  directions_.emplace_back(name, made.to(torch::kCPU));
  saveDirections();
  return made;
}

void Session::landscape(const LandscapeRecipe& recipe, std::int64_t epoch) {
  const bool surface = !recipe.y.empty();
  const std::string kind = surface ? "surface" : "profile";
  const auto title = kind + " " + recipe.name + " · epoch " + std::to_string(epoch);
  phase(
      keyed(kind + ":" + recipe.name, epoch), title, costs_.landscape(recipe), [&](const Context& context) -> Products {
        const auto splits = splitsOf(recipe.split, recipe.samples);
        const auto values = axisValues(recipe.range[0], recipe.range[1], recipe.points);
        const auto x = direction(recipe.x, recipe.normalization, epoch);
        const auto& directory = journal_.directory();
        if (surface) {
          const auto y = direction(recipe.y, recipe.normalization, epoch);
          evaluateLandscape(
              *material_.model, splits, x, values, y, values, recipe.batchSize,
              rowsOf<SurfaceRow>(directory, recipe.name, epoch),
              [&](const LandscapePoint& point) {
                journal_.append(SurfaceRow{recipe.name, epoch, point.alpha, point.beta, splits[point.split].name,
                                           point.value.loss, point.value.accuracy});
              },
              context);
        } else {
          evaluateLandscape(
              *material_.model, splits, x, values, recipe.batchSize, rowsOf<ProfileRow>(directory, recipe.name, epoch),
              [&](const LandscapePoint& point) {
                journal_.append(ProfileRow{recipe.name, epoch, point.alpha, splits[point.split].name, point.value.loss,
                                           point.value.accuracy});
              },
              context);
        }
        return 0;
      });
}

}  // namespace eigenscape
