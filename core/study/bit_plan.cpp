// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/bit_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

#include "core/quantization/allocation.h"
#include "core/quantization/bits_file.h"
#include "core/results/error.h"
#include "core/results/tables.h"
#include "core/study/quantizer_recipe.h"
#include "core/study/recipe_values.h"

namespace eigenscape {

namespace fs = std::filesystem;

namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::uintmax_t kLargestTable = 64 << 20;
const std::string kGiven = "given-";  ///< before the name that a setting has in its file

[[noreturn]] void refuse(const std::string& key, const std::string& value, const std::string& why) {
  throw RecipeError(key + " = " + value + ": " + why);
}

std::string listOf(std::vector<std::int64_t> bits) {
  return literal(Slot(&bits));
}

/// Each limit with what it says.
std::vector<std::pair<std::string, std::vector<Limit>>> limitsOf(const QuantizationRecipe& recipe) {
  std::vector<std::pair<std::string, std::vector<Limit>>> limits;
  std::set<std::string> seen;
  for (const auto& text : recipe.limits) {
    try {
      limits.emplace_back(text, parseLimits(text));
    } catch (const std::invalid_argument& error) {
      refuse("quantization.limits", tomlString(text), std::string("expected ") + error.what());
    }
    if (!seen.insert(text).second) refuse("quantization.limits", tomlString(text), "expected each limit once");
  }
  return limits;
}

void checkKnown(const std::vector<LayerChoices>& layers, Cost cost, const std::string& key, const std::string& value,
                const std::string& source) {
  if (isKnown(layers, cost)) return;
  refuse(key, tomlString(value),
         source + " has no " + costColumn(cost) + " for every layer" +
             (cost == Cost::Latency ? " and width; add that column" : "; add that column") + " or limit another cost");
}

/// A key that only data and a model can answer.
void checkNothingElse(const Recipe& recipe) {
  const char* needs = recipe.training.epochs > 0          ? "training.epochs"
                      : !recipe.profiles.empty()          ? "[[profile]]"
                      : !recipe.surfaces.empty()          ? "[[surface]]"
                      : !recipe.model.weights.empty()     ? "model.weights"
                      : !recipe.model.checkpoints.empty() ? "model.checkpoints"
                                                          : nullptr;
  if (!needs) return;
  throw RecipeError(std::string("data.dataset is empty: ") + needs +
                    " needs data and a model; set data.dataset and model.architecture, or leave " + needs +
                    " out and only bits are allocated from quantization.sensitivity");
}

std::vector<GivenSetting> givenSettings(const QuantizationRecipe& recipe) {
  return recipe.settings.empty() ? std::vector<GivenSetting>() : readGivenSettings(recipe.settings);
}

/// Whether the widths of quantization.settings are among those that sensitivities are computed for; its layers are
/// compared once the network is known.
void checkGivenWidths(const QuantizationRecipe& recipe) {
  for (const auto& given : givenSettings(recipe)) {
    for (const auto& [layer, bits] : given.bits) {
      if (std::find(recipe.bits.begin(), recipe.bits.end(), bits) != recipe.bits.end()) continue;
      refuse("quantization.settings", tomlString(recipe.settings),
             "setting '" + given.name + "' gives layer '" + layer + "' " + std::to_string(bits) +
                 " bits; expected one of quantization.bits = " + listOf(recipe.bits) +
                 (bits >= 2 && bits <= 8 ? ", or add that width to them" : ""));
    }
  }
}

/// `widths`: of the uniform settings.
template <class Widths>
void checkLandscapes(const Recipe& recipe, const Widths& widths) {
  const auto& wanted = recipe.quantization.landscapes;
  if (wanted.empty()) return;
  const auto no = [&](const std::string& why) { refuse("quantization.landscapes", tomlString(wanted), why); };
  if (allocatesOnly(recipe))
    no("needs a network; set data.dataset and model.architecture, or leave quantization.landscapes out");
  std::vector<std::string> settings = recipe.quantization.limits;
  for (const auto& given : givenSettings(recipe.quantization)) settings.push_back(kGiven + given.name);
  for (const auto width : widths) settings.push_back("uniform-" + std::to_string(width));
  if (std::find(settings.begin(), settings.end(), wanted) == settings.end()) {
    std::string known;
    for (const auto& setting : settings) known += (known.empty() ? "" : "; ") + setting;
    no("is not a setting of this run; expected one of quantization.limits, given-NAME of quantization.settings or a "
       "uniform width: " +
       known);
  }
  if (wanted.find('/') != std::string::npos)
    no("becomes part of file names; rename that setting in " + recipe.quantization.settings + " without '/'");
  for (const auto* list : {&recipe.profiles, &recipe.surfaces}) {
    for (const auto& entry : *list) {
      // Statistics are of passes in which BatchNorm isn't folded into the kernels; scales by channel are the same then.
      if (entry.batchNorm == "reestimate" && recipe.quantization.granularity != "channel")
        no("with batch_norm = \"reestimate\" in " + entry.name +
           " needs quantization.granularity = \"channel\"; change one of the three");
    }
  }
  if (recipe.profiles.empty() && recipe.surfaces.empty())
    no("there is no [[profile]] and no [[surface]] to evaluate; add one or leave quantization.landscapes out");
}

PlannedSetting planned(const std::string& name, const char* method, const BitSetting& setting, bool worthMeasuring) {
  PlannedSetting one;
  one.setting = setting;
  one.worthMeasuring = worthMeasuring;
  one.row = {
      name,     method,  setting.sizeBytes, setting.bops, setting.latencyMs, setting.omega, setting.standardError,
      kUnknown, kUnknown};
  return one;
}

/// The cost that the recipe wants a frontier of, or another where that is not known; nothing: none is.
std::optional<Cost> frontierCost(const QuantizationRecipe& recipe, const std::vector<LayerChoices>& layers) {
  std::vector<Cost> all = {Cost::Size, Cost::Bops};
  std::stable_partition(all.begin(), all.end(), [&](Cost cost) { return recipe.frontier == costName(cost); });
  const auto found = std::find_if(all.begin(), all.end(), [&](Cost cost) { return isKnown(layers, cost); });
  return found == all.end() ? std::nullopt : std::optional(*found);
}

/// Points of the frontier whose costs are spread evenly between its ends.
std::set<std::size_t> spreadPoints(const Frontier& frontier, Cost cost, std::int64_t count) {
  std::set<std::size_t> chosen;
  const auto& points = frontier.points;
  const double low = points.front().cost(cost), high = points.back().cost(cost);
  for (std::int64_t i = 1; i <= count; ++i) {
    const double wanted = low + (high - low) * static_cast<double>(i) / static_cast<double>(count + 1);
    const auto above = std::upper_bound(points.begin(), points.end(), wanted,
                                        [&](double value, const BitSetting& one) { return value < one.cost(cost); });
    if (above != points.begin()) chosen.insert(static_cast<std::size_t>(above - points.begin()) - 1);
  }
  return chosen;
}

void addFrontier(BitPlan& plan, const QuantizationRecipe& recipe, const Context& context) {
  const auto cost = frontierCost(recipe, plan.layers);
  if (!cost) {
    plan.notes.push_back("no frontier: the sensitivities have neither parameters nor macs for every layer");
    return;
  }
  plan.frontierCost = *cost;
  if (recipe.frontier != costName(*cost)) {
    plan.notes.push_back("the frontier is that of " + std::string(costName(*cost)) + ": " + recipe.frontier +
                         " is not known for every layer");
  }
  const auto frontier = frontierOf(plan.layers, *cost, context.stop);
  for (std::size_t i = 0; i < frontier.points.size(); ++i) {
    const auto& point = frontier.points[i];
    plan.pareto.push_back(
        {static_cast<std::int64_t>(i) + 1, point.sizeBytes, point.bops, point.omega, kUnknown, kUnknown});
  }
  if (!frontier.complete) {
    plan.notes.push_back("the frontier has more than " + std::to_string(kMostFrontierStates) +
                         " settings on the way; pareto.csv holds the best of evenly spread limits");
  }
  for (const auto i : spreadPoints(frontier, *cost, recipe.frontierPoints))
    plan.settings.push_back(planned("pareto-" + std::to_string(i + 1), "pareto", frontier.points[i], true));
  const auto addPath = [&](const char* method, const std::vector<BitSetting>& path) {
    for (std::size_t i = 0; i < path.size(); ++i)
      plan.settings.push_back(planned(method + ("-" + std::to_string(i + 1)), method, path[i], false));
  };
  addPath("greedy", greedyPath(plan.layers, *cost));
  addPath("first-order", firstOrderPath(plan.layers));
  context.say("frontier: " + std::to_string(frontier.points.size()) + " settings of " + costName(*cost) +
              " against omega");
}

/// Bits are taken as they are; how they are reached is the recipe's.
void noteQuantizers(BitPlan& plan, const QuantizationRecipe& recipe) {
  const auto own = quantizerWords(recipe.scheme, recipe.granularity);
  for (const auto& given : givenSettings(recipe)) {
    for (const auto& other : given.quantizers) {
      if (other == own) continue;
      plan.notes.push_back("setting '" + given.name + "' of quantization.settings was chosen for weights quantized " +
                           other + "; this run quantizes them " + own +
                           " (quantization.scheme and quantization.granularity)");
    }
  }
}

void noteNegative(BitPlan& plan) {
  std::string names;
  for (const auto& layer : plan.layers) {
    const bool negative = std::any_of(layer.choices.begin(), layer.choices.end(),
                                      [](const BitChoice& choice) { return choice.omega < 0; });
    if (negative) names += (names.empty() ? "" : ", ") + layer.layer;
  }
  if (names.empty()) return;
  plan.notes.push_back("omega is negative for " + names +
                       ": taken as it is, fewer bits look better there; check the trace (more samples or probes)");
}

template <class Row>
std::vector<Row> bitRows(const BitPlan& plan, bool limitsOnly) {
  std::vector<Row> rows;
  for (const auto& one : plan.settings) {
    const bool limit = one.row.method == "exact";
    const bool told = limit || one.row.method == "uniform" || one.worthMeasuring;
    if (one.setting.bits.empty() || !(limitsOnly ? limit : told)) continue;
    for (std::size_t i = 0; i < plan.layers.size(); ++i)
      rows.push_back({one.row.setting, plan.layers[i].layer, one.setting.bits[i]});
  }
  return rows;
}

}  // namespace

