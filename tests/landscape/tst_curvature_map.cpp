// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <cmath>
#include <limits>

#include "core/landscape/curvature_map.h"
#include "tests/support/oracles.h"

using namespace eigenscape;

namespace {

const std::vector<double> kAxis{-0.6, -0.2, 0, 0.5};

/// A small smooth network, its data and two random unit directions.
struct Case {
  std::unique_ptr<oracles::TinyModel> model = oracles::tanhNetwork(4, 5, 3, 8);
  std::vector<LandscapeSplit> splits{{"train", oracles::randomExamples({20, 4}, 3, 1)},
                                     {"test", oracles::randomExamples({12, 4}, 3, 2)}};
  torch::Tensor x, y;
  CurvatureMapOptions options;

  Case() {
    const auto n = model->parameters().dimension();
    torch::manual_seed(3);
    x = torch::randn({n}, torch::kFloat64), y = torch::randn({n}, torch::kFloat64);
    x /= x.norm(), y /= y.norm();
    options.curvature.batchSize = 7;
  }
  std::vector<CurvatureMapPoint> run(const std::vector<CurvatureMapPoint>& known = {}, const Context& context = {}) {
    std::vector<CurvatureMapPoint> points;
    evaluateCurvatureMap(
        *model, splits, x, kAxis, y, kAxis, options, known,
        [&](const CurvatureMapPoint& point) { points.push_back(point); }, context);
    return points;
  }
};

}  // namespace

class TestCurvatureMap : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  // The oracle is Eigen's solver on the dense Hessian, column by column, at the same weights.
  void bothEndsOfTheDenseHessian() {
    Case c;
    const auto points = c.run();
    QCOMPARE(points.size(), std::size_t{32});
    const auto home = c.model->parameters().flatten().clone();
    bool curvesDown = false;
    for (const auto& point : points) {
      c.model->parameters().assign(home + point.alpha * c.x + point.beta * c.y);
      CurvatureOperator hessian(*c.model, c.splits[point.split].examples, {});
      const auto all = oracles::eigenvalues(oracles::dense(hessian));
      const double low = all[0], high = all[all.size() - 1];
      QVERIFY(point.converged);
      QVERIFY(point.residual <= c.options.tolerance);
      // An eigenvalue is no farther than its residual.
      const double most = c.options.tolerance * std::max(std::abs(low), std::abs(high));
      QVERIFY2(std::abs(point.lowest - low) <= most, qPrintable(QString("%1 is not %2").arg(point.lowest).arg(low)));
      QVERIFY2(std::abs(point.highest - high) <= most,
               qPrintable(QString("%1 is not %2").arg(point.highest).arg(high)));
      curvesDown |= low < -most;
    }
    QVERIFY2(curvesDown, "a case without negative curvature would show nothing");
    c.model->parameters().assign(home);
  }

  void theModelComesHome() {
    Case c;
    const auto before = c.model->parameters().flatten().clone();
    c.run();
    QVERIFY(torch::equal(c.model->parameters().flatten(), before));
  }

  // Behind whole lines the numbers are those of a map that was not stopped.
  void wholeLinesArePassedOver() {
    Case c;
    const auto all = c.run();
    const std::vector<CurvatureMapPoint> known(all.begin(), all.begin() + 12);
    const auto rest = c.run(known);
    QCOMPARE(rest.size(), std::size_t{20});
    for (std::size_t i = 0; i < rest.size(); ++i) {
      QCOMPARE(rest[i].alpha, all[12 + i].alpha);
      QCOMPARE(rest[i].lowest, all[12 + i].lowest);
      QCOMPARE(rest[i].highest, all[12 + i].highest);
    }
  }

  void aPointThatIsNotFiniteIsSaid() {
    Case c;
    c.x[0] = std::numeric_limits<double>::quiet_NaN();
    int notFinite = 0;
    for (const auto& point : c.run()) {
      const bool bad = point.alpha != 0 || point.beta != 0;  // 0 · nan is nan, but at the origin
      notFinite += bad;
      QCOMPARE(std::isnan(point.lowest), bad);
      QCOMPARE(point.converged, !bad);
    }
    QCOMPARE(notFinite, 30);
  }

  void whatDoesNotConvergeIsAFlag() {
    Case c;
    c.options.tolerance = 1e-12;
    c.options.maxProducts = 6;
    for (const auto& point : c.run()) {
      QVERIFY(!point.converged);
      QVERIFY(std::isfinite(point.lowest) && point.residual > 1e-12);
    }
  }

  void itStopsAtOnce() {
    Case c;
    std::stop_source stop;
    std::size_t delivered = 0;
    const auto before = c.model->parameters().flatten().clone();
    QVERIFY_EXCEPTION_THROWN(evaluateCurvatureMap(*c.model, c.splits, c.x, kAxis, c.y, kAxis, c.options, {},
                                                  [&](const CurvatureMapPoint&) {
                                                    if (++delivered == 3) stop.request_stop();
                                                  },
                                                  {stop.get_token(), {}, {}}),
                             Stopped);
    QCOMPARE(delivered, std::size_t{3});
    QVERIFY(torch::equal(c.model->parameters().flatten(), before));
  }

  void theCoarserAxisKeepsEndsAndZero() {
    const auto axis = axisValues(-1, 1, 25);
    QCOMPARE(coarserAxis(axis, 7).size(), std::size_t{7});
    QCOMPARE(coarserAxis(axis, 7).front(), -1.0);
    QCOMPARE(coarserAxis(axis, 7).back(), 1.0);
    QCOMPARE(coarserAxis(axis, 7)[3], 0.0);
    const auto odd = coarserAxis(axisValues(-1, 1, 15), 5);  // where every other place is a half
    for (std::size_t i = 0; i < 5; ++i) QCOMPARE(odd[i], -odd[4 - i]);
    const std::vector<double> skew{-1, 0, 1, 2, 3, 4, 5, 6, 7};
    const auto chosen = coarserAxis(skew, 4);
    QCOMPARE(chosen.size(), std::size_t{4});
    QVERIFY(std::count(chosen.begin(), chosen.end(), 0.0) == 1);
    QVERIFY(std::is_sorted(chosen.begin(), chosen.end()));
    QCOMPARE(coarserAxis(skew, 20), skew);
  }
};

QTEST_APPLESS_MAIN(TestCurvatureMap)
#include "tst_curvature_map.moc"
