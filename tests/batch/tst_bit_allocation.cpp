// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/results/tables.h"
#include "tests/batch/program.h"

using namespace eigenscape;

namespace {

/// Four layers at 2, 4 and 8 bits, as few columns as serve.
const char* const smallTable =
    "layer,bits,parameters,omega\n"
    "a,2,100,8\na,4,100,2\na,8,100,0.1\n"
    "b,2,400,4\nb,4,400,1.5\nb,8,400,0.1\n"
    "c,2,200,9\nc,4,200,0.5\nc,8,200,0.01\n"
    "d,2,800,3\nd,4,800,1\nd,8,800,0.2\n";

}  // namespace

/// A recipe that chooses bits from a given table and needs neither data nor model.
class TestBitAllocation : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase();
  void fromATableToBits();
  void severalLimits();
  void aTableBesideTheRecipe();
  void allColumns();
  void resumesAndRepeats();
  void check();
  void aTableBesideAModel();
  void aTableInAnotherOrder();
  void aRunKeepsItsTable();
  void givenBitsThatDoNotFit();
  void wrongInput_data();
  void wrongInput();

 private:
  QString path(const QString& name) const { return folder_.filePath(name); }
  void writeRecipe(const QString& name, const QByteArray& quantization) {
    writeFile(path(name), "name = \"bits\"\n[quantization]\n" + quantization);
  }
  Outcome batch(const QString& recipe, const QString& out, const QStringList& more = {}) {
    return runProgram(QStringList{"--batch", path(recipe), "--out", path(out), "--figures", "none", "--quiet"} + more);
  }
  std::filesystem::path run(const QString& out) const { return path(out).toStdString(); }
  QTemporaryDir folder_;
};

void TestBitAllocation::initTestCase() {
  QVERIFY(folder_.isValid());
  writeFile(path("small.csv"), smallTable);
  writeRecipe("small.toml", "sensitivity = \"small.csv\"\nlimits = [\"size=0.5\"]\n");
}

