// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/overhead.h"

#include <QFontMetricsF>
#include <algorithm>
#include <cmath>

#include "views/plot_parts.h"
#include "views/tickers.h"

namespace eigenscape {
namespace {

struct Unit {
  double seconds = 1;
  QString name = QStringLiteral("s");
};

Unit unitFor(double seconds) {
  if (seconds > 3 * 3600) return {3600, QStringLiteral("h")};
  if (seconds > 5 * 60) return {60, QStringLiteral("min")};
  return {};
}

struct Costs {
  std::map<std::int64_t, const OverheadRow*> rows;  ///< a later row of the same epoch wins
  double highest = 0, training = 0, curvature = 0;  ///< seconds: of an epoch, of all
  std::int64_t products = 0;
  std::size_t notFinite = 0;
  double narrowest = 1;  ///< between two epochs
};

Costs collect(const RunResults& run) {
  Costs costs;
  for (const auto& row : run.overhead) costs.rows[row.epoch] = &row;
  for (auto at = costs.rows.begin(); at != costs.rows.end();) {
    const OverheadRow& row = *at->second;
    if (!std::isfinite(row.trainingSeconds) || !std::isfinite(row.curvatureSeconds)) {
      ++costs.notFinite;
      at = costs.rows.erase(at);
      continue;
    }
    costs.highest = std::max(costs.highest, row.trainingSeconds + row.curvatureSeconds);
    costs.training += row.trainingSeconds;
    costs.curvature += row.curvatureSeconds;
    costs.products += row.products;
    ++at;
  }
  double narrowest = HUGE_VAL;
  for (auto at = costs.rows.begin(); at != costs.rows.end() && std::next(at) != costs.rows.end(); ++at) {
    narrowest = std::min(narrowest, double(std::next(at)->first - at->first));
  }
  if (std::isfinite(narrowest)) costs.narrowest = narrowest;
  return costs;
}

QString percent(double share) {
  if (!std::isfinite(share)) return QStringLiteral("?");
  const double value = 100 * share;
  return value > 0 && value < 0.95 ? numberText(value, 1) + QStringLiteral("\u00A0%")
                                   : QString::number(std::lround(value)) + QStringLiteral("\u00A0%");
}

QCPBars* addBars(const Frame& frame, const QString& name, const QColor& color, double width) {
  auto* bars = new QCPBars(frame.x, frame.y);
  bars->setName(name);
  bars->setPen(Qt::NoPen);
  bars->setBrush(color);
  bars->setWidth(width);
  bars->setAntialiased(true);
  bars->setLayer("main");
  bars->addToLegend(frame.legend);
  return bars;
}

/// `brief`: without the sign, which the axis' room does not hold.
void writeShares(QCustomPlot& plot, const Frame& frame, const Style& style, const Costs& costs, const Unit& unit,
                 bool brief) {
  for (const auto& [epoch, row] : costs.rows) {
    auto* text = new QCPItemText(&plot);
    text->position->setAxes(frame.x, frame.y);
    text->position->setAxisRect(frame.rect);
    text->position->setType(QCPItemPosition::ptPlotCoords);
    text->position->setCoords(double(epoch), (row->trainingSeconds + row->curvatureSeconds) / unit.seconds);
    text->setClipAxisRect(frame.rect);
    text->setPositionAlignment(Qt::AlignHCenter | Qt::AlignBottom);
    text->setPadding(QMargins(0, 0, 0, int(style.points(1.5))));
    text->setText(brief ? percent(row->share).remove(QStringLiteral("\u00A0%")) : percent(row->share));
    text->setFont(style.font(0.8));
    text->setColor(style.ink());
    text->setSelectable(false);
  }
}

void drawShares(QCustomPlot& plot, const Frame& frame, const Style& style, const Costs& costs) {
  QCPGraph* line = addSeries(plot, frame, QObject::tr("share of curvature"), style.pen(style.ink(), 0.9), frame.right);
  if (costs.rows.size() <= manyPoints) line->setScatterStyle(disc(style, style.ink(), false, false, true));
  for (const auto& [epoch, row] : costs.rows) {
    // Between measured epochs the line would drop to 0 and hide the bars.
    if (row->curvatureSeconds > 0) line->addData(double(epoch), std::isfinite(row->share) ? 100 * row->share : qQNaN());
  }
  frame.right->setRange(0, 104);
  labelAxis(frame.right, style, QObject::tr("share of curvature (%)"), QSharedPointer<RoundTicker>::create());
}

}  // namespace

bool hasOverhead(const RunResults& run) {
  return std::any_of(run.overhead.begin(), run.overhead.end(),
                     [](const OverheadRow& row) { return row.curvatureSeconds > 0 && row.trainingSeconds > 0; });
}

Drawn OverheadFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const Costs costs = collect(run());
  if (costs.rows.empty()) {
    drawn.nothing = tr("No times yet: they appear with the first epoch that was trained and measured.");
    return drawn;
  }
  const Unit unit = unitFor(costs.highest);
  const Frame frame = makeFrame(plot, style, tr("Time for training and for curvature"));
  const double width = 0.8 * costs.narrowest;
  QCPBars* training = addBars(frame, tr("training"), style.skyBlue(), width);
  QCPBars* curvature = addBars(frame, tr("curvature"), colors::vermillion, width);
  curvature->moveAbove(training);
  for (const auto& [epoch, row] : costs.rows) {
    training->addData(double(epoch), row->trainingSeconds / unit.seconds);
    curvature->addData(double(epoch), row->curvatureSeconds / unit.seconds);
  }
  const double first = double(costs.rows.begin()->first), last = double(costs.rows.rbegin()->first);
  frame.x->setRange(first - 0.6 * costs.narrowest, last + 0.6 * costs.narrowest);
  frame.x->grid()->setVisible(false);
  const double room = (style.size.width() - style.millimetres(20)) * costs.narrowest / frame.x->range().size();
  const QFontMetricsF metrics(style.font(0.8));
  // The numbers above the bars need their height, whatever that of the axis is.
  const double height = std::max(1.0, style.size.height() - style.millimetres(24));
  const double headroom = std::clamp(1.8 * metrics.height() / height, 0.05, 0.5);
  frame.y->setRange(0, costs.highest > 0 ? costs.highest / unit.seconds / (1 - headroom) : 1);
  if (metrics.horizontalAdvance(QStringLiteral("100")) < room) {
    writeShares(plot, frame, style, costs, unit, metrics.horizontalAdvance(QStringLiteral("100\u00A0%")) > room);
  } else {
    drawShares(plot, frame, style, costs);
  }
  labelAxis(frame.x, style, tr("epoch"), QSharedPointer<IntegerTicker>::create());
  labelAxis(frame.y, style, tr("time of the epoch (%1)").arg(unit.name), QSharedPointer<RoundTicker>::create());
  finishFrame(plot, frame, style);
  drawn.provenance.curvature = true;
  QStringList& notes = drawn.provenance.notes;
  notes << tr("in per cent: curvature's share of each epoch's time");
  if (costs.training + costs.curvature > 0) {
    notes << tr("curvature takes %1 of all, %2 operator products")
                 .arg(percent(costs.curvature / (costs.training + costs.curvature)))
                 .arg(costs.products);
  }
  if (costs.notFinite) notes << tr("%1 epochs with times that are not finite, left out").arg(costs.notFinite);
  return drawn;
}

std::string OverheadFigure::csv() const {
  return csvOf(run().overhead, [](const OverheadRow&) { return true; });
}

QString OverheadFigure::readout(const QPointF& position) const {
  const QCPAxisRect* rect = plot()->axisRect(0);
  if (!rect || !rect->rect().contains(position.toPoint())) return {};
  const Costs costs = collect(run());
  const auto found = costs.rows.find(std::llround(rect->axis(QCPAxis::atBottom)->pixelToCoord(position.x())));
  if (found == costs.rows.end()) return {};
  const OverheadRow& row = *found->second;
  return tr("epoch %1: training %2 s, curvature %3 s (%4), %5 products")
      .arg(row.epoch)
      .arg(numberText(row.trainingSeconds, 3), numberText(row.curvatureSeconds, 3), percent(row.share))
      .arg(row.products);
}

}  // namespace eigenscape
