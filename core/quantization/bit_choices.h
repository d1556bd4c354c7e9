// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "core/results/rows.h"

// What a bit allocation chooses from, and what a choice costs. Plain values, no LibTorch.
namespace eigenscape {

/// One bit width that a layer may have.
struct BitChoice {
  std::int64_t bits = 0;
  double omega = 0;
  double standardError = 0;                                     ///< of omega; 0: not known
  double latencyMs = std::numeric_limits<double>::quiet_NaN();  ///< nan: not known
  double inputOmega = 0;  ///< the share of omega that is of the layer's input (addInputs)
  double inputError = 0;  ///< the standard error of that share
};

struct LayerChoices {
  std::string layer;
  std::string group;            ///< layers of equal, non-empty group share their bits
  std::int64_t parameters = 0;  ///< of the weight; 0: not known
  std::int64_t macs = 0;        ///< per example; 0: not known
  double topEigenvalue = std::numeric_limits<double>::quiet_NaN();
  std::vector<BitChoice> choices;  ///< ascending in bits; those of a group have the same widths
  /// Of the errors of this layer's traces with those of each layer, in their order (addCorrelations). Empty:
  /// independent.
  std::vector<double> weightCorrelations, inputCorrelations;
};

/// The rows of a sensitivity.csv as layers in the order of their first rows. Only the widths in `bits` are taken; none:
/// all that the rows have. Ω is the column omega, or mean_trace · perturbation where that says nothing. `source` is the
/// file that errors name. Throws RunError: a layer twice at one width, a layer that lacks a width, a layer whose
/// parameters, MACs or group change from row to row, a number that is not finite or negative where it must not be.
std::vector<LayerChoices> layerChoices(const std::vector<SensitivityRow>& rows, const std::vector<std::int64_t>& bits,
                                       const std::string& source);
/// Adds to each choice's Ω, that of the weights, the Ω of the layer's input at the bits that it has with them: a
/// network whose inputs are quantized loses by both (HAWQ-V2, arXiv:1911.03852). `inputBits(place, bits)` are those of
/// the input of the layer at that place when its weights have `bits`; 0: floating point, which adds nothing. Standard
/// errors add in squares. Throws RunError where `rows` lack a layer at a width, or Ω is not finite there; `source` is
/// their file.
void addInputs(std::vector<LayerChoices>& layers, const std::vector<InputSensitivityRow>& rows,
               const std::function<std::int64_t(std::size_t place, std::int64_t bits)>& inputBits,
               const std::string& source);
/// What layers' errors have in common: with it the standard errors of sums over the layers are what they are. Errors of
/// weights and of inputs come from draws of their own.
void addCorrelations(std::vector<LayerChoices>& layers, const std::vector<TraceCorrelationRow>& rows);
/// The widths that occur, ascending.
std::vector<std::int64_t> bitWidths(const std::vector<SensitivityRow>& rows);

enum class Cost {
  Size,    ///< bytes of the quantized weights: parameters · bits / 8
  Bops,    ///< bit operations: MACs · bits², for weights and inputs of the same width
  Latency  ///< ms, from the table that the user gave
};
/// "size", "bops", "latency"
const char* costName(Cost cost);
/// The column of sensitivity.csv that it is computed from.
const char* costColumn(Cost cost);
/// Whether every layer says what the cost needs.
bool isKnown(const std::vector<LayerChoices>& layers, Cost cost);

/// At most low + share · (high − low), from all layers at their lowest width to all at their highest.
struct Limit {
  Cost cost = Cost::Size;
  double share = 1;
};
/// "size=0.5", or several that hold together: "size=0.5,bops=0.7". Throws std::invalid_argument that says what is
/// accepted.
std::vector<Limit> parseLimits(const std::string& text);

/// Bits for every layer, and what they come to.
struct BitSetting {
  std::vector<std::int64_t> bits;                 ///< one per layer, in their order
  double sizeBytes = 0, bops = 0, latencyMs = 0;  ///< nan where not known
  double omega = 0;                               ///< sum over the layers
  double standardError = 0;                       ///< of omega
  double cost(Cost which) const;
};
/// `bits` holds one of the layer's widths for every layer. Throws std::invalid_argument.
BitSetting settingOf(const std::vector<LayerChoices>& layers, const std::vector<std::int64_t>& bits);
/// The widths that any layer may have, ascending.
std::set<std::int64_t> widthsOf(const std::vector<LayerChoices>& layers);
/// Every layer at so many bits, or at the next more that it may have, else at its most.
BitSetting uniformSetting(const std::vector<LayerChoices>& layers, std::int64_t bits);
/// The fewest and the most bits of every layer.
BitSetting lowestSetting(const std::vector<LayerChoices>& layers);
BitSetting highestSetting(const std::vector<LayerChoices>& layers);
/// Leaves the first and the last layer, and what shares their bits, only widths of at least `bits`, or else their most:
/// HAWQ's rule for them. 0: as they are.
void keepFirstAndLast(std::vector<LayerChoices>& layers, std::int64_t bits);
/// What the limit allows, in the cost's unit.
double allowed(const std::vector<LayerChoices>& layers, const Limit& limit);

/// Cost of one layer at one of its widths.
double costOf(const LayerChoices& layer, const BitChoice& choice, Cost cost);
/// Layers that share their bits, as places in `layers`; layers without a group stand alone. In the order of first
/// members.
std::vector<std::vector<std::size_t>> bitGroups(const std::vector<LayerChoices>& layers);

}  // namespace eigenscape
