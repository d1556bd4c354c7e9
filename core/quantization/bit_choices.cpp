// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantization/bit_choices.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "core/results/error.h"

namespace eigenscape {
namespace {

[[noreturn]] void refuse(const std::string& source, const SensitivityRow& row, const std::string& what) {
  throw RunError(source + ": layer '" + row.layer + "' at " + std::to_string(row.bits) + " bits: " + what);
}

double omegaOf(const SensitivityRow& row) {
  return std::isnan(row.omega) ? row.meanTrace * row.perturbation : row.omega;
}

void checkRow(const SensitivityRow& row, const std::string& source) {
  if (row.layer.empty()) throw RunError(source + ": a row without a layer; give each row its layer's name");
  if (row.bits < 1 || row.bits > 32) refuse(source, row, "bits must be from 1 to 32; correct or remove the row");
  if (row.perturbation < 0) refuse(source, row, "perturbation is negative, but a squared norm is not; correct the row");
  if (!std::isfinite(omegaOf(row))) {
    refuse(source, row,
           "omega is not a finite number, nor is mean_trace · perturbation; correct them or take the layer out");
  }
  if (row.parameters < 0) refuse(source, row, "parameters is negative; correct the row");
  if (row.macs < 0) refuse(source, row, "macs is negative; correct the row");
  if (row.latencyMs < 0 || std::isinf(row.latencyMs)) {
    refuse(source, row, "latency_ms must be a finite number of at least 0; correct the row");
  }
}

/// What belongs to the layer and not to the width has to be the same on each of its rows.
void checkSame(const LayerChoices& layer, const SensitivityRow& row, const std::string& source) {
  const char* differing = layer.parameters != row.parameters ? "parameters"
                          : layer.macs != row.macs           ? "macs"
                          : layer.group != row.group         ? "group"
                                                             : nullptr;
  if (differing) {
    refuse(source, row, std::string(differing) + " is not that of the layer's first row; make them the same");
  }
}

void checkWidths(std::vector<LayerChoices>& layers, const std::vector<std::int64_t>& bits, const std::string& source) {
  for (auto& layer : layers) {
    auto& choices = layer.choices;
    std::sort(choices.begin(), choices.end(), [](const auto& a, const auto& b) { return a.bits < b.bits; });
    for (const auto width : bits) {
      const auto count =
          std::count_if(choices.begin(), choices.end(), [&](const auto& choice) { return choice.bits == width; });
      if (count == 1) continue;
      throw RunError(source + ": layer '" + layer.layer + "' has " + (count ? "more than one row" : "no row") + " at " +
                     std::to_string(width) + " bits; every layer needs one for each width");
    }
  }
}

const BitChoice& choiceOf(const LayerChoices& layer, std::int64_t bits) {
  for (const auto& choice : layer.choices) {
    if (choice.bits == bits) return choice;
  }
  throw std::invalid_argument("layer '" + layer.layer + "' has no " + std::to_string(bits) + " bits to choose");
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t");
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

Limit parseLimit(const std::string& text) {
  static const char* accepted = "size, bops or latency = a share from 0 to 1, such as size=0.5 or size=0.5,bops=0.7";
  const auto equals = text.find('=');
  if (equals == std::string::npos) throw std::invalid_argument(accepted);
  const auto name = trimmed(text.substr(0, equals)), value = trimmed(text.substr(equals + 1));
  Limit limit;
  bool known = false;
  for (const Cost cost : {Cost::Size, Cost::Bops, Cost::Latency}) {
    if (name != costName(cost)) continue;
    limit.cost = cost;
    known = true;
  }
  const auto* end = value.data() + value.size();
  const auto read = std::from_chars(value.data(), end, limit.share);
  if (!known || read.ec != std::errc() || read.ptr != end || !(limit.share >= 0 && limit.share <= 1)) {
    throw std::invalid_argument(accepted);
  }
  return limit;
}

}  // namespace

std::vector<std::int64_t> bitWidths(const std::vector<SensitivityRow>& rows) {
  std::set<std::int64_t> widths;
  for (const auto& row : rows) widths.insert(row.bits);
  return {widths.begin(), widths.end()};
}

std::vector<LayerChoices> layerChoices(const std::vector<SensitivityRow>& rows, const std::vector<std::int64_t>& bits,
                                       const std::string& source) {
  if (rows.empty()) throw RunError(source + ": holds no rows; expected one per layer and bit width");
  const auto widths = bits.empty() ? bitWidths(rows) : bits;
  std::vector<LayerChoices> layers;
  std::map<std::string, std::size_t> places;
  for (const auto& row : rows) {
    checkRow(row, source);
    const auto [place, isNew] = places.emplace(row.layer, layers.size());
    if (isNew) {
      LayerChoices layer;
      layer.layer = row.layer;
      layer.group = row.group;
      layer.parameters = row.parameters;
      layer.macs = row.macs;
      layer.topEigenvalue = row.topEigenvalue;
      layers.push_back(std::move(layer));
    }
    auto& layer = layers[place->second];
    checkSame(layer, row, source);
    if (std::find(widths.begin(), widths.end(), row.bits) == widths.end()) continue;
    const double error = row.standardError * row.perturbation;
    layer.choices.push_back({row.bits, omegaOf(row), std::isfinite(error) ? std::abs(error) : 0, row.latencyMs});
  }
  checkWidths(layers, widths, source);
  return layers;
}

void addInputs(std::vector<LayerChoices>& layers, const std::vector<InputSensitivityRow>& rows,
               const std::function<std::int64_t(std::size_t place, std::int64_t bits)>& inputBits,
               const std::string& source) {
  std::map<std::pair<std::string, std::int64_t>, const InputSensitivityRow*> places;
  for (const auto& row : rows) places[{row.layer, row.bits}] = &row;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    for (auto& choice : layers[i].choices) {
      const auto bits = inputBits(i, choice.bits);
      if (bits == 0) continue;
      const auto found = places.find({layers[i].layer, bits});
      if (found == places.end() || !std::isfinite(found->second->omega)) {
        throw RunError(source + ": no finite omega of the input of layer '" + layers[i].layer + "' at " +
                       std::to_string(bits) + " bits; compute the sensitivities again");
      }
      const double error = found->second->standardError * found->second->perturbation;
      choice.inputOmega = found->second->omega;
      choice.omega += choice.inputOmega;
      if (!std::isfinite(error)) continue;
      choice.inputError = std::abs(error);
      choice.standardError = std::hypot(choice.standardError, error);
    }
  }
}

void addCorrelations(std::vector<LayerChoices>& layers, const std::vector<TraceCorrelationRow>& rows) {
  std::map<std::string, std::size_t> places;
  for (const auto& layer : layers) places.emplace(layer.layer, places.size());
  for (const auto& row : rows) {
    const auto one = places.find(row.layer), other = places.find(row.other);
    if (one == places.end() || other == places.end() || !std::isfinite(row.correlation)) continue;
    for (const auto& [i, j] : {std::pair{one->second, other->second}, std::pair{other->second, one->second}}) {
      auto& own = row.kind == "inputs" ? layers[i].inputCorrelations : layers[i].weightCorrelations;
      own.resize(layers.size());
      own[j] = row.correlation;
    }
  }
}

const char* costName(Cost cost) {
  return cost == Cost::Size ? "size" : cost == Cost::Bops ? "bops" : "latency";
}

const char* costColumn(Cost cost) {
  return cost == Cost::Size ? "parameters" : cost == Cost::Bops ? "macs" : "latency_ms";
}

bool isKnown(const std::vector<LayerChoices>& layers, Cost cost) {
  return std::all_of(layers.begin(), layers.end(), [&](const LayerChoices& layer) {
    return std::all_of(layer.choices.begin(), layer.choices.end(),
                       [&](const BitChoice& choice) { return std::isfinite(costOf(layer, choice, cost)); });
  });
}

std::vector<Limit> parseLimits(const std::string& text) {
  std::vector<Limit> limits;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) {
    limits.push_back(parseLimit(part));
    for (std::size_t i = 0; i + 1 < limits.size(); ++i) {
      if (limits[i].cost == limits.back().cost) {
        throw std::invalid_argument(std::string(costName(limits[i].cost)) + " once within a limit");
      }
    }
  }
  if (limits.empty() || text.back() == ',') return {parseLimit("")};
  return limits;
}

