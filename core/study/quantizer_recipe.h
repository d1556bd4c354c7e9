// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/quantization/quantizer.h"
#include "core/quantization/simulation.h"
#include "core/study/recipe.h"

// What the keys of [quantization] mean to core/quantization.
namespace eigenscape {

QuantizerOptions quantizerOptions(const QuantizationRecipe& recipe);

/// Bits of the input of a layer whose weights have `weightBits`; 0: floating point.
std::int64_t inputBits(const QuantizationRecipe& recipe, std::int64_t weightBits);

/// The widths that inputs may get by quantization.activation_bits, each once, in the recipe's order.
std::vector<std::int64_t> inputWidths(const QuantizationRecipe& recipe);
/// Those, and the one that quantization.first_last_bits may give the first and the last layer.
std::vector<std::int64_t> allInputWidths(const QuantizationRecipe& recipe);

/// The network's setting for weights of these bits, one entry per weight layer: inputs by quantization.activation_bits,
/// and the rule for the first and the last layer.
Setting networkSetting(const QuantizationRecipe& recipe, const std::vector<std::int64_t>& weightBits);

/// A setting under the name that the tables give it.
struct NetworkSetting {
  std::string name;
  Setting setting;
};

/// Whether any input is quantized, so that a calibration is needed.
bool quantizesInputs(const QuantizationRecipe& recipe);

/// Whether quantization.methods names it.
bool asksFor(const QuantizationRecipe& recipe, const std::string& method);

/// Throws RecipeError for keys that do not fit.
void checkQuantizer(const QuantizationRecipe& recipe);

/// What it asks for, one line each, for --check.
std::vector<std::string> quantizerWork(const Recipe& recipe);

}  // namespace eigenscape
