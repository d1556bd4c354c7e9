// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include <QTest>
#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>

#include "core/quantization/quantizer.h"

using namespace eigenscape;

namespace {

const std::vector<Granularity> kAll{Granularity::Tensor, Granularity::Channel, Granularity::Group};

torch::Tensor gaussian(std::vector<std::int64_t> shape, torch::ScalarType type = torch::kFloat32) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(std::uint64_t{1});
  return torch::randn(shape, generator, torch::kFloat64).to(type);
}

double error(const torch::Tensor& weight, std::int64_t bits, Granularity granularity) {
  return (quantized(weight, bits, granularity) - weight).to(torch::kFloat64).square().sum().item<double>();
}

}  // namespace

class TestQuantizer : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void integersByHand();
  void scalesByHand();
  void quantizingAgainChangesNothing();
  void errorIsHalfAStepAtMost();
  void levels();
  void finerScalesFitBetter();
  void zerosStay();
  void shapesAndTypes();
  void otherWidthsAreRefused();
  void integersOfTheAsymmetricScheme();
  void percentilesByHand();
  void groupsByHand();
  void leastSquaresIsTheBestRange_data();
  void leastSquaresIsTheBestRange();
  void agreesWithTheLibrary_data();
  void agreesWithTheLibrary();
  void integersTimesScales();
};

void TestQuantizer::integersByHand() {
  // Largest magnitude = largest level, so the scale is 1 and the levels are the integers; halves go to the even one.
  const auto three = torch::tensor({3.0F, -1.5F, 0.5F, 2.5F, -0.51F, -3.0F, 0.49F, 1.2F});
  QVERIFY(torch::equal(quantized(three, 3, Granularity::Tensor),
                       torch::tensor({3.0F, -2.0F, 0.0F, 2.0F, -1.0F, -3.0F, 0.0F, 1.0F})));
  const auto seven = torch::tensor({-7.0F, 6.4F, 6.6F, -3.5F, 0.0F});
  QVERIFY(torch::equal(quantized(seven, 4, Granularity::Tensor), torch::tensor({-7.0F, 6.0F, 7.0F, -4.0F, 0.0F})));
  // Two bits: −1, 0, 1 times the largest magnitude.
  const auto two = torch::tensor({4.0F, -2.1F, 1.9F, -1.9F, 2.1F});
  QVERIFY(torch::equal(quantized(two, 2, Granularity::Tensor), torch::tensor({4.0F, -4.0F, 0.0F, 0.0F, 4.0F})));
}

void TestQuantizer::scalesByHand() {
  // Rows of 7, 14, 21 … at 4 bits: steps of 1, 2, 3 … per channel.
  std::vector<float> elements;
  for (int row = 1; row <= 20; ++row) {
    elements.push_back(7.0F * float(row));
    elements.push_back(2.3F * float(row));
  }
  const auto weight = torch::tensor(elements).view({20, 2});
  const auto channel = quantized(weight, 4, Granularity::Channel);
  const auto group = quantized(weight, 4, Granularity::Group);
  const auto tensor = quantized(weight, 4, Granularity::Tensor);
  for (int row = 1; row <= 20; ++row) {
    const double value = 2.3F * float(row);
    const auto at = [&](const torch::Tensor& t) { return t[row - 1][1].item<double>(); };
    const double groupStep = row <= 16 ? 16 : 20;  // groups of 16 rows; the last one has 4
    QVERIFY(std::abs(at(channel) - 2 * row) < 1e-5);
    QVERIFY(std::abs(at(group) - std::nearbyint(value / groupStep) * groupStep) < 1e-5);
    QVERIFY(std::abs(at(tensor) - std::nearbyint(value / 20) * 20) < 1e-5);
  }
}

void TestQuantizer::quantizingAgainChangesNothing() {
  for (const auto type : {torch::kFloat32, torch::kFloat64}) {
    const auto weight = gaussian({40, 7, 3, 3}, type);
    for (const auto granularity : kAll) {
      for (std::int64_t bits = 2; bits <= 8; ++bits) {
        const auto once = quantized(weight, bits, granularity);
        QVERIFY(!torch::equal(once, weight));
        QVERIFY(torch::equal(quantized(once, bits, granularity), once));
      }
    }
  }
}

