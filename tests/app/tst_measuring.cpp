// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QDir>
#include <QPushButton>
#include <QScopeGuard>
#include <QSettings>
#include <QSignalSpy>
#include <QTabWidget>
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>

#include "app/bits_page.h"
#include "app/main_window.h"
#include "app/measuring.h"
#include "core/results/tables.h"
#include "core/study/study.h"
#include "tests/app/support/actions.h"
#include "views/figure.h"
#include "views/plot_figure.h"
#include "views/plotting.h"

using namespace eigenscape;

namespace {

constexpr int patienceMs = 60000;

std::unique_ptr<BitsPage> pageOf(std::shared_ptr<const RunResults> run) {
  auto page = std::make_unique<BitsPage>();
  page->setLookedAt(true);
  page->show();
  page->showRun(std::move(run));
  return page;
}

/// Bits that the run has not measured.
void setByHand(BitsPage& page) {
  auto held = page.held();
  held.bits.assign(held.bits.size(), 4);
  held.bits.back() = 8;
  page.setHeld(held, "by hand");
}

}  // namespace

/// The workbench's button Measure: a small study beside the window.
class TestMeasuring : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase();
  void theMeasuringRecipe();
  void measuresInTheBackground();
  void theFolderStaysAsLongAsTheMeasurement();
  void layersThatChangeMeanwhile();
  void noTemporaryFolder();
  void aNetworkThatIsNotTrained();
  void oneStudyAtATime();

 private:
  std::filesystem::path tinyRun();
  QTemporaryDir folder_;
};

void TestMeasuring::initTestCase() {
  QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, folder_.filePath("settings"));
  QApplication::setOrganizationName("EigenscapeTest");
  QApplication::setApplicationName("EigenscapeTest");
}

/// Loss and accuracy of the setting and nothing else, and as the run itself would have measured it.
void TestMeasuring::theMeasuringRecipe() {
  RunResults run;
  run.directory = "/run";
  run.info.trainExamples = 5000;
  run.recipe = "[quantization]\nfinetune = \"blocks\"\nmethods = [\"v2\", \"measured\"]\nfirst_last_bits = 8\n";
  auto recipe = measuringRecipe(run, "/bits.json");
  QCOMPARE(recipe.quantization.finetune, std::string("none"));
  QCOMPARE(recipe.quantization.methods, std::vector<std::string>{"v2"});
  QCOMPARE(recipe.quantization.firstLastBits, std::int64_t{8});
  QCOMPARE(recipe.data.trainLimit, std::int64_t{256});
  run.recipe += "activation_bits = \"same\"\ncalibration_samples = 700\n";
  QCOMPARE(measuringRecipe(run, "/bits.json").data.trainLimit, std::int64_t{700});
  run.recipe += "[data]\ntrain_limit = 600\n";
  QCOMPARE(measuringRecipe(run, "/bits.json").data.trainLimit, std::int64_t{600});
}

std::filesystem::path TestMeasuring::tinyRun() {
  const std::filesystem::path directory = folder_.filePath("tiny").toStdString();
  if (isRunDirectory(directory)) return directory;
  const auto recipe = parseRecipe(R"(name = "tiny"
[data]
dataset = "glyphs"
train_limit = 96
test_limit = 64
[model]
architecture = "cnn"
[training]
epochs = 1
batch_size = 16
[curvature]
samples = 32
top = 0
trace_probes = 4
[quantization]
bits = [2, 4, 8]
frontier_points = 1
)",
                                  "tiny");
  StudyOptions options;
  options.threads = 1;
  options.out = directory;
  runStudy(recipe, options, {});
  return directory;
}

