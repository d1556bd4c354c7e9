// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/curvature_map.h"

#include <cmath>

#include "views/contour.h"
#include "views/direction_words.h"
#include "views/optimizer_path.h"
#include "views/plot_items.h"
#include "views/plot_parts.h"
#include "views/tickers.h"

namespace eigenscape {
namespace {

constexpr int mostPixels = 360;  ///< along each side, so that cells of unequal width have sharp edges

constexpr double brightest = 0.8;  ///< of the colour map: white lines are seen on all of it

/// nan where there is none.
double ratioOf(const CurvatureMapRow& row) {
  const double ratio = std::abs(row.lambdaMin / row.lambdaMax);
  return std::isfinite(ratio) ? ratio : std::nan("");
}

}  // namespace

void CurvatureMapFigure::showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) {
  map_.reset();
  PlotFigure::showRun(std::move(run), epoch);
}

void CurvatureMapFigure::refreshAll() {
  map_.reset();
  redraw();
}

void CurvatureMapFigure::setSplit(const QString& split) {
  split_ = split;
  refreshAll();
}

QStringList CurvatureMapFigure::splits() const {
  QStringList list;
  if (!hasRun()) return list;
  const auto name = id().name.toStdString();
  for (const auto& split : splitsOf(run().curvatureMap, [&](const CurvatureMapRow& row) { return row.name == name; }))
    list << QString::fromStdString(split);
  return list;
}

QString CurvatureMapFigure::split() const {
  const auto all = splits();
  return all.contains(split_) ? split_ : all.value(0);
}

const CurvatureMapFigure::Map& CurvatureMapFigure::map() const {
  if (map_) return *map_;
  Map map;
  map.split = split();
  const auto name = id().name.toStdString(), split = map.split.toStdString();
  const auto ours = [&](const CurvatureMapRow& row) { return row.name == name && row.split == split; };
  map.epoch = epochToShow(epochsOf(run().curvatureMap, ours), epoch());
  const auto highest = [&](const RunResults& run) {
    const auto shown = epochToShow(epochsOf(run.curvatureMap, ours), epoch());
    double most = 0;
    for (const auto& row : run.curvatureMap) {
      if (ours(row) && (sharedScale() || row.epoch == shown)) most = std::fmax(most, ratioOf(row));
    }
    return most;
  };
  std::vector<SurfaceRow> rows;
  for (const auto& row : run().curvatureMap) {
    if (!ours(row)) continue;
    const double ratio = ratioOf(row);
    const bool shown = map.epoch && row.epoch == *map.epoch;
    if (shown) rows.push_back({row.name, row.epoch, row.alpha, row.beta, row.split, ratio, 0});
  }
  map.highest = highest(run());
  for (const auto& peer : peers()) map.highest = std::max(map.highest, highest(*peer));
  if (map.epoch) map.grid = surfaceGrid(rows, name, *map.epoch, split);
  map.rows.assign(map.grid.loss.size(), nullptr);
  for (const auto& row : run().curvatureMap) {
    if (!ours(row) || row.epoch != map.epoch) continue;
    const auto [i, j] = map.grid.nearest(row.alpha, row.beta);
    map.rows[map.grid.index(i, j)] = &row;
    map.notConverged += !row.converged && std::isfinite(ratioOf(row));
  }
  surface_ = surfaceData(run(), id().name, map.epoch.value_or(epoch()), map.split, sharedScale(), peers());
  map_ = std::move(map);
  return *map_;
}

void CurvatureMapFigure::hatch(QCustomPlot& plot, const Frame& frame, const Style& style) const {
  auto* cells = new HatchedCells(&plot, frame.rect, style);
  const auto& grid = map().grid;
  const auto around = [](const std::vector<double>& values, std::size_t i) {
    return QCPRange((values[i > 0 ? i - 1 : 0] + values[i]) / 2,
                    (values[std::min(i + 1, values.size() - 1)] + values[i]) / 2);
  };
  for (std::size_t j = 0; j < grid.ys.size(); ++j) {
    for (std::size_t i = 0; i < grid.xs.size(); ++i) {
      const auto* row = map().rows[grid.index(i, j)];
      if (row && (!row->converged || std::isnan(ratioOf(*row)))) cells->addCell(around(grid.xs, i), around(grid.ys, j));
    }
  }
}

