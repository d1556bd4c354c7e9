// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/surface_scene.h"

#include <vtkActor.h>
#include <vtkCamera.h>
#include <vtkCellArray.h>
#include <vtkLight.h>
#include <vtkLookupTable.h>
#include <vtkMatrix4x4.h>
#include <vtkNew.h>
#include <vtkPoints.h>
#include <vtkPolyData.h>
#include <vtkPolyDataMapper.h>
#include <vtkProperty.h>
#include <vtkRenderer.h>
#include <vtkUnsignedCharArray.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "views/foreign_window.h"
#include "views/gl_context.h"
#include "views/style.h"
#include "views/surface_mesh.h"

namespace eigenscape {
namespace {

constexpr double eyeDistance = 7;  // of the box's half width: a mild perspective
constexpr double radians = 3.14159265358979323846 / 180;
/// What the box takes of the picture, in units of its half width.
constexpr double boxWidth = 2.9, boxHeight = 2.3;
/// Points along each side that a software renderer draws fast enough to be turned.
constexpr std::size_t mostMovingPoints = 100;
constexpr int samples = 4;  ///< of a pixel, against jagged edges
/// Above it what moves is drawn without smooth edges, and then with half of the pixels each way.
constexpr auto mostFrameTime = std::chrono::milliseconds(33);

/// A set of lines or triangles with its mapper and actor.
struct Piece {
  vtkNew<vtkPolyData> data;
  vtkNew<vtkPolyDataMapper> mapper;
  vtkNew<vtkActor> actor;
  Piece() {
    mapper->SetInputData(data);
    actor->SetMapper(mapper);
  }
  void color(const QColor& c, double opacity = 1) {
    mapper->ScalarVisibilityOff();
    actor->GetProperty()->SetColor(c.redF(), c.greenF(), c.blueF());
    actor->GetProperty()->SetOpacity(opacity);
    actor->GetProperty()->LightingOff();
  }
};

void addLine(vtkPoints* points, vtkCellArray* lines, const std::array<double, 3>& a, const std::array<double, 3>& b) {
  const vtkIdType ids[2] = {points->InsertNextPoint(a.data()), points->InsertNextPoint(b.data())};
  lines->InsertNextCell(2, ids);
}

/// The surface and its iso-lines, from all of its points or from some.
struct Level {
  Piece surface, dark, bright;
  void show(bool on) {
    for (auto* piece : {&surface, &dark, &bright}) piece->actor->SetVisibility(on);
  }
  void build(const SurfaceRelief& relief, std::size_t mostPoints, const std::vector<double>& darkLines,
             const std::vector<double>& brightLines) {
    const auto mesh = surfaceMesh(relief, evenIndices(relief.grid().xs.size(), mostPoints),
                                  evenIndices(relief.grid().ys.size(), mostPoints));
    surface.data->ShallowCopy(mesh);
    dark.data->ShallowCopy(drapedLines(mesh, darkLines));
    bright.data->ShallowCopy(drapedLines(mesh, brightLines));
  }
};

}  // namespace

struct SurfaceScene::Parts {
  // Declared first, destroyed last: VTK frees its OpenGL objects while the context still is.
  GlContext context;
  vtkNew<ForeignWindow> window;
  vtkNew<vtkRenderer> renderer;
  Level all, coarse;
  Piece centre, walls;
  std::shared_ptr<const SurfaceRelief> relief;
  bool hasCoarse = false;
  bool slow = false, slowMoving = false;  ///< a picture of all points, a moving one took too long
  std::array<std::vector<double>, 3> ticks;
  SceneCamera camera;
  QImage last;
  QMarginsF room;
  double lineWidth = 0;
  Detail detail = Detail::All;
  QColor paper, wallLines;