void TestMeasuring::measuresInTheBackground() {
  const auto run = std::make_shared<const RunResults>(loadRun(tinyRun()));
  const auto page = pageOf(run);
  // The bits of the first limit, whose loss the run knows.
  const auto limit = std::find_if(run->settings.begin(), run->settings.end(),
                                  [](const SettingRow& row) { return row.setting == "size=0.5"; });
  QVERIFY(limit != run->settings.end() && std::isfinite(limit->loss));
  for (std::size_t i = 0; i < run->allocations.size(); ++i) QCOMPARE(page->held().bits[i], run->allocations[i].bits);
  QVERIFY2(page->statusText().contains(QString("%1 %").arg(100 * limit->accuracy, 0, 'f', 2)), "known from the run");
  QVERIFY(!page->measureButton()->isEnabled());
  // As if uniform-2 had not been measured.
  auto other = std::make_shared<RunResults>(*run);
  other->directory /= ".";
  std::erase_if(other->settingBits, [](const SettingBitsRow& row) { return row.setting == "uniform-2"; });
  page->showRun(other);
  QSignalSpy measured(page.get(), &BitsPage::measured), failed(page.get(), &BitsPage::failed);
  QSignalSpy said(page.get(), &BitsPage::said);
  page->setHeld({std::vector<std::int64_t>(page->held().bits.size(), 2), page->held().locked, page->held().limit}, "2");
  QVERIFY2(page->measureButton()->isEnabled(), qPrintable(page->measureButton()->toolTip()));
  QTest::mouseClick(page->measureButton(), Qt::LeftButton);
  QVERIFY(page->isMeasuring());
  QTRY_VERIFY_WITH_TIMEOUT(!measured.isEmpty(), patienceMs);
  QVERIFY2(failed.isEmpty(), failed.isEmpty() ? "" : qPrintable(failed.front().front().toString()));
  const auto uniform = std::find_if(run->settings.begin(), run->settings.end(),
                                    [](const SettingRow& row) { return row.setting == "uniform-2"; });
  const QString expected = QString("%1 %").arg(100 * uniform->accuracy, 0, 'f', 2);
  QVERIFY2(page->statusText().contains(expected), qPrintable(page->statusText() + " lacks " + expected));
  QCOMPARE(said.size(), 1);
  QVERIFY2(said.front().front().toString().startsWith("measured with your bits: "),
           qPrintable(said.front().front().toString()));
  // Other bits are current now; these are what was measured, and not given.
  page->setHeld({std::vector<std::int64_t>(page->held().bits.size(), 4), page->held().locked, page->held().limit}, "4");
  page->tabs()->setCurrentWidget(page->accuracy());
  auto* plot = qobject_cast<PlotFigure*>(page->accuracy())->plot();
  const auto* own = plot->findChild<QCPGraph*>("measured");
  QVERIFY(own && own->name() == "measured" && own->dataCount() == 1);
  QVERIFY(!plot->findChild<QCPGraph*>("given"));
}

void TestMeasuring::theFolderStaysAsLongAsTheMeasurement() {
  const auto run = std::make_shared<const RunResults>(loadRun(tinyRun()));
  QVERIFY(QDir(folder_.path()).mkpath("temporary"));
  const QDir temporary(folder_.filePath("temporary"));
  qputenv("TMPDIR", temporary.path().toUtf8());
  const auto restore = qScopeGuard([] { qunsetenv("TMPDIR"); });
  auto page = pageOf(run);
  const auto start = [&] {
    setByHand(*page);
    QTest::mouseClick(page->measureButton(), Qt::LeftButton);
    return page->isMeasuring();
  };
  QVERIFY(start());
  page->stopMeasuring();
  QVERIFY(page->isStopping());
  QVERIFY(!temporary.isEmpty());
  QTRY_VERIFY_WITH_TIMEOUT(!page->isStopping() && temporary.isEmpty(), patienceMs);
  QVERIFY(start());
  QVERIFY(!temporary.isEmpty());
  page.reset();
  QVERIFY(temporary.isEmpty());
}

/// A run that goes on may have other layers; what is measured and what was are of those before.
void TestMeasuring::layersThatChangeMeanwhile() {
  const auto run = std::make_shared<const RunResults>(loadRun(tinyRun()));
  const auto page = pageOf(run);
  QSignalSpy measured(page.get(), &BitsPage::measured);
  setByHand(*page);
  QTest::mouseClick(page->measureButton(), Qt::LeftButton);
  QTRY_VERIFY_WITH_TIMEOUT(!measured.isEmpty(), patienceMs);
  auto held = page->held();
  held.bits.front() = 2;
  page->setHeld(held, "by hand");
  QTest::mouseClick(page->measureButton(), Qt::LeftButton);
  QVERIFY(page->isMeasuring());
  auto fewer = std::make_shared<RunResults>(*run);
  const std::string last = run->sensitivity.back().layer;
  std::erase_if(fewer->sensitivity, [&](const SensitivityRow& row) { return row.layer == last; });
  page->showRun(fewer);
  QVERIFY(!page->isMeasuring());
  QCOMPARE(page->held().bits.size(), held.bits.size() - 1);
  QTRY_VERIFY_WITH_TIMEOUT(!page->isStopping(), patienceMs);
}

