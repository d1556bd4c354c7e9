// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <set>
#include <stdexcept>
#include <tuple>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/lanczos.h"
#include "core/landscape/directions.h"
#include "core/landscape/landscape.h"
#include "core/results/error.h"
#include "core/training/trainer.h"
#include "tests/training/toy.h"

using namespace eigenscape;

namespace {

constexpr InputShape kShape{1, 4, 4, 3};

/// Mean cross-entropy and accuracy of softmax regression in plain loops. `theta`: weights row by row, then biases.
LossAndAccuracy softmaxRegression(const std::vector<double>& theta, const Examples& examples) {
  const auto features = std::size_t(kShape.height * kShape.width), classes = std::size_t(kShape.classes);
  const auto inputs = examples.inputs.flatten(1);
  const auto x = inputs.accessor<double, 2>();
  LossAndAccuracy sum;
  for (std::int64_t n = 0; n < examples.size(); ++n) {
    std::vector<double> logits(classes);
    for (std::size_t c = 0; c < classes; ++c) {
      logits[c] = theta[classes * features + c];
      for (std::size_t f = 0; f < features; ++f) logits[c] += theta[c * features + f] * x[n][std::int64_t(f)];
    }
    double normalizer = 0;
    for (const double logit : logits) normalizer += std::exp(logit);
    const auto target = std::size_t(examples.targets[n].item<std::int64_t>());
    sum.loss += std::log(normalizer) - logits[target];
    sum.accuracy += std::max_element(logits.begin(), logits.end()) - logits.begin() == std::ptrdiff_t(target);
  }
  return {sum.loss / double(examples.size()), sum.accuracy / double(examples.size())};
}

std::vector<double> values(const torch::Tensor& tensor) {
  const auto flat = tensor.to(torch::kFloat64).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

struct Fixture {
  std::unique_ptr<Model> model;
  std::vector<LandscapeSplit> splits;
  torch::Tensor x, y;

  explicit Fixture(const std::string& architecture, torch::ScalarType type = torch::kFloat32)
      : model(makeModel(architecture, kShape, 2)) {
    model->to(torch::kCPU, type);
    splits = {{"train", toy::pictures(50, kShape, 1).to(torch::kCPU, type)},
              {"test", toy::pictures(30, kShape, 4).to(torch::kCPU, type)}};
    x = randomDirection(*model, 1, Normalization::None);
    y = randomDirection(*model, 2, Normalization::None);
  }
  std::vector<LandscapePoint> surface(const std::vector<double>& alphas, const std::vector<double>& betas,
                                      const std::vector<LandscapePoint>& known = {}, const Context& context = {}) {
    std::vector<LandscapePoint> points;
    evaluateLandscape(
        *model, splits, x, alphas, y, betas, 16, known, [&](const auto& point) { points.push_back(point); }, context);
    return points;
  }
};

}  // namespace

class TestLandscape : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void axes();
  void surfaceOfSoftmaxRegression();
  void profileOfSoftmaxRegression();
  void centreIsTheRecordedLoss();
  void orderAndWhatIsKnown();
  void theWholePictureFirst();
  void reportsShares();
  void modelComesBack();
  void statisticsAnew();
  void statisticsGoAlong();
  void lossesThatAreNotFinite();
  void foreignDirectionsAreRefused();
  void parabolaAlongTheTopEigenvector();
};

void TestLandscape::axes() {
  QCOMPARE(axisValues(-1, 1, 5), (std::vector<double>{-1, -0.5, 0, 0.5, 1}));
  QCOMPARE(axisValues(0, 3, 4), (std::vector<double>{0, 1, 2, 3}));
  QCOMPARE(axisValues(-0.3, 0.3, 1), (std::vector<double>{0}));
  for (const std::int64_t points : {3, 31, 51, 101}) {
    for (const double end : {0.1, 0.3, 1.0 / 3, 0.7, 2.1}) {
      const auto axis = axisValues(-end, end, points);
      QCOMPARE(axis.size(), std::size_t(points));
      QVERIFY(axis.front() == -end && axis.back() == end && axis[axis.size() / 2] == 0);
      for (std::size_t i = 0; i < axis.size(); ++i) {
        QVERIFY(axis[i] == -axis[axis.size() - 1 - i]);
        QVERIFY(std::abs(axis[i] - (-end + 2 * end * double(i) / double(points - 1))) < 1e-15);
      }
    }
  }
  QVERIFY_EXCEPTION_THROWN(axisValues(0, 1, 0), std::invalid_argument);
}

