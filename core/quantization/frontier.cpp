// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantization/frontier.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>

#include "core/quantization/allocation.h"
#include "core/results/error.h"

namespace eigenscape {
namespace {

constexpr int kSpreadLimits = 200;
constexpr double kRounding = 1e-13;  // relative: sums in another order differ by so much

/// A setting of the groups so far: what it comes to and how it came from a setting of the groups before.
struct State {
  double cost = 0, omega = 0;
  std::uint32_t before = 0;
  std::uint32_t choice = 0;
};
using Stage = std::vector<State>;

struct GroupChoice {
  double cost = 0, omega = 0;
};

std::vector<std::vector<GroupChoice>> groupChoices(const std::vector<LayerChoices>& layers,
                                                   const std::vector<std::vector<std::size_t>>& groups, Cost cost) {
  std::vector<std::vector<GroupChoice>> all;
  for (const auto& group : groups) {
    std::vector<GroupChoice> choices(layers[group.front()].choices.size());
    for (const auto i : group) {
      for (std::size_t c = 0; c < choices.size(); ++c) {
        choices[c].cost += costOf(layers[i], layers[i].choices[c], cost);
        choices[c].omega += layers[i].choices[c].omega;
      }
    }
    all.push_back(std::move(choices));
  }
  return all;
}

/// Keeps what nothing before it, ascending in cost, beats in omega.
void dropBeaten(Stage& states) {
  std::sort(states.begin(), states.end(),
            [](const State& a, const State& b) { return a.cost != b.cost ? a.cost < b.cost : a.omega < b.omega; });
  Stage kept;
  for (const State& state : states) {
    if (!kept.empty() && !(state.omega < kept.back().omega - kRounding * std::abs(kept.back().omega))) continue;
    kept.push_back(state);
  }
  states = std::move(kept);
}

/// Nothing when there would be more than `most` settings to keep.
std::optional<std::vector<Stage>> stagesOf(const std::vector<std::vector<GroupChoice>>& groups,
                                           const std::stop_token& stop, std::size_t most) {
  std::vector<Stage> stages = {{State{}}};
  for (const auto& choices : groups) {
    if (stop.stop_requested()) throw Stopped();
    Stage next;
    next.reserve(stages.back().size() * choices.size());
    for (std::size_t s = 0; s < stages.back().size(); ++s) {
      const State& before = stages.back()[s];
      for (std::size_t c = 0; c < choices.size(); ++c) {
        next.push_back({before.cost + choices[c].cost, before.omega + choices[c].omega, static_cast<std::uint32_t>(s),
                        static_cast<std::uint32_t>(c)});
      }
    }
    dropBeaten(next);
    if (next.size() > most) return std::nullopt;
    stages.push_back(std::move(next));
  }
  return stages;
}

/// The bits of one setting of the last stage, traced back.
BitSetting tracedBack(const std::vector<LayerChoices>& layers, const std::vector<std::vector<std::size_t>>& groups,
                      const std::vector<Stage>& stages, std::size_t place) {
  std::vector<std::int64_t> bits(layers.size());
  for (std::size_t g = groups.size(); g-- > 0;) {
    const State& state = stages[g + 1][place];
    for (const auto i : groups[g]) bits[i] = layers[i].choices[state.choice].bits;
    place = state.before;
  }
  return settingOf(layers, bits);
}

Frontier spreadFrontier(const std::vector<LayerChoices>& layers, Cost cost, const std::stop_token& stop) {
  Frontier frontier;
  frontier.complete = false;
  AllocationOptions options;
  options.stop = stop;
  options.seconds = 2;
  for (int i = 0; i <= kSpreadLimits; ++i) {
    const auto found = allocate(layers, {{cost, double(i) / kSpreadLimits}}, options);
    if (!found) continue;
    const auto& last = frontier.points;
    if (!last.empty() && !(found->setting.omega < last.back().omega)) continue;
    frontier.points.push_back(found->setting);
  }
  return frontier;
}

void setBits(std::vector<std::int64_t>& bits, const std::vector<LayerChoices>& layers,
             const std::vector<std::size_t>& group, std::size_t choice) {
  for (const auto i : group) bits[i] = layers[i].choices[choice].bits;
}

/// λ₁/n of the group's most sensitive member; nan where one is not known.
double firstOrder(const std::vector<LayerChoices>& layers, const std::vector<std::size_t>& group) {
  double largest = -std::numeric_limits<double>::infinity();
  for (const auto i : group) {
    const double value = layers[i].parameters > 0 ? layers[i].topEigenvalue / static_cast<double>(layers[i].parameters)
                                                  : std::numeric_limits<double>::quiet_NaN();
    if (!std::isfinite(value)) return std::numeric_limits<double>::quiet_NaN();
    largest = std::max(largest, value);
  }
  return largest;
}

}  // namespace

Frontier frontierOf(const std::vector<LayerChoices>& layers, Cost cost, const std::stop_token& stop, std::size_t most) {
  if (!isKnown(layers, cost)) {
    throw std::invalid_argument(std::string("frontierOf: the ") + costName(cost) + " of some layer is not known");
  }
  const auto groups = bitGroups(layers);
  const auto stages = stagesOf(groupChoices(layers, groups, cost), stop, most);
  if (!stages) return spreadFrontier(layers, cost, stop);
  Frontier frontier;
  for (std::size_t i = 0; i < stages->back().size(); ++i) {
    frontier.points.push_back(tracedBack(layers, groups, *stages, i));
  }
  return frontier;
}

std::vector<BitSetting> greedyPath(const std::vector<LayerChoices>& layers, Cost cost) {
  const auto groups = bitGroups(layers);
  const auto choices = groupChoices(layers, groups, cost);
  std::vector<std::size_t> picked(groups.size(), 0);
  std::vector<BitSetting> path = {lowestSetting(layers)};
  auto bits = path.front().bits;
  for (;;) {
    double best = 0;
    std::size_t group = groups.size(), choice = 0;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      for (std::size_t c = picked[g] + 1; c < choices[g].size(); ++c) {
        // A step that costs nothing, as a latency may, is worth any gain.
        const double price = std::max(choices[g][c].cost - choices[g][picked[g]].cost, 1e-300);
        const double gain = (choices[g][picked[g]].omega - choices[g][c].omega) / price;
        if (gain > best) best = gain, group = g, choice = c;
      }
    }
    if (group == groups.size()) break;
    picked[group] = choice;
    setBits(bits, layers, groups[group], choice);
    path.push_back(settingOf(layers, bits));
  }
  std::stable_sort(path.begin(), path.end(),
                   [&](const BitSetting& a, const BitSetting& b) { return a.cost(cost) < b.cost(cost); });
  return path;
}

std::vector<BitSetting> firstOrderPath(const std::vector<LayerChoices>& layers) {
  auto groups = bitGroups(layers);
  for (const auto& group : groups) {
    if (std::isnan(firstOrder(layers, group))) return {};
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [&](const auto& a, const auto& b) { return firstOrder(layers, a) > firstOrder(layers, b); });
  std::vector<BitSetting> path = {lowestSetting(layers)};
  auto bits = path.front().bits;
  for (const auto width : widthsOf(layers)) {
    for (const auto& group : groups) {
      const auto& choices = layers[group.front()].choices;
      const auto found =
          std::find_if(choices.begin(), choices.end(), [&](const BitChoice& choice) { return choice.bits == width; });
      if (found == choices.begin() || found == choices.end()) continue;
      setBits(bits, layers, group, static_cast<std::size_t>(found - choices.begin()));
      path.push_back(settingOf(layers, bits));
    }
  }
  return path;
}

}  // namespace eigenscape
