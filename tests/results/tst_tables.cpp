// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/resource.h>

#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>

#include "core/results/error.h"
#include "core/results/tables.h"

using namespace eigenscape;
namespace fs = std::filesystem;

namespace {

std::string slurp(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

void spill(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

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

MetricRow metric(std::int64_t epoch) {
  return {epoch, epoch * 10, "train", 1.0 / double(epoch + 3), 0.5, 0.1, 128, 0, 2};
}

SurfaceRow surfacePoint(double loss) {
  SurfaceRow row;
  row.name = "e1-e2";
  row.split = "test";
  row.loss = loss;
  return row;
}

const std::string metricHeader =
    "epoch,iteration,split,loss,accuracy,learning_rate,batch_size,adversarial_ratio,seconds";

}  // namespace

class TestTables : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void init() {
    folder_ = std::make_unique<QTemporaryDir>();
    QVERIFY(folder_->isValid());
    dir_ = folder_->path().toStdString();
  }

  void headersAreThoseOfTheContract() {
    QCOMPARE(headerOf<MetricRow>(), metricHeader);
    QCOMPARE(headerOf<SpectrumRow>(),
             std::string("epoch,operator,scope,split,index,eigenvalue,residual,converged,products"));
    QCOMPARE(headerOf<TraceRow>(),
             std::string("epoch,operator,scope,split,trace,standard_error,products,method,converged"));
    QCOMPARE(headerOf<ProfileRow>(), std::string("name,epoch,alpha,split,loss,accuracy"));
    QCOMPARE(headerOf<SurfaceRow>(), std::string("name,epoch,alpha,beta,split,loss,accuracy"));
    QCOMPARE(headerOf<SensitivityRow>(),
             std::string("layer,parameters,macs,top_eigenvalue,mean_trace,standard_error,bits,perturbation,omega"));
  }

  void numbersUseTheFewestDigits() {
    MetricRow row = metric(0);
    row.loss = 0.1;
    row.accuracy = 1e-300;
    row.learningRate = 0.1 + 0.2;
    QCOMPARE(toCsv(row), std::string("0,0,train,0.1,1e-300,0.30000000000000004,128,0,2"));
    row.loss = std::nan("");
    row.accuracy = -std::numeric_limits<double>::infinity();
    row.learningRate = std::numeric_limits<double>::infinity();
    QCOMPARE(toCsv(row), std::string("0,0,train,nan,-inf,inf,128,0,2"));
  }

  void everyDoubleReadsBackTheSame() {
    std::mt19937_64 random(7);
    std::vector<SurfaceRow> rows;
    for (int i = 0; i < 2000; ++i) {
      const std::uint64_t bits = random();
      double value;
      std::memcpy(&value, &bits, sizeof value);
      rows.push_back(surfacePoint(value));
    }
    rows.push_back(surfacePoint(std::numeric_limits<double>::denorm_min()));
    rows.push_back(surfacePoint(-0.0));
    writeTable(dir_, rows);
    const auto back = readTable<SurfaceRow>(dir_);
    QCOMPARE(back.size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (std::isnan(rows[i].loss)) {
        QVERIFY(std::isnan(back[i].loss));
      } else {
        QCOMPARE(std::memcmp(&back[i].loss, &rows[i].loss, sizeof(double)), 0);
      }
    }
    // The C library as an oracle for the text itself.
    std::ifstream lines(dir_ / "surface.csv");
    std::string line;
    std::getline(lines, line);
    for (std::size_t i = 0; std::getline(lines, line); ++i) {
      const double read = std::strtod(line.c_str() + std::strlen("e1-e2,0,0,0,test,"), nullptr);
      QVERIFY(read == rows[i].loss || (std::isnan(read) && std::isnan(rows[i].loss)));
    }
  }

  void textIsQuotedAsInRfc4180() {
    SensitivityRow row;
    row.layer = "a,\"b\"\nc\r\nd";
    row.bits = 4;
    QCOMPARE(toCsv(row), std::string("\"a,\"\"b\"\"\nc\r\nd\",0,0,0,0,0,4,0,0"));
    writeTable(dir_, std::vector<SensitivityRow>{row, row});
    const auto back = readTable<SensitivityRow>(dir_);
    QCOMPARE(back.size(), std::size_t(2));
    QCOMPARE(back[1].layer, row.layer);
    QCOMPARE(back[1].bits, std::int64_t(4));
  }

  void columnsAreFoundByName() {
    spill(dir_ / "profile.csv",
          "\xEF\xBB\xBFloss,extra,name,epoch,alpha,split,accuracy\r\n2.5,x,cut,3,-1e-3,test,0.25\r\n");
    const auto rows = readTable<ProfileRow>(dir_);
    QCOMPARE(rows.size(), std::size_t(1));
    QCOMPARE(rows[0].loss, 2.5);
    QCOMPARE(rows[0].name, std::string("cut"));
    QCOMPARE(rows[0].alpha, -1e-3);
    QCOMPARE(rows[0].accuracy, 0.25);
  }

  void truthValuesOfOtherWritersAreRead() {
    std::string text = headerOf<SpectrumRow>() + "\n";
    for (const char* value : {"true", "false", "True", "False", "1", "0"}) {
      text += "0,hessian,model,train,1,2,0.1," + std::string(value) + ",31\n";
    }
    spill(dir_ / "spectrum.csv", text);
    const auto rows = readTable<SpectrumRow>(dir_);
    QCOMPARE(rows.size(), std::size_t(6));
    for (std::size_t i = 0; i < rows.size(); ++i) QCOMPARE(rows[i].converged, i % 2 == 0);
  }

  // A table of an older program, without the columns that came later: nothing is made up, and it can be written again.
  void columnsThatCameLaterMayBeMissing() {
    spill(dir_ / "trace.csv",
          "epoch,operator,scope,split,trace,standard_error,products\n0,hessian,model,train,3,0.1,31\n");
    auto rows = readTable<TraceRow>(dir_);
    QCOMPARE(rows.size(), std::size_t(1));
    QVERIFY(rows[0].method.empty() && !rows[0].converged);
    QCOMPARE(toCsv(rows[0]), std::string("0,hessian,model,train,3,0.1,31,,"));
    rows.push_back({1, "hessian", "model", "train", 2, 0.2, 30, "outputs", true});
    rows.push_back({2, "hessian", "model", "train", 1, 0.3, 29, "layers", false});
    writeTable(dir_, rows);
    const auto back = readTable<TraceRow>(dir_);
    QCOMPARE(back.size(), std::size_t(3));
    QVERIFY(!back[0].converged && back[1].converged == true && back[2].converged == false);
    QCOMPARE(back[2].method, std::string("layers"));
    spill(dir_ / "trace.csv", headerOf<TraceRow>() + "\n0,hessian,model,train,3,0.1,31,outputs,maybe\n");
    QVERIFY_EXCEPTION_THROWN(readTable<TraceRow>(dir_), RunError);
  }

  void noFileAndNoHeaderGiveNoRows() {
    QVERIFY(readTable<MetricRow>(dir_).empty());
    spill(dir_ / "metrics.csv", "");
    QVERIFY(readTable<MetricRow>(dir_).empty());
    spill(dir_ / "metrics.csv", metricHeader);
    QVERIFY(readTable<MetricRow>(dir_).empty());
  }

  void aLastLineCutShortIsLeftOut() {
    writeTable(dir_, std::vector<MetricRow>{metric(0), metric(1), metric(2)});
    const std::string whole = slurp(dir_ / "metrics.csv");
    const std::size_t lastLine = whole.rfind('\n', whole.size() - 2) + 1;
    for (std::size_t length = lastLine; length < whole.size(); ++length) {
      spill(dir_ / "metrics.csv", whole.substr(0, length));
      QCOMPARE(readTable<MetricRow>(dir_).size(), std::size_t(2));
    }
    spill(dir_ / "metrics.csv", whole);
    QCOMPARE(readTable<MetricRow>(dir_).size(), std::size_t(3));
  }

  void badCellsAreNamed_data() {
    QTest::addColumn<QString>("line");
    QTest::addColumn<QString>("named");
    QTest::newRow("text for a number") << "0,0,train,abc,0,0,1,0,0"
                                       << "line 2, column 'loss': 'abc' is not a number";
    QTest::newRow("empty") << "0,0,train,,0,0,1,0,0"
                           << "line 2, column 'loss': ''";
    QTest::newRow("trailing") << "0,0,train,1.5x,0,0,1,0,0"
                              << "'1.5x' is not a number";
    QTest::newRow("fraction") << "0.5,0,train,1,0,0,1,0,0"
                              << "column 'epoch': '0.5' is not a whole number";
    QTest::newRow("too few") << "0,0,train,1"
                             << "line 2: 4 cells where the header has 9";
    QTest::newRow("too many") << "0,0,train,1,0,0,1,0,0,0"
                              << "line 2: 10 cells";
  }

  void badCellsAreNamed() {
    QFETCH(QString, line);
    QFETCH(QString, named);
    spill(dir_ / "metrics.csv", metricHeader + "\n" + line.toStdString() + "\n");
    const std::string error = errorOf([&] { readTable<MetricRow>(dir_); });
    QVERIFY2(contains(error, named.toStdString()), error.c_str());
    QVERIFY(contains(error, "metrics.csv"));
    QVERIFY(!contains(error, "\n"));
  }

  void aMissingColumnIsNamed() {
    spill(dir_ / "metrics.csv", "epoch,iteration,split,accuracy\n0,0,train,1\n");
    const std::string error = errorOf([&] { readTable<MetricRow>(dir_); });
    QVERIFY2(contains(error, "'loss' is missing"), error.c_str());
  }

  void appendedRowsAreThereAtOnce() {
    TableWriter<MetricRow> writer(dir_);
    QVERIFY(!fs::exists(dir_ / "metrics.csv"));
    writer.append(metric(0));
    QCOMPARE(slurp(dir_ / "metrics.csv"), metricHeader + "\n" + toCsv(metric(0)) + "\n");
    writer.append({metric(1), metric(2)});
    QCOMPARE(readTable<MetricRow>(dir_).size(), std::size_t(3));
    TableWriter<MetricRow> again(dir_);
    again.append(metric(3));
    QCOMPARE(readTable<MetricRow>(dir_).back().epoch, std::int64_t(3));
    const std::string text = slurp(dir_ / "metrics.csv");
    QCOMPARE(text.find("epoch"), std::size_t(0));
    QCOMPARE(text.find("epoch", 1), std::string::npos);
  }

  void appendingDropsALineCutShort() {
    writeTable(dir_, std::vector<MetricRow>{metric(0), metric(1)});
    const std::string whole = slurp(dir_ / "metrics.csv");
    for (std::size_t length = 0; length <= whole.size(); ++length) {
      spill(dir_ / "metrics.csv", whole.substr(0, length));
      const auto before = readTable<MetricRow>(dir_);
      TableWriter<MetricRow>(dir_).append(metric(9));
      const auto after = readTable<MetricRow>(dir_);
      QCOMPARE(after.size(), before.size() + 1);
      QCOMPARE(toCsv(after.back()), toCsv(metric(9)));
    }
  }

  void appendingToOtherColumnsIsRefused() {
    spill(dir_ / "metrics.csv", "epoch,loss\n1,2\n");
    const std::string error = errorOf([&] { TableWriter<MetricRow>(dir_).append(metric(0)); });
    QVERIFY2(contains(error, "its columns are not"), error.c_str());
    QCOMPARE(slurp(dir_ / "metrics.csv"), std::string("epoch,loss\n1,2\n"));
  }

  void aFullDiskIsAnError() {
    if (!fs::exists("/dev/full")) QSKIP("needs /dev/full");
    fs::create_symlink("/dev/full", dir_ / "metrics.csv");
    TableWriter<MetricRow> writer(dir_);
    std::string error = errorOf([&] { writer.append(metric(0)); });
    QVERIFY2(contains(error, "No space left on device") && contains(error, "metrics.csv"), error.c_str());
    error = errorOf([&] { writer.append(metric(1)); });
    QVERIFY2(contains(error, "metrics.csv"), error.c_str());

    spill(dir_ / "note.txt", "old");
    fs::create_symlink("/dev/full", dir_ / "note.txt.part");
    error = errorOf([&] { writeFileAtomically(dir_ / "note.txt", "new"); });
    QVERIFY2(contains(error, "No space left on device") && contains(error, "note.txt"), error.c_str());
    QCOMPARE(slurp(dir_ / "note.txt"), std::string("old"));
    QVERIFY(!fs::exists(fs::symlink_status(dir_ / "note.txt.part")));
  }

  // A limit on the size of files takes a part of the write, as a disk with a little room left does.
  void aWriteThatFitsInPartLeavesNoHalfLine() {
    TableWriter<MetricRow> writer(dir_);
    writer.append(metric(0));
    const std::string before = slurp(dir_ / "metrics.csv");
    rlimit old{};
    ::getrlimit(RLIMIT_FSIZE, &old);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit tight{before.size() + 10, old.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &tight);
    const std::string error = errorOf([&] { writer.append({metric(1), metric(2)}); });
    ::setrlimit(RLIMIT_FSIZE, &old);
    std::signal(SIGXFSZ, handler);
    QVERIFY2(contains(error, "metrics.csv"), error.c_str());
    QCOMPARE(slurp(dir_ / "metrics.csv"), before);
  }

  void aFolderThatIsNotThereIsAnError() {
    const fs::path gone = dir_ / "gone";
    QVERIFY(contains(errorOf([&] { writeFileAtomically(gone / "a", "x"); }),
                     "No such file or directory; make that folder"));
    QVERIFY(contains(errorOf([&] { writeTable(gone, std::vector<MetricRow>{}); }), "metrics.csv"));
    QVERIFY(contains(errorOf([&] { TableWriter<MetricRow>(gone).append(metric(0)); }), "metrics.csv"));
    spill(gone, "a file, not a folder");
    QVERIFY(contains(errorOf([&] { writeFileAtomically(gone / "a", "x"); }), "Not a directory"));
  }

  void aTableDeletedUnderTheWriterIsAnError() {
    TableWriter<MetricRow> writer(dir_);
    writer.append(metric(0));
    fs::remove(dir_ / "metrics.csv");
    QVERIFY(contains(errorOf([&] { writer.append(metric(1)); }), "metrics.csv"));
  }

  void retainKeepsOrder() {
    retainRows<MetricRow>(dir_, [](const MetricRow&) { return true; });
    QVERIFY(!fs::exists(dir_ / "metrics.csv"));
    writeTable(dir_, std::vector<MetricRow>{metric(3), metric(1), metric(2)});
    retainRows<MetricRow>(dir_, [](const MetricRow& row) { return row.epoch != 1; });
    const auto rows = readTable<MetricRow>(dir_);
    QCOMPARE(rows.size(), std::size_t(2));
    QCOMPARE(rows[0].epoch, std::int64_t(3));
    QCOMPARE(rows[1].epoch, std::int64_t(2));
  }

 private:
  std::unique_ptr<QTemporaryDir> folder_;
  fs::path dir_;
};

QTEST_GUILESS_MAIN(TestTables)
#include "tst_tables.moc"