void TestLandscape::surfaceOfSoftmaxRegression() {
  Fixture fixture("linear", torch::kFloat64);
  const auto theta = values(fixture.model->parameters().flatten()), x = values(fixture.x), y = values(fixture.y);
  const auto points = fixture.surface(axisValues(-3, 3, 5), axisValues(-1, 2, 4));
  QCOMPARE(points.size(), std::size_t(5 * 4 * 2));
  double lowest = 1e9, highest = 0;
  for (const auto& point : points) {
    auto shifted = theta;
    for (std::size_t i = 0; i < theta.size(); ++i) shifted[i] += point.alpha * x[i] + point.beta * y[i];
    const auto expected = softmaxRegression(shifted, fixture.splits[point.split].examples);
    QVERIFY(std::abs(point.value.loss - expected.loss) < 1e-13 * (1 + expected.loss));
    QCOMPARE(point.value.accuracy, expected.accuracy);
    lowest = std::min(lowest, expected.loss), highest = std::max(highest, expected.loss);
  }
  QVERIFY(highest > 1.5 * lowest);
}

void TestLandscape::profileOfSoftmaxRegression() {
  Fixture fixture("linear", torch::kFloat64);
  const auto theta = values(fixture.model->parameters().flatten()), x = values(fixture.x);
  std::size_t count = 0;
  evaluateLandscape(*fixture.model, fixture.splits, fixture.x, {-2, 0.5, 4}, 16, {},
                    [&](const LandscapePoint& point) {
                      auto shifted = theta;
                      for (std::size_t i = 0; i < theta.size(); ++i) shifted[i] += point.alpha * x[i];
                      const auto expected = softmaxRegression(shifted, fixture.splits[point.split].examples);
                      QVERIFY(std::abs(point.value.loss - expected.loss) < 1e-13 * (1 + expected.loss));
                      QCOMPARE(point.beta, 0.0);
                      ++count;
                    },
                    {});
  QCOMPARE(count, std::size_t(6));
}

void TestLandscape::centreIsTheRecordedLoss() {
  Fixture fixture("cnn");
  // Where a direction has no finite value at some place, the centre is the model all the same.
  fixture.x[0] = std::numeric_limits<float>::infinity();
  const auto points = fixture.surface({0, 1}, {0});
  for (std::size_t split = 0; split < 2; ++split) {
    const auto recorded = evaluate(*fixture.model, fixture.splits[split].examples, 16);
    QVERIFY(points[split].value.loss == recorded.loss && points[split].value.accuracy == recorded.accuracy);
  }
}

void TestLandscape::orderAndWhatIsKnown() {
  Fixture fixture("cnn");
  const std::vector<double> alphas{-0.5, 0, 0.5}, betas{-1, 1};
  const auto all = fixture.surface(alphas, betas);
  std::size_t i = 0;
  for (const double beta : betas) {
    for (const double alpha : alphas) {
      for (std::size_t split = 0; split < 2; ++split, ++i) {
        QVERIFY(all[i].alpha == alpha && all[i].beta == beta && all[i].split == split);
      }
    }
  }
  for (const std::size_t skip : {1U, 4U, 7U, 12U}) {
    const auto rest = fixture.surface(alphas, betas, {all.begin(), all.begin() + std::ptrdiff_t(skip)});
    QCOMPARE(rest.size(), all.size() - skip);
    for (std::size_t k = 0; k < rest.size(); ++k) {
      const auto& whole = all[skip + k];
      QVERIFY(rest[k].alpha == whole.alpha && rest[k].beta == whole.beta && rest[k].split == whole.split);
      QVERIFY(rest[k].value.loss == whole.value.loss && rest[k].value.accuracy == whole.value.accuracy);
    }
  }
}

// A grid that is refined: the corners and the centre early, each point once, and the same order after an interruption,
// although the order follows the values.
void TestLandscape::theWholePictureFirst() {
  Fixture fixture("linear");
  const auto axis = axisValues(-2, 2, 21);
  const auto all = fixture.surface(axis, axis);
  QCOMPARE(all.size(), std::size_t(21 * 21 * 2));
  std::set<std::tuple<double, double, std::size_t>> seen;
  for (std::size_t i = 0; i < all.size(); ++i) {
    seen.insert({all[i].alpha, all[i].beta, all[i].split});
    if (i + 1 == 2 * 7 * 7) {
      for (const double alpha : {-2.0, 0.0, 2.0}) {
        for (const double beta : {-2.0, 0.0, 2.0}) QVERIFY(seen.contains({alpha, beta, 1}));
      }
    }
  }
  QCOMPARE(seen.size(), all.size());
  for (const std::ptrdiff_t skip : {3, 99, 300, 881}) {
    const auto rest = fixture.surface(axis, axis, {all.begin(), all.begin() + skip});
    QCOMPARE(rest.size(), all.size() - std::size_t(skip));
    for (std::size_t k = 0; k < rest.size(); ++k) {
      QVERIFY(rest[k].alpha == all[std::size_t(skip) + k].alpha && rest[k].beta == all[std::size_t(skip) + k].beta);
    }
  }
}

