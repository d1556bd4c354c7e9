// SPDX-License-Identifier: GPL-3.0-or-later
#include <QImage>
#include <QPainter>
#include <QSvgRenderer>
#include <QTemporaryDir>
#include <QTest>
#include <array>
#include <cmath>
#include <fstream>

#include "support/sample_run.h"
#include "views/figure.h"
#include "views/gl_context.h"
#include "views/style.h"

using namespace eigenscape;
namespace fs = std::filesystem;

namespace {

using Matrix = std::array<std::array<double, 3>, 3>;

constexpr Matrix normal = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
// Machado, Oliveira and Fernandes (2009), severity 1.
constexpr Matrix deuteranopia = {
    {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}}};
constexpr Matrix protanopia = {
    {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}}};

/// CIE L*a*b* of what an eye of that kind sees.
std::array<double, 3> seen(const QColor& color, const Matrix& eye) {
  const auto linear = [](double part) {
    return part <= 0.04045 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4);
  };
  const std::array<double, 3> light = {linear(color.redF()), linear(color.greenF()), linear(color.blueF())};
  std::array<double, 3> rgb{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) rgb[i] += eye[i][j] * light[j];
    rgb[i] = std::clamp(rgb[i], 0.0, 1.0);
  }
  const auto root = [](double t) { return t > 0.008856 ? std::cbrt(t) : 7.787 * t + 16.0 / 116; };
  const double x = root((0.4124 * rgb[0] + 0.3576 * rgb[1] + 0.1805 * rgb[2]) / 0.9505),
               y = root(0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]),
               z = root((0.0193 * rgb[0] + 0.1192 * rgb[1] + 0.9505 * rgb[2]) / 1.089);
  return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

double difference(const QColor& a, const QColor& b, const Matrix& eye) {
  const auto p = seen(a, eye), q = seen(b, eye);
  return std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
}

Style styleOf(Theme theme) {
  Style style;
  style.theme = theme;
  return style;
}

/// Of the picture without the share `border` on each side, how much `holds` for.
template <class Predicate>
double share(const QImage& image, Predicate&& holds) {
  qint64 count = 0;
  for (int y = 0; y < image.height(); ++y) {
    for (int x = 0; x < image.width(); ++x) count += holds(image.pixelColor(x, y));
  }
  return double(count) / double(qint64(image.width()) * image.height());
}

sample::Options everything() {
  sample::Options options;
  options.curvature = true;
  options.points = 9;
  options.epochs = 4;
  options.layers = 5;
  return options;
}

}  // namespace

class TestTheme : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void seriesAreToldApart();
  void textIsReadable();
  void everyFigureFollows_data();
  void everyFigureFollows();
  void vectorFilesHaveTheirGround();
};

void TestTheme::seriesAreToldApart() {
  for (const Theme theme : {Theme::Light, Theme::Dark}) {
    const Style style = styleOf(theme);
    for (std::size_t i = 0; i < 7; ++i) {
      if (style.dark()) QVERIFY2(contrast(style.series(i), style.paper()) >= 3, qPrintable(style.series(i).name()));
      for (std::size_t j = 0; j < i; ++j) {
        for (const auto& eye : {normal, deuteranopia, protanopia}) {
          const double apart = difference(style.series(i), style.series(j), eye);
          QVERIFY2(apart > 17, qPrintable(QString("%1 %2 %3").arg(i).arg(j).arg(apart)));
        }
      }
    }
    for (std::size_t i = 0; i < 20; ++i)
      QVERIFY(contrast(style.shade(i, 20), style.paper()) > (style.dark() ? 2 : 1.5));
  }
}

