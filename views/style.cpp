// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/style.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace eigenscape {

QPalette Style::onPaper(QPalette palette) const {
  palette.setColor(QPalette::Window, paper());
  palette.setColor(QPalette::WindowText, softInk());
  return palette;
}

QFont Style::font(double factor, bool bold) const {
  QFont font;
  // DejaVu has the sub- and superscripts that the axis titles use, and is where Qt is on Linux.
  font.setFamilies({"DejaVu Sans", "Liberation Sans", "Arial", "sans-serif"});
  font.setPixelSize(std::max(1, int(std::lround(points(fontPoints * factor)))));
  font.setBold(bold);
  // Advances that don't depend on the size let the same layout serve screen, SVG and PDF.
  font.setHintingPreference(QFont::PreferNoHinting);
  return font;
}

QPen Style::pen(const QColor& color, double widthPoints, Qt::PenStyle line) const {
  QPen pen(color, points(widthPoints), line);
  pen.setCapStyle(line == Qt::SolidLine ? Qt::RoundCap : Qt::FlatCap);
  pen.setJoinStyle(Qt::RoundJoin);
  return pen;
}

QColor Style::paper() const {
  return dark() ? QColor(0x1B, 0x1D, 0x21) : colors::paper;
}

QColor Style::ink() const {
  return dark() ? QColor(0xE4, 0xE4, 0xE4) : colors::ink;
}

QColor Style::softInk() const {
  return dark() ? QColor(0xA6, 0xA6, 0xA6) : QColor(0x6B, 0x6B, 0x6B);
}

QColor Style::gridLine() const {
  return dark() ? QColor(0x3A, 0x3D, 0x43) : QColor(0xE4, 0xE4, 0xE4);
}

QColor Style::blue() const {
  return dark() ? QColor(0x2F, 0x8F, 0xD0) : QColor(0x00, 0x72, 0xB2);
}

QColor Style::skyBlue() const {
  return dark() ? QColor(0x9A, 0xD7, 0xF7) : QColor(0x56, 0xB4, 0xE9);
}

QColor Style::series(std::size_t n) const {
  const std::array<QColor, 7> all = {
      blue(), colors::vermillion, colors::green, colors::orange, colors::purple, skyBlue(), dark() ? ink() : Qt::black};
  return all[n % all.size()];
}

QColor Style::shade(std::size_t n, std::size_t all) const {
  // The map's last tenth is lost on white, its first quarter on black.
  const double place = all > 1 ? double(n) / double(all - 1) : 0;
  return colors::viridis(dark() ? 0.28 + 0.72 * place : 0.9 * place);
}

QColor Style::lettering(const QColor& color) const {
  constexpr double readable = 4.5;
  QColor letters = color;
  for (int step = 110; step <= 200 && contrast(letters, paper()) < readable; step += 10) {
    letters = dark() ? color.lighter(step) : color.darker(step);
  }
  return letters;
}

double contrast(const QColor& a, const QColor& b) {
  const auto luminance = [](const QColor& color) {
    const auto linear = [](double part) {
      return part <= 0.04045 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4);
    };
    return 0.2126 * linear(color.redF()) + 0.7152 * linear(color.greenF()) + 0.0722 * linear(color.blueF());
  };
  const auto [low, high] = std::minmax({luminance(a), luminance(b)});
  return (high + 0.05) / (low + 0.05);
}

namespace colors {

QColor viridis(double position) {
  static constexpr std::array<unsigned, viridisStops> stops = {
      0x440154, 0x481769, 0x472a7a, 0x433d84, 0x3d4e8a, 0x355e8d, 0x2e6d8e, 0x297b8e, 0x23898e,
      0x1f978b, 0x21a585, 0x2eb37c, 0x46c06f, 0x65cb5e, 0x89d548, 0xb0dd2f, 0xd8e219, 0xfde725};
  if (std::isnan(position)) return paper;
  const double at = std::clamp(position, 0.0, 1.0) * (viridisStops - 1);
  const int low = std::min(int(at), viridisStops - 2);
  const double share = at - low;
  const QColor a = QColor::fromRgb(stops[low]), b = QColor::fromRgb(stops[low + 1]);
  const auto mix = [&](int from, int to) { return int(std::lround(from + share * (to - from))); };
  return QColor(mix(a.red(), b.red()), mix(a.green(), b.green()), mix(a.blue(), b.blue()));
}

}  // namespace colors

namespace {

QString exchangeDigits(const QString& text, const QString& digits, QChar minus) {
  QString out;
  for (const QChar c : text) {
    if (c.isDigit()) out += digits[c.digitValue()];
    if (c == '-') out += minus;
  }
  return out;
}

}  // namespace

QString powerOfTen(int exponent) {
  return "10" + exchangeDigits(QString::number(exponent), QStringLiteral("⁰¹²³⁴⁵⁶⁷⁸⁹"), QChar(0x207B));
}

QString subscript(std::int64_t number) {
  return exchangeDigits(QString::number(number), QStringLiteral("₀₁₂₃₄₅₆₇₈₉"), QChar(0x208B));
}

QString numberText(double value, int digits) {
  if (std::isnan(value)) return "nan";
  const QString sign = value < 0 ? QStringLiteral("−") : QString();
  const double size = std::abs(value);
  if (std::isinf(size)) return sign + "inf";
  if (size == 0) return "0";
  if (size >= 1e-3 && size < 1e5) {
    // Fixed notation always: 'g' would turn 12345 into 1.23e+04.
    const int decimals = std::clamp(digits - 1 - int(std::floor(std::log10(size))), 0, 12);
    QString text = QString::number(size, 'f', decimals);
    if (text.contains('.')) {
      while (text.endsWith('0')) text.chop(1);
      if (text.endsWith('.')) text.chop(1);
    }
    return sign + text;
  }
  const QString text = QString::number(size, 'e', digits - 1);
  const qsizetype e = text.indexOf('e');
  QString mantissa = text.left(e);
  if (mantissa.contains('.')) {
    while (mantissa.endsWith('0')) mantissa.chop(1);
    if (mantissa.endsWith('.')) mantissa.chop(1);
  }
  const QString power = powerOfTen(text.mid(e + 1).toInt());
  return sign + (mantissa == "1" ? power : mantissa + QStringLiteral("×") + power);
}

}  // namespace eigenscape
