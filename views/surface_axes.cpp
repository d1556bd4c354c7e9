// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/surface_axes.h"

#include <QFontMetricsF>
#include <QLinearGradient>
#include <QPainter>
#include <algorithm>
#include <cmath>
#include <optional>

#include "views/tickers.h"

namespace eigenscape {
namespace {

constexpr double radians = 3.14159265358979323846 / 180;
constexpr double tickLength = 3, numberGap = 3, titleGap = 3.5;  ///< points, outwards from the edge
constexpr double aboveMm = 5, belowMm = 13.5;                    ///< numbers and titles of the floor stand below

BoxAxis linearAxis(double low, double high, double half, const QString& title) {
  BoxAxis axis;
  axis.title = title;
  const double span = high - low;
  for (const double value : roundValues(low - 1e-9 * span, high + 1e-9 * span, 4)) {
    axis.ticks.push_back(half * (2 * (value - low) / span - 1));
    axis.labels << numberText(std::abs(value) < 1e-9 * span ? 0 : value);
  }
  return axis;
}

using Corner = std::array<double, 3>;

/// One edge of the box, as it lies in the picture.
class Edge {
 public:
  Edge(const SceneCamera& camera, const QRectF& area, double ratio, const Corner& from, const Corner& to)
      : camera_(camera), area_(area), ratio_(ratio), from_(from), to_(to) {
    const QPointF middle = (at(0) + at(1)) / 2 - pixel({0, 0, 0});
    // Outwards: across the edge, to the side that the box is not on.
    const QPointF along = at(1) - at(0);
    outward_ = {along.y(), -along.x()};
    const double length = std::hypot(outward_.x(), outward_.y());
    if (length > 0) outward_ /= length;
    if (QPointF::dotProduct(outward_, middle) < 0) outward_ = -outward_;
  }
  /// `place` from 0 to 1 along the edge.
  QPointF at(double place) const {
    Corner p;
    for (std::size_t k = 0; k < 3; ++k) p[k] = from_[k] + place * (to_[k] - from_[k]);
    return pixel(p);
  }
  QPointF outward() const { return outward_; }
  const QRectF& area() const { return area_; }

 private:
  QPointF pixel(const Corner& p) const { return area_.topLeft() + camera_.project(p[0], p[1], p[2]) / ratio_; }

