// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/plot_figure.h"

namespace eigenscape {

/// The share of the gradient that lies in the top subspace over the epochs, and the gradient's norm.
class GradientFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;
};

}  // namespace eigenscape
