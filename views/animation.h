// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <vector>

#include "views/figure.h"

namespace eigenscape {

struct Animation {
  std::filesystem::path folder;               ///< DIR/figures/animation-STEM, made anew
  std::vector<std::filesystem::path> frames;  ///< frame-0001.png, …: one per epoch
  std::vector<std::int64_t> epochs;           ///< of the frames
  std::filesystem::path video;                ///< empty where there is no ffmpeg
};

/// Draws a figure at every epoch that it has rows of, on one scale where the figure can, and joins the frames to an MP4
/// (four a second) where ffmpeg is installed. Throws RunError, also for a figure that is the same at every epoch.
Animation renderAnimation(const RunResults& run, const FigureId& id, const ExportOptions& options = {},
                          const std::optional<SurfaceView>& view = {});

/// The available figure whose fileStem() it is. Throws RunError with the stems that there are.
FigureId figureCalled(const RunResults& run, const QString& stem);

}  // namespace eigenscape
