// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/surface_grid.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace eigenscape {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Sorted, with values merged that differ by rounding only.
std::vector<double> distinct(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  if (values.empty()) return values;
  const double tolerance = 1e-9 * (values.back() - values.front());
  values.erase(std::unique(values.begin(), values.end(), [&](double a, double b) { return b - a <= tolerance; }),
               values.end());
  return values;
}

std::size_t nearestIndex(const std::vector<double>& values, double value) {
  const auto above = std::lower_bound(values.begin(), values.end(), value);
  if (above == values.begin()) return 0;
  if (above == values.end()) return values.size() - 1;
  const std::size_t i = std::size_t(above - values.begin());
  return value - values[i - 1] < values[i] - value ? i - 1 : i;
}

/// Index of the interval that holds `value`, and where in it (0..1).
std::pair<std::size_t, double> interval(const std::vector<double>& values, double value) {
  const auto above = std::upper_bound(values.begin(), values.end(), value);
  const std::size_t i = std::clamp<std::size_t>(std::size_t(above - values.begin()), 1, values.size() - 1) - 1;
  return {i, std::clamp((value - values[i]) / (values[i + 1] - values[i]), 0.0, 1.0)};
}

}  // namespace

std::size_t SurfaceGrid::missing() const {
  return std::size_t(std::count(known.begin(), known.end(), 0));
}

std::size_t SurfaceGrid::nonFinite() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < loss.size(); ++i) count += known[i] && !std::isfinite(loss[i]);
  return count;
}

std::pair<std::size_t, std::size_t> SurfaceGrid::nearest(double x, double y) const {
  return {nearestIndex(xs, x), nearestIndex(ys, y)};
}

double SurfaceGrid::at(double x, double y, const std::function<double(double)>& transform) const {
  const auto [ni, nj] = nearest(x, y);
  if (!std::isfinite(loss[index(ni, nj)])) return nan;
  const auto [i, u] = interval(xs, x);
  const auto [j, v] = interval(ys, y);
  double sum = 0, weights = 0;
  for (int corner = 0; corner < 4; ++corner) {
    const std::size_t ci = i + std::size_t(corner & 1), cj = j + std::size_t(corner >> 1);
    const double value = loss[index(ci, cj)];
    const double weight = (corner & 1 ? u : 1 - u) * (corner >> 1 ? v : 1 - v);
    if (!std::isfinite(value) || weight == 0) continue;
    sum += weight * transform(value);
    weights += weight;
  }
  return sum / weights;
}

SurfaceGrid surfaceGrid(const std::vector<SurfaceRow>& rows, const std::string& name, std::int64_t epoch,
                        const std::string& split) {
  SurfaceGrid grid;
  std::vector<double> xs, ys;
  // The extent comes from both splits, so that train and test share their axes while rows still arrive.
  for (const auto& row : rows) {
    if (row.name != name || row.epoch != epoch) continue;
    xs.push_back(row.alpha);
    ys.push_back(row.beta);
  }
  grid.xs = distinct(std::move(xs));
  grid.ys = distinct(std::move(ys));
  const std::size_t size = grid.xs.size() * grid.ys.size();
  grid.loss.assign(size, nan);
  grid.accuracy.assign(size, nan);
  grid.known.assign(size, 0);
  for (const auto& row : rows) {
    if (row.name != name || row.epoch != epoch || row.split != split) continue;
    const auto [i, j] = grid.nearest(row.alpha, row.beta);
    const std::size_t at = grid.index(i, j);
    grid.known[at] = 1;
    grid.loss[at] = std::isfinite(row.loss) ? row.loss : nan;
    grid.accuracy[at] = row.accuracy;
  }
  return grid;
}

namespace {

/// Fills gaps of at most `widest` steps in one row or column of the grid. `at` gives the place of its k-th point.
template <class At>
void fillLine(SurfaceGrid& grid, const std::vector<double>& places, std::size_t widest, At&& at) {
  std::size_t last = places.size();
  for (std::size_t k = 0; k < places.size(); ++k) {
    const auto here = at(k);
    if (grid.known[here] && !std::isfinite(grid.loss[here])) last = places.size();
    if (!std::isfinite(grid.loss[here])) continue;
    if (last < k && k - last > 1 && k - last <= widest) {
      for (std::size_t between = last + 1; between < k; ++between) {
        const double share = (places[between] - places[last]) / (places[k] - places[last]);
        grid.loss[at(between)] = (1 - share) * grid.loss[at(last)] + share * grid.loss[here];
        grid.interpolated = true;
      }
    }
    last = k;
  }
}

}  // namespace

