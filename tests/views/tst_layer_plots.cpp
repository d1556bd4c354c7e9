// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>

#include "support/plots.h"

using namespace plots;

class TestLayerPlots : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void layersShowBothQuantities() {
    const RunResults run = sample::run(curvature());
    const auto figure = figureOf("layers", run, 5);
    const QCPGraph* lambda = graph(*figure, QStringLiteral("λ₁"));
    const QCPGraph* trace = graph(*figure, "trace");
    QCOMPARE(lambda->dataCount(), 5);
    QCOMPARE(trace->dataCount(), 5);
    const auto eigenvalues = rowsOf<SpectrumRow>(
        run.spectrum, [](const SpectrumRow& row) { return row.scope != "model" && row.epoch == 5; });
    const auto traces = rowsOf<TraceRow>(run.traces, [](const TraceRow& row) { return row.epoch == 5; });
    for (int i = 0; i < 5; ++i) {
      const auto& e = *eigenvalues[std::size_t(i)];
      const auto& t = *traces[std::size_t(i)];
      QCOMPARE(lambda->data()->at(i)->value, e.eigenvalue);
      QCOMPARE(trace->data()->at(i)->value, t.trace);
      QCOMPARE(std::round(lambda->data()->at(i)->key), double(i));
      QCOMPARE(std::round(trace->data()->at(i)->key), double(i));
      QVERIFY(near(barsOf(*figure, lambda)->data()->at(i).errorPlus, e.residual * e.eigenvalue));
      QVERIFY(near(barsOf(*figure, trace)->data()->at(i).errorMinus, 1.96 * t.standardError));
    }
    // Layer 3 did not converge, the trace of layer 4 is within two standard errors of 0.
    const QCPGraph* open = graph(*figure, QStringLiteral("hollow, λ₁"));
    const QCPGraph* unresolved = graph(*figure, "hollow, trace");
    QVERIFY(isHollow(open) && isHollow(unresolved) && !isHollow(lambda) && !isHollow(trace));
    QCOMPARE(open->dataCount(), 1);
    QCOMPARE(open->data()->at(0)->value, lambda->data()->at(3)->value);
    QCOMPARE(unresolved->dataCount(), 1);
    QCOMPARE(unresolved->data()->at(0)->value, trace->data()->at(4)->value);
    QCOMPARE(axis(*figure, QCPAxis::atLeft)->scaleType(), QCPAxis::stLogarithmic);
    const auto names = axis(*figure, QCPAxis::atBottom)->ticker().dynamicCast<QCPAxisTickerText>()->ticks();
    QCOMPARE(names.size(), 5);
    QCOMPARE(names[0], QString("conv1"));
    QCOMPARE(names[4], QString("linear"));
    // One line for each layer with the cells of both tables.
    const QStringList lines = csv(*figure).split('\n', Qt::SkipEmptyParts);
    QCOMPARE(lines.size(), 6);
    QVERIFY(lines[0].startsWith("epoch,operator,scope,split,index,eigenvalue") &&
            lines[0].endsWith(",trace,standard_error,trace_products,trace_method,trace_converged"));
    QVERIFY(lines[1].startsWith(QString::fromStdString(toCsv(*eigenvalues[0])) + ','));
    QVERIFY(QString::fromStdString(toCsv(*traces[0])).endsWith(lines[1].section(',', 9)));
    QCOMPARE(lines[1].section(',', 9, 9).toDouble(), traces[0]->trace);
    QCOMPARE(lines[1].section(',', 10, 10).toDouble(), traces[0]->standardError);
    QCOMPARE(lines[1].count(','), lines[0].count(','));
  }

  void layersWithOneQuantity() {
    RunResults run = sample::run(curvature());
    std::erase_if(run.spectrum, [](const SpectrumRow& row) { return row.scope != "model"; });
    const auto traces = figureOf("layers", run, 5);
    QVERIFY(!graph(*traces, QStringLiteral("λ₁")));
    QCOMPARE(graph(*traces, "trace")->data()->at(2)->key, 2.0);
    QVERIFY(csv(*traces).contains(",train,,,,,,"));
    const auto first = std::find_if(run.traces.begin(), run.traces.end(), [](const TraceRow& row) {
      return row.epoch == 5 && row.scope != "model" && row.split == "train";
    });
    QCOMPARE(csv(*traces).section('\n', 1, 1).section(',', 9, 9).toDouble(), first->trace);
    run = sample::run(curvature());
    run.traces.clear();
    const auto eigenvalues = figureOf("layers", run, 5);
    QVERIFY(!graph(*eigenvalues, "trace"));
    QVERIFY(csv(*eigenvalues).section('\n', 1, 1).endsWith(",,,,,"));
    QCOMPARE(graph(*eigenvalues, QStringLiteral("λ₁"))->dataCount(), 5);
  }

  void layersOfDifferentTablesMeet() {
    RunResults run = sample::run(curvature());
    // The eigenvalues lack the second layer, the traces the last; test rows are not mixed in.
    std::erase_if(run.spectrum, [](const SpectrumRow& row) { return row.scope == sample::layerName(1, 5); });
    std::erase_if(run.traces, [](const TraceRow& row) { return row.scope == "linear"; });
    for (auto row : std::vector<TraceRow>(run.traces)) {
      row.split = "test", row.trace = 1e9;
      run.traces.insert(run.traces.begin(), row);
    }
    const auto figure = figureOf("layers", run, 6);
    const auto names = axis(*figure, QCPAxis::atBottom)->ticker().dynamicCast<QCPAxisTickerText>()->ticks();
    QCOMPARE(names.size(), 5);
    for (int i = 0; i < 5; ++i) QCOMPARE(names[i], QString::fromStdString(sample::layerName(i, 5)));
    for (const double trace : values(*figure, "trace")) QVERIFY(trace < 1e6);
    QVERIFY(captionOf(*figure).contains("other splits too"));
    // Negative traces ask for the other logarithm.
    for (auto& row : run.traces) row.trace = row.split == "test" ? row.trace : -row.trace;
    QVERIFY(axis(*figureOf("layers", run, 6), QCPAxis::atLeft)->label().contains("symlog"));
  }
};

QTEST_MAIN(TestLayerPlots)
#include "tst_layer_plots.moc"