void TestBitAllocation::fromATableToBits() {
  const Outcome outcome = batch("small.toml", "small");
  QVERIFY2(outcome.status == 0, outcome.err.constData());
  QCOMPARE(outcome.err, QByteArray());
  for (const char* word : {"bits for each layer from small.csv", "size=0.5", "uniform-4", "size MB", "omega"})
    QVERIFY2(outcome.out.contains(word), outcome.out.constData());
  QVERIFY(!outcome.out.contains("latency") && !outcome.out.contains("Gbops"));  // the table has no such column
  // Every layer's bits stand there.
  const QString chosen = QString::fromUtf8(outcome.out).section("layer", 1);
  for (const auto& row : readTable<AllocationRow>(run("small"))) {
    const QRegularExpression line(QStringLiteral("^%1 +%2$").arg(QString::fromStdString(row.layer)).arg(row.bits),
                                  QRegularExpression::MultilineOption);
    QVERIFY2(line.match(chosen).hasMatch(), outcome.out.constData());
  }

  // All 3^4 settings, by hand: the least Ω whose size is at most half of the way.
  const auto rows = readTableFile<SensitivityRow>(run("small") / "sensitivity.csv");
  QCOMPARE(rows.size(), std::size_t(12));
  double best = INFINITY;
  for (int code = 0; code < 81; ++code) {
    double size = 0, omega = 0;
    for (int layer = 0, rest = code; layer < 4; ++layer, rest /= 3) {
      const auto& row = rows[std::size_t(3 * layer + rest % 3)];
      size += double(row.parameters * row.bits);
      omega += row.omega;
    }
    if (size <= 1500 * 5) best = std::min(best, omega);
  }
  const auto bits = readTable<AllocationRow>(run("small"));
  QCOMPARE(bits.size(), std::size_t(4));
  double size = 0, omega = 0;
  for (const auto& one : bits) {
    QCOMPARE(one.limit, std::string("size=0.5"));
    for (const auto& row : rows) {
      if (row.layer != one.layer || row.bits != one.bits) continue;
      size += double(row.parameters * row.bits);
      omega += row.omega;
    }
  }
  QVERIFY(size <= 1500 * 5);
  QVERIFY(std::abs(omega - best) < 1e-9);

  const auto pareto = readTable<ParetoRow>(run("small"));
  QCOMPARE(pareto.front().sizeBytes, 1500.0 * 2 / 8);
  QCOMPARE(pareto.back().sizeBytes, 1500.0);
  for (std::size_t i = 0; i < pareto.size(); ++i) {
    QCOMPARE(pareto[i].point, std::int64_t(i) + 1);
    QVERIFY(std::isnan(pareto[i].bops) && std::isnan(pareto[i].loss) && std::isnan(pareto[i].accuracy));
    if (i > 0) QVERIFY(pareto[i].sizeBytes > pareto[i - 1].sizeBytes && pareto[i].omega < pareto[i - 1].omega);
  }
  QVERIFY(readFile(path("small/pareto.csv")).startsWith("point,size_bytes,bops,omega,loss,accuracy\n"));
  QVERIFY(readFile(path("small/allocation.csv")).startsWith("limit,layer,bits\n"));

  const auto json = QJsonDocument::fromJson(readFile(path("small/bits.json"))).object();
  QCOMPARE(json["sensitivity"].toString(), QString("small.csv"));
  const auto setting = json["settings"].toArray().at(0).toObject();
  QCOMPARE(setting["name"].toString(), QString("size=0.5"));
  QCOMPARE(setting["layers"].toArray().size(), 4);
  for (int i = 0; i < 4; ++i) {
    const auto layer = setting["layers"].toArray().at(i).toObject();
    QCOMPARE(layer["layer"].toString().toStdString(), bits[std::size_t(i)].layer);
    QCOMPARE(layer["bits"].toInt(), int(bits[std::size_t(i)].bits));
    QCOMPARE(layer["granularity"].toString(), QString("channel"));
  }
  const auto info = QJsonDocument::fromJson(readFile(path("small/run.json"))).object();
  QCOMPARE(info["status"].toString(), QString("done"));
  QCOMPARE(info["sensitivity"].toString(), QString("small.csv"));

  // Uniform widths stand beside it, as do greedy choices.
  std::set<std::string> methods;
  for (const auto& row : readTable<SettingRow>(run("small"))) methods.insert(row.method);
  QCOMPARE(methods, (std::set<std::string>{"exact", "uniform", "pareto", "greedy"}));
}

void TestBitAllocation::severalLimits() {
  writeFile(path("full.csv"),
            "layer,group,parameters,macs,latency_ms,bits,omega\n"
            "a,x,100,5000,1,4,4\na,x,100,5000,1.5,8,1\n"
            "b,,300,1000,1,4,9\nb,,300,1000,3,8,2\n"
            "c,x,50,9000,2,4,3\nc,x,50,9000,2.5,8,1\n");
  writeRecipe("full.toml",
              "sensitivity = \"full.csv\"\n"
              "limits = [\"size=0.7\", \"bops=0.2\", \"latency=0.4\", \"size=0.9,latency=0.9\"]\nbits = [4, 8]\n");
  const Outcome outcome = batch("full.toml", "full");
  QVERIFY2(outcome.status == 0, outcome.err.constData());
  std::map<std::string, std::map<std::string, std::int64_t>> bits;
  for (const auto& row : readTable<AllocationRow>(run("full"))) bits[row.limit][row.layer] = row.bits;
  using Bits = std::map<std::string, std::int64_t>;
  QCOMPARE(bits.size(), std::size_t(4));
  QCOMPARE(bits["size=0.7"], (Bits{{"a", 4}, {"b", 8}, {"c", 4}}));
  QCOMPARE(bits["bops=0.2"], (Bits{{"a", 4}, {"b", 8}, {"c", 4}}));
  QCOMPARE(bits["latency=0.4"], (Bits{{"a", 8}, {"b", 4}, {"c", 8}}));
  QCOMPARE(bits["size=0.9,latency=0.9"], (Bits{{"a", 4}, {"b", 8}, {"c", 4}}));
  QVERIFY(outcome.out.contains("latency ms") && outcome.out.contains("Gbops"));
}

