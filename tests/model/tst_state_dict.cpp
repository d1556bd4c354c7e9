// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>
#include <zlib.h>

#include <QTemporaryDir>
#include <QTest>
#include <map>
#include <string>

#include "core/model/state_dict.h"
#include "tests/support/bytes.h"

using namespace eigenscape;
namespace fs = std::filesystem;
using namespace std::string_literals;

namespace {

using ByName = std::map<std::string, torch::Tensor>;

ByName byName(const NamedTensors& tensors) {
  return {tensors.begin(), tensors.end()};
}

/// What files/make.py puts into its tensors.
torch::Tensor arange(std::vector<std::int64_t> shape, torch::ScalarType type = torch::kFloat32) {
  std::int64_t count = 1;
  for (const auto extent : shape) count *= extent;
  return torch::arange(count).reshape(shape).to(type);
}

/// A file that PyTorch wrote; see files/make.py.
fs::path fixture(const std::string& name) {
  return fs::path(EIGENSCAPE_SOURCE_DIR) / "tests" / "model" / "files" / name;
}

/// A ZIP file of stored or deflated entries, put together by hand.
std::string zipOf(const std::vector<std::pair<std::string, std::string>>& entries, bool deflated = false) {
  std::string zip, directory;
  for (const auto& [name, content] : entries) {
    std::string packed = content;
    if (deflated) {
      packed.resize(compressBound(uLong(content.size())) + 16);
      z_stream stream{};
      deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
      stream.avail_in = uInt(content.size());
      stream.next_out = reinterpret_cast<Bytef*>(packed.data());
      stream.avail_out = uInt(packed.size());
      deflate(&stream, Z_FINISH);
      packed.resize(stream.total_out);
      deflateEnd(&stream);
    }
    const auto common = bytes::little(deflated ? 8 : 0, 2) + bytes::little(0, 4) + bytes::little(0, 4) +
                        bytes::little(packed.size(), 4) + bytes::little(content.size(), 4) +
                        bytes::little(name.size(), 2);
    directory += "PK\x01\x02" + bytes::little(20, 2) + bytes::little(20, 2) + bytes::little(0, 2) + common +
                 bytes::little(0, 2) + bytes::little(0, 2) + bytes::little(0, 2) + bytes::little(0, 2) +
                 bytes::little(0, 4) + bytes::little(zip.size(), 4) + name;
    zip += "PK\x03\x04" + bytes::little(20, 2) + bytes::little(0, 2) + common + bytes::little(0, 2) + name + packed;
  }
  const auto at = zip.size();
  return zip + directory + "PK\x05\x06" + bytes::little(0, 4) + bytes::little(entries.size(), 2) +
         bytes::little(entries.size(), 2) + bytes::little(directory.size(), 4) + bytes::little(at, 4) +
         bytes::little(0, 2);
}

std::string number(std::int64_t value) {
  return "\x8a\x08"s + bytes::little(std::uint64_t(value), 8);
}

std::string numbers(const std::vector<std::int64_t>& values) {
  std::string text = "(";
  for (const auto value : values) text += number(value);
  return text + "t";
}

std::string text(const std::string& value) {
  return "X"s + bytes::little(value.size(), 4) + value;
}

/// The pickle of a tensor in the storage "0".
std::string tensorOf(std::int64_t offset, const std::vector<std::int64_t>& shape,
                     const std::vector<std::int64_t>& strides, const std::string& storage = "FloatStorage") {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" + storage + "\n" + text("0") +
         text("cpu") + number(8) + "tQ" + number(offset) + numbers(shape) + numbers(strides) + "\x89}tR";
}

std::string archiveOf(const std::string& tensor, bool deflated = false) {
  std::string data(32, '\0');
  for (int i = 0; i < 8; ++i) {
    const auto value = float(i);
    std::memcpy(data.data() + 4 * i, &value, 4);
  }
  return zipOf(
      {{"net/data.pkl", "\x80\x02}" + text("w") + tensor + "s."}, {"net/data/0", data}, {"net/version", "3\n"}},
      deflated);
}

}  // namespace

