// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QImage>
#include <QMarginsF>
#include <QSize>
#include <array>
#include <memory>
#include <vector>

#include "views/scene_camera.h"
#include "views/surface_data.h"
#include "views/surface_relief.h"

namespace eigenscape {

/// What it takes to turn a surface smoothly: a large one is drawn from fewer of its points, and where pictures come too
/// slowly all the same, without smooth edges and with fewer pixels (the image is smaller then).
enum class Detail { All, Moving };

/// The VTK side of the 3D figure: surface, draped iso-lines, the centre and the lines on the
/// box's far walls. Text and the optimizer's path are not drawn here: see surface_axes.h and surface_path.h.
class SurfaceScene {
 public:
  SurfaceScene();
  ~SurfaceScene();
  SurfaceScene(const SurfaceScene&) = delete;
  SurfaceScene& operator=(const SurfaceScene&) = delete;

  void setData(const SurfaceData& data);
  /// Lines on the walls, along each axis, in box coordinates.
  void setTicks(const std::array<std::vector<double>, 3>& ticks);

  /// What the box stands on, and the lines on its walls.
  void setGround(const QColor& paper, const QColor& walls);

  /// Pixels of the surface on its ground. `room` (pixels) is kept free for labels around the box; lines are `lineWidth`
  /// pixels wide. Rendered anew only when something changed. Throws NoOpenGl.
  QImage render(QSize pixels, const SurfaceView& view, const QMarginsF& room, double lineWidth,
                Detail detail = Detail::All);
  /// Whether Detail::Moving gives another picture.
  bool hasCoarseLevel() const;
  /// Of the last picture.
  const SceneCamera& camera() const;
  std::shared_ptr<const SurfaceRelief> relief() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace eigenscape
