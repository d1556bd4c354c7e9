// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/surface_path.h"

#include <QFontMetricsF>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "views/optimizer_path.h"

namespace eigenscape {
namespace {

/// Paints in the picture's place.
class PathPainter {
 public:
  PathPainter(QPainter& painter, const Style& style, const QRectF& area, double ratio, const SceneCamera& camera,
              const SurfaceRelief& relief)
      : painter_(painter),
        style_(style),
        area_(area),
        ratio_(ratio),
        camera_(camera),
        relief_(relief),
        eye_(camera.eye()) {}

  /// Stretches that are seen and those that are not.
  void line(const std::vector<BoxPoint>& points) {
    QPolygonF stretch;
    bool hidden = relief_.hides(points.front(), eye_);
    for (const auto& point : points) {
      stretch << pixel(point);
      const bool now = relief_.hides(point, eye_);
      if (now == hidden) continue;
      put(stretch, hidden);
      stretch = {pixel(point)};
      hidden = now;
    }
    put(stretch, hidden);
  }

  void dot(const BoxPoint& point, const QColor& fill, double size) {
    const bool hidden = relief_.hides(point, eye_);
    const double radius = style_.points(hidden ? 0.5 * size : size) / 2;
    painter_.setPen(style_.pen(colors::ink, hidden ? 0.4 : 0.7));
    painter_.setBrush(fill);
    painter_.drawEllipse(pixel(point), radius, radius);
  }

  void name(const BoxPoint& foot, const QString& said) {
    const QPointF at = pixel(foot);
    painter_.setFont(style_.font(0.85));
    const QFontMetricsF metrics(painter_.font());
    const double pad = style_.points(1.5), away = style_.points(4);
    QRectF box(0, 0, metrics.horizontalAdvance(said) + 2 * pad, metrics.height() + pad);
    // Above the dot, towards the middle of the picture.
    at.x() > area_.center().x() ? box.moveBottomRight(at + QPointF(-away, -away))
                                : box.moveBottomLeft(at + QPointF(away, -away));
    painter_.fillRect(box, QColor(0x26, 0x26, 0x26, 150));
    painter_.setPen(QColor(255, 255, 255));
    painter_.drawText(box, Qt::AlignCenter, said);
  }

 private:
  QPointF pixel(const BoxPoint& p) const { return area_.topLeft() + camera_.project(p[0], p[1], p[2]) / ratio_; }

  void put(const QPolygonF& stretch, bool hidden) {
    if (stretch.size() < 2) return;
    painter_.setBrush(Qt::NoBrush);
    painter_.setPen(style_.pen(colors::paper, hidden ? 1.1 : 2.6));
    painter_.drawPolyline(stretch);
    painter_.setPen(style_.pen(colors::ink, hidden ? 0.5 : 1.2));
    painter_.drawPolyline(stretch);
  }

  QPainter& painter_;
  const Style& style_;
  QRectF area_;
  double ratio_;
  const SceneCamera& camera_;
  const SurfaceRelief& relief_;
  BoxPoint eye_;
};

bool atCentre(const TrajectoryRow& row) {
  return row.alpha == 0 && row.beta == 0;
}

}  // namespace

void paintPath(QPainter& painter, const Style& style, const QRectF& area, double pixelRatio, const SceneCamera& camera,
               const SurfaceRelief& relief, const SurfaceData& data) {
  if (data.path.size() < 2) return;
  painter.save();
  painter.setClipRect(area, Qt::IntersectClip);
  painter.setRenderHint(QPainter::Antialiasing);
  PathPainter path(painter, style, area, pixelRatio, camera, relief);
  for (const auto& line : drapedPath(relief, data.path)) path.line(line);
  // The pale ones first, so that what can be trusted lies on top.
  auto rows = data.path;
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.unexplained > b.unexplained; });
  const double size = rows.size() > 60 ? 3.5 : 5;
  const auto on = [&](const TrajectoryRow& row) { return relief.over(row.alpha, row.beta); };
  for (const auto& row : rows) {
    if (const auto at = on(row); std::isfinite(at[2]) && !atCentre(row)) path.dot(at, pathColor(row.unexplained), size);
  }
  const auto &first = data.path.front(), &last = data.path.back();
  if (const auto at = on(last); std::isfinite(at[2]) && atCentre(last)) path.dot(at, colors::vermillion, 6);
  const auto& grid = data.grid;
  const bool named = namesFirst(data.path, {grid.xs.front(), grid.xs.back()}, {grid.ys.front(), grid.ys.back()});
  if (const auto at = on(first); named && std::isfinite(at[2])) path.name(at, QObject::tr("epoch %1").arg(first.epoch));
  painter.restore();
}

}  // namespace eigenscape
