// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFontMetricsF>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "views/plot_figure.h"
#include "views/plot_items.h"
#include "views/plotting.h"
#include "views/tickers.h"

namespace eigenscape {
namespace {

void styleAxis(QCPAxis* axis, const Style& style) {
  axis->setLayer("axes");
  axis->grid()->setLayer("grid");
  axis->grid()->setPen(style.pen(style.gridLine(), 0.5));
  axis->grid()->setSubGridVisible(false);
  axis->grid()->setZeroLinePen(Qt::NoPen);
  axis->setTickLabelFont(style.font(0.9));
  axis->setLabelFont(style.font());
  axis->setBasePen(style.pen(style.ink(), 0.6));
  axis->setTickPen(style.pen(style.ink(), 0.6));
  axis->setSubTickPen(style.pen(style.ink(), 0.4));
  axis->setTickLengthIn(0), axis->setTickLengthOut(int(style.points(3)));
  axis->setSubTickLengthIn(0), axis->setSubTickLengthOut(int(style.points(1.5)));
  axis->setTickLabelPadding(int(style.points(2)));
  axis->setLabelPadding(int(style.points(3)));
  axis->setTickLabelColor(style.ink());
  axis->setLabelColor(style.ink());
}

}  // namespace

Frame makeFrame(QCustomPlot& plot, const Style& style, const QString& title) {
  plot.clearPlottables();
  plot.clearItems();
  plot.plotLayout()->clear();
  plot.plotLayout()->setRowSpacing(int(style.points(3)));
  plot.setBackground(style.paper());
  const int margin = int(style.millimetres(1.5));
  plot.plotLayout()->setMargins(QMargins(margin, margin, margin, margin / 2));

  auto* heading = new QCPTextElement(&plot, title, style.font(1.05, true));
  heading->setTextColor(style.ink());
  heading->setTextFlags(Qt::AlignLeft | Qt::AlignVCenter);

  Frame frame;
  frame.rect = new QCPAxisRect(&plot);
  frame.rect->setLayer("background");
  // Not axes(), whose order is a hash's and so another in each process: what lies on top in a corner would be, too.
  for (const auto side : {QCPAxis::atLeft, QCPAxis::atRight, QCPAxis::atTop, QCPAxis::atBottom})
    styleAxis(frame.rect->axis(side), style);
  frame.x = frame.rect->axis(QCPAxis::atBottom);
  frame.y = frame.rect->axis(QCPAxis::atLeft);
  frame.right = frame.rect->axis(QCPAxis::atRight);
  frame.right->grid()->setVisible(false);
  frame.rect->setRangeDragAxes({frame.x, frame.y, frame.right});
  frame.rect->setRangeZoomAxes({frame.x, frame.y, frame.right});
  frame.rect->setMinimumMargins(QMargins(0, 0, int(style.points(6)), 0));

  frame.legend = new QCPLegend;
  frame.legend->setFont(style.font(0.9));
  frame.legend->setTextColor(style.ink());
  frame.legend->setBorderPen(Qt::NoPen);
  frame.legend->setBrush(Qt::NoBrush);
  frame.legend->setIconSize(QSize(int(style.points(17)), int(style.points(std::max(8.0, 0.9 * style.fontPoints)))));
  // QCustomPlot draws a line five units too long and clips it, which an SVG does not.
  frame.legend->setIconTextPadding(int(style.points(3)) + 5);
  frame.legend->setFillOrder(QCPLegend::foColumnsFirst);
  frame.legend->setRowSpacing(0);
  frame.legend->setColumnSpacing(int(style.points(8)));
  frame.legend->setMargins(QMargins(0, 0, 0, 0));

  // The first legend of a plot would become the one that every plottable enters by itself.
  plot.setAutoAddPlottableToLegend(false);
  plot.plotLayout()->addElement(0, 0, heading);
  plot.plotLayout()->addElement(1, 0, frame.legend);
  heading->setLayer("axes");
  frame.legend->setLayer("legend");
  plot.plotLayout()->addElement(2, 0, frame.rect);
  new OutsideMask(&plot, frame.rect, style.paper());  // the plot owns it
  return frame;
}

namespace {

/// Of the legend's entries, with the distance to the next.
std::vector<double> entryWidths(const QCPLegend& legend) {
  const QFontMetricsF metrics(legend.font());
  std::vector<double> widths;
  for (int i = 0; i < legend.itemCount(); ++i) {
    auto* item = qobject_cast<QCPPlottableLegendItem*>(legend.item(i));
    const double text = item ? metrics.horizontalAdvance(item->plottable()->name()) : 0;
    widths.push_back(text + legend.iconSize().width() + legend.iconTextPadding() + 1.2 * legend.columnSpacing());
  }
  return widths;
}

/// Two lines of about equal length, parted at a space.
QString inTwoLines(const QString& label, const QFontMetricsF& metrics) {
  QString best = label;
  double least = metrics.horizontalAdvance(label);
  for (qsizetype at = label.indexOf(' '); at >= 0; at = label.indexOf(' ', at + 1)) {
    const double longer =
        std::max(metrics.horizontalAdvance(label.left(at)), metrics.horizontalAdvance(label.mid(at + 1)));
    if (longer < least) least = longer, best = label.left(at) + '\n' + label.mid(at + 1);
  }
  return best;
}

double widthOf(const QString& label, const QFontMetricsF& metrics) {
  double width = 0;
  for (const QString& line : label.split('\n')) width = std::max(width, metrics.horizontalAdvance(line));
  return width;
}

/// A label that is longer than its axis would run into the legend or out of the picture.
void fitLabel(QCPAxis* axis, const Style& style, double length) {
  constexpr double slightly = 0.85, smallest = 0.7;
  const QFontMetricsF metrics(style.font());
  if (widthOf(axis->label(), metrics) * slightly > length) axis->setLabel(inTwoLines(axis->label(), metrics));
  const double width = widthOf(axis->label(), metrics);
  if (width > length) axis->setLabelFont(style.font(std::max(smallest, length / width)));
}

void fitHeading(QCustomPlot& plot, const Style& style) {
  auto* heading = qobject_cast<QCPTextElement*>(plot.plotLayout()->element(0, 0));
  if (!heading) return;
  const double available = style.size.width() - style.millimetres(4);
  const auto widthIn = [&](double factor) { return widthOf(heading->text(), QFontMetricsF(style.font(factor, true))); };
  // As large as fits: type has whole pixels.
  const auto fitting = [&] {
    double factor = 1.05;
    while (factor > 0.86 && widthIn(factor) > available) factor -= 0.03;
    return factor;
  };
  if (widthIn(fitting()) > available) heading->setText(inTwoLines(heading->text(), QFontMetricsF(style.font(1, true))));
  heading->setFont(style.font(fitting(), true));
  const QFontMetricsF metrics(heading->font());
  QStringList lines;
  for (const QString& line : heading->text().split('\n')) {
    lines << metrics.elidedText(line, Qt::ElideMiddle, available);
  }
  heading->setText(lines.join('\n'));
}

/// As many ticks as their numbers have room for: fewer in large type or on a short axis.
void thinTicks(QCPAxis* axis, double length, double perNumber) {
  const int room = std::max(1, int(length / perNumber));
  if (axis->visible() && axis->ticker()->tickCount() > room) axis->ticker()->setTickCount(room);
}

void fitTexts(QCustomPlot& plot, const Frame& frame, const Style& style) {
  fitHeading(plot, style);
  // How long the axes are, only the layout knows.
  plot.setViewport(QRect(QPoint(0, 0), style.size));
  const auto arrange = [&] {
    for (const auto phase :
         {QCPLayoutElement::upPreparation, QCPLayoutElement::upMargins, QCPLayoutElement::upLayout}) {
      plot.plotLayout()->update(phase);
    }
  };
  arrange();
  for (auto* axis : {frame.y, frame.right}) {
    if (axis->visible()) fitLabel(axis, style, frame.rect->height());
  }
  for (auto* element : plot.plotLayout()->elements(true)) {
    if (auto* scale = qobject_cast<QCPColorScale*>(element)) fitLabel(scale->axis(), style, frame.rect->height());
  }
  arrange();
  fitLabel(frame.x, style, frame.rect->width());
  const QFontMetricsF numbers(style.font(0.9));
  for (auto* axis : {frame.y, frame.right}) thinTicks(axis, frame.rect->height(), 1.5 * numbers.height());
  thinTicks(frame.x, frame.rect->width(), 1.5 * numbers.horizontalAdvance(QStringLiteral("0.05")));
}

/// The widths of the legend's columns in the fewest rows that fit.
std::vector<double> columnsOf(const std::vector<double>& widths, double available) {
  std::vector<double> columns;
  // Rows of equal length look tidier than a full row and a lonely rest: try one row, two, three, …
  for (std::size_t rows = 1; rows <= widths.size(); ++rows) {
    columns.assign((widths.size() + rows - 1) / rows, 0);
    for (std::size_t i = 0; i < widths.size(); ++i) {
      columns[i % columns.size()] = std::max(columns[i % columns.size()], widths[i]);
    }
    if (std::accumulate(columns.begin(), columns.end(), 0.0) <= available) break;
  }
  return columns;
}

/// Wraps the legend to the plot's width; takes an empty one away.
void arrangeLegend(QCustomPlot& plot, const Frame& frame, const Style& style) {
  if (frame.legend->itemCount() == 0) {
    plot.plotLayout()->remove(frame.legend);
    plot.plotLayout()->simplify();
    return;
  }
  // An entry is clipped to the height that its font claims, which some descenders exceed.
  for (int i = 0; i < frame.legend->itemCount(); ++i) {
    frame.legend->item(i)->setMargins(QMargins(0, 0, 0, int(std::ceil(style.points(1)))));
  }
  const double available = style.size.width() - style.millimetres(4);
  std::vector<double> columns = columnsOf(entryWidths(*frame.legend), available);
  const auto rows = [&] { return (std::size_t(frame.legend->itemCount()) + columns.size() - 1) / columns.size(); };
  // In a small picture a legend of many rows would leave the plot too little: smaller type may do with fewer.
  if (double(rows()) * QFontMetricsF(frame.legend->font()).height() > 0.17 * style.size.height()) {
    frame.legend->setFont(style.font(0.78));
    frame.legend->setIconSize(QSize(int(style.points(13)), int(style.points(std::max(7.0, 0.78 * style.fontPoints)))));
    frame.legend->setColumnSpacing(int(style.points(5)));
    columns = columnsOf(entryWidths(*frame.legend), available);
  }
  frame.legend->setWrap(int(columns.size()));
  frame.legend->setFillOrder(QCPLegend::foColumnsFirst, true);  // only this lays the entries out anew
  for (std::size_t i = 0; i < columns.size(); ++i) frame.legend->setColumnStretchFactor(int(i), columns[i]);
  // QCPLayoutGrid spreads its columns: a narrow legend is kept together by a broad right margin.
  const double spare = available - std::accumulate(columns.begin(), columns.end(), 0.0);
  frame.legend->setMargins(QMargins(int(style.points(4)), 0, std::max(0, int(spare)), int(style.points(1.5))));
}

}  // namespace

void finishFrame(QCustomPlot& plot, const Frame& frame, const Style& style) {
  plot.plotLayout()->setRowStretchFactor(0, 0.001);
  plot.plotLayout()->setRowStretchFactor(1, 0.001);
  arrangeLegend(plot, frame, style);
  fitTexts(plot, frame, style);
}

void labelAxis(QCPAxis* axis, const Style& style, const QString& label, QSharedPointer<QCPAxisTicker> ticker,
               const std::optional<QColor>& seriesColor) {
  const QColor color = seriesColor ? style.lettering(*seriesColor) : style.ink();
  axis->setVisible(true);
  axis->setTickLabels(true);
  axis->setLabel(label);
  axis->setTicker(std::move(ticker));
  axis->setLabelColor(color);
  axis->setTickLabelColor(color);
  if (seriesColor) {
    axis->setBasePen(style.pen(color, 0.6));
    axis->setTickPen(style.pen(color, 0.6));
    axis->setSubTickPen(style.pen(color, 0.4));
  }
}

void fitAxis(QCPAxis* axis, const std::vector<double>& values, bool logarithmic, double margin) {
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (const double value : values) {
    if (!std::isfinite(value) || (logarithmic && value <= 0)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low > high) low = logarithmic ? 0.1 : 0, high = 1;
  if (logarithmic) {
    axis->setScaleType(QCPAxis::stLogarithmic);
    const double room = std::max(std::pow(high / low, margin), high > low ? 1.0 : 1.5);
    axis->setRange(low / room, high * room);
    return;
  }
  const double room = high > low ? margin * (high - low) : low == 0 ? 1 : std::abs(low) * 0.1;
  axis->setRange(low - room, high + room);
}

void fitEpochs(QCPAxis* axis, const std::vector<double>& epochs) {
  fitAxis(axis, epochs, false, 0.02);
  const auto [low, high] = std::minmax_element(epochs.begin(), epochs.end());
  if (low != epochs.end() && *low == *high) axis->setRange(*low - 0.5, *high + 0.5);
}

QCPGraph* addSeries(QCustomPlot& plot, const Frame& frame, const QString& name, const QPen& pen, QCPAxis* valueAxis,
                    bool inLegend) {
  QCPGraph* graph = plot.addGraph(frame.x, valueAxis ? valueAxis : frame.y);
  graph->setName(name);
  graph->setPen(pen);
  graph->setLayer("main");
  graph->setAntialiased(true);
  graph->setAdaptiveSampling(false);
  if (inLegend && !name.isEmpty()) graph->addToLegend(frame.legend);
  return graph;
}

namespace {

/// Where a value is on its axis, from 0 to 1.
double shareOf(const QCPAxis* axis, double value) {
  const QCPRange range = axis->range();
  if (axis->scaleType() != QCPAxis::stLogarithmic) return (value - range.lower) / range.size();
  return std::log(value / range.lower) / std::log(range.upper / range.lower);
}

/// Where curves run between two keys: shares of the axes' height from and to.
std::vector<QCPRange> curvesBetween(const QCustomPlot& plot, const QCPRange& keys) {
  std::vector<QCPRange> taken;
  for (int i = 0; i < plot.graphCount(); ++i) {
    const auto* axis = plot.graph(i)->valueAxis();
    const auto data = plot.graph(i)->data();
    for (auto at = data->constBegin(); at != data->constEnd(); ++at) {
      const auto next = at + 1 == data->constEnd() ? at : at + 1;
      if (next->key < keys.lower || at->key > keys.upper) continue;
      const auto share = [&](double key) {
        const double along = next->key > at->key ? (key - at->key) / (next->key - at->key) : 0;
        return shareOf(axis, at->value + along * (next->value - at->value));
      };
      const double from = share(std::max(at->key, keys.lower)), to = share(std::min(next->key, keys.upper));
      if (std::isfinite(from) && std::isfinite(to)) taken.emplace_back(std::min(from, to), std::max(from, to));
    }
  }
  return taken;
}

/// The middle of a line of small type that no curve runs through between two keys, as a share of the axes' height.
double freeHeight(const QCustomPlot& plot, const QCPRange& keys) {
  constexpr double half = 0.06;
  const auto taken = curvesBetween(plot, keys);
  for (const double height : {1 - half, half, 0.5, 0.7, 0.3}) {
    const bool isFree = std::none_of(taken.begin(), taken.end(), [&](const QCPRange& one) {
      return one.lower < height + half && one.upper > height - half;
    });
    if (isFree) return height;
  }
  return 1 - half;
}

}  // namespace

void markEpoch(QCustomPlot& plot, const Frame& frame, const Style& style, std::int64_t epoch) {
  auto* line = new QCPItemStraightLine(&plot);
  line->setClipAxisRect(frame.rect);
  for (auto* point : {line->point1, line->point2}) {
    point->setAxes(frame.x, frame.y);
    point->setAxisRect(frame.rect);
    point->setTypeX(QCPItemPosition::ptPlotCoords);
    point->setTypeY(QCPItemPosition::ptAxisRectRatio);
  }
  line->point1->setCoords(double(epoch), 0);
  line->point2->setCoords(double(epoch), 1);
  line->setPen(style.pen(style.softInk(), 0.7, Qt::DotLine));
  line->setObjectName("epoch");
  line->setSelectable(false);

  auto* label = new QCPItemText(&plot);
  label->setClipAxisRect(frame.rect);
  label->setLayer("grid");  // under the curves, whose ends it must not hide
  label->position->setAxes(frame.x, frame.y);
  label->position->setAxisRect(frame.rect);
  label->position->setTypeX(QCPItemPosition::ptPlotCoords);
  label->position->setTypeY(QCPItemPosition::ptAxisRectRatio);
  const QCPRange range = frame.x->range();
  const bool leftOfLine = double(epoch) > range.center();
  const double beside = double(epoch) + (leftOfLine ? -0.2 : 0.2) * range.size();
  const double height = freeHeight(plot, {std::min(beside, double(epoch)), std::max(beside, double(epoch))});
  label->position->setCoords(double(epoch), 1 - height);
  label->setPositionAlignment((leftOfLine ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
  label->setText(QStringLiteral("epoch %1").arg(epoch));
  label->setFont(style.font(0.8));
  label->setColor(style.softInk());
  label->setPadding(QMargins(int(style.points(2)), 0, int(style.points(2)), 0));
  QColor ground = style.paper();
  ground.setAlpha(200);
  label->setBrush(ground);
  label->setSelectable(false);
}

std::optional<std::int64_t> epochToShow(const std::vector<std::int64_t>& epochs, std::int64_t wanted) {
  std::optional<std::int64_t> earlier, first;
  for (const auto epoch : epochs) {
    if (epoch <= wanted && (!earlier || epoch > *earlier)) earlier = epoch;
    if (!first || epoch < *first) first = epoch;
  }
  return earlier ? earlier : first;
}

}  // namespace eigenscape
