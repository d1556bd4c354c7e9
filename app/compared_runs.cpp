// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/compared_runs.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "app/command_line.h"
#include "core/results/compared.h"
#include "core/results/error.h"
#include "core/study/natural_order.h"
#include "core/study/recipe.h"

namespace eigenscape {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t mostInCaption = 4;

/// Keys that change what a run costs or is called, and nothing that a figure shows.
bool isBeside(const std::string& key) {
  static const std::set<std::string> keys{"name", "curvature.batch_size", "curvature.memory", "data.path"};
  return keys.contains(key);
}

/// Keys that say what is measured of a network, and not which network it is: the figure and its caption show them.
bool isOfMeasuring(const std::string& key) {
  const auto section = key.substr(0, key.find('.'));
  return section == "curvature" || section == "profile" || section == "surface" || section == "quantization";
}

bool allDiffer(const std::vector<std::string>& names) {
  return std::set<std::string>(names.begin(), names.end()).size() == names.size();
}

bool allDiffer(const std::vector<RunName>& names) {
  std::vector<std::string> plain;
  for (const auto& one : names) plain.push_back(one.name);
  return allDiffer(plain);
}

/// "batch_size"; the whole key where two have the same last word.
std::string shortKey(const std::string& key, const std::vector<RecipeDifference>& all) {
  const auto last = [](const std::string& dotted) { return dotted.substr(dotted.rfind('.') + 1); };
  const auto same = std::count_if(all.begin(), all.end(), [&](const auto& one) { return last(one.key) == last(key); });
  return same == 1 ? last(key) : key;
}

/// A weight file's folder is of no interest beside its name.
std::string shortValue(const std::string& value) {
  const auto slash = value.rfind('/');
  return value.empty()                                             ? "–"
         : slash == std::string::npos || slash + 1 == value.size() ? value
                                                                   : value.substr(slash + 1);
}

/// Of more differences than a legend can say, the fewest that tell all runs apart: one or two, the seed only if need
/// be.
std::vector<RecipeDifference> fewestTelling(std::vector<RecipeDifference> all, std::size_t runs) {
  std::stable_partition(all.begin(), all.end(), [](const RecipeDifference& one) { return one.key != "seed"; });
  // Another network is the first thing to know.
  std::stable_partition(all.begin(), all.end(),
                        [](const RecipeDifference& one) { return one.key == "model.architecture"; });
  const auto tell = [&](const std::vector<RecipeDifference>& some) {
    std::vector<std::string> names(runs);
    for (const auto& one : some) {
      for (std::size_t i = 0; i < runs; ++i) names[i] += one.values[i] + '\n';
    }
    return allDiffer(names);
  };
  const auto chosen = [](const RecipeDifference& one) { return one.key != "seed"; };
  for (const auto& one : all) {
    if (chosen(one) && tell({one})) return {one};
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t k = i + 1; k < all.size(); ++k) {
      if (chosen(all[k]) && tell({all[i], all[k]})) return {all[i], all[k]};
    }
  }
  if (!chosen(all.back()) && tell({all.back()})) return {all.back()};
  return {};
}

/// "batch_size = 128, seed = 1" of the run with that index.
std::string words(const std::vector<RecipeDifference>& differences, std::size_t run) {
  std::string text;
  for (const auto& one : differences)
    text += (text.empty() ? "" : ", ") + shortKey(one.key, differences) + " = " + shortValue(one.values[run]);
  return text;
}

/// Empty where the recipes cannot be read or differ in more than a legend can say.
std::vector<RunName> namesByRecipe(const std::vector<const RunResults*>& runs) {
  std::vector<Recipe> recipes;
  try {
    for (const auto* run : runs) recipes.push_back(parseRecipe(run->recipe, (run->directory / "recipe.toml").string()));
  } catch (const RecipeError&) {
    return {};
  }
  auto rest = differences(recipes);
  std::erase_if(rest, [](const RecipeDifference& one) { return isBeside(one.key); });
  const auto telling = rest.size() > 2 ? fewestTelling(rest, runs.size()) : rest;
  if (telling.empty()) return {};
  std::erase_if(rest, [&](const RecipeDifference& one) {
    return isOfMeasuring(one.key) ||
           std::any_of(telling.begin(), telling.end(), [&](const auto& other) { return other.key == one.key; });
  });
  const std::size_t more = rest.size() > mostInCaption ? rest.size() - mostInCaption : 0;
  rest.resize(rest.size() - more);
  std::vector<RunName> names(runs.size());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    names[i] = {words(telling, i) + (rest.empty() ? "" : " …"), words(rest, i)};
    if (more) names[i].rest += " and " + std::to_string(more) + (more == 1 ? " more key" : " more keys");
  }
  return allDiffer(names) ? names : std::vector<RunName>();
}

