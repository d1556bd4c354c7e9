// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>
#include <zlib.h>

#include <QTemporaryDir>
#include <QTest>
#include <memory>
#include <string>

#include "datasets/dataset.h"
#include "tests/support/bytes.h"

using namespace eigenscape;
namespace fs = std::filesystem;

namespace {

std::string imagesOf(int count, int rows, int columns, int first = 0) {
  auto text = bytes::big(0x803, 4) + bytes::big(std::uint64_t(count), 4) + bytes::big(std::uint64_t(rows), 4) +
              bytes::big(std::uint64_t(columns), 4);
  for (int i = 0; i < count * rows * columns; ++i) text += static_cast<char>((first + i) % 256);
  return text;
}

std::string labelsOf(const std::vector<int>& labels) {
  auto text = bytes::big(0x801, 4) + bytes::big(labels.size(), 4);
  for (const int label : labels) text += static_cast<char>(label);
  return text;
}

std::string gzipOf(const std::string& content) {
  std::string packed(compressBound(uLong(content.size())) + 64, '\0');
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = uInt(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = uInt(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

}  // namespace

class TestIdx : public QObject {
  Q_OBJECT

  std::unique_ptr<QTemporaryDir> folder_;
  fs::path path(const std::string& name = "") const { return fs::path(folder_->path().toStdString()) / name; }

  DatasetRequest request(const char* name = "mnist", std::int64_t train = 0, std::int64_t test = 0) const {
    DatasetRequest result;
    result.name = name;
    result.path = path();
    result.trainLimit = train, result.testLimit = test;
    return result;
  }
  std::string error() const {
    return bytes::errorOf([&] { loadDataset(request()); });
  }
  void writeTraining(const std::string& images, const std::string& labels) const {
    bytes::write(path("train-images-idx3-ubyte"), images);
    bytes::write(path("train-labels-idx1-ubyte"), labels);
  }

 private Q_SLOTS:
  void init() { folder_ = std::make_unique<QTemporaryDir>(); }

  void readsFourFiles_data() {
    QTest::addColumn<bool>("packed");
    QTest::addColumn<QString>("separator");
    QTest::newRow("plain") << false << "-";
    QTest::newRow("gzipped") << true << "-";
    QTest::newRow("plain, with a dot") << false << ".";
    QTest::newRow("gzipped, with a dot") << true << ".";
  }
  void readsFourFiles() {
    QFETCH(bool, packed);
    QFETCH(QString, separator);
    const auto put = [&](const std::string& stem, const std::string& kind, const std::string& content) {
      bytes::write(path(stem + separator.toStdString() + kind + (packed ? ".gz" : "")),
                   packed ? gzipOf(content) : content);
    };
    put("train-images", "idx3-ubyte", imagesOf(3, 2, 4));
    put("train-labels", "idx1-ubyte", labelsOf({7, 0, 9}));
    put("t10k-images", "idx3-ubyte", imagesOf(2, 2, 4, 100));
    put("t10k-labels", "idx1-ubyte", labelsOf({1, 2}));
    const auto set = loadDataset(request());
    QVERIFY(set.train.images.equal(torch::arange(24).to(torch::kUInt8).view({3, 1, 2, 4})));
    QVERIFY(set.train.labels.equal(torch::tensor({7, 0, 9}, torch::kInt64)));
    QVERIFY(set.test.images.equal(torch::arange(100, 116).to(torch::kUInt8).view({2, 1, 2, 4})));
    QVERIFY(set.test.labels.equal(torch::tensor({1, 2}, torch::kInt64)));
    const auto some = loadDataset(request("mnist", 2, 1));
    QVERIFY(some.train.images.equal(set.train.images.narrow(0, 0, 2)));
    QVERIFY(some.train.labels.equal(set.train.labels.narrow(0, 0, 2)));
    QVERIFY(some.test.labels.equal(set.test.labels.narrow(0, 0, 1)));
    QCOMPARE(loadDataset(request("mnist", 50)).train.labels.size(0), std::int64_t(3));
  }

  void hasItsDocumentedScale() {
    writeTraining(imagesOf(1, 1, 1), labelsOf({0}));
    const auto digits = loadDataset(request("mnist")), clothes = loadDataset(request("fashion-mnist"));
    QCOMPARE(digits.mean, std::vector<double>{0.1307});
    QCOMPARE(digits.deviation, std::vector<double>{0.3081});
    QVERIFY(!digits.mirrored);
    QCOMPARE(clothes.mean, std::vector<double>{0.2860});
    QCOMPARE(clothes.deviation, std::vector<double>{0.3530});
    QVERIFY(clothes.mirrored);
    QCOMPARE(clothes.classNames[9], std::string("boot"));
    QVERIFY(!digits.test.images.defined());
  }

  void namesWhatIsWrong_data() {
    QTest::addColumn<QByteArray>("images");
    QTest::addColumn<QByteArray>("labels");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* name, const std::string& images, const std::string& labels, const char* says) {
      QTest::newRow(name) << QByteArray(images.data(), qsizetype(images.size()))
                          << QByteArray(labels.data(), qsizetype(labels.size())) << says;
    };
    const auto header = [](std::uint64_t count, std::uint64_t rows, std::uint64_t columns) {
      return bytes::big(0x803, 4) + bytes::big(count, 4) + bytes::big(rows, 4) + bytes::big(columns, 4);
    };
    row("labels for images", labelsOf({1}), labelsOf({1}), "starts with 0x00000801");
    row("images for labels", imagesOf(1, 1, 1), imagesOf(1, 1, 1), "train-labels-idx1-ubyte starts with 0x00000803");
    row("a text", "<html>not found</html>", labelsOf({1}), "starts with 0x3c68746d");
    row("another count", imagesOf(2, 1, 1), labelsOf({1}), "has 2 images");
    row("label", imagesOf(2, 1, 1), labelsOf({1, 10}), "has the label 10 at item 1");
    row("bytes left", imagesOf(1, 1, 1) + "x", labelsOf({1}), "goes on after the 1 items");
    row("no images", imagesOf(0, 1, 1), labelsOf({}), "has no images");
    row("no pixels", header(1, 0, 28), labelsOf({1}), "0x28 pixels");
    row("too many pixels", header(1, 70000, 28), labelsOf({1}), "70000x28 pixels");
    row("huge count", header(0xffffffff, 1024, 1024), labelsOf({1}), "promises");
  }
  void namesWhatIsWrong() {
    QFETCH(QByteArray, images);
    QFETCH(QByteArray, labels);
    QFETCH(QString, says);
    writeTraining(images.toStdString(), labels.toStdString());
    QVERIFY2(bytes::contains(error(), says.toStdString()), error().c_str());
    QVERIFY2(bytes::contains(error(), path().string()), error().c_str());
    QVERIFY(!bytes::contains(error(), "\n"));
  }

  void namesTheMissingHalf() {
    bytes::write(path("t10k-labels-idx1-ubyte.gz"), gzipOf(labelsOf({1})));
    const auto says = bytes::errorOf<RecipeError>([&] { loadDataset(request()); });
    QVERIFY2(bytes::contains(says, "holds t10k-labels-idx1-ubyte.gz but not t10k-images-idx3-ubyte"), says.c_str());
  }

  void namesSplitsOfDifferentSizes() {
    writeTraining(imagesOf(1, 2, 2), labelsOf({1}));
    bytes::write(path("t10k-images-idx3-ubyte"), imagesOf(1, 2, 3));
    bytes::write(path("t10k-labels-idx1-ubyte"), labelsOf({1}));
    QVERIFY2(bytes::contains(error(), "different sizes"), error().c_str());
  }

  void namesFilesThatAreCutShort() {
    const auto load = [&](const fs::path&) { loadDataset(request()); };
    const auto images = imagesOf(3, 4, 4), labels = labelsOf({1, 2, 3});
    writeTraining(images, labels);
    QCOMPARE(bytes::firstPrefixTaken(path("train-images-idx3-ubyte"), images, load), std::int64_t(-1));
    writeTraining(images, labels);
    QCOMPARE(bytes::firstPrefixTaken(path("train-labels-idx1-ubyte"), labels, load), std::int64_t(-1));
    fs::remove(path("train-images-idx3-ubyte"));
    bytes::write(path("train-labels-idx1-ubyte"), labels);
    const auto packed = gzipOf(images);
    QCOMPARE(bytes::firstPrefixTaken(path("train-images-idx3-ubyte.gz"), packed, load), std::int64_t(-1));
    bytes::changeEachByte(path("train-images-idx3-ubyte.gz"), packed, load);
    bytes::write(path("train-images-idx3-ubyte.gz"), packed);
    QCOMPARE(error(), std::string());
  }
};

QTEST_APPLESS_MAIN(TestIdx)
#include "tst_idx.moc"
