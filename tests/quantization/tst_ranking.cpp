// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <random>

#include "core/quantization/ranking.h"

using namespace eigenscape;

namespace {

bool near(double a, double b) {
  return std::abs(a - b) < 1e-12;
}

std::vector<std::vector<std::size_t>> singles(std::size_t count) {
  std::vector<std::vector<std::size_t>> clusters;
  for (std::size_t i = 0; i < count; ++i) clusters.push_back({i});
  return clusters;
}

}  // namespace

class TestRanking : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void correlationsByHand();
  void tiesByHand();
  void nothingToRank();
  void intervalsCoverTheTruth();
  void layersAreDrawnWhole();
  void rowsOfTables();
};

void TestRanking::correlationsByHand() {
  // Ranks 1 2 3 4 5 against 2 1 4 3 5: Σd² = 4, ρ = 1 − 6·4/(5·24) = 0.8; two of ten pairs are the wrong way round.
  const std::vector<double> a{1, 10, 100, 1000, 1e4}, b{-2, -3, 0.5, 0.25, 7};
  QVERIFY(near(spearman(a, b), 0.8));
  QVERIFY(near(kendall(a, b), 0.6));
  QVERIFY(near(spearman(a, a), 1) && near(kendall(a, a), 1));
  QVERIFY(near(spearman(a, {5, 4, 3, 2, 1}), -1) && near(kendall(a, {5, 4, 3, 2, 1}), -1));
}

/// scipy.stats.spearmanr([1, 2, 2, 3], [1, 3, 2, 4]) and kendalltau of the same.
void TestRanking::tiesByHand() {
  const std::vector<double> a{1, 2, 2, 3}, b{1, 3, 2, 4};
  // Ranks 1, 2.5, 2.5, 4 and 1, 3, 2, 4: Σxy about the mean 2.5 is 2.25 + 0 + 0 + 2.25, Σx² = 4.5, Σy² = 5.
  QVERIFY(near(spearman(a, b), 4.5 / std::sqrt(4.5 * 5)));
  // Five pairs agree, one is a tie in a: 5 / √(5 · 6).
  QVERIFY(near(kendall(a, b), 5 / std::sqrt(30.0)));
}

void TestRanking::nothingToRank() {
  const double nan = std::nan("");
  for (const auto measure : {&spearman, &kendall}) {
    QVERIFY(std::isnan(measure({}, {})));
    QVERIFY(std::isnan(measure({1}, {2})));
    QVERIFY(std::isnan(measure({1, 1, 1}, {1, 2, 3})));
    QVERIFY(std::isnan(measure({1, nan, 2}, {1, 2, 3})));
    QVERIFY(std::isnan(measure({1, 2}, {1, 2, 3})));
    QVERIFY(std::isnan(bootstrapInterval({1}, {1}, singles(1), measure, 0).low));
    QVERIFY(std::isnan(bootstrapInterval({1, 1}, {1, 2}, singles(2), measure, 0).high));
  }
}

/// Of a hundred samples of a known correlation about 95 intervals hold it.
void TestRanking::intervalsCoverTheTruth() {
  std::mt19937_64 generator(4);
  std::normal_distribution<double> normal;
  const double r = 0.7, truth = 6 / M_PI * std::asin(r / 2);  // Spearman's ρ of a bivariate normal distribution
  int inside = 0;
  for (int sample = 0; sample < 100; ++sample) {
    std::vector<double> a, b;
    for (int i = 0; i < 60; ++i) {
      a.push_back(normal(generator));
      b.push_back(r * a.back() + std::sqrt(1 - r * r) * normal(generator));
    }
    const auto interval = bootstrapInterval(a, b, singles(60), &spearman, std::uint64_t(sample), 400);
    QVERIFY(interval.low <= interval.high && interval.high - interval.low < 0.8);
    inside += interval.low <= truth && truth <= interval.high ? 1 : 0;
  }
  QVERIFY2(inside >= 86 && inside < 100, qPrintable(QString::number(inside)));
}

/// Widths of one layer go together: drawn apart, ten copies of three layers would look like thirty.
void TestRanking::layersAreDrawnWhole() {
  std::vector<double> a, b;
  std::vector<std::vector<std::size_t>> layers(4);
  for (std::size_t i = 0; i < 40; ++i) {
    const auto layer = i % 4;
    a.push_back(double(layer));
    b.push_back(layer == 1 ? 2.0 : layer == 2 ? 1.0 : double(layer));
    layers[layer].push_back(i);
  }
  const auto whole = bootstrapInterval(a, b, layers, &spearman, 1),
             apart = bootstrapInterval(a, b, singles(40), &spearman, 1);
  QVERIFY(whole.high - whole.low > 2 * (apart.high - apart.low));
  const auto again = bootstrapInterval(a, b, layers, &spearman, 1);
  QVERIFY(again.low == whole.low && again.high == whole.high);
}

void TestRanking::rowsOfTables() {
  std::vector<LayerScoreRow> scores;
  std::vector<LayerLossRow> losses;
  const std::vector<std::string> layers{"a", "b", "c", "d"};
  for (std::size_t i = 0; i < 4; ++i) {
    for (const std::int64_t bits : {2, 4}) {
      const double x = double(i + 1) / double(bits);
      scores.push_back({layers[i], "weights", bits, "v2", x, 0});
      scores.push_back({layers[i], "weights", bits, "v1", -x, 0});
      if (i < 3) scores.push_back({layers[i], "inputs", bits, "v2", x, 0});
      LayerLossRow row;
      row.layer = layers[i], row.kind = "weights", row.bits = bits, row.increase = x * x;
      losses.push_back(row);
      row.kind = "inputs", row.increase = 1 / x;
      losses.push_back(row);
    }
  }
  const auto rows = ranking(scores, losses, 0);
  QCOMPARE(rows.size(), std::size_t(3 * 3 * 2));  // methods × (2, 4, all) × measures
  for (const auto& row : rows) {
    const double expected = row.method == "v1" || row.kind == "inputs" ? -1 : 1;
    QVERIFY(near(row.correlation, expected));
    QVERIFY(near(row.low, expected) && near(row.high, expected));
    QCOMPARE(row.layers, row.kind == "inputs" ? 3 : 4);
  }
  QVERIFY(ranking(scores, {}, 0).empty());
}

QTEST_APPLESS_MAIN(TestRanking)
#include "tst_ranking.moc"