std::vector<RunName> namesByPath(const std::vector<const RunResults*>& runs) {
  std::vector<std::vector<std::string>> paths;
  std::size_t shortest = SIZE_MAX;
  for (const auto* run : runs) {
    paths.emplace_back();
    std::error_code error;
    fs::path whole = fs::absolute(run->directory, error).lexically_normal();
    if (!whole.has_filename()) whole = whole.parent_path();
    for (const auto& part : whole) paths.back().push_back(part.string());
    shortest = std::min(shortest, paths.back().size());
  }
  const auto alike = [&](auto&& partOf) {
    return std::all_of(paths.begin(), paths.end(), [&](const auto& path) { return partOf(path) == partOf(paths[0]); });
  };
  // One part is left of the shortest in any case.
  std::size_t before = 0, after = 0;
  while (before + 1 < shortest && alike([&](const auto& path) { return path[before]; })) ++before;
  while (before + after + 1 < shortest && alike([&](const auto& path) { return path[path.size() - 1 - after]; }))
    ++after;
  std::vector<RunName> names;
  for (const auto& path : paths) {
    std::string name;
    for (std::size_t k = before; k + after < path.size(); ++k) name += (name.empty() ? "" : "/") + path[k];
    names.push_back({name, {}});
  }
  return names;
}

fs::path realPath(const fs::path& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  return error ? path : real;
}

RunsToCompare ofSweep(const CommandLine& line, std::vector<fs::path> runs) {
  if (!line.compare.empty())
    throw RecipeError("--compare: " + line.subject + " holds a sweep, whose runs are compared; name its runs instead");
  if (!line.animate.empty())
    throw RecipeError("--animate: --render " + line.subject + " holds a sweep; name one of its runs");
  if (runs.size() < 2)
    throw RecipeError("--render " + line.subject + ": the sweep holds one run so far; --render " + runs[0].string());
  RunsToCompare compared;
  compared.out = line.out.empty() ? line.subject : line.out;
  if (runs.size() > mostCompared) {
    compared.remark =
        line.subject + " holds " + std::to_string(runs.size()) + " runs, of which the first four are compared: ";
    for (std::size_t i = 0; i < mostCompared; ++i) compared.remark += (i ? ", " : "") + runs[i].filename().string();
    compared.remark += "; --render RUN --compare RUN chooses others";
    runs.resize(mostCompared);
  }
  compared.directories = std::move(runs);
  return compared;
}

}  // namespace

std::vector<fs::path> runsOfSweep(const fs::path& folder) {
  std::vector<fs::path> runs;
  if (isRunDirectory(folder)) return runs;
  std::error_code error;
  for (fs::directory_iterator entry(folder / "runs", error), end; !error && entry != end; entry.increment(error)) {
    if (isRunDirectory(entry->path())) runs.push_back(entry->path());
  }
  std::sort(runs.begin(), runs.end(), [](const fs::path& a, const fs::path& b) {
    return naturallyBefore(a.filename().string(), b.filename().string());
  });
  return runs;
}

std::optional<RunsToCompare> comparedRuns(const CommandLine& line) {
  if (auto sweep = runsOfSweep(line.subject); !sweep.empty()) return ofSweep(line, std::move(sweep));
  if (line.compare.empty()) return std::nullopt;
  if (line.out.empty())
    throw RecipeError("--out is missing: expected the folder for the figures of --compare, --out DIR");
  RunsToCompare compared;
  compared.out = line.out;
  compared.directories = {line.subject};
  for (const auto& other : line.compare) compared.directories.emplace_back(other);
  if (compared.directories.size() > mostCompared) {
    throw RecipeError("--compare: " + std::to_string(compared.directories.size()) +
                      " runs are too many to be told apart; expected --render and at most three of --compare");
  }
  std::set<fs::path> seen;
  for (const auto& directory : compared.directories) {
    const std::string option = seen.empty() ? "--render " : "--compare ";
    if (!isRunDirectory(directory))
      throw RecipeError(option + directory.string() + ": holds no run.json; expected the folder that --out named");
    if (!seen.insert(realPath(directory)).second)
      throw RecipeError(option + directory.string() + ": is among the runs already; expected another one");
  }
  return compared;
}

std::vector<RunName> distinguishingNames(const std::vector<const RunResults*>& runs) {
  auto names = namesByRecipe(runs);
  if (names.empty()) names = namesByPath(runs);
  // Only the same folder twice, or a run without a folder, gets here.
  if (!allDiffer(names)) {
    for (std::size_t i = 0; i < names.size(); ++i) names[i].name += " (" + std::to_string(i + 1) + ")";
  }
  return names;
}

}  // namespace eigenscape
