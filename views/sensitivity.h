// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/plot_figure.h"

namespace eigenscape {

/// HAWQ-V2's Ω of each layer and bit width as grouped bars in network order, with standard errors.
class SensitivityFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;
  double preferredWidthMm() const override;

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;
  QString readout(const QPointF& position) const override;
};

}  // namespace eigenscape