Provenance CurvatureMapFigure::provenance() const {
  const auto& grid = map().grid;
  const std::size_t all = grid.loss.size();
  Provenance provenance;
  provenance.split = map().split;
  provenance.samples = curvatureSamples(run().info);
  provenance.epoch = *map().epoch;
  provenance.notes
      << tr("Hessian in evaluation mode; largest and smallest eigenvalue to a residual of %1 of the larger")
             .arg(numberText(CurvatureMapRow::tolerance));
  if (map().notConverged)
    provenance.notes << tr("%1 of %2 points not converged (hatched)").arg(map().notConverged).arg(all);
  if (const auto count = grid.nonFinite())
    provenance.notes << tr("%1 of %2 points not finite (hatched, no colour)").arg(count).arg(all);
  if (const auto count = grid.missing())
    provenance.notes << tr("%1 of %2 points known so far").arg(all - count).arg(all);
  provenance.notes << tr("lines: loss");
  return provenance;
}

Drawn CurvatureMapFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const auto& grid = map().grid;
  if (!map().epoch || !grid.drawable()) {
    drawn.nothing = tr("The curvature map “%1” has too few points yet.").arg(id().name);
    return drawn;
  }
  const auto& surface = *surface_;
  const QString over = planeName(surface.info.x, surface.info.y);
  const Frame frame = makeFrame(
      plot, style, tr("Curvature ratio over %1, %2, %3").arg(over, epochWords(*map().epoch, epoch()), map().split));
  auto* colours = new QCPColorMap(frame.x, frame.y);
  colours->setName(QString());
  colours->setInterpolate(false);
  colours->setAntialiased(false);
  colours->setLayer("main");
  colours->data()->setSize(mostPixels, mostPixels);
  // Cells' middles: the outermost pixels lie half a pixel inside of the axes.
  const auto inside = [](const std::vector<double>& values) {
    const double half = (values.back() - values.front()) / mostPixels / 2;
    return QCPRange(values.front() + half, values.back() - half);
  };
  colours->setTightBoundary(false);
  colours->data()->setRange(inside(grid.xs), inside(grid.ys));
  for (int j = 0; j < mostPixels; ++j) {
    for (int i = 0; i < mostPixels; ++i) {
      double x = 0, y = 0;
      colours->data()->cellToCoord(i, j, &x, &y);
      const auto [column, row] = grid.nearest(x, y);
      colours->data()->setCell(i, j, grid.loss[grid.index(column, row)]);
    }
  }
  const double highest = map().highest > 0 ? map().highest : 1;
  auto* scale = addColorScale(plot, frame, style, viridisGradient(brightest), {0, highest});
  scale->axis()->setLabel(tr("|λₘᵢₙ / λₘₐₓ|"));
  scale->axis()->setTicker(QSharedPointer<RoundTicker>::create());
  colours->setColorScale(scale);
  hatch(plot, frame, style);
  frame.x->setRange(grid.xs.front(), grid.xs.back());
  frame.y->setRange(grid.ys.front(), grid.ys.back());
  if (surface.problem(id().name).isEmpty()) addIsoLines(plot, frame, style, surface, true);
  markCentre(plot, frame, style);
  frame.x->grid()->setVisible(false);
  frame.y->grid()->setVisible(false);
  labelAxis(frame.x, style, surface.xTitle, QSharedPointer<RoundTicker>::create());
  labelAxis(frame.y, style, surface.yTitle, QSharedPointer<RoundTicker>::create());
  finishFrame(plot, frame, style);
  drawn.provenance = provenance();
  return drawn;
}

std::string CurvatureMapFigure::csv() const {
  const auto name = id().name.toStdString();
  return csvOf(run().curvatureMap,
               [&](const CurvatureMapRow& row) { return row.name == name && row.epoch == map().epoch; });
}

QString CurvatureMapFigure::readout(const QPointF& position) const {
  const QCPAxisRect* rect = plot()->axisRect(0);
  if (!rect || !rect->rect().contains(position.toPoint()) || !map().grid.drawable()) return {};
  const auto& grid = map().grid;
  const auto [i, j] = grid.nearest(rect->axis(QCPAxis::atBottom)->pixelToCoord(position.x()),
                                   rect->axis(QCPAxis::atLeft)->pixelToCoord(position.y()));
  const QString place = QStringLiteral("α = %1, β = %2: ").arg(numberText(grid.xs[i]), numberText(grid.ys[j]));
  const auto* row = map().rows[grid.index(i, j)];
  if (!row) return place + tr("not known yet");
  return place + tr("λₘᵢₙ = %1, λₘₐₓ = %2, |λₘᵢₙ / λₘₐₓ| = %3%4")
                     .arg(numberText(row->lambdaMin, 4), numberText(row->lambdaMax, 4), numberText(ratioOf(*row), 4),
                          row->converged ? QString() : tr(", not converged"));
}

}  // namespace eigenscape
