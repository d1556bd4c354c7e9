// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "core/results/error.h"
#include "core/results/tables.h"
#include "core/study/study.h"
#include "tests/study/recipes.h"

using namespace eigenscape;
namespace fs = std::filesystem;

/// Profiles and surfaces of the quantized network (quantization.landscapes).
class TestQuantizedLandscapes : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() {
    QVERIFY(folder_.isValid());
    recipe_ = parseRecipe(tinyStudy, "tiny.toml");
    recipe_.curvature.trace = recipe_.curvature.density = false;
    recipe_.curvature.sharpnessEpsilon = 0;
    recipe_.profiles.resize(2);
    recipe_.profiles[1].batchNorm = "reestimate";
    for (auto* list : {&recipe_.profiles, &recipe_.surfaces}) {
      for (auto& item : *list) item.samples = 0;
    }
    auto& quantization = recipe_.quantization;
    quantization.bits = {2, 4, 8};
    quantization.activationBits = "same";
    quantization.frontierPoints = 1;
    quantization.landscapes = "size=0.5";
    runStudy(recipe_, into(path("whole")), {});
  }

  /// The same splits and places as the float one's, at the last epoch alone.
  void samePlaces() {
    const auto run = loadRun(path("whole"));
    const auto placesOf = [](const auto& rows, const std::string& name) {
      std::vector<std::string> places;
      for (const auto& row : rows) {
        double beta = 0;
        if constexpr (requires { row.beta; }) beta = row.beta;
        if (row.name == name && row.epoch == 2)
          places.push_back(row.split + " " + std::to_string(row.alpha) + " " + std::to_string(beta));
      }
      std::sort(places.begin(), places.end());
      return places;
    };
    QCOMPARE(placesOf(run.profiles, "p@size=0.5").size(), std::size_t(5 * 2));
    QCOMPARE(placesOf(run.profiles, "p@size=0.5"), placesOf(run.profiles, "p"));
    QCOMPARE(placesOf(run.profiles, "r@size=0.5"), placesOf(run.profiles, "r"));
    QCOMPARE(placesOf(run.surfaces, "s@size=0.5"), placesOf(run.surfaces, "s"));
    for (const auto& row : run.profiles) QVERIFY(row.name != "p@size=0.5" || row.epoch == 2);
    const auto info = std::find_if(run.info.landscapes.begin(), run.info.landscapes.end(),
                                   [](const LandscapeInfo& one) { return one.name == "s@size=0.5"; });
    QVERIFY(info != run.info.landscapes.end());
    QCOMPARE(info->y, std::string("eigenvector:-1"));
    for (const char* name : {"p@size=0.5", "s@size=0.5"}) {
      QVERIFY(std::any_of(run.shapes.begin(), run.shapes.end(),
                          [&](const ShapeRow& row) { return row.name == name && row.quantity == "loss_centre"; }));
    }
  }

  /// At the centre stands the network that settings.csv measures.
  void theCentreIsTheMeasuredNetwork() {
    const auto run = loadRun(path("whole"));
    const auto setting = std::find_if(run.settings.begin(), run.settings.end(),
                                      [](const SettingRow& row) { return row.setting == "size=0.5"; });
    QVERIFY(setting != run.settings.end());
    QVERIFY(std::abs(setting->loss - run.metrics.back().loss) > 1e-4);  // quantizing did something
    int found = 0;
    const auto check = [&](const auto& row, double beta) {
      if (row.split != "test" || row.alpha != 0 || beta != 0) return;
      if (row.name != "p@size=0.5" && row.name != "s@size=0.5") return;
      QVERIFY(std::abs(row.loss - setting->loss) < 1e-6);
      QCOMPARE(row.accuracy, setting->accuracy);
      ++found;
    };
    for (const auto& row : run.profiles) check(row, 0);
    for (const auto& row : run.surfaces) check(row, row.beta);
    QCOMPARE(found, 2);
  }

  /// Bits of a user's own, as the workbench writes them: those of the run itself give its landscapes once more.
  void bitsOfAFile() {
    auto recipe = recipe_;
    recipe.quantization.limits = {};
    recipe.quantization.settings = path("whole/bits.json").string();
    recipe.quantization.landscapes = "given-size=0.5";
    runStudy(recipe, into(path("given")), {});
    const auto whole = loadRun(path("whole")), given = loadRun(path("given"));
    std::map<std::tuple<std::string, double, double>, double> losses;
    for (const auto& row : whole.surfaces) {
      if (row.name == "s@size=0.5") losses[{row.split, row.alpha, row.beta}] = row.loss;
    }
    std::size_t compared = 0;
    for (const auto& row : given.surfaces) {
      if (row.name != "s@given-size=0.5") continue;
      const auto place = std::tuple(row.split, row.alpha, row.beta);
      QVERIFY(losses.contains(place));
      QCOMPARE(row.loss, losses[place]);
      ++compared;
    }
    QCOMPARE(compared, std::size_t(9 * 2));

    recipe.quantization.landscapes = "given-other";
    QVERIFY_THROWS_EXCEPTION(RecipeError, validate(recipe));
  }

  /// The weights move, then are quantized: with eight bits it is nearly the float landscape, everywhere.
  void eightBitsFollowTheFloatNetwork() {
    auto recipe = recipe_;
    recipe.quantization.landscapes = "uniform-8";
    recipe.quantization.activationBits = "float";
    runStudy(recipe, into(path("eight")), {});
    const auto run = loadRun(path("eight"));
    double lowest = INFINITY, highest = 0, furthest = 0;
    int compared = 0;
    for (const auto& row : run.surfaces) {
      if (row.name != "s") continue;
      lowest = std::min(lowest, row.loss), highest = std::max(highest, row.loss);
      for (const auto& other : run.surfaces) {
        if (other.name != "s@uniform-8" || other.split != row.split || other.alpha != row.alpha ||
            other.beta != row.beta)
          continue;
        furthest = std::max(furthest, std::abs(other.loss - row.loss));
        ++compared;
      }
    }
    QCOMPARE(compared, 9 * 2);
    QVERIFY(furthest > 0);
    QVERIFY2(furthest < 0.05 * (highest - lowest),
             qPrintable(QStringLiteral("%1 of %2").arg(furthest).arg(highest - lowest)));
  }

  /// Stopped amid the surface and gone on with: the same tables, to the byte.
  void resumedEqualsUninterrupted() {
    std::stop_source stop;
    StudyContext context;
    context.stop = stop.get_token();
    const auto quantized = [&] {
      const auto rows = readTable<SurfaceRow>(path("parts"));
      return std::count_if(rows.begin(), rows.end(), [](const SurfaceRow& row) { return row.name == "s@size=0.5"; });
    };
    context.changed = [&](const std::string& file) {
      if (file == SurfaceRow::file && quantized() == 5) stop.request_stop();
    };
    QVERIFY_EXCEPTION_THROWN(runStudy(recipe_, into(path("parts")), context), Stopped);
    QCOMPARE(quantized(), 5);  // of 18
    auto options = into(path("parts"));
    options.resume = true;
    runStudy(recipe_, options, {});
    const auto bytes = [&](const char* run, const char* file) {
      QFile read(QString::fromStdString((path(run) / file).string()));
      return read.open(QIODevice::ReadOnly) ? read.readAll() : QByteArray();
    };
    for (const char* file :
         {ProfileRow::file, SurfaceRow::file, ShapeRow::file, PersistenceRow::file, SettingRow::file}) {
      QVERIFY(!bytes("whole", file).isEmpty());
      QCOMPARE(bytes("parts", file), bytes("whole", file));
    }
  }

  void badKeysAreNamed() {
    const auto problem = [&](const std::string& value, auto&& change) {
      auto recipe = recipe_;
      recipe.quantization.landscapes = value;
      change(recipe);
      return errorOf([&] { validate(recipe); });
    };
    const auto nothing = [](Recipe&) {};
    QCOMPARE(problem("uniform-4", nothing), std::string());
    QCOMPARE(problem("size=0.4", nothing),
             std::string("quantization.landscapes = \"size=0.4\": is not a setting of this run; expected one of "
                         "quantization.limits, given-NAME of quantization.settings or a uniform width: size=0.5; "
                         "uniform-2; uniform-4; uniform-8"));
    QVERIFY(problem("uniform-3", nothing).starts_with("quantization.landscapes = \"uniform-3\": "));
    QVERIFY(problem("size=0.5", [](Recipe& recipe) {
              recipe.profiles.clear();
              recipe.surfaces.clear();
            }).find("there is no [[profile]] and no [[surface]]") != std::string::npos);
    const auto work = plannedWork(recipe_);
    for (const char* name : {"profile p@size=0.5: ", "profile r@size=0.5: ", "surface s@size=0.5: "}) {
      QVERIFY(std::any_of(work.begin(), work.end(), [&](const std::string& line) { return line.starts_with(name); }));
    }
  }

 private:
  fs::path path(const char* name) const { return fs::path(folder_.path().toStdString()) / name; }

  QTemporaryDir folder_;
  Recipe recipe_;
};

QTEST_GUILESS_MAIN(TestQuantizedLandscapes)
#include "tst_quantized_landscapes.moc"
