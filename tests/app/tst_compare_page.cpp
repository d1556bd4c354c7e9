// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QDockWidget>
#include <QFile>
#include <QListWidget>
#include <QProcess>
#include <QSettings>
#include <QSignalSpy>
#include <QSlider>
#include <QTemporaryDir>
#include <QTest>

#include <fcntl.h>
#include <sys/stat.h>

#include "app/appearance.h"
#include "app/compare_page.h"
#include "app/epoch_bar.h"
#include "app/export_dialog.h"
#include "app/figure_tabs.h"
#include "app/inspector.h"
#include "app/main_window.h"
#include "app/run_list.h"
#include "app/run_loader.h"
#include "core/study/study.h"
#include "views/compare_figure.h"
#include "views/comparison.h"
#include "views/contour.h"
#include "views/landscape.h"
#include "views/overlay_figure.h"
#include "views/plotting.h"

using namespace eigenscape;
namespace fs = std::filesystem;

namespace {

constexpr int patienceMs = 60000;

Recipe tiny(int batch, int epochs) {
  Recipe recipe = parseRecipe(R"(name = "tiny"
[data]
dataset = "glyphs"
train_limit = 96
test_limit = 32
[model]
architecture = "cnn"
[curvature]
split = "both"
samples = 32
top = 2
max_products = 40
[[surface]]
name = "s"
points = 5
samples = 32
every = 1
)",
                              "tiny");
  recipe.training.epochs = epochs;
  recipe.training.batchSize = batch;
  return recipe;
}

}  // namespace

