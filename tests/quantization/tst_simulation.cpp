// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include <QTest>
#include <cmath>
#include <stdexcept>

#include "core/model/layers.h"
#include "core/quantization/measure.h"
#include "core/quantization/simulation.h"
#include "tests/support/oracles.h"
#include "tests/training/toy.h"

using namespace eigenscape;

namespace {

constexpr InputShape kShape{3, 8, 8, 4};

torch::Tensor random(std::vector<std::int64_t> shape, std::uint64_t seed, torch::ScalarType type = torch::kFloat32) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return torch::randn(shape, generator, torch::kFloat64).to(type);
}

/// Convolution of integers in plain loops, 64-bit accumulators; padding 1, 3×3 kernel.
torch::Tensor integerConvolution(const torch::Tensor& x, const torch::Tensor& w, std::int64_t stride) {
  const auto height = (x.size(2) + 2 - 3) / stride + 1, width = (x.size(3) + 2 - 3) / stride + 1;
  auto y = torch::zeros({x.size(0), w.size(0), height, width}, torch::kInt64);
  const auto in = x.accessor<std::int64_t, 4>(), kernel = w.accessor<std::int64_t, 4>();
  auto out = y.accessor<std::int64_t, 4>();
  for (std::int64_t n = 0; n < x.size(0); ++n)
    for (std::int64_t o = 0; o < w.size(0); ++o)
      for (std::int64_t i = 0; i < height; ++i)
        for (std::int64_t j = 0; j < width; ++j)
          for (std::int64_t c = 0; c < x.size(1); ++c)
            for (std::int64_t a = 0; a < 3; ++a)
              for (std::int64_t b = 0; b < 3; ++b) {
                const auto row = i * stride + a - 1, column = j * stride + b - 1;
                if (row < 0 || column < 0 || row >= x.size(2) || column >= x.size(3)) continue;
                out[n][o][i][j] += in[n][c][row][column] * kernel[o][c][a][b];
              }
  return y;
}

/// A single layer as a model, so that nothing stands between it and the test.
template <class Layer>
class OneLayer : public Model {
 public:
  OneLayer(std::shared_ptr<Layer> layer, torch::Tensor scale, torch::Tensor shift)
      : layer_(std::move(layer)), scale_(std::move(scale)), shift_(std::move(shift)) {
    rebuildSpace();
    weightLayers_.push_back({"layer", 0, 0, false});
  }
  std::string architecture() const override { return "one layer"; }
  torch::Tensor forward(const torch::Tensor& x) override {
    if constexpr (std::is_same_v<Layer, Linear>) {
      return layer_->forward(x);
    } else {
      Epilogue after;
      after.shift = shift_;
      return layer_->forward(x, scale_, after);
    }
  }
  void setTraining(bool) override {}
  bool isTraining() const override { return false; }
  NamedTensors namedParameters() const override {
    NamedTensors list;
    for (const auto& item : layer_->named_parameters()) list.emplace_back("layer." + item.key(), item.value());
    return list;
  }
  NamedTensors namedBuffers() const override { return {}; }
  bool setTransform(std::size_t, LayerTransform* transform) override {
    layer_->transform = transform;
    return true;
  }
  void to(torch::Device, torch::ScalarType) override {}

 private:
  std::shared_ptr<Layer> layer_;
  torch::Tensor scale_, shift_;
};

InputStatistics between(double low, double high) {
  return {low, high, {1, 1}, 1};
}

}  // namespace

class TestSimulation : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void convolutionIsTheIntegers_data() { widths(); }
  void convolutionIsTheIntegers();
  void linearIsTheIntegers_data() { widths(); }
  void linearIsTheIntegers();
  void inputsByHand();
  void inputRangesByHand();
  void calibrationSeesTheInputs();
  void weightsAloneAreQuantizedWeights();
  void foldingMattersWhereChannelsShareAScale();
  void theModelComesBack();
  void weightsMayMove();
  void gradientsPassStraightThrough();
  void clippedValuesGetNoGradient();
  void firstAndLast();
  void whatDoesNotFit();
  void modelsOutOfReach();
  void lossesOfExamples();
  void weightsToTakeAway();

 private:
  static void widths() {
    QTest::addColumn<int>("bits");
    QTest::addColumn<bool>("asymmetric");
    for (const int bits : {2, 4, 8}) {
      QTest::addRow("%d bits, symmetric", bits) << bits << false;
      QTest::addRow("%d bits, asymmetric", bits) << bits << true;
    }
  }
};

