// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractButton>
#include <QApplication>
#include <QCheckBox>
#include <QClipboard>
#include <QComboBox>
#include <QDir>
#include <QDoubleSpinBox>
#include <QElapsedTimer>
#include <QLineEdit>
#include <QMessageBox>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QSlider>
#include <QSpinBox>
#include <QStackedWidget>
#include <QTemporaryDir>
#include <QTest>
#include <fstream>

#include "app/epoch_bar.h"
#include "app/export_dialog.h"
#include "app/figure_tabs.h"
#include "app/main_window.h"
#include "app/recipe_form.h"
#include "app/run_list.h"
#include "core/study/study.h"
#include "views/figure.h"

using namespace eigenscape;
namespace fs = std::filesystem;

namespace {

constexpr int patienceMs = 60000;

Recipe tiny() {
  return parseRecipe(R"(name = "tiny"
[data]
dataset = "glyphs"
train_limit = 96
test_limit = 32
[model]
architecture = "cnn"
[training]
epochs = 3
batch_size = 32
[curvature]
split = "both"
samples = 32
top = 2
max_products = 40
[[profile]]
name = "p"
points = 9
samples = 32
every = 1
[[surface]]
name = "s"
points = 5
samples = 32
[quantization]
bits = [2, 8]
)",
                     "tiny");
}

}  // namespace

class TestMainWindow : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase();
  void init();
  void cleanup();
  void startsQuicklyAndEmpty();
  void opensARun();
  void figuresFollowTheSlider();
  void playsThroughTheEpochs();
  void theLastRequestWins();
  void badPathsAreSaid_data();
  void badPathsAreSaid();
  void opensARecipe();
  void editsAreKept();
  void runsToTheEnd();
  void aWrongRecipeDoesNotStart();
  void cancelsAndGoesOn();
  void aFailedRunIsSaid();
  void closingDuringARunAsks();
  void exports();
  void copiesTheBatchCommand();
  void theCommandDrawsWhatTheDialogChose();
  void remembersRuns();

 private:
  QString path(const QString& name) const { return folder_.filePath(name); }
  void open(const QString& name);
  int tabOf(const QString& kind) const;

  QTemporaryDir folder_;
  std::unique_ptr<MainWindow> window_;
};

void TestMainWindow::initTestCase() {
  QVERIFY(folder_.isValid());
  QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, path("settings"));
  QApplication::setOrganizationName("EigenscapeTest");
  QApplication::setApplicationName("EigenscapeTest");
  StudyOptions options;
  options.threads = 1;
  for (const char* name : {"one", "two"}) {
    Recipe recipe = tiny();
    recipe.seed = name[0];
    options.out = path(name).toStdString();
    runStudy(recipe, options, {});
  }
  writeRunInfo(path("one").toStdString(), readRunInfo(path("one").toStdString()));
}

void TestMainWindow::init() {
  QSettings().clear();
  QSettings().setValue("runsFolder", path("runs"));
  window_ = std::make_unique<MainWindow>();
  window_->show();
}

void TestMainWindow::cleanup() {
  window_.reset();
}

void TestMainWindow::open(const QString& name) {
  QSignalSpy shown(window_.get(), &MainWindow::runShown);
  window_->openPath(path(name));
  QVERIFY(shown.wait(patienceMs));
}

int TestMainWindow::tabOf(const QString& kind) const {
  for (int i = 0; i < window_->figures()->count(); ++i) {
    if (window_->figures()->figure(i)->id().kind == kind) return i;
  }
  return -1;
}

void TestMainWindow::startsQuicklyAndEmpty() {
  window_.reset();
  QElapsedTimer timer;
  timer.start();
  window_ = std::make_unique<MainWindow>();
  window_->show();
  QVERIFY(QTest::qWaitForWindowExposed(window_.get()));
  QVERIFY2(timer.elapsed() < 1000, qPrintable(QString::number(timer.elapsed())));
  QCOMPARE(window_->figures()->count(), 0);
  QVERIFY(!window_->run());
  QCOMPARE(window_->form()->recipe().name, std::string("quickstart"));
}