void TestBitAllocation::aTableBesideTheRecipe() {
  // A relative path is looked for where the recipe is, wherever the program is started.
  const Outcome elsewhere =
      runProgram({"--batch", path("small.toml"), "--out", path("beside"), "--figures", "none", "--quiet"}, "/");
  QVERIFY2(elsewhere.status == 0, elsewhere.err.constData());
  // A last line without its end counts, and so do the ends of lines of other systems.
  writeFile(path("dos.csv"), QByteArray(smallTable).replace("\n", "\r\n").chopped(2));
  const Outcome dos = batch("small.toml", "dos", {"--set", "quantization.sensitivity=" + path("dos.csv")});
  QVERIFY2(dos.status == 0, dos.err.constData());
  QCOMPARE(readTable<SensitivityRow>(run("dos")).size(), std::size_t(12));
  QCOMPARE(readFile(path("dos/allocation.csv")), readFile(path("small/allocation.csv")));
}

/// A table as the program writes it, and one that only has trace and perturbation.
void TestBitAllocation::allColumns() {
  writeFile(path("own.csv"),
            "layer,parameters,macs,top_eigenvalue,mean_trace,standard_error,bits,perturbation,omega\n"
            "a,100,1000,3,0.5,0.1,2,4,2\na,100,1000,3,0.5,0.1,8,0.5,0.25\n"
            "b,200,1000,9,0.25,0.1,2,8,2\nb,200,1000,9,0.25,0.1,8,1,0.25\n");
  writeFile(path("traces.csv"),
            "layer,parameters,mean_trace,bits,perturbation\na,100,0.5,2,4\na,100,0.5,8,0.5\n"
            "b,200,0.25,2,8\nb,200,0.25,8,1\n");
  for (const char* name : {"own", "traces"}) {
    const Outcome outcome =
        batch("small.toml", name, {"--set", "quantization.sensitivity=" + path(QString(name) + ".csv")});
    QVERIFY2(outcome.status == 0, outcome.err.constData());
    const auto bits = readTable<AllocationRow>(run(name));
    QCOMPARE(bits[0].bits, std::int64_t(8));
    QCOMPARE(bits[1].bits, std::int64_t(2));
  }
  std::set<std::string> methods;
  for (const auto& row : readTable<SettingRow>(run("own"))) {
    methods.insert(row.method);
    if (row.setting == "uniform-8") QVERIFY(std::abs(row.standardError - std::hypot(0.05, 0.1)) < 1e-12);
  }
  QVERIFY(methods.contains("first-order"));
}

void TestBitAllocation::resumesAndRepeats() {
  const QByteArray bits = readFile(path("small/allocation.csv"));
  const Outcome again = batch("small.toml", "small");
  QCOMPARE(again.status, 2);
  QVERIFY2(again.err.contains("--resume"), again.err.constData());
  QVERIFY(QFile::remove(path("small/allocation.csv")));  // finished: nothing is computed once more
  QCOMPARE(batch("small.toml", "small", {"--resume"}).status, 0);
  QVERIFY(!QFile::exists(path("small/allocation.csv")));
  // A run that was stopped before its phase ended makes everything anew.
  auto info = QJsonDocument::fromJson(readFile(path("small/run.json"))).object();
  info["phases"] = QJsonArray();
  info["status"] = "running";
  writeFile(path("small/run.json"), QJsonDocument(info).toJson());
  QCOMPARE(batch("small.toml", "small", {"--resume"}).status, 0);
  QCOMPARE(readFile(path("small/allocation.csv")), bits);
  // The written recipe makes the same run.
  const Outcome twin = runProgram({"--batch", path("small/recipe.toml"), "--out", path("twin"), "--figures", "none"});
  QVERIFY2(twin.status == 0, twin.err.constData());
  for (const char* file : {"/allocation.csv", "/pareto.csv", "/settings.csv", "/settings_bits.csv", "/bits.json"})
    QCOMPARE(readFile(path("twin") + file), readFile(path("small") + file));
}

