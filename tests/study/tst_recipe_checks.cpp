// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QTest>
#include <filesystem>
#include <fstream>

#include "core/study/disk_use.h"
#include "core/study/planned_model.h"
#include "tests/study/recipes.h"

using namespace eigenscape;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace

class TestRecipeChecks : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void pathsAreFoundBesideTheRecipe();
  void shippedRecipesAreComplete();
  void aFolderOfARecipesNameDoesNotHideIt();
  void loadErrors();
  void problemsOfFields();
  void combinations_data();
  void combinations();
  void plannedWorkCounts();
  void diskUseIsThatOfARun();
  void differences();
  void assignmentsMakeOneRecipeOfTheOther();
};

void TestRecipeChecks::pathsAreFoundBesideTheRecipe() {
  const QTemporaryDir folder;
  const fs::path root = fs::canonical(folder.path().toStdString());
  fs::create_directories(root / "data");
  write(root / "recipe.toml", std::string(smallest) + "weights = \"missing.pt\"\n");
  write(root / "w.toml", "[data]\ndataset = \"glyphs\"\npath = \"data\"\n[model]\narchitecture = \"cnn\"\n");
  QCOMPARE(loadRecipe((root / "w.toml").string()).data.path, (root / "data").string());
  // What is nowhere stays relative to the current folder, and is absolute all the same.
  QCOMPARE(loadRecipe((root / "recipe.toml").string()).model.weights, (fs::current_path() / "missing.pt").string());
  Recipe recipe;
  setKey(recipe, "data.path=somewhere/../here");
  QCOMPARE(recipe.data.path, (fs::current_path() / "here").string());
}

void TestRecipeChecks::shippedRecipesAreComplete() {
  const auto& recipes = shippedRecipes();
  QCOMPARE(recipes.size(), std::size_t{9});
  for (const auto& shipped : recipes) {
    QVERIFY(shipped.description.size() > 20);
    const Recipe recipe = loadRecipe(shipped.name);
    QCOMPARE(recipe.name, shipped.name);
    const std::string error = errorOf([&] { validate(recipe); });
    if (recipe.data.dataset != "cifar10") {
      QCOMPARE(error, std::string());
    } else {
      QVERIFY2(error.starts_with("data.path is empty: "), error.c_str());
      QVERIFY2(error.find("--set data.path=") != std::string::npos, error.c_str());
    }
  }
}

void TestRecipeChecks::aFolderOfARecipesNameDoesNotHideIt() {
  const QTemporaryDir folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path().toStdString());
  fs::create_directory("quickstart");
  const std::string error = errorOf([] { loadRecipe("quickstart"); });
  fs::current_path(before);
  QCOMPARE(error, std::string());
}

void TestRecipeChecks::loadErrors() {
  const QTemporaryDir folder;
  const std::string root = folder.path().toStdString();
  QVERIFY(errorOf([] { loadRecipe("quickstrat"); }).find("one of quickstart, resnet20-cifar10") != std::string::npos);
  QVERIFY(errorOf([&] { loadRecipe(root); }).find("is a folder") != std::string::npos);
  write(root + "/big.toml", std::string(std::size_t{3} << 20, '#'));
  QVERIFY(errorOf([&] { loadRecipe(root + "/big.toml"); }).find("larger than 1 MiB") != std::string::npos);
}

void TestRecipeChecks::problemsOfFields() {
  const auto problem = [](const char* key, const char* text) { return problemWith(*findField(key), text); };
  QCOMPARE(problem("training.epochs", "3"), std::string());
  QCOMPARE(problem("training.epochs", "x"), std::string("an integer from 0 to 1000000"));
  QCOMPARE(problem("training.epochs", ""), std::string("an integer from 0 to 1000000"));
  QCOMPARE(problem("curvature.split", "both"), std::string());
  QCOMPARE(problem("curvature.split", "bth"), std::string("one of train, test, both"));
  QCOMPARE(problem("profile.range", "-1, 1"), std::string());
  QVERIFY(!problem("profile.range", "1").empty());
  QVERIFY(problem("training.optimizer", "kfac").starts_with("not available in this version"));
}

