// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <cmath>

#include "core/quantization/input_trace.h"
#include "tests/support/narrow_model.h"
#include "tests/support/oracles.h"
#include "tests/training/toy.h"

using namespace eigenscape;

namespace {

constexpr InputShape kShape{3, 4, 4, 4};

/// Trace of the Hessian of f at x, element by element.
template <class Function>
double denseTrace(const torch::Tensor& at, Function&& f) {
  auto x = at.detach().clone().requires_grad_(true);
  const torch::Tensor loss = f(x);
  const torch::Tensor gradient = torch::autograd::grad({loss}, {x}, {}, true, true)[0].flatten();
  double trace = 0;
  for (std::int64_t i = 0; i < gradient.numel(); ++i) {
    const torch::Tensor row = torch::autograd::grad({gradient[i]}, {x}, {}, true, false, true)[0];
    if (row.defined()) trace += row.flatten()[i].item<double>();
  }
  return trace;
}

}  // namespace

class TestInputTrace : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void equalsTheDenseHessian_data() { methods(); }
  void equalsTheDenseHessian();
  void batchesDoNotMatter_data() { methods(); }
  void batchesDoNotMatter();
  void memoryThatRunsOut_data() { methods(); }
  void memoryThatRunsOut();
  void theEmpiricalFisher();
  void perturbationsByHand();
  void rows();

 private:
  static void methods() {
    QTest::addColumn<int>("method");
    QTest::newRow("from products") << int(InputTraceMethod::FromProducts);
    QTest::newRow("from outputs") << int(InputTraceMethod::FromOutputs);
  }
};

/// Of a piecewise linear network, so that both methods apply, in float64.
void TestInputTrace::equalsTheDenseHessian() {
  QFETCH(int, method);
  const auto model = makeModel("mlp", kShape, 1);
  model->to(torch::kCPU, torch::kFloat64);
  const auto examples = toy::pictures(6, kShape, 2).to(torch::kCPU, torch::kFloat64);
  TraceOptions options;
  options.tolerance = 0.05;
  options.maxProbes = 3000;
  const auto found = estimateInputTraces(*model, examples, 4, options, InputTraceMethod(method));
  QVERIFY(found.converged);
  QCOMPARE(found.ranges.size(), std::size_t(3));
  const auto& p = model->parameters().tensors();
  const auto loss = [&](const torch::Tensor& logits) {
    return torch::nn::functional::cross_entropy(logits, examples.targets) * 6;  // of the examples one by one
  };
  const auto from2 = [&](const torch::Tensor& a) { return loss(torch::linear(a, p[4], p[5])); };
  const auto from1 = [&](const torch::Tensor& a) { return from2(torch::relu(torch::linear(a, p[2], p[3]))); };
  const auto from0 = [&](const torch::Tensor& a) { return from1(torch::relu(torch::linear(a, p[0], p[1]))); };
  const auto x = examples.inputs.flatten(1);
  const auto h1 = torch::relu(torch::linear(x, p[0], p[1])), h2 = torch::relu(torch::linear(h1, p[2], p[3]));
  const std::vector<double> exact{denseTrace(x, from0) / 6, denseTrace(h1, from1) / 6, denseTrace(h2, from2) / 6};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& e = found.ranges[i];
    QVERIFY(e.standardError > 0 && e.standardError < 0.051 * e.trace);
    QVERIFY2(std::abs(e.trace - exact[i]) < 4 * e.standardError,
             qPrintable(QString("%1 ± %2, exact %3").arg(e.trace).arg(e.standardError).arg(exact[i])));
  }
}

/// A convolutional network in batches of 3 and of 64; the model is as before.
void TestInputTrace::batchesDoNotMatter() {
  QFETCH(int, method);
  const auto model = makeModel("resnet20", {3, 8, 8, 4}, 1);
  const auto examples = toy::pictures(12, {3, 8, 8, 4}, 2);
  const auto before = model->forward(examples.inputs);
  TraceOptions options;
  options.tolerance = 0.05;
  options.maxProbes = 400;
  const auto few = estimateInputTraces(*model, examples, 3, options, InputTraceMethod(method));
  options.seed = 1;
  const auto many = estimateInputTraces(*model, examples, 64, options, InputTraceMethod(method));
  QCOMPARE(few.ranges.size(), model->weightLayers().size());
  for (std::size_t i = 0; i < few.ranges.size(); ++i) {
    const auto &a = few.ranges[i], &b = many.ranges[i];
    QVERIFY(a.trace > 0);
    QVERIFY(std::abs(a.trace - b.trace) < 5 * std::hypot(a.standardError, b.standardError));
  }
  QVERIFY(torch::equal(model->forward(examples.inputs), before));
}

