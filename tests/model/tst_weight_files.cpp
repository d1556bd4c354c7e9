// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <QTest>
#include <map>
#include <string>

#include "core/model/state_dict.h"
#include "tests/support/bytes.h"
#include "tests/support/testdata.h"

using namespace eigenscape;

// Files that other programs wrote. The sums are what torch.load of PyTorch 2.13 gives, added in float64.
namespace {

double total64(const torch::Tensor& tensor) {
  return tensor.to(torch::kFloat64).sum().item<double>();
}

}  // namespace

class TestWeightFiles : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void readsTheResNetInTheOldLayout() {
    const auto file = testdata::shared("weights/resnet20-12fca82f.th");
    if (file.empty()) QSKIP("weights/resnet20-12fca82f.th is not among the shared data");
    const auto tensors = readStateDict(file);
    QCOMPARE(tensors.size(), std::size_t(97));
    QCOMPARE(tensors[0].first, std::string("conv1.weight"));
    QCOMPARE(tensors[5].first, std::string("layer1.0.conv1.weight"));
    std::int64_t elements = 0, trained = 0;
    double total = 0;
    for (const auto& [name, tensor] : tensors) {
      elements += tensor.numel();
      if (name.find("running") == std::string::npos) trained += tensor.numel();
      total += total64(tensor);
    }
    QCOMPARE(elements, std::int64_t(271'098));
    QCOMPARE(trained, std::int64_t(269'722));
    QVERIFY(std::abs(total - 139.7826495598208) < 1e-9);
    const std::map<std::string, torch::Tensor> found(tensors.begin(), tensors.end());
    QVERIFY(std::abs(total64(found.at("conv1.weight")) - 1.3100982000032673) < 1e-12);
    QVERIFY(std::abs(total64(found.at("layer3.2.bn2.running_var")) - 10.665690739639103) < 1e-12);
    QCOMPARE(found.at("linear.weight").sizes(), torch::IntArrayRef({10, 64}));
    QCOMPARE(found.at("linear.weight")[0][1].item<float>(), 0.5688578486442566F);
    QCOMPARE(found.at("linear.bias")[1].item<float>(), -0.3431008756160736F);
  }

  void readsFilesOfOtherPrograms_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("tensor");
    QTest::addColumn<QString>("shape");
    QTest::addColumn<double>("total");
    const auto row = [](const char* name, const char* tensor, const char* shape, double total) {
      QTest::newRow((std::string(name) + " " + tensor).c_str()) << name << tensor << shape << total;
    };
    row("candle/fortran_tensor_3d.pth", "tensor_fortran", "[2, 3, 4]", 300);
    row("candle/test.pt", "test", "[2, 4]", 36);
    row("candle/test_with_key.pt", "test", "[2, 4]", 36);
    row("candle/jfk-codes.safetensors", "codes", "[1, 2, 828]", 960640);
    row("candle/voices.safetensors", "mask", "[1, 982, 33]", 24294);
    row("mlverse/ordered_dict.pt", "weight", "[10, 10]", -0.3078172206878662);
    row("mlverse/ordered_dict.pt", "bias", "[10]", 0.6320819854736328);
    row("mlverse/state_dict.pth", "twos", "[3, 5]", 30);
    row("mlverse/linear.pt", "weight", "[10, 10]", -1.0248662260128185);
    row("tch-rs/foo.pt", "value", "[1]", 42);
  }
  void readsFilesOfOtherPrograms() {
    QFETCH(QString, name);
    QFETCH(QString, tensor);
    QFETCH(QString, shape);
    QFETCH(double, total);
    const auto file = testdata::shared("files/" + name.toStdString());
    if (file.empty()) QSKIP(qPrintable("files/" + name + " is not among the shared data"));
    for (const auto& [key, value] : readStateDict(file)) {
      if (key != tensor.toStdString()) continue;
      QCOMPARE(QString::fromStdString(c10::str(value.sizes())), shape);
      QVERIFY(std::abs(total64(value) - total) < 1e-12);
      return;
    }
    QFAIL("the tensor is not there");
  }

  void givesFortranOrderItsPlace() {
    const auto file = testdata::shared("files/candle/fortran_tensor_3d.pth");
    if (file.empty()) QSKIP("files/candle is not among the shared data");
    const auto tensor = readStateDict(file).at(0).second;
    QVERIFY(tensor.is_contiguous());
    QVERIFY(tensor.equal(torch::arange(1, 25).reshape({2, 3, 4})));
  }

  void refusesWhatIsNoStateDict() {
    for (const char* name : {"candle/test.npy", "candle/test.npz", "tch-rs/foo1.pt"}) {
      const auto file = testdata::shared(std::string("files/") + name);
      if (file.empty()) QSKIP(qPrintable(QString("files/%1 is not among the shared data").arg(name)));
      const auto error = bytes::errorOf([&] { readStateDict(file); });
      QVERIFY2(bytes::contains(error, file.string()), name);
      QVERIFY2(!bytes::contains(error, "\n"), error.c_str());
    }
  }

  void namesCutOffWeights() {
    const auto file = testdata::shared("weights/resnet20-12fca82f.th");
    if (file.empty()) QSKIP("weights/resnet20-12fca82f.th is not among the shared data");
    const auto whole = bytes::read(file);
    const auto path = std::filesystem::temp_directory_path() / "eigenscape-cut-weights.th";
    for (const std::size_t length :
         {std::size_t(1), std::size_t(100), std::size_t(5000), whole.size() / 2, whole.size() - 1}) {
      bytes::write(path, whole.substr(0, length));
      QVERIFY(bytes::contains(bytes::errorOf([&] { readStateDict(path); }), path.string()));
    }
    std::filesystem::remove(path);
  }
};

QTEST_APPLESS_MAIN(TestWeightFiles)
#include "tst_weight_files.moc"
