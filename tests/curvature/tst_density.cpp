// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <cmath>
#include <numeric>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/density.h"
#include "core/curvature/power_iteration.h"
#include "tests/support/oracles.h"

using namespace eigenscape;

namespace {

double areaOf(const SmoothedDensity& curve) {
  double area = 0;
  for (std::size_t i = 1; i < curve.eigenvalues.size(); ++i)
    area += (curve.density[i] + curve.density[i - 1]) / 2 * (curve.eigenvalues[i] - curve.eigenvalues[i - 1]);
  return area;
}

}  // namespace

class TestDensity : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  // Moments 0 to 4 of the density against those of the dense spectrum of a network.
  void momentsOfANetwork() {
    auto model = oracles::tanhNetwork(6, 7, 3, 13);
    CurvatureOperator hessian(*model, oracles::randomExamples({25, 6}, 3, 14), {});
    const auto values = oracles::eigenvalues(oracles::dense(hessian));
    DensityOptions options;
    options.probes = 400;
    options.nodes = 20;
    const auto found = spectralDensity(hessian, options);
    QCOMPARE(found.products, 400 * 20);
    for (int k = 0; k <= 4; ++k) {
      const double truth = values.array().pow(k).mean();
      double squares = 0;
      for (const auto& probe : found.probes) squares += std::pow(moment({probe}, k) - moment(found.probes, k), 2);
      const double error = std::sqrt(squares / 399 / 400);
      const double ours = moment(found.probes, k);
      QVERIFY2(std::abs(ours - truth) <= 4 * error + 1e-10,
               qPrintable(QString("moment %1: %2 is %3 ± %4").arg(k).arg(truth).arg(ours).arg(error)));
      QVERIFY(error <= 0.1 * std::abs(truth) + 1e-10);
    }
  }

  // ‖A‖²_F of the same probes: each gives ‖Az‖², and the interval covers the truth as often as it says.
  void theFrobeniusNorm() {
    std::vector<double> values;
    for (int i = 0; i < 50; ++i) values.push_back(10.0 / (1 + i) - 0.5);
    const auto matrix = oracles::withSpectrum(values, 1);
    const double truth = matrix.pow(2).sum().item<double>();
    int covered = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      oracles::MatrixOperator op(matrix);
      DensityOptions options;
      options.probes = 10;
      options.nodes = 4;
      options.seed = seed;
      const auto found = squaredFrobenius(spectralDensity(op, options).probes, 50);
      covered += std::abs(found.trace - truth) <= 1.96 * found.standardError;
    }
    QVERIFY2(covered >= 180 && covered <= 198, qPrintable(QString::number(covered)));
    oracles::MatrixOperator scaled(2 * torch::eye(7, torch::kFloat64));
    const auto exact = spectralDensity(scaled, {2, 3, 0});
    QVERIFY(std::abs(squaredFrobenius(exact.probes, 7).trace - 28) < 1e-10);
    QVERIFY(std::isnan(squaredFrobenius({exact.probes.front()}, 7).standardError));
  }

  // The quadrature of one probe integrates polynomials up to degree 2m − 1 exactly: zᵀAᵏz / zᵀz.
  void oneProbeIsExact() {
    std::vector<double> values;
    for (int i = 0; i < 60; ++i) values.push_back(std::sin(i) * 3);
    const auto matrix = oracles::withSpectrum(values, 3);
    oracles::MatrixOperator op(matrix);
    DensityOptions options;
    options.probes = 1;
    options.nodes = 6;
    options.seed = 5;
    const auto found = spectralDensity(op, options);
    auto generator = at::detail::createCPUGenerator(5);
    auto z = torch::randint(0, 2, {60}, generator, torch::kFloat32).mul_(2).sub_(1).to(torch::kFloat64);
    auto power = z.clone();
    for (int k = 0; k <= 11; ++k) {
      const double truth = z.dot(power).item<double>() / 60;
      QVERIFY(std::abs(moment(found.probes, k) - truth) < 1e-9 * std::max(1.0, std::abs(truth)));
      power = matrix.mv(power);
    }
  }

  void smoothingIntegratesToOneAndShowsTheSpread() {
    oracles::MatrixOperator op(oracles::withSpectrum({5, 4, 3, 1, 0, 0, 0, -1}, 4));
    DensityOptions options;
    options.probes = 6;
    const auto found = spectralDensity(op, options);
    for (const auto& probe : found.probes) {
      QCOMPARE(probe.nodes.size(), std::size_t{8});
      QVERIFY(std::abs(std::accumulate(probe.weights.begin(), probe.weights.end(), 0.0) - 1) < 1e-12);
      QVERIFY(std::is_sorted(probe.nodes.begin(), probe.nodes.end()));
    }
    const auto curve = smoothed(found.probes, 0.02);
    QVERIFY(std::abs(areaOf(curve) - 1) < 1e-3);
    QVERIFY(*std::max_element(curve.standardError.begin(), curve.standardError.end()) > 0);
    QVERIFY(std::isnan(smoothed({found.probes[0]}).standardError[0]));
    QVERIFY(smoothed({}).density.empty());
  }

  // However narrow the smoothing, no peak falls between the points: neither those of the ends, which have most of the
  // weight in a large network, nor those between, nor a single one.
  void theGridFollowsTheWidth_data() {
    QTest::addColumn<double>("width");
    for (const double width : {kNarrowestSmoothing, 5e-4, 0.01, 0.3, 1.0}) QTest::addRow("%g", width) << width;
  }
  void theGridFollowsTheWidth() {
    QFETCH(double, width);
    const DensityProbe probe{{0, 0.123456, 0.777777, 3}, {0.9, 0.05, 0.03, 0.02}}, one{{2}, {1}};
    for (const auto& probes : std::vector<std::vector<DensityProbe>>{{probe}, {one}}) {
      const auto curve = smoothed(probes, width);
      QVERIFY2(std::abs(areaOf(curve) - 1) < 1e-3, qPrintable(QString::number(areaOf(curve))));
      const double step = curve.eigenvalues[1] - curve.eigenvalues[0],
                   deviation = width * (probes[0].nodes.size() > 1 ? 3 : 2);
      QVERIFY(step <= deviation / 4 * (1 + 1e-9));
      QVERIFY(curve.eigenvalues.size() >= 801 && curve.eigenvalues.size() < 50000);
    }
    if (width > 0.01) return;
    // Each peak has the height that its weight gives it.
    const auto curve = smoothed({probe}, width);
    const double norm = 1 / (3 * width * std::sqrt(2 * M_PI));
    for (std::size_t k = 0; k < probe.nodes.size(); ++k) {
      double highest = 0;
      for (std::size_t i = 0; i < curve.eigenvalues.size(); ++i) {
        if (std::abs(curve.eigenvalues[i] - probe.nodes[k]) < 3 * width) highest = std::max(highest, curve.density[i]);
      }
      QVERIFY(highest > 0.99 * norm * probe.weights[k] && highest < 1.01 * norm * probe.weights[k]);
    }
  }

  // ±1.96 standard errors hold the density that infinitely many probes would give, point by point, 95 % of the time: of
  // three probes as of ten.
  void theBandCovers_data() {
    QTest::addColumn<int>("probes");
    for (const int probes : {3, 10}) QTest::addRow("%d", probes) << probes;
  }
  void theBandCovers() {
    QFETCH(int, probes);
    constexpr int dimension = 120, seeds = 200;
    constexpr double width = 0.1;
    std::vector<double> values;
    for (int i = 0; i < dimension; ++i) values.push_back(double(i) / (dimension - 1));
    const auto matrix = oracles::withSpectrum(values, 9);
    double points = 0, covered = 0;
    for (int seed = 0; seed < seeds; ++seed) {
      oracles::MatrixOperator op(matrix);
      DensityOptions options;
      options.probes = probes;
      options.nodes = 30;
      options.seed = static_cast<std::uint64_t>(seed);
      const auto curve = smoothed(spectralDensity(op, options).probes, width);
      for (std::size_t i = 0; i < curve.eigenvalues.size(); i += 20) {
        const double at = curve.eigenvalues[i];
        if (at < 0 || at > 1) continue;
        double truth = 0;
        for (const double value : values) truth += std::exp(-0.5 * std::pow((at - value) / width, 2));
        truth /= dimension * width * std::sqrt(2 * M_PI);
        points += 1;
        covered += std::abs(curve.density[i] - truth) <= 1.96 * curve.standardError[i] ? 1 : 0;
      }
    }
    QVERIFY2(covered > 0.9 * points && covered < 0.99 * points, qPrintable(QString::number(covered / points)));
  }

  void stops() {
    std::stop_source source;
    source.request_stop();
    oracles::MatrixOperator op(oracles::withSpectrum({2, 1}, 6));
    QVERIFY_EXCEPTION_THROWN(spectralDensity(op, {}, {source.get_token(), {}, {}}), Stopped);
    QVERIFY_EXCEPTION_THROWN(powerIteration(op, {}, {source.get_token(), {}, {}}), Stopped);
  }

  // Power iteration finds magnitudes, and its path is that of the textbook.
  void powerIterationFindsMagnitudes() {
    const auto matrix = oracles::withSpectrum({-6, 4, 2, 1, 0.5, 0.2}, 7);
    oracles::MatrixOperator op(matrix);
    PowerOptions options;
    options.top = 3;
    options.tolerance = 1e-6;
    options.maxIterations = 400;
    options.seed = 3;
    const auto found = powerIteration(op, options);
    const std::vector<double> expected{-6, 4, 2};
    for (std::size_t i = 0; i < 3; ++i) {
      // Deflation by vectors that are not exact would leave a floor under the residuals of the later ones.
      QVERIFY2(found.pairs[i].converged, qPrintable(QString::number(found.pairs[i].residual)));
      QVERIFY(found.pairs[i].residual <= 1e-6);
      QVERIFY(std::abs(found.pairs[i].value - expected[i]) < 1e-8);
    }
    QCOMPARE(found.products, op.products());
    QCOMPARE(static_cast<std::int64_t>(found.path.size()), found.products);
    auto generator = at::detail::createCPUGenerator(3);
    auto v = torch::randn({6}, generator, torch::kFloat32).to(torch::kFloat64);
    for (std::int64_t step = 0; step < 5; ++step) {
      v = v / v.norm();
      const auto product = matrix.mv(v);
      QCOMPARE(found.path[static_cast<std::size_t>(step)].iteration, step + 1);
      QVERIFY(std::abs(found.path[static_cast<std::size_t>(step)].eigenvalue - v.dot(product).item<double>()) < 1e-9);
      v = product;
    }
  }
  void powerIterationTellsWhenItStoppedEarly() {
    oracles::MatrixOperator op(oracles::withSpectrum({3, 2.99, 1, 0.5}, 8));
    PowerOptions options;
    options.maxIterations = 10;
    options.tolerance = 1e-8;
    const auto found = powerIteration(op, options);
    QCOMPARE(found.products, 10);
    QVERIFY(!found.pairs[0].converged && found.pairs[0].residual > 1e-8);
  }
};

QTEST_GUILESS_MAIN(TestDensity)
#include "tst_density.moc"
