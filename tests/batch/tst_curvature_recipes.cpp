// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <map>
#include <set>

#include "core/results/run_directory.h"
#include "tests/batch/program.h"

using namespace eigenscape;

/// The shipped recipes of curvature, in small: each run from one command leaves the tables and the figures that it is
/// there for.
class TestCurvatureRecipes : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() { QVERIFY(folder_.isValid()); }

  void powerIteration() {
    const auto results =
        run("power-iteration", {"training.epochs=1", "curvature.every=1", "curvature.power_iterations=6"}, {"power"});
    std::map<std::string, std::set<std::int64_t>> batches;
    std::map<std::string, std::int64_t> longest;
    for (const auto& row : results.power) {
      batches[row.scope].insert(row.batch);
      longest[row.scope] = std::max(longest[row.scope], row.iteration);
      QVERIFY(std::isfinite(row.eigenvalue));
    }
    QCOMPARE(batches.size(), std::size_t(6));  // the model and its five blocks
    for (const auto& [scope, of] : batches) {
      QVERIFY2(of.size() == 10, scope.c_str());
      QVERIFY2(longest[scope] > 1 && longest[scope] <= 6, scope.c_str());
    }
  }

  void spectrumOverTraining() {
    const auto results = run("spectrum-over-training",
                             {"training.epochs=2", "curvature.samples=64", "curvature.top=3", "curvature.layer_top=1",
                              "curvature.density_nodes=8", "curvature.trace_tolerance=0.5"},
                             {"trajectories", "spectrum", "density", "layers", "overlap", "gradient"});
    std::set<std::pair<std::int64_t, std::string>> spectra, norms, densities;
    for (const auto& row : results.spectrum) {
      if (row.scope == "model") spectra.insert({row.epoch, row.split});
    }
    for (const auto& row : results.densityNodes) densities.insert({row.epoch, row.split});
    const std::set<std::pair<std::int64_t, std::string>> all{{0, "train"}, {0, "test"}, {2, "train"}, {2, "test"}};
    QCOMPARE(spectra, all);
    QCOMPARE(densities, all);
    // Its traces come from the outputs and know nothing of ‖∇²L‖_F: the probes of the density do.
    for (const auto& row : results.frobenius) {
      QVERIFY(norms.insert({row.epoch, row.split}).second);
      QVERIFY(row.standardError > 0);
      double least = 0;  // Σ λᵢ² over some of them
      for (const auto& pair : results.spectrum) {
        if (pair.scope == "model" && pair.epoch == row.epoch && pair.split == row.split)
          least += pair.eigenvalue * pair.eigenvalue;
      }
      QVERIFY(row.squaredNorm + 3 * row.standardError >= least);
    }
    QCOMPARE(norms, all);
    QCOMPARE(results.overlaps.size(), std::size_t(1));
    QCOMPARE(results.gradients.size(), std::size_t(4));
  }

  void hessianOverhead() {
    const auto results = run("hessian-overhead", {"training.epochs=2"}, {"overhead", "trajectories"});
    QCOMPARE(results.overhead.size(), std::size_t(2));
    for (const auto& row : results.overhead) {
      QVERIFY(row.trainingSeconds > 0 && row.curvatureSeconds > 0 && row.products > 0);
      QVERIFY(std::abs(row.share - row.curvatureSeconds / (row.curvatureSeconds + row.trainingSeconds)) < 1e-9);
    }
  }

 private:
  /// Runs the recipe on a tenth of its examples; `figures` must be among those that it draws.
  RunResults run(const QString& recipe, const QStringList& settings, const QStringList& figures) {
    QStringList arguments{"--batch",
                          recipe,
                          "--out",
                          folder_.filePath(recipe),
                          "--quiet",
                          "--threads",
                          "1",
                          "--set",
                          "data.train_limit=1300",
                          "--set",
                          "data.test_limit=100"};
    for (const QString& setting : settings) arguments << "--set" << setting;
    const Outcome outcome = runProgram(arguments);
    if (outcome.status != 0) {
      QTest::qFail(outcome.err.constData(), __FILE__, __LINE__);
      return {};
    }
#ifdef EIGENSCAPE_HAS_FIGURES
    for (const QString& figure : figures) {
      if (!QFile::exists(folder_.filePath(recipe + "/figures/" + figure + ".png")))
        QTest::qFail(qPrintable(recipe + " draws no " + figure), __FILE__, __LINE__);
    }
#else
    Q_UNUSED(figures);
#endif
    return loadRun(folder_.filePath(recipe).toStdString());
  }
  QTemporaryDir folder_;
};

QTEST_GUILESS_MAIN(TestCurvatureRecipes)
#include "tst_curvature_recipes.moc"