double costOf(const LayerChoices& layer, const BitChoice& choice, Cost cost) {
  const auto bits = static_cast<double>(choice.bits);
  if (cost == Cost::Latency) return choice.latencyMs;
  const auto count = cost == Cost::Size ? layer.parameters : layer.macs;
  if (count <= 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(count) * (cost == Cost::Size ? bits / 8 : bits * bits);
}

double BitSetting::cost(Cost which) const {
  return which == Cost::Size ? sizeBytes : which == Cost::Bops ? bops : latencyMs;
}

namespace {

double varianceOfSum(const std::vector<LayerChoices>& layers, const std::vector<double>& errors,
                     std::vector<double> LayerChoices::*correlations) {
  double variance = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& own = layers[i].*correlations;
    variance += errors[i] * errors[i];
    for (std::size_t j = 0; j < own.size(); ++j) {
      if (j != i) variance += own[j] * errors[i] * errors[j];
    }
  }
  return std::max(variance, 0.0);
}

}  // namespace

BitSetting settingOf(const std::vector<LayerChoices>& layers, const std::vector<std::int64_t>& bits) {
  if (bits.size() != layers.size()) throw std::invalid_argument("settingOf: one bit width per layer is needed");
  BitSetting setting;
  setting.bits = bits;
  std::vector<double> weights, inputs;  // standard errors
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& choice = choiceOf(layers[i], bits[i]);
    setting.sizeBytes += costOf(layers[i], choice, Cost::Size);
    setting.bops += costOf(layers[i], choice, Cost::Bops);
    setting.latencyMs += costOf(layers[i], choice, Cost::Latency);
    setting.omega += choice.omega;
    inputs.push_back(choice.inputError);
    weights.push_back(std::sqrt(std::max(0.0, std::pow(choice.standardError, 2) - std::pow(choice.inputError, 2))));
  }
  setting.standardError = std::sqrt(varianceOfSum(layers, weights, &LayerChoices::weightCorrelations) +
                                    varianceOfSum(layers, inputs, &LayerChoices::inputCorrelations));
  return setting;
}

