// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/plot_figure.h"

namespace eigenscape {

/// Each layer's largest eigenvalue and trace at one epoch, in network order.
class LayersFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;
  double preferredWidthMm() const override;

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;
  QString readout(const QPointF& position) const override;
};

/// True where a layer has an eigenvalue or a trace of its own.
bool hasLayers(const RunResults& run);

}  // namespace eigenscape