void TestLandscape::reportsShares() {
  Fixture fixture("linear");
  std::vector<double> shares;
  Context context;
  context.progress = [&](double share) { shares.push_back(share); };
  const auto all = fixture.surface({0, 1}, {0, 1});
  fixture.surface({0, 1}, {0, 1}, {all.begin(), all.begin() + 4}, context);
  QCOMPARE(shares, (std::vector<double>{0.625, 0.75, 0.875, 1}));
}

void TestLandscape::modelComesBack() {
  Fixture fixture("cnn");
  {
    torch::NoGradGuard noGrad;
    fixture.model->parameters().tensors().back()[0] = -0.0F;  // a sum with 0 would lose the sign
  }
  const auto before = toy::copied(fixture.model->stateDict());
  const auto isBack = [&] {
    const auto now = fixture.model->stateDict();
    return toy::identical(now, before) && std::signbit(fixture.model->parameters().tensors().back()[0].item<float>());
  };
  fixture.surface({-1, 0, 1}, {-1, 1});
  QVERIFY(isBack());

  std::stop_source source;
  Context context;
  context.stop = source.get_token();
  std::size_t delivered = 0;
  const auto stopAtThird = [&](const LandscapePoint&) {
    if (++delivered == 3) source.request_stop();
  };
  QVERIFY_EXCEPTION_THROWN(
      evaluateLandscape(*fixture.model, fixture.splits, fixture.x, {-1, 0.3, 1}, 16, {}, stopAtThird, context),
      Stopped);
  QCOMPARE(delivered, std::size_t(3));
  QVERIFY(isBack());

  const auto fail = [](const LandscapePoint&) { throw RunError("disk full"); };
  QVERIFY_EXCEPTION_THROWN(evaluateLandscape(*fixture.model, fixture.splits, fixture.x, {0.5}, 16, {}, fail, {}),
                           RunError);
  QVERIFY(isBack());
  QVERIFY(!fixture.model->isTraining());
}

// Statistics estimated anew: at each point those that a training pass over the same batch would have, and afterwards
// the stored ones are back.
void TestLandscape::statisticsAnew() {
  Fixture fixture("cnn", torch::kFloat64);
  const auto before = toy::copied(fixture.model->stateDict());
  const auto& train = fixture.splits[0].examples;
  std::vector<double> losses;
  evaluateLandscape(*fixture.model, {fixture.splits[0]}, fixture.x, {0, 0.5}, train.size(), {},
                    [&](const LandscapePoint& point) { losses.push_back(point.value.loss); }, {}, {&train});
  QVERIFY(toy::identical(fixture.model->stateDict(), before));
  // One batch: what it normalises by differs from the running variance by n/(n − 1) alone.
  const auto start = fixture.model->parameters().flatten();
  for (std::size_t i = 0; i < 2; ++i) {
    fixture.model->parameters().assign(start + 0.5 * double(i) * fixture.x);
    fixture.model->setTraining(true);
    const torch::NoGradGuard noGrad;
    const double batch =
        torch::nn::functional::cross_entropy(fixture.model->forward(train.inputs), train.targets).item<double>();
    fixture.model->setTraining(false);
    fixture.model->loadStateDict(before, "before");
    QVERIFY2(std::abs(losses[i] / batch - 1) < 0.02, qPrintable(QString("%1 %2").arg(losses[i]).arg(batch)));
    const double stored = fixture.surface({0.5 * double(i)}, {0})[0].value.loss;
    QVERIFY(std::abs(stored / batch - 1) > 0.02);
  }
}

