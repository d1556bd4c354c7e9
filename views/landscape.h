// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/figure.h"
#include "views/picture.h"

class QLabel;

namespace eigenscape {

class ContourFigure;
class CutFigure;
class SurfaceFigure;

/// A surface as 3D relief, contour and cut side by side: a line dragged across the contour shows as a profile, a click
/// reads a point out. One scale for all three; the cut shows both splits.
class LandscapeFigure : public Figure {
  Q_OBJECT
 public:
  explicit LandscapeFigure(FigureId id, QWidget* parent = nullptr);

  void showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) override;
  QStringList formats() const override { return {"png", "csv"}; }
  void exportTo(const std::filesystem::path& file, const ExportOptions& options) override;
  QImage picture(const ExportOptions& options) override;
  void resetView() override;
  std::optional<SurfaceView> pointOfView() const override;
  void lookFrom(const SurfaceView& view) override;
  bool clearSelection() override;
  QStringList splits() const override;
  QString split() const override;
  void setSplit(const QString& split) override;
  bool hasSharedScale() const override { return true; }
  double preferredWidthMm() const override { return 200; }
  double preferredHeightMm() const override { return 124; }
  QStringList recipeSettings() const override;
  std::optional<HeightChoice> heightChoice() const override;
  void chooseHeight(const HeightChoice& choice) override;
  /// The picked point first.
  Facts facts() const override;

  SurfaceFigure* surface() const { return surface_; }
  ContourFigure* contour() const { return contour_; }
  CutFigure* cut() const { return cut_; }
  /// What is known of the picked point, on every split.
  QString pickedText() const;

 protected:
  void refreshAll() override;
  void addChoices(QMenu& menu) override;
  void themeChanged() override;

 private:
  void sayPicked();
  Picture toPicture() override;

  std::shared_ptr<const RunResults> run_;
  std::int64_t epoch_ = 0;
  SurfaceFigure* surface_;
  ContourFigure* contour_;
  CutFigure* cut_;
  QLabel* picked_;
};

}  // namespace eigenscape
