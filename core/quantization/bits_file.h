// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/quantization/bit_choices.h"

namespace eigenscape {

/// What a bits.json says beside the bits.
struct BitsProvenance {
  std::string program;      ///< with its version
  std::string run;          ///< the study's name
  std::string model;        ///< architecture; empty: not known
  std::string weights;      ///< file name; empty: none
  std::string sensitivity;  ///< file name of given sensitivities; empty: computed
  std::string scheme = "symmetric", granularity = "channel", range = "max";  ///< as in the recipe
  std::int64_t groupChannels = 16;  ///< that share a scale with granularity "group"
};

struct NamedSetting {
  std::string name;  ///< the limit, e.g. "size=0.5", or what a user called it
  BitSetting setting;
};

/// bits.json: an object with the provenance and a list "settings", each with its name, ΣΩ, costs and a list "layers" of
/// {layer, bits, scheme, granularity}. docs/quantization.md shows how PyTorch applies it.
std::string bitsJson(const std::vector<LayerChoices>& layers, const std::vector<NamedSetting>& settings,
                     const BitsProvenance& provenance);

/// A setting as such a file has it, whatever the network.
struct GivenSetting {
  std::string name;
  std::map<std::string, std::int64_t> bits;  ///< by layer
  std::set<std::string> quantizers;          ///< "symmetric, per channel": what its layers say of how
};

/// "symmetric, per channel"
std::string quantizerWords(const std::string& scheme, const std::string& granularity);

/// The settings of such a file: at least one. Throws RunError that names the file and what is wrong.
std::vector<GivenSetting> readGivenSettings(const std::filesystem::path& file);

/// The settings of such a file, for `layers`. Throws RunError, also where one has other layers or other widths.
std::vector<NamedSetting> readBitsFile(const std::filesystem::path& file, const std::vector<LayerChoices>& layers);

}  // namespace eigenscape
