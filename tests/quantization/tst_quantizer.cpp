// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include <QTest>
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

QTEST_APPLESS_MAIN(TestQuantizer)
#include "tst_quantizer.moc"
