// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>

#include "core/training/augmentation.h"
#include "core/training/trainer.h"
#include "tests/training/toy.h"

using namespace eigenscape;

namespace {

constexpr InputShape kShape{3, 8, 8, 4};

/// What LibTorch's own optimizer makes of the same batches.
template <class Reference>
void trainWith(Reference& reference, Model& model, const Examples& train, const TrainingOptions& options) {
  model.setTraining(true);
  for (std::int64_t epoch = 1; epoch <= options.epochs; ++epoch) {
    const EpochBatches batches(train, options, epoch);
    for (std::int64_t i = 0; i < batches.count(); ++i) {
      const auto batch = batches.batch(i);
      reference.zero_grad();
      torch::nn::functional::cross_entropy(model.forward(batch.inputs), batch.targets).backward();
      reference.step();
    }
  }
  model.setTraining(false);
}

TrainingOptions base() {
  TrainingOptions options;
  options.epochs = 4;
  options.batchSize = 8;
  options.schedule = Schedule::Constant;
  options.learningRate = 0.05;
  options.seed = 3;
  return options;
}

}  // namespace

class TestOptimizers : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void equalsLibTorch_data();
  void equalsLibTorch();
  void firstStepByHand();
  void schedules();
};

void TestOptimizers::equalsLibTorch_data() {
  QTest::addColumn<QString>("architecture");
  QTest::addColumn<bool>("adam");
  QTest::addColumn<double>("momentum");
  QTest::addColumn<bool>("nesterov");
  QTest::addColumn<double>("weightDecay");
  QTest::newRow("plain SGD") << "mlp" << false << 0.0 << false << 0.0;
  QTest::newRow("decay") << "mlp" << false << 0.0 << false << 0.01;
  QTest::newRow("momentum") << "mlp" << false << 0.9 << false << 0.0;
  QTest::newRow("momentum and decay, BatchNorm") << "cnn" << false << 0.9 << false << 0.01;
  QTest::newRow("Nesterov") << "mlp" << false << 0.9 << true << 0.01;
  QTest::newRow("Adam") << "mlp" << true << 0.9 << false << 0.0;
  QTest::newRow("Adam, other beta, decay, BatchNorm") << "cnn" << true << 0.7 << false << 0.01;
}

void TestOptimizers::equalsLibTorch() {
  QFETCH(QString, architecture);
  QFETCH(bool, adam);
  QFETCH(double, momentum);
  QFETCH(bool, nesterov);
  QFETCH(double, weightDecay);
  auto options = base();
  options.momentum = momentum;
  options.nesterov = nesterov;
  options.weightDecay = weightDecay;
  if (adam) {
    options.optimizer = Optimizer::Adam;
    options.learningRate = 0.003;
  }
  const auto train = toy::pictures(40, kShape, 1);  // 5 batches: 20 steps
  const auto ours = makeModel(architecture.toStdString(), kShape, 7);
  const auto theirs = makeModel(architecture.toStdString(), kShape, 7);
  const auto start = ours->parameters().flatten();

  Trainer trainer(*ours, train, options);
  std::int64_t steps = 0;
  for (std::int64_t epoch = 1; epoch <= options.epochs; ++epoch) steps += trainer.runEpoch(epoch, {}).iterations;
  QCOMPARE(steps, 20);

  if (adam) {
    torch::optim::Adam reference(
        theirs->parameters().tensors(),
        torch::optim::AdamOptions(options.learningRate).betas({momentum, 0.999}).weight_decay(weightDecay));
    trainWith(reference, *theirs, train, options);
  } else {
    torch::optim::SGD reference(
        theirs->parameters().tensors(),
        torch::optim::SGDOptions(options.learningRate).momentum(momentum).nesterov(nesterov).weight_decay(weightDecay));
    trainWith(reference, *theirs, train, options);
  }
  const auto result = ours->parameters().flatten();
  QVERIFY((result - start).abs().max().item<double>() > 0.01);
  const auto difference = (result - theirs->parameters().flatten()).abs().max().item<double>();
  QVERIFY2(difference <= 1e-6, qPrintable(QString::number(difference)));
}

/// θ₁ = θ₀ − η(g + δθ₀): the momentum buffer starts with the whole first gradient.
void TestOptimizers::firstStepByHand() {
  auto options = base();
  options.batchSize = 40;
  options.weightDecay = 0.5;
  options.augment = false;
  const auto train = toy::pictures(40, kShape, 1);
  const auto model = makeModel("linear", kShape, 7);
  model->to(torch::kCPU, torch::kFloat64);
  const auto data = train.to(torch::kCPU, torch::kFloat64);

  // Softmax regression: ∂L/∂W = (P − Y)ᵀX / N, ∂L/∂b = column means of P − Y.
  const auto x = data.inputs.flatten(1);
  const auto weight = model->parameters().tensors()[0].detach().clone();
  const auto bias = model->parameters().tensors()[1].detach().clone();
  const auto error = torch::softmax(x.mm(weight.t()) + bias, 1) - torch::one_hot(data.targets, 4);
  const auto expectedWeight = weight - 0.05 * (error.t().mm(x) / 40 + 0.5 * weight);
  const auto expectedBias = bias - 0.05 * (error.mean(0) + 0.5 * bias);

  Trainer trainer(*model, data, options);
  trainer.runEpoch(1, {});
  QVERIFY(torch::allclose(model->parameters().tensors()[0], expectedWeight, 1e-12, 1e-14));
  QVERIFY(torch::allclose(model->parameters().tensors()[1], expectedBias, 1e-12, 1e-14));
}

void TestOptimizers::schedules() {
  TrainingOptions options;
  options.learningRate = 0.4;
  const auto rates = [&](Schedule schedule, std::int64_t epochs) {
    options.schedule = schedule;
    options.epochs = epochs;
    std::vector<double> list;
    for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) list.push_back(learningRateAt(options, epoch));
    return list;
  };
  const double a = 0.4, b = 0.4 / 10, c = 0.4 / 100;
  QCOMPARE(rates(Schedule::Constant, 3), (std::vector<double>{a, a, a}));
  QCOMPARE(rates(Schedule::Step, 1), (std::vector<double>{a}));
  QCOMPARE(rates(Schedule::Step, 4), (std::vector<double>{a, a, b, c}));
  QCOMPARE(rates(Schedule::Step, 5), (std::vector<double>{a, a, a, b, c}));
  QCOMPARE(rates(Schedule::Step, 8), (std::vector<double>{a, a, a, a, b, b, c, c}));
  const auto cosine = rates(Schedule::Cosine, 4);
  const double root = std::sqrt(0.5);
  const std::vector<double> expected{0.4, 0.2 * (1 + root), 0.2, 0.2 * (1 - root)};
  for (std::size_t i = 0; i < 4; ++i) QVERIFY(std::abs(cosine[i] - expected[i]) < 1e-15);
}

QTEST_APPLESS_MAIN(TestOptimizers)
#include "tst_optimizers.moc"
