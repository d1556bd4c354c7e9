// SPDX-License-Identifier: GPL-3.0-or-later
#include <Spectra/SymEigsSolver.h>
#include <torch/torch.h>

#include <QTest>
#include <cmath>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/lanczos.h"
#include "tests/support/oracles.h"

using namespace eigenscape;

namespace {

std::vector<double> spread(int n) {
  std::vector<double> values;
  for (int i = 0; i < n; ++i) values.push_back(std::pow(0.93, i) * 20 - 1.5);
  return values;
}

/// Spectra's view of one of our operators.
class SpectraOperator {
 public:
  using Scalar = double;
  explicit SpectraOperator(LinearOperator& op) : op_(op) {}
  Eigen::Index rows() const { return op_.dimension(); }
  Eigen::Index cols() const { return op_.dimension(); }
  void perform_op(const double* in, double* out) const {
    const auto x = torch::from_blob(const_cast<double*>(in), {op_.dimension()}, torch::kFloat64).clone();
    const auto y = op_.apply(x).contiguous();
    std::copy_n(y.data_ptr<double>(), op_.dimension(), out);
  }

 private:
  LinearOperator& op_;
};

}  // namespace

class TestLanczos : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void bothEnds() {
    const auto values = spread(120);
    oracles::MatrixOperator op(oracles::withSpectrum(values, 1));
    LanczosOptions options;
    options.top = 7;
    options.bottom = 3;
    options.tolerance = 1e-8;
    const auto pairs = lanczos(op, options);
    QCOMPARE(pairs.top.size(), std::size_t{7});
    QCOMPARE(pairs.bottom.size(), std::size_t{3});
    for (std::size_t i = 0; i < 7; ++i) {
      QVERIFY(pairs.top[i].converged);
      QVERIFY(std::abs(pairs.top[i].value - values[i]) < 1e-9);
    }
    for (std::size_t i = 0; i < 3; ++i) QVERIFY(std::abs(pairs.bottom[i].value - values[119 - i]) < 1e-9);
    QCOMPARE(pairs.products, op.products());
  }

  void moreEigenvaluesThanTheUsualBasisHolds() {
    const auto values = spread(330);
    oracles::MatrixOperator op(oracles::withSpectrum(values, 3));
    LanczosOptions options;
    options.top = 310;
    options.tolerance = 1e-6;
    const auto pairs = lanczos(op, options);
    QCOMPARE(pairs.top.size(), std::size_t{310});
    for (std::size_t i = 0; i < 310; ++i) {
      const double error = std::abs(pairs.top[i].value - values[i]);
      QVERIFY2(error < 1e-6 * std::abs(values[i]), qPrintable(QString("%1: %2").arg(i).arg(error)));
    }
  }

  void productsThatAreNotFiniteEndIt() {
    auto matrix = oracles::withSpectrum(spread(40), 4);
    matrix[3][5] = std::nan("");
    oracles::MatrixOperator op(matrix);
    QVERIFY_EXCEPTION_THROWN(lanczos(op, {}), RunError);
    QCOMPARE(op.products(), 1);
  }

  void aSmallBasisIsRestarted() {
    const auto values = spread(300);
    oracles::MatrixOperator op(oracles::withSpectrum(values, 2));
    LanczosOptions options;
    options.top = 5;
    options.maxBasis = 14;
    options.tolerance = 1e-6;
    const auto pairs = lanczos(op, options);
    for (std::size_t i = 0; i < 5; ++i) {
      QVERIFY(pairs.top[i].converged);
      QVERIFY(std::abs(pairs.top[i].value - values[i]) < 1e-6);
    }
    QVERIFY(pairs.products > 20);  // more than one basis
  }

  // The residual is measured, not estimated: it is what a product by hand gives.
  void residualsAreTrue() {
    const auto matrix = oracles::withSpectrum(spread(80), 3);
    oracles::MatrixOperator op(matrix);
    LanczosOptions options;
    options.top = 4;
    options.tolerance = 1e-3;
    for (const auto& pair : lanczos(op, options).top) {
      const double byHand =
          (matrix.mv(pair.vector) - pair.value * pair.vector).norm().item<double>() / std::abs(pair.value);
      QVERIFY(std::abs(byHand - pair.residual) < 1e-10);
      QVERIFY(std::abs(pair.vector.norm().item<double>() - 1) < 1e-12);
      QVERIFY(pair.vector[pair.vector.abs().argmax()].item<double>() > 0);
    }
  }

  void tooFewProductsAreToldByTheFlag() {
    oracles::MatrixOperator op(oracles::withSpectrum(spread(200), 4));
    LanczosOptions options;
    options.top = 10;
    options.tolerance = 1e-10;
    options.maxProducts = 30;
    const auto pairs = lanczos(op, options);
    QVERIFY(pairs.products <= 30);
    QVERIFY(!pairs.top.back().converged);
    QVERIFY(pairs.top.back().residual > 1e-10);
  }

  void degenerateAndDeficient() {
    // A double eigenvalue, many zeros: the Krylov space of one start vector is invariant early.
    std::vector<double> values(40, 0.0);
    values[0] = 5, values[1] = 3, values[2] = 3, values[3] = 1, values[4] = -2;
    oracles::MatrixOperator op(oracles::withSpectrum(values, 5));
    LanczosOptions options;
    options.top = 4;
    options.bottom = 1;
    options.tolerance = 1e-8;
    options.maxBasis = 40;
    const auto pairs = lanczos(op, options);
    QVERIFY(std::abs(pairs.top[0].value - 5) < 1e-8);
    QVERIFY(std::abs(pairs.top[1].value - 3) < 1e-8);
    QVERIFY(std::abs(pairs.bottom[0].value + 2) < 1e-8);
  }

  void moreThanThereAre() {
    oracles::MatrixOperator op(oracles::withSpectrum({3, 2, 1}, 6));
    LanczosOptions options;
    options.top = 5;
    options.bottom = 2;
    const auto pairs = lanczos(op, options);
    QCOMPARE(pairs.top.size() + pairs.bottom.size(), std::size_t{3});
    QVERIFY(std::abs(pairs.top[2].value - 1) < 1e-10);
  }

  void theZeroOperator() {
    oracles::MatrixOperator op(torch::zeros({6, 6}, torch::kFloat64));
    LanczosOptions options;
    options.top = 2;
    const auto pairs = lanczos(op, options);
    QCOMPARE(pairs.top[0].value, 0.0);
    QCOMPARE(pairs.top[0].residual, 0.0);
  }

  void sameSeedSameBits() {
    const auto matrix = oracles::withSpectrum(spread(60), 7).to(torch::kFloat32);
    oracles::MatrixOperator a(matrix), b(matrix);
    const auto x = lanczos(a, {}), y = lanczos(b, {});
    for (std::size_t i = 0; i < x.top.size(); ++i) {
      QVERIFY(x.top[i].value == y.top[i].value);
      QVERIFY(x.top[i].vector.equal(y.top[i].vector));
    }
  }

  // Spectra (an implementation by others) on the Hessian of a network.
  void agreesWithSpectra() {
    auto model = oracles::tanhNetwork(8, 10, 4, 8);
    const auto examples = oracles::randomExamples({40, 8}, 4, 9);
    CurvatureOperator hessian(*model, examples, {});
    LanczosOptions options;
    options.top = 6;
    options.tolerance = 1e-7;
    const auto pairs = lanczos(hessian, options);
    SpectraOperator op(hessian);
    Spectra::SymEigsSolver<SpectraOperator> solver(op, 6, 30);
    solver.init();
    solver.compute(Spectra::SortRule::LargestAlge, 1000, 1e-10);
    QCOMPARE(static_cast<int>(solver.info()), static_cast<int>(Spectra::CompInfo::Successful));
    for (int i = 0; i < 6; ++i) {
      QVERIFY(std::abs(solver.eigenvalues()[i] - pairs.top[static_cast<std::size_t>(i)].value) < 1e-7);
    }
  }

  void stops() {
    std::stop_source source;
    source.request_stop();
    oracles::MatrixOperator op(oracles::withSpectrum({2, 1}, 6));
    QVERIFY_EXCEPTION_THROWN(lanczos(op, {}, {source.get_token(), {}, {}}), Stopped);
  }
};

QTEST_GUILESS_MAIN(TestLanczos)
#include "tst_lanczos.moc"
