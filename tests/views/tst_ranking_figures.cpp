// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QMenu>
#include <QMouseEvent>
#include <QSignalSpy>
#include <QTest>
#include <algorithm>
#include <cmath>

#include "support/plots.h"
#include "views/finetune.h"
#include "views/ranking.h"

using namespace eigenscape;
using namespace plots;

namespace {

constexpr int layers = 6;

std::unique_ptr<PlotFigure> figureOf(const FigureId& id, const RunResults& run, QSize size = {640, 480}) {
  auto figure = std::unique_ptr<PlotFigure>(static_cast<PlotFigure*>(makeFigure(id).release()));
  figure->resize(size);
  figure->showRun(std::make_shared<const RunResults>(run), 10);
  return figure;
}

/// Scores of two methods for weights and one for inputs, and the losses that they are to foretell: of v2 without fail.
RunResults ranked() {
  auto run = sample::run();
  for (const char* kind : {"weights", "inputs"}) {
    const bool weights = std::string(kind) == "weights";
    for (int layer = 0; layer < layers; ++layer) {
      for (const std::int64_t bits : {2, 4}) {
        const auto name = sample::layerName(layer, layers);
        const double omega = 0.02 * (layer + 1) * std::pow(4.0, -double(bits));
        if (weights) run.layerScores.push_back({name, kind, bits, "v1", 1e-3 / (layer + 1), notANumber});
        run.layerScores.push_back({name, kind, bits, "v2", omega, 0.1 * omega});
        LayerLossRow loss{name, kind, bits, "train", 512, 1, 0.8, omega / 2, 1e-5};
        // One is lost in the noise.
        if (layer == 0 && bits == 4) loss.increase = -2e-6;
        run.layerLosses.push_back(loss);
      }
    }
  }
  const auto add = [&](const char* kind, std::int64_t bits, const char* method, double rho, double low, double high) {
    run.ranking.push_back({kind, bits, method, "spearman", rho, low, high, layers});
    run.ranking.push_back({kind, bits, method, "kendall", 0.7 * rho, 0.7 * low, 0.7 * high, layers});
  };
  add("weights", 2, "v1", -0.4, -0.9, 0.3);
  add("weights", 4, "v1", notANumber, notANumber, notANumber);
  add("weights", 0, "v1", -0.5, -0.7, -0.2);
  add("weights", 2, "v2", 0.9, 0.5, 1);
  add("weights", 4, "v2", 0.8, 0.2, 1);
  add("weights", 0, "v2", 0.95, 0.8, 1);
  add("inputs", 2, "v2", 0.3, -0.2, 0.8);
  add("inputs", 4, "v2", 0.6, 0.1, 0.9);
  add("inputs", 0, "v2", 0.7, 0.3, 0.9);
  return run;
}

SettingRow measured(const std::string& setting, double loss, double accuracy) {
  SettingRow row;
  row.setting = setting;
  row.method = "exact";
  row.loss = loss;
  row.accuracy = accuracy;
  return row;
}

/// `size=0.5` block by block, `uniform-4` the same; "all" instead where everything is quantized at once.
RunResults tuned(bool blocks = true) {
  auto run = sample::run();
  for (const auto& [name, penalty] : {std::pair<std::string, double>{"size=0.5", 0.4}, {"uniform-4", 0.2}}) {
    const auto add = [&, name = name, penalty = penalty](int stage, int epoch, int step, double share) {
      for (const char* split : {"train", "test"}) {
        const double loss = (std::string(split) == "test" ? 0.5 : 0.3) + penalty * share;
        run.finetuning.push_back({name, stage, epoch, step, split, loss, 1 - loss, 0.01});
      }
    };
    add(0, 0, 0, 0);
    if (blocks) {
      for (int stage = 1; stage <= 4; ++stage) add(stage, 0, 5 * (stage - 1), 0.3 * stage);
      add(4, 1, 20, 0.6), add(4, 2, 40, 0.3);
    } else {
      add(1, 0, 0, 1), add(1, 1, 20, 0.6), add(1, 2, 40, 0.3);
    }
    run.settings.push_back(measured(name, 0.5 + 1.5 * penalty, 0.5 - 1.5 * penalty));
  }
  return run;
}

}  // namespace

class TestRankingFigures : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void figuresAreOffered();
  void correlationsHaveTheirIntervals();
  void kendallIsAChoice();
  void theReadoutNamesTheMeasure();
  void scoresStandAgainstIncreases();
  void halfOfOmegaIsExpected();
  void comparedScoresShareTheirAxes();
  void curvesAreOfTheQuantizedNetwork();
  void levelsAreOfTheTestSplit();
  void blocksAreMarked();
  void settingsTogether();
  void tablesAreTheRows();
  void everythingFits_data();
  void everythingFits();
};

