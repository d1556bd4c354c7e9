// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/curvature/curvature_operator.h"
#include "core/landscape/directions.h"
#include "core/landscape/range_advice.h"
#include "core/landscape/trajectory.h"
#include "core/model/state_dict.h"
#include "core/quantization/simulation.h"
#include "core/study/bit_plan.h"
#include "core/study/quantizer_recipe.h"
#include "core/study/session_support.h"

namespace eigenscape {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDirections = "directions.safetensors";

Normalization normalizationOf(const std::string& word) {
  if (word == "filter") return Normalization::Filter;
  return word == "layer" ? Normalization::Layer : Normalization::None;
}

/// What an interrupted evaluation of this landscape left.
template <class Row>
std::vector<LandscapePoint> knownPoints(const fs::path& directory, const std::string& name, std::int64_t epoch,
                                        const std::vector<LandscapeSplit>& splits) {
  std::vector<LandscapePoint> points;
  for (const auto& row : readTable<Row>(directory)) {
    if (row.name != name || row.epoch != epoch) continue;
    double beta = 0;
    if constexpr (requires { row.beta; }) beta = row.beta;
    for (std::size_t split = 0; split < splits.size(); ++split) {
      if (splits[split].name == row.split) points.push_back({row.alpha, beta, split, {row.loss, row.accuracy}});
    }
  }
  return points;
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
  if (const auto* stored = tensorNamed(directions_, name)) return ready(*stored);

  const auto spec = parseDirection(text);
  const auto made =
      spec.kind == DirectionSpec::Kind::Random
          ? randomDirection(model, spec.seed, normalizationOf(normalization))
          : normalizedDirection(model, ready(madeDirection(spec, text, epoch)), normalizationOf(normalization));
  directions_.emplace_back(name, made.to(torch::kCPU));
  saveDirections();
  return made;
}

std::vector<Visit> Session::trajectory() const {
  std::vector<Visit> path;
  for (std::int64_t i = 0; i <= visit_; ++i) {
    auto visit = visits_[static_cast<std::size_t>(i)];
    if (visit.checkpoint.empty()) visit.checkpoint = journal_.directory() / kCheckpoints / epochFile(visit.epoch);
    if (!lost_.contains(visit.epoch) && fs::exists(visit.checkpoint)) path.push_back(std::move(visit));
  }
  return path;
}

namespace {

Trajectory pathOf(const std::vector<Visit>& visits, const Model& model) {
  return {static_cast<std::int64_t>(visits.size()), [&visits, &model](std::int64_t i) {
            const auto& file = visits[static_cast<std::size_t>(i)].checkpoint;
            return model.flatParameters(readStateDict(file), file.string());
          }};
}

}  // namespace

/// Before normalization. What has no length of its own gets unit length: then the axis is distance.
torch::Tensor Session::madeDirection(const DirectionSpec& spec, const std::string& text, std::int64_t epoch) {
  auto& model = *material_.model;
  const Context context{context_.stop, {}, context_.log};
  const auto here = [&] { return model.parameters().flatten(); };
  switch (spec.kind) {
    case DirectionSpec::Kind::Gradient: {
      const auto split = splitsOf(recipe_.curvature.split, recipe_.curvature.samples).front();
      const auto gradient = CurvatureOperator(model, split.examples, curvatureOptions(recipe_), context).gradient();
      const auto length = gradient.norm().item<double>();
      return length > 0 ? gradient / length : gradient;
    }
    case DirectionSpec::Kind::Principal: {
      const auto visits = trajectory();
      const auto found = principalDirections(pathOf(visits, model), here(), spec.index, context);
      if (found.rows.size(0) < spec.index) {
        throw RunError(text + ": the trajectory of " + std::to_string(visits.size()) + " checkpoints spans only " +
                       std::to_string(found.rows.size(0)) + " directions; expected a smaller K or more checkpoints");
      }
      context.say(text + " explains " +
                  shortNumber(100 * found.shares[static_cast<std::size_t>(spec.index - 1)], "%.3g") +
                  " % of the trajectory");
      return found.rows[spec.index - 1];
    }
    case DirectionSpec::Kind::Toward:  // with its running statistics: statisticsAlong()
    case DirectionSpec::Kind::Tensor:
      return directionFromFile(model, spec);
    default:
      break;
  }
  const auto* vector = tensorNamed(directions_, text);
  if (!vector)
    throw RunError(text + ": the spectrum of epoch " + std::to_string(epoch) + " has no such eigenvector" +
                   (spec.name.empty() ? "" : "; curvature.layers has to name that layer or block"));
  return *vector;
}

NamedTensors Session::statisticsAlong(const std::string& text) const {
  if (text.empty()) return {};
  const auto spec = parseDirection(text);
  if (spec.kind != DirectionSpec::Kind::Toward) return {};
  NamedTensors moves;
  const auto there = readStateDict(spec.file);
  for (const auto& [name, buffer] : material_.model->namedBuffers()) {
    const auto* other = tensorNamed(there, name);
    if (other && buffer.is_floating_point()) moves.emplace_back(name, other->to(buffer) - buffer);
  }
  return moves;
}

void Session::trajectoryOn(const LandscapeRecipe& recipe, std::int64_t epoch) {
  const auto visits = trajectory();
  if (visits.size() < 2) return;
  phase("trajectory:" + recipe.name, "trajectory on " + recipe.name, 0, [&](const Context& context) -> Products {
    const auto& model = *material_.model;
    const auto points =
        projected(pathOf(visits, model), model.parameters().flatten(), direction(recipe.x, recipe.normalization, epoch),
                  direction(recipe.y, recipe.normalization, epoch), context);
    std::vector<TrajectoryRow> rows;
    for (std::size_t i = 0; i < points.size(); ++i)
      rows.push_back({recipe.name, visits[i].epoch, points[i].alpha, points[i].beta, points[i].unexplained});
    journal_.append(rows);
    return 0;
  });
}

namespace {

/// `points` multiples of `step`, of which one is exactly 0: `before` of them lie below it.
std::vector<double> axisThroughZero(std::int64_t points, std::int64_t before, double step) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < points; ++i) values.push_back(static_cast<double>(i - before) * step);
  return values;
}