void TestBitAllocation::check() {
  const Outcome outcome = runProgram({"--check", path("small.toml")});
  QCOMPARE(outcome.status, 0);
  QVERIFY2(outcome.out.contains("bits of each layer under 1 limit: size=0.5"), outcome.out.constData());
  QVERIFY(!outcome.out.contains("spectra") && !outcome.out.contains("loss and accuracy"));
}

/// With data and model a given table takes the place of traces, and the quantized network is measured all the same.
void TestBitAllocation::aTableBesideAModel() {
  writeFile(path("model.toml"), R"(name = "model"
[data]
dataset = "glyphs"
train_limit = 64
test_limit = 64
[model]
architecture = "cnn"
[curvature]
samples = 32
top = 0
trace_probes = 4
[quantization]
bits = [2, 4, 8]
limits = ["size=0.5", "bops=0.3"]
frontier_points = 2
)");
  // Promised is what will be measured.
  const auto measured = [&](const QStringList& keys) {
    QStringList line{"--check", path("model.toml")};
    for (const auto& key : keys) line << "--set" << key;
    const QString out = runProgram(line).out;
    const auto from = out.indexOf("loss and accuracy on test of the quantized network");
    return from < 0 ? QString() : out.mid(from).section('\n', 0, 0).section(": ", 1);
  };
  QCOMPARE(measured({}), QString("each limit; each uniform width; 2 points of the frontier"));
  QCOMPARE(measured({"quantization.frontier_points=0"}), QString("each limit"));
  QCOMPARE(measured({"quantization.frontier_points=0", "quantization.limits=[]"}), QString());

  const Outcome computed = batch("model.toml", "computed", {"--threads", "1"});
  QVERIFY2(computed.status == 0, computed.err.constData());
  QVERIFY(computed.out.contains("test accuracy"));
  const QString table = path("computed/sensitivity.csv");
  const Outcome given = batch("model.toml", "given", {"--threads", "1", "--set", "quantization.sensitivity=" + table});
  QVERIFY2(given.status == 0, given.err.constData());
  for (const char* file : {"/allocation.csv", "/pareto.csv", "/settings.csv", "/sensitivity.csv"})
    QCOMPARE(readFile(path("given") + file), readFile(path("computed") + file));
  QVERIFY(!QFile::exists(path("given/trace.csv")));
  std::map<std::string, SettingRow> settings;
  for (const auto& row : readTable<SettingRow>(run("given"))) settings[row.setting] = row;
  for (const char* name : {"size=0.5", "bops=0.3", "uniform-2", "uniform-4", "uniform-8", "float"})
    QVERIFY2(std::isfinite(settings[name].loss), name);
  QVERIFY(std::isnan(settings["greedy-1"].loss));
  // Eight bits are almost the network itself, two are far from it.
  const double whole = settings["float"].loss;
  QVERIFY(std::abs(settings["uniform-8"].loss - whole) < 0.2 * std::abs(settings["uniform-2"].loss - whole));
  std::size_t points = 0;
  for (const auto& row : readTable<ParetoRow>(run("given"))) points += std::isfinite(row.loss) ? 1 : 0;
  QCOMPARE(points, std::size_t(2));
  QVERIFY(QFile::exists(path("given/quantized/size=0.5.safetensors")));
  QVERIFY(QFile::exists(path("given/quantized/bops=0.3.safetensors")));

  // Settings of a bits.json are measured as they are.
  const Outcome again =
      batch("model.toml", "again",
            {"--threads", "1", "--set", "quantization.sensitivity=" + table, "--set", "quantization.limits=[]", "--set",
             "quantization.frontier_points=0", "--set", "quantization.settings=" + path("computed/bits.json")});
  QVERIFY2(again.status == 0, again.err.constData());
  for (const auto& row : readTable<SettingRow>(run("again"))) {
    if (row.method == "given") QCOMPARE(row.loss, settings[row.setting.substr(6)].loss);
    if (row.method == "uniform") QVERIFY(std::isnan(row.loss));
  }
  QVERIFY2(again.out.contains("given-size=0.5"), again.out.constData());
  QVERIFY(!again.out.contains("was chosen for"));
  const Outcome other =
      batch("model.toml", "other-quantizer",
            {"--threads", "1", "--set", "quantization.sensitivity=" + table, "--set", "quantization.limits=[]", "--set",
             "quantization.granularity=tensor", "--set", "quantization.settings=" + path("computed/bits.json")});
  QVERIFY2(other.out.contains("was chosen for weights quantized symmetric, per channel; this run quantizes them "
                              "symmetric, per tensor"),
           other.out.constData());
  QCOMPARE(readFile(path("again/given_bits.json")), readFile(path("computed/bits.json")));

  const Outcome foreign =
      batch("model.toml", "foreign",
            {"--set", "quantization.sensitivity=" + path("small.csv"), "--set", "quantization.limits=size=0.5"});
  QCOMPARE(foreign.status, 2);
  QCOMPARE(foreign.errorLines(), 1);
  QVERIFY2(foreign.err.contains("small.csv") && foreign.err.contains("'a'"), foreign.err.constData());
  QVERIFY(!QFile::exists(path("foreign")));
}

