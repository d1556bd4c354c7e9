// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <stdexcept>

#include "core/quantization/measure.h"
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
  void lossesOfSingleLayers();
  void scoresByHand();
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
  const auto rows = sensitivity(*model, traces, {9, 8, 7}, bits, QuantizerOptions());
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
  const auto without = sensitivity(*model, traces, {}, {4}, QuantizerOptions());
  QCOMPARE(without.size(), std::size_t(3));
  for (const auto& row : without) QVERIFY(std::isnan(row.topEigenvalue) && row.perturbation > 0);
}

void TestSensitivity::channelsBeatTheTensor() {
  const auto model = makeModel("cnn", kShape, 1);
  const std::vector<TraceEstimate> traces(5, TraceEstimate{10, 1});
  const std::vector<std::int64_t> bits{2, 3, 4, 8};
  const auto channel = sensitivity(*model, traces, {}, bits, QuantizerOptions());
  QuantizerOptions tensorWide;
  tensorWide.granularity = Granularity::Tensor;
  const auto tensor = sensitivity(*model, traces, {}, bits, tensorWide);
  for (std::size_t i = 0; i < channel.size(); ++i) QVERIFY(channel[i].omega < tensor[i].omega);
}

void TestSensitivity::countsMustFit() {
  const auto model = makeModel("mlp", kShape, 1);
  const std::vector<TraceEstimate> three(3);
  QVERIFY_EXCEPTION_THROWN(sensitivity(*model, {}, {}, {4}, QuantizerOptions()), std::invalid_argument);
  QVERIFY_EXCEPTION_THROWN(sensitivity(*model, three, {1, 2}, {4}, QuantizerOptions()), std::invalid_argument);
}

/// Against networks whose one weight was replaced.
void TestSensitivity::lossesOfSingleLayers() {
  const auto model = makeModel("cnn", kShape, 1);
  const auto examples = toy::pictures(40, kShape, 2);
  const auto state = toy::copied(model->stateDict());
  const auto rows = layerLosses(*model, {2, 8}, {}, {}, {}, examples, "test", 16);
  QVERIFY(toy::identical(state, model->stateDict()));
  QCOMPARE(rows.size(), std::size_t(10));
  const auto before = evaluate(*model, examples, 16);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto other = makeModel("cnn", kShape, 1);
    {
      torch::NoGradGuard noGrad;
      auto weight = other->parameters().tensors()[other->weightLayers()[i / 2].parameterEntry];
      weight.copy_(quantized(weight, rows[i].bits, Granularity::Channel));
    }
    const auto value = evaluate(*other, examples, 16);
    QCOMPARE(rows[i].layer, model->weightLayers()[i / 2].name);
    QCOMPARE(rows[i].bits, i % 2 == 0 ? 2 : 8);
    QVERIFY(rows[i].kind == "weights" && rows[i].split == "test" && rows[i].examples == 40);
    QVERIFY(std::abs(rows[i].loss - value.loss) < 1e-5);
    QVERIFY(std::abs(rows[i].increase - (value.loss - before.loss)) < 1e-5);
    QVERIFY(std::abs(rows[i].accuracy - value.accuracy) < 0.03);
  }
  const auto calibration = calibrate(*model, examples, 16);
  const auto inputs = layerLosses(*model, {}, {2}, {}, calibration, examples, "test", 16);
  QCOMPARE(inputs.size(), std::size_t(5));
  for (std::size_t i = 0; i < 5; ++i) {
    Setting setting(5);
    setting[i].activation = 2;
    QVERIFY(inputs[i].kind == "inputs");
    QCOMPARE(inputs[i].loss, measured(*model, setting, {}, calibration, examples, 16).loss);
  }
  // Both at once: weights, then inputs, from one baseline.
  const auto both = layerLosses(*model, {2, 8}, {2}, {}, calibration, examples, "test", 16);
  QCOMPARE(both.size(), rows.size() + inputs.size());
  for (std::size_t i = 0; i < both.size(); ++i) {
    const auto& alone = i < rows.size() ? rows[i] : inputs[i - rows.size()];
    QVERIFY(both[i].kind == alone.kind && both[i].layer == alone.layer && both[i].bits == alone.bits);
    QCOMPARE(both[i].increase, alone.increase);
  }
}

void TestSensitivity::scoresByHand() {
  SensitivityRow weight;
  weight.layer = "a", weight.parameters = 10, weight.bits = 4, weight.topEigenvalue = 20;
  weight.perturbation = 0.5, weight.meanTrace = 3, weight.standardError = 0.2, weight.omega = 1.5;
  auto unknown = weight;
  unknown.layer = "b", unknown.topEigenvalue = std::nan("");
  InputSensitivityRow input;
  input.layer = "a", input.bits = 4, input.perturbation = 2, input.standardError = 0.25, input.omega = 7;
  std::vector<LayerEigenvalueRow> shares;
  for (const double value : {-1.0, -2.0, -6.0}) {
    LayerEigenvalueRow row;
    row.layer = "a", row.eigenvalue = value;
    shares.push_back(row);
  }
  const auto rows = layerScores({weight, unknown}, {input}, shares);
  const auto find = [&](const std::string& layer, const std::string& kind, const std::string& method) {
    for (const auto& row : rows) {
      if (row.layer == layer && row.kind == kind && row.method == method) return row;
    }
    return LayerScoreRow();
  };
  QCOMPARE(rows.size(), std::size_t(6));  // four of a, v2 of b, v2 of the input
  QCOMPARE(find("a", "weights", "v1").score, 2.0);
  QCOMPARE(find("a", "weights", "v1-order").score, 10.0);
  QCOMPARE(find("a", "weights", "v2").score, 1.5);
  QCOMPARE(find("a", "weights", "v2").standardError, 0.1);
  QCOMPARE(find("a", "inputs", "v2").standardError, 0.5);
  // Mean −3, deviations 2, 1, −3: √(14/2). Leaving one out: |−4| + √8, |−3.5| + √12.5, |−1.5| + √0.5.
  const auto qbert = find("a", "weights", "qbert");
  QVERIFY(std::abs(qbert.score - (3 + std::sqrt(7.0))) < 1e-12);
  const double x = 4 + std::sqrt(8.0), y = 3.5 + std::sqrt(12.5), z = 1.5 + std::sqrt(0.5), m = (x + y + z) / 3;
  const double error = std::sqrt(2.0 / 3 * ((x - m) * (x - m) + (y - m) * (y - m) + (z - m) * (z - m)));
  QVERIFY(std::abs(qbert.standardError - error) < 1e-12);
}

QTEST_APPLESS_MAIN(TestSensitivity)
#include "tst_sensitivity.moc"
