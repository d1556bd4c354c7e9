// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <cmath>
#include <functional>
#include <stop_token>

#include "core/curvature/layer_trace.h"
#include "core/model/layers.h"
#include "tests/support/oracles.h"
#include "tests/support/trace_sums.h"

using namespace eigenscape;
using torch::Tensor;

namespace {

/// Layers of the zoo in a forward function of one's own, in float64.
class LayeredModel : public Model {
 public:
  using Forward = Tensor (*)(const std::vector<std::shared_ptr<AffineLayer>>& layers, const Tensor& x);
  LayeredModel(std::vector<std::shared_ptr<AffineLayer>> layers, Forward forward)
      : layers_(std::move(layers)), forward_(forward) {
    // Affine maps by channel are ones and zeros at first.
    torch::manual_seed(7);
    const torch::NoGradGuard noGrad;
    for (const auto& layer : layers_) {
      layer->to(torch::kFloat64);
      layer->train(false);
      for (auto& parameter : layer->parameters()) parameter.add_(0.3 * torch::randn_like(parameter));
    }
    rebuildSpace();
  }
  std::string architecture() const override { return "layered"; }
  Tensor forward(const Tensor& inputs) override { return forward_(layers_, inputs); }
  void setTraining(bool on) override {
    for (const auto& layer : layers_) layer->train(on);
  }
  bool isTraining() const override { return layers_[0]->is_training(); }
  NamedTensors namedParameters() const override {
    NamedTensors list;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      for (const auto& item : layers_[i]->named_parameters())
        list.emplace_back("layer" + std::to_string(i) + "." + item.key(), item.value());
    }
    return list;
  }
  NamedTensors namedBuffers() const override { return {}; }
  std::vector<AffineLayer*> affineLayers() const override {
    std::vector<AffineLayer*> list;
    for (const auto& layer : layers_) list.push_back(layer.get());
    return list;
  }
  void to(torch::Device, torch::ScalarType) override {}

 private:
  std::vector<std::shared_ptr<AffineLayer>> layers_;
  Forward forward_;
};

template <class Layer>
Layer& as(const std::shared_ptr<AffineLayer>& layer) {
  return dynamic_cast<Layer&>(*layer);
}

/// Two fully connected layers with tanh.
std::unique_ptr<LayeredModel> plain() {
  Initializer init(3);
  return std::make_unique<LayeredModel>(
      std::vector<std::shared_ptr<AffineLayer>>{std::make_shared<Linear>(init, Init::Uniform, 5, 6),
                                                std::make_shared<Linear>(init, Init::Uniform, 6, 4)},
      [](const auto& l, const Tensor& x) {
        return as<Linear>(l[1]).forward(torch::tanh(as<Linear>(l[0]).forward(x)));
      });
}

/// Tokens × features: LayerNorm, an MLP with GELU over tokens beside a way around, mean over the tokens.
std::unique_ptr<LayeredModel> tokens() {
  Initializer init(4);
  return std::make_unique<LayeredModel>(
      std::vector<std::shared_ptr<AffineLayer>>{
          std::make_shared<Linear>(init, Init::Uniform, 4, 5), std::make_shared<LayerNorm>(5),
          std::make_shared<Linear>(init, Init::Uniform, 3, 4), std::make_shared<Linear>(init, Init::Uniform, 4, 3),
          std::make_shared<Linear>(init, Init::Uniform, 5, 4)},
      [](const auto& l, const Tensor& x) {
        auto y = as<Linear>(l[0]).forward(x);
        const auto mixed = as<LayerNorm>(l[1]).forward(y).transpose(1, 2);
        y = y + as<Linear>(l[3]).forward(torch::gelu(as<Linear>(l[2]).forward(mixed))).transpose(1, 2);
        return as<Linear>(l[4]).forward(torch::gelu(y).mean(1));
      });
}

/// Two convolutions with BatchNorm and a smooth activation, the second with a stride.
std::unique_ptr<LayeredModel> convolutions() {
  Initializer init(5);
  return std::make_unique<LayeredModel>(
      std::vector<std::shared_ptr<AffineLayer>>{std::make_shared<Convolution>(init, Init::Uniform, 2, 3, 3, 1),
                                                std::make_shared<BatchNorm>(3),
                                                std::make_shared<Convolution>(init, Init::Uniform, 3, 2, 3, 2),
                                                std::make_shared<Linear>(init, Init::Uniform, 2, 4)},
      [](const auto& l, const Tensor& x) {
        auto y = torch::gelu(convolveAndNormalize(as<Convolution>(l[0]), as<BatchNorm>(l[1]), x));
        y = torch::tanh(as<Convolution>(l[2]).forward(y));
        return as<Linear>(l[3]).forward(y.mean(at::IntArrayRef{2, 3}));
      });
}