void TestRecipeChecks::combinations_data() {
  QTest::addColumn<QString>("extra");
  QTest::addColumn<QString>("error");
  const QString begin = smallest;
  QTest::newRow("nothing wrong") << begin << "";
  QTest::newRow("no data set") << "[model]\narchitecture = \"cnn\"\n"
                               << "data.dataset is empty: expected one of ";
  QTest::newRow("no architecture") << "[data]\ndataset = \"glyphs\"\n"
                                   << "model.architecture is empty: expected one of ";
  QTest::newRow("path missing") << "[data]\ndataset = \"cifar10\"\n[model]\narchitecture = \"cnn\"\n"
                                << "data.path is empty: cifar10";
  QTest::newRow("path not there")
      << "[data]\ndataset = \"mnist\"\npath = \"/nowhere\"\n[model]\narchitecture = \"cnn\"\n"
      << "data.path = \"/nowhere\": no such folder";
  QTest::newRow("weights not there") << begin + "weights = \"/nowhere.pt\"\n"
                                     << "model.weights = \"/nowhere.pt\": no such file";
  QTest::newRow("weights a folder") << begin + "weights = \"/\"\n"
                                    << "model.weights = \"/\": is a folder";
  QTest::newRow("mean and std differ")
      << "[data]\ndataset = \"glyphs\"\nmean = [0.5]\nstd = [0.5, 0.5]\n[model]\narchitecture = \"cnn\"\n"
      << "data.std = [0.5, 0.5]: expected as many numbers as data.mean has (1)";
  QTest::newRow("mean alone") << "[data]\ndataset = \"glyphs\"\nmean = [0.5]\n[model]\narchitecture = \"cnn\"\n"
                              << "";
  QTest::newRow("fewer products than pairs") << begin + "[curvature]\ntop = 30\nmax_products = 30\n"
                                             << "curvature.max_products = 30: expected more than the 30 eigenpairs";
  QTest::newRow("rates of nothing") << begin + "learning_rates = [0.1]\n"
                                    << "model.learning_rates = [0.1]: expected model.checkpoints beside it";
  QTest::newRow("adam without end") << begin + "[training]\noptimizer = \"adam\"\nmomentum = 1\n"
                                    << "training.momentum = 1.0: ";
  QTest::newRow("no way to the checkpoint")
      << begin + "[[profile]]\nname = \"p\"\nx = \"toward:a.pt\"\nnormalization = \"filter\"\n"
      << "profile.p.x = \"toward:a.pt\": expected normalization = \"none\"";
  QTest::newRow("checkpoints of a training")
      << begin + "[training]\nepochs = 4\ncheckpoint_every = 4\n[[profile]]\nname = \"p\"\nx = \"pca:2\"\n"
      << "profile.p.x = \"pca:2\": a trajectory of 2 points";
  QTest::newRow("traces from the outputs")
      << begin + "[curvature]\ntrace_method = \"outputs\"\nbatch_norm = \"train\"\n"
      << "curvature.trace_method = \"outputs\": not for";
  QTest::newRow("traces at the layers") << begin + "[curvature]\ntrace_method = \"layers\"\noperator = \"ggn\"\n"
                                        << "curvature.trace_method = \"layers\": not for";
  QTest::newRow("range reversed") << begin + "[[profile]]\nname = \"p\"\nrange = [1, -1]\n"
                                  << "profile.p.range = [1.0, -1.0]: ";
  QTest::newRow("even points are fine") << begin + "[[profile]]\npoints = 4\n"
                                        << "";
  QTest::newRow("same name twice") << begin + "[[profile]]\nname = \"p\"\n[[profile]]\nname = \"p\"\n"
                                   << "profile.name = \"p\": ";
  QTest::newRow("profile and surface may share a name")
      << begin + "[[profile]]\nname = \"p\"\n[[surface]]\nname = \"p\"\n"
      << "";
  QTest::newRow("name with a slash") << begin + "[[surface]]\nname = \"../p\"\n"
                                     << "surface.name = \"../p\": expected letters";
  QTest::newRow("empty name") << begin + "[[surface]]\nname = \"\"\n"
                              << "surface.name = \"\": expected letters";
  QTest::newRow("x is y") << begin + "[[surface]]\nname = \"s\"\ny = \"eigenvector:1\"\n"
                          << "surface.s.y = \"eigenvector:1\": expected another";
  QTest::newRow("beyond top")
      << begin + "[[profile]]\nname = \"p\"\nx = \"eigenvector:6\"\n"
      << "profile.p.x = \"eigenvector:6\": only 5 eigenvalues from that end are computed; raise curvature.top to 6";
  QTest::newRow("beyond bottom")
      << begin + "[[profile]]\nname = \"p\"\nx = \"eigenvector:-1\"\n"
      << "profile.p.x = \"eigenvector:-1\": only 0 eigenvalues from that end are computed; raise curvature.bottom to 1";
  QTest::newRow("no direction") << begin + "[[profile]]\nname = \"p\"\nx = \"sideways\"\n"
                                << "profile.p.x = \"sideways\": ";
  QTest::newRow("no trajectory") << begin + "[[profile]]\nname = \"p\"\nx = \"pca:1\"\n"
                                 << "profile.p.x = \"pca:1\": there is no trajectory; set training.epochs or";
  QTest::newRow("a trajectory") << begin + "[training]\nepochs = 2\n[[profile]]\nname = \"p\"\nx = \"pca:2\"\n"
                                << "";
  QTest::newRow("beyond the trajectory")
      << begin + "[training]\nepochs = 2\n[[profile]]\nname = \"p\"\nx = \"pca:3\"\n"
      << "profile.p.x = \"pca:3\": a trajectory of 3 points has at most 2 components";
  QTest::newRow("trajectory too early")
      << begin + "[training]\nepochs = 2\n[[profile]]\nname = \"p\"\nx = \"pca:1\"\nevery = 1\n"
      << "profile.p.x = \"pca:1\": the trajectory ends with the last epoch; set every to 0";
  QTest::newRow("toward nothing") << begin + "[[profile]]\nname = \"p\"\nx = \"toward:/nowhere.pt\"\n"
                                  << "profile.p.x = \"toward:/nowhere.pt\": no such file; expected a checkpoint";
  QTest::newRow("tensor of nothing")
      << begin + "[[profile]]\nname = \"p\"\nx = \"tensor:/nowhere.safetensors#e\"\n"
      << "profile.p.x = \"tensor:/nowhere.safetensors#e\": no such file; expected a .safetensors file";
  QTest::newRow("no bits") << begin + "[quantization]\nbits = []\n"
                           << "quantization.bits = []: ";
  QTest::newRow("bits twice") << begin + "[quantization]\nbits = [4, 4]\n"
                              << "quantization.bits = [4, 4]: expected each bit width once";
  QTest::newRow("layers without their scope")
      << begin + "[curvature]\nlayers = [\"conv1\"]\n"
      << "curvature.layers = [\"conv1\"]: expected curvature.scopes = \"layers\" or \"both\"";
  QTest::newRow("a layer twice") << begin + "[curvature]\nscopes = \"both\"\nlayers = [\"conv1\", \"conv1\"]\n"
                                 << "curvature.layers = [\"conv1\", \"conv1\"]: expected names or patterns";
  QTest::newRow("shares of everything") << begin + "[curvature]\nmethod = \"power\"\nbatches = 3\n"
                                        << "curvature.batches = 3: expected 1, or";
  QTest::newRow("power from the bottom") << begin + "[curvature]\nmethod = \"power\"\nbottom = 1\n"
                                         << "curvature.bottom = 1: expected 0 with curvature.method";
  QTest::newRow("no eigenvector of the model")
      << begin + "[curvature]\nscopes = \"layers\"\n[[profile]]\nname = \"p\"\n"
      << "profile.p.x = \"eigenvector:1\": the whole model has no spectrum";
  QTest::newRow("checkpoints nowhere") << begin + "checkpoints = \"/nowhere/*.pt\"\n"
                                       << "model.checkpoints = \"/nowhere/*.pt\": no file of that name";
  QTest::newRow("sweep") << begin + "[[sweep]]\nkey = \"seed\"\nvalues = [1, 2]\n"
                         << "sweep.key = \"seed\": not available in this version";
}

