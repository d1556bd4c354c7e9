// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <algorithm>
#include <new>
#include <stdexcept>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/memory.h"
#include "tests/support/oracles.h"

using namespace eigenscape;

namespace {

CurvatureOptions options(CurvatureKind kind, std::int64_t batch = 7) {
  CurvatureOptions o;
  o.kind = kind;
  o.batchSize = batch;
  return o;
}

torch::Tensor plainNetwork(const std::vector<torch::Tensor>& p, const torch::Tensor& x) {
  return torch::linear(torch::tanh(torch::linear(x, p[0], p[1])), p[2], p[3]);
}

/// Runs out of memory for more than `limit` examples at once.
class Greedy : public oracles::TinyModel {
 public:
  explicit Greedy(std::int64_t limit)
      : TinyModel(oracles::tanhNetwork(4, 5, 3, 10)->namedParameters(), plainNetwork), limit_(limit) {}
  torch::Tensor forward(const torch::Tensor& inputs) override {
    TORCH_CHECK(inputs.size(0) <= limit_, "CUDA out of memory. Tried to allocate 20.00 GiB");
    return TinyModel::forward(inputs);
  }

 private:
  std::int64_t limit_;
};

/// Counts its forward passes.
class Counting : public oracles::TinyModel {
 public:
  Counting() : TinyModel(oracles::tanhNetwork(4, 5, 3, 10)->namedParameters(), plainNetwork) {}
  torch::Tensor forward(const torch::Tensor& inputs) override {
    ++passes;
    most = std::max(most, inputs.size(0));
    return TinyModel::forward(inputs);
  }
  int passes = 0;
  std::int64_t most = 0;  ///< examples at once
};

/// Has no memory for another graph besides kept ones of more than `room` bytes.
class Crowded : public Counting {
 public:
  torch::Tensor forward(const torch::Tensor& inputs) override {
    TORCH_CHECK(!op || op->keptMemory() <= room, "CUDA out of memory. Tried to allocate 20.00 GiB");
    TORCH_CHECK(inputs.size(0) <= limit, "CUDA out of memory. Tried to allocate 20.00 GiB");
    return Counting::forward(inputs);
  }
  const CurvatureOperator* op = nullptr;
  std::int64_t room = 0, limit = 1000;
};

double relative(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

}  // namespace

/// What an operator does where its graphs do not fit.
class TestOperatorMemory : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void memoryThatRunsOutHalvesTheBatch() {
    Greedy model(6);
    auto free = oracles::tanhNetwork(4, 5, 3, 10);
    const auto examples = oracles::randomExamples({21, 4}, 3, 11);
    std::vector<std::string> said;
    CurvatureOperator op(model, examples, options(CurvatureKind::Hessian, 21),
                         {{}, {}, [&](const std::string& line) { said.push_back(line); }});
    CurvatureOperator truth(*free, examples, {});
    const auto v = torch::ones({op.dimension()}, torch::kFloat64);
    QVERIFY(((op.apply(v) - truth.apply(v)).norm() / truth.apply(v).norm()).item<double>() < 1e-12);
    QCOMPARE(op.batchSize(), 6);
    QVERIFY(!said.empty() && QString::fromStdString(said.back()).contains("curvature.batch_size is 6"));
    // The small ones have room again.
    QCOMPARE(op.keptBatches(), 4);
    Greedy hopeless(0);
    CurvatureOperator none(hopeless, examples, {});
    QVERIFY_EXCEPTION_THROWN(none.apply(v), RunError);
  }

  // Trial and probe are the first to need memory.
  void memoryThatRunsOutInTheProbe_data() {
    QTest::addColumn<int>("limit");
    QTest::addColumn<bool>("differences");
    QTest::newRow("trial") << 2 << false;
    QTest::newRow("trial of differences") << 2 << true;
    QTest::newRow("probe") << 6 << false;
    QTest::newRow("probe of differences") << 6 << true;
  }
  void memoryThatRunsOutInTheProbe() {
    QFETCH(int, limit);
    QFETCH(bool, differences);
    Greedy model(limit);
    auto o = options(CurvatureKind::Hessian, 20);
    o.differences = differences;
    CurvatureOperator op(model, oracles::randomExamples({20, 4}, 3, 11), o);
    const auto found = op.probe();
    QVERIFY2(found.warning.empty(), found.warning.c_str());
    QVERIFY(op.batchSize() <= limit && op.batchSize() > 0);
    auto roomy = oracles::tanhNetwork(4, 5, 3, 10);
    CurvatureOperator truth(*roomy, oracles::randomExamples({20, 4}, 3, 11), {});
    const auto v = torch::ones({op.dimension()}, torch::kFloat64);
    QVERIFY(relative(op.apply(v), truth.apply(v)) < (differences ? 1e-6 : 1e-12));
  }

