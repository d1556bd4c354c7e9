// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <cmath>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/lanczos.h"
#include "tests/support/oracles.h"

using namespace eigenscape;

namespace {

/// Rows ∂f/∂θ, one per example and output, by one backward pass each.
torch::Tensor jacobian(Model& model, const torch::Tensor& inputs) {
  const auto outputs = model.forward(inputs).flatten();
  std::vector<torch::Tensor> rows;
  for (std::int64_t i = 0; i < outputs.numel(); ++i) {
    rows.push_back(
        model.parameters().flatten(torch::autograd::grad({outputs[i]}, model.parameters().tensors(), {}, true)));
  }
  return torch::stack(rows);
}

/// mean of Jᵀ(diag p − ppᵀ)J applied to the columns of v, from explicit Jacobians.
Eigen::MatrixXd gaussNewton(Model& model, const Examples& examples, const torch::Tensor& v) {
  const auto j = jacobian(model, examples.inputs);
  const auto p = torch::softmax(model.forward(examples.inputs).detach(), 1);
  const auto n = p.size(0), classes = p.size(1);
  auto sum = torch::zeros_like(v);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto ji = j.narrow(0, i * classes, classes);
    sum += ji.t().mm((torch::diag(p[i]) - torch::outer(p[i], p[i])).mm(ji.mm(v)));
  }
  return oracles::toEigen(sum / static_cast<double>(n));
}

/// mean of gᵢgᵢᵀ from the gradient of each example alone.
Eigen::MatrixXd denseFisher(Model& model, const Examples& examples) {
  auto sum = torch::zeros({model.parameters().dimension(), model.parameters().dimension()}, torch::kFloat64);
  for (std::int64_t i = 0; i < examples.size(); ++i) {
    const auto one = examples.slice(i, 1);
    const auto loss = torch::nn::functional::cross_entropy(model.forward(one.inputs), one.targets);
    const auto g = model.parameters().flatten(torch::autograd::grad({loss}, model.parameters().tensors()));
    sum += torch::outer(g, g);
  }
  return oracles::toEigen(sum / static_cast<double>(examples.size()));
}

CurvatureOptions options(CurvatureKind kind, std::int64_t batch = 7) {
  CurvatureOptions o;
  o.kind = kind;
  o.batchSize = batch;
  return o;
}

std::unique_ptr<Model> smallCnn(torch::ScalarType type) {
  auto model = makeModel("cnn", {1, 6, 6, 3}, 17);
  model->to(torch::kCPU, type);
  return model;
}

/// As a cuDNN layer does: first derivatives, and an error for the second.
struct OnceDifferentiable : torch::autograd::Function<OnceDifferentiable> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x) {
    const auto y = torch::tanh(x);
    context->save_for_backward({y});
    return y;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "derivative for the fused layer's backward is not implemented");
    const auto y = context->get_saved_variables()[0];
    return {gradients[0] * (1 - y * y)};
  }
};

/// As a careless author writes it: the backward pass works and leaves no graph.
struct SilentlyOnce : torch::autograd::Function<SilentlyOnce> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x) {
    const auto y = torch::tanh(x);
    context->save_for_backward({y});
    return y;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const torch::NoGradGuard none;
    const auto y = context->get_saved_variables()[0];
    return {gradients[0] * (1 - y * y)};
  }
};

template <class Layer>
torch::Tensor networkWith(const std::vector<torch::Tensor>& p, const torch::Tensor& x) {
  return torch::linear(Layer::apply(torch::linear(x, p[0], p[1])), p[2], p[3]);
}

oracles::TinyModel withForward(oracles::TinyModel::Forward forward) {
  auto model = oracles::tanhNetwork(4, 5, 3, 10);
  return oracles::TinyModel(model->namedParameters(), forward);
}

class DropoutModel : public oracles::TinyModel {
 public:
  DropoutModel()
      : TinyModel(oracles::tanhNetwork(4, 5, 3, 10)->namedParameters(), [](const std::vector<torch::Tensor>& p,
                                                                           const torch::Tensor& x) {
          return torch::linear(torch::dropout(torch::tanh(torch::linear(x, p[0], p[1])), 0.5, true), p[2], p[3]);
        }) {}
  std::vector<std::string> randomLayers() const override { return {"drop1"}; }
};

}  // namespace

