// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include "views/surface_data.h"

namespace eigenscape {

// What other programs read of a surface. Each writes beside and renames; throws RunError.

/// ParaView: triangles over α and β with the loss as height, in their true units, and `loss` and `accuracy` at the
/// points.
void writeVtp(const SurfaceData& data, const std::filesystem::path& file);

/// Modelling programs and slicers: the triangles in the proportions of the 3D figure, without colours.
void writeObj(const SurfaceData& data, const std::filesystem::path& file);

/// The same with colours, as binary glTF 2.0: browsers, presentations, Blender.
void writeGlb(const SurfaceData& data, const std::filesystem::path& file);

/// Triangles of the squares whose corners are measured and finite, by their places in the grid.
void forEachTriangle(const SurfaceGrid& grid, const std::function<void(std::size_t, std::size_t, std::size_t)>& use);

/// The layout of loss-landscape (Li et al., arXiv:1712.09913): `xcoordinates`, `ycoordinates`, and for each split
/// `train_loss`, `train_acc` (percent) with α running fastest. Where the run has no value there is −1, as theirs has.
void writeHdf5(const RunResults& run, const QString& surface, std::int64_t epoch, const std::filesystem::path& file);

}  // namespace eigenscape