bool allocatesOnly(const Recipe& recipe) {
  return !recipe.quantization.sensitivity.empty() && recipe.data.dataset.empty() && recipe.model.architecture.empty() &&
         recipe.model.torchscript.empty();
}

std::vector<SensitivityRow> givenSensitivity(const QuantizationRecipe& recipe) {
  std::error_code error;
  const auto size = fs::file_size(recipe.sensitivity, error);
  if (!error && size > kLargestTable)
    throw RunError(recipe.sensitivity +
                   ": larger than 64 MiB; expected a sensitivity.csv with a row per layer and width");
  return readTableFile<SensitivityRow>(recipe.sensitivity);
}

std::vector<LayerChoices> choicesOf(const QuantizationRecipe& recipe, const std::vector<SensitivityRow>& rows,
                                    const std::string& source, const std::vector<InputSensitivityRow>& inputs) {
  auto bits = recipe.bits;
  const auto there = bitWidths(rows);
  for (const auto width : recipe.bits) {
    if (rows.empty() || std::find(there.begin(), there.end(), width) != there.end()) continue;
    if (recipe.bits != QuantizationRecipe().bits) {
      refuse("quantization.bits", listOf(recipe.bits),
             source + " has no rows for " + std::to_string(width) + " bits; it has " + listOf(there));
    }
    bits = there;
    break;
  }
  auto layers = layerChoices(rows, bits, source);
  keepFirstAndLast(layers, recipe.firstLastBits);
  if (inputs.empty()) return layers;
  const auto inputBits = [&](std::size_t place, std::int64_t width) {
    return networkSetting(recipe, std::vector<std::int64_t>(layers.size(), width))[place].activation;
  };
  addInputs(layers, inputs, inputBits, InputSensitivityRow::file);
  return layers;
}