void TestRecipeChecks::combinations() {
  QFETCH(QString, extra);
  QFETCH(QString, error);
  const QString message = QString::fromStdString(errorOf([&] { validate(parseRecipe(extra.toStdString(), "f")); }));
  if (error.isEmpty()) {
    QCOMPARE(message, QString());
  } else {
    QVERIFY2(message.startsWith(error), qPrintable(message));
  }
}

void TestRecipeChecks::plannedWorkCounts() {
  const Recipe recipe = parseRecipe(std::string(smallest) + R"(
[training]
epochs = 5
[curvature]
split = "both"
every = 2
samples = 512
[[surface]]
name = "s"
points = 31
)",
                                    "f");
  const auto lines = plannedWork(recipe);
  const auto has = [&](const std::string& text) {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const auto& line) { return line.find(text) != std::string::npos; });
  };
  QVERIFY(has("5 epochs"));
  // Epochs 0, 2, 4 and the last, on two splits.
  QVERIFY(has("8 spectra: top 5 eigenvalues of the Hessian on the first 512 examples"));
  QVERIFY(has("31 × 31 points"));
}

/// What --check says is what a run writes, to a few percent.
void TestRecipeChecks::diskUseIsThatOfARun() {
  auto recipe = parseRecipe(tinyStudy, "tiny.toml");
  recipe.quantization.enabled = true;
  recipe.quantization.bits = {2, 8};
  recipe.quantization.limits = {"size=0.3", "size=0.6"};
  recipe.quantization.finetune = "all";
  recipe.quantization.finetuneEpochs = 1;
  const QTemporaryDir folder;
  const std::filesystem::path out = folder.filePath("run").toStdString();
  runStudy(recipe, into(out), {});
  double bytes = 0;
  std::int64_t checkpoints = 0, networks = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(out)) {
    if (entry.path().extension() != ".safetensors") continue;
    bytes += static_cast<double>(entry.file_size());
    const auto of = entry.path().parent_path().filename();
    checkpoints += of == "checkpoints" ? 1 : 0;
    networks += of == "quantized" || of == "finetuned" ? 1 : 0;
  }
  const auto use = diskUse(recipe, *plannedModel(recipe));
  QCOMPARE(use.checkpoints, checkpoints);
  QCOMPARE(use.networks, networks);
  QVERIFY2(std::abs(use.megabytes * 1e6 - bytes) < 0.05 * bytes,
           qPrintable(QString("%1 MB, in truth %2").arg(use.megabytes).arg(bytes / 1e6)));
  QVERIFY(QString::fromStdString(diskText(use)).contains("3 checkpoints, 4 quantized or fine-tuned networks, "));
  QCOMPARE(diskText({}), std::string());
  QVERIFY(!plannedModel(Recipe()));
}

