// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QTest>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "core/results/error.h"
#include "core/study/recipe.h"

using namespace eigenscape;
namespace fs = std::filesystem;

namespace {

constexpr const char* smallest = "[data]\ndataset = \"glyphs\"\n[model]\narchitecture = \"cnn\"\n";

/// What the RecipeError says; "" when none is thrown.
std::string errorOf(const std::function<void()>& act) {
  try {
    act();
  } catch (const RecipeError& error) {
    return error.what();
  }
  return "";
}

std::string errorOfParsing(const std::string& text) {
  return errorOf([&] { parseRecipe(text, "file.toml"); });
}

std::string errorOfSetting(const std::string& assignment) {
  return errorOf([&] {
    Recipe recipe = loadRecipe("quickstart");
    setKey(recipe, assignment);
    validate(recipe);
  });
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace

class TestRecipe : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void everyKeyOfTheContractIsThere();
  void defaultsAreThoseOfTheContract();
  void defaultsAreAcceptedThemselves();
  void readsEveryType();
  void roundTrip();
  void parseErrors_data();
  void parseErrors();
  void setKeys();
  void setErrors_data();
  void setErrors();
  void settingAKeyOfQuantizationSwitchesItOn();
  void pathsAreFoundBesideTheRecipe();
  void shippedRecipesAreComplete();
  void loadErrors();
  void problemsOfFields();
  void combinations_data();
  void combinations();
  void plannedWorkCounts();
  void differences();
  void assignmentsMakeOneRecipeOfTheOther();
};

void TestRecipe::everyKeyOfTheContractIsThere() {
  const std::vector<std::string> keys = {"name",
                                         "seed",
                                         "data.dataset",
                                         "data.path",
                                         "data.train_limit",
                                         "data.test_limit",
                                         "data.mean",
                                         "data.std",
                                         "data.augment",
                                         "model.architecture",
                                         "model.torchscript",
                                         "model.weights",
                                         "model.checkpoints",
                                         "training.epochs",
                                         "training.batch_size",
                                         "training.optimizer",
                                         "training.learning_rate",
                                         "training.momentum",
                                         "training.weight_decay",
                                         "training.schedule",
                                         "training.checkpoint_every",
                                         "training.adversary.method",
                                         "training.adversary.epsilon",
                                         "training.adversary.ratio",
                                         "curvature.operator",
                                         "curvature.split",
                                         "curvature.samples",
                                         "curvature.batch_size",
                                         "curvature.batch_norm",
                                         "curvature.top",
                                         "curvature.bottom",
                                         "curvature.method",
                                         "curvature.tolerance",
                                         "curvature.every",
                                         "curvature.scopes",
                                         "curvature.trace",
                                         "curvature.density",
                                         "profile.name",
                                         "profile.x",
                                         "profile.range",
                                         "profile.points",
                                         "profile.normalization",
                                         "profile.split",
                                         "profile.samples",
                                         "surface.name",
                                         "surface.x",
                                         "surface.y",
                                         "surface.range",
                                         "surface.points",
                                         "surface.normalization",
                                         "surface.split",
                                         "surface.samples",
                                         "quantization.bits",
                                         "quantization.granularity",
                                         "quantization.sensitivity",
                                         "quantization.limits"};
  for (const auto& key : keys) QVERIFY2(findField(key), key.c_str());
  QVERIFY(!findField("profile.y"));
  std::set<std::string> seen;
  for (const auto& field : recipeFields()) {
    QVERIFY2(seen.insert(field.key).second, field.key.c_str());
    QVERIFY2(!field.help.empty() && field.help.find('\n') == std::string::npos, field.key.c_str());
    QVERIFY2((field.slot != nullptr) != (field.entrySlot != nullptr), field.key.c_str());
  }
}

void TestRecipe::defaultsAreThoseOfTheContract() {
  const std::vector<std::pair<std::string, std::string>> defaults = {{"seed", "0"},
                                                                     {"data.train_limit", "0"},
                                                                     {"data.mean", "[]"},
                                                                     {"data.augment", "true"},
                                                                     {"training.epochs", "0"},
                                                                     {"training.batch_size", "128"},
                                                                     {"training.optimizer", "\"sgd\""},
                                                                     {"training.learning_rate", "0.1"},
                                                                     {"training.momentum", "0.9"},
                                                                     {"training.weight_decay", "0.0005"},
                                                                     {"training.schedule", "\"step\""},
                                                                     {"training.checkpoint_every", "1"},
                                                                     {"training.adversary.method", "\"none\""},
                                                                     {"training.adversary.epsilon", "0.005"},
                                                                     {"training.adversary.ratio", "0.2"},
                                                                     {"curvature.operator", "\"hessian\""},
                                                                     {"curvature.split", "\"train\""},
                                                                     {"curvature.samples", "0"},
                                                                     {"curvature.batch_size", "256"},
                                                                     {"curvature.batch_norm", "\"eval\""},
                                                                     {"curvature.top", "5"},
                                                                     {"curvature.bottom", "0"},
                                                                     {"curvature.tolerance", "0.001"},
                                                                     {"curvature.every", "1"},
                                                                     {"curvature.trace", "false"},
                                                                     {"profile.x", "\"eigenvector:1\""},
                                                                     {"profile.range", "[-1.0, 1.0]"},
                                                                     {"profile.points", "51"},
                                                                     {"profile.normalization", "\"none\""},
                                                                     {"profile.split", "\"both\""},
                                                                     {"profile.samples", "0"},
                                                                     {"surface.y", "\"eigenvector:2\""},
                                                                     {"quantization.bits", "[2, 4, 8]"},
                                                                     {"quantization.granularity", "\"channel\""},
                                                                     {"quantization.limits", "[\"size=0.5\"]"}};
  for (const auto& [key, value] : defaults) {
    QVERIFY2(findField(key), key.c_str());
    QCOMPARE(defaultLiteral(*findField(key)), value);
  }
}

void TestRecipe::defaultsAreAcceptedThemselves() {
  for (const auto& field : recipeFields()) {
    if (field.key.ends_with(".name")) continue;  // of an entry: by number
    QVERIFY2(problemWith(field, defaultLiteral(field)).empty(), field.key.c_str());
  }
}

void TestRecipe::readsEveryType() {
  const Recipe recipe = parseRecipe(R"(
name = "a \"quoted\" name"
seed = 7
[data]
dataset = "glyphs"
mean = [0.5, 0]
std = [1, 0.25]
augment = false
[training]
learning_rate = 1
[training.adversary]
ratio = 0.5
[[profile]]
x = "random:3"
range = [-2, 3]
[[profile]]
name = "second"
[[surface]]
points = 5
[quantization]
bits = [3]
)",
                                    "file.toml");
  QCOMPARE(recipe.name, std::string("a \"quoted\" name"));
  QCOMPARE(recipe.seed, std::int64_t{7});
  QCOMPARE(recipe.data.mean, (std::vector<double>{0.5, 0}));
  QCOMPARE(recipe.data.deviation, (std::vector<double>{1, 0.25}));
  QCOMPARE(recipe.data.augment, false);
  QCOMPARE(recipe.training.learningRate, 1.0);
  QCOMPARE(recipe.training.adversary.ratio, 0.5);
  QCOMPARE(recipe.profiles.size(), std::size_t{2});
  QCOMPARE(recipe.profiles[0].name, std::string("profile-1"));
  QCOMPARE(recipe.profiles[0].range, (std::vector<double>{-2, 3}));
  QCOMPARE(recipe.profiles[1].name, std::string("second"));
  QCOMPARE(recipe.surfaces.at(0).y, std::string("eigenvector:2"));
  QCOMPARE(recipe.surfaces.at(0).points, std::int64_t{5});
  QVERIFY(recipe.quantization.enabled);
  QCOMPARE(recipe.quantization.bits, (std::vector<std::int64_t>{3}));
  QVERIFY(!parseRecipe(smallest, "f").quantization.enabled);
}

