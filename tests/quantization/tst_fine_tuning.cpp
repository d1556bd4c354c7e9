// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>

#include "core/quantization/fine_tuning.h"
#include "core/quantization/measure.h"
#include "tests/training/toy.h"

using namespace eigenscape;

namespace {

constexpr InputShape kShape{3, 8, 8, 4};

struct Trained {
  std::unique_ptr<Model> model = makeModel("cnn", kShape, 1);
  Examples train = toy::pictures(256, kShape, 2);

  Trained() {
    TrainingOptions options;
    options.epochs = 3;
    options.batchSize = 32;
    options.learningRate = 0.02;
    options.augment = false;
    Trainer trainer(*model, train, options);
    for (std::int64_t epoch = 1; epoch <= 3; ++epoch) trainer.runEpoch(epoch, {});
  }
};

FineTuningOptions options(std::int64_t epochs) {
  FineTuningOptions options;
  options.training.epochs = epochs;
  options.training.batchSize = 32;
  options.training.learningRate = 0.01;
  options.training.schedule = Schedule::Cosine;
  options.training.augment = false;
  return options;
}

}  // namespace

class TestFineTuning : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void blocksOfAResNet();
  void orderOfBlocks();
  void twoBitsBecomeBetter();
  void blockByBlock();
  void statisticsStay();
  void sameRecipeSameBits();
  void errorsNameTheKey();
};

void TestFineTuning::blocksOfAResNet() {
  const auto model = makeModel("resnet20", kShape, 1);
  std::vector<double> scores(model->weightLayers().size(), 1);
  const auto blocks = blocksInOrder(*model, scores);
  QCOMPARE(blocks.size(), std::size_t(11));  // conv1, nine blocks of two convolutions, linear
  // Equal scores: blocks of two layers have twice as much as one layer; otherwise in the network's order.
  QVERIFY(blocks[0] == std::vector<std::size_t>({1, 2}));
  QVERIFY(blocks[8] == std::vector<std::size_t>({17, 18}));
  QVERIFY(blocks[9] == std::vector<std::size_t>({0}));
  QVERIFY(blocks[10] == std::vector<std::size_t>({19}));
  QVERIFY_EXCEPTION_THROWN(blocksInOrder(*model, {1, 2}), std::invalid_argument);
  // conv1, eight blocks, linear; the convolution on a shortcut goes with its block.
  const auto other = makeModel("resnet18", kShape, 1);
  scores.assign(other->weightLayers().size(), 1);
  const auto wide = blocksInOrder(*other, scores);
  QCOMPARE(wide.size(), std::size_t(10));
  QCOMPARE(wide[0].size(), std::size_t(3));
  QCOMPARE(wide[0].back(), wide[0].front() + 2);
}

void TestFineTuning::orderOfBlocks() {
  const auto model = makeModel("mlp", kShape, 1);
  QVERIFY(blocksInOrder(*model, {1, 3, 2}) == std::vector<std::vector<std::size_t>>({{1}, {2}, {0}}));
  QVERIFY(blocksInOrder(*model, {1, std::nan(""), 2}) == std::vector<std::vector<std::size_t>>({{2}, {0}, {1}}));
}

/// The quantized network's own loss falls far; what comes out is floating point and better when it is quantized.
void TestFineTuning::twoBitsBecomeBetter() {
  Trained trained;
  auto& model = *trained.model;
  const Setting two(model.weightLayers().size(), LayerBits{2, 4});
  const auto calibration = calibrate(model, trained.train, 64);
  const auto before = measured(model, two, {}, calibration, trained.train, 64);
  std::vector<FineTuningPoint> points;
  std::vector<double> losses;
  fineTune(model, two, {}, calibration, trained.train, options(4), [&](const FineTuningPoint& point) {
    points.push_back(point);
    losses.push_back(evaluate(model, trained.train, 64).loss);
  });
  const auto after = measured(model, two, {}, calibration, trained.train, 64);
  QVERIFY2(after.loss < 0.5 * before.loss, qPrintable(QString("%1, before %2").arg(after.loss).arg(before.loss)));
  // Floating point, then quantized at the first step, then four epochs of eight steps.
  QCOMPARE(points.size(), std::size_t(6));
  QVERIFY(points[0].stage == 0 && points[0].iteration == 0);
  QVERIFY(points[1].stage == 1 && points[1].iteration == 0 && points[1].epoch == 0);
  QVERIFY(points[5].stage == 1 && points[5].iteration == 32 && points[5].epoch == 4);
  QVERIFY(losses[0] < losses[1]);
  QVERIFY(std::abs(losses[1] - before.loss) < 1e-6);
  QVERIFY(std::abs(losses[5] - after.loss) < 1e-6);
  QVERIFY(points[1].learningRate > points[5].learningRate);
}

