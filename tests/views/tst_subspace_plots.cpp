// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>

#include "support/plots.h"

using namespace plots;

/// Of the figures over epochs: overlap, gradient, overhead.
class TestSubspacePlots : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void overlapCellsAreTheRows() {
    RunResults run = sample::run(curvature());
    // One row is not known, one not finite.
    std::erase_if(run.overlaps, [](const OverlapRow& row) { return row.epoch == 4 && row.otherEpoch == 1; });
    for (auto& row : run.overlaps) {
      if (row.epoch == 3 && row.otherEpoch == 0) row.overlap = infinity;
    }
    const auto figure = figureOf("overlap", run, 6);
    QCOMPARE(figure->splits(), (QStringList{"train", "test"}));
    for (const QString split : {"train", "test"}) {
      figure->setSplit(split);
      QCOMPARE(figure->split(), split);
      const QCPColorMap* map = plottables<QCPColorMap>(*figure).at(0);
      QCOMPARE(map->data()->keySize(), 7);
      QCOMPARE(map->dataRange(), QCPRange(0, 1));
      for (const auto& row : run.overlaps) {
        if (QString::fromStdString(row.split) != split || !std::isfinite(row.overlap)) continue;
        QCOMPARE(map->data()->cell(int(row.epoch), int(row.otherEpoch)), row.overlap);
        QCOMPARE(map->data()->cell(int(row.otherEpoch), int(row.epoch)), row.overlap);
      }
      for (int i = 0; i < 7; ++i) QCOMPARE(map->data()->cell(i, i), 1.0);
      for (const auto& [i, j] : {std::pair(4, 1), {1, 4}, {3, 0}, {0, 3}}) QVERIFY(std::isnan(map->data()->cell(i, j)));
      QCOMPARE(items<HatchedCells>(*figure).at(0)->count(), std::size_t(4));
      QCOMPARE(items<QCPItemText>(*figure).size(), std::size_t(49 - 4));
      QCOMPARE(csv(*figure),
               csvOfRows(run.overlaps, [&](const OverlapRow& row) { return row.split == split.toStdString(); }));
      QVERIFY(captionOf(*figure).contains("Hatched: not known") &&
              captionOf(*figure).contains("1 overlaps not finite"));
      QVERIFY(captionOf(*figure).contains("random ones overlap by 1.8"));
    }
    figure->setSplit("train");
    const double at = std::find_if(run.overlaps.begin(), run.overlaps.end(), [](const OverlapRow& row) {
                        return row.epoch == 6 && row.otherEpoch == 5;
                      })->overlap;
    QStringList texts;
    for (const auto* text : items<QCPItemText>(*figure)) {
      if (text->position->key() == 6 && text->position->value() == 5) texts << text->text();
    }
    QCOMPARE(texts, QStringList{QString::number(at, 'f', 2)});
  }

  void manyEpochsHaveNoNumbers() {
    sample::Options options = curvature();
    options.epochs = 100;
    options.every = 5;
    const auto figure = figureOf("overlap", sample::run(options), 100);
    QVERIFY(items<QCPItemText>(*figure).empty());
    const auto names = axis(*figure, QCPAxis::atBottom)->ticker().dynamicCast<QCPAxisTickerText>()->ticks();
    QCOMPARE(names[0], QString("0"));
    for (auto at = names.begin(); at != names.end(); ++at) QCOMPARE(at.value().toDouble(), 5 * at.key());
  }

  void gradientShowsShareAndNorm() {
    RunResults run = sample::run(curvature());
    const auto figure = figureOf("gradient", run, 4);
    for (const QString split : {"train", "test"}) {
      const auto rows =
          rowsOf<GradientRow>(run.gradients, [&](const GradientRow& row) { return row.split == split.toStdString(); });
      const auto share = values(*figure, "share, " + split), norm = values(*figure, "norm, " + split);
      QCOMPARE(share.size(), rows.size());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        QCOMPARE(share[i], rows[i]->share);
        QCOMPARE(norm[i], rows[i]->norm);
      }
      QCOMPARE(graph(*figure, "share, " + split)->pen().style(), split == "test" ? Qt::DashLine : Qt::SolidLine);
    }
    QVERIFY(axis(*figure, QCPAxis::atLeft)->range().contains(0) && axis(*figure, QCPAxis::atLeft)->range().contains(1));
    QCOMPARE(graph(*figure, "norm, train")->valueAxis(), axis(*figure, QCPAxis::atRight));
    QCOMPARE(axis(*figure, QCPAxis::atRight)->scaleType(), QCPAxis::stLogarithmic);
    QCOMPARE(items<QCPItemStraightLine>(*figure).at(0)->point1->key(), 4.0);
    QCOMPARE(csv(*figure), csvOfRows(run.gradients, [](const GradientRow&) { return true; }));
    run.gradients[2].share = notANumber;
    run.gradients[4].norm = 0;
    const auto flawed = figureOf("gradient", run, 4);
    QVERIFY(std::isnan(values(*flawed, "share, train")[1]) && std::isnan(values(*flawed, "norm, train")[2]));
    QVERIFY(captionOf(*flawed).contains("1 gradients not finite") &&
            captionOf(*flawed).contains("1 gradients of norm 0"));
  }

  // A checkpoint with NaN has a spectrum of NaN, and neither a gradient nor vectors.
  void anEpochWithoutNumbersIsAGap() {
    RunResults run = sample::run(curvature());
    for (auto& row : run.spectrum) {
      if (row.epoch == 3) row.eigenvalue = row.residual = notANumber;
    }
    std::erase_if(run.gradients, [](const GradientRow& row) { return row.epoch == 3; });
    std::erase_if(run.overlaps, [](const OverlapRow& row) { return row.epoch == 3 || row.otherEpoch == 3; });
    const auto gradient = figureOf("gradient", run, 4);
    for (const char* line : {"share, train", "norm, train", "share, test", "norm, test"}) {
      const auto shown = values(*gradient, line);
      QCOMPARE(shown.size(), std::size_t(7));
      for (std::size_t i = 0; i < shown.size(); ++i) QCOMPARE(std::isnan(shown[i]), i == 3);
    }
    for (const char* kind : {"gradient", "overlap"}) {
      const auto figure = figureOf(kind, run, 4);
      QVERIFY2(captionOf(*figure).contains("o finite curvature at epoch 3."), qPrintable(captionOf(*figure)));
    }
    QVERIFY(!captionOf(*figureOf("gradient", sample::run(curvature()), 4)).contains("finite curvature"));
  }

  void overheadBarsAreTheSeconds() {
    const RunResults run = sample::run(curvature());
    const auto figure = figureOf("overhead", run, 4);
    const auto bars = plottables<QCPBars>(*figure);
    QCOMPARE(bars.size(), std::size_t(2));
    QCOMPARE(bars[1]->barBelow(), bars[0]);
    double highest = 0;
    for (int i = 0; i < 7; ++i) {
      const OverheadRow& row = run.overhead[std::size_t(i)];
      QCOMPARE(bars[0]->data()->at(i)->value, row.trainingSeconds);
      QCOMPARE(bars[1]->data()->at(i)->value, row.curvatureSeconds);
      QCOMPARE(bars[1]->data()->at(i)->key, double(row.epoch));
      highest = std::max(highest, row.trainingSeconds + row.curvatureSeconds);
    }
    QVERIFY(axis(*figure, QCPAxis::atLeft)->range().upper > highest);
    const auto shares = items<QCPItemText>(*figure);
    QCOMPARE(shares.size(), std::size_t(7));
    QCOMPARE(shares[0]->text(), QStringLiteral("100\u00A0%"));
    QCOMPARE(shares[3]->text(), QStringLiteral("%1\u00A0%").arg(std::lround(100 * run.overhead[3].share)));
    QVERIFY(captionOf(*figure).contains("910 operator products"));
    QCOMPARE(csv(*figure), csvOfRows(run.overhead, [](const OverheadRow&) { return true; }));
  }

  void overheadOfLongRunsHasALine() {
    sample::Options options = curvature();
    options.epochs = 200;
    options.every = 10;
    options.layers = 2;
    RunResults run = sample::run(options);
    for (auto& row : run.overhead) row.trainingSeconds *= 60;
    run.overhead[4].trainingSeconds = notANumber;
    const auto figure = figureOf("overhead", run, 200);
    QVERIFY(items<QCPItemText>(*figure).empty());
    const QCPGraph* line = graph(*figure, "share of curvature");
    QCOMPARE(line->dataCount(), 21);  // not the epochs in between
    QCOMPARE(line->data()->at(1)->value, 100 * run.overhead[10].share);
    QVERIFY(axis(*figure, QCPAxis::atLeft)->label().contains("min"));
    QVERIFY(near(plottables<QCPBars>(*figure)[0]->data()->at(1)->value, run.overhead[1].trainingSeconds / 60));
    QVERIFY(captionOf(*figure).contains("1 epochs with times that are not finite"));
  }
};

QTEST_MAIN(TestSubspacePlots)
#include "tst_subspace_plots.moc"
