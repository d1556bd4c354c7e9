// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QDockWidget>
#include <QDoubleSpinBox>
#include <QElapsedTimer>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QSlider>
#include <QStatusBar>
#include <QTabWidget>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>

#include "app/bit_solver.h"
#include "app/bits_page.h"
#include "app/figure_tabs.h"
#include "app/inspector.h"
#include "app/main_window.h"
#include "core/quantization/allocation.h"
#include "core/results/error.h"
#include "core/study/study.h"
#include "support/sample_run.h"
#include "tests/app/support/actions.h"
#include "tests/app/support/bits_page_of.h"
#include "tests/app/support/made_up_bits.h"
#include "views/figure.h"
#include "views/plot_figure.h"
#include "views/plotting.h"

using namespace eigenscape;

namespace {

constexpr int patienceMs = 60000;

}  // namespace

class TestBitsPage : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase();
  void emptyStateSaysWhatToDo();
  void theBudgetSolves();
  void editsLocksAndUndo();
  void whatIsDoneMeanwhileStands();
  void answersForOtherLayersAreForgotten();
  void noRoom();
  void theRunsRulesHold();
  void keysInTheTable();
  void comparesTwo();
  void whatWasMeasured();
  void savesAndLoads();
  void fiftyFourLayersFollowTheSlider();
  void inTheWindow();
  void aRunOfATableAlone();

 private:
  void solve(BitsPage& page, double share);
  QTemporaryDir folder_;
};

void TestBitsPage::initTestCase() {
  QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, folder_.filePath("settings"));
  QApplication::setOrganizationName("EigenscapeTest");
  QApplication::setApplicationName("EigenscapeTest");
}

void TestBitsPage::solve(BitsPage& page, double share) {
  QSignalSpy settled(&page, &BitsPage::settled);
  page.share()->setValue(share);
  QTRY_VERIFY_WITH_TIMEOUT(!settled.isEmpty(), patienceMs);
}

void TestBitsPage::emptyStateSaysWhatToDo() {
  BitsPage page;
  QVERIFY(page.message().contains("No run is open"));
  page.showRun(std::make_shared<RunResults>());
  QVERIFY(page.message().contains("quantization.sensitivity"));
  auto broken = std::make_shared<RunResults>(*madeUp(3));
  broken->sensitivity.pop_back();
  page.showRun(broken);
  QVERIFY2(page.message().contains("8 bits"), qPrintable(page.message()));
}

void TestBitsPage::theBudgetSolves() {
  const auto run = madeUp(20);
  const auto page = pageOf(run);
  QCOMPARE(page->message(), QString());
  const auto layers = layerChoices(run->sensitivity, {}, "t");
  QCOMPARE(page->held().bits, std::vector<std::int64_t>(20, 8));  // nothing was chosen yet
  for (const double share : {0.5, 0.3, 0.8}) {
    solve(*page, share);
    const auto best = allocate(layers, {{Cost::Size, share}});
    QCOMPARE(page->held().bits, best->setting.bits);
    QCOMPARE(page->slider()->value(), int(std::lround(1000 * share)));
  }
  page->costChoice()->setCurrentIndex(1);
  QSignalSpy settled(page.get(), &BitsPage::settled);
  Q_EMIT page->costChoice()->activated(1);
  QTRY_VERIFY(!settled.isEmpty());
  QCOMPARE(page->held().bits, allocate(layers, {{Cost::Bops, 0.8}})->setting.bits);
  QVERIFY(page->statusText().contains("sum of"));
  QVERIFY2(page->budgetText().endsWith(" bit operations"), qPrintable(page->budgetText()));
  // The slider's moves in a row are one change.
  page->history()->undo();
  QCOMPARE(page->held().bits, std::vector<std::int64_t>(20, 8));
}

void TestBitsPage::editsLocksAndUndo() {
  auto run = std::make_shared<RunResults>(*madeUp(8));
  for (auto& row : run->sensitivity) {
    if (row.layer == sample::layerName(2, 8) || row.layer == sample::layerName(5, 8)) row.group = "pair";
  }
  const auto page = pageOf(run);
  solve(*page, 0.5);
  auto* model = page->table()->model();
  const auto before = page->held().bits;
  QVERIFY(model->setData(model->index(0, BitsModel::Bits), 2, Qt::EditRole));
  QVERIFY(model->setData(model->index(2, BitsModel::Bits), 2, Qt::EditRole));
  QVERIFY(!model->setData(model->index(1, BitsModel::Bits), 3, Qt::EditRole));  // not one of the widths
  QCOMPARE(page->held().bits[0], std::int64_t(2));
  QCOMPARE(page->held().bits[5], std::int64_t(2));  // of layer 2's group
  QVERIFY(model->setData(model->index(0, BitsModel::Lock), Qt::Checked, Qt::CheckStateRole));
  solve(*page, 0.9);
  QCOMPARE(page->held().bits[0], std::int64_t(2));
  QVERIFY(page->held().bits[2] == page->held().bits[5]);
  for (int i = 0; i < 4; ++i) page->history()->undo();
  QCOMPARE(page->held().bits, before);
  QVERIFY(!page->held().locked[0]);
  page->history()->redo();
  QCOMPARE(page->held().bits[0], std::int64_t(2));
}

