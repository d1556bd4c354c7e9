// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/plot_figure.h"

namespace eigenscape {

/// The whole model's eigenvalues over the epochs with the line 2 / learning rate; with one epoch, its spectrum
/// by index.
class TrajectoriesFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;
};

}  // namespace eigenscape
