// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/study/recipe.h"

// Values of single recipe keys: what the table, the parser and the checks share.
namespace eigenscape {

/// What a [[profile]] or a [[surface]] holds before its keys are read.
inline LandscapeRecipe newEntry(const std::string& section) {
  LandscapeRecipe entry;
  if (section == "surface") entry.y = "eigenvector:2";
  return entry;
}

/// A place of its own for a field's value, holding the default at first.
class SlotHolder {
 public:
  explicit SlotHolder(const Field& field)
      : entry_(newEntry(field.section())), slot_(field.isEntry() ? field.entrySlot(entry_) : field.slot(recipe_)) {}
  SlotHolder(const SlotHolder&) = delete;
  SlotHolder& operator=(const SlotHolder&) = delete;
  const Slot& slot() const { return slot_; }

 private:
  Recipe recipe_;
  LandscapeRecipe entry_;
  Slot slot_;
};

/// "" when the value in the slot is one that the field accepts by itself, else what is accepted. A value that only
/// later versions know passes here: `--set` may still replace it. validate() refuses it.
std::string problemWithValue(const Field& field, const Slot& slot);

/// "" or "not available in this version; accepted: …", from the one table of what recipes may say in later versions.
std::string unavailability(const Field& field, const Slot& slot);
/// Takes the words out that are not available yet.
void removeUnavailable(const std::string& key, std::vector<std::string>& choices);

/// `text` as a TOML basic string.
std::string tomlString(const std::string& text);
void copyValue(const Slot& from, const Slot& to);

}  // namespace eigenscape
