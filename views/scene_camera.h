// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointF>
#include <QSize>
#include <array>

#include "views/surface_relief.h"
#include "views/surface_view.h"

namespace eigenscape {

/// Where a picture of the box was taken from: a plain value, so that what is painted over a picture fits it while the
/// next one is being made.
struct SceneCamera {
  SurfaceView view;
  QSize size;                         ///< of the picture, in pixels
  std::array<double, 16> projection;  ///< from box coordinates to −1..1, rows first

  /// Where a point of the box is in the picture, in pixels.
  QPointF project(double x, double y, double z) const;
  /// Larger is farther from the eye.
  double depth(double x, double y, double z) const;
  /// In box coordinates.
  BoxPoint eye() const;
};

}  // namespace eigenscape
