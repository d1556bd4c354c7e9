// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/results/nearest.h"

#include <algorithm>
#include <numeric>

namespace eigenscape {

std::size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

std::size_t mostMistakes(std::string_view word) {
  return std::max<std::size_t>(2, word.size() / 3);
}

std::string didYouMean(std::string_view word, const std::vector<std::string>& names) {
  const std::string* nearest = nullptr;
  std::size_t least = mostMistakes(word) + 1;
  for (const auto& name : names) {
    const auto distance = editDistance(word, name);
    // Of a short word two mistakes may leave nothing.
    if (distance >= least || distance + 2 > std::max(word.size(), name.size())) continue;
    least = distance;
    nearest = &name;
  }
  return nearest ? "did you mean " + *nearest + "? " : std::string();
}

}  // namespace eigenscape