/// The estimate begins anew with half as many examples at once, in the middle of a visit as well as at its beginning.
void TestInputTrace::memoryThatRunsOut() {
  QFETCH(int, method);
  const auto examples = toy::pictures(12, kShape, 2);
  const auto full = makeModel("mlp", kShape, 1);
  const auto expected = estimateInputTraces(*full, examples, 3, {}, InputTraceMethod(method));
  for (const int later : {0, 3}) {
    support::NarrowModel tight(makeModel("mlp", kShape, 1), 3, later);
    std::vector<std::string> said;
    const auto found = estimateInputTraces(tight, examples, 6, {}, InputTraceMethod(method),
                                           {{}, {}, [&](const std::string& line) { said.push_back(line); }});
    for (std::size_t i = 0; i < 3; ++i) {
      QCOMPARE(found.ranges[i].trace, expected.ranges[i].trace);
      QCOMPARE(found.ranges[i].standardError, expected.ranges[i].standardError);
    }
    QCOMPARE(said.size(), std::size_t{1});
    QVERIFY(QString::fromStdString(said[0]).contains("3 examples at once in place of 6"));
  }
}

/// Nothing is drawn: the mean square of each example's own gradient.
void TestInputTrace::theEmpiricalFisher() {
  const auto model = makeModel("mlp", kShape, 1);
  model->to(torch::kCPU, torch::kFloat64);
  const auto examples = toy::pictures(6, kShape, 2).to(torch::kCPU, torch::kFloat64);
  const auto found = estimateInputTraces(*model, examples, 4, {}, InputTraceMethod::EmpiricalFisher);
  QVERIFY(found.converged);
  const auto& p = model->parameters().tensors();
  const auto x = examples.inputs.flatten(1);
  const auto h1 = torch::relu(torch::linear(x, p[0], p[1])), h2 = torch::relu(torch::linear(h1, p[2], p[3]));
  const std::vector<torch::Tensor> inputs{x, h1, h2};
  for (std::size_t layer = 0; layer < 3; ++layer) {
    double expected = 0;
    for (std::int64_t n = 0; n < 6; ++n) {
      const auto leaf = inputs[layer].narrow(0, n, 1).detach().clone().requires_grad_(true);
      auto a = leaf;
      for (std::size_t i = layer; i < 3; ++i) {
        a = torch::linear(a, p[2 * i], p[2 * i + 1]);
        if (i < 2) a = torch::relu(a);
      }
      const auto loss = torch::nn::functional::cross_entropy(a, examples.targets.narrow(0, n, 1));
      expected += torch::autograd::grad({loss}, {leaf})[0].square().sum().item<double>() / 6;
    }
    QVERIFY2(std::abs(found.ranges[layer].trace - expected) < 1e-9 * expected,
             qPrintable(QString("%1, %2").arg(found.ranges[layer].trace).arg(expected)));
    QVERIFY(found.ranges[layer].standardError < 1e-9 * expected);
  }
}

void TestInputTrace::perturbationsByHand() {
  torch::NoGradGuard noGrad;
  const auto model = makeModel("mlp", kShape, 1);
  const auto examples = toy::pictures(20, kShape, 2);
  const auto calibration = calibrate(*model, examples, 20);
  const auto found = inputPerturbations(*model, examples, 7, calibration, {2, 5}, {});
  const auto& p = model->parameters().tensors();
  const auto x = examples.inputs.flatten(1), h = torch::relu(torch::linear(x, p[0], p[1]));
  for (const auto& [layer, input] : {std::pair{std::size_t{0}, x}, std::pair{std::size_t{1}, h}}) {
    for (std::size_t b = 0; b < 2; ++b) {
      const double steps = b == 0 ? 3 : 31;
      const double low = std::min(0.0, input.min().item<double>()), high = input.max().item<double>();
      const double scale = (high - low) / steps, zero = std::nearbyint(-low / scale);
      const auto level = (input.to(torch::kFloat64) / scale).round().clamp(-zero, steps - zero);
      const double expected = (level * scale - input).square().sum().item<double>() / 20;
      QVERIFY2(std::abs(found[layer][b] - expected) < 0.01 * expected,
               qPrintable(QString("%1, %2").arg(found[layer][b]).arg(expected)));
    }
  }
}

void TestInputTrace::rows() {
  const auto model = makeModel("mlp", kShape, 1);
  const Calibration calibration{{0, 1, {1}, 48}, {0, 1, {1}, 64}, {0, 1, {1}, 64}};
  TraceEstimates traces;
  traces.ranges = {{48, 4.8}, {6.4, 0.64}, {-1, 1}};
  const auto table = inputSensitivity(*model, calibration, traces, {2, 8}, {{10, 1}, {20, 2}, {30, 3}});
  QCOMPARE(table.size(), std::size_t(6));
  QCOMPARE(table[0].layer, std::string("fc1"));
  QCOMPARE(table[0].meanTrace, 1.0);
  QCOMPARE(table[3].standardError, 0.01);
  QCOMPARE(table[3].bits, 8);
  QCOMPARE(table[3].omega, table[3].meanTrace * 2);
  QCOMPARE(table[5].elements, 64);
}

QTEST_APPLESS_MAIN(TestInputTrace)
#include "tst_input_trace.moc"
