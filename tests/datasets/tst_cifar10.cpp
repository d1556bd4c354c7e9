// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTemporaryDir>
#include <QTest>
#include <memory>
#include <string>

#include "datasets/dataset.h"
#include "tests/support/bytes.h"

using namespace eigenscape;
namespace fs = std::filesystem;
using namespace std::string_literals;

namespace {

char pixelOf(int record, int at) {
  return static_cast<char>((record * 7 + at) % 251);
}

/// One record: the label, then 3072 pixels that depend on `record`.
std::string recordOf(int label, int record) {
  std::string text(1, static_cast<char>(label));
  for (int i = 0; i < 3072; ++i) text += pixelOf(record, i);
  return text;
}

/// What pickle.dump(…, protocol=2) of Python 2 makes of {"data": uint8 array, "labels": list}, as in the published
/// files.
std::string pickleOf(const std::vector<int>& labels, int firstRecord) {
  std::string pixels, list;
  for (std::size_t record = 0; record < labels.size(); ++record) {
    for (int i = 0; i < 3072; ++i) pixels += pixelOf(firstRecord + static_cast<int>(record), i);
    list += "K"s + static_cast<char>(labels[record]);
  }
  return "\x80\x02}q\x01(U\x04"
         "dataq\x02"
         "cnumpy.core.multiarray\n_reconstruct\nq\x03"
         "cnumpy\nndarray\nq\x04K\x00\x85U\x01"
         "b\x87Rq\x05(K\x01M"s +
         bytes::little(labels.size(), 2) +
         "M\x00\x0c\x86"
         "cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff"
         "\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"s +
         bytes::little(pixels.size(), 4) + pixels + "tbU\x06labels](" + list + "eu.";
}

}  // namespace

class TestCifar10 : public QObject {
  Q_OBJECT

  std::unique_ptr<QTemporaryDir> folder_;
  fs::path path(const std::string& name = "") const { return fs::path(folder_->path().toStdString()) / name; }

  DatasetRequest request(std::int64_t train = 0, std::int64_t test = 0) const {
    DatasetRequest result;
    result.name = "cifar10";
    result.path = path();
    result.trainLimit = train, result.testLimit = test;
    return result;
  }
  std::string error() const {
    return bytes::errorOf([&] { loadDataset(request()); });
  }

  static void compareRecords(const RawSplit& split, const std::vector<int>& labels, const std::vector<int>& records) {
    QCOMPARE(split.images.sizes(), torch::IntArrayRef({std::int64_t(records.size()), 3, 32, 32}));
    QCOMPARE(split.labels.numel(), std::int64_t(labels.size()));
    for (std::size_t i = 0; i < records.size(); ++i) {
      QCOMPARE(split.labels[std::int64_t(i)].item<std::int64_t>(), std::int64_t(labels[i]));
      const auto* pixels = split.images.data_ptr<std::uint8_t>() + 3072 * i;
      for (int at = 0; at < 3072; ++at) {
        if (pixels[at] != static_cast<unsigned char>(pixelOf(records[i], at))) QFAIL("a pixel is wrong");
      }
    }
  }

 private Q_SLOTS:
  void init() { folder_ = std::make_unique<QTemporaryDir>(); }

  void readsBinaryRecordsInNaturalOrder() {
    bytes::write(path("data_batch_10.bin"), recordOf(4, 4));
    bytes::write(path("data_batch_2.bin"), recordOf(2, 2) + recordOf(3, 3));
    bytes::write(path("data_batch_1.bin"), recordOf(1, 1));
    bytes::write(path("test_batch.bin"), recordOf(9, 8) + recordOf(0, 9));
    bytes::write(path("data_batch_x.bin"), "not one of them");
    bytes::write(path("batches.meta.txt"), "airplane\n");
    const auto set = loadDataset(request());
    QCOMPARE(set.classes, std::int64_t(10));
    QCOMPARE(set.classNames[3], "cat"s);
    QVERIFY(set.mirrored);
    QCOMPARE(set.mean, (std::vector<double>{0.485, 0.456, 0.406}));
    QCOMPARE(set.deviation, (std::vector<double>{0.229, 0.224, 0.225}));
    compareRecords(set.train, {1, 2, 3, 4}, {1, 2, 3, 4});
    compareRecords(set.test, {9, 0}, {8, 9});
    const auto limited = loadDataset(request(2, 1));
    compareRecords(limited.train, {1, 2}, {1, 2});
    compareRecords(limited.test, {9}, {8});
    compareRecords(loadDataset(request(100, 100)).train, {1, 2, 3, 4}, {1, 2, 3, 4});
  }

