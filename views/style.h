// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QFont>
#include <QPalette>
#include <QPen>
#include <QSize>
#include <QString>
#include <cstdint>

namespace eigenscape {

/// What a figure is drawn on.
enum class Theme { Light, Dark };

/// How a figure is drawn: on screen and on paper the same, only the size and the theme differ. Lengths are in layout
/// units, of which there are `dotsPerInch` to the inch.
struct Style {
  double fontPoints = 9;
  double dotsPerInch = 96;
  QSize size = {640, 480};  ///< of the plot, without its caption
  Theme theme = Theme::Light;

  bool dark() const { return theme == Theme::Dark; }
  QColor paper() const;     ///< the ground
  QColor ink() const;       ///< text and axes
  QColor softInk() const;   ///< captions, markers of the present epoch
  QColor gridLine() const;  ///< also the walls behind a relief
  // Of the colours of Okabe and Ito, those that are a shade lighter on dark paper.
  QColor blue() const;
  QColor skyBlue() const;
  /// The n-th series (from 0). Yellow is left out: it cannot be read on white. Black is nearly white on dark paper.
  /// Repeats after seven.
  QColor series(std::size_t n) const;
  /// The n-th of so many series that seven hues would not do, in their order.
  QColor shade(std::size_t n, std::size_t all) const;
  /// A series' colour for letters: as much darker or lighter as makes them readable on the paper.
  QColor lettering(const QColor& color) const;

  /// A widget's palette with the paper for its ground and soft ink for its text.
  QPalette onPaper(QPalette palette) const;

  double points(double value) const { return value * dotsPerInch / 72; }
  double millimetres(double value) const { return value * dotsPerInch / 25.4; }
  /// `factor` is relative to fontPoints.
  QFont font(double factor = 1, bool bold = false) const;
  QPen pen(const QColor& color, double widthPoints = 1, Qt::PenStyle line = Qt::SolidLine) const;
};

/// The colours of Okabe and Ito, told apart by everybody.
namespace colors {
inline const QColor orange(0xE6, 0x9F, 0x00);
inline const QColor green(0x00, 0x9E, 0x73);
inline const QColor yellow(0xF0, 0xE4, 0x42);
inline const QColor vermillion(0xD5, 0x5E, 0x00);
inline const QColor purple(0xCC, 0x79, 0xA7);
// Upon a colour map, which is the same in both themes. The figure's own ground and ink are the Style's.
inline const QColor paper(255, 255, 255);
inline const QColor ink(0x26, 0x26, 0x26);
/// The perceptually uniform map viridis; `position` in 0..1 is clamped.
QColor viridis(double position);
/// Viridis's colours at equal distances, first to last.
constexpr int viridisStops = 18;
}  // namespace colors

/// How much lighter one colour is than the other, from 1 to 21 (WCAG): letters need 4.5, lines 3.
double contrast(const QColor& a, const QColor& b);

/// "0.25", "12000", "3×10⁻⁵", "10⁶"; a proper minus sign. Significant digits as given.
QString numberText(double value, int digits = 3);
/// "10⁻⁵" for -5.
QString powerOfTen(int exponent);
/// Digits below the line, "₁₂"; a proper minus for a negative number.
QString subscript(std::int64_t number);

}  // namespace eigenscape
