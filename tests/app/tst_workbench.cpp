// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractButton>
#include <QApplication>
#include <QDockWidget>
#include <QDropEvent>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QMessageBox>
#include <QMimeData>
#include <QPlainTextEdit>
#include <QSettings>
#include <QSignalSpy>
#include <QSlider>
#include <QTabBar>
#include <QTemporaryDir>
#include <QTest>
#include <QUrl>
#include <fstream>

#include "app/appearance.h"
#include "app/commands.h"
#include "app/dropped.h"
#include "app/epoch_bar.h"
#include "app/export_dialog.h"
#include "app/figure_tabs.h"
#include "app/main_window.h"
#include "app/recipe_form.h"
#include "tests/app/support/long_run.h"
#include "views/contour.h"
#include "views/landscape.h"

using namespace eigenscape;
namespace fs = std::filesystem;

namespace {
constexpr int patienceMs = 60000;
}

class TestWorkbench : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase();
  void init();
  void cleanup() { window_.reset(); }
  void theThemeIsChosenAndRemembered();
  void keysActOnFigures();
  void textFieldsKeepTheirKeys();
  void theSheetListsEveryKey();
  void escapeTakesBackWhatWasPicked();
  void fullPageAndBack();
  void layoutIsRememberedAndReset();
  void recentFilesAreOffered();
  void whatIsDropped_data();
  void whatIsDropped();
  void droppingOpens();
  void undoFromTheKeyboard();
  void everyControlHasAName();
  void everyFigureHasItsMenu();

 private:
  QString path(const QString& name) const { return folder_.filePath(name); }
  void open(const QString& name);
  void drop(const QStringList& paths);
  QDockWidget* dock(const QString& name) const { return window_->findChild<QDockWidget*>(name); }

  QTemporaryDir folder_;
  std::unique_ptr<MainWindow> window_;
};

void TestWorkbench::initTestCase() {
  QVERIFY(folder_.isValid());
  QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, path("settings"));
  QApplication::setOrganizationName("EigenscapeTest");
  QApplication::setApplicationName("EigenscapeTest");
  saveLongRun(path("run").toStdString(), 6);
  fs::create_directories(path("checkpoints").toStdString());
  for (const char* name : {"epoch-1.pt", "epoch-2.pt", "best.pt"}) {
    std::ofstream(path("checkpoints").toStdString() + "/" + name) << "x";
  }
  fs::create_directories(path("empty").toStdString());
  std::ofstream(path("mine.toml").toStdString()) << toToml(loadRecipe("quickstart"));
  std::ofstream(path("photo.jpg").toStdString()) << "x";
}

void TestWorkbench::init() {
  QSettings().clear();
  QSettings().setValue("runsFolder", path("runs"));
  window_ = std::make_unique<MainWindow>();
  window_->show();
  QVERIFY(QTest::qWaitForWindowActive(window_.get()));
}

void TestWorkbench::open(const QString& name) {
  QSignalSpy shown(window_.get(), &MainWindow::runShown);
  window_->openPath(path(name));
  QTRY_VERIFY_WITH_TIMEOUT(!shown.isEmpty(), patienceMs);
}

void TestWorkbench::theThemeIsChosenAndRemembered() {
  open("run");
  QCOMPARE(window_->appearance()->choice(), Appearance::Choice::System);
  window_->appearance()->choose(Appearance::Choice::Dark);
  QCOMPARE(window_->figures()->current()->theme(), Theme::Dark);
  QTRY_VERIFY(window_->palette().color(QPalette::Window).lightness() < 80);
  window_->figures()->setCurrentIndex(1);
  QCOMPARE(window_->figures()->current()->theme(), Theme::Dark);
  window_->figures()->exportCurrent("png");
  auto* dialog = window_->figures()->findChild<ExportDialog*>();
  QVERIFY(dialog);
  QCOMPARE(dialog->options().theme, Theme::Dark);
  dialog->reject();
  window_.reset();
  window_ = std::make_unique<MainWindow>();
  QCOMPARE(window_->appearance()->theme(), Theme::Dark);
  window_->appearance()->choose(Appearance::Choice::Light);
  QTRY_VERIFY(window_->palette().color(QPalette::Window).lightness() > 200);
  window_->appearance()->choose(Appearance::Choice::System);
}