  // With batch statistics the batch cannot be made smaller without asking.
  void memoryThatRunsOutWithBatchStatistics() {
    Greedy model(6);
    auto o = options(CurvatureKind::Hessian, 21);
    o.batchNorm = BatchNormMode::Training;
    CurvatureOperator op(model, oracles::randomExamples({21, 4}, 3, 11), o);
    try {
      op.apply(torch::ones({op.dimension()}, torch::kFloat64));
      QFAIL("no error");
    } catch (const RunError& error) {
      const QString line = error.what();
      QVERIFY2(line.contains("curvature.batch_size = 21") && line.contains("another objective") &&
                   line.contains("curvature.batch_norm") && line.contains("\"eval\"") && !line.contains("threads"),
               error.what());
    }
  }

  // A kept graph costs a product no forward pass, another one a batch.
  void keptGraphsAreNotMadeAnew() {
    const auto examples = oracles::randomExamples({60, 4}, 3, 11);
    const auto v = torch::ones({43}, torch::kFloat64);
    for (const int keep : {0, 2, 6}) {
      Counting model;
      auto o = options(CurvatureKind::Hessian, 10);
      o.keptGraphs = keep;
      CurvatureOperator op(model, examples, o);
      op.apply(v);
      QCOMPARE(op.keptBatches(), keep);
      model.passes = 0;
      op.apply(v);
      op.apply(v);
      QCOMPARE(model.passes, 2 * (6 - keep));
      QCOMPARE(op.keptMemory() > 0, keep > 0);
    }
  }

  void theBudgetDecidesHowManyGraphsAreKept_data() {
    QTest::addColumn<int>("kind");
    QTest::newRow("Hessian") << static_cast<int>(CurvatureKind::Hessian);
    QTest::newRow("Gauss-Newton") << static_cast<int>(CurvatureKind::GaussNewton);
  }
  void theBudgetDecidesHowManyGraphsAreKept() {
    QFETCH(int, kind);
    auto model = oracles::tanhNetwork(4, 5, 3, 10);
    const auto examples = oracles::randomExamples({60, 4}, 3, 11);
    auto o = options(static_cast<CurvatureKind>(kind), 10);
    std::vector<std::string> said;
    const Context context{{}, {}, [&](const std::string& line) { said.push_back(line); }};
    o.graphMemory = std::int64_t{1} << 28;
    CurvatureOperator all(*model, examples, o, context);
    const auto v = torch::ones({all.dimension()}, torch::kFloat64);
    const auto expected = all.apply(v);
    QCOMPARE(all.keptBatches(), 6);
    const auto one = all.keptMemory() / 6;
    for (int keep = 1; keep <= 6; ++keep) {
      o.graphMemory = keep * one + one / 2;
      CurvatureOperator op(*model, examples, o, context);
      QVERIFY(relative(op.apply(v), expected) < 1e-12);
      QCOMPARE(op.keptBatches(), keep);
      QCOMPARE(op.batchSize(), 10);
      QVERIFY(op.keptMemory() <= o.graphMemory);
    }
    QVERIFY(said.empty());
  }

  // A batch whose graph alone is beyond the budget gets smaller, unless it is part of the objective.
  void aGraphBeyondTheBudget() {
    auto model = oracles::tanhNetwork(4, 5, 3, 10);
    const auto examples = oracles::randomExamples({60, 4}, 3, 11);
    auto o = options(CurvatureKind::Hessian, 30);
    CurvatureOperator all(*model, examples, o);
    const auto v = torch::ones({all.dimension()}, torch::kFloat64);
    const auto expected = all.apply(v);
    o.graphMemory = all.keptMemory() / 2 / 2;
    std::vector<std::string> said;
    const Context context{{}, {}, [&](const std::string& line) { said.push_back(line); }};
    CurvatureOperator smaller(*model, examples, o, context);
    QVERIFY(relative(smaller.apply(v), expected) < 1e-12);
    smaller.apply(v);
    QVERIFY2(smaller.batchSize() >= 5 && smaller.batchSize() <= 15, qPrintable(QString::number(smaller.batchSize())));
    QVERIFY(smaller.keptBatches() == 1 && smaller.keptMemory() <= o.graphMemory);
    QCOMPARE(said.size(), std::size_t{1});
    QVERIFY(QString::fromStdString(said[0]).contains("the graph of 30 examples takes more than"));
    QVERIFY(QString::fromStdString(said[0]).contains("curvature.batch_size is"));
    said.clear();
    o.batchNorm = BatchNormMode::Training;
    CurvatureOperator fixed(*model, examples, o, context);
    QVERIFY(relative(fixed.apply(v), expected) < 1e-12);
    fixed.apply(v);
    QCOMPARE(fixed.batchSize(), 30);
    QCOMPARE(fixed.keptBatches(), 0);
    QCOMPARE(said.size(), std::size_t{1});
    QVERIFY(QString::fromStdString(said[0]).contains("none is kept"));
  }