void TestRecipe::roundTrip() {
  Recipe recipe = loadRecipe("quickstart");
  recipe.name = "tab\tquote\" backslash\\ λ";
  recipe.data.mean = {0.1, 1.0 / 3.0};
  recipe.data.deviation = {1e-7, 0.2};
  recipe.training.learningRate = 0.1 + 0.2;
  recipe.seed = 9007199254740991;
  const std::string text = toToml(recipe);
  const Recipe again = parseRecipe(text, "again.toml");
  QCOMPARE(toToml(again), text);
  QCOMPARE(again.name, recipe.name);
  QCOMPARE(again.data.mean, recipe.data.mean);
  QCOMPARE(again.data.deviation, recipe.data.deviation);
  QCOMPARE(again.training.learningRate, recipe.training.learningRate);
  QCOMPARE(again.seed, recipe.seed);
  for (const auto& field : recipeFields()) {
    const auto last = field.key.substr(field.key.rfind('.') + 1);
    QVERIFY2(text.find("\n" + last + " = ") != std::string::npos || text.starts_with(last), field.key.c_str());
  }
  Recipe plain = parseRecipe(smallest, "f");
  QVERIFY(toToml(plain).find("[quantization]") == std::string::npos);
  QVERIFY(!parseRecipe(toToml(plain), "f").quantization.enabled);
}

