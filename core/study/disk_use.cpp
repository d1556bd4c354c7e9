// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/disk_use.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>
#include <vector>

#include "core/model/model.h"
#include "core/quantization/bits_file.h"
#include "core/study/visits.h"
#include "core/study/workload.h"

namespace eigenscape {

namespace {

/// Eigenvectors that each spectrum keeps.
std::int64_t keptVectors(const Recipe& recipe) {
  const auto& curvature = recipe.curvature;
  std::int64_t count = curvature.scopes == "layers" ? 0 : curvature.top + curvature.bottom;
  std::set<std::string> walked;  // layers that a landscape goes along
  for (const auto* list : {&recipe.profiles, &recipe.surfaces}) {
    for (const auto& entry : *list) {
      for (const auto& text : {entry.x, entry.y}) {
        const auto at = text.find('@');
        if (text.starts_with("eigenvector:") && at != std::string::npos) walked.insert(text.substr(at));
      }
    }
  }
  return count + static_cast<std::int64_t>(walked.size()) * curvature.layerTop;
}

/// Directions of landscapes that are no eigenvectors, or eigenvectors that are normalized: kept beside those.
std::int64_t otherDirections(const Recipe& recipe, std::int64_t last) {
  std::set<std::string> once;
  std::int64_t count = 0;
  for (const auto* list : {&recipe.profiles, &recipe.surfaces}) {
    for (const auto& entry : *list) {
      for (const auto& text : {entry.x, entry.y}) {
        const bool own = !text.starts_with("eigenvector") || entry.normalization != "none";
        if (text.empty() || !own || !once.insert(text + "/" + entry.normalization).second) continue;
        count += timesDue(entry.every, last);
      }
    }
  }
  return count;
}

std::string counted(std::int64_t count, const char* thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

}  // namespace

DiskUse diskUse(const Recipe& recipe, const Model& model) {
  DiskUse use;
  const auto last = static_cast<std::int64_t>(visitsOf(recipe).size()) - 1;
  const auto epochs = recipe.training.epochs;
  if (epochs > 0) {
    const auto every = std::max<std::int64_t>(recipe.training.checkpointEvery, 1);
    use.checkpoints = 1 + (epochs + every - 1) / every;
  }
  const auto& quantization = recipe.quantization;
  if (quantization.enabled) {
    const auto limits = static_cast<std::int64_t>(quantization.limits.size());
    use.networks = limits;
    const bool four = std::find(quantization.bits.begin(), quantization.bits.end(), 4) != quantization.bits.end();
    // What the limits chose, what was given and uniform-4 are tuned.
    const auto given = quantization.settings.empty() ? 0 : readGivenSettings(quantization.settings).size();
    if (quantization.finetune != "none") use.networks += limits + static_cast<std::int64_t>(given) + (four ? 1 : 0);
  }
  use.directions = spectrumVisits(recipe, last) * keptVectors(recipe) + otherDirections(recipe, last);
  double state = 0;
  for (const auto& [name, tensor] : model.stateDict()) state += static_cast<double>(tensor.nbytes());
  const double vector = 4.0 * static_cast<double>(model.parameters().dimension());
  // The state of a training holds the optimizer's memory, too.
  const double training = epochs > 0 ? state + vector * (recipe.training.optimizer == "adam" ? 2 : 1) : 0;
  use.megabytes = (state * static_cast<double>(use.checkpoints + use.networks) + training +
                   vector * static_cast<double>(use.directions)) /
                  1e6;
  return use;
}

std::string diskText(const DiskUse& use) {
  if (use.checkpoints + use.networks + use.directions == 0) return {};
  std::vector<std::string> parts;
  if (use.checkpoints > 0) parts.push_back(counted(use.checkpoints, "checkpoint"));
  if (use.networks > 0) parts.push_back(counted(use.networks, "quantized or fine-tuned network"));
  if (use.directions > 0) parts.push_back(counted(use.directions, "direction"));
  char size[32];
  std::snprintf(size, sizeof size, use.megabytes < 10 ? "%.1f" : "%.0f", use.megabytes);
  std::string text = std::string("about ") + size + " MB on disk: ";
  for (std::size_t i = 0; i < parts.size(); ++i) text += (i > 0 ? ", " : "") + parts[i];
  return text;
}

}  // namespace eigenscape