/// Levels in, 64-bit sums of integer products, one multiplication by both scales, the shift: the same floats, bit for
/// bit.
void TestSimulation::convolutionIsTheIntegers() {
  QFETCH(int, bits);
  QFETCH(bool, asymmetric);
  torch::NoGradGuard noGrad;
  Initializer init(3);
  const auto layer = std::make_shared<Convolution>(init, Init::KaimingNormal, 7, 6, 3, 2);
  const auto scale = random({6}, 1).abs() + 0.1, shift = random({6}, 2);
  OneLayer<Convolution> model(layer, scale, shift);
  const auto x = random({3, 7, 9, 10}, 5);
  QuantizerOptions options;
  if (asymmetric) options.scheme = Scheme::Asymmetric;
  const Calibration calibration{between(-2.5, 3.1)};
  torch::Tensor simulated;
  {
    const Simulation simulation(model, {{bits, bits}}, options, calibration);
    simulated = model.forward(x);
  }
  const auto kernel = quantize(layer->weight * scale.view({-1, 1, 1, 1}), bits, options);
  const auto input = inputQuantizer(calibration[0], bits, options);
  QVERIFY(input.zeroPoint > 0);
  const auto levels =
      (x / input.scale).round().to(torch::kInt64).clamp(-input.zeroPoint, input.highest - input.zeroPoint);
  const auto sums = integerConvolution(levels, kernel.integers(torch::kInt64), 2);
  QVERIFY(sums.abs().max().item<std::int64_t>() < (1 << 24));
  const auto steps = (kernel.scale() * input.scale).to(torch::kFloat32);
  const auto expected = sums.to(torch::kFloat32) * steps.view({-1, 1, 1}) + shift.view({-1, 1, 1});
  QVERIFY(torch::equal(simulated, expected));
  // And the integers are those of the network that was meant.
  const double off = (simulated - model.forward(x)).abs().max().item<double>();
  QVERIFY(off > 0 && off < (bits == 2 ? 20 : bits == 4 ? 4 : 0.25));
}

void TestSimulation::linearIsTheIntegers() {
  QFETCH(int, bits);
  QFETCH(bool, asymmetric);
  torch::NoGradGuard noGrad;
  Initializer init(3);
  const auto layer = std::make_shared<Linear>(init, Init::Uniform, 40, 6);
  OneLayer<Linear> model(layer, {}, {});
  const auto x = random({5, 3, 40}, 5).relu();  // a layer over tokens
  QuantizerOptions options;
  options.granularity = Granularity::Group;
  options.groupChannels = 4;
  if (asymmetric) options.scheme = Scheme::Asymmetric;
  const Calibration calibration{between(0, 3.1)};
  torch::Tensor simulated;
  {
    const Simulation simulation(model, {{bits, bits}}, options, calibration);
    simulated = model.forward(x);
  }
  const auto kernel = quantize(layer->weight, bits, options);
  const auto input = inputQuantizer(calibration[0], bits, options);
  QCOMPARE(input.zeroPoint, 0);
  const auto levels = (x / input.scale).round().to(torch::kInt64).clamp(0, input.highest);
  const auto sums = levels.view({15, 40}).mm(kernel.integers(torch::kInt64).t());
  const auto expected = sums.to(torch::kFloat32) * (kernel.scale() * input.scale).to(torch::kFloat32) + layer->bias;
  QVERIFY(torch::equal(simulated.view({15, 6}), expected));
}

