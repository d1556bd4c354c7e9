// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <limits>

#include "core/model/objective.h"
#include "core/results/error.h"
#include "core/training/trainer.h"
#include "tests/training/toy.h"

using namespace eigenscape;

namespace {

constexpr InputShape kShape{3, 8, 8, 4};

TrainingOptions options() {
  TrainingOptions result;
  result.epochs = 4;
  result.batchSize = 16;
  result.learningRate = 0.05;
  result.seed = 11;
  return result;
}

void runEpochs(Trainer& trainer, std::int64_t first, std::int64_t last) {
  for (auto epoch = first; epoch <= last; ++epoch) trainer.runEpoch(epoch, {});
}

template <class Call>
std::string runErrorOf(Call&& call) {
  try {
    call();
  } catch (const RunError& error) {
    return error.what();
  }
  return {};
}

bool allFinite(const NamedTensors& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (!torch::isfinite(tensor).all().item<bool>()) return false;
  }
  return true;
}

/// One linear layer, and a weight that the logits do not depend on.
class WithIdleWeight : public Model {
 public:
  WithIdleWeight() {
    weight_ = torch::full({3, 2}, 0.1).requires_grad_();
    idle_ = torch::full({5}, 0.25).requires_grad_();
    rebuildSpace();
  }
  std::string architecture() const override { return "with-idle-weight"; }
  torch::Tensor forward(const torch::Tensor& inputs) override { return torch::linear(inputs, weight_); }
  void setTraining(bool on) override { training_ = on; }
  bool isTraining() const override { return training_; }
  NamedTensors namedParameters() const override { return {{"a.idle", idle_}, {"b.weight", weight_}}; }
  NamedTensors namedBuffers() const override { return {}; }
  void to(torch::Device, torch::ScalarType) override {}

 private:
  torch::Tensor weight_, idle_;
  bool training_ = false;
};

}  // namespace

class TestTrainer : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void learns();
  void sameRecipeSameBits();
  void resumedEqualsUninterrupted_data();
  void resumedEqualsUninterrupted();
  void foreignOptimizerStateIsRefused();
  void stopsWithinABatch();
  void divergenceIsAnError();
  void brokenDataIsAnError();
  void singleExampleLeftOver();
  void idleParametersStay();
};

void TestTrainer::learns() {
  const auto train = toy::pictures(120, kShape, 1);
  const auto model = makeModel("cnn", kShape, 2);
  const auto before = evaluate(*model, train, 64);
  auto plain = options();
  plain.augment = false;  // the classes are single pictures, which shifts and mirrors would blur
  Trainer trainer(*model, train, plain);
  const auto first = trainer.runEpoch(1, {});
  runEpochs(trainer, 2, 3);
  const auto last = trainer.runEpoch(4, {});
  const auto after = evaluate(*model, train, 64);
  QVERIFY(after.loss < before.loss / 2);
  QVERIFY(after.accuracy > 0.9);
  QVERIFY(last.meanLoss < first.meanLoss / 2);
  QCOMPARE(first.iterations, 8);
  QCOMPARE(first.learningRate, 0.05);
  QCOMPARE(last.learningRate, 0.05 / 100);
  QVERIFY(!model->isTraining());
}

void TestTrainer::sameRecipeSameBits() {
  const auto train = toy::pictures(70, kShape, 1);
  const auto a = makeModel("cnn", kShape, 2), b = makeModel("cnn", kShape, 2);
  Trainer trainerA(*a, train, options()), trainerB(*b, train, options());
  runEpochs(trainerA, 1, 2);
  torch::manual_seed(99);  // whatever others do to the global generator
  runEpochs(trainerB, 1, 2);
  QVERIFY(toy::identical(a->stateDict(), b->stateDict()));
  auto otherSeed = options();
  otherSeed.seed = 12;
  const auto c = makeModel("cnn", kShape, 2);
  Trainer trainerC(*c, train, otherSeed);
  runEpochs(trainerC, 1, 2);
  QVERIFY(!toy::identical(a->stateDict(), c->stateDict()));
}

void TestTrainer::resumedEqualsUninterrupted_data() {
  QTest::addColumn<bool>("adam");
  QTest::addColumn<double>("momentum");
  QTest::newRow("momentum") << false << 0.9;
  QTest::newRow("plain") << false << 0.0;
  QTest::newRow("Adam") << true << 0.9;
}

