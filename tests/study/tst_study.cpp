// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "core/model/state_dict.h"
#include "core/results/error.h"
#include "core/study/study.h"
#include "tests/study/recipes.h"

using namespace eigenscape;
namespace fs = std::filesystem;

namespace {

/// The file without its column `seconds`, the only one that may differ between equal runs.
std::string withoutSeconds(const fs::path& file) {
  std::ifstream stream(file);
  std::string line, text;
  int column = -1;
  while (std::getline(stream, line)) {
    std::stringstream cells(line);
    std::string cell;
    for (int i = 0; std::getline(cells, cell, ','); ++i) {
      if (cell == "seconds") column = i;
      if (i != column) text += cell + ",";
    }
    text += "\n";
  }
  return text;
}

const std::vector<std::string> kTables{"solves.csv",        "metrics.csv",   "spectrum.csv",     "trace.csv",
                                       "profile.csv",       "surface.csv",   "sensitivity.csv",  "density.csv",
                                       "density_nodes.csv", "frobenius.csv", "overlap.csv",      "gradient.csv",
                                       "trajectory.csv",    "shape.csv",     "persistence.csv",  "allocation.csv",
                                       "pareto.csv",        "settings.csv",  "settings_bits.csv"};

}  // namespace

class TestStudy : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() {
    QVERIFY(folder_.isValid());
    recipe_ = parseRecipe(tinyStudy, "tiny.toml");
    const auto info = runStudy(recipe_, optionsFor("reference"), {});
    QCOMPARE(info.status, std::string("done"));
    reference_ = loadRun(path("reference"));
  }

  void everyTableHasItsRows() {
    QCOMPARE(reference_.metrics.size(), std::size_t{3 * 2});
    QCOMPARE(reference_.spectrum.size(), std::size_t{3 * 2 * (3 + 1)});
    QCOMPARE(reference_.densityNodes.size(), std::size_t{3 * 2 * 2 * 2});
    QCOMPARE(reference_.frobenius.size(), std::size_t{3 * 2});
    QCOMPARE(reference_.solves.size(), std::size_t{3 * 2 * (2 + 1 + 1)});
    QCOMPARE(reference_.gradients.size(), std::size_t{3 * 2});
    QCOMPARE(reference_.overlaps.size(), std::size_t{1 + 2});
    QCOMPARE(reference_.profiles.size(), std::size_t{3 * 5 * 2 + 3 * 2 + 3 + 3});
    QCOMPARE(reference_.surfaces.size(), std::size_t{9 * 2});
    QCOMPARE(reference_.sensitivity.size(), std::size_t{5 * 2});
    QCOMPARE(reference_.allocations.size(), std::size_t{5});
    QVERIFY(reference_.pareto.size() > 5 && reference_.pareto.size() <= 32);
    QVERIFY(!reference_.settings.empty() && std::filesystem::exists(path("reference") / "bits.json"));
    QCOMPARE(reference_.traces.size(), std::size_t{3 * 2 * (1 + 9)});
    QCOMPARE(reference_.metrics.back().iteration, 6);
    QVERIFY(reference_.metrics.back().loss < reference_.metrics.front().loss);
    for (const auto& row : reference_.spectrum) QVERIFY(row.converged && row.residual <= 1e-3);
  }

  // Every estimate says what it cost and how sure it is, as its own table and run.json do.
  void solvesAgreeWithTheirTables() {
    std::map<std::string, std::int64_t> products;
    bool unbounded = false, searched = false;
    for (const auto& row : reference_.solves) {
      QVERIFY(row.seconds > 0 && row.op == "hessian" && row.batch == 1);
      products[row.estimate + ":" + std::to_string(row.epoch)] += row.products;
      const auto same = [&](const auto& other) {
        return other.epoch == row.epoch && other.scope == row.scope && other.split == row.split;
      };
      if (row.estimate == "density") {
        QVERIFY(row.method == "slq" && row.products == 2 * 2 && !row.converged && std::isnan(row.missProbability));
      } else if (row.estimate == "trace") {
        const auto trace = std::find_if(reference_.traces.begin(), reference_.traces.end(), same);
        QVERIFY(trace != reference_.traces.end());
        QCOMPARE(trace->method, row.method);
        QCOMPARE(trace->products, row.products);
        QVERIFY(row.converged.has_value() && std::isnan(row.missProbability));
      } else {
        QCOMPARE(row.method, std::string("lanczos"));
        QVERIFY(row.converged == true && row.searchProducts >= 0 && row.searchProducts < row.products);
        QVERIFY(row.missProbability >= 0 && row.missProbability <= 1);
        unbounded |= row.missProbability > recipe_.curvature.missProbability;
        searched |= row.searchProducts > 0;
        const auto pairs = std::count_if(reference_.spectrum.begin(), reference_.spectrum.end(),
                                         [&](const auto& pair) { return same(pair) && pair.products == row.products; });
        QVERIFY(pairs == (row.scope == "model" ? 3 : 1));
      }
    }
    QVERIFY(searched);
    const auto& notes = reference_.info.notes;
    QCOMPARE(unbounded, std::any_of(notes.begin(), notes.end(), [](const std::string& note) {
               return note.find("search for missed eigenvalues") != std::string::npos;
             }));
    for (const auto& phase : reference_.info.phases) {
      if (products.contains(phase.name)) QCOMPARE(products.at(phase.name), phase.products);
    }
  }

  // What shape.csv says of a landscape is what its rows hold.
  void shapesInNumbers() {
    const auto value = [&](const char* name, std::int64_t epoch, const char* split, const char* quantity) {
      for (const auto& row : reference_.shapes) {
        if ((row.kind == "model" ? row.kind : row.name) == name && row.epoch == epoch && row.split == split &&
            row.quantity == quantity)
          return row.value;
      }
      return std::nan("");
    };
    for (const char* split : {"train", "test"}) {
      double lowest = HUGE_VAL, centre = 0;
      for (const auto& row : reference_.surfaces) {
        if (row.split != split) continue;
        lowest = std::min(lowest, row.loss);
        if (row.alpha == 0 && row.beta == 0) centre = row.loss;
      }
      QCOMPARE(value("s", 2, split, "loss_lowest"), lowest);
      QCOMPARE(value("s", 2, split, "loss_centre"), centre);
      QVERIFY(value("s", 2, split, "valleys") >= 1);
      for (const std::int64_t epoch : {0, 1, 2}) {
        QVERIFY(value("model", epoch, split, "epsilon_sharpness") > 0);
        const double width = value("p", epoch, split, "width_x_1"),
                     least = value("p", epoch, split, "width_x_1_at_least");
        QVERIFY(std::isnan(width) != std::isnan(least));
      }
      const auto deepest = std::find_if(reference_.persistence.begin(), reference_.persistence.end(),
                                        [&](const PersistenceRow& row) { return row.split == split; });
      QVERIFY(deepest != reference_.persistence.end());
      QCOMPARE(deepest->birth, lowest);
      QCOMPARE(deepest->into, 0);
    }
  }

  // The profile's centre is the recorded loss, to the last bit.
  void theProfilePassesThroughTheRecordedLoss() {
    for (const auto& row : reference_.profiles) {
      if (row.name != "p" || row.alpha != 0) continue;
      const auto same =
          std::find_if(reference_.metrics.begin(), reference_.metrics.end(),
                       [&](const MetricRow& metric) { return metric.epoch == row.epoch && metric.split == row.split; });
      QCOMPARE(row.loss, same->loss);
      QCOMPARE(row.accuracy, same->accuracy);
    }
  }

  // What the tables say follows from the directions and from one another.
  void overlapsAndGradientsFollowFromTheVectors() {
    const auto now = readSafetensors(path("reference") / "directions.safetensors"),
               before = readSafetensors(path("reference") / "directions" / "epoch-0001.safetensors");
    double square = 0;
    for (int i : {0, 1}) {
      for (int j : {0, 1}) square += std::pow(now[i].second.dot(before[j].second).item<double>(), 2);
    }
    const auto& row = reference_.overlaps.back();
    QCOMPARE(row.epoch, 2);
    QCOMPARE(row.otherEpoch, 1);
    QCOMPARE(row.vectors, 2);
    QVERIFY2(std::abs(row.overlap - square / 2) < 1e-5, qPrintable(QString::number(row.overlap)));
    for (const auto& gradient : reference_.gradients) {
      QVERIFY(gradient.share > 0 && gradient.share < 1);
      QVERIFY(gradient.norm > 0);
    }
    double share = 0;
    for (int i : {0, 1}) share += std::pow(now[i].second.dot(now.back().second).item<double>(), 2);
    QVERIFY(std::abs(reference_.gradients[4].share - share) < 1e-4);  // the last direction is the unit gradient
  }

  // Cauchy: a diagonal block has no larger eigenvalue than the whole.
  void scopesInterlace() {
    std::map<std::string, double> top;
    for (const auto& row : reference_.spectrum) {
      if (row.epoch == 2 && row.split == "train" && row.index == 1) top[row.scope] = row.eigenvalue;
    }
    QCOMPARE(top.size(), std::size_t{2});
    QVERIFY(top["linear"] < top["model"]);
  }

  // Every operator, in both precisions, through the recipe; the Gauss-Newton and Fisher matrices are semidefinite.
  void operatorsAndPrecisions() {
    for (const char* op : {"ggn", "fisher", "fisher_sampled"}) {
      for (const char* precision : {"float32", "float64"}) {
        auto recipe = small();
        recipe.curvature.op = op;
        recipe.curvature.precision = precision;
        const auto name = std::string(op) + "-" + precision;
        runStudy(recipe, optionsFor(name), {});
        const auto run = loadRun(path(name));
        QCOMPARE(run.spectrum.size(), std::size_t{3});
        for (const auto& row : run.spectrum) {
          QCOMPARE(row.op, std::string(op));
          QVERIFY(row.eigenvalue > -1e-5 && (row.converged || row.index < 0));
        }
        QCOMPARE(run.traces.front().op, std::string(op));
        // Twelve probes are few for a trace, a semidefinite matrix ends at zero, and nothing else is to be said.
        for (const auto& note : run.info.notes)
          QVERIFY2(note.starts_with("traces (train, ") ||
                       note.ends_with("; the others are zero, or as uncertain as the products are"),
                   note.c_str());
      }
    }
    const auto a = loadRun(path("ggn-float32")), b = loadRun(path("ggn-float64"));
    QVERIFY(std::abs(a.spectrum[0].eigenvalue / b.spectrum[0].eigenvalue - 1) < 1e-3);
  }

  void powerIterationOverSharesAndBlocks() {
    auto recipe = small();
    recipe.curvature.method = "power";
    recipe.curvature.bottom = 0;
    recipe.curvature.top = 1;
    recipe.curvature.scopes = "both";
    recipe.curvature.layers = {"conv*", "linear"};
    recipe.curvature.samples = 20;
    recipe.curvature.batches = 3;
    recipe.curvature.powerIterations = 4;
    recipe.curvature.tolerance = 1e-9;
    runStudy(recipe, optionsFor("power"), {});
    const auto run = loadRun(path("power"));
    QCOMPARE(run.power.size(), std::size_t{3 * 3 * 4});
    QCOMPARE(run.spectrum.size(), std::size_t{3});
    QCOMPARE(run.power[3].eigenvalue, run.spectrum[0].eigenvalue);
    QVERIFY(run.power[3].eigenvalue != run.power[7].eigenvalue);
    QCOMPARE(run.solves.size(), std::size_t{3 * 3 + 1});  // and a trace
    for (std::size_t i = 0; i < 3 * 3; ++i) {
      const auto& solve = run.solves[i];
      QCOMPARE(solve.batch, std::int64_t(i % 3) + 1);
      QCOMPARE(solve.scope, run.spectrum[i / 3].scope);
      QVERIFY(solve.method == "power" && solve.converged == false && std::isnan(solve.missProbability));
    }
    recipe.curvature.batches = 1000;
    QVERIFY_EXCEPTION_THROWN(runStudy(recipe, optionsFor("power-many"), {}), RecipeError);
  }

  void overheadIsThatOfThePhases() {
    auto recipe = small();
    recipe.training.epochs = 2;
    recipe.curvature.overhead = true;
    runStudy(recipe, optionsFor("overhead"), {});
    const auto run = loadRun(path("overhead"));
    QCOMPARE(run.overhead.size(), std::size_t{2});
    double spectrum = 0, training = 0;
    for (const auto& phase : run.info.phases) {
      if (phase.name == "spectrum:2" || phase.name == "trace:2") spectrum += phase.seconds;
      if (phase.name == "train:2") training = phase.seconds;
    }
    QVERIFY(std::abs(run.overhead[1].curvatureSeconds - spectrum) < 1e-9);
    QVERIFY(std::abs(run.overhead[1].share - spectrum / (spectrum + training)) < 1e-9);
    QVERIFY(run.overhead[1].products > 0);
  }

  void aPatternThatMatchesNoLayerIsSaidBeforeAnythingIsWritten() {
    auto recipe = small();
    recipe.curvature.scopes = "layers";
    recipe.curvature.layers = {"conv9"};
    QVERIFY_EXCEPTION_THROWN(runStudy(recipe, optionsFor("nothing"), {}), RecipeError);
    QVERIFY(!fs::exists(path("nothing")));
  }

  void checkpointsAndDirectionsAreReadable() {
    const auto state = readSafetensors(path("reference") / "checkpoints" / "epoch-0002.safetensors");
    QCOMPARE(state.front().first, std::string("conv1.weight"));
    std::map<std::string, std::string> metadata;
    const auto directions = readSafetensors(path("reference") / "directions.safetensors", &metadata);
    QCOMPARE(metadata["epoch"], std::string("2"));
    std::vector<std::string> names;
    for (const auto& [name, tensor] : directions) {
      names.push_back(name);
      QCOMPARE(tensor.numel(), reference_.info.parameters);
    }
    QCOMPARE(names, (std::vector<std::string>{"eigenvector:1", "eigenvector:2", "eigenvector:-1",
                                              "eigenvector:1@linear", "random:4/filter", "gradient"}));
    QVERIFY(fs::exists(path("reference") / "directions" / "epoch-0001.safetensors"));
  }

  void theResolvedRecipeGivesTheSameRun() {
    const auto again = loadRecipe((path("reference") / "recipe.toml").string());
    runStudy(again, optionsFor("again"), {});
    compareWithReference("again");
  }

  // Stopped after the n-th notice that a file changed, then resumed: the tables end up the same.
  void resumedRunsEndTheSame_data() {
    QTest::addColumn<int>("notices");
    for (const int n : {1, 2, 4, 7, 11, 17, 25, 41, 60}) QTest::addRow("%d", n) << n;
  }
  void resumedRunsEndTheSame() {
    QFETCH(int, notices);
    const std::string name = "stopped-" + std::to_string(notices);
    std::stop_source source;
    int seen = 0;
    StudyContext context;
    context.stop = source.get_token();
    context.changed = [&](const std::string&) {
      if (++seen == notices) source.request_stop();
    };
    QVERIFY_EXCEPTION_THROWN(runStudy(recipe_, optionsFor(name), context), Stopped);
    QCOMPARE(readRunInfo(path(name)).status, std::string("interrupted"));
    auto options = optionsFor(name);
    options.resume = true;
    runStudy(recipe_, options, {});
    compareWithReference(name);
  }

  // A run that was killed has no last word: half a line, a state file newer than the journal.
  void aKilledRunIsResumed() {
    runStudy(recipe_, optionsFor("killed"), {});
    auto info = readRunInfo(path("killed"));
    const auto from = std::find_if(info.phases.begin(), info.phases.end(),
                                   [](const auto& phase) { return phase.name == "metrics:2"; });
    info.phases.erase(from, info.phases.end());
    info.status = "running";
    writeRunInfo(path("killed"), info);
    std::ofstream(path("killed") / "surface.csv", std::ios::app) << "s,2,0.1";
    auto options = optionsFor("killed");
    options.resume = true;
    runStudy(recipe_, options, {});
    compareWithReference("killed");
  }

  void oneDirectoryTakesOneRunAtATime() {
    std::string error;
    bool tried = false;
    StudyContext context;
    context.changed = [&](const std::string&) {
      if (std::exchange(tried, true)) return;
      auto options = optionsFor("busy");
      options.resume = true;
      try {
        runStudy(recipe_, options, {});
      } catch (const RunError& problem) {
        error = problem.what();
      }
    };
    runStudy(recipe_, optionsFor("busy"), context);
    QVERIFY2(error.find("another process computes this run just now") != std::string::npos, error.c_str());
    compareWithReference("busy");
  }

  void moreSamplesThanThereAreAreNoted() {
    auto recipe = small();
    recipe.curvature.samples = 97;  // of 96
    const std::string note = "curvature.samples = 97: train has 96 examples, all of which are taken";
    const auto notes = runStudy(recipe, optionsFor("more"), {}).notes;
    QVERIFY(std::find(notes.begin(), notes.end(), note) != notes.end());
    QCOMPARE(loadRun(path("more")).info.curvatureSamples, 96);
    for (const auto& line : reference_.info.notes) QVERIFY(!line.starts_with("curvature.samples"));
  }

  void anotherDeviceIsRefused() {
    auto info = readRunInfo(path("reference"));
    fs::create_directories(path("elsewhere"));
    fs::copy_file(path("reference") / "recipe.toml", path("elsewhere") / "recipe.toml");
    info.device = "cuda:0";
    writeRunInfo(path("elsewhere"), info);
    auto options = optionsFor("elsewhere");
    options.resume = true;
    std::string error;
    try {
      runStudy(recipe_, options, {});
    } catch (const RecipeError& problem) {
      error = problem.what();
    }
    QVERIFY2(error.find("--device cuda") != std::string::npos, error.c_str());
  }

  void aRunIsNotOverwritten() {
    QVERIFY_EXCEPTION_THROWN(runStudy(recipe_, optionsFor("reference"), {}), RecipeError);
    auto other = recipe_;
    other.training.learningRate = 0.5;
    auto options = optionsFor("reference");
    options.resume = true;
    QVERIFY_EXCEPTION_THROWN(runStudy(other, options, {}), RecipeError);
  }

  void progressGrowsToOne() {
    double last = 0;
    bool grows = true;
    StudyContext context;
    context.progress = [&](const StudyProgress& progress) {
      grows = grows && progress.totalFraction >= last - 1e-9;
      last = progress.totalFraction;
    };
    runStudy(recipe_, optionsFor("progress"), context);
    QVERIFY(grows);
    QVERIFY2(last > 0.99 && last <= 1, qPrintable(QString::number(last)));
  }

 private:
  Recipe small() const { return untrained(recipe_); }
  fs::path path(const std::string& name) const { return fs::path(folder_.path().toStdString()) / name; }
  StudyOptions optionsFor(const std::string& name) const { return into(path(name)); }
  void compareWithReference(const std::string& name) {
    for (const auto& table : kTables) {
      const auto ours = withoutSeconds(path(name) / table), theirs = withoutSeconds(path("reference") / table);
      QVERIFY(!theirs.empty());
      QVERIFY2(ours == theirs, table.c_str());
    }
    QCOMPARE(readRunInfo(path(name)).status, std::string("done"));
  }

  QTemporaryDir folder_;
  Recipe recipe_;
  RunResults reference_;
};

QTEST_GUILESS_MAIN(TestStudy)
#include "tst_study.moc"