class TestOperators : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void gaussNewtonAgainstExplicitJacobians_data() {
    QTest::addColumn<bool>("convolutional");
    QTest::newRow("fully connected") << false;
    QTest::newRow("convolutional") << true;
  }
  void gaussNewtonAgainstExplicitJacobians() {
    QFETCH(bool, convolutional);
    const std::unique_ptr<Model> model =
        convolutional ? smallCnn(torch::kFloat64) : std::unique_ptr<Model>(oracles::tanhNetwork(4, 5, 3, 10));
    const auto examples =
        convolutional ? oracles::randomExamples({5, 1, 6, 6}, 3, 11) : oracles::randomExamples({20, 4}, 3, 11);
    CurvatureOperator op(*model, examples, options(CurvatureKind::GaussNewton, 3));
    torch::manual_seed(1);
    for (int trial = 0; trial < 4; ++trial) {
      const auto v = torch::randn({op.dimension()}, torch::kFloat64);
      const Eigen::VectorXd ours = oracles::toEigen(op.apply(v).unsqueeze(1)),
                            theirs = gaussNewton(*model, examples, v.unsqueeze(1));
      QVERIFY((ours - theirs).norm() < 1e-10 * theirs.norm());
    }
  }

  void fisherAgainstTheGradientsOfEachExample() {
    auto model = oracles::tanhNetwork(4, 5, 3, 10);
    const auto examples = oracles::randomExamples({20, 4}, 3, 11);
    CurvatureOperator op(*model, examples, options(CurvatureKind::Fisher));
    QVERIFY((oracles::dense(op) - denseFisher(*model, examples)).norm() < 1e-12);
  }

  // Labels drawn from the model: for softmax the expectation is the Gauss-Newton matrix.
  void sampledFisherTendsToGaussNewton() {
    auto model = oracles::tanhNetwork(4, 5, 3, 10);
    const auto examples = oracles::randomExamples({20, 4}, 3, 11);
    auto many = options(CurvatureKind::SampledFisher);
    many.labelsPerExample = 4000;
    CurvatureOperator op(*model, examples, many);
    const auto expected = gaussNewton(*model, examples, torch::eye(op.dimension(), torch::kFloat64));
    QVERIFY((oracles::dense(op) - expected).norm() < 0.05 * expected.norm());
  }
  void sampledFisherDependsOnTheSeedAndNotOnTheBatch() {
    auto model = oracles::tanhNetwork(4, 5, 3, 10);
    const auto examples = oracles::randomExamples({20, 4}, 3, 11);
    auto a = options(CurvatureKind::SampledFisher, 20), b = options(CurvatureKind::SampledFisher, 6);
    b.graphMemory = 1;
    CurvatureOperator whole(*model, examples, a), pieces(*model, examples, b);
    const auto matrix = oracles::dense(whole);
    QVERIFY((matrix - oracles::dense(pieces)).norm() < 1e-12);
    a.seed = 1;
    CurvatureOperator other(*model, examples, a);
    QVERIFY((matrix - oracles::dense(other)).norm() > 1e-3 * matrix.norm());
  }

  void gaussNewtonWithBatchStatisticsIsSymmetric() {
    const auto model = smallCnn(torch::kFloat64);
    const auto examples = oracles::randomExamples({8, 1, 6, 6}, 3, 12);
    auto o = options(CurvatureKind::GaussNewton, 8);
    o.batchNorm = BatchNormMode::Training;
    CurvatureOperator op(*model, examples, o);
    const auto found = op.probe();
    QVERIFY2(found.warning.empty(), found.warning.c_str());
  }

  // A layer's or a block's operator is the diagonal block of the whole.
  void scopesAreDiagonalBlocks_data() {
    QTest::addColumn<int>("kind");
    QTest::newRow("Hessian") << static_cast<int>(CurvatureKind::Hessian);
    QTest::newRow("Gauss-Newton") << static_cast<int>(CurvatureKind::GaussNewton);
    QTest::newRow("Fisher") << static_cast<int>(CurvatureKind::Fisher);
  }
  void scopesAreDiagonalBlocks() {
    QFETCH(int, kind);
    const auto model = smallCnn(torch::kFloat64);
    const auto examples = oracles::randomExamples({9, 1, 6, 6}, 3, 13);
    const auto& layers = model->parameters().layers();
    auto o = options(static_cast<CurvatureKind>(kind), 4);
    CurvatureOperator whole(*model, examples, o);
    for (const std::vector<std::size_t>& chosen : {std::vector<std::size_t>{0}, {2}, {1, 3}, {layers.size() - 1}}) {
      o.layers = chosen;
      CurvatureOperator part(*model, examples, o);
      torch::manual_seed(2);
      const auto v = torch::randn({part.dimension()}, torch::kFloat64);
      const auto expected = part.parameters().restrict(whole.apply(part.parameters().embed(v)));
      const auto ours = part.apply(v);
      QVERIFY((ours - expected).norm().item<double>() <= 1e-10 * expected.norm().item<double>());
      QVERIFY((part.gradient() - part.parameters().restrict(whole.gradient())).norm().item<double>() < 1e-12);
    }
  }

  // Products in float32 stay near those in float64.
  void precisions() {
    const auto exact = smallCnn(torch::kFloat64), fast = smallCnn(torch::kFloat32);
    const auto examples = oracles::randomExamples({12, 1, 6, 6}, 3, 14);
    for (const auto kind : {CurvatureKind::Hessian, CurvatureKind::GaussNewton, CurvatureKind::Fisher}) {
      CurvatureOperator a(*exact, examples, options(kind)),
          b(*fast, examples.to(torch::kCPU, torch::kFloat32), options(kind));
      torch::manual_seed(3);
      const auto v = torch::randn({a.dimension()}, torch::kFloat64);
      const auto x = a.apply(v), y = b.apply(v).to(torch::kFloat64);
      QVERIFY(((x - y).norm() / x.norm()).item<double>() < 1e-5);
    }
  }

  void modelsWithoutSecondDerivatives_data() {
    QTest::addColumn<bool>("silent");
    QTest::addColumn<int>("kind");
    for (const bool silent : {false, true}) {
      for (const auto& [kind, name] :
           {std::pair{CurvatureKind::Hessian, "Hessian"}, std::pair{CurvatureKind::GaussNewton, "Gauss-Newton"}}) {
        QTest::newRow(qPrintable(QString("%1, %2").arg(silent ? "no graph" : "an error").arg(name)))
            << silent << static_cast<int>(kind);
      }
    }
  }
  void modelsWithoutSecondDerivatives() {
    QFETCH(bool, silent);
    QFETCH(int, kind);
    auto exact = oracles::tanhNetwork(4, 5, 3, 10);
    auto model = withForward(silent ? networkWith<SilentlyOnce> : networkWith<OnceDifferentiable>);
    const auto examples = oracles::randomExamples({20, 4}, 3, 11);
    const auto o = options(static_cast<CurvatureKind>(kind));
    std::vector<std::string> said;
    const auto before = model.parameters().flatten();
    CurvatureOperator op(model, examples, o, {{}, {}, [&](const std::string& line) { said.push_back(line); }});
    CurvatureOperator truth(*exact, examples, o);
    op.probe();
    torch::manual_seed(4);
    const auto v = torch::randn({op.dimension()}, torch::kFloat64);
    const auto ours = op.apply(v), theirs = truth.apply(v);
    const double error = ((ours - theirs).norm() / theirs.norm()).item<double>();
    QVERIFY2(error < 1e-6, qPrintable(QString::number(error)));
    QVERIFY(op.usesDifferences() && !truth.usesDifferences());
    QVERIFY(op.differenceError() > 0 && op.differenceError() < 1e-5);
    QCOMPARE(said.size(), std::size_t{1});
    QVERIFY(QString::fromStdString(said[0]).contains("central differences"));
    QVERIFY(model.parameters().flatten().equal(before));
  }

  void differencesInFloat32() {
    const auto model = smallCnn(torch::kFloat32), exact = smallCnn(torch::kFloat64);
    const auto examples = oracles::randomExamples({12, 1, 6, 6}, 3, 14);
    auto o = options(CurvatureKind::GaussNewton);
    o.differences = true;
    CurvatureOperator op(*model, examples.to(torch::kCPU, torch::kFloat32), o);
    CurvatureOperator truth(*exact, examples, options(CurvatureKind::GaussNewton));
    torch::manual_seed(5);
    const auto v = torch::randn({op.dimension()}, torch::kFloat64);
    const auto ours = op.apply(v).to(torch::kFloat64), theirs = truth.apply(v);
    const double error = ((ours - theirs).norm() / theirs.norm()).item<double>();
    QVERIFY2(error < 0.05, qPrintable(QString::number(error)));
    QVERIFY2(error < 30 * op.differenceError(), qPrintable(QString::number(op.differenceError())));
  }

  void theProbeNamesDropout() {
    DropoutModel model;
    const auto examples = oracles::randomExamples({20, 4}, 3, 11);
    CurvatureOperator op(model, examples, {});
    const auto found = op.probe();
    QVERIFY(found.repetition > 1e-3);
    QVERIFY(QString::fromStdString(found.warning).contains("not deterministic"));
    QVERIFY(QString::fromStdString(found.warning).contains("drop1"));
    QCOMPARE(op.products(), 0);
    auto calm = oracles::tanhNetwork(4, 5, 3, 10);
    CurvatureOperator good(*calm, examples, {});
    QVERIFY(good.probe().warning.empty());
    QVERIFY(good.probe().asymmetry < 1e-12);
    QVERIFY(good.probe().mismatch < 1e-5);
  }

  // A product that is not finite says nothing of the model: neither that it is right nor that it is wrong.
  void theProbeOfWhatIsNotFinite() {
    auto model = oracles::tanhNetwork(4, 5, 3, 10);
    auto examples = oracles::randomExamples({20, 4}, 3, 11);
    examples.inputs[3][1] = std::nan("");
    CurvatureOperator op(*model, examples, {});
    const auto found = op.probe();
    QVERIFY(std::isnan(found.repetition));
    QVERIFY(found.warning.empty() && !op.usesDifferences());
  }

  // Whatever the budget keeps, each batch counts once, a short last one too.
  void everyBatchCountsOnceUnderAnyBudget() {
    const auto model = smallCnn(torch::kFloat64);
    const auto examples = oracles::randomExamples({37, 1, 6, 6}, 3, 15);
    CurvatureOperator truth(*model, examples, options(CurvatureKind::Hessian, 37));
    const auto v = torch::ones({truth.dimension()}, torch::kFloat64);
    const auto expected = truth.apply(v);
    for (std::int64_t budget = 1; budget < (std::int64_t{1} << 24); budget *= 2) {
      auto o = options(CurvatureKind::Hessian, 16);
      o.graphMemory = budget;
      CurvatureOperator op(*model, examples, o);
      QVERIFY(((op.apply(v) - expected).norm() / expected.norm()).item<double>() < 1e-12);
    }
  }

  void anErrorInAProductLeavesTheModelAsItWas() {
    auto model = withForward(networkWith<OnceDifferentiable>);
    const auto before = model.parameters().flatten();
    std::stop_source source;
    CurvatureOperator op(model, oracles::randomExamples({20, 4}, 3, 11), {}, {source.get_token(), {}, {}});
    const auto v = torch::ones({op.dimension()}, torch::kFloat64);
    op.apply(v);
    source.request_stop();
    QVERIFY_EXCEPTION_THROWN(op.apply(v), Stopped);
    QVERIFY(model.parameters().flatten().equal(before));
  }
};

QTEST_GUILESS_MAIN(TestOperators)
#include "tst_operators.moc"