void TestTheme::textIsReadable() {
  QVERIFY(std::abs(contrast(Qt::black, Qt::white) - 21) < 1e-9);
  for (const Theme theme : {Theme::Light, Theme::Dark}) {
    const Style style = styleOf(theme);
    QVERIFY(contrast(style.ink(), style.paper()) > 10);
    QVERIFY(contrast(style.softInk(), style.paper()) > 4.5);
    for (std::size_t i = 0; i < 7; ++i) {
      const QColor letters = style.lettering(style.series(i));
      QVERIFY2(contrast(letters, style.paper()) >= 4.5, qPrintable(letters.name()));
      // As little changed as that takes: it still is the series' colour.
      QVERIFY2(contrast(letters, style.paper()) < 8 || letters == style.series(i), qPrintable(letters.name()));
    }
  }
}

void TestTheme::everyFigureFollows_data() {
  QTest::addColumn<QString>("kind");
  QTest::addColumn<QString>("name");
  for (const auto& id : windowFigures(sample::run(everything()))) {
    QTest::newRow(qPrintable(id.fileStem())) << id.kind << id.name;
  }
}

void TestTheme::everyFigureFollows() {
  QFETCH(QString, kind);
  QFETCH(QString, name);
  const auto run = sample::shared(everything());
  const auto figure = makeFigure({kind, name});
  figure->resize(640, 480);
  figure->showRun(run, 4);
  ExportOptions options;
  const QColor light = styleOf(Theme::Light).paper(), dark = styleOf(Theme::Dark).paper();
  try {
    QCOMPARE(figure->picture(options).pixelColor(3, 3), light);
    options.theme = Theme::Dark;
    const QImage picture = figure->picture(options);
    for (const QPoint& corner : {QPoint(3, 3), QPoint(picture.width() - 4, 3), QPoint(3, picture.height() - 4)}) {
      QCOMPARE(picture.pixelColor(corner), dark);
    }
    // No patch of the other paper, and letters that can be seen. Halos and iso-lines upon colour maps are white.
    QVERIFY(share(picture, [](const QColor& c) { return c.lightness() > 250; }) < 0.02);
    QVERIFY(share(picture, [&](const QColor& c) { return contrast(c, dark) > 5; }) > 0.003);
    QVERIFY(share(picture, [](const QColor& c) { return c == QColor(Qt::black); }) < 0.005);
    // The same on screen, and back again; the export has its own choice.
    figure->setTheme(Theme::Dark);
    QCOMPARE(figure->grab().toImage().pixelColor(3, 3), dark);
    QCOMPARE(figure->picture({}).pixelColor(3, 3), light);
    QCOMPARE(figure->screenOptions(figure->size()).theme, Theme::Dark);
    figure->setTheme(Theme::Light);
    QCOMPARE(figure->grab().toImage().pixelColor(3, 3), light);
  } catch (const NoOpenGl& missing) {
    QSKIP(missing.what());
  }
}

void TestTheme::vectorFilesHaveTheirGround() {
  const QTemporaryDir folder;
  const auto figure = makeFigure({"training", {}});
  figure->resize(640, 480);
  figure->showRun(sample::shared(everything()), 4);
  ExportOptions options;
  options.theme = Theme::Dark;
  const fs::path svg = fs::path(folder.path().toStdString()) / "a.svg", pdf = svg.parent_path() / "a.pdf";
  figure->exportTo(svg, options);
  QSvgRenderer renderer(QString::fromStdString(svg.string()));
  QVERIFY(renderer.isValid());
  QImage image(480, 360, QImage::Format_RGB32);
  image.fill(Qt::white);
  QPainter painter(&image);
  renderer.render(&painter);
  painter.end();
  const QColor dark = styleOf(Theme::Dark).paper();
  // The middle too: what hides lines outside of the axes is of the same paper.
  QVERIFY(share(image, [&](const QColor& c) { return c == dark; }) > 0.5);
  QVERIFY(share(image, [](const QColor& c) { return c == QColor(Qt::white); }) < 0.001);
  figure->exportTo(pdf, options);
  const auto darkSize = fs::file_size(pdf);
  options.theme = Theme::Light;
  figure->exportTo(pdf, options);
  QVERIFY(darkSize > 1000 && fs::file_size(pdf) > 1000);
}

QTEST_MAIN(TestTheme)
#include "tst_theme.moc"
