// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/plot_figure.h"

namespace eigenscape {

/// The path of power iteration at one epoch: the eigenvalue's estimate after each product, for each block of layers.
class PowerFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;
  QString readout(const QPointF& position) const override;
};

}  // namespace eigenscape
