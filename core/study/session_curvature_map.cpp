// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <algorithm>
#include <set>

#include "core/landscape/curvature_map.h"
#include "core/study/session_support.h"

namespace eigenscape {

namespace {

struct Axes {
  std::vector<double> alphas, betas;
};

/// Where the surface was measured.
Axes axesOf(const std::filesystem::path& directory, const std::string& name, std::int64_t epoch) {
  std::set<double> alphas, betas;
  for (const auto& row : readTable<SurfaceRow>(directory)) {
    if (row.name == name && row.epoch == epoch) alphas.insert(row.alpha), betas.insert(row.beta);
  }
  return {{alphas.begin(), alphas.end()}, {betas.begin(), betas.end()}};
}

/// What an interrupted map left.
std::vector<CurvatureMapPoint> knownPoints(const std::filesystem::path& directory, const std::string& name,
                                           std::int64_t epoch, const std::vector<LandscapeSplit>& splits) {
  std::vector<CurvatureMapPoint> points;
  for (const auto& row : readTable<CurvatureMapRow>(directory)) {
    if (row.name != name || row.epoch != epoch) continue;
    for (std::size_t split = 0; split < splits.size(); ++split) {
      if (splits[split].name == row.split)
        points.push_back(
            {row.alpha, row.beta, split, row.lambdaMin, row.lambdaMax, row.residual, row.converged, row.products});
    }
  }
  return points;
}

}  // namespace

void Session::curvatureMap(const LandscapeRecipe& recipe, std::int64_t epoch) {
  phase(keyed("curvature_map:" + recipe.name, epoch),
        "curvature map of " + recipe.name + " · epoch " + std::to_string(epoch), costs_.curvatureMap(recipe),
        [&](const Context& context) -> Products {
          const InPrecision exact(*material_.model, precision());
          const auto splits = splitsOf(recipe_.curvature.split, recipe_.curvature.samples);
          const auto axes = axesOf(journal_.directory(), recipe.name, epoch);
          const auto x = direction(recipe.x, recipe.normalization, epoch),
                     y = direction(recipe.y, recipe.normalization, epoch);
          CurvatureMapOptions options;
          options.curvature = curvatureOptions(recipe_);
          options.curvature.batchNorm = BatchNormMode::Evaluation;
          options.curvature.differences = differences_;
          options.tolerance = CurvatureMapRow::tolerance;
          options.maxProducts = recipe_.curvature.maxProducts;
          options.seed = static_cast<std::uint64_t>(recipe_.seed);
          for (const auto& [name, vector] : directions_) {
            if (name == "eigenvector:1" || name == "eigenvector:-1") options.start.push_back(vector);
          }
          Products products = 0;
          std::int64_t points = 0, unfinished = 0;
          const auto count = [&](const CurvatureMapPoint& point) {
            products += point.products, ++points, unfinished += point.converged ? 0 : 1;
          };
          // What an interrupted run left counts as this one's: its rows are.
          const auto known = knownPoints(journal_.directory(), recipe.name, epoch, splits);
          for (const auto& point : known) count(point);
          evaluateCurvatureMap(*material_.model, splits, x, coarserAxis(axes.alphas, recipe.curvatureMap), y,
                               coarserAxis(axes.betas, recipe.curvatureMap), options, known,
                               [&](const CurvatureMapPoint& point) {
                                 count(point);
                                 journal_.append(CurvatureMapRow{recipe.name, epoch, point.alpha, point.beta,
                                                                 splits[point.split].name, point.lowest, point.highest,
                                                                 point.residual, point.converged, point.products});
                               },
                               context, {nullptr, statisticsAlong(recipe.x), statisticsAlong(recipe.y)});
          context.say("epoch " + std::to_string(epoch) + ": curvature at " + std::to_string(points) + " points of " +
                      recipe.name + ", " + std::to_string(unfinished) + " of them not converged or not finite, " +
                      std::to_string(products) + " products");
          return products;
        });
}

}  // namespace eigenscape