/// While a budget is being solved for.
void TestBitsPage::whatIsDoneMeanwhileStands() {
  const auto page = pageOf(madeUp(12));
  QSignalSpy solved(page->findChild<BitSolver*>(), &BitSolver::solved);
  const auto answered = [&] {
    const bool came = !solved.isEmpty() || solved.wait(patienceMs);
    solved.clear();
    return came;
  };
  auto* model = page->table()->model();
  const std::vector<std::int64_t> all(12, 8);
  page->share()->setValue(0.2);
  QVERIFY(model->setData(model->index(3, BitsModel::Bits), 4, Qt::EditRole));
  QVERIFY(answered());
  auto edited = all;
  edited[3] = 4;
  QCOMPARE(page->held().bits, edited);
  QCOMPARE(page->share()->value(), 1.0);  // the budget that the bits were chosen under
  // A lock is kept to, and the budget is solved for all the same.
  page->share()->setValue(0);
  QVERIFY(model->setData(model->index(3, BitsModel::Lock), Qt::Checked, Qt::CheckStateRole));
  QCOMPARE(page->share()->value(), 0.0);
  QVERIFY(answered());
  QVERIFY2(page->statusText().contains("locked layers"), qPrintable(page->statusText()));
  page->share()->setValue(0.3);
  QVERIFY(answered());
  QCOMPARE(page->held().bits[3], std::int64_t(4));
  QCOMPARE(page->held().limit.share, 0.3);
  // What is undone stays undone.
  page->share()->setValue(0.5);
  page->history()->undo();
  QVERIFY(answered());
  QCOMPARE(page->held().bits, edited);
  QVERIFY(page->history()->canRedo());
}

void TestBitsPage::answersForOtherLayersAreForgotten() {
  const auto page = pageOf(madeUp(20));
  QSignalSpy tabulated(page->findChild<BitSolver*>(), &BitSolver::tabulated);
  QVERIFY(tabulated.wait(patienceMs));
  auto other = std::make_shared<RunResults>(*madeUp(6));
  other->directory = "/other";
  other->pareto.resize(1);  // nothing else is asked of the solver
  QSignalSpy solved(page->findChild<BitSolver*>(), &BitSolver::solved);
  page->share()->setValue(0.5);
  page->showRun(other);
  QVERIFY(!solved.wait(300));
  QCOMPARE(page->held().bits.size(), std::size_t(6));
}

void TestBitsPage::noRoom() {
  const auto page = pageOf(madeUp(6));
  auto* model = page->table()->model();
  for (int i = 0; i < 6; ++i) model->setData(model->index(i, BitsModel::Lock), Qt::Checked, Qt::CheckStateRole);
  const auto before = page->held().bits;
  solve(*page, 0.2);
  QCOMPARE(page->held().bits, before);
  QVERIFY2(page->statusText().contains("locked layers"), qPrintable(page->statusText()));
  // The amount is that of the budget that is shown.
  const auto layers = layerChoices(madeUp(6)->sensitivity, {}, "t");
  const auto amount = numberText(allowed(layers, {Cost::Size, 0.2}) / 1e6, 4);
  QVERIFY2(page->budgetText().contains(amount), qPrintable(page->budgetText() + " lacks " + amount));
}