int passes = 0;
std::function<void()> afterPass;

/// plain(), and counts the passes that go back through its first layer's activations.
std::unique_ptr<LayeredModel> counting() {
  Initializer init(3);
  return std::make_unique<LayeredModel>(
      std::vector<std::shared_ptr<AffineLayer>>{std::make_shared<Linear>(init, Init::Uniform, 5, 6),
                                                std::make_shared<Linear>(init, Init::Uniform, 6, 4)},
      [](const auto& l, const Tensor& x) {
        const auto hidden = torch::tanh(as<Linear>(l[0]).forward(x));
        hidden.register_hook([](const Tensor&) {
          ++passes;
          if (afterPass) afterPass();
        });
        return as<Linear>(l[1]).forward(hidden);
      });
}

struct Case {
  std::unique_ptr<Model> model;
  Examples examples;
};

Case named(const QString& name) {
  if (name == "plain") return {plain(), oracles::randomExamples({60, 5}, 4, 11)};
  if (name == "tokens") return {tokens(), oracles::randomExamples({60, 3, 4}, 4, 12)};
  return {convolutions(), oracles::randomExamples({60, 2, 5, 5}, 4, 13)};
}

/// Every layer and every tensor.
std::vector<Range> rangesOf(const Model& model) {
  std::vector<Range> ranges;
  for (const auto& layer : model.parameters().layers()) ranges.push_back({layer.offset, layer.size});
  for (const auto& entry : model.parameters().entries()) ranges.push_back({entry.offset, entry.size});
  return ranges;
}

std::vector<double> exactTraces(Model& model, const Examples& examples, const std::vector<Range>& ranges) {
  CurvatureOperator op(model, examples, {});
  const auto dense = oracles::dense(op);
  std::vector<double> traces;
  for (const auto& range : ranges) traces.push_back(dense.diagonal().segment(range.offset, range.size).sum());
  traces.push_back(dense.trace());
  return traces;
}

}  // namespace

