// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/recipe.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "core/landscape/directions.h"
#include "core/results/error.h"
#include "core/results/nearest.h"
#include "core/study/recipe_values.h"

namespace eigenscape {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t largestRecipe = 1 << 20;

std::string oneLine(std::string text, std::size_t most) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  if (text.size() > most) text = text.substr(0, most) + "…";
  return text;
}

std::string textOf(const toml::node& node) {
  std::ostringstream stream;
  node.visit([&](const auto& value) {
    if constexpr (toml::is_string<decltype(value)>) {
      stream << tomlString(value.get());
    } else {
      stream << value;
    }
  });
  return oneLine(stream.str(), 80);
}

/// Takes the node's value over when its type is the slot's. An integer serves where a number is wanted.
template <class T>
bool readValue(const toml::node& node, T& out) {
  if constexpr (std::is_same_v<T, double>) {
    if (!node.is_number()) return false;
    out = *node.value<double>();
    return true;
  } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::int64_t> || std::is_same_v<T, std::string>) {
    const auto value = node.value_exact<T>();
    if (value) out = *value;
    return value.has_value();
  } else {
    const auto* array = node.as_array();
    if (!array) return false;
    T values;
    for (const auto& element : *array) {
      typename T::value_type value{};
      if (!readValue(element, value)) return false;
      values.push_back(value);
    }
    out = std::move(values);
    return true;
  }
}

bool readNode(const toml::node& node, const Slot& slot) {
  return std::visit([&](auto* value) { return readValue(node, *value); }, slot);
}

std::string_view lastPart(std::string_view key) {
  return key.substr(key.rfind('.') + 1);
}

/// `did you mean "training.epochs"?`, or the sections when nothing is near.
std::string suggestion(const std::string& key) {
  const Field* nearest = nullptr;
  std::size_t least = mostMistakes(key) + 1;
  for (const auto& field : recipeFields()) {
    std::size_t distance = editDistance(key, field.key);
    // The right name in the wrong section, or without one, is nearer than its letters tell.
    if (lastPart(key) == lastPart(field.key)) distance = std::min<std::size_t>(distance, 1);
    if (distance < least) {
      least = distance;
      nearest = &field;
    }
  }
  if (nearest) return "unknown key; did you mean " + nearest->key + "?";
  return "unknown key; --list options names them all";
}

bool isSection(const std::string& path) {
  const auto& fields = recipeFields();
  return std::any_of(fields.begin(), fields.end(),
                     [&](const Field& field) { return !field.isEntry() && field.key.starts_with(path + "."); });
}

/// Reads one TOML document into a recipe; every error says where.
class Parser {
 public:
  explicit Parser(std::string source) : source_(std::move(source)) {}

  Recipe parse(std::string_view text) {
    try {
      readTable(toml::parse(text, source_), "");
    } catch (const toml::parse_error& error) {
      throw RecipeError(source_ + ":" + std::to_string(error.source().begin.line) + ": " +
                        oneLine(std::string(error.description()), 200) + "; expected TOML");
    }
    return std::move(recipe_);
  }

 private:
  [[noreturn]] void fail(const toml::node& node, const std::string& key, const std::string& what) const {
    std::string where = source_ + ":" + std::to_string(node.source().begin.line) + ": " + key;
    if (!node.is_table()) where += " = " + textOf(node);
    throw RecipeError(where + ": " + what);
  }

  void readField(const Field& field, const Slot& slot, const toml::node& node) {
    if (!readNode(node, slot)) fail(node, field.key, "expected " + field.accepted());
    const std::string problem = problemWithValue(field, slot);
    if (!problem.empty()) fail(node, field.key, "expected " + problem);
  }

