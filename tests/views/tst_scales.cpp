// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <limits>

#include "views/style.h"
#include "views/tickers.h"
#include "views/value_scale.h"

using namespace eigenscape;

namespace {

constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// What an axis would show.
struct Shown {
  QVector<double> ticks;
  QVector<QString> labels;
};

Shown show(QCPAxisTicker& ticker, double low, double high) {
  Shown shown;
  QVector<double> subTicks;
  ticker.generate(QCPRange(low, high), QLocale::c(), 'g', 5, shown.ticks, &subTicks, &shown.labels);
  return shown;
}

}  // namespace

class TestScales : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void numbersReadAsInPrint_data() {
    QTest::addColumn<double>("value");
    QTest::addColumn<QString>("text");
    QTest::newRow("zero") << 0.0 << "0";
    QTest::newRow("plain") << 0.25 << "0.25";
    QTest::newRow("minus") << -0.25 << QStringLiteral("−0.25");
    QTest::newRow("rounded") << 97.694 << "97.7";
    QTest::newRow("thousands") << 12345.0 << "12345";
    QTest::newRow("small") << 3e-5 << QStringLiteral("3×10⁻⁵");
    QTest::newRow("power") << 1e-7 << QStringLiteral("10⁻⁷");
    QTest::newRow("large") << -2.5e12 << QStringLiteral("−2.5×10¹²");
    QTest::newRow("edge") << 0.001 << "0.001";
    QTest::newRow("nan") << notANumber << "nan";
    QTest::newRow("inf") << -infinity << QStringLiteral("−inf");
  }
  void numbersReadAsInPrint() {
    QFETCH(double, value);
    QFETCH(QString, text);
    QCOMPARE(numberText(value), text);
  }

  void subscripts() {
    QCOMPARE(subscript(12), QStringLiteral("₁₂"));
    QCOMPARE(subscript(-1), QStringLiteral("₋₁"));
  }

  void viridisRunsFromDarkToBright() {
    QCOMPARE(colors::viridis(0), QColor(0x44, 0x01, 0x54));
    QCOMPARE(colors::viridis(1), QColor(0xfd, 0xe7, 0x25));
    QCOMPARE(colors::viridis(7), colors::viridis(1));
    QCOMPARE(colors::viridis(notANumber), colors::paper);
    double before = -1;
    for (int i = 0; i <= 100; ++i) {
      const QColor c = colors::viridis(i / 100.0);
      const double brightness = 0.2126 * c.redF() + 0.7152 * c.greenF() + 0.0722 * c.blueF();
      QVERIFY(brightness > before);
      before = brightness;
    }
  }

  void theSymmetricLogarithmIsItsOwnInverse() {
    const SymmetricLog scale{0.01};
    for (const double value : {-100.0, -1.0, -1e-3, 0.0, 1e-3, 1.0, 5e4}) {
      QVERIFY(std::abs(scale.backward(scale.forward(value)) - value) <= 1e-12 * std::max(1.0, std::abs(value)));
      QCOMPARE(scale.forward(-value), -scale.forward(value));
    }
    // One decade far outside is one unit.
    QVERIFY(std::abs(scale.forward(1e4) - scale.forward(1e3) - 1) < 1e-4);
    QCOMPARE(SymmetricLog::fitting({-0.05, 0, 20, notANumber}).threshold, 0.01);
    QCOMPARE(SymmetricLog::fitting({1e-12, 1}).threshold, 1e-5);
  }

  void logarithmsAreTakenBeyondOneAndAHalfDecades() {
    QVERIFY(!wantsLogarithm({1, 31}));
    QVERIFY(wantsLogarithm({1, 32, notANumber}));
    QVERIFY(!wantsLogarithm({0, 1000}));
    QVERIFY(!wantsLogarithm({}));
    QVERIFY(!ValueScale({1, 31}).logarithmic());
    QVERIFY(ValueScale({1, 32}).logarithmic());
  }

  void aScaleMapsItsEndsToZeroAndOne() {
    for (const auto& values : {std::vector<double>{2, 5, 9}, std::vector<double>{0.1, 3, 400}}) {
      const ValueScale scale(values);
      QCOMPARE(scale.position(values.front()), 0.0);
      QCOMPARE(scale.position(values.back()), 1.0);
      for (const double value : values) QVERIFY(std::abs(scale.value(scale.position(value)) - value) < 1e-9);
      const auto levels = scale.levels(9);
      QVERIFY(levels.size() >= 4 && levels.size() <= 16);
      for (const double level : levels) QVERIFY(level > scale.lower() && level < scale.upper());
    }
  }

  void aDivergedCornerIsClipped() {
    std::vector<double> values(99, 2.0);
    values[0] = 0.1;
    values.push_back(1e30);
    values.push_back(infinity);
    const ValueScale scale(values);
    QVERIFY(scale.logarithmic());
    QCOMPARE(scale.upper(), 2e4);
    QVERIFY(scale.isClipped(1e30));
    QVERIFY(!scale.isClipped(2));
    QCOMPARE(scale.clamp(1e30), 2e4);
  }

  void scalesOfNothingAndOfOneValue() {
    QVERIFY(!ValueScale({notANumber, infinity}).valid());
    const ValueScale flat({3, 3});
    QVERIFY(flat.valid());
    QVERIFY(flat.lower() < 3 && flat.upper() > 3);
  }

  void linearTicksAreFewAndRound() {
    RoundTicker ticker;
    const Shown shown = show(ticker, -1, 1);
    QVERIFY(shown.ticks.contains(0) ||
            std::any_of(shown.ticks.begin(), shown.ticks.end(), [](double t) { return std::abs(t) < 1e-12; }));
    QVERIFY(shown.ticks.size() >= 3 && shown.ticks.size() <= 8);
    QVERIFY(shown.labels.contains("0"));
    QVERIFY(shown.labels.contains(QStringLiteral("−0.5")));
    const Shown fine = show(ticker, 2.3001, 2.3009);
    QVERIFY2(fine.labels.contains("2.3004") || fine.labels.contains("2.3005"), qPrintable(fine.labels.value(1)));
  }

  void epochsAreWhole() {
    IntegerTicker ticker;
    for (const double high : {1.0, 3.0, 7.0, 100.0}) {
      for (const double tick : show(ticker, 0, high).ticks) QCOMPARE(tick, std::round(tick));
    }
  }

  void decades() {
    DecadeTicker ticker;
    const Shown wide = show(ticker, 0.02, 2000);
    for (const char* label : {"0.1", "1", "10", "100", "1000"}) QVERIFY(wide.labels.contains(label));
    const Shown narrow = show(ticker, 1.5, 30);
    QVERIFY(narrow.labels.contains("2") && narrow.labels.contains("5") && narrow.labels.contains("20"));
    QVERIFY(show(ticker, 1e-12, 1e12).ticks.size() <= 10);
    QVERIFY(show(ticker, -1, 1).ticks.isEmpty());
  }

  void symmetricTicksAreDecadesOnBothSides() {
    const SymmetricLog scale{0.1};
    SymmetricLogTicker ticker(scale);
    const Shown shown = show(ticker, scale.forward(-20), scale.forward(300));
    for (const char* label : {"0", "1", "10", "100"}) QVERIFY2(shown.labels.contains(label), label);
    QVERIFY(shown.labels.contains(QStringLiteral("−10")));
    for (qsizetype i = 0; i < shown.ticks.size(); ++i) {
      const double value = scale.backward(shown.ticks[i]);
      QCOMPARE(numberText(value), shown.labels[i]);
    }
  }

  void roundValuesLieInside() {
    const auto values = roundValues(0.11, 2.4, 5);
    QCOMPARE(values, (std::vector<double>{0.5, 1, 1.5, 2}));
    QCOMPARE(roundLogValues(0.05, 500, 4), (std::vector<double>{0.1, 1, 10, 100}));
    QVERIFY(roundValues(1, 1, 5).empty());
    QVERIFY(roundLogValues(-1, 1, 5).empty());
  }
};

QTEST_GUILESS_MAIN(TestScales)
#include "tst_scales.moc"
