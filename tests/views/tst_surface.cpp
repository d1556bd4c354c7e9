// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QSignalSpy>
#include <QTest>
#include <QWheelEvent>
#include <cmath>
#include <limits>
#include <tuple>

#include "core/results/error.h"
#include "support/sample_run.h"
#include "views/gl_context.h"
#include "views/order_picture.h"
#include "views/picture.h"
#include "views/surface.h"

using namespace eigenscape;

namespace {

constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();

std::unique_ptr<SurfaceFigure> figureOf(std::shared_ptr<const RunResults> run) {
  auto figure = std::make_unique<SurfaceFigure>(FigureId{"surface", "e1-e2"});
  figure->resize(480, 360);
  figure->showRun(std::move(run), 10);
  return figure;
}

/// A page whose picture fails when that of its part is under way.
class FailingPage : public Figure {
 public:
  explicit FailingPage(std::unique_ptr<SurfaceFigure> part)
      : Figure({QStringLiteral("failing"), {}}), part_(part.release()) {
    part_->setParent(this);
  }
  void showRun(std::shared_ptr<const RunResults>, std::int64_t) override {}
  QStringList formats() const override { return {}; }
  void exportTo(const std::filesystem::path&, const ExportOptions&) override {}
  void resetView() override {}
  Picture toPicture() override { return {}; }
  QImage picture(const ExportOptions& options) override {
    part_->picture(options);
    throw RunError("the page has no picture");
  }
  SurfaceFigure* part() const { return part_; }

 private:
  SurfaceFigure* part_;
};

/// The caption with plain spaces.
QString captionOf(const SurfaceFigure& figure) {
  return figure.caption().replace(QChar(0xA0), ' ').replace(QChar(0x202F), ' ');
}

/// Pixels that are coloured, as neither paper, ink nor grey lines are.
int colouredPixels(const QImage& image) {
  int count = 0;
  for (int y = 0; y < image.height(); ++y) {
    for (int x = 0; x < image.width() * 3 / 4; ++x) {  // without the colour scale
      const QColor c = image.pixelColor(x, y);
      count += c.saturation() > 60;
    }
  }
  return count;
}

/// The share of pixels that differ visibly; 1 where the sizes do.
double unlikePixels(const QImage& a, const QImage& b) {
  if (a.size() != b.size()) return 1;
  int count = 0;
  for (int y = 0; y < a.height(); ++y) {
    for (int x = 0; x < a.width(); ++x) {
      const QColor p = a.pixelColor(x, y), q = b.pixelColor(x, y);
      count += std::abs(p.red() - q.red()) + std::abs(p.green() - q.green()) + std::abs(p.blue() - q.blue()) > 48;
    }
  }
  return double(count) / (a.width() * a.height());
}

int reddishPixels(const QImage& image) {
  int count = 0;
  for (int y = 0; y < image.height(); ++y) {
    for (int x = 0; x < image.width(); ++x) {
      const QColor c = image.pixelColor(x, y);
      count += c.red() > 120 && c.green() < 0.65 * c.red() && c.blue() < 70;
    }
  }
  return count;
}

}  // namespace