void TestSimulation::inputsByHand() {
  // 0 … 3 at 2 bits: steps of 1, no zero point.
  const auto quantizer = inputQuantizer(between(0, 3), 2, {});
  QCOMPARE(quantizer.scale, 1.0);
  QCOMPARE(quantizer.zeroPoint, 0);
  torch::Tensor slope;
  const auto x = torch::tensor({-0.6, -0.4, 0.4, 0.6, 1.5, 2.5, 3.4, 3.6}, torch::kFloat64);
  QVERIFY(torch::equal(quantizer.integers(x, &slope), torch::tensor({0, 0, 0, 1, 2, 2, 3, 3}, torch::kFloat64)));
  QVERIFY(torch::equal(slope, torch::tensor({0, 1, 1, 1, 1, 1, 1, 0}, torch::kFloat64)));
  // −1 … 2: the level 1 stands for 0.
  const auto shifted = inputQuantizer(between(-1, 2), 2, {});
  QCOMPARE(shifted.zeroPoint, 1);
  QVERIFY(torch::equal(shifted.integers(x), torch::tensor({-1, 0, 0, 1, 2, 2, 2, 2}, torch::kFloat64)));
  // A layer that only ever sees zeros.
  QVERIFY(torch::equal(inputQuantizer({0, 0, {8}, 1}, 4, {}).integers(x, &slope), torch::zeros_like(x)));
}

void TestSimulation::inputRangesByHand() {
  // 1000 values: 990 in the first of ten bins, 10 in the last.
  InputStatistics statistics{0, 10, {990, 0, 0, 0, 0, 0, 0, 0, 0, 10}, 1};
  QuantizerOptions options;
  QCOMPARE(inputQuantizer(statistics, 8, options).scale, 10.0 / 255);
  options.range = RangeRule::Percentile;
  options.percentile = 99;
  QCOMPARE(inputQuantizer(statistics, 8, options).scale, 1.0 / 255);
  options.percentile = 99.5;  // half of the last bin
  QCOMPARE(inputQuantizer(statistics, 8, options).scale, 9.5 / 255);
  // Least squares at 2 bits: values at 0.5 … 4.5 and a few at 9.5, which are worth giving up.
  statistics.counts = {200, 200, 200, 200, 190, 0, 0, 0, 0, 10};
  options.range = RangeRule::LeastSquares;
  const double found = inputQuantizer(statistics, 2, options).scale;
  const auto error = [&](double s) {
    double sum = 0;
    for (int i = 0; i < 10; ++i) {
      const double x = i + 0.5, off = std::clamp(std::nearbyint(x / s), 0.0, 3.0) * s - x;
      sum += statistics.counts[std::size_t(i)] * off * off;
    }
    return sum;
  };
  double best = HUGE_VAL;
  for (int i = 1; i <= 10000; ++i) best = std::min(best, error(10.0 / 3 * i / 10000));
  QVERIFY2(error(found) < 1.02 * best, qPrintable(QString("%1, %2").arg(error(found)).arg(best)));
  QVERIFY(error(found) < 0.8 * error(10.0 / 3));
}

void TestSimulation::calibrationSeesTheInputs() {
  const auto model = makeModel("mlp", kShape, 1);
  const auto examples = toy::pictures(50, kShape, 2);
  const auto calibration = calibrate(*model, examples, 16);
  QCOMPARE(calibration.size(), std::size_t(3));
  const auto& p = model->parameters().tensors();
  const auto flat = examples.inputs.flatten(1);
  const auto hidden = torch::relu(torch::linear(flat, p[0], p[1]));
  const std::vector<torch::Tensor> inputs{flat, hidden, torch::relu(torch::linear(hidden, p[2], p[3]))};
  for (std::size_t i = 0; i < 3; ++i) {
    // Batches of 16 and one of 50 may differ in the last bits of a matrix product.
    QVERIFY(std::abs(calibration[i].low - inputs[i].min().item<double>()) < 1e-5);
    QVERIFY(std::abs(calibration[i].high - inputs[i].max().item<double>()) < 1e-5);
    QCOMPARE(calibration[i].perExample, inputs[i].size(1));
    double sum = 0;
    for (const double count : calibration[i].counts) sum += count;
    QCOMPARE(sum, double(inputs[i].numel()));
  }
  QVERIFY(torch::equal(model->forward(examples.inputs), model->forward(examples.inputs)));
}