class TestLayerTrace : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  // The mean of very many probes is the dense matrix's trace, of every tensor: no layer draws a wrong sign.
  void unbiased_data() {
    QTest::addColumn<QString>("name");
    for (const char* name : {"plain", "tokens", "convolutions"}) QTest::newRow(name) << name;
  }
  void unbiased() {
    QFETCH(QString, name);
    const auto c = named(name);
    const auto ranges = rangesOf(*c.model);
    QCOMPARE(layerTraceObstacle(*c.model, {}, ranges), std::string());
    const auto truth = exactTraces(*c.model, c.examples, ranges);
    TraceOptions options;
    options.tolerance = 1e-9;
    options.maxProbes = 1500;
    const auto found = estimateTracesAtLayers(*c.model, c.examples, {}, ranges, options);
    QCOMPARE(found.products, std::int64_t{1500});
    QCOMPARE(found.method, std::string("layers"));
    for (std::size_t i = 0; i < truth.size(); ++i) {
      const auto& estimate = i < ranges.size() ? found.ranges[i] : found.whole;
      const auto line =
          QString("%1: %2 +- %3, exact %4").arg(i).arg(estimate.trace).arg(estimate.standardError).arg(truth[i]);
      QVERIFY2(std::abs(estimate.trace - truth[i]) < 4 * estimate.standardError + 1e-12, qPrintable(line));
      QVERIFY2(estimate.standardError < 0.15 * std::abs(truth.back()), qPrintable(line));
    }
    QVERIFY(std::isnan(found.squaredFrobenius.trace));
  }

  // 200 seeds, with the stopping rule: the stated interval covers the trace of the dense matrix as often as it says.
  void intervalsCover_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<double>("tolerance");
    QTest::newRow("plain") << "plain" << 0.1;
    QTest::newRow("plain, as few draws as there can be") << "plain" << 0.9;
    QTest::newRow("tokens") << "tokens" << 0.15;
    QTest::newRow("convolutions") << "convolutions" << 0.15;
  }
  void intervalsCover() {
    QFETCH(QString, name);
    QFETCH(double, tolerance);
    const auto c = named(name);
    std::vector<Range> ranges;
    for (const auto& layer : c.model->parameters().layers()) ranges.push_back({layer.offset, layer.size});
    const auto truth = exactTraces(*c.model, c.examples, ranges);
    std::vector<int> covered(truth.size() + 1, 0);  // the last: a sum over the layers
    std::int64_t draws = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      TraceOptions options;
      options.tolerance = tolerance;
      options.maxProbes = 40;
      options.seed = seed;
      const auto found = estimateTracesAtLayers(*c.model, c.examples, {}, ranges, options);
      draws += found.probes;
      for (std::size_t i = 0; i < truth.size(); ++i) {
        const auto& estimate = i < ranges.size() ? found.ranges[i] : found.whole;
        covered[i] += std::abs(estimate.trace - truth[i]) <= 1.96 * estimate.standardError ? 1 : 0;
      }
      const auto sum = oracles::weightedSum(found);
      const double off = std::abs(sum.trace - oracles::weightedSum(truth, ranges.size()));
      covered.back() += off <= 1.96 * sum.standardError ? 1 : 0;
    }
    for (std::size_t i = 0; i < covered.size(); ++i) {
      const auto line = QString("%1: %2, %3 draws").arg(i).arg(covered[i]).arg(draws / 200.0);
      QVERIFY2(covered[i] >= 180 && covered[i] <= 198, qPrintable(line));
    }
  }

  // At equal draws the error is a fraction of that of probes that all examples share, which is what it is there for.
  void betterThanSharedProbes() {
    const auto c = named("tokens");
    const auto ranges = rangesOf(*c.model);
    TraceOptions options;
    options.tolerance = 1e-9;
    options.minProbes = options.maxProbes = 200;
    const auto own = estimateTracesAtLayers(*c.model, c.examples, {}, ranges, options);
    CurvatureOperator op(*c.model, c.examples, {});
    const auto shared = estimateTraces(op, ranges, options);
    QCOMPARE(own.products, shared.products);
    double ratio = 0;
    for (std::size_t i = 0; i < c.model->parameters().layers().size(); ++i) {
      QVERIFY(own.ranges[i].standardError < shared.ranges[i].standardError);
      ratio += std::log(shared.ranges[i].standardError / own.ranges[i].standardError);
    }
    const double mean = std::exp(ratio / static_cast<double>(c.model->parameters().layers().size()));
    QVERIFY2(mean > 2, qPrintable(QString::number(mean)));
  }

  // The same seed gives the same numbers; nothing is left recording, and the model's outputs are what they were.
  void limitsAndSeeds() {
    const auto c = named("convolutions");
    const auto before = c.model->forward(c.examples.inputs).detach();
    TraceOptions options;
    options.tolerance = 1e-6;
    options.maxProbes = 7;
    const auto once = estimateTracesAtLayers(*c.model, c.examples, {}, {}, options),
               again = estimateTracesAtLayers(*c.model, c.examples, {}, {}, options);
    QVERIFY(!once.converged);
    QCOMPARE(once.products, std::int64_t{7});
    QCOMPARE(once.whole.trace, again.whole.trace);
    for (const auto* layer : c.model->affineLayers()) QVERIFY(!layer->zeros().defined());
    QVERIFY(c.model->forward(c.examples.inputs).detach().equal(before));
  }

  // A stop is heeded between two draws of one chunk.
  void stopsBetweenDraws() {
    const auto model = counting();
    const auto examples = oracles::randomExamples({20, 5}, 4, 11);
    TraceOptions options;
    options.tolerance = 1e-9;
    options.maxProbes = 50;
    passes = 0;
    estimateTracesAtLayers(*model, examples, {}, {}, options);
    QVERIFY2(passes >= 50, qPrintable(QString::number(passes)));
    // 2 draws, 4 more, then 12, 36, … in one visit: in the midst of the fourth.
    std::stop_source source;
    int stoppedAt = 0;
    passes = 0;
    afterPass = [&] {
      if (passes == 30) stoppedAt = passes, source.request_stop();
    };
    QVERIFY_EXCEPTION_THROWN(estimateTracesAtLayers(*model, examples, {}, {}, options, {source.get_token(), {}, {}}),
                             Stopped);
    afterPass = {};
    QCOMPARE(stoppedAt, 30);
    QVERIFY2(passes <= 32, qPrintable(QString::number(passes)));
  }

  void obstacles() {
    const auto model = plain();
    CurvatureOptions options;
    options.batchNorm = BatchNormMode::Training;
    QVERIFY(!layerTraceObstacle(*model, options, {}).empty());
    options = {};
    options.kind = CurvatureKind::GaussNewton;
    QVERIFY(!layerTraceObstacle(*model, options, {}).empty());
    QVERIFY(!layerTraceObstacle(*model, {}, {{0, 7}}).empty());
    const auto other = layerTraceObstacle(*oracles::tanhNetwork(8, 12, 4, 21), {}, {});
    QVERIFY2(other.find("fc1.weight") != std::string::npos, other.c_str());
  }

  // Every network of the zoo is made of such layers alone.
  void zoo() {
    for (const auto& info : architectures()) {
      const auto model = makeModel(info.name, {}, 3);
      QCOMPARE(layerTraceObstacle(*model, {}, rangesOf(*model)), std::string());
    }
  }
};

QTEST_GUILESS_MAIN(TestLayerTrace)
#include "tst_layer_trace.moc"
