// SPDX-License-Identifier: GPL-3.0-or-later
#include <QContextMenuEvent>
#include <QMenu>
#include <QSignalSpy>
#include <QTest>
#include <cmath>
#include <limits>

#include "support/sample_run.h"
#include "views/plot_figure.h"
#include "views/plot_items.h"
#include "views/plotting.h"

using namespace eigenscape;

namespace {

constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();

std::unique_ptr<PlotFigure> figureOf(const FigureId& id, std::shared_ptr<const RunResults> run, std::int64_t epoch) {
  auto figure = std::unique_ptr<PlotFigure>(static_cast<PlotFigure*>(makeFigure(id).release()));
  figure->resize(640, 480);
  figure->showRun(std::move(run), epoch);
  return figure;
}

QCPGraph* graph(const PlotFigure& figure, const QString& name) {
  for (int i = 0; i < figure.plot()->graphCount(); ++i) {
    QCPGraph* one = figure.plot()->graph(i);
    if (one->name() == name || one->objectName() == name) return one;
  }
  return nullptr;
}

std::map<double, double> points(const PlotFigure& figure, const QString& name) {
  std::map<double, double> all;
  for (int i = 0; i < figure.plot()->graphCount(); ++i) {
    QCPGraph* one = figure.plot()->graph(i);
    if (one->name() != name && one->objectName() != name) continue;
    for (const auto& point : *one->data()) all[point.key] = point.value;
  }
  return all;
}

template <class Item>
Item* item(const PlotFigure& figure) {
  for (int i = 0; i < figure.plot()->itemCount(); ++i) {
    if (auto* found = dynamic_cast<Item*>(figure.plot()->item(i))) return found;
  }
  return nullptr;
}

template <class Plottable>
std::vector<Plottable*> plottables(const PlotFigure& figure) {
  std::vector<Plottable*> all;
  for (int i = 0; i < figure.plot()->plottableCount(); ++i) {
    if (auto* found = dynamic_cast<Plottable*>(figure.plot()->plottable(i))) all.push_back(found);
  }
  return all;
}

QCPAxis* axis(const PlotFigure& figure, QCPAxis::AxisType type) {
  return figure.plot()->axisRect(0)->axis(type);
}

/// The caption with plain spaces.
QString captionOf(const PlotFigure& figure) {
  return figure.caption().replace(QChar(0xA0), ' ').replace(QChar(0x202F), ' ');
}

bool isHollow(const QCPGraph* graph) {
  return graph->scatterStyle().brush().color() == colors::paper;
}

}  // namespace

