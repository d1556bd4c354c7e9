// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/plot_figure.h"

namespace eigenscape {

/// HAWQ-V2's Ω of each layer and bit width as grouped bars, with standard errors. Where bits were allocated the bars of
/// the chosen widths are filled and the others hollow.
class SensitivityFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;
  double preferredWidthMm() const override;
  bool canBeAnimated() const override { return false; }  ///< sensitivities are those of the last epoch
  /// Layers by their number of weights, the largest first, instead of in network order.
  void setOrderBySize(bool on);
  /// Whose widths are filled: one of allocation.csv's limits; empty or unknown: the first.
  void setLimit(const QString& limit);

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;
  QString readout(const QPointF& position) const override;
  void addChoices(QMenu& menu) override;

 private:
  bool bySize_ = false;
  QString limit_;
};

}  // namespace eigenscape
