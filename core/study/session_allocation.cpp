// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/model/state_dict.h"
#include "core/quantization/measure.h"
#include "core/results/tables.h"
#include "core/study/bit_plan.h"
#include "core/study/quantizer_recipe.h"
#include "core/study/session_support.h"

namespace eigenscape {

namespace {

/// Why no bits can be chosen from computed sensitivities; empty: they can.
std::string obstacle(const std::vector<SensitivityRow>& rows) {
  for (const auto& row : rows) {
    if (!std::isfinite(row.omega))
      return "omega of " + row.layer + " at " + std::to_string(row.bits) + " bits is not finite";
  }
  return rows.empty() ? "the model has no layer with a weight matrix" : "";
}

/// The plan's bits in the order of the model's layers; inputs as the recipe has them.
Setting settingOf(const QuantizationRecipe& recipe, const Model& model, const BitPlan& plan,
                  const BitSetting& setting) {
  std::vector<std::int64_t> bits;
  for (const auto& layer : model.weightLayers()) {
    for (std::size_t i = 0; i < plan.layers.size(); ++i) {
      if (plan.layers[i].layer == layer.name) bits.push_back(setting.bits[i]);
    }
  }
  auto all = networkSetting(recipe, bits);
  // Size and omega are of these bits; the first and the last layer were kept to the rule when they were chosen.
  for (std::size_t i = 0; i < bits.size(); ++i) all[i].weight = bits[i];
  return all;
}

/// Those worth a fine-tuning: what the limits chose, what the user gave, and the usual baseline.
bool isWorthTuning(const SettingRow& row) {
  return row.method == "exact" || row.method == "given" || row.setting == "uniform-4";
}

/// "size=0.5,bops=0.7": nothing that a file's name cannot hold, except by a user's own hand.
std::string fileName(std::string name) {
  for (char& c : name) {
    if (c == '/' || static_cast<unsigned char>(c) < 0x20) c = '_';
  }
  return name + ".safetensors";
}

/// The state dict with each layer's weight as the setting quantizes it.
NamedTensors quantizedState(Model& model, const Setting& setting, const QuantizerOptions& options,
                            const Examples& example) {
  auto state = model.stateDict();
  const auto weights = quantizedWeights(model, setting, options, example);
  for (std::size_t i = 0; i < setting.size(); ++i) {
    const auto& name = model.parameters().entries()[model.weightLayers()[i].parameterEntry].name;
    for (auto& [own, tensor] : state) {
      if (own == name) tensor = weights[i];
    }
  }
  return state;
}

}  // namespace

void Session::writeQuantized(const BitPlan& plan) {
  const auto folder = journal_.directory() / "quantized";
  std::error_code ignored;  // writing the file says it better
  std::filesystem::create_directories(folder, ignored);
  auto& model = *material_.model;
  const auto example = (material_.train.size() > 0 ? material_.train : material_.test).first(1);
  for (const auto& one : plan.settings) {
    if (one.row.method != "exact") continue;
    writeSafetensors(folder / fileName(one.row.setting),
                     quantizedState(model, settingOf(recipe_.quantization, model, plan, one.setting),
                                    quantizerOptions(recipe_.quantization), example));
  }
}

void Session::allocation() {
  const auto& quantization = recipe_.quantization;
  const auto rows = readTable<SensitivityRow>(journal_.directory());
  const auto why = obstacle(rows);
  if (!why.empty()) {
    phase("allocation", "allocating bits", 0, [&](const Context& context) -> Products {
      note("no bits were allocated: " + why, context);
      return 0;
    });
    return;
  }
  // A resumed run makes the same plan once more, which takes no time.
  const Context quiet{context_.stop, {}, {}};
  auto plan = planBits(quantization, choicesOf(quantization, rows, SensitivityRow::file), quiet);
  const auto metrics = readTable<MetricRow>(journal_.directory());
  const auto last =
      std::find_if(metrics.rbegin(), metrics.rend(), [](const MetricRow& row) { return row.split == "test"; });
  if (last != metrics.rend()) addFloat(plan, last->loss, last->accuracy);
  phase("allocation", "allocating bits", 0, [&](const Context& context) -> Products {
    for (const auto& line : plan.notes) note(line, context);
    if (!plan.pareto.empty()) journal_.info().frontier = costName(plan.frontierCost);
    writePlan(plan, quantization, journal_.info(), journal_.directory());
    writeQuantized(plan);
    for (const char* table : {AllocationRow::file, ParetoRow::file, SettingRow::file}) journal_.notify(table);
    return 0;
  });
  takeStored(plan, journal_.directory());
  measureSettings(plan);
  std::vector<NetworkSetting> worthTuning;
  for (const auto& one : plan.settings) {
    if (isWorthTuning(one.row))
      worthTuning.push_back({one.row.setting, settingOf(quantization, *material_.model, plan, one.setting)});
  }
  fineTuneSettings(worthTuning);
}

void Session::measureSettings(BitPlan& plan) {
  if (material_.test.size() == 0) return;
  auto& model = *material_.model;
  for (const auto& one : std::vector<PlannedSetting>(plan.settings)) {
    if (!one.worthMeasuring) continue;
    const auto& name = one.row.setting;
    phase("quantized:" + name, "quantized network · " + name, costs_.setting, [&](const Context& context) -> Products {
      const auto value = measured(model, settingOf(recipe_.quantization, model, plan, one.setting),
                                  quantizerOptions(recipe_.quantization), calibration(context), material_.test,
                                  kMeasureBatch, context);
      takeMeasured(plan, name, value.loss, value.accuracy);
      writeMeasured(plan, journal_.directory());
      for (const char* table : {ParetoRow::file, SettingRow::file}) journal_.notify(table);
      context.say(name + ": omega " + shortNumber(one.row.omega) + ", test loss " + shortNumber(value.loss) +
                  ", accuracy " + shortNumber(100 * value.accuracy, "%.2f") + " %");
      return 0;
    });
  }
}

}  // namespace eigenscape