/// Blocks come at even distances over the first half of the steps, in the given order.
void TestFineTuning::blockByBlock() {
  Trained trained;
  auto& model = *trained.model;
  const Setting three(5, LayerBits{3, 0});
  auto blocks = options(4);
  blocks.blocks = {{4}, {2}, {0}, {3}, {1}};
  std::vector<FineTuningPoint> points;
  std::vector<double> losses;
  fineTune(model, three, {}, {}, trained.train, blocks, [&](const FineTuningPoint& point) {
    points.push_back(point);
    losses.push_back(evaluate(model, trained.train, 64).loss);
    if (point.iteration > 0 || point.stage > 1) return;
    // At the beginning the last layer alone.
    Setting first(5);
    if (point.stage == 1) first[4] = {3, 0};
    const auto other = makeModel("cnn", kShape, 1);
    other->loadStateDict(model.stateDict(), "copy");
    QVERIFY(std::abs(losses.back() - measured(*other, first, {}, {}, trained.train, 64).loss) < 1e-6);
  });
  std::vector<std::int64_t> starts;
  for (std::size_t i = 1; i < points.size(); ++i) {
    if (points[i].stage > points[i - 1].stage) starts.push_back(points[i].iteration);
  }
  QVERIFY(starts == std::vector<std::int64_t>({0, 3, 6, 9, 12}));  // of 32 steps
  QCOMPARE(points.back().stage, 5);
  QVERIFY(std::abs(losses.back() - measured(model, three, {}, {}, trained.train, 64).loss) < 1e-6);
}

void TestFineTuning::statisticsStay() {
  Trained trained;
  const auto before = toy::copied(trained.model->namedBuffers());
  const auto weights = toy::copied(trained.model->namedParameters());
  fineTune(*trained.model, Setting(5, LayerBits{4, 0}), {}, {}, trained.train, options(1), {});
  QVERIFY(toy::identical(before, trained.model->namedBuffers()));
  QVERIFY(!trained.model->isTraining());
  // Kernels, γ and β alike are trained.
  const auto after = trained.model->namedParameters();
  for (std::size_t i = 0; i < after.size(); ++i) {
    QVERIFY2(!torch::equal(after[i].second, weights[i].second), after[i].first.c_str());
  }
}

void TestFineTuning::sameRecipeSameBits() {
  Trained a, b;
  for (auto* one : {&a, &b}) fineTune(*one->model, Setting(5, LayerBits{2, 0}), {}, {}, one->train, options(2), {});
  QVERIFY(toy::identical(a.model->stateDict(), b.model->stateDict()));
}

void TestFineTuning::errorsNameTheKey() {
  Trained trained;
  auto wild = options(3);
  wild.training.learningRate = 1e9;
  wild.training.learningRateKey = "quantization.finetune_learning_rate";
  try {
    fineTune(*trained.model, Setting(5, LayerBits{4, 0}), {}, {}, trained.train, wild, {});
    QFAIL("a learning rate of 1e9 went unnoticed");
  } catch (const RunError& error) {
    QVERIFY(std::string(error.what()).find("lower quantization.finetune_learning_rate") != std::string::npos);
  }
}

QTEST_APPLESS_MAIN(TestFineTuning)
#include "tst_fine_tuning.moc"
