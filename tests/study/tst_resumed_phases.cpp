// SPDX-License-Identifier: GPL-3.0-or-later
// Within a phase that takes hours an interruption loses no more than the probe or the operator at hand.
#include <QTemporaryDir>
#include <QTest>
#include <fstream>
#include <sstream>

#include "core/results/tables.h"
#include "core/study/study.h"
#include "tests/study/recipes.h"

using namespace eigenscape;
namespace fs = std::filesystem;

namespace {

std::string content(const fs::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

/// Stops when `file` has changed so many times.
struct StopAt {
  StopAt(std::string name, int times) : file(std::move(name)), left(times) {
    context.stop = source.get_token();
    context.changed = [this](const std::string& changed) {
      if (changed == file && --left == 0) source.request_stop();
    };
  }
  std::string file;
  int left;
  std::stop_source source;
  StudyContext context;
};

/// The table of solves but for their seconds.
std::string solvesOf(const fs::path& run) {
  std::string text;
  for (auto row : readTable<SolveRow>(run)) {
    row.seconds = 0;
    text += toCsv(row) + "\n";
  }
  return text;
}

std::vector<FrobeniusRow> withoutMethod(std::vector<FrobeniusRow> rows) {
  for (auto& row : rows) row.method.clear();
  return rows;
}

std::int64_t productsOf(const RunInfo& info, const std::string& phase) {
  for (const auto& done : info.phases) {
    if (done.name == phase) return done.products;
  }
  return -1;
}

}  // namespace

class TestResumedPhases : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() {
    QVERIFY(folder_.isValid());
    recipe_ = untrained(parseRecipe(tinyStudy, "tiny.toml"));
    recipe_.curvature.scopes = "both";
    recipe_.curvature.layerTop = 1;
    recipe_.curvature.split = "both";
    recipe_.curvature.trace = false;
    recipe_.curvature.density = true;
    recipe_.curvature.densityProbes = 4;
    recipe_.curvature.densityNodes = 3;
    runStudy(recipe_, into(path("reference")), {});
  }

  void aDensityGoesOnBehindItsProbes_data() {
    QTest::addColumn<int>("probes");
    for (const int n : {1, 5, 8}) QTest::addRow("%d", n) << n;  // four probes on each split
  }
  void aDensityGoesOnBehindItsProbes() {
    QFETCH(int, probes);
    const auto name = "density-" + std::to_string(probes);
    StopAt stop("density_nodes.csv", probes);
    if (probes < 8) {
      QVERIFY_EXCEPTION_THROWN(runStudy(recipe_, into(path(name)), stop.context), Stopped);
    } else {
      // All probes are there, and half a line more; without its last nodes the last one is made anew.
      runStudy(recipe_, into(path(name)), {});
      forget(name, "density:0");
      std::ofstream(path(name) / "density_nodes.csv", std::ios::app) << "0,hessian,mod";
      QCOMPARE(resumed(name, "density_nodes.csv"), 0);
      forget(name, "density:0");
      auto text = content(path(name) / "density_nodes.csv");
      text.resize(text.rfind('\n', text.size() - 2) + 1);
      std::ofstream(path(name) / "density_nodes.csv") << text;
      QCOMPARE(resumed(name, "density_nodes.csv"), 1);
      compare(name, {"density.csv", "density_nodes.csv", "frobenius.csv", "spectrum.csv"}, "density:0");
      return;
    }
    QCOMPARE(resumed(name, "density_nodes.csv"), 8 - probes);
    compare(name, {"density.csv", "density_nodes.csv", "frobenius.csv", "spectrum.csv"}, "density:0");
  }

