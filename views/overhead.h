// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/plot_figure.h"

namespace eigenscape {

/// What each epoch costs: training and curvature, and the latter's share.
class OverheadFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;
  QString readout(const QPointF& position) const override;
};

/// True where training can be set against curvature.
bool hasOverhead(const RunResults& run);

}  // namespace eigenscape