/// A network whose weights were replaced by their quantized values.
void TestSimulation::weightsAloneAreQuantizedWeights() {
  torch::NoGradGuard noGrad;
  const auto model = makeModel("cnn", kShape, 1), other = makeModel("cnn", kShape, 1);
  const auto examples = toy::pictures(20, kShape, 2);
  const std::vector<std::int64_t> bits{8, 4, 0, 2, 3};
  Setting setting;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    setting.push_back({bits[i], 0});
    auto weight = other->parameters().tensors()[other->weightLayers()[i].parameterEntry];
    if (bits[i] > 0) weight.copy_(quantized(weight, bits[i], Granularity::Channel));
  }
  for (const bool folded : {true, false}) {
    QuantizerOptions options;
    options.foldBatchNorm = folded;
    const Simulation simulation(*model, setting, options);
    QVERIFY(torch::allclose(model->forward(examples.inputs), other->forward(examples.inputs), 1e-4, 1e-4));
  }
  QVERIFY(!torch::allclose(model->forward(examples.inputs), other->forward(examples.inputs), 1e-2, 1e-2));
}

void TestSimulation::foldingMattersWhereChannelsShareAScale() {
  torch::NoGradGuard noGrad;
  Initializer init(3);
  const auto layer = std::make_shared<Convolution>(init, Init::KaimingNormal, 3, 4, 3, 1);
  const auto scale = torch::tensor({1.0F, 2.0F, -4.0F, 8.0F});
  OneLayer<Convolution> model(layer, scale, {});
  const auto x = random({2, 3, 6, 6}, 5);
  QuantizerOptions options;
  options.granularity = Granularity::Tensor;
  const auto wide = scale.view({-1, 1, 1, 1});
  const auto run = [&] {
    const Simulation simulation(model, {{3, 0}}, options);
    return model.forward(x);
  };
  QVERIFY(torch::allclose(run(), torch::conv2d(x, quantized(layer->weight * wide, 3, options), {}, 1, 1), 1e-5, 1e-5));
  options.foldBatchNorm = false;
  QVERIFY(torch::allclose(run(), torch::conv2d(x, quantized(layer->weight, 3, options) * wide, {}, 1, 1), 1e-5, 1e-5));
}

void TestSimulation::theModelComesBack() {
  const auto model = makeModel("resnet20", kShape, 1);
  const auto examples = toy::pictures(12, kShape, 2);
  const auto before = model->forward(examples.inputs);
  const auto state = toy::copied(model->stateDict());
  const auto calibration = calibrate(*model, examples, 12);
  const Setting four(model->weightLayers().size(), LayerBits{4, 4});
  {
    Simulation simulation(*model, four, {}, calibration);
    const auto quantized = model->forward(examples.inputs);
    QVERIFY(!torch::equal(quantized, before));
    simulation.set(Setting(four.size()));
    QVERIFY(torch::equal(model->forward(examples.inputs), before));
    simulation.set(four);
    QVERIFY(torch::equal(model->forward(examples.inputs), quantized));
  }
  QVERIFY(torch::equal(model->forward(examples.inputs), before));
  QVERIFY(toy::identical(state, model->stateDict()));
}

/// What is kept between batches must not outlive the weights that it was made of.
void TestSimulation::weightsMayMove() {
  torch::NoGradGuard noGrad;
  const auto model = makeModel("cnn", kShape, 1);
  const auto examples = toy::pictures(12, kShape, 2);
  const auto theta = model->parameters().flatten();
  const Setting three(model->weightLayers().size(), LayerBits{3, 0});
  const Simulation simulation(*model, three, {});
  const auto here = model->forward(examples.inputs);
  model->parameters().assign(theta + 0.1 * random({theta.numel()}, 9));
  const auto there = model->forward(examples.inputs);
  QVERIFY(!torch::allclose(here, there, 1e-3, 1e-3));
  model->parameters().assign(theta);
  QVERIFY(torch::equal(model->forward(examples.inputs), here));
}

