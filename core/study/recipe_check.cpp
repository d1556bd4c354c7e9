// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/landscape/directions.h"
#include "core/results/error.h"
#include "core/results/run_directory.h"
#include "core/study/bit_plan.h"
#include "core/study/quantizer_recipe.h"
#include "core/study/recipe.h"
#include "core/study/recipe_values.h"
#include "core/study/visits.h"
#include "core/study/workload.h"
#include "datasets/dataset.h"

namespace eigenscape {
namespace {

[[noreturn]] void refuse(const std::string& key, const std::string& value, const std::string& why) {
  throw RecipeError(key + " = " + value + ": " + why);
}

/// What one key accepts by itself: recipes also come from the form and from code.
void checkField(const Field& field, const std::string& key, const Slot& slot) {
  const std::string problem = problemWithValue(field, slot);
  if (!problem.empty()) refuse(key, literal(slot), "expected " + problem);
  const std::string later = unavailability(field, slot);
  if (!later.empty()) refuse(key, literal(slot), later);
}

void checkFields(Recipe recipe) {
  for (const auto& field : recipeFields()) {
    if (!field.isEntry()) checkField(field, field.key, field.slot(recipe));
  }
  if (!recipe.sweeps.empty()) {
    refuse("sweep.key", tomlString(recipe.sweeps.front().key), "not available in this version; accepted: no [[sweep]]");
  }
}

void checkData(DataRecipe data) {
  if (data.dataset.empty()) {
    throw RecipeError("data.dataset is empty: expected " + findField("data.dataset")->accepted());
  }
  if (!data.mean.empty() && !data.deviation.empty() && data.mean.size() != data.deviation.size()) {
    refuse("data.std", literal(Slot(&data.deviation)),
           "expected as many numbers as data.mean has (" + std::to_string(data.mean.size()) + ")");
  }
  const auto& infos = datasetInfos();
  const auto info = std::find_if(infos.begin(), infos.end(), [&](const auto& one) { return one.name == data.dataset; });
  if (info == infos.end() || !info->needsPath) return;
  if (data.path.empty()) {
    throw RecipeError("data.path is empty: " + data.dataset + " needs the folder of its files (" + info->help +
                      "); give it with --set data.path=FOLDER");
  }
  std::error_code error;
  if (!std::filesystem::exists(data.path, error)) {
    refuse("data.path", tomlString(data.path),
           "no such folder; expected the folder that holds the files of " + data.dataset);
  }
}

void checkModel(const ModelRecipe& model) {
  if (model.architecture.empty()) {
    throw RecipeError("model.architecture is empty: expected " + findField("model.architecture")->accepted());
  }
  if (model.weights.empty()) return;
  std::error_code error;
  if (!std::filesystem::exists(model.weights, error)) {
    refuse("model.weights", tomlString(model.weights), "no such file; expected a .pt, .pth, .th or .safetensors file");
  }
  if (std::filesystem::is_directory(model.weights, error)) {
    refuse("model.weights", tomlString(model.weights), "is a folder; expected a .pt, .pth, .th or .safetensors file");
  }
}

void checkCheckpoints(const Recipe& recipe) {
  auto rates = recipe.model.learningRates;
  if (recipe.model.checkpoints.empty()) {
    if (!rates.empty()) {
      refuse("model.learning_rates", literal(Slot(&rates)),
             "expected model.checkpoints beside it; of a training here they are training.learning_rate's");
    }
    return;
  }
  const auto files = visitsOf(recipe).size();
  if (rates.size() > 1 && rates.size() != files) {
    refuse("model.learning_rates", literal(Slot(&rates)),
           "expected one number, or as many as model.checkpoints has files (" + std::to_string(files) + ")");
  }
  if (recipe.training.epochs > 0) {
    refuse("training.epochs", std::to_string(recipe.training.epochs),
           "expected 0 beside model.checkpoints, which are of a training done elsewhere");
  }
}

void checkCurvature(CurvatureRecipe curvature) {
  if (!curvature.layers.empty() && curvature.scopes == "model") {
    refuse("curvature.layers", literal(Slot(&curvature.layers)),
           "expected curvature.scopes = \"layers\" or \"both\" beside it");
  }
  const std::set<std::string> distinct(curvature.layers.begin(), curvature.layers.end());
  if (distinct.size() != curvature.layers.size() || distinct.contains("model") || distinct.contains("")) {
    refuse("curvature.layers", literal(Slot(&curvature.layers)),
           "expected names or patterns of layers, each once; the model is curvature.scopes = \"both\"");
  }
  if (curvature.method == "lanczos" && curvature.maxProducts <= curvature.top + curvature.bottom) {
    refuse("curvature.max_products", std::to_string(curvature.maxProducts),
           "expected more than the " + std::to_string(curvature.top + curvature.bottom) +
               " eigenpairs of curvature.top and curvature.bottom, several products for each");
  }
  if (curvature.batches > 1 && (curvature.samples == 0 || curvature.method != "power")) {
    refuse("curvature.batches", std::to_string(curvature.batches),
           "expected 1, or curvature.method = \"power\" and curvature.samples > 0, the size of each share");
  }
  if (curvature.method == "power" && curvature.bottom > 0) {
    refuse("curvature.bottom", std::to_string(curvature.bottom),
           "expected 0 with curvature.method = \"power\", which finds the largest magnitudes; use lanczos");
  }
}

bool isSafeName(const std::string& name) {
  if (name.empty() || name.size() > 64 || name.front() == '.' || name.front() == '-') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || std::isalnum(byte) || c == '-' || c == '_' || c == '.';
  });
}