void TestWorkbench::keysActOnFigures() {
  open("run");
  window_->figures()->current()->setFocus();
  const auto press = [&](int key) { QTest::keyClick(window_.get(), Qt::Key(key)); };
  QCOMPARE(window_->epochBar()->epoch(), std::int64_t{6});
  press(Qt::Key_Left);
  QCOMPARE(window_->epochBar()->epoch(), std::int64_t{5});
  press(Qt::Key_Home);
  QCOMPARE(window_->epochBar()->epoch(), std::int64_t{0});
  press(Qt::Key_Right);
  QCOMPARE(window_->epochBar()->epoch(), std::int64_t{1});
  press(Qt::Key_Space);
  QVERIFY(window_->epochBar()->isPlaying());
  press(Qt::Key_Space);
  QVERIFY(!window_->epochBar()->isPlaying());
  for (int page = 1; page <= 4; ++page) {
    press(Qt::Key_0 + page);
    QCOMPARE(window_->figures()->current()->id().page(), page);
  }
  const FigureId first = window_->figures()->current()->id();
  press(Qt::Key_4);  // once more: the page's next figure
  QCOMPARE(window_->figures()->current()->id().page(), 4);
  QVERIFY(!(window_->figures()->current()->id() == first));
  press(Qt::Key_E);
  auto* dialog = window_->figures()->findChild<ExportDialog*>();
  QVERIFY(dialog);
  dialog->reject();
  QVERIFY(QTest::qWaitForWindowActive(window_.get()));
  window_->form()->editor("training.epochs")->setText("many");
  window_->figures()->current()->setFocus();
  press(Qt::Key_R);  // refused, as the button is
  QVERIFY(!window_->isRunning());
}

void TestWorkbench::textFieldsKeepTheirKeys() {
  open("run");
  auto* line = window_->findChild<QLineEdit*>("name");
  QVERIFY(line);
  line->setFocus();
  QVERIFY(line->hasFocus());
  line->clear();
  const int tab = window_->figures()->currentIndex();
  QTest::keyClicks(line, "re 14?");
  QCOMPARE(line->text(), QString("re 14?"));
  QTest::keyClick(line, Qt::Key_Left);
  QCOMPARE(window_->epochBar()->epoch(), std::int64_t{6});
  QCOMPARE(window_->figures()->currentIndex(), tab);
  QVERIFY(!window_->epochBar()->isPlaying() && !window_->isRunning());
  QVERIFY(window_->findChildren<QMessageBox*>().isEmpty());
  QVERIFY(Commands::isNeededBy(line, QKeySequence(Qt::Key_E)));
  QVERIFY(!Commands::isNeededBy(line, QKeySequence(Qt::Key_F11)));
  QVERIFY(!Commands::isNeededBy(line, QKeySequence("Ctrl+E")));
  QVERIFY(!Commands::isNeededBy(window_->figures()->current(), QKeySequence(Qt::Key_Space)));
}

void TestWorkbench::theSheetListsEveryKey() {
  QTest::keyClick(window_.get(), Qt::Key_F1);
  const auto boxes = window_->findChildren<QMessageBox*>();
  QCOMPARE(boxes.size(), 1);
  const QString text = boxes.front()->text();
  int keys = 0;
  for (const auto& entry : window_->commands().entries()) {
    if (entry.keys.isEmpty()) continue;
    ++keys;
    const QString what = (entry.action ? entry.action->iconText() : entry.text).toHtmlEscaped();
    QVERIFY2(text.contains(what), qPrintable(what));
  }
  QVERIFY(keys > 20);
  for (const char* key : {"Space", "←", "F11", "Ctrl+Z", "?"}) QVERIFY2(text.contains(key), key);
  // No key of the whole window stands for two things.
  QSet<QString> seen;
  for (const auto& entry : window_->commands().entries()) {
    for (const auto& key : entry.action ? entry.keys : QList<QKeySequence>()) {
      QVERIFY2(!seen.contains(key.toString()), qPrintable(key.toString()));
      seen << key.toString();
    }
  }
  boxes.front()->reject();
}

void TestWorkbench::escapeTakesBackWhatWasPicked() {
  open("run");
  QTest::keyClick(window_.get(), Qt::Key_1);
  auto* page = qobject_cast<LandscapeFigure*>(window_->figures()->current());
  QVERIFY(page);
  QSignalSpy picked(page->contour(), &ContourFigure::picked);
  auto* plot = page->contour()->findChild<QWidget*>();
  for (auto* child : page->contour()->findChildren<QWidget*>()) {
    if (QByteArray(child->metaObject()->className()) == "QCustomPlot") plot = child;
  }
  // Off the line of the cut, which runs through the middle.
  QTRY_VERIFY(plot->width() > 100);
  QTest::mouseClick(plot, Qt::LeftButton, {}, QPoint(plot->width() / 2, plot->height() / 3));
  QCOMPARE(picked.size(), 1);
  QVERIFY(page->contour()->pickedPoint());
  QTest::keyClick(window_.get(), Qt::Key_Escape);
  QVERIFY(!page->contour()->pickedPoint());
  QVERIFY(page->pickedText().contains("click a point"));
}

