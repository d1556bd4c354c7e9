// SPDX-License-Identifier: GPL-3.0-or-later
#include <QMenu>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "core/results/error.h"
#include "support/plots.h"
#include "views/animation.h"
#include "views/contour.h"
#include "views/cut.h"
#include "views/landscape.h"
#include "views/surface.h"
#include "views/surface_data.h"

using namespace plots;

namespace {

/// A surface whose loss is 1 + α² + 4 β² on train and twice that on test.
std::shared_ptr<const RunResults> bowl() {
  auto run = sample::run();
  run.surfaces.clear();
  for (const std::int64_t epoch : {0, 10}) {
    for (int j = 0; j <= 20; ++j) {
      for (int i = 0; i <= 20; ++i) {
        const double a = (i - 10) / 10.0, b = (j - 10) / 10.0, loss = (1 + a * a + 4 * b * b) * (epoch == 0 ? 5 : 1);
        run.surfaces.push_back({"e1-e2", epoch, a, b, "train", loss, 0.5});
        run.surfaces.push_back({"e1-e2", epoch, a, b, "test", 2 * loss, 0.25});
      }
    }
  }
  return std::make_shared<const RunResults>(std::move(run));
}

QPoint pixelsOf(const ContourFigure& contour, double alpha, double beta) {
  const auto* rect = contour.plot()->axisRect(0);
  return QPointF(rect->axis(QCPAxis::atBottom)->coordToPixel(alpha), rect->axis(QCPAxis::atLeft)->coordToPixel(beta))
      .toPoint();
}

}  // namespace

