// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStringList>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/results/run_directory.h"
#include "views/caption.h"
#include "views/surface_grid.h"
#include "views/value_scale.h"

class QMenu;

namespace eigenscape {

/// What contour and 3D surface show of a run: the same grid, scale and iso-lines.
struct SurfaceData {
  std::optional<std::int64_t> epoch;  ///< empty: there are no rows
  QStringList splits;                 ///< that have rows
  QString split;                      ///< the shown one
  SurfaceGrid grid;
  ValueScale scale;                          ///< over both splits, so that train and test can be compared
  HeightChoice height;                       ///< what the scale was chosen by
  std::pair<double, double> xRange, yRange;  ///< of the axes; the grid's where there are no peers
  std::vector<double> levels;
  LandscapeInfo info;
  QString xTitle, yTitle;
  QString xShort, yShort;           ///< "e₁ (‖Δθ‖₂)"
  QString place;                    ///< "Loss over e₁ and e₂, epoch 6"
  QString heading;                  ///< "Loss over e₁ and e₂, epoch 6, train"
  std::vector<TrajectoryRow> path;  ///< of the optimizer; empty where there is none to show

  /// Why it can't be drawn; empty when it can.
  QString problem(const QString& name) const;
  Provenance provenance() const;
  /// Scale, range of colours, clipping, directions and their normalization: names and values.
  std::vector<std::pair<QString, QString>> facts() const;
  /// "local minimum", "local maximum", "saddle", "slope" of the grid's nearest point, by its eight neighbours.
  QString shapeAt(double x, double y) const;
  /// Of the colour bar: "mean cross-entropy (log), clipped at 5".
  QString scaleTitle() const;
  /// "α = 0.1, β = −0.2: train loss 2.31, accuracy 12 %" at the grid's nearest point.
  QString readout(double x, double y) const;
};

/// `sharedScale`: losses of all epochs set the scale, so that epochs can be compared. `peers`: theirs do too, and their
/// grids are within the axes, so that runs can be compared; with the same list, in which the run itself may be, all get
/// one scale. `height`: what the window chose in place of surface.NAME.scale and clip of the recipe, or of the first
/// peer's. `beside`: another surface of the run, and of its peers, whose losses the scale holds, too; empty: none.
SurfaceData surfaceData(const RunResults& run, const QString& name, std::int64_t epoch, const QString& split,
                        bool sharedScale = false, const std::vector<std::shared_ptr<const RunResults>>& peers = {},
                        const std::optional<HeightChoice>& height = {}, const QString& beside = {});

/// The choices of a figure's menu: automatic, linear or logarithmic, and up to which loss.
void addHeightChoices(QMenu& menu, const SurfaceData& data, std::function<void(const HeightChoice&)> choose);

/// Assignments to the recipe after which batch mode draws the surface on this scale; none where it does already.
QStringList heightSettings(const SurfaceData& data);

/// Whether train and test can be set side by side.
bool hasBothSplits(const RunResults& run, const std::string& surface);

/// "floating point", or the setting at which a surface's network is quantized.
QString networkName(const QString& surface);

/// CSV of the rows of one name and epoch, both splits.
std::string surfaceCsv(const RunResults& run, const QString& name, std::int64_t epoch);
/// The same of a quantized surface NAME@SETTING and of NAME, at the epoch of the latter.
std::string pairCsv(const RunResults& run, const QString& quantized, std::int64_t epoch);

}  // namespace eigenscape
