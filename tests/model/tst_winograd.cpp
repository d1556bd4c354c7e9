// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <cmath>
#include <limits>
#include <vector>

#include "core/model/layers.h"
#include "core/model/model.h"
#include "core/model/parallel.h"
#include "core/model/winograd.h"
#include "core/model/winograd_kernels.h"

using namespace eigenscape;

namespace {

constexpr auto kLast = at::MemoryFormat::ChannelsLast;

struct Case {
  torch::Tensor x, kernel;
  Epilogue after;
};

Case drawn(std::int64_t images, std::int64_t in, std::int64_t out, std::int64_t height, std::int64_t width) {
  torch::manual_seed(images + in + out + height + width);
  return {torch::randn({images, in, height, width}).contiguous(kLast),
          torch::randn({out, in, 3, 3}) / std::sqrt(static_cast<double>(in)),
          {torch::randn({out}), torch::randn({images, out, height, width}).contiguous(kLast), true}};
}

/// The library's direct convolution in float64.
torch::Tensor oracle(const Case& c) {
  const auto wide = [](const torch::Tensor& t) { return t.defined() ? t.to(torch::kFloat64) : t; };
  auto y = torch::conv2d(wide(c.x), wide(c.kernel), wide(c.after.shift), 1, 1);
  if (c.after.residual.defined()) y = y + wide(c.after.residual);
  return c.after.relu ? torch::relu(y) : y;
}

/// The largest error in units of the largest Σ |x| |w|: rounding of the transforms is of that size, whatever the sum.
double error(const torch::Tensor& y, const Case& c) {
  const auto size = torch::conv2d(c.x.abs(), c.kernel.abs(), {}, 1, 1).max().item<double>();
  return (y.to(torch::kFloat64) - oracle(c)).abs().max().item<double>() / size;
}

}  // namespace

class TestWinograd : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void cleanup() { at::set_num_threads(1); }

  void equalsADirectConvolution_data() {
    QTest::addColumn<std::vector<std::int64_t>>("shape");
    using Shape = std::vector<std::int64_t>;  // images, inputs, outputs, height, width
    for (const auto& shape :
         {Shape{1, 16, 16, 32, 32}, Shape{3, 32, 32, 16, 16}, Shape{5, 64, 64, 8, 8}, Shape{2, 48, 16, 7, 9},
          Shape{2, 16, 48, 13, 6}, Shape{1, 16, 80, 5, 5}, Shape{7, 32, 64, 4, 4}, Shape{1, 16, 16, 1, 1},
          Shape{2, 64, 16, 1, 11}, Shape{2, 16, 32, 3, 2}, Shape{40, 16, 16, 10, 10}}) {
      QTest::addRow("%d images %d to %d, %d x %d", int(shape[0]), int(shape[1]), int(shape[2]), int(shape[3]),
                    int(shape[4]))
          << shape;
    }
  }
  void equalsADirectConvolution() {
    QFETCH(std::vector<std::int64_t>, shape);
    auto c = drawn(shape[0], shape[1], shape[2], shape[3], shape[4]);
    torch::NoGradGuard noGrad;
    QVERIFY(winogradApplies(c.x, c.kernel, c.after, 1, 1));
    const auto whole = winogradConvolution(c.x, WinogradKernel(c.kernel), c.after);
    QVERIFY(whole.is_contiguous(kLast));
    QVERIFY2(error(whole, c) < 1e-6, qPrintable(QString::number(error(whole, c))));
    at::set_num_threads(2);
    QVERIFY(winogradConvolution(c.x, WinogradKernel(c.kernel), c.after).equal(whole));
    for (auto after : {Epilogue{}, Epilogue{c.after.shift, {}, false}, Epilogue{{}, c.after.residual, false}}) {
      const Case other{c.x, c.kernel, after};
      QVERIFY(error(winogradConvolution(c.x, WinogradKernel(c.kernel), after), other) < 1e-6);
    }
  }

  // Also those kernels that this processor would not be given.
  void everyInstructionSetDoes() {
    std::vector<const winograd::Kernels*> sets{&winograd::kBaseline};
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) sets.push_back(&winograd::kAvx2);
    if (__builtin_cpu_supports("avx512f")) sets.push_back(&winograd::kAvx512);