void TestTrainer::resumedEqualsUninterrupted() {
  QFETCH(bool, adam);
  QFETCH(double, momentum);
  auto recipe = options();
  recipe.momentum = momentum;
  if (adam) recipe.optimizer = Optimizer::Adam;
  const auto train = toy::pictures(70, kShape, 1);
  const auto whole = makeModel("cnn", kShape, 2);
  Trainer uninterrupted(*whole, train, recipe);
  runEpochs(uninterrupted, 1, 2);
  const auto model = toy::copied(whole->stateDict());
  const auto optimizer = uninterrupted.optimizerState();
  const auto kept = toy::copied(optimizer);
  runEpochs(uninterrupted, 3, 4);
  QVERIFY(toy::identical(optimizer, kept));  // a state is a copy

  const auto resumed = makeModel("cnn", kShape, 77);
  Trainer second(*resumed, train, recipe);
  resumed->loadStateDict(model, "test");
  second.loadOptimizerState(optimizer);
  runEpochs(second, 3, 4);
  QVERIFY(toy::identical(whole->stateDict(), resumed->stateDict()));
  QVERIFY(toy::identical(uninterrupted.optimizerState(), second.optimizerState()));

  if (momentum == 0) {
    QVERIFY(optimizer.empty());
    return;
  }
  const auto forgetful = makeModel("cnn", kShape, 77);
  Trainer third(*forgetful, train, recipe);
  forgetful->loadStateDict(model, "test");
  runEpochs(third, 3, 4);
  QVERIFY(!toy::identical(whole->stateDict(), forgetful->stateDict()));
}

void TestTrainer::foreignOptimizerStateIsRefused() {
  const auto train = toy::pictures(16, kShape, 1);
  const auto model = makeModel("mlp", kShape, 2);
  Trainer sgd(*model, train, options());
  sgd.runEpoch(1, {});
  auto recipe = options();
  recipe.optimizer = Optimizer::Adam;
  Trainer adam(*model, train, recipe);
  QVERIFY(runErrorOf([&] { adam.loadOptimizerState(sgd.optimizerState()); }).find("mean.fc1.weight") !=
          std::string::npos);
  const auto before = toy::copied(sgd.optimizerState());
  auto misshapen = toy::copied(before);
  for (auto& [name, tensor] : misshapen) tensor.zero_();
  misshapen.back().second = torch::zeros({1});
  QVERIFY(!runErrorOf([&] { sgd.loadOptimizerState(misshapen); }).empty());
  QVERIFY(toy::identical(sgd.optimizerState(), before));
}

void TestTrainer::stopsWithinABatch() {
  const auto train = toy::pictures(160, kShape, 1);
  const auto model = makeModel("mlp", kShape, 2);
  Trainer trainer(*model, train, options());
  std::stop_source source;
  std::vector<double> shares;
  Context context;
  context.stop = source.get_token();
  context.progress = [&](double share) {
    shares.push_back(share);
    if (shares.size() == 3) source.request_stop();
  };
  QVERIFY_EXCEPTION_THROWN(trainer.runEpoch(1, context), Stopped);
  QCOMPARE(shares, (std::vector<double>{0.1, 0.2, 0.3}));
  QVERIFY(!model->isTraining());
}

void TestTrainer::divergenceIsAnError() {
  const auto train = toy::pictures(64, kShape, 1);
  const auto model = makeModel("mlp", kShape, 2);
  auto wild = options();
  wild.learningRate = 1e30;
  Trainer trainer(*model, train, wild);
  const auto message = runErrorOf([&] { trainer.runEpoch(1, {}); });
  QVERIFY2(message.find("epoch 1, iteration ") != std::string::npos, message.c_str());
  QVERIFY2(message.find("lower training.learning_rate (now 1e+30)") != std::string::npos, message.c_str());
  QVERIFY(message.find('\n') == std::string::npos);
  QVERIFY(!model->isTraining());
}

void TestTrainer::brokenDataIsAnError() {
  auto train = toy::pictures(16, kShape, 1);
  train.inputs[3].fill_(std::numeric_limits<float>::quiet_NaN());
  const auto model = makeModel("mlp", kShape, 2);
  const auto before = toy::copied(model->stateDict());
  Trainer trainer(*model, train, options());
  const auto message = runErrorOf([&] { trainer.runEpoch(1, {}); });
  QVERIFY2(message.find("nan in epoch 1, iteration 1; ") != std::string::npos, message.c_str());
  QVERIFY2(message.find("check the data") != std::string::npos, message.c_str());
  QVERIFY(toy::identical(model->stateDict(), before));
}

/// The cnn makes one pixel of a 4×4 image: BatchNorm over one such example has no variance.
void TestTrainer::singleExampleLeftOver() {
  const InputShape tiny{1, 4, 4, 3};
  const auto train = toy::pictures(17, tiny, 1);
  const auto model = makeModel("cnn", tiny, 2);
  Trainer trainer(*model, train, options());
  QCOMPARE(trainer.runEpoch(1, {}).iterations, 1);
  QVERIFY(allFinite(model->stateDict()));
}

void TestTrainer::idleParametersStay() {
  const Examples train{torch::randn({12, 2}, at::make_generator<at::CPUGeneratorImpl>(std::uint64_t{1})),
                       torch::arange(12, torch::kInt64).remainder(3),
                       {}};
  for (const auto optimizer : {Optimizer::Sgd, Optimizer::Adam}) {
    WithIdleWeight model;
    auto recipe = options();
    recipe.optimizer = optimizer;
    Trainer trainer(model, train, recipe);
    trainer.runEpoch(1, {});
    QVERIFY(torch::equal(model.parameters().tensors()[0], torch::full({5}, 0.25)));
    QVERIFY(!torch::allclose(model.parameters().tensors()[1], torch::full({3, 2}, 0.1)));
  }
}

QTEST_APPLESS_MAIN(TestTrainer)
#include "tst_trainer.moc"