std::vector<SensitivityRow> inNetworkOrder(std::vector<SensitivityRow> rows, const std::vector<std::string>& layers) {
  std::map<std::string, std::size_t> places;
  for (const auto& layer : layers) places.emplace(layer, places.size());
  const auto place = [&](const SensitivityRow& row) {
    const auto found = places.find(row.layer);
    return found == places.end() ? places.size() : found->second;
  };
  std::stable_sort(rows.begin(), rows.end(),
                   [&](const SensitivityRow& a, const SensitivityRow& b) { return place(a) < place(b); });
  return rows;
}

void checkGivenSettings(const QuantizationRecipe& recipe, const std::vector<std::string>& layers) {
  if (recipe.settings.empty()) return;
  std::vector<SensitivityRow> rows;
  if (!recipe.sensitivity.empty()) {
    rows = inNetworkOrder(givenSensitivity(recipe), layers);
  } else {
    for (const auto& layer : layers) {
      SensitivityRow row;
      row.layer = layer;
      row.omega = 0;  // not known yet, and not asked for
      for (const auto width : recipe.bits) {
        row.bits = width;
        rows.push_back(row);
      }
    }
  }
  readBitsFile(recipe.settings, choicesOf(recipe, rows, recipe.sensitivity));
}

bool computesSensitivity(const Recipe& recipe) {
  return recipe.quantization.enabled && recipe.quantization.sensitivity.empty();
}

