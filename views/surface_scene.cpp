// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/surface_scene.h"

#include <vtkActor.h>
#include <vtkCamera.h>
#include <vtkCellArray.h>
#include <vtkContourFilter.h>
#include <vtkDoubleArray.h>
#include <vtkGenericOpenGLRenderWindow.h>
#include <vtkLight.h>
#include <vtkLogger.h>
#include <vtkLookupTable.h>
#include <vtkMatrix4x4.h>
#include <vtkNew.h>
#include <vtkPointData.h>
#include <vtkPoints.h>
#include <vtkPolyData.h>
#include <vtkPolyDataMapper.h>
#include <vtkPolyDataNormals.h>
#include <vtkProperty.h>
#include <vtkRenderer.h>
#include <vtkSphereSource.h>
#include <vtkUnsignedCharArray.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "views/gl_context.h"
#include "views/style.h"

namespace eigenscape {
namespace {

constexpr double eyeDistance = 7;  // of the box's half width: a mild perspective
constexpr double radians = 3.14159265358979323846 / 180;

/// VTK's window on a context of ours. GLEW looks for an X display and complains when there is none, although the
/// functions that it loaded before serve all the same. VTK would then believe that it has a new context and build
/// everything anew for each frame.
class ForeignWindow : public vtkGenericOpenGLRenderWindow {
 public:
  static ForeignWindow* New() {
    auto* window = new ForeignWindow;
    window->InitializeObjectBase();
    return window;
  }
  vtkTypeMacro(ForeignWindow, vtkGenericOpenGLRenderWindow)

      void OpenGLInitContext() override {
    if (Initialized) return;
    const int warnings = vtkObject::GetGlobalWarningDisplay();
    const auto verbosity = vtkLogger::GetCurrentVerbosityCutoff();
    vtkObject::GlobalWarningDisplayOff();
    vtkLogger::SetStderrVerbosity(vtkLogger::VERBOSITY_OFF);
    Superclass::OpenGLInitContext();
    vtkLogger::SetStderrVerbosity(verbosity);
    vtkObject::SetGlobalWarningDisplay(warnings);
    Initialized = true;
    GlewInitValid = true;
  }
};

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

vtkSmartPointer<vtkLookupTable> viridisTable() {
  auto table = vtkSmartPointer<vtkLookupTable>::New();
  table->SetNumberOfTableValues(256);
  table->SetTableRange(0, 1);
  for (int i = 0; i < 256; ++i) {
    const QColor c = colors::viridis(i / 255.0);
    table->SetTableValue(i, c.redF(), c.greenF(), c.blueF(), 1);
  }
  return table;
}

}  // namespace

struct SurfaceScene::Parts {
  // Declared first, destroyed last: VTK frees its OpenGL objects while the context still is.
  GlContext context;
  vtkNew<ForeignWindow> window;
  vtkNew<vtkRenderer> renderer;
  Piece surface, dark, bright, centre, walls;
  SurfaceGrid grid;
  std::vector<double> heights;
  std::array<std::vector<double>, 3> ticks;
  std::array<double, 16> projection{};
  QImage last;
  QSize size;
  SurfaceView view;
  double margin = 0, lineWidth = 0;

