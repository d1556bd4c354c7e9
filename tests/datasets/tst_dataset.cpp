// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTemporaryDir>
#include <QTest>
#include <set>
#include <stop_token>
#include <string>

#include "datasets/dataset.h"
#include "tests/support/bytes.h"

using namespace eigenscape;
using namespace std::string_literals;

namespace {

DatasetRequest requestOf(const std::string& name, const std::string& path = "") {
  DatasetRequest request;
  request.name = name;
  request.path = path;
  request.trainLimit = request.testLimit = 20;
  return request;
}

std::string errorOf(const DatasetRequest& request) {
  return bytes::errorOf<RecipeError>([&] { loadDataset(request); });
}

}  // namespace

class TestDataset : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void listsWhatItReads() {
    std::set<std::string> names;
    for (const auto& info : datasetInfos()) {
      names.insert(info.name);
      QVERIFY(!info.help.empty() && !bytes::contains(info.help, "\n"));
      QCOMPARE(info.needsPath, info.name != "glyphs");
    }
    QVERIFY((names == std::set<std::string>{"glyphs", "cifar10", "fashion-mnist", "mnist"}));
  }

  void namesWrongRequests() {
    QTemporaryDir folder;
    const auto empty = folder.path().toStdString();
    bytes::write(empty + "/file", "x");
    QVERIFY(bytes::contains(errorOf(requestOf("imagenet")), "data.dataset"));
    QVERIFY(bytes::contains(errorOf(requestOf("imagenet")), "glyphs, cifar10, fashion-mnist, mnist"));
    for (const char* name : {"cifar10", "mnist", "fashion-mnist"}) {
      QVERIFY(bytes::contains(errorOf(requestOf(name)), "data.path is empty"));
      QVERIFY(bytes::contains(errorOf(requestOf(name, empty + "/missing")), "is not there"));
      QVERIFY(bytes::contains(errorOf(requestOf(name, empty + "/file")), "is not a folder"));
      QTemporaryDir other;
      QVERIFY(bytes::contains(errorOf(requestOf(name, other.path().toStdString())), "holds none of"));
    }
    auto request = requestOf("glyphs");
    request.trainLimit = -1;
    QVERIFY(bytes::contains(errorOf(request), "data.train_limit"));
    request.trainLimit = 0, request.testLimit = -5;
    QVERIFY(bytes::contains(errorOf(request), "data.test_limit"));
  }

  void checksMeanAndDeviation() {
    auto request = requestOf("glyphs");
    request.mean = {0.5, 0.5, 0.5};
    QVERIFY(bytes::contains(errorOf(request), "data.mean has 3 numbers; glyphs has 1 channel"));
    request.mean = {0.25}, request.deviation = {0.5, 0.5};
    QVERIFY(bytes::contains(errorOf(request), "data.std has 2 numbers"));
    for (const double wrong : {0.0, -1.0, double(INFINITY), double(NAN)}) {
      request.deviation = {wrong};
      QVERIFY(bytes::contains(errorOf(request), "data.std holds"));
    }
    request.deviation = {0.5};
    const auto set = loadDataset(request);
    QCOMPARE(set.mean, std::vector<double>{0.25});
    QCOMPARE(set.deviation, std::vector<double>{0.5});
  }

  void normalizesPerChannel() {
    Dataset set;
    set.mean = {0.0, 0.5}, set.deviation = {1.0, 0.25};
    RawSplit split;
    split.images = torch::tensor({0, 255, 51, 102}, torch::kUInt8).view({1, 2, 1, 2});
    split.labels = torch::tensor({3}, torch::kInt64);
    const auto examples = normalized(split, set);
    QCOMPARE(examples.size(), std::int64_t(1));
    QCOMPARE(examples.inputs.scalar_type(), torch::kFloat32);
    QVERIFY(
        examples.inputs.allclose(torch::tensor({0.0, 1.0, -1.2, -0.4}, torch::kFloat32).view({1, 2, 1, 2}), 0, 1e-6));
    QVERIFY(examples.padding.allclose(torch::tensor({0.0, -2.0}, torch::kFloat32), 0, 1e-7));
    QVERIFY(examples.targets.equal(split.labels));
    QCOMPARE(normalized({}, set).size(), std::int64_t(0));
  }

  void centresWithItsOwnScale() {
    DatasetRequest request;
    request.name = "glyphs";
    const auto set = loadDataset(request);
    const auto inputs = normalized(set.train, set).inputs.to(torch::kFloat64);
    QVERIFY(std::abs(inputs.mean().item<double>()) < 1e-3);
    QVERIFY(std::abs(inputs.std().item<double>() - 1) < 1e-3);
  }

  void stopsWhenAsked() {
    std::stop_source source;
    source.request_stop();
    Context context;
    context.stop = source.get_token();
    bool stopped = false;
    try {
      loadDataset(requestOf("glyphs"), context);
    } catch (const Stopped&) {
      stopped = true;
    }
    QVERIFY(stopped);
  }
};

QTEST_APPLESS_MAIN(TestDataset)
#include "tst_dataset.moc"
