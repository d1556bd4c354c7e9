// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDateTime>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <fstream>

#include "core/results/error.h"
#include "core/results/run_directory.h"
#include "core/results/tables.h"

using namespace eigenscape;
namespace fs = std::filesystem;

namespace {

template <class Call>
std::string errorOf(Call&& call) {
  try {
    call();
  } catch (const RunError& error) {
    return error.what();
  }
  return {};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

RunInfo sample() {
  RunInfo info;
  info.status = "done";
  info.name = "quick\"start";
  info.seed = 18446744073709551615ULL;
  info.weights = "netz-äöü.pt";
  info.trainExamples = 50000;
  info.landscapes = {{"e1-e2", "surface", "eigenvector:1", "eigenvector:2", "filter", 512}};
  info.phases = {{"spectrum:3", 1.25, 31}, {"train:3", 0.5, 0}};
  return info;
}

}  // namespace

class TestRunDirectory : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void init() {
    folder_ = std::make_unique<QTemporaryDir>();
    dir_ = folder_->path().toStdString();
  }

  void infoReadsBack() {
    QVERIFY(!isRunDirectory(dir_));
    writeRunInfo(dir_, sample());
    QVERIFY(isRunDirectory(dir_));
    QVERIFY(!fs::exists(dir_ / "run.json.part"));
    const RunInfo back = readRunInfo(dir_);
    QCOMPARE(back.status, std::string("done"));
    QCOMPARE(back.name, sample().name);
    QCOMPARE(back.seed, sample().seed);
    QCOMPARE(back.weights, sample().weights);
    QCOMPARE(back.trainExamples, std::int64_t(50000));
    QCOMPARE(back.landscapes.size(), std::size_t(1));
    QCOMPARE(back.landscapes[0].y, std::string("eigenvector:2"));
    QCOMPARE(back.landscapes[0].samples, std::int64_t(512));
    QCOMPARE(back.phases.size(), std::size_t(2));
    QCOMPARE(back.phases[0].products, std::int64_t(31));
    QCOMPARE(back.phases[1].seconds, 0.5);
  }

  void anotherJsonReaderSeesTheSame() {
    writeRunInfo(dir_, sample());
    QFile file(QString::fromStdString((dir_ / "run.json").string()));
    QVERIFY(file.open(QIODevice::ReadOnly));
    QJsonParseError error;
    const QJsonObject json = QJsonDocument::fromJson(file.readAll(), &error).object();
    QCOMPARE(error.error, QJsonParseError::NoError);
    QCOMPARE(json["name"].toString(), "quick\"start");
    QCOMPARE(json["weights"].toString(), QString::fromUtf8("netz-äöü.pt"));
    QCOMPARE(json["train_examples"].toInt(), 50000);
    QCOMPARE(json["phases"].toArray()[0].toObject()["name"].toString(), "spectrum:3");
    QCOMPARE(json["landscapes"].toArray()[0].toObject()["kind"].toString(), "surface");
  }

  void aFileNameThatIsNotUtf8DoesNotStopTheRun() {
    RunInfo info = sample();
    info.weights = "bad\xFFname.pt";
    writeRunInfo(dir_, info);
    QVERIFY(contains(readRunInfo(dir_).weights, "name.pt"));
  }

  void unknownAndAbsentKeysAreFine() {
    std::ofstream(dir_ / "run.json") << R"({"status": "done", "later": [1], "parameters": null})";
    const RunInfo info = readRunInfo(dir_);
    QCOMPARE(info.status, std::string("done"));
    QCOMPARE(info.parameters, std::int64_t(0));
  }

  void brokenFilesAreNamed() {
    std::string error = errorOf([&] { loadRun(dir_); });
    QVERIFY2(contains(error, "no run.json"), error.c_str());
    for (const char* text : {"", "{\"status\": \"do", "[1, 2]", "{\"seed\": \"x\"}", "{\"phases\": 3}", "\x80\x81"}) {
      std::ofstream(dir_ / "run.json") << text;
      error = errorOf([&] { readRunInfo(dir_); });
      QVERIFY2(contains(error, "run.json"), text);
      QVERIFY(!contains(error, "\n"));
    }
  }

