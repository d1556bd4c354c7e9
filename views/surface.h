// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>

#include "views/figure.h"
#include "views/picture.h"
#include "views/surface_scene.h"

namespace eigenscape {

/// A surface in 3D: drag turns it, the wheel zooms, a double click asks for the full page. VTK renders it into an image
/// without a window (GlContext), on screen, in batch mode and under Qt's offscreen platform alike. The kind
/// "surface-both" sets train and test side by side, on one scale and seen from one side. While a large surface moves it
/// is drawn from fewer of its points.
class SurfaceFigure : public Figure {
  Q_OBJECT
 public:
  explicit SurfaceFigure(FigureId id, QWidget* parent = nullptr);
  ~SurfaceFigure() override;
  void showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) override;
  QStringList formats() const override;
  void exportTo(const std::filesystem::path& file, const ExportOptions& options) override;
  QImage picture(const ExportOptions& options) override;
  void resetView() override;
  QStringList splits() const override;
  QString split() const override;
  void setSplit(const QString& split) override;
  bool hasSharedScale() const override { return true; }
  QStringList recipeSettings() const override { return heightSettings(first()); }
  double preferredWidthMm() const override { return both() ? 150 : 0; }

  /// The scale of height and colours; without one it is the recipe's.
  void setHeight(const std::optional<HeightChoice>& height);

  const SurfaceView& view() const { return view_; }
  void setView(const SurfaceView& view);
  QString caption() const;
  /// What the caption says beside the run; nothing where there is no surface.
  Provenance provenance() const;
  /// On screen; an export has its own option.
  void setCaptionShown(bool on);
  /// Why there is no surface; empty when there is one.
  QString emptyMessage() const { return missing_.isEmpty() ? problem_ : missing_; }
  /// Whether the picture on screen is the quick one of a surface that moves.
  bool isMoving() const { return rest_.isActive(); }

 Q_SIGNALS:
  void viewChanged();

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void addChoices(QMenu& menu) override;
  void refreshAll() override { refresh(); }
  void themeChanged() override { update(); }

 private:
  /// One surface of the figure.
  struct Panel {
    SurfaceData data;
    std::unique_ptr<SurfaceScene> scene;
    bool stale = true;
    QRectF area;  ///< where its last picture stood
  };

  bool both() const { return id().kind == "surface-both"; }
  const SurfaceData& first() const { return panels_.front().data; }
  void refresh();
  void move(const SurfaceView& view);
  /// The draw function: the body of the figure, without its caption. Throws NoOpenGl.
  void draw(QCPPainter& painter, const Style& style, double pixelRatio, Detail detail);
  void drawPanel(Panel& panel, QCPPainter& painter, const Style& style, double pixelRatio, Detail detail);
  static SurfaceScene& sceneOf(Panel& panel);
  /// One step towards the first picture on screen, which would hold the window up if all came at once.
  void prepare();
  int stepsToPrepare() const;
  Picture toPicture() override;
  void readOut(const QPointF& position);

  std::shared_ptr<const RunResults> run_;
  std::int64_t epoch_ = 0;
  QString split_ = QStringLiteral("train");
  std::optional<HeightChoice> height_;
  std::vector<Panel> panels_;  ///< at least one
  SurfaceView view_;
  QString problem_;
  QString missing_;   ///< why nothing can be drawn on this machine; an export tries again and throws
  QTimer rest_;       ///< runs while the surface moves
  int prepared_ = 0;  ///< steps of prepare(), from 1
  QPointF dragFrom_;
  bool captionShown_ = true;
  double sceneRatio_ = 1;
};

}  // namespace eigenscape
