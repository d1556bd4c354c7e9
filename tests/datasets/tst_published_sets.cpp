// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <string>

#include "datasets/dataset.h"
#include "tests/support/testdata.h"

using namespace eigenscape;

// The published files; the sums come from numpy.
class TestPublishedSets : public QObject {
  Q_OBJECT

  static Dataset load(const std::string& name, const std::filesystem::path& path) {
    DatasetRequest request;
    request.name = name;
    request.path = path;
    return loadDataset(request);
  }
  static std::int64_t sum(const torch::Tensor& images) { return images.sum(torch::kInt64).item<std::int64_t>(); }

 private Q_SLOTS:
  void readsFashionMnist() {
    const auto path = testdata::shared("fashion-mnist");
    if (path.empty()) QSKIP("fashion-mnist is not among the shared data");
    const auto set = load("fashion-mnist", path);
    QCOMPARE(set.train.images.sizes(), torch::IntArrayRef({60000, 1, 28, 28}));
    QCOMPARE(set.test.images.sizes(), torch::IntArrayRef({10000, 1, 28, 28}));
    QCOMPARE(sum(set.train.images), std::int64_t(3'431'114'169));
    QCOMPARE(sum(set.test.images), std::int64_t(573'469'082));
    QCOMPARE(sum(set.train.images[59999]), std::int64_t(16'684));
    QVERIFY(set.train.labels.narrow(0, 0, 10).equal(torch::tensor({9, 0, 0, 3, 0, 2, 7, 2, 5, 5}, torch::kInt64)));
    QVERIFY(torch::bincount(set.test.labels).equal(torch::full({10}, 1000, torch::kInt64)));
    // The documented scale is that of the training images.
    const auto inputs = normalized(set.train, set).inputs;
    QVERIFY(std::abs(inputs.mean().item<double>()) < 1e-3);
    QVERIFY(std::abs(inputs.std().item<double>() - 1) < 1e-3);
  }

  void readsCifar10() {
    const auto path = testdata::shared("cifar10-exact");
    if (path.empty()) QSKIP("cifar10-exact is not among the shared data");
    const auto set = load("cifar10", path);
    QCOMPARE(set.train.images.sizes(), torch::IntArrayRef({7728, 3, 32, 32}));
    QCOMPARE(set.test.images.sizes(), torch::IntArrayRef({1000, 3, 32, 32}));
    QCOMPARE(sum(set.train.images.select(1, 0)), std::int64_t(994'356'976));
    QCOMPARE(sum(set.train.images.select(1, 1)), std::int64_t(974'479'690));
    QCOMPARE(sum(set.train.images.select(1, 2)), std::int64_t(901'231'752));
    QCOMPARE(sum(set.test.images), std::int64_t(374'560'331));
    QCOMPARE(sum(set.test.images[999]), std::int64_t(461'083));
    QVERIFY(set.train.images[0].select(1, 0).select(1, 0).equal(torch::tensor({59, 62, 63}, torch::kUInt8)));
    QVERIFY(set.test.labels.narrow(0, 0, 8).equal(torch::tensor({3, 8, 8, 0, 6, 6, 1, 6}, torch::kInt64)));
  }
};

QTEST_APPLESS_MAIN(TestPublishedSets)
#include "tst_published_sets.moc"