  /// While a run goes on, a table may end within a line; when it is done, something has cut it short.
  void aTableOfAFinishedRunIsWhole() {
    RunInfo info = sample();
    MetricRow metric;
    metric.split = "train";
    writeTable(dir_, std::vector<MetricRow>{metric, metric});
    const fs::path file = dir_ / "metrics.csv";
    for (const auto size : {fs::file_size(file) - 3, std::uintmax_t{0}}) {
      fs::resize_file(file, size);
      info.status = "running";
      writeRunInfo(dir_, info);
      QCOMPARE(errorOf([&] { loadRun(dir_); }), std::string());
      info.status = "done";
      writeRunInfo(dir_, info);
      const std::string error = errorOf([&] { loadRun(dir_); });
      QVERIFY2(contains(error, "metrics.csv: is cut short"), error.c_str());
    }
  }

  void aRunIsLoadedWhole() {
    writeRunInfo(dir_, sample());
    std::ofstream(dir_ / "recipe.toml") << "seed = 7\n";
    MetricRow metric;
    metric.epoch = 2;
    metric.split = "train";
    writeTable(dir_, std::vector<MetricRow>{metric});
    SurfaceRow point;
    point.epoch = 10;
    point.name = "s";
    point.split = "train";
    writeTable(dir_, std::vector<SurfaceRow>{point, point});
    TraceRow trace;
    trace.epoch = 5;
    writeTable(dir_, std::vector<TraceRow>{trace});
    const RunResults run = loadRun(dir_);
    QCOMPARE(run.directory, dir_);
    QCOMPARE(run.recipe, std::string("seed = 7\n"));
    QCOMPARE(run.metrics.size(), std::size_t(1));
    QCOMPARE(run.surfaces.size(), std::size_t(2));
    QVERIFY(run.spectrum.empty());
    QVERIFY((run.epochs() == std::vector<std::int64_t>{2, 5, 10}));
  }

  // Rounded to nearest it would be no bound.
  void aChanceIsRoundedUp() {
    QCOMPARE(chanceText(2.1e-5), std::string("below 3e-05"));
    QCOMPARE(chanceText(2e-5), std::string("below 2e-05"));
    QCOMPARE(chanceText(9.4e-4), std::string("below 1e-03"));
    QCOMPARE(chanceText(0), std::string("below 1e-12"));
    QCOMPARE(chanceText(0.83), std::string("below 9e-01"));
    for (const double none : {0.97, 1.0}) QCOMPARE(chanceText(none), std::string("not bounded"));
    QCOMPARE(chanceText(std::nan("")), std::string());
  }

  void aTableOfOldHasNoMethod() {
    std::ofstream(dir_ / "frobenius.csv")
        << "epoch,operator,scope,split,squared_norm,standard_error,products\n0,hessian,model,train,9,1,40\n";
    const auto rows = readTable<FrobeniusRow>(dir_);
    QCOMPARE(rows.size(), std::size_t(1));
    QVERIFY(rows[0].squaredNorm == 9 && rows[0].method.empty());
  }

  void theTimeIsIso8601InUtc() {
    const QDateTime time = QDateTime::fromString(QString::fromStdString(utcNow()), Qt::ISODate);
    QVERIFY(time.isValid());
    QCOMPARE(time.timeSpec(), Qt::UTC);
    QVERIFY(qAbs(time.secsTo(QDateTime::currentDateTimeUtc())) < 5);
  }

 private:
  std::unique_ptr<QTemporaryDir> folder_;
  fs::path dir_;
};

QTEST_GUILESS_MAIN(TestRunDirectory)
#include "tst_run_directory.moc"