void TestWorkbench::fullPageAndBack() {
  open("run");
  QVERIFY(dock("RecipeDock")->isVisible());
  dock("LogDock")->hide();
  QTest::keyClick(window_.get(), Qt::Key_F11);
  QVERIFY(window_->isFullPage());
  QVERIFY(!dock("RecipeDock")->isVisible() && !window_->figures()->tabBar()->isVisible());
  QVERIFY(window_->epochBar()->isVisible());
  QTest::keyClick(window_.get(), Qt::Key_Escape);
  QVERIFY(!window_->isFullPage());
  QVERIFY(dock("RecipeDock")->isVisible() && !dock("LogDock")->isVisible());
  Q_EMIT window_->figures()->current()->fullPageRequested();
  QVERIFY(window_->isFullPage());
  // What is remembered is the window with its panels.
  window_->close();
  window_ = std::make_unique<MainWindow>();
  window_->show();
  QVERIFY(dock("RecipeDock")->isVisible() && !dock("LogDock")->isVisible());
}

void TestWorkbench::layoutIsRememberedAndReset() {
  dock("RunsDock")->setFloating(true);
  dock("LogDock")->hide();
  window_->close();
  window_ = std::make_unique<MainWindow>();
  window_->show();
  QVERIFY(dock("RunsDock")->isFloating() && !dock("LogDock")->isVisible());
  window_->resetLayout();
  QVERIFY(!dock("RunsDock")->isFloating() && dock("LogDock")->isVisible());
  QVERIFY(dock("RecipeDock")->toggleViewAction()->isChecked());
}

void TestWorkbench::recentFilesAreOffered() {
  open("run");
  window_->openPath(path("mine.toml"));
  QCOMPARE(window_->message(), QString());
  window_.reset();
  window_ = std::make_unique<MainWindow>();
  QMenu* recent = nullptr;
  for (auto* menu : window_->findChildren<QMenu*>()) {
    if (menu->title() == "Open recent") recent = menu;
  }
  QVERIFY(recent);
  Q_EMIT recent->aboutToShow();
  QStringList offered;
  for (const QAction* action : recent->actions()) {
    if (!action->isSeparator()) offered << action->toolTip();
  }
  QCOMPARE(offered, (QStringList{path("run"), path("mine.toml")}));
  QSignalSpy shown(window_.get(), &MainWindow::runShown);
  recent->actions().front()->trigger();
  QTRY_VERIFY_WITH_TIMEOUT(!shown.isEmpty(), patienceMs);
}

void TestWorkbench::whatIsDropped_data() {
  QTest::addColumn<QStringList>("names");
  QTest::addColumn<int>("kind");
  QTest::addColumn<QString>("word");  // of the path or the refusal
  using Kind = Dropped::Kind;
  QTest::newRow("run") << QStringList{"run"} << int(Kind::Run) << "run";
  QTest::newRow("run.json") << QStringList{"run/run.json"} << int(Kind::Run) << "run";
  QTest::newRow("recipe") << QStringList{"mine.toml"} << int(Kind::Recipe) << "mine.toml";
  QTest::newRow("weights") << QStringList{"checkpoints/best.pt"} << int(Kind::Weights) << "best.pt";
  QTest::newRow("checkpoints") << QStringList{"checkpoints/epoch-1.pt", "checkpoints/epoch-2.pt"}
                               << int(Kind::Checkpoints) << "checkpoints/epoch-*.pt";
  QTest::newRow("folder of them") << QStringList{"checkpoints"} << int(Kind::Checkpoints) << "checkpoints/*.pt";
  QTest::newRow("empty folder") << QStringList{"empty"} << int(Kind::Nothing) << "run.json";
  QTest::newRow("photo") << QStringList{"photo.jpg"} << int(Kind::Nothing) << "photo.jpg";
  QTest::newRow("gone") << QStringList{"nowhere"} << int(Kind::Nothing) << "does not exist";
  QTest::newRow("mixture") << QStringList{"run", "mine.toml"} << int(Kind::Nothing) << "together";
  QTest::newRow("nothing") << QStringList{} << int(Kind::Nothing) << "this machine";
}

