// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace eigenscape {

/// Letters that have to be inserted, removed or replaced to make one word of the other (Levenshtein).
std::size_t editDistance(std::string_view a, std::string_view b);

/// How far a word may be from what was meant: a third of its letters, and two in any case.
std::size_t mostMistakes(std::string_view word);

/// "did you mean NAME? " with the nearest of `names`, for the middle of a message; empty where none is near.
std::string didYouMean(std::string_view word, const std::vector<std::string>& names);

}  // namespace eigenscape
