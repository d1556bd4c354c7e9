// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/overlay.h"
#include "views/plot_figure.h"

namespace eigenscape {

/// The colour that the n-th of compared runs has in every figure.
QColor runColor(const Style& style, std::size_t n);

/// One panel of an overlay.
class OverlayFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;
  /// The panel's number has to be one of the overlay's.
  void show(std::shared_ptr<const Overlay> overlay, std::size_t panel, const ComparedRuns& runs, std::int64_t epoch);

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override { return {}; }
  QString readout(const QPointF& position) const override;

 private:
  const OverlayPanel& panel() const { return overlay_->panels[panel_]; }
  void addSeriesOf(QCustomPlot& plot, const Frame& frame, const Style& style, const OverlaySeries& series) const;
  void addMarks(QCustomPlot& plot, const Frame& frame, const Style& style, const OverlaySeries& series,
                QCPGraph* graph) const;
  void addBand(QCustomPlot& plot, const Frame& frame, const OverlaySeries& series, const QColor& color,
               double lowest) const;
  void fit(const Frame& frame, const Style& style) const;

  std::shared_ptr<const Overlay> overlay_;
  std::size_t panel_ = 0;
  QStringList names_;
};

}  // namespace eigenscape
