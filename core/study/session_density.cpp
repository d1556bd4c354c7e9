// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "core/curvature/density.h"
#include "core/study/session_support.h"

namespace eigenscape {

/// What a density phase appends at its end. Nodes are appended probe by probe.
struct Session::DensityLot {
  std::vector<DensityRow> rows;
  std::vector<FrobeniusRow> norms;
  std::vector<SolveRow> solves;
  Products products = 0;
};

std::map<std::pair<std::string, std::string>, std::vector<DensityProbe>> Session::knownProbes(
    std::int64_t epoch) const {
  std::map<std::pair<std::string, std::string>, std::vector<DensityProbe>> known;
  for (const auto& row : readTable<DensityNodeRow>(journal_.directory())) {
    if (row.epoch != epoch) continue;
    auto& probes = known[{row.scope, row.split}];
    probes.resize(std::max(probes.size(), static_cast<std::size_t>(row.probe)));
    probes[static_cast<std::size_t>(row.probe) - 1].nodes.push_back(row.node);
    probes[static_cast<std::size_t>(row.probe) - 1].weights.push_back(row.weight);
  }
  return known;
}

void Session::density(std::int64_t epoch) {
  const auto& curvature = recipe_.curvature;
  phase(keyed("density", epoch), "density · epoch " + std::to_string(epoch), costs_.density,
        [&](const Context& context) -> Products {
          const InPrecision exact(*material_.model, precision());
          DensityLot lot;
          std::map<std::pair<std::string, std::string>, std::vector<DensityProbe>> known;
          if (std::exchange(maybeBegun_.density, false)) known = knownProbes(epoch);
          const auto splits = splitsOf(curvature.split, curvature.samples);
          // Of layers only where the model is not asked for: a density costs hundreds of products.
          std::vector<Scope> scopes(scopes_.begin(), curvature.scopes == "both" ? scopes_.begin() + 1 : scopes_.end());
          for (std::size_t part = 0; part < splits.size() * scopes.size(); ++part) {
            const auto& split = splits[part / scopes.size()];
            const auto& scope = scopes[part % scopes.size()];
            densityOf(epoch, split, scope, known[{scope.name, split.name}],
                      context.part(part, splits.size() * scopes.size()), lot);
          }
          journal_.append(lot.rows);
          if (!lot.norms.empty()) journal_.append(lot.norms);
          if (!lot.solves.empty()) journal_.append(lot.solves);
          return lot.products;
        });
}

void Session::densityOf(std::int64_t epoch, const LandscapeSplit& split, const Scope& scope,
                        const std::vector<DensityProbe>& known, const Context& context, DensityLot& lot) {
  const auto& curvature = recipe_.curvature;
  const auto op = makeOperator(split.examples, scope, context);
  DensityOptions options;
  options.probes = curvature.densityProbes;
  options.nodes = curvature.densityNodes;
  options.seed = static_cast<std::uint64_t>(recipe_.seed);
  options.known = known;
  options.made = [&](std::int64_t probe, const DensityProbe& made) {
    std::vector<DensityNodeRow> nodes;
    for (std::size_t k = 0; k < made.nodes.size(); ++k)
      nodes.push_back({epoch, curvature.op, scope.name, probe, made.nodes[k], made.weights[k], split.name});
    journal_.append(nodes);
  };
  SolveRow solve{epoch, curvature.op, scope.name, split.name, "density", "slq"};
  DensityNodes found;
  try {
    found = spectralDensity(*op, options, noting(context));
  } catch (const NotFinite& error) {
    leaveOut("density of " + scope.name + " (" + split.name + ")", error, context);
    lot.solves.push_back(solve);
    return;
  }
  // One for each node, also of probes that an interrupted run had made.
  Products made = 0;
  for (const auto& probe : found.probes) made += static_cast<Products>(probe.nodes.size());
  lot.products += made;
  solve.products = made, solve.seconds = found.seconds;
  lot.solves.push_back(solve);
  const auto curve = smoothed(found.probes, curvature.densityWidth);
  for (std::size_t i = 0; i < curve.eigenvalues.size(); ++i) {
    lot.rows.push_back(
        {epoch, curvature.op, scope.name, curve.eigenvalues[i], curve.density[i], curve.standardError[i], split.name});
  }
  if (scope.isModel() && found.probes.size() > 1 && normComesFromDensity(recipe_)) {
    const auto square = squaredFrobenius(found.probes, op->dimension());
    const double off = 2 * op->relativeError() * square.trace;
    lot.norms.push_back({epoch, curvature.op, scope.name, split.name, square.trace,
                         std::hypot(square.standardError, off), made, "slq"});
  }
  context.say("epoch " + std::to_string(epoch) + ": density of " + scope.name + " (" + split.name +
              "), mean eigenvalue " + shortNumber(moment(found.probes, 1)) + ", " + std::to_string(made) + " products");
}

}  // namespace eigenscape
