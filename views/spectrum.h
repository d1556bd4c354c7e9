// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/plot_figure.h"

namespace eigenscape {

/// The whole model's eigenvalues at one epoch by their index, the smallest ones apart on the right.
class SpectrumFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;
  QString readout(const QPointF& position) const override;
};

/// Whether the row is of the whole model, not of a layer.
bool isModels(const SpectrumRow& row);

/// The epochs that have a spectrum, not just one eigenvalue: at least so many of the whole model's, ascending.
std::vector<std::int64_t> spectrumEpochs(const RunResults& run, std::size_t atLeast = 2);

/// True where an epoch has at least two of the whole model's eigenvalues.
bool hasSpectrum(const RunResults& run);

/// Draws the spectrum of `epoch`; `wanted` is the epoch that was asked for. The run has rows of that epoch.
Drawn drawSpectrum(QCustomPlot& plot, const Style& style, const RunResults& run, std::int64_t epoch,
                   std::int64_t wanted);

}  // namespace eigenscape
