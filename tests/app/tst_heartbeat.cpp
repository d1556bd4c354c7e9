// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QComboBox>
#include <QFileInfo>
#include <QLineEdit>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QSlider>
#include <QTabWidget>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>

#include "app/appearance.h"
#include "app/bits_landscape.h"
#include "app/bits_page.h"
#include "app/compare_page.h"
#include "app/epoch_bar.h"
#include "app/export_dialog.h"
#include "app/figure_list.h"
#include "app/figure_tabs.h"
#include "app/figure_writer.h"
#include "app/main_window.h"
#include "app/recipe_form.h"
#include "core/study/study.h"
#include "tests/app/support/heart.h"
#include "tests/app/support/long_run.h"
#include "views/compare_figure.h"
#include "views/contour.h"
#include "views/landscape.h"
#include "views/plotting.h"
#include "views/surface.h"

using namespace eigenscape;
namespace fs = std::filesystem;

namespace {

constexpr int patienceMs = 120000;
/// Longer than this, and a person notices. Under a sanitizer everything takes a multiple.
#ifdef __SANITIZE_ADDRESS__
constexpr double stallMs = 400;
#else
constexpr double stallMs = 50;
#endif

Recipe small() {
  return parseRecipe(R"(name = "small"
[data]
dataset = "glyphs"
train_limit = 96
test_limit = 32
[model]
architecture = "cnn"
[training]
epochs = 40
batch_size = 32
[curvature]
samples = 32
top = 2
max_products = 40
[[surface]]
name = "s"
y = "eigenvector:2"
points = 9
samples = 32
every = 1
)",
                     "small");
}

/// What the workbench can measure on: weights, data and a landscape.
void saveMeasurableRun(const fs::path& directory) {
  Recipe recipe = small();
  recipe.training.epochs = 1;
  for (const char* setting : {"quantization.bits=[2, 4, 8]", "surface.s.points=21"}) setKey(recipe, setting);
  StudyOptions options;
  options.threads = 1;
  options.out = directory;
  runStudy(recipe, options, {});
}

}  // namespace

class TestHeartbeat : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase();
  void init();
  void twoHundredEpochsOpenQuickly();
  void theWindowAlwaysAnswers();

 private:
  QString path(const QString& name) const { return folder_.filePath(name); }
  int tabOf(const QString& kind) const;
  /// After a dialog, so that the keys are the window's again.
  void clickInto(QWidget* widget);
  void tour(Heart& heart);
  void everyPage(Heart& heart);
  void landscape(Heart& heart);
  void exportAll(Heart& heart);
  void findFigures(Heart& heart);
  void quantization(Heart& heart);
  void measuring(Heart& heart);
  void comparison(Heart& heart);
  void study(Heart& heart);
  void figuresOfARun(Heart& heart);

  QTemporaryDir folder_;
  std::unique_ptr<MainWindow> window_;
};

void TestHeartbeat::initTestCase() {
  QVERIFY(folder_.isValid());
  QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, path("settings"));
  QApplication::setOrganizationName("EigenscapeTest");
  QApplication::setApplicationName("EigenscapeTest");
  saveLongRun(path("long").toStdString(), 200);
  saveLongRun(path("other").toStdString(), 150);
  saveMeasurableRun(path("bits").toStdString());
}

void TestHeartbeat::init() {
  QSettings().clear();
  QSettings().setValue("runsFolder", path("runs"));
  window_ = std::make_unique<MainWindow>();
  window_->show();
}

int TestHeartbeat::tabOf(const QString& kind) const {
  for (int i = 0; i < window_->figures()->count(); ++i) {
    if (window_->figures()->figure(i)->id().kind == kind) return i;
  }
  return -1;
}

void TestHeartbeat::clickInto(QWidget* widget) {
  window_->activateWindow();
  QVERIFY(QTest::qWaitForWindowActive(window_.get()));
  widget->setFocus();
}

void TestHeartbeat::twoHundredEpochsOpenQuickly() {
  const auto cpu = [] { return double(std::clock()) / CLOCKS_PER_SEC; };  // of all threads
  QSignalSpy shown(window_.get(), &MainWindow::runShown);
  const double before = cpu();
  QElapsedTimer clock;
  clock.start();
  window_->openPath(path("long"));
  QTRY_VERIFY_WITH_TIMEOUT(!shown.isEmpty(), patienceMs);
  QCoreApplication::processEvents();
  const double spent = cpu() - before;
  qInfo("200 epochs: %.2f s of the processor, %.2f s", spent, 1e-3 * double(clock.elapsed()));
  QVERIFY(window_->figures()->count() > 10);
  QCOMPARE(window_->epochBar()->epoch(), std::int64_t{200});
  QVERIFY2(spent < 2, qPrintable(QString::number(spent)));
}

