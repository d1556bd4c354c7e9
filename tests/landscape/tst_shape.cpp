// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <cmath>

#include "core/landscape/landscape.h"
#include "core/landscape/shape.h"
#include "core/landscape/sharpness.h"
#include "core/model/objective.h"
#include "tests/training/toy.h"

using namespace eigenscape;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class Function>
GridLosses gridOf(std::int64_t points, Function&& loss) {
  GridLosses grid;
  grid.xs = grid.ys = axisValues(-2, 2, points);
  for (const double y : grid.ys) {
    for (const double x : grid.xs) grid.values.push_back(loss(x, y));
  }
  return grid;
}

/// By definition: the lowest level at which two points are joined by neighbours that are not higher, one level after
/// the other.
double meetingLevel(const GridLosses& grid, const GridPoint& a, const GridPoint& b) {
  auto levels = grid.values;
  std::sort(levels.begin(), levels.end());
  const auto width = grid.xs.size();
  for (const double level : levels) {
    std::vector<char> seen(grid.values.size(), 0);
    std::vector<std::size_t> queue;
    const auto visit = [&](std::size_t at) {
      if (!seen[at] && grid.values[at] <= level) seen[at] = 1, queue.push_back(at);
    };
    visit(a.row * width + a.column);
    while (!queue.empty()) {
      const auto at = queue.back();
      queue.pop_back();
      for (int j = -1; j <= 1; ++j) {
        for (int i = -1; i <= 1; ++i) {
          const auto column = int(at % width) + i, row = int(at / width) + j;
          if (column >= 0 && row >= 0 && column < int(width) && row < int(grid.ys.size()))
            visit(std::size_t(row) * width + std::size_t(column));
        }
      }
    }
    if (seen[b.row * width + b.column]) return level;
  }
  return infinity;
}

}  // namespace

class TestShape : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void oneBowlIsOneValley() {
    const auto grid = gridOf(21, [](double x, double y) { return x * x + 3 * y * y; });
    const auto found = valleys(grid);
    QCOMPARE(found.size(), std::size_t{1});
    QCOMPARE(found[0].minimum, (GridPoint{10, 10}));
    QCOMPARE(found[0].birth, 0.0);
    QCOMPARE(found[0].death, 16.0);
    QCOMPARE(found[0].into, -1);
  }

  // (x² − 1)² + y² + x/10: minima near x = ±1, the deeper at −1; between them a saddle near x = 0.
  void twoValleysMeetAtTheSaddle() {
    const auto grid = gridOf(41, [](double x, double y) { return std::pow(x * x - 1, 2) + y * y + x / 10; });
    const auto found = valleys(grid);
    QCOMPARE(found.size(), std::size_t{2});
    QCOMPARE(grid.xs[found[0].minimum.column], -1.0);
    QCOMPARE(grid.xs[found[1].minimum.column], 1.0);
    QCOMPARE(found[1].into, 0);
    QVERIFY(std::abs(grid.xs[found[1].saddle.column]) < 0.11 && grid.ys[found[1].saddle.row] == 0);
    QVERIFY(std::abs(found[1].birth - 0.1) < 1e-12 && std::abs(found[1].death - 1) < 0.01);
  }

  // A random field, against the definition: a valley dies at the lowest level on which it meets a deeper minimum.
  void randomFieldsAgainstTheDefinition() {
    torch::manual_seed(4);
    for (int trial = 0; trial < 5; ++trial) {
      const auto noise = torch::rand({144}, torch::kFloat64);
      GridLosses grid;
      grid.xs = grid.ys = axisValues(0, 11, 12);
      grid.values.assign(noise.data_ptr<double>(), noise.data_ptr<double>() + 144);
      const auto found = valleys(grid);
      QVERIFY(found.size() > 4);
      for (std::size_t i = 1; i < found.size(); ++i) {
        double lowest = infinity;
        for (const auto& other : found) {
          if (other.birth < found[i].birth)
            lowest = std::min(lowest, meetingLevel(grid, found[i].minimum, other.minimum));
        }
        QCOMPARE(found[i].death, lowest);
        const auto& into = found[std::size_t(found[i].into)];
        QVERIFY(into.birth < found[i].birth && into.death >= found[i].death);
        QVERIFY(i < 2 || found[i].persistence() <= found[i - 1].persistence());
      }
    }
  }

  void wallsAndEqualValues() {
    auto grid = gridOf(9, [](double x, double) { return x == 0 ? std::nan("") : std::abs(x); });
    const auto apart = valleys(grid);  // they never meet
    QCOMPARE(apart.size(), std::size_t{2});
    QVERIFY(apart[0].into == -1 && apart[1].into == -1 && apart[1].death == 2);
    QVERIFY(valleys(gridOf(3, [](double, double) { return std::nan(""); })).empty());
    QCOMPARE(valleys(gridOf(5, [](double, double) { return 1.0; })).size(), std::size_t{1});
  }

  void widths() {
    const auto places = axisValues(-2, 2, 41);
    std::vector<double> losses;
    for (const double x : places) losses.push_back(1 + x * x);
    const auto found = basinWidth(places, losses, 20, 1.49);
    QVERIFY(found.bounded && std::abs(found.width - 1.4) < 1e-9);
    QVERIFY(!basinWidth(places, losses, 20, 9).bounded);
    QCOMPARE(basinWidth(places, losses, 20, 9).width, 4.0);
    QVERIFY(std::isnan(basinWidth(places, losses, 0, 2).width));  // the centre is above the level
    losses[25] = std::nan("");
    const auto walled = basinWidth(places, losses, 20, 4.9);
    QVERIFY(std::abs(walled.width - (places[24] + std::sqrt(3.9))) < 0.01);
  }

  // The loss of softmax regression is convex: its maximum over the box is at a corner, and all of them can be tried.
  void sharpnessAgainstEveryCorner() {
    const InputShape shape{1, 2, 2, 2};
    const auto model = makeModel("linear", shape, 2);
    model->to(torch::kCPU, torch::kFloat64);
    const auto examples = toy::pictures(40, shape, 1).to(torch::kCPU, torch::kFloat64);
    const auto home = model->parameters().flatten();
    QCOMPARE(home.numel(), std::int64_t{10});
    const auto box = 0.1 * (home.abs() + 1);
    const double start = evaluate(*model, examples, 16).loss;
    double highest = start;
    for (int corner = 0; corner < 1024; ++corner) {
      auto z = box.clone();
      for (int i = 0; i < 10; ++i) {
        if (corner >> i & 1) z[i].neg_();
      }
      model->parameters().assign(home + z);
      highest = std::max(highest, evaluate(*model, examples, 16).loss);
    }
    model->parameters().assign(home);
    SharpnessOptions options;
    options.epsilon = 0.1;
    options.batchSize = 16;
    const auto found = epsilonSharpness(*model, examples, options);
    QVERIFY(std::abs(found.loss - start) < 1e-12);
    QVERIFY(std::abs(found.highest - highest) < 1e-12);
    QVERIFY(std::abs(found.value - 100 * (highest - start) / (1 + start)) < 1e-10);
    QVERIFY(torch::equal(model->parameters().flatten(), home));
  }
};

QTEST_GUILESS_MAIN(TestShape)
#include "tst_shape.moc"
