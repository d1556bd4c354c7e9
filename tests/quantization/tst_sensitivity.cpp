// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <stdexcept>

#include "core/quantization/sensitivity.h"
#include "tests/training/toy.h"

using namespace eigenscape;

namespace {

constexpr InputShape kShape{3, 8, 8, 4};

/// ‖Q(W) − W‖² with one scale per row, in plain loops over floats.
double perturbationByHand(const torch::Tensor& weight, std::int64_t bits) {
  const auto rows = weight.detach().flatten(1);
  const auto w = rows.accessor<float, 2>();
  const double levels = std::pow(2, bits - 1) - 1;
  double sum = 0;
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    double largest = 0;
    for (std::int64_t j = 0; j < rows.size(1); ++j) largest = std::max(largest, std::abs(double(w[i][j])));
    const double scale = largest / levels;
    for (std::int64_t j = 0; j < rows.size(1); ++j) {
      const double off = std::nearbyint(double(w[i][j]) / scale) * scale - double(w[i][j]);
      sum += off * off;
    }
  }
  return sum;
}

}  // namespace

class TestSensitivity : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void rangesAreTheWeights();
  void rowsByHand();
  void channelsBeatTheTensor();
  void countsMustFit();
};

void TestSensitivity::rangesAreTheWeights() {
  const auto model = makeModel("cnn", kShape, 1);
  const auto ranges = weightRanges(*model);
  const auto theta = model->parameters().flatten();
  std::vector<torch::Tensor> weights;
  for (const auto& [name, tensor] : model->namedParameters()) {
    if (tensor.dim() > 1) weights.push_back(tensor);
  }
  QCOMPARE(ranges.size(), std::size_t(5));
  QCOMPARE(weights.size(), ranges.size());
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    QVERIFY(torch::equal(theta.narrow(0, ranges[i].offset, ranges[i].size), weights[i].flatten()));
  }
}

void TestSensitivity::rowsByHand() {
  const auto model = makeModel("mlp", kShape, 1);
  const std::vector<TraceEstimate> traces{{120, 6}, {-3, 0.5}, {0.25, 0.125}};
  const std::vector<std::int64_t> bits{2, 4, 8};
  const std::vector<std::string> names{"fc1", "fc2", "fc3"};
  const std::vector<std::int64_t> sizes{64 * 192, 64 * 64, 4 * 64};
  const auto rows = sensitivity(*model, traces, {9, 8, 7}, bits, Granularity::Channel);
  QCOMPARE(rows.size(), std::size_t(9));
  for (std::size_t layer = 0; layer < 3; ++layer) {
    for (std::size_t b = 0; b < 3; ++b) {
      const auto& row = rows[3 * layer + b];
      QCOMPARE(row.layer, names[layer]);
      QCOMPARE(row.bits, bits[b]);
      QCOMPARE(row.parameters, sizes[layer]);
      QCOMPARE(row.macs, sizes[layer]);  // of a linear layer, one per weight
      QCOMPARE(row.topEigenvalue, 9.0 - double(layer));
      QCOMPARE(row.meanTrace, traces[layer].trace / double(sizes[layer]));
      QCOMPARE(row.standardError, traces[layer].standardError / double(sizes[layer]));
      const auto expected = perturbationByHand(model->parameters().tensors()[2 * layer], bits[b]);
      QVERIFY(expected > 0 && std::abs(row.perturbation - expected) < 1e-4 * expected);
      QCOMPARE(row.omega, row.meanTrace * row.perturbation);
    }
  }
  const auto without = sensitivity(*model, traces, {}, {4}, Granularity::Channel);
  QCOMPARE(without.size(), std::size_t(3));
  for (const auto& row : without) QVERIFY(std::isnan(row.topEigenvalue) && row.perturbation > 0);
}

void TestSensitivity::channelsBeatTheTensor() {
  const auto model = makeModel("cnn", kShape, 1);
  const std::vector<TraceEstimate> traces(5, TraceEstimate{10, 1});
  const std::vector<std::int64_t> bits{2, 3, 4, 8};
  const auto channel = sensitivity(*model, traces, {}, bits, Granularity::Channel);
  const auto tensor = sensitivity(*model, traces, {}, bits, Granularity::Tensor);
  for (std::size_t i = 0; i < channel.size(); ++i) QVERIFY(channel[i].omega < tensor[i].omega);
}

void TestSensitivity::countsMustFit() {
  const auto model = makeModel("mlp", kShape, 1);
  const std::vector<TraceEstimate> three(3);
  QVERIFY_EXCEPTION_THROWN(sensitivity(*model, {}, {}, {4}, Granularity::Channel), std::invalid_argument);
  QVERIFY_EXCEPTION_THROWN(sensitivity(*model, three, {1, 2}, {4}, Granularity::Channel), std::invalid_argument);
}

QTEST_APPLESS_MAIN(TestSensitivity)
#include "tst_sensitivity.moc"
