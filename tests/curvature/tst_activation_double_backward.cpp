// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>

#include "core/curvature/double_backward.h"

using namespace eigenscape;

using Tensors = std::vector<torch::Tensor>;

/// Our derivatives of GELU's and layer normalisation's derivatives against the library's own, in float64.
class TestActivationDoubleBackward : public QObject {
  Q_OBJECT

  /// Hessian of loss(inputs), times a direction that depends on the shapes alone.
  template <class Loss>
  static Tensors product(const Tensors& inputs, const Loss& loss) {
    auto generator = at::detail::createCPUGenerator(5);
    Tensors directions;
    for (const auto& input : inputs) directions.push_back(torch::randn(input.sizes(), generator, input.options()));
    const auto gradient = torch::autograd::grad({loss()}, inputs, {}, true, true);
    return torch::autograd::grad(gradient, inputs, directions, false, false, true);
  }

  template <class Loss>
  static void compare(const Tensors& inputs, const Loss& loss) {
    const Tensors ours = product(inputs, loss);
    const LibraryDoubleBackward libraryOwn;
    const Tensors theirs = product(inputs, loss);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      QVERIFY(theirs[i].defined() && ours[i].defined());
      QVERIFY(theirs[i].abs().max().item<double>() > 1e-3);
      const auto text = QString("input %1: differs by %2").arg(i).arg((ours[i] - theirs[i]).abs().max().item<double>());
      QVERIFY2(torch::allclose(ours[i], theirs[i], 1e-9, 1e-10), qPrintable(text));
    }
  }

 private Q_SLOTS:
  void init() { useFastDoubleBackward(); }

  void gelu_data() {
    QTest::addColumn<QString>("approximate");
    QTest::newRow("exact") << "none";
    QTest::newRow("tanh") << "tanh";
  }
  void gelu() {
    QFETCH(QString, approximate);
    torch::manual_seed(1);
    const auto x = torch::randn({7, 13}, torch::kFloat64).mul_(2).set_requires_grad(true);
    const auto s = torch::randn({13}, torch::kFloat64).set_requires_grad(true);
    compare({x, s}, [&] { return (torch::gelu(x * s, approximate.toStdString()) * s).pow(2).sum(); });
  }

  void layerNorm_data() {
    QTest::addColumn<int>("width");  // rows shorter and longer than a vector, and with a rest
    QTest::addColumn<bool>("affine");
    QTest::addColumn<bool>("inputs");
    QTest::newRow("wide") << 64 << true << true;
    QTest::newRow("with a rest") << 37 << true << true;
    QTest::newRow("narrow") << 5 << true << true;
    QTest::newRow("without weights") << 24 << false << true;
    QTest::newRow("weights alone") << 24 << true << false;
  }
  void layerNorm() {
    QFETCH(int, width);
    QFETCH(bool, affine);
    QFETCH(bool, inputs);
    torch::manual_seed(2);
    const auto real = torch::TensorOptions(torch::kFloat64);
    // More rows than chunks, in a layout that is not contiguous.
    const auto x = torch::randn({9, width, 11}, real).transpose(1, 2).detach().set_requires_grad(inputs);
    const auto gamma = affine ? torch::randn({width}, real).set_requires_grad(true) : torch::Tensor();
    const auto beta = affine ? torch::randn({width}, real).set_requires_grad(true) : torch::Tensor();
    Tensors variables;
    if (inputs) variables.push_back(x);
    if (affine) variables.insert(variables.end(), {gamma, beta});
    compare(variables, [&] { return torch::layer_norm(x, {width}, gamma, beta, 0.1).pow(3).sum(); });
  }

  // The first product must leave what the second needs.
  void aKeptGraphMultipliesAgain() {
    torch::manual_seed(3);
    const auto x = torch::randn({6, 16}, torch::kFloat64).set_requires_grad(true);
    const auto v = torch::randn(x.sizes(), torch::kFloat64);
    const auto loss = torch::gelu(torch::layer_norm(x, {16}, {}, {}, 1e-5)).pow(2).sum();
    const auto gradient = torch::autograd::grad({loss}, {x}, {}, true, true);
    const auto once = torch::autograd::grad(gradient, {x}, {v}, true)[0];
    const auto twice = torch::autograd::grad(gradient, {x}, {v}, true)[0];
    QVERIFY(torch::equal(once, twice));
  }

  // Ordinary training is untouched.
  void firstDerivativesAreTheLibrarys() {
    torch::manual_seed(4);
    const auto x = torch::randn({6, 16}).set_requires_grad(true);
    const auto gradient = [&] {
      return torch::autograd::grad({torch::gelu(torch::layer_norm(x, {16}, {}, {}, 1e-5)).pow(2).sum()}, {x})[0];
    };
    const auto ours = gradient();
    const LibraryDoubleBackward libraryOwn;
    QVERIFY(torch::equal(ours, gradient()));
  }

  void aThirdDerivativeIsRefused() {
    const auto x = torch::ones({3}, torch::kFloat64).set_requires_grad(true);
    const auto first = torch::autograd::grad({torch::gelu(x).sum()}, {x}, {}, true, true)[0];
    QVERIFY_THROWS_EXCEPTION(c10::Error, torch::autograd::grad({first.sum()}, {x}, {}, true, true));
  }
};

QTEST_GUILESS_MAIN(TestActivationDoubleBackward)
#include "tst_activation_double_backward.moc"