  void readTable(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const std::string key = prefix.empty() ? std::string(name.str()) : prefix + "." + std::string(name.str());
      if (key == "profile" || key == "surface") {
        readEntries(key, node);
      } else if (key == "sweep") {
        readSweeps(node);
      } else if (const Field* field = findField(key); field && !field->isEntry()) {
        readField(*field, field->slot(recipe_), node);
      } else if (!isSection(key)) {
        failUnknown(node, key);
      } else if (const auto* section = node.as_table()) {
        if (key == "quantization") recipe_.quantization.enabled = true;
        readTable(*section, key);
      } else {
        fail(node, key, "expected a section [" + key + "]");
      }
    }
  }

  /// An unknown section is reported by its first key, which says more about what was meant.
  [[noreturn]] void failUnknown(const toml::node& node, const std::string& key) const {
    if (const auto* table = node.as_table(); table && !table->empty()) {
      const auto first = table->cbegin();
      failUnknown(first->second, key + "." + std::string(first->first.str()));
    }
    fail(node, key, suggestion(key));
  }

  const toml::array& arrayOfTables(const std::string& key, const toml::node& node) const {
    const auto* array = node.as_array();
    if (!array || !std::all_of(array->begin(), array->end(), [](const auto& entry) { return entry.is_table(); })) {
      fail(node, key, "expected [[" + key + "]] sections");
    }
    return *array;
  }

  void readEntries(const std::string& section, const toml::node& node) {
    for (const auto& element : arrayOfTables(section, node)) {
      auto& entries = section == "profile" ? recipe_.profiles : recipe_.surfaces;
      LandscapeRecipe entry = newEntry(section);
      entry.name = section + "-" + std::to_string(entries.size() + 1);
      for (const auto& [name, value] : *element.as_table()) {
        const std::string key = section + "." + std::string(name.str());
        const Field* field = findField(key);
        if (!field) fail(value, key, suggestion(key));
        readField(*field, field->entrySlot(entry), value);
      }
      entries.push_back(std::move(entry));
    }
  }

  void readSweeps(const toml::node& node) {
    for (const auto& element : arrayOfTables("sweep", node)) {
      SweepRecipe sweep;
      for (const auto& [name, value] : *element.as_table()) {
        const std::string key = "sweep." + std::string(name.str());
        if (name.str() == "key" && readValue(value, sweep.key)) continue;
        const auto* values = value.as_array();
        if (name.str() == "values" && values) {
          for (const auto& one : *values) sweep.values.push_back(textOf(one));
        } else if (name.str() == "key" || name.str() == "values") {
          fail(value, key, name.str() == "key" ? "expected text" : "expected a list of values");
        } else {
          fail(value, key, "unknown key; a sweep has key and values");
        }
      }
      recipe_.sweeps.push_back(std::move(sweep));
    }
  }

  std::string source_;
  Recipe recipe_;
};

/// `text` as the one value of a TOML line; nothing when it is not one.
std::optional<toml::table> parseLiteral(const std::string& text) {
  try {
    auto table = toml::parse("value = " + text);
    if (table.size() == 1 && table.contains("value")) return table;
  } catch (const toml::parse_error&) {
  }
  return std::nullopt;
}

std::vector<std::string> splitAtCommas(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) {
    const auto begin = part.find_first_not_of(' ');
    if (begin != std::string::npos) parts.push_back(part.substr(begin, part.find_last_not_of(' ') - begin + 1));
  }
  return parts;
}

/// Takes over what a person typed: a TOML literal, a bare word for text, "2,4,8" for a list.
bool assignText(const Slot& slot, const std::string& text) {
  const auto parsed = parseLiteral(text);
  if (parsed && readNode(*parsed->get("value"), slot)) return true;
  if (auto* const* word = std::get_if<std::string*>(&slot)) {
    **word = text;
    return true;
  }
  if (text.starts_with('[')) return false;
  if (auto* const* words = std::get_if<std::vector<std::string>*>(&slot)) {
    **words = splitAtCommas(text);
    return true;
  }
  if (slot.index() < 4) return false;
  const auto list = parseLiteral("[" + text + "]");
  return list && readNode(*list->get("value"), slot);
}

