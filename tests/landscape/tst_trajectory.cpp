// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <stdexcept>

#include "core/landscape/trajectory.h"

using namespace eigenscape;

namespace {

Trajectory pathOf(const torch::Tensor& rows) {
  return {rows.size(0), [rows](std::int64_t i) { return rows[i]; }};
}

/// A path of rank 3 that ends at its centre, as a training does.
torch::Tensor curvedPath(std::int64_t points, std::int64_t dimension) {
  torch::manual_seed(4);
  const auto scales = torch::tensor({5.0, 1.0, 0.1}, torch::kFloat32);
  auto rows = (torch::randn({points, 3}) * scales).mm(torch::randn({3, dimension}));
  rows += torch::randn({dimension});
  return rows;
}

}  // namespace

class TestTrajectory : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  // The oracle is LibTorch's singular value decomposition of the differences.
  void principalDirectionsAreSingularVectors() {
    const auto rows = curvedPath(12, 50);
    const auto found = principalDirections(pathOf(rows), rows[11], 2);
    const auto [u, s, vt] = torch::linalg_svd((rows - rows[11]).to(torch::kFloat64), false, c10::nullopt);
    QCOMPARE(found.rows.size(0), 2);
    const double total = s.pow(2).sum().item<double>();
    for (std::int64_t k = 0; k < 2; ++k) {
      const auto direction = found.rows[k].to(torch::kFloat64);
      QVERIFY(std::abs(direction.norm().item<double>() - 1) < 1e-6);
      QVERIFY(std::abs(std::abs(direction.dot(vt[k]).item<double>()) - 1) < 1e-6);
      QVERIFY(std::abs(found.shares[std::size_t(k)] - s[k].pow(2).item<double>() / total) < 1e-6);
      QVERIFY(found.rows[k].dot(rows[0] - rows[11]).item<double>() > 0);
    }
  }

  void blocksChangeNothing() {
    const auto rows = curvedPath(9, 40);
    const auto whole = principalDirections(pathOf(rows), rows[8], 3);
    const auto pieces = principalDirections(pathOf(rows), rows[8], 3, {}, 4 * 40 * 4);  // two points at a time
    QVERIFY(torch::allclose(whole.rows, pieces.rows, 1e-4, 1e-5));
    QCOMPARE(pieces.shares.size(), std::size_t{3});
  }

  void asManyAsThePathSpans() {
    const auto rows = curvedPath(12, 50);
    QCOMPARE(principalDirections(pathOf(rows), rows[11], 7).rows.size(0), 3);
    QCOMPARE(principalDirections(pathOf(rows.narrow(0, 0, 1)), rows[0], 2).rows.size(0), 0);
    QCOMPARE(principalDirections(pathOf(rows.narrow(0, 0, 0)), rows[0], 2).rows.size(0), 0);
  }

  // Neither unit length nor a right angle; the third direction is what the plane cannot show.
  void coordinatesOnAnObliquePlane() {
    const auto e = torch::eye(6);
    const auto centre = torch::arange(6, torch::kFloat32);
    const auto x = 2 * e[0], y = e[0] + 3 * e[1];
    const auto rows = torch::stack({centre + 0.5 * x - 2 * y, centre, centre + y + 4 * e[4], centre + e[5]});
    const auto points = projected(pathOf(rows), centre, x, y);
    QVERIFY(std::abs(points[0].alpha - 0.5) < 1e-6 && std::abs(points[0].beta + 2) < 1e-6);
    QVERIFY(points[0].unexplained < 1e-6);
    QCOMPARE(points[1].alpha, 0.0);
    QCOMPARE(points[1].unexplained, 0.0);
    QVERIFY(std::abs(points[2].beta - 1) < 1e-6);
    QVERIFY(std::abs(points[2].unexplained - 16.0 / 26.0) < 1e-6);
    QVERIFY(std::abs(points[3].unexplained - 1) < 1e-6);
  }

  void coordinatesOnALine() {
    const auto e = torch::eye(4);
    const auto rows = torch::stack({e[0], 3 * e[0] + e[1], e[2]});
    const auto alphas = projected(pathOf(rows), e[0], 2 * e[0], Context{});
    QVERIFY(alphas.size() == 3 && alphas[0] == 0 && alphas[1] == 1 && alphas[2] == -0.5);
  }

  void onePlaneNeedsTwoDirections() {
    const auto rows = curvedPath(3, 8);
    QVERIFY_EXCEPTION_THROWN(projected(pathOf(rows), rows[2], rows[0], 2 * rows[0]), std::invalid_argument);
    QVERIFY_EXCEPTION_THROWN(projected(pathOf(rows), rows[2], rows[0], torch::zeros({8})), std::invalid_argument);
  }

  void stops() {
    std::stop_source source;
    source.request_stop();
    const auto rows = curvedPath(3, 8);
    const Context context{source.get_token(), {}, {}};
    QVERIFY_EXCEPTION_THROWN(principalDirections(pathOf(rows), rows[2], 1, context), Stopped);
  }
};

QTEST_APPLESS_MAIN(TestTrajectory)
#include "tst_trajectory.moc"
