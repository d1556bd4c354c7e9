// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/visits.h"

#include <fnmatch.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "core/results/error.h"
#include "core/study/natural_order.h"
#include "core/study/recipe_values.h"

namespace eigenscape {

namespace fs = std::filesystem;

namespace {

bool isDigit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

}  // namespace

bool naturallyBefore(const std::string& a, const std::string& b) {
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (isDigit(a[i]) && isDigit(b[j])) {
      const auto number = [](const std::string& text, std::size_t& at) {
        while (at < text.size() && text[at] == '0') ++at;
        const auto begin = at;
        while (at < text.size() && isDigit(text[at])) ++at;
        return text.substr(begin, at - begin);
      };
      const auto x = number(a, i), y = number(b, j);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

namespace {

std::optional<std::int64_t> lastNumber(const std::string& stem) {
  auto end = stem.size();
  while (end > 0 && !isDigit(stem[end - 1])) --end;
  auto begin = end;
  while (begin > 0 && isDigit(stem[begin - 1])) --begin;
  if (begin == end || end - begin > 15) return std::nullopt;
  return std::stoll(stem.substr(begin, end - begin));
}

}  // namespace

std::vector<fs::path> matchingFiles(const std::string& glob) {
  const fs::path pattern(glob);
  const auto folder = pattern.has_parent_path() ? pattern.parent_path() : fs::path(".");
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const auto name = entry->path().filename().string();
    std::error_code ignored;
    if (::fnmatch(pattern.filename().c_str(), name.c_str(), FNM_PERIOD) == 0 && entry->is_regular_file(ignored))
      files.push_back(pattern.has_parent_path() ? entry->path() : fs::path(name));
  }
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    return naturallyBefore(a.filename().string(), b.filename().string());
  });
  return files;
}

std::vector<Visit> visitsOf(const Recipe& recipe) {
  std::vector<Visit> visits;
  if (recipe.model.checkpoints.empty()) {
    for (std::int64_t epoch = 0; epoch <= recipe.training.epochs; ++epoch) visits.push_back({epoch, {}});
    return visits;
  }
  const auto files = matchingFiles(recipe.model.checkpoints);
  if (files.empty()) {
    throw RecipeError("model.checkpoints = " + tomlString(recipe.model.checkpoints) +
                      ": no file of that name; expected a glob such as \"checkpoints/epoch-*.pt\"");
  }
  bool numbered = true;
  for (const auto& file : files) {
    const auto number = lastNumber(file.stem().string());
    numbered = numbered && number && (visits.empty() || *number > visits.back().epoch);
    visits.push_back({number.value_or(0), file});
  }
  for (std::size_t i = 0; !numbered && i < visits.size(); ++i) visits[i].epoch = static_cast<std::int64_t>(i) + 1;
  return visits;
}

std::vector<Scope> scopesOf(const CurvatureRecipe& recipe, const Model& model) {
  std::vector<Scope> scopes;
  if (recipe.scopes != "layers") scopes.push_back({"model", {}});
  if (recipe.scopes == "model") return scopes;
  const auto& layers = model.parameters().layers();
  if (recipe.layers.empty()) {
    for (const auto& layer : model.weightLayers())
      scopes.push_back({layer.name, {model.parameters().entries()[layer.parameterEntry].layer}});
    return scopes;
  }
  for (const auto& pattern : recipe.layers) {
    Scope scope{pattern, {}};
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (::fnmatch(pattern.c_str(), layers[i].name.c_str(), 0) == 0) scope.layers.push_back(i);
    }
    if (scope.layers.empty()) {
      std::string names;
      for (const auto& layer : layers) names += (names.empty() ? "" : ", ") + layer.name;
      throw RecipeError("curvature.layers: " + tomlString(pattern) + " matches no layer of " + model.architecture() +
                        "; expected names or patterns of " + names);
    }
    scopes.push_back(std::move(scope));
  }
  return scopes;
}

}  // namespace eigenscape
