// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <limits>

#include "views/surface_grid.h"

using namespace eigenscape;

namespace {

constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();

template <class Function>
std::vector<SurfaceRow> rowsOf(int points, Function&& loss) {
  std::vector<SurfaceRow> rows;
  for (int j = 0; j < points; ++j) {
    for (int i = 0; i < points; ++i) {
      const double a = -1 + 2.0 * i / (points - 1), b = -1 + 2.0 * j / (points - 1);
      rows.push_back({"s", 3, a, b, "train", loss(a, b), 0.5});
    }
  }
  return rows;
}

double identity(double value) {
  return value;
}

}  // namespace

class TestSurfaceGrid : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void rowsFindTheirPlace() {
    auto rows = rowsOf(5, [](double a, double b) { return 10 * a + b; });
    rows.push_back({"other", 3, 9, 9, "train", 1, 1});
    rows.push_back({"s", 4, 9, 9, "train", 1, 1});
    rows.push_back({"s", 3, 0, 0, "test", 77, 1});
    std::swap(rows[3], rows[20]);  // order does not matter
    const SurfaceGrid grid = surfaceGrid(rows, "s", 3, "train");
    QCOMPARE(grid.xs, (std::vector<double>{-1, -0.5, 0, 0.5, 1}));
    QCOMPARE(grid.ys, grid.xs);
    for (std::size_t j = 0; j < 5; ++j) {
      for (std::size_t i = 0; i < 5; ++i) QCOMPARE(grid.loss[grid.index(i, j)], 10 * grid.xs[i] + grid.ys[j]);
    }
    QCOMPARE(grid.missing(), std::size_t(0));
    QCOMPARE(surfaceGrid(rows, "s", 3, "test").missing(), std::size_t(24));
  }

  // A coarse grid and a few finer points: in between a linear function is met exactly, and nothing counts as known.
  void unknownPointsOfAGridThatIsRefined() {
    auto rows = rowsOf(9, [](double a, double b) { return 2 + a - 3 * b; });
    std::vector<SurfaceRow> some;
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const auto i = k % 9, j = k / 9;
      if ((i % 4 == 0 && j % 4 == 0) || k == 9 * 3 + 5 || k == 9 * 6 + 2 || i + j == 1) some.push_back(rows[k]);
    }
    SurfaceGrid grid = surfaceGrid(some, "s", 3, "train");
    const auto unknown = grid.missing();
    QVERIFY(unknown > 0);
    interpolateUnknown(grid);
    QVERIFY(grid.interpolated);
    QCOMPARE(grid.missing(), unknown);
    for (std::size_t j = 0; j < grid.ys.size(); ++j) {
      for (std::size_t i = 0; i < grid.xs.size(); ++i)
        QVERIFY(std::abs(grid.loss[grid.index(i, j)] - (2 + grid.xs[i] - 3 * grid.ys[j])) < 1e-12);
    }
  }

  // The rest of a grid measured row by row stays unknown, and nothing is drawn across a point that is not finite.
  void nothingIsGuessedBeyondWhatIsKnown() {
    auto rows = rowsOf(5, [](double, double) { return 1.0; });
    rows.erase(rows.begin() + 7);
    rows[6].loss = notANumber;  // before it: (1, 1)
    rows.resize(12);
    SurfaceGrid grid = surfaceGrid(rows, "s", 3, "train");
    interpolateUnknown(grid);
    QVERIFY(std::isnan(grid.loss[grid.index(1, 1)]));
    QVERIFY(std::isnan(grid.loss[grid.index(4, 2)]));
  }

  void whatIsMissingAndWhatIsNotFinite() {
    auto rows = rowsOf(4, [](double a, double b) { return a + b; });
    rows.pop_back();
    rows[5].loss = notANumber;
    rows[6].loss = std::numeric_limits<double>::infinity();
    const SurfaceGrid grid = surfaceGrid(rows, "s", 3, "train");
    QCOMPARE(grid.missing(), std::size_t(1));
    QCOMPARE(grid.nonFinite(), std::size_t(2));
    QVERIFY(std::isnan(grid.at(grid.xs[1], grid.ys[1], identity)));
    QVERIFY(std::isnan(grid.at(1, 1, identity)));
    QVERIFY(std::isfinite(grid.at(grid.xs[0], grid.ys[0], identity)));
  }

  void betweenPointsItIsBilinear() {
    const SurfaceGrid grid =
        surfaceGrid(rowsOf(4, [](double a, double b) { return 2 * a - b + 3 * a * b; }), "s", 3, "train");
    for (const double a : {-1.0, -0.9, -0.11, 0.5, 1.0}) {
      for (const double b : {-1.0, -0.3, 0.77, 1.0}) {
        QVERIFY(std::abs(grid.at(a, b, identity) - (2 * a - b + 3 * a * b)) < 1e-12);
      }
    }
  }

  void oneRowOrColumnCannotBeDrawn() {
    std::vector<SurfaceRow> rows = {{"s", 0, 0, 0, "train", 1, 1}, {"s", 0, 1, 0, "train", 1, 1}};
    QVERIFY(!surfaceGrid(rows, "s", 0, "train").drawable());
    QVERIFY(!surfaceGrid({}, "s", 0, "train").drawable());
  }

  void theLineOfAConeIsACircle() {
    const SurfaceGrid grid =
        surfaceGrid(rowsOf(41, [](double a, double b) { return std::hypot(a, b); }), "s", 3, "train");
    const auto lines = isoLines(grid, grid.loss, 0.6);
    QCOMPARE(lines.size(), std::size_t(1));
    QCOMPARE(lines[0].first(), lines[0].last());
    for (const auto& point : lines[0]) QVERIFY(std::abs(std::hypot(point.x(), point.y()) - 0.6) < 2e-3);
    double length = 0;
    for (int i = 1; i < lines[0].size(); ++i)
      length += std::hypot(lines[0][i].x() - lines[0][i - 1].x(), lines[0][i].y() - lines[0][i - 1].y());
    QVERIFY(std::abs(length - 2 * M_PI * 0.6) < 0.02);
    QVERIFY(isoLines(grid, grid.loss, 5).empty());
  }

  void theLineOfAPlaneIsStraightAndOpen() {
    const SurfaceGrid grid = surfaceGrid(rowsOf(9, [](double a, double b) { return a + 2 * b; }), "s", 3, "train");
    const auto lines = isoLines(grid, grid.loss, 0.1);
    QCOMPARE(lines.size(), std::size_t(1));
    for (const auto& point : lines[0]) QVERIFY(std::abs(point.x() + 2 * point.y() - 0.1) < 1e-12);
    QCOMPARE(std::abs(lines[0].first().x()), 1.0);
    QCOMPARE(std::abs(lines[0].last().x()), 1.0);
  }

  void aSaddleHasTwoBranchesThatDoNotCross() {
    const SurfaceGrid grid = surfaceGrid(rowsOf(2, [](double a, double b) { return a * b; }), "s", 3, "train");
    for (const double level : {-0.2, 0.2}) {
      const auto lines = isoLines(grid, grid.loss, level);
      QCOMPARE(lines.size(), std::size_t(2));
      for (const auto& line : lines) {
        QCOMPARE(line.size(), 2);
        // ab = level with level > 0 lies where both signs agree, else where they differ.
        const QPointF middle = (line[0] + line[1]) / 2;
        QVERIFY(middle.x() * middle.y() * level > 0);
      }
    }
  }

  void squaresWithAHoleAreLeftOut() {
    auto rows = rowsOf(21, [](double a, double b) { return std::hypot(a, b); });
    for (auto& row : rows) {
      if (row.alpha > 0.55 && std::abs(row.beta) < 0.15) row.loss = notANumber;
    }
    const SurfaceGrid grid = surfaceGrid(rows, "s", 3, "train");
    const auto lines = isoLines(grid, grid.loss, 0.6);
    QCOMPARE(lines.size(), std::size_t(1));
    QVERIFY(lines[0].first() != lines[0].last());
  }
};

QTEST_GUILESS_MAIN(TestSurfaceGrid)
#include "tst_surface_grid.moc"
