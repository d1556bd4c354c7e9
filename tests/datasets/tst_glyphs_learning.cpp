// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <algorithm>
#include <cmath>

#include "datasets/dataset.h"

using namespace eigenscape;
namespace nn = torch::nn;

namespace {

constexpr double kPi = 3.14159265358979323846;

double accuracy(nn::Sequential& net, const Examples& examples) {
  torch::NoGradGuard guard;
  net->eval();
  const auto right = net->forward(examples.inputs).argmax(1).eq(examples.targets);
  net->train();
  return right.to(torch::kFloat64).mean().item<double>();
}

/// Momentum SGD with a cosine schedule, in a loop of its own: the program's trainer is not what is tested here.
void train(nn::Sequential& net, const Examples& examples, int epochs, double rate) {
  constexpr std::int64_t kBatch = 64;
  torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(rate).momentum(0.9).weight_decay(5e-4));
  const auto batches = (examples.size() + kBatch - 1) / kBatch;
  torch::Tensor order;
  for (std::int64_t step = 0; step < epochs * batches; ++step) {
    if (step % batches == 0) order = torch::randperm(examples.size());
    const double share = static_cast<double>(step) / static_cast<double>(epochs * batches);
    static_cast<torch::optim::SGDOptions&>(optimizer.param_groups()[0].options())
        .lr(rate * (1 + std::cos(kPi * share)) / 2);
    const auto at = step % batches * kBatch;
    const auto picked = order.narrow(0, at, std::min(kBatch, examples.size() - at));
    optimizer.zero_grad();
    nn::functional::cross_entropy(net->forward(examples.inputs.index({picked})), examples.targets.index({picked}))
        .backward();
    optimizer.step();
  }
}

void addConvolution(nn::Sequential& net, std::int64_t in, std::int64_t out, std::int64_t stride) {
  net->push_back(nn::Conv2d(nn::Conv2dOptions(in, out, 3).stride(stride).padding(1).bias(false)));
  net->push_back(nn::BatchNorm2d(out));
  net->push_back(nn::ReLU());
}

}  // namespace

// The built-in set must tell models apart: out of reach for a linear one, within reach of a small network in ten
// epochs.
class TestGlyphsLearning : public QObject {
  Q_OBJECT

  Dataset set_;
  Examples train_, test_;

 private Q_SLOTS:
  void initTestCase() {
    torch::manual_seed(0);
    torch::set_num_threads(1);  // batches this small gain nothing from more, and wait for each other on a busy machine
    DatasetRequest request;
    request.name = "glyphs";
    set_ = loadDataset(request);
    train_ = normalized(set_.train, set_), test_ = normalized(set_.test, set_);
  }

  void isTooHardForALinearModel() {
    nn::Sequential net(nn::Flatten(), nn::Linear(256, 10));
    train(net, train_, 15, 0.01);
    const double reached = accuracy(net, test_);
    qInfo("softmax regression: %.1f %% of the test images", 100 * reached);
    QVERIFY(reached > 0.6);
    QVERIFY(reached < 0.9);
  }

  void isEasyForASmallNetwork() {
    nn::Sequential net;
    addConvolution(net, 1, 16, 1);
    addConvolution(net, 16, 32, 2);
    addConvolution(net, 32, 32, 2);
    net->push_back(nn::Flatten());
    net->push_back(nn::Linear(32 * 4 * 4, 10));
    train(net, train_, 8, 0.05);
    const double reached = accuracy(net, test_);
    qInfo("three convolutions, 8 epochs: %.1f %% of the test images", 100 * reached);
    QVERIFY(reached > 0.97);
  }
};

QTEST_APPLESS_MAIN(TestGlyphsLearning)
#include "tst_glyphs_learning.moc"