  const SceneCamera& camera_;
  QRectF area_;
  double ratio_;
  Corner from_, to_;
  QPointF outward_;
};

/// How far a box of half the width and height `half` has to be moved from `from` along `step` to lie in an area; empty
/// where no way is far enough.
std::optional<double> slideInto(const QRectF& area, const QPointF& from, const QPointF& half, const QPointF& step) {
  double least = -HUGE_VAL, most = HUGE_VAL;
  const auto hold = [&](double low, double high, double at, double speed) {
    if (std::abs(speed) < 1e-3) {
      if (at < low || at > high) most = -HUGE_VAL;
      return;
    }
    const auto [first, last] = std::minmax({(low - at) / speed, (high - at) / speed});
    least = std::max(least, first), most = std::min(most, last);
    if (low > high) most = -HUGE_VAL;
  };
  hold(area.left() + half.x(), area.right() - half.x(), from.x(), step.x());
  hold(area.top() + half.y(), area.bottom() - half.y(), from.y(), step.y());
  if (least > most) return std::nullopt;
  return std::clamp(0.0, least, most);
}

/// In the middle of the edge, `away` from it. One that would leave the picture moves along the edge; one too long for
/// it becomes smaller, and only then shorter.
void paintTitle(QPainter& painter, const Style& style, const Edge& edge, const QString& whole, double angle,
                double away) {
  const double inset = style.points(1);
  const QRectF area = edge.area().adjusted(inset, inset, -inset, -inset);
  const double turned = angle * radians;
  const QPointF step(std::cos(turned), std::sin(turned));
  const auto middle = [&](const QFontMetricsF& metrics) {
    return edge.at(0.5) + edge.outward() * (away + metrics.height() / 2);
  };
  const auto slide = [&](const QFontMetricsF& metrics, double width) {
    const double x = std::abs(step.x()), y = std::abs(step.y()), height = metrics.height();
    return slideInto(area, middle(metrics), {(x * width + y * height) / 2, (y * width + x * height) / 2}, step);
  };
  QFont font = style.font();
  QString title = whole;
  // Close up the edge itself may be out of the picture.
  if (slide(QFontMetricsF(font), 0)) {
    // Much longer than its edge it would run into the next one's.
    const QPointF along = edge.at(1) - edge.at(0);
    const double longest = 1.5 * std::hypot(along.x(), along.y());
    const auto fits = [&] {
      const QFontMetricsF metrics(font);
      const double width = metrics.horizontalAdvance(title);
      return width <= std::max(longest, 8 * metrics.height()) && slide(metrics, width);
    };
    for (double factor = 0.95; !fits() && factor > 0.75; factor -= 0.05) font = style.font(factor);
    for (double room = 0.95; !fits() && room > 0.2; room -= 0.05) {
      const QFontMetricsF metrics(font);
      title = metrics.elidedText(whole, Qt::ElideMiddle, room * metrics.horizontalAdvance(whole));
    }
  }
  const QFontMetricsF metrics(font);
  const double width = metrics.horizontalAdvance(title);
  painter.save();
  painter.setFont(font);
  painter.translate(middle(metrics) + slide(metrics, width).value_or(0) * step);
  painter.rotate(angle);
  painter.drawText(QPointF(-width / 2, metrics.capHeight() / 2), title);
  painter.restore();
}

/// `taken`: where numbers stand. Edges meet in corners, and of two numbers that would run together the second is left
/// out.
void paintEdge(QPainter& painter, const Style& style, const Edge& edge, const BoxAxis& axis, double half,
               std::vector<QRectF>& taken) {
  painter.setPen(style.pen(style.ink(), 0.6));
  painter.drawLine(edge.at(0), edge.at(1));
  painter.setFont(style.font(0.85));
  const QFontMetricsF metrics(painter.font());
  const QPointF out = edge.outward();
  double farthest = 0;
  for (std::size_t i = 0; i < axis.ticks.size(); ++i) {
    const QPointF foot = edge.at((axis.ticks[i] / half + 1) / 2);
    const double tick = style.points(tickLength);
    painter.drawLine(foot, foot + out * tick);
    const QString& text = axis.labels[qsizetype(i)];
    const double width = metrics.horizontalAdvance(text), height = metrics.capHeight();
    const double reach = std::abs(out.x()) * width / 2 + std::abs(out.y()) * height / 2;
    const QPointF middle = foot + out * (tick + style.points(numberGap) + reach);
    // More room beside a number than above it, where the next line of text would be.
    const double beside = style.points(1.5), above = style.points(0.5);
    const QRectF box(middle.x() - width / 2 - beside, middle.y() - height / 2 - above, width + 2 * beside,
                     height + 2 * above);
    const bool clear = std::none_of(taken.begin(), taken.end(), [&](const QRectF& one) { return one.intersects(box); });
    if (clear) painter.drawText(QPointF(middle.x() - width / 2, middle.y() + height / 2), text);
    if (clear) taken.push_back(box);
    farthest = std::max(farthest, tick + style.points(numberGap) + 2 * reach);
  }
  const QPointF along = edge.at(1) - edge.at(0);
  double angle = std::atan2(along.y(), along.x()) / radians;
  if (angle > 90) angle -= 180;
  if (angle <= -90) angle += 180;
  if (std::abs(angle - 90) < 8) angle -= 180;  // upright titles read upwards, whichever way the edge leans
  paintTitle(painter, style, edge, axis.title, angle, farthest + style.points(titleGap));
}

}  // namespace

std::array<BoxAxis, 3> boxAxes(const SurfaceData& data) {
  std::array<BoxAxis, 3> axes;
  axes[0] = linearAxis(data.xRange.first, data.xRange.second, boxHalf[0], data.xShort);
  axes[1] = linearAxis(data.yRange.first, data.yRange.second, boxHalf[1], data.yShort);
  axes[2].title = data.scale.logarithmic() ? QObject::tr("loss (log)") : QObject::tr("loss");
  for (const double value : data.scale.levels(4)) {
    axes[2].ticks.push_back(boxHalf[2] * (2 * data.scale.position(value) - 1));
    axes[2].labels << numberText(value);
  }
  return axes;
}

QMarginsF roomForAxes(const Style& style, const QSizeF& picture, const std::array<BoxAxis, 3>& axes) {
  const QFontMetricsF numbers(style.font(0.85)), titles(style.font());
  const auto beside = [&](const BoxAxis& axis) {
    double widest = 0;
    for (const QString& label : axis.labels) widest = std::max(widest, numbers.horizontalAdvance(label));
    return style.points(tickLength + numberGap) + widest;
  };
  // The upright axis is always at the left, with its title; the others reach to the right with numbers alone.
  const double left = beside(axes[2]) + style.points(titleGap + 2) + titles.height();
  const double right = std::max(beside(axes[0]), beside(axes[1]));
  const double above = style.millimetres(aboveMm), below = style.millimetres(belowMm);
  // The box comes first.
  return {std::min(left, 0.28 * picture.width()), above, std::min(right, 0.2 * picture.width()), below};
}

void paintBoxAxes(QPainter& painter, const Style& style, const QRectF& area, double pixelRatio,
                  const SceneCamera& camera, const std::array<BoxAxis, 3>& axes) {
  const double nearX = std::cos(camera.view.azimuth * radians) > 0 ? boxHalf[0] : -boxHalf[0];
  const double nearY = std::sin(camera.view.azimuth * radians) > 0 ? boxHalf[1] : -boxHalf[1];
  const double floor = -boxHalf[2];
  painter.save();
  painter.setClipRect(area, Qt::IntersectClip);
  std::vector<QRectF> taken;
  const auto edge = [&](const Corner& a, const Corner& b) { return Edge(camera, area, pixelRatio, a, b); };
  paintEdge(painter, style, edge({-boxHalf[0], nearY, floor}, {boxHalf[0], nearY, floor}), axes[0], boxHalf[0], taken);
  paintEdge(painter, style, edge({nearX, -boxHalf[1], floor}, {nearX, boxHalf[1], floor}), axes[1], boxHalf[1], taken);
  // Of the two upright edges at the sides of the picture, the left one.
  Edge one = edge({nearX, -nearY, floor}, {nearX, -nearY, boxHalf[2]});
  Edge other = edge({-nearX, nearY, floor}, {-nearX, nearY, boxHalf[2]});
  paintEdge(painter, style, one.at(0).x() < other.at(0).x() ? one : other, axes[2], boxHalf[2], taken);
  painter.restore();
}

void paintColorBar(QPainter& painter, const Style& style, const QRectF& area, const SurfaceData& data) {
  painter.save();
  const double width = style.millimetres(3.5);
  const QRectF bar(area.left(), area.top(), width, area.height());
  QLinearGradient gradient(bar.bottomLeft(), bar.topLeft());
  for (int i = 0; i < colors::viridisStops; ++i) {
    const double at = double(i) / (colors::viridisStops - 1);
    gradient.setColorAt(at, colors::viridis(at));
  }
  painter.fillRect(bar, gradient);
  painter.setPen(style.pen(style.ink(), 0.6));
  painter.drawRect(bar);
  painter.setFont(style.font(0.9));
  const QFontMetricsF metrics(painter.font());
  double widest = 0;
  for (const double value : data.scale.levels(6)) {
    const double y = bar.bottom() - data.scale.position(value) * bar.height();
    painter.drawLine(QPointF(bar.right(), y), QPointF(bar.right() + style.points(3), y));
    const QString text = numberText(value);
    painter.drawText(QPointF(bar.right() + style.points(5), y + metrics.capHeight() / 2), text);
    widest = std::max(widest, metrics.horizontalAdvance(text));
  }
  painter.setFont(style.font());
  const QFontMetricsF titles(painter.font());
  const QString title = data.scaleTitle();
  painter.translate(bar.right() + style.points(5) + widest + style.points(4) + titles.height() / 2, bar.center().y());
  painter.rotate(-90);
  painter.drawText(QPointF(-titles.horizontalAdvance(title) / 2, titles.capHeight() / 2), title);
  painter.restore();
}

}  // namespace eigenscape
