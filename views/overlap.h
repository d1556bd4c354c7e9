// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/plot_figure.h"

namespace eigenscape {

/// How much of each epoch's top subspace lies in every other epoch's, as a symmetric map.
class OverlapFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;
  QStringList splits() const override;
  QString split() const override;
  void setSplit(const QString& split) override;

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;
  QString readout(const QPointF& position) const override;

 private:
  QString split_ = QStringLiteral("train");
};

}  // namespace eigenscape
