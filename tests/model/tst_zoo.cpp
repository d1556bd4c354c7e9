// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <map>

#include "core/model/model.h"
#include "core/model/objective.h"
#include "core/results/error.h"

using namespace eigenscape;

class TestZoo : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void everyArchitectureRuns() {
    for (const auto& info : architectures()) {
      auto model = makeModel(info.name, {3, 32, 32, 7}, 0);
      const auto logits = model->forward(torch::randn({2, 3, 32, 32}));
      QCOMPARE(logits.sizes().vec(), (std::vector<std::int64_t>{2, 7}));
      QVERIFY(!info.help.empty());
      QVERIFY(!model->weightLayers().empty());
    }
  }

  // Parameter counts of He et al., table 6 (0.27, 0.46, 0.85 million), to the unit as option A gives them.
  void resNetsHaveTheirPublishedSizes_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<int>("parameters");
    QTest::newRow("20") << "resnet20" << 269722;
    QTest::newRow("32") << "resnet32" << 464154;
    QTest::newRow("56") << "resnet56" << 853018;
    // With 10 classes, as of kuangliu/pytorch-cifar's ResNet18: 11.17 million.
    QTest::newRow("18") << "resnet18" << 11173962;
  }
  void resNetsHaveTheirPublishedSizes() {
    QFETCH(QString, name);
    QFETCH(int, parameters);
    QCOMPARE(makeModel(name.toStdString(), {}, 0)->parameters().dimension(), parameters);
  }

  void macsAreCounted() {
    const auto model = makeModel("resnet20", {}, 0);
    std::map<std::string, std::int64_t> macs;
    std::int64_t total = 0;
    for (const auto& layer : model->weightLayers()) total += macs[layer.name] = layer.macs;
    QCOMPARE(macs["conv1"], 3 * 16 * 9 * 1024);
    QCOMPARE(macs["layer2.0.conv1"], 16 * 32 * 9 * 256);
    QCOMPARE(macs["linear"], 640);
    QCOMPARE(total, 40551040);  // 40.6 million, as ptflops and others count
  }

  void theSeedDecidesTheWeights() {
    const auto a = makeModel("cnn", {}, 5), b = makeModel("cnn", {}, 5), c = makeModel("cnn", {}, 6);
    QVERIFY(a->parameters().flatten().equal(b->parameters().flatten()));
    QVERIFY(!a->parameters().flatten().equal(c->parameters().flatten()));
  }

  // The folded evaluation path against PyTorch's own layers, with statistics that are not trivial.
  void foldedBatchNormEqualsTheLibrarys() {
    auto model = makeModel("cnn", {3, 16, 16, 10}, 2);
    model->to(torch::kCPU, torch::kFloat64);
    torch::manual_seed(1);
    model->setTraining(true);
    for (int i = 0; i < 3; ++i) model->forward(torch::randn({32, 3, 16, 16}, torch::kFloat64) * 2 + 1);
    model->setTraining(false);
    const auto list = model->stateDict();
    std::map<std::string, torch::Tensor> s(list.begin(), list.end());
    torch::NoGradGuard noGrad;
    const auto x = torch::randn({5, 3, 16, 16}, torch::kFloat64);
    auto y = x;
    for (const std::string n : {"1", "2", "3", "4"}) {
      y = torch::conv2d(y, s["conv" + n + ".weight"], {}, n == "2" || n == "4" ? 2 : 1, 1);
      y = torch::batch_norm(y, s["bn" + n + ".weight"], s["bn" + n + ".bias"], s["bn" + n + ".running_mean"],
                            s["bn" + n + ".running_var"], false, 0.1, 1e-5, false);
      y = torch::relu(y);
    }
    y = torch::linear(y.mean({2, 3}), s["linear.weight"], s["linear.bias"]);
    QVERIFY(torch::allclose(model->forward(x), y, 1e-10, 1e-12));
    QVERIFY(!torch::allclose(s["bn1.running_mean"], torch::zeros({16}, torch::kFloat64)));
    QCOMPARE(s["bn1.num_batches_tracked"].item<std::int64_t>(), 3);
  }

  void stateDictRoundTrip() {
    const auto a = makeModel("resnet20", {}, 1);
    auto b = makeModel("resnet20", {}, 2);
    auto state = a->stateDict();
    QCOMPARE(state.front().first, std::string("conv1.weight"));
    QCOMPARE(state[1].first, std::string("bn1.weight"));
    QCOMPARE(state[3].first, std::string("bn1.running_mean"));
    // Weights from before PyTorch 0.4.1 lack the counters.
    std::erase_if(state, [](const auto& item) { return item.first.ends_with("num_batches_tracked"); });
    QCOMPARE(state.size(), std::size_t{97});
    b->loadStateDict(state, "memory");
    QVERIFY(a->parameters().flatten().equal(b->parameters().flatten()));
  }

  void aForeignStateDictIsRefusedWhole() {
    auto model = makeModel("resnet20", {}, 1);
    const auto before = model->parameters().flatten();
    const auto refused = [&](NamedTensors state, const std::string& expected) {
      try {
        model->loadStateDict(state, "weights.pt");
      } catch (const RunError& error) {
        const std::string text = error.what();
        return text.find("weights.pt") != std::string::npos && text.find(expected) != std::string::npos &&
               text.find('\n') == std::string::npos;
      }
      return false;
    };
    QVERIFY(refused(makeModel("resnet56", {}, 0)->stateDict(), "unexpected tensor"));
    QVERIFY(refused(makeModel("mlp", {}, 0)->stateDict(), "no tensor"));
    QVERIFY(refused(makeModel("resnet20", {3, 32, 32, 100}, 0)->stateDict(), "linear.weight has shape [100, 64]"));
    QVERIFY(model->parameters().flatten().equal(before));
  }

  void anUnknownArchitectureNamesTheChoices() {
    try {
      makeModel("resnet19", {}, 0);
      QFAIL("no exception");
    } catch (const RecipeError& error) {
      QVERIFY(QString(error.what()).contains("resnet20"));
    }
  }

  void evaluationDoesNotDependOnTheBatch() {
    auto model = makeModel("cnn", {1, 12, 12, 4}, 3);
    torch::manual_seed(0);
    const Examples examples{torch::randn({37, 1, 12, 12}), torch::randint(0, 4, {37}, torch::kInt64), {}};
    const auto whole = evaluate(*model, examples, 37), pieces = evaluate(*model, examples, 5);
    QVERIFY(std::abs(whole.loss - pieces.loss) < 1e-6);
    QCOMPARE(whole.accuracy, pieces.accuracy);
    QVERIFY(evaluate(*model, examples, 5).loss == pieces.loss);
    const auto logits = model->forward(examples.inputs);
    QVERIFY(std::abs(torch::nn::functional::cross_entropy(logits, examples.targets).item<double>() - whole.loss) <
            1e-5);
  }
};

QTEST_GUILESS_MAIN(TestZoo)
#include "tst_zoo.moc"