class TestComparePage : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() {
    QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, path("settings"));
    QApplication::setOrganizationName("EigenscapeTest");
    QApplication::setApplicationName("EigenscapeTest");
    StudyOptions options;
    options.threads = 1;
    for (const auto& [name, batch, epochs] : {std::tuple("small", 16, 3), {"large", 48, 2}}) {
      options.out = path(name).toStdString();
      runStudy(tiny(batch, epochs), options, {});
    }
    Recipe another = tiny(16, 1);
    for (int i = 0; i < 3; ++i) {
      another.seed = std::uint64_t(i + 7);
      options.out = path("more" + QString::number(i)).toStdString();
      another.surfaces.clear();
      runStudy(another, options, {});
    }
  }
  void init() {
    QSettings().clear();
    window_ = std::make_unique<MainWindow>();
    window_->resize(1200, 800);
    window_->show();
    for (const char* name : {"large", "small"}) openRun(name);
  }
  void cleanup() { window_.reset(); }

  void ticksRunsAndScrubs() {
    QVERIFY(!page()->figure());
    QTest::keyClick(window_.get(), Qt::Key_5);
    QTRY_VERIFY(window_->isComparing());
    // Of two runs there is one comparison; that on show comes first.
    QCOMPARE(page()->ticked(), (QStringList{path("small"), path("large")}));
    QTRY_VERIFY_WITH_TIMEOUT(page()->figure(), patienceMs);
    QCOMPARE(page()->figure()->runs()[0].name, QString("epochs = 3, batch_size = 16"));
    QCOMPARE(window_->shownFigure(), page()->figure());
    window_->findChild<QDockWidget*>("InspectorDock")->raise();
    QTRY_COMPARE(window_->inspector()->fact("figure"), page()->figure()->id().title());
    QCOMPARE(window_->inspector()->fact("run 1"), QString("epochs = 3, batch_size = 16"));
    QCOMPARE(page()->figure()->compared().kind, QString("training"));
    choose("Contour s");
    QCOMPARE(page()->figure()->compared(), (FigureId{"contour", "s"}));
    QCOMPARE(window_->epochBar()->slider()->maximum(), 3);
    QCOMPARE(window_->epochBar()->epoch(), 3);
    QVERIFY(
        page()->figure()->caption().replace(QChar(0xA0), ' ').contains("shows epoch 2, its last measured before 3"));
    window_->epochBar()->slider()->setValue(1);
    QVERIFY(!page()->figure()->caption().contains("shows"));
    QVERIFY(page()->figure()->caption().replace(QChar(0xA0), ' ').contains("epoch 1"));
    // And back to the run.
    QTest::keyClick(window_.get(), Qt::Key_1);
    QTRY_VERIFY(!window_->isComparing());
    QVERIFY(window_->figures()->isVisible());
  }

  void whatWasUntickedStaysSo() {
    QTest::keyClick(window_.get(), Qt::Key_5);
    QCOMPARE(page()->ticked().size(), 2);
    for (const char* name : {"large", "small"}) {
      tick(name, false);
      QVERIFY(page()->message().contains("Tick two to four"));
      QTest::keyClick(window_.get(), Qt::Key_1);
      QTRY_VERIFY(!window_->isComparing());
      QTest::keyClick(window_.get(), Qt::Key_5);
      QTRY_VERIFY(window_->isComparing());
      QVERIFY(!page()->ticked().contains(path(name)));
    }
    for (const char* name : {"large", "small"}) tick(name);
    QTRY_VERIFY_WITH_TIMEOUT(page()->figure(), patienceMs);
    QCOMPARE(page()->ticked(), (QStringList{path("large"), path("small")}));
  }

  /// Which of three are meant, nobody knows.
  void ofThreeRunsOneIsTicked() {
    openRun("more0");
    QTest::keyClick(window_.get(), Qt::Key_5);
    QCOMPARE(page()->ticked(), QStringList{path("more0")});
    QVERIFY(page()->message().contains("Tick two to four"));
  }

  void theEpochsAreThoseOfThePage() {
    openRun("large");
    QTest::keyClick(window_.get(), Qt::Key_5);
    tick("small");
    QTRY_VERIFY_WITH_TIMEOUT(page()->figure(), patienceMs);
    const auto* slider = window_->epochBar()->slider();
    QCOMPARE(slider->maximum(), 3);
    // By way of a page that has none.
    QTest::keyClick(window_.get(), Qt::Key_6);
    QVERIFY(!window_->epochBar()->isVisible());
    QTest::keyClick(window_.get(), Qt::Key_3);
    QVERIFY(window_->figures()->isVisible() && window_->epochBar()->isVisible());
    QCOMPARE(slider->maximum(), 2);
    QTest::keyClick(window_.get(), Qt::Key_5);
    QCOMPARE(slider->maximum(), 3);
    QTest::keyClick(window_.get(), Qt::Key_1);
    QCOMPARE(slider->maximum(), 2);
  }

  void atMostFourRuns() {
    for (const char* name : {"more0", "more1", "more2"}) openRun(name);
    QTest::keyClick(window_.get(), Qt::Key_5);
    QTRY_VERIFY(window_->isComparing());
    for (const char* name : {"small", "large", "more0"}) tick(name);
    QTRY_VERIFY_WITH_TIMEOUT(page()->figure() && page()->figure()->runs().size() == 4, patienceMs);
    QVERIFY(page()->choice()->findText("Contour s") < 0);
    tick("more1");
    QCOMPARE(page()->ticked().size(), 4);
    QVERIFY(window_->message().contains("Four runs"));
    page()->tick(path("more2"), false);
    QTRY_COMPARE(page()->figure()->runs().size(), std::size_t(3));
  }

  /// Whoever looks at a fifth run and comes back asked for nothing.
  void aFifthRunLookedAtIsNoMistake() {
    for (const char* name : {"more0", "more1", "more2"}) openRun(name);
    QTest::keyClick(window_.get(), Qt::Key_5);
    for (const char* name : {"small", "large", "more0"}) tick(name);
    QCOMPARE(page()->ticked().size(), 4);
    QVERIFY(!page()->ticked().contains(path("more1")));
    openRun("more1");
    QTest::keyClick(window_.get(), Qt::Key_5);
    QTRY_VERIFY(window_->isComparing());
    QCOMPARE(window_->message(), QString());
    QCOMPARE(page()->ticked().size(), 4);
  }

  void theSamePictureAsInBatch() {
    QTest::keyClick(window_.get(), Qt::Key_5);
    QTRY_VERIFY(window_->isComparing());
    tick("large");
    QTRY_VERIFY_WITH_TIMEOUT(page()->figure(), patienceMs);
    window_->epochBar()->slider()->setValue(window_->epochBar()->slider()->maximum());
    for (const char* title : {"Training", "Contour s"}) {
      choose(title);
      ExportOptions options;
      options.widthMm = page()->figure()->preferredMm().width();
      options.heightMm = page()->figure()->preferredMm().height();
      const QString mine = path("mine.png");
      page()->figure()->exportTo(mine.toStdString(), options);
      const auto files = renderComparison(page()->figure()->runs(), path("drawn").toStdString(), {"png"}, {});
      const auto stem = page()->figure()->id().fileStem() + ".png";
      bool found = false;
      for (const auto& file : files) {
        if (file.filename().string() != stem.toStdString()) continue;
        found = true;
        QCOMPARE(QImage(QString::fromStdString(file.string())), QImage(mine));
      }
      QVERIFY(found);
    }
  }

  void copiesTheCommandAndExports() {
    QTest::keyClick(window_.get(), Qt::Key_5);
    tick("large");
    QTRY_VERIFY_WITH_TIMEOUT(page()->figure(), patienceMs);
    Q_EMIT page()->figure()->copyBatchCommandRequested();
    const QString command = QApplication::clipboard()->text();
    QVERIFY2(command.contains("--render " + path("small") + " --compare " + path("large") + " --out "),
             qPrintable(command));
    QVERIFY2(command.endsWith(" --out comparison --figure compare-training"), qPrintable(command));
    window_->epochBar()->slider()->setValue(1);
    QVERIFY2(page()->batchCommand().endsWith(" --figure compare-training --epoch 1"),
             qPrintable(page()->batchCommand()));
    QSignalSpy exported(page(), &ComparePage::exported);
    QTest::keyClick(window_.get(), Qt::Key_E);
    ExportDialog* dialog = nullptr;
    QTRY_VERIFY((dialog = page()->findChild<ExportDialog*>()));
    QVERIFY(dialog->file().endsWith("compare-training.png"));
    // What --figure-size refuses the dialog doesn't offer.
    auto* width = dialog->findChild<QSpinBox*>("width");
    const int usual = width->value();
    dialog->findChild<QSpinBox*>("height")->setValue(80);
    width->setValue(100);
    const auto buttons = dialog->findChildren<QPushButton*>();
    const auto exports =
        std::find_if(buttons.begin(), buttons.end(), [](auto* one) { return one->text() == "Export"; });
    QVERIFY(exports != buttons.end() && !(*exports)->isEnabled());
    width->setValue(usual);
    QVERIFY((*exports)->isEnabled());
    dialog->accept();
    QTRY_COMPARE(exported.size(), 1);
    QVERIFY(fs::exists(exported[0][0].toString().toStdString()));
  }

  void aRunThatIsBeingReadCanBeUnticked() {
    // A pipe that nobody writes to is read for ever.
    const fs::path slow = path("slow").toStdString();
    fs::create_directories(slow);
    fs::copy(path("small").toStdString(), slow, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    fs::remove(slow / "metrics.csv");
    QCOMPARE(mkfifo((slow / "metrics.csv").c_str(), 0600), 0);
    QTest::keyClick(window_.get(), Qt::Key_5);
    page()->setRuns({path("small"), path("large"), path("slow")});
    for (const char* name : {"large", "slow"}) tick(name);
    QTRY_VERIFY(page()->message().contains("Reading"));
    // Opened for writing, it has a reader: the thread has come as far as that.
    QFile pipe;
    const auto isRead = [&] {
      if (pipe.isOpen()) return true;
      const int end = ::open((slow / "metrics.csv").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
      return end >= 0 && pipe.open(end, QIODevice::WriteOnly, QFileDevice::AutoCloseHandle);
    };
    QTRY_VERIFY_WITH_TIMEOUT(isRead(), patienceMs);
    QVERIFY(page()->findChildren<RunLoader*>().size() == 3);
    page()->tick(path("slow"), false);
    QTRY_VERIFY_WITH_TIMEOUT(page()->figure(), patienceMs);
    QCOMPARE(page()->figure()->runs().size(), std::size_t(2));
    QCOMPARE(page()->findChildren<RunLoader*>().size(), 3);
    pipe.close();
    QTRY_COMPARE_WITH_TIMEOUT(page()->findChildren<RunLoader*>().size(), 2, patienceMs);
    QVERIFY(window_->message().isEmpty());
  }

  void whatIsHiddenIsNotDrawn() {
    QTest::keyClick(window_.get(), Qt::Key_5);
    tick("large");
    QTRY_VERIFY_WITH_TIMEOUT(page()->figure(), patienceMs);
    choose("Contour s");
    auto* slider = window_->epochBar()->slider();
    slider->setValue(3);
    QTest::keyClick(window_.get(), Qt::Key_1);
    QTRY_VERIFY(!window_->isComparing());
    auto* tab = qobject_cast<PlotFigure*>(window_->figures()->current());
    for (int i = 0; i < window_->figures()->count() && !(tab && tab->id().kind == "contour"); ++i) {
      window_->figures()->setCurrentIndex(i);
      tab = qobject_cast<PlotFigure*>(window_->figures()->current());
    }
    slider->setValue(2);
    QCOMPARE(tab->provenance().epoch, std::int64_t{2});
    const auto shown = [this] {
      return qobject_cast<PlotFigure*>(page()->figure()->parts().at(0))->provenance().epoch;
    };
    QCOMPARE(shown(), std::int64_t{3});
    QTest::keyClick(window_.get(), Qt::Key_5);
    QTRY_VERIFY(window_->isComparing());
    QCOMPARE(shown(), std::int64_t{2});
    slider->setValue(1);
    QCOMPARE(shown(), std::int64_t{1});
    QCOMPARE(tab->provenance().epoch, std::int64_t{2});
    QTest::keyClick(window_.get(), Qt::Key_1);
    QTRY_VERIFY(!window_->isComparing());
    tab = qobject_cast<PlotFigure*>(window_->figures()->current());
    QVERIFY(!tab || tab->id().kind != "contour" || tab->provenance().epoch == 1);
  }

  void swatchesHaveTheThemesColours() {
    QTest::keyClick(window_.get(), Qt::Key_5);
    tick("large");
    const auto colour = [this](int row) {
      return page()->list()->item(row)->icon().pixmap(14, 10).toImage().pixelColor(4, 4).rgb();
    };
    for (const auto& [choice, theme] :
         {std::pair{Appearance::Choice::Dark, Theme::Dark}, {Appearance::Choice::Light, Theme::Light}}) {
      window_->appearance()->choose(choice);
      Style style;
      style.theme = theme;
      for (int i = 0; i < page()->list()->count(); ++i) {
        const auto place = page()->ticked().indexOf(page()->list()->item(i)->toolTip());
        QVERIFY(place >= 0);
        QCOMPARE(colour(i), runColor(style, std::size_t(place)).rgb());
      }
    }
  }

  void theFullPageIsTheFigureAlone() {
    // What is picked in a figure that is hidden does not keep Escape.
    LandscapeFigure* landscape = nullptr;
    for (int i = 0; i < window_->figures()->count() && !landscape; ++i) {
      landscape = qobject_cast<LandscapeFigure*>(window_->figures()->figure(i));
      if (landscape) window_->figures()->setCurrentIndex(i);
    }
    QVERIFY(landscape);
    ContourFigure* const hidden = landscape->contour();
    hidden->plot()->replot();
    QTest::mouseClick(hidden->plot(), Qt::LeftButton, {}, hidden->plot()->axisRect(0)->center());
    QVERIFY(hidden->pickedPoint());
    QTest::keyClick(window_.get(), Qt::Key_5);
    tick("large");
    QTRY_VERIFY_WITH_TIMEOUT(page()->figure(), patienceMs);
    QVERIFY(page()->list()->isVisible());
    QTest::keyClick(window_.get(), Qt::Key_F11);
    QVERIFY(window_->isFullPage());
    QVERIFY(!page()->list()->isVisible());
    QVERIFY(!page()->choice()->isVisible());
    QTRY_VERIFY(page()->figure()->isVisible());  // a layout shows what it is given a moment later
    QTest::keyClick(window_.get(), Qt::Key_Escape);
    QVERIFY(!window_->isFullPage());
    QVERIFY(page()->list()->isVisible() && page()->choice()->isVisible());
    QVERIFY(hidden->pickedPoint());
  }

 private:
  QString path(const QString& name) const { return folder_.filePath(name); }
  ComparePage* page() const { return window_->comparePage(); }
  void openRun(const QString& name) {
    QSignalSpy shown(window_.get(), &MainWindow::runShown);
    window_->openPath(path(name));
    QTRY_VERIFY_WITH_TIMEOUT(shown.size() > 0, patienceMs);
  }
  /// As a click on the box does.
  void tick(const QString& name, bool on = true) {
    for (int i = 0; i < page()->list()->count(); ++i) {
      auto* item = page()->list()->item(i);
      if (item->toolTip() == path(name)) item->setCheckState(on ? Qt::Checked : Qt::Unchecked);
    }
  }
  void choose(const QString& title) {
    const int at = page()->choice()->findText(title);
    QVERIFY(at >= 0);
    page()->choice()->setCurrentIndex(at);
    Q_EMIT page()->choice()->activated(at);
  }

  QTemporaryDir folder_;
  std::unique_ptr<MainWindow> window_;
};

QTEST_MAIN(TestComparePage)
#include "tst_compare_page.moc"
