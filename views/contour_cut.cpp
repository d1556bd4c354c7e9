// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>

#include "views/contour.h"
#include "views/plotting.h"

// The line on the contour that can be dragged, and the picked point.
namespace eigenscape {
namespace {

constexpr double reach = 9;  ///< pixels within which a press takes hold
constexpr double still = 4;  ///< pixels that a click may move

QCPCurve* addCurve(const Frame& frame, const QString& name, const QPen& pen, const QCPScatterStyle& scatter) {
  auto* curve = new QCPCurve(frame.x, frame.y);
  curve->setObjectName(name);
  curve->setName(QString());
  curve->removeFromLegend();
  curve->setPen(pen);
  curve->setScatterStyle(scatter);
  return curve;
}

void set(QCPCurve* curve, const QLineF& line) {
  curve->setData({0, 1}, {line.x1(), line.x2()}, {line.y1(), line.y2()}, true);
}

double distanceTo(const QLineF& line, const QPointF& point) {
  const QPointF along = line.p2() - line.p1();
  const double square = QPointF::dotProduct(along, along);
  const double share = square > 0 ? std::clamp(QPointF::dotProduct(point - line.p1(), along) / square, 0.0, 1.0) : 0;
  return QLineF(line.p1() + along * share, point).length();
}

}  // namespace

ContourFigure::ContourFigure(FigureId id, QWidget* parent) : PlotFigure(std::move(id), parent) {
  connect(plot(), &QCustomPlot::mousePress, this, [this](QMouseEvent* event) {
    if (event->button() == Qt::LeftButton) press(event->position());
  });
  connect(plot(), &QCustomPlot::mouseMove, this, [this](QMouseEvent* event) {
    if (event->buttons() & Qt::LeftButton) drag(event->position());
  });
  connect(plot(), &QCustomPlot::mouseRelease, this, [this](QMouseEvent* event) {
    if (event->button() == Qt::LeftButton) release(event->position());
  });
}

void ContourFigure::setCutVisible(bool on) {
  cutVisible_ = on;
  redraw();
}

QLineF ContourFigure::cut() const {
  if (cutLine_) return *cutLine_;
  return data().grid.drawable() ? centreCut(data().grid) : QLineF();
}

void ContourFigure::setCut(const std::optional<QLineF>& cut) {
  cutLine_ = cut;
  redraw();
}

QPointF ContourFigure::coordinates(const QPointF& position) const {
  const QCPAxisRect* rect = plot()->axisRect(0);
  return {rect->axis(QCPAxis::atBottom)->pixelToCoord(position.x()),
          rect->axis(QCPAxis::atLeft)->pixelToCoord(position.y())};
}

ContourFigure::Grip ContourFigure::gripAt(const QPointF& position) const {
  const QCPAxisRect* rect = plot()->axisRect(0);
  const auto pixels = [&](const QPointF& point) {
    return QPointF(rect->axis(QCPAxis::atBottom)->coordToPixel(point.x()),
                   rect->axis(QCPAxis::atLeft)->coordToPixel(point.y()));
  };
  const QLineF line(pixels(cut().p1()), pixels(cut().p2()));
  if (QLineF(line.p1(), position).length() < reach) return Grip::First;
  if (QLineF(line.p2(), position).length() < reach) return Grip::Second;
  return distanceTo(line, position) < reach ? Grip::Whole : Grip::None;
}

void ContourFigure::press(const QPointF& position) {
  pressedAt_ = position;
  grip_ = Grip::None;
  const bool inside = plot()->axisRect(0) && plot()->axisRect(0)->rect().contains(position.toPoint());
  if (!cutVisible_ || !emptyMessage().isEmpty() || !inside) return;
  grip_ = gripAt(position);
  before_ = cut();
  // The plot shall not move along with the line.
  if (grip_ != Grip::None) plot()->setInteractions(QCP::iNone);
}

void ContourFigure::drag(const QPointF& position) {
  if (grip_ == Grip::None) return;
  const QPointF moved = coordinates(position) - coordinates(pressedAt_);
  QLineF line = before_;
  if (grip_ != Grip::Second) line.setP1(before_.p1() + moved);
  if (grip_ != Grip::First) line.setP2(before_.p2() + moved);
  if (!(line.length() > 0)) return;
  cutLine_ = line;
  moveCut();
  Q_EMIT cutChanged(line);
}

void ContourFigure::release(const QPointF& position) {
  plot()->setInteractions(QCP::iRangeDrag | QCP::iRangeZoom);
  const bool click = QLineF(pressedAt_, position).length() < still;
  grip_ = Grip::None;
  const bool inside = plot()->axisRect(0) && plot()->axisRect(0)->rect().contains(position.toPoint());
  if (!click || !cutVisible_ || !emptyMessage().isEmpty() || !inside) return;
  // What is read out are the values of a point of the grid: the mark stands there.
  const QPointF place = coordinates(position);
  const auto [i, j] = data().grid.nearest(place.x(), place.y());
  picked_ = QPointF(data().grid.xs[i], data().grid.ys[j]);
  moveCut();
  Q_EMIT picked(*picked_);
}

bool ContourFigure::clearSelection() {
  if (!picked_) return false;
  picked_.reset();
  redraw();
  return true;
}

void ContourFigure::drawCut(QCustomPlot&, const Frame& frame, const Style& style, const QLineF& line) const {
  const QCPScatterStyle ends(QCPScatterStyle::ssCircle, style.pen(colors::paper, 1), QBrush(colors::vermillion),
                             style.points(7));
  set(addCurve(frame, QStringLiteral("cut-halo"), style.pen(colors::paper, 3), {}), line);
  set(addCurve(frame, QStringLiteral("cut"), style.pen(colors::vermillion, 1.5), ends), line);
  auto* mark = addCurve(
      frame, QStringLiteral("picked"), QPen(Qt::NoPen),
      QCPScatterStyle(QCPScatterStyle::ssCrossCircle, style.pen(colors::paper, 1.4), Qt::NoBrush, style.points(9)));
  mark->setLineStyle(QCPCurve::lsNone);
  if (picked_) mark->setData({0}, {picked_->x()}, {picked_->y()}, true);
}

/// The line alone: the map below it stays as it is.
void ContourFigure::moveCut() {
  for (int i = 0; i < plot()->plottableCount(); ++i) {
    auto* curve = qobject_cast<QCPCurve*>(plot()->plottable(i));
    if (!curve) continue;
    if (curve->objectName().startsWith(QLatin1String("cut"))) set(curve, cut());
    if (curve->objectName() == QLatin1String("picked") && picked_)
      curve->setData({0}, {picked_->x()}, {picked_->y()}, true);
  }
  plot()->replot(QCustomPlot::rpQueuedReplot);
}

}  // namespace eigenscape
