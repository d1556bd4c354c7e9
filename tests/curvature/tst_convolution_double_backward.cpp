// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>

#include "core/curvature/double_backward.h"

using namespace eigenscape;

/// Our derivative of convolution_backward against the library's own, in float64.
class TestConvolutionDoubleBackward : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() { useFastDoubleBackward(); }

  void equalsTheLibrarys_data() {
    QTest::addColumn<int>("stride");
    QTest::addColumn<int>("padding");
    QTest::addColumn<int>("dilation");
    QTest::addColumn<int>("groups");
    QTest::addColumn<int>("kernel");
    QTest::addColumn<bool>("bias");
    QTest::addColumn<bool>("transposed");
    QTest::newRow("3x3") << 1 << 1 << 1 << 1 << 3 << false << false;
    QTest::newRow("3x3 with bias") << 1 << 1 << 1 << 1 << 3 << true << false;
    QTest::newRow("stride 2") << 2 << 1 << 1 << 1 << 3 << true << false;
    QTest::newRow("stride that leaves a rest") << 3 << 0 << 1 << 1 << 3 << false << false;
    QTest::newRow("dilated") << 1 << 2 << 2 << 1 << 3 << true << false;
    QTest::newRow("grouped") << 1 << 1 << 1 << 2 << 3 << true << false;
    QTest::newRow("depthwise") << 1 << 1 << 1 << 4 << 3 << false << false;
    QTest::newRow("1x1") << 1 << 0 << 1 << 1 << 1 << true << false;
    QTest::newRow("1x1 stride 2") << 2 << 0 << 1 << 1 << 1 << false << false;
    QTest::newRow("transposed") << 2 << 1 << 1 << 1 << 3 << true << true;
  }

  void equalsTheLibrarys() {
    QFETCH(int, stride);
    QFETCH(int, padding);
    QFETCH(int, dilation);
    QFETCH(int, groups);
    QFETCH(int, kernel);
    QFETCH(bool, bias);
    QFETCH(bool, transposed);
    torch::manual_seed(1);
    const auto real = torch::TensorOptions(torch::kFloat64);
    const auto x = torch::randn({3, 4, 9, 10}, real).set_requires_grad(true);
    const auto w =
        torch::randn({transposed ? 4 : 8, transposed ? 8 : 4 / groups, kernel, kernel}, real).set_requires_grad(true);
    const auto b = bias ? torch::randn({8}, real).set_requires_grad(true) : torch::Tensor();
    std::vector<torch::Tensor> inputs{x, w};
    if (bias) inputs.push_back(b);
    std::vector<torch::Tensor> directions;
    for (const auto& input : inputs) directions.push_back(torch::randn(input.sizes(), real));

    const auto product = [&] {
      const std::vector<std::int64_t> s{stride, stride}, p{padding, padding}, d{dilation, dilation};
      const auto y =
          torch::convolution(x, w, b, s, p, d, transposed,
                             transposed ? std::vector<std::int64_t>{1, 1} : std::vector<std::int64_t>{0, 0}, groups);
      const auto loss = torch::tanh(y).pow(2).sum();  // curved, so that every term of the derivative counts
      const auto gradient = torch::autograd::grad({loss}, inputs, {}, true, true);
      return torch::autograd::grad(gradient, inputs, directions);
    };
    const auto ours = product();
    const LibraryDoubleBackward libraryOwn;
    const auto theirs = product();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      QVERIFY(theirs[i].abs().max().item<double>() > 1e-3);
      QVERIFY2(torch::allclose(ours[i], theirs[i], 1e-9, 1e-10), qPrintable(QString::number(i)));
    }
  }

  // A layer by itself: gradients by the kernel alone leave the input's part out.
  void masksAreRespected() {
    torch::manual_seed(2);
    const auto x = torch::randn({2, 3, 6, 6}, torch::kFloat64);
    const auto w = torch::randn({4, 3, 3, 3}, torch::kFloat64).set_requires_grad(true);
    const auto v = torch::randn(w.sizes(), torch::kFloat64);
    const auto product = [&] {
      const auto loss = torch::conv2d(x, w, {}, 1, 1).pow(3).sum();
      const auto g = torch::autograd::grad({loss}, {w}, {}, true, true);
      return torch::autograd::grad(g, {w}, {v})[0];
    };
    const auto ours = product();
    const LibraryDoubleBackward libraryOwn;
    QVERIFY(torch::allclose(ours, product(), 1e-9, 1e-10));
  }

  // Third derivatives go through our function's own graph.
  void canBeDifferentiatedAgain() {
    torch::manual_seed(3);
    const auto x = torch::randn({1, 2, 5, 5}, torch::kFloat64);
    const auto w = torch::randn({2, 2, 3, 3}, torch::kFloat64).set_requires_grad(true);
    const auto v = torch::randn(w.sizes(), torch::kFloat64);
    const auto third = [&] {
      const auto loss = torch::conv2d(x, w, {}, 1, 1).pow(4).sum();
      const auto g = torch::autograd::grad({loss}, {w}, {}, true, true);
      const auto h = torch::autograd::grad(g, {w}, {v}, true, true);
      return torch::autograd::grad(h, {w}, {v})[0];
    };
    const auto ours = third();
    const LibraryDoubleBackward libraryOwn;
    QVERIFY(torch::allclose(ours, third(), 1e-8, 1e-9));
  }
};

QTEST_GUILESS_MAIN(TestConvolutionDoubleBackward)
#include "tst_convolution_double_backward.moc"
