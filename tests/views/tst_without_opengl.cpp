// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QTest>
#include <cstdlib>

#include "support/sample_run.h"
#include "views/gl_context.h"
#include "views/surface.h"

using namespace eigenscape;

// A machine that has no OpenGL at all, played by an EGL that finds no driver.
class TestWithoutOpenGl : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() {
    bool found = true;
    try {
      GlContext context;
    } catch (const NoOpenGl&) {
      found = false;
    }
    if (found) QSKIP("this EGL finds its drivers all the same");
  }

  void theWidgetSaysWhatIsMissing() {
    SurfaceFigure figure({"surface", "e1-e2"});
    figure.resize(400, 300);
    figure.showRun(sample::shared(), 10);
    figure.grab();
    QVERIFY2(figure.emptyMessage().contains("OpenGL"), qPrintable(figure.emptyMessage()));
    figure.grab();
    SurfaceFigure fresh({"surface", "e1-e2"});
    fresh.showRun(sample::shared(), 10);
    QVERIFY_EXCEPTION_THROWN(fresh.picture({}), NoOpenGl);
  }

  void theOtherFiguresAreDrawn() {
    QTemporaryDir folder;
    RunResults run = sample::run();
    run.directory = folder.path().toStdString();
    for (int surface = 0; surface < 2; ++surface) QTest::ignoreMessage(QtCriticalMsg, QRegularExpression("OpenGL"));
    QCOMPARE(renderRun(run, {"png"}).size(), std::size_t(8));
  }
};

int main(int argc, char** argv) {
  setenv("__EGL_VENDOR_LIBRARY_FILENAMES", "/dev/null", 1);
  QApplication app(argc, argv);
  TestWithoutOpenGl test;
  return QTest::qExec(&test, argc, argv);
}
#include "tst_without_opengl.moc"
