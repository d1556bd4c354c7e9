// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <map>
#include <set>

#include "core/training/augmentation.h"
#include "core/training/trainer.h"
#include "tests/training/toy.h"

using namespace eigenscape;

namespace {

constexpr std::int64_t kHeight = 8, kWidth = 16, kChannels = 2;
constexpr std::int64_t kPadHeight = 1, kPadWidth = 2;  // an eighth of the sides

/// Every pixel of every image has a value of its own.
Examples numbered(std::int64_t count) {
  const auto size = count * kChannels * kHeight * kWidth;
  return {torch::arange(size, torch::kFloat32).view({count, kChannels, kHeight, kWidth}),
          torch::arange(count, torch::kInt64), torch::tensor({-1.0F, -2.0F})};
}

/// The image shifted by (down, right) and mirrored, pixel by pixel.
torch::Tensor variant(const torch::Tensor& image, std::int64_t down, std::int64_t right, bool mirrored) {
  auto result = torch::empty_like(image);
  const auto from = image.accessor<float, 3>();
  auto to = result.accessor<float, 3>();
  for (std::int64_t c = 0; c < kChannels; ++c) {
    for (std::int64_t i = 0; i < kHeight; ++i) {
      for (std::int64_t j = 0; j < kWidth; ++j) {
        const auto row = i - down, column = (mirrored ? kWidth - 1 - j : j) - right;
        const bool inside = row >= 0 && row < kHeight && column >= 0 && column < kWidth;
        to[c][i][j] = inside ? from[c][row][column] : (c == 0 ? -1.0F : -2.0F);
      }
    }
  }
  return result;
}

/// (down, right, mirrored) of which `image` is the variant of `original`; asserts by returning down = 99 if of none.
using Variant = std::tuple<std::int64_t, std::int64_t, bool>;
Variant variantOf(const torch::Tensor& image, const torch::Tensor& original) {
  for (auto down = -kPadHeight; down <= kPadHeight; ++down) {
    for (auto right = -kPadWidth; right <= kPadWidth; ++right) {
      for (const bool mirrored : {false, true}) {
        if (torch::equal(image, variant(original, down, right, mirrored))) return {down, right, mirrored};
      }
    }
  }
  return {99, 99, false};
}

TrainingOptions options(std::int64_t batchSize) {
  TrainingOptions result;
  result.batchSize = batchSize;
  result.seed = 5;
  return result;
}

torch::Tensor allInputs(const EpochBatches& batches) {
  std::vector<torch::Tensor> inputs;
  for (std::int64_t i = 0; i < batches.count(); ++i) inputs.push_back(batches.batch(i).inputs);
  return torch::cat(inputs);
}

std::vector<std::int64_t> allTargets(const EpochBatches& batches) {
  std::vector<std::int64_t> targets;
  for (std::int64_t i = 0; i < batches.count(); ++i) {
    const auto some = batches.batch(i).targets;
    targets.insert(targets.end(), some.data_ptr<std::int64_t>(), some.data_ptr<std::int64_t>() + some.numel());
  }
  return targets;
}

}  // namespace

class TestAugmentation : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void everyImageIsAShiftedOrMirroredOne();
  void withoutFlip();
  void withoutAugmentation();
  void withoutPaddingValue();
  void dependsOnSeedAndEpochAlone();
  void sizesOfBatches_data();
  void sizesOfBatches();
};

void TestAugmentation::everyImageIsAShiftedOrMirroredOne() {
  const auto examples = numbered(600);
  const EpochBatches batches(examples, options(64), 1);
  std::set<std::int64_t> seen;
  std::map<Variant, int> counts;
  for (std::int64_t b = 0; b < batches.count(); ++b) {
    const auto batch = batches.batch(b);
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      const auto index = batch.targets[i].item<std::int64_t>();
      seen.insert(index);
      const auto found = variantOf(batch.inputs[i], examples.inputs[index]);
      QVERIFY(std::get<0>(found) != 99);
      ++counts[found];
    }
  }
  QCOMPARE(seen.size(), std::size_t(600));
  // 3 · 5 · 2 variants of equal chance: 20 of each are expected; 5 standard deviations are 22.
  QCOMPARE(counts.size(), std::size_t(30));
  for (const auto& [key, count] : counts) QVERIFY2(count < 42, qPrintable(QString::number(count)));
}