class TestPlots : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void trainingShowsTheRows() {
    const auto run = sample::shared();
    const auto figure = figureOf({"training", {}}, run, 6);
    for (const auto& row : run->metrics) {
      const QString split = QString::fromStdString(row.split);
      QCOMPARE(points(*figure, "loss, " + split).at(double(row.epoch)), row.loss);
      QCOMPARE(points(*figure, "accuracy, " + split).at(double(row.epoch)), row.accuracy * 100);
    }
    QCOMPARE(points(*figure, "loss, train").size(), std::size_t(11));
    QCOMPARE(graph(*figure, "loss, train")->pen().style(), Qt::SolidLine);
    QCOMPARE(graph(*figure, "loss, test")->pen().style(), Qt::DashLine);
    QCOMPARE(graph(*figure, "accuracy, train")->valueAxis(), axis(*figure, QCPAxis::atRight));
    QCOMPARE(item<QCPItemStraightLine>(*figure)->point1->key(), 6.0);
    QVERIFY(captionOf(*figure).contains("seed 0") && captionOf(*figure).contains("Eigenscape 0.1.0"));
  }

  void lossesOverManyDecadesGetALogarithm() {
    RunResults run = sample::run();
    QCOMPARE(axis(*figureOf({"training", {}}, std::make_shared<RunResults>(run), 0), QCPAxis::atLeft)->scaleType(),
             QCPAxis::stLinear);
    run.metrics[4].loss = 1e-3;
    run.metrics[5].loss = notANumber;
    const auto figure = figureOf({"training", {}}, std::make_shared<RunResults>(run), 0);
    QCOMPARE(axis(*figure, QCPAxis::atLeft)->scaleType(), QCPAxis::stLogarithmic);
    QVERIFY(axis(*figure, QCPAxis::atLeft)->label().contains("log"));
    QVERIFY(std::isnan(points(*figure, "loss, test").at(2)));
    QVERIFY(std::isnan(points(*figure, "accuracy, test").at(2)));
    QVERIFY(captionOf(*figure).contains("not finite"));
  }

  void aRunThatGoesOnLeavesRoom() {
    RunResults run = sample::run();
    run.info.status = "running";
    run.info.epochs = 40;
    const auto figure = figureOf({"training", {}}, std::make_shared<RunResults>(run), 10);
    QVERIFY(axis(*figure, QCPAxis::atBottom)->range().upper >= 40);
  }

  void trajectoriesShowTheRowsAndTheStabilityLimit() {
    sample::Options options;
    options.layers = 2;
    const auto run = sample::shared(options);
    const auto figure = figureOf({"trajectories", {}}, run, 3);
    QCOMPARE(axis(*figure, QCPAxis::atLeft)->scaleType(), QCPAxis::stLogarithmic);
    std::size_t open = 0;
    for (const auto& row : run->spectrum) {
      const QString name = QStringLiteral("λ") + subscript(row.index) + (row.split == "test" ? ", test" : "");
      QCOMPARE(points(*figure, name).at(double(row.epoch)), row.eigenvalue);
      open += !row.converged;
    }
    std::size_t hollow = 0;
    for (int i = 0; i < figure->plot()->graphCount(); ++i) {
      QCPGraph* one = figure->plot()->graph(i);
      if (one->objectName() != "not converged") continue;
      QVERIFY(isHollow(one));
      hollow += std::size_t(one->dataCount());
    }
    QCOMPARE(hollow, open);
    QVERIFY(open > 0);
    QVERIFY(!isHollow(graph(*figure, QStringLiteral("λ₁"))));
    const auto limit = points(*figure, "2 / learning rate");
    for (const auto& row : run->metrics) QCOMPARE(limit.at(double(row.epoch)), 2 / row.learningRate);
    QCOMPARE(item<QCPItemStraightLine>(*figure)->point1->key(), 3.0);
  }

  void negativeEigenvaluesGetASymmetricLogarithm() {
    sample::Options options;
    options.bottom = 2;
    const auto run = sample::shared(options);
    const auto figure = figureOf({"trajectories", {}}, run, 3);
    QCOMPARE(axis(*figure, QCPAxis::atLeft)->scaleType(), QCPAxis::stLinear);
    QVERIFY(axis(*figure, QCPAxis::atLeft)->label().contains("symlog"));
    QVERIFY(captionOf(*figure).contains("ymmetric logarithm"));
    const auto lowest = points(*figure, QStringLiteral("λ₋₁"));
    const auto highest = points(*figure, QStringLiteral("λ₁"));
    for (const auto& [epoch, place] : lowest) QVERIFY(place < 0 && highest.at(epoch) > 0);
    QVERIFY(axis(*figure, QCPAxis::atLeft)->range().contains(lowest.at(10)));
  }

  void aSingleNegativeEigenvalue() {
    sample::Options options;
    options.negative = true;
    const auto figure = figureOf({"trajectories", {}}, sample::shared(options), 10);
    QVERIFY(figure->emptyMessage().isEmpty());
    const double place = points(*figure, QStringLiteral("λ₅, test")).at(10);
    QVERIFY(place < 0);
    QVERIFY(axis(*figure, QCPAxis::atLeft)->range().contains(place));
  }

  void oneEpochIsASpectrumByIndex() {
    sample::Options options;
    options.epochs = 0;
    options.top = 10;
    options.bottom = 3;
    const auto run = sample::shared(options);
    const auto figure = figureOf({"trajectories", {}}, run, 0);
    QCOMPARE(graph(*figure, "train")->dataCount(), 13);
    QCOMPARE(graph(*figure, "train")->lineStyle(), QCPGraph::lsNone);
    // Train and test stand beside each other at the index that did not converge.
    std::vector<double> open;
    for (const auto& [place, eigenvalue] : points(*figure, "not converged")) open.push_back(std::round(place));
    QCOMPARE(open, (std::vector<double>{9, 9}));
    const auto bars = plottables<QCPErrorBars>(*figure);
    QCOMPARE(bars.size(), std::size_t(2));
    QVERIFY(!graph(*figure, "2 / learning rate"));
    QVERIFY(axis(*figure, QCPAxis::atBottom)->label().contains("index"));
  }

  void residualsAreErrorBars() {
    sample::Options options;
    options.epochs = 0;
    const auto run = sample::shared(options);
    const auto figure = figureOf({"trajectories", {}}, run, 0);
    const QCPErrorBars* bars = plottables<QCPErrorBars>(*figure).at(0);
    for (int i = 0; i < 5; ++i) {
      const SpectrumRow& row = run->spectrum[std::size_t(i)];
      const double error = row.residual * row.eigenvalue;
      QVERIFY(std::abs(bars->data()->at(i).errorPlus - error) < 1e-9);
      QVERIFY(std::abs(bars->data()->at(i).errorMinus - error) < 1e-9);
    }
  }

  void profilesShowTheRowsAndTheParabola() {
    const auto run = sample::shared();
    const auto figure = figureOf({"profile", "along-e1"}, run, 10);
    double centre = notANumber, highest = 0;
    for (const auto& row : run->profiles) {
      if (row.name != "along-e1") continue;
      const QString split = QString::fromStdString(row.split);
      QCOMPARE(points(*figure, "loss, " + split).at(row.alpha), row.loss);
      QCOMPARE(points(*figure, "accuracy, " + split).at(row.alpha), row.accuracy * 100);
      if (row.split == "train" && row.alpha == 0) centre = row.loss;
      highest = std::max(highest, row.loss);
    }
    double lambda = notANumber;
    for (const auto& row : run->spectrum) {
      if (row.epoch == 10 && row.index == 1 && row.split == "train") lambda = row.eigenvalue;
    }
    const auto parabola = points(*figure, "parabola");
    QVERIFY(parabola.size() > 20);
    for (const auto& [alpha, loss] : parabola) {
      // The eigenvalue may be the train or the test split's: the first that the table holds is the train's.
      QVERIFY(std::abs(loss - (centre + lambda * alpha * alpha / 2)) < 1e-9);
      QVERIFY(loss <= highest + 1e-9);
    }
    QVERIFY(graph(*figure, "parabola")->name().contains(numberText(lambda, 4)));
    QCOMPARE(axis(*figure, QCPAxis::atBottom)->label(), QStringLiteral("distance along e₁ (‖Δθ‖₂)"));
    QVERIFY(captionOf(*figure).contains("epoch 10"));
  }

  void onlyPlainEigenvectorsHaveAParabola() {
    const auto random = figureOf({"profile", "random"}, sample::shared(), 10);
    QVERIFY(!graph(*random, "parabola"));
    QCOMPARE(axis(*random, QCPAxis::atBottom)->label(), QStringLiteral("filter-normalized random direction (seed 7)"));
    RunResults run = sample::run();
    run.info.landscapes[0].normalization = "filter";
    QVERIFY(!graph(*figureOf({"profile", "along-e1"}, std::make_shared<RunResults>(run), 10), "parabola"));
    run.info.landscapes.clear();  // a run.json that says nothing
    const auto unknown = figureOf({"profile", "along-e1"}, std::make_shared<RunResults>(run), 10);
    QVERIFY(!graph(*unknown, "parabola"));
    QVERIFY(unknown->emptyMessage().isEmpty());
  }

  void pointsThatAreNotFiniteAreHatched() {
    sample::Options options;
    options.notFinite = true;
    const auto profile = figureOf({"profile", "along-e1"}, sample::shared(options), 10);
    QCOMPARE(item<HatchedCells>(*profile)->count(), std::size_t(3));
    QVERIFY(captionOf(*profile).contains("6 of 42 points not finite (hatched)"));
    const auto run = sample::shared(options);
    const auto contour = figureOf({"contour", "e1-e2"}, run, 10);
    std::size_t count = 0;
    for (const auto& row : run->surfaces) count += row.split == "train" && !std::isfinite(row.loss);
    QCOMPARE(item<HatchedCells>(*contour)->count(), count);
    QVERIFY(captionOf(*contour).contains(QString("%1 of 441 points not finite (hatched)").arg(count)));
  }

  void contourColoursAreTheLosses() {
    const auto run = sample::shared();
    const auto figure = figureOf({"contour", "e1-e2"}, run, 10);
    const QCPColorMap* map = plottables<QCPColorMap>(*figure).at(0);
    double lowest = HUGE_VAL, highest = 0;
    for (const auto& row : run->surfaces) {
      lowest = std::min(lowest, row.loss);
      highest = std::max(highest, row.loss);
      if (row.split != "train") continue;
      const double shown = map->data()->data(row.alpha, row.beta);
      QVERIFY(std::abs(shown - row.loss) < 1e-9 * row.loss);
    }
    // Train and test share the scale.
    QCOMPARE(map->dataRange().lower, lowest);
    QCOMPARE(map->dataRange().upper, highest);
    QCOMPARE(map->dataScaleType(), QCPAxis::stLogarithmic);
    QVERIFY(item<IsoLines>(*figure)->levels() >= 4);
    QCOMPARE(points(*figure, "centre"), (std::map<double, double>{{0, 0}}));
    QCOMPARE(figure->splits(), (QStringList{"train", "test"}));
    QCOMPARE(figure->split(), QString("train"));
    const double before = map->data()->data(0, 0);
    figure->setSplit("test");
    QCOMPARE(figure->split(), QString("test"));
    QVERIFY(std::abs(plottables<QCPColorMap>(*figure).at(0)->data()->data(0, 0) - (1.1 * before + 0.1)) < 1e-9);
    QVERIFY(captionOf(*figure).contains("test (1"));
  }

  void aSurfaceThatIsBeingMeasured() {
    RunResults run = sample::run();
    run.surfaces.resize(1);
    const auto figure = figureOf({"contour", "e1-e2"}, std::make_shared<RunResults>(run), 10);
    QVERIFY(figure->emptyMessage().contains("being measured"));
    run = sample::run();
    run.surfaces.resize(21 * 2 * 5);
    figure->showRun(std::make_shared<RunResults>(run), 10);
    QVERIFY(figure->emptyMessage().isEmpty());
    run.surfaces.resize(run.surfaces.size() - 4);
    figure->showRun(std::make_shared<RunResults>(run), 10);
    QVERIFY2(captionOf(*figure).contains("103 of 105 points known so far"), qPrintable(captionOf(*figure)));
  }

  void sensitivityBarsAreTheRows() {
    const auto run = sample::shared();
    const auto figure = figureOf({"sensitivity", {}}, run, 10);
    const auto bars = plottables<QCPBars>(*figure);
    const auto errors = plottables<QCPErrorBars>(*figure);
    QCOMPARE(bars.size(), std::size_t(3));
    QCOMPARE(bars[0]->name(), QString("2 bits"));
    QVERIFY(bars[0]->brush().color() != bars[1]->brush().color());
    std::size_t shown = 0;
    for (std::size_t w = 0; w < 3; ++w) {
      int i = 0;
      for (std::size_t layer = 0; layer < 20; ++layer) {
        const SensitivityRow& row = run->sensitivity[3 * layer + w];
        if (row.omega <= 0) continue;
        QCOMPARE(bars[w]->data()->at(i)->value, row.omega);
        QVERIFY(std::abs(bars[w]->data()->at(i)->key - double(layer)) < 0.5);
        QCOMPARE(errors[w]->data()->at(i).errorPlus, row.standardError * row.perturbation);
        ++i, ++shown;
      }
    }
    QCOMPARE(shown, std::size_t(57));
    QCOMPARE(graph(*figure, "refused")->dataCount(), 3);
    QVERIFY(captionOf(*figure).contains(QStringLiteral("3 values of Ω ≤ 0")));
    QCOMPARE(axis(*figure, QCPAxis::atLeft)->scaleType(), QCPAxis::stLogarithmic);
  }

  void layersKeepTheirNames_data() {
    QTest::addColumn<int>("layers");
    for (const int layers : {1, 3, 20, 54, 60}) QTest::newRow(qPrintable(QString::number(layers))) << layers;
  }
  void layersKeepTheirNames() {
    QFETCH(int, layers);
    sample::Options options;
    options.layers = layers;
    const auto run = sample::shared(options);
    const auto figure = figureOf({"sensitivity", {}}, run, 10);
    figure->resize(int(figure->preferredWidthMm() / 25.4 * 96), 340);
    figure->resetView();
    const auto ticker = axis(*figure, QCPAxis::atBottom)->ticker().dynamicCast<QCPAxisTickerText>();
    QVERIFY(ticker);
    QCOMPARE(ticker->ticks().size(), layers);
    QVERIFY(axis(*figure, QCPAxis::atBottom)->tickLabelFont().pixelSize() >= 7);
  }

  void nothingToShowSaysSo_data() {
    QTest::addColumn<QString>("kind");
    for (const char* kind : {"training", "trajectories", "profile", "contour", "sensitivity"})
      QTest::newRow(kind) << kind;
  }
  void nothingToShowSaysSo() {
    QFETCH(QString, kind);
    auto figure = std::unique_ptr<PlotFigure>(static_cast<PlotFigure*>(makeFigure({kind, "name"}).release()));
    QVERIFY(!figure->emptyMessage().isEmpty());
    figure->showRun(std::make_shared<RunResults>(), 0);
    QVERIFY(!figure->emptyMessage().isEmpty());
    QVERIFY(captionOf(*figure).isEmpty());
    figure->resetView();
    figure->grab();
    figure->contextMenu();
  }

  void epochsWithoutDataShowTheEarlierOne() {
    QCOMPARE(epochToShow({}, 3), std::optional<std::int64_t>());
    QCOMPARE(*epochToShow({0, 2, 5}, 4), std::int64_t(2));
    QCOMPARE(*epochToShow({0, 2, 5}, 5), std::int64_t(5));
    QCOMPARE(*epochToShow({3, 5}, 1), std::int64_t(3));
    RunResults run = sample::run();
    auto later = run.surfaces;
    for (auto& row : run.surfaces) row.epoch = 2;
    run.surfaces.insert(run.surfaces.end(), later.begin(), later.end());
    const auto figure = figureOf({"contour", "e1-e2"}, std::make_shared<RunResults>(run), 7);
    QVERIFY(captionOf(*figure).contains("epoch 2"));
  }

  void aZoomSurvivesNewRowsAndEndsWithReset() {
    const auto figure = figureOf({"training", {}}, sample::shared(), 5);
    const QCPRange fitted = axis(*figure, QCPAxis::atBottom)->range();
    axis(*figure, QCPAxis::atBottom)->setRange(2, 4);
    figure->showRun(sample::shared(), 6);
    QCOMPARE(axis(*figure, QCPAxis::atBottom)->range(), QCPRange(2, 4));
    figure->resetView();
    QCOMPARE(axis(*figure, QCPAxis::atBottom)->range(), fitted);
  }

  void theMouseZoomsAndReads() {
    const auto figure = figureOf({"contour", "e1-e2"}, sample::shared(), 10);
    figure->show();
    QVERIFY(QTest::qWaitForWindowExposed(figure.get()));
    QCustomPlot* plot = figure->plot();
    plot->replot();
    QSignalSpy spy(figure.get(), &Figure::hovered);
    QCPAxisRect* rect = plot->axisRect(0);
    const QPoint centre = rect->rect().center();
    QTest::mouseMove(plot, centre);
    QVERIFY(!spy.isEmpty());
    const QString said = spy.last().at(0).toString();
    QVERIFY2(said.contains("train loss 0.11") && said.contains(QStringLiteral("α = 0")), qPrintable(said));
    const double before = rect->axis(QCPAxis::atBottom)->range().size();
    QWheelEvent wheel(centre, plot->mapToGlobal(centre), {}, {0, 120}, Qt::NoButton, Qt::NoModifier, Qt::NoScrollPhase,
                      false);
    QApplication::sendEvent(plot, &wheel);
    QVERIFY(rect->axis(QCPAxis::atBottom)->range().size() < before);
    QSignalSpy fullPage(figure.get(), &Figure::fullPageRequested);
    QTest::mouseDClick(plot, Qt::LeftButton, {}, centre);
    QCOMPARE(fullPage.size(), 1);
    figure->resetView();
    QCOMPARE(plot->axisRect(0)->axis(QCPAxis::atBottom)->range().size(), before);
  }

  void theMenuOffersWhatTheFigureHas() {
    const auto figure = figureOf({"contour", "e1-e2"}, sample::shared(), 10);
    const auto menu = figure->contextMenu();
    QStringList texts;
    for (const QAction* action : menu->actions()) texts << action->text();
    for (const char* format : {"PNG", "SVG", "PDF", "CSV"}) QVERIFY(!texts.filter(format).isEmpty());
    QVERIFY(!texts.filter("batch").isEmpty() && !texts.filter("Reset").isEmpty());
    QSignalSpy exports(figure.get(), &Figure::exportRequested);
    menu->actions().at(1)->trigger();
    QCOMPARE(exports.last().at(0).toString(), QString("svg"));
    QSignalSpy commands(figure.get(), &Figure::copyBatchCommandRequested);
    menu->actions().at(int(texts.indexOf(texts.filter("batch").first())))->trigger();
    QCOMPARE(commands.size(), 1);
    menu->actions().at(int(texts.indexOf(texts.filter("test split").first())))->trigger();
    QCOMPARE(figure->split(), QString("test"));
  }

  // QCustomPlot keeps mouse events from its parent.
  void theMenuOpensOverThePlot() {
    const auto figure = figureOf({"contour", "e1-e2"}, sample::shared(), 10);
    figure->show();
    auto* plot = figure->findChild<QCustomPlot*>();
    const QPoint at = plot->rect().center();
    QContextMenuEvent event(QContextMenuEvent::Mouse, at, plot->mapToGlobal(at));
    QCoreApplication::sendEvent(plot, &event);
    auto* menu = figure->findChild<QMenu*>();
    QVERIFY(menu && menu->isVisible());
    menu->close();
  }
};

QTEST_MAIN(TestPlots)
#include "tst_plots.moc"
