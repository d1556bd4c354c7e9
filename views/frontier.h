// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/plot_figure.h"

namespace eigenscape {

bool hasFrontier(const RunResults& run);
/// Whether loss and accuracy of two settings or more were measured.
bool hasMeasuredSettings(const RunResults& run);

/// Settings of bits by cost and ΣΩ: the whole frontier, what the limits chose on it, and uniform, greedy and
/// first-order choices for comparison. `frontier` shows Ω, `frontier-accuracy` what was measured on the test split. A
/// setting whose method is "current" is marked as the one that is worked on.
class FrontierFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;
  bool canBeAnimated() const override { return false; }

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;
  QString readout(const QPointF& position) const override;

 private:
  bool isMeasured() const { return id().kind == QLatin1String("frontier-accuracy"); }
};

}  // namespace eigenscape
