// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLineF>

#include "views/plot_figure.h"
#include "views/surface_data.h"

namespace eigenscape {

/// Labelled lines of equal loss: dark where the contour is bright, or bright all over.
void addIsoLines(QCustomPlot& plot, const Frame& frame, const Style& style, const SurfaceData& data,
                 bool allBright = false);
/// The weights around which the surface was measured.
void markCentre(QCustomPlot& plot, const Frame& frame, const Style& style);

/// A surface from above: colours, labelled iso-lines, the centre, the optimizer's path. With setCutVisible there is a
/// line on it that can be dragged, as a whole or by its ends, and a click picks a point.
class ContourFigure : public PlotFigure {
  Q_OBJECT
 public:
  explicit ContourFigure(FigureId id, QWidget* parent = nullptr);
  void showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) override;
  QStringList splits() const override;
  QString split() const override;
  void setSplit(const QString& split) override;
  bool hasSharedScale() const override { return true; }
  QStringList recipeSettings() const override;
  std::optional<HeightChoice> heightChoice() const override;
  void chooseHeight(const HeightChoice& choice) override { setHeight(choice); }
  Facts facts() const override;

  /// The scale of colours; without one it is the recipe's.
  void setHeight(const std::optional<HeightChoice>& height);
  const SurfaceData& data() const;
  /// Another surface of the run whose losses the colours hold, too.
  void setBeside(const QString& surface) { beside_ = surface; }

  void setCutVisible(bool on);
  /// In α and β; without one the line runs along the first direction through the centre.
  QLineF cut() const;
  void setCut(const std::optional<QLineF>& cut);
  bool clearSelection() override;
  std::optional<QPointF> pickedPoint() const { return picked_; }

 Q_SIGNALS:
  void cutChanged(const QLineF& cut);
  void picked(const QPointF& point);

 protected:
  void refreshAll() override;
  void addChoices(QMenu& menu) override;
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;
  QString readout(const QPointF& position) const override;

 private:
  enum class Grip { None, First, Second, Whole };
  Grip gripAt(const QPointF& position) const;
  QPointF coordinates(const QPointF& position) const;
  void press(const QPointF& position);
  void drag(const QPointF& position);
  void release(const QPointF& position);
  void drawCut(QCustomPlot& plot, const Frame& frame, const Style& style, const QLineF& line) const;
  void moveCut();

  QString split_ = QStringLiteral("train");
  QString beside_;
  std::optional<HeightChoice> height_;
  mutable std::optional<SurfaceData> data_;  ///< rows are read once, not with each resize and each move of the mouse
  bool cutVisible_ = false;
  std::optional<QLineF> cutLine_;
  std::optional<QPointF> picked_;
  Grip grip_ = Grip::None;
  QPointF pressedAt_;  ///< pixels
  QLineF before_;      ///< the cut when the mouse was pressed
};

}  // namespace eigenscape