/// The first and the last layer are the network's, not the table's.
void TestBitAllocation::aTableInAnotherOrder() {
  auto lines = readFile(path("computed/sensitivity.csv")).trimmed().split('\n');
  std::reverse(lines.begin() + 1, lines.end());
  std::rotate(lines.begin() + 1, lines.begin() + 5, lines.end());
  writeFile(path("turned.csv"), lines.join('\n') + '\n');
  // What errors have in common is looked for beside the table; pairs may stand either way round.
  writeFile(path("sensitivity_correlation.csv"), readFile(path("computed/sensitivity_correlation.csv")));
  const auto allocated = [&](const char* table, const char* out) {
    const Outcome outcome = batch("model.toml", out,
                                  {"--threads", "1", "--set", "quantization.sensitivity=" + path(table), "--set",
                                   "quantization.first_last_bits=8", "--set", "quantization.limits=size=0.2"});
    QVERIFY2(outcome.status == 0, outcome.err.constData());
    for (const auto& row : readTable<AllocationRow>(run(out))) {
      if (row.layer == "conv1" || row.layer == "linear") QCOMPARE(row.bits, 8);
    }
  };
  allocated("computed/sensitivity.csv", "straight");
  allocated("turned.csv", "turned");
  for (const char* file : {"/allocation.csv", "/settings.csv", "/bits.json"}) {
    QCOMPARE(readFile(path("turned") + file).replace("turned.csv", "sensitivity.csv"),
             readFile(path("straight") + file));
  }
}

