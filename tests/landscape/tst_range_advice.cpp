// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <cmath>

#include "core/landscape/landscape.h"
#include "core/landscape/range_advice.h"
#include "tests/support/oracles.h"

using namespace eigenscape;

class TestRangeAdvice : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void numbersThatReadWell() {
    QCOMPARE(roundedUp(1), 1.0);
    QCOMPARE(roundedUp(1.01), 1.2);
    QCOMPARE(roundedUp(0.0301), 0.04);
    QCOMPARE(roundedUp(810), 1000.0);
    QVERIFY(std::abs(roundedUp(0.3) - 0.3) < 1e-15);
  }

  // Whatever the direction's length and the weights' scale: within the range the loss rises by ln(classes), and half
  // of it is not enough.
  void theWallsAreSeen_data() {
    QTest::addColumn<double>("length");
    for (const double length : {1e-3, 1.0, 40.0}) QTest::addRow("%g", length) << length;
  }
  void theWallsAreSeen() {
    QFETCH(double, length);
    const auto model = oracles::tanhNetwork(6, 8, 4, 3);
    const auto examples = oracles::randomExamples({50, 6}, 4, 4);
    torch::manual_seed(9);
    const auto direction = length * torch::randn({model->parameters().dimension()}, torch::kFloat64);
    const auto before = model->parameters().flatten();
    const auto reach = advisedReach(*model, examples, direction, 32, {});
    QVERIFY(torch::equal(model->parameters().flatten(), before));
    const auto lossAt = [&](double alpha) {
      double loss = 0;
      evaluateLandscape(*model, {{"train", examples}}, direction, {alpha}, 32, {},
                        [&](const LandscapePoint& point) { loss = point.value.loss; }, {});
      return loss;
    };
    const double walls = evaluate(*model, examples, 32).loss + std::log(4.0);
    QVERIFY(lossAt(-reach.below) >= walls && lossAt(reach.above) >= walls);
    QVERIFY(lossAt(-reach.below / 2) < walls && lossAt(reach.above / 2) < walls);
  }

  // A direction that changes nothing, or that has no length, ends the search.
  void flatDirections() {
    const auto model = oracles::tanhNetwork(6, 8, 4, 3);
    auto examples = oracles::randomExamples({20, 6}, 4, 4);
    examples.inputs.zero_();
    auto direction = torch::zeros({model->parameters().dimension()}, torch::kFloat64);
    QCOMPARE(advisedReach(*model, examples, direction, 32, {}).above, 1.0);
    direction[0] = 1;  // a weight of an input that is always 0
    const double most = 10 * model->parameters().flatten().norm().item<double>();
    QVERIFY(advisedReach(*model, examples, direction, 32, {}).below >= most);
  }
};

QTEST_APPLESS_MAIN(TestRangeAdvice)
#include "tst_range_advice.moc"
