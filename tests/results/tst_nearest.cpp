// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>

#include "core/results/nearest.h"

using namespace eigenscape;

class TestNearest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void distances_data() {
    QTest::addColumn<QString>("a");
    QTest::addColumn<QString>("b");
    QTest::addColumn<int>("distance");
    QTest::newRow("same") << "spectrum"
                          << "spectrum" << 0;
    QTest::newRow("textbook") << "kitten"
                              << "sitting" << 3;
    QTest::newRow("nothing") << ""
                             << "abc" << 3;
    QTest::newRow("one letter left out") << "densty"
                                         << "density" << 1;
    QTest::newRow("two letters swapped") << "dnesity"
                                         << "density" << 2;
  }
  void distances() {
    QFETCH(QString, a);
    QFETCH(QString, b);
    QFETCH(int, distance);
    QCOMPARE(editDistance(a.toStdString(), b.toStdString()), std::size_t(distance));
    QCOMPARE(editDistance(b.toStdString(), a.toStdString()), std::size_t(distance));
  }

  void whatWasMeant() {
    const std::vector<std::string> names{"spectrum", "density", "contour-e1-e2", "e1"};
    QCOMPARE(didYouMean("contour-e1-e3", names), std::string("did you mean contour-e1-e2? "));
    QCOMPARE(didYouMean("Spectrum", names), std::string("did you mean spectrum? "));
    QCOMPARE(didYouMean("training", names), std::string());
    QCOMPARE(didYouMean("xy", names), std::string());  // two replaced letters make e1 of it, as of anything
    QCOMPARE(didYouMean("density", {}), std::string());
  }
};

QTEST_APPLESS_MAIN(TestNearest)
#include "tst_nearest.moc"