void TestRecipe::parseErrors_data() {
  QTest::addColumn<QString>("toml");
  QTest::addColumn<QString>("error");
  QTest::newRow("unknown key") << "seed = 1\n[training]\nepohs = 3\n"
                               << "file.toml:3: training.epohs = 3: unknown key; did you mean training.epochs?";
  QTest::newRow("unknown section") << "[trainning]\nepochs = 3\n"
                                   << "file.toml:2: trainning.epochs = 3: unknown key; did you mean training.epochs?";
  QTest::newRow("wrong section") << "epochs = 3\n"
                                 << "file.toml:1: epochs = 3: unknown key; did you mean training.epochs?";
  QTest::newRow("far away") << "[training]\nxyzzyplugh = 1\n"
                            << "file.toml:2: training.xyzzyplugh = 1: unknown key; --list options names them all";
  QTest::newRow("below zero") << "[training]\n\nepochs = -1\n"
                              << "file.toml:3: training.epochs = -1: expected an integer from 0 to 1000000";
  QTest::newRow("fraction") << "[training]\nepochs = 2.5\n"
                            << "file.toml:2: training.epochs = 2.5: expected an integer from 0 to 1000000";
  QTest::newRow("text for a number")
      << "[training]\nlearning_rate = \"fast\"\n"
      << "file.toml:2: training.learning_rate = \"fast\": expected a number greater than 0, up to 10000";
  QTest::newRow("nan") << "[training]\nlearning_rate = nan\n"
                       << "file.toml:2: training.learning_rate = nan: expected a number greater than 0, up to 10000";
  QTest::newRow("zero where open")
      << "[curvature]\ntolerance = 0.0\n"
      << "file.toml:2: curvature.tolerance = 0.0: expected a number greater than 0, up to 1";
  QTest::newRow("number for a flag") << "[data]\naugment = 1\n"
                                     << "file.toml:2: data.augment = 1: expected true or false";
  QTest::newRow("word") << "[curvature]\nsplit = \"all\"\n"
                        << "file.toml:2: curvature.split = \"all\": expected one of train, test, both";
  QTest::newRow("three ends")
      << "[[profile]]\nrange = [0, 1, 2]\n"
      << "file.toml:2: profile.range = [ 0, 1, 2 ]: expected 2 numbers, each from -1000000 to 1000000";
  QTest::newRow("bits") << "[quantization]\nbits = [4, 16]\n"
                        << "file.toml:2: quantization.bits = [ 4, 16 ]: expected a list of integers, each from 2 to 8";
  QTest::newRow("y of a profile") << "[[profile]]\ny = \"gradient\"\n"
                                  << "file.toml:2: profile.y = \"gradient\": unknown key";
  QTest::newRow("one profile") << "[profile]\nx = \"gradient\"\n"
                               << "file.toml:1: profile: expected [[profile]] sections";
  QTest::newRow("value for a section") << "training = 3\n"
                                       << "file.toml:1: training = 3: expected a section [training]";
  QTest::newRow("sweep key") << "[[sweep]]\nkeys = 1\n"
                             << "file.toml:2: sweep.keys = 1: unknown key; a sweep has key and values";
  QTest::newRow("no TOML") << "[data]\ndataset = glyphs\n"
                           << "file.toml:2: ";
  QTest::newRow("binary") << QString(QChar(1)) + "\n"
                          << "file.toml:1: ";
}

void TestRecipe::parseErrors() {
  QFETCH(QString, toml);
  QFETCH(QString, error);
  const QString message = QString::fromStdString(errorOfParsing(toml.toStdString()));
  QVERIFY2(message.startsWith(error), qPrintable(message));
  QVERIFY(!message.contains('\n'));
}