  // Whose probes a norm is of says with which phase it goes.
  void aNormOfADensityStaysWithIt() {
    auto recipe = recipe_;
    recipe.curvature.trace = true;
    recipe.curvature.traceMethod = "auto";
    StopAt stop("frobenius.csv", 1);
    QVERIFY_EXCEPTION_THROWN(runStudy(recipe, into(path("norm")), stop.context), Stopped);
    QVERIFY(readRunInfo(path("norm")).phases.back().name.starts_with("density:"));
    auto options = into(path("norm"));
    options.resume = true;
    runStudy(recipe, options, {});
    QVERIFY(content(path("norm") / "frobenius.csv") == content(path("reference") / "frobenius.csv"));
    // Tables of older versions do not say whose probes it was.
    forget("norm", "trace:0");
    writeTable<FrobeniusRow>(path("norm"), withoutMethod(readTable<FrobeniusRow>(path("norm"))));
    runStudy(recipe, options, {});
    QCOMPARE(readTable<FrobeniusRow>(path("norm")).size(), readTable<FrobeniusRow>(path("reference")).size());
    QVERIFY(!readTable<FrobeniusRow>(path("norm")).empty());
  }

  void aSpectrumGoesOnBehindItsLayers_data() {
    QTest::addColumn<int>("operators");
    for (const int n : {1, 8}) QTest::addRow("%d", n) << n;
  }
  void aSpectrumGoesOnBehindItsLayers() {
    QFETCH(int, operators);
    const auto name = "spectrum-" + std::to_string(operators);
    StopAt stop("spectrum.csv", operators);
    QVERIFY_EXCEPTION_THROWN(runStudy(recipe_, into(path(name)), stop.context), Stopped);
    const auto all = 2 * (1 + layers());
    QCOMPARE(resumed(name, "spectrum.csv"), all - operators + 1);
    compare(name, {"density.csv", "spectrum.csv", "gradient.csv"}, "spectrum:0");
  }

  // It has paths as well as values, which are appended together.
  void powerIterationBeginsItsPhaseAnew() {
    auto recipe = recipe_;
    recipe.curvature.method = "power";
    recipe.curvature.bottom = 0;
    recipe.curvature.density = false;
    runStudy(recipe, into(path("power")), {});
    const auto spectrum = content(path("power") / "spectrum.csv"), paths = content(path("power") / "power.csv"),
               solves = solvesOf(path("power"));
    QVERIFY(!paths.empty() && !solves.empty());
    forget("power", "spectrum:0");
    auto options = into(path("power"));
    options.resume = true;
    runStudy(recipe, options, {});
    QVERIFY(content(path("power") / "spectrum.csv") == spectrum);
    QVERIFY(content(path("power") / "power.csv") == paths);
    QCOMPARE(solvesOf(path("power")), solves);
  }

 private:
  fs::path path(const std::string& name) const { return fs::path(folder_.path().toStdString()) / name; }
  int layers() const {
    std::set<std::string> names;
    for (const auto& row : loadRun(path("reference")).spectrum) names.insert(row.scope);
    return static_cast<int>(names.size()) - 1;
  }
  /// As a run that was killed before the phase was entered into run.json.
  void forget(const std::string& name, const std::string& phase) const {
    auto info = readRunInfo(path(name));
    std::erase_if(info.phases, [&](const auto& done) { return done.name == phase; });
    info.status = "running";
    writeRunInfo(path(name), info);
  }
  /// How many times a file is appended to by the rest of a run.
  int resumed(const std::string& name, const std::string& file) const {
    int times = 0;
    StudyContext context;
    context.changed = [&](const std::string& changed) { times += changed == file ? 1 : 0; };
    auto options = into(path(name));
    options.resume = true;
    runStudy(recipe_, options, context);
    return times;
  }
  void compare(const std::string& name, const std::vector<std::string>& tables, const std::string& phase) const {
    for (const auto& table : tables)
      QVERIFY2(content(path(name) / table) == content(path("reference") / table), table.c_str());
    QCOMPARE(solvesOf(path(name)), solvesOf(path("reference")));
    const auto info = readRunInfo(path(name)), reference = readRunInfo(path("reference"));
    QCOMPARE(info.status, std::string("done"));
    QVERIFY(productsOf(reference, phase) > 0);
    QCOMPARE(productsOf(info, phase), productsOf(reference, phase));
  }

  QTemporaryDir folder_;
  Recipe recipe_;
};

QTEST_GUILESS_MAIN(TestResumedPhases)
#include "tst_resumed_phases.moc"