/// Where a landscape that is measured has rows: all α and all β, ascending; those of a profile are {0}.
std::pair<std::vector<double>, std::vector<double>> placesOf(const fs::path& directory, const LandscapeRecipe& recipe,
                                                             std::int64_t epoch) {
  std::set<double> alphas, betas;
  const auto collect = [&](const auto& rows) {
    for (const auto& row : rows) {
      if (row.name != recipe.name || row.epoch != epoch) continue;
      alphas.insert(row.alpha);
      if constexpr (requires { row.beta; }) {
        betas.insert(row.beta);
      } else {
        betas.insert(0);
      }
    }
  };
  recipe.y.empty() ? collect(readTable<ProfileRow>(directory)) : collect(readTable<SurfaceRow>(directory));
  return {{alphas.begin(), alphas.end()}, {betas.begin(), betas.end()}};
}

/// The places along one direction that an epoch before has rows at; empty: there is none.
std::vector<double> earlierAxis(const fs::path& directory, const LandscapeRecipe& recipe, const std::string& text,
                                std::int64_t epoch) {
  std::set<double> places;
  const auto collect = [&](const auto& rows, auto&& place) {
    for (const auto& row : rows) {
      if (row.name == recipe.name && row.epoch < epoch && row.epoch == rows.front().epoch) places.insert(place(row));
    }
  };
  const bool second = !recipe.y.empty() && text == recipe.y;
  if (recipe.y.empty()) {
    auto rows = readTable<ProfileRow>(directory);
    std::erase_if(rows, [&](const ProfileRow& row) { return row.name != recipe.name; });
    collect(rows, [](const ProfileRow& row) { return row.alpha; });
  } else {
    auto rows = readTable<SurfaceRow>(directory);
    std::erase_if(rows, [&](const SurfaceRow& row) { return row.name != recipe.name; });
    collect(rows, [second](const SurfaceRow& row) { return second ? row.beta : row.alpha; });
  }
  return {places.begin(), places.end()};
}