  void readsPythonBatches() {
    bytes::write(path("data_batch_1"), pickleOf({5, 6}, 0));
    bytes::write(path("data_batch_2"), pickleOf({7}, 2));
    bytes::write(path("test_batch"), pickleOf({8}, 3));
    const auto set = loadDataset(request());
    compareRecords(set.train, {5, 6, 7}, {0, 1, 2});
    compareRecords(set.test, {8}, {3});
    compareRecords(loadDataset(request(1)).train, {5}, {0});
  }

  void looksIntoTheFoldersOfTheArchives() {
    for (const bool pickled : {true, false}) {
      const auto inner = path(pickled ? "cifar-10-batches-py" : "cifar-10-batches-bin");
      fs::create_directory(inner);
      const int label = pickled ? 1 : 2;
      bytes::write(inner / (pickled ? "test_batch" : "test_batch.bin"),
                   pickled ? pickleOf({label}, 0) : recordOf(label, 0));
      compareRecords(loadDataset(request()).test, {label}, {0});
    }
  }

  void leavesASplitOutThatIsNotThere() {
    bytes::write(path("test_batch.bin"), recordOf(1, 1));
    const auto set = loadDataset(request());
    QVERIFY(!set.train.images.defined() && !set.train.labels.defined());
    QVERIFY(set.test.images.defined());
    fs::rename(path("test_batch.bin"), path("data_batch_1.bin"));
    QVERIFY(!loadDataset(request()).test.images.defined());
  }

  void namesWrongLabels() {
    bytes::write(path("data_batch_1.bin"), recordOf(1, 1) + recordOf(10, 2));
    QVERIFY2(bytes::contains(error(), "data_batch_1.bin has the label 10 in record 1"), error().c_str());
    fs::remove(path("data_batch_1.bin"));
    bytes::write(path("data_batch_1"), pickleOf({1, 200}, 0));
    QVERIFY2(bytes::contains(error(), "data_batch_1 has the label 200 in record 1"), error().c_str());
  }

  void namesForeignPickles() {
    bytes::write(path("data_batch_1"), "\x80\x02}."s);
    QVERIFY2(bytes::contains(error(), "'data' and 'labels'"), error().c_str());
    bytes::write(path("data_batch_1"),
                 "\x80\x02}(U\x04"
                 "dataK\x01U\x06labels]u."s);
    QVERIFY2(bytes::contains(error(), "wrong type"), error().c_str());
    auto fewer = pickleOf({1, 2}, 0);
    fewer.replace(fewer.rfind("K\x02"), 2, "");
    bytes::write(path("data_batch_1"), fewer);
    QVERIFY2(bytes::contains(error(), "for each of its 1 labels"), error().c_str());
    bytes::write(path("data_batch_1"), "cposix\nsystem\n(U\x0ftouch harm-doneetR."s);
    QVERIFY(bytes::contains(error(), "data_batch_1"));
    QVERIFY(!fs::exists("harm-done"));
  }

  void namesFilesThatAreCutShort() {
    const auto load = [&](const fs::path&) { loadDataset(request()); };
    const auto whole = pickleOf({5}, 0);
    for (std::size_t length = 0; length < whole.size(); length += length < 200 || length > whole.size() - 40 ? 1 : 97) {
      bytes::write(path("data_batch_1"), whole.substr(0, length));
      QVERIFY2(bytes::contains(error(), "data_batch_1"), std::to_string(length).c_str());
    }
    fs::remove(path("data_batch_1"));
    const auto record = recordOf(5, 0);
    for (std::size_t length = 0; length < record.size(); length += 1 + record.size() / 100) {
      bytes::write(path("test_batch.bin"), record.substr(0, length));
      QVERIFY2(bytes::contains(error(), "not a whole number of 3073-byte records"), std::to_string(length).c_str());
    }
    fs::remove(path("test_batch.bin"));
    bytes::changeEachByte(path("data_batch_1"), whole.substr(0, 200) + whole.substr(whole.size() - 30), load);
  }
};

QTEST_APPLESS_MAIN(TestCifar10)
#include "tst_cifar10.moc"