void TestBitsPage::theRunsRulesHold() {
  auto run = std::make_shared<RunResults>(*madeUp(6));
  run->recipe = "[quantization]\nbits = [2, 8]\nfirst_last_bits = 8\nfrontier = \"bops\"\n";
  const auto page = pageOf(run);
  QSignalSpy tabulated(page->findChild<BitSolver*>(), &BitSolver::tabulated);
  QVERIFY(tabulated.wait(patienceMs));
  const auto tables = tabulated.front().front().value<std::shared_ptr<const BitTables>>();
  QCOMPARE(tables->frontier, std::string("bops"));
  solve(*page, 0);
  QCOMPARE(page->held().bits, (std::vector<std::int64_t>{8, 2, 2, 2, 2, 8}));
  page->table()->selectAll();
  QTest::keyClick(page->table(), Qt::Key_Plus);
  QCOMPARE(page->held().bits, std::vector<std::int64_t>(6, 8));  // not 4
  run->recipe = "[quantization]\nbits = [3]\n";
  page->showRun(std::make_shared<RunResults>());
  page->showRun(run);
  QVERIFY2(page->message().contains("quantization.bits"), qPrintable(page->message()));
}

void TestBitsPage::keysInTheTable() {
  const auto page = pageOf(madeUp(6));
  page->table()->setFocus();
  page->table()->selectRow(1);
  QTest::keyClick(page->table(), Qt::Key_Minus);
  QCOMPARE(page->held().bits, (std::vector<std::int64_t>{8, 4, 8, 8, 8, 8}));
  page->table()->selectAll();
  QTest::keyClick(page->table(), Qt::Key_Minus);
  QCOMPARE(page->held().bits, (std::vector<std::int64_t>{4, 2, 4, 4, 4, 4}));
  page->history()->undo();  // of all that were selected
  QCOMPARE(page->held().bits, (std::vector<std::int64_t>{8, 4, 8, 8, 8, 8}));
  page->history()->redo();
  QTest::keyClick(page->table(), Qt::Key_Plus);
  QCOMPARE(page->held().bits, (std::vector<std::int64_t>{8, 4, 8, 8, 8, 8}));
  page->table()->selectRow(3);
  QTest::keyClick(page->table(), Qt::Key_L);
  QVERIFY(page->held().locked[3] && !page->held().locked[2]);
  const int steps = page->history()->count();
  page->table()->selectAll();
  QTest::keyClick(page->table(), Qt::Key_L);
  QCOMPARE(page->held().locked, std::vector<bool>(6, true));
  QCOMPARE(page->history()->count(), steps + 1);
}

void TestBitsPage::comparesTwo() {
  const auto page = pageOf(madeUp(6));
  QVERIFY(page->table()->isColumnHidden(BitsModel::Other));
  QTest::mouseClick(page->keepButton(), Qt::LeftButton);
  QVERIFY(!page->table()->isColumnHidden(BitsModel::Other));
  solve(*page, 0.3);
  auto* model = page->table()->model();
  QCOMPARE(model->index(0, BitsModel::Other).data().toLongLong(), 8LL);
  QVERIFY(page->statusText().contains("kept"));
  // Nothing was given here.
  auto* plot = qobject_cast<PlotFigure*>(page->frontier())->plot();
  const auto* kept = plot->findChild<QCPGraph*>("kept");
  QVERIFY(kept && kept->name() == "kept" && kept->dataCount() == 1);
  QVERIFY(plot->findChild<QCPGraph*>("current") && !plot->findChild<QCPGraph*>("given"));
}

/// Predicted Ω stands on one tab, the measured accuracies on the next.
void TestBitsPage::whatWasMeasured() {
  auto run = std::make_shared<RunResults>(*madeUp(4));
  const auto layers = layerChoices(run->sensitivity, {}, "t");
  for (const int bits : {2, 4, 8}) {
    const auto setting = uniformSetting(layers, bits);
    const std::string name = "uniform-" + std::to_string(bits);
    run->settings.push_back({name, "uniform", setting.sizeBytes, setting.bops, setting.latencyMs, setting.omega,
                             setting.standardError, 1.0 / bits, 0.1 * bits});
    for (const auto& layer : layers) run->settingBits.push_back({name, layer.layer, bits});
  }
  run->pareto.push_back({1, layers.front().parameters / 1.0, 1, 1, std::nan(""), std::nan("")});
  const auto page = pageOf(run);
  page->tabs()->setCurrentWidget(page->accuracy());
  QCOMPARE(page->figure(), page->accuracy());
  auto* plot = qobject_cast<PlotFigure*>(page->accuracy())->plot();
  const auto current = [plot] { return plot->findChild<QCPGraph*>("current"); };
  QVERIFY(current() && current()->dataCount() == 1);
  QVERIFY2(std::abs(current()->data()->at(0)->value - 80) < 1e-9, "8 bits are known from the run");
  page->table()->selectAll();
  QTest::keyClick(page->table(), Qt::Key_Minus);
  QVERIFY(current() && std::abs(current()->data()->at(0)->value - 40) < 1e-9);
  page->table()->selectRow(0);
  QTest::keyClick(page->table(), Qt::Key_Minus);
  QVERIFY2(!current(), "not measured");
  // What is under the other tab is drawn when it is looked at.
  auto* frontier = qobject_cast<PlotFigure*>(page->frontier())->plot();
  const auto omega = [frontier] { return frontier->findChild<QCPGraph*>("current")->data()->at(0)->value; };
  const double before = omega();
  QSignalSpy seen(plot, &QCustomPlot::afterReplot);
  page->table()->selectAll();
  QTest::keyClick(page->table(), Qt::Key_Minus);
  QTRY_VERIFY(!seen.isEmpty());
  QCOMPARE(omega(), before);
  page->tabs()->setCurrentWidget(page->frontier());
  QVERIFY(omega() > before);
}

