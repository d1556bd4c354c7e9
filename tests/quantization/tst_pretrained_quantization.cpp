// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>

#include "core/model/model.h"
#include "core/model/state_dict.h"
#include "core/quantization/measure.h"
#include "datasets/dataset.h"
#include "tests/support/testdata.h"

using namespace eigenscape;

/// The pretrained ResNet-20 on the 1000 exact CIFAR-10 test images: what quantizing costs a real network.
class TestPretrainedQuantization : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() {
    const auto weights = testdata::shared("weights/resnet20-12fca82f.th");
    const auto images = testdata::shared("cifar10-exact");
    if (weights.empty() || images.empty()) QSKIP("the pretrained weights or the CIFAR-10 images are not there");
    DatasetRequest request;
    request.name = "cifar10";
    request.path = images;
    const auto set = loadDataset(request);
    test_ = normalized(set.test, set);
    model_ = makeModel("resnet20", {}, 0);
    model_->loadStateDict(readStateDict(weights), weights.string());
    calibration_ = calibrate(*model_, normalized(set.train, set).first(256), 256);
    accuracy_ = evaluate(*model_, test_, 250).accuracy;
  }

  void eightBitsLoseNothing_data() {
    QTest::addColumn<int>("granularity");
    QTest::addColumn<int>("scheme");
    QTest::addColumn<int>("range");
    QTest::addColumn<int>("activation");
    QTest::newRow("per channel") << int(Granularity::Channel) << int(Scheme::Symmetric) << int(RangeRule::Largest) << 0;
    QTest::newRow("per tensor, asymmetric")
        << int(Granularity::Tensor) << int(Scheme::Asymmetric) << int(RangeRule::Largest) << 0;
    QTest::newRow("per group, least squares")
        << int(Granularity::Group) << int(Scheme::Symmetric) << int(RangeRule::LeastSquares) << 0;
    QTest::newRow("per channel, inputs too")
        << int(Granularity::Channel) << int(Scheme::Symmetric) << int(RangeRule::LeastSquares) << 8;
  }

  void eightBitsLoseNothing() {
    QFETCH(int, granularity);
    QFETCH(int, scheme);
    QFETCH(int, range);
    QFETCH(int, activation);
    QuantizerOptions options;
    options.granularity = Granularity(granularity);
    options.scheme = Scheme(scheme);
    options.range = RangeRule(range);
    const Setting setting(model_->weightLayers().size(), LayerBits{8, activation});
    const auto value = measured(*model_, setting, options, calibration_, test_, 250);
    qInfo("accuracy %.4f, in floating point %.4f; loss %.6f", value.accuracy, accuracy_, value.loss);
    QVERIFY(value.accuracy > accuracy_ - 0.003);
    QVERIFY(value.loss != evaluate(*model_, test_, 250).loss);
  }

  /// So that the test above can tell: few bits do cost.
  void twoBitsLoseMuch() {
    const Setting setting(model_->weightLayers().size(), LayerBits{2, 0});
    QVERIFY(measured(*model_, setting, {}, {}, test_, 250).accuracy < accuracy_ - 0.2);
  }

 private:
  Examples test_;
  std::unique_ptr<Model> model_;
  Calibration calibration_;
  double accuracy_ = 0;
};

QTEST_GUILESS_MAIN(TestPretrainedQuantization)
#include "tst_pretrained_quantization.moc"
