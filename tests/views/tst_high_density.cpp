// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QTest>

#include "support/sample_run.h"
#include "views/figure.h"
#include "views/gl_context.h"
#include "views/style.h"

using namespace eigenscape;

namespace {

/// The share of the pixels' blocks, two by two, that are not of one colour, among those that differ from their ground:
/// none in a picture that was made at half the density and blown up.
double fineShare(const QImage& image) {
  int fine = 0, all = 0;
  const QRgb ground = image.pixel(1, 1);
  for (int y = 0; y + 1 < image.height(); y += 2) {
    for (int x = 0; x + 1 < image.width(); x += 2) {
      const QRgb a = image.pixel(x, y), b = image.pixel(x + 1, y), c = image.pixel(x, y + 1),
                 d = image.pixel(x + 1, y + 1);
      if (a == ground && b == ground && c == ground && d == ground) continue;
      ++all;
      fine += a != b || a != c || a != d;
    }
  }
  return all ? double(fine) / all : 0;
}

/// What smoothing to half the density takes away, from 0 to 255: little of a picture that was blown up smoothly.
double lostByHalving(const QImage& image) {
  const QImage plain = image.convertToFormat(QImage::Format_RGB32);
  const QImage soft = plain.scaled(plain.size() / 2, Qt::IgnoreAspectRatio, Qt::SmoothTransformation)
                          .scaled(plain.size(), Qt::IgnoreAspectRatio, Qt::SmoothTransformation);
  double lost = 0;
  int edges = 0;
  for (int y = 0; y < plain.height(); ++y) {
    for (int x = 0; x < plain.width(); ++x) {
      const int difference = std::abs(qGray(plain.pixel(x, y)) - qGray(soft.pixel(x, y)));
      if (difference > 0) ++edges, lost += difference;
    }
  }
  return edges ? lost / edges : 0;
}

/// Whether something is cut off by the picture's edge: nothing is drawn along it.
bool touchesTheEdge(const QImage& image) {
  const QRgb ground = image.pixel(0, 0);
  for (int x = 0; x < image.width(); ++x) {
    if (image.pixel(x, 0) != ground || image.pixel(x, image.height() - 1) != ground) return true;
  }
  for (int y = 0; y < image.height(); ++y) {
    if (image.pixel(0, y) != ground || image.pixel(image.width() - 1, y) != ground) return true;
  }
  return false;
}

sample::Options everything() {
  sample::Options options;
  options.curvature = true;
  options.layers = 8;
  return options;
}

}  // namespace

// A screen of twice the usual density: this program runs as on one.
class TestHighDensity : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void everyFigureIsSharpAndWhole_data() {
    QTest::addColumn<QString>("kind");
    QTest::addColumn<QString>("name");
    for (const auto& id : windowFigures(sample::run(everything())))
      QTest::newRow(qPrintable(id.fileStem())) << id.kind << id.name;
  }
  void everyFigureIsSharpAndWhole() {
    QFETCH(QString, kind);
    QFETCH(QString, name);
    if (kind.startsWith("surface") || kind == "landscape") {
      try {
        GlContext context;
      } catch (const NoOpenGl& missing) {
        QSKIP(missing.what());
      }
    }
    const auto figure = makeFigure({kind, name});
    figure->resize(kind == "landscape" ? QSize(1000, 640) : QSize(560, 420));
    figure->showRun(sample::shared(everything()), 10);
    const QImage image = figure->grab().toImage();
    QCOMPARE(image.devicePixelRatio(), 2.0);
    QCOMPARE(image.size(), 2 * figure->size());
    QVERIFY2(fineShare(image) > 0.1, qPrintable(QString::number(fineShare(image))));
    QVERIFY2(lostByHalving(image) > 4, qPrintable(QString::number(lostByHalving(image))));
    if (kind != "landscape") QVERIFY(!touchesTheEdge(image));
    // What is exported does not depend on the screen.
    if (kind != "landscape") QCOMPARE(figure->picture({}).size(), QSize(907, 680));
  }

  void aPictureThatWasBlownUpWouldBeFound() {
    const auto figure = makeFigure({"training", {}});
    figure->resize(560, 420);
    figure->showRun(sample::shared(everything()), 10);
    ExportOptions half = figure->screenOptions(figure->size());
    half.scale = 1;
    const QImage small = figure->picture(half);
    QVERIFY(fineShare(small.scaled(2 * small.size())) == 0);
    const QImage soft = small.scaled(2 * small.size(), Qt::IgnoreAspectRatio, Qt::SmoothTransformation);
    QVERIFY2(lostByHalving(soft) < lostByHalving(figure->grab().toImage()) / 2,
             qPrintable(QString::number(lostByHalving(soft))));
  }
};

int main(int argc, char** argv) {
  qputenv("QT_SCALE_FACTOR", "2");
  QApplication app(argc, argv);
  TestHighDensity test;
  return QTest::qExec(&test, argc, argv);
}
#include "tst_high_density.moc"
