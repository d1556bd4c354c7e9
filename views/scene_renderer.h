// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QFutureWatcher>
#include <QImage>
#include <QMarginsF>
#include <QObject>
#include <QString>
#include <deque>
#include <memory>
#include <optional>

#include "views/scene_camera.h"
#include "views/surface_scene.h"

namespace eigenscape {

/// All that the picture of a scene depends on.
struct SceneRequest {
  std::shared_ptr<const SurfaceData> data;  ///< another pointer is another surface
  QColor paper, walls;                      ///< what the box stands on, and the lines on its walls
  QSize pixels;
  SurfaceView view;
  QMarginsF room;        ///< for labels around the box, pixels
  double lineWidth = 0;  ///< pixels
  Detail detail = Detail::All;
  bool operator==(const SceneRequest&) const = default;
};

struct ScenePicture {
  SceneRequest of;
  QImage image;  ///< null where there is none
  SceneCamera camera;
  std::shared_ptr<const SurfaceRelief> relief;
  QString problem;  ///< why there is no image

  bool shows(const SceneRequest& request) const { return !image.isNull() && of == request; }
};

/// Makes the pictures of one surface: at once for those who wait, or on a thread of Qt's pool for a window, which never
/// waits: starting the graphics driver alone takes longer than a person would overlook.
class SceneRenderer : public QObject {
  Q_OBJECT
 public:
  explicit SceneRenderer(QObject* parent = nullptr);
  /// Does not wait for what is being made.
  ~SceneRenderer() override;

  /// Throws NoOpenGl.
  ScenePicture now(const SceneRequest& request);
  /// For the screen: of several that are asked for while one is made, the last one is made next.
  void ask(const SceneRequest& request);
  /// For a file: made in turn.
  void order(const SceneRequest& request);

 Q_SIGNALS:
  void made(const eigenscape::ScenePicture& picture, bool ordered);

 private:
  struct Workshop;
  struct Task {
    SceneRequest request;
    bool ordered = false;
  };
  void startNext();
  void deliver();

  std::shared_ptr<Workshop> workshop_;
  QFutureWatcher<ScenePicture> watcher_;
  std::optional<Task> making_;
  std::optional<SceneRequest> asked_;
  std::deque<SceneRequest> orders_;
  bool begun_ = false;  ///< whether the workshop may hold a scene; of the window's thread, as the workshop is not
};

}  // namespace eigenscape