/// A run that goes on works with the table and the plan that it began with, whatever has become of the file.
void TestBitAllocation::aRunKeepsItsTable() {
  writeFile(path("mine.csv"), readFile(path("computed/sensitivity.csv")));
  const QStringList keys{"--threads", "1", "--set", "quantization.sensitivity=" + path("mine.csv")};
  QCOMPARE(batch("model.toml", "kept", keys).status, 0);
  std::map<QString, QByteArray> before;
  for (const char* file : {"sensitivity.csv", "settings.csv", "settings_bits.csv", "allocation.csv", "pareto.csv"})
    before[file] = readFile(path("kept/") + file);
  auto info = QJsonDocument::fromJson(readFile(path("kept/run.json"))).object();
  auto phases = info["phases"].toArray();
  QVERIFY(phases.last().toObject()["name"].toString().startsWith("quantized:"));
  phases.removeLast();
  info["phases"] = phases;
  info["status"] = "interrupted";
  writeFile(path("kept/run.json"), QJsonDocument(info).toJson());
  auto lines = readFile(path("mine.csv")).trimmed().split('\n');
  for (int i = 1; i < lines.size(); ++i)
    lines[i] = lines[i].left(lines[i].lastIndexOf(',') + 1) + QByteArray::number(i);
  writeFile(path("mine.csv"), lines.join('\n') + '\n');
  const Outcome resumed = batch("model.toml", "kept", keys + QStringList{"--resume"});
  QVERIFY2(resumed.status == 0, resumed.err.constData());
  for (const auto& [file, content] : before) QCOMPARE(readFile(path("kept/") + file), content);

  // Nor does it need the file any more.
  QVERIFY(QFile::remove(path("mine.csv")));
  const Outcome without = batch("model.toml", "kept", keys + QStringList{"--resume"});
  QVERIFY2(without.status == 0, without.err.constData());
  for (const auto& [file, content] : before) QCOMPARE(readFile(path("kept/") + file), content);

  // Widths that no network is quantized to are known before anything is computed.
  writeFile(path("wide.csv"), readFile(path("computed/sensitivity.csv")).replace(",2,", ",16,"));
  const Outcome wide = batch("model.toml", "wide", {"--set", "quantization.sensitivity=" + path("wide.csv")});
  QCOMPARE(wide.status, 2);
  QCOMPARE(wide.errorLines(), 1);
  QVERIFY2(wide.err.contains("quantization.sensitivity") && wide.err.contains("16 bits"), wide.err.constData());
}

/// Bits that do not fit are known before anything is computed or written.
void TestBitAllocation::givenBitsThatDoNotFit() {
  const auto refusedAs = [&](const char* file, const QStringList& sets, int status, const QStringList& named) {
    QStringList keys{"--threads", "1", "--set", "quantization.settings=" + path(file)};
    for (const auto& set : sets) keys << "--set" << set;
    const Outcome outcome = batch("model.toml", "unfit", keys);
    QVERIFY2(outcome.status == status, outcome.err.constData());
    QCOMPARE(outcome.errorLines(), 1);
    for (const auto& word : named) QVERIFY2(outcome.err.contains(word.toUtf8()), outcome.err.constData());
    QVERIFY(!QFile::exists(path("unfit")));
    // --check says the same.
    const Outcome checked = runProgram(QStringList{"--check", path("model.toml")} + keys.mid(2));
    QCOMPARE(checked.status, status);
    QCOMPARE(checked.err, outcome.err);
  };
  const auto whole = readFile(path("computed/bits.json"));
  auto bits = QJsonDocument::fromJson(whole).object();
  auto settings = bits["settings"].toArray();
  settings.append(settings.first());
  bits["settings"] = settings;
  // Two settings of one name would take each other's measurements.
  writeFile(path("twice.json"), QJsonDocument(bits).toJson());
  refusedAs("twice.json", {}, 1, {"'size=0.5' is there twice"});
  writeFile(path("double.json"), QByteArray(whole).replace("\"conv2\"", "\"conv1\""));
  refusedAs("double.json", {}, 1, {"double.json", "'conv1' is there twice"});
  writeFile(path("cut.json"), whole.left(whole.size() / 2));
  refusedAs("cut.json", {}, 1, {"cut.json", "bits.json"});
  writeFile(path("other.json"), QByteArray(whole).replace("\"conv1\"", "\"features.0\""));
  refusedAs("other.json", {}, 1, {"other.json", "'conv1'"});
  writeFile(path("five.json"),
            QByteArray(whole).replace("\"bits\": 2", "\"bits\": 5").replace("\"bits\": 4", "\"bits\": 5"));
  refusedAs("five.json", {}, 2, {"quantization.settings", "5 bits", "quantization.bits = [2, 4, 8]"});
  refusedAs("computed/bits.json", {"quantization.landscapes=given-nobody"}, 2, {"given-nobody", "given-size=0.5"});
  writeFile(path("two.json"),
            QByteArray(whole).replace("\"bits\": 4", "\"bits\": 2").replace("\"bits\": 8", "\"bits\": 2"));
  refusedAs("two.json", {"quantization.first_last_bits=8"}, 1, {"two.json", "quantization.first_last_bits"});
}

