// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <QDir>
#include <QDirIterator>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>
#include <QSet>
#include <QTemporaryDir>
#include <QTest>
#include <QtEndian>
#include <algorithm>

#include "tests/batch/program.h"

class TestCommandLine : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase();
  void lists_data();
  void lists();
  void versionAndHelp();
  void checkPrintsARecipe();
  void wrongInput_data();
  void wrongInput();
  void aFolderThatIsNotOurs();
  void unwritable_data();
  void unwritable();
  void fullDisk();
  void fullStandardOutput();
  void aRunFromBeginningToEnd();
  void quietIsQuiet();

 private:
  void typeHasItsSize(const QString& out);
  QString path(const QString& name) const { return folder_.filePath(name); }
  QTemporaryDir folder_;
};

void TestCommandLine::initTestCase() {
  QVERIFY(folder_.isValid());
  QDir dir(folder_.path());
  writeFile(path("tiny.toml"), tinyRecipe());
  writeFile(path("unknown.toml"), tinyRecipe().replace("batch_size = 32", "bach_size = 32"));
  writeFile(path("cut.toml"), "[data\n");
  writeFile(path("binary.toml"), QByteArray("\x7f"
                                            "ELF\0\1\2\xff\xfe",
                                            9));
  writeFile(path("file"), "not a folder");
  QVERIFY(dir.mkpath("empty-data") && dir.mkpath("cut-cifar") && dir.mkpath("bad-idx"));
  writeFile(path("cut-cifar/test_batch.bin"), QByteArray(3073 * 2 + 100, '\1'));
  writeFile(path("cut-cifar/data_batch_1.bin"), QByteArray(3073, '\1'));
  for (const char* name :
       {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}) {
    writeFile(path("bad-idx/") + name, QByteArray("GIF89a, not IDX at all", 22));
  }
  writeFile(path("foreign.pt"), QByteArray("PK\3\4 but no zip archive", 23));
  writeFile(path("text.safetensors"), "hello");
}

void TestCommandLine::lists_data() {
  QTest::addColumn<QString>("what");
  QTest::addColumn<QStringList>("words");
  QTest::newRow("models") << "models" << QStringList{"mlp", "cnn", "resnet20", "resnet32", "resnet56", "resnet18"};
  QTest::newRow("datasets") << "datasets" << QStringList{"glyphs", "cifar10", "mnist", "fashion-mnist"};
  QTest::newRow("recipes") << "recipes" << QStringList{"quickstart", "resnet20-cifar10"};
  QTest::newRow("options") << "options" << QStringList{"training.epochs", "surface.y", "quantization.bits", "0.0005"};
}

void TestCommandLine::lists() {
  QFETCH(QString, what);
  QFETCH(QStringList, words);
  const Outcome outcome = runProgram({"--list", what});
  QCOMPARE(outcome.status, 0);
  QCOMPARE(outcome.err, QByteArray());
  for (const QString& word : words) QVERIFY2(outcome.out.contains(word.toUtf8()), qPrintable(word));
}

void TestCommandLine::versionAndHelp() {
  const Outcome version = runProgram({"--version"});
  QCOMPARE(version.status, 0);
  QVERIFY(version.out.startsWith("Eigenscape "));
  QVERIFY(version.out.contains("\nLibTorch "));
  const Outcome help = runProgram({"--help"});
  QCOMPARE(help.status, 0);
  for (const char* option : {"--batch", "--out", "--set", "--device", "--threads", "--seed", "--resume", "--figures",
                             "--figure", "--epoch", "--figure-size", "--figure-font-size", "--no-caption", "--quiet",
                             "--render", "--check", "--list", "--version"}) {
    QVERIFY2(help.out.contains(option), option);
  }
}