void TestMeasuring::noTemporaryFolder() {
  const auto page = pageOf(std::make_shared<const RunResults>(loadRun(tinyRun())));
  setByHand(*page);
  const QString file = folder_.filePath("no-folder");
  writeFileAtomically(file.toStdString(), "a file");
  qputenv("TMPDIR", file.toUtf8());
  const auto restore = qScopeGuard([] { qunsetenv("TMPDIR"); });
  for (QPushButton* button : {page->measureButton(), page->landscapeButton()}) {
    QSignalSpy failed(page.get(), &BitsPage::failed);
    QTest::mouseClick(button, Qt::LeftButton);
    QVERIFY(!page->isMeasuring());
    QCOMPARE(failed.size(), 1);
    const QString line = failed.front().front().toString();
    QVERIFY2(line.contains(file) && line.contains("TMPDIR"), qPrintable(line));
  }
}

/// Its weights are others when the run has gone on.
void TestMeasuring::aNetworkThatIsNotTrained() {
  const auto whole = loadRun(tinyRun());
  auto run = std::make_shared<RunResults>(whole);
  run->info.status = "interrupted";
  QCOMPARE(networkObstacle(*run), std::string());
  std::erase_if(run->info.phases, [](const PhaseInfo& phase) { return phase.name == "train:1"; });
  const auto page = pageOf(run);
  setByHand(*page);
  for (const QPushButton* button : {page->measureButton(), page->landscapeButton()}) {
    QVERIFY(!button->isEnabled());
    QVERIFY2(button->toolTip().contains("training is not finished"), qPrintable(button->toolTip()));
  }
  page->showRun(std::make_shared<const RunResults>(whole));
  QVERIFY(page->measureButton()->isEnabled() && page->landscapeButton()->isEnabled());
  // Nothing is trained.
  const auto at = run->recipe.find("epochs = 1");
  QVERIFY(at != std::string::npos);
  run->recipe.replace(at, 10, "epochs = 0");
  QCOMPARE(networkObstacle(*run), std::string());
}

/// Two would each ask for all processors.
void TestMeasuring::oneStudyAtATime() {
  auto info = readRunInfo(tinyRun());
  info.status = "interrupted";
  writeRunInfo(tinyRun(), info);
  MainWindow window;
  window.show();
  QSignalSpy shown(&window, &MainWindow::runShown), ended(&window, &MainWindow::jobEnded);
  window.openPath(QString::fromStdString(tinyRun().string()));
  QTRY_VERIFY_WITH_TIMEOUT(!shown.isEmpty(), patienceMs);
  const auto *run = actionOf(window, "Run"), *resume = actionOf(window, "Go on with this run"),
             *cancel = actionOf(window, "Cancel");
  QVERIFY(run->isEnabled() && resume->isEnabled() && !cancel->isEnabled());
  window.showBits(true);
  auto* page = window.bitsPage();
  setByHand(*page);
  QTest::mouseClick(page->measureButton(), Qt::LeftButton);
  QVERIFY(page->isMeasuring());
  QVERIFY(!run->isEnabled() && !resume->isEnabled() && cancel->isEnabled());
  QVERIFY2(run->toolTip().contains("workbench measures"), qPrintable(run->toolTip()));
  window.resumeRun();
  QVERIFY(!window.isRunning() && page->isMeasuring());
  QVERIFY2(window.message().contains("workbench measures"), qPrintable(window.message()));
  QTest::keyClick(&window, Qt::Key_Period, Qt::ControlModifier);
  QVERIFY(!page->isMeasuring() && page->isStopping());
  QVERIFY2(page->measureButton()->toolTip().contains("coming to its end"),
           qPrintable(page->measureButton()->toolTip()));
  window.startRun();
  QVERIFY(!window.isRunning());
  QTRY_VERIFY_WITH_TIMEOUT(run->isEnabled() && resume->isEnabled(), patienceMs);
  QVERIFY(!cancel->isEnabled() && !page->isStopping());
  window.resumeRun();
  QVERIFY(window.isRunning());
  QVERIFY2(page->measureButton()->toolTip().contains("study is going on"),
           qPrintable(page->measureButton()->toolTip()));
  QTRY_VERIFY_WITH_TIMEOUT(!ended.isEmpty(), patienceMs);
  QTRY_VERIFY2_WITH_TIMEOUT(page->measureButton()->isEnabled(), qPrintable(page->measureButton()->toolTip()),
                            patienceMs);
  // Closing does not wait for the last batch.
  QTest::mouseClick(page->measureButton(), Qt::LeftButton);
  QVERIFY(page->isMeasuring());
  window.close();
  QVERIFY(page->isStopping() && window.isVisible());
  QTRY_VERIFY_WITH_TIMEOUT(!window.isVisible(), patienceMs);
}

QTEST_MAIN(TestMeasuring)
#include "tst_measuring.moc"
