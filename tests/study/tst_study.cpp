// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTemporaryDir>
#include <QTest>
#include <fstream>
#include <iterator>
#include <sstream>

#include "core/model/state_dict.h"
#include "core/results/error.h"
#include "core/study/study.h"

using namespace eigenscape;
namespace fs = std::filesystem;

namespace {

constexpr const char* kRecipe = R"(
name = "tiny"
seed = 3
[data]
dataset = "glyphs"
train_limit = 96
test_limit = 40
[model]
architecture = "cnn"
[training]
epochs = 2
batch_size = 32
learning_rate = 0.05
schedule = "cosine"
[curvature]
split = "both"
samples = 40
batch_size = 16
top = 2
bottom = 1
trace = true
trace_probes = 12
[[profile]]
name = "p"
x = "eigenvector:1"
points = 5
range = [-0.5, 0.5]
every = 1
[[profile]]
name = "r"
x = "random:4"
normalization = "filter"
points = 3
samples = 20
[[profile]]
name = "g"
x = "gradient"
points = 3
split = "test"
[[surface]]
name = "s"
x = "eigenvector:1"
y = "eigenvector:-1"
points = 3
samples = 20
[quantization]
bits = [2, 8]
)";

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

const std::vector<std::string> kTables{"metrics.csv", "spectrum.csv", "trace.csv",
                                       "profile.csv", "surface.csv",  "sensitivity.csv"};

}  // namespace

class TestStudy : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() {
    QVERIFY(folder_.isValid());
    recipe_ = parseRecipe(kRecipe, "tiny.toml");
    const auto info = runStudy(recipe_, optionsFor("reference"), {});
    QCOMPARE(info.status, std::string("done"));
    reference_ = loadRun(path("reference"));
  }

  void everyTableHasItsRows() {
    QCOMPARE(reference_.metrics.size(), std::size_t{3 * 2});
    QCOMPARE(reference_.spectrum.size(), std::size_t{3 * 2 * 3});
    QCOMPARE(reference_.profiles.size(), std::size_t{3 * 5 * 2 + 3 * 2 + 3});
    QCOMPARE(reference_.surfaces.size(), std::size_t{9 * 2});
    QCOMPARE(reference_.sensitivity.size(), std::size_t{5 * 2});
    QCOMPARE(reference_.traces.size(), std::size_t{3 * 2 * (1 + 9)});
    QCOMPARE(reference_.metrics.back().iteration, 6);
    QVERIFY(reference_.metrics.back().loss < reference_.metrics.front().loss);
    for (const auto& row : reference_.spectrum) QVERIFY(row.converged && row.residual <= 1e-3);
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
    QCOMPARE(names, (std::vector<std::string>{"eigenvector:1", "eigenvector:2", "eigenvector:-1", "random:4/filter",
                                              "gradient"}));
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
    for (const int n : {1, 2, 3, 5, 8, 12, 17, 25, 33, 41, 55}) QTest::addRow("%d", n) << n;
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
  fs::path path(const std::string& name) const { return fs::path(folder_.path().toStdString()) / name; }
  StudyOptions optionsFor(const std::string& name) const {
    StudyOptions options;
    options.out = path(name);
    options.device = "cpu";
    options.threads = 1;
    return options;
  }
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