void TestCommandLine::checkPrintsARecipe() {
  const Outcome first = runProgram({"--check", path("tiny.toml"), "--set", "training.epochs=4", "--seed", "11"});
  QCOMPARE(first.status, 0);
  QVERIFY(first.out.contains("\nepochs = 4\n"));
  QVERIFY(first.out.contains("seed = 11\n"));
  QVERIFY(first.out.contains("# "));
  // What it prints is a recipe again, and the same one.
  writeFile(path("printed.toml"), first.out);
  const Outcome second = runProgram({"--check", path("printed.toml")});
  QCOMPARE(second.status, 0);
  QCOMPARE(second.out, first.out);
}

void TestCommandLine::wrongInput_data() {
  QTest::addColumn<QStringList>("arguments");
  QTest::addColumn<int>("status");
  QTest::addColumn<QStringList>("named");
  const QString tiny = path("tiny.toml");
  // Unless a row says otherwise the run would go to "out".
  const auto batch = [&](const QString& recipe, const QStringList& more) {
    return QStringList{"--batch", recipe, "--out", "out", "--figures", "none"} + more;
  };
  const auto set = [&](const char* name, const QString& assignment, const QStringList& named, int status = 2) {
    QTest::newRow(name) << batch(tiny, {"--set", assignment}) << status << named;
  };
  QTest::newRow("unknown option") << QStringList{"--bach", tiny} << 2 << QStringList{"--bach"};
  QTest::newRow("no recipe") << QStringList{"--batch"} << 2 << QStringList{"--batch"};
  QTest::newRow("no out") << QStringList{"--batch", tiny} << 2 << QStringList{"--out"};
  QTest::newRow("empty out") << QStringList{"--batch", tiny, "--out", ""} << 2 << QStringList{"--out"};
  QTest::newRow("two modes") << QStringList{"--batch", tiny, "--out", "out", "--check", tiny} << 2
                             << QStringList{"--check", "--batch"};
  QTest::newRow("extra word") << batch(tiny, {"extra"}) << 2 << QStringList{"extra"};
  QTest::newRow("option of another mode")
      << QStringList{"--check", tiny, "--resume"} << 2 << QStringList{"--resume", "--batch"};
  QTest::newRow("recipe not there") << batch("nowhere.toml", {}) << 2 << QStringList{"nowhere.toml", "quickstart"};
  QTest::newRow("recipe is a folder") << batch(path("empty-data"), {}) << 2 << QStringList{"empty-data", "folder"};
  QTest::newRow("recipe cut short") << batch(path("cut.toml"), {}) << 2 << QStringList{"cut.toml:1"};
  QTest::newRow("recipe binary") << batch(path("binary.toml"), {}) << 2 << QStringList{"binary.toml"};
  QTest::newRow("unknown key") << batch(path("unknown.toml"), {}) << 2
                               << QStringList{"unknown.toml:", "bach_size", "batch_size"};
  set("unknown key of --set", "training.epoch=3", {"training.epoch", "training.epochs"});
  set("wrong type", "training.epochs=many", {"training.epochs", "many", "integer"});
  set("out of range", "training.momentum=2", {"training.momentum", "2", "from 0 to 1"});
  set("not finite", "training.learning_rate=inf", {"training.learning_rate", "inf"});
  set("no equals sign", "training.epochs", {"training.epochs", "KEY=VALUE"});
  set("unknown data set", "data.dataset=imagenet", {"data.dataset", "imagenet", "glyphs"});
  set("later data set", "data.dataset=svhn", {"data.dataset", "svhn", "not available"});
  set("no path", "data.dataset=cifar10", {"data.path", "--set data.path="});
  set("unknown architecture", "model.architecture=vgg", {"model.architecture", "vgg", "resnet20"});
  set("weights not there", "model.weights=/nowhere.pt", {"model.weights", "/nowhere.pt"});
  set("range reversed", "profile.p.range=[1, -1]", {"profile.p.range"});
  set("x is y", "surface.s.y=eigenvector:1", {"surface.s.y"});
  set("eigenvector beyond", "profile.p.x=eigenvector:9", {"profile.p.x", "eigenvector:9", "curvature.top"});
  set("name of no file", "surface.s.name=a/b", {"surface.name", "a/b"});
  set("no such profile", "profile.q.points=3", {"profile.q.points"});
  set("operator", "curvature.operator=kfac", {"curvature.operator", "kfac", "hessian", "fisher_sampled"});
  set("no such layer", "curvature.layers=conv9", {"curvature.layers", "conv9", "curvature.scopes"});
  set("no checkpoints", "model.checkpoints=/nowhere/*.pt", {"model.checkpoints", "/nowhere/*.pt", "no file"});
  set("later optimizer", "training.optimizer=kfac", {"training.optimizer", "kfac", "sgd"});
  set("bits", "quantization.bits=[1]", {"quantization.bits", "[1]"});
  const auto data = [&](const char* name, const QString& dataset, const QString& folder, int status,
                        const QStringList& named) {
    QTest::newRow(name) << batch(tiny, {"--set", "data.dataset=" + dataset, "--set", "data.path=" + path(folder)})
                        << status << named;
  };
  data("data path not there", "cifar10", "nowhere", 2, {"data.path", "nowhere"});
  data("data path empty", "cifar10", "empty-data", 2, {"data.path", "empty-data", "test_batch"});
  data("data cut short", "cifar10", "cut-cifar", 1, {"test_batch.bin"});
  data("data foreign", "mnist", "bad-idx", 1, {"ubyte"});
  set("weights foreign", "model.weights=" + path("foreign.pt"), {"foreign.pt"}, 1);
  set("weights text", "model.weights=" + path("text.safetensors"), {"text.safetensors"}, 1);
  QTest::newRow("device") << batch(tiny, {"--device", "gpu"}) << 2 << QStringList{"--device", "gpu", "cuda"};
  QTest::newRow("threads") << batch(tiny, {"--threads", "0"}) << 2 << QStringList{"--threads", "0"};
  QTest::newRow("threads text") << batch(tiny, {"--threads", "two"}) << 2 << QStringList{"--threads", "two"};
  QTest::newRow("seed") << batch(tiny, {"--seed=-1"}) << 2 << QStringList{"--seed", "-1"};
  for (const char* size : {"120", "0x90", "120x90mm", "9999x90"}) {
    QTest::addRow("figure size %s", size) << QStringList{"--batch", tiny, "--out", "out", "--figure-size", size} << 2
                                          << QStringList{"--figure-size", size, "such as 180x120"};
  }
  for (const char* points : {"4", "21", "nan", "10pt", ""}) {
    QTest::addRow("figure font size %s", points)
        << QStringList{"--render", "out", "--figure-font-size", points} << 2
        << QStringList{QString("--figure-font-size %1: expected points from 5 to 20").arg(points)};
  }
  QTest::newRow("figure too small for its type")
      << QStringList{"--render", "out", "--figure-font-size", "14", "--figure-size", "86x70"} << 2
      << QStringList{"--figure-size 86x70", "--figure-font-size 14", "at least 112x98"};
  QTest::newRow("figure font size without figures") << QStringList{"--check", tiny, "--figure-font-size", "9"} << 2
                                                    << QStringList{"--figure-font-size", "--batch or --render"};
  QTest::newRow("figure density") << QStringList{"--render", "out", "--figure-density", "9"} << 2
                                  << QStringList{"--figure-density", "9", "1 to 8"};
  QTest::newRow("figures") << QStringList{"--batch", tiny, "--out", "out", "--figures", "bmp"} << 2
                           << QStringList{"--figures", "bmp", "png"};
  QTest::newRow("style") << QStringList{"--render", "out", "--style", "blue"} << 2
                         << QStringList{"--style blue", "light or dark"};
  QTest::newRow("style without figures") << QStringList{"--check", tiny, "--style", "dark"} << 2
                                         << QStringList{"--style", "--batch or --render"};
  QTest::newRow("list") << QStringList{"--list", "colours"} << 2 << QStringList{"--list", "colours", "models"};
  QTest::newRow("render nothing") << QStringList{"--render", path("empty-data")} << 2
                                  << QStringList{"--render", "empty-data", "run.json"};
  QTest::newRow("check") << QStringList{"--check", path("cut.toml")} << 2 << QStringList{"cut.toml:1"};
}

