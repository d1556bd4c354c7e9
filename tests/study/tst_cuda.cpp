// SPDX-License-Identifier: GPL-3.0-or-later
// What a GPU computes, against the CPU. Every row is skipped where LibTorch finds no CUDA device.
#include <torch/torch.h>

#include <QTest>
#include <cmath>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/density.h"
#include "core/curvature/lanczos.h"
#include "core/curvature/layer_trace.h"
#include "core/curvature/output_trace.h"
#include "core/curvature/power_iteration.h"
#include "core/landscape/directions.h"
#include "core/landscape/landscape.h"
#include "core/model/device.h"
#include "core/quantization/measure.h"
#include "core/quantization/sensitivity.h"
#include "core/training/trainer.h"

using namespace eigenscape;

namespace {

const torch::Device kGpu(torch::kCUDA, 0);

Examples images(std::int64_t count) {
  torch::manual_seed(1);
  return {torch::randn({count, 3, 32, 32}), torch::randint(0, 10, {count}, torch::kInt64), torch::zeros({3})};
}

/// The same network and images on both.
struct Pair {
  explicit Pair(const std::string& architecture, std::int64_t count = 48)
      : cpu(makeModel(architecture, {}, 3)), gpu(makeModel(architecture, {}, 3)), here(images(count)) {
    gpu->to(kGpu, torch::kFloat32);
    there = here.to(kGpu, torch::kFloat32);
  }
  std::unique_ptr<Model> cpu, gpu;
  Examples here, there;
};

double difference(const torch::Tensor& a, const torch::Tensor& b) {
  const auto x = a.to(torch::kCPU, torch::kFloat64), y = b.to(torch::kCPU, torch::kFloat64);
  return ((x - y).norm() / x.norm()).item<double>();
}

void compare(const TraceEstimate& a, const TraceEstimate& b, const char* what) {
  const double spread = std::hypot(a.standardError, b.standardError);
  QVERIFY2(std::abs(a.trace - b.trace) <= 4 * spread,
           qPrintable(QString("%1: %2 and %3 ± %4").arg(what).arg(a.trace).arg(b.trace).arg(spread)));
}

}  // namespace

