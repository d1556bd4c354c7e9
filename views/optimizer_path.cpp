// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/optimizer_path.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "views/plot_figure.h"

namespace eigenscape {
namespace {

constexpr int kShades = 5;

QCPCurve* addCurve(const Frame& frame, const std::vector<TrajectoryRow>& points, const QPen& pen,
                   const QCPScatterStyle& scatter) {
  auto* curve = new QCPCurve(frame.x, frame.y);
  curve->setName(QString());
  curve->removeFromLegend();
  curve->setPen(pen);
  curve->setLineStyle(pen.style() == Qt::NoPen ? QCPCurve::lsNone : QCPCurve::lsLine);
  curve->setScatterStyle(scatter);
  QVector<QCPCurveData> data;
  for (const auto& point : points) data.append(QCPCurveData(double(data.size()), point.alpha, point.beta));
  curve->data()->set(data, true);
  return curve;
}

/// 0: in the plane, kShades − 1: nearly all of it outside.
int shadeOf(double unexplained) {
  if (std::isnan(unexplained)) return 0;  // the centre itself
  return std::clamp(int(std::floor(unexplained * kShades)), 0, kShades - 1);
}

QColor mixed(const QColor& a, const QColor& b, double share) {
  const auto part = [share](int from, int to) { return int(std::lround(from + (to - from) * share)); };
  return {part(a.red(), b.red()), part(a.green(), b.green()), part(a.blue(), b.blue())};
}

QColor shadeColor(int shade) {
  return mixed(colors::orange, colors::paper, double(shade) / (kShades - 1));
}

}  // namespace

std::vector<TrajectoryRow> pathOn(const RunResults& run, const std::string& surface, std::int64_t epoch) {
  std::vector<TrajectoryRow> path;
  if (epoch != run.info.epochs) return path;
  // The weights move in the same plane, whether they are quantized at its points or not.
  const auto plane = landscapeAndSetting(surface).first;
  for (const auto& row : run.trajectory) {
    if (row.name == plane && std::isfinite(row.alpha) && std::isfinite(row.beta)) path.push_back(row);
  }
  return path;
}

QColor pathColor(double unexplained) {
  return shadeColor(shadeOf(unexplained));
}

bool namesFirst(const std::vector<TrajectoryRow>& path, const QCPRange& x, const QCPRange& y) {
  if (path.size() < 2) return false;
  const auto &first = path.front(), &last = path.back();
  const double across = (first.alpha - last.alpha) / x.size(), up = (first.beta - last.beta) / y.size();
  return std::hypot(across, up) >= 0.05 && !(first.unexplained > 0.9);
}

namespace {

void nameFirst(QCustomPlot& plot, const Frame& frame, const Style& style, const std::vector<TrajectoryRow>& path) {
  if (!namesFirst(path, frame.x->range(), frame.y->range())) return;
  const auto& first = path.front();
  auto* begin = new QCPItemText(&plot);
  begin->setClipAxisRect(frame.rect);
  begin->setClipToAxisRect(true);
  begin->position->setAxes(frame.x, frame.y);
  begin->position->setAxisRect(frame.rect);
  begin->position->setType(QCPItemPosition::ptPlotCoords);
  begin->position->setCoords(first.alpha, first.beta);
  // Towards the middle of the map, so that the frame cuts nothing off, and above or below, whichever the path leaves.
  const double next = path.size() > 1 ? path[1].beta : first.beta;
  const bool high = first.beta > frame.y->range().lower + 0.88 * frame.y->range().size(),
             deep = first.beta < frame.y->range().lower + 0.12 * frame.y->range().size();
  const bool below = !deep && (high || next > first.beta);
  begin->setPositionAlignment((first.alpha > frame.x->range().center() ? Qt::AlignRight : Qt::AlignLeft) |
                              (below ? Qt::AlignTop : Qt::AlignBottom));
  const int away = int(style.points(4));
  begin->setPadding(QMargins(away, away, away, away));
  begin->setText(QObject::tr("epoch %1").arg(first.epoch));
  begin->setFont(style.font(0.85));
  begin->setColor(colors::paper);
  begin->setBrush(QBrush(QColor(0x26, 0x26, 0x26, 150)));
}

}  // namespace

void drawPath(QCustomPlot& plot, const Frame& frame, const Style& style, const std::vector<TrajectoryRow>& path) {
  if (path.empty()) return;
  addCurve(frame, path, style.pen(colors::paper, 2.6), {});
  addCurve(frame, path, style.pen(colors::ink, 1.2), {})->setObjectName("path");
  std::array<std::vector<TrajectoryRow>, kShades> shades;
  for (const auto& point : path) shades[std::size_t(shadeOf(point.unexplained))].push_back(point);
  const double size = style.points(path.size() > 60 ? 3.5 : 5);
  // The pale ones first, so that what can be trusted lies on top.
  for (int shade = kShades - 1; shade >= 0; --shade) {
    const auto fill = shadeColor(shade);
    addCurve(frame, shades[std::size_t(shade)], QPen(Qt::NoPen),
             QCPScatterStyle(QCPScatterStyle::ssCircle, style.pen(colors::ink, 0.7), fill, size))
        ->setObjectName("path points");
  }
  nameFirst(plot, frame, style, path);
}

QString pathNote(const std::vector<TrajectoryRow>& path, const QCPRange& x, const QCPRange& y) {
  if (path.size() < 2) return {};
  double least = 1, most = 0;
  int outside = 0;
  for (const auto& point : path) {
    outside += !x.contains(point.alpha) || !y.contains(point.beta);
    if (point.alpha == 0 && point.beta == 0) continue;
    least = std::min(least, point.unexplained);
    most = std::max(most, point.unexplained);
  }
  // Rounding of single precision is no distance.
  const auto percent = [](double share) { return numberText(share < 1e-6 ? 0 : 100 * share, 2); };
  const QString from = percent(least), to = percent(most);
  QString note = QObject::tr(
                     "path of %1 checkpoints from epoch %2; the paler a dot, the more of its squared distance "
                     "lies outside of the plane (%3 %)")
                     .arg(path.size())
                     .arg(path.front().epoch)
                     .arg(from == to ? from : QObject::tr("%1 to %2").arg(from, to));
  if (outside > 0) note += QObject::tr("; %1 beyond the axes").arg(outside);
  return note;
}

}  // namespace eigenscape