void TestMainWindow::opensARun() {
  open("one");
  QCOMPARE(window_->message(), QString());
  for (const char* kind :
       {"training", "trajectories", "spectrum", "layers", "profile", "contour", "surface", "sensitivity"}) {
    QVERIFY2(tabOf(kind) >= 0, kind);
  }
  QCOMPARE(window_->epochBar()->epoch(), std::int64_t{3});
  QCOMPARE(window_->form()->recipe().name, std::string("tiny"));
  QVERIFY(!window_->form()->isChanged());
  QVERIFY(window_->windowTitle().contains("tiny"));
  for (int i = 0; i < window_->figures()->count(); ++i) window_->figures()->setCurrentIndex(i);
}

void TestMainWindow::figuresFollowTheSlider() {
  open("one");
  FigureTabs* tabs = window_->figures();
  tabs->setCurrentIndex(tabOf("profile"));
  const auto picture = [&] { return tabs->current()->picture(ExportOptions()); };
  const QImage last = picture();
  window_->epochBar()->slider()->setValue(0);
  QCOMPARE(window_->epochBar()->epoch(), std::int64_t{0});
  const QImage first = picture();
  QVERIFY(first != last);
  // A figure that was hidden meanwhile catches up when it is looked at.
  tabs->setCurrentIndex(tabOf("training"));
  window_->epochBar()->slider()->setValue(3);
  tabs->setCurrentIndex(tabOf("profile"));
  QCOMPARE(picture(), last);
}

void TestMainWindow::playsThroughTheEpochs() {
  open("one");
  QSignalSpy epochs(window_->epochBar(), &EpochBar::epochChanged);
  window_->epochBar()->play(true);
  QTRY_VERIFY_WITH_TIMEOUT(!window_->epochBar()->isPlaying(), patienceMs);
  QList<qint64> seen;
  for (const auto& arguments : epochs) seen << arguments[0].toLongLong();
  QCOMPARE(seen, (QList<qint64>{0, 1, 2, 3}));
}

void TestMainWindow::theLastRequestWins() {
  QSignalSpy shown(window_.get(), &MainWindow::runShown);
  window_->openPath(path("one"));
  window_->openPath(path("two"));
  window_->openPath(path("one"));
  window_->openPath(path("two"));
  QTRY_VERIFY_WITH_TIMEOUT(window_->run() != nullptr, patienceMs);
  QCOMPARE(QString::fromStdString(window_->run()->directory.string()), path("two"));
  QCOMPARE(shown.size(), 1);
  QCOMPARE(window_->form()->recipe().seed, std::int64_t{'t'});
}

void TestMainWindow::badPathsAreSaid_data() {
  QTest::addColumn<QString>("name");
  QTest::addColumn<QString>("content");  // of run.json or of the recipe
  QTest::addColumn<QString>("word");
  QTest::newRow("nothing there") << "nowhere" << QString() << "nowhere";
  QTest::newRow("no run") << "empty/" << QString() << "run.json";
  QTest::newRow("broken run") << "broken/run.json"
                              << "{\"status\": "
                              << "run.json";
  QTest::newRow("broken table") << "table/metrics.csv"
                                << "epoch,split\n1,train\n"
                                << "metrics.csv";
  QTest::newRow("broken recipe") << "broken.toml"
                                 << "[data\n"
                                 << "broken.toml:1";
  QTest::newRow("unknown key") << "unknown.toml"
                               << "sed = 1\n"
                               << "seed";
}

void TestMainWindow::badPathsAreSaid() {
  QFETCH(QString, name);
  QFETCH(QString, content);
  QFETCH(QString, word);
  const fs::path file = path(name).toStdString();
  if (name.contains('/')) fs::create_directories(file.parent_path());
  if (name.endsWith(".csv")) std::ofstream(file.parent_path() / "run.json") << "{\"status\": \"done\"}";
  if (!content.isEmpty()) std::ofstream(file) << content.toStdString();
  QSignalSpy said(window_.get(), &MainWindow::messageShown);
  window_->openPath(name.endsWith(".csv") ? path("table") : path(name));
  QTRY_VERIFY_WITH_TIMEOUT(said.size() > 0, patienceMs);
  QVERIFY2(window_->message().contains(word), qPrintable(window_->message()));
  QVERIFY(!window_->run());
  // The window goes on as before.
  open("one");
  QCOMPARE(window_->message(), QString());
}