void interpolateUnknown(SurfaceGrid& grid) {
  if (grid.missing() == 0) return;
  const auto most = std::max(grid.xs.size(), grid.ys.size());
  for (std::size_t widest = 2; widest < 2 * most; widest *= 2) {
    for (int sweep = 0; sweep < 2; ++sweep) {
      for (std::size_t j = 0; j < grid.ys.size(); ++j)
        fillLine(grid, grid.xs, widest, [&](std::size_t i) { return grid.index(i, j); });
      for (std::size_t i = 0; i < grid.xs.size(); ++i)
        fillLine(grid, grid.ys, widest, [&](std::size_t j) { return grid.index(i, j); });
    }
  }
}

QLineF centreCut(const SurfaceGrid& grid) {
  const double height = grid.ys[grid.nearest(0, 0).second], margin = 0.05 * (grid.xs.back() - grid.xs.front());
  return {grid.xs.front() + margin, height, grid.xs.back() - margin, height};
}

namespace {

/// An edge of the grid: its lower-left point and whether it runs upwards.
using Edge = std::pair<std::size_t, int>;

struct Segments {
  std::map<Edge, std::vector<Edge>> neighbours;
  std::map<Edge, QPointF> points;
  void join(const Edge& a, const Edge& b) {
    neighbours[a].push_back(b);
    neighbours[b].push_back(a);
  }
};

class Marcher {
 public:
  Marcher(const SurfaceGrid& grid, const std::vector<double>& values, double level)
      : grid_(grid), values_(values), level_(level) {}

  Segments run() {
    for (std::size_t j = 0; j + 1 < grid_.ys.size(); ++j) {
      for (std::size_t i = 0; i + 1 < grid_.xs.size(); ++i) square(i, j);
    }
    return std::move(out_);
  }

 private:
  double value(std::size_t i, std::size_t j) const { return values_[grid_.index(i, j)]; }

  Edge horizontal(std::size_t i, std::size_t j) {
    const double a = value(i, j), b = value(i + 1, j), t = (level_ - a) / (b - a);
    const Edge edge{grid_.index(i, j), 0};
    out_.points[edge] = {grid_.xs[i] + t * (grid_.xs[i + 1] - grid_.xs[i]), grid_.ys[j]};
    return edge;
  }

  Edge vertical(std::size_t i, std::size_t j) {
    const double a = value(i, j), b = value(i, j + 1), t = (level_ - a) / (b - a);
    const Edge edge{grid_.index(i, j), 1};
    out_.points[edge] = {grid_.xs[i], grid_.ys[j] + t * (grid_.ys[j + 1] - grid_.ys[j])};
    return edge;
  }

  void square(std::size_t i, std::size_t j) {
    const double corners[4] = {value(i, j), value(i + 1, j), value(i + 1, j + 1), value(i, j + 1)};
    bool above[4];
    for (int k = 0; k < 4; ++k) {
      if (!std::isfinite(corners[k])) return;
      above[k] = corners[k] >= level_;
    }
    std::vector<Edge> crossed;  // counter-clockwise from the bottom
    if (above[0] != above[1]) crossed.push_back(horizontal(i, j));
    if (above[1] != above[2]) crossed.push_back(vertical(i + 1, j));
    if (above[2] != above[3]) crossed.push_back(horizontal(i, j + 1));
    if (above[3] != above[0]) crossed.push_back(vertical(i, j));
    if (crossed.size() == 2) {
      out_.join(crossed[0], crossed[1]);
    } else if (crossed.size() == 4) {
      // A saddle: the mean decides which corners hang together.
      const bool middle = (corners[0] + corners[1] + corners[2] + corners[3]) / 4 >= level_;
      const bool cutFirst = middle != above[0];
      out_.join(crossed[0], crossed[cutFirst ? 3 : 1]);
      out_.join(crossed[2], crossed[cutFirst ? 1 : 3]);
    }
  }

  const SurfaceGrid& grid_;
  const std::vector<double>& values_;
  double level_;
  Segments out_;
};

/// Walks from `start`, using the neighbours up.
QVector<QPointF> walk(Segments& segments, Edge start) {
  QVector<QPointF> line{segments.points[start]};
  for (;;) {
    auto& next = segments.neighbours[start];
    if (next.empty()) return line;
    const Edge to = next.back();
    next.pop_back();
    auto& back = segments.neighbours[to];
    back.erase(std::find(back.begin(), back.end(), start));
    line.append(segments.points[to]);
    start = to;
  }
}

}  // namespace

std::vector<QVector<QPointF>> isoLines(const SurfaceGrid& grid, const std::vector<double>& values, double level) {
  Segments segments = Marcher(grid, values, level).run();
  std::vector<QVector<QPointF>> lines;
  std::vector<Edge> ends, all;
  for (const auto& [edge, others] : segments.neighbours) {
    all.push_back(edge);
    if (others.size() == 1) ends.push_back(edge);
  }
  // Open lines from their ends first; what remains is closed.
  for (const auto& starts : {ends, all}) {
    for (const auto& start : starts) {
      if (!segments.neighbours[start].empty()) lines.push_back(walk(segments, start));
    }
  }
  return lines;
}

}  // namespace eigenscape
