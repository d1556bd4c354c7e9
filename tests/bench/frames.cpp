// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <vector>

#include "views/gl_context.h"
#include "views/surface_scene.h"

// How many pictures a second a surface gives while it is turned, and one of all of its points:
//
//     QT_QPA_PLATFORM=offscreen LIBGL_ALWAYS_SOFTWARE=1 eigenscape_frames
using namespace eigenscape;

namespace {

SurfaceData bowl(int points) {
  SurfaceData data;
  data.epoch = 0;
  std::vector<double> losses;
  for (int i = 0; i < points; ++i) data.grid.xs.push_back(2.0 * i / (points - 1) - 1);
  data.grid.ys = data.grid.xs;
  for (const double y : data.grid.ys) {
    for (const double x : data.grid.xs)
      losses.push_back(1 + x * x + 3 * y * y + 0.2 * std::sin(9 * x) * std::cos(7 * y));
  }
  data.grid.loss = losses;
  data.grid.accuracy.assign(losses.size(), 0);
  data.grid.known.assign(losses.size(), 1);
  data.scale = ValueScale(losses);
  data.levels = data.scale.levels();
  return data;
}

double framesPerSecond(SurfaceScene& scene, Detail detail, int frames) {
  std::vector<double> seconds;
  for (int i = 0; i < frames; ++i) {
    const auto start = std::chrono::steady_clock::now();
    scene.render({900, 700}, {-120.0 + 2 * i, 32, 1}, 45, 1.1, detail);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return 1 / seconds[seconds.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const QApplication application(argc, argv);
  try {
    std::printf("%-14s %12s %12s   (pictures a second of 900 x 700 pixels, median)\n", "points", "moving",
                "all points");
    for (const int points : {51, 101, 201, 401}) {
      SurfaceScene scene;
      scene.setData(bowl(points));
      scene.render({900, 700}, {0, 30, 1}, 45, 1.1, Detail::Moving);
      scene.render({900, 700}, {1, 30, 1}, 45, 1.1, Detail::All);
      const double moving = framesPerSecond(scene, Detail::Moving, 40), all = framesPerSecond(scene, Detail::All, 12);
      std::printf("%4d x %-7d %12.1f %12.1f\n", points, points, moving, all);
    }
  } catch (const NoOpenGl& missing) {
    std::fprintf(stderr, "%s\n", missing.what());
    return 1;
  }
  return 0;
}