void TestBitAllocation::wrongInput_data() {
  QTest::addColumn<QByteArray>("table");
  QTest::addColumn<QString>("set");
  QTest::addColumn<int>("status");
  QTest::addColumn<QStringList>("named");
  const QByteArray table = smallTable;
  const auto row = [](const char* name, const QByteArray& content, const QString& set, int status,
                      const QStringList& named) { QTest::newRow(name) << content << set << status << named; };
  const auto changed = [&](const char* from, const char* to) { return QByteArray(table).replace(from, to); };
  row("no file", table, "quantization.sensitivity=nowhere.csv", 2, {"quantization.sensitivity", "nowhere.csv"});
  row("a folder", table, "quantization.sensitivity=" + path(""), 2, {"quantization.sensitivity", "folder"});
  row("bits that it lacks", table, "quantization.bits=[3, 8]", 2, {"quantization.bits = [3, 8]", "[2, 4, 8]"});
  row("latency that it lacks", table, "quantization.limits=latency=0.5", 2, {"quantization.limits", "latency_ms"});
  row("macs that it lacks", table, "quantization.limits=bops=0.5", 2, {"quantization.limits", "macs"});
  row("limit", table, "quantization.limits=size", 2, {"quantization.limits = \"size\"", "size=0.5"});
  row("surface", table, "training.epochs=3", 2, {"data.dataset", "training.epochs"});
  row("row twice", table + "a,2,100,8\n", "", 1, {"wrong.csv", "'a'", "more than one row at 2 bits"});
  row("row missing", changed("c,4,200,0.5\n", ""), "", 1, {"wrong.csv", "'c'", "no row at 4 bits"});
  row("nan", changed("b,8,400,0.1", "b,8,400,nan"), "", 1, {"wrong.csv", "'b' at 8 bits", "omega"});
  row("no number", changed("b,8,400,0.1", "b,8,400,much"), "", 1, {"wrong.csv, line 7", "'omega'", "'much'"});
  row("other parameters", changed("b,8,400,0.1", "b,8,401,0.1"), "", 1, {"wrong.csv", "'b'", "parameters"});
  row("no layer column", changed("layer,", "name,"), "", 1, {"wrong.csv, line 1", "'layer'"});
  row("a cell too few", changed("b,8,400,0.1", "b,8,400"), "", 1, {"wrong.csv, line 7", "3 cells"});
  row("nothing", "", "", 1, {"wrong.csv", "no rows"});
  row("a header alone", "layer,bits,omega\n", "", 1, {"wrong.csv", "no rows"});
  row("negative perturbation", "layer,bits,mean_trace,perturbation\na,2,1,-1\na,4,1,0\na,8,1,0\n", "", 1,
      {"wrong.csv", "perturbation is negative"});
  row("binary", QByteArray("\x89PNG\r\n\x1a\n\0\1\2", 11), "", 1, {"wrong.csv"});
}

void TestBitAllocation::wrongInput() {
  QFETCH(QByteArray, table);
  QFETCH(QString, set);
  QFETCH(int, status);
  QFETCH(QStringList, named);
  writeFile(path("wrong.csv"), table);
  QStringList more{"--set", "quantization.sensitivity=" + path("wrong.csv")};
  if (!set.isEmpty()) more += QStringList{"--set", set};
  for (const QStringList& first : {QStringList{"--check", path("small.toml")},
                                   QStringList{"--batch", path("small.toml"), "--out", path("wrong")}}) {
    const Outcome outcome = runProgram(first + more);
    QCOMPARE(outcome.status, status);
    QCOMPARE(outcome.errorLines(), 1);
    QCOMPARE(outcome.out, QByteArray());
    for (const QString& word : named) QVERIFY2(outcome.err.contains(word.toUtf8()), outcome.err.constData());
    QVERIFY(!QFile::exists(path("wrong")));
  }
}

QTEST_GUILESS_MAIN(TestBitAllocation)
#include "tst_bit_allocation.moc"