void TestRecipe::setKeys() {
  Recipe recipe = loadRecipe("quickstart");
  setKey(recipe, "training.epochs=3");
  QCOMPARE(recipe.training.epochs, std::int64_t{3});
  setKey(recipe, "training.learning_rate=1e-2");
  QCOMPARE(recipe.training.learningRate, 0.01);
  setKey(recipe, "training.schedule=cosine");
  QCOMPARE(recipe.training.schedule, std::string("cosine"));
  setKey(recipe, "training.schedule=\"constant\"");
  QCOMPARE(recipe.training.schedule, std::string("constant"));
  setKey(recipe, "name=7");
  QCOMPARE(recipe.name, std::string("7"));
  setKey(recipe, "name=a=b");
  QCOMPARE(recipe.name, std::string("a=b"));
  setKey(recipe, "data.augment=true");
  QVERIFY(recipe.data.augment);
  setKey(recipe, "data.mean=[0.25, 1]");
  QCOMPARE(recipe.data.mean, (std::vector<double>{0.25, 1}));
  setKey(recipe, "quantization.bits=3,5");
  QCOMPARE(recipe.quantization.bits, (std::vector<std::int64_t>{3, 5}));
  setKey(recipe, "quantization.limits=size=0.5, bops=0.3");
  QCOMPARE(recipe.quantization.limits, (std::vector<std::string>{"size=0.5", "bops=0.3"}));
  setKey(recipe, "profile.points=11");
  for (const auto& profile : recipe.profiles) QCOMPARE(profile.points, std::int64_t{11});
  setKey(recipe, "profile.along-e1.points=13");
  QCOMPARE(recipe.profiles[0].points, std::int64_t{13});
  QCOMPARE(recipe.profiles[1].points, std::int64_t{11});
  setKey(recipe, "surface.e1-e2.y=gradient");
  QCOMPARE(recipe.surfaces[0].y, std::string("gradient"));
}

void TestRecipe::setErrors_data() {
  QTest::addColumn<QString>("assignment");
  QTest::addColumn<QString>("error");
  QTest::newRow("no value") << "training.epochs"
                            << "--set training.epochs: expected KEY=VALUE";
  QTest::newRow("no key") << "=3"
                          << "--set =3: expected KEY=VALUE";
  QTest::newRow("unknown") << "training.epoch=3"
                           << "training.epoch = 3: unknown key; did you mean training.epochs?";
  QTest::newRow("type") << "training.epochs=many"
                        << "training.epochs = many: expected an integer from 0 to 1000000";
  QTest::newRow("range") << "training.momentum=1.5"
                         << "training.momentum = 1.5: expected a number from 0 to 1";
  QTest::newRow("two lines") << "training.epochs=3\nseed = 4"
                             << "training.epochs = 3 seed = 4: expected an integer";
  QTest::newRow("no such profile")
      << "profile.nope.points=3"
      << "profile.nope.points = 3: the recipe has no [[profile]] of that name; expected one of along-e1, random";
  QTest::newRow("no such key of a profile") << "profile.along-e1.y=gradient"
                                            << "profile.along-e1.y = gradient: unknown key";
  QTest::newRow("svhn") << "data.dataset=svhn"
                        << "data.dataset = \"svhn\": not available in this version; accepted: ";
  QTest::newRow("ggn") << "curvature.operator=ggn"
                       << "curvature.operator = \"ggn\": not available in this version; accepted: hessian";
  QTest::newRow("power") << "curvature.method=power"
                         << "curvature.method = \"power\": not available";
  QTest::newRow("layers") << "curvature.scopes=layers"
                          << "curvature.scopes = \"layers\": not available";
  QTest::newRow("density") << "curvature.density=true"
                           << "curvature.density = true: not available in this version; accepted: false";
  QTest::newRow("kfac") << "training.optimizer=kfac"
                        << "training.optimizer = \"kfac\": not available in this version; accepted: ";
  QTest::newRow("absa")
      << "training.schedule=absa"
      << "training.schedule = \"absa\": not available in this version; accepted: one of constant, step, cosine";
  QTest::newRow("pgd") << "training.adversary.method=pgd"
                       << "training.adversary.method = \"pgd\": not available";
  QTest::newRow("pca") << "profile.along-e1.x=pca:1"
                       << "profile.along-e1.x = \"pca:1\": not available in this version";
  QTest::newRow("toward") << "surface.y=toward:a.pt"
                          << "surface.e1-e2.y = \"toward:a.pt\": not available in this version";
  QTest::newRow("torchscript") << "model.torchscript=net.pt"
                               << "model.torchscript = ";
  QTest::newRow("checkpoints") << "model.checkpoints=c/*.pt"
                               << "model.checkpoints = ";
  QTest::newRow("given sensitivity") << "quantization.sensitivity=s.csv"
                                     << "quantization.sensitivity = ";
  QTest::newRow("limits") << "quantization.limits=size=0.2"
                          << "quantization.limits = [\"size=0.2\"]: not available";
}