/// From about −½ to about 1½, with both checkpoints, 0 and 1, on the axis.
std::vector<double> axisToward(std::int64_t points) {
  const auto between = std::max<std::int64_t>((points - 1) / 2, 1), before = (points - 1 - between) / 2;
  std::vector<double> values;
  for (std::int64_t i = 0; i < points; ++i)
    values.push_back(static_cast<double>(i - before) / static_cast<double>(between));
  return values;
}

/// Holds `low` ≤ 0 and `high` > 0, and 0 itself.
std::vector<double> axisHolding(double low, double high, std::int64_t points) {
  const auto intervals = points - 1;
  const auto share = std::llround(static_cast<double>(intervals) * -low / (high - low));
  const auto before = std::clamp<std::int64_t>(share, intervals > 1 ? 1 : 0, std::max<std::int64_t>(intervals - 1, 0));
  const double below = before > 0 ? -low / static_cast<double>(before) : 0,
               above = high / static_cast<double>(intervals - before);
  return axisThroughZero(points, before, std::max(below, above));
}

}  // namespace

std::vector<double> Session::axis(const LandscapeRecipe& recipe, const std::string& text, std::int64_t epoch,
                                  const Context& context) {
  if (!recipe.range.empty()) return axisValues(recipe.range[0], recipe.range[1], recipe.points);
  const auto spec = parseDirection(text);
  if (spec.kind == DirectionSpec::Kind::Toward) return axisToward(recipe.points);
  // A direction that is the same at every epoch keeps its range, so that epochs can be compared.
  const bool same = spec.kind == DirectionSpec::Kind::Random || spec.kind == DirectionSpec::Kind::Tensor;
  if (same) {
    if (auto before = earlierAxis(journal_.directory(), recipe, text, epoch); !before.empty()) return before;
  }
  const auto vector = direction(text, recipe.normalization, epoch);
  const auto split = splitsOf(recipe.split, recipe.samples).front();
  const auto reach = advisedReach(*material_.model, split.examples, vector, recipe.batchSize, context);
  double low = -reach.below, high = reach.above;
  // The whole of the trajectory, where the direction is one of its own.
  if (spec.kind == DirectionSpec::Kind::Principal) {
    const auto visits = trajectory();
    const auto& model = *material_.model;
    for (const double alpha : projected(pathOf(visits, model), model.parameters().flatten(), vector, context))
      low = std::min(low, 1.05 * alpha), high = std::max(high, 1.05 * alpha);
  }
  const auto values = axisHolding(low, high, recipe.points);
  context.say(recipe.name + ": " + text + " from " + shortNumber(values.front()) + " to " + shortNumber(values.back()));
  return values;
}

void Session::evaluateAs(const std::string& name, const LandscapeRecipe& recipe, std::int64_t epoch,
                         const torch::Tensor& x, const std::vector<double>& alphas, const torch::Tensor& y,
                         const std::vector<double>& betas, const Context& context) {
  const auto splits = splitsOf(recipe.split, recipe.samples);
  const auto& directory = journal_.directory();
  Examples training;
  RunningStatistics statistics;
  if (recipe.batchNorm == "reestimate") {
    training = splitsOf("train", recipe.samples).front().examples;
    statistics.anew = &training;
  } else {
    statistics = {nullptr, statisticsAlong(recipe.x), statisticsAlong(recipe.y)};
  }
  const auto known = y.defined() ? knownPoints<SurfaceRow>(directory, name, epoch, splits)
                                 : knownPoints<ProfileRow>(directory, name, epoch, splits);
  const auto deliver = [&](const LandscapePoint& point) {
    const auto& [loss, accuracy] = point.value;
    const auto& split = splits[point.split].name;
    y.defined() ? journal_.append(SurfaceRow{name, epoch, point.alpha, point.beta, split, loss, accuracy})
                : journal_.append(ProfileRow{name, epoch, point.alpha, split, loss, accuracy});
  };
  evaluateLandscape(*material_.model, splits, x, alphas, y, betas, recipe.batchSize, known, deliver, context,
                    statistics);
}

