// SPDX-License-Identifier: GPL-3.0-or-later
#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <csignal>

#include "core/results/run_directory.h"
#include "core/results/tables.h"
#include "tests/batch/program.h"

using namespace eigenscape;

namespace {

/// Every row of every table as text. Seconds are the one thing that may differ between equal runs.
QStringList rowsOf(const QString& directory) {
  QStringList rows;
  RunResults run = loadRun(directory.toStdString());
  const auto add = [&](const auto& table) {
    for (const auto& row : table) rows << QString::fromStdString(row.file) + ": " + QString::fromStdString(toCsv(row));
  };
  for (auto& row : run.metrics) row.seconds = 0;
  for (auto& row : run.solves) row.seconds = 0;
  add(run.solves), add(run.metrics), add(run.spectrum), add(run.traces), add(run.profiles), add(run.surfaces),
      add(run.sensitivity);
  return rows;
}

}  // namespace

class TestInterruption : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase();
  void interruptAndResume_data();
  void interruptAndResume();
  void interruptedAgainAndAgain();

 private:
  QStringList arguments(const QString& out) const {
    return {"--batch", folder_.filePath("tiny.toml"), "--out", folder_.filePath(out), "--threads", "1", "--figures",
            "none"};
  }
  /// Starts a run, waits for a line on standard error that begins so, sends the signal and returns the outcome.
  Outcome interrupt(const QStringList& arguments, const QByteArray& at, int signal, qint64* milliseconds);

  QTemporaryDir folder_;
  QStringList expected_;
};

void TestInterruption::initTestCase() {
  // Long enough that a signal comes in the middle of each phase.
  QByteArray recipe = tinyRecipe();
  recipe.replace("train_limit = 128", "train_limit = 256")
      .replace("samples = 64", "samples = 48")
      .replace("points = 7", "points = 15");
  writeFile(folder_.filePath("tiny.toml"), recipe);
  const Outcome whole = runProgram(arguments("whole") + QStringList{"--quiet"});
  QVERIFY2(whole.status == 0, whole.err.constData());
  expected_ = rowsOf(folder_.filePath("whole"));
  QVERIFY(expected_.size() > 2 * 15 * 15);
}

Outcome TestInterruption::interrupt(const QStringList& arguments, const QByteArray& at, int signal,
                                    qint64* milliseconds) {
  QProcess process;
  QByteArray seen;
  startProgram(process, arguments);
  process.setReadChannel(QProcess::StandardError);  // which waitForReadyRead waits for
  QElapsedTimer timer;
  timer.start();
  while (!('\n' + seen).contains('\n' + at) && process.state() == QProcess::Running && timer.elapsed() < 60000) {
    process.waitForReadyRead(1000);
    seen += process.readAllStandardError();
  }
  timer.restart();
  // Without a process the number is 0, and that would be all of CTest.
  if (process.state() == QProcess::Running) ::kill(static_cast<pid_t>(process.processId()), signal);
  Outcome outcome = outcomeOf(process, 20000);
  *milliseconds = timer.elapsed();
  outcome.err.prepend(seen);
  return outcome;
}

void TestInterruption::interruptAndResume_data() {
  QTest::addColumn<QByteArray>("at");
  QTest::addColumn<int>("signal");
  QTest::newRow("reading") << QByteArray("reading") << SIGINT;
  QTest::newRow("first metrics") << QByteArray("loss and accuracy") << SIGINT;
  QTest::newRow("training") << QByteArray("training \xc2\xb7 epoch 2") << SIGINT;
  QTest::newRow("spectrum") << QByteArray("spectrum \xc2\xb7 epoch 1") << SIGTERM;
  QTest::newRow("trace") << QByteArray("trace \xc2\xb7 epoch 2") << SIGINT;
  QTest::newRow("surface") << QByteArray("surface") << SIGINT;
  QTest::newRow("killed in training") << QByteArray("training \xc2\xb7 epoch 3") << SIGKILL;
  QTest::newRow("killed in a spectrum") << QByteArray("spectrum \xc2\xb7 epoch 2") << SIGKILL;
  QTest::newRow("killed in the surface") << QByteArray("surface") << SIGKILL;
}

void TestInterruption::interruptAndResume() {
  QFETCH(QByteArray, at);
  QFETCH(int, signal);
  const QString name = QString(QTest::currentDataTag()).replace(' ', '-'), out = folder_.filePath(name);
  qint64 milliseconds = 0;
  const Outcome stopped = interrupt(arguments(name), at, signal, &milliseconds);
  if (signal == SIGKILL) {
    QVERIFY(stopped.crashed);
  } else {
    QVERIFY2(stopped.status == 3, stopped.err.constData());
    QVERIFY2(milliseconds < 2000, qPrintable(QString::number(milliseconds)));
    QVERIFY2(stopped.err.split('\n').value(stopped.errorLines() - 1).contains("--resume"), stopped.err.constData());
    if (isRunDirectory(out.toStdString())) QCOMPARE(readRunInfo(out.toStdString()).status, std::string("interrupted"));
  }
  QCOMPARE(stopped.out, QByteArray());
  const Outcome resumed = runProgram(arguments(name) + QStringList{"--resume", "--quiet"});
  QVERIFY2(resumed.status == 0, resumed.err.constData());
  QCOMPARE(readRunInfo(out.toStdString()).status, std::string("done"));
  QCOMPARE(rowsOf(out), expected_);
}

void TestInterruption::interruptedAgainAndAgain() {
  qint64 milliseconds = 0;
  for (const char* at :
       {"training \xc2\xb7 epoch 1", "trace \xc2\xb7 epoch 1", "spectrum \xc2\xb7 epoch 3", "surface"}) {
    const Outcome stopped = interrupt(arguments("again") + QStringList{"--resume"}, at, SIGINT, &milliseconds);
    QVERIFY2(stopped.status == 3, stopped.err.constData());
    QVERIFY(milliseconds < 2000);
  }
  const Outcome resumed = runProgram(arguments("again") + QStringList{"--resume", "--quiet"});
  QVERIFY2(resumed.status == 0, resumed.err.constData());
  QCOMPARE(rowsOf(folder_.filePath("again")), expected_);
}

// A busy machine may take long; CTest's own limit holds.
static const bool patient = qputenv("QTEST_FUNCTION_TIMEOUT", "1200000");
QTEST_GUILESS_MAIN(TestInterruption)
#include "tst_interruption.moc"