void TestCommandLine::wrongInput() {
  QFETCH(QStringList, arguments);
  QFETCH(int, status);
  QFETCH(QStringList, named);
  const QTemporaryDir here;
  const Outcome outcome =
      runProgram(arguments + (arguments.contains("--batch") ? QStringList{"--quiet"} : QStringList{}), here.path());
  QVERIFY(!outcome.crashed);
  QVERIFY2(outcome.status == status, outcome.err.constData());
  QVERIFY2(outcome.errorLines() == 1, outcome.err.constData());
  QCOMPARE(outcome.out, QByteArray());
  for (const QString& word : named) QVERIFY2(outcome.err.contains(word.toUtf8()), outcome.err.constData());
  // Data and weights are read before the run directory is made.
  QCOMPARE(QDir(here.path()).entryList(QDir::AllEntries | QDir::NoDotAndDotDot), QStringList());
}

void TestCommandLine::aFolderThatIsNotOurs() {
  const QTemporaryDir here;
  writeFile(here.filePath("thesis.tex"), "precious");
  for (const QStringList& more : {QStringList{}, QStringList{"--resume"}}) {
    const Outcome outcome =
        runProgram(QStringList{"--batch", path("tiny.toml"), "--out", here.path(), "--quiet"} + more);
    QCOMPARE(outcome.status, 2);
    QCOMPARE(outcome.errorLines(), 1);
    QVERIFY(outcome.err.contains("--out") && outcome.err.contains("not empty"));
  }
  QCOMPARE(QDir(here.path()).entryList(QDir::AllEntries | QDir::NoDotAndDotDot), QStringList{"thesis.tex"});
}