fs::path atHome(const std::string& path) {
  const char* home = std::getenv("HOME");
  return home && path.starts_with("~/") ? fs::path(home) / path.substr(2) : fs::path(path);
}

std::string absolutePath(const std::string& value, const fs::path& folder) {
  fs::path path = atHome(value);
  std::error_code error;
  if (path.is_relative() && !fs::exists(path, error) && fs::exists(folder / path, error)) path = folder / path;
  return fs::absolute(path).lexically_normal().string();
}

/// "toward:net.pt", "tensor:file.safetensors#name"
void resolveDirection(std::string& text, const fs::path& folder) {
  for (const std::string prefix : {"toward:", "tensor:"}) {
    if (!text.starts_with(prefix) || text.size() == prefix.size()) continue;
    const auto hash = prefix == "tensor:" ? tensorNameAt(text) : std::string::npos;
    const auto name = hash == std::string::npos ? std::string() : text.substr(hash);
    text = prefix + absolutePath(text.substr(prefix.size(), text.size() - prefix.size() - name.size()), folder) + name;
  }
}

/// Absolute paths: against the current folder, or else against the recipe's when the file is there.
void resolvePaths(Recipe& recipe, const fs::path& folder) {
  for (const auto& field : recipeFields()) {
    if (!field.isPath || field.isEntry()) continue;
    std::string& value = *std::get<std::string*>(field.slot(recipe));
    if (value.empty()) continue;
    value = absolutePath(value, folder);
  }
  for (auto* entries : {&recipe.profiles, &recipe.surfaces}) {
    for (auto& entry : *entries) {
      for (auto* direction : {&entry.x, &entry.y}) resolveDirection(*direction, folder);
    }
  }
}

/// "profile.points" or "profile.NAME.points". False when `key` is neither.
bool setEntryKey(Recipe& recipe, const std::string& key, const std::string& text) {
  const std::string section = key.substr(0, key.find('.'));
  if ((section != "profile" && section != "surface") || key.size() == section.size()) return false;
  const std::string last(lastPart(key));
  const Field* field = findField(section + "." + last);
  if (!field) return false;
  auto& entries = section == "profile" ? recipe.profiles : recipe.surfaces;
  const bool all = key == field->key;
  const std::string name = all ? "" : key.substr(section.size() + 1, key.size() - section.size() - last.size() - 2);
  bool found = false;
  std::string names;
  for (auto& entry : entries) {
    names += (names.empty() ? "" : ", ") + entry.name;
    if (!all && entry.name != name) continue;
    assignValue(*field, field->entrySlot(entry), key, text);
    found = true;
  }
  if (!found) {
    throw RecipeError(key + " = " + oneLine(text, 80) + ": the recipe has no [[" + section + "]]" +
                      (names.empty() ? "" : " of that name; expected one of " + names));
  }
  return true;
}

std::string readRecipeFile(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    throw RecipeError(path.string() + ": is a folder; expected a recipe file (.toml)");
  }
  std::ifstream stream(path, std::ios::binary);
  std::string text(largestRecipe + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!stream.is_open() || stream.bad())
    throw RecipeError(path.string() + ": cannot be read; expected a recipe (.toml)");
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > largestRecipe) throw RecipeError(path.string() + ": larger than 1 MiB; expected a recipe (.toml)");
  return text;
}

void writeEntries(std::ostream& out, const std::string& section, const std::vector<LandscapeRecipe>& entries) {
  for (LandscapeRecipe entry : entries) {
    out << "\n[[" << section << "]]\n";
    for (const auto& field : recipeFields()) {
      if (!field.isEntry() || field.section() != section) continue;
      out << lastPart(field.key) << " = " << literal(field.entrySlot(entry)) << "\n";
    }
  }
}

}  // namespace