class TestLandscapePage : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() {
    page_ = std::make_unique<LandscapeFigure>(FigureId{"landscape", "e1-e2"});
    page_->resize(1000, 640);
    page_->show();
    page_->showRun(bowl(), 10);
    QCoreApplication::processEvents();
    plot_ = page_->contour()->plot();
  }
  void cleanup() { page_.reset(); }

  // A cut dragged upwards by its middle shows the profile at its new place.
  void aCutThatIsDraggedShowsAsAProfile() {
    const QSignalSpy moved(page_->contour(), &ContourFigure::cutChanged);
    QVERIFY(near(lossAt(0), 1));
    QTest::mousePress(plot_, Qt::LeftButton, {}, pixelsOf(*page_->contour(), 0.45, 0));
    QTest::mouseMove(plot_, pixelsOf(*page_->contour(), 0.45, 0.25));
    QTest::mouseMove(plot_, pixelsOf(*page_->contour(), 0.45, 0.5));
    QTest::mouseRelease(plot_, Qt::LeftButton, {}, pixelsOf(*page_->contour(), 0.45, 0.5));
    QVERIFY(moved.size() >= 1);
    const QLineF cut = page_->contour()->cut();
    QVERIFY2(std::abs(cut.y1() - 0.5) < 0.02 && near(cut.y1(), cut.y2()), qPrintable(QString::number(cut.y1())));
    QVERIFY2(std::abs(lossAt(0) - (1 + 4 * cut.y1() * cut.y1())) < 0.02, qPrintable(QString::number(lossAt(0))));
    // The map did not move along with it.
    QCOMPARE(plot_->axisRect(0)->axis(QCPAxis::atLeft)->range(), QCPRange(-1, 1));
  }

  void anEndThatIsDraggedTurnsTheCut() {
    QTest::mousePress(plot_, Qt::LeftButton, {}, pixelsOf(*page_->contour(), 0.9, 0) - QPoint(2, 0));
    QTest::mouseMove(plot_, pixelsOf(*page_->contour(), 0.5, 0.7));
    QTest::mouseRelease(plot_, Qt::LeftButton, {}, pixelsOf(*page_->contour(), 0.5, 0.7));
    const QLineF cut = page_->contour()->cut();
    QVERIFY(near(cut.x1(), -0.9) && near(cut.y1(), 0));
    QVERIFY(std::abs(cut.y2() - 0.7) < 0.03);
  }

  void theCutFollowsTheScale() {
    const auto type = [&] { return page_->cut()->plot()->axisRect(0)->axis(QCPAxis::atLeft)->scaleType(); };
    QCOMPARE(type(), QCPAxis::stLinear);
    const auto choose = [&](const QStringList& words) {
      const auto menu = page_->contextMenu();
      for (auto* sub : menu->findChildren<QMenu*>()) {
        for (auto* action : sub->actions()) {
          if (action->text().startsWith(words.first())) return action->trigger();
        }
      }
      QFAIL("no such choice");
    };
    choose({"Logarithmic"});
    QCOMPARE(type(), QCPAxis::stLogarithmic);
    choose({"Losses up to 2"});
    QVERIFY(page_->cut()->plot()->axisRect(0)->axis(QCPAxis::atLeft)->range().upper < 3);
    QVERIFY(page_->contour()->data().scaleTitle().contains("clipped at 2"));
    choose({"Linear"});
    QCOMPARE(type(), QCPAxis::stLinear);
  }

  // Beside the line a drag moves the map as on every contour, and no cut.
  void besideTheLineTheMapMoves() {
    QTest::mousePress(plot_, Qt::LeftButton, {}, pixelsOf(*page_->contour(), 0.2, 0.6));
    QTest::mouseMove(plot_, pixelsOf(*page_->contour(), 0.2, 0.5));
    QTest::mouseMove(plot_, pixelsOf(*page_->contour(), 0.2, 0.4));
    QTest::mouseRelease(plot_, Qt::LeftButton, {}, pixelsOf(*page_->contour(), 0.2, 0.4));
    QVERIFY(near(page_->contour()->cut().y1(), 0));
    QVERIFY(!page_->contour()->pickedPoint());
    QVERIFY(plot_->axisRect(0)->axis(QCPAxis::atLeft)->range().upper > 1.05);
  }

  void aClickReadsThePointOfEverySplit() {
    QVERIFY(page_->pickedText().contains("click"));
    QTest::mouseClick(plot_, Qt::LeftButton, {}, pixelsOf(*page_->contour(), 0.5, 0.5));
    const auto said = page_->pickedText();
    QVERIFY2(said.contains("α = 0.5") && said.contains("train loss 2.25") && said.contains("test loss 4.5") &&
                 said.contains("accuracy 25 %"),
             qPrintable(said));
  }

  void oneSplitAndOneScaleForAllThree() {
    page_->setSplit("test");
    QCOMPARE(page_->surface()->split(), QString("test"));
    QCOMPARE(page_->contour()->split(), QString("test"));
    const auto own = surfaceData(*bowl(), "e1-e2", 10, "train"),
               shared = surfaceData(*bowl(), "e1-e2", 10, "train", true);
    QVERIFY(shared.scale.upper() > 2 * own.scale.upper());
    page_->setSharedScale(true);
    QVERIFY(page_->cut()->sharedScale() && page_->surface()->sharedScale() && page_->contour()->sharedScale());
    page_->resetView();
    QVERIFY(near(page_->contour()->cut().y1(), 0));
  }

  void exports() {
    const QTemporaryDir folder;
    const fs::path csv = fs::path(folder.path().toStdString()) / "a.csv";
    page_->cut()->exportTo(csv, {});
    QFile text(QString::fromStdString(csv.string()));
    QVERIFY(text.open(QIODevice::ReadOnly));
    QCOMPARE(text.readLine(), QByteArray("distance,alpha,beta,split,loss\n"));
    const auto first = text.readLine().trimmed().split(',');
    QVERIFY(first.size() == 5 && near(first[1].toDouble(), -0.9) && near(first[4].toDouble(), 1.81));
  }

  void thePageAsAPicture() {
    ExportOptions options;
    options.widthMm = 200, options.heightMm = 120;
    const QImage picture = page_->picture(options);
    QCOMPARE(picture.width(), int(std::lround(200 / 25.4 * 96 * 2)));
    // Something is drawn in every quarter.
    for (const QPoint corner : {QPoint(0, 0), QPoint(picture.width() / 2, 0), QPoint(0, picture.height() / 2),
                                QPoint(picture.width() / 2, picture.height() / 2)}) {
      QSet<QRgb> colours;
      for (int y = 0; y < picture.height() / 2; y += 3) {
        for (int x = 0; x < picture.width() / 2; x += 3) colours.insert(picture.pixel(corner + QPoint(x, y)));
      }
      QVERIFY2(colours.size() > 20, qPrintable(QString::number(colours.size())));
    }
    if (qEnvironmentVariableIsSet("EIGENSCAPE_KEEP_PICTURES")) {
      picture.save("landscape-page.png");
      page_->grab().save("landscape-page-window.png");
    }
  }

  // Frames of all epochs, in their order and different from one another.
  void animationsHaveAFrameForEachEpoch() {
    const QTemporaryDir folder;
    auto run = *bowl();
    run.directory = folder.path().toStdString();
    const auto made = renderAnimation(run, figureCalled(run, "contour-e1-e2"));
    QCOMPARE(made.epochs, (std::vector<std::int64_t>{0, 10}));
    QCOMPARE(made.frames.size(), std::size_t{2});
    const QImage one(QString::fromStdString(made.frames[0].string())),
        two(QString::fromStdString(made.frames[1].string()));
    QVERIFY(!one.isNull() && one.size() == two.size() && one != two);
    std::erase_if(run.surfaces, [](const SurfaceRow& row) { return row.epoch == 0; });
    QVERIFY_EXCEPTION_THROWN(renderAnimation(run, {"contour", "e1-e2"}), RunError);
    QVERIFY_EXCEPTION_THROWN(figureCalled(run, "contour-nope"), RunError);
  }

 private:
  /// What the cut shows of train where it is closest to `distance`.
  double lossAt(double distance) const {
    const auto* graph = plots::graph(*page_->cut(), "cut-train");
    return graph ? graph->data()->findBegin(distance - 1e-6, false)->value : notANumber;
  }

  std::unique_ptr<LandscapeFigure> page_;
  QCustomPlot* plot_ = nullptr;
};

QTEST_MAIN(TestLandscapePage)
#include "tst_landscape_page.moc"
