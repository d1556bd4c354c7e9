// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <cmath>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/trace.h"
#include "tests/support/oracles.h"

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
