// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/model/state_dict.h"
#include "core/quantization/measure.h"
#include "core/results/tables.h"
#include "core/study/bit_plan.h"
#include "core/study/quantizer_recipe.h"
#include "core/study/session_support.h"

namespace eigenscape {

namespace {

/// Why no bits can be chosen from computed sensitivities; empty: they can.
std::string obstacle(const std::vector<SensitivityRow>& rows, const std::vector<InputSensitivityRow>& inputs) {
  for (const auto& row : rows) {
    if (!std::isfinite(row.omega))
      return "omega of " + row.layer + " at " + std::to_string(row.bits) + " bits is not finite";
  }
  for (const auto& row : inputs) {
    if (!std::isfinite(row.omega))
      return "omega of the input of " + row.layer + " at " + std::to_string(row.bits) + " bits is not finite";
  }
  return rows.empty() ? "the model has no layer with a weight matrix" : "";
}

/// What the sums of omega are of; empty: nothing that needs to be said.
std::string whatOmegaCounts(const QuantizationRecipe& recipe, bool inputs) {
  if (!quantizesInputs(recipe)) return {};
  if (inputs) return "omega of a setting counts weights (sensitivity.csv) and inputs (input_sensitivity.csv)";
  const std::string alone = "omega of a setting counts the weights alone, though inputs are quantized: ";
  return alone + (recipe.sensitivity.empty() ? "quantization.methods lacks v2"
                                             : "a given sensitivity.csv says nothing of them");
}

/// Bit operations are those of inputs as wide as the weights; empty: so they are, or nothing is told of them.
std::string whatBopsCount(const QuantizationRecipe& recipe) {
  const bool asked =
      recipe.frontier == "bops" || std::any_of(recipe.limits.begin(), recipe.limits.end(),
                                               [](auto& one) { return one.find("bops") != std::string::npos; });
  if (!asked || recipe.activationBits == "same") return {};
  return "bit operations count inputs as wide as the weights, while quantization.activation_bits = \"" +
         recipe.activationBits + "\": the measured losses are of those";
}

/// Those worth a fine-tuning: what the limits chose, what the user gave, and the usual baseline.
bool isWorthTuning(const SettingRow& row) {
  return row.method == "exact" || row.method == "given" || row.setting == "uniform-4";
}

/// A setting of the same bits that has its loss; null: there is none.
const PlannedSetting* measuredBefore(const BitPlan& plan, const PlannedSetting& wanted) {
  for (const auto& one : plan.settings) {
    if (one.setting.bits == wanted.setting.bits && std::isfinite(one.row.loss)) return &one;
  }
  return nullptr;
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
    writeSafetensors(folder / settingFile(one.row.setting),
                     quantizedState(model, networkSetting(recipe_.quantization, one.setting.bits),
                                    quantizerOptions(recipe_.quantization), example));
  }
}

void Session::allocation() {
  const auto& quantization = recipe_.quantization;
  const auto rows = readTable<SensitivityRow>(journal_.directory());
  const auto inputs = readTable<InputSensitivityRow>(journal_.directory());
  const auto why = obstacle(rows, inputs);
  if (!why.empty()) {
    phase("allocation", "allocating bits", 0, [&](const Context& context) -> Products {
      note("no bits were allocated: " + why, context);
      return 0;
    });
    return;
  }
  auto layers =
      choicesOf(quantization, inNetworkOrder(rows, material_.model->weightLayerNames()), SensitivityRow::file, inputs);
  addCorrelations(layers, readTable<TraceCorrelationRow>(journal_.directory()));
  phase("allocation", "allocating bits", 0, [&](const Context& context) -> Products {
    auto plan = planBits(withKeptSettings(quantization, journal_.directory()), layers, {context.stop, {}, {}});
    const auto metrics = readTable<MetricRow>(journal_.directory());
    const auto last =
        std::find_if(metrics.rbegin(), metrics.rend(), [](const MetricRow& row) { return row.split == "test"; });
    if (last != metrics.rend()) addFloat(plan, last->loss, last->accuracy);
    if (const auto line = whatOmegaCounts(quantization, !inputs.empty()); !line.empty()) plan.notes.push_back(line);
    if (const auto line = whatBopsCount(quantization); !line.empty()) plan.notes.push_back(line);
    for (const auto& line : plan.notes) note(line, context);
    if (!plan.pareto.empty()) journal_.info().frontier = costName(plan.frontierCost);
    writePlan(plan, quantization, journal_.info(), journal_.directory());
    writeQuantized(plan);
    for (const char* table : {AllocationRow::file, ParetoRow::file, SettingRow::file}) journal_.notify(table);
    return 0;
  });
  auto plan = storedPlan(quantization, layers, journal_.directory());
  measureSettings(plan);
  quantizedLandscapes(plan);
  std::vector<NetworkSetting> worthTuning;
  for (const auto& one : plan.settings) {
    if (isWorthTuning(one.row))
      worthTuning.push_back({one.row.setting, networkSetting(quantization, one.setting.bits)});
  }
  fineTuneSettings(worthTuning);
}

void Session::measureSettings(BitPlan& plan) {
  if (material_.test.size() == 0) return;
  auto& model = *material_.model;
  for (const auto& one : plan.settings) {
    if (!one.worthMeasuring) continue;
    const auto& name = one.row.setting;
    phase("quantized:" + name, "quantized network · " + name, costs_.setting, [&](const Context& context) -> Products {
      // A limit often chooses what is a point of the frontier, too, or uniform.
      const auto* equal = measuredBefore(plan, one);
      const auto value = equal ? LossAndAccuracy{equal->row.loss, equal->row.accuracy}
                               : measured(model, networkSetting(recipe_.quantization, one.setting.bits),
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