  // Not built at full size first: no pass takes more examples than fit.
  void aGraphBeyondTheBudgetIsNotTried() {
    Counting model;
    auto o = options(CurvatureKind::Hessian, 1000);
    const auto examples = oracles::randomExamples({1000, 4}, 3, 11);
    CurvatureOperator all(model, examples, o);
    all.gradient();
    QCOMPARE(model.most, 1000);
    o.graphMemory = all.keptMemory() / 10;
    model.most = 0;
    CurvatureOperator op(model, examples, o);
    op.gradient();
    QVERIFY2(op.batchSize() > 70 && op.batchSize() <= 100, qPrintable(QString::number(op.batchSize())));
    QCOMPARE(op.keptBatches(), 1);
    QCOMPARE(model.most, op.batchSize());
  }

  void noMoreMemoryThanThereIs() {
    auto model = oracles::tanhNetwork(4, 5, 3, 10);
    auto o = options(CurvatureKind::Hessian);
    const auto said = [&](std::int64_t memory) {
      o.graphMemory = memory;
      std::vector<std::string> lines;
      CurvatureOperator op(*model, oracles::randomExamples({20, 4}, 3, 11), o,
                           {{}, {}, [&](const std::string& line) { lines.push_back(line); }});
      op.gradient();
      return lines;
    };
    // Three quarters of what is free are no more than is free, and yet more than graphs may have.
    for (const auto memory : {std::int64_t{1} << 50, freeMemory() / 4 * 3}) {
      const auto lines = said(memory);
      QCOMPARE(lines.size(), std::size_t{1});
      QVERIFY2(lines[0].find("is more than half of what is free") != std::string::npos, lines[0].c_str());
    }
    QVERIFY(said(freeMemory() / 8).empty());
  }

  // A solver that finds no room for its vectors gets that of the graphs.
  void graphsAreGivenBack() {
    const auto examples = oracles::randomExamples({64, 4}, 3, 11);
    auto model = oracles::tanhNetwork(4, 5, 3, 10);
    std::vector<std::string> said;
    CurvatureOperator op(*model, examples, options(CurvatureKind::Hessian, 8),
                         {{}, {}, [&](const std::string& line) { said.push_back(line); }});
    const auto v = torch::ones({op.dimension()}, torch::kFloat64);
    const auto expected = op.apply(v);
    QCOMPARE(op.keptBatches(), 8);
    int tries = 0;
    const int result = withReleasedMemory([&] { return op.releaseMemory(); },
                                          [&] {
                                            if (++tries == 1) throw std::bad_alloc();
                                            return 7;
                                          });
    QCOMPARE(result, 7);
    QCOMPARE(tries, 2);
    QCOMPARE(op.keptBatches(), 0);
    QCOMPARE(op.keptMemory(), 0);
    QCOMPARE(said.size(), std::size_t{1});
    QVERIFY(relative(op.apply(v), expected) < 1e-12);
    QCOMPARE(op.keptBatches(), 0);
    // Nothing more is to be had; other errors are not about memory.
    const auto fail = [] { throw std::bad_alloc(); };
    QVERIFY_EXCEPTION_THROWN(withReleasedMemory([&] { return op.releaseMemory(); }, fail), std::bad_alloc);
    const auto other = [] { throw std::runtime_error("other"); };
    QVERIFY_EXCEPTION_THROWN(withReleasedMemory([] { return true; }, other), std::runtime_error);
  }

  // The budget was too good: graphs are given up until the rest of the work has room, and not more than that.
  void memoryThatKeptGraphsFill() {
    const auto examples = oracles::randomExamples({64, 4}, 3, 11);
    auto model = oracles::tanhNetwork(4, 5, 3, 10);
    const auto o = options(CurvatureKind::Hessian, 8);
    CurvatureOperator all(*model, examples, o);
    const auto v = torch::ones({all.dimension()}, torch::kFloat64);
    const auto expected = all.apply(v);
    QCOMPARE(all.keptBatches(), 8);
    for (const std::int64_t limit : {1000, 3}) {
      Crowded crowded;
      std::vector<std::string> said;
      CurvatureOperator op(crowded, examples, o, {{}, {}, [&](const std::string& line) { said.push_back(line); }});
      crowded.op = &op;
      crowded.room = all.keptMemory() * 5 / 8;
      crowded.limit = limit;
      QVERIFY(relative(op.apply(v), expected) < 1e-12);
      QVERIFY(op.keptMemory() > 0 && op.keptMemory() <= crowded.room);
      QCOMPARE(op.batchSize(), limit == 3 ? 2 : 8);
      const auto lines = said.size();
      QVERIFY(lines >= 1 && lines < 8);
      bool cost = false;
      for (const auto& line : said) cost = cost || QString::fromStdString(line).contains("times as long");
      QVERIFY(cost);
      QVERIFY(relative(op.apply(v), expected) < 1e-12);
      QCOMPARE(said.size(), lines);  // it has settled
    }
  }
};

QTEST_GUILESS_MAIN(TestOperatorMemory)
#include "tst_operator_memory.moc"
