// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLineF>
#include <map>

#include "views/plot_figure.h"
#include "views/surface_data.h"

namespace eigenscape {

/// The loss along a straight cut through a surface, interpolated between its points: what is seen when a line is
/// dragged across the contour.
class CutFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;
  /// From where to where, in α and β; without one the cut runs along the first direction through the centre.
  void setCut(const std::optional<QLineF>& cut);
  bool hasSharedScale() const override { return true; }
  /// The scale of losses; without one it is the recipe's.
  void setHeight(const std::optional<HeightChoice>& height);
  void showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) override;

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  /// The cut's own points: distance, alpha, beta and the losses.
  std::string csv() const override;
  void refreshAll() override;

 private:
  const SurfaceData& dataOf(const QString& split) const;
  bool isLogarithmic(const QLineF& cut) const;

  std::optional<QLineF> cut_;
  std::optional<HeightChoice> height_;
  mutable std::map<QString, SurfaceData> data_;  ///< by split: rows are not read anew for each move of the mouse
};

}  // namespace eigenscape
