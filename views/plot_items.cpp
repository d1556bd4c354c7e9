// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/plot_items.h"

#include <QFontMetricsF>
#include <QPainterPath>
#include <cmath>

namespace eigenscape {

HatchedCells::HatchedCells(QCustomPlot* plot, QCPAxisRect* rect, const Style& style)
    : QCPAbstractItem(plot),
      x_(rect->axis(QCPAxis::atBottom)),
      y_(rect->axis(QCPAxis::atLeft)),
      pen_(style.pen(style.softInk(), 0.6)),
      spacing_(style.points(3.5)) {
  setClipAxisRect(rect);
  setSelectable(false);
}

void HatchedCells::addCell(const QCPRange& x, const QCPRange& y) {
  cells_.push_back({x, y});
}

void HatchedCells::draw(QCPPainter* painter) {
  painter->setPen(pen_);
  painter->setAntialiasing(true);
  const QRectF all = clipRect();
  for (const auto& cell : cells_) {
    const QRectF box = QRectF(QPointF(x_->coordToPixel(cell.x.lower), y_->coordToPixel(cell.y.upper)),
                              QPointF(x_->coordToPixel(cell.x.upper), y_->coordToPixel(cell.y.lower)))
                           .normalized()
                           .intersected(all);
    if (box.isEmpty()) continue;
    // Lines x + y = c, at multiples of the spacing so that neighbouring cells continue each other.
    const double first = std::ceil((box.left() + box.top()) / spacing_) * spacing_;
    for (double c = first; c < box.right() + box.bottom(); c += spacing_) {
      const double left = std::max(box.left(), c - box.bottom());
      const double right = std::min(box.right(), c - box.top());
      if (right > left) painter->drawLine(QLineF(left, c - left, right, c - right));
    }
  }
}

OutsideMask::OutsideMask(QCustomPlot* plot, QCPAxisRect* rect, const QColor& paper)
    : QCPAbstractItem(plot), rect_(rect), paper_(paper) {
  setClipToAxisRect(false);
  setSelectable(false);
  if (!plot->layer("mask")) plot->addLayer("mask", plot->layer("main"), QCustomPlot::limAbove);
  setLayer("mask");
}

void OutsideMask::draw(QCPPainter* painter) {
  if (!painter->modes().testFlag(QCPPainter::pmVectorized)) return;
  const QRectF inner = rect_->rect();
  // Far out: a bar on a logarithmic axis starts way below the picture.
  const QRectF outer = QRectF(parentPlot()->viewport()).adjusted(-2000, -2000, 2000, 2000);
  QPainterPath path;
  path.addRect(outer);
  path.addRect(inner);
  painter->setPen(Qt::NoPen);
  painter->setBrush(paper_);
  painter->drawPath(path);  // odd-even: the inner rectangle stays open
}

Rug::Rug(QCustomPlot* plot, QCPAxisRect* rect, const Style& style, const QColor& color, double foot, double height)
    : QCPAbstractItem(plot),
      x_(rect->axis(QCPAxis::atBottom)),
      rect_(rect),
      pen_(style.pen(color, 0.7)),
      foot_(foot),
      height_(height) {
  setClipAxisRect(rect);
  setSelectable(false);
  pen_.setCapStyle(Qt::FlatCap);
}

void Rug::addTick(double x, double strength) {
  ticks_.push_back({x, strength});
}

void Rug::draw(QCPPainter* painter) {
  painter->setAntialiasing(true);
  const QRectF area = rect_->rect();
  const double bottom = area.bottom() - foot_ * area.height();
  for (const Tick& tick : ticks_) {
    const double x = x_->coordToPixel(tick.x);
    if (x < area.left() || x > area.right()) continue;
    QColor color = pen_.color();
    color.setAlphaF(float(0.15 + 0.75 * tick.strength));
    QPen pen = pen_;
    pen.setColor(color);
    painter->setPen(pen);
    painter->drawLine(QLineF(x, bottom, x, bottom - (0.15 + 0.85 * tick.strength) * height_ * area.height()));
  }
}

IsoLines::IsoLines(QCustomPlot* plot, QCPAxisRect* rect, const Style& style)
    : QCPAbstractItem(plot), x_(rect->axis(QCPAxis::atBottom)), y_(rect->axis(QCPAxis::atLeft)), style_(style) {
  setClipAxisRect(rect);
  setSelectable(false);
}

void IsoLines::addLevel(double level, const QString& label, const std::vector<QVector<QPointF>>& lines, bool dark) {
  levels_.push_back({level, label, lines, dark});
}

QPolygonF IsoLines::pixels(const QVector<QPointF>& line) const {
  QPolygonF polygon;
  for (const auto& point : line) polygon << QPointF(x_->coordToPixel(point.x()), y_->coordToPixel(point.y()));
  return polygon;
}

IsoLines::Place IsoLines::placeFor(const QPolygonF& line, const QRectF& area, double length,
                                   const std::vector<QPointF>& taken) const {
  Place best;
  double bestScore = HUGE_VAL;
  const double reach = length * 0.6;
  for (int i = 0; i < line.size(); ++i) {
    if (!area.contains(line[i])) continue;
    // The chord over about the label's length around i, and how far the line strays from it.
    int a = i, b = i;
    double before = 0, after = 0;
    while (a > 0 && before < reach) before += QLineF(line[a], line[a - 1]).length(), --a;
    while (b + 1 < line.size() && after < reach) after += QLineF(line[b], line[b + 1]).length(), ++b;
    if (before < reach || after < reach) continue;
    const QLineF chord(line[a], line[b]);
    if (chord.length() < reach) continue;
    double score = (before + after - chord.length()) / chord.length() * 4;
    double nearest = HUGE_VAL;
    for (const auto& other : taken) nearest = std::min(nearest, QLineF(other, line[i]).length());
    if (nearest < length * 1.3) continue;
    score += length / nearest;
    double angle = -chord.angle();
    while (angle > 90) angle -= 180;
    while (angle < -90) angle += 180;
    score += std::abs(angle) / 180;  // nearly level text reads best
    if (score < bestScore) {
      bestScore = score;
      best = {line[i], angle, true};
    }
  }
  return best;
}

void IsoLines::drawLabel(QCPPainter* painter, const Place& place, const Level& level) const {
  const QFont font = style_.font(0.8);
  const QFontMetricsF metrics(font);
  QPainterPath path;
  path.addText(QPointF(-metrics.horizontalAdvance(level.label) / 2, metrics.capHeight() / 2), font, level.label);
  painter->save();
  painter->translate(place.at);
  painter->rotate(place.angle);
  const QColor ground = level.dark ? QColor(255, 255, 255, 190) : QColor(20, 20, 20, 170);
  painter->strokePath(path, QPen(ground, style_.points(2), Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
  painter->fillPath(path, level.dark ? colors::ink : colors::paper);
  painter->restore();
}

void IsoLines::draw(QCPPainter* painter) {
  const QFontMetricsF metrics(style_.font(0.8));
  const double edge = style_.points(9);
  const QRectF area = QRectF(clipRect()).adjusted(edge, edge, -edge, -edge);
  painter->setAntialiasing(true);
  painter->setBrush(Qt::NoBrush);
  std::vector<QPointF> taken = {{x_->coordToPixel(0), y_->coordToPixel(0)}};  // the centre's cross
  std::vector<std::pair<Place, const Level*>> labels;
  for (const auto& level : levels_) {
    painter->setPen(style_.pen(level.dark ? QColor(0, 0, 0, 170) : QColor(255, 255, 255, 190), 0.7));
    const double length = metrics.horizontalAdvance(level.label);
    Place longest;
    double extent = 0;
    for (const auto& line : level.lines) {
      const QPolygonF polygon = pixels(line);
      painter->drawPolyline(polygon);
      const QRectF box = polygon.boundingRect().intersected(area);
      if (box.width() + box.height() <= extent) continue;
      const Place place = placeFor(polygon, area, length, taken);
      if (!place.found) continue;
      longest = place;
      extent = box.width() + box.height();
    }
    if (!longest.found) continue;
    taken.push_back(longest.at);
    labels.emplace_back(longest, &level);
  }
  for (const auto& [place, level] : labels) drawLabel(painter, place, *level);
}

}  // namespace eigenscape