void TestMainWindow::opensARecipe() {
  std::ofstream(path("mine.toml").toStdString()) << toToml(tiny());
  window_->openPath(path("mine.toml"));
  QCOMPARE(toToml(window_->form()->recipe()), toToml(tiny()));
  QCOMPARE(window_->message(), QString());
}

void TestMainWindow::editsAreKept() {
  open("one");
  window_->form()->editor("training.epochs")->setText("7");
  open("two");
  QCOMPARE(window_->form()->recipe().seed, std::int64_t{'t'});
  QCOMPARE(window_->form()->recipe().training.epochs, std::int64_t{3});
  open("one");
  QCOMPARE(window_->form()->recipe().seed, std::int64_t{'o'});
  QCOMPARE(window_->form()->recipe().training.epochs, std::int64_t{7});
  QVERIFY(window_->form()->editor("training.epochs")->isChanged());
}

void TestMainWindow::runsToTheEnd() {
  window_->form()->setRecipe(tiny());
  QSignalSpy ended(window_.get(), &MainWindow::jobEnded);
  QSignalSpy shown(window_.get(), &MainWindow::runShown);
  window_->startRun();
  QVERIFY(window_->isRunning());
  // Another one does not begin beside it.
  window_->startRun();
  QVERIFY(window_->message().contains("going on"));
  bool shownMeanwhile = false;
  QElapsedTimer timer;
  timer.start();
  while (ended.isEmpty() && timer.elapsed() < patienceMs) {
    shown.wait(100);
    shownMeanwhile = shownMeanwhile || (window_->isRunning() && window_->figures()->count() > 0);
  }
  QCOMPARE(ended.size(), 1);
  QVERIFY(shownMeanwhile);
  QVERIFY(!window_->isRunning());
  QTRY_VERIFY_WITH_TIMEOUT(window_->run() && window_->run()->info.status == "done", patienceMs);
  const auto expected = int(windowFigures(*window_->run()).size());
  QVERIFY(expected > 6);
  QCOMPARE(window_->figures()->count(), expected);
  QCOMPARE(window_->epochBar()->epoch(), std::int64_t{3});
  QVERIFY(window_->logText().contains("done: "));
  // As --batch leaves it: with its figures.
  QTRY_VERIFY_WITH_TIMEOUT(window_->logText().contains("figures in "), patienceMs);
  const QDir figures(QString::fromStdString((window_->run()->directory / "figures").string()));
  QCOMPARE(figures.entryList({"*.png"}).size(), int(availableFigures(*window_->run()).size()));
  QVERIFY(window_->run()->directory.string().starts_with(path("runs").toStdString()));
}

void TestMainWindow::aWrongRecipeDoesNotStart() {
  window_->form()->editor("training.epochs")->setText("many");
  window_->startRun();
  QVERIFY(!window_->isRunning());
  QVERIFY2(window_->message().contains("training.epochs"), qPrintable(window_->message()));
}

void TestMainWindow::cancelsAndGoesOn() {
  Recipe recipe = tiny();
  recipe.training.epochs = 12;
  window_->form()->setRecipe(recipe);
  QSignalSpy ended(window_.get(), &MainWindow::jobEnded);
  window_->startRun();
  QTRY_VERIFY_WITH_TIMEOUT(window_->figures()->count() > 0, patienceMs);  // something is there
  QVERIFY(window_->isRunning());
  window_->cancelRun();
  QVERIFY(ended.wait(60000));
  QTRY_VERIFY_WITH_TIMEOUT(window_->run() && window_->run()->info.status == "interrupted", patienceMs);
  QVERIFY(window_->figures()->count() > 0);
  ended.clear();
  window_->resumeRun();
  QVERIFY(window_->isRunning());
  QVERIFY(ended.wait(patienceMs));
  QTRY_VERIFY_WITH_TIMEOUT(window_->run()->info.status == "done", patienceMs);
  QCOMPARE(window_->run()->metrics.size(), std::size_t{26});
}

