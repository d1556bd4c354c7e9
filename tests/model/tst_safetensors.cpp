// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/resource.h>
#include <torch/torch.h>

#include <QTemporaryDir>
#include <QTest>
#include <csignal>
#include <string>

#include "core/model/state_dict.h"
#include "tests/support/bytes.h"

using namespace eigenscape;
namespace fs = std::filesystem;

namespace {

/// A file of the format, put together by hand.
std::string fileOf(const std::string& header, const std::string& data) {
  return bytes::little(header.size(), 8) + header + data;
}

const std::string kTwo = R"({"__metadata__":{"epoch":"3"},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                         R"("a":{"dtype":"I16","shape":[1,2],"data_offsets":[8,12]}})";
const std::string kTwoData = std::string("\0\0\x80\x3f\0\0\0\xc0", 8) + std::string("\x05\0\xff\xff", 4);

NamedTensors allTypes() {
  NamedTensors tensors;
  const auto numbers = torch::arange(6).reshape({2, 3});
  for (const auto type : {torch::kFloat64, torch::kFloat32, torch::kFloat16, torch::kBFloat16, torch::kInt64,
                          torch::kInt32, torch::kInt16, torch::kInt8, torch::kUInt8}) {
    tensors.emplace_back(std::string("of type ") + torch::toString(type), numbers.to(type));
  }
  tensors.emplace_back("truth", numbers.remainder(2).to(torch::kBool));
  tensors.emplace_back("scalar", torch::tensor(7));
  tensors.emplace_back("empty", torch::empty({0, 3}));
  tensors.emplace_back("transposed", numbers.to(torch::kFloat32).t());
  tensors.emplace_back("named \"quoted\" λ", torch::ones({3}));
  return tensors;
}

}  // namespace

class TestSafetensors : public QObject {
  Q_OBJECT

  QTemporaryDir folder_;
  fs::path path(const char* name = "some.safetensors") const { return fs::path(folder_.path().toStdString()) / name; }
  std::string errorIn(const std::string& header, const std::string& data) const {
    bytes::write(path(), fileOf(header, data));
    return bytes::errorOf([&] { readSafetensors(path()); });
  }

 private Q_SLOTS:
  void readsAFileMadeByHand() {
    bytes::write(path(), fileOf(kTwo, kTwoData));
    std::map<std::string, std::string> metadata;
    const auto tensors = readSafetensors(path(), &metadata);
    QCOMPARE(metadata.size(), std::size_t(1));
    QCOMPARE(metadata["epoch"], std::string("3"));
    QCOMPARE(tensors.size(), std::size_t(2));
    QCOMPARE(tensors[0].first, std::string("b"));
    QVERIFY(tensors[0].second.equal(torch::tensor({1.0F, -2.0F})));
    QCOMPARE(tensors[1].first, std::string("a"));
    QVERIFY(tensors[1].second.equal(torch::tensor({5, -1}, torch::kInt16).view({1, 2})));
  }

  void writesWhatTheFormatSays() {
    writeSafetensors(path(),
                     {{"b", torch::tensor({1.0F, -2.0F})}, {"a", torch::tensor({5, -1}, torch::kInt16).view({1, 2})}},
                     {{"epoch", "3"}});
    const auto padding = std::string((8 - kTwo.size() % 8) % 8, ' ');
    QVERIFY(bytes::read(path()) == fileOf(kTwo + padding, kTwoData));
    QVERIFY(!fs::exists(path("some.safetensors.part")));
  }

  void givesBackWhatWasWritten() {
    const auto written = allTypes();
    writeSafetensors(path(), written);
    const auto first = bytes::read(path());
    const auto read = readSafetensors(path());
    QCOMPARE(read.size(), written.size());
    for (std::size_t i = 0; i < read.size(); ++i) {
      QCOMPARE(read[i].first, written[i].first);
      QCOMPARE(read[i].second.scalar_type(), written[i].second.scalar_type());
      QVERIFY2(read[i].second.equal(written[i].second), read[i].first.c_str());
    }
    writeSafetensors(path(), read);
    QVERIFY(bytes::read(path()) == first);
  }

  void alignsEachTensor() {
    writeSafetensors(path(),
                     {{"byte", torch::ones({3}, torch::kUInt8)}, {"double", torch::ones({1}, torch::kFloat64)}});
    const auto text = bytes::read(path());
    QVERIFY(bytes::contains(text, R"("byte":{"dtype":"U8","shape":[3],"data_offsets":[8,11]})"));
    QVERIFY(bytes::contains(text, R"("double":{"dtype":"F64","shape":[1],"data_offsets":[0,8]})"));
    QCOMPARE((text.size() - 11) % 8, std::size_t(0));
  }

  void makesTruthValuesOfAnyByte() {
    bytes::write(path(),
                 fileOf(R"({"t":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}})", std::string("\0\x02\xff", 3)));
    QVERIFY(readSafetensors(path())[0].second.equal(torch::tensor({false, true, true})));
  }

