// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>

#include "datasets/dataset.h"

using namespace eigenscape;

namespace {

DatasetRequest requestOf(std::uint64_t seed, std::int64_t train = 0, std::int64_t test = 0) {
  DatasetRequest request;
  request.name = "glyphs";
  request.seed = seed;
  request.trainLimit = train, request.testLimit = test;
  return request;
}

/// FNV-1a, to compare with bytes that another machine drew.
std::uint64_t fingerprint(const torch::Tensor& images) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  const auto* pixels = images.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < images.numel(); ++i) hash = (hash ^ pixels[i]) * 0x100000001b3u;
  return hash;
}

}  // namespace

class TestGlyphs : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void hasItsSizes() {
    const auto set = loadDataset(requestOf(0));
    QCOMPARE(set.name, std::string("glyphs"));
    QCOMPARE(set.classes, std::int64_t(10));
    QCOMPARE(set.classNames.size(), std::size_t(10));
    QVERIFY(set.mirrored);
    QCOMPARE(set.train.images.sizes(), torch::IntArrayRef({4000, 1, 16, 16}));
    QCOMPARE(set.test.images.sizes(), torch::IntArrayRef({1000, 1, 16, 16}));
    QCOMPARE(set.train.images.scalar_type(), torch::kUInt8);
    QVERIFY(torch::bincount(set.train.labels).equal(torch::full({10}, 400, torch::kInt64)));
    QVERIFY(torch::bincount(set.test.labels).equal(torch::full({10}, 100, torch::kInt64)));
  }

  // Recorded once. All arithmetic is on integers, so these hold with every compiler and machine.
  void drawsTheSameBytesEverywhere() {
    const auto set = loadDataset(requestOf(0));
    QCOMPARE(fingerprint(set.train.images), std::uint64_t(0x49ce8c95cb2d7384u));
    QCOMPARE(fingerprint(set.test.images), std::uint64_t(0x29d0a3658df20d0u));
    QCOMPARE(fingerprint(loadDataset(requestOf(12345, 100, 100)).train.images), std::uint64_t(0x1c9afade7c40a3e2u));
  }

  void dependsOnTheSeed() {
    const auto first = loadDataset(requestOf(1, 50, 50)), second = loadDataset(requestOf(2, 50, 50));
    QVERIFY(first.train.images.equal(loadDataset(requestOf(1, 50, 50)).train.images));
    QVERIFY(!first.train.images.equal(second.train.images));
    QVERIFY(!first.train.images.equal(first.test.images));
  }

  void takesTheFirstOfItsOwnOrder() {
    const auto all = loadDataset(requestOf(3)), some = loadDataset(requestOf(3, 137, 41));
    QCOMPARE(some.train.labels.size(0), std::int64_t(137));
    QCOMPARE(some.test.labels.size(0), std::int64_t(41));
    QVERIFY(some.train.images.equal(all.train.images.narrow(0, 0, 137)));
    QVERIFY(some.train.labels.equal(all.train.labels.narrow(0, 0, 137)));
    QVERIFY(some.test.images.equal(all.test.images.narrow(0, 0, 41)));
    QCOMPARE(loadDataset(requestOf(3, 1'000'000, 1'000'000)).train.labels.size(0), std::int64_t(4000));
  }

  void drawsNoImageTwice() {
    const auto images = loadDataset(requestOf(0)).train.images.view({4000, 256});
    QCOMPARE(std::get<0>(torch::unique_dim(images, 0)).size(0), std::int64_t(4000));
  }

  // Random flips while training must not take an image to another class: the mean picture of each class is most like
  // its own mirror image.
  void isClosedUnderMirroring() {
    const auto set = loadDataset(requestOf(0));
    const auto images = set.train.images.to(torch::kFloat64).view({4000, 256});
    std::vector<torch::Tensor> means;
    for (std::int64_t label = 0; label < 10; ++label)
      means.push_back(images.index({set.train.labels.eq(label)}).mean(0));
    const auto mean = torch::stack(means);
    const auto mirrored = mean.view({10, 16, 16}).flip({2}).view({10, 256});
    const auto distances = torch::cdist(mirrored, mean);
    QVERIFY(distances.argmin(1).equal(torch::arange(10)));
    const auto others = distances + torch::diag(torch::full({10}, 1e9, torch::kFloat64));
    QVERIFY((distances.diagonal() < 0.5 * std::get<0>(others.min(1))).all().item<bool>());
  }
};

QTEST_APPLESS_MAIN(TestGlyphs)
#include "tst_glyphs.moc"
