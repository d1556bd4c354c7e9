// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/plot_figure.h"

namespace eigenscape {

/// Loss along one direction, with accuracy and, along an eigenvector, the parabola that the eigenvalue predicts.
class ProfileFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;

 private:
  std::optional<std::int64_t> shownEpoch() const;
};

}  // namespace eigenscape
