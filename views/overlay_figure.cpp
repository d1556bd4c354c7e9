// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/overlay_figure.h"

#include <QFontMetricsF>
#include <algorithm>
#include <cmath>

#include "views/plot_parts.h"
#include "views/plotting.h"
#include "views/tickers.h"

namespace eigenscape {

QColor runColor(const Style& style, std::size_t n) {
  return style.series(n);
}

void OverlayFigure::show(std::shared_ptr<const Overlay> overlay, std::size_t panel, const ComparedRuns& runs,
                         std::int64_t epoch) {
  overlay_ = std::move(overlay);
  panel_ = panel;
  names_.clear();
  for (const auto& one : runs) names_ << one.name;
  showRun(runs.front().run, epoch);
}

void OverlayFigure::addMarks(QCustomPlot& plot, const Frame& frame, const Style& style, const OverlaySeries& series,
                             QCPGraph* graph) const {
  const QColor color = graph->pen().color();
  const bool crowded = series.points.size() > 25;
  graph->setScatterStyle(disc(style, color, false, series.square, crowded));
  QCPGraph* hollow = addSeries(plot, frame, {}, QPen(Qt::NoPen));
  hollow->setObjectName("hollow, " + graph->name());
  hollow->setLineStyle(QCPGraph::lsNone);
  hollow->setScatterStyle(disc(style, color, true, series.square));
  std::vector<Estimate> estimates;
  bool errors = false;
  for (const auto& point : series.points) {
    if (point.hollow && std::isfinite(point.value))
      hollow->addData(panel().x.place(point.x), panel().y.place(point.value));
    estimates.push_back({point.value, point.error});
    errors |= point.error > 0;
  }
  if (!errors) return;
  auto* bars = addErrorBars(frame, style, graph, panel().y, estimates);
  bars->setPen(style.pen(color, 0.8));
  if (crowded) bars->setWhiskerWidth(style.points(1.5));
}

void OverlayFigure::addBand(QCustomPlot& plot, const Frame& frame, const OverlaySeries& series, const QColor& color,
                            double lowest) const {
  QCPGraph* edges[2];
  for (const bool upper : {false, true}) {
    QCPGraph* edge = edges[upper] = addSeries(plot, frame, {}, QPen(Qt::NoPen));
    for (const auto& point : series.points) {
      const double value = point.value + (upper ? point.error : -point.error);
      edge->addData(panel().x.place(point.x), std::isfinite(value) ? std::max(value, lowest) : qQNaN());
    }
  }
  QColor fill = color;
  fill.setAlphaF(0.2F);
  edges[1]->setBrush(fill);
  edges[1]->setChannelFillGraph(edges[0]);
}

void OverlayFigure::addSeriesOf(QCustomPlot& plot, const Frame& frame, const Style& style,
                                const OverlaySeries& series) const {
  const bool shared = series.run == OverlaySeries::nobody;
  const QColor color = shared ? style.softInk() : runColor(style, series.run);
  const double lowest = panel().yRange ? panel().yRange->first * 1e-3 : -HUGE_VAL;
  if (series.band) addBand(plot, frame, series, color, panel().yRange ? panel().yRange->first : -HUGE_VAL);
  const bool alone = series.line == Qt::NoPen;
  const QString name = shared ? series.what : (QStringList{names_.value(int(series.run)), series.what}).join(": ");
  QCPGraph* graph =
      addSeries(plot, frame, name, style.pen(color, series.width, alone ? Qt::SolidLine : series.line), nullptr, false);
  if (alone) graph->setLineStyle(QCPGraph::lsNone);
  if (series.step) graph->setLineStyle(QCPGraph::lsStepRight);
  for (const auto& point : series.points) {
    // A density that came out as 0 has no place on the axis: it is as far below as the smallest that has.
    const double value = panel().y.isLogarithmic() ? std::max(point.value, std::max(lowest, 0.0)) : point.value;
    graph->addData(panel().x.place(point.x), std::isfinite(point.value) ? panel().y.place(value) : qQNaN());
  }
  if (series.markers) addMarks(plot, frame, style, series, graph);
}

namespace {

/// As many names as have room; the first and the last one in any case.
QSharedPointer<QCPAxisTicker> tickerOf(const std::vector<std::pair<double, QString>>& names, const Style& style,
                                       double span) {
  const QFontMetricsF metrics(style.font(0.9));
  double widest = 0;
  for (const auto& [place, name] : names) widest = std::max(widest, metrics.horizontalAdvance(name));
  const double unit = (style.size.width() - style.millimetres(20)) / span, needed = widest + style.points(4);
  auto ticker = QSharedPointer<QCPAxisTickerText>::create();
  double last = -HUGE_VAL;
  for (const auto& [place, name] : names) {
    const bool end = place == names.back().first;
    if ((place - last) * unit < needed && !end) continue;
    if ((place - last) * unit < needed) ticker->ticks().remove(last);
    ticker->addTick(place, name);
    last = place;
  }
  return ticker;
}

}  // namespace

void OverlayFigure::fit(const Frame& frame, const Style& style) const {
  std::vector<double> across;
  for (const auto& series : panel().series) {
    for (const auto& point : series.points) across.push_back(point.x);
  }
  const auto kind = panel().across;
  if (kind == OverlayPanel::Across::Values) {
    panel().x.apply(frame.x, style, panel().xLabel, across, panel().diagonal ? 0.06 : 0.02);
  } else if (kind == OverlayPanel::Across::Names && panel().layers) {
    std::vector<std::string> names;
    for (const auto& [place, name] : panel().names) names.push_back(name.toStdString());
    nameLayers(frame.x, style, names);
  } else if (kind == OverlayPanel::Across::Names) {
    const double span = panel().xRange ? panel().xRange->second - panel().xRange->first : 1;
    labelAxis(frame.x, style, panel().xLabel, tickerOf(panel().names, style, span));
    frame.x->setSubTicks(false);
  } else {
    if (kind == OverlayPanel::Across::Epochs) fitEpochs(frame.x, across);
    if (kind == OverlayPanel::Across::Whole) fitAxis(frame.x, across, false, 0.02);
    labelAxis(frame.x, style, panel().xLabel, QSharedPointer<IntegerTicker>::create());
  }
  if (panel().xRange) frame.x->setRange(panel().xRange->first, panel().xRange->second);
  panel().y.apply(frame.y, style, panel().yLabel, valuesOf(panel().series, !panel().y.isLogarithmic()));
  if (panel().yRange) frame.y->setRange(panel().yRange->first, panel().yRange->second);
}

Drawn OverlayFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const bool something = overlay_ && panel_ < overlay_->panels.size() &&
                         std::any_of(panel().series.begin(), panel().series.end(),
                                     [](const OverlaySeries& one) { return !one.points.empty(); });
  if (!something) {
    drawn.nothing = tr("None of these runs has anything to show here yet.");
    return drawn;
  }
  const Frame frame = makeFrame(plot, style, panel().title);
  // Grey lines first, so that the runs' own lie on top.
  for (const bool shared : {true, false}) {
    for (const auto& series : panel().series) {
      if ((series.run == OverlaySeries::nobody) == shared) addSeriesOf(plot, frame, style, series);
    }
  }
  fit(frame, style);
  if (panel().diagonal) {
    const double low = std::min(frame.x->range().lower, frame.y->range().lower),
                 high = std::max(frame.x->range().upper, frame.y->range().upper);
    QCPGraph* line = addSeries(plot, frame, {}, style.pen(style.softInk(), 1, Qt::DashLine));
    line->setObjectName(QStringLiteral("diagonal"));
    line->addData(low, low);
    line->addData(high, high);
  }
  for (const auto& sample : panel().legend) {
    const QPen pen = sample.line == Qt::NoPen ? QPen(Qt::NoPen) : style.pen(style.ink(), sample.width, sample.line);
    const bool marker = sample.line == Qt::NoPen || sample.square;
    legendSample(plot, frame, sample.says, pen,
                 marker ? disc(style, style.ink(), sample.hollow, sample.square) : QCPScatterStyle());
  }
  if (panel().across == OverlayPanel::Across::Epochs) markEpoch(plot, frame, style, epoch());
  finishFrame(plot, frame, style);
  return drawn;
}