/// Of a linear layer ∂/∂W = gᵀ Q(x) and ∂/∂x = g Q(W), as if rounding were the identity.
void TestSimulation::gradientsPassStraightThrough() {
  Initializer init(3);
  const auto layer = std::make_shared<Linear>(init, Init::Uniform, 10, 6);
  OneLayer<Linear> model(layer, {}, {});
  auto x = random({5, 10}, 5).clamp(-2, 2).requires_grad_(true);
  const Calibration calibration{between(-2, 2)};
  const Simulation simulation(model, {{4, 4}}, {}, calibration);
  const auto y = model.forward(x);
  const auto g = random({5, 6}, 8);
  const auto gradients = torch::autograd::grad({(y * g).sum()}, {layer->weight, layer->bias, x});
  const auto input = inputQuantizer(calibration[0], 4, {});
  const auto qx = input.integers(x) * input.scale, qw = quantized(layer->weight, 4, Granularity::Channel);
  QVERIFY(torch::allclose(gradients[0], g.t().mm(qx), 1e-5, 1e-5));
  QVERIFY(torch::allclose(gradients[1], g.sum(0), 1e-5, 1e-5));
  QVERIFY(torch::allclose(gradients[2], g.mm(qw), 1e-5, 1e-5));
  // The values are those without gradients.
  torch::NoGradGuard noGrad;
  QVERIFY(torch::equal(model.forward(x), y));
}

void TestSimulation::clippedValuesGetNoGradient() {
  Initializer init(3);
  const auto layer = std::make_shared<Linear>(init, Init::Uniform, 100, 2);
  OneLayer<Linear> model(layer, {}, {});
  auto x = (torch::arange(0, 100, torch::kFloat32) / 10).view({1, 100}).requires_grad_(true);
  QuantizerOptions options;
  options.range = RangeRule::Percentile;
  options.percentile = 80;
  const Simulation simulation(model, {{8, 8}}, options, {{0, 5, {1}, 100}});
  const auto gradients = torch::autograd::grad({model.forward(x).sum()}, {layer->weight, x});
  const auto kernel = quantize(layer->weight, 8, options);
  const auto outside = layer->weight.abs() > kernel.range.view({2, 1}) * (1 + 0.5 / 127);
  QVERIFY(outside.sum().item<std::int64_t>() > 20);
  QVERIFY(gradients[0].masked_select(outside).eq(0).all().item<bool>());
  const auto reached = gradients[0].masked_select(outside.logical_not());
  QVERIFY(reached.ne(0).sum().item<std::int64_t>() >= reached.numel() - 2);  // but for x = 0
  QVERIFY(gradients[1].narrow(1, 45, 55).eq(0).all().item<bool>());          // above 80 % of 5
  QVERIFY(gradients[1].narrow(1, 0, 40).ne(0).any().item<bool>());
}

void TestSimulation::firstAndLast() {
  const Setting setting{{2, 4}, {2, 4}, {2, 0}};
  const Setting expected{{2, 8}, {2, 4}, {2, 0}};
  QVERIFY(inputsOfFirstAndLast(setting, 8) == expected);
  QVERIFY(inputsOfFirstAndLast(setting, 0) == setting);
  QVERIFY(inputsOfFirstAndLast({{0, 0}, {4, 4}}, 4) == Setting({{0, 0}, {4, 4}}));
  QVERIFY(inputsOfFirstAndLast({{8, 8}}, 4) == Setting({{8, 8}}));
}

void TestSimulation::whatDoesNotFit() {
  const auto model = makeModel("mlp", kShape, 1);
  QVERIFY_EXCEPTION_THROWN(Simulation(*model, Setting(2), {}), std::invalid_argument);
  QVERIFY_EXCEPTION_THROWN(Simulation(*model, Setting(3, LayerBits{1, 0}), {}), std::invalid_argument);
  QVERIFY_EXCEPTION_THROWN(Simulation(*model, Setting(3, LayerBits{9, 0}), {}), std::invalid_argument);
  QVERIFY_EXCEPTION_THROWN(Simulation(*model, Setting(3, LayerBits{8, 8}), {}), std::invalid_argument);
}