void TestBitsPage::savesAndLoads() {
  const auto page = pageOf(madeUp(6));
  solve(*page, 0.4);
  const auto bits = page->held().bits;
  const QString file = folder_.filePath("mine.json");
  page->saveTo(file);
  QFile stream(file);
  QVERIFY(stream.open(QIODevice::ReadOnly));
  const auto layers =
      QJsonDocument::fromJson(stream.readAll())["settings"].toArray().at(0).toObject()["layers"].toArray();
  QCOMPARE(layers.size(), 6);
  QCOMPARE(layers.at(0)["bits"].toInt(), int(bits[0]));
  solve(*page, 1);
  QVERIFY(page->held().bits != bits);
  page->loadFrom(file);
  QCOMPARE(page->held().bits, bits);
  const auto other = pageOf(madeUp(7));
  QVERIFY_EXCEPTION_THROWN(other->loadFrom(file), RunError);
}

/// Solving and drawing take less than a tenth of a second here; a loaded machine is given more.
void TestBitsPage::fiftyFourLayersFollowTheSlider() {
  const auto page = pageOf(madeUp(54));
  solve(*page, 0.5);
  QTest::qWait(0);
  std::vector<double> times;
  for (int i = 0; i < 9; ++i) {
    QSignalSpy settled(page.get(), &BitsPage::settled);
    QElapsedTimer timer;
    timer.start();
    page->slider()->setValue(200 + 70 * i);
    while (settled.isEmpty() && timer.elapsed() < patienceMs)
      QApplication::processEvents(QEventLoop::WaitForMoreEvents, 50);
    page->grab();  // what is queued to be drawn is drawn
    times.push_back(double(timer.nsecsElapsed()) / 1e6);
  }
  std::sort(times.begin(), times.end());
  qInfo("slider to picture, 54 layers: median %.0f ms, longest %.0f ms", times[4], times[8]);
  QVERIFY2(times[4] < 400, qPrintable(QString::number(times[4])));
}

