// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QMouseEvent>
#include <QTest>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <vector>

#include "views/gl_context.h"
#include "views/surface.h"
#include "views/surface_scene.h"

// How many pictures a second a surface gives while it is turned: the scene alone, one of all of its points, and the
// figure in a window, from the mouse's move until everything is painted, with axes, colour bar and caption:
//
//     QT_QPA_PLATFORM=offscreen LIBGL_ALWAYS_SOFTWARE=1 eigenscape_frames
using namespace eigenscape;

namespace {

double loss(double x, double y) {
  return 1 + x * x + 3 * y * y + 0.2 * std::sin(9 * x) * std::cos(7 * y);
}

SurfaceData bowl(int points) {
  SurfaceData data;
  data.epoch = 0;
  std::vector<double> heights;
  for (int i = 0; i < points; ++i) data.grid.xs.push_back(2.0 * i / (points - 1) - 1);
  data.grid.ys = data.grid.xs;
  for (const double y : data.grid.ys) {
    for (const double x : data.grid.xs) heights.push_back(loss(x, y));
  }
  data.grid.loss = heights;
  data.grid.accuracy.assign(heights.size(), 0);
  data.grid.known.assign(heights.size(), 1);
  data.scale = ValueScale(heights);
  data.levels = data.scale.levels();
  return data;
}

/// The figure on screen, dragged by the mouse.
double figuresPerSecond(int points, int frames) {
  auto run = std::make_shared<RunResults>();
  run->info.model = "bowl";
  for (int i = 0; i < points * points; ++i) {
    const double x = 2.0 * (i % points) / (points - 1) - 1, y = 2.0 * (i / points) / (points - 1) - 1;
    run->surfaces.push_back({"bowl", 0, x, y, "train", loss(x, y), 0});
  }
  SurfaceFigure figure({QStringLiteral("surface"), QStringLiteral("bowl")});
  figure.resize(900, 760);  // 700 of them above the caption
  figure.show();
  figure.showRun(run, 0);
  const auto settle = [&] {
    figure.repaint();
    while (!figure.isUpToDate()) QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
    figure.repaint();
  };
  settle();
  std::vector<double> seconds;
  QTest::mousePress(&figure, Qt::LeftButton, {}, {300, 300});
  for (int i = 1; i <= frames; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const QPointF place(300 + 4 * i, 300);
    QMouseEvent move(QEvent::MouseMove, place, figure.mapToGlobal(place), Qt::NoButton, Qt::LeftButton, {});
    QCoreApplication::sendEvent(&figure, &move);
    settle();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return 1 / seconds[seconds.size() / 2];
}

double framesPerSecond(SurfaceScene& scene, Detail detail, int frames) {
  std::vector<double> seconds;
  for (int i = 0; i < frames; ++i) {
    const auto start = std::chrono::steady_clock::now();
    scene.render({900, 700}, {-120.0 + 2 * i, 32, 1}, {36, 20, 36, 52}, 1.1, detail);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return 1 / seconds[seconds.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const QApplication application(argc, argv);
  try {
    std::printf("%-14s %12s %12s %12s   (pictures a second of 900 x 700 pixels, median)\n", "points", "moving",
                "in a window", "all points");
    for (const int points : {51, 101, 201, 401}) {
      SurfaceScene scene;
      scene.setData(bowl(points));
      scene.render({900, 700}, {0, 30, 1}, {36, 20, 36, 52}, 1.1, Detail::Moving);
      scene.render({900, 700}, {1, 30, 1}, {36, 20, 36, 52}, 1.1, Detail::All);
      const double moving = framesPerSecond(scene, Detail::Moving, 40), all = framesPerSecond(scene, Detail::All, 12);
      std::printf("%4d x %-7d %12.1f %12.1f %12.1f\n", points, points, moving, figuresPerSecond(points, 40), all);
    }
  } catch (const NoOpenGl& missing) {
    std::fprintf(stderr, "no frames were measured: %s\n", missing.what());
  }
  return 0;
}
