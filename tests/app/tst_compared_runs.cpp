// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QTest>

#include "app/command_line.h"
#include "app/compared_runs.h"
#include "core/results/error.h"
#include "core/study/recipe.h"

using namespace eigenscape;
namespace fs = std::filesystem;

namespace {

RunResults runOf(const std::string& directory, const std::vector<std::string>& sets = {}) {
  Recipe recipe = parseRecipe("name = \"n\"\n[data]\ndataset = \"glyphs\"\n[model]\narchitecture = \"cnn\"\n", "n");
  for (const auto& assignment : sets) setKey(recipe, assignment);
  RunResults run;
  run.directory = directory;
  run.recipe = toToml(recipe);
  return run;
}

std::vector<std::string> names(const std::vector<RunResults>& runs) {
  std::vector<const RunResults*> plain;
  for (const auto& run : runs) plain.push_back(&run);
  std::vector<std::string> names;
  for (const auto& one : distinguishingNames(plain)) names.push_back(one.name);
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

class TestComparedRuns : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void oneKeyThatDiffersIsTheName() {
    QCOMPARE(names({runOf("/r/a", {"training.batch_size=128"}), runOf("/r/b", {"training.batch_size=2048"})}),
             (Names{"batch_size = 128", "batch_size = 2048"}));
    // What changes memory and speed alone is not said.
    QCOMPARE(names({runOf("/r/a", {"training.batch_size=128", "curvature.batch_size=32"}),
                    runOf("/r/b", {"training.batch_size=2048", "curvature.batch_size=64", "name=other"})}),
             (Names{"batch_size = 128", "batch_size = 2048"}));
  }
  void twoKeysTooAndWeightsByTheirFile() {
    QCOMPARE(names({runOf("/r/a", {"training.momentum=0.5", "model.weights=/far/away/a.pt"}),
                    runOf("/r/b", {"training.momentum=0.9", "model.weights=/far/away/b.pt"})}),
             (Names{"weights = a.pt, momentum = 0.5", "weights = b.pt, momentum = 0.9"}));
  }
  void ofManyKeysTheFewestThatTellApart() {
    QCOMPARE(names({runOf("/r/a", {"seed=1", "training.momentum=0.1", "training.epochs=3"}),
                    runOf("/r/b", {"seed=2", "training.momentum=0.2", "training.epochs=3"}),
                    runOf("/r/c", {"seed=3", "training.momentum=0.2", "training.epochs=4"})}),
             (Names{"epochs = 3, momentum = 0.1 …", "epochs = 3, momentum = 0.2 …", "epochs = 4, momentum = 0.2 …"}));
  }
  void theCaptionHasTheRest() {
    const std::vector<RunResults> runs{
        runOf("/r/a", {"seed=1", "training.momentum=0.1", "training.epochs=3", "training.batch_size=16"}),
        runOf("/r/b", {"seed=1", "training.momentum=0.2", "training.epochs=4", "training.batch_size=32"})};
    const auto found = distinguishingNames({&runs[0], &runs[1]});
    QCOMPARE(found[0].name, std::string("epochs = 3 …"));
    QCOMPARE(found[0].rest, std::string("batch_size = 16, momentum = 0.1"));
    QCOMPARE(found[1].rest, std::string("batch_size = 32, momentum = 0.2"));
    // What the legend says needs no caption.
    const auto few = distinguishingNames({&runs[0], &runs[0]});
    QVERIFY(few[0].rest.empty() && few[1].rest.empty());
  }
  void aCaptionHasRoomForSome() {
    const std::vector<RunResults> runs{
        runOf("/r/a"), runOf("/r/b", {"seed=7", "training.momentum=0.2", "training.epochs=4", "training.batch_size=32",
                                      "training.weight_decay=0.1", "training.learning_rate=0.3", "curvature.top=3"})};
    const auto found = distinguishingNames({&runs[0], &runs[1]});
    QVERIFY2(found[1].rest.ends_with(" and 1 more key"), found[1].rest.c_str());
    QCOMPARE(std::count(found[1].rest.begin(), found[1].rest.end(), '='), std::ptrdiff_t(4));
  }
  void elseThePathSays() {
    // Equal recipes, or runs that two keys do not tell apart.
    QCOMPARE(names({runOf("/r/small/run"), runOf("/r/large/run")}), (Names{"small", "large"}));
    QCOMPARE(names({runOf("/r/x", {"seed=1"}), runOf("/r/y", {"seed=1"}), runOf("/r/z", {"seed=2"})}),
             (Names{"x", "y", "z"}));
    auto broken = runOf("/r/x");
    broken.recipe = "[data\n";
    QCOMPARE(names({broken, runOf("/r/y", {"seed=3"})}), (Names{"x", "y"}));
  }
  void namesAlwaysDiffer() {
    const auto twice = names({runOf("/r/x"), runOf("/r/x")});
    QVERIFY(twice[0] != twice[1]);
    const auto nested = names({runOf("/r"), runOf("/r/x")});
    QVERIFY(nested[0] != nested[1] && !nested[0].empty());
  }
  void aSweepsRunsComeInNaturalOrder() {
    const QTemporaryDir folder;
    const fs::path sweep = fs::path(folder.path().toStdString());
    for (const char* name : {"b-2048", "b-128", "b-512", "b-9", "b-64"}) {
      fs::create_directories(sweep / "runs" / name);
      writeRunInfo(sweep / "runs" / name, {});
    }
    fs::create_directories(sweep / "runs" / "not-a-run");
    const auto runs = runsOfSweep(sweep);
    Names found;
    for (const auto& run : runs) found.push_back(run.filename().string());
    QCOMPARE(found, (Names{"b-9", "b-64", "b-128", "b-512", "b-2048"}));
    QVERIFY(runsOfSweep(runs[0]).empty());
    CommandLine line;
    line.mode = CommandLine::Mode::Render;
    line.subject = sweep.string();
    const auto compared = comparedRuns(line);
    QVERIFY(compared.has_value());
    QCOMPARE(compared->directories.size(), std::size_t(4));
    QCOMPARE(compared->out, sweep);
    QVERIFY(QString::fromStdString(compared->remark).contains("5 runs"));
    line.compare = {(sweep / "runs" / "b-9").string()};
    QVERIFY_EXCEPTION_THROWN(comparedRuns(line), RecipeError);
  }
};

QTEST_GUILESS_MAIN(TestComparedRuns)
#include "tst_compared_runs.moc"