void TestBitsPage::inTheWindow() {
  sample::Options options;
  options.layers = 20;
  const auto run = sample::run(options);
  const std::filesystem::path directory = folder_.filePath("sample").toStdString();
  auto positive = run;
  positive.info.testExamples = 0;
  for (auto& row : positive.sensitivity) row.meanTrace = std::abs(row.meanTrace), row.omega = std::abs(row.omega);
  sample::save(positive, directory);
  MainWindow window;
  window.resize(1200, 800);
  window.show();
  QSignalSpy shown(&window, &MainWindow::runShown);
  window.openPath(QString::fromStdString(directory.string()));
  QTRY_VERIFY_WITH_TIMEOUT(!shown.isEmpty(), patienceMs);
  QTest::keyClick(&window, Qt::Key_6);
  QVERIFY(window.isChoosingBits());
  auto* page = window.bitsPage();
  QCOMPARE(page->message(), QString());
  solve(*page, 0.5);
  const auto bits = page->held().bits;
  window.setFocus();
  QTest::keyClick(&window, Qt::Key_Z, Qt::ControlModifier);
  QVERIFY(page->held().bits != bits);  // the page's history, not the form's
  QVERIFY(!page->measureButton()->isEnabled());
  QVERIFY2(page->measureButton()->toolTip().contains("no test examples"), qPrintable(page->measureButton()->toolTip()));
  // Inspector and keys know the page's figures.
  QCOMPARE(window.shownFigure(), page->frontier());
  window.findChild<QDockWidget*>("InspectorDock")->raise();
  QTRY_COMPARE(window.inspector()->fact("figure"), page->frontier()->id().title());
  auto* plot = qobject_cast<PlotFigure*>(page->bars())->plot();
  QTest::mouseClick(plot, Qt::LeftButton, {}, plot->rect().center());
  QCOMPARE(window.shownFigure(), page->bars());
  QCOMPARE(window.inspector()->fact("figure"), page->bars()->id().title());
  const auto wide = plot->xAxis->range();
  plot->xAxis->setRange(wide.lower, wide.center());
  QTest::keyClick(&window, Qt::Key_0);
  QVERIFY(plot->xAxis->range().upper > wide.center());
  QTest::keyClick(&window, Qt::Key_F11);
  QVERIFY(window.isFullPage());
  QVERIFY(page->bars()->isVisible() && !page->frontier()->isVisible() && !page->table()->isVisible());
  QTest::keyClick(&window, Qt::Key_Escape);
  QVERIFY(!window.isFullPage() && page->frontier()->isVisible() && page->table()->isVisible());
  QApplication::clipboard()->clear();
  const auto menu = page->bars()->contextMenu();
  for (QAction* action : menu->actions()) {
    QVERIFY(!action->text().contains("frames"));
    if (action->text().contains("batch command")) action->trigger();
  }
  QVERIFY(QApplication::clipboard()->text().contains("--batch"));
  // It makes the bits that are shown only when they are in a file.
  QVERIFY(!QApplication::clipboard()->text().contains("quantization.settings"));
  QVERIFY2(window.statusBar()->currentMessage().contains("Save bits"),
           qPrintable(window.statusBar()->currentMessage()));
  const QString file = folder_.filePath("shown.json");
  page->save(file);
  Q_EMIT page->bars()->copyBatchCommandRequested();
  QVERIFY2(QApplication::clipboard()->text().contains("quantization.settings=" + file),
           qPrintable(QApplication::clipboard()->text()));
  QVERIFY(!window.statusBar()->currentMessage().contains("Save bits"));
  // Undo is the page's that is shown.
  const auto* undo = actionOf(window, "Undo");
  solve(*page, 0.25);
  QVERIFY(undo->isEnabled());
  // No figure of the tabs is drawn on the way to another page.
  QSignalSpy tabs(window.figures(), &FigureTabs::shown);
  QTest::keyClick(&window, Qt::Key_5);
  QVERIFY(window.isComparing());
  QVERIFY(!undo->isEnabled());
  QCOMPARE(window.shownFigure(), nullptr);
  QVERIFY(window.inspector()->fact("figure").isEmpty());
  QVERIFY(tabs.isEmpty());
  QTest::keyClick(&window, Qt::Key_6);
  QVERIFY(undo->isEnabled());
  QTest::keyClick(&window, Qt::Key_4);
  QVERIFY(!window.isChoosingBits());
  QVERIFY(!undo->isEnabled());
  QCOMPARE(window.shownFigure(), window.figures()->current());
  QCOMPARE(window.inspector()->fact("figure"), window.figures()->current()->id().title());
}

/// A run without data and model opens like any other.
void TestBitsPage::aRunOfATableAlone() {
  QFile table(folder_.filePath("s.csv"));
  QVERIFY(table.open(QIODevice::WriteOnly));
  table.write("layer,bits,parameters,omega\na,2,10,1\na,4,10,0.5\na,8,10,0.1\nb,2,30,2\nb,4,30,0.2\nb,8,30,0\n");
  table.close();
  Recipe recipe;
  recipe.quantization.enabled = true;
  recipe.quantization.sensitivity = folder_.filePath("s.csv").toStdString();
  StudyOptions options;
  options.out = folder_.filePath("table").toStdString();
  runStudy(recipe, options, {});
  MainWindow window;
  window.show();
  QSignalSpy shown(&window, &MainWindow::runShown);
  window.openPath(folder_.filePath("table"));
  QTRY_VERIFY_WITH_TIMEOUT(!shown.isEmpty(), patienceMs);
  QCOMPARE(window.message(), QString());
  window.showBits(true);
  QCOMPARE(window.bitsPage()->held().bits.size(), std::size_t(2));
  // In the unit that the frontier's axis has.
  QVERIFY2(window.bitsPage()->budgetText().endsWith("bytes"), qPrintable(window.bitsPage()->budgetText()));
  QVERIFY2(window.bitsPage()->statusText().contains("(bytes)"), qPrintable(window.bitsPage()->statusText()));
  QVERIFY(!window.bitsPage()->measureButton()->isEnabled());
  QVERIFY(window.bitsPage()->measureButton()->toolTip().contains("no model"));
}

QTEST_MAIN(TestBitsPage)
#include "tst_bits_page.moc"
