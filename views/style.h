// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QFont>
#include <QPen>
#include <QSize>
#include <QString>
#include <cstdint>

namespace eigenscape {

/// How a figure is drawn: on screen and on paper the same, only the size differs. Lengths are in layout units, of which
/// there are `dotsPerInch` to the inch.
struct Style {
  double fontPoints = 9;
  double dotsPerInch = 96;
  QSize size = {640, 480};  ///< of the plot, without its caption

  double points(double value) const { return value * dotsPerInch / 72; }
  double millimetres(double value) const { return value * dotsPerInch / 25.4; }
  /// `factor` is relative to fontPoints.
  QFont font(double factor = 1, bool bold = false) const;
  QPen pen(const QColor& color, double widthPoints = 1, Qt::PenStyle line = Qt::SolidLine) const;
};

/// The colours of Okabe and Ito, told apart by everybody.
namespace colors {
inline const QColor black(0, 0, 0);
inline const QColor orange(0xE6, 0x9F, 0x00);
inline const QColor skyBlue(0x56, 0xB4, 0xE9);
inline const QColor green(0x00, 0x9E, 0x73);
inline const QColor yellow(0xF0, 0xE4, 0x42);
inline const QColor blue(0x00, 0x72, 0xB2);
inline const QColor vermillion(0xD5, 0x5E, 0x00);
inline const QColor purple(0xCC, 0x79, 0xA7);
inline const QColor paper(255, 255, 255);
inline const QColor ink(0x26, 0x26, 0x26);      ///< text and axes
inline const QColor softInk(0x6B, 0x6B, 0x6B);  ///< captions, markers of the present epoch
inline const QColor gridLine(0xE4, 0xE4, 0xE4);
/// The n-th series (from 0). Yellow is left out: it cannot be read on white. Repeats after seven.
QColor series(std::size_t n);
/// The perceptually uniform map viridis; `position` in 0..1 is clamped.
QColor viridis(double position);
/// Viridis's colours at equal distances, first to last.
constexpr int viridisStops = 18;
}  // namespace colors

/// "0.25", "12000", "3×10⁻⁵", "10⁶"; a proper minus sign. Significant digits as given.
QString numberText(double value, int digits = 3);
/// "10⁻⁵" for -5.
QString powerOfTen(int exponent);
/// Digits below the line, "₁₂"; a proper minus for a negative number.
QString subscript(std::int64_t number);

}  // namespace eigenscape
