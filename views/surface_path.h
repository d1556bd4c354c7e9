// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QRectF>

#include "views/scene_camera.h"
#include "views/style.h"
#include "views/surface_data.h"

class QPainter;

namespace eigenscape {

/// The optimizer's path on the surface of the picture by the camera, which was painted into `area`: line, dots and the
/// name of the first epoch as on the contour, the end as the centre's mark. What the surface hides is thin and small.
void paintPath(QPainter& painter, const Style& style, const QRectF& area, double pixelRatio, const SceneCamera& camera,
               const SurfaceRelief& relief, const SurfaceData& data);

}  // namespace eigenscape
