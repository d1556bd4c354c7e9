// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/plot_figure.h"

namespace eigenscape {

/// Loss (left) and accuracy (right) over the epochs, train solid and test dashed.
class TrainingFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;
};

}  // namespace eigenscape
