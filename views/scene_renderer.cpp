// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/scene_renderer.h"

#include <QPromise>
#include <QThreadPool>
#include <exception>
#include <mutex>
#include <utility>

#include "views/gl_context.h"
#include "views/surface_axes.h"

namespace eigenscape {

/// The scene, on whatever thread: an OpenGL context belongs to the one that has made it current.
struct SceneRenderer::Workshop {
  std::unique_ptr<SurfaceScene> scene;
  std::shared_ptr<const SurfaceData> data;  ///< that the scene was given

  /// VTK loads OpenGL's functions into variables of the whole program.
  static std::unique_lock<std::mutex> turn() {
    static std::mutex mutex;
    return std::unique_lock(mutex);
  }

  ~Workshop() {
    const auto own = turn();
    scene.reset();
  }

  ScenePicture make(const SceneRequest& request) {
    const auto own = turn();
    if (!scene) scene = std::make_unique<SurfaceScene>();
    if (data != request.data) {
      scene->setData(*request.data);
      data = request.data;
      const auto axes = boxAxes(*data);
      scene->setTicks({axes[0].ticks, axes[1].ticks, axes[2].ticks});
    }
    scene->setGround(request.paper, request.walls);
    ScenePicture picture;
    picture.of = request;
    picture.image = scene->render(request.pixels, request.view, request.room, request.lineWidth, request.detail);
    picture.camera = scene->camera();
    picture.relief = scene->relief();
    return picture;
  }
};

SceneRenderer::SceneRenderer(QObject* parent) : QObject(parent), workshop_(std::make_shared<Workshop>()) {
  connect(&watcher_, &QFutureWatcherBase::finished, this, &SceneRenderer::deliver);
}

/// The last one to let go of the workshop takes it apart; that too is not the window's work.
SceneRenderer::~SceneRenderer() {
  if (begun_) QThreadPool::globalInstance()->start([workshop = std::move(workshop_)]() mutable { workshop.reset(); });
}

ScenePicture SceneRenderer::now(const SceneRequest& request) {
  begun_ = true;
  return workshop_->make(request);
}

void SceneRenderer::ask(const SceneRequest& request) {
  asked_.reset();
  if (making_ && !making_->ordered && making_->request == request) return;
  asked_ = request;
  if (!making_) startNext();
}

void SceneRenderer::order(const SceneRequest& request) {
  orders_.push_back(request);
  if (!making_) startNext();
}

void SceneRenderer::startNext() {
  if (!orders_.empty()) {
    making_ = Task{orders_.front(), true};
    orders_.pop_front();
  } else if (asked_) {
    making_ = Task{*std::exchange(asked_, std::nullopt), false};
  } else {
    return;
  }
  begun_ = true;
  // Shared, because the pool wants a function that can be copied.
  const auto promise = std::make_shared<QPromise<ScenePicture>>();
  watcher_.setFuture(promise->future());
  QThreadPool::globalInstance()->start([workshop = workshop_, promise, request = making_->request] {
    promise->start();
    ScenePicture picture;
    try {
      picture = workshop->make(request);
    } catch (const std::exception& error) {
      picture.of = request;
      picture.problem = QString::fromUtf8(error.what()).section('\n', 0, 0);
    }
    promise->addResult(std::move(picture));
    promise->finish();
  });
}

void SceneRenderer::deliver() {
  const ScenePicture picture = watcher_.result();
  const bool ordered = making_->ordered;
  making_.reset();
  startNext();
  Q_EMIT made(picture, ordered);
}

}  // namespace eigenscape