class TestStateDict : public QObject {
  Q_OBJECT

  QTemporaryDir folder_;
  fs::path path(const char* name = "some.pt") const { return fs::path(folder_.path().toStdString()) / name; }
  std::string errorIn(const std::string& content) const {
    bytes::write(path(), content);
    return bytes::errorOf([&] { readStateDict(path()); });
  }

  static void compareTypes(const NamedTensors& read) {
    const auto found = byName(read);
    QCOMPARE(found.size(), std::size_t(18));
    QCOMPARE(read[0].first, "float64"s);  // in the file's order
    const std::map<std::string, torch::ScalarType> types = {
        {"float64", torch::kFloat64},   {"float32", torch::kFloat32}, {"float16", torch::kFloat16},
        {"bfloat16", torch::kBFloat16}, {"int64", torch::kInt64},     {"int32", torch::kInt32},
        {"int16", torch::kInt16},       {"int8", torch::kInt8},       {"uint8", torch::kUInt8}};
    for (const auto& [name, type] : types) {
      QCOMPARE(found.at(name).scalar_type(), type);
      QVERIFY2(found.at(name).equal(arange({2, 3}, type)), name.c_str());
    }
    const auto whole = arange({4, 6});
    QVERIFY(found.at("bool").equal(torch::tensor({true, false, true})));
    QCOMPARE(found.at("scalar").dim(), std::int64_t(0));
    QCOMPARE(found.at("scalar").item<std::int64_t>(), std::int64_t(7));
    QCOMPARE(found.at("empty").sizes(), torch::IntArrayRef({0, 3}));
    QVERIFY(found.at("whole").equal(whole));
    QVERIFY(found.at("rows_1_2").equal(whole.slice(0, 1, 3)));
    QVERIFY(found.at("column_2").equal(whole.select(1, 2)));
    QVERIFY(found.at("transposed").equal(whole.t()));
    QVERIFY(found.at("expanded").equal(torch::full({2, 2}, 3.0F)));
    QVERIFY(found.at("parameter").equal(arange({3})));
    for (const auto& [name, tensor] : read) QVERIFY2(tensor.is_contiguous(), name.c_str());
  }

  static void compareCheckpoint(const NamedTensors& read) {
    const auto found = byName(read);
    QCOMPARE(found.size(), std::size_t(7));
    QVERIFY(found.at("0.weight").equal(arange({2, 3})));
    QVERIFY(found.at("0.bias").equal(arange({2})));
    for (const char* name : {"1.weight", "1.bias", "1.running_mean", "1.running_var"}) {
      QVERIFY2(found.at(name).equal(arange({2})), name);
    }
    QCOMPARE(found.at("1.num_batches_tracked").item<std::int64_t>(), std::int64_t(5));
    QCOMPARE(found.at("1.num_batches_tracked").scalar_type(), torch::kInt64);
  }

 private Q_SLOTS:
  void readsAllTypesFromTheZipLayout() { compareTypes(readStateDict(fixture("types.pt"))); }
  void readsAllTypesFromTheOldLayout() { compareTypes(readStateDict(fixture("types_old.pt"))); }
  // Under `state_dict`, named `module.…`, beside an epoch, an argparse.Namespace and an optimizer.
  void unwrapsCheckpoints() { compareCheckpoint(readStateDict(fixture("checkpoint.pth"))); }
  void unwrapsOldCheckpoints() { compareCheckpoint(readStateDict(fixture("checkpoint_old.th"))); }
  void readsTorchScriptModules() { compareCheckpoint(readStateDict(fixture("script.pt"))); }

  void readsWhatLibTorchPickles() {
    c10::Dict<std::string, torch::Tensor> dictionary;
    dictionary.insert("a", arange({2, 2}));
    dictionary.insert("b", arange({3}, torch::kInt32));
    const auto saved = torch::pickle_save(dictionary);
    bytes::write(path(), std::string(saved.begin(), saved.end()));
    const auto found = byName(readStateDict(path()));
    QCOMPARE(found.size(), std::size_t(2));
    QVERIFY(found.at("a").equal(arange({2, 2})));
    QVERIFY(found.at("b").equal(arange({3}, torch::kInt32)));
  }

