// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/picture.h"

#include <QBuffer>
#include <QPageSize>
#include <QPdfWriter>
#include <QSvgGenerator>
#include <cmath>

#include "core/results/error.h"
#include "core/results/tables.h"
#include "views/caption.h"
#include "views/plotting.h"

namespace eigenscape {
namespace {

struct Layout {
  Style style;
  QSize whole;     ///< layout units
  QRectF caption;  ///< area below the body
};

Layout layoutOf(const Picture& picture, const ExportOptions& options) {
  Layout layout;
  layout.style.fontPoints = options.fontPoints;
  layout.style.dotsPerInch = options.dotsPerInch;
  layout.style.theme = options.theme;
  const auto units = [&](double mm) { return std::max(16, int(std::lround(layout.style.millimetres(mm)))); };
  layout.whole = {units(options.widthMm), units(options.heightMm)};
  const int text =
      options.caption ? int(std::ceil(captionHeight(picture.caption, layout.style, layout.whole.width()))) : 0;
  layout.style.size = {layout.whole.width(), std::max(16, layout.whole.height() - text)};
  layout.caption = QRectF(0, layout.style.size.height(), layout.whole.width(), text);
  return layout;
}

void paint(QCPPainter& painter, const Picture& picture, const Layout& layout, double pixelRatio) {
  painter.save();
  painter.setClipRect(QRectF(QPointF(0, 0), QSizeF(layout.style.size)));
  try {
    picture.body(painter, layout.style, pixelRatio);
  } catch (...) {
    painter.restore();  // QPainter complains about a state that is left behind
    throw;
  }
  painter.restore();
  if (layout.caption.height() > 0) paintCaption(painter, picture.caption, layout.style, layout.caption);
}

std::string svg(const Picture& picture, const ExportOptions& options) {
  // Finer units than the layout's, so that the physical size is exact to a hundredth of a millimetre.
  constexpr int finer = 10;
  const Layout layout = layoutOf(picture, options);
  QBuffer buffer;
  QSvgGenerator generator;
  generator.setOutputDevice(&buffer);
  generator.setTitle(picture.caption);
  generator.setResolution(int(std::lround(options.dotsPerInch * finer)));
  const QSize size(int(std::lround(layout.style.millimetres(options.widthMm) * finer)),
                   int(std::lround(layout.style.millimetres(options.heightMm) * finer)));
  generator.setSize(size);
  generator.setViewBox(QRect(QPoint(0, 0), size));
  QCPPainter painter(&generator);
  painter.setMode(QCPPainter::pmVectorized);
  painter.scale(double(size.width()) / layout.whole.width(), double(size.height()) / layout.whole.height());
  painter.fillRect(QRect(QPoint(0, 0), layout.whole), layout.style.paper());
  paint(painter, picture, layout, options.scale);
  painter.end();
  return buffer.data().toStdString();
}

std::string pdf(const Picture& picture, const ExportOptions& options) {
  const Layout layout = layoutOf(picture, options);
  QBuffer buffer;
  buffer.open(QIODevice::WriteOnly);
  QPdfWriter writer(&buffer);
  writer.setCreator("Eigenscape");
  writer.setTitle(picture.caption);
  writer.setPageSize(
      QPageSize(QSizeF(options.widthMm, options.heightMm), QPageSize::Millimeter, {}, QPageSize::ExactMatch));
  writer.setPageMargins(QMarginsF(0, 0, 0, 0));
  writer.setResolution(1200);
  QCPPainter painter(&writer);
  painter.setMode(QCPPainter::pmVectorized);
  painter.scale(options.widthMm / 25.4 * 1200 / layout.whole.width(),
                options.heightMm / 25.4 * 1200 / layout.whole.height());
  // Paper is white by itself, and a white ground would only be in the way of those who edit the file.
  if (layout.style.dark()) painter.fillRect(QRect(QPoint(0, 0), layout.whole), layout.style.paper());
  paint(painter, picture, layout, options.scale);
  painter.end();
  return buffer.data().toStdString();
}

}  // namespace

QImage renderImage(const Picture& picture, const ExportOptions& options) {
  const Layout layout = layoutOf(picture, options);
  const auto pixels = [&](double mm) {
    return std::max(16, int(std::lround(mm / 25.4 * options.dotsPerInch * options.scale)));
  };
  QImage image(pixels(options.widthMm), pixels(options.heightMm), QImage::Format_RGB32);
  if (image.isNull()) throw RunError("a picture of this size does not fit into memory; choose a smaller one");
  image.fill(layout.style.paper());
  QCPPainter painter(&image);
  painter.setMode(QCPPainter::pmNoCaching);
  painter.setRenderHint(QPainter::TextAntialiasing);
  painter.scale(double(image.width()) / layout.whole.width(), double(image.height()) / layout.whole.height());
  paint(painter, picture, layout, double(image.width()) / layout.whole.width());
  painter.end();
  const int perMetre = int(std::lround(options.dotsPerInch * options.scale / 0.0254));
  image.setDotsPerMeterX(perMetre);
  image.setDotsPerMeterY(perMetre);
  return image;
}

void writePng(const QImage& image, const std::filesystem::path& file) {
  QBuffer buffer;
  buffer.open(QIODevice::WriteOnly);
  if (!image.save(&buffer, "PNG")) throw RunError("the PNG writer of Qt failed; free some memory");
  writeFileAtomically(file, buffer.data().toStdString());
}

void writePicture(const Picture& picture, const std::filesystem::path& file, const ExportOptions& options) {
  const std::string suffix = QString::fromStdString(file.extension().string()).toLower().toStdString();
  if (suffix == ".png") {
    writePng(renderImage(picture, options), file);
  } else if (suffix == ".svg") {
    writeFileAtomically(file, svg(picture, options));
  } else if (suffix == ".pdf") {
    writeFileAtomically(file, pdf(picture, options));
  } else {
    throw RunError("cannot write " + file.string() + ": figures are written as .png, .svg, .pdf or .csv");
  }
}

}  // namespace eigenscape
