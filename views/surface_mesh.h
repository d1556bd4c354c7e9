// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vtkSmartPointer.h>

#include <vector>

#include "views/surface_relief.h"

class vtkLookupTable;  // NOLINT(cppcoreguidelines-virtual-class-destructor): VTK counts references
class vtkPolyData;     // NOLINT(cppcoreguidelines-virtual-class-destructor)

// What the 3D figure is made of, in box coordinates.
namespace eigenscape {

/// Triangles between the grid's rows and columns of these indices, with normals; scalars are heights from 0 to 1.
/// Squares with a corner that is not finite are left open.
vtkSmartPointer<vtkPolyData> surfaceMesh(const SurfaceRelief& relief, const std::vector<std::size_t>& columns,
                                         const std::vector<std::size_t>& rows);

/// Lines of equal height on a mesh.
vtkSmartPointer<vtkPolyData> drapedLines(vtkPolyData* mesh, const std::vector<double>& heights);

vtkSmartPointer<vtkPolyData> ball(const BoxPoint& centre, double radius);

vtkSmartPointer<vtkLookupTable> viridisTable();

}  // namespace eigenscape