void TestHeartbeat::everyPage(Heart& heart) {
  for (int i = 0; i < window_->figures()->count(); ++i) {
    heart.begin("page " + window_->figures()->figure(i)->id().fileStem());
    window_->figures()->setCurrentIndex(i);
    heart.settle();
    heart.begin("epochs of " + window_->figures()->figure(i)->id().fileStem());
    for (const int epoch : {0, 100, 101, 102, 200}) {
      window_->epochBar()->slider()->setValue(epoch);
      QCoreApplication::processEvents();
    }
    heart.settle();
  }
}

void TestHeartbeat::landscape(Heart& heart) {
  window_->figures()->setCurrentIndex(tabOf("landscape"));
  heart.begin("drag the cut");
  auto* page = qobject_cast<LandscapeFigure*>(window_->figures()->current());
  QVERIFY(page);
  QCustomPlot* plot = page->contour()->plot();
  const auto at = [&](double x, double y) {
    return QPoint(int(plot->axisRect(0)->axis(QCPAxis::atBottom)->coordToPixel(x)),
                  int(plot->axisRect(0)->axis(QCPAxis::atLeft)->coordToPixel(y)));
  };
  const QLineF before = page->contour()->cut();
  const QPoint from = at(before.center().x() / 2 + before.p1().x() / 2, before.center().y() / 2 + before.p1().y() / 2);
  QTest::mousePress(plot, Qt::LeftButton, {}, from);
  for (int i = 1; i <= 20; ++i) {
    QTest::mouseMove(plot, from + QPoint(i, 3 * i));
    QCoreApplication::processEvents();
  }
  QTest::mouseRelease(plot, Qt::LeftButton, {}, from + QPoint(20, 60));
  heart.settle();
  QVERIFY(page->contour()->cut() != before);
  heart.begin("pick a point");
  QTest::mouseClick(plot, Qt::LeftButton, {}, at(0.4, -0.6));
  heart.settle();
  QVERIFY(page->contour()->pickedPoint());
  heart.begin("turn the relief");
  SurfaceFigure* relief = page->surface();
  QTRY_VERIFY_WITH_TIMEOUT(relief->isUpToDate(), patienceMs);
  const SurfaceView facing = relief->view();
  const QPoint middle = relief->rect().center();
  QTest::mousePress(relief, Qt::LeftButton, {}, middle);
  for (int i = 1; i <= 20; ++i) {
    QMouseEvent move(QEvent::MouseMove, middle + QPointF(4 * i, i), relief->mapToGlobal(middle + QPointF(4 * i, i)),
                     Qt::NoButton, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(relief, &move);
    QCoreApplication::processEvents();
  }
  QTest::mouseRelease(relief, Qt::LeftButton, {}, middle);
  QTRY_VERIFY_WITH_TIMEOUT(!relief->isMoving() && relief->isUpToDate(), patienceMs);
  QVERIFY(relief->view() != facing);
  heart.begin("full page");
  window_->setFullPage(true);
  heart.settle();
  window_->setFullPage(false);
  heart.settle();
  heart.begin("resize");
  window_->resize(1000, 700);
  heart.settle();
  window_->resize(1280, 800);
  QTRY_VERIFY_WITH_TIMEOUT(relief->isUpToDate(), patienceMs);
}

void TestHeartbeat::exportAll(Heart& heart) {
  for (const char* kind : {"training", "landscape", "surface", "density"}) {
    window_->figures()->setCurrentIndex(tabOf(kind));
    for (const QString& format : window_->figures()->current()->formats()) {
      QSignalSpy exported(window_->figures(), &FigureTabs::exported);
      heart.begin(QString("export %1 as %2").arg(kind, format));
      window_->figures()->exportCurrent(format);
      heart.settle();
      auto* dialog = window_->figures()->findChild<ExportDialog*>();
      QVERIFY(dialog);
      heart.begin(QString("copy the command of %1 as %2").arg(kind, format));
      dialog->findChild<QPushButton*>("copy")->click();
      heart.begin(QString("write %1 as %2").arg(kind, format));
      dialog->findChild<QLineEdit*>("file")->setText(path("a." + format));
      dialog->accept();
      QTRY_COMPARE_WITH_TIMEOUT(exported.size(), 1, patienceMs);
      QTRY_VERIFY(!window_->figures()->findChild<ExportDialog*>());
    }
  }
}

void TestHeartbeat::findFigures(Heart& heart) {
  FigureTabs* tabs = window_->figures();
  clickInto(tabs->current());
  heart.begin("list of all figures");
  QTest::keyClick(window_.get(), Qt::Key_F);
  auto* list = tabs->findChild<FigureList*>();
  QVERIFY(list && list->isVisible());
  heart.begin("search in the list");
  for (const QChar letter : QStringLiteral("eigenvalues")) {
    QTest::keyClick(list->search(), letter.toLatin1());
    QCoreApplication::processEvents();
  }
  heart.begin("choose from the list");
  QTest::keyClick(list->search(), Qt::Key_Return);
  heart.settle();
  QCOMPARE(tabs->current()->id().kind, QString("trajectories"));
}

/// On a run with weights, what the workbench does in the background.
void TestHeartbeat::measuring(Heart& heart) {
  QSignalSpy shown(window_.get(), &MainWindow::runShown);
  heart.begin("open a run to measure");
  window_->openPath(path("bits"));
  QTRY_VERIFY_WITH_TIMEOUT(!shown.isEmpty(), patienceMs);
  heart.settle();
  clickInto(window_->figures()->current());
  heart.begin("quantization of it");
  QTest::keyClick(window_.get(), Qt::Key_6);
  BitsPage* page = window_->bitsPage();
  QTRY_COMPARE(page->message(), QString());
  auto held = page->held();
  held.bits.assign(held.bits.size(), 4);
  held.bits.back() = 8;
  page->setHeld(held, "by hand");
  for (QPushButton* button : {page->measureButton(), page->landscapeButton()}) {
    QSignalSpy measured(page, &BitsPage::measured);
    heart.begin(button->text());
    QVERIFY2(button->isEnabled(), qPrintable(button->toolTip()));
    button->click();
    QVERIFY(page->isMeasuring());
    QTRY_VERIFY_WITH_TIMEOUT(!measured.isEmpty(), patienceMs);
    heart.settle();
  }
  for (int i = 0; i < page->tabs()->count(); ++i) {
    heart.begin("workbench: " + page->tabs()->tabText(i));
    page->tabs()->setCurrentIndex(i);
    heart.settle();
  }
  QVERIFY(page->landscape()->figure());
  heart.begin("save the bits");
  page->save(path("saved.json"));
  heart.begin("bits that have no landscape");
  held.bits.front() = 2;
  page->setHeld(held, "by hand");
  heart.begin("back to the figures");
  clickInto(page);
  QTest::keyClick(window_.get(), Qt::Key_1);
  heart.settle();
}

void TestHeartbeat::quantization(Heart& heart) {
  heart.begin("quantization");
  clickInto(window_->figures()->current());
  QTest::keyClick(window_.get(), Qt::Key_6);
  QVERIFY(window_->isChoosingBits());
  BitsPage* page = window_->bitsPage();
  QCOMPARE(page->message(), QString());
  heart.begin("move the budget");
  QSignalSpy settled(page, &BitsPage::settled);
  for (int i = 1; i <= 20; ++i) {
    page->slider()->setValue(page->slider()->maximum() - 40 * i);
    QCoreApplication::processEvents();
  }
  QTRY_VERIFY_WITH_TIMEOUT(!settled.isEmpty(), patienceMs);
  heart.begin("keep the bits");
  page->keepButton()->click();
  heart.begin("bits of all layers");
  page->table()->setFocus();
  page->table()->selectAll();
  const auto bits = page->held().bits;
  QTest::keyClick(page->table(), Qt::Key_Plus);
  QVERIFY(page->held().bits != bits);
  heart.begin("lock all layers");
  QTest::keyClick(page->table(), Qt::Key_L);
  QVERIFY(page->held().locked.front());
  heart.begin("undo the bits");
  page->history()->undo();
  page->history()->undo();
  QVERIFY(page->held().bits == bits);
  heart.begin("dark quantization");
  window_->appearance()->choose(Appearance::Choice::Dark);
  heart.begin("light quantization");
  window_->appearance()->choose(Appearance::Choice::Light);
  heart.begin("page layers after quantization");
  QTest::keyClick(window_.get(), Qt::Key_4);
  heart.settle();
  QVERIFY(!window_->isChoosingBits());
}

void TestHeartbeat::comparison(Heart& heart) {
  heart.begin("open another run");
  QSignalSpy shown(window_.get(), &MainWindow::runShown);
  window_->openPath(path("other"));
  QTRY_VERIFY_WITH_TIMEOUT(!shown.isEmpty(), patienceMs);
  ComparePage* page = window_->comparePage();
  heart.begin("compare");
  clickInto(window_->figures()->current());
  QTest::keyClick(window_.get(), Qt::Key_5);
  QTRY_VERIFY(window_->isComparing());
  heart.begin("tick");
  page->tick(path("long"), true);
  QTRY_VERIFY_WITH_TIMEOUT(page->figure(), patienceMs);
  heart.settle();
  for (int i = 0; i < page->choice()->count(); ++i) {
    heart.begin("compare " + page->choice()->itemText(i));
    page->choice()->setCurrentIndex(i);
    Q_EMIT page->choice()->activated(i);
    heart.settle();
    heart.begin("epochs of compared " + page->choice()->itemText(i));
    for (const int epoch : {0, 100, 101, 102, 200}) {
      window_->epochBar()->slider()->setValue(epoch);
      QCoreApplication::processEvents();
    }
    heart.settle();
  }
  page->choice()->setCurrentIndex(page->choice()->findText("Surface e1-e2"));
  Q_EMIT page->choice()->activated(page->choice()->currentIndex());
  QSignalSpy exported(page, &ComparePage::exported);
  heart.begin("export the comparison");
  page->exportFigure("png");
  heart.settle();
  auto* dialog = page->findChild<ExportDialog*>();
  QVERIFY(dialog);
  dialog->findChild<QLineEdit*>("file")->setText(path("comparison.png"));
  dialog->accept();
  QTRY_COMPARE_WITH_TIMEOUT(exported.size(), 1, patienceMs);
  heart.begin("untick");
  page->tick(path("long"), false);
  heart.settle();
  QVERIFY(!page->figure());
  heart.begin("page landscape after the comparison");
  clickInto(page);
  QTest::keyClick(window_.get(), Qt::Key_1);
  heart.settle();
  QVERIFY(!window_->isComparing());
}

void TestHeartbeat::study(Heart& heart) {
  QSignalSpy ended(window_.get(), &MainWindow::jobEnded), shown(window_.get(), &MainWindow::runShown);
  heart.begin("fill the form");
  window_->form()->setRecipe(small());
  heart.begin("start a study");
  window_->startRun();
  QVERIFY(window_->isRunning());
  QTRY_VERIFY_WITH_TIMEOUT(shown.size() >= 2 && window_->figures()->count() > 3, patienceMs);
  heart.begin("cancel it");
  window_->cancelRun();
  QTRY_COMPARE_WITH_TIMEOUT(ended.size(), 1, patienceMs);
  heart.settle();
}

/// As after a study.
void TestHeartbeat::figuresOfARun(Heart& heart) {
  heart.begin({});  // reading it here is nothing that the window does
  const auto run = std::make_shared<RunResults>(loadRun(path("long").toStdString()));
  FigureWriter writer;
  QSignalSpy finished(&writer, &FigureWriter::finished), failed(&writer, &FigureWriter::failed);
  heart.begin("write all figures of a run");
  writer.write(run);
  QTRY_COMPARE_WITH_TIMEOUT(finished.size(), 1, patienceMs);
  QVERIFY(failed.isEmpty());
  QVERIFY(QFileInfo::exists(path("long/figures/surface-e1-e2.png")));
}

void TestHeartbeat::tour(Heart& heart) {
  heart.begin("open a run");
  QSignalSpy shown(window_.get(), &MainWindow::runShown);
  window_->openPath(path("long"));
  QTRY_VERIFY_WITH_TIMEOUT(!shown.isEmpty(), patienceMs);
  heart.settle();
  everyPage(heart);
  landscape(heart);
  heart.begin("dark");
  window_->appearance()->choose(Appearance::Choice::Dark);
  heart.begin("light");
  window_->appearance()->choose(Appearance::Choice::Light);
  exportAll(heart);
  findFigures(heart);
  figuresOfARun(heart);
  quantization(heart);
  comparison(heart);
  measuring(heart);
  study(heart);
}

void TestHeartbeat::theWindowAlwaysAnswers() {
  Heart heart;
  tour(heart);
  heart.begin({});
  QStringList late;
  const double bound = stallMs * Heart::slowness();
  qInfo("bound: %.1f ms", bound);
  for (const auto& step : heart.steps()) {
    if (step.name.isEmpty()) continue;
    qInfo("%-32s %6.1f ms of the processor, %6.1f ms by the clock", qPrintable(step.name), step.cpuMs, step.wallMs);
    if (step.cpuMs > bound) late << step.name;
  }
  QVERIFY2(late.isEmpty(), qPrintable(late.join(", ")));
}

QTEST_MAIN(TestHeartbeat)
#include "tst_heartbeat.moc"
