// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QRectF>

#include "views/style.h"
#include "views/surface_scene.h"

class QPainter;

namespace eigenscape {

/// The optimizer's path on the surface of the scene's last picture, which was painted into `area`: line, dots and the
/// name of the first epoch as on the contour, the end as the centre's mark. What the surface hides is thin and small.
void paintPath(QPainter& painter, const Style& style, const QRectF& area, double pixelRatio, const SurfaceScene& scene,
               const SurfaceData& data);

}  // namespace eigenscape
