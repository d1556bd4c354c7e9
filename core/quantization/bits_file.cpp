// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantization/bits_file.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "core/results/error.h"

namespace eigenscape {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uintmax_t kLargestFile = 16 << 20;

/// JSON has no word for what is not known but null.
Json known(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json settingJson(const std::vector<LayerChoices>& layers, const NamedSetting& named, const BitsProvenance& provenance) {
  Json json;
  json["name"] = named.name;
  json["omega"] = known(named.setting.omega);
  json["size_bytes"] = known(named.setting.sizeBytes);
  json["bops"] = known(named.setting.bops);
  json["latency_ms"] = known(named.setting.latencyMs);
  Json list = Json::array();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    list.push_back({{"layer", layers[i].layer},
                    {"bits", named.setting.bits[i]},
                    {"scheme", provenance.scheme},
                    {"granularity", provenance.granularity}});
  }
  json["layers"] = std::move(list);
  return json;
}

/// `place` names the setting in errors.
std::vector<std::int64_t> bitsOf(const GivenSetting& setting, const std::vector<LayerChoices>& layers,
                                 const std::string& place) {
  std::vector<std::int64_t> inOrder;
  for (const auto& layer : layers) {
    const auto found = setting.bits.find(layer.layer);
    if (found == setting.bits.end())
      throw RunError(place + " has no bits for layer '" + layer.layer + "'; take a bits.json of this network");
    inOrder.push_back(found->second);
  }
  for (const auto& [name, bits] : setting.bits) {
    const bool own = std::any_of(layers.begin(), layers.end(), [&name = name](auto& one) { return one.layer == name; });
    if (!own)
      throw RunError(place + " has bits for '" + name + "', which is no layer here; take a bits.json of this network");
  }
  return inOrder;
}

}  // namespace

std::string bitsJson(const std::vector<LayerChoices>& layers, const std::vector<NamedSetting>& settings,
                     const BitsProvenance& provenance) {
  Json json;
  json["format"] = "eigenscape bits 1";
  json["program"] = provenance.program;
  json["run"] = provenance.run;
  json["model"] = provenance.model;
  json["weights"] = provenance.weights;
  json["sensitivity"] = provenance.sensitivity;
  json["scheme"] = provenance.scheme;
  json["granularity"] = provenance.granularity;
  json["range"] = provenance.range;
  json["group_channels"] = provenance.groupChannels;
  json["settings"] = Json::array();
  for (const auto& setting : settings) json["settings"].push_back(settingJson(layers, setting, provenance));
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string quantizerWords(const std::string& scheme, const std::string& granularity) {
  return scheme + ", per " + granularity;
}

std::vector<GivenSetting> readGivenSettings(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw RunError(file.string() + ": cannot be read; expected a bits.json");
  std::error_code error;
  if (const auto size = std::filesystem::file_size(file, error); !error && size > kLargestFile)
    throw RunError(file.string() + ": larger than 16 MiB; expected a bits.json");
  const Json json = Json::parse(std::string(std::istreambuf_iterator<char>(stream), {}), nullptr, false);
  std::vector<GivenSetting> settings;
  std::set<std::string> names;
  try {
    for (const auto& setting : json.at("settings")) {
      GivenSetting given{setting.at("name").get<std::string>(), {}, {}};
      if (!names.insert(given.name).second)
        throw RunError(file.string() + ": the setting '" + given.name + "' is there twice; rename one");
      for (const auto& entry : setting.at("layers")) {
        const auto layer = entry.at("layer").get<std::string>();
        if (!given.bits.emplace(layer, entry.at("bits").get<std::int64_t>()).second)
          throw RunError(file.string() + ", setting '" + given.name + "': layer '" + layer +
                         "' is there twice; leave one out");
        if (entry.contains("scheme") && entry.contains("granularity"))
          given.quantizers.insert(
              quantizerWords(entry["scheme"].get<std::string>(), entry["granularity"].get<std::string>()));
      }
      settings.push_back(std::move(given));
    }
  } catch (const Json::exception&) {
    throw RunError(file.string() + " is no bits.json (cut short or foreign); expected one that Eigenscape wrote");
  }
  if (settings.empty()) throw RunError(file.string() + " holds no setting; expected at least one");
  return settings;
}

std::vector<NamedSetting> readBitsFile(const std::filesystem::path& file, const std::vector<LayerChoices>& layers) {
  std::vector<NamedSetting> settings;
  for (const auto& given : readGivenSettings(file)) {
    const auto place = file.string() + ", setting '" + given.name + "'";
    try {
      settings.push_back({given.name, settingOf(layers, bitsOf(given, layers, place))});
    } catch (const std::invalid_argument& error) {
      throw RunError(place + ": " + error.what() +
                     "; take a bits.json with its widths (the first and the last layer: quantization.first_last_bits)");
    }
  }
  return settings;
}

}  // namespace eigenscape