void TestCommandLine::unwritable_data() {
  QTest::addColumn<QString>("out");
  QTest::addColumn<int>("status");
  QTest::newRow("a file") << path("file") << 2;
  QTest::newRow("below a file") << path("file") + "/run" << 1;
  // Nobody, not even root, makes folders there.
  QTest::newRow("read-only") << "/proc/eigenscape-run" << 1;
}

void TestCommandLine::unwritable() {
  QFETCH(QString, out);
  QFETCH(int, status);
  const Outcome outcome = runProgram({"--batch", path("tiny.toml"), "--out", out, "--quiet", "--figures", "none"});
  QVERIFY2(outcome.status == status, outcome.err.constData());
  QVERIFY2(outcome.errorLines() == 1, outcome.err.constData());
  QVERIFY2(outcome.err.contains(out.toUtf8()), outcome.err.constData());
  QCOMPARE(readFile(path("file")), QByteArray("not a folder"));
}

void TestCommandLine::fullDisk() {
  if (::geteuid() != 0) QSKIP("only root may mount a small disk");
  const QTemporaryDir here;
  const auto command = [](const QString& program, const QStringList& arguments) {
    return QProcess::execute(program, arguments) == 0;
  };
  // Enough for recipe.toml and run.json, too little for a checkpoint.
  if (!command("mount", {"-t", "tmpfs", "-o", "size=48k", "tmpfs", here.path()})) QSKIP("mounting is not allowed here");
  const Outcome outcome =
      runProgram({"--batch", path("tiny.toml"), "--out", here.filePath("run"), "--quiet", "--figures", "none"});
  QStringList broken;
  QDirIterator files(here.path(), QDir::Files, QDirIterator::Subdirectories);
  while (files.hasNext()) {
    const QString file = files.next();
    if (file.endsWith(".part")) broken << file;
    if (file.endsWith(".json") && QJsonDocument::fromJson(readFile(file)).isNull()) broken << file;
    if (file.endsWith(".csv") && !readFile(file).endsWith('\n')) broken << file;
  }
  command("umount", {here.path()});
  QVERIFY2(outcome.status == 1, outcome.err.constData());
  QVERIFY2(outcome.errorLines() == 1, outcome.err.constData());
  QVERIFY2(outcome.err.contains(here.path().toUtf8()), outcome.err.constData());
  QCOMPARE(broken, QStringList());
}

