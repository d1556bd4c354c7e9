// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/double_backward.h"
#include "core/curvature/lanczos.h"
#include "core/curvature/rounding.h"
#include "core/model/examples.h"
#include "core/model/model.h"

using namespace eigenscape;

/// What is called converged with products in float32 is so by products in float64 that LibTorch's own double backward
/// makes, on networks of every kind of layer.
class TestFloat32Pairs : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void convergedPairsAreSoInDouble_data() {
    QTest::addColumn<QString>("architecture");
    QTest::addColumn<bool>("batchStatistics");
    for (const char* name : {"mlp", "cnn", "resnet20", "mixer"}) {
      QTest::newRow(name) << name << false;
      if (QString(name) == "cnn" || QString(name) == "resnet20")
        QTest::newRow(qPrintable(QString("%1, batch statistics").arg(name))) << name << true;
    }
  }
  void convergedPairsAreSoInDouble() {
    QFETCH(QString, architecture);
    QFETCH(bool, batchStatistics);
    torch::manual_seed(5);
    Examples examples{torch::randn({12, 3, 16, 16}), torch::randint(0, 10, {12}, torch::kInt64), {}};
    auto model = makeModel(architecture.toStdString(), {3, 16, 16, 10}, 3);
    model->to(torch::kCPU, torch::kFloat32);
    CurvatureOptions how;
    how.batchSize = 6;
    how.batchNorm = batchStatistics ? BatchNormMode::Training : BatchNormMode::Evaluation;
    LanczosOptions options;
    options.top = 20;
    options.bottom = 2;
    options.missTolerance = 1;
    EigenPairs pairs;
    {
      CurvatureOperator op(*model, examples, how);
      pairs = lanczos(op, options);
    }
    auto all = pairs.top;
    all.insert(all.end(), pairs.bottom.begin(), pairs.bottom.end());
    const double rounding = roundingError(*model, examples, how, all);
    QCOMPARE(model->type(), torch::kFloat32);
    QVERIFY(rounding > 0);
    for (auto* list : {&pairs.top, &pairs.bottom}) countRounding(*list, rounding, options.tolerance);
    const LibraryDoubleBackward libraryOwn;
    model->to(torch::kCPU, torch::kFloat64);
    CurvatureOperator exact(*model, {examples.inputs.to(torch::kFloat64), examples.targets, {}}, how);
    int converged = 0;
    for (const auto* list : {&pairs.top, &pairs.bottom}) {
      for (const auto& pair : *list) {
        if (!pair.converged) continue;
        ++converged;
        const auto v = pair.vector.to(torch::kFloat64);
        const double residual =
            ((exact.apply(v / v.norm()) - pair.value * v / v.norm()).norm() / std::abs(pair.value)).item<double>();
        QVERIFY2(residual <= 1.01 * options.tolerance,
                 qPrintable(QString("λ = %1 of λ₁ = %2: residual %3, said to be %4")
                                .arg(pair.value)
                                .arg(pairs.top[0].value)
                                .arg(residual)
                                .arg(pair.residual)));
      }
    }
    // Rounding takes most of the deep network's with batch statistics, and is said to.
    const int expected = batchStatistics && architecture == "resnet20" ? 1 : 20;
    QVERIFY2(converged >= expected, qPrintable(QString::number(converged)));
  }

  // The library's double backward stays in force while it is asked for, whoever makes operators meanwhile.
  void theLibrarysOwnStaysInForce() {
    torch::manual_seed(5);
    const Examples examples{torch::randn({4, 3, 16, 16}), torch::randint(0, 10, {4}, torch::kInt64), {}};
    auto model = makeModel("mixer", {3, 16, 16, 10}, 3);
    const auto product = [&] {
      CurvatureOperator op(*model, examples, {});
      return op.apply(torch::ones({op.dimension()}));
    };
    const auto fast = product();
    torch::Tensor plain, again;
    {
      const LibraryDoubleBackward outer;
      plain = product();
      { const LibraryDoubleBackward inner; }
      again = product();
    }
    QVERIFY(again.equal(plain));
    QVERIFY(!fast.equal(plain));
    QVERIFY(((fast - plain).norm() / plain.norm()).item<double>() < 1e-4);
    QVERIFY(product().equal(fast));
  }
};

QTEST_GUILESS_MAIN(TestFloat32Pairs)
#include "tst_float32_pairs.moc"
