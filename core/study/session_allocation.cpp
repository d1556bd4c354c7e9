// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/model/state_dict.h"
#include "core/quantization/measure.h"
#include "core/results/tables.h"
#include "core/study/bit_plan.h"
#include "core/study/session_support.h"

namespace eigenscape {

namespace {

constexpr std::int64_t kMeasureBatch = 256;  // that of the recorded losses

/// Why no bits can be chosen from computed sensitivities; empty: they can.
std::string obstacle(const std::vector<SensitivityRow>& rows) {
  for (const auto& row : rows) {
    if (!std::isfinite(row.omega))
      return "omega of " + row.layer + " at " + std::to_string(row.bits) + " bits is not finite";
  }
  return rows.empty() ? "the model has no layer with a weight matrix" : "";
}

QuantizerOptions quantizerOptions(const Recipe& recipe) {
  QuantizerOptions options;
  if (recipe.quantization.granularity == "tensor") options.granularity = Granularity::Tensor;
  if (recipe.quantization.granularity == "group") options.granularity = Granularity::Group;
  options.foldBatchNorm = false;  // what the sensitivities' perturbation is of, and what bits.json describes
  return options;
}

/// In the order of the model's layers.
Setting weightSetting(const Model& model, const BitPlan& plan, const BitSetting& setting) {
  Setting all;
  for (const auto& layer : model.weightLayers()) {
    for (std::size_t i = 0; i < plan.layers.size(); ++i) {
      if (plan.layers[i].layer == layer.name) all.push_back({setting.bits[i], 0});
    }
  }
  return all;
}

/// "size=0.5,bops=0.7": nothing that a file's name cannot hold, except by a user's own hand.
std::string fileName(std::string name) {
  for (char& c : name) {
    if (c == '/' || static_cast<unsigned char>(c) < 0x20) c = '_';
  }
  return name + ".safetensors";
}

/// The state dict with each layer's weight as the setting quantizes it.
NamedTensors quantizedState(const Model& model, const Setting& setting, const QuantizerOptions& options) {
  auto state = model.stateDict();
  for (std::size_t i = 0; i < setting.size(); ++i) {
    const auto& name = model.parameters().entries()[model.weightLayers()[i].parameterEntry].name;
    for (auto& [own, tensor] : state) {
      if (own == name) tensor = quantized(tensor, setting[i].weight, options);
    }
  }
  return state;
}

}  // namespace

void Session::writeQuantized(const BitPlan& plan) const {
  const auto folder = journal_.directory() / "quantized";
  std::error_code ignored;  // writing the file says it better
  std::filesystem::create_directories(folder, ignored);
  const auto& model = *material_.model;
  for (const auto& one : plan.settings) {
    if (one.row.method != "exact") continue;
    writeSafetensors(folder / fileName(one.row.setting),
                     quantizedState(model, weightSetting(model, plan, one.setting), quantizerOptions(recipe_)));
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
}

void Session::measureSettings(BitPlan& plan) {
  if (material_.test.size() == 0) return;
  auto& model = *material_.model;
  for (const auto& one : std::vector<PlannedSetting>(plan.settings)) {
    if (!one.worthMeasuring) continue;
    const auto& name = one.row.setting;
    phase("quantized:" + name, "quantized network · " + name, costs_.setting, [&](const Context& context) -> Products {
      const auto value = measured(model, weightSetting(model, plan, one.setting), quantizerOptions(recipe_), {},
                                  material_.test, kMeasureBatch, context);
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
