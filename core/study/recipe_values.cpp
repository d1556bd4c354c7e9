// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/recipe_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <type_traits>

namespace eigenscape {
namespace {

/// What the recipe format knows and this version does not compute. Deleting a line here is all that it takes once the
/// feature is there. No values: whatever is not the default. A value that ends with ':' stands for all that begin so.
struct Unavailable {
  const char* key;
  std::vector<std::string> values;
};

const std::vector<Unavailable>& unavailableValues() {
  static const std::vector<Unavailable> list = {
      {"data.dataset", {"svhn", "image-folder", "tensors"}},
      {"model.torchscript", {}},
      {"training.optimizer", {"kfac"}},
      {"training.schedule", {"fb", "gg", "abs", "absa"}},
      {"training.adversary.method", {"fgsm", "pgd"}},
  };
  return list;
}

const Unavailable* findUnavailable(const std::string& key) {
  const auto& list = unavailableValues();
  const auto found = std::find_if(list.begin(), list.end(), [&](const auto& entry) { return key == entry.key; });
  return found == list.end() ? nullptr : &*found;
}

bool isUnavailableWord(const std::string& key, const std::string& word) {
  const auto* entry = findUnavailable(key);
  return entry && std::any_of(entry->values.begin(), entry->values.end(), [&](const std::string& value) {
           return value.ends_with(':') ? word.starts_with(value) : word == value;
         });
}

bool inRange(const Field& field, double value) {
  if (!std::isfinite(value)) return false;
  if (field.low >= field.high) return true;
  return (field.lowOpen ? value > field.low : value >= field.low) && value <= field.high;
}

template <class Number>
bool listInRange(const Field& field, const std::vector<Number>& values) {
  const bool empty = values.empty() && !field.emptyMeans.empty();
  if (field.length > 0 && values.size() != field.length && !empty) return false;
  return std::all_of(values.begin(), values.end(),
                     [&](Number value) { return inRange(field, static_cast<double>(value)); });
}

std::string shortest(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 400> buffer{};
  const auto written = [&](auto... format) {
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format...).ptr;
    return std::string(buffer.data(), end);
  };
  std::string text = written();
  // 1000000 and 0.0005 read better than 1e+06 and 5e-04.
  if (const std::string plain = written(std::chars_format::fixed); plain.size() <= 10) text = plain;
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

template <class T>
std::string literalOf(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    return std::to_string(value);
  } else if constexpr (std::is_same_v<T, double>) {
    return shortest(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return tomlString(value);
  } else {
    std::string text = "[";
    for (const auto& element : value) text += (text.size() > 1 ? ", " : "") + literalOf(element);
    return text + "]";
  }
}

}  // namespace

std::string tomlString(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04X", byte);
      out += escape.data();
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string literal(const Slot& slot) {
  return std::visit([](const auto* value) { return literalOf(*value); }, slot);
}

std::string defaultLiteral(const Field& field) {
  return literal(SlotHolder(field).slot());
}

void copyValue(const Slot& from, const Slot& to) {
  std::visit(
      [&](const auto* source) {
        using Value = std::remove_const_t<std::remove_pointer_t<decltype(source)>>;
        *std::get<Value*>(to) = *source;
      },
      from);
}

std::string problemWithValue(const Field& field, const Slot& slot) {
  const bool good = std::visit(
      [&](const auto* value) {
        using Value = std::remove_const_t<std::remove_pointer_t<decltype(value)>>;
        if constexpr (std::is_same_v<Value, std::int64_t> || std::is_same_v<Value, double>) {
          return inRange(field, static_cast<double>(*value));
        } else if constexpr (std::is_same_v<Value, std::vector<double>> ||
                             std::is_same_v<Value, std::vector<std::int64_t>>) {
          return listInRange(field, *value);
        } else if constexpr (std::is_same_v<Value, std::string>) {
          if (field.choices.empty() || isUnavailableWord(field.key, *value)) return true;
          return std::find(field.choices.begin(), field.choices.end(), *value) != field.choices.end() ||
                 literalOf(*value) == defaultLiteral(field);
        } else {
          return true;
        }
      },
      slot);
  return good ? "" : field.accepted();
}

std::string unavailability(const Field& field, const Slot& slot) {
  const auto* entry = findUnavailable(field.key);
  if (!entry || literal(slot) == defaultLiteral(field)) return "";
  std::string accepted = defaultLiteral(field);
  if (!entry->values.empty()) {
    const auto* const* word = std::get_if<std::string*>(&slot);
    if (!word || !isUnavailableWord(field.key, **word)) return "";
    accepted = field.accepted();
  }
  return "not available in this version; accepted: " + accepted;
}

void removeUnavailable(const std::string& key, std::vector<std::string>& choices) {
  std::erase_if(choices, [&](const std::string& word) { return isUnavailableWord(key, word); });
}

}  // namespace eigenscape