void TestMainWindow::aFailedRunIsSaid() {
  std::ofstream(path("foreign.pt").toStdString()) << "no weights";
  Recipe recipe = tiny();
  recipe.model.weights = path("foreign.pt").toStdString();
  window_->form()->setRecipe(recipe);
  QSignalSpy ended(window_.get(), &MainWindow::jobEnded);
  window_->startRun();
  QVERIFY(ended.wait(patienceMs));
  QVERIFY2(window_->message().contains("foreign.pt"), qPrintable(window_->message()));
  QVERIFY(!window_->isRunning());
}

void TestMainWindow::closingDuringARunAsks() {
  Recipe recipe = tiny();
  recipe.training.epochs = 50;
  window_->form()->setRecipe(recipe);
  QSignalSpy ended(window_.get(), &MainWindow::jobEnded);
  const auto answer = [&](QMessageBox::StandardButton button) {
    const auto boxes = window_->findChildren<QMessageBox*>();
    return boxes.isEmpty() ? false : (boxes.last()->button(button)->click(), true);
  };
  window_->startRun();
  QVERIFY(!window_->close());
  QVERIFY(answer(QMessageBox::No));
  QVERIFY(window_->isVisible() && window_->isRunning());
  QApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
  QVERIFY(!window_->close());
  QVERIFY(answer(QMessageBox::Yes));
  QVERIFY(ended.wait(patienceMs));
  QTRY_VERIFY(!window_->isVisible());
}

void TestMainWindow::exports() {
  open("one");
  FigureTabs* tabs = window_->figures();
  tabs->setCurrentIndex(tabOf("training"));
  QSignalSpy exported(tabs, &FigureTabs::exported);
  for (const QString& format : tabs->current()->formats()) {
    tabs->exportCurrent(format);
    auto* dialog = tabs->findChild<ExportDialog*>();
    QVERIFY(dialog);
    const QString file = path("export." + format);
    dialog->findChild<QLineEdit*>("file")->setText(file);
    dialog->findChild<QSpinBox*>("width")->setValue(160);
    dialog->findChild<QSpinBox*>("scale")->setValue(3);
    dialog->accept();
    QTRY_COMPARE(exported.size(), 1);
    QCOMPARE(exported.takeLast().first().toString(), file);
    QVERIFY2(QFileInfo(file).size() > 100, qPrintable(file));
    QTRY_VERIFY(!tabs->findChild<ExportDialog*>());
  }
  QCOMPARE(QImage(path("export.png")).width(), qRound(160 / 25.4 * 96 * 3));
  // Where nothing can be written, one line says so.
  QSignalSpy failed(tabs, &FigureTabs::failed);
  tabs->exportCurrent("csv");
  auto* dialog = tabs->findChild<ExportDialog*>();
  dialog->findChild<QLineEdit*>("file")->setText(path("no/such/folder.csv"));
  dialog->accept();
  QCOMPARE(failed.size(), 1);
  QVERIFY(window_->message().contains("folder.csv"));
}

void TestMainWindow::copiesTheBatchCommand() {
  open("one");
  QCOMPARE(window_->commandOfShownRun(), "eigenscape --batch " + path("one/recipe.toml") + " --out tiny-again");
  // Of a shipped recipe: by its name, with what differs.
  Recipe recipe = loadRecipe("quickstart");
  recipe.training.epochs = 0;
  recipe.profiles[0].range = {-2, 2};
  fs::copy(path("one").toStdString(), path("shipped").toStdString(), fs::copy_options::recursive);
  std::ofstream(path("shipped/recipe.toml").toStdString()) << toToml(recipe);
  open("shipped");
  QCOMPARE(window_->commandOfShownRun(),
           QString("eigenscape --batch quickstart --set training.epochs=0 --set 'profile.along-e1.range=[-2.0, 2.0]' "
                   "--out quickstart-again"));
}

