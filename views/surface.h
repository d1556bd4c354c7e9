// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>

#include "views/figure.h"
#include "views/picture.h"
#include "views/scene_renderer.h"

namespace eigenscape {

/// A surface in 3D: drag turns it, the wheel zooms, a double click asks for the full page. VTK renders it into an image
/// without a window (GlContext), on screen, in batch mode and under Qt's offscreen platform alike. The screen's picture
/// is made on another thread and shown when it is there; who asks for picture() waits for it, unless it was ordered().
/// The kind "surface-both" sets train and test side by side, on one scale and seen from one side; "surface-quantized"
/// the network in floating point and the quantized one. While a large surface moves it is drawn from fewer of its
/// points.
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
  bool canBeAnimated() const override { return !ofNetworks(); }  ///< quantized it is at the last epoch alone
  QStringList recipeSettings() const override { return heightSettings(first()); }
  double preferredWidthMm() const override { return paired() ? 150 : 0; }
  std::optional<HeightChoice> heightChoice() const override;
  void chooseHeight(const HeightChoice& choice) override { setHeight(choice); }
  Facts facts() const override;

  /// The scale of height and colours; without one it is the recipe's.
  void setHeight(const std::optional<HeightChoice>& height);

  const SurfaceView& view() const { return view_; }
  void setView(const SurfaceView& view);
  std::optional<SurfaceView> pointOfView() const override { return view_; }
  void lookFrom(const SurfaceView& view) override { setView(view); }
  QString caption() const;
  /// The rows that are shown, as the CSV export has them. There must be a run.
  std::string table() const { return csv(); }
  /// What the caption says beside the run; nothing where there is no surface.
  Provenance provenance() const;
  /// On screen; an export has its own option.
  void setCaptionShown(bool on);
  /// Why there is no surface; empty when there is one.
  QString emptyMessage() const { return missing_.isEmpty() ? problem_ : missing_; }
  /// Whether the surface moves, so that its picture on screen is a quick one.
  bool isMoving() const { return rest_.isActive(); }
  /// Whether the screen shows all as it is wanted now.
  bool isUpToDate() const;

  /// While on, picture() orders what takes long of it, waits for nothing and is not complete; delivered() says when the
  /// same picture() would be.
  void setOrdering(bool on) { ordering_ = on; }
  bool hasOrders() const;

 Q_SIGNALS:
  void viewChanged();
  void delivered();  ///< the last of the orders

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void addChoices(QMenu& menu) override;
  void refreshAll() override { refresh(); }
  void themeChanged() override;

 private:
  /// One surface of the figure.
  struct Panel {
    std::shared_ptr<const SurfaceData> data;
    QString title;  ///< of one of two
    std::unique_ptr<SceneRenderer> renderer;
    ScenePicture onScreen, inFile;  ///< the last ones
    SceneRequest wanted;            ///< on screen
    QRectF area;                    ///< where the one on screen stood
    int orders = 0;                 ///< that are not delivered yet
  };
  /// How a scene's picture comes about: awaited, or the newest there is while the wanted one is made, or ordered and
  /// not painted.
  enum class Manner { Now, Soon, Ordered };

  bool both() const { return id().kind == "surface-both"; }
  bool ofNetworks() const { return id().kind == "surface-quantized"; }
  bool paired() const { return both() || ofNetworks(); }
  const SurfaceData& first() const { return *panels_.front().data; }
  void refresh();
  void move(const SurfaceView& view);
  /// The draw function: the body of the figure, without its caption. Throws NoOpenGl.
  void draw(QCPPainter& painter, const Style& style, double pixelRatio, Detail detail, Manner manner);
  void drawPanel(Panel& panel, const QRectF& area, QCPPainter& painter, const Style& style, double pixelRatio,
                 Detail detail, Manner manner);
  /// Null where there is none yet.
  const ScenePicture* pictureOf(Panel& panel, const SceneRequest& request, Manner manner);
  void take(const SceneRenderer* renderer, const ScenePicture& picture, bool ordered);
  Picture toPicture() override;
  std::string csv() const;
  void readOut(const QPointF& position);

  std::shared_ptr<const RunResults> run_;
  std::int64_t epoch_ = 0;
  QString split_ = QStringLiteral("train");
  std::optional<HeightChoice> height_;
  std::vector<Panel> panels_;  ///< at least one
  SurfaceView view_;
  QString problem_;
  QString missing_;  ///< why nothing can be drawn on this machine; an export tries again and throws
  QTimer rest_;      ///< runs while the surface moves
  bool ordering_ = false;
  QPointF dragFrom_;
  bool captionShown_ = true;
  double sceneRatio_ = 1;
};

}  // namespace eigenscape
