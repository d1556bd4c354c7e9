// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/surface_mesh.h"

#include <vtkCellArray.h>
#include <vtkContourFilter.h>
#include <vtkDoubleArray.h>
#include <vtkLookupTable.h>
#include <vtkNew.h>
#include <vtkPointData.h>
#include <vtkPoints.h>
#include <vtkPolyData.h>
#include <vtkPolyDataNormals.h>
#include <vtkSphereSource.h>

#include <cmath>

#include "views/style.h"

namespace eigenscape {

vtkSmartPointer<vtkPolyData> surfaceMesh(const SurfaceRelief& relief, const std::vector<std::size_t>& columns,
                                         const std::vector<std::size_t>& rows) {
  vtkNew<vtkPoints> points;
  vtkNew<vtkDoubleArray> scalars;
  for (const auto j : rows) {
    for (const auto i : columns) {
      auto point = relief.point(i, j);
      if (!std::isfinite(point[2])) point[2] = 0;  // never used by a triangle
      points->InsertNextPoint(point.data());
      const double height = relief.height(i, j);
      scalars->InsertNextValue(std::isfinite(height) ? height : 0);
    }
  }
  vtkNew<vtkCellArray> triangles;
  const auto add = [&](std::initializer_list<std::pair<std::size_t, std::size_t>> corners) {
    vtkIdType ids[3];
    int n = 0;
    for (const auto& [i, j] : corners) {
      if (!std::isfinite(relief.height(columns[i], rows[j]))) return;
      ids[n++] = vtkIdType(j) * vtkIdType(columns.size()) + vtkIdType(i);
    }
    triangles->InsertNextCell(3, ids);
  };
  for (std::size_t j = 0; j + 1 < rows.size(); ++j) {
    for (std::size_t i = 0; i + 1 < columns.size(); ++i) {
      add({{i, j}, {i + 1, j}, {i + 1, j + 1}});
      add({{i, j}, {i + 1, j + 1}, {i, j + 1}});
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
  return normals->GetOutput();
}

vtkSmartPointer<vtkPolyData> drapedLines(vtkPolyData* mesh, const std::vector<double>& heights) {
  vtkNew<vtkContourFilter> filter;
  filter->SetInputData(mesh);
  filter->ComputeScalarsOff();
  filter->SetNumberOfContours(int(heights.size()));
  for (std::size_t i = 0; i < heights.size(); ++i) filter->SetValue(int(i), heights[i]);
  filter->Update();
  return filter->GetOutput();
}

vtkSmartPointer<vtkPolyData> ball(const BoxPoint& centre, double radius) {
  vtkNew<vtkSphereSource> sphere;
  sphere->SetCenter(centre[0], centre[1], centre[2]);
  sphere->SetRadius(radius);
  sphere->SetThetaResolution(24);
  sphere->SetPhiResolution(24);
  sphere->Update();
  return sphere->GetOutput();
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

}  // namespace eigenscape