Recipe parseRecipe(std::string_view toml, const std::string& source) {
  return Parser(source).parse(toml);
}

Recipe loadRecipe(const std::string& pathOrName) {
  const auto& recipes = shippedRecipes();
  const auto shipped =
      std::find_if(recipes.begin(), recipes.end(), [&](const auto& one) { return one.name == pathOrName; });
  std::error_code error;
  // A run directory may bear the name of the recipe that made it.
  const bool named = shipped != recipes.end() && fs::is_directory(pathOrName, error);
  if (fs::exists(pathOrName, error) && !named) {
    Recipe recipe = parseRecipe(readRecipeFile(pathOrName), pathOrName);
    resolvePaths(recipe, fs::absolute(pathOrName).parent_path());
    return recipe;
  }
  if (shipped != recipes.end()) return parseRecipe(shipped->toml, pathOrName + ".toml");
  std::string all;
  std::vector<std::string> names;
  for (const auto& one : recipes) all += (all.empty() ? "" : ", ") + names.emplace_back(one.name);
  throw RecipeError("RECIPE = " + oneLine(pathOrName, 200) + ": no such file; " + didYouMean(pathOrName, names) +
                    "expected a path or one of " + all);
}

void assignValue(const Field& field, const Slot& slot, const std::string& key, const std::string& text) {
  SlotHolder trial(field);
  const bool read = assignText(trial.slot(), text);
  const std::string problem = read ? problemWithValue(field, trial.slot()) : field.accepted();
  if (!problem.empty()) {
    const bool isText = std::holds_alternative<std::string*>(slot);
    throw RecipeError(key + " = " + (isText ? tomlString(text) : oneLine(text, 80)) + ": expected " + problem);
  }
  copyValue(trial.slot(), slot);
}

void setKey(Recipe& recipe, const std::string& assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw RecipeError("--set " + oneLine(assignment, 80) + ": expected KEY=VALUE, such as training.epochs=3");
  }
  const std::string key = assignment.substr(0, equals), text = assignment.substr(equals + 1);
  if (const Field* field = findField(key); field && !field->isEntry()) {
    assignValue(*field, field->slot(recipe), key, text);
    if (field->section() == "quantization") recipe.quantization.enabled = true;
    if (field->isPath) resolvePaths(recipe, fs::path());
  } else if (setEntryKey(recipe, key, text)) {
    resolvePaths(recipe, fs::path());
  } else {
    throw RecipeError(oneLine(key, 80) + " = " + oneLine(text, 80) + ": " + suggestion(key));
  }
}

std::string problemWith(const Field& field, const std::string& text) {
  SlotHolder holder(field);
  if (!assignText(holder.slot(), text)) return field.accepted();
  const std::string problem = problemWithValue(field, holder.slot());
  return problem.empty() ? unavailability(field, holder.slot()) : problem;
}

std::string toToml(const Recipe& recipe) {
  Recipe copy = recipe;
  std::ostringstream out;
  std::string section;
  const auto writePlain = [&](bool quantization) {
    for (const auto& field : recipeFields()) {
      if (field.isEntry() || (field.section() == "quantization") != quantization) continue;
      if (field.section() != section) {
        section = field.section();
        out << "\n[" << section << "]\n";
      }
      out << lastPart(field.key) << " = " << literal(field.slot(copy)) << "\n";
    }
  };
  writePlain(false);
  writeEntries(out, "profile", recipe.profiles);
  writeEntries(out, "surface", recipe.surfaces);
  if (recipe.quantization.enabled) writePlain(true);
  for (const auto& sweep : recipe.sweeps) {
    out << "\n[[sweep]]\nkey = " << tomlString(sweep.key) << "\nvalues = [";
    for (std::size_t i = 0; i < sweep.values.size(); ++i) out << (i > 0 ? ", " : "") << sweep.values[i];
    out << "]\n";
  }
  return out.str();
}

}  // namespace eigenscape