void TestWorkbench::whatIsDropped() {
  QFETCH(QStringList, names);
  QFETCH(int, kind);
  QFETCH(QString, word);
  QList<QUrl> urls;
  for (const QString& name : names) urls << QUrl::fromLocalFile(path(name));
  if (urls.isEmpty()) urls << QUrl("https://example.org/run");
  const Dropped what = dropped(urls);
  QCOMPARE(int(what.kind), kind);
  const bool refused = what.kind == Dropped::Kind::Nothing;
  QVERIFY2(refused ? what.problem.contains(word) : what.path.endsWith(word), qPrintable(what.problem + what.path));
  QVERIFY(!what.problem.contains('\n'));
}

void TestWorkbench::drop(const QStringList& paths) {
  QMimeData data;
  QList<QUrl> urls;
  for (const QString& one : paths) urls << QUrl::fromLocalFile(one);
  data.setUrls(urls);
  QDragEnterEvent enter(QPoint(200, 200), Qt::CopyAction, &data, Qt::LeftButton, {});
  QApplication::sendEvent(window_.get(), &enter);
  QVERIFY(enter.isAccepted());
  QDropEvent event(QPointF(200, 200), Qt::CopyAction, &data, Qt::LeftButton, {});
  QApplication::sendEvent(window_.get(), &event);
}

void TestWorkbench::droppingOpens() {
  drop({path("photo.jpg")});
  QVERIFY2(window_->message().contains("photo.jpg"), qPrintable(window_->message()));
  drop({path("checkpoints")});
  QCOMPARE(window_->form()->recipe().model.checkpoints, path("checkpoints/*.pt").toStdString());
  drop({path("checkpoints/best.pt")});
  QCOMPARE(window_->form()->recipe().model.weights, path("checkpoints/best.pt").toStdString());
  drop({path("mine.toml")});
  QCOMPARE(window_->form()->recipe().name, std::string("quickstart"));
  QSignalSpy shown(window_.get(), &MainWindow::runShown);
  drop({path("run")});
  QTRY_VERIFY_WITH_TIMEOUT(!shown.isEmpty(), patienceMs);
  QCOMPARE(window_->message(), QString());
}

void TestWorkbench::undoFromTheKeyboard() {
  auto* line = window_->findChild<QLineEdit*>("name");
  const QString before = line->text();
  line->setFocus();
  line->selectAll();
  QTest::keyClicks(line, "mine");
  QCOMPARE(line->text(), QString("mine"));
  QTest::keyClick(line, Qt::Key_Z, Qt::ControlModifier);
  QCOMPARE(line->text(), before);
  QTest::keyClick(line, Qt::Key_Z, Qt::ControlModifier | Qt::ShiftModifier);
  QCOMPARE(line->text(), QString("mine"));
}

void TestWorkbench::everyControlHasAName() {
  open("run");
  window_->figures()->exportCurrent("png");
  for (const char* section : {"profile", "surface"}) window_->form()->addEntry(section);
  QStringList nameless;
  int seen = 0;
  for (auto* widget : window_->findChildren<QWidget*>()) {
    if (!(widget->focusPolicy() & Qt::TabFocus) || widget->focusProxy()) continue;
    const bool ofDocks = widget->inherits("QTabBar") && widget->parentWidget() == window_.get();
    if (widget->objectName().startsWith("qt_") || widget->inherits("QComboBoxListView") || ofDocks)
      continue;  // parts that Qt makes for itself
    ++seen;
    bool named = !widget->accessibleName().isEmpty();
    if (const auto* button = qobject_cast<QAbstractButton*>(widget)) named |= !button->text().isEmpty();
    for (const auto* label : window_->findChildren<QLabel*>()) named |= label->buddy() == widget;
    if (!named) nameless << QString("%1 %2").arg(widget->metaObject()->className(), widget->objectName());
  }
  QVERIFY(seen > 60);
  QVERIFY2(nameless.isEmpty(), qPrintable(nameless.join(", ")));
}

void TestWorkbench::everyFigureHasItsMenu() {
  open("run");
  QVERIFY(window_->figures()->count() > 10);
  for (int i = 0; i < window_->figures()->count(); ++i) {
    Figure* figure = window_->figures()->figure(i);
    const auto menu = figure->contextMenu();
    QStringList texts;
    for (const QAction* action : menu->actions()) texts << action->text();
    for (const char* wanted : {"Export as PNG…", "Copy picture", "Copy as batch command", "Reset view", "Full page"}) {
      QVERIFY2(texts.contains(wanted), qPrintable(figure->id().fileStem() + ": " + wanted));
    }
    QSignalSpy fullPage(figure, &Figure::fullPageRequested);
    menu->actions().last()->trigger();
    QCOMPARE(fullPage.size(), 1);
  }
}

QTEST_MAIN(TestWorkbench)
#include "tst_workbench.moc"
