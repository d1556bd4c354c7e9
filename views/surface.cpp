// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/surface.h"

#include <QMouseEvent>
#include <QWheelEvent>
#include <cmath>

#include "core/results/tables.h"
#include "views/gl_context.h"
#include "views/plotting.h"
#include "views/surface_axes.h"
#include "views/surface_export.h"

namespace eigenscape {
namespace {

constexpr double headingMm = 6, barMm = 22, labelsMm = 12;

}  // namespace

SurfaceFigure::SurfaceFigure(FigureId id, QWidget* parent)
    : Figure(std::move(id), parent), problem_(tr("No run is open yet.")) {
  setMinimumSize(160, 120);
  setMouseTracking(true);
}

SurfaceFigure::~SurfaceFigure() = default;

void SurfaceFigure::showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) {
  run_ = std::move(run);
  epoch_ = epoch;
  refresh();
}

void SurfaceFigure::setSplit(const QString& split) {
  split_ = split;
  refresh();
}

void SurfaceFigure::setView(const SurfaceView& view) {
  view_ = view;
  view_.elevation = std::clamp(view_.elevation, 2.0, 89.0);
  view_.zoom = std::clamp(view_.zoom, 0.3, 8.0);
  update();
}

void SurfaceFigure::resetView() {
  setView({});
}

void SurfaceFigure::refresh() {
  data_ = run_ ? surfaceData(*run_, id().name, epoch_, split_, sharedScale()) : SurfaceData();
  problem_ = run_ ? data_.problem(id().name) : tr("No run is open yet.");
  sceneStale_ = true;
  update();
}

QString SurfaceFigure::caption() const {
  if (!problem_.isEmpty()) return {};
  Provenance provenance = data_.provenance();
  if (data_.scale.logarithmic()) provenance.notes << tr("height and colours are logarithmic");
  if (data_.grid.nonFinite()) provenance.notes.first() += tr(" (left open)");
  return captionText(run_->info, provenance);
}

SurfaceScene& SurfaceFigure::scene() {
  if (!scene_) scene_ = std::make_unique<SurfaceScene>();
  if (sceneStale_) scene_->setData(data_);
  sceneStale_ = false;
  return *scene_;
}

void SurfaceFigure::draw(QCPPainter& painter, const Style& style, double pixelRatio) {
  const QRectF whole(QPointF(0, 0), QSizeF(style.size));
  painter.setPen(colors::softInk);
  painter.setFont(style.font());
  if (!problem_.isEmpty()) {
    painter.drawText(whole, Qt::AlignCenter | Qt::TextWordWrap, problem_);
    return;
  }
  const double margin = style.millimetres(1.5);
  const QRectF heading(margin, margin, whole.width() - 2 * margin, style.millimetres(headingMm) - margin);
  const QRectF area(0, heading.bottom(), std::max(32.0, whole.width() - style.millimetres(barMm)),
                    std::max(32.0, whole.height() - heading.bottom()));
  SurfaceScene& current = scene();
  const auto axes = boxAxes(data_);
  current.setTicks({axes[0].ticks, axes[1].ticks, axes[2].ticks});
  const QSize pixels(int(std::lround(area.width() * pixelRatio)), int(std::lround(area.height() * pixelRatio)));
  const QImage image = current.render(pixels, view_, style.millimetres(labelsMm) * pixelRatio,
                                      std::max(1.0, style.points(0.8) * pixelRatio));
  painter.drawImage(area, image);
  sceneArea_ = area;
  sceneRatio_ = pixelRatio;
  painter.setRenderHint(QPainter::Antialiasing);
  paintBoxAxes(painter, style, area, pixelRatio, current, view_, axes);
  const double barHeight = area.height() * 0.72;
  paintColorBar(painter, style,
                QRectF(area.right() + style.points(2), area.top() + (area.height() - barHeight) / 2, 0, barHeight),
                data_);
  painter.setFont(style.font(1.05, true));
  painter.setPen(colors::ink);
  painter.drawText(heading, Qt::AlignLeft | Qt::AlignVCenter, data_.heading);
}

