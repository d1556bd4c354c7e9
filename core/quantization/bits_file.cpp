// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantization/bits_file.h"

#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/results/error.h"

namespace eigenscape {
namespace {

using Json = nlohmann::ordered_json;

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
  json["settings"] = Json::array();
  for (const auto& setting : settings) json["settings"].push_back(settingJson(layers, setting, provenance));
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::vector<std::int64_t> readBitsFile(const std::filesystem::path& file, const std::string& name,
                                       const std::vector<LayerChoices>& layers) {
  std::ifstream stream(file, std::ios::binary);
  const Json json = Json::parse(std::string(std::istreambuf_iterator<char>(stream), {}), nullptr, false);
  try {
    for (const auto& setting : json.at("settings")) {
      if (!name.empty() && setting.at("name") != name) continue;
      std::vector<std::int64_t> bits;
      for (const auto& layer : layers) {
        for (const auto& entry : setting.at("layers")) {
          if (entry.at("layer") == layer.layer) bits.push_back(entry.at("bits").get<std::int64_t>());
        }
      }
      if (bits.size() != layers.size()) {
        throw RunError(file.string() + ": its layers are not those of the table; take a bits.json of this network");
      }
      settingOf(layers, bits);
      return bits;
    }
  } catch (const Json::exception&) {
    throw RunError(file.string() + " is no bits.json (cut short or foreign); expected one that Eigenscape wrote");
  } catch (const std::invalid_argument& error) {
    throw RunError(file.string() + ": " + error.what() + "; take a bits.json with the table's widths");
  }
  throw RunError(file.string() + ": has no setting '" + name + "'; expected one that it names");
}

}  // namespace eigenscape
