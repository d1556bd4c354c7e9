// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLineF>

#include "views/plot_figure.h"

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

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  /// The cut's own points: distance, alpha, beta and the losses.
  std::string csv() const override;
  void refreshAll() override { redraw(); }

 private:
  std::optional<QLineF> cut_;
};

}  // namespace eigenscape