std::set<std::int64_t> widthsOf(const std::vector<LayerChoices>& layers) {
  std::set<std::int64_t> widths;
  for (const auto& layer : layers) {
    for (const auto& choice : layer.choices) widths.insert(choice.bits);
  }
  return widths;
}

BitSetting uniformSetting(const std::vector<LayerChoices>& layers, std::int64_t bits) {
  std::vector<std::int64_t> all;
  for (const auto& layer : layers) {
    const auto& choices = layer.choices;
    const auto enough =
        std::find_if(choices.begin(), choices.end(), [&](const BitChoice& choice) { return choice.bits >= bits; });
    all.push_back(enough == choices.end() ? choices.back().bits : enough->bits);
  }
  return settingOf(layers, all);
}

BitSetting lowestSetting(const std::vector<LayerChoices>& layers) {
  return uniformSetting(layers, 0);
}

BitSetting highestSetting(const std::vector<LayerChoices>& layers) {
  return uniformSetting(layers, std::numeric_limits<std::int64_t>::max());
}

void keepFirstAndLast(std::vector<LayerChoices>& layers, std::int64_t bits) {
  if (bits <= 0 || layers.empty()) return;
  for (const auto& group : bitGroups(layers)) {
    const bool bound = group.front() == 0 || group.back() + 1 == layers.size();
    if (!bound) continue;
    for (const auto i : group) {
      auto& choices = layers[i].choices;
      const auto least = std::min(bits, choices.back().bits);
      std::erase_if(choices, [&](const BitChoice& choice) { return choice.bits < least; });
    }
  }
}

double allowed(const std::vector<LayerChoices>& layers, const Limit& limit) {
  const double low = lowestSetting(layers).cost(limit.cost), high = highestSetting(layers).cost(limit.cost);
  return low + limit.share * (high - low);
}

std::vector<std::vector<std::size_t>> bitGroups(const std::vector<LayerChoices>& layers) {
  std::vector<std::vector<std::size_t>> groups;
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& name = layers[i].group;
    const auto found = name.empty() ? places.end() : places.find(name);
    if (found != places.end()) {
      groups[found->second].push_back(i);
      continue;
    }
    if (!name.empty()) places[name] = groups.size();
    groups.push_back({i});
  }
  return groups;
}

}  // namespace eigenscape
