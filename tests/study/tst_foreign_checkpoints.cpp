// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "core/model/state_dict.h"
#include "core/results/error.h"
#include "core/study/study.h"
#include "core/study/visits.h"
#include "tests/study/recipes.h"

using namespace eigenscape;
namespace fs = std::filesystem;

/// A training done elsewhere: `model.checkpoints`. Those of a short training here stand in for it.
class TestForeignCheckpoints : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() {
    QVERIFY(folder_.isValid());
    recipe_ = parseRecipe(tinyStudy, "tiny.toml");
    recipe_.profiles.clear();
    recipe_.surfaces.clear();
    recipe_.quantization.enabled = false;
    recipe_.curvature.trace = recipe_.curvature.density = false;
    QCOMPARE(runStudy(recipe_, into(path("trained")), {}).status, std::string("done"));
    trained_ = loadRun(path("trained"));
    recipe_.training.epochs = 0;
  }

  void theyGiveTheSpectraOfTheTraining() {
    const auto folder = copied("same");
    QVERIFY(fs::remove(folder / "epoch-0000.safetensors"));
    const auto recipe = over(folder / "epoch-*.safetensors");
    runStudy(recipe, into(path("same-run")), {});
    const auto run = loadRun(path("same-run"));
    QCOMPARE(run.info.epochs, 2);
    std::size_t compared = 0;
    for (const auto& row : run.spectrum) {
      for (const auto& theirs : trained_.spectrum) {
        if (row.epoch != theirs.epoch || row.scope != theirs.scope || row.split != theirs.split ||
            row.index != theirs.index)
          continue;
        QVERIFY(std::abs(row.eigenvalue / theirs.eigenvalue - 1) < 1e-3);
        ++compared;
      }
    }
    QCOMPARE(compared, std::size_t{2 * 2 * 4});
    QCOMPARE(run.metrics.front().epoch, 1);
    QCOMPARE(run.metrics.front().loss, trained_.metrics[2].loss);

    // A checkpoint more is another run: the rows that are there do not know of it.
    fs::copy(folder / "epoch-0002.safetensors", folder / "epoch-0003.safetensors");
    auto again = into(path("same-run"));
    again.resume = true;
    QVERIFY_EXCEPTION_THROWN(runStudy(recipe, again, {}), RecipeError);
    fs::remove(folder / "epoch-0003.safetensors");
    QCOMPARE(runStudy(recipe, again, {}).status, std::string("done"));
  }

  // One that diverged is noted, and its numbers are nan; the others are looked at all the same.
  void oneThatIsNotFiniteIsNoted() {
    const auto folder = copied("diverged");
    spoil(folder / "epoch-0001.safetensors");
    auto recipe = over(folder / "epoch-*.safetensors");
    recipe.model.learningRates = {0.4, 0.3, 0.2};
    auto onPath = along();
    onPath.name = "path", onPath.x = "pca:1", onPath.every = 0;
    recipe.profiles = {along(), onPath};
    recipe.curvature.trace = recipe.curvature.density = true;
    const auto info = runStudy(recipe, into(path("diverged-run")), {});
    QCOMPARE(info.status, std::string("done"));
    for (const char* what : {"spectrum of model (train) left out: a Hessian-vector product is not finite",
                             "density of model (train) left out", "traces (train) left out"}) {
      QVERIFY2(noted(info, std::string("epoch 1 (epoch-0001.safetensors): ") + what), what);
    }
    const auto run = loadRun(path("diverged-run"));
    std::map<std::int64_t, std::pair<int, int>> rows;  // finite and not, by epoch
    for (const auto& row : run.spectrum) {
      ++(std::isfinite(row.eigenvalue) ? rows[row.epoch].first : rows[row.epoch].second);
      QVERIFY(std::isfinite(row.eigenvalue) || !row.converged);
    }
    QVERIFY(rows[0].first > 0 && rows[0].second == 0);
    QVERIFY(rows[1].first == 0 && rows[1].second == rows[0].first);
    QVERIFY(rows[2].first == rows[0].first && rows[2].second == 0);
    for (const auto& row : run.traces) QCOMPARE(std::isfinite(row.trace), row.epoch != 1);
    std::set<std::int64_t> walked;
    for (const auto& row : run.profiles) {
      QVERIFY(std::isfinite(row.loss));
      if (row.name == "along") walked.insert(row.epoch);
    }
    QVERIFY((walked == std::set<std::int64_t>{0, 2}));
    for (const auto& row : run.metrics) QCOMPARE(row.learningRate, recipe.model.learningRates[std::size_t(row.epoch)]);
  }

  void oneThatCannotBeReadIsLeftOut() {
    const auto folder = copied("damaged");
    std::ofstream(folder / "epoch-0001.safetensors") << "cut short";
    const auto recipe = over(folder / "epoch-*.safetensors");
    QVERIFY(noted(runStudy(recipe, into(path("damaged-run")), {}), "epoch 1 (epoch-0001.safetensors): left out: "));
    std::set<std::int64_t> seen;
    for (const auto& row : loadRun(path("damaged-run")).spectrum) seen.insert(row.epoch);
    QVERIFY((seen == std::set<std::int64_t>{0, 2}));

    // What is chosen at the end needs the last, which is tried before hours are spent on the others.
    std::ofstream(folder / "epoch-0002.safetensors") << "cut short";
    QVERIFY_EXCEPTION_THROWN(runStudy(recipe, into(path("damaged-at-the-end")), {}), RunError);
    QVERIFY(loadRun(path("damaged-at-the-end")).spectrum.empty());
  }

  void aLastOneThatIsNotFiniteHasNoBitsToChoose() {
    const auto folder = copied("last");
    spoil(folder / "epoch-0001.safetensors");
    auto recipe = over(folder / "epoch-000[01].safetensors");
    recipe.profiles = {along()};
    recipe.quantization.enabled = true;
    std::string error;
    try {
      runStudy(recipe, into(path("last-run")), {});
    } catch (const RunError& problem) {
      error = problem.what();
    }
    QVERIFY2(error.find("NaN") != std::string::npos || error.find("not finite") != std::string::npos, error.c_str());
    QVERIFY2(error.find("epoch-0001.safetensors") != std::string::npos, error.c_str());
    QVERIFY(!loadRun(path("last-run")).spectrum.empty());  // what was found of the others stays
  }

  void oneThatIsNotFiniteAloneIsAnError() {
    const auto folder = copied("alone");
    spoil(folder / "epoch-0001.safetensors");
    QVERIFY_EXCEPTION_THROWN(runStudy(over(folder / "epoch-0001.safetensors"), into(path("alone-run")), {}), RunError);
  }

  void theyComeInNaturalOrder() {
    const auto folder = path("natural");
    fs::create_directories(folder);
    for (const char* name : {"net-10.pt", "net-9.pt", "net-100.pt", "other.pt"}) std::ofstream(folder / name) << "x";
    Recipe recipe;
    recipe.model.checkpoints = (folder / "net-*.pt").string();
    const auto visits = visitsOf(recipe);
    QCOMPARE(visits.size(), std::size_t{3});
    QCOMPARE(visits[0].epoch, 9);
    QCOMPARE(visits[2].checkpoint.filename().string(), std::string("net-100.pt"));
    recipe.model.checkpoints = (folder / "*.pt").string();  // one has no number: they are counted
    QCOMPARE(visitsOf(recipe).back().epoch, 4);
  }

 private:
  static LandscapeRecipe along() {
    LandscapeRecipe profile;
    profile.name = "along";
    profile.points = 3;
    profile.every = 1;
    return profile;
  }
  static void spoil(const fs::path& checkpoint) {
    auto weights = readSafetensors(checkpoint);
    weights.front().second.fill_(std::nan(""));
    writeSafetensors(checkpoint, weights);
  }
  static bool noted(const RunInfo& info, const std::string& start) {
    return std::any_of(info.notes.begin(), info.notes.end(),
                       [&](const std::string& note) { return note.starts_with(start); });
  }
  fs::path path(const std::string& name) const { return fs::path(folder_.path().toStdString()) / name; }
  fs::path copied(const std::string& name) const {
    fs::copy(path("trained") / "checkpoints", path(name));
    return path(name);
  }
  Recipe over(const fs::path& checkpoints) const {
    auto recipe = recipe_;
    recipe.model.checkpoints = checkpoints.string();
    return recipe;
  }

  QTemporaryDir folder_;
  Recipe recipe_;
  RunResults trained_;
};

QTEST_GUILESS_MAIN(TestForeignCheckpoints)
#include "tst_foreign_checkpoints.moc"
