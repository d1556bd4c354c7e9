// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <set>

#include "tests/study/recipes.h"

using namespace eigenscape;

namespace {

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
  QTest::newRow("operator") << "curvature.operator=gauss"
                            << "curvature.operator = \"gauss\": expected one of hessian, ggn, fisher, fisher_sampled";
  QTest::newRow("layers") << "curvature.layers=conv1"
                          << "curvature.layers = [\"conv1\"]: expected curvature.scopes = \"layers\"";
  QTest::newRow("batches") << "curvature.batches=10"
                           << "curvature.batches = 10: expected 1, or curvature.method = \"power\"";
  QTest::newRow("kfac") << "training.optimizer=kfac"
                        << "training.optimizer = \"kfac\": not available in this version; accepted: ";
  QTest::newRow("absa")
      << "training.schedule=absa"
      << "training.schedule = \"absa\": not available in this version; accepted: one of constant, step, cosine";
  QTest::newRow("pgd") << "training.adversary.method=pgd"
                       << "training.adversary.method = \"pgd\": not available";
  QTest::newRow("pca") << "profile.along-e1.x=pca:0"
                       << "profile.along-e1.x = \"pca:0\": ";
  QTest::newRow("toward") << "surface.y=toward:a.pt"
                          << "surface.e1-e2.y = \"toward:/";
  QTest::newRow("torchscript") << "model.torchscript=net.pt"
                               << "model.torchscript = ";
  QTest::newRow("checkpoints") << "model.checkpoints=c/*.pt"
                               << "model.checkpoints = \"/";
  QTest::newRow("given sensitivity") << "quantization.sensitivity=s.csv"
                                     << "quantization.sensitivity = ";
  QTest::newRow("limits") << "quantization.limits=bytes=0.2"
                          << "quantization.limits = \"bytes=0.2\": expected size, bops or latency";
  QTest::newRow("share of a limit") << "quantization.limits=size=1.2"
                                    << "quantization.limits = \"size=1.2\": expected size, bops or latency";
  QTest::newRow("limit twice") << "quantization.limits=[\"size=1\", \"size=1\"]"
                               << "quantization.limits = \"size=1\": expected each limit once";
  QTest::newRow("latency of a model") << "quantization.limits=latency=0.5"
                                      << "quantization.limits = \"latency=0.5\": latencies come from";
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

QTEST_APPLESS_MAIN(TestRecipe)
#include "tst_recipe.moc"
