// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QImage>
#include <filesystem>
#include <functional>

#include "views/figure.h"
#include "views/style.h"

class QCPPainter;

namespace eigenscape {

/// A figure as it goes on paper: the body above, the caption below.
struct Picture {
  QString caption;
  /// Paints into (0, 0, style.size) in layout units. `pixelRatio` is device pixels per layout unit, for what has to be
  /// rendered as pixels.
  std::function<void(QCPPainter& painter, const Style& style, double pixelRatio)> body;
};

/// Exactly round(width / 25.4 · dotsPerInch · scale) pixels wide, likewise high, and tagged with its density.
QImage renderImage(const Picture& picture, const ExportOptions& options);

/// Writes an image as PNG, beside and then renamed; on any thread. Throws RunError.
void writePng(const QImage& image, const std::filesystem::path& file);

/// Writes PNG, SVG or PDF as the suffix says, beside and then renamed. Throws RunError.
void writePicture(const Picture& picture, const std::filesystem::path& file, const ExportOptions& options);

}  // namespace eigenscape
