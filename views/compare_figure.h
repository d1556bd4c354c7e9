// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/overlay.h"
#include "views/picture.h"
#include "views/plot_figure.h"

class QGridLayout;
class QLabel;

namespace eigenscape {

class RunKey;

/// A figure of two to four runs on one scale: series over one another, one colour per run; fields beside one another,
/// with the same colours, axes and camera.
class CompareFigure : public Figure {
  Q_OBJECT
 public:
  /// `compared`: the figure of one run that is compared, e.g. {"training", ""}. Its own id is {"compare", its stem}.
  explicit CompareFigure(FigureId compared, QWidget* parent = nullptr);
  const FigureId& compared() const { return compared_; }

  /// In the order of the colours. Each run shows `epoch`, or its nearest earlier one.
  void showRuns(ComparedRuns runs, std::int64_t epoch);
  void showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) override;
  const ComparedRuns& runs() const { return runs_; }
  /// Over one another; else beside.
  bool isOverlay() const { return overlay_ != nullptr; }
  /// Plots of the overlay, or one figure for each run.
  const std::vector<Figure*>& parts() const { return parts_; }
  QString caption() const;

  QStringList formats() const override;
  void exportTo(const std::filesystem::path& file, const ExportOptions& options) override;
  QImage picture(const ExportOptions& options) override;
  Picture toPicture() override;
  void resetView() override;
  std::optional<SurfaceView> pointOfView() const override;
  void lookFrom(const SurfaceView& view) override;
  bool clearSelection() override;
  QStringList splits() const override;
  QString split() const override;
  void setSplit(const QString& split) override;
  bool hasSharedScale() const override;
  Facts facts() const override;
  bool canBeAnimated() const override { return false; }
  /// The size that it is drawn in where none is asked for: the wider, the more there is beside one another.
  QSizeF preferredMm() const;
  double preferredWidthMm() const override { return preferredMm().width(); }
  double preferredHeightMm() const override { return preferredMm().height(); }

 protected:
  void refreshAll() override;
  void themeChanged() override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  using Ranges = std::vector<PlotFigure::AxisRange>;
  std::vector<PlotFigure*> plots() const;
  void rebuild(std::size_t count);
  void fill();
  void arrange();
  double shape() const;
  /// Of each run's part.
  std::vector<Provenance> provenances() const;
  void unifyAxes(const Ranges& keep);
  Ranges movedByUser() const;
  void followAxes(const PlotFigure& moved);
  void followCamera(Figure* turned);
  std::string table() const;

  FigureId compared_;
  ComparedRuns runs_;
  std::int64_t epoch_ = 0;
  std::shared_ptr<const Overlay> overlay_;
  std::vector<Figure*> parts_;
  std::vector<RunKey*> keys_;  ///< beside: the name above each part
  RunKey* key_;                ///< over: all names
  QGridLayout* grid_;
  QLabel* caption_;
  Ranges unified_;  ///< of all parts beside one another; other ranges are the user's. Empty: each has its own
  int columns_ = 0;
  bool following_ = false;
};

}  // namespace eigenscape
