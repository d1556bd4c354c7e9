// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <cmath>
#include <utility>
#include <vector>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/drawn_trace.h"
#include "core/curvature/trace.h"
#include "tests/support/oracles.h"
#include "tests/support/trace_sums.h"

using namespace eigenscape;

class TestTrace : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  // Rademacher probes are exact on a diagonal matrix: one probe gives the trace of every block.
  void diagonalMatricesAreExact() {
    oracles::MatrixOperator op(torch::diag(torch::arange(1, 11, torch::kFloat64)));
    TraceOptions options;
    options.minProbes = 2;
    const auto estimates = estimateTraces(op, {{0, 4}, {4, 6}}, options);
    QCOMPARE(estimates.whole.trace, 55.0);
    QCOMPARE(estimates.ranges[0].trace, 10.0);
    QCOMPARE(estimates.ranges[1].trace, 45.0);
    QCOMPARE(estimates.whole.standardError, 0.0);
    QVERIFY(estimates.converged);
    QCOMPARE(estimates.products, 2);
    QCOMPARE(estimates.method, std::string("hutchinson"));
  }

  // The stated standard error covers the truth as often as it claims: 200 seeds, two-sided 95 %.
  void theStandardErrorCovers() {
    std::vector<double> values;
    for (int i = 0; i < 50; ++i) values.push_back(10.0 / (1 + i) - 0.5);
    const auto matrix = oracles::withSpectrum(values, 1);
    const double truth = matrix.trace().item<double>(),
                 part = matrix.narrow(0, 10, 15).narrow(1, 10, 15).trace().item<double>();
    int whole = 0, range = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      oracles::MatrixOperator op(matrix);
      TraceOptions options;
      options.minProbes = options.maxProbes = 40;
      options.seed = seed;
      const auto estimates = estimateTraces(op, {{10, 15}}, options);
      whole += std::abs(estimates.whole.trace - truth) <= 1.96 * estimates.whole.standardError ? 1 : 0;
      range += std::abs(estimates.ranges[0].trace - part) <= 1.96 * estimates.ranges[0].standardError ? 1 : 0;
    }
    QVERIFY2(whole >= 180 && whole <= 198, qPrintable(QString::number(whole)));
    QVERIFY2(range >= 180 && range <= 198, qPrintable(QString::number(range)));
  }

  // What central differences are off by is part of what a trace may be off by, and no number of probes takes it away.
  void errorsOfProductsCount() {
    struct Inexact : oracles::MatrixOperator {
      using MatrixOperator::MatrixOperator;
      double relativeError() const override { return 0.03; }
    };
    std::vector<double> values(60, 1.0);
    const auto matrix = oracles::withSpectrum(values, 2);
    Inexact op(matrix);
    oracles::MatrixOperator exact(matrix);
    TraceOptions options;
    options.tolerance = 0.003;
    const std::vector<Range> ranges{{0, 30}};
    const auto off = estimateTraces(op, ranges, options), on = estimateTraces(exact, ranges, options);
    QVERIFY(on.converged && !off.converged);
    QCOMPARE(off.whole.trace, on.whole.trace);
    const double least = 0.03 * std::sqrt(60.0);  // 3 % of ‖A‖_F
    QVERIFY(std::abs(off.whole.standardError - std::hypot(on.whole.standardError, least)) < 1e-3);
    QVERIFY(off.ranges[0].standardError >= 0.99 * least);
    QVERIFY(off.squaredFrobenius.standardError >= 0.059 * 60);
    options.tolerance = 0.02;
    Inexact again(matrix);
    QVERIFY(estimateTraces(again, {}, options).converged);
  }

  void theToleranceStopsIt() {
    std::vector<double> values(60, 1.0);
    values[0] = 20;
    const auto matrix = oracles::withSpectrum(values, 2);
    oracles::MatrixOperator loose(matrix), tight(matrix);
    TraceOptions options;
    options.maxProbes = 5000;
    options.tolerance = 0.1;
    const auto few = estimateTraces(loose, {}, options);
    options.tolerance = 0.01;
    const auto many = estimateTraces(tight, {}, options);
    QVERIFY(few.converged && many.converged);
    QVERIFY(many.products > 4 * few.products);
    QVERIFY(many.whole.standardError <= 0.01 * many.whole.trace);
  }

  // Student's two-sided 95 % quantiles, as every table of them has them.
  void fewDegreesOfFreedomWidenTheInterval() {
    const std::vector<std::pair<double, double>> table{
        {1, 12.7062},  {2, 4.30265},  {3, 3.18245},  {4, 2.77645},  {5, 2.57058},  {6, 2.44691},   {8, 2.30600},
        {10, 2.22814}, {15, 2.13145}, {19, 2.09302}, {20, 2.08596}, {30, 2.04227}, {120, 1.97993}, {1e9, 1.95996}};
    for (const auto& [freedom, quantile] : table) {
      const double found = 1.959963984540054 * studentFactor(freedom);
      QVERIFY2(std::abs(found - quantile) < 6e-6 * quantile,
               qPrintable(QString("%1: %2 for %3").arg(freedom).arg(found, 0, 'g', 8).arg(quantile)));
    }
    // Welch's and Satterthwaite's rule gives fractions. Both ways to the quantile meet at 20.
    double before = HUGE_VAL;
    for (double freedom = 1; freedom < 25; freedom += 0.01) {
      QVERIFY(studentFactor(freedom) < before);
      before = studentFactor(freedom);
    }
    QVERIFY(std::abs(studentFactor(20 - 1e-9) - studentFactor(20)) < 1e-6);
    QCOMPARE(studentFactor(HUGE_VAL), 1.0);
  }

  // Two probes are as few as there can be: the interval is true of a matrix whose terms are normal, more or less.
  void twoProbesCover() {
    std::vector<double> values;
    for (int i = 0; i < 80; ++i) values.push_back(std::sin(i));
    const auto matrix = oracles::withSpectrum(values, 4);
    const double truth = matrix.trace().item<double>();
    int covered = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      oracles::MatrixOperator op(matrix);
      TraceOptions options;
      options.minProbes = options.maxProbes = 2;
      options.seed = seed;
      const auto whole = estimateTraces(op, {}, options).whole;
      QCOMPARE(whole.freedom, 1.0);
      covered += std::abs(whole.trace - truth) <= 1.96 * whole.standardError ? 1 : 0;
    }
    QVERIFY2(covered >= 180 && covered <= 198, qPrintable(QString::number(covered)));
  }

  // Draws of the largest share that agree by chance: the degrees of freedom are those of one share, and so is the
  // factor.
  void sharesThatAgreeByChance() {
    const std::vector<DrawnShare> shares{{100, 1e-6}, {1, 0.5}, {1, 0.5}};
    const auto estimate = drawnTrace(shares, 2);
    QVERIFY2(estimate.freedom >= 1 && estimate.freedom < 1.1, qPrintable(QString::number(estimate.freedom)));
    const double deviation = std::sqrt((1e-6 + 0.5 + 0.5) / 2);
    QVERIFY(std::abs(estimate.standardError / (studentFactor(estimate.freedom) * deviation) - 1) < 1e-9);
  }

  // With a stopping rule, with and without deflation, and by layer: 200 seeds on a Hessian that is known.
  void intervalsCoverUnderTheStoppingRule_data() {
    QTest::addColumn<int>("deflated");
    QTest::newRow("Hutchinson") << 0;
    QTest::newRow("decided by the first probes") << -1;
    QTest::newRow("ten vectors deflated") << 10;
  }
  void intervalsCoverUnderTheStoppingRule() {
    QFETCH(int, deflated);
    auto model = oracles::tanhNetwork(8, 12, 4, 21);
    CurvatureOptions gaussNewton;  // semidefinite: no layer's trace is near zero
    gaussNewton.kind = CurvatureKind::GaussNewton;
    CurvatureOperator op(*model, oracles::randomExamples({40, 8}, 4, 22), gaussNewton);
    const auto dense = oracles::dense(op);
    const auto matrix =
        torch::from_blob(const_cast<double*>(dense.data()), {dense.rows(), dense.cols()}, torch::kFloat64);
    std::vector<Range> ranges;
    for (const auto& layer : model->parameters().layers()) ranges.push_back({layer.offset, layer.size});
    std::vector<double> truth;
    for (const auto& range : ranges) truth.push_back(dense.diagonal().segment(range.offset, range.size).sum());
    std::vector<int> covered(ranges.size() + 4, 0);
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      oracles::MatrixOperator known(matrix);
      TraceOptions options;
      options.tolerance = 0.08;
      options.maxProbes = 2000;
      options.deflated = deflated;
      options.seed = seed;
      const auto found = estimateTraces(known, ranges, options);
      QVERIFY(found.converged);
      const auto covers = [](const TraceEstimate& estimate, double exact) {
        return std::abs(estimate.trace - exact) <= 1.96 * estimate.standardError ? 1 : 0;
      };
      covered[0] += covers(found.whole, dense.trace());
      // The norm's own error is what figures show.
      const auto square = found.squaredFrobenius;
      const double norm = std::sqrt(square.trace);
      covered[1] += covers(square, dense.squaredNorm());
      covered[2] += covers({norm, square.standardError / (2 * norm)}, dense.norm());
      for (std::size_t i = 0; i < ranges.size(); ++i) covered[i + 3] += covers(found.ranges[i], truth[i]);
      covered.back() += covers(oracles::weightedSum(found), oracles::weightedSum(truth, ranges.size()));
    }
    for (std::size_t i = 0; i < covered.size(); ++i) {
      QVERIFY2(covered[i] >= 180 && covered[i] <= 198, qPrintable(QString("%1: %2").arg(i).arg(covered[i])));
    }
  }

  // Taking the outliers out saves products at the same error, and what is known exactly has no error.
  void deflationSavesProducts() {
    std::vector<double> values(300, 0.02);
    for (int i = 0; i < 8; ++i) values[static_cast<std::size_t>(i)] = 20.0 - 2 * i;
    const auto matrix = oracles::withSpectrum(values, 3);
    TraceOptions options;
    options.maxProbes = 100000;
    options.tolerance = 0.01;
    oracles::MatrixOperator a(matrix), b(matrix), c(matrix);
    const auto plain = estimateTraces(a, {}, options);
    options.deflated = -1;
    const auto decided = estimateTraces(b, {}, options);
    QVERIFY(plain.converged && decided.converged);
    QVERIFY2(decided.products * 10 < plain.products, qPrintable(QString::number(decided.products)));
    QVERIFY(decided.deflated >= 8);
    QCOMPARE(decided.method, std::string("hutch++"));
    const double truth = matrix.trace().item<double>();
    QVERIFY(std::abs(decided.whole.trace - truth) < 0.03 * truth);
    options.deflated = 300;
    const auto all = estimateTraces(c, {{0, 100}}, options);
    QVERIFY(std::abs(all.whole.trace - truth) < 1e-8);
    QVERIFY(std::abs(all.ranges[0].trace - matrix.diagonal().narrow(0, 0, 100).sum().item<double>()) < 1e-8);
    QVERIFY(std::abs(all.squaredFrobenius.trace - matrix.pow(2).sum().item<double>()) < 1e-6);
  }

  // Layers of a network against the diagonal of its dense Hessian.
  void layersOfANetwork() {
    auto model = oracles::tanhNetwork(5, 6, 3, 3);
    CurvatureOperator hessian(*model, oracles::randomExamples({30, 5}, 3, 4), {});
    const auto matrix = oracles::dense(hessian);
    std::vector<Range> ranges;
    for (const auto& layer : model->parameters().layers()) ranges.push_back({layer.offset, layer.size});
    TraceOptions options;
    options.minProbes = options.maxProbes = 800;
    const auto estimates = estimateTraces(hessian, ranges, options);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      const double truth = matrix.diagonal().segment(ranges[i].offset, ranges[i].size).sum();
      QVERIFY(std::abs(estimates.ranges[i].trace - truth) < 4 * estimates.ranges[i].standardError);
      QVERIFY(estimates.ranges[i].standardError < 0.2 * std::abs(truth));
    }
    QVERIFY(std::abs(estimates.ranges[0].trace + estimates.ranges[1].trace - estimates.whole.trace) < 1e-9);
  }
};

QTEST_GUILESS_MAIN(TestTrace)
#include "tst_trace.moc"