void TestQuantizer::errorIsHalfAStepAtMost() {
  const auto weight = gaussian({20, 5, 3, 3}, torch::kFloat64);
  for (std::int64_t bits = 2; bits <= 8; ++bits) {
    const double largest = std::pow(2, bits - 1) - 1;
    const auto off = [&](Granularity granularity) { return (quantized(weight, bits, granularity) - weight).abs(); };
    const double step = weight.abs().max().item<double>() / largest;
    QVERIFY(off(Granularity::Tensor).max().item<double>() <= step / 2 * (1 + 1e-12));
    QVERIFY(off(Granularity::Tensor).max().item<double>() > step / 4);
    for (std::int64_t row = 0; row < 20; ++row) {
      const double rowStep = weight[row].abs().max().item<double>() / largest;
      QVERIFY(off(Granularity::Channel)[row].max().item<double>() <= rowStep / 2 * (1 + 1e-12));
    }
  }
}

/// Evenly spread weights reach every level: −(2^(b−1)−1) … 2^(b−1)−1 steps, and no other value.
void TestQuantizer::levels() {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(std::uint64_t{1});
  const auto weight = torch::rand({1, 20000}, generator, torch::kFloat64) * 2 - 1;
  const double range = weight.abs().max().item<double>();
  for (std::int64_t bits = 2; bits <= 8; ++bits) {
    const auto result = quantized(weight, bits, Granularity::Channel);
    const std::set<double> seen(result.data_ptr<double>(), result.data_ptr<double>() + result.numel());
    const auto largest = (std::int64_t(1) << (bits - 1)) - 1;
    QCOMPARE(seen.size(), std::size_t(2 * largest + 1));
    auto level = -largest;
    for (const double value : seen) QVERIFY(std::abs(value - double(level++) / double(largest) * range) < 1e-15);
  }
}

void TestQuantizer::finerScalesFitBetter() {
  const auto weight = gaussian({64, 50}) * torch::logspace(-2, 1, 64).unsqueeze(1);
  for (std::int64_t bits = 2; bits <= 8; ++bits) {
    const double tensor = error(weight, bits, Granularity::Tensor), group = error(weight, bits, Granularity::Group),
                 channel = error(weight, bits, Granularity::Channel);
    QVERIFY(channel < group && group < tensor && channel < 0.6 * tensor);
    if (bits > 2) QVERIFY(channel < error(weight, bits - 1, Granularity::Channel) / 2);
  }
}

void TestQuantizer::zerosStay() {
  auto weight = gaussian({40, 3});
  weight.narrow(0, 3, 2).zero_();
  weight.narrow(0, 16, 16).zero_();  // a whole group
  for (const auto granularity : kAll) {
    const auto result = quantized(weight, 4, granularity);
    QVERIFY(torch::isfinite(result).all().item<bool>());
    QCOMPARE(result.narrow(0, 3, 2).count_nonzero().item<std::int64_t>(), 0);
    QCOMPARE(result.narrow(0, 16, 16).count_nonzero().item<std::int64_t>(), 0);
    QVERIFY(torch::equal(quantized(torch::zeros({3, 4}), 4, granularity), torch::zeros({3, 4})));
  }
}

void TestQuantizer::shapesAndTypes() {
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{{4, 3, 2, 2}, {17, 5}, {6}, {}, {0, 3}}) {
    for (const auto granularity : kAll) {
      const auto weight = gaussian(shape, torch::kFloat16).requires_grad_();
      const auto before = weight.detach().clone();
      const auto result = quantized(weight, 3, granularity);
      QVERIFY(result.sizes() == weight.sizes() && result.scalar_type() == torch::kFloat16 && !result.requires_grad());
      QVERIFY(torch::equal(weight, before));
    }
  }
  // A view that is not contiguous.
  const auto weight = gaussian({5, 6});
  QVERIFY(torch::equal(quantized(weight.t(), 3, Granularity::Channel),
                       quantized(weight.t().contiguous(), 3, Granularity::Channel)));
  QVERIFY(
      torch::isnan(quantized(torch::tensor({1.0F, std::numeric_limits<float>::quiet_NaN()}), 4, Granularity::Tensor))
          .all()
          .item<bool>());
}

void TestQuantizer::otherWidthsAreRefused() {
  for (const std::int64_t bits : {-1, 0, 1, 9, 64}) {
    QVERIFY_EXCEPTION_THROWN(quantized(torch::ones({2}), bits, Granularity::Tensor), std::invalid_argument);
  }
}