/// A trajectory has to be there, and whole: that of a training ends with the last epoch.
void checkPrincipal(const std::string& key, const std::string& text, std::int64_t index, const LandscapeRecipe& entry,
                    const Recipe& recipe) {
  const auto epochs = recipe.training.epochs, every = std::max<std::int64_t>(recipe.training.checkpointEvery, 1);
  // Of a training those that have a checkpoint, the first and the last in any case.
  const auto points = recipe.model.checkpoints.empty() ? 1 + (epochs + every - 1) / every
                                                       : static_cast<std::int64_t>(visitsOf(recipe).size());
  if (points < 2) {
    refuse(key, tomlString(text), "there is no trajectory; set training.epochs or model.checkpoints");
  }
  if (entry.every > 0) {
    refuse(key, tomlString(text), "the trajectory ends with the last epoch; set every to 0");
  }
  if (index >= points) {
    refuse(key, tomlString(text),
           "a trajectory of " + std::to_string(points) + " points has at most " + std::to_string(points - 1) +
               " components around its last point");
  }
}

void checkDirection(const std::string& key, const std::string& text, const LandscapeRecipe& entry,
                    const Recipe& recipe) {
  const auto& curvature = recipe.curvature;
  DirectionSpec spec;
  try {
    spec = parseDirection(text);
  } catch (const std::invalid_argument& error) {
    refuse(key, tomlString(text), error.what());
  }
  if (spec.kind == DirectionSpec::Kind::Principal) checkPrincipal(key, text, spec.index, entry, recipe);
  if (spec.kind == DirectionSpec::Kind::Toward && entry.normalization != "none") {
    refuse(
        key, tomlString(text),
        "expected normalization = \"none\": scaled by " + entry.normalization + " it would not lead to the checkpoint");
  }
  std::error_code error;
  if (!spec.file.empty() && !std::filesystem::is_regular_file(spec.file, error)) {
    refuse(key, tomlString(text),
           spec.kind == DirectionSpec::Kind::Toward ? "no such file; expected a checkpoint (.pt, .pth or .safetensors)"
                                                    : "no such file; expected a .safetensors file");
  }
  if (spec.kind != DirectionSpec::Kind::Eigenvector) return;
  if (!spec.name.empty()) {
    if (curvature.scopes == "model")
      refuse(key, tomlString(text), "layers have no spectrum; set curvature.scopes to \"both\" or \"layers\"");
    if (spec.index > curvature.layerTop)
      refuse(key, tomlString(text), "raise curvature.layer_top to " + std::to_string(spec.index));
    return;
  }
  if (curvature.scopes == "layers") {
    refuse(key, tomlString(text), "the whole model has no spectrum; set curvature.scopes to \"both\"");
  }
  const bool fromTop = spec.index > 0;
  const auto wanted = std::abs(spec.index), known = fromTop ? curvature.top : curvature.bottom;
  if (wanted > known) {
    const std::string count = fromTop ? "curvature.top" : "curvature.bottom";
    refuse(key, tomlString(text),
           "only " + std::to_string(known) + " eigenvalues from that end are computed; raise " + count + " to " +
               std::to_string(wanted));
  }
}

