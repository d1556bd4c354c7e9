// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QMenu>
#include <QMouseEvent>
#include <QSignalSpy>
#include <QTest>
#include <algorithm>
#include <cmath>

#include "support/plots.h"
#include "views/frontier.h"
#include "views/sensitivity.h"

using namespace eigenscape;
using namespace plots;

namespace {

SettingRow setting(const std::string& name, const std::string& method, double megabytes, double omega,
                   double accuracy = notANumber) {
  SettingRow row;
  row.setting = name;
  row.method = method;
  row.sizeBytes = megabytes * 1e6;
  row.bops = megabytes * 4e9;
  row.latencyMs = notANumber;
  row.omega = omega;
  row.loss = std::isfinite(accuracy) ? 1 - accuracy : notANumber;
  row.accuracy = accuracy;
  return row;
}

RunResults allocated(int layers = 20) {
  sample::Options options;
  options.layers = layers;
  auto run = sample::run(options);
  for (const char* limit : {"size=0.5", "bops=0.3"}) {
    for (int i = 0; i < layers; ++i) {
      const std::int64_t bits = std::string(limit) == "size=0.5" ? (i % 3 == 0 ? 2 : i % 3 == 1 ? 4 : 8) : 4;
      run.allocations.push_back({limit, sample::layerName(i, layers), bits});
    }
  }
  for (int i = 0; i < 200; ++i) {
    const double size = 0.07 + 0.2 * i / 199;
    run.pareto.push_back({i + 1, size * 1e6, size * 4e9, 30 * std::exp(-30 * size), notANumber, notANumber});
  }
  run.settings = {setting("size=0.5", "exact", 0.17, 30 * std::exp(-30 * 0.17), 0.9),
                  setting("uniform-2", "uniform", 0.07, 4, 0.3),
                  setting("uniform-4", "uniform", 0.13, 1.2, 0.85),
                  setting("uniform-8", "uniform", 0.27, 0.009, 0.925),
                  setting("pareto-40", "pareto", 0.11, 1.1, 0.8),
                  setting("pareto-80", "pareto", 0.15, 0.33, 0.88)};
  for (int i = 0; i < 30; ++i) {
    const double size = 0.07 + 0.2 * i / 29;
    run.settings.push_back(setting("greedy-" + std::to_string(i), "greedy", size, 33 * std::exp(-30 * size)));
    run.settings.push_back(setting("first-order-" + std::to_string(i), "first-order", size, 80 * std::exp(-25 * size)));
  }
  run.settings.push_back(setting("float", "float", 1.08, 0, 0.926));
  run.info.frontier = "size";
  return run;
}

}  // namespace

class TestFrontier : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void chosenWidthsAreFilled();
  void barsBySize();
  void frontierHoldsItsPoints();
  void costsHaveTheirUnits();
  void accuracyIsOfMeasuredSettings();
  void accuracyHasItsError();
  void namesCoverNoMarker();
  void unlikeNetworksHaveALogarithmicCost();
  void theCurrentSettingIsMarked();
  void tablesAreTheRows();
  void figuresAreOffered();
};

void TestFrontier::chosenWidthsAreFilled() {
  const auto run = allocated();
  const auto figure = figureOf("sensitivity", run, 10);
  int filled = 0, hollow = 0;
  for (const auto* bars : plottables<QCPBars>(*figure)) {
    const bool isFilled = bars->brush().style() != Qt::NoBrush;
    (isFilled ? filled : hollow) += bars->dataCount();
    for (const auto& bar : *bars->data()) {
      const int layer = int(std::lround(bar.key));
      const int chosen = layer % 3 == 0 ? 2 : layer % 3 == 1 ? 4 : 8;
      QCOMPARE(isFilled, bars->name() == QString("%1 bits").arg(chosen));
    }
  }
  QCOMPARE(filled, 19);  // one layer's Ω is negative
  QCOMPARE(hollow, 38);
  QVERIFY2(captionOf(*figure).contains("illed: the bits of size=0.5"), qPrintable(captionOf(*figure)));
  auto* bars = static_cast<SensitivityFigure*>(figure.get());
  bars->setLimit("bops=0.3");
  QVERIFY(captionOf(*figure).contains("illed: the bits of bops=0.3"));
  for (const auto* each : plottables<QCPBars>(*figure)) {
    if (each->brush().style() != Qt::NoBrush) QCOMPARE(each->dataCount(), each->name() == "4 bits" ? 19 : 0);
  }
}

