// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/lanczos.h"
#include "core/model/model.h"
#include "core/model/objective.h"
#include "core/model/state_dict.h"
#include "datasets/dataset.h"
#include "tests/support/testdata.h"

using namespace eigenscape;

/// The pretrained ResNet-20 on exact CIFAR-10 images.
class TestPretrained : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() {
    const auto weights = testdata::shared("weights/resnet20-12fca82f.th");
    const auto images = testdata::shared("cifar10-exact");
    if (weights.empty() || images.empty()) QSKIP("the pretrained weights or the CIFAR-10 images are not there");
    DatasetRequest request;
    request.name = "cifar10";
    request.path = images;
    set_ = loadDataset(request);
    model_ = makeModel("resnet20", {}, 0);
    model_->loadStateDict(readStateDict(weights), weights.string());
  }

  void accuracyIsTheKnownOne() {
    const auto value = evaluate(*model_, normalized(set_.test, set_), 250);
    QCOMPARE(set_.test.labels.size(0), 1000);
    QCOMPARE(value.accuracy, 0.915);  // data/README.md of the shared data
  }

  // Pairs found in float32 are checked by products in float64, which no step of the solve had a part in.
  void eigenpairsHoldInDoublePrecision() {
    const auto examples = normalized(set_.train, set_).first(64);
    EigenPairs pairs;
    {
      CurvatureOperator hessian(*model_, examples, {});
      LanczosOptions options;
      options.top = 5;
      pairs = lanczos(hessian, options);
    }
    model_->to(torch::kCPU, torch::kFloat64);
    CurvatureOperator exact(*model_, examples.to(torch::kCPU, torch::kFloat64), {});
    for (const auto& pair : pairs.top) {
      QVERIFY(pair.converged);
      const auto v = pair.vector.to(torch::kFloat64);
      const double error = (exact.apply(v) - pair.value * v).norm().item<double>() / std::abs(pair.value);
      QVERIFY2(error <= 1e-3, qPrintable(QString::number(error)));
    }
    model_->to(torch::kCPU, torch::kFloat32);
  }

 private:
  Dataset set_;
  std::unique_ptr<Model> model_;
};

QTEST_GUILESS_MAIN(TestPretrained)
#include "tst_pretrained.moc"
