// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/quantization/bit_choices.h"
#include "core/quantization/frontier.h"
#include "core/results/context.h"
#include "core/results/run_directory.h"
#include "core/study/recipe.h"

namespace eigenscape {

/// True for a recipe that chooses bits from given sensitivities and does nothing else: it names neither data nor model.
bool allocatesOnly(const Recipe& recipe);

/// Whether the recipe has sensitivities computed from a model: it has a section [quantization] and gives none.
bool computesSensitivity(const Recipe& recipe);

/// Checks what quantization.sensitivity, limits and frontier ask for, the given file included. Throws RecipeError for a
/// key that does not fit, RunError for a file that does not.
void checkAllocation(const Recipe& recipe);

/// The rows of quantization.sensitivity. Throws RunError.
std::vector<SensitivityRow> givenSensitivity(const QuantizationRecipe& recipe);

/// The layers that bits are chosen for. Widths are those of quantization.bits; its default stands for all that the rows
/// have where they lack one of it. `source` names the rows in errors. Layers are in network order; where `inputs` has
/// rows (it was computed with them) Ω is that of weights and inputs, at the bits that networkSetting() gives these.
std::vector<LayerChoices> choicesOf(const QuantizationRecipe& recipe, const std::vector<SensitivityRow>& rows,
                                    const std::string& source, const std::vector<InputSensitivityRow>& inputs = {});

/// The rows, layer by layer as the network has them: a table of the user's may have any order, and the rule for the
/// first and the last layer is about the network's. Layers that are not among `layers` come last.
std::vector<SensitivityRow> inNetworkOrder(std::vector<SensitivityRow> rows, const std::vector<std::string>& layers);

/// Checks quantization.settings against a network's layers, which are in its order. Throws RunError.
void checkGivenSettings(const QuantizationRecipe& recipe, const std::vector<std::string>& layers);

/// A setting of bits with what was measured of it.
struct PlannedSetting {
  SettingRow row;
  BitSetting setting;  ///< no bits: the network in floating point
  bool worthMeasuring = false;
};

/// What the tables of an allocation hold.
struct BitPlan {
  std::vector<LayerChoices> layers;
  std::vector<PlannedSetting> settings;
  std::vector<ParetoRow> pareto;
  Cost frontierCost = Cost::Size;
  std::vector<std::string> notes;  ///< for run.json
};

/// The recipe with the run's own copy of the file of quantization.settings, which may change after the run began.
QuantizationRecipe withKeptSettings(QuantizationRecipe recipe, const std::filesystem::path& directory);
constexpr const char* kKeptSettings = "given_bits.json";
/// What a run that goes on is checked by: its own copies of given sensitivities and settings, where it has them.
Recipe withKeptFiles(Recipe recipe, const std::filesystem::path& directory);

/// Allocates under each limit, finds the frontier, and what uniform, greedy and first-order choices give. Throws
/// Stopped.
BitPlan planBits(const QuantizationRecipe& recipe, const std::vector<LayerChoices>& layers, const Context& context);

/// The plan that an earlier session wrote (writePlan, writeMeasured), with what it has measured.
BitPlan storedPlan(const QuantizationRecipe& recipe, const std::vector<LayerChoices>& layers,
                   const std::filesystem::path& directory);
/// How many settings of a recipe are measured, at most.
std::int64_t settingsToMeasure(const QuantizationRecipe& recipe);
/// The network in floating point, as measured beside the settings.
void addFloat(BitPlan& plan, double loss, double accuracy);
/// What was measured of one of the plan's settings; it is the frontier's point of that number, too, if it is one.
void takeMeasured(BitPlan& plan, const std::string& setting, double loss, double accuracy);

/// Writes allocation.csv, pareto.csv, settings.csv, settings_bits.csv and bits.json, each whole. Throws RunError.
void writePlan(const BitPlan& plan, const QuantizationRecipe& recipe, const RunInfo& info,
               const std::filesystem::path& directory);
/// Those of them that measurements change.
void writeMeasured(const BitPlan& plan, const std::filesystem::path& directory);

}  // namespace eigenscape