#endif
    const auto c = drawn(3, 32, 48, 9, 14);
    for (const auto* kernels : sets) {
      const auto u = torch::empty({winograd::kPositions * winograd::Layer::kernelStride(32, 48)});
      const auto y = torch::empty({3, 48, 9, 14}).contiguous(kLast);
      const winograd::Layer layer{c.x.data_ptr<float>(),
                                  u.data_ptr<float>(),
                                  c.after.shift.data_ptr<float>(),
                                  c.after.residual.data_ptr<float>(),
                                  y.data_ptr<float>(),
                                  3,
                                  9,
                                  14,
                                  32,
                                  48,
                                  true};
      const auto scratch = torch::zeros({layer.scratch()});
      kernels->transformKernels(c.kernel.data_ptr<float>(), 32, 0, 3, 48, u.data_ptr<float>());
      kernels->convolve(layer, 0, layer.blocks(), scratch.data_ptr<float>());
      QVERIFY(error(y, c) < 1e-6);
    }
  }

  // Not on the images beside it, nor on where in a block of tiles it falls.
  void anImageStandsAlone() {
    const auto c = drawn(11, 32, 16, 7, 7);
    torch::NoGradGuard noGrad;
    const auto whole = winogradConvolution(c.x, WinogradKernel(c.kernel), c.after);
    for (std::int64_t i = 0; i < 11; ++i) {
      const auto one = winogradConvolution(c.x.narrow(0, i, 1), WinogradKernel(c.kernel),
                                           {c.after.shift, c.after.residual.narrow(0, i, 1), true});
      QVERIFY(one.equal(whole.narrow(0, i, 1)));
    }
  }

  void zeroKernelsLeaveTheShift() {
    auto c = drawn(2, 16, 32, 6, 6);
    torch::NoGradGuard noGrad;
    c.kernel.zero_();
    const auto y = winogradConvolution(c.x, WinogradKernel(c.kernel), {c.after.shift, {}, false});
    QVERIFY(y.equal(c.after.shift.view({1, 32, 1, 1}).expand_as(y)));
  }

  void scaleDoesNotMatter() {
    auto c = drawn(2, 32, 16, 12, 12);
    torch::NoGradGuard noGrad;
    for (const double scale : {1e-12, 1e12}) {
      const Case scaled{c.x * scale, c.kernel, {}};
      QVERIFY(error(winogradConvolution(scaled.x, WinogradKernel(scaled.kernel), {}), scaled) < 1e-6);
    }
  }

  // As the header says: wherever a direct convolution is not finite this one isn't either, ReLU or not, and nothing
  // goes beyond the tiles that see the pixel.
  void whatIsNotFiniteStaysSo() {
    torch::NoGradGuard noGrad;
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      auto c = drawn(2, 16, 16, 16, 16);
      c.x[1][5][9][6] = bad;
      c.after.relu = false;
      const auto y = winogradConvolution(c.x, WinogradKernel(c.kernel), c.after);
      const auto direct = torch::conv2d(c.x, c.kernel, c.after.shift, 1, 1);
      QVERIFY(!y.masked_select(direct.isfinite().logical_not()).isfinite().any().item<bool>());
      QVERIFY(y[0].isfinite().all().item<bool>());
      QVERIFY(y[1].slice(1, 0, 8).isfinite().all().item<bool>());  // rows of tiles above
      QVERIFY(y[1].slice(1, 12).isfinite().all().item<bool>());    // and below
      QVERIFY(y[1].slice(2, 8).isfinite().all().item<bool>());     // columns to the right
      c.after.relu = true;
      const auto rectified = winogradConvolution(c.x, WinogradKernel(c.kernel), c.after);
      QVERIFY(rectified.masked_select(y.isnan()).isnan().all().item<bool>());
    }
  }

  void othersAreLeftToTheLibrary() {
    const auto c = drawn(1, 16, 32, 8, 8);
    const auto wanted = c.kernel.detach().clone().requires_grad_();
    QVERIFY(winogradApplies(c.x, c.kernel, {}, 1, 1));
    QVERIFY(!winogradApplies(c.x, wanted, {}, 1, 1));
    QVERIFY(!winogradApplies(c.x.detach().clone().requires_grad_(), c.kernel, {}, 1, 1));
    {
      torch::NoGradGuard noGrad;
      QVERIFY(winogradApplies(c.x, wanted, {}, 1, 1));
    }
    QVERIFY(!winogradApplies(c.x, c.kernel, {}, 2, 1));
    QVERIFY(!winogradApplies(c.x, c.kernel, {}, 1, 0));
    QVERIFY(!winogradApplies(c.x.to(torch::kFloat64), c.kernel.to(torch::kFloat64), {}, 1, 1));
    QVERIFY(!winogradApplies(c.x.contiguous(), c.kernel, {}, 1, 1));
    QVERIFY(!winogradApplies(c.x, torch::zeros({24, 16, 3, 3}), {}, 1, 1));
    QVERIFY(!winogradApplies(torch::zeros({1, 24, 8, 8}).contiguous(kLast), torch::zeros({16, 24, 3, 3}), {}, 1, 1));
    QVERIFY(!winogradApplies(c.x, torch::zeros({16, 16, 1, 1}), {}, 1, 1));
  }

  // The network with and without gradients: the two ways agree, and the gradient does not notice.
  void aNetworkIsTheSame() {
    for (const std::string name : {"resnet20", "cnn"}) {
      auto model = makeModel(name, {3, 20, 20, 10}, 4);
      torch::manual_seed(2);
      const auto x = torch::randn({6, 3, 20, 20});
      const auto direct = model->forward(x);
      QVERIFY(direct.requires_grad());
      torch::NoGradGuard noGrad;
      const auto fast = model->forward(x);
      QVERIFY(!fast.equal(direct));  // or it was not taken
      QVERIFY((fast - direct).abs().max().item<double>() < 1e-5 * direct.abs().max().item<double>());
    }
  }

  // Folds that are kept give the same to the bit; with gradients, and afterwards, the present weights count.
  void keptFoldsAreTheSame() {
    for (const std::string name : {"resnet20", "cnn"}) {
      auto model = makeModel(name, {3, 20, 20, 10}, 4);
      torch::manual_seed(2);
      const auto x = torch::randn({6, 3, 20, 20});
      torch::Tensor before;
      {
        torch::NoGradGuard noGrad;
        before = model->forward(x);
        const auto fewer = model->forward(x.slice(0, 0, 2));  // a BLAS may sum in another order than for six
        const KeptFolds folds(*model);
        QVERIFY(model->forward(x).equal(before));
        QVERIFY(model->forward(x.slice(0, 0, 2)).equal(fewer));
        // Against what callers promise, to see that it is kept.
        const auto& first = model->parameters().tensors().front();
        const auto home = first.detach().clone();
        first.detach().zero_();
        QVERIFY(model->forward(x).equal(before));
        first.detach().copy_(home);
        const torch::AutoGradMode record(true);
        QVERIFY(model->forward(x).requires_grad());
      }
      model->parameters().assign(1.5 * model->parameters().flatten());
      torch::NoGradGuard noGrad;
      QVERIFY(!model->forward(x).allclose(before));
    }
  }

  void partsCoverAllOnce() {
    at::set_num_threads(2);
    std::vector<int> calls(1001, 0);
    parallelFor(1001, [&](std::int64_t first, std::int64_t last) {
      for (auto i = first; i < last; ++i) ++calls[static_cast<std::size_t>(i)];
    });
    QVERIFY(calls == std::vector<int>(1001, 1));
    parallelFor(0, [](std::int64_t, std::int64_t) { QFAIL("nothing to do"); });
  }
};

QTEST_GUILESS_MAIN(TestWinograd)
#include "tst_winograd.moc"