void TestAugmentation::withoutFlip() {
  const auto examples = numbered(60);
  auto plain = options(60);
  plain.flip = false;
  const auto batch = EpochBatches(examples, plain, 1).batch(0);
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    const auto found = variantOf(batch.inputs[i], examples.inputs[batch.targets[i].item<std::int64_t>()]);
    QVERIFY(std::get<0>(found) != 99 && !std::get<2>(found));
  }
}

void TestAugmentation::withoutAugmentation() {
  const auto examples = numbered(20);
  auto plain = options(20);
  plain.augment = false;
  const auto batch = EpochBatches(examples, plain, 1).batch(0);
  QVERIFY(torch::equal(batch.inputs, examples.inputs.index_select(0, batch.targets)));
  QVERIFY(!torch::equal(batch.targets, examples.targets));
  // Feature vectors are never augmented.
  const Examples features{examples.inputs.flatten(1), examples.targets, {}};
  const auto rows = EpochBatches(features, options(20), 1).batch(0);
  QVERIFY(torch::equal(rows.inputs, features.inputs.index_select(0, rows.targets)));
}

void TestAugmentation::withoutPaddingValue() {
  const auto image = torch::ones({1, kChannels, kHeight, kWidth});
  const CropsAndFlips corner{kPadHeight, kPadWidth, torch::zeros({1}, torch::kInt64), torch::zeros({1}, torch::kInt64),
                             torch::zeros({1}, torch::kBool)};
  const auto shifted = augmented(image, {}, corner);
  QCOMPARE(shifted.sum().item<double>(), double(kChannels * (kHeight - kPadHeight) * (kWidth - kPadWidth)));
  QCOMPARE(shifted.index({0, 1, 0, 0}).item<double>(), 0.0);
}

void TestAugmentation::dependsOnSeedAndEpochAlone() {
  const auto examples = numbered(50);
  torch::manual_seed(1);
  const auto untouched = torch::rand({4});
  torch::manual_seed(1);
  const EpochBatches first(examples, options(16), 3), again(examples, options(16), 3);
  QVERIFY(torch::equal(allInputs(first), allInputs(again)));
  QVERIFY(torch::equal(torch::rand({4}), untouched));

  // The batch size cuts the same sequence differently.
  const EpochBatches other(examples, options(7), 3);
  QCOMPARE(allTargets(first), allTargets(other));
  QVERIFY(torch::equal(allInputs(first), allInputs(other)));

  auto seeds = options(16);
  seeds.seed = 6;
  QVERIFY(allTargets(first) != allTargets(EpochBatches(examples, options(16), 4)));
  QVERIFY(allTargets(first) != allTargets(EpochBatches(examples, seeds, 3)));
  QVERIFY(allTargets(EpochBatches(examples, seeds, 2)) != allTargets(first));
}

void TestAugmentation::sizesOfBatches_data() {
  QTest::addColumn<int>("examples");
  QTest::addColumn<int>("batchSize");
  QTest::addColumn<QList<int>>("sizes");
  QTest::newRow("even") << 8 << 4 << QList<int>{4, 4};
  QTest::newRow("rest") << 10 << 4 << QList<int>{4, 4, 2};
  QTest::newRow("one left joins") << 9 << 4 << QList<int>{4, 5};
  QTest::newRow("all in one") << 3 << 4 << QList<int>{3};
  QTest::newRow("one example") << 1 << 4 << QList<int>{1};
  QTest::newRow("single steps") << 3 << 1 << QList<int>{1, 1, 1};
  QTest::newRow("nothing") << 0 << 4 << QList<int>{};
}

void TestAugmentation::sizesOfBatches() {
  QFETCH(int, examples);
  QFETCH(int, batchSize);
  QFETCH(QList<int>, sizes);
  const EpochBatches batches(numbered(examples), options(batchSize), 1);
  QList<int> got;
  for (std::int64_t i = 0; i < batches.count(); ++i) got.append(int(batches.batch(i).size()));
  QCOMPARE(got, sizes);
}

QTEST_APPLESS_MAIN(TestAugmentation)
#include "tst_augmentation.moc"