/// −1 … 2 at 2 bits: steps of 1, the level 1 stands for 0.
void TestQuantizer::integersOfTheAsymmetricScheme() {
  QuantizerOptions options;
  options.scheme = Scheme::Asymmetric;
  options.granularity = Granularity::Tensor;
  const auto q = quantize(torch::tensor({-1.0, 2.0, 0.4, 0.6, 0.0, 1.5}, torch::kFloat64), 2, options);
  QVERIFY(torch::equal(q.levels, torch::tensor({0, 3, 1, 2, 1, 3}, torch::kInt32)));
  QCOMPARE(q.zeroPoint[0].item<int>(), 1);
  QCOMPARE(q.scale()[5].item<double>(), 1.0);
  QCOMPARE(q.steps, 3);
  QVERIFY(torch::equal(q.dequantized(), torch::tensor({-1.0, 2.0, 0.0, 1.0, 0.0, 2.0}, torch::kFloat64)));
  // A range that lies on one side is widened to hold 0; a row of its own each.
  options.granularity = Granularity::Channel;
  const auto rows = quantize(torch::tensor({{3.0, 1.0, 2.0}, {-6.0, -3.0, -2.0}}, torch::kFloat64), 2, options);
  QVERIFY(torch::equal(rows.levels, torch::tensor({{3, 1, 2}, {0, 1, 2}}, torch::kInt32)));
  QVERIFY(torch::equal(rows.zeroPoint, torch::tensor({0, 3}, torch::kInt32)));
  QVERIFY(torch::equal(rows.scale(), torch::tensor({1.0, 2.0}, torch::kFloat64)));
}

void TestQuantizer::percentilesByHand() {
  // |w| = 0 … 100: the 90th percentile is 90, the 99.5th lies between 99 and 100.
  const auto weight = torch::arange(-100, 1, torch::kFloat64).view({1, -1});
  QuantizerOptions options;
  options.range = RangeRule::Percentile;
  options.percentile = 90;
  QCOMPARE(quantize(weight, 8, options).range.item<double>(), 90.0);
  QCOMPARE(quantized(weight, 8, options).min().item<double>(), -90.0);
  options.percentile = 99.5;
  QCOMPARE(quantize(weight, 8, options).range.item<double>(), 99.5);
  options.scheme = Scheme::Asymmetric;
  options.percentile = 95;
  const auto both = quantize(torch::arange(-50, 51, torch::kFloat64).view({1, -1}), 8, options);
  QCOMPARE(both.range.item<double>(), 90.0);  // from −45 to 45
  options.percentile = 100;
  const auto all = quantize(gaussian({1, 500}), 8, options);
  QCOMPARE(
      all.range.item<double>(),
      (gaussian({1, 500}).max().to(torch::kFloat64) - gaussian({1, 500}).min().to(torch::kFloat64)).item<double>());
}

void TestQuantizer::groupsByHand() {
  const auto weight = torch::arange(1, 8, torch::kFloat64).unsqueeze(1) * torch::tensor({1.0, -0.3}, torch::kFloat64);
  QuantizerOptions options;
  options.granularity = Granularity::Group;
  options.groupChannels = 3;
  const auto q = quantize(weight, 4, options);
  QVERIFY(torch::equal(q.range, torch::tensor({3, 3, 3, 6, 6, 6, 7}, torch::kFloat64)));
  QCOMPARE(q.levels[0][0].item<int>(), 2);   // 1 · 7/3 = 2.33
  QCOMPARE(q.levels[4][1].item<int>(), -2);  // −1.5 · 7/6 = −1.75
}

void TestQuantizer::leastSquaresIsTheBestRange_data() {
  QTest::addColumn<bool>("symmetric");
  QTest::addColumn<int>("bits");
  for (const int bits : {2, 3, 4, 8}) {
    QTest::addRow("symmetric, %d bits", bits) << true << bits;
    QTest::addRow("asymmetric, %d bits", bits) << false << bits;
  }
}

/// Against plain loops over a thousand shares of the largest range.
void TestQuantizer::leastSquaresIsTheBestRange() {
  QFETCH(bool, symmetric);
  QFETCH(int, bits);
  const auto weight = gaussian({3, 400}, torch::kFloat64).pow(3);  // heavy tails: cutting pays
  QuantizerOptions options;
  options.scheme = symmetric ? Scheme::Symmetric : Scheme::Asymmetric;
  const auto errors = [&] { return (quantized(weight, bits, options) - weight).square().sum({1}); };
  const auto largest = errors();
  options.range = RangeRule::LeastSquares;
  const auto found = errors();
  for (std::int64_t row = 0; row < 3; ++row) {
    const auto* w = weight.data_ptr<double>() + 400 * row;
    double low = 0, high = 0, best = HUGE_VAL;
    for (int i = 0; i < 400; ++i) low = std::min(low, w[i]), high = std::max(high, w[i]);
    if (symmetric) high = std::max(high, -low), low = -high;
    const double most = symmetric ? std::pow(2, bits - 1) - 1 : std::pow(2, bits) - 1, least = symmetric ? -most : 0;
    for (int share = 1; share <= 1000; ++share) {
      const double scale = (high - low) * share / 1000 / (most - least);
      const double zero = symmetric ? 0 : std::nearbyint(-low * share / 1000 / scale);
      double sum = 0;
      for (int i = 0; i < 400; ++i) {
        const double back = (std::clamp(std::nearbyint(w[i] / scale) + zero, least, most) - zero) * scale;
        sum += (back - w[i]) * (back - w[i]);
      }
      best = std::min(best, sum);
    }
    const double error = found[row].item<double>();
    QVERIFY(error <= largest[row].item<double>());
    QVERIFY2(error < 1.02 * best, qPrintable(QString("%1 where %2 is possible").arg(error).arg(best)));
    if (bits <= 4) QVERIFY(error < 0.95 * largest[row].item<double>());
  }
}