/// A model that offers no way into its layers: its weights can be quantized all the same.
void TestSimulation::modelsOutOfReach() {
  class Closed : public OneLayer<Linear> {
   public:
    using OneLayer::OneLayer;
    bool setTransform(std::size_t, LayerTransform*) override { return false; }
  };
  torch::NoGradGuard noGrad;
  Initializer init(3);
  const auto layer = std::make_shared<Linear>(init, Init::Uniform, 10, 6);
  const auto before = layer->weight.clone(), x = random({5, 10}, 5);
  Closed model(layer, {}, {});
  {
    const Simulation simulation(model, {{3, 0}}, {});
    QVERIFY(torch::equal(model.forward(x), torch::linear(x, quantized(before, 3, Granularity::Channel), layer->bias)));
  }
  QVERIFY(torch::equal(layer->weight, before));
  QVERIFY_EXCEPTION_THROWN(Simulation(model, {{3, 3}}, {}, {between(-1, 1)}), RunError);
  QVERIFY_EXCEPTION_THROWN(calibrate(model, {x, torch::zeros({5}, torch::kInt64), {}}, 5), RunError);
  QVERIFY(torch::equal(layer->weight, before));
}

void TestSimulation::lossesOfExamples() {
  const auto model = makeModel("mlp", kShape, 1);
  const auto examples = toy::pictures(50, kShape, 2);
  const auto each = exampleLosses(*model, examples, 16);
  const auto whole = evaluate(*model, examples, 16);
  QVERIFY(std::abs(each.mean().loss - whole.loss) < 1e-12);
  QCOMPARE(each.mean().accuracy, whole.accuracy);
  const Setting two(3, LayerBits{2, 0});
  ExampleLosses after;
  {
    const Simulation simulation(*model, two, {});
    after = exampleLosses(*model, examples, 16);
  }
  const auto value = measured(*model, two, {}, {}, examples, 16);
  QCOMPARE(value.loss, after.mean().loss);
  // The paired t statistic in plain sums.
  double sum = 0, squares = 0;
  for (std::int64_t i = 0; i < 50; ++i) {
    const double d = (after.losses[i] - each.losses[i]).item<double>();
    sum += d;
    squares += d * d;
  }
  const auto increase = lossIncrease(each, after);
  QVERIFY(std::abs(increase.increase - sum / 50) < 1e-12);
  QVERIFY(std::abs(increase.standardError - std::sqrt((squares - sum * sum / 50) / 49 / 50)) < 1e-12);
}

/// Loaded into a model that knows nothing of quantization they give the simulation's outputs, with and without
/// BatchNorm folded in.
void TestSimulation::weightsToTakeAway() {
  torch::NoGradGuard noGrad;
  const auto examples = toy::pictures(12, kShape, 2);
  for (const bool folded : {false, true}) {
    const auto model = makeModel("cnn", kShape, 1), other = makeModel("cnn", kShape, 1);
    for (auto* one : {model.get(), other.get()}) {
      for (auto& [name, tensor] : one->stateDict()) {
        if (name.starts_with("bn") && name.ends_with("running_var"))
          tensor.copy_(random(tensor.sizes().vec(), 3).abs());
      }
    }
    QuantizerOptions options;
    options.granularity = Granularity::Tensor;
    options.foldBatchNorm = folded;
    const Setting setting{{4, 0}, {3, 0}, {0, 0}, {2, 0}, {8, 0}};
    const auto weights = quantizedWeights(*model, setting, options, examples.first(1));
    for (std::size_t i = 0; i < weights.size(); ++i)
      other->parameters().tensors()[other->weightLayers()[i].parameterEntry].copy_(weights[i]);
    const auto expected = other->forward(examples.inputs);
    const Simulation simulation(*model, setting, options);
    QVERIFY(torch::allclose(model->forward(examples.inputs), expected, 1e-4, 1e-4));
  }
}

QTEST_APPLESS_MAIN(TestSimulation)
#include "tst_simulation.moc"
