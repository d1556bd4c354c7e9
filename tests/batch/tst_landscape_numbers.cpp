// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <map>

#include "core/results/run_directory.h"
#include "tests/batch/program.h"

using namespace eigenscape;

namespace {

const QByteArray kRecipe = R"(name = "numbers"
seed = 5
[data]
dataset = "glyphs"
train_limit = 256
test_limit = 64
[model]
architecture = "cnn"
[training]
epochs = 3
batch_size = 32
learning_rate = 0.02
[curvature]
top = 3
tolerance = 1e-4
[[profile]]
name = "e1"
x = "eigenvector:1"
range = [-0.03, 0.03]
points = 7
split = "train"
[[profile]]
name = "e2"
x = "eigenvector:2"
range = [-0.03, 0.03]
points = 7
split = "train"
[[profile]]
name = "e3"
x = "eigenvector:3"
range = [-0.03, 0.03]
points = 7
split = "train"
[[surface]]
name = "s"
points = 7
range = [-0.5, 0.5]
samples = 64
curvature_map = 3
)";

/// GELU is smooth: of the loss along ±e, the mean is ½λα² up to the fourth order.
const QByteArray kSmooth = R"(name = "parabola"
seed = 5
[data]
dataset = "glyphs"
train_limit = 32
test_limit = 16
[model]
architecture = "mixer"
[training]
epochs = 1
batch_size = 16
learning_rate = 0.02
[curvature]
top = 3
)";
constexpr const char* kAlong = R"([[profile]]
name = "e%1"
x = "eigenvector:%1"
range = [-0.04, 0.04]
points = 5
split = "train"
)";

}  // namespace

/// Landscape and spectrum of one run speak of the same loss.
class TestLandscapeNumbers : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() {
    writeFile(folder_.filePath("r.toml"), kRecipe);
    const auto outcome = runProgram({"--batch", folder_.filePath("r.toml"), "--out", folder_.filePath("run"),
                                     "--threads", "1", "--figures", "none", "--quiet"});
    QVERIFY2(outcome.status == 0, outcome.err.constData());
    run_ = loadRun(folder_.filePath("run").toStdString());
  }

  void theLossAtTheOriginIsTheRecordedOne() {
    double recorded = std::nan("");
    for (const auto& row : run_.metrics) {
      if (row.epoch == 3 && row.split == "train") recorded = row.loss;
    }
    int found = 0;
    for (const auto& row : run_.profiles) {
      if (row.alpha != 0) continue;
      QCOMPARE(row.loss, recorded);  // to the last bit
      ++found;
    }
    QCOMPARE(found, 3);
  }

  void profilesAlongEigenvectorsAreParabolas() {
    QString recipe = kSmooth;
    for (int k = 1; k <= 3; ++k) recipe += QString(kAlong).arg(k);
    writeFile(folder_.filePath("smooth.toml"), recipe.toUtf8());
    const auto outcome = runProgram({"--batch", folder_.filePath("smooth.toml"), "--out", folder_.filePath("smooth"),
                                     "--threads", "1", "--figures", "none", "--quiet"});
    QVERIFY2(outcome.status == 0, outcome.err.constData());
    const RunResults run = loadRun(folder_.filePath("smooth").toStdString());
    int compared = 0;
    for (int k = 1; k <= 3; ++k) {
      double eigenvalue = std::nan("");
      for (const auto& row : run.spectrum) {
        if (row.epoch == 1 && row.split == "train" && row.index == k) eigenvalue = row.eigenvalue;
      }
      std::map<double, double> losses;
      for (const auto& row : run.profiles) {
        if (row.epoch == 1 && row.name == "e" + std::to_string(k)) losses[row.alpha] = row.loss;
      }
      for (const auto& [alpha, loss] : losses) {
        if (alpha <= 0) continue;
        const double rise = (loss + losses.at(-alpha)) / 2 - losses.at(0);
        const double ratio = rise / (eigenvalue * alpha * alpha / 2);
        QVERIFY2(std::abs(ratio - 1) < 0.02, qPrintable(QString("e%1 at %2: %3").arg(k).arg(alpha).arg(ratio)));
        ++compared;
      }
    }
    QCOMPARE(compared, 6);
  }

  void theMapsCentreIsTheSpectrums() {
    QCOMPARE(run_.curvatureMap.size(), std::size_t{9});
    double largest = 0;
    for (const auto& row : run_.spectrum) {
      if (row.epoch == 3 && row.index == 1) largest = row.eigenvalue;
    }
    int found = 0;
    for (const auto& row : run_.curvatureMap) {
      if (row.alpha != 0 || row.beta != 0) continue;
      QVERIFY(row.converged);
      QVERIFY(std::abs(row.lambdaMax / largest - 1) <= CurvatureMapRow::tolerance);
      ++found;
    }
    QCOMPARE(found, 1);
  }

  // The last line begins anew, the lines before it stay: the table is the same in the end.
  void aMapThatWasCutShortGoesOn() {
    const QString table = folder_.filePath("run/curvature_map.csv");
    const QByteArray whole = readFile(table);
    auto lines = whole.split('\n');
    QCOMPARE(lines.size(), 11);
    writeFile(table, lines.mid(0, 6).join('\n') + "\n");  // five points: a line and two points of the next
    auto info = readRunInfo(folder_.filePath("run").toStdString());
    std::erase_if(info.phases, [](const PhaseInfo& phase) { return phase.name.starts_with("curvature_map"); });
    info.status = "interrupted";
    writeRunInfo(folder_.filePath("run").toStdString(), info);
    const auto outcome = runProgram({"--batch", folder_.filePath("r.toml"), "--out", folder_.filePath("run"),
                                     "--resume", "--threads", "1", "--figures", "none", "--quiet"});
    QVERIFY2(outcome.status == 0, outcome.err.constData());
    QCOMPARE(readFile(table), whole);
  }

  void checkCountsTheMap() {
    const auto outcome = runProgram({"--check", folder_.filePath("r.toml")});
    QCOMPARE(outcome.status, 0);
    QVERIFY2(outcome.out.contains("curvature map of surface s") && outcome.out.contains("3 × 3 points"),
             outcome.out.constData());
    const auto refused = runProgram({"--check", folder_.filePath("r.toml"), "--set", "surface.s.curvature_map=9"});
    QCOMPARE(refused.status, 2);
    QVERIFY2(refused.err.contains("surface.s.curvature_map = 9"), refused.err.constData());
  }

  // What is drawn with a scale, tst_compare_batch looks at.
  void renderTakesAScaleAndNothingElse() {
    const QStringList render{"--render", folder_.filePath("run"), "--figures", "none", "--set"};
    const auto outcome = runProgram(render + QStringList{"surface.s.scale=log", "--set", "surface.s.clip=3"});
    QVERIFY2(outcome.status == 0, outcome.err.constData());
    const auto refused = runProgram(render + QStringList{"surface.s.points=3"});
    QCOMPARE(refused.status, 2);
    QVERIFY2(refused.err.contains("surface.NAME.scale"), refused.err.constData());
    const auto unknown = runProgram(render + QStringList{"surface.s.scale=cubic"});
    QCOMPARE(unknown.status, 2);
    QVERIFY2(unknown.err.contains("surface.s.scale") && unknown.err.contains("linear"), unknown.err.constData());
  }

 private:
  QTemporaryDir folder_;
  RunResults run_;
};

QTEST_GUILESS_MAIN(TestLandscapeNumbers)
#include "tst_landscape_numbers.moc"