Picture SurfaceFigure::toPicture() {
  Picture picture;
  picture.caption = caption();
  picture.body = [this](QCPPainter& painter, const Style& style, double ratio) { draw(painter, style, ratio); };
  return picture;
}

void SurfaceFigure::exportTo(const std::filesystem::path& file, const ExportOptions& options) {
  const auto kind = file.extension();
  if (kind == ".csv" || kind == ".vtp" || kind == ".obj" || kind == ".h5") {
    if (!problem_.isEmpty()) throw RunError("cannot write " + file.string() + ": " + problem_.toStdString());
    if (kind == ".csv") writeFileAtomically(file, surfaceCsv(*run_, id().name, epoch_));
    if (kind == ".vtp") writeVtp(data_, file);
    if (kind == ".obj") writeObj(data_, file);
    if (kind == ".h5") writeHdf5(*run_, id().name, epoch_, file);
  } else if (file.extension() == ".svg" || file.extension() == ".pdf") {
    throw RunError("cannot write " + file.string() +
                   ": a 3D surface is made of pixels; choose .png, .csv, .vtp, .obj or .h5");
  } else {
    writePicture(toPicture(), file, options);
    update();
  }
}

QImage SurfaceFigure::picture(const ExportOptions& options) {
  return renderImage(toPicture(), options);
}

void SurfaceFigure::paintEvent(QPaintEvent*) {
  QCPPainter painter(this);
  painter.fillRect(rect(), colors::paper);
  Style style;
  const QString text = caption();
  const int below = int(std::ceil(captionHeight(text, style, width())));
  style.size = {width(), std::max(16, height() - below)};
  const auto say = [&] {
    painter.setPen(colors::softInk);
    painter.drawText(rect(), Qt::AlignCenter | Qt::TextWordWrap, missing_);
  };
  if (!missing_.isEmpty()) return say();
  try {
    painter.save();
    draw(painter, style, devicePixelRatioF());
    painter.restore();
  } catch (const NoOpenGl& missing) {
    painter.restore();
    missing_ = QString::fromUtf8(missing.what());
    return say();
  }
  paintCaption(painter, text, style, QRectF(0, style.size.height(), width(), below));
}

void SurfaceFigure::mousePressEvent(QMouseEvent* event) {
  dragFrom_ = event->position();
}

void SurfaceFigure::mouseMoveEvent(QMouseEvent* event) {
  if (event->buttons() & Qt::LeftButton) {
    const QPointF moved = event->position() - dragFrom_;
    dragFrom_ = event->position();
    SurfaceView turned = view_;
    turned.azimuth = std::remainder(turned.azimuth - moved.x() * 0.5, 360);
    turned.elevation += moved.y() * 0.5;
    setView(turned);
  } else {
    readOut(event->position());
  }
}

void SurfaceFigure::mouseDoubleClickEvent(QMouseEvent* event) {
  if (event->button() == Qt::LeftButton) resetView();
}

void SurfaceFigure::wheelEvent(QWheelEvent* event) {
  SurfaceView closer = view_;
  closer.zoom *= std::pow(1.0015, event->angleDelta().y());
  setView(closer);
  event->accept();
}

/// The grid point whose picture is nearest to the pointer; of several, the one in front.
void SurfaceFigure::readOut(const QPointF& position) {
  if (!problem_.isEmpty() || !scene_ || sceneStale_) return;
  const QPointF pixel = (position - sceneArea_.topLeft()) * sceneRatio_;
  const double reach = 12 * sceneRatio_;
  double best = HUGE_VAL;
  QString said;
  for (std::size_t j = 0; j < data_.grid.ys.size(); ++j) {
    for (std::size_t i = 0; i < data_.grid.xs.size(); ++i) {
      const auto p = scene_->boxPoint(i, j);
      if (!std::isfinite(p[2])) continue;
      const double distance = QLineF(scene_->project(p[0], p[1], p[2]), pixel).length();
      if (distance > reach) continue;
      const double score = scene_->depth(p[0], p[1], p[2]) + 0.5 * distance / reach;
      if (score >= best) continue;
      best = score;
      said = data_.readout(data_.grid.xs[i], data_.grid.ys[j]);
    }
  }
  Q_EMIT hovered(said);
}

}  // namespace eigenscape