void checkTraces(const CurvatureRecipe& curvature) {
  const auto& method = curvature.traceMethod;
  if (method != "outputs" && method != "layers") return;
  const char* remedy = "; expected curvature.trace_method = \"auto\" or \"hutch++\"";
  const auto no = [&](const std::string& what) {
    refuse("curvature.trace_method", tomlString(method), "not for " + what + remedy);
  };
  if (curvature.op == "fisher_sampled" || (method == "layers" && curvature.op != "hessian"))
    no("curvature.operator = " + tomlString(curvature.op));
  if (curvature.batchNorm == "train") no("curvature.batch_norm = \"train\"");
}

void checkEntries(const std::string& section, const std::vector<LandscapeRecipe>& entries, const Recipe& recipe) {
  std::set<std::string> names;
  for (LandscapeRecipe entry : entries) {
    if (!isSafeName(entry.name)) {
      refuse(section + ".name", tomlString(entry.name),
             "expected letters, digits, '-', '_' or '.', as it becomes part of file names");
    }
    if (!names.insert(entry.name).second) {
      refuse(section + ".name", tomlString(entry.name), "expected another name; there is already one of that name");
    }
    const std::string prefix = section + "." + entry.name + ".";
    for (const auto& field : recipeFields()) {
      if (field.isEntry() && field.section() == section) {
        checkField(field, prefix + field.key.substr(section.size() + 1), field.entrySlot(entry));
      }
    }
    if (!entry.range.empty() && entry.range[0] >= entry.range[1]) {
      refuse(prefix + "range", literal(Slot(&entry.range)), "expected two numbers, the smaller one first");
    }
    checkDirection(prefix + "x", entry.x, entry, recipe);
    if (section == "profile") continue;
    checkDirection(prefix + "y", entry.y, entry, recipe);
    if (entry.curvatureMap == 1 || entry.curvatureMap > entry.points) {
      refuse(prefix + "curvature_map", std::to_string(entry.curvatureMap),
             "expected 0, or from 2 to the " + std::to_string(entry.points) + " of " + prefix + "points");
    }
    if (entry.x == entry.y) refuse(prefix + "y", tomlString(entry.y), "expected another direction than x");
  }
}

void checkQuantization(const Recipe& recipe) {
  auto quantization = recipe.quantization;
  if (!quantization.enabled) return;
  checkQuantizer(quantization);
  if (quantization.bits.empty()) refuse("quantization.bits", "[]", "expected at least one bit width from 2 to 8");
  const std::set<std::int64_t> distinct(quantization.bits.begin(), quantization.bits.end());
  if (distinct.size() != quantization.bits.size()) {
    refuse("quantization.bits", literal(Slot(&quantization.bits)), "expected each bit width once");
  }
  checkAllocation(recipe);
}

std::string counted(std::int64_t count, const std::string& thing, const std::string& things) {
  return std::to_string(count) + " " + (count == 1 ? thing : things);
}

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : "; ") + word;
  return text;
}

