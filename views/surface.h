// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/figure.h"
#include "views/picture.h"
#include "views/surface_scene.h"

namespace eigenscape {

/// A surface in 3D: drag turns it, the wheel zooms, a double click resets. VTK renders it into an image without a
/// window (GlContext), on screen, in batch mode and under Qt's offscreen platform alike.
class SurfaceFigure : public Figure {
  Q_OBJECT
 public:
  explicit SurfaceFigure(FigureId id, QWidget* parent = nullptr);
  ~SurfaceFigure() override;
  void showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) override;
  QStringList formats() const override { return {"png", "csv", "vtp", "obj", "h5"}; }
  void exportTo(const std::filesystem::path& file, const ExportOptions& options) override;
  QImage picture(const ExportOptions& options) override;
  void resetView() override;
  QStringList splits() const override { return data_.splits; }
  QString split() const override { return data_.split; }
  void setSplit(const QString& split) override;
  bool hasSharedScale() const override { return true; }

  const SurfaceView& view() const { return view_; }
  void setView(const SurfaceView& view);
  QString caption() const;
  /// Why there is no surface; empty when there is one.
  QString emptyMessage() const { return missing_.isEmpty() ? problem_ : missing_; }

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void refreshAll() override { refresh(); }

 private:
  void refresh();
  /// The draw function: the body of the figure, without its caption. Throws NoOpenGl.
  void draw(QCPPainter& painter, const Style& style, double pixelRatio);
  SurfaceScene& scene();
  Picture toPicture();
  void readOut(const QPointF& position);

  std::shared_ptr<const RunResults> run_;
  std::int64_t epoch_ = 0;
  QString split_ = QStringLiteral("train");
  SurfaceData data_;
  SurfaceView view_;
  QString problem_;
  QString missing_;  ///< why nothing can be drawn on this machine; an export tries again and throws
  std::unique_ptr<SurfaceScene> scene_;
  bool sceneStale_ = true;
  QPointF dragFrom_;
  QRectF sceneArea_;  ///< where the last picture stood
  double sceneRatio_ = 1;
};

}  // namespace eigenscape
