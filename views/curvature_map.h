// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "views/plot_figure.h"
#include "views/surface_data.h"

namespace eigenscape {

/// How convex the loss is around the points of a surface: |λ_min / λ_max| of the Hessian (Li et al., arXiv:1712.09913),
/// near 0 where the direction that curves down most does so far less than the steepest curves up. It has no sign: where
/// all directions curve up, it is the least curvature over the largest. One cell per measured point, nothing between
/// them; the surface's iso-lines above. Hatched where the solver did not converge, and without a colour where nothing
/// is finite.
class CurvatureMapFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;
  void showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) override;
  QStringList splits() const override;
  QString split() const override;
  void setSplit(const QString& split) override;
  bool hasSharedScale() const override { return true; }

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;
  QString readout(const QPointF& position) const override;
  void refreshAll() override;

 private:
  /// The rows of the shown epoch and split on their grid: losses are ratios.
  struct Map {
    std::optional<std::int64_t> epoch;
    QString split;
    SurfaceGrid grid;
    std::vector<const CurvatureMapRow*> rows;  ///< nullptr: not known yet
    double highest = 0;                        ///< ratio, of all epochs where they share a scale, and of peers
    std::size_t notConverged = 0;              ///< finite
  };
  const Map& map() const;
  void hatch(QCustomPlot& plot, const Frame& frame, const Style& style) const;
  Provenance provenance() const;

  QString split_ = QStringLiteral("train");
  mutable std::optional<Map> map_;
  mutable std::optional<SurfaceData> surface_;
};

}  // namespace eigenscape