void TestQuantizer::agreesWithTheLibrary_data() {
  QTest::addColumn<int>("bits");
  for (int bits = 2; bits <= 8; ++bits) QTest::addRow("%d bits", bits) << bits;
}

/// LibTorch's own simulation, which multiplies by the reciprocal of the scale in float32: values that lie on the edge
/// between two levels may go to either side there and are left out.
void TestQuantizer::agreesWithTheLibrary() {
  QFETCH(int, bits);
  const auto weight = gaussian({12, 5, 3, 3});
  for (const auto scheme : {Scheme::Symmetric, Scheme::Asymmetric}) {
    for (const auto granularity : {Granularity::Tensor, Granularity::Channel}) {
      QuantizerOptions options;
      options.scheme = scheme;
      options.granularity = granularity;
      const bool symmetric = scheme == Scheme::Symmetric;
      const std::int64_t most = symmetric ? (1 << (bits - 1)) - 1 : (1 << bits) - 1, least = symmetric ? -most : 0;
      const auto rows = granularity == Granularity::Tensor ? weight.reshape({1, -1}) : weight.flatten(1);
      const auto size = rows.abs().amax({1});
      const auto low = symmetric ? -size : rows.amin({1}), high = symmetric ? size : rows.amax({1});
      const auto scale = (high - low) / static_cast<double>(most - least);
      const auto zero = symmetric ? torch::zeros_like(scale) : torch::round(-low / scale);
      const auto expected =
          granularity == Granularity::Tensor
              ? torch::fake_quantize_per_tensor_affine(weight, scale.item<double>(), zero.item<std::int64_t>(), least,
                                                       most)
              : torch::fake_quantize_per_channel_affine(weight, scale, zero.to(torch::kInt32), 0, least, most);
      const auto steps = (rows / scale.unsqueeze(1)).view_as(weight);
      const auto edge = (steps - steps.floor() - 0.5).abs() < 1e-4;
      QVERIFY(edge.sum().item<std::int64_t>() < 5);
      const auto off = (quantized(weight, bits, options) - expected).abs().masked_fill(edge, 0).max().item<double>();
      QVERIFY2(off < 1e-6, qPrintable(QString::number(off)));
    }
  }
}

/// The levels are whole numbers within the width, and times their scales they are what `quantized` says.
void TestQuantizer::integersTimesScales() {
  const auto weight = gaussian({20, 3, 3, 3}, torch::kFloat64);
  for (const auto scheme : {Scheme::Symmetric, Scheme::Asymmetric}) {
    for (const auto granularity : kAll) {
      for (const auto range : {RangeRule::Largest, RangeRule::Percentile, RangeRule::LeastSquares}) {
        const QuantizerOptions options{granularity, scheme, range, 99, 6, true};
        const auto q = quantize(weight, 3, options);
        QVERIFY(q.levels.scalar_type() == torch::kInt32 && q.levels.sizes() == weight.sizes());
        QVERIFY(q.levels.min().item<int>() >= q.lowest && q.levels.max().item<int>() <= q.highest);
        QCOMPARE(q.highest, scheme == Scheme::Symmetric ? 3 : 7);
        QCOMPARE(q.lowest, scheme == Scheme::Symmetric ? -3 : 0);
        const auto back = (q.levels - q.zeroPoint.view({-1, 1, 1, 1})) * q.scale().view({-1, 1, 1, 1});
        QVERIFY(torch::allclose(back, quantized(weight, 3, options), 1e-14, 1e-15));
      }
    }
  }
}

QTEST_APPLESS_MAIN(TestQuantizer)
#include "tst_quantizer.moc"