void TestCommandLine::fullStandardOutput() {
  if (!QFile::exists("/dev/full")) QSKIP("needs /dev/full");
  QProcess process;
  process.setStandardOutputFile("/dev/full");
  startProgram(process, {"--list", "options"});
  const Outcome outcome = outcomeOf(process);
  QCOMPARE(outcome.status, 1);
  QCOMPARE(outcome.errorLines(), 1);
  QVERIFY(outcome.err.contains("standard output"));
}

void TestCommandLine::aRunFromBeginningToEnd() {
  const QString out = path("run");
  const QStringList arguments{"--batch", path("tiny.toml"), "--out", out, "--threads", "1", "--seed", "6"};
  const Outcome outcome = runProgram(arguments);
  QVERIFY2(outcome.status == 0, outcome.err.constData());
  for (const char* word : {"train", "test", "accuracy", "hessian 1", "hessian -1", "residual", "converged", "trace",
                           "bits", "spectrum of hessian", "chance of a missed eigenvalue"}) {
    QVERIFY2(outcome.out.contains(word), word);
  }
  // One line per phase where there is no terminal.
  QVERIFY(outcome.err.contains("training"));
  QVERIFY(!outcome.err.contains('\r'));
  const QJsonObject info = QJsonDocument::fromJson(readFile(out + "/run.json")).object();
  QCOMPARE(info["status"].toString(), QString("done"));
  QCOMPARE(info["seed"].toInt(), 6);
  QCOMPARE(info["threads"].toInt(), 1);
  for (const char* file :
       {"recipe.toml", "metrics.csv", "spectrum.csv", "solves.csv", "trace.csv", "profile.csv", "surface.csv",
        "sensitivity.csv", "directions.safetensors", "checkpoints/epoch-0003.safetensors"}) {
    QVERIFY2(QFile::exists(out + '/' + file), file);
  }
  const QStringList drawn = QDir(out + "/figures").entryList({"*.png"});
  // A program that was built without figures draws none.
  if (outcome.out.contains("figure")) QVERIFY2(drawn.size() >= 6, qPrintable(drawn.join(' ')));

  // A run is not overwritten; a recipe that differs is not resumed; the same one is, and finds nothing left to do.
  const Outcome again = runProgram(arguments + QStringList{"--quiet"});
  QCOMPARE(again.status, 2);
  QVERIFY2(again.err.contains("--resume"), again.err.constData());
  const Outcome other = runProgram(arguments + QStringList{"--quiet", "--resume", "--set", "curvature.top=3"});
  QCOMPARE(other.status, 2);
  QVERIFY2(other.err.contains("curvature.top = 3"), other.err.constData());
  QCOMPARE(other.errorLines(), 1);
  const QByteArray before = readFile(out + "/surface.csv");
  const Outcome resumed = runProgram(arguments + QStringList{"--quiet", "--resume"});
  QVERIFY2(resumed.status == 0, resumed.err.constData());
  QCOMPARE(readFile(out + "/surface.csv"), before);

  // The written recipe makes the same run.
  const Outcome twin = runProgram(
      {"--batch", out + "/recipe.toml", "--out", path("twin"), "--threads", "1", "--quiet", "--figures", "none"});
  QVERIFY2(twin.status == 0, twin.err.constData());
  for (const char* file : {"spectrum.csv", "trace.csv", "profile.csv", "surface.csv", "sensitivity.csv"}) {
    QCOMPARE(readFile(path("twin/") + file), readFile(out + '/' + file));
  }
  QVERIFY(!QFile::exists(path("twin/figures")));

  if (drawn.isEmpty()) return;
  const Outcome render = runProgram({"--render", out, "--figures", "svg,pdf", "--figure-size", "150x100"});
  QVERIFY2(render.status == 0, render.err.constData());
  QVERIFY(QFile::exists(out + "/figures/training.svg") && QFile::exists(out + "/figures/training.pdf"));
  const Outcome dark = runProgram({"--render", out, "--style", "dark"});
  QVERIFY2(dark.status == 0, dark.err.constData());
  const auto once = readFile(out + "/figures/training.png");
  runProgram({"--render", out, "--style", "light"});
  const auto light = readFile(out + "/figures/training.png");
  QVERIFY(light != once);
  // A PNG says its width in bytes 16 to 19.
  const auto widthOf = [](const QByteArray& png) { return qFromBigEndian<quint32>(png.constData() + 16); };
  const Outcome plain = runProgram({"--render", out, "--figure-density", "1"});
  QVERIFY2(plain.status == 0, plain.err.constData());
  QVERIFY(std::abs(2.0 * widthOf(readFile(out + "/figures/training.png")) - widthOf(light)) <= 2);
  typeHasItsSize(out);
}

