// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/contour.h"

#include <algorithm>
#include <cmath>

#include "views/plot_items.h"
#include "views/plotting.h"
#include "views/surface_data.h"
#include "views/tickers.h"

namespace eigenscape {
namespace {

QCPColorGradient viridis() {
  QCPColorGradient gradient;
  gradient.clearColorStops();
  for (int i = 0; i < colors::viridisStops; ++i) {
    const double at = double(i) / (colors::viridisStops - 1);
    gradient.setColorStopAt(at, colors::viridis(at));
  }
  gradient.setNanHandling(QCPColorGradient::nhTransparent);
  return gradient;
}

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

QCPColorScale* addColorScale(QCustomPlot& plot, const Frame& frame, const Style& style, const SurfaceData& data) {
  auto* scale = new QCPColorScale(&plot);
  plot.plotLayout()->addElement(2, 1, scale);
  plot.plotLayout()->setColumnStretchFactor(1, 0.001);
  plot.plotLayout()->setColumnSpacing(int(style.points(6)));
  scale->setType(QCPAxis::atRight);
  scale->axis()->axisRect()->setLayer("axes");  // above the mask
  for (auto* each : scale->axis()->axisRect()->axes()) each->setLayer("axes");
  scale->setBarWidth(int(style.millimetres(3.5)));
  scale->setRangeDrag(false);
  scale->setRangeZoom(false);
  QCPAxis* axis = scale->axis();
  axis->setTickLabelFont(style.font(0.9));
  axis->setLabelFont(style.font());
  axis->setLabelColor(colors::ink);
  axis->setTickLabelColor(colors::ink);
  axis->setBasePen(style.pen(colors::ink, 0.6));
  axis->setTickPen(style.pen(colors::ink, 0.6));
  axis->setSubTickPen(style.pen(colors::ink, 0.4));
  axis->setTickLengthIn(0), axis->setTickLengthOut(int(style.points(3)));
  axis->setSubTickLengthIn(0), axis->setSubTickLengthOut(int(style.points(1.5)));
  axis->setLabel(data.scale.logarithmic() ? QObject::tr("mean cross-entropy (log)")
                                          : QObject::tr("mean cross-entropy"));
  if (data.scale.logarithmic()) {
    scale->setDataScaleType(QCPAxis::stLogarithmic);
    axis->setTicker(QSharedPointer<DecadeTicker>::create());
  } else {
    axis->setTicker(QSharedPointer<RoundTicker>::create());
  }
  scale->setGradient(viridis());
  scale->setDataRange({data.scale.lower(), data.scale.upper()});
  auto* group = new QCPMarginGroup(&plot);
  frame.rect->setMarginGroup(QCP::msTop | QCP::msBottom, group);
  scale->setMarginGroup(QCP::msTop | QCP::msBottom, group);
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

void addIsoLines(QCustomPlot& plot, const Frame& frame, const Style& style, const SurfaceData& data) {
  auto* item = new IsoLines(&plot, frame.rect, style);
  std::vector<double> places(data.grid.loss.size());
  std::transform(data.grid.loss.begin(), data.grid.loss.end(), places.begin(),
                 [&](double loss) { return std::isfinite(loss) ? data.scale.position(loss) : loss; });
  for (const double level : data.levels) {
    const double place = data.scale.position(level);
    item->addLevel(level, numberText(level), isoLines(data.grid, places, place), place > 0.5);
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

}  // namespace

QStringList ContourFigure::splits() const {
  return emptyMessage().isEmpty() ? surfaceData(run(), id().name, epoch(), split_).splits : QStringList();
}

QString ContourFigure::split() const {
  return emptyMessage().isEmpty() ? surfaceData(run(), id().name, epoch(), split_).split : split_;
}

void ContourFigure::setSplit(const QString& split) {
  split_ = split;
  redraw();
}

Drawn ContourFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const SurfaceData data = surfaceData(run(), id().name, epoch(), split_);
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
  map->setColorScale(addColorScale(plot, frame, style, data));
  hatch(plot, frame, style, data.grid);
  addIsoLines(plot, frame, style, data);
  markCentre(plot, frame, style);
  frame.x->setRange(data.grid.xs.front(), data.grid.xs.back());
  frame.y->setRange(data.grid.ys.front(), data.grid.ys.back());
  frame.x->grid()->setVisible(false);
  frame.y->grid()->setVisible(false);
  labelAxis(frame.x, style, data.xTitle, QSharedPointer<RoundTicker>::create());
  labelAxis(frame.y, style, data.yTitle, QSharedPointer<RoundTicker>::create());
  finishFrame(plot, frame, style);
  drawn.provenance = data.provenance();
  if (data.grid.nonFinite()) drawn.provenance.notes.first() += tr(" (hatched)");
  return drawn;
}

std::string ContourFigure::csv() const {
  return surfaceCsv(run(), id().name, epoch());
}

QString ContourFigure::readout(const QPointF& position) const {
  const QCPAxisRect* rect = plot()->axisRect(0);
  if (!rect || !rect->rect().contains(position.toPoint())) return {};
  return surfaceData(run(), id().name, epoch(), split_)
      .readout(rect->axis(QCPAxis::atBottom)->pixelToCoord(position.x()),
               rect->axis(QCPAxis::atLeft)->pixelToCoord(position.y()));
}

}  // namespace eigenscape