void Session::landscape(const LandscapeRecipe& recipe, std::int64_t epoch) {
  const bool surface = !recipe.y.empty();
  const std::string kind = surface ? "surface" : "profile";
  const auto title = kind + " " + recipe.name + " · epoch " + std::to_string(epoch);
  phase(keyed(kind + ":" + recipe.name, epoch), title, costs_.landscape(recipe),
        [&](const Context& context) -> Products {
          const auto x = direction(recipe.x, recipe.normalization, epoch);
          const auto alphas = axis(recipe, recipe.x, epoch, context);
          torch::Tensor y;
          std::vector<double> betas = {0};
          if (surface) {
            y = direction(recipe.y, recipe.normalization, epoch);
            if (!spanPlane(x, y)) {
              throw RunError("surface." + recipe.name + ": " + recipe.x + " and " + recipe.y +
                             " span no plane at epoch " + std::to_string(epoch) +
                             " (one of them is zero, or both point the same way)");
            }
            betas = axis(recipe, recipe.y, epoch, context);
          }
          evaluateAs(recipe.name, recipe, epoch, x, alphas, y, betas, context);
          return 0;
        });
  shape(recipe, epoch);
  if (surface && recipe.curvatureMap > 0) curvatureMap(recipe, epoch);
  // Around the weights of an earlier epoch the path to come is not known yet.
  if (surface && visit_ == lastVisit_) trajectoryOn(recipe, epoch);
}

void Session::quantizedLandscapes(const BitPlan& plan) {
  const auto& wanted = recipe_.quantization.landscapes;
  if (wanted.empty()) return;
  const auto found = std::find_if(plan.settings.begin(), plan.settings.end(), [&](const PlannedSetting& one) {
    return one.row.setting == wanted && !one.setting.bits.empty();
  });
  if (found == plan.settings.end()) {
    throw RunError("quantization.landscapes = \"" + wanted +
                   "\": the run has no bits of that setting; name one of quantization.limits or a uniform width of " +
                   SettingRow::file);
  }
  if (!material_.model->setTransform(0, nullptr)) {
    const Context context{context_.stop, {}, context_.log};
    note("no landscapes of the quantized network: the layers of " + material_.model->architecture() +
             " are out of reach, so that their weights cannot be quantized at every point",
         context);
    return;
  }
  const auto setting = networkSetting(recipe_.quantization, found->setting.bits);
  for (const auto* list : {&recipe_.profiles, &recipe_.surfaces}) {
    for (const auto& item : *list) quantizedLandscape(item, setting);
  }
}

/// The weights move in floating point and are quantized at every point; inputs have the ranges of the centre, as a
/// network that is calibrated once has.
void Session::quantizedLandscape(const LandscapeRecipe& recipe, const Setting& setting) {
  const auto epoch = visits_[static_cast<std::size_t>(visit_)].epoch;
  const bool surface = !recipe.y.empty();
  const std::string kind = surface ? "surface" : "profile";
  auto twin = recipe;
  twin.name = quantizedName(recipe.name, recipe_.quantization.landscapes);
  phase(keyed(kind + ":" + twin.name, epoch), kind + " " + twin.name, costs_.landscape(recipe),
        [&](const Context& context) -> Products {
          // Before anything is quantized: directions, and what the inputs of the network in floating point are.
          const auto x = direction(recipe.x, recipe.normalization, epoch);
          const auto y = surface ? direction(recipe.y, recipe.normalization, epoch) : torch::Tensor();
          const auto& ranges = calibration(context);
          const auto [alphas, betas] = placesOf(journal_.directory(), recipe, epoch);
          if (quantizesInputs(recipe_.quantization))
            note(
                "landscapes of the quantized network: inputs keep the ranges that they have at the centre, so that "
                "far from it they are clipped",
                context);
          const Simulation simulation(*material_.model, setting, quantizerOptions(recipe_.quantization), ranges);
          evaluateAs(twin.name, recipe, epoch, x, alphas, y, betas, context);
          return 0;
        });
  shape(twin, epoch);
}

}  // namespace eigenscape