  void readsNumpyArrays() {
    for (const char* name : {"arrays2.pkl", "arrays4.pkl"}) {
      const auto found = byName(readStateDict(fixture(name)));
      QCOMPARE(found.size(), std::size_t(3));
      QVERIFY(found.at("w").equal(arange({2, 3})));
      QVERIFY(found.at("fortran").equal(arange({2, 3})));
      QVERIFY(found.at("i").equal(arange({4}, torch::kInt64)));
    }
    const auto error = bytes::errorOf([&] { readStateDict(fixture("big_endian.pkl")); });
    QVERIFY2(bytes::contains(error, ">f4"), error.c_str());
  }

  void readsSafetensorsByContent() {
    writeSafetensors(path("renamed.pt"), {{"module.a", arange({2})}});
    QVERIFY(readStateDict(path("renamed.pt")).at(0).second.equal(arange({2})));
  }

  void readsArchivesMadeByHand() {
    for (const bool deflated : {false, true}) {
      bytes::write(path(), archiveOf(tensorOf(1, {2, 2}, {3, 1}), deflated));
      const auto read = readStateDict(path());
      QCOMPARE(read.size(), std::size_t(1));
      QCOMPARE(read[0].first, "w"s);
      QVERIFY(read[0].second.equal(torch::tensor({{1.0F, 2.0F}, {4.0F, 5.0F}})));
    }
  }

  void tellsModulesFromStateDicts() {
    const auto error = bytes::errorOf([&] { readStateDict(fixture("module.pt")); });
    QVERIFY2(
        bytes::contains(error, "module.pt holds a Python object of the class torch.nn.modules.container.Sequential"),
        error.c_str());
    QVERIFY2(bytes::contains(error, "torch.save(model.state_dict(), file)"), error.c_str());
  }

  void runsNothing() {
    const auto error = bytes::errorOf([&] { readStateDict(fixture("harm.pt")); });
    QVERIFY2(bytes::contains(error, "posix.system") && bytes::contains(error, "'harm'"), error.c_str());
    QVERIFY(!fs::exists("harm-was-done"));
  }

