// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointF>
#include <map>

#include "views/plot_figure.h"

namespace eigenscape {

/// What is drawn of one profile at one epoch.
struct ProfileCurves {
  std::optional<std::int64_t> epoch;                                  ///< empty: there are no rows
  std::map<std::string, std::map<double, const ProfileRow*>> splits;  ///< by α
  double eigenvalue = 0;                                              ///< of the parabola
  std::vector<QPointF> parabola;  ///< L(0) + ½λα² within the measured losses; empty where α is no unit eigenvector's
  std::vector<double> alphas, losses, accuracies;  ///< finite losses, accuracies in per cent
  std::size_t notFinite = 0;
};

/// At `wanted`, or at the nearest earlier epoch. The pointers are into the run.
ProfileCurves profileCurves(const RunResults& run, const std::string& name, std::int64_t wanted);

/// Loss along one direction, with accuracy and, along an eigenvector, the parabola that the eigenvalue predicts. That
/// of the quantized network lies over it where it was evaluated.
class ProfileFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;
};

/// The profiles' names, in the order of the file; not those of the quantized network.
std::vector<std::string> profileNames(const RunResults& run);

/// The names NAME@SETTING of a profile's quantized networks.
std::vector<std::string> quantizedProfiles(const RunResults& run, const std::string& name);

/// All profiles of a run over one another, each with its parabola.
class ProfilesFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;
};

}  // namespace eigenscape