void TestRankingFigures::figuresAreOffered() {
  const auto stems = [](const RunResults& run) {
    QStringList all;
    for (const auto& id : availableFigures(run)) {
      if (id.kind == "ranking" || id.kind == "finetune") {
        all << id.fileStem();
        if (id.page() != 4) all << "on another page";
      }
    }
    return all;
  };
  QCOMPARE(stems(sample::run()), QStringList());
  QCOMPARE(stems(ranked()), (QStringList{"ranking", "ranking-v1", "ranking-v2", "ranking-inputs-v2"}));
  QCOMPARE(stems(tuned()), (QStringList{"finetune", "finetune-size=0.5", "finetune-uniform-4"}));
  auto run = ranked();
  run.layerLosses.clear();
  QCOMPARE(stems(run), QStringList{"ranking"});
  run = tuned();
  run.finetuning.erase(std::remove_if(run.finetuning.begin(), run.finetuning.end(),
                                      [](const FinetuneRow& row) { return row.setting == "uniform-4"; }),
                       run.finetuning.end());
  QCOMPARE(stems(run), QStringList{"finetune-size=0.5"});
  for (const FigureId& id : {FigureId{"ranking", {}}, {"ranking", "v2"}, {"finetune", {}}, {"finetune", "size=0.5"}})
    QVERIFY(!figureOf(id, sample::run())->emptyMessage().isEmpty());
}

void TestRankingFigures::correlationsHaveTheirIntervals() {
  const auto figure = figureOf({"ranking", {}}, ranked());
  QCOMPARE(values(*figure, "2 bits"), (std::vector<double>{-0.4, 0.9, 0.3}));
  QCOMPARE(values(*figure, "4 bits"), (std::vector<double>{0.8, 0.6}));  // v1's is not defined
  QCOMPARE(values(*figure, "all widths"), (std::vector<double>{-0.5, 0.95, 0.7}));
  // Hollow: those whose interval holds 0.
  QCOMPARE(values(*figure, "hollow, 2 bits"), (std::vector<double>{-0.4, 0.3}));
  QVERIFY(values(*figure, "hollow, all widths").empty());
  const auto* bars = barsOf(*figure, graph(*figure, "4 bits"));
  QVERIFY(bars);
  QVERIFY(near(bars->data()->at(0).errorMinus, 0.6) && near(bars->data()->at(0).errorPlus, 0.2));
  QVERIFY2(captionOf(*figure).contains("1 correlations not defined"), qPrintable(captionOf(*figure)));
  QVERIFY(captionOf(*figure).contains("6 layers") && captionOf(*figure).contains("512"));
  const auto labels = axis(*figure, QCPAxis::atBottom)->ticker().dynamicCast<QCPAxisTickerText>()->ticks();
  QCOMPARE(labels.values(), (QStringList{"λ₁ / n\nHAWQ-V1", "Ω\nHAWQ-V2", "Ω\ninputs"}));
}

void TestRankingFigures::kendallIsAChoice() {
  const auto figure = figureOf({"ranking", {}}, ranked());
  const auto menu = figure->contextMenu();
  QAction* choice = nullptr;
  for (auto* action : menu->actions()) {
    if (action->text() == "Kendall's τ-b") choice = action;
  }
  QVERIFY(choice && !choice->isChecked());
  choice->trigger();
  QVERIFY(near(values(*figure, "all widths").back(), 0.49));
  QVERIFY(axis(*figure, QCPAxis::atLeft)->label().contains("τ"));
  QVERIFY(captionOf(*figure).contains("Kendall"));
}

void TestRankingFigures::theReadoutNamesTheMeasure() {
  const auto figure = figureOf({"ranking", {}}, ranked());
  figure->show();
  figure->plot()->replot();
  QSignalSpy spy(figure.get(), &Figure::hovered);
  const QPointF at(axis(*figure, QCPAxis::atBottom)->coordToPixel(1), axis(*figure, QCPAxis::atLeft)->coordToPixel(0));
  QMouseEvent move(QEvent::MouseMove, at, figure->plot()->mapToGlobal(at), Qt::NoButton, Qt::NoButton, Qt::NoModifier);
  QApplication::sendEvent(figure->plot(), &move);
  QVERIFY(!spy.isEmpty());
  const QString text = spy.back().front().toString();
  QVERIFY2(text.startsWith("Ω (HAWQ-V2): 2 bits 0.9 (0.5 to 1), 4 bits 0.8"), qPrintable(text));
}

