// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <string>

#include "core/model/pickle.h"
#include "tests/support/bytes.h"

using namespace eigenscape;
using pickle::Unpickler;
using pickle::Value;
using Kind = Value::Kind;
using namespace std::string_literals;

namespace {

std::string errorIn(const std::string& data) {
  return bytes::errorOf([&] { Unpickler(data, "some.pt").load(); });
}

}  // namespace

class TestPickle : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  // The pickles below are what Python 3.11's pickle.dumps gave.
  void readsPlainValues() {
    // {'a': [1, -2, 300, 70000, 2**40, -1.5, True, None], b'b': (1, (2,), (), (1, 2, 3, 4))}, protocol 2 … 4
    const auto protocol4 =
        "\x80\x04\x95H\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01"
        "a\x94]\x94(K\x01J\xfe\xff\xff\xffM,\x01Jp\x11\x01\x00\x8a\x06"
        "\x00\x00\x00\x00\x00\x01G\xbf\xf8\x00\x00\x00\x00\x00\x00\x88N"
        "eC\x01"
        "b\x94(K\x01K\x02\x85\x94)(K\x01K\x02K\x03K\x04"
        "t\x94t\x94u."s;
    Unpickler unpickler(protocol4, "some.pt");
    const auto& root = unpickler.load();
    QVERIFY(root.is(Kind::Dictionary));
    const auto* list = root.find("a");
    QVERIFY(list && list->is(Kind::List));
    QCOMPARE(list->items.size(), std::size_t(8));
    const std::int64_t whole[] = {1, -2, 300, 70000, std::int64_t(1) << 40};
    for (std::size_t i = 0; i < 5; ++i) {
      QVERIFY(list->items[i]->is(Kind::Integer));
      QCOMPARE(list->items[i]->integer, whole[i]);
    }
    QCOMPARE(list->items[5]->real, -1.5);
    QVERIFY(list->items[6]->is(Kind::Boolean) && list->items[6]->integer == 1);
    QVERIFY(list->items[7]->is(Kind::None));
    const auto* tuple = root.find("b");
    QVERIFY(tuple && tuple->is(Kind::Tuple));
    QCOMPARE(tuple->items.size(), std::size_t(4));
    QCOMPARE(tuple->items[1]->items.at(0)->integer, std::int64_t(2));
    QVERIFY(tuple->items[2]->is(Kind::Tuple) && tuple->items[2]->items.empty());
    QCOMPARE(tuple->items[3]->items.at(3)->integer, std::int64_t(4));
    QVERIFY(root.find("c") == nullptr);
    QCOMPARE(unpickler.position(), protocol4.size());
  }

  void readsTextProtocol() {
    // Protocol 0 of [1, 2] and of a long; the memo's marks are in words there.
    const auto data = "(lp0\nI1\naI-2\naL5L\na."s;
    Unpickler unpickler(data, "some.pt");
    const auto& root = unpickler.load();
    QCOMPARE(root.items.size(), std::size_t(3));
    QCOMPARE(root.items[1]->integer, std::int64_t(-2));
    QCOMPARE(root.items[2]->integer, std::int64_t(5));
  }

  void readsLongNumbers() {
    const auto data =
        "\x80\x02\x8a\x01\xff.\x80\x02\x8a\x00.\x80\x02\x8a\x0al\xfc\x9c"
        "F\xf9 j\xa8P\x19."s;
    Unpickler unpickler(data, "some.pt");
    QCOMPARE(unpickler.load().integer, std::int64_t(-1));
    QCOMPARE(unpickler.load().integer, std::int64_t(0));
    QCOMPARE(std::string(unpickler.load().bytes), "l\xfc\x9c\x46\xf9 j\xa8P\x19"s);  // torch.save's magic number
  }

  void repeatsWhatTheMemoHolds() {
    // x = [1]; pickle.dumps([x, x], 2): both are one list.
    const auto data =
        "\x80\x02]q\x00(]q\x01K\x01"
        "ah\x01"
        "e."s;
    Unpickler unpickler(data, "some.pt");
    const auto& root = unpickler.load();
    QCOMPARE(root.items.size(), std::size_t(2));
    QCOMPARE(root.items[0], root.items[1]);
  }

  // The bytes of Python 3 in protocol 2 are Latin-1 text with a call of _codecs.encode.
  void undoesLatin1() {
    const auto data =
        "\x80\x02"
        "c_codecs\nencode\nq\x00X\x06\x00\x00\x00\x00\xc2\x80\xc3\xbf"
        "aq\x01X\x06\x00\x00\x00latin1q\x02\x86q\x03Rq\x04."s;
    Unpickler unpickler(data, "some.pt");
    const auto& root = unpickler.load();
    QVERIFY(root.is(Kind::Bytes));
    QCOMPARE(std::string(root.bytes),
             "\x00\x80\xff"
             "a"s);
  }

  void fillsOrderedDictionaries() {
    // OrderedDict(a=1) in protocol 2, and the same as a list of pairs, as Python 2 wrote it.
    const auto data =
        "\x80\x02"
        "ccollections\nOrderedDict\nq\x00)Rq\x01X\x01\x00\x00\x00"
        "aq\x02K\x01s."
        "\x80\x02"
        "ccollections\nOrderedDict\nq\x00]q\x01]q\x02(U\x01"
        "aq\x03K\x01"
        "ea\x85q\x04Rq\x05."s;
    Unpickler unpickler(data, "some.pt");
    for (int i = 0; i < 2; ++i) {
      const auto& root = unpickler.load();
      QVERIFY(root.find("a"));
      QCOMPARE(root.find("a")->integer, std::int64_t(1));
    }
  }

  void keepsForeignObjectsOpaque() {
    // pickle.dumps of an object whose __reduce__ is (os.system, ("touch harm",)): nothing may come of it but a name.
    const auto data =
        "\x80\x02"
        "cposix\nsystem\nq\x00X\n\x00\x00\x00touch harmq\x01\x85q\x02Rq\x03."s;
    Unpickler unpickler(data, "some.pt");
    const auto& root = unpickler.load();
    QVERIFY(root.is(Kind::Object));
    QCOMPARE(pickle::describe(root), "a Python object of the class posix.system"s);
    QVERIFY(!std::filesystem::exists("harm"));
  }

  void keepsObjectsWithAttributesOpaque() {
    // argparse.Namespace(lr=0.1)
    const auto data =
        "\x80\x02"
        "cargparse\nNamespace\nq\x00)\x81q\x01}q\x02X\x02\x00\x00\x00lrq\x03G?\xb9\x99\x99\x99\x99\x99\x9asb."s;
    Unpickler unpickler(data, "some.pt");
    QCOMPARE(pickle::describe(unpickler.load()), "a Python object of the class argparse.Namespace"s);
  }

  void refusesWhatIsNoPickle_data() {
    QTest::addColumn<QByteArray>("data");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* name, const std::string& data, const char* says) {
      QTest::newRow(name) << QByteArray(data.data(), qsizetype(data.size())) << says;
    };
    row("empty", "", "the data end");
    row("no value", "\x80\x02."s, "a value is missing");
    row("protocol 9", "\x80\x09N."s, "pickle protocol 9");
    row("no mark",
        "\x80\x02"
        "e."s,
        "a mark is missing");
    row("memo", "\x80\x02h\x05."s, "a value that was not stored");
    row("unknown instruction", "\x80\x02\xfe."s, "0xfe");
    row("huge text", "\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\xff."s, "the data end");
    row("huge long", "\x80\x02\x8b\xff\xff\xff\x7f."s, "the data end");
    row("odd dictionary", "\x80\x02}(K\x01u."s, "a key without a value");
    row("items for a number",
        "\x80\x02K\x01K\x01"
        "a."s,
        "items for an integer");
    row("keys for a list", "\x80\x02]K\x01K\x01s."s, "keys for a list");
    row("call without tuple",
        "\x80\x02"
        "cos\nsystem\nK\x01R."s,
        "without a tuple");
    row("tensor without storage",
        "\x80\x02"
        "ctorch._utils\n_rebuild_tensor_v2\nK\x01\x85R."s,
        "without a storage");
    row("foreign reference", "\x80\x02K\x01Q."s, "an outside reference");
    row("wrong number", "\x80\x02I1x\n."s, "a number that cannot be read");
    row("mark under", "\x80\x02K\x01(0(\x85."s, "a value is missing");
  }
  void refusesWhatIsNoPickle() {
    QFETCH(QByteArray, data);
    QFETCH(QString, says);
    const auto error = errorIn(data.toStdString());
    QVERIFY2(bytes::contains(error, "some.pt"), error.c_str());
    QVERIFY2(bytes::contains(error, says.toStdString()), error.c_str());
  }

  void survivesDepthAndCycles() {
    // Tuples in tuples a million deep; a list that holds itself.
    const auto deep = "\x80\x02)"s + std::string(1'000'000, '\x85') + ".";
    Unpickler deepOne(deep, "some.pt");
    QVERIFY(deepOne.load().is(Kind::Tuple));
    const auto cycle =
        "\x80\x02]q\x00h\x00"
        "a."s;
    Unpickler cyclic(cycle, "some.pt");
    const auto& root = cyclic.load();
    QCOMPARE(static_cast<const Value*>(root.items.at(0)), &root);
  }

  void boundsItsMemory() {
    QVERIFY(bytes::contains(errorIn("\x80\x02" + std::string(5'000'000, 'N') + "."), "more than"));
  }
};

QTEST_APPLESS_MAIN(TestPickle)
#include "tst_pickle.moc"
