// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QTest>
#include <cmath>
#include <cstdlib>

#include "support/sample_run.h"
#include "views/figure.h"
#include "views/gl_context.h"

using namespace eigenscape;

namespace {

// A picture is compared as a mosaic of cells of 8 × 8 of its pixels, of which letters fill a part: another version of a
// font or of a rasterizer changes a cell by some twenty levels of 255, and drawing with half the pixels is within the
// limits (theLimitsTellFiguresApart). A curve that moves by a cell, another theme or colour map, a legend on the other
// side or an axis with other ticks are beyond them.
constexpr QSize kMosaic(90, 68);
constexpr double kMeanLevels = 4, kShareOfCells = 0.02;
constexpr int kLevels = 48;

QString baselineOf(const FigureId& id, Theme theme) {
  return QStringLiteral(EIGENSCAPE_SOURCE_DIR "/tests/views/baselines/%1%2.png")
      .arg(id.fileStem(), theme == Theme::Dark ? "-dark" : "");
}

QImage mosaic(const QImage& picture) {
  return picture.convertToFormat(QImage::Format_RGB888)
      .scaled(kMosaic, Qt::IgnoreAspectRatio, Qt::SmoothTransformation);
}

QImage draw(const FigureId& id, Theme theme, double scale) {
  sample::Options options;
  options.curvature = true;
  options.epochs = 6;
  options.layers = 5;
  options.bottom = 2;
  const auto figure = makeFigure(id);
  figure->showRun(sample::shared(options), 6);
  ExportOptions drawing;
  drawing.theme = theme;
  drawing.scale = scale;
  return figure->picture(drawing);
}

}  // namespace

/// Pictures against stored ones, each of which somebody has looked at. After a change that is meant, EIGENSCAPE_RENEW=1
/// writes them anew; look at them before they are committed.
class TestBaselines : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void looksTheSame_data() {
    QTest::addColumn<QString>("kind");
    QTest::addColumn<QString>("name");
    QTest::addColumn<bool>("dark");
    for (const char* kind : {"spectrum", "density", "trajectories", "layers"})
      QTest::newRow(kind) << kind << "" << false;
    QTest::newRow("profile") << "profile"
                             << "along-e1" << false;
    QTest::newRow("contour") << "contour"
                             << "e1-e2" << false;
    QTest::newRow("contour, dark") << "contour"
                                   << "e1-e2" << true;
    QTest::newRow("surface") << "surface"
                             << "e1-e2" << false;
  }

  void looksTheSame() {
    QFETCH(QString, kind);
    QFETCH(QString, name);
    QFETCH(bool, dark);
    const FigureId id{kind, name};
    const Theme theme = dark ? Theme::Dark : Theme::Light;
    QImage drawn;
    try {
      drawn = mosaic(draw(id, theme, 2));
    } catch (const NoOpenGl& missing) {
      QSKIP(missing.what());
    }
    if (std::getenv("EIGENSCAPE_RENEW")) {
      QVERIFY(drawn.save(baselineOf(id, theme)));
      return;
    }
    const QImage stored = QImage(baselineOf(id, theme)).convertToFormat(QImage::Format_RGB888);
    QCOMPARE(stored.size(), drawn.size());
    double sum = 0;
    int beyond = 0;
    for (int y = 0; y < drawn.height(); ++y) {
      for (int x = 0; x < drawn.width(); ++x) {
        const QColor a = drawn.pixelColor(x, y), b = stored.pixelColor(x, y);
        const int levels =
            std::max({std::abs(a.red() - b.red()), std::abs(a.green() - b.green()), std::abs(a.blue() - b.blue())});
        sum += levels;
        beyond += levels > kLevels;
      }
    }
    const double cells = double(kMosaic.width()) * kMosaic.height(), mean = sum / cells, share = beyond / cells;
    const QString said = QStringLiteral("%1 levels on average, %2 of the cells differ").arg(mean).arg(share);
    if (mean > kMeanLevels || share > kShareOfCells) drawn.save(QDir::temp().filePath(id.fileStem() + "-mosaic.png"));
    QVERIFY2(mean <= kMeanLevels && share <= kShareOfCells, qPrintable(said));
  }

  // The limits tell pictures apart that people would: no figure passes for another, nor light for dark.
  void theLimitsTellFiguresApart() {
    const QImage light = mosaic(draw({"spectrum", {}}, Theme::Light, 2)),
                 dark = mosaic(draw({"spectrum", {}}, Theme::Dark, 2)),
                 other = mosaic(draw({"trajectories", {}}, Theme::Light, 2)),
                 sharp = mosaic(draw({"spectrum", {}}, Theme::Light, 1));
    const auto share = [&](const QImage& picture) {
      int beyond = 0;
      for (int y = 0; y < picture.height(); ++y) {
        for (int x = 0; x < picture.width(); ++x)
          beyond += std::abs(qGray(picture.pixel(x, y)) - qGray(light.pixel(x, y))) > kLevels;
      }
      return beyond / (double(kMosaic.width()) * kMosaic.height());
    };
    QVERIFY2(share(dark) > 10 * kShareOfCells, qPrintable(QString::number(share(dark))));
    QVERIFY2(share(other) > kShareOfCells, qPrintable(QString::number(share(other))));
    QVERIFY2(share(sharp) < kShareOfCells, qPrintable(QString::number(share(sharp))));
  }
};

QTEST_MAIN(TestBaselines)
#include "tst_baselines.moc"