void TestRankingFigures::scoresStandAgainstIncreases() {
  const auto run = ranked();
  const auto figure = figureOf({"ranking", "v2"}, run);
  QCOMPARE(axis(*figure, QCPAxis::atBottom)->scaleType(), QCPAxis::stLogarithmic);
  QVERIFY(axis(*figure, QCPAxis::atLeft)->label().endsWith("(symlog)"));  // one increase is negative
  const auto* two = graph(*figure, "2");
  QVERIFY(two);
  QCOMPARE(two->dataCount(), layers);
  QVERIFY2(two->name() == "2 bits, ρ = 0.9", qPrintable(two->name()));
  QVERIFY(near(two->data()->at(0)->key, 0.02 / 16));
  QCOMPARE(graph(*figure, "hollow, 2")->dataCount(), 0);
  QCOMPARE(graph(*figure, "hollow, 4")->dataCount(), 1);
  int vertical = 0, horizontal = 0;
  for (const auto* bars : plottables<QCPErrorBars>(*figure)) {
    (bars->errorType() == QCPErrorBars::etValueError ? vertical : horizontal) += bars->dataCount();
    if (bars->dataPlottable() == two && bars->errorType() == QCPErrorBars::etKeyError)
      QVERIFY(near(bars->data()->at(0).errorPlus, 1.96 * 0.1 * 0.02 / 16));
  }
  QCOMPARE(vertical, 2 * layers);
  QCOMPARE(horizontal, 2 * layers);
  // Without the one in the noise the increases are on a plain logarithmic axis.
  auto clear = run;
  for (auto& row : clear.layerLosses) {
    row.increase = std::abs(row.increase);
    row.standardError = 1e-9;
  }
  QCOMPARE(axis(*figureOf({"ranking", "v2"}, clear), QCPAxis::atLeft)->scaleType(), QCPAxis::stLogarithmic);
}

void TestRankingFigures::halfOfOmegaIsExpected() {
  const auto run = ranked();
  const auto figure = figureOf({"ranking", "v2"}, run);
  const auto* line = graph(*figure, "½ Ω");
  QVERIFY(line);
  // The measured increases are half of Ω, so their points lie on it.
  const auto two = graph(*figure, "2")->data()->at(3);
  double nearest = infinity;
  for (const auto& point : *line->data()) {
    if (std::abs(point.key / two->key - 1) < 0.02) nearest = std::min(nearest, std::abs(point.value - two->value));
  }
  QVERIFY2(nearest < 0.02, qPrintable(QString::number(nearest)));
  QVERIFY(!graph(*figureOf({"ranking", "v1"}, run), "½ Ω"));
}

void TestRankingFigures::comparedScoresShareTheirAxes() {
  const auto run = ranked();
  auto larger = run;
  for (auto& row : larger.layerLosses) row.increase *= 50;
  auto figure = std::unique_ptr<PlotFigure>(static_cast<PlotFigure*>(makeFigure({"ranking", "v2"}).release()));
  figure->resize(640, 480);
  figure->setPeers({std::make_shared<const RunResults>(larger)});
  figure->showRun(std::make_shared<const RunResults>(run), 10);
  auto other = std::unique_ptr<PlotFigure>(static_cast<PlotFigure*>(makeFigure({"ranking", "v2"}).release()));
  other->resize(640, 480);
  other->setPeers({std::make_shared<const RunResults>(run)});
  other->showRun(std::make_shared<const RunResults>(larger), 10);
  QVERIFY(near(axis(*figure, QCPAxis::atLeft)->range().upper, axis(*other, QCPAxis::atLeft)->range().upper));
}

void TestRankingFigures::curvesAreOfTheQuantizedNetwork() {
  const auto figure = figureOf({"finetune", "size=0.5"}, tuned());
  const auto loss = values(*figure, "loss, train");
  QCOMPARE(loss.size(), std::size_t(6));  // stage 0 is the float network
  QVERIFY(near(loss.front(), 0.3 + 0.4 * 0.3) && near(loss.back(), 0.3 + 0.4 * 0.3));
  const auto accuracy = values(*figure, "accuracy, test");
  QCOMPARE(accuracy.size(), std::size_t(6));
  QVERIFY(near(accuracy[3], 100 * (0.5 - 0.4 * 1.2)));
  QVERIFY(captionOf(*figure).contains("20 steps to the epoch"));
}

