// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/landscape/shape.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace eigenscape {

namespace {

/// Floods the grid from below and notes where basins meet; of two that meet, the one with the deeper minimum goes on.
class Flood {
 public:
  explicit Flood(const GridLosses& grid)
      : grid_(grid), width_(grid.xs.size()), parent_(grid.values.size(), none), valley_(grid.values.size(), none) {}

  std::vector<Valley> run() {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < grid_.values.size(); ++i) {
      if (std::isfinite(grid_.values[i])) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return grid_.values[a] < grid_.values[b]; });
    for (const auto at : order) fill(at);
    for (std::size_t i = 0; i < valleys_.size(); ++i) {
      if (std::isnan(valleys_[i].death)) close(i, order.back(), -1);
    }
    return std::move(valleys_);
  }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  GridPoint pointAt(std::size_t index) const { return {index % width_, index / width_}; }

  std::size_t root(std::size_t at) {
    while (parent_[at] != at) at = parent_[at] = parent_[parent_[at]];
    return at;
  }

  void fill(std::size_t at) {
    parent_[at] = at;
    const auto [column, row] = pointAt(at);
    for (std::size_t j = row > 0 ? row - 1 : 0; j <= std::min(row + 1, grid_.ys.size() - 1); ++j) {
      for (std::size_t i = column > 0 ? column - 1 : 0; i <= std::min(column + 1, width_ - 1); ++i) {
        const auto other = j * width_ + i;
        if (other != at && parent_[other] != none) join(at, other);
      }
    }
    if (valley_[root(at)] != none) return;
    valley_[root(at)] = valleys_.size();
    Valley valley;
    valley.minimum = pointAt(at);
    valley.birth = grid_.values[at];
    valley.death = std::numeric_limits<double>::quiet_NaN();  // not known yet
    valleys_.push_back(valley);
  }

  void join(std::size_t at, std::size_t other) {
    const auto a = root(at), b = root(other);
    if (a == b) return;
    // Valleys are numbered as they appear, the deeper ones first.
    const auto older = std::min(valley_[a], valley_[b]), younger = std::max(valley_[a], valley_[b]);
    if (younger != none) close(younger, at, static_cast<int>(older));
    parent_[a] = b;
    valley_[b] = older;
  }

  void close(std::size_t valley, std::size_t at, int into) {
    valleys_[valley].saddle = pointAt(at);
    valleys_[valley].death = grid_.values[at];
    valleys_[valley].into = into;
  }

  const GridLosses& grid_;
  std::size_t width_;
  std::vector<std::size_t> parent_, valley_;
  std::vector<Valley> valleys_;
};

}  // namespace

std::vector<Valley> valleys(const GridLosses& grid) {
  const auto all = Flood(grid).run();
  if (all.empty()) return {};
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin() + 1, order.end(),
                   [&](std::size_t a, std::size_t b) { return all[a].persistence() > all[b].persistence(); });
  std::vector<int> place(all.size(), -1);
  std::vector<Valley> kept;
  for (const auto i : order) {
    if (i > 0 && !(all[i].persistence() > 0)) continue;
    place[i] = static_cast<int>(kept.size());
    kept.push_back(all[i]);
  }
  for (auto& valley : kept) {
    // A valley that runs over into one that was left out meets what that one runs into, at the same height.
    while (valley.into >= 0 && place[static_cast<std::size_t>(valley.into)] < 0)
      valley.into = all[static_cast<std::size_t>(valley.into)].into;
    if (valley.into >= 0) valley.into = place[static_cast<std::size_t>(valley.into)];
  }
  return kept;
}

BasinWidth basinWidth(const std::vector<double>& places, const std::vector<double>& losses, std::size_t centre,
                      double level) {
  BasinWidth result;
  if (centre >= losses.size() || !(losses[centre] <= level)) return result;
  const auto last = static_cast<std::ptrdiff_t>(losses.size()) - 1;
  double ends[2];
  result.bounded = true;
  for (const int step : {-1, 1}) {
    auto at = static_cast<std::ptrdiff_t>(centre);
    while (at + step >= 0 && at + step <= last && losses[static_cast<std::size_t>(at + step)] <= level) at += step;
    const auto here = static_cast<std::size_t>(at);
    double end = places[here];
    if (at + step < 0 || at + step > last) {
      result.bounded = false;
    } else {
      const auto next = static_cast<std::size_t>(at + step);
      // A loss that is not finite is a wall at once.
      const double share = std::isfinite(losses[next]) ? (level - losses[here]) / (losses[next] - losses[here]) : 0;
      end += share * (places[next] - places[here]);
    }
    ends[step > 0] = end;
  }
  result.width = std::abs(ends[1] - ends[0]);
  return result;
}

}  // namespace eigenscape
