// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <algorithm>
#include <cmath>

#include "core/curvature/krylov.h"
#include "core/model/examples.h"
#include "core/model/model.h"
#include "tests/support/oracles.h"

using namespace eigenscape;

namespace {

constexpr int kDimension = 500;

/// A few outliers above a bulk, as a network's Hessian has them: the basis converges to them within few steps, which is
/// where Lanczos' method without care loses its orthogonality.
std::vector<double> outliers() {
  std::vector<double> values;
  for (int i = 0; i < kDimension; ++i) values.push_back(i < 12 ? 50.0 / (i + 1) : std::cos(0.1 * i));
  return values;
}

}  // namespace

class TestKrylov : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void theRelationHolds_data() {
    QTest::addColumn<bool>("single");
    QTest::addColumn<int>("block");
    QTest::addColumn<bool>("restarted");
    for (const bool single : {true, false}) {
      for (const int block : {1, 3}) {
        for (const bool restarted : {false, true}) {
          QTest::addRow("float%d, %d at once%s", single ? 32 : 64, block, restarted ? ", restarted" : "")
              << single << block << restarted;
        }
      }
    }
  }
  /// The basis stays orthonormal, A V is what the relation says, and so are residuals: all to rounding.
  void theRelationHolds() {
    QFETCH(bool, single);
    QFETCH(int, block);
    QFETCH(bool, restarted);
    const auto type = single ? torch::kFloat32 : torch::kFloat64;
    oracles::MatrixOperator op(oracles::withSpectrum(outliers(), 3).to(type));
    Krylov space(op, 90, 7);
    for (int i = 0; i < block; ++i) space.addRandomStart();
    while (!space.full()) space.expand(static_cast<std::size_t>(space.size()) % space.pending());
    if (restarted) {
      for (int round = 0; round < 4; ++round) {
        const auto ritz = space.solve();
        space.restart(ritz.eigenvalues().tail(30), ritz.eigenvectors().rightCols(30));
        while (!space.full()) space.expand(space.size() % 2 == 0 ? 0 : space.pending() - 1);
      }
    }
    // A restart turns the basis as it is.
    const double epsilon = (single ? 1.2e-7 : 2.3e-16) * (restarted ? 250 : 40);
    const auto size = space.size();
    const auto basis = space.vectors(Eigen::MatrixXd::Identity(size, size)).to(torch::kFloat64);
    const auto gram = basis.mm(basis.t()) - torch::eye(size, torch::kFloat64);
    QVERIFY2(gram.abs().max().item<double>() < epsilon, qPrintable(QString::number(gram.abs().max().item<double>())));
    const auto ritz = space.solve();
    for (const auto i : {Eigen::Index(0), Eigen::Index(size / 2), Eigen::Index(size - 1)}) {
      const Eigen::VectorXd y = ritz.eigenvectors().col(i);
      const auto vector = space.vectors(y)[0];
      const auto product = op.apply(vector);
      const double off = (product - space.predictedProduct(y)).norm().item<double>();
      QVERIFY2(off < 50 * epsilon, qPrintable(QString::number(off)));
      const double residual = (product - ritz.eigenvalues()[i] * vector).norm().item<double>();
      QVERIFY2(std::abs(residual - space.residual(y)) < 50 * epsilon, qPrintable(QString::number(residual)));
    }
  }

  /// A product that loses nearly all of its length against the basis: the rest can't wait for the next pass.
  void nearlyInvariant() {
    std::vector<double> values(60, 1.0);
    for (std::size_t i = 0; i < 5; ++i) values[i] = 1000.0 * double(i + 1);
    for (std::size_t i = 5; i < 60; ++i) values[i] = 1 + 1e-4 * double(i);
    oracles::MatrixOperator op(oracles::withSpectrum(values, 9).to(torch::kFloat32));
    Krylov space(op, 60, 1);
    space.addRandomStart();
    while (!space.full() && space.pending() > 0) space.expand();
    QCOMPARE(space.size(), std::int64_t{60});
    const auto basis = space.vectors(Eigen::MatrixXd::Identity(60, 60)).to(torch::kFloat64);
    const auto gram = basis.mm(basis.t()) - torch::eye(60, torch::kFloat64);
    QVERIFY2(gram.abs().max().item<double>() < 1e-5, qPrintable(QString::number(gram.abs().max().item<double>())));
    const auto ritz = space.solve();
    std::sort(values.begin(), values.end());
    for (Eigen::Index i = 0; i < 60; ++i)
      QVERIFY(std::abs(ritz.eigenvalues()[i] - values[static_cast<std::size_t>(i)]) < 5e-3);
  }
};

QTEST_APPLESS_MAIN(TestKrylov)
#include "tst_krylov.moc"