void TestRecipe::setErrors() {
  QFETCH(QString, assignment);
  QFETCH(QString, error);
  const QString message = QString::fromStdString(errorOfSetting(assignment.toStdString()));
  QVERIFY2(message.startsWith(error), qPrintable(message));
  QVERIFY(!message.contains('\n'));
}

void TestRecipe::settingAKeyOfQuantizationSwitchesItOn() {
  Recipe recipe = parseRecipe(smallest, "f");
  QVERIFY(!recipe.quantization.enabled);
  setKey(recipe, "quantization.bits=[4]");
  QVERIFY(recipe.quantization.enabled);
}

void TestRecipe::pathsAreFoundBesideTheRecipe() {
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

void TestRecipe::shippedRecipesAreComplete() {
  const auto& recipes = shippedRecipes();
  QCOMPARE(recipes.size(), std::size_t{2});
  for (const auto& shipped : recipes) {
    QVERIFY(shipped.description.size() > 20);
    const Recipe recipe = loadRecipe(shipped.name);
    QCOMPARE(recipe.name, shipped.name);
    const std::string error = errorOf([&] { validate(recipe); });
    if (shipped.name == "quickstart") {
      QCOMPARE(error, std::string());
    } else {
      QVERIFY2(error.starts_with("data.path is empty: "), error.c_str());
      QVERIFY2(error.find("--set data.path=") != std::string::npos, error.c_str());
    }
  }
}

void TestRecipe::loadErrors() {
  const QTemporaryDir folder;
  const std::string root = folder.path().toStdString();
  QVERIFY(errorOf([] { loadRecipe("quickstrat"); }).find("one of quickstart, resnet20-cifar10") != std::string::npos);
  QVERIFY(errorOf([&] { loadRecipe(root); }).find("is a folder") != std::string::npos);
  write(root + "/big.toml", std::string(std::size_t{3} << 20, '#'));
  QVERIFY(errorOf([&] { loadRecipe(root + "/big.toml"); }).find("larger than 1 MiB") != std::string::npos);
}

void TestRecipe::problemsOfFields() {
  const auto problem = [](const char* key, const char* text) { return problemWith(*findField(key), text); };
  QCOMPARE(problem("training.epochs", "3"), std::string());
  QCOMPARE(problem("training.epochs", "x"), std::string("an integer from 0 to 1000000"));
  QCOMPARE(problem("training.epochs", ""), std::string("an integer from 0 to 1000000"));
  QCOMPARE(problem("curvature.split", "both"), std::string());
  QCOMPARE(problem("curvature.split", "bth"), std::string("one of train, test, both"));
  QCOMPARE(problem("profile.range", "-1, 1"), std::string());
  QVERIFY(!problem("profile.range", "1").empty());
  QVERIFY(problem("curvature.operator", "ggn").starts_with("not available in this version"));
}

void TestRecipe::combinations_data() {
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
  QTest::newRow("mean without std") << "[data]\ndataset = \"glyphs\"\nmean = [0.5]\n[model]\narchitecture = \"cnn\"\n"
                                    << "data.std = []: expected as many numbers as data.mean has (1)";
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
  QTest::newRow("no bits") << begin + "[quantization]\nbits = []\n"
                           << "quantization.bits = []: ";
  QTest::newRow("bits twice") << begin + "[quantization]\nbits = [4, 4]\n"
                              << "quantization.bits = [4, 4]: expected each bit width once";
  QTest::newRow("sweep") << begin + "[[sweep]]\nkey = \"seed\"\nvalues = [1, 2]\n"
                         << "sweep.key = \"seed\": not available in this version";
}

void TestRecipe::combinations() {
  QFETCH(QString, extra);
  QFETCH(QString, error);
  const QString message = QString::fromStdString(errorOf([&] { validate(parseRecipe(extra.toStdString(), "f")); }));
  if (error.isEmpty()) {
    QCOMPARE(message, QString());
  } else {
    QVERIFY2(message.startsWith(error), qPrintable(message));
  }
}

void TestRecipe::plannedWorkCounts() {
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

void TestRecipe::differences() {
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

void TestRecipe::assignmentsMakeOneRecipeOfTheOther() {
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

QTEST_APPLESS_MAIN(TestRecipe)
#include "tst_recipe.moc"
