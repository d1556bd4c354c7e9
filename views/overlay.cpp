// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/overlay.h"

#include <algorithm>
#include <set>

#include "views/plot_parts.h"

namespace eigenscape {

bool isOverlaid(const FigureId& id, const ComparedRuns& runs) {
  static const QStringList kinds = {"training", "trajectories", "spectrum", "density",     "layers",
                                    "gradient", "overhead",     "profile",  "persistence", "sensitivity"};
  if (id.kind != QLatin1String("power")) return kinds.contains(id.kind);
  // Several blocks of layers have the colours for themselves.
  return std::all_of(runs.begin(), runs.end(), [](const ComparedRun& one) {
    std::set<std::string> scopes;
    for (const auto& row : one.run->power) scopes.insert(row.scope);
    return scopes.size() <= 1;
  });
}

Overlay overlayOf(const FigureId& id, const ComparedRuns& runs, std::int64_t epoch) {
  if (id.kind == "training") return overlaidTraining(runs);
  if (id.kind == "trajectories") return overlaidTrajectories(runs, epoch);
  if (id.kind == "spectrum") return overlaidSpectrum(runs, epoch);
  if (id.kind == "density") return overlaidDensity(runs, epoch);
  if (id.kind == "power") return overlaidPower(runs, epoch);
  if (id.kind == "layers") return overlaidLayers(runs, epoch);
  if (id.kind == "gradient") return overlaidGradient(runs);
  if (id.kind == "overhead") return overlaidOverhead(runs);
  if (id.kind == "profile") return overlaidProfile(id.name, runs, epoch);
  if (id.kind == "persistence") return overlaidPersistence(id.name, runs, epoch);
  if (id.kind == "sensitivity") return overlaidSensitivity(runs);
  return {};
}

OperatorWords commonOperator(const ComparedRuns& runs) {
  std::set<std::string> operators;
  for (const auto& one : runs) operators.insert(one.run->info.curvatureOperator);
  if (operators.size() == 1) return operatorWords(*operators.begin());
  return {QObject::tr("curvature matrices"), QObject::tr("the matrix")};
}

std::vector<double> valuesOf(const std::vector<OverlaySeries>& series, bool bars) {
  std::vector<double> values;
  for (const auto& one : series) {
    for (const auto& point : one.points) {
      values.push_back(point.value);
      if (bars && point.error > 0) values.insert(values.end(), {point.value - point.error, point.value + point.error});
    }
  }
  return values;
}

double besideOthers(std::size_t n, std::size_t all) {
  return all < 2 ? 0 : 0.6 * (double(n) / double(all - 1) - 0.5) * (all == 2 ? 0.5 : 1);
}

}  // namespace eigenscape