// From one network with BatchNorm to another: where the statistics go along, the other stands at α = 1.
void TestLandscape::statisticsGoAlong() {
  Fixture fixture("cnn", torch::kFloat64);
  auto& model = *fixture.model;
  const auto before = toy::copied(model.stateDict());
  const auto start = model.parameters().flatten();
  NamedTensors moves;
  const auto other = start + fixture.x;
  model.parameters().assign(other);
  {
    const torch::NoGradGuard noGrad;
    for (auto& [name, buffer] : model.namedBuffers()) {
      if (!buffer.is_floating_point()) continue;
      moves.emplace_back(name, torch::rand_like(buffer) + 0.5);
      torch::Tensor(buffer).add_(moves.back().second);
    }
  }
  QVERIFY(!moves.empty());
  const double there = evaluate(model, fixture.splits[0].examples, 16, {}).loss;
  model.loadStateDict(before, "before");
  const double here = evaluate(model, fixture.splits[0].examples, 16, {}).loss;
  std::vector<double> along, without;
  const auto into = [](std::vector<double>& losses) {
    return [&losses](const LandscapePoint& point) { losses.push_back(point.value.loss); };
  };
  evaluateLandscape(model, {fixture.splits[0]}, fixture.x, {0, 1}, 16, {}, into(along), {}, {nullptr, moves});
  evaluateLandscape(model, {fixture.splits[0]}, fixture.x, {0, 1}, 16, {}, into(without), {});
  QCOMPARE(along[0], here);
  QVERIFY(std::abs(along[1] - there) < 1e-12 * there);
  QVERIFY(std::abs(without[1] - there) > 1e-3 * there);
  QVERIFY(toy::identical(model.stateDict(), before));
  // Far beyond, where a variance would be negative, the loss is a number or honestly none, and all comes back.
  evaluateLandscape(model, {fixture.splits[0]}, fixture.x, {-9}, 16, {}, into(along), {}, {nullptr, moves});
  QVERIFY(toy::identical(model.stateDict(), before));
}

void TestLandscape::lossesThatAreNotFinite() {
  Fixture fixture("mlp");
  std::vector<double> losses;
  evaluateLandscape(*fixture.model, {fixture.splits[0]}, fixture.x, {-1, 1e30, 1}, 16, {},
                    [&](const LandscapePoint& point) { losses.push_back(point.value.loss); }, {});
  QCOMPARE(losses.size(), std::size_t(3));
  QVERIFY(std::isfinite(losses[0]) && !std::isfinite(losses[1]) && std::isfinite(losses[2]));
}

void TestLandscape::foreignDirectionsAreRefused() {
  Fixture fixture("linear");
  const auto before = toy::copied(fixture.model->stateDict());
  fixture.y = torch::ones({7});
  QVERIFY_EXCEPTION_THROWN(fixture.surface({0}, {0}), std::invalid_argument);
  fixture.y = torch::Tensor();
  fixture.x = torch::Tensor();
  QVERIFY_EXCEPTION_THROWN(fixture.surface({0}, {0}), std::invalid_argument);
  QVERIFY(toy::identical(fixture.model->stateDict(), before));
}

/// L(θ + αv) = L + α gᵀv + ½λα² near 0, for a unit eigenvector v of the Hessian. Near means before the first kink of a
/// ReLU.
void TestLandscape::parabolaAlongTheTopEigenvector() {
  for (const char* architecture : {"linear", "mlp", "cnn"}) {
    Fixture fixture(architecture, torch::kFloat64);
    const auto train = fixture.splits[0].examples;
    TrainingOptions options;
    options.epochs = 30;
    options.batchSize = 50;
    options.learningRate = 0.05;
    options.weightDecay = 0;
    options.augment = false;
    Trainer trainer(*fixture.model, train, options);
    for (std::int64_t epoch = 1; epoch <= options.epochs; ++epoch) trainer.runEpoch(epoch, {});

    CurvatureOperator hessian(*fixture.model, train, {});
    LanczosOptions lanczosOptions;
    lanczosOptions.top = 1;
    lanczosOptions.tolerance = 1e-6;
    const auto pair = lanczos(hessian, lanczosOptions).top.front();
    QVERIFY(pair.converged && pair.value > 0);
    const double slope = hessian.gradient().dot(pair.vector).item<double>(), centre = hessian.loss();
    evaluateLandscape(
        *fixture.model, {fixture.splits[0]}, pair.vector, {-1e-3, -5e-4, 5e-4, 1e-3}, 16, {},
        [&](const LandscapePoint& point) {
          const double rise = point.value.loss - centre - slope * point.alpha;
          const double parabola = pair.value * point.alpha * point.alpha / 2;
          QVERIFY2(
              std::abs(rise - parabola) < 0.02 * parabola,
              qPrintable(
                  QString("%1: %2 instead of %3 at %4").arg(architecture).arg(rise).arg(parabola).arg(point.alpha)));
        },
        {});
  }
}

QTEST_APPLESS_MAIN(TestLandscape)
#include "tst_landscape.moc"