void TestMainWindow::theCommandDrawsWhatTheDialogChose() {
  open("one");
  FigureTabs* tabs = window_->figures();
  tabs->setCurrentIndex(tabOf("training"));
  const QString whole = window_->commandOfShownRun(), drawn = "eigenscape --render " + path("one"),
                plain = drawn + " --figure training";
  QCOMPARE(window_->commandOfShownFigure(), plain);
  tabs->exportCurrent("png");
  auto* dialog = tabs->findChild<ExportDialog*>();
  QVERIFY(dialog);
  dialog->findChild<QLineEdit*>("file")->setText(path("chosen.png"));
  dialog->findChild<QSpinBox*>("width")->setValue(95);
  dialog->findChild<QSpinBox*>("height")->setValue(75);
  dialog->findChild<QSpinBox*>("scale")->setValue(3);
  dialog->findChild<QDoubleSpinBox*>("type")->setValue(10.5);
  auto* style = dialog->findChild<QComboBox*>("style");
  style->setCurrentIndex(style->findText("Dark"));
  dialog->findChild<QCheckBox*>("caption")->setChecked(false);
  QApplication::clipboard()->clear();
  dialog->findChild<QPushButton*>("copy")->click();
  const QString wanted = " --figure-size 95x75 --figure-font-size 10.5 --figure-density 3 --style dark --no-caption";
  QVERIFY2(QApplication::clipboard()->text().endsWith(wanted), qPrintable(QApplication::clipboard()->text()));
  QSignalSpy exported(tabs, &FigureTabs::exported);
  dialog->accept();
  QTRY_COMPARE(exported.size(), 1);
  QCOMPARE(window_->commandOfShownFigure(), plain + wanted);
  QCOMPARE(window_->commandOfShownRun(), whole);

  // Those options give the same picture.
  ExportOptions options;
  options.widthMm = 95, options.heightMm = 75, options.fontPoints = 10.5, options.scale = 3;
  options.theme = Theme::Dark;
  options.caption = false;
  auto run = loadRun(path("one").toStdString());
  run.directory = path("drawn").toStdString();
  renderRun(run, {"png"}, options, {{{"training", {}}}, {}, {}, true});
  QCOMPARE(QImage(path("chosen.png")), QImage(path("drawn/figures/training.png")));

  // The next export of the figure starts from there; another figure has its own.
  QTRY_VERIFY(!tabs->findChild<ExportDialog*>());
  tabs->exportCurrent({});
  dialog = tabs->findChild<ExportDialog*>();
  QCOMPARE(dialog->options().fontPoints, 10.5);
  QCOMPARE(dialog->options().widthMm, 95.0);
  dialog->reject();
  tabs->setCurrentIndex(tabOf("contour"));
  QCOMPARE(window_->commandOfShownFigure(), drawn + " --figure contour-s");
  // Of what is seen, also when in the training.
  window_->epochBar()->slider()->setValue(0);
  QCOMPARE(window_->commandOfShownFigure(), drawn + " --figure contour-s --epoch 0");
  Q_EMIT tabs->current()->copyBatchCommandRequested();
  QVERIFY(QApplication::clipboard()->text().endsWith(" --figure contour-s --epoch 0"));
  for (QAction* action : window_->findChildren<QAction*>()) {
    if (action->text() == "Copy this run's command") action->trigger();
  }
  QVERIFY2(QApplication::clipboard()->text().endsWith(" --out tiny-again"),
           qPrintable(QApplication::clipboard()->text()));
}

void TestMainWindow::remembersRuns() {
  open("one");
  open("two");
  window_.reset();
  window_ = std::make_unique<MainWindow>();
  QCOMPARE(window_->runList()->directories(), (QStringList{path("two"), path("one")}));
}

QTEST_MAIN(TestMainWindow)
#include "tst_main_window.moc"
