// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QTest>
#include <cmath>

#include "core/results/error.h"
#include "core/study/study.h"
#include "core/study/trace_method.h"
#include "tests/study/recipes.h"
#include "tests/support/oracles.h"

using namespace eigenscape;
namespace fs = std::filesystem;

/// Of a whole study: directions, ranges and the two ways to a trace.
class TestStudyDirections : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() {
    QVERIFY(folder_.isValid());
    recipe_ = parseRecipe(tinyStudy, "tiny.toml");
  }

  // The plane of the path's principal components shows the path; α = 1 toward a checkpoint is that checkpoint.
  void directionsOfTheTrajectory() {
    auto recipe = recipe_;
    recipe.model.architecture = "cnn";  // with BatchNorm, whose statistics have to go along
    recipe.training.epochs = 3;
    recipe.curvature = {};
    recipe.curvature.top = 1;
    recipe.curvature.samples = 24;
    recipe.quantization.enabled = false;
    recipe.profiles.clear();
    recipe.surfaces.resize(1);
    recipe.surfaces[0].x = "pca:1";
    recipe.surfaces[0].y = "pca:2";
    runStudy(recipe, optionsFor("path"), {});
    const auto run = loadRun(path("path"));
    QCOMPARE(run.trajectory.size(), std::size_t{4});
    QCOMPARE(run.trajectory.front().epoch, 0);
    QVERIFY(run.trajectory.front().alpha > 0 && run.trajectory.front().unexplained < 0.5);
    QCOMPARE(run.trajectory.back().alpha, 0.0);
    QCOMPARE(run.trajectory.back().unexplained, 0.0);

    // With a range by advice the whole path lies within the picture.
    recipe.surfaces[0].range.clear();
    runStudy(recipe, optionsFor("advised"), {});
    const auto advised = loadRun(path("advised"));
    QCOMPARE(advised.surfaces.size(), std::size_t{9 * 2});
    double low = 0, high = 0;
    for (const auto& row : advised.surfaces) low = std::min(low, row.alpha), high = std::max(high, row.alpha);
    for (const auto& point : advised.trajectory) QVERIFY(point.alpha >= low && point.alpha <= high);
    QVERIFY(std::any_of(advised.surfaces.begin(), advised.surfaces.end(),
                        [](const SurfaceRow& row) { return row.alpha == 0 && row.beta == 0; }));
    recipe.surfaces[0].range = {-1, 1};

    recipe.training.epochs = 0;
    recipe.surfaces.clear();
    recipe.model.weights = (path("path") / "checkpoints" / "epoch-0003.safetensors").string();
    LandscapeRecipe back;
    back.name = "back";
    back.x = "toward:" + (path("path") / "checkpoints" / "epoch-0001.safetensors").string();
    back.range.clear();  // by advice: both checkpoints are on it
    back.points = 5;
    auto along = back;
    along.range = {0, 1};
    along.points = 2;
    along.name = "along";
    along.x = "tensor:" + (path("path") / "directions.safetensors").string() + "#pca:1";
    recipe.profiles = {back, along};
    runStudy(recipe, optionsFor("toward"), {});
    const auto there = loadRun(path("toward"));
    const auto lossAt = [&](const RunResults& from, std::int64_t epoch) {
      for (const auto& row : from.metrics) {
        if (row.epoch == epoch && row.split == "train") return row.loss;
      }
      return std::nan("");
    };
    for (const auto& row : there.profiles) {
      if (row.split != "train") continue;
      if (row.alpha == 0) QCOMPARE(row.loss, lossAt(there, 0));
      if (row.alpha == 1 && row.name == "back") QVERIFY(std::abs(row.loss / lossAt(run, 1) - 1) < 1e-5);
      if (row.alpha == 1 && row.name == "along") QVERIFY(row.loss != lossAt(there, 0));
    }

    recipe.profiles[1].x = "tensor:" + (path("path") / "directions.safetensors").string() + "#nope";
    // Known before anything is computed or written.
    try {
      runStudy(recipe, optionsFor("no-such-tensor"), {});
      QFAIL("accepted");
    } catch (const RecipeError& error) {
      const std::string text = error.what();
      QVERIFY2(text.starts_with("profile.along.x: ") && text.find("holds no tensor nope") != std::string::npos,
               error.what());
    }
    QVERIFY(!fs::exists(path("no-such-tensor")));
  }

  void aSearchThatProvesTooLittleIsNotedOnce() {
    auto recipe = small();
    recipe.curvature.missProbability = 1e-300;
    recipe.curvature.scopes = "both";
    recipe.curvature.trace = false;
    const auto notes = runStudy(recipe, optionsFor("proves-little"), {}).notes;
    QCOMPARE(notes.size(), std::size_t{1});
    QVERIFY2(notes[0].find("curvature.miss_probability") != std::string::npos, notes[0].c_str());
  }

  // The ways to a trace agree within their errors; only products by the parameters give the Frobenius norm.
  void tracesFromTheOutputs() {
    auto recipe = small();
    recipe.curvature.traceProbes = 400;
    recipe.curvature.missProbability = 1;  // of which there would be a note
    for (const char* method : {"auto", "layers", "hutchinson"}) {
      recipe.curvature.traceMethod = method;
      runStudy(recipe, optionsFor(std::string("traces-") + method), {});
    }
    const auto outputs = loadRun(path("traces-auto")), products = loadRun(path("traces-hutchinson"));
    QVERIFY(outputs.frobenius.empty() && !products.frobenius.empty());
    QCOMPARE(outputs.traces.size(), products.traces.size());
    QVERIFY(outputs.traces.front().products * 4 < products.traces.front().products);
    for (std::size_t i = 0; i < outputs.traces.size(); ++i) {
      const auto &a = outputs.traces[i], &b = products.traces[i];
      QCOMPARE(a.scope, b.scope);
      QVERIFY2(std::abs(a.trace - b.trace) < 4 * std::hypot(a.standardError, b.standardError), a.scope.c_str());
      QVERIFY(a.standardError <= 0.05 * a.trace);
    }
    const auto layers = loadRun(path("traces-layers"));
    QVERIFY(layers.frobenius.empty());
    QCOMPARE(layers.traces.size(), products.traces.size());
    for (std::size_t i = 0; i < layers.traces.size(); ++i) {
      const auto &a = layers.traces[i], &b = outputs.traces[i];
      QCOMPARE(a.scope, b.scope);
      QVERIFY2(std::abs(a.trace - b.trace) < 4 * std::hypot(a.standardError, b.standardError), a.scope.c_str());
    }
    // Of each row it is known how it was made, and whether it is as exact as asked for; the run says where it is not.
    for (const auto& row : outputs.traces) QVERIFY(row.method == "outputs" && row.converged == true);
    for (const auto& row : layers.traces) QCOMPARE(row.method, std::string("layers"));
    QCOMPARE(products.traces.front().method, std::string("hutchinson"));
    QVERIFY(outputs.info.notes.empty());
    recipe.curvature.traceProbes = 2;
    recipe.curvature.traceTolerance = 1e-3;
    recipe.curvature.traceMethod = "auto";
    runStudy(recipe, optionsFor("traces-few"), {});
    const auto few = loadRun(path("traces-few"));
    for (const auto& row : few.traces) QVERIFY(row.converged == false);
    QCOMPARE(few.info.notes.size(), std::size_t{1});
    QVERIFY2(few.info.notes[0].find("curvature.trace_tolerance") != std::string::npos, few.info.notes[0].c_str());
    recipe.curvature.op = "fisher_sampled";
    for (const char* method : {"outputs", "layers"}) {
      recipe.curvature.traceMethod = method;
      try {
        runStudy(recipe, optionsFor(std::string("refused-") + method), {});
        QFAIL("accepted");
      } catch (const RecipeError& error) {
        QVERIFY2(std::string(error.what()).find("curvature.trace_method") != std::string::npos, error.what());
      }
    }
  }

  // A method that the network does not allow is found before anything is trained or written.
  void tracesThatTheNetworkDoesNotAllow() {
    auto recipe = small();
    recipe.training.epochs = 2;
    recipe.model.architecture = "mixer";  // GELU
    recipe.curvature.traceMethod = "outputs";
    std::vector<std::string> said;
    const StudyContext context{{}, {}, [&](const std::string& line) { said.push_back(line); }, {}};
    const auto curved = errorOf([&] { runStudy(recipe, optionsFor("curved"), context); });
    QVERIFY2(curved.starts_with("curvature.trace_method = \"outputs\": ") &&
                 curved.find("not piecewise linear in ") != std::string::npos && curved.ends_with("or \"hutch++\""),
             curved.c_str());
    QVERIFY(!fs::exists(path("curved")));
    QVERIFY(said.empty());

    // Every network of the zoo has layers that know what a change of theirs does; others need not.
    const auto other = oracles::tanhNetwork(8, 12, 4, 21);
    recipe.curvature.traceMethod = "layers";
    const auto unknown = errorOf([&] { checkTraceMethod(recipe, *other, oracles::randomExamples({4, 8}, 4, 22)); });
    QVERIFY2(
        unknown.starts_with("curvature.trace_method = \"layers\": ") && unknown.find("fc1.weight") != std::string::npos,
        unknown.c_str());
    recipe.curvature.traceMethod = "auto";
    QCOMPARE(errorOf([&] { checkTraceMethod(recipe, *other, oracles::randomExamples({4, 8}, 4, 22)); }), std::string());
    // Of no importance where no trace is asked for.
    recipe.curvature.traceMethod = "layers";
    recipe.curvature.trace = false;
    QCOMPARE(errorOf([&] { checkTraceMethod(recipe, *other, oracles::randomExamples({4, 8}, 4, 22)); }), std::string());
  }

 private:
  Recipe small() const { return untrained(recipe_); }
  fs::path path(const std::string& name) const { return fs::path(folder_.path().toStdString()) / name; }
  StudyOptions optionsFor(const std::string& name) const { return into(path(name)); }

  QTemporaryDir folder_;
  Recipe recipe_;
};

QTEST_GUILESS_MAIN(TestStudyDirections)
#include "tst_study_directions.moc"