  void refusesImpossibleTensors_data() {
    QTest::addColumn<QByteArray>("tensor");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* name, const std::string& tensor, const char* says) {
      QTest::newRow(name) << QByteArray(tensor.data(), qsizetype(tensor.size())) << says;
    };
    constexpr std::int64_t huge = std::int64_t(1) << 62;
    row("one too many", tensorOf(0, {9}, {1}), "beyond its storage of 8");
    row("offset beyond", tensorOf(8, {1}, {1}), "beyond its storage");
    row("offset negative", tensorOf(-1, {2}, {1}), "beyond its storage");
    row("offset huge", tensorOf(INT64_MAX, {2}, {1}), "beyond its storage");
    row("stride beyond", tensorOf(0, {2, 2}, {7, 1}), "beyond its storage");
    row("stride negative", tensorOf(4, {2}, {-1}), "beyond its storage");
    row("stride huge", tensorOf(0, {3}, {huge}), "beyond its storage");
    row("extent negative", tensorOf(0, {-2}, {1}), "impossible shape");
    row("extents overflow", tensorOf(0, {huge, 4}, {0, 0}), "impossible shape");
    row("extents overflow, empty", tensorOf(0, {0, huge, huge}, {1, 1, 1}), "impossible shape");
    row("bytes overflow", tensorOf(0, {huge}, {0}), "repeats its elements");
    row("repeated", tensorOf(0, {1 << 20, 1 << 20}, {0, 0}), "repeats its elements");
    row("too many dimensions", tensorOf(0, std::vector<std::int64_t>(1000, 1), std::vector<std::int64_t>(1000, 1)),
        "impossible shape");
    row("strides missing", tensorOf(0, {2, 2}, {1}), "number of strides");
    row("unknown type", tensorOf(0, {2}, {1}, "ComplexFloatStorage"), "ComplexFloatStorage");
    row("not a tensor", "K\x01", "an integer under 'w'");
    row("nested", "}", "a dictionary under 'w'");
  }
  void refusesImpossibleTensors() {
    QFETCH(QByteArray, tensor);
    QFETCH(QString, says);
    const auto error = errorIn(archiveOf(tensor.toStdString()));
    QVERIFY2(bytes::contains(error, "some.pt"), error.c_str());
    QVERIFY2(bytes::contains(error, says.toStdString()), error.c_str());
    QVERIFY2(!bytes::contains(error, "\n"), error.c_str());
  }

  void namesForeignFiles() {
    QVERIFY(bytes::contains(errorIn(""), "is empty"));
    QVERIFY(bytes::contains(errorIn("\x89HDF\r\n\x1a\n and so on"), "neither a file of torch.save nor .safetensors"));
    QVERIFY(bytes::contains(errorIn(zipOf({{"arr.npy", "x"}})), "without data.pkl"));
    QVERIFY(bytes::contains(errorIn(zipOf({{"data.pkl", "\x80\x02}."}})), "holds no tensors"));
    QVERIFY(bytes::contains(errorIn(zipOf({{"data.pkl", "\x80\x02]."}})), "holds a list"));
    const auto script = zipOf({{"m/data.pkl",
                                "\x80\x02"
                                "c__torch__\nNet\n)\x81}b."}});
    QVERIFY(bytes::contains(errorIn(script), "model.torchscript"));
    const auto big = zipOf({{"m/data.pkl", "\x80\x02}."}, {"m/byteorder", "big"}});
    QVERIFY(bytes::contains(errorIn(big), "big-endian"));
    const auto noStorage = zipOf({{"m/data.pkl", "\x80\x02}" + text("w") + tensorOf(0, {1}, {1}) + "s."}});
    QVERIFY(bytes::contains(errorIn(noStorage), "'m/data/0' is missing"));
    const auto error = bytes::errorOf<RecipeError>([&] { readStateDict(path("missing.pt")); });
    QVERIFY(bytes::contains(error, "missing.pt is not there"));
    QVERIFY(bytes::contains(bytes::errorOf<RecipeError>([&] { readStateDict(path("")); }), "is not a file"));
  }

  void refusesPackedSizesThatCannotBe() {
    auto zip = archiveOf(tensorOf(0, {1}, {1}), true);
    const auto entry = zip.find("PK\x01\x02");
    zip.replace(entry + 24, 4, bytes::little(0x7ffffff0, 4));
    QVERIFY(bytes::contains(errorIn(zip), "cannot be as large"));
  }

  // A module that holds itself, and one whose modules are shared so that there are 2^40 ways through them.
  void endsOnEndlessModules() {
    const auto object = "c__torch__\nNet\n)\x81"s;
    const auto own = "\x80\x02" + object + "q\x01}" + text("m") + "h\x01sb.";
    QVERIFY(bytes::contains(errorIn(zipOf({{"data.pkl", own}})), "without end"));
    auto wide = "\x80\x02" + object + "}bq\x00"s;
    for (int i = 0; i < 40; ++i) {
      wide += object + "}(" + text("a") + "h" + char(i) + text("b") + "h" + char(i) + "ubq" + char(i + 1);
    }
    QVERIFY(bytes::contains(errorIn(zipOf({{"data.pkl", wide + "."}})), "without end"));
  }

  void neverCrashesOnCutOrChangedFiles_data() {
    QTest::addColumn<QString>("name");
    for (const char* name : {"types.pt", "types_old.pt", "checkpoint_old.th", "arrays2.pkl", "arrays4.pkl"}) {
      QTest::newRow(name) << name;
    }
  }
  void neverCrashesOnCutOrChangedFiles() {
    QFETCH(QString, name);
    const auto whole = bytes::read(fixture(name.toStdString()));
    QVERIFY(!whole.empty());
    QCOMPARE(bytes::firstPrefixTaken(path(), whole, readStateDict), std::int64_t(-1));
    bytes::changeEachByte(path(), whole, readStateDict);
  }
};

QTEST_APPLESS_MAIN(TestStateDict)
#include "tst_state_dict.moc"