/// The sizes of all texts in an SVG, in the layout's units: 96 to the inch.
static QSet<int> textSizes(const QByteArray& svg) {
  QSet<int> pixels;
  static const QRegularExpression size("<text[^>]*font-size=\"(\\d+)\"");
  for (auto all = size.globalMatch(QString::fromUtf8(svg)); all.hasNext();) pixels << all.next().captured(1).toInt();
  return pixels;
}

void TestCommandLine::typeHasItsSize(const QString& out) {
  const auto sizesOf = [&](const QStringList& more) {
    const Outcome outcome =
        runProgram(QStringList{"--render", out, "--figures", "svg", "--figure-size", "180x130"} + more);
    return outcome.status == 0 ? textSizes(readFile(out + "/figures/training.svg")) : QSet<int>();
  };
  // Axis labels have the size that is asked for, titles a twentieth more, the rest is smaller.
  for (const int points : {6, 12, 18}) {
    const auto sizes = sizesOf({"--figure-font-size", QString::number(points)});
    const int label = qRound(points * 96 / 72.0), title = qRound(1.05 * points * 96 / 72.0);
    QVERIFY2(sizes.contains(label) && sizes.contains(title), qPrintable(QString::number(points)));
    QCOMPARE(*std::max_element(sizes.begin(), sizes.end()), title);
  }
  const auto caption = readFile(out + "/figures/training.svg");
  QVERIFY(!sizesOf({"--no-caption"}).isEmpty());
  QVERIFY(caption.count("<text") > readFile(out + "/figures/training.svg").count("<text"));

  // A run draws what --render draws afterwards.
  const QStringList manner{"--figure-font-size", "10.5", "--figure-size", "100x80", "--style", "dark", "--no-caption"};
  const Outcome outcome = runProgram(
      QStringList{"--batch", out + "/recipe.toml", "--out", path("typed"), "--threads", "1", "--quiet"} + manner);
  QVERIFY2(outcome.status == 0, outcome.err.constData());
  QVERIFY(runProgram(QStringList{"--render", path("typed"), "--out", path("again")} + manner).status == 0);
  const QStringList drawn = QDir(path("typed/figures")).entryList({"*.png"});
  QVERIFY(drawn.size() >= 6);
  for (const QString& name : drawn)
    QCOMPARE(readFile(path("again/figures/") + name), readFile(path("typed/figures/") + name));
}

void TestCommandLine::quietIsQuiet() {
  const Outcome outcome = runProgram({"--batch", path("tiny.toml"), "--out", path("quiet"), "--quiet", "--figures",
                                      "none", "--set", "training.epochs=0", "--set", "curvature.trace=false"});
  QCOMPARE(outcome.status, 0);
  QCOMPARE(outcome.err, QByteArray());
}

// A busy machine may take long; CTest's own limit holds.
static const bool patient = qputenv("QTEST_FUNCTION_TIMEOUT", "1200000");
QTEST_GUILESS_MAIN(TestCommandLine)
#include "tst_command_line.moc"
