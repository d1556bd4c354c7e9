// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/surface_relief.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "views/surface_data.h"

namespace eigenscape {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr int mostSteps = 600;  ///< of one leg of the path

double place(const std::pair<double, double>& range, double value) {
  return 2 * (value - range.first) / (range.second - range.first) - 1;
}

/// The square of the grid that holds `value`, and where in it (0..1); false beside the grid.
bool locate(const std::vector<double>& values, double value, std::size_t& index, double& share) {
  const double slack = 1e-9 * (values.back() - values.front());
  if (!(value >= values.front() - slack && value <= values.back() + slack)) return false;
  const auto above = std::upper_bound(values.begin(), values.end(), value);
  index = std::clamp<std::size_t>(std::size_t(above - values.begin()), 1, values.size() - 1) - 1;
  share = std::clamp((value - values[index]) / (values[index + 1] - values[index]), 0.0, 1.0);
  return true;
}

}  // namespace

SurfaceRelief::SurfaceRelief(const SurfaceData& data)
    : grid_(data.grid), xRange_(data.xRange), yRange_(data.yRange), heights_(data.grid.loss) {
  for (double& value : heights_) value = std::isfinite(value) ? data.scale.position(data.scale.clamp(value)) : nan;
}

BoxPoint SurfaceRelief::point(std::size_t i, std::size_t j) const {
  return {boxHalf[0] * place(xRange_, grid_.xs[i]), boxHalf[1] * place(yRange_, grid_.ys[j]),
          boxHalf[2] * (2 * height(i, j) - 1)};
}

BoxPoint SurfaceRelief::over(double alpha, double beta) const {
  BoxPoint at{nan, nan, nan};
  if (!grid_.drawable()) return at;
  at[0] = boxHalf[0] * place(xRange_, alpha), at[1] = boxHalf[1] * place(yRange_, beta);
  std::size_t i = 0, j = 0;
  double u = 0, v = 0;
  if (!locate(grid_.xs, alpha, i, u) || !locate(grid_.ys, beta, j, v)) return at;
  // The two triangles of a square meet on the diagonal from its first to its last corner.
  const double a = height(i, j), b = height(i + 1, j), c = height(i + 1, j + 1), d = height(i, j + 1);
  const double h = u >= v ? a + u * (b - a) + v * (c - b) : a + v * (d - a) + u * (c - d);
  at[2] = boxHalf[2] * (2 * h - 1);
  return at;
}

bool SurfaceRelief::hides(const BoxPoint& point, const BoxPoint& eye) const {
  const BoxPoint way{eye[0] - point[0], eye[1] - point[1], eye[2] - point[2]};
  const double length = std::sqrt(way[0] * way[0] + way[1] * way[1] + way[2] * way[2]);
  const auto value = [](const std::pair<double, double>& range, double place, double half) {
    return range.first + (place / half + 1) / 2 * (range.second - range.first);
  };
  // The first step leaves the surface that the point lies on.
  constexpr double first = 0.04, step = 0.03;
  for (double far = first; far < length; far += step) {
    const double x = point[0] + way[0] * far / length, y = point[1] + way[1] * far / length,
                 z = point[2] + way[2] * far / length;
    if (std::abs(x) > boxHalf[0] || std::abs(y) > boxHalf[1] || z > boxHalf[2]) return false;
    const auto below = over(value(xRange_, x, boxHalf[0]), value(yRange_, y, boxHalf[1]));
    if (z < below[2] - 0.004) return true;
  }
  return false;
}

std::vector<std::vector<BoxPoint>> drapedPath(const SurfaceRelief& relief, const std::vector<TrajectoryRow>& path) {
  std::vector<std::vector<BoxPoint>> lines;
  const auto& grid = relief.grid();
  if (!grid.drawable()) return lines;
  const double stepX = (grid.xs.back() - grid.xs.front()) / double(grid.xs.size() - 1),
               stepY = (grid.ys.back() - grid.ys.front()) / double(grid.ys.size() - 1);
  std::vector<BoxPoint> line;
  const auto finish = [&] {
    if (line.size() > 1) lines.push_back(line);
    line.clear();
  };
  for (std::size_t k = 0; k + 1 < path.size(); ++k) {
    const auto &from = path[k], &to = path[k + 1];
    const double cells = std::max(std::abs(to.alpha - from.alpha) / stepX, std::abs(to.beta - from.beta) / stepY);
    const int steps = int(std::clamp(std::ceil(3 * cells), 1.0, double(mostSteps)));
    for (int step = line.empty() ? 0 : 1; step <= steps; ++step) {
      const double share = double(step) / steps;
      const auto at =
          relief.over(from.alpha + share * (to.alpha - from.alpha), from.beta + share * (to.beta - from.beta));
      std::isfinite(at[2]) ? line.push_back(at) : finish();
    }
  }
  finish();
  return lines;
}

std::vector<std::size_t> evenIndices(std::size_t count, std::size_t most) {
  std::vector<std::size_t> indices(std::min(count, std::max<std::size_t>(most, 2)));
  if (indices.size() == count) {
    std::iota(indices.begin(), indices.end(), std::size_t(0));
  } else {
    for (std::size_t k = 0; k < indices.size(); ++k) indices[k] = k * (count - 1) / (indices.size() - 1);
  }
  return indices;
}

}  // namespace eigenscape
