// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QListWidget>
#include <QProcess>
#include <QSettings>
#include <QSignalSpy>
#include <QSlider>
#include <QTemporaryDir>
#include <QTest>

#include "app/compare_page.h"
#include "app/epoch_bar.h"
#include "app/export_dialog.h"
#include "app/figure_tabs.h"
#include "app/main_window.h"
#include "app/run_list.h"
#include "core/study/study.h"
#include "views/compare_figure.h"
#include "views/comparison.h"

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
    for (const char* name : {"large", "small"}) open(name);
  }
  void cleanup() { window_.reset(); }

  void ticksRunsAndScrubs() {
    QVERIFY(!page()->figure());
    QTest::keyClick(window_.get(), Qt::Key_5);
    QTRY_VERIFY(window_->isComparing());
    // The open run is ticked; one alone is no comparison.
    QCOMPARE(page()->ticked(), QStringList{path("small")});
    QVERIFY(page()->message().contains("Tick two to four"));
    tick("large");
    QTRY_VERIFY_WITH_TIMEOUT(page()->figure(), patienceMs);
    QCOMPARE(page()->figure()->runs()[0].name, QString("epochs = 3, batch_size = 16"));
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

  void atMostFourRuns() {
    for (const char* name : {"more0", "more1", "more2"}) open(name);
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
    QSignalSpy exported(page(), &ComparePage::exported);
    QTest::keyClick(window_.get(), Qt::Key_E);
    ExportDialog* dialog = nullptr;
    QTRY_VERIFY((dialog = page()->findChild<ExportDialog*>()));
    QVERIFY(dialog->file().endsWith("compare-training.png"));
    dialog->accept();
    QTRY_COMPARE(exported.size(), 1);
    QVERIFY(fs::exists(exported[0][0].toString().toStdString()));
  }

 private:
  QString path(const QString& name) const { return folder_.filePath(name); }
  ComparePage* page() const { return window_->comparePage(); }
  void open(const QString& name) {
    QSignalSpy shown(window_.get(), &MainWindow::runShown);
    window_->openPath(path(name));
    QTRY_VERIFY_WITH_TIMEOUT(shown.size() > 0, patienceMs);
  }
  /// As a click on the box does.
  void tick(const QString& name) {
    for (int i = 0; i < page()->list()->count(); ++i) {
      auto* item = page()->list()->item(i);
      if (item->toolTip() == path(name)) item->setCheckState(Qt::Checked);
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