class TestCuda : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() {
    if (!torch::cuda::is_available()) QSKIP("LibTorch finds no CUDA device");
    computeExactly();
  }

  void productsAndEigenvalues_data() {
    QTest::addColumn<QString>("architecture");
    QTest::addColumn<int>("kind");
    for (const char* name : {"mlp", "mlp-1m", "mixer", "cnn", "resnet20", "resnet18"})
      QTest::newRow(name) << name << static_cast<int>(CurvatureKind::Hessian);
    QTest::newRow("cnn, Gauss-Newton") << "cnn" << static_cast<int>(CurvatureKind::GaussNewton);
    QTest::newRow("cnn, Fisher") << "cnn" << static_cast<int>(CurvatureKind::Fisher);
    QTest::newRow("cnn, sampled Fisher") << "cnn" << static_cast<int>(CurvatureKind::SampledFisher);
  }
  void productsAndEigenvalues() {
    QFETCH(QString, architecture);
    QFETCH(int, kind);
    Pair pair(architecture.toStdString(), 24);
    CurvatureOptions options;
    options.kind = static_cast<CurvatureKind>(kind);
    options.batchSize = 16;  // one whole batch and a rest
    CurvatureOperator a(*pair.cpu, pair.here, options), b(*pair.gpu, pair.there, options);
    torch::manual_seed(2);
    const auto v = torch::randn({a.dimension()});
    // ResNet-18 with random weights loses a digit more than the others to rounding.
    QVERIFY2(difference(a.apply(v), b.apply(v)) < 1e-3,
             qPrintable(QString::number(difference(a.apply(v), b.apply(v)))));
    QVERIFY(difference(a.gradient(), b.gradient()) < 1e-4);
    QVERIFY(std::abs(a.loss() - b.loss()) < 1e-5 * std::abs(a.loss()));
    QVERIFY(b.probe().warning.empty());
    LanczosOptions lanczosOptions;
    lanczosOptions.top = 3;
    lanczosOptions.bottom = options.kind == CurvatureKind::Hessian ? 1 : 0;
    lanczosOptions.missTolerance = 1;
    const auto one = lanczos(a, lanczosOptions), other = lanczos(b, lanczosOptions);
    for (std::size_t i = 0; i < one.top.size(); ++i) {
      QVERIFY(one.top[i].converged && other.top[i].converged);
      QVERIFY(std::abs(one.top[i].value - other.top[i].value) <= 1e-3 * std::abs(one.top[i].value));
    }
    for (std::size_t i = 0; i < one.bottom.size(); ++i)
      QVERIFY(std::abs(one.bottom[i].value - other.bottom[i].value) <= 1e-3 * std::abs(one.top[0].value));
  }

  void inDoublePrecision() {
    Pair pair("cnn", 16);
    pair.cpu->to(torch::kCPU, torch::kFloat64);
    pair.gpu->to(kGpu, torch::kFloat64);
    const auto here = pair.here.to(torch::kCPU, torch::kFloat64), there = pair.here.to(kGpu, torch::kFloat64);
    CurvatureOperator a(*pair.cpu, here, {}), b(*pair.gpu, there, {});
    const auto v = torch::randn({a.dimension()}, torch::kFloat64);
    QVERIFY(difference(a.apply(v), b.apply(v)) < 1e-10);
  }

  // In double precision: a ReLU that rounding turns on or off changes a product behind batch statistics by 1e-3.
  void batchStatisticsAndChosenLayers() {
    Pair pair("cnn", 32);
    pair.cpu->to(torch::kCPU, torch::kFloat64);
    pair.gpu->to(kGpu, torch::kFloat64);
    const auto here = pair.here.to(torch::kCPU, torch::kFloat64), there = pair.here.to(kGpu, torch::kFloat64);
    CurvatureOptions options;
    options.batchNorm = BatchNormMode::Training;
    options.layers = {0, 2};
    CurvatureOperator a(*pair.cpu, here, options), b(*pair.gpu, there, options);
    const auto v = torch::randn({a.dimension()}, torch::kFloat64);
    QVERIFY(difference(a.apply(v), b.apply(v)) < 1e-9);
  }

  void centralDifferences() {
    Pair pair("mlp", 32);
    CurvatureOptions options;
    CurvatureOperator exact(*pair.gpu, pair.there, options);
    options.differences = true;
    CurvatureOperator other(*pair.gpu, pair.there, options);
    const auto v = torch::randn({exact.dimension()}).to(kGpu);
    QVERIFY(difference(exact.apply(v), other.apply(v)) < 0.05);
  }

  void tracesAndDensity() {
    Pair pair("resnet20", 32);
    TraceOptions options;
    options.tolerance = 0.1;
    const auto ranges = weightRanges(*pair.cpu);
    QVERIFY(outputTraceObstacle(*pair.gpu, pair.there, {}, ranges).empty());
    const auto a = estimateTracesFromOutputs(*pair.cpu, pair.here, {}, ranges, options);
    const auto b = estimateTracesFromOutputs(*pair.gpu, pair.there, {}, ranges, options);
    compare(a.whole, b.whole, "from the outputs");
    for (std::size_t i = 0; i < ranges.size(); ++i) compare(a.ranges[i], b.ranges[i], "from the outputs, a layer");

    CurvatureOperator op(*pair.gpu, pair.there, {});
    options.maxProbes = 40;
    options.tolerance = 0.2;
    compare(a.whole, estimateTraces(op, ranges, options).whole, "Hutchinson");
    options.deflated = 8;
    const auto deflated = estimateTraces(op, ranges, options);
    QCOMPARE(deflated.deflated, 8);
    compare(a.whole, deflated.whole, "Hutch++");
    // The probes are the same ones, so that the ends of the spectrum are the same.
    CurvatureOperator here(*pair.cpu, pair.here, {});
    const auto d = spectralDensity(here, {2, 12, 0}), e = spectralDensity(op, {2, 12, 0});
    for (std::size_t i = 0; i < 2; ++i) {
      const double largest = d.probes[i].nodes.back();
      QVERIFY(std::abs(largest - e.probes[i].nodes.back()) < 1e-3 * largest);
      QVERIFY(std::abs(d.probes[i].nodes.front() - e.probes[i].nodes.front()) < 1e-3 * largest);
    }
  }

  void powerIterationAgrees() {
    Pair pair("cnn", 32);
    CurvatureOperator here(*pair.cpu, pair.here, {}), there(*pair.gpu, pair.there, {});
    PowerOptions options;
    options.top = 2;
    options.maxIterations = 30;
    const auto a = powerIteration(here, options), b = powerIteration(there, options);
    QCOMPARE(b.pairs.size(), std::size_t{2});
    // The iterations start from the same vector.
    QVERIFY(std::abs(a.path.front().eigenvalue - b.path.front().eigenvalue) < 1e-3 * std::abs(a.pairs[0].value));
    for (std::size_t i = 0; i < 2; ++i)
      QVERIFY(std::abs(a.pairs[i].value - b.pairs[i].value) < 1e-2 * std::abs(a.pairs[0].value));
  }

  void tracesAtLayers() {
    Pair pair("mixer", 16);
    TraceOptions options;
    options.tolerance = 0.1;
    options.maxProbes = 400;
    const auto ranges = weightRanges(*pair.cpu);
    QVERIFY(layerTraceObstacle(*pair.gpu, {}, ranges).empty());
    const auto a = estimateTracesAtLayers(*pair.cpu, pair.here, {}, ranges, options);
    const auto b = estimateTracesAtLayers(*pair.gpu, pair.there, {}, ranges, options);
    compare(a.whole, b.whole, "at the layers");
  }

  /// A tensor takes what is free but for a little: graphs are dropped, batches halved, and the product is the same.
  void memoryThatRunsOut() {
    constexpr std::int64_t many = 16384;
    Pair pair("resnet20", many);
    CurvatureOptions options;
    options.batchSize = many;
    const auto v = torch::randn({pair.gpu->parameters().dimension()}).to(kGpu);
    torch::Tensor expected;
    {
      CurvatureOptions small;
      small.batchSize = 256;
      small.keptGraphs = 0;
      CurvatureOperator op(*pair.gpu, pair.there, small);
      expected = op.apply(v);
    }
    const auto left = std::int64_t{1} << 30;
    const auto free = deviceMemory(kGpu).free;
    if (free < 4 * left) QSKIP("the GPU has little memory free");
    const auto taken = torch::empty({free - left}, torch::TensorOptions(torch::kUInt8).device(kGpu));
    std::vector<std::string> said;
    Context context;
    context.log = [&](const std::string& line) { said.push_back(line); };
    CurvatureOperator op(*pair.gpu, pair.there, options, context);
    const auto product = op.apply(v);
    QVERIFY2(difference(expected, product) < 1e-3, qPrintable(QString::number(difference(expected, product))));
    QVERIFY2(op.batchSize() < many, qPrintable(QString("%1 lines, %2 free").arg(said.size()).arg(free)));
    QVERIFY(!said.empty() && said.back().find("memory ran out") != std::string::npos);
  }

  /// Of what is free a tensor leaves room for less than the basis asked for: it becomes smaller, and the eigenvalues
  /// are the same.
  void basisThatDoesNotFit() {
    Pair pair("resnet18", 24);
    CurvatureOptions small;
    small.batchSize = 8;
    small.keptGraphs = 0;
    CurvatureOperator op(*pair.gpu, pair.there, small);
    LanczosOptions options;
    options.top = 1;
    options.missTolerance = 1;
    const auto expected = lanczos(op, options);
    const auto vector = op.dimension() * 4, free = deviceMemory(kGpu).free;
    options.maxBasis = 4000000000 / vector;
    if (free < 12000000000) QSKIP("the GPU has little memory free");
    const auto taken = torch::empty({free - 3000000000}, torch::TensorOptions(torch::kUInt8).device(kGpu));
    std::vector<std::string> said;
    Context context;
    context.log = [&](const std::string& line) { said.push_back(line); };
    const auto found = lanczos(op, options, context);
    QVERIFY(!said.empty() && said.front().find("Lanczos basis") != std::string::npos);
    QVERIFY(found.top[0].converged);
    QVERIFY(std::abs(found.top[0].value - expected.top[0].value) <= 1e-3 * expected.top[0].value);
  }

  void trainingTakesTheSameSteps() {
    Pair pair("cnn", 256);
    TrainingOptions options;
    options.batchSize = 64;
    options.learningRate = 0.02;
    options.epochs = 1;
    const auto a = Trainer(*pair.cpu, pair.here, options).runEpoch(1, {});
    const auto b = Trainer(*pair.gpu, pair.there, options).runEpoch(1, {});
    QVERIFY(std::abs(a.meanLoss - b.meanLoss) < 1e-3 * a.meanLoss);
    QVERIFY(difference(pair.cpu->parameters().flatten(), pair.gpu->parameters().flatten()) < 1e-2);
  }

  void landscape() {
    Pair pair("resnet20", 64);
    const auto x = randomDirection(*pair.cpu, 1, Normalization::Filter),
               y = randomDirection(*pair.gpu, 1, Normalization::Filter);
    QVERIFY(difference(x, y) < 1e-5);
    const auto lossesOf = [](Model& model, const Examples& examples, const torch::Tensor& direction) {
      std::vector<double> losses;
      evaluateLandscape(model, {{"train", examples}}, direction, axisValues(-0.5, 0.5, 5), 32, {},
                        [&](const LandscapePoint& point) { losses.push_back(point.value.loss); }, {}, {&examples});
      return losses;
    };
    const auto a = lossesOf(*pair.cpu, pair.here, x), b = lossesOf(*pair.gpu, pair.there, y);
    QCOMPARE(a.size(), std::size_t{5});
    for (std::size_t i = 0; i < 5; ++i) QVERIFY(std::abs(a[i] - b[i]) <= 1e-4 * std::abs(a[i]));
  }

  void quantized() {
    Pair pair("cnn", 64);
    const Setting setting(pair.cpu->weightLayers().size(), LayerBits{4, 8});
    const auto a = measured(*pair.cpu, setting, {}, calibrate(*pair.cpu, pair.here, 32), pair.here, 32);
    const auto b = measured(*pair.gpu, setting, {}, calibrate(*pair.gpu, pair.there, 32), pair.there, 32);
    // A number on the edge of two levels may fall to either.
    QVERIFY2(std::abs(a.loss - b.loss) < 1e-2 * a.loss, qPrintable(QString("%1 %2").arg(a.loss).arg(b.loss)));
  }
};

QTEST_GUILESS_MAIN(TestCuda)
#include "tst_cuda.moc"