  void namesWhatIsWrong_data() {
    QTest::addColumn<QString>("header");
    QTest::addColumn<int>("size");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* name, const char* header, int size, const char* says) {
      QTest::newRow(name) << header << size << says;
    };
    row("not JSON", "{\"a\":", 0, "not JSON");
    row("a list", "[]", 0, "not a JSON object");
    row("no dtype", R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4, "without dtype");
    row("unknown dtype", R"({"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}})", 4, "F8_E4M3");
    row("number as dtype", R"({"a":{"dtype":3,"shape":[4],"data_offsets":[0,4]}})", 4, "not a text");
    row("negative extent", R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,4]}})", 4, "wrong shape");
    row("broken extent", R"({"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,4]}})", 4, "wrong shape");
    row("one offset", R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0]}})", 4, "data_offsets");
    row("backwards", R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}})", 4, "data_offsets");
    row("out of range", R"({"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}})", 4, "cut short");
    row("wrong size", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "do not fill");
    row("overflow", R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0, "do not fill");
    row("huge", R"({"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}})", 4, "do not fill");
    row("huge, empty", R"({"a":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}})", 0,
        "do not fill");
    row("overlap",
        R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
        4, "overlapping");
    row("gap",
        R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
        4, "gap");
    row("bytes left", R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})", 4, "after its last tensor");
    row("twice",
        R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
        4, "twice");
    row("metadata of numbers", R"({"__metadata__":{"epoch":3}})", 0, "__metadata__");
  }
  void namesWhatIsWrong() {
    QFETCH(QString, header);
    QFETCH(int, size);
    QFETCH(QString, says);
    const auto error = errorIn(header.toStdString(), std::string(std::size_t(size), 'x'));
    QVERIFY2(bytes::contains(error, "some.safetensors"), error.c_str());
    QVERIFY2(bytes::contains(error, says.toStdString()), error.c_str());
  }

  void refusesHeadersBeyondTheFile() {
    bytes::write(path(), bytes::little(1000, 8) + "{}");
    QVERIFY(bytes::contains(bytes::errorOf([&] { readSafetensors(path()); }), "cut short"));
    bytes::write(path(), std::string(8, '\xff') + "{}");
    QVERIFY(bytes::contains(bytes::errorOf([&] { readSafetensors(path()); }), "no safetensors file"));
  }

  void survivesDeepHeaders() {
    QVERIFY(!errorIn(std::string(1'000'000, '['), "").empty());
    QVERIFY(!errorIn("{\"a\":" + std::string(200'000, '[') + std::string(200'000, ']') + "}", "").empty());
  }

  void namesAMissingFile() {
    const auto error = bytes::errorOf<RecipeError>([&] { readSafetensors(path("missing.safetensors")); });
    QVERIFY(bytes::contains(error, "missing.safetensors is not there"));
  }

  void neverCrashesOnCutOrChangedFiles() {
    const auto whole = fileOf(kTwo, kTwoData);
    QCOMPARE(bytes::firstPrefixTaken(path(), whole, readStateDict), std::int64_t(-1));
    bytes::changeEachByte(path(), whole, readStateDict);
  }

  void keepsTheOldFileWhenTheDiskIsFull() {
    writeSafetensors(path(), {{"a", torch::ones({2})}});
    const auto before = bytes::read(path());
    rlimit old{};
    getrlimit(RLIMIT_FSIZE, &old);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{4096, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    const auto error = bytes::errorOf([&] { writeSafetensors(path(), {{"a", torch::ones({100'000})}}); });
    setrlimit(RLIMIT_FSIZE, &old);
    std::signal(SIGXFSZ, handler);
    QVERIFY2(bytes::contains(error, "some.safetensors cannot be written"), error.c_str());
    QVERIFY(bytes::read(path()) == before);
    QVERIFY(!fs::exists(path("some.safetensors.part")));
  }

  void refusesWhatTheFormatCannotHold() {
    const auto complexOne = torch::ones({2}, torch::kComplexFloat);
    QVERIFY(bytes::contains(bytes::errorOf([&] { writeSafetensors(path(), {{"z", complexOne}}); }), "'z'"));
    const NamedTensors twice = {{"a", torch::ones({1})}, {"a", torch::ones({1})}};
    QVERIFY(bytes::contains(bytes::errorOf([&] { writeSafetensors(path(), twice); }), "'a'"));
    const auto nowhere = path("no-folder") / "a.safetensors";
    QVERIFY(bytes::contains(bytes::errorOf([&] {
                              writeSafetensors(nowhere, {{"a", torch::ones({1})}});
                            }),
                            "cannot be written"));
  }
};

QTEST_APPLESS_MAIN(TestSafetensors)
#include "tst_safetensors.moc"
