// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/study/recipe.h"

namespace eigenscape {
namespace {

struct Setting {
  std::string key, literal, bare;  ///< bare: as a person would type it behind --set
};

Setting settingOf(std::string key, const Slot& slot) {
  std::string text = literal(slot), bare = text;
  auto* const* word = std::get_if<std::string*>(&slot);
  if (word && !(*word)->starts_with('"') && !(*word)->starts_with('\'')) bare = **word;
  return {std::move(key), std::move(text), std::move(bare)};
}

/// Every key with its value; entries by their names.
std::vector<Setting> settings(Recipe recipe) {
  std::vector<Setting> list;
  for (const auto& field : recipeFields()) {
    if (field.isEntry() || (field.section() == "quantization" && !recipe.quantization.enabled)) continue;
    list.push_back(settingOf(field.key, field.slot(recipe)));
  }
  for (const char* section : {"profile", "surface"}) {
    for (auto& entry : std::string(section) == "profile" ? recipe.profiles : recipe.surfaces) {
      for (const auto& field : recipeFields()) {
        if (!field.isEntry() || field.section() != section || field.key.ends_with(".name")) continue;
        const std::string key = std::string(section) + "." + entry.name + field.key.substr(std::string(section).size());
        list.push_back(settingOf(key, field.entrySlot(entry)));
      }
    }
  }
  return list;
}

const Setting* find(const std::vector<Setting>& list, const std::string& key) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const Setting& one) { return one.key == key; });
  return found == list.end() ? nullptr : &*found;
}

}  // namespace

std::string firstDifference(const Recipe& old, const Recipe& now) {
  const auto before = settings(old), after = settings(now);
  for (const auto& one : after) {
    const Setting* other = find(before, one.key);
    if (!other) return one.key + " = " + one.literal + " is not";
    if (other->literal != one.literal) return one.key + " = " + one.literal + " is " + other->literal;
  }
  for (const auto& one : before) {
    if (!find(after, one.key)) return one.key + " (now absent) is " + one.literal;
  }
  return toToml(old) == toToml(now) ? "" : "the order of sections is another";
}

std::vector<RecipeDifference> differences(const std::vector<Recipe>& recipes) {
  std::vector<std::vector<Setting>> all;
  for (const auto& recipe : recipes) all.push_back(settings(recipe));
  std::vector<std::string> keys;
  for (const auto& list : all) {
    for (const auto& one : list) {
      if (std::find(keys.begin(), keys.end(), one.key) == keys.end()) keys.push_back(one.key);
    }
  }
  std::vector<RecipeDifference> different;
  for (const auto& key : keys) {
    RecipeDifference difference{key, {}};
    bool same = true;
    const Setting* first = find(all.front(), key);
    for (const auto& list : all) {
      const Setting* own = find(list, key);
      difference.values.push_back(own ? own->bare : "");
      same = same && (own && first ? own->literal == first->literal : own == first);
    }
    if (!same) different.push_back(std::move(difference));
  }
  return different;
}

std::optional<std::vector<std::string>> assignmentsBetween(const Recipe& from, const Recipe& to) {
  Recipe result = from;
  std::vector<std::string> assignments;
  const auto before = settings(from);
  const bool newlyQuantized = to.quantization.enabled && !from.quantization.enabled;
  for (const auto& one : settings(to)) {
    const Setting* other = find(before, one.key);
    if (!other && !(newlyQuantized && one.key.starts_with("quantization."))) return std::nullopt;
    const bool switchesOn = newlyQuantized && one.key == "quantization.bits";
    if ((other && other->literal == one.literal) ||
        (!other && !switchesOn && one.literal == defaultLiteral(*findField(one.key)))) {
      continue;
    }
    assignments.push_back(one.key + "=" + one.bare);
    setKey(result, assignments.back());
  }
  if (toToml(result) != toToml(to)) return std::nullopt;
  return assignments;
}

}  // namespace eigenscape