  void startWindow();
  void light();
  void dress();
  void rebuildWalls();
  void aim();
  QImage readBack(QSize rendered);
};

void SurfaceScene::Parts::startWindow() {
  window->SetReadyForRendering(true);
  window->SetIsCurrent(true);
  window->SetSupportsOpenGL(1);
  window->SetOwnContext(0);
  window->SetOffScreenRendering(1);
  window->SetMultiSamples(samples);
  window->SetSize(64, 64);
  window->OpenGLInitContext();
  window->AddRenderer(renderer);
  renderer->SetUseFXAA(false);
}

void SurfaceScene::Parts::light() {
  renderer->AutomaticLightCreationOff();
  // From the upper left of whoever looks, so that the relief reads the same from all sides.
  vtkNew<vtkLight> main;
  main->SetLightTypeToCameraLight();
  main->SetPosition(-1.1, 0.9, 0.8);
  main->SetFocalPoint(0, 0, 0);
  main->SetIntensity(0.95);
  renderer->AddLight(main);
  for (auto* level : {&all, &coarse}) {
    auto* property = level->surface.actor->GetProperty();
    property->SetInterpolationToPhong();
    property->SetAmbient(0.52);
    property->SetDiffuse(0.55);
    property->SetSpecular(0.08);
    property->SetSpecularPower(18);
  }
}

void SurfaceScene::Parts::dress() {
  const auto table = viridisTable();
  for (auto* level : {&all, &coarse}) {
    level->surface.mapper->SetLookupTable(table);
    level->surface.mapper->SetScalarRange(0, 1);
    level->surface.mapper->InterpolateScalarsBeforeMappingOn();
    level->dark.color(QColor(0, 0, 0), 0.75);
    level->bright.color(QColor(255, 255, 255), 0.8);
  }
  centre.color(colors::vermillion);
  centre.actor->GetProperty()->LightingOn();
  centre.actor->GetProperty()->SetAmbient(0.5);
  for (auto* piece :
       {&walls, &all.surface, &coarse.surface, &all.dark, &all.bright, &coarse.dark, &coarse.bright, &centre})
    renderer->AddActor(piece->actor);
}

SurfaceScene::SurfaceScene() : parts_(std::make_unique<Parts>()) {
  parts_->startWindow();
  parts_->light();
  parts_->dress();
  parts_->context.release();
}

SurfaceScene::~SurfaceScene() {
  try {
    parts_->context.makeCurrent();
    parts_->window->Finalize();
  } catch (const NoOpenGl&) {
    // The driver went away; there is nothing left to free.
  }
}

std::shared_ptr<const SurfaceRelief> SurfaceScene::relief() const {
  return parts_->relief;
}

const SceneCamera& SurfaceScene::camera() const {
  return parts_->camera;
}

bool SurfaceScene::hasCoarseLevel() const {
  return parts_->hasCoarse;
}

void SurfaceScene::setData(const SurfaceData& data) {
  auto& parts = *parts_;
  parts.context.makeCurrent();
  parts.relief = std::make_shared<SurfaceRelief>(data);
  const auto& grid = data.grid;
  std::vector<double> dark, bright;
  for (const double level : data.levels) {
    const double place = data.scale.position(level);
    (place > 0.5 ? dark : bright).push_back(place);
  }
  const auto points = std::max(grid.xs.size(), grid.ys.size());
  parts.hasCoarse = points > mostMovingPoints + mostMovingPoints / 2;
  parts.all.build(*parts.relief, points, dark, bright);
  if (parts.hasCoarse) parts.coarse.build(*parts.relief, mostMovingPoints, dark, bright);

  const auto [ci, cj] = grid.nearest(0, 0);
  const auto centre = parts.relief->point(ci, cj);
  const bool inside = grid.xs.front() <= 0 && grid.xs.back() >= 0 && grid.ys.front() <= 0 && grid.ys.back() >= 0 &&
                      std::isfinite(centre[2]);
  parts.centre.actor->SetVisibility(inside);
  if (inside) parts.centre.data->ShallowCopy(ball(centre, 0.035));
  parts.last = QImage();
  parts.context.release();
}

void SurfaceScene::setTicks(const std::array<std::vector<double>, 3>& ticks) {
  if (ticks == parts_->ticks) return;
  parts_->ticks = ticks;
  parts_->last = QImage();
}

void SurfaceScene::setGround(const QColor& paper, const QColor& walls) {
  if (paper == parts_->paper && walls == parts_->wallLines) return;
  parts_->paper = paper;
  parts_->wallLines = walls;
  parts_->renderer->SetBackground(paper.redF(), paper.greenF(), paper.blueF());
  parts_->walls.color(walls);
  parts_->last = QImage();
}

/// The floor and the two walls behind the surface, with lines at the ticks.
void SurfaceScene::Parts::rebuildWalls() {
  vtkNew<vtkPoints> points;
  vtkNew<vtkCellArray> lines;
  const double farX = std::cos(camera.view.azimuth * radians) > 0 ? -boxHalf[0] : boxHalf[0];
  const double farY = std::sin(camera.view.azimuth * radians) > 0 ? -boxHalf[1] : boxHalf[1];
  // A step below the lowest loss: lines at its height would show through a flat valley.
  const std::array<double, 3> behind = {farX, farY, -boxHalf[2] - 0.02};
  for (int wall = 0; wall < 3; ++wall) {
    for (int along = 0; along < 3; ++along) {
      if (along == wall) continue;
      const int across = 3 - wall - along;
      std::vector<double> places = ticks[std::size_t(along)];
      places.insert(places.end(), {-boxHalf[std::size_t(along)], boxHalf[std::size_t(along)]});
      for (const double place : places) {
        std::array<double, 3> a{}, b{};
        a[std::size_t(wall)] = b[std::size_t(wall)] = behind[std::size_t(wall)];
        a[std::size_t(along)] = b[std::size_t(along)] = place;
        a[std::size_t(across)] = -boxHalf[std::size_t(across)];
        b[std::size_t(across)] = boxHalf[std::size_t(across)];
        addLine(points, lines, a, b);
      }
    }
  }
  walls.data->Initialize();
  walls.data->SetPoints(points);
  walls.data->SetLines(lines);
  walls.data->Modified();
}

void SurfaceScene::Parts::aim() {
  auto* eye = renderer->GetActiveCamera();
  const QSize size = camera.size;
  const double az = camera.view.azimuth * radians, el = std::clamp(camera.view.elevation, -89.0, 89.0) * radians;
  eye->SetFocalPoint(0, 0, 0);
  eye->SetPosition(eyeDistance * std::cos(el) * std::cos(az), eyeDistance * std::cos(el) * std::sin(az),
                   eyeDistance * std::sin(el));
  eye->SetViewUp(0, 0, 1);
  // Lines lie on the surface: a step towards the eye keeps them from sinking into it by rounding.
  const auto raise = [&](Piece& lines, double step) {
    lines.actor->SetPosition(step * std::cos(el) * std::cos(az), step * std::cos(el) * std::sin(az),
                             step * std::sin(el));
  };
  for (auto* level : {&all, &coarse}) raise(level->dark, 0.012), raise(level->bright, 0.012);
  // The same scale from all sides, so that turning does not make the box breathe: its diagonal fits.
  const double perUnit = camera.view.zoom * std::min((size.width() - room.left() - room.right()) / boxWidth,
                                                     (size.height() - room.top() - room.bottom()) / boxHeight);
  const double halfHeight = size.height() / (2 * std::max(perUnit, 1.0));
  eye->SetViewAngle(std::clamp(2 * std::atan(halfHeight / eyeDistance) / radians, 0.5, 120.0));
  // Most labels stand below the box and at its left, so the box moves up and to the right.
  eye->SetWindowCenter((room.right() - room.left()) / size.width(), (room.top() - room.bottom()) / size.height());
  renderer->ResetCameraClippingRange(-1.2, 1.2, -1.2, 1.2, -1.0, 1.0);
  vtkMatrix4x4* matrix = eye->GetCompositeProjectionTransformMatrix(double(size.width()) / size.height(), -1, 1);
  std::memcpy(camera.projection.data(), matrix->GetData(), sizeof(double) * 16);
}

QImage SurfaceScene::Parts::readBack(QSize rendered) {
  vtkNew<vtkUnsignedCharArray> pixels;
  window->GetRGBACharPixelData(0, 0, rendered.width() - 1, rendered.height() - 1, 0, pixels);
  QImage image(rendered, QImage::Format_RGB32);
  for (int y = 0; y < rendered.height(); ++y) {
    const unsigned char* from = pixels->GetPointer(vtkIdType(4) * rendered.width() * (rendered.height() - 1 - y));
    auto* to = reinterpret_cast<QRgb*>(image.scanLine(y));
    for (int x = 0; x < rendered.width(); ++x) to[x] = qRgb(from[x * 4L], from[x * 4L + 1], from[x * 4L + 2]);
  }
  return image;
}

QImage SurfaceScene::render(QSize pixels, const SurfaceView& view, const QMarginsF& room, double lineWidth,
                            Detail detail) {
  auto& parts = *parts_;
  if (!parts.hasCoarse && !parts.slow) detail = Detail::All;
  const bool same = parts.camera.size == pixels && parts.camera.view == view && parts.room == room &&
                    parts.lineWidth == lineWidth && parts.detail == detail;
  if (same && !parts.last.isNull()) return parts.last;
  parts.camera.size = pixels;
  parts.camera.view = view;
  parts.room = room;
  parts.lineWidth = lineWidth;
  parts.detail = detail;
  parts.context.makeCurrent();
  const auto start = std::chrono::steady_clock::now();
  const bool moving = detail == Detail::Moving;
  const int shrink = moving && parts.slowMoving ? 2 : 1;
  const QSize rendered(std::max(1, pixels.width() / shrink), std::max(1, pixels.height() / shrink));
  lineWidth /= shrink;
  parts.window->SetMultiSamples(moving ? 0 : samples);
  parts.window->SetSize(rendered.width(), rendered.height());
  parts.rebuildWalls();
  parts.walls.actor->GetProperty()->SetLineWidth(float(lineWidth * 0.8));
  parts.all.show(!moving || !parts.hasCoarse);
  parts.coarse.show(moving && parts.hasCoarse);
  for (auto* lines : {&parts.all.dark, &parts.all.bright, &parts.coarse.dark, &parts.coarse.bright})
    lines->actor->GetProperty()->SetLineWidth(float(lineWidth));
  parts.aim();
  parts.window->Render();
  parts.last = parts.readBack(rendered);
  parts.context.release();
  const bool late = std::chrono::steady_clock::now() - start > mostFrameTime;
  (moving ? parts.slowMoving : parts.slow) = late || (moving && parts.slowMoving);
  return parts.last;
}

QPointF SceneCamera::project(double x, double y, double z) const {
  const auto& m = projection;
  const double w = depth(x, y, z);
  const double px = (m[0] * x + m[1] * y + m[2] * z + m[3]) / w, py = (m[4] * x + m[5] * y + m[6] * z + m[7]) / w;
  return {(px + 1) / 2 * size.width(), (1 - py) / 2 * size.height()};
}

double SceneCamera::depth(double x, double y, double z) const {
  const auto& m = projection;
  return m[12] * x + m[13] * y + m[14] * z + m[15];
}

BoxPoint SceneCamera::eye() const {
  const double az = view.azimuth * radians, el = view.elevation * radians;
  return {eyeDistance * std::cos(el) * std::cos(az), eyeDistance * std::cos(el) * std::sin(az),
          eyeDistance * std::sin(el)};
}

}  // namespace eigenscape
