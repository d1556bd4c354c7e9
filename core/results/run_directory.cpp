// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/results/run_directory.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "core/results/error.h"
#include "core/results/tables.h"

namespace eigenscape {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string readText(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

// One list of fields serves writing and reading: `visit(key, member)`.
template <class Info, class Visitor>
void fields(Info& info, Visitor&& visit) {
  using Plain = std::remove_const_t<Info>;
  if constexpr (std::is_same_v<Plain, PhaseInfo>) {
    visit("name", info.name), visit("seconds", info.seconds), visit("products", info.products);
  } else if constexpr (std::is_same_v<Plain, LandscapeInfo>) {
    visit("name", info.name), visit("kind", info.kind), visit("x", info.x), visit("y", info.y);
    visit("normalization", info.normalization), visit("samples", info.samples);
    visit("scale", info.scale), visit("clip", info.clip), visit("batch_norm", info.batchNorm);
  } else {
    visit("status", info.status), visit("message", info.message), visit("name", info.name);
    visit("program", info.program), visit("libtorch", info.libtorch), visit("compiler", info.compiler);
    visit("device", info.device), visit("threads", info.threads), visit("seed", info.seed);
    visit("started", info.started), visit("finished", info.finished), visit("model", info.model);
    visit("weights", info.weights), visit("sensitivity", info.sensitivity), visit("frontier", info.frontier);
    visit("checkpoints", info.checkpoints), visit("dataset", info.dataset);
    visit("parameters", info.parameters);
    visit("train_examples", info.trainExamples), visit("test_examples", info.testExamples);
    visit("curvature_samples", info.curvatureSamples), visit("curvature_split", info.curvatureSplit);
    visit("curvature_operator", info.curvatureOperator);
    visit("optimizer", info.optimizer);
    visit("epochs", info.epochs), visit("landscapes", info.landscapes), visit("phases", info.phases);
    visit("notes", info.notes);
  }
}

template <class Info>
Json toJson(const Info& info);

template <class Value>
void put(Json& json, const char* key, const Value& value) {
  json[key] = value;
}

inline void put(Json& json, const char* key, const std::vector<std::string>& items) {
  json[key] = items;
}

template <class Item>
void put(Json& json, const char* key, const std::vector<Item>& items) {
  json[key] = Json::array();
  for (const auto& item : items) json[key].push_back(toJson(item));
}

template <class Info>
Json toJson(const Info& info) {
  Json json = Json::object();
  fields(info, [&](const char* key, const auto& value) { put(json, key, value); });
  return json;
}

template <class Info>
void fromJson(const Json& json, Info& info, const std::string& place);

template <class Value>
void take(const Json& json, Value& value, const std::string& place) {
  try {
    value = json.get<Value>();
  } catch (const Json::exception&) {
    throw RunError(place + " holds " + json.dump(-1, ' ', false, Json::error_handler_t::replace) +
                   ", which is of the wrong type; mend the file or run again");
  }
}

template <class Item>
requires(!std::is_same_v<Item, std::string>) void take(const Json& json, std::vector<Item>& items,
                                                       const std::string& place) {
  if (!json.is_array()) throw RunError(place + " is not a list; mend the file or run again");
  items.clear();
  for (const auto& element : json) fromJson(element, items.emplace_back(), place);
}

template <class Info>
void fromJson(const Json& json, Info& info, const std::string& place) {
  if (!json.is_object()) throw RunError(place + " is not a JSON object; mend the file or run again");
  fields(info, [&](const char* key, auto& value) {
    const auto found = json.find(key);
    // Other versions of the program may know fewer keys; null stands for a number that was not finite.
    if (found != json.end() && !found->is_null()) take(*found, value, place + ": '" + key + "'");
  });
}

}  // namespace

std::string quantizedName(const std::string& landscape, const std::string& setting) {
  return landscape + "@" + setting;
}

/// What a recipe calls a landscape has no '@'.
std::pair<std::string, std::string> landscapeAndSetting(const std::string& name) {
  const auto at = name.find('@');
  if (at == std::string::npos) return {name, {}};
  return {name.substr(0, at), name.substr(at + 1)};
}

std::string chanceText(double missProbability) {
  if (std::isnan(missProbability)) return "";
  // Its one digit rounded up, else the bound would not be one.
  const double shown = std::max(missProbability, 1e-12);
  const double unit = std::pow(10, std::floor(std::log10(shown)));
  const double above = unit * std::ceil(shown / unit * (1 - 1e-9));
  if (above > 0.95) return "not bounded";
  char text[32];
  std::snprintf(text, sizeof text, "below %.0e", above);
  return text;
}

std::vector<std::int64_t> RunResults::epochs() const {
  std::set<std::int64_t> all;
  for (const auto& row : metrics) all.insert(row.epoch);
  for (const auto& row : spectrum) all.insert(row.epoch);
  for (const auto& row : power) all.insert(row.epoch);
  for (const auto& row : densityNodes) all.insert(row.epoch);
  for (const auto& row : traces) all.insert(row.epoch);
  for (const auto& row : profiles) all.insert(row.epoch);
  for (const auto& row : surfaces) all.insert(row.epoch);
  return {all.begin(), all.end()};
}

bool isRunDirectory(const fs::path& directory) {
  std::error_code error;
  return fs::is_regular_file(directory / "run.json", error);
}

RunInfo readRunInfo(const fs::path& directory) {
  if (!isRunDirectory(directory)) {
    throw RunError(directory.string() +
                   " is not a run directory: it holds no run.json; give the folder that --out named");
  }
  const fs::path path = directory / "run.json";
  RunInfo info;
  const Json json = Json::parse(readText(path), nullptr, false);
  if (json.is_discarded()) {
    throw RunError(path.string() + " is not valid JSON (cut short or foreign); mend the file or run again");
  }
  fromJson(json, info, path.string());
  return info;
}

void writeRunInfo(const fs::path& directory, const RunInfo& info) {
  // A file name may hold bytes that are not UTF-8: better a replaced letter than no record of the run.
  writeFileAtomically(directory / "run.json", toJson(info).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

namespace {

/// A table may end within a line as long as somebody writes it; a finished run's was cut short afterwards.
void checkWhole(const fs::path& table) {
  std::error_code error;
  if (!fs::is_regular_file(table, error)) return;
  std::ifstream stream(table, std::ios::binary | std::ios::ate);
  char last = 0;
  if (stream.tellg() > 0) stream.seekg(-1, std::ios::end).get(last);
  if (last != '\n')
    throw RunError(table.string() + ": is cut short though the run is done; copy the file again or make the run anew");
}

}  // namespace

RunResults loadRun(const fs::path& directory) {
  RunResults run;
  run.directory = directory;
  run.info = readRunInfo(directory);
  run.recipe = readText(directory / "recipe.toml");
  const auto read = [&]<class Row>(std::vector<Row>& rows) {
    rows = readTable<Row>(directory);
    if (run.info.status == "done") checkWhole(directory / Row::file);
  };
  read(run.metrics);
  read(run.spectrum);
  read(run.solves);
  read(run.power);
  read(run.densities);
  read(run.densityNodes);
  read(run.traces);
  read(run.frobenius);
  read(run.overlaps);
  read(run.gradients);
  read(run.overhead);
  read(run.profiles);
  read(run.surfaces);
  read(run.curvatureMap);
  read(run.trajectory);
  read(run.persistence);
  read(run.layerLosses);
  read(run.layerEigenvalues);
  read(run.inputSensitivity);
  read(run.traceCorrelations);
  read(run.layerScores);
  read(run.ranking);
  read(run.finetuning);
  read(run.shapes);
  read(run.sensitivity);
  read(run.allocations);
  read(run.pareto);
  read(run.settings);
  read(run.settingBits);
  return run;
}

std::string utcNow() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace eigenscape
