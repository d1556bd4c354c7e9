// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace eigenscape {

/// How a surface is looked at. Degrees; azimuth 0 looks from +α, elevation 90 from above.
struct SurfaceView {
  double azimuth = -120;
  double elevation = 32;
  double zoom = 1;
  bool operator==(const SurfaceView&) const = default;
};

}  // namespace eigenscape