  void startWindow();
  void light();
  void drape(Piece& piece, vtkPolyData* triangles, const std::vector<double>& levels);
  void rebuildWalls();
  void aim();
  QImage readBack();
};

void SurfaceScene::Parts::startWindow() {
  window->SetReadyForRendering(true);
  window->SetIsCurrent(true);
  window->SetSupportsOpenGL(1);
  window->SetOwnContext(0);
  window->SetOffScreenRendering(1);
  window->SetMultiSamples(4);
  window->SetSize(64, 64);
  window->OpenGLInitContext();
  window->AddRenderer(renderer);
  renderer->SetBackground(1, 1, 1);
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
  auto* property = surface.actor->GetProperty();
  property->SetInterpolationToPhong();
  property->SetAmbient(0.52);
  property->SetDiffuse(0.55);
  property->SetSpecular(0.08);
  property->SetSpecularPower(18);
}

SurfaceScene::SurfaceScene() : parts_(std::make_unique<Parts>()) {
  parts_->startWindow();
  parts_->light();
  parts_->surface.mapper->SetLookupTable(viridisTable());
  parts_->surface.mapper->SetScalarRange(0, 1);
  parts_->surface.mapper->InterpolateScalarsBeforeMappingOn();
  parts_->dark.color(QColor(0, 0, 0), 0.75);
  parts_->bright.color(QColor(255, 255, 255), 0.8);
  parts_->centre.color(colors::vermillion);
  parts_->centre.actor->GetProperty()->LightingOn();
  parts_->centre.actor->GetProperty()->SetAmbient(0.5);
  parts_->walls.color(QColor(200, 200, 200));
  for (auto* piece : {&parts_->walls, &parts_->surface, &parts_->dark, &parts_->bright, &parts_->centre}) {
    parts_->renderer->AddActor(piece->actor);
  }
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

std::array<double, 3> SurfaceScene::boxPoint(std::size_t i, std::size_t j) const {
  const auto& grid = parts_->grid;
  const auto place = [](const std::vector<double>& values, std::size_t k) {
    return 2 * (values[k] - values.front()) / (values.back() - values.front()) - 1;
  };
  return {boxHalf[0] * place(grid.xs, i), boxHalf[1] * place(grid.ys, j),
          boxHalf[2] * (2 * parts_->heights[grid.index(i, j)] - 1)};
}

void SurfaceScene::setData(const SurfaceData& data) {
  auto& parts = *parts_;
  parts.context.makeCurrent();
  parts.grid = data.grid;
  parts.heights.assign(data.grid.loss.size(), 0);
  vtkNew<vtkPoints> points;
  vtkNew<vtkDoubleArray> scalars;
  for (std::size_t j = 0; j < data.grid.ys.size(); ++j) {
    for (std::size_t i = 0; i < data.grid.xs.size(); ++i) {
      const std::size_t at = data.grid.index(i, j);
      const double loss = data.grid.loss[at];
      parts.heights[at] = std::isfinite(loss) ? data.scale.position(data.scale.clamp(loss)) : std::nan("");
      auto point = boxPoint(i, j);
      if (!std::isfinite(point[2])) point[2] = 0;  // never used by a triangle
      points->InsertNextPoint(point.data());
      scalars->InsertNextValue(std::isfinite(loss) ? parts.heights[at] : 0);
    }
  }
  vtkNew<vtkCellArray> triangles;
  const auto add = [&](std::size_t a, std::size_t b, std::size_t c) {
    for (const std::size_t k : {a, b, c}) {
      if (!std::isfinite(parts.heights[k])) return;
    }
    const vtkIdType ids[3] = {vtkIdType(a), vtkIdType(b), vtkIdType(c)};
    triangles->InsertNextCell(3, ids);
  };
  for (std::size_t j = 0; j + 1 < data.grid.ys.size(); ++j) {
    for (std::size_t i = 0; i + 1 < data.grid.xs.size(); ++i) {
      const std::size_t a = data.grid.index(i, j), b = data.grid.index(i + 1, j);
      const std::size_t c = data.grid.index(i + 1, j + 1), d = data.grid.index(i, j + 1);
      add(a, b, c);
      add(a, c, d);
    }
  }
  vtkNew<vtkPolyData> mesh;
  mesh->SetPoints(points);
  mesh->SetPolys(triangles);
  mesh->GetPointData()->SetScalars(scalars);
  vtkNew<vtkPolyDataNormals> normals;
  normals->SetInputData(mesh);
  normals->SplittingOff();
  normals->ConsistencyOff();
  normals->Update();
  parts.surface.data->ShallowCopy(normals->GetOutput());

  std::vector<double> dark, bright;
  for (const double level : data.levels) {
    const double place = data.scale.position(level);
    (place > 0.5 ? dark : bright).push_back(place);
  }
  parts.drape(parts.dark, mesh, dark);
  parts.drape(parts.bright, mesh, bright);

  vtkNew<vtkSphereSource> sphere;
  const auto [ci, cj] = data.grid.nearest(0, 0);
  const auto centre = boxPoint(ci, cj);
  const bool inside = data.grid.xs.front() <= 0 && data.grid.xs.back() >= 0 && data.grid.ys.front() <= 0 &&
                      data.grid.ys.back() >= 0 && std::isfinite(centre[2]);
  parts.centre.actor->SetVisibility(inside);
  if (inside) {
    sphere->SetCenter(centre[0], centre[1], centre[2]);
    sphere->SetRadius(0.035);
    sphere->SetThetaResolution(24);
    sphere->SetPhiResolution(24);
    sphere->Update();
    parts.centre.data->ShallowCopy(sphere->GetOutput());
  }
  parts.last = QImage();
  parts.context.release();
}

void SurfaceScene::Parts::drape(Piece& piece, vtkPolyData* triangles, const std::vector<double>& levels) {
  vtkNew<vtkContourFilter> filter;
  filter->SetInputData(triangles);
  filter->ComputeScalarsOff();
  filter->SetNumberOfContours(int(levels.size()));
  for (std::size_t i = 0; i < levels.size(); ++i) filter->SetValue(int(i), levels[i]);
  filter->Update();
  piece.data->ShallowCopy(filter->GetOutput());
}

void SurfaceScene::setTicks(const std::array<std::vector<double>, 3>& ticks) {
  if (ticks == parts_->ticks) return;
  parts_->ticks = ticks;
  parts_->last = QImage();
}

/// The floor and the two walls behind the surface, with lines at the ticks.
void SurfaceScene::Parts::rebuildWalls() {
  vtkNew<vtkPoints> points;
  vtkNew<vtkCellArray> lines;
  const double farX = std::cos(view.azimuth * radians) > 0 ? -boxHalf[0] : boxHalf[0];
  const double farY = std::sin(view.azimuth * radians) > 0 ? -boxHalf[1] : boxHalf[1];
  const std::array<double, 3> behind = {farX, farY, -boxHalf[2]};
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
  auto* camera = renderer->GetActiveCamera();
  const double az = view.azimuth * radians, el = std::clamp(view.elevation, -89.0, 89.0) * radians;
  camera->SetFocalPoint(0, 0, 0);
  camera->SetPosition(eyeDistance * std::cos(el) * std::cos(az), eyeDistance * std::cos(el) * std::sin(az),
                      eyeDistance * std::sin(el));
  camera->SetViewUp(0, 0, 1);
  // Lines lie on the surface: a step towards the eye keeps them from sinking into it by rounding.
  constexpr double step = 0.012;
  for (auto* lines : {&dark, &bright}) {
    lines->actor->SetPosition(step * std::cos(el) * std::cos(az), step * std::cos(el) * std::sin(az),
                              step * std::sin(el));
  }
  // The same scale from all sides, so that turning does not make the box breathe: its diagonal fits.
  const double perUnit =
      view.zoom * std::min((size.width() - 1.6 * margin) / 2.9, (size.height() - 1.6 * margin) / 2.3);
  const double halfHeight = size.height() / (2 * std::max(perUnit, 1.0));
  camera->SetViewAngle(std::clamp(2 * std::atan(halfHeight / eyeDistance) / radians, 0.5, 120.0));
  // The labels stand below the box, so the box moves up.
  camera->SetWindowCenter(0, -0.7 * margin / size.height());
  renderer->ResetCameraClippingRange(-1.2, 1.2, -1.2, 1.2, -1.0, 1.0);
  vtkMatrix4x4* matrix = camera->GetCompositeProjectionTransformMatrix(double(size.width()) / size.height(), -1, 1);
  std::memcpy(projection.data(), matrix->GetData(), sizeof(double) * 16);
}

QImage SurfaceScene::Parts::readBack() {
  vtkNew<vtkUnsignedCharArray> pixels;
  window->GetRGBACharPixelData(0, 0, size.width() - 1, size.height() - 1, 0, pixels);
  QImage image(size, QImage::Format_RGB32);
  for (int y = 0; y < size.height(); ++y) {
    const unsigned char* from = pixels->GetPointer(vtkIdType(4) * size.width() * (size.height() - 1 - y));
    auto* to = reinterpret_cast<QRgb*>(image.scanLine(y));
    for (int x = 0; x < size.width(); ++x) to[x] = qRgb(from[4 * x], from[4 * x + 1], from[4 * x + 2]);
  }
  return image;
}

QImage SurfaceScene::render(QSize pixels, const SurfaceView& view, double margin, double lineWidth) {
  auto& parts = *parts_;
  const bool same =
      parts.size == pixels && parts.view == view && parts.margin == margin && parts.lineWidth == lineWidth;
  if (same && !parts.last.isNull()) return parts.last;
  parts.size = pixels;
  parts.view = view;
  parts.margin = margin;
  parts.lineWidth = lineWidth;
  parts.context.makeCurrent();
  parts.window->SetSize(pixels.width(), pixels.height());
  parts.rebuildWalls();
  parts.walls.actor->GetProperty()->SetLineWidth(float(lineWidth * 0.8));
  parts.dark.actor->GetProperty()->SetLineWidth(float(lineWidth));
  parts.bright.actor->GetProperty()->SetLineWidth(float(lineWidth));
  parts.aim();
  parts.window->Render();
  parts.last = parts.readBack();
  parts.context.release();
  return parts.last;
}

QPointF SurfaceScene::project(double x, double y, double z) const {
  const auto& m = parts_->projection;
  const double w = m[12] * x + m[13] * y + m[14] * z + m[15];
  const double px = (m[0] * x + m[1] * y + m[2] * z + m[3]) / w, py = (m[4] * x + m[5] * y + m[6] * z + m[7]) / w;
  return {(px + 1) / 2 * parts_->size.width(), (1 - py) / 2 * parts_->size.height()};
}

double SurfaceScene::depth(double x, double y, double z) const {
  const auto& m = parts_->projection;
  return m[12] * x + m[13] * y + m[14] * z + m[15];
}

}  // namespace eigenscape