/// What the section [quantization] asks for.
std::vector<std::string> quantizationWork(const QuantizationRecipe& recipe, bool withModel) {
  std::vector<std::string> lines;
  if (recipe.sensitivity.empty()) {
    std::string bits;
    for (const auto width : recipe.bits) bits += (bits.empty() ? "" : ", ") + std::to_string(width);
    lines.push_back("sensitivity of each layer at " + bits + " bits");
  }
  if (!recipe.limits.empty()) {
    lines.push_back("bits of each layer under " +
                    counted(static_cast<std::int64_t>(recipe.limits.size()), "limit", "limits") + ": " +
                    listed(recipe.limits) + (recipe.sensitivity.empty() ? "" : ", from " + recipe.sensitivity));
  }
  lines.push_back("the frontier of " + recipe.frontier + " against omega");
  std::vector<std::string> measured;
  if (!recipe.limits.empty()) measured.emplace_back("each limit");
  if (!recipe.settings.empty()) measured.push_back("each setting of " + recipe.settings);
  if (recipe.frontierPoints > 0) {
    measured.emplace_back("each uniform width");
    measured.push_back(counted(recipe.frontierPoints, "point", "points") + " of the frontier");
  }
  if (withModel && !measured.empty())
    lines.push_back("loss and accuracy on test of the quantized network: " + listed(measured));
  return lines;
}

std::string sampleText(std::int64_t samples) {
  return samples == 0 ? "all examples" : "the first " + counted(samples, "example", "examples");
}

std::string splitText(const std::string& split) {
  return split == "both" ? "train and test" : split;
}

std::string operatorText(const std::string& op) {
  if (op == "ggn") return "Gauss-Newton matrix";
  if (op == "fisher") return "empirical Fisher matrix";
  return op == "hessian" ? "Hessian" : "Fisher matrix with drawn labels";
}

std::string spectrumText(const Recipe& recipe, std::int64_t last) {
  const auto& curvature = recipe.curvature;
  const std::int64_t spectra = spectrumVisits(recipe, last) * (curvature.split == "both" ? 2 : 1);
  std::string wanted = "top " + std::to_string(curvature.top);
  if (curvature.bottom > 0) wanted += " and bottom " + std::to_string(curvature.bottom);
  std::string where;
  if (curvature.scopes != "model") {
    const auto layers = curvature.layers.empty() ? std::string("each layer")
                                                 : counted(static_cast<std::int64_t>(curvature.layers.size()),
                                                           "scope of layers", "scopes of layers");
    const auto ofLayers = "top " + std::to_string(curvature.layerTop) + " of " + layers;
    if (curvature.scopes == "layers") wanted = ofLayers;
    if (curvature.scopes == "both") where = ", " + ofLayers;
  }
  std::string how;
  if (curvature.method == "power") {
    how = " by power iteration";
    if (curvature.batches > 1) how += " on each of " + std::to_string(curvature.batches) + " shares";
  }
  return counted(spectra, "spectrum", "spectra") + ": " + wanted + (where.empty() ? " eigenvalues" : where) +
         " of the " + operatorText(curvature.op) + how + " on " + sampleText(curvature.samples) + " of " +
         splitText(curvature.split);
}

std::string landscapeText(const LandscapeRecipe& entry, std::int64_t last) {
  const std::string points = std::to_string(entry.points);
  return (entry.y.empty() ? "profile " : "surface ") + entry.name + ": " +
         (entry.y.empty() ? points : points + " × " + points) + " points along " + entry.x +
         (entry.y.empty() ? "" : " and " + entry.y) + ", " + sampleText(entry.samples) + " of " +
         splitText(entry.split) + ", at " + counted(timesDue(entry.every, last), "epoch", "epochs");
}

std::string quantizedText(const LandscapeRecipe& entry, const std::string& setting) {
  return (entry.y.empty() ? "profile " : "surface ") + quantizedName(entry.name, setting) +
         ": the same points once more with the network quantized, at the last epoch";
}

