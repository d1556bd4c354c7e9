// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>
#include <QtEndian>
#include <utility>

#include "tests/batch/program.h"

namespace {

/// Width and height as a PNG's header has them.
std::pair<int, int> pixelsOf(const QString& png) {
  const QByteArray bytes = readFile(png);
  if (bytes.size() < 24) return {};
  return {qFromBigEndian<int>(bytes.constData() + 16), qFromBigEndian<int>(bytes.constData() + 20)};
}

}  // namespace

class TestCompareBatch : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() {
    writeFile(path("tiny.toml"), tinyRecipe());
    for (const char* size : {"16", "32"}) {
      const Outcome outcome = runProgram({"--batch", path("tiny.toml"), "--out", path(QString("b") + size), "--quiet",
                                          "--figures", "none", "--set", QString("training.batch_size=") + size});
      QVERIFY2(outcome.status == 0, outcome.err.constData());
    }
    // A run that measured nothing yet.
    QVERIFY(QDir().mkpath(path("empty")));
    QVERIFY(QFile::copy(path("b16/run.json"), path("empty/run.json")));
    QVERIFY(QFile::copy(path("b16/recipe.toml"), path("empty/recipe.toml")));
  }

  void drawsTwoRuns() {
    const Outcome outcome = runProgram(
        {"--render", path("b16"), "--compare", path("b32"), "--out", path("both"), "--figures", "png,svg,pdf,csv"});
    QVERIFY2(outcome.status == 0, outcome.err.constData());
    for (const char* suffix : {"png", "svg", "pdf", "csv"}) {
      const QString file = path(QString("both/figures/compare-training.") + suffix);
      QVERIFY2(QFileInfo(file).size() > 100, suffix);
      QVERIFY(outcome.out.contains(file.toUtf8()));
    }
    QCOMPARE(pixelsOf(path("both/figures/compare-training.png")).first, 1361);  // 180 mm
    const QByteArray table = readFile(path("both/figures/compare-training.csv"));
    QVERIFY(table.startsWith("run,epoch,iteration,"));
    QVERIFY(table.contains("\nbatch_size = 16,0,") && table.contains("\nbatch_size = 32,0,"));
    // Nothing was drawn into the runs' own folders.
    QVERIFY(!QFileInfo::exists(path("b16/figures")));
  }

  void oneColumnWide() {
    const Outcome outcome = runProgram(
        {"--render", path("b16"), "--compare", path("b32"), "--out", path("column"), "--figure-size", "86x130"});
    QVERIFY2(outcome.status == 0, outcome.err.constData());
    for (const auto& file : QDir(path("column/figures")).entryInfoList({"*.png"}))
      QCOMPARE(pixelsOf(file.filePath()), std::pair(650, 983));
  }

  void aSweepsRunsAreCompared() {
    QVERIFY(QDir().mkpath(path("sweep/runs")));
    for (const char* name : {"b16", "b32"}) {
      QVERIFY(QDir().mkpath(path(QString("sweep/runs/") + name)));
      for (const auto& file : QDir(path(name)).entryInfoList(QDir::Files))
        QVERIFY(QFile::copy(file.filePath(), path(QString("sweep/runs/%1/%2").arg(name, file.fileName()))));
    }
    const Outcome outcome = runProgram({"--render", path("sweep")});
    QVERIFY2(outcome.status == 0, outcome.err.constData());
    QVERIFY(QFileInfo::exists(path("sweep/figures/compare-training.png")));
  }

  void oneRunIsDrawnElsewhere() {
    const QString elsewhere = path("elsewhere");
    const Outcome outcome = runProgram({"--render", path("b16"), "--out", elsewhere, "--style", "dark"});
    QVERIFY2(outcome.status == 0, outcome.err.constData());
    QVERIFY(QFileInfo::exists(elsewhere + "/figures/training.png"));
  }

  void oneFigureOfOneEpoch() {
    const auto files = [this](const QString& folder) { return QDir(path(folder + "/figures")).entryList(QDir::Files); };
    const Outcome few =
        runProgram({"--render", path("b16"), "--out", path("few"), "--figure", "contour-s", "--figure", "training"});
    QVERIFY2(few.status == 0, few.err.constData());
    QCOMPARE(files("few"), (QStringList{"contour-s.png", "training.png"}));
    // The window's page of several figures too; and another epoch takes nothing's place.
    const Outcome page = runProgram({"--render", path("b16"), "--out", path("few"), "--figure", "contour-s", "--figure",
                                     "landscape-s", "--epoch", "0"});
    QVERIFY2(page.status == 0, page.err.constData());
    QCOMPARE(files("few"),
             (QStringList{"contour-s-epoch-0.png", "contour-s.png", "landscape-s-epoch-0.png", "training.png"}));
    QVERIFY(readFile(path("few/figures/contour-s-epoch-0.png")) != readFile(path("few/figures/contour-s.png")));
    const Outcome both = runProgram({"--render", path("b16"), "--compare", path("b32"), "--out", path("few-both"),
                                     "--figure", "compare-training", "--epoch", "1"});
    QVERIFY2(both.status == 0, both.err.constData());
    QCOMPARE(files("few-both"), QStringList{"compare-training-epoch-1.png"});
    const Outcome first = runProgram({"--render", path("b16"), "--compare", path("b32"), "--out", path("few-both"),
                                      "--figure", "compare-training", "--epoch", "0"});
    QVERIFY2(first.status == 0, first.err.constData());
    QVERIFY(readFile(path("few-both/figures/compare-training-epoch-0.png")) !=
            readFile(path("few-both/figures/compare-training-epoch-1.png")));
    const Outcome run = runProgram({"--batch", path("tiny.toml"), "--out", path("few-run"), "--quiet", "--figure",
                                    "spectrum", "--set", "training.epochs=0"});
    QVERIFY2(run.status == 0, run.err.constData());
    QCOMPARE(files("few-run"), QStringList{"spectrum.png"});
  }

  void aRunIsDoneWhateverFigureWasNamed() {
    const QStringList command{"--batch", path("tiny.toml"),  "--out", path("misspelt"), "--quiet",
                              "--set",   "training.epochs=0"};
    const Outcome late = runProgram(command + QStringList{"--epoch", "3"});
    QCOMPARE(late.status, 2);
    QVERIFY(late.err.contains("--epoch 3") && !QFileInfo::exists(path("misspelt")));
    const Outcome wrong = runProgram(command + QStringList{"--figure", "nowhere"});
    QCOMPARE(wrong.status, 2);
    QVERIFY2(wrong.errorLines() == 1 && wrong.err.contains("--figure nowhere") && wrong.err.contains("--render"),
             wrong.err.constData());
    QVERIFY(!wrong.out.isEmpty());  // the summary
    QVERIFY(readFile(path("misspelt/run.json")).contains("\"status\": \"done\""));
  }

  void aReliefFromElsewhere() {
    QByteArray before;
    for (const char* view : {"-120,32", "40,60,1.2"}) {
      const Outcome outcome =
          runProgram({"--render", path("b16"), "--out", path("views"), "--figure", "surface-s", "--view", view});
      QVERIFY2(outcome.status == 0, outcome.err.constData());
      const auto picture = readFile(path("views/figures/surface-s.png"));
      QVERIFY(!picture.isEmpty() && picture != before);
      // The first is the usual one.
      if (before.isEmpty()) {
        QVERIFY(runProgram({"--render", path("b16"), "--out", path("usually"), "--figure", "surface-s"}).status == 0);
        QCOMPARE(readFile(path("usually/figures/surface-s.png")), picture);
      }
      before = picture;
    }
  }

  void aSurfacesScaleIsDrawn() {
    const QStringList render{"--render", path("b16"), "--figures", "svg", "--out"};
    const Outcome usual = runProgram(render + QStringList{path("usual")});
    QVERIFY2(usual.status == 0, usual.err.constData());
    const Outcome other =
        runProgram(render + QStringList{path("scaled"), "--set", "surface.s.scale=log", "--set", "surface.s.clip=4"});
    QVERIFY2(other.status == 0, other.err.constData());
    const QByteArray before = readFile(path("usual/figures/contour-s.svg"));
    QVERIFY(before.contains("mean cross-entropy") && !before.contains("clipped"));
    QVERIFY(readFile(path("scaled/figures/contour-s.svg")).contains("mean cross-entropy (log), clipped at 4<"));
  }

  void wrongInput_data() {
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<QStringList>("named");
    const QString a = path("b16"), b = path("b32"), out = path("out");
    QTest::newRow("without --render") << QStringList{"--compare", b, "--out", out}
                                      << QStringList{"--compare", "--render"};
    QTest::newRow("without --out") << QStringList{"--render", a, "--compare", b} << QStringList{"--out"};
    QTest::newRow("too small") << QStringList{"--render", a, "--compare", b, "--out", out, "--figure-size", "80x80"}
                               << QStringList{"--figure-size 80x80", "120x80"};
    QTest::newRow("missing") << QStringList{"--render", a, "--compare", path("nowhere"), "--out", out}
                             << QStringList{"--compare", "nowhere", "run.json"};
    QTest::newRow("twice") << QStringList{"--render", a, "--compare", a + "/.", "--out", out}
                           << QStringList{"--compare", "b16", "already"};
    QTest::newRow("five") << QStringList{"--render",  a, "--compare", b, "--compare", b,
                                         "--compare", b, "--compare", b, "--out",     out}
                          << QStringList{"--compare", "5 runs"};
    QTest::newRow("nothing in common") << QStringList{"--render", a, "--compare", path("empty"), "--out", out}
                                       << QStringList{"--compare", "common", "empty"};
    QTest::newRow("meshes") << QStringList{"--render", a, "--compare", b, "--out", out, "--figures", "vtp"}
                            << QStringList{"--figures", "vtp", "png"};
    QTest::newRow("animated") << QStringList{"--render", a, "--compare", b, "--out", out, "--animate", "contour-s"}
                              << QStringList{"--animate", "--compare"};
    QTest::newRow("no such figure") << QStringList{"--render", a, "--figure", "nowhere", "--out", out}
                                    << QStringList{"--figure nowhere", "training", "contour-s"};
    QTest::newRow("none to compare") << QStringList{"--render", a, "--compare", b, "--figure", "training", "--out", out}
                                     << QStringList{"--figure training", "compare-training"};
    QTest::newRow("no such epoch") << QStringList{"--render", a, "--epoch", "77", "--out", out}
                                   << QStringList{"--epoch 77", "from 0 to"};
    QTest::newRow("no epoch") << QStringList{"--render", a, "--epoch", "last", "--out", out}
                              << QStringList{"--epoch last"};
    QTest::newRow("one figure of none") << QStringList{"--render", a, "--figures", "none", "--figure", "training"}
                                        << QStringList{"--figure:", "--figures none"};
    QTest::newRow("no such format of it") << QStringList{"--render", a, "--figure", "training", "--figures", "vtp"}
                                          << QStringList{"--figures vtp", "training", "png, svg, pdf, csv"};
    QTest::newRow("no such format of a comparison")
        << QStringList{"--render", a, "--compare", b, "--out", out, "--figure", "compare-surface-s", "--figures", "svg"}
        << QStringList{"--figures svg", "surface-s", "png, csv"};
    QTest::newRow("no such animation") << QStringList{"--render", a, "--animate", "nowhere"}
                                       << QStringList{"--animate nowhere", "contour-s"};
    for (const char* view : {"north", "10", "10,95", "10,20,30", "1,2,3,4", "1,2x"}) {
      QTest::addRow("view %s", view) << QStringList{"--render", a, "--view", view}
                                     << QStringList{QString("--view ") + view, "azimuth"};
    }
    QTest::newRow("out is a file") << QStringList{"--render", a, "--out", path("tiny.toml")}
                                   << QStringList{"--out", "tiny.toml", "is a file"};
    QTest::newRow("one epoch of all") << QStringList{"--render", a, "--animate", "contour-s", "--epoch", "1"}
                                      << QStringList{"--epoch", "--animate"};
    QTest::newRow("another key") << QStringList{"--render", a, "--compare", b, "--out", out, "--set", "seed=3"}
                                 << QStringList{"--set seed=3", "surface.NAME.scale"};
  }
  void wrongInput() {
    QFETCH(QStringList, arguments);
    QFETCH(QStringList, named);
    const Outcome outcome = runProgram(arguments);
    QVERIFY2(outcome.status == 2, outcome.err.constData());
    QVERIFY2(outcome.errorLines() == 1, outcome.err.constData());
    for (const QString& word : named) QVERIFY2(outcome.err.contains(word.toUtf8()), outcome.err.constData());
    QVERIFY(!QFileInfo::exists(path("out")));
  }

 private:
  QString path(const QString& name) const { return folder_.filePath(name); }
  QTemporaryDir folder_;
};

QTEST_GUILESS_MAIN(TestCompareBatch)
#include "tst_compare_batch.moc"