QString OverlayFigure::readout(const QPointF& position) const {
  const QCPAxisRect* rect = plot()->axisRect(0);
  if (!rect || !rect->rect().contains(position.toPoint())) return {};
  const QCPGraph* nearest = nullptr;
  double best = 14;
  QPointF at;
  for (int i = 0; i < plot()->graphCount(); ++i) {
    const QCPGraph* graph = plot()->graph(i);
    if (graph->name().isEmpty()) continue;
    for (const auto& point : *graph->data()) {
      const double distance = QLineF(graph->coordsToPixels(point.key, point.value), position).length();
      if (distance < best) best = distance, nearest = graph, at = {point.key, point.value};
    }
  }
  const double x = nearest ? at.x() : rect->axis(QCPAxis::atBottom)->pixelToCoord(position.x());
  QString where = panel().xLabel + ' ' + numberText(panel().x.value(x), 4);
  if (panel().across == OverlayPanel::Across::Names) {
    const auto& names = panel().names;
    const auto closest = std::min_element(names.begin(), names.end(), [&](const auto& a, const auto& b) {
      return std::abs(a.first - x) < std::abs(b.first - x);
    });
    if (closest != names.end()) where = (panel().xLabel + ' ' + closest->second).trimmed();
  }
  if (!nearest) return where;
  return QStringLiteral("%1: %2 at %3").arg(nearest->name(), numberText(panel().y.value(at.y()), 5), where);
}

}  // namespace eigenscape
