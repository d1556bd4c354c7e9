// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/contour.h"

#include <algorithm>
#include <cmath>

#include "views/optimizer_path.h"
#include "views/plot_items.h"
#include "views/plot_parts.h"
#include "views/surface_data.h"
#include "views/tickers.h"

namespace eigenscape {
namespace {

/// The grid bilinearly refined in the scale's own measure, for a smooth picture at any size. Places (0..1), not losses:
/// the colour scale's axis turns them back.
void fillMap(QCPColorMap* map, const SurfaceData& data) {
  const auto& grid = data.grid;
  const auto refined = [](std::size_t points) {
    return int((points - 1) * std::clamp<std::size_t>(320 / points, 1, 16)) + 1;
  };
  const int columns = refined(grid.xs.size()), rows = refined(grid.ys.size());
  map->data()->setSize(columns, rows);
  map->data()->setRange({grid.xs.front(), grid.xs.back()}, {grid.ys.front(), grid.ys.back()});
  const auto place = [&](double loss) { return data.scale.position(data.scale.clamp(loss)); };
  for (int j = 0; j < rows; ++j) {
    for (int i = 0; i < columns; ++i) {
      double x, y;
      map->data()->cellToCoord(i, j, &x, &y);
      const double at = grid.at(x, y, place);
      map->data()->setCell(i, j, std::isnan(at) ? at : data.scale.value(at));
    }
  }
}

QCPColorScale* addLossScale(QCustomPlot& plot, const Frame& frame, const Style& style, const SurfaceData& data) {
  const ValueScale& losses = data.scale;
  auto* scale =
      addColorScale(plot, frame, style, viridisGradient(), {losses.lower(), losses.upper()}, losses.logarithmic());
  QCPAxis* axis = scale->axis();
  axis->setLabel(data.scaleTitle());
  if (losses.logarithmic()) {
    axis->setTicker(QSharedPointer<DecadeTicker>::create());
  } else {
    axis->setTicker(QSharedPointer<RoundTicker>::create());
  }
  return scale;
}

void hatch(QCustomPlot& plot, const Frame& frame, const Style& style, const SurfaceGrid& grid) {
  auto* cells = new HatchedCells(&plot, frame.rect, style);
  const auto around = [](const std::vector<double>& values, std::size_t i) {
    return QCPRange((values[i > 0 ? i - 1 : 0] + values[i]) / 2,
                    (values[std::min(i + 1, values.size() - 1)] + values[i]) / 2);
  };
  for (std::size_t j = 0; j < grid.ys.size(); ++j) {
    for (std::size_t i = 0; i < grid.xs.size(); ++i) {
      const std::size_t at = grid.index(i, j);
      if (grid.known[at] && !std::isfinite(grid.loss[at])) cells->addCell(around(grid.xs, i), around(grid.ys, j));
    }
  }
}

}  // namespace

void addIsoLines(QCustomPlot& plot, const Frame& frame, const Style& style, const SurfaceData& data, bool allBright) {
  auto* item = new IsoLines(&plot, frame.rect, style);
  std::vector<double> places(data.grid.loss.size());
  std::transform(data.grid.loss.begin(), data.grid.loss.end(), places.begin(),
                 [&](double loss) { return std::isfinite(loss) ? data.scale.position(loss) : loss; });
  for (const double level : data.levels) {
    const double place = data.scale.position(level);
    item->addLevel(level, numberText(level), isoLines(data.grid, places, place), place > 0.5 && !allBright);
  }
}

void markCentre(QCustomPlot& plot, const Frame& frame, const Style& style) {
  for (const bool halo : {true, false}) {
    QCPGraph* centre = addSeries(plot, frame, {}, QPen(Qt::NoPen));
    centre->setObjectName("centre");
    centre->setLineStyle(QCPGraph::lsNone);
    centre->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssPlus,
                                            style.pen(halo ? colors::paper : colors::vermillion, halo ? 3.2 : 1.6),
                                            Qt::NoBrush, style.points(halo ? 9 : 8)));
    centre->addData(0, 0);
  }
}

void ContourFigure::showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) {
  data_.reset();
  PlotFigure::showRun(std::move(run), epoch);
}

void ContourFigure::refreshAll() {
  data_.reset();
  redraw();
}

const SurfaceData& ContourFigure::data() const {
  if (!data_)
    data_ = hasRun() ? surfaceData(run(), id().name, epoch(), split_, sharedScale(), peers(), height_, beside_)
                     : SurfaceData();
  return *data_;
}

QStringList ContourFigure::splits() const {
  return data().splits;
}

QString ContourFigure::split() const {
  return data().split.isEmpty() ? split_ : data().split;
}

void ContourFigure::setSplit(const QString& split) {
  split_ = split;
  refreshAll();
}

void ContourFigure::setHeight(const std::optional<HeightChoice>& height) {
  height_ = height;
  refreshAll();
  Q_EMIT factsChanged();
}

std::optional<HeightChoice> ContourFigure::heightChoice() const {
  return data().scale.valid() ? std::optional(data().height) : std::nullopt;
}

Figure::Facts ContourFigure::facts() const {
  Facts all = PlotFigure::facts();
  if (!emptyMessage().isEmpty()) return all;
  for (const auto& fact : data().facts()) all.push_back(fact);
  return all;
}

QStringList ContourFigure::recipeSettings() const {
  return heightSettings(data());
}

void ContourFigure::addChoices(QMenu& menu) {
  addHeightChoices(menu, data(), [this](const HeightChoice& choice) { setHeight(choice); });
}

Drawn ContourFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const SurfaceData& data = this->data();
  drawn.nothing = data.problem(id().name);
  if (!drawn.nothing.isEmpty()) return drawn;
  const Frame frame = makeFrame(plot, style, data.heading);
  auto* map = new QCPColorMap(frame.x, frame.y);
  map->setName(QString());
  map->setInterpolate(false);
  map->setTightBoundary(true);
  map->setAntialiased(false);
  map->setLayer("main");
  fillMap(map, data);
  map->setColorScale(addLossScale(plot, frame, style, data));
  hatch(plot, frame, style, data.grid);
  addIsoLines(plot, frame, style, data);
  frame.x->setRange(data.grid.xs.front(), data.grid.xs.back());
  frame.y->setRange(data.grid.ys.front(), data.grid.ys.back());
  drawPath(plot, frame, style, data.path);
  markCentre(plot, frame, style);
  if (cutVisible_) drawCut(plot, frame, style, cut());
  frame.x->grid()->setVisible(false);
  frame.y->grid()->setVisible(false);
  labelAxis(frame.x, style, data.xTitle, QSharedPointer<RoundTicker>::create());
  labelAxis(frame.y, style, data.yTitle, QSharedPointer<RoundTicker>::create());
  finishFrame(plot, frame, style);
  drawn.provenance = data.provenance();
  if (data.grid.nonFinite()) drawn.provenance.notes.first() += tr(" (hatched)");
  if (const auto note = pathNote(data.path, frame.x->range(), frame.y->range()); !note.isEmpty())
    drawn.provenance.notes << note;
  return drawn;
}

std::string ContourFigure::csv() const {
  return surfaceCsv(run(), id().name, epoch());
}

QString ContourFigure::readout(const QPointF& position) const {
  const QCPAxisRect* rect = plot()->axisRect(0);
  if (!rect || !rect->rect().contains(position.toPoint())) return {};
  return data().readout(rect->axis(QCPAxis::atBottom)->pixelToCoord(position.x()),
                        rect->axis(QCPAxis::atLeft)->pixelToCoord(position.y()));
}

}  // namespace eigenscape
