// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>

#include "core/curvature/basis_sweep.h"

using namespace eigenscape;

namespace {

Eigen::VectorXd toEigen(const torch::Tensor& tensor) {
  const auto values = tensor.to(torch::kFloat64).contiguous();
  return Eigen::Map<const Eigen::VectorXd>(values.data_ptr<double>(), values.numel());
}

}  // namespace

class TestBasisSweep : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void agreesWithTheDefinition_data() {
    QTest::addColumn<int>("count");
    QTest::addColumn<int>("length");
    QTest::addColumn<bool>("doubles");
    QTest::addColumn<bool>("nothingInQ");
    for (const bool doubles : {false, true}) {
      const char* type = doubles ? "double" : "float";
      QTest::addRow("%s, one row", type) << 1 << 37 << doubles << false;
      QTest::addRow("%s, five rows, odd length", type) << 5 << 9001 << doubles << false;
      QTest::addRow("%s, more rows than a piece holds", type) << 300 << 700 << doubles << false;
      QTest::addRow("%s, nothing to take from q", type) << 7 << 5000 << doubles << true;
      QTest::addRow("%s, shorter than a register", type) << 3 << 4 << doubles << false;
    }
  }
  /// Against Eigen in double, within rounding of sums of that length.
  void agreesWithTheDefinition() {
    QFETCH(int, count);
    QFETCH(int, length);
    QFETCH(bool, doubles);
    QFETCH(bool, nothingInQ);
    torch::manual_seed(5);
    const auto type = doubles ? torch::kFloat64 : torch::kFloat32;
    // As in the solver: the first rows of a larger matrix.
    const auto basis = torch::randn({count + 2, length}, type).narrow(0, 0, count);
    auto q = torch::randn({length}, type), w = torch::randn({length}, type);
    const Eigen::VectorXd rest =
        nothingInQ ? Eigen::VectorXd::Zero(count) : Eigen::VectorXd(Eigen::VectorXd::Random(count));
    const Eigen::VectorXd known = Eigen::VectorXd::Random(count);
    Eigen::MatrixXd rows(count, length);
    for (int i = 0; i < count; ++i) rows.row(i) = toEigen(basis[i]);
    const Eigen::VectorXd wantedQ = toEigen(q) - rows.transpose() * rest;
    const Eigen::VectorXd wantedW = toEigen(w) - rows.transpose() * known;

    const auto left = sweep(basis, rest, q, known, w);
    const double epsilon = (doubles ? 1e-15 : 5e-7) * std::sqrt(count);
    QVERIFY((toEigen(q) - wantedQ).norm() <= epsilon * (1 + wantedQ.norm()));
    QVERIFY((toEigen(w) - wantedW).norm() <= epsilon * (1 + wantedW.norm()));
    QVERIFY((left.ofW - rows * wantedW).norm() <= epsilon * rows.norm() * wantedW.norm());
    QVERIFY((left.ofQ - rows * wantedQ).norm() <= epsilon * rows.norm() * wantedQ.norm());
  }

  void anEmptyBasis() {
    auto q = torch::ones({8}), w = torch::ones({8});
    QCOMPARE(sweep(torch::empty({0, 8}), {}, q, {}, w).ofW.size(), Eigen::Index(0));
    QVERIFY(torch::equal(q, torch::ones({8})) && torch::equal(w, torch::ones({8})));
  }

  void threadsChangeNothing() {
    const auto threads = at::get_num_threads();
    Eigen::VectorXd first;
    for (const int used : {1, 2, 3}) {
      at::set_num_threads(used);
      torch::manual_seed(1);
      const auto basis = torch::randn({11, 30011});
      auto q = torch::randn({30011}), w = torch::randn({30011});
      const auto along = sweep(basis, Eigen::VectorXd::Constant(11, 0.1), q, Eigen::VectorXd::Constant(11, 0.3), w);
      if (used == 1) first = along.ofW;
      QVERIFY(along.ofW == first);
    }
    at::set_num_threads(threads);
  }
};

QTEST_APPLESS_MAIN(TestBasisSweep)
#include "tst_basis_sweep.moc"