void TestFrontier::barsBySize() {
  auto run = allocated();
  for (auto& row : run.sensitivity) row.parameters = row.layer == sample::layerName(13, 20) ? 9999 : 10;
  const auto figure = figureOf("sensitivity", run, 10);
  static_cast<SensitivityFigure*>(figure.get())->setOrderBySize(true);
  const auto ticker = figure->plot()->axisRect()->axis(QCPAxis::atBottom)->ticker().dynamicCast<QCPAxisTickerText>();
  const QString first = ticker->ticks().first();
  QVERIFY2(QString::fromStdString(sample::layerName(13, 20)).endsWith(first.right(4)), qPrintable(first));
  const auto menu = figure->contextMenu();
  bool offered = false;
  for (const auto* action : menu->actions()) offered = offered || action->text() == "Largest layers first";
  QVERIFY(offered);
}

void TestFrontier::frontierHoldsItsPoints() {
  const auto run = allocated();
  const auto figure = figureOf("frontier", run, 10);
  QCOMPARE(figure->emptyMessage(), QString());
  const auto line = values(*figure, "frontier");
  QCOMPARE(line.size(), std::size_t(200));
  QCOMPARE(line.front(), run.pareto.front().omega);
  QCOMPARE(values(*figure, "uniform").size(), std::size_t(3));
  QCOMPARE(values(*figure, "greedy").size(), std::size_t(30));
  QCOMPARE(values(*figure, "first-order").size(), std::size_t(30));
  QCOMPARE(values(*figure, "exact"), std::vector<double>{run.settings[0].omega});
  const auto* axis = figure->plot()->axisRect()->axis(QCPAxis::atLeft);
  QCOMPARE(axis->scaleType(), QCPAxis::stLogarithmic);
  QVERIFY(captionOf(*figure).contains("200 settings"));
  auto single = run;
  single.pareto.resize(1);
  QVERIFY2(captionOf(*figureOf("frontier", single, 10)).contains("rontier of one setting,"),
           qPrintable(captionOf(*figureOf("frontier", single, 10))));
}

void TestFrontier::costsHaveTheirUnits() {
  auto run = allocated();
  const auto label = [&] {
    return figureOf("frontier", run, 10)->plot()->axisRect()->axis(QCPAxis::atBottom)->label();
  };
  QVERIFY2(label().contains("(MB)"), qPrintable(label()));
  const auto toldOf = [&](const SettingRow& row, double cost) {
    const auto figure = figureOf("frontier", run, 10);
    figure->show();
    figure->plot()->replot();
    const auto* rect = figure->plot()->axisRect();
    QSignalSpy spy(figure.get(), &Figure::hovered);
    const QPointF at(rect->axis(QCPAxis::atBottom)->coordToPixel(cost),
                     rect->axis(QCPAxis::atLeft)->coordToPixel(row.omega));
    QMouseEvent move(QEvent::MouseMove, at, figure->plot()->mapToGlobal(at), Qt::NoButton, Qt::NoButton,
                     Qt::NoModifier);
    QApplication::sendEvent(figure->plot(), &move);
    return spy.isEmpty() ? QString() : spy.back().front().toString();
  };
  const SettingRow uniform = run.settings[2];
  QVERIFY2(toldOf(uniform, 0.13).startsWith("uniform-4: 0.13 MB, ΣΩ = 1.2"), qPrintable(toldOf(uniform, 0.13)));
  run.info.frontier = "bops";
  QVERIFY2(label().contains("bit operations per example (G)"), qPrintable(label()));
  QVERIFY2(toldOf(uniform, 0.52).startsWith("uniform-4: 0.52 G bit operations, ΣΩ = 1.2"),
           qPrintable(toldOf(uniform, 0.52)));
}