void TestRecipeChecks::differences() {
  const Recipe old = loadRecipe("quickstart");
  Recipe now = old;
  QCOMPARE(firstDifference(old, now), std::string());
  now.training.epochs = 3;
  QCOMPARE(firstDifference(old, now), "training.epochs = 3 is " + std::to_string(old.training.epochs));
  now = old;
  now.surfaces[0].points = 9;
  QVERIFY(firstDifference(old, now).starts_with("surface.e1-e2.points = 9 is "));
  now = old;
  now.profiles.pop_back();
  QVERIFY(firstDifference(old, now).starts_with("profile.random."));
  now = old;
  std::swap(now.profiles[0], now.profiles[1]);
  QVERIFY(!firstDifference(old, now).empty());
}

void TestRecipeChecks::assignmentsMakeOneRecipeOfTheOther() {
  const Recipe from = loadRecipe("quickstart");
  QCOMPARE(assignmentsBetween(from, from).value().size(), std::size_t{0});
  Recipe to = from;
  to.name = "it's mine";
  to.training.learningRate = 0.02;
  to.profiles[1].range = {-2, 2};
  to.quantization.bits = {4};
  const auto assignments = assignmentsBetween(from, to);
  QVERIFY(assignments.has_value());
  QCOMPARE(*assignments, (std::vector<std::string>{"name=it's mine", "training.learning_rate=0.02",
                                                   "quantization.bits=[4]", "profile.random.range=[-2.0, 2.0]"}));
  Recipe again = from;
  for (const auto& one : *assignments) setKey(again, one);
  QCOMPARE(toToml(again), toToml(to));
  Recipe plain = from;
  plain.quantization = {};
  QVERIFY(!assignmentsBetween(from, plain).has_value());
  QCOMPARE(assignmentsBetween(plain, from).value(), (std::vector<std::string>{"quantization.bits=[2, 4, 8]"}));
  to.profiles.pop_back();
  QVERIFY(!assignmentsBetween(from, to).has_value());
}

QTEST_APPLESS_MAIN(TestRecipeChecks)
#include "tst_recipe_checks.moc"
