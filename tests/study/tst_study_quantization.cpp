// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/results/error.h"
#include "core/results/tables.h"
#include "core/study/study.h"
#include "tests/study/recipes.h"

using namespace eigenscape;
namespace fs = std::filesystem;

/// Of a whole study: the sensitivities, what quantizing costs, and how they rank.
class TestStudyQuantization : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() {
    QVERIFY(folder_.isValid());
    recipe_ = untrained(parseRecipe(tinyStudy, "tiny.toml"));
    recipe_.curvature.trace = false;
    recipe_.curvature.top = 0;
    recipe_.curvature.bottom = 0;
    recipe_.quantization.enabled = true;
    recipe_.quantization.methods = {"v1", "v2", "qbert", "measured"};
    recipe_.quantization.activationBits = "same";
    recipe_.quantization.shares = 3;
    recipe_.quantization.samples = 40;
    runStudy(recipe_, into(path("whole")), {});
  }

  void everyTableHasItsRows() {
    const auto run = loadRun(path("whole"));
    QCOMPARE(run.sensitivity.size(), std::size_t(5 * 2));  // layers × widths
    for (const auto& row : run.sensitivity)
      QVERIFY(row.topEigenvalue > 0 && row.omega == row.meanTrace * row.perturbation);
    QCOMPARE(run.inputSensitivity.size(), std::size_t(5 * 2));
    QCOMPARE(run.inputSensitivity.back().elements, 64);  // of the linear layer
    for (const auto& row : run.inputSensitivity)
      QVERIFY(row.meanTrace > 0 && row.standardError > 0 && row.perturbation > 0);
    QCOMPARE(run.layerEigenvalues.size(), std::size_t(5 * 3));
    std::int64_t examples = 0;
    for (const auto& row : run.layerEigenvalues) {
      QVERIFY(row.converged && row.eigenvalue > 0);
      if (row.layer == "conv1") examples += row.examples;
    }
    QCOMPARE(examples, 24);
    QCOMPARE(run.layerLosses.size(), std::size_t(2 * 5 * 2));  // weights and inputs
    for (const auto& row : run.layerLosses) {
      QCOMPARE(row.split, std::string("train"));
      QCOMPARE(row.examples, 40);
      QVERIFY(row.standardError > 0);
    }
    std::set<std::string> methods;
    for (const auto& row : run.layerScores) methods.insert(row.kind + " " + row.method);
    QVERIFY(methods ==
            std::set<std::string>({"weights v1", "weights v1-order", "weights v2", "weights qbert", "inputs v2"}));
    QCOMPARE(run.ranking.size(), std::size_t(5 * 3 * 2));
    for (const auto& row : run.ranking) QVERIFY(std::abs(row.correlation) <= 1 && row.layers == 5);
  }

  /// What the program minimises and reports is the Ω of the network that it runs: of weights and of inputs.
  void sumsCountWeightsAndInputs() {
    const auto run = loadRun(path("whole"));
    std::map<std::pair<std::string, std::int64_t>, double> omegas;
    for (const auto& row : run.sensitivity) omegas[{row.layer, row.bits}] += row.omega;
    for (const auto& row : run.inputSensitivity) omegas[{row.layer, row.bits}] += row.omega;
    std::map<std::string, double> sums;
    for (const auto& row : run.settingBits) sums[row.setting] += omegas.at({row.layer, row.bits});
    std::size_t checked = 0;
    for (const auto& row : run.settings) {
      if (!sums.contains(row.setting)) continue;
      QVERIFY2(std::abs(row.omega - sums[row.setting]) < 1e-9 * std::abs(row.omega), row.setting.c_str());
      if (row.method == "pareto") QCOMPARE(run.pareto[std::stoul(row.setting.substr(7)) - 1].omega, row.omega);
      ++checked;
    }
    QVERIFY(checked >= 4);  // the limit, two uniform widths, points of the frontier
    QVERIFY(std::any_of(run.info.notes.begin(), run.info.notes.end(), [](const std::string& note) {
      return note.find("counts weights (sensitivity.csv) and inputs (input_sensitivity.csv)") != std::string::npos;
    }));
  }

  /// The error of a sum, from the layers' and from what they have in common.
  void errorsOfSumsCountCorrelations() {
    const auto run = loadRun(path("whole"));
    QCOMPARE(run.traceCorrelations.size(), std::size_t(2 * 5 * 4 / 2));
    std::map<std::string, std::map<std::string, double>> errors;  // of each kind and layer
    for (const auto& row : run.sensitivity) {
      if (row.bits == 2) errors["weights"][row.layer] = row.standardError * row.perturbation;
    }
    for (const auto& row : run.inputSensitivity) {
      if (row.bits == 2) errors["inputs"][row.layer] = row.standardError * row.perturbation;
    }
    double variance = 0, furthest = 0;
    for (const auto& [kind, layers] : errors) {
      for (const auto& [layer, error] : layers) variance += error * error;
    }
    for (const auto& row : run.traceCorrelations) {
      QVERIFY(std::abs(row.correlation) <= 1);
      furthest = std::max(furthest, std::abs(row.correlation));
      variance += 2 * row.correlation * errors[row.kind].at(row.layer) * errors[row.kind].at(row.other);
    }
    QVERIFY(furthest > 0.1);
    const auto two = std::find_if(run.settings.begin(), run.settings.end(),
                                  [](const SettingRow& row) { return row.setting == "uniform-2"; });
    QVERIFY(two != run.settings.end());
    QVERIFY(std::abs(two->standardError - std::sqrt(variance)) < 1e-9 * two->standardError);
  }

  /// Weights and inputs have the traces of the same operator.
  void aFisherMatrixCountsInputs() {
    for (const char* op : {"fisher", "fisher_sampled"}) {
      auto recipe = recipe_;
      recipe.curvature.op = op;
      recipe.quantization.methods = {"v2"};
      recipe.quantization.frontierPoints = 0;
      runStudy(recipe, into(path(op)), {});
      const auto run = loadRun(path(op));
      QCOMPARE(run.inputSensitivity.size(), std::size_t(5 * 2));
      for (const auto& row : run.inputSensitivity) {
        QVERIFY(row.meanTrace > 0);
        QVERIFY((row.standardError > 1e-9 * row.meanTrace) == (op == std::string("fisher_sampled")));  // nothing drawn
      }
      QVERIFY(std::any_of(run.info.notes.begin(), run.info.notes.end(), [](const std::string& note) {
        return note.find("counts weights (sensitivity.csv) and inputs (input_sensitivity.csv)") != std::string::npos;
      }));
    }
  }

  /// The ends have their inputs at 8 bits, of which the recipe's widths know nothing.
  void inputsOfTheEndsCountAtTheirBits() {
    auto recipe = recipe_;
    recipe.quantization.methods = {"v2"};
    recipe.quantization.bits = {2, 4};
    recipe.quantization.firstLastBits = 8;
    recipe.quantization.frontierPoints = 0;
    runStudy(recipe, into(path("ends")), {});
    const auto run = loadRun(path("ends"));
    QCOMPARE(run.inputSensitivity.size(), std::size_t(5 * 3));
    double expected = 0;
    for (const auto& row : run.sensitivity) {
      const bool end = row.layer == "conv1" || row.layer == "linear";
      if (row.bits == (end ? 4 : 2)) expected += row.omega;  // 8 is not among the weights' widths: their most
    }
    for (const auto& row : run.inputSensitivity) {
      const bool end = row.layer == "conv1" || row.layer == "linear";
      if (row.bits == (end ? 8 : 2)) expected += row.omega;
    }
    const auto two = std::find_if(run.settings.begin(), run.settings.end(),
                                  [](const SettingRow& row) { return row.setting == "uniform-2"; });
    QVERIFY(two != run.settings.end());
    QVERIFY(std::abs(two->omega - expected) < 1e-9 * std::abs(expected));
    // Given alone, the table of the weights is all there is to count, and the run says so.
    recipe.quantization.sensitivity = (path("ends") / SensitivityRow::file).string();
    runStudy(recipe, into(path("ends-given")), {});
    const auto given = loadRun(path("ends-given"));
    QVERIFY(given.inputSensitivity.empty());
    QVERIFY(std::any_of(given.info.notes.begin(), given.info.notes.end(), [](const std::string& note) {
      return note.find("counts the weights alone, though inputs are quantized") != std::string::npos;
    }));
  }

  void eightBitsCostLessThanTwo() {
    double two = 0, eight = 0;
    for (const auto& row : loadRun(path("whole")).layerLosses) (row.bits == 2 ? two : eight) += std::abs(row.increase);
    QVERIFY(eight < 0.2 * two);
  }

  /// Stopped after the eigenvalues on shares and gone on with: the same tables.
  void resumedEqualsUninterrupted() {
    std::stop_source stop;
    StudyContext context;
    context.stop = stop.get_token();
    context.changed = [&](const std::string& file) {
      if (file == LayerEigenvalueRow::file) stop.request_stop();
    };
    QVERIFY_EXCEPTION_THROWN(runStudy(recipe_, into(path("parts")), context), Stopped);
    QVERIFY(!fs::exists(path("parts") / RankingRow::file));
    auto options = into(path("parts"));
    options.resume = true;
    runStudy(recipe_, options, {});
    const auto same = [&](auto row) {
      using Row = decltype(row);
      const auto a = readTable<Row>(path("whole")), b = readTable<Row>(path("parts"));
      if (a.size() != b.size()) return false;
      for (std::size_t i = 0; i < a.size(); ++i) {
        if (toCsv(a[i]) != toCsv(b[i])) return false;
      }
      return true;
    };
    QVERIFY(same(SensitivityRow()) && same(InputSensitivityRow()) && same(LayerEigenvalueRow()));
    QVERIFY(same(TraceCorrelationRow()) && same(SettingRow()));
    QVERIFY(same(LayerLossRow()) && same(LayerScoreRow()) && same(RankingRow()));
  }

  /// Without the new keys a run has what it had.
  void defaultsStayAsTheyWere() {
    auto recipe = recipe_;
    recipe.quantization = {};
    recipe.quantization.enabled = true;
    recipe.quantization.bits = {2, 8};
    runStudy(recipe, into(path("plain")), {});
    const auto plain = loadRun(path("plain"));
    QVERIFY(plain.layerLosses.empty() && plain.ranking.empty() && plain.inputSensitivity.empty());
    const auto whole = loadRun(path("whole"));
    QCOMPARE(plain.sensitivity.size(), whole.sensitivity.size());
    for (std::size_t i = 0; i < plain.sensitivity.size(); ++i) {
      QVERIFY(std::isnan(plain.sensitivity[i].topEigenvalue));
      QCOMPARE(plain.sensitivity[i].omega, whole.sensitivity[i].omega);
    }
  }

  /// Settings run with quantized inputs, the ends at 8 bits; each is fine-tuned from the same weights.
  void settingsAreFineTuned() {
    auto recipe = recipe_;
    recipe.quantization.methods = {"v2"};
    recipe.quantization.limits = {"size=0.2"};
    recipe.quantization.frontierPoints = 0;
    recipe.quantization.firstLastBits = 8;
    recipe.quantization.activationBits = "4";
    recipe.quantization.finetune = "blocks";
    recipe.quantization.finetuneEpochs = 2;
    recipe.training.batchSize = 8;
    runStudy(recipe, into(path("tuned")), {});
    const auto run = loadRun(path("tuned"));
    for (const auto& row : run.settingBits) {
      if (row.layer == "conv1" || row.layer == "linear") QCOMPARE(row.bits, 8);
    }
    QVERIFY(!run.finetuning.empty());
    std::map<std::string, std::vector<FinetuneRow>> curves;
    for (const auto& row : run.finetuning) {
      if (row.split == "test") curves[row.setting].push_back(row);
    }
    QVERIFY(curves.contains("size=0.2"));
    for (const auto& [name, curve] : curves) {
      QCOMPARE(curve.front().stage, 0);
      QCOMPARE(curve.front().loss, run.metrics.back().loss);  // before anything is quantized
      QCOMPARE(curve.back().stage, 5);
      QCOMPARE(curve.back().iteration, 2 * 96 / 8);
      QCOMPARE(curve.back().epoch, 2);
      QVERIFY(curve.back().loss < curve.front().loss);  // the weights were random
      QVERIFY(fs::exists(path("tuned") / "finetuned" / (name + ".safetensors")));
    }
  }

  void badKeysAreNamed_data() {
    QTest::addColumn<QString>("assignment");
    QTest::addColumn<QString>("expected");
    QTest::newRow("method") << "quantization.methods=[\"v4\"]"
                            << "quantization.methods = [\"v4\"]: expected some of";
    QTest::newRow("twice") << "quantization.methods=[\"v2\", \"v2\"]"
                           << "quantization.methods = ";
    QTest::newRow("beside a table") << "quantization.sensitivity=some.csv"
                                    << "quantization.methods = [\"v1\", \"v2\", \"qbert\", \"measured\"]: nothing is "
                                       "computed beside quantization.sensitivity = ";
    QTest::newRow("one bit") << "quantization.first_last_bits=1"
                             << "quantization.first_last_bits = 1: expected 0";
    QTest::newRow("activations") << "quantization.activation_bits=9"
                                 << "quantization.activation_bits = ";
    QTest::newRow("scheme") << "quantization.scheme=odd"
                            << "quantization.scheme = ";
  }
  void badKeysAreNamed() {
    QFETCH(QString, assignment);
    QFETCH(QString, expected);
    auto recipe = recipe_;
    const auto error = errorOf([&] {
      setKey(recipe, assignment.toStdString());
      validate(recipe);
    });
    QVERIFY2(QString::fromStdString(error).startsWith(expected), error.c_str());
  }

  void activationBitsAreNumbersOrWords() {
    auto recipe = recipe_;
    for (const char* value : {"float", "same", "2", "8"}) {
      setKey(recipe, std::string("quantization.activation_bits=") + value);
      QCOMPARE(recipe.quantization.activationBits, std::string(value));
      validate(recipe);
    }
  }

 private:
  fs::path path(const char* name) const { return fs::path(folder_.path().toStdString()) / name; }

  QTemporaryDir folder_;
  Recipe recipe_;
};

QTEST_GUILESS_MAIN(TestStudyQuantization)
#include "tst_study_quantization.moc"
