// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QCheckBox>
#include <QComboBox>
#include <QDockWidget>
#include <QDoubleSpinBox>
#include <QSettings>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "app/figure_tabs.h"
#include "app/inspector.h"
#include "app/main_window.h"
#include "tests/app/support/long_run.h"
#include "views/contour.h"
#include "views/landscape.h"
#include "views/plotting.h"
#include "views/surface.h"

using namespace eigenscape;

class TestInspector : public QObject {
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
    window_ = std::make_unique<MainWindow>();
    window_->show();
    QVERIFY(QTest::qWaitForWindowActive(window_.get()));
    QSignalSpy shown(window_.get(), &MainWindow::runShown);
    window_->openPath(folder_.filePath("run"));
    QTRY_VERIFY_WITH_TIMEOUT(!shown.isEmpty(), 60000);
    QVERIFY(window_->figures()->showPage(1));
    page_ = qobject_cast<LandscapeFigure*>(window_->figures()->current());
    QVERIFY(page_);
    window_->findChild<QDockWidget*>("InspectorDock")->raise();
    QTRY_VERIFY(window_->inspector()->isVisible());
  }
  void cleanup() { window_.reset(); }

  void thePickedPointIsTold() {
    QCOMPARE(window_->inspector()->fact("epoch"), QString("6"));
    QVERIFY(window_->inspector()->fact("train loss").isEmpty());
    QCustomPlot* plot = page_->contour()->plot();
    const auto* rect = plot->axisRect(0);
    const QPoint centre(int(rect->axis(QCPAxis::atBottom)->coordToPixel(0)),
                        int(rect->axis(QCPAxis::atLeft)->coordToPixel(0)) - 30);
    QTest::mouseClick(plot, Qt::LeftButton, {}, centre);
    QVERIFY(page_->contour()->pickedPoint());
    for (const char* name : {"picked α", "picked β", "train loss", "test loss", "train accuracy", "test accuracy"})
      QVERIFY2(!window_->inspector()->fact(QString::fromUtf8(name)).isEmpty(), name);
    QVERIFY(!window_->inspector()->fact("train, on the grid").isEmpty());
    QVERIFY(page_->clearSelection());
    QVERIFY(window_->inspector()->fact("train loss").isEmpty());
  }

  void choicesChangeTheFigure() {
    auto* scale = window_->inspector()->findChildren<QComboBox*>().at(1);
    scale->setCurrentIndex(scale->findData("log"));
    Q_EMIT scale->activated(scale->currentIndex());
    QCOMPARE(page_->contour()->data().height.kind, std::string("log"));
    QCOMPARE(page_->surface()->heightChoice()->kind, std::string("log"));
    QCOMPARE(window_->inspector()->fact("scale"), QString("logarithmic"));
    auto* clip = window_->inspector()->findChild<QDoubleSpinBox*>();
    const double loss = page_->contour()->data().scale.value(0.5);
    clip->setValue(loss);
    QVERIFY(std::abs(page_->contour()->data().scale.upper() - loss) < 1e-3);
    auto* split = window_->inspector()->findChildren<QComboBox*>().at(0);
    split->setCurrentText("test");
    Q_EMIT split->activated(split->currentIndex());
    QCOMPARE(page_->split(), QString("test"));
    window_->inspector()->findChild<QCheckBox*>()->click();
    QVERIFY(page_->sharedScale());
    // What is chosen elsewhere is seen here.
    page_->chooseHeight({"linear", 0});
    QCOMPARE(scale->currentData().toString(), QString("linear"));
    QCOMPARE(clip->value(), 0.0);
  }

  // The clip is shown with three decimals.
  void otherChoicesLeaveTheClipAsItIs() {
    const double clip = page_->contour()->data().scale.value(0.5) + 1e-5;
    page_->chooseHeight({"linear", clip});
    auto* scale = window_->inspector()->findChildren<QComboBox*>().at(1);
    scale->setCurrentIndex(scale->findData("log"));
    Q_EMIT scale->activated(scale->currentIndex());
    window_->inspector()->findChild<QCheckBox*>()->click();
    QCOMPARE(page_->heightChoice()->kind, std::string("log"));
    QCOMPARE(page_->heightChoice()->clip, clip);
  }

  void nothingIsReadWhileItIsHidden() {
    auto* dock = window_->findChild<QDockWidget*>("InspectorDock");
    dock->hide();
    const QString before = window_->inspector()->fact("figure");
    window_->figures()->showPage(3);
    QCOMPARE(window_->inspector()->fact("figure"), before);
    dock->show();
    dock->raise();
    QTRY_COMPARE(window_->inspector()->fact("figure"), window_->figures()->current()->id().title());
  }

  void itFollowsFiguresAndEpochs() {
    window_->figures()->showPage(3);
    QCOMPARE(window_->inspector()->fact("figure"), window_->figures()->current()->id().title());
    QVERIFY(!window_->inspector()->findChild<QDoubleSpinBox*>()->isEnabled());
    window_->figures()->showPage(1);
    window_->figures()->showEpoch(2);
    QCOMPARE(window_->inspector()->fact("epoch"), QString("2"));
  }

  void theKeyboardReachesItAndItsPlaceIsRemembered() {
    auto* dock = window_->findChild<QDockWidget*>("InspectorDock");
    QVERIFY(dock);
    page_->setFocus();
    QTest::keyClick(window_.get(), Qt::Key_I);
    QVERIFY(window_->inspector()->isAncestorOf(QApplication::focusWidget()));
    window_->addDockWidget(Qt::RightDockWidgetArea, dock);
    window_->close();
    const MainWindow again;
    QCOMPARE(again.dockWidgetArea(again.findChild<QDockWidget*>("InspectorDock")), Qt::RightDockWidgetArea);
  }

  void pointsHaveShapes() {
    SurfaceData data;
    data.epoch = 0;
    data.grid.xs = data.grid.ys = {-1, 0, 1};
    const auto shape = [&](auto loss) {
      data.grid.loss.clear();
      for (const double y : data.grid.ys) {
        for (const double x : data.grid.xs) data.grid.loss.push_back(loss(x, y));
      }
      return data.shapeAt(0, 0);
    };
    QCOMPARE(shape([](double x, double y) { return x * x + y * y; }), QString("local minimum"));
    QCOMPARE(shape([](double x, double y) { return -x * x - y * y; }), QString("local maximum"));
    QCOMPARE(shape([](double x, double y) { return x * x - 2 * y * y; }), QString("saddle"));
    QCOMPARE(shape([](double x, double y) { return x + 0.1 * y; }), QString("slope"));
    QCOMPARE(data.shapeAt(1, 0), QString("edge of the grid"));
  }

 private:
  QTemporaryDir folder_;
  std::unique_ptr<MainWindow> window_;
  LandscapeFigure* page_ = nullptr;
};

QTEST_MAIN(TestInspector)
#include "tst_inspector.moc"