void checkAllocation(const Recipe& recipe) {
  const auto& quantization = recipe.quantization;
  const auto limits = limitsOf(quantization);
  std::error_code error;
  if (!quantization.settings.empty() && !fs::is_regular_file(quantization.settings, error))
    refuse("quantization.settings", tomlString(quantization.settings), "no such file; expected a bits.json");
  if (quantization.sensitivity.empty()) {
    for (const auto& [text, parts] : limits) {
      for (const auto& limit : parts) {
        if (limit.cost != Cost::Latency) continue;
        refuse("quantization.limits", tomlString(text),
               "latencies come from the column latency_ms of a file; name it as quantization.sensitivity");
      }
    }
    checkGivenWidths(quantization);
    checkLandscapes(recipe, std::set<std::int64_t>(quantization.bits.begin(), quantization.bits.end()));
    return;
  }
  if (!fs::is_regular_file(quantization.sensitivity, error)) {
    refuse("quantization.sensitivity", tomlString(quantization.sensitivity),
           fs::is_directory(quantization.sensitivity, error) ? "is a folder; expected a sensitivity.csv"
                                                             : "no such file; expected a sensitivity.csv");
  }
  if (allocatesOnly(recipe)) checkNothingElse(recipe);
  // The rule for the first and the last layer is about the network's order, which only a model tells: requireLayers().
  auto anyOrder = quantization;
  if (!allocatesOnly(recipe)) anyOrder.firstLastBits = 0;
  const auto layers = choicesOf(anyOrder, givenSensitivity(quantization), quantization.sensitivity);
  for (const auto width : widthsOf(layers)) {
    if (allocatesOnly(recipe) || (width >= 2 && width <= 8)) continue;
    refuse("quantization.sensitivity", tomlString(quantization.sensitivity),
           "has rows for " + std::to_string(width) +
               " bits; a network is quantized to 2 to 8: name those as quantization.bits");
  }
  checkLandscapes(recipe, widthsOf(layers));
  if (!quantization.settings.empty()) readBitsFile(quantization.settings, layers);
  for (const auto& [text, parts] : limits) {
    for (const auto& limit : parts)
      checkKnown(layers, limit.cost, "quantization.limits", text, quantization.sensitivity);
  }
}

QuantizationRecipe withKeptSettings(QuantizationRecipe recipe, const fs::path& directory) {
  if (!recipe.settings.empty()) recipe.settings = (directory / kKeptSettings).string();
  return recipe;
}

Recipe withKeptFiles(Recipe recipe, const fs::path& directory) {
  auto& quantization = recipe.quantization;
  const auto keep = [&](std::string& file, const char* copy) {
    std::error_code error;
    if (!file.empty() && fs::is_regular_file(directory / copy, error)) file = (directory / copy).string();
  };
  keep(quantization.sensitivity, SensitivityRow::file);
  keep(quantization.settings, kKeptSettings);
  return recipe;
}

