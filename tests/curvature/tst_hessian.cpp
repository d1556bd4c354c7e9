// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <numeric>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/lanczos.h"
#include "core/model/objective.h"
#include "tests/support/oracles.h"

using namespace eigenscape;

class TestHessian : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  // Softmax regression: mean of (diag p − ppᵀ) ⊗ xxᵀ, the bias as a feature that is always 1.
  void softmaxRegression() {
    auto model = makeModel("linear", {1, 2, 3, 3}, 4);
    model->to(torch::kCPU, torch::kFloat64);
    const auto examples = oracles::randomExamples({20, 1, 2, 3}, 3, 5);
    CurvatureOperator hessian(*model, examples, {});
    const auto ours = oracles::dense(hessian);

    torch::NoGradGuard noGrad;
    const auto x = examples.inputs.flatten(1);
    const auto p = torch::softmax(model->forward(examples.inputs), 1);
    Eigen::MatrixXd expected = Eigen::MatrixXd::Zero(21, 21);
    const auto xs = oracles::toEigen(x), ps = oracles::toEigen(p);
    const auto place = [](int c, int f) { return f < 6 ? 6 * c + f : 18 + c; };  // weight row-major, then the bias
    for (int n = 0; n < 20; ++n) {
      for (int c = 0; c < 3; ++c) {
        for (int d = 0; d < 3; ++d) {
          const double s = ((c == d ? ps(n, c) : 0) - ps(n, c) * ps(n, d)) / 20;
          for (int f = 0; f < 7; ++f) {
            for (int g = 0; g < 7; ++g) {
              expected(place(c, f), place(d, g)) += s * (f < 6 ? xs(n, f) : 1) * (g < 6 ? xs(n, g) : 1);
            }
          }
        }
      }
    }
    QVERIFY((ours - expected).norm() < 1e-12 * 21);
  }

  // Logistic regression: (1/N) Xᵀ diag(σ(1−σ)) X.
  void logisticRegression() {
    torch::manual_seed(6);
    oracles::TinyModel model({{"w", torch::randn({5}, torch::kFloat64)}},
                             [](const std::vector<torch::Tensor>& p, const torch::Tensor& x) { return x.mv(p[0]); });
    const auto examples = oracles::randomExamples({30, 5}, 2, 7);
    CurvatureOptions options;
    options.loss = [](const torch::Tensor& z, const torch::Tensor& y) {
      return torch::binary_cross_entropy_with_logits(z, y.to(torch::kFloat64), {}, {}, at::Reduction::Sum);
    };
    CurvatureOperator hessian(model, examples, options);
    const auto ours = oracles::dense(hessian);
    const auto s = torch::sigmoid(model.forward(examples.inputs)).detach();
    const auto expected = examples.inputs.t().mm(torch::diag(s * (1 - s))).mm(examples.inputs) / 30;
    QVERIFY((ours - oracles::toEigen(expected)).norm() < 1e-12);
  }

  // Least squares: (2/N) XᵀX, and its eigenvalues through Lanczos.
  void leastSquares() {
    torch::manual_seed(8);
    oracles::TinyModel model({{"w", torch::randn({6}, torch::kFloat64)}},
                             [](const std::vector<torch::Tensor>& p, const torch::Tensor& x) { return x.mv(p[0]); });
    auto examples = oracles::randomExamples({40, 6}, 2, 9);
    CurvatureOptions options;
    options.loss = [](const torch::Tensor& z, const torch::Tensor& y) { return (z - y).pow(2).sum(); };
    options.batchSize = 7;
    CurvatureOperator hessian(model, examples, options);
    const auto expected = oracles::toEigen(2.0 / 40 * examples.inputs.t().mm(examples.inputs));
    QVERIFY((oracles::dense(hessian) - expected).norm() < 1e-12);
    LanczosOptions all;
    all.top = 6;
    const auto pairs = lanczos(hessian, all);
    const auto values = oracles::eigenvalues(expected);
    for (int i = 0; i < 6; ++i) QVERIFY(std::abs(pairs.top[static_cast<std::size_t>(i)].value - values[5 - i]) < 1e-10);
  }

  // Against central differences of first derivatives, which share no code with double backward. The convolutional
  // network has BatchNorm statistics that are not trivial.
  void smallNetworksAgainstDifferences_data() {
    QTest::addColumn<bool>("convolutional");
    QTest::newRow("fully connected") << false;
    QTest::newRow("convolutional") << true;
  }
  void smallNetworksAgainstDifferences() {
    QFETCH(bool, convolutional);
    std::unique_ptr<Model> model;
    Examples examples;
    if (convolutional) {
      model = trainedCnn();
      examples = oracles::randomExamples({6, 1, 6, 6}, 3, 11);
    } else {
      model = oracles::tanhNetwork(4, 5, 3, 10);
      examples = oracles::randomExamples({12, 4}, 3, 11);
    }
    torch::manual_seed(12);
    const auto theta = model->parameters().flatten();
    for (int trial = 0; trial < 3; ++trial) {
      CurvatureOperator hessian(*model, examples, {});  // it holds for the parameters at its construction
      const auto v = torch::randn({hessian.dimension()}, torch::kFloat64);
      const auto ours = hessian.apply(v);
      const double h = 1e-6;
      const auto gradientAt = [&](double step) {
        model->parameters().assign(theta + step * v);
        const auto loss = torch::nn::functional::cross_entropy(model->forward(examples.inputs), examples.targets);
        return model->parameters().flatten(torch::autograd::grad({loss}, model->parameters().tensors()));
      };
      const auto difference = (gradientAt(h) - gradientAt(-h)) / (2 * h);
      model->parameters().assign(theta);
      const double error = ((ours - difference).norm() / difference.norm()).item<double>();
      QVERIFY2(error < 1e-5, qPrintable(QString::number(error)));
    }
  }

  // Dense oracle: every column, symmetric, and its spectrum through Lanczos at both ends.
  void denseOracle() {
    auto model = oracles::tanhNetwork(6, 7, 3, 13);
    const auto examples = oracles::randomExamples({25, 6}, 3, 14);
    CurvatureOptions options;
    options.batchSize = 10;
    CurvatureOperator hessian(*model, examples, options);
    const auto matrix = oracles::dense(hessian);
    QVERIFY((matrix - matrix.transpose()).norm() < 1e-12 * matrix.norm());
    const auto values = oracles::eigenvalues(matrix);
    LanczosOptions wanted;
    wanted.top = 6;
    wanted.bottom = 4;
    wanted.tolerance = 1e-6;
    const auto pairs = lanczos(hessian, wanted);
    for (std::size_t i = 0; i < 6; ++i) {
      QVERIFY(pairs.top[i].converged);
      QVERIFY(std::abs(pairs.top[i].value - values[values.size() - 1 - static_cast<Eigen::Index>(i)]) < 1e-8);
    }
    for (std::size_t i = 0; i < 4; ++i)
      QVERIFY(std::abs(pairs.bottom[i].value - values[static_cast<Eigen::Index>(i)]) < 1e-8);
  }

  // Memory and speed depend on the batch size and on how many graphs are kept; the result does not.
  void theBatchSizeChangesNoEigenvalue() {
    auto model = makeModel("cnn", {1, 10, 10, 4}, 15);
    torch::manual_seed(16);
    const Examples examples{torch::randn({50, 1, 10, 10}), torch::randint(0, 4, {50}, torch::kInt64), {}};
    std::vector<double> reference;
    for (const auto& [batch, memory] : {std::pair<std::int64_t, std::int64_t>{50, 0}, {16, 0}, {7, 1}, {1, 1 << 20}}) {
      CurvatureOptions options;
      options.batchSize = batch;
      options.graphMemory = memory;
      CurvatureOperator hessian(*model, examples, options);
      LanczosOptions wanted;
      wanted.tolerance = 1e-4;
      const auto pairs = lanczos(hessian, wanted);
      if (memory == 1) QCOMPARE(hessian.keptBatches(), 0);
      if (batch == 16) QCOMPARE(hessian.keptBatches(), 4);
      for (std::size_t i = 0; i < 5; ++i) {
        if (batch == 50) reference.push_back(pairs.top[i].value);
        QVERIFY2(std::abs(pairs.top[i].value / reference[i] - 1) < 1e-4,
                 qPrintable(QString("%1 %2").arg(pairs.top[i].value).arg(reference[i])));
      }
    }
  }

  void gradientAndLossAreThoseOfTheMean() {
    auto model = trainedCnn();
    const auto examples = oracles::randomExamples({11, 1, 6, 6}, 3, 18);
    CurvatureOptions options;
    options.batchSize = 4;
    CurvatureOperator hessian(*model, examples, options);
    const auto loss = torch::nn::functional::cross_entropy(model->forward(examples.inputs), examples.targets);
    const auto gradient = model->parameters().flatten(torch::autograd::grad({loss}, model->parameters().tensors()));
    QVERIFY(torch::allclose(hessian.gradient(), gradient, 1e-10, 1e-12));
    QVERIFY(std::abs(hessian.loss() - loss.item<double>()) < 1e-12);
    QCOMPARE(hessian.products(), 0);
  }

  // Batch statistics: another objective, symmetric all the same, and the running statistics stay as they were.
  void batchStatisticsLeaveTheModelAlone() {
    auto model = trainedCnn();
    const auto examples = oracles::randomExamples({8, 1, 6, 6}, 3, 19);
    const auto before = model->namedBuffers();
    std::vector<torch::Tensor> copies;
    for (const auto& [name, buffer] : before) copies.push_back(buffer.clone());
    CurvatureOptions options;
    options.batchNorm = BatchNormMode::Training;
    CurvatureOperator batch(*model, examples, options), running(*model, examples, {});
    torch::manual_seed(20);
    const auto u = torch::randn({batch.dimension()}, torch::kFloat64),
               v = torch::randn({batch.dimension()}, torch::kFloat64);
    const double uAv = u.dot(batch.apply(v)).item<double>(), vAu = v.dot(batch.apply(u)).item<double>();
    QVERIFY(std::abs(uAv - vAu) < 1e-9 * std::abs(uAv));
    QVERIFY(std::abs(uAv - u.dot(running.apply(v)).item<double>()) > 1e-3 * std::abs(uAv));
    for (std::size_t i = 0; i < copies.size(); ++i) QVERIFY(before[i].second.equal(copies[i]));
    QVERIFY(!model->isTraining());
  }

  void stopsWithinABatch() {
    auto model = oracles::tanhNetwork(6, 7, 3, 21);
    std::stop_source source;
    CurvatureOptions options;
    options.batchSize = 5;
    CurvatureOperator hessian(*model, oracles::randomExamples({25, 6}, 3, 22), options, {source.get_token(), {}, {}});
    const auto v = torch::ones({hessian.dimension()}, torch::kFloat64);
    hessian.apply(v);
    source.request_stop();
    QVERIFY_EXCEPTION_THROWN(hessian.apply(v), Stopped);
  }

 private:
  /// A small convolutional network in float64 whose running statistics come from data.
  static std::unique_ptr<Model> trainedCnn() {
    auto model = makeModel("cnn", {1, 6, 6, 3}, 17);
    model->to(torch::kCPU, torch::kFloat64);
    torch::NoGradGuard noGrad;
    torch::manual_seed(17);
    model->setTraining(true);
    for (int i = 0; i < 5; ++i) model->forward(torch::randn({16, 1, 6, 6}, torch::kFloat64));
    model->setTraining(false);
    return model;
  }
};

QTEST_GUILESS_MAIN(TestHessian)
#include "tst_hessian.moc"