void TestFrontier::accuracyIsOfMeasuredSettings() {
  const auto run = allocated();
  const auto figure = figureOf("frontier-accuracy", run, 10);
  QCOMPARE(values(*figure, "uniform"), (std::vector<double>{30, 85, 92.5}));
  QCOMPARE(values(*figure, "pareto"), (std::vector<double>{80, 88}));
  QVERIFY(!graph(*figure, "greedy"));
  QCOMPARE(values(*figure, "not quantized").front(), 92.6);
  // The float network stands for itself, not as a point at four bytes a weight.
  QVERIFY(figure->plot()->axisRect()->axis(QCPAxis::atBottom)->range().upper < 0.5);
  QVERIFY(captionOf(*figure).contains("test"));
}

void TestFrontier::accuracyHasItsError() {
  auto run = allocated();
  run.info.testExamples = 400;
  const auto figure = figureOf("frontier-accuracy", run, 10);
  for (const auto* bars : plottables<QCPErrorBars>(*figure)) {
    const auto* series = qobject_cast<QCPGraph*>(bars->dataPlottable());
    QVERIFY(series);
    QCOMPARE(bars->data()->size(), series->dataCount());
    for (int i = 0; i < series->dataCount(); ++i) {
      const double share = series->data()->at(i)->value / 100, error = 100 * std::sqrt(share * (1 - share) / 400);
      QVERIFY(std::abs(bars->data()->at(i).errorPlus - error) < 1e-9);
      QVERIFY(std::abs(bars->data()->at(i).errorMinus - error) < 1e-9);
    }
  }
  QCOMPARE(plottables<QCPErrorBars>(*figure).size(), std::size_t(3));  // frontier, uniform, exact
  QVERIFY2(captionOf(*figure).contains("standard error of 400 test examples"), qPrintable(captionOf(*figure)));
  // Limits may stand in any order in the table, and so may what the workbench has measured.
  const auto tight = setting("size=0.3", "exact", 0.09, 5, 0.5);
  run.settings.insert(run.settings.begin() + 1, tight);
  run.settings.push_back(setting("large", "given", 0.2, 0.4, 0.91));
  run.settings.push_back(setting("small", "given", 0.08, 4.5, 0.4));
  const auto unordered = figureOf("frontier-accuracy", run, 10);
  for (const auto* bars : plottables<QCPErrorBars>(*unordered)) {
    const auto* series = qobject_cast<QCPGraph*>(bars->dataPlottable());
    for (int i = 0; i < series->dataCount(); ++i) {
      const double share = series->data()->at(i)->value / 100, error = 100 * std::sqrt(share * (1 - share) / 400);
      QVERIFY(std::abs(bars->data()->at(i).errorPlus - error) < 1e-9);
    }
  }
  QCOMPARE(values(*unordered, "exact"), (std::vector<double>{50, 90}));
  QCOMPARE(values(*unordered, "given"), (std::vector<double>{40, 91}));
  // Ω has none, and of a run that does not say how many were measured none is known.
  QVERIFY(plottables<QCPErrorBars>(*figureOf("frontier", run, 10)).empty());
  run.info.testExamples = 0;
  QVERIFY(plottables<QCPErrorBars>(*figureOf("frontier-accuracy", run, 10)).empty());
}

