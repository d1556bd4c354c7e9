// SPDX-License-Identifier: GPL-3.0-or-later
#include <QSignalSpy>
#include <QTest>

#include "support/plots.h"

using namespace plots;

class TestCurvaturePlots : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void figuresComeWithTheirRows() {
    QStringList stems;
    for (const auto& id : availableFigures(sample::run(curvature()))) stems << id.fileStem();
    QCOMPARE(stems.mid(0, 9), (QStringList{"training", "trajectories"} + kinds));
    QCOMPARE(stems.at(9), QString("profile-along-e1"));
    const auto all = sample::run(curvature());
    const auto kindsOf = [](const RunResults& run) {
      QStringList found;
      for (const auto& id : availableFigures(run)) found << id.kind;
      return found;
    };
    RunResults run;
    run.overhead = all.overhead;
    QCOMPARE(kindsOf(run), QStringList{"overhead"});
    for (auto& row : run.overhead) row.curvatureSeconds = 0;
    QVERIFY(kindsOf(run).isEmpty());
    run = {};
    run.traces = all.traces;
    QCOMPARE(kindsOf(run), QStringList{"layers"});
    for (auto& row : run.traces) row.scope = "model";
    QVERIFY(kindsOf(run).isEmpty());
    // One eigenvalue an epoch is a trajectory and no spectrum.
    run = {};
    run.spectrum = all.spectrum;
    std::erase_if(run.spectrum, [](const SpectrumRow& row) { return row.scope != "model" || row.index != 1; });
    QCOMPARE(kindsOf(run), QStringList{"trajectories"});
    for (const auto& kind : kinds) QVERIFY((FigureId{kind, {}}).title() != kind);
  }

  void nothingToShowSaysSo_data() {
    QTest::addColumn<QString>("kind");
    for (const auto& kind : kinds) QTest::newRow(qPrintable(kind)) << kind;
  }
  void nothingToShowSaysSo() {
    QFETCH(QString, kind);
    auto figure = std::unique_ptr<PlotFigure>(static_cast<PlotFigure*>(makeFigure({kind, {}}).release()));
    QVERIFY(!figure->emptyMessage().isEmpty());
    figure->showRun(std::make_shared<RunResults>(), 0);
    QVERIFY(figure->emptyMessage().endsWith('.') && figure->emptyMessage() != "No run is open yet.");
    QVERIFY(captionOf(*figure).isEmpty());
    QCOMPARE(csv(*figure).count('\n'), 1);
    figure->resetView();
    figure->grab();
    figure->contextMenu();
    QCOMPARE(figure->splits(), QStringList());
    QCOMPARE(figure->preferredWidthMm(), 0.0);
  }

  void spectrumShowsTheEpochsEigenvalues() {
    const RunResults run = sample::run(curvature());
    const auto figure = figureOf("spectrum", run, 4);
    for (const char* split : {"train", "test"}) {
      const auto rows = rowsOf<SpectrumRow>(run.spectrum, [&](const SpectrumRow& row) {
        return row.scope == "model" && row.epoch == 4 && row.split == split;
      });
      const QCPGraph* shown = graph(*figure, split);
      QCOMPARE(shown->dataCount(), 7);
      QCOMPARE(shown->lineStyle(), QCPGraph::lsNone);
      const QCPErrorBars* bars = barsOf(*figure, shown);
      for (int i = 0; i < 7; ++i) {
        const SpectrumRow& row = *rows[std::size_t(i)];  // 1, …, 5, then −2, −1 as the table has them
        QCOMPARE(shown->data()->at(i)->value, row.eigenvalue);
        const double middle = row.index > 0 ? double(row.index - 1) : double(9 + row.index);
        QVERIFY(std::abs(shown->data()->at(i)->key - middle) < 0.3);
        QVERIFY(near(bars->data()->at(i).errorPlus, std::abs(row.residual * row.eigenvalue)));
      }
    }
    QVERIFY(graph(*figure, "test")->data()->at(0)->key > graph(*figure, "train")->data()->at(0)->key);
    QVERIFY(graph(*figure, "test")->pen().color() != graph(*figure, "train")->pen().color());
    // Only the fifth did not converge.
    const QCPGraph* hollow = graph(*figure, "not converged");
    QVERIFY(isHollow(hollow) && !isHollow(graph(*figure, "train")));
    QCOMPARE(hollow->dataCount(), 1);
    QCOMPARE(hollow->data()->at(0)->value, values(*figure, "train")[4]);
    QCOMPARE(values(*figure, "2 / learning rate"),
             (std::vector<double>{200, 200}));  // the rate is 0.01 from epoch 4 on
    QVERIFY(axis(*figure, QCPAxis::atLeft)->range().contains(200));
    QCOMPARE(csv(*figure),
             csvOfRows(run.spectrum, [](const SpectrumRow& row) { return row.scope == "model" && row.epoch == 4; }));
    QVERIFY(captionOf(*figure).contains("epoch 4"));
    QCOMPARE(values(*figureOf("spectrum", run, 2), "2 / learning rate").at(0), 20.0);
  }

  void spectrumPassesOverEpochsWithOneEigenvalue() {
    RunResults run = sample::run(curvature());
    std::erase_if(run.spectrum, [](const SpectrumRow& row) { return row.epoch == 5 && row.index != 1; });
    const auto figure = figureOf("spectrum", run, 5);
    QVERIFY2(captionOf(*figure).contains("Epoch 4 (the last measured before 5)"), qPrintable(captionOf(*figure)));
    QCOMPARE(graph(*figure, "train")->dataCount(), 7);
  }

  void longSpectraAreLinesThatDoNotCrossTheGap() {
    sample::Options options = curvature();
    options.top = 60;
    options.bottom = 20;
    const auto figure = figureOf("spectrum", sample::run(options), 6);
    const auto shown = values(*figure, "train");
    QCOMPARE(shown.size(), std::size_t(81));
    QCOMPARE(std::count_if(shown.begin(), shown.end(), [](double v) { return std::isnan(v); }), 1);
    QVERIFY(std::isnan(shown[60]));
    QCOMPARE(graph(*figure, "train")->lineStyle(), QCPGraph::lsLine);
    QCOMPARE(graph(*figure, "test")->pen().style(), Qt::DashLine);
    QVERIFY(axis(*figure, QCPAxis::atLeft)->label().contains("symlog"));
  }

  void trajectoriesPassOverLayers() {
    RunResults run = sample::run(curvature());
    const auto figure = figureOf("trajectories", run, 3);
    std::erase_if(run.spectrum, [](const SpectrumRow& row) { return row.scope != "model"; });
    QCOMPARE(values(*figure, QStringLiteral("λ₁")), values(*figureOf("trajectories", run, 3), QStringLiteral("λ₁")));
    QVERIFY(!csv(*figure).contains("conv1"));
  }

  void theFrobeniusNormIsDrawnWithItsError() {
    RunResults run = sample::run();
    run.frobenius = {{0, "hessian", "model", "train", 100, 10, 20}, {3, "hessian", "model", "train", 400, 40, 20}};
    const auto figure = figureOf("trajectories", run, 3);
    const QCPGraph* norm = graph(*figure, "frobenius-train");
    QVERIFY(norm);
    QCOMPARE(norm->dataCount(), 2);
    QVERIFY(near(norm->data()->at(0)->value, 10) && near(norm->data()->at(1)->value, 20));
    const auto* bars = barsOf(*figure, norm);
    QVERIFY(bars && near(bars->data()->at(1).errorPlus, 1.96 * 40 / (2 * 20.0)));
    QVERIFY(axis(*figure, QCPAxis::atLeft)->range().contains(20));
    QVERIFY2(captionOf(*figureOf("spectrum", run, 3)).contains(QStringLiteral("‖∇²L‖ (Frobenius) = 20 ± 2 ")),
             qPrintable(captionOf(*figureOf("spectrum", run, 3))));
    // At weights that are not finite the line has a gap.
    for (auto& row : run.spectrum) {
      if (row.epoch == 1) row.eigenvalue = row.residual = std::nan("");
    }
    const auto broken = figureOf("trajectories", run, 3);
    norm = graph(*broken, "frobenius-train");
    QCOMPARE(norm->dataCount(), 3);
    QVERIFY(std::isnan(norm->data()->at(1)->value));
    QVERIFY(near(barsOf(*broken, norm)->data()->at(2).errorPlus, 1.96 * 40 / (2 * 20.0)));
  }

  void theSpectrumSaysHowSureItIsOfMissingNone() {
    RunResults run = sample::run();
    QVERIFY(!captionOf(*figureOf("spectrum", run, 3)).contains("missed"));
    SolveRow solve{3, "hessian", "model", "train", "spectrum", "lanczos"};
    solve.missProbability = 2.1e-5;
    run.solves = {solve};
    solve.split = "test", solve.missProbability = 1;
    run.solves.push_back(solve);
    solve.scope = "conv1", solve.missProbability = 0.5;
    run.solves.push_back(solve);
    solve.scope = "model", solve.epoch = 2;
    run.solves.push_back(solve);
    const QString caption = captionOf(*figureOf("spectrum", run, 3));
    QVERIFY2(caption.contains("hance of a missed eigenvalue: below 3e-05 (train), not bounded (test)"),
             qPrintable(caption));
  }

  void aStabilityLimitFarAboveIsANote() {
    RunResults run = sample::run();
    for (auto& row : run.metrics) row.learningRate = 1e-4;
    const auto figure = figureOf("trajectories", run, 3);
    QVERIFY(!graph(*figure, "2 / learning rate"));
    QVERIFY2(captionOf(*figure).contains("2 / learning rate is at least 20000, far above the axis") ||
                 captionOf(*figure).contains("2 / learning rate is at least 2e+04"),
             qPrintable(captionOf(*figure)));
  }

  void densityShowsTheMeanAndItsBand() {
    const RunResults run = sample::run(curvature());
    const auto figure = figureOf("density", run, 3);
    const double lowest = axis(*figure, QCPAxis::atLeft)->range().lower;
    double highest = 0;
    std::size_t clipped = 0;
    for (const QString split : {"train", "test"}) {
      const auto rows = rowsOf<DensityRow>(
          run.densities, [&](const DensityRow& row) { return row.epoch == 3 && row.split == split.toStdString(); });
      const QCPGraph* mean = graph(*figure, split);
      const auto lower = values(*figure, "lower, " + split), upper = values(*figure, "upper, " + split);
      QCOMPARE(std::size_t(mean->dataCount()), rows.size());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        QCOMPARE(mean->data()->at(int(i))->key, rows[i]->eigenvalue);
        if (rows[i]->density > lowest) QCOMPARE(mean->data()->at(int(i))->value, rows[i]->density);
        QVERIFY(near(lower[i], std::max(lowest, rows[i]->density - 1.96 * rows[i]->standardError)));
        QVERIFY(near(upper[i], std::max(lowest, rows[i]->density + 1.96 * rows[i]->standardError)));
        clipped += lower[i] == lowest;
        highest = std::max(highest, rows[i]->density);
      }
      QCOMPARE(graph(*figure, "upper, " + split)->channelFillGraph(), graph(*figure, "lower, " + split));
    }
    QVERIFY(clipped > 0);
    QCOMPARE(axis(*figure, QCPAxis::atLeft)->scaleType(), QCPAxis::stLogarithmic);
    QVERIFY(lowest > 1e-9 * highest && lowest < 1e-3 * highest);
    QVERIFY(axis(*figure, QCPAxis::atLeft)->range().upper > highest);
    QCOMPARE(graph(*figure, "train")->pen().style(), Qt::SolidLine);
    QCOMPARE(graph(*figure, "test")->pen().style(), Qt::DashLine);
    QVERIFY2(captionOf(*figure).contains("mean over 8 probes, band: ± 1.96 standard errors"),
             qPrintable(captionOf(*figure)));
    QCOMPARE(csv(*figure), csvOfRows(run.densities, [](const DensityRow& row) { return row.epoch == 3; }));
  }

  void densityNodesAreARug() {
    const RunResults run = sample::run(curvature());
    const auto figure = figureOf("density", run, 3);
    const auto rugs = items<Rug>(*figure);
    QCOMPARE(rugs.size(), std::size_t(2));
    const auto rows = rowsOf<DensityNodeRow>(
        run.densityNodes, [](const DensityNodeRow& row) { return row.epoch == 3 && row.split == "train"; });
    QCOMPARE(rugs[0]->ticks().size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      QCOMPARE(rugs[0]->ticks()[i].x, rows[i]->node);
      for (const std::size_t other : {i, std::size_t(0)}) {
        if (rows[i]->weight > rows[other]->weight) {
          QVERIFY(rugs[0]->ticks()[i].strength > rugs[0]->ticks()[other].strength);
        }
      }
    }
  }

  void densityGridsFinerNearZeroGetASymmetricLogarithm() {
    RunResults run = sample::run(curvature());
    QVERIFY(!axis(*figureOf("density", run, 3), QCPAxis::atBottom)->label().contains("symlog"));
    for (auto& row : run.densities) row.eigenvalue = std::copysign(std::pow(row.eigenvalue, 4) / 1e4, row.eigenvalue);
    const auto figure = figureOf("density", run, 3);
    QVERIFY(axis(*figure, QCPAxis::atBottom)->label().contains("symlog"));
    QVERIFY(captionOf(*figure).contains("ymmetric logarithm"));
  }

  void densityOfALayerOnlyWhereThereIsNoneOfTheModel() {
    RunResults run = sample::run(curvature());
    const std::size_t rows = run.densities.size();
    for (std::size_t i = 0; i < rows; ++i) {
      DensityRow row = run.densities[i];
      row.scope = "conv1";
      row.density *= 2;
      run.densities.push_back(row);
    }
    const double ofModel = values(*figureOf("density", sample::run(curvature()), 3), "train")[100];
    QCOMPARE(values(*figureOf("density", run, 3), "train")[100], ofModel);
    QVERIFY(captionOf(*figureOf("density", run, 3)).contains("1 further densities"));
    run.densities.erase(run.densities.begin(), run.densities.begin() + std::ptrdiff_t(rows));
    QCOMPARE(values(*figureOf("density", run, 3), "train")[100], 2 * ofModel);
  }

  void powerShowsTheBatchesMeanAndReach() {
    const RunResults run = sample::run(curvature());
    const auto figure = figureOf("power", run, 2);
    for (int layer = 0; layer < 5; ++layer) {
      const std::string scope = sample::layerName(layer, 5);
      const QString name = QString::fromStdString(scope);
      const auto mean = values(*figure, name), low = values(*figure, "lowest, " + name),
                 high = values(*figure, "highest, " + name);
      QCOMPARE(mean.size(), std::size_t(10));
      for (int iteration = 1; iteration <= 10; ++iteration) {
        double sum = 0, least = infinity, greatest = -infinity;
        for (int batch = 1; batch <= 4; ++batch) {
          double last = notANumber;  // the batch that stopped after 8 keeps its value
          for (const auto& row : run.power) {
            if (row.epoch == 2 && row.scope == scope && row.index == 1 && row.batch == batch &&
                row.iteration <= iteration) {
              last = row.eigenvalue;
            }
          }
          sum += last;
          least = std::min(least, last), greatest = std::max(greatest, last);
        }
        QVERIFY(near(mean[std::size_t(iteration - 1)], sum / 4));
        QCOMPARE(low[std::size_t(iteration - 1)], least);
        QCOMPARE(high[std::size_t(iteration - 1)], greatest);
      }
      QVERIFY(graph(*figure, name)->pen().widthF() > 2 * graph(*figure, name + QStringLiteral(", λ₂"))->pen().widthF());
      QCOMPARE(graph(*figure, name)->pen().color(), graph(*figure, name + QStringLiteral(", λ₂"))->pen().color());
    }
    QVERIFY(captionOf(*figure).contains("mean over 4 batches, band: least to greatest"));
    QVERIFY(captionOf(*figure).contains("keeps its last value"));
    QCOMPARE(csv(*figure), csvOfRows(run.power, [](const PowerRow& row) { return row.epoch == 2; }));
  }

  void powerOfOneBatchHasNoBand() {
    sample::Options options = curvature();
    options.batches = 1;
    options.layers = 1;
    const auto figure = figureOf("power", sample::run(options), 2);
    QVERIFY(!graph(*figure, QStringLiteral("lowest, λ₁")));
    QVERIFY(!captionOf(*figure).contains("batches"));
    // The eigenvalues of a single block have colours of their own.
    QVERIFY(graph(*figure, QStringLiteral("λ₁"))->pen().color() != graph(*figure, QStringLiteral("λ₂"))->pen().color());
  }

  void manyBlocksAreNamedByAColourScale() {
    sample::Options options = curvature();
    options.layers = 30;
    const auto figure = figureOf("power", sample::run(options), 6);
    std::vector<QCPColorScale*> scales;
    for (auto* element : figure->plot()->plotLayout()->elements(true)) {
      if (auto* scale = qobject_cast<QCPColorScale*>(element)) scales.push_back(scale);
    }
    QCOMPARE(scales.size(), std::size_t(1));
    QCPColorGradient gradient = scales[0]->gradient();
    const QCPRange range =
        scales[0]->dataRange();  // of 30 levels, the first at its lower and the last at its upper end
    for (int layer = 0; layer < 30; ++layer) {
      const QColor line = graph(*figure, QString::fromStdString(sample::layerName(layer, 30)))->pen().color();
      const QColor named = QColor(gradient.color(range.lower + range.size() * (layer + 1e-6) / 29, range));
      QVERIFY2(std::abs(line.red() - named.red()) < 6 && std::abs(line.green() - named.green()) < 6 &&
                   std::abs(line.blue() - named.blue()) < 6,
               qPrintable(line.name() + named.name()));
    }
    const auto names = scales[0]->axis()->ticker().dynamicCast<QCPAxisTickerText>()->ticks();
    QVERIFY(names.size() >= 10);
    QCOMPARE(names[0], QString("conv1"));
  }

  void epochsWithoutRowsShowTheEarlierOne_data() {
    QTest::addColumn<QString>("kind");
    for (const char* kind : {"spectrum", "density", "power", "layers"}) QTest::newRow(kind) << kind;
  }
  void epochsWithoutRowsShowTheEarlierOne() {
    QFETCH(QString, kind);
    sample::Options options = curvature();
    options.every = 2;
    RunResults run = sample::run(options);
    std::erase_if(run.spectrum, [](const SpectrumRow& row) { return row.epoch % 2 == 1; });
    const auto figure = figureOf(kind, run, 5);
    QVERIFY2(captionOf(*figure).contains("Epoch 4 (the last measured before 5)"), qPrintable(captionOf(*figure)));
    for (const QString& line : csv(*figure).split('\n', Qt::SkipEmptyParts).mid(1)) QVERIFY(line.startsWith("4,"));
    const auto same = figureOf(kind, run, 4);
    QVERIFY(!captionOf(*same).contains("last measured"));
    QCOMPARE(csv(*figure), csv(*same));
  }

  void whatIsNotFiniteIsCounted_data() { nothingToShowSaysSo_data(); }
  void whatIsNotFiniteIsCounted() {
    QFETCH(QString, kind);
    RunResults run = sample::run(curvature());
    const auto spoil = [](auto& rows, auto member) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i].*member = i % 3 == 0 ? notANumber : i % 3 == 1 ? infinity : -infinity;
      }
    };
    spoil(run.spectrum, &SpectrumRow::eigenvalue), spoil(run.traces, &TraceRow::trace);
    spoil(run.power, &PowerRow::eigenvalue), spoil(run.densities, &DensityRow::density);
    spoil(run.densityNodes, &DensityNodeRow::node), spoil(run.overlaps, &OverlapRow::overlap);
    spoil(run.gradients, &GradientRow::share);
    for (std::size_t i = 1; i < run.overhead.size(); ++i) run.overhead[i].trainingSeconds = notANumber;
    const auto figure = figureOf(kind, run, 5);
    QVERIFY2(captionOf(*figure).contains("not finite"), qPrintable(captionOf(*figure)));
    figure->grab();
    for (const auto* each : {axis(*figure, QCPAxis::atLeft), axis(*figure, QCPAxis::atBottom)}) {
      QVERIFY(std::isfinite(each->range().lower) && std::isfinite(each->range().upper));
    }
  }

  // An epoch without numbers, as a checkpoint with NaN leaves one, is no pair that did not converge.
  void whatIsUnknownIsNotHollow_data() {
    QTest::addColumn<QString>("kind");
    for (const char* kind : {"spectrum", "trajectories"}) QTest::newRow(kind) << kind;
  }
  void whatIsUnknownIsNotHollow() {
    QFETCH(QString, kind);
    RunResults run = sample::run(curvature());
    const auto named = [&] {
      const auto figure = figureOf(kind, run, 5);
      QCPLegend* legend = figure->plot()->legend;
      for (int i = 0; i < legend->itemCount(); ++i) {
        auto* item = qobject_cast<QCPPlottableLegendItem*>(legend->item(i));
        if (item && item->plottable()->name() == "not converged") return true;
      }
      return false;
    };
    for (auto& row : run.spectrum) {
      row.converged = row.epoch != 5;
      if (row.epoch == 5) row.eigenvalue = row.residual = notANumber;
    }
    QVERIFY(!named());
    for (auto& row : run.spectrum) {
      row.converged = false;
      if (row.epoch == 5) row.eigenvalue = 1;
    }
    QVERIFY(named());
  }

  void everyTextHasRoom_data() {
    QTest::addColumn<QString>("kind");
    QTest::addColumn<int>("layers");
    for (const auto& kind : kinds) {
      for (const int layers : {3, 20, 60}) {
        if (layers == 20 || kind == "power" || kind == "layers") {
          QTest::newRow(qPrintable(kind + QString::number(layers))) << kind << layers;
        }
      }
    }
  }
  /// One column of a page, 8 pt: labels are no longer than their axes, and what is drawn keeps a part of the height.
  void everyTextHasRoom() {
    QFETCH(QString, kind);
    QFETCH(int, layers);
    sample::Options options = curvature();
    options.layers = layers;
    const auto figure = figureOf(kind, sample::run(options), 6);
    figure->resize(int(86 / 25.4 * 96), int(64 / 25.4 * 96));
    figure->show();
    QVERIFY(QTest::qWaitForWindowExposed(figure.get()));
    figure->plot()->replot();
    const QCPAxisRect* rect = figure->plot()->axisRect(0);
    QVERIFY2(rect->height() > 0.18 * figure->height(), qPrintable(QString::number(rect->height())));
    for (const auto type : {QCPAxis::atLeft, QCPAxis::atRight, QCPAxis::atBottom}) {
      const QCPAxis* each = rect->axis(type);
      if (!each->visible() || each->label().isEmpty()) continue;
      const double length = type == QCPAxis::atBottom ? rect->width() : rect->height();
      const QFontMetricsF metrics(each->labelFont());
      for (const QString& line : each->label().split('\n')) {
        QVERIFY2(metrics.horizontalAdvance(line) <= length + 3, qPrintable(line));
      }
    }
    QVERIFY(rect->outerRect().right() <= figure->plot()->width());
  }

  void theMouseReads_data() { nothingToShowSaysSo_data(); }
  void theMouseReads() {
    QFETCH(QString, kind);
    const auto figure = figureOf(kind, sample::run(curvature()), 6);
    figure->show();
    QVERIFY(QTest::qWaitForWindowExposed(figure.get()));
    figure->plot()->replot();
    QSignalSpy spy(figure.get(), &Figure::hovered);
    const QRect area = figure->plot()->axisRect(0)->rect();
    for (int i = 1; i < 20; ++i)
      QTest::mouseMove(figure->plot(), {area.left() + area.width() * i / 20, area.center().y()});
    QStringList said;
    for (const auto& call : spy) said << call.at(0).toString();
    said.removeAll(QString());
    QVERIFY(!said.isEmpty());
    const std::map<QString, QString> expected = {{"spectrum", "residual"},  {"density", "density at eigenvalue"},
                                                 {"power", "iteration"},    {"layers", "trace"},
                                                 {"overlap", "overlap 0."}, {"gradient", "epoch"},
                                                 {"overhead", "training"}};
    QVERIFY2(!said.filter(expected.at(kind)).isEmpty(), qPrintable(said.join('\n')));
  }

  void exportsAreComplete_data() { nothingToShowSaysSo_data(); }
  void exportsAreComplete() {
    QFETCH(QString, kind);
    const auto figure = figureOf(kind, sample::run(curvature()), 6);
    for (const QString& format : figure->formats()) {
      const fs::path file = fs::path(folder_.path().toStdString()) / ("figure." + format.toStdString());
      figure->exportTo(file, {});
      QVERIFY(fs::file_size(file) > 200);
    }
  }

 private:
  QTemporaryDir folder_;
};

QTEST_MAIN(TestCurvaturePlots)
#include "tst_curvature_plots.moc"