class TestSurface : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() {
    try {
      GlContext context;
    } catch (const NoOpenGl& missing) {
      QSKIP(missing.what());
    }
  }

  void thePictureShowsASurface() {
    const QImage image = figureOf(sample::shared())->picture({});
    QCOMPARE(image.size(), QSize(907, 680));
    QVERIFY2(colouredPixels(image) > 40000, qPrintable(QString::number(colouredPixels(image))));
    QVERIFY2(reddishPixels(image) > 30, "the centre is marked");
  }

  void itIsTheSameEachTime() {
    QCOMPARE(figureOf(sample::shared())->picture({}), figureOf(sample::shared())->picture({}));
  }

  void itFollowsDataSplitAndView() {
    auto figure = figureOf(sample::shared());
    const QImage first = figure->picture({});
    figure->setView({30, 50, 1});
    const QImage turned = figure->picture({});
    QVERIFY(turned != first);
    figure->resetView();
    QCOMPARE(figure->picture({}), first);
    figure->setSplit("test");
    QCOMPARE(figure->split(), QString("test"));
    QVERIFY(figure->picture({}) != first);
    figure->setSplit("train");
    sample::Options steeper;
    steeper.surfaceSpan = 3;
    figure->showRun(sample::shared(steeper), 10);
    QVERIFY(figure->picture({}) != first);
  }

  void aLogarithmicHeightIsSaid() {
    sample::Options options;
    options.surfaceSpan = 1000;
    QVERIFY(captionOf(*figureOf(sample::shared(options))).contains("logarithmic"));
    options.surfaceSpan = 0.1;
    QVERIFY(!captionOf(*figureOf(sample::shared(options))).contains("logarithmic"));
  }

  void pointsThatAreNotFiniteAreHoles() {
    sample::Options options;
    const int whole = colouredPixels(figureOf(sample::shared(options))->picture({}));
    options.notFinite = true;
    const auto figure = figureOf(sample::shared(options));
    const int holed = colouredPixels(figure->picture({}));
    QVERIFY(holed < whole);
    QVERIFY(holed > whole / 2);
    QVERIFY(captionOf(*figure).contains("not finite (left open)"));
  }

  void allNotFiniteAndAllMissing() {
    RunResults run = sample::run();
    for (auto& row : run.surfaces) row.loss = notANumber;
    const auto figure = figureOf(std::make_shared<RunResults>(run));
    QVERIFY(figure->emptyMessage().contains("finite"));
    QCOMPARE(colouredPixels(figure->picture({})), 0);
    figure->grab();
    run.surfaces.clear();
    figure->showRun(std::make_shared<RunResults>(run), 10);
    QVERIFY(!figure->emptyMessage().isEmpty());
    figure->showRun(sample::shared(), 10);
    QVERIFY(figure->emptyMessage().isEmpty());
    QVERIFY(colouredPixels(figure->picture({})) > 40000);
  }

  void outliersAreClippedAndCounted() {
    RunResults run = sample::run();
    run.surfaces[0].loss = 1e20;
    run.surfaces[2].loss = 1e25;
    QVERIFY2(captionOf(*figureOf(std::make_shared<RunResults>(run))).contains("2 of 441 points above"),
             qPrintable(captionOf(*figureOf(std::make_shared<RunResults>(run)))));
  }

  void flatAndTwoByTwo() {
    RunResults run = sample::run();
    for (auto& row : run.surfaces) row.loss = 1;
    QVERIFY(colouredPixels(figureOf(std::make_shared<RunResults>(run))->picture({})) > 10000);
    sample::Options options;
    options.points = 2;
    QVERIFY(colouredPixels(figureOf(sample::shared(options))->picture({})) > 10000);
  }

  void theMouseTurnsZoomsAndResets() {
    const auto figure = figureOf(sample::shared());
    figure->show();
    QVERIFY(QTest::qWaitForWindowExposed(figure.get()));
    const SurfaceView start = figure->view();
    QTest::mousePress(figure.get(), Qt::LeftButton, {}, QPoint(200, 200));
    QMouseEvent move(QEvent::MouseMove, QPointF(240, 210), figure->mapToGlobal(QPointF(240, 210)), Qt::NoButton,
                     Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(figure.get(), &move);
    QVERIFY(figure->view().azimuth != start.azimuth);
    QVERIFY(figure->view().elevation > start.elevation);
    QWheelEvent wheel(QPointF(200, 200), figure->mapToGlobal(QPointF(200, 200)), {}, {0, 240}, Qt::NoButton,
                      Qt::NoModifier, Qt::NoScrollPhase, false);
    QApplication::sendEvent(figure.get(), &wheel);
    QVERIFY(figure->view().zoom > 1);
    QSignalSpy fullPage(figure.get(), &Figure::fullPageRequested);
    QTest::mouseDClick(figure.get(), Qt::LeftButton, {}, QPoint(200, 200));
    QCOMPARE(fullPage.size(), 1);
    figure->resetView();
    QCOMPARE(figure->view(), start);
  }

  void thePointerReadsThePointBelowIt() {
    const auto figure = figureOf(sample::shared());
    figure->setView({-90, 89, 1});  // from above, α to the right
    const QImage screen = figure->grab().toImage();
    QVERIFY(colouredPixels(screen) > 5000);
    // The red mark of the centre tells where (0, 0) is.
    QPointF centre;
    int count = 0;
    for (int y = 0; y < screen.height(); ++y) {
      for (int x = 0; x < screen.width(); ++x) {
        const QColor c = screen.pixelColor(x, y);
        if (!(c.red() > 120 && c.green() < 0.65 * c.red() && c.blue() < 70)) continue;
        centre += QPointF(x, y);
        ++count;
      }
    }
    QVERIFY(count > 3);
    centre /= count * screen.devicePixelRatio();
    QSignalSpy spy(figure.get(), &Figure::hovered);
    QMouseEvent move(QEvent::MouseMove, centre, figure->mapToGlobal(centre), Qt::NoButton, Qt::NoButton,
                     Qt::NoModifier);
    QApplication::sendEvent(figure.get(), &move);
    QCOMPARE(spy.size(), 1);
    const QString said = spy.last().at(0).toString();
    QVERIFY2(said.contains(QStringLiteral("α = 0, β = 0")), qPrintable(said));
    QVERIFY(said.contains("train loss 0.11"));
  }

  // The screen's picture is made elsewhere, and is the one that is exported.
  void theScreenDoesNotWaitAndShowsTheSame() {
    const auto figure = figureOf(sample::shared());
    figure->show();
    QVERIFY(QTest::qWaitForWindowExposed(figure.get()));
    QTRY_VERIFY(figure->isUpToDate());
    ExportOptions options = figure->screenOptions(figure->size());
    options.scale = 1;
    double unlike = unlikePixels(figure->grab().toImage(), figure->picture(options));
    QVERIFY2(unlike < 0.002, qPrintable(QString::number(unlike)));
    figure->setView({30, 50, 1});
    QVERIFY(!figure->isUpToDate());
    const QImage before = figure->grab().toImage();  // asks for the new one and paints the old one
    QVERIFY(!figure->isUpToDate());
    QTRY_VERIFY(figure->isUpToDate());
    QVERIFY(figure->grab().toImage() != before);
    figure->resetView();
    figure->resize(400, 300);
    QTRY_VERIFY(figure->isUpToDate());
    options = figure->screenOptions(figure->size());
    options.scale = 1;
    unlike = unlikePixels(figure->grab().toImage(), figure->picture(options));
    QVERIFY2(unlike < 0.002, qPrintable(QString::number(unlike)));
  }

  void anOrderedPictureIsTheSame() {
    const QImage wanted = figureOf(sample::shared())->picture({});
    const auto figure = figureOf(sample::shared());
    bool there = false;
    orderPicture(*figure, {}, [&] { there = true; });
    QVERIFY(!there);
    QVERIFY(figure->hasOrders());
    QTRY_VERIFY(there);
    QVERIFY(!figure->hasOrders());
    QCOMPARE(figure->picture({}), wanted);
    // Several at once, as copied and exported: each is there when its turn comes.
    ExportOptions large;
    large.widthMm = 160;
    QStringList made;
    const auto isReady = [&](const ExportOptions& options) {
      figure->setOrdering(true);
      figure->picture(options);
      figure->setOrdering(false);
      return !figure->hasOrders();
    };
    orderPicture(*figure, large, [&] { made << (isReady(large) ? "large" : "not large"); });
    orderPicture(*figure, {}, [&] { made << (isReady({}) ? "usual" : "not usual"); });
    orderPicture(*figure, large, [&] { made << (isReady(large) ? "large" : "not large"); });
    QTRY_COMPARE(made, (QStringList{"large", "usual", "large"}));
    const auto plot = makeFigure({"training", {}});
    plot->showRun(sample::shared(), 10);
    there = false;
    orderPicture(*plot, {}, [&] { there = true; });
    QVERIFY(there);
    // A figure that goes away with what is being made for it.
    auto gone = figureOf(sample::shared());
    there = false;
    orderPicture(*gone, {}, [&] { there = true; });
    gone.reset();
    QCoreApplication::processEvents();
    QVERIFY(!there);
    // A picture that fails leaves its parts as they were, and who fetches it is told.
    FailingPage page(figureOf(sample::shared()));
    QStringList told;
    connect(&page, &Figure::failed, this, [&](const QString& message) { told << message; });
    page.copyPicture();
    QTRY_COMPARE(told, QStringList("the page has no picture"));
    QCOMPARE(page.part()->picture({}), wanted);
  }

  // Of a large surface that turns a coarser one is drawn, and all of it once it rests.
  void aLargeSurfaceMovesCoarsely() {
    sample::Options options;
    options.points = 181;
    const auto figure = figureOf(sample::shared(options));
    figure->show();
    QVERIFY(QTest::qWaitForWindowExposed(figure.get()));
    QTRY_VERIFY(figure->isUpToDate());
    int step = 120;
    const auto caughtMoving = [&] {
      if (!figure->isMoving()) {
        QWheelEvent wheel(QPointF(200, 200), figure->mapToGlobal(QPointF(200, 200)), {}, {0, step = -step},
                          Qt::NoButton, Qt::NoModifier, Qt::NoScrollPhase, false);
        QApplication::sendEvent(figure.get(), &wheel);
      }
      return figure->isMoving() && figure->isUpToDate();
    };
    QTRY_VERIFY(caughtMoving());
    const QImage moving = figure->grab().toImage();
    QTRY_VERIFY(!figure->isMoving() && figure->isUpToDate());
    const QImage resting = figure->grab().toImage();
    QVERIFY(moving != resting);
    const double ratio = double(colouredPixels(moving)) / colouredPixels(resting);
    QVERIFY2(ratio > 0.95 && ratio < 1.05, qPrintable(QString::number(ratio)));
  }

  void titlesStayInsideThePicture() {
    sample::Options options;
    options.surfaceSpan = 1000;  // "loss (log)"
    auto run = *sample::shared(options);
    for (auto& info : run.info.landscapes)
      info.x = "eigenvector:1@layer2.1.conv2", info.y = "eigenvector:2@layer2.1.conv2";
    const auto shared = std::make_shared<const RunResults>(run);
    ExportOptions picture;
    picture.caption = false;
    picture.scale = 1;
    for (const auto& [kind, width, height] :
         {std::tuple{"surface", 120.0, 90.0}, {"surface", 88.0, 60.0}, {"surface-both", 135.0, 70.0}}) {
      SurfaceFigure figure({QString::fromLatin1(kind), "e1-e2"});
      figure.showRun(shared, 10);
      picture.widthMm = width, picture.heightMm = height;
      const QImage image = figure.picture(picture);
      // A letter that is cut off reaches the edge.
      const auto isClear = [&](int x, int y) { return image.pixelColor(x, y) == image.pixelColor(0, 0); };
      for (int y = 0; y < image.height(); ++y) QVERIFY2(isClear(0, y), kind);
      for (int x = 0; x < image.width(); ++x) QVERIFY2(isClear(x, image.height() - 1), kind);
    }
  }

  void trainAndTestSideBySide() {
    SurfaceFigure figure({"surface-both", "e1-e2"});
    figure.resize(800, 400);
    figure.showRun(sample::shared(), 10);
    QCOMPARE(figure.formats(), (QStringList{"png", "csv"}));
    QVERIFY(figure.splits().isEmpty());
    const QImage both = figure.picture({});
    const auto coloured = [](const QImage& image, int from, int to) {
      int count = 0;
      for (int y = 0; y < image.height(); ++y) {
        for (int x = from; x < to; ++x) count += image.pixelColor(x, y).saturation() > 60;
      }
      return count;
    };
    const int panel = (both.width() - both.width() * 22 / 120) / 2;
    QVERIFY(coloured(both, 0, panel) > 8000);
    QVERIFY(coloured(both, panel, 2 * panel) > 8000);
    QVERIFY(captionOf(figure).contains("train"));
    QVERIFY(captionOf(figure).contains("test"));
    figure.setView({30, 50, 1});
    const QImage turned = figure.picture({});
    QVERIFY(turned.copy(0, 0, panel, turned.height()) != both.copy(0, 0, panel, both.height()));
    QVERIFY(turned.copy(panel, 0, panel, turned.height()) != both.copy(panel, 0, panel, both.height()));
  }

  void thePathIsDrawnOnTheSurface() {
    auto run = sample::run();
    const QImage without = figureOf(std::make_shared<RunResults>(run))->picture({});
    run.trajectory = {{"e1-e2", 0, 0.7, 0.6, 0.95}, {"e1-e2", 5, 0.4, 0.1, 0.3}, {"e1-e2", 10, 0, 0, 0}};
    const auto figure = figureOf(std::make_shared<RunResults>(run));
    const QImage with = figure->picture({});
    QVERIFY(with != without);
    QVERIFY2(captionOf(*figure).contains("ath of 3 checkpoints"), qPrintable(captionOf(*figure)));
    // What the plane does not show is pale, what it shows is not: the dots differ.
    run.trajectory[0].unexplained = 0;
    QVERIFY(figureOf(std::make_shared<RunResults>(run))->picture({}) != with);
    // Around earlier weights there is no path.
    for (auto& row : run.surfaces) row.epoch = 3;
    figure->showRun(std::make_shared<RunResults>(run), 3);
    QVERIFY(!captionOf(*figure).contains("checkpoints"));
  }

  void vectorFormatsAreRefused() {
    const auto figure = figureOf(sample::shared());
    QCOMPARE(figure->formats(), (QStringList{"png", "csv", "vtp", "obj", "glb", "h5"}));
    QVERIFY_EXCEPTION_THROWN(figure->exportTo("surface.svg", {}), RunError);
  }

  void manyFiguresLiveSideBySide() {
    std::vector<std::unique_ptr<SurfaceFigure>> figures;
    for (int i = 0; i < 4; ++i) figures.push_back(figureOf(sample::shared()));
    const QImage first = figures[0]->picture({});
    for (auto& figure : figures) QCOMPARE(figure->picture({}), first);
    figures.erase(figures.begin(), figures.begin() + 2);
    for (auto& figure : figures) {
      figure->setView({0, 40, 1});
      figure->picture({});
      figure->resetView();
      QCOMPARE(figure->picture({}), first);
    }
  }
};

QTEST_MAIN(TestSurface)
#include "tst_surface.moc"