void TestFrontier::namesCoverNoMarker() {
  auto run = allocated();
  run.info.testExamples = 100;
  // Markers all around the one that has a name.
  for (const double x : {0.125, 0.135, 0.14, 0.145}) {
    for (const double y : {0.82, 0.84, 0.87, 0.89})
      run.settings.push_back(setting("pareto-" + std::to_string(x * y), "pareto", x, 1, y));
  }
  for (const char* kind : {"frontier", "frontier-accuracy"}) {
    const auto figure = figureOf(kind, run, 10);
    figure->resize(420, 300);
    figure->show();
    figure->plot()->replot();
    int names = 0;
    for (int i = 0; i < figure->plot()->itemCount(); ++i) {
      auto* text = qobject_cast<QCPItemText*>(figure->plot()->item(i));
      if (!text || text->text().isEmpty()) continue;
      ++names;
      const QRectF box(text->topLeft->pixelPosition(), text->bottomRight->pixelPosition());
      QVERIFY(figure->plot()->axisRect()->rect().contains(box.toRect()));
      for (const char* series : {"uniform", "exact", "pareto"}) {
        const auto* points = graph(*figure, series);
        for (int k = 0; points && k < points->dataCount(); ++k) {
          const auto point = points->data()->at(k);
          QVERIFY2(!box.contains(points->coordsToPixels(point->key, point->value)), qPrintable(text->text()));
        }
      }
    }
    QVERIFY2(names >= 2, kind);
  }
}

void TestFrontier::unlikeNetworksHaveALogarithmicCost() {
  const auto small = std::make_shared<const RunResults>(allocated());
  auto other = allocated();
  const auto grow = [&other](double times) {
    for (auto& row : other.settings) row.sizeBytes *= times;
    for (auto& row : other.pareto) row.sizeBytes *= times;
    return std::make_shared<const RunResults>(other);
  };
  const auto beside = [&](const std::shared_ptr<const RunResults>& large) {
    auto figure = std::make_unique<FrontierFigure>(FigureId{"frontier", {}});
    figure->setPeers({small, large});
    figure->showRun(small, 10);
    return figure;
  };
  const auto like = beside(grow(2));
  const auto* axis = like->plot()->axisRect()->axis(QCPAxis::atBottom);
  QCOMPARE(axis->scaleType(), QCPAxis::stLinear);
  QVERIFY(axis->range().upper > 0.5);  // the other's costs, too
  const auto unlike = beside(grow(10));
  axis = unlike->plot()->axisRect()->axis(QCPAxis::atBottom);
  QCOMPARE(axis->scaleType(), QCPAxis::stLogarithmic);
  QVERIFY2(axis->label().contains("log"), qPrintable(axis->label()));
  // One without costs says nothing of how unlike they are.
  const auto without = beside(grow(0));
  QCOMPARE(without->plot()->axisRect()->axis(QCPAxis::atBottom)->scaleType(), QCPAxis::stLinear);
}

void TestFrontier::theCurrentSettingIsMarked() {
  auto run = allocated();
  QVERIFY(!graph(*figureOf("frontier", run, 10), "current"));
  run.settings.push_back(setting("current", "current", 0.2, 0.4));
  QCOMPARE(values(*figureOf("frontier", run, 10), "current"), std::vector<double>{0.4});
}

void TestFrontier::tablesAreTheRows() {
  const auto run = allocated();
  QCOMPARE(std::size_t(QString::fromStdString(figureOf("frontier", run, 10)->table()).count('\n')),
           1 + run.pareto.size());
  QCOMPARE(QString::fromStdString(figureOf("frontier-accuracy", run, 10)->table()).count('\n'), 1 + 7);
}

void TestFrontier::figuresAreOffered() {
  const auto has = [](const RunResults& run, const char* kind) {
    const auto all = availableFigures(run);
    return std::any_of(all.begin(), all.end(), [&](const FigureId& id) { return id.kind == kind; });
  };
  auto run = allocated();
  QVERIFY(has(run, "frontier") && has(run, "frontier-accuracy"));
  for (auto& row : run.settings) row.accuracy = row.loss = notANumber;
  QVERIFY(has(run, "frontier") && !has(run, "frontier-accuracy"));
  QVERIFY(!has(sample::run(), "frontier"));
  QVERIFY(!figureOf("frontier", sample::run(), 10)->emptyMessage().isEmpty());
}

QTEST_MAIN(TestFrontier)
#include "tst_frontier.moc"