void TestRankingFigures::levelsAreOfTheTestSplit() {
  const auto figure = figureOf({"finetune", "size=0.5"}, tuned());
  const auto level = [&](const PlotFigure& of, const char* name) {
    const auto both = values(of, name);
    return both.size() == 2 && both[0] == both[1] ? both[0] : notANumber;
  };
  QVERIFY(near(level(*figure, "loss, float"), 0.5));
  QVERIFY(near(level(*figure, "accuracy, float"), 50));
  QVERIFY(near(level(*figure, "loss, not tuned"), 1.1));  // of settings.csv
  QVERIFY(axis(*figure, QCPAxis::atLeft)->range().upper > 1.1);
  // Quantized at once, the network before the first step is the one that is not tuned.
  auto run = tuned(false);
  run.settings.clear();
  const auto all = figureOf({"finetune", "size=0.5"}, run);
  QVERIFY(near(level(*all, "loss, not tuned"), 0.9));
  QVERIFY(near(level(*all, "loss, float"), 0.5));
}

void TestRankingFigures::blocksAreMarked() {
  const auto marks = [](const PlotFigure& figure) {
    std::vector<double> all;
    for (const auto* line : items<QCPItemStraightLine>(figure)) {
      if (line->objectName() == "block") all.push_back(line->point1->key());
    }
    return all;
  };
  const auto figure = figureOf({"finetune", "size=0.5"}, tuned());
  QCOMPARE(marks(*figure), (std::vector<double>{0, 5, 10, 15}));
  QStringList numbers;
  for (const auto* text : items<QCPItemText>(*figure)) numbers << text->text();
  QCOMPARE(numbers, (QStringList{"1", "2", "3", "4"}));
  QVERIFY(captionOf(*figure).contains("4 in all"));
  QVERIFY(marks(*figureOf({"finetune", "size=0.5"}, tuned(false))).empty());
}

void TestRankingFigures::settingsTogether() {
  const auto figure = figureOf({"finetune", {}}, tuned());
  const auto size = values(*figure, "size=0.5"), uniform = values(*figure, "uniform-4");
  QVERIFY(near(size.back(), 100 * (0.5 - 0.4 * 0.3)) && near(uniform.back(), 100 * (0.5 - 0.2 * 0.3)));
  QVERIFY(near(values(*figure, "float").front(), 50));
  QVERIFY(near(values(*figure, "uniform-4, not tuned").front(), 20));
  QVERIFY(graph(*figure, "size=0.5")->pen().color() != graph(*figure, "uniform-4")->pen().color());
}

void TestRankingFigures::tablesAreTheRows() {
  const auto lines = [](const PlotFigure& figure) { return QString::fromStdString(figure.table()).split('\n'); };
  const auto run = ranked();
  QCOMPARE(lines(*figureOf({"ranking", {}}, run)).size(), qsizetype(1 + run.ranking.size() + 1));
  const auto scores = lines(*figureOf({"ranking", "v2"}, run));
  QCOMPARE(scores.front(), "layer,kind,bits,method,score,score_standard_error,increase,increase_standard_error");
  QCOMPARE(scores.size(), qsizetype(1 + 2 * layers + 1));
  QCOMPARE(scores[1], "conv1,weights,2,v2,0.00125,0.000125,0.000625,1e-05");
  QCOMPARE(lines(*figureOf({"finetune", "uniform-4"}, tuned())).size(), qsizetype(1 + 14 + 1));
  QCOMPARE(lines(*figureOf({"finetune", {}}, tuned())).size(), qsizetype(1 + 28 + 1));
}

void TestRankingFigures::everythingFits_data() {
  QTest::addColumn<QString>("kind");
  QTest::addColumn<QString>("name");
  for (const auto& [kind, name] :
       {std::pair{"ranking", ""}, {"ranking", "v2"}, {"finetune", ""}, {"finetune", "size=0.5"}})
    QTest::newRow(qPrintable(QString("%1 %2").arg(kind, name))) << kind << name;
}

/// At the width of a paper's column, the plot keeps half of the height, and paper and ink follow the theme.
void TestRankingFigures::everythingFits() {
  QFETCH(QString, kind);
  QFETCH(QString, name);
  auto run = kind == "ranking" ? ranked() : tuned();
  const auto figure = figureOf({kind, name}, run, {333, 265});
  figure->setCaptionShown(false);
  figure->plot()->replot();
  const QRect area = figure->plot()->axisRect(0)->rect();
  QVERIFY2(area.height() > 0.45 * figure->plot()->height(), qPrintable(QString::number(area.height())));
  QVERIFY2(area.width() > 0.6 * figure->plot()->width(), qPrintable(QString::number(area.width())));
  ExportOptions options;
  options.theme = Theme::Dark;
  const QImage dark = figure->picture(options);
  QVERIFY(dark.pixelColor(2, 2).lightness() < 60);
}

QTEST_MAIN(TestRankingFigures)
#include "tst_ranking_figures.moc"
