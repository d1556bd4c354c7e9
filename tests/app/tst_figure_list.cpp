// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QLineEdit>
#include <QListWidget>
#include <QMessageBox>
#include <QSettings>
#include <QSignalSpy>
#include <QStatusBar>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>

#include "app/bits_page.h"
#include "app/compare_page.h"
#include "app/figure_list.h"
#include "app/figure_tabs.h"
#include "app/main_window.h"
#include "tests/app/support/long_run.h"

using namespace eigenscape;

/// Finding one's way among many figures: by name, by keys, and what the keys are.
class TestFigureList : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() {
    QVERIFY(folder_.isValid());
    QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, folder_.filePath("settings"));
    QApplication::setOrganizationName("EigenscapeTest");
    QApplication::setApplicationName("EigenscapeTest");
    saveLongRun(folder_.filePath("run").toStdString(), 6);
  }
  void init() {
    QSettings().clear();
    window_ = std::make_unique<MainWindow>();
    window_->show();
    QVERIFY(QTest::qWaitForWindowActive(window_.get()));
  }
  void cleanup() { window_.reset(); }

  void allFiguresAreListedByTheirWholeNames() {
    open();
    auto* tabs = window_->figures();
    auto* button = tabs->findChild<QToolButton*>("all figures");
    QVERIFY(button && button->isVisible());
    QVERIFY2(button->text().contains(QString::number(tabs->count())), qPrintable(button->text()));
    tabs->showPage(2);
    button->click();
    auto* list = tabs->findChild<FigureList*>();
    QVERIFY(list && list->isVisible());
    QStringList all, listed = titles(*list);
    for (int i = 0; i < tabs->count(); ++i) {
      all << tabs->figure(i)->id().title();
      QVERIFY(tabs->tabToolTip(i).contains(all.last()));
    }
    all.sort(), listed.sort();
    QCOMPARE(listed, all);
    // The one that is seen is marked, and what is chosen is seen.
    QCOMPARE(list->list()->currentItem()->text().trimmed(), tabs->current()->id().title());
    for (int row = 0; row < list->list()->count(); ++row) {
      auto* item = list->list()->item(row);
      if (item->text().trimmed() == "Training") list->list()->setCurrentItem(item);
    }
    QTest::keyClick(list->search(), Qt::Key_Return);
    QCOMPARE(tabs->current()->id().kind, QString("training"));
    QTRY_VERIFY(!tabs->findChild<FigureList*>());
    // The tabs' full page has no button.
    window_->setFullPage(true);
    QVERIFY(!button->isVisible());
    window_->setFullPage(false);
    QVERIFY(button->isVisible());
  }

  void typingAndArrowsFind() {
    open();
    auto* tabs = window_->figures();
    tabs->showPage(3);
    QTest::keyClick(window_.get(), Qt::Key_F);
    auto* list = tabs->findChild<FigureList*>();
    QVERIFY(list);
    QTest::keyClicks(list->search(), "E1 surf");  // in any order, small or capital
    const QStringList found = titles(*list);
    QVERIFY(!found.isEmpty() && found.size() < tabs->count());
    for (const QString& title : found) QVERIFY2(title.contains("Surface") && title.contains("e1"), qPrintable(title));
    QTest::keyClicks(list->search(), " nowhere");
    QVERIFY(titles(*list).isEmpty());
    QTest::keyClick(list->search(), Qt::Key_Return);  // nothing to choose
    QVERIFY(list->isVisible());
    list->search()->setText("landscape");
    const QStringList landscapes = titles(*list);
    QVERIFY(landscapes.size() > 2);
    QTest::keyClick(list->search(), Qt::Key_Up);  // the heading is above the first
    QCOMPARE(list->list()->currentItem()->text().trimmed(), landscapes[0]);
    QTest::keyClick(list->search(), Qt::Key_Down);
    QCOMPARE(list->list()->currentItem()->text().trimmed(), landscapes[1]);
    QTest::keyClick(list->search(), Qt::Key_Return);
    QCOMPARE(tabs->current()->id().title(), landscapes[1]);
  }

  void tabsMayMoveWhileTheListIsOpen() {
    open();
    auto* tabs = window_->figures();
    RunResults without = loadRun(folder_.filePath("run").toStdString());
    const auto complete = std::make_shared<const RunResults>(without);
    QVERIFY(!without.overlaps.empty());
    without.overlaps.clear();
    tabs->showRun(std::make_shared<const RunResults>(without), 0);
    const int before = tabs->count();
    tabs->showPage(3);
    const auto id = tabs->current()->id();
    tabs->setCurrentIndex(0);
    QTest::keyClick(window_.get(), Qt::Key_F);
    auto* list = tabs->findChild<FigureList*>();
    QVERIFY(list);
    for (int row = 0; row < list->list()->count(); ++row) {
      if (list->list()->item(row)->text().trimmed() == id.title()) list->list()->setCurrentRow(row);
    }
    const auto listed = titles(*list).size();
    tabs->showRun(complete, 0);  // a run that goes on
    QVERIFY(tabs->count() > before);
    QTRY_COMPARE(titles(*list).size(), listed + tabs->count() - before);
    QCOMPARE(list->list()->currentItem()->text().trimmed(), id.title());
    QTest::keyClick(list->search(), Qt::Key_Return);
    QVERIFY2(tabs->current()->id() == id, qPrintable(tabs->current()->id().title()));
  }

  void whatIsMissingIsSaid() {
    QTest::keyClick(window_.get(), Qt::Key_F);
    QVERIFY2(window_->statusBar()->currentMessage().contains("No run is open"),
             qPrintable(window_->statusBar()->currentMessage()));
    open();
    QTest::keyClick(window_.get(), Qt::Key_5);
    QTRY_VERIFY(window_->isComparing());
    auto* page = window_->findChild<ComparePage*>();
    QVERIFY2(page->message().startsWith("One run is there: run"), qPrintable(page->message()));
    QCOMPARE(window_->statusBar()->currentMessage(), page->message());
    QVERIFY(!page->choice()->isEnabled());
    QTest::keyClick(window_.get(), Qt::Key_F);  // there is no figure of a comparison yet
    QCOMPARE(window_->statusBar()->currentMessage(), page->message());
  }

  void theSheetHasTheKeysOfTheTableOfBits() {
    QTest::keyClick(window_.get(), Qt::Key_F1);
    const auto* sheet = window_->findChild<QMessageBox*>();
    QVERIFY(sheet);
    for (const char* words : {"Table of bits", ">+, -<", ">F2<", ">L<", "Find a figure"})
      QVERIFY2(sheet->text().contains(words), qPrintable(sheet->text()));
    // Nothing else is bound to them: the table has them for itself.
    for (const auto* shortcut : window_->findChildren<QShortcut*>()) {
      for (const auto key : {Qt::Key_L, Qt::Key_Plus, Qt::Key_Minus, Qt::Key_F2, Qt::Key_Up, Qt::Key_Down})
        QVERIFY(shortcut->key() != QKeySequence(key));
    }
  }

 private:
  void open() {
    QSignalSpy shown(window_.get(), &MainWindow::runShown);
    window_->openPath(folder_.filePath("run"));
    QTRY_VERIFY_WITH_TIMEOUT(!shown.isEmpty(), 60000);
  }
  static QStringList titles(const FigureList& list) {
    QStringList all;
    for (int row = 0; row < list.list()->count(); ++row) {
      const auto* item = list.list()->item(row);
      if (item->data(Qt::UserRole).isValid()) all << item->text().trimmed();
    }
    return all;
  }

  QTemporaryDir folder_;
  std::unique_ptr<MainWindow> window_;
};

QTEST_MAIN(TestFigureList)
#include "tst_figure_list.moc"
