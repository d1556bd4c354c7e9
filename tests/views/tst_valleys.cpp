// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QTest>

#include "support/plots.h"
#include "support/sample_run.h"
#include "views/direction_words.h"
#include "views/plotting.h"
#include "views/valleys.h"

using namespace eigenscape;

namespace {

RunResults withValleys(int others) {
  auto run = sample::run();
  run.persistence.clear();
  run.persistence.push_back({"e1-e2", 10, "train", 1, 0, 0, 0.1, 1, 1, 4, 3.9, 0});
  for (int i = 0; i < others; ++i) {
    const double birth = 0.5 + 0.01 * i;
    run.persistence.push_back({"e1-e2", 10, "train", i + 2, 0.1 * i, -0.5, birth, 0.05 * i, 0.1, 2.0, 2 - birth, 1});
  }
  return run;
}

std::unique_ptr<Figure> shown(const QString& kind, const RunResults& run, const QString& name = "e1-e2") {
  auto figure = makeFigure({kind, name});
  figure->resize(480, 360);
  figure->showRun(std::make_shared<const RunResults>(run), 10);
  return figure;
}

QCustomPlot* plotIn(const Figure& figure) {
  return figure.findChild<QCustomPlot*>();
}

template <class Item>
Item* named(QCustomPlot* plot, const char* name) {
  return plot->findChild<Item*>(name);
}

}  // namespace

class TestValleys : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void everyValleyIsAPoint() {
    const auto figure = shown("persistence", withValleys(3));
    auto* plot = plotIn(*figure);
    QVERIFY(plot);
    auto* points = named<QCPGraph>(plot, "valleys");
    QVERIFY(points);
    QCOMPARE(points->dataCount(), 3);
    QCOMPARE(points->data()->at(0)->key, 0.5);
    QCOMPARE(points->data()->at(0)->value, 2.0);
    // A birth is never above its death: all of it lies above the diagonal, within both axes.
    QVERIFY(plot->xAxis->range().contains(0.1) && plot->yAxis->range().contains(4));
  }

  void theTreeHasAPlaceForEachBranch() {
    const auto figure = shown("merge-tree", withValleys(4));
    auto* minima = named<QCPGraph>(plotIn(*figure), "minima");
    QVERIFY(minima);
    QCOMPARE(minima->dataCount(), 5);
    for (int i = 0; i < 5; ++i) QCOMPARE(minima->data()->at(i)->key, double(i));
    QCOMPARE(minima->data()->at(0)->value, 0.1);
  }

  void theTitleSaysWhichNetworkAndWhichPlane() {
    auto run = withValleys(1);
    auto rows = run.persistence;
    for (auto& row : rows) row.name += "@size=0.5", run.persistence.push_back(row);
    LandscapeInfo info = landscapeInfo(run.info, "surface", "e1-e2");
    info.kind = "surface", info.name = "e1-e2@size=0.5";
    info.x = "eigenvector:1@conv1", info.y = "eigenvector:2@conv1";
    run.info.landscapes.push_back(info);
    const auto title = [&](const QString& kind, const QString& name) {
      const auto figure = shown(kind, run, name);
      const auto* heading = qobject_cast<QCPTextElement*>(plotIn(*figure)->plotLayout()->element(0, 0));
      return heading ? heading->text().simplified() : QString();
    };
    for (const QString kind : {"persistence", "merge-tree"}) {
      QVERIFY2(!title(kind, "e1-e2").contains(" at "), qPrintable(title(kind, "e1-e2")));
      const QString quantized = title(kind, "e1-e2@size=0.5");
      QVERIFY2(quantized.contains(" over e₁ and e₂ of conv1 at size=0.5, epoch 10"), qPrintable(quantized));
    }
    QCOMPARE(planeName("eigenvector:1", "random:7"), QString("e₁ and random (seed 7)"));
    QCOMPARE(planeName("eigenvector:1@conv1", "eigenvector:1@conv2"), QString("e₁ of conv1 and e₁ of conv2"));
    QCOMPARE(planeName("", ""), QString("α and β"));
  }

  // Room for names below the lowest point, and no losses that there cannot be; the trunk ends under its dot.
  void noLossIsNegative() {
    const auto figure = shown("merge-tree", withValleys(4));
    auto* axis = plotIn(*figure)->axisRect(0)->axis(QCPAxis::atLeft);
    QVector<double> ticks, subTicks;
    QVector<QString> labels;
    axis->ticker()->generate({-0.5, 4}, QLocale::c(), 'g', 5, ticks, &subTicks, &labels);
    QVERIFY(ticks.size() > 2);
    for (const double tick : ticks) QVERIFY(tick >= 0);
    const auto* minima = named<QCPGraph>(plotIn(*figure), "minima");
    for (int i = 0; i < plotIn(*figure)->plottableCount(); ++i) {
      const auto* plottable = plotIn(*figure)->plottable(i);
      if (qobject_cast<const QCPCurve*>(plottable)) QVERIFY(plottable->layer()->index() < minima->layer()->index());
    }
  }

  void aWildSurfaceShowsItsLongestLived() {
    const auto figure = shown("merge-tree", withValleys(200));
    QCOMPARE(named<QCPGraph>(plotIn(*figure), "minima")->dataCount(), 60);
  }

  void figuresAppearWithTheTable() {
    const auto kinds = [](const RunResults& run) {
      QStringList list;
      for (const auto& id : availableFigures(run)) list << id.kind;
      return list;
    };
    auto run = withValleys(1);
    QVERIFY(kinds(run).contains("persistence") && kinds(run).contains("merge-tree"));
    run.persistence.clear();
    QVERIFY(!kinds(run).contains("persistence"));
    const auto empty = shown("persistence", run);  // says so and draws nothing
    QVERIFY(!named<QCPGraph>(plotIn(*empty), "valleys"));
  }
};

QTEST_MAIN(TestValleys)
#include "tst_valleys.moc"