std::string curvatureMapText(const LandscapeRecipe& entry, const CurvatureRecipe& curvature, std::int64_t last) {
  const std::string points = std::to_string(entry.curvatureMap);
  return "curvature map of surface " + entry.name + ": smallest and largest eigenvalue of the Hessian at " + points +
         " × " + points + " points, on " + sampleText(curvature.samples) + " of " + splitText(curvature.split) +
         ", at " + counted(timesDue(entry.every, last), "epoch", "epochs");
}

}  // namespace

void validate(const Recipe& recipe) {
  checkFields(recipe);
  if (recipe.quantization.enabled && allocatesOnly(recipe)) return checkQuantization(recipe);
  checkData(recipe.data);
  if (recipe.training.optimizer == "adam" && recipe.training.momentum >= 1) {
    refuse("training.momentum", "1.0", "expected less than 1 for adam, whose step divides by 1 - momentum^t");
  }
  checkModel(recipe.model);
  checkCheckpoints(recipe);
  checkCurvature(recipe.curvature);
  checkTraces(recipe.curvature);
  checkEntries("profile", recipe.profiles, recipe);
  checkEntries("surface", recipe.surfaces, recipe);
  checkQuantization(recipe);
}

std::vector<std::string> plannedWork(const Recipe& recipe) {
  if (recipe.quantization.enabled && allocatesOnly(recipe)) return quantizationWork(recipe.quantization, false);
  const std::int64_t epochs = recipe.training.epochs;
  const auto visits = visitsOf(recipe);
  const auto last = static_cast<std::int64_t>(visits.size()) - 1;
  std::vector<std::string> lines;
  if (epochs > 0) {
    lines.push_back("training: " + counted(epochs, "epoch", "epochs") + " in batches of " +
                    std::to_string(recipe.training.batchSize));
  } else if (!recipe.model.checkpoints.empty()) {
    lines.push_back(counted(last + 1, "checkpoint", "checkpoints") + ": epoch " + std::to_string(visits.front().epoch) +
                    " to " + std::to_string(visits.back().epoch));
  } else {
    lines.push_back(recipe.model.weights.empty() ? "no training: the model keeps its random weights" : "no training");
  }
  lines.push_back("loss and accuracy on train and test, " + counted(last + 1, "time", "times"));
  const auto& curvature = recipe.curvature;
  if (curvature.top + curvature.bottom > 0 || curvature.scopes != "model") lines.push_back(spectrumText(recipe, last));
  if (curvature.trace || computesSensitivity(recipe)) {
    const auto traces = curvature.trace ? timesDue(curvature.every, last) * (curvature.split == "both" ? 2 : 1) : 1;
    lines.push_back(counted(traces, "trace", "traces") + ": at most " + std::to_string(curvature.traceProbes) +
                    " products each");
  }
  if (curvature.density) {
    lines.push_back(
        counted(timesDue(curvature.every, last) * (curvature.split == "both" ? 2 : 1), "density", "densities") + ": " +
        std::to_string(curvature.densityProbes) + " probes of " + std::to_string(curvature.densityNodes) +
        " products each");
  }
  for (const auto& entry : recipe.profiles) lines.push_back(landscapeText(entry, last));
  for (const auto& entry : recipe.surfaces) {
    lines.push_back(landscapeText(entry, last));
    if (entry.curvatureMap > 0) lines.push_back(curvatureMapText(entry, curvature, last));
  }
  if (recipe.quantization.enabled) {
    for (auto& line : quantizationWork(recipe.quantization, true)) lines.push_back(std::move(line));
    const auto& setting = recipe.quantization.landscapes;
    for (const auto* list : {&recipe.profiles, &recipe.surfaces}) {
      for (const auto& entry : *list) {
        if (!setting.empty()) lines.push_back(quantizedText(entry, setting));
      }
    }
    for (auto& line : quantizerWork(recipe)) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace eigenscape