BitPlan planBits(const QuantizationRecipe& recipe, const std::vector<LayerChoices>& layers, const Context& context) {
  BitPlan plan;
  plan.layers = layers;
  for (const auto& [text, limits] : limitsOf(recipe)) {
    AllocationOptions options;
    options.stop = context.stop;
    options.seconds = 60;
    const auto found = allocate(layers, limits, options);
    if (!found)
      throw RunError("quantization.limits = " + tomlString(text) +
                     ": no setting was found that keeps it; raise the limit, or give other widths or latencies");
    if (!found->proven)
      plan.notes.push_back(text + ": the best setting found within a minute; it is not proven to be the best");
    plan.settings.push_back(planned(text, "exact", found->setting, true));
  }
  if (!recipe.settings.empty()) {
    for (const auto& given : readBitsFile(recipe.settings, layers))
      plan.settings.push_back(planned(kGiven + given.name, "given", given.setting, true));
  }
  for (const auto width : widthsOf(layers)) {
    plan.settings.push_back(planned("uniform-" + std::to_string(width), "uniform", uniformSetting(layers, width),
                                    recipe.frontierPoints > 0));
  }
  addFrontier(plan, recipe, context);
  noteNegative(plan);
  noteQuantizers(plan, recipe);
  return plan;
}

void takeMeasured(BitPlan& plan, const std::string& setting, double loss, double accuracy) {
  const std::string point = "pareto-";
  for (auto& one : plan.settings) {
    if (one.row.setting != setting) continue;
    one.row.loss = loss;
    one.row.accuracy = accuracy;
    if (one.row.method != "pareto") continue;
    auto& row = plan.pareto[std::stoul(setting.substr(point.size())) - 1];
    row.loss = loss;
    row.accuracy = accuracy;
  }
}

BitPlan storedPlan(const QuantizationRecipe& recipe, const std::vector<LayerChoices>& layers,
                   const fs::path& directory) {
  std::map<std::string, std::map<std::string, std::int64_t>> bits;
  for (const auto& row : readTable<SettingBitsRow>(directory)) bits[row.setting][row.layer] = row.bits;
  BitPlan plan;
  plan.layers = layers;
  plan.pareto = readTable<ParetoRow>(directory);
  for (const auto& row : readTable<SettingRow>(directory)) {
    PlannedSetting one;
    one.row = row;
    if (const auto found = bits.find(row.setting); found != bits.end()) {
      std::vector<std::int64_t> own;
      for (const auto& layer : layers) own.push_back(found->second[layer.layer]);
      one.setting = settingOf(layers, own);
      one.worthMeasuring = row.method != "uniform" || recipe.frontierPoints > 0;
    }
    plan.settings.push_back(std::move(one));
  }
  return plan;
}

std::int64_t settingsToMeasure(const QuantizationRecipe& recipe) {
  if (!recipe.enabled) return 0;
  const auto limits = static_cast<std::int64_t>(recipe.limits.size());
  const auto widths = static_cast<std::int64_t>(recipe.bits.size());
  return limits + (recipe.settings.empty() ? 0 : 1) + (recipe.frontierPoints > 0 ? widths + recipe.frontierPoints : 0);
}

void addFloat(BitPlan& plan, double loss, double accuracy) {
  PlannedSetting one;
  double parameters = 0;
  for (const auto& layer : plan.layers) parameters += static_cast<double>(layer.parameters);
  one.row = {"float", "float", parameters > 0 ? 4 * parameters : kUnknown, kUnknown, kUnknown, 0, 0, loss, accuracy};
  plan.settings.push_back(std::move(one));
}

void writeMeasured(const BitPlan& plan, const fs::path& directory) {
  std::vector<SettingRow> rows;
  for (const auto& one : plan.settings) rows.push_back(one.row);
  writeTable(directory, rows);
  if (!plan.pareto.empty()) writeTable(directory, plan.pareto);
}

void writePlan(const BitPlan& plan, const QuantizationRecipe& recipe, const RunInfo& info, const fs::path& directory) {
  writeTable(directory, bitRows<AllocationRow>(plan, true));
  writeTable(directory, bitRows<SettingBitsRow>(plan, false));
  writeMeasured(plan, directory);
  std::vector<NamedSetting> settings;
  for (const auto& one : plan.settings) {
    if (one.row.method == "exact") settings.push_back({one.row.setting, one.setting});
  }
  BitsProvenance provenance;
  provenance.program = "Eigenscape " + info.program;
  provenance.run = info.name;
  provenance.model = info.model;
  provenance.weights = info.weights;
  provenance.sensitivity = info.sensitivity;
  provenance.granularity = recipe.granularity;
  provenance.scheme = recipe.scheme;
  provenance.range = recipe.range;
  provenance.groupChannels = recipe.group;
  writeFileAtomically(directory / "bits.json", bitsJson(plan.layers, settings, provenance));
}

}  // namespace eigenscape
