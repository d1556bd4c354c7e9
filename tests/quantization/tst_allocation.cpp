// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <functional>
#include <random>
#include <thread>

#include "core/quantization/allocation.h"
#include "core/quantization/frontier.h"
#include "core/results/error.h"

using namespace eigenscape;

namespace {

/// Rough like a network: few sizes, Ω falling by a factor with the bits.
std::vector<LayerChoices> randomLayers(std::size_t count, unsigned seed, bool grouped = false) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<LayerChoices> layers;
  for (std::size_t i = 0; i < count; ++i) {
    LayerChoices layer;
    layer.layer = "layer" + std::to_string(i);
    if (grouped && i % 3 == 1) layer.group = "pair" + std::to_string(i / 6);
    layer.parameters = 16 * (1 + std::int64_t(random() % 300));
    layer.macs = layer.parameters * (1 + std::int64_t(random() % 64));
    layer.topEigenvalue = uniform(random);
    const double size = std::exp(6 * uniform(random));
    for (const std::int64_t bits : {2, 4, 8}) {
      const double omega = size * std::pow(4.0, -double(bits)) * (0.7 + 0.6 * uniform(random));
      layer.choices.push_back({bits, omega, 0.1 * omega, 0.01 * double(bits) * (0.5 + uniform(random))});
    }
    layers.push_back(layer);
  }
  return layers;
}

/// Calls `visit` with every setting.
void forEachSetting(const std::vector<LayerChoices>& layers, const std::function<void(const BitSetting&)>& visit) {
  const auto groups = bitGroups(layers);
  std::vector<std::int64_t> bits(layers.size());
  const std::function<void(std::size_t)> descend = [&](std::size_t g) {
    if (g == groups.size()) return visit(settingOf(layers, bits));
    for (const auto& choice : layers[groups[g].front()].choices) {
      for (const auto i : groups[g]) bits[i] = choice.bits;
      descend(g + 1);
    }
  };
  descend(0);
}

bool near(double a, double b, double tolerance = 1e-6) {
  return std::abs(a - b) <= tolerance * std::max(std::abs(a), std::abs(b));
}

SensitivityRow row(const std::string& layer, std::int64_t bits, double omega) {
  SensitivityRow row;
  row.layer = layer;
  row.parameters = 10;
  row.macs = 100;
  row.bits = bits;
  row.omega = omega;
  return row;
}

}  // namespace

class TestAllocation : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void exhaustive_data();
  void exhaustive();
  void theEndsAreUniform();
  void aLimitMetToTheBitIsKept();
  void locksBindAndMayMakeItImpossible();
  void groupsShareTheirBits();
  void frontierIsWhole();
  void frontierBeyondItsRoomIsSpread();
  void greedyAndFirstOrder();
  void firstAndLastKeepTheirBits();
  void inputsCount();
  void inputsThatAreMissing();
  void threadsDoNotMeet();
  void stops();
  void limitsAreParsed();
  void wrongLimits_data();
  void wrongLimits();
  void rowsBecomeLayers();
  void wrongRows_data();
  void wrongRows();
};

void TestAllocation::exhaustive_data() {
  QTest::addColumn<int>("count");
  QTest::addColumn<bool>("grouped");
  QTest::addColumn<QString>("limits");
  int number = 0;
  for (const char* limits :
       {"size=0.5", "bops=0.3", "latency=0.6", "size=0.1", "size=0.5,bops=0.4", "size=0.6,bops=0.6,latency=0.5"}) {
    for (const int count : {1, 4, 8, 9}) {
      const bool grouped = number % 2 == 1;
      QTest::addRow("%d layers%s, %s", count, grouped ? " in groups" : "", limits) << count << grouped << limits;
      ++number;
    }
  }
  QTest::newRow("12 layers, size=0.5") << 12 << false << "size=0.5";
  QTest::newRow("12 layers in groups, all") << 12 << true << "size=0.5,bops=0.5,latency=0.5";
}

void TestAllocation::exhaustive() {
  QFETCH(int, count);
  QFETCH(bool, grouped);
  QFETCH(QString, limits);
  const auto parsed = parseLimits(limits.toStdString());
  for (unsigned seed = 0; seed < (count < 12 ? 5U : 1U); ++seed) {
    const auto layers = randomLayers(std::size_t(count), 100 * unsigned(count) + seed, grouped);
    std::vector<double> most;
    for (const auto& limit : parsed) most.push_back(allowed(layers, limit));
    double best = std::numeric_limits<double>::infinity();
    forEachSetting(layers, [&](const BitSetting& setting) {
      for (std::size_t i = 0; i < parsed.size(); ++i) {
        if (setting.cost(parsed[i].cost) > most[i] * (1 + 1e-12)) return;
      }
      best = std::min(best, setting.omega);
    });
    const auto found = allocate(layers, parsed);
    QVERIFY(found && found->proven);
    QVERIFY2(near(found->setting.omega, best), qPrintable(QString("%1, not %2").arg(found->setting.omega).arg(best)));
    for (std::size_t i = 0; i < parsed.size(); ++i)
      QVERIFY(found->setting.cost(parsed[i].cost) <= most[i] * (1 + 1e-9));
  }
}

void TestAllocation::theEndsAreUniform() {
  const auto layers = randomLayers(20, 7);
  QCOMPARE(allocate(layers, {{Cost::Size, 1}})->setting.bits, uniformSetting(layers, 8).bits);
  QCOMPARE(allocate(layers, {{Cost::Size, 0}})->setting.bits, uniformSetting(layers, 2).bits);
  QCOMPARE(allocate(layers, {})->setting.bits, uniformSetting(layers, 8).bits);
}

void TestAllocation::aLimitMetToTheBitIsKept() {
  // Two equal layers, and just room for one of them at 8 bits.
  std::vector<LayerChoices> layers(2);
  for (auto& layer : layers) {
    layer.layer = "same";
    layer.parameters = 1234567;
    layer.choices = {{2, 1, 0}, {8, 0.1, 0}};
  }
  layers[1].choices[0].omega = 2;
  const auto found = allocate(layers, {{Cost::Size, 0.5}});
  QCOMPARE(found->setting.bits, (std::vector<std::int64_t>{2, 8}));
  QCOMPARE(allocate(layers, {{Cost::Size, 0.4999999}})->setting.bits, (std::vector<std::int64_t>{2, 2}));
  // Where every width takes as long, any share is kept, whatever the order in which latencies are added up.
  for (double latency : {0.1, 0.2, 0.3, 0.7}) {
    layers.push_back(layers.front());
    for (auto& layer : layers) {
      for (auto& choice : layer.choices) choice.latencyMs = latency;
      latency *= 1.1;
    }
    QVERIFY(allocate(layers, {{Cost::Latency, 0.5}}));
    QVERIFY(allocate(layers, {{Cost::Latency, 0}}));
  }
}

void TestAllocation::locksBindAndMayMakeItImpossible() {
  const auto layers = randomLayers(9, 11);
  AllocationOptions options;
  options.locked.assign(9, 0);
  options.locked[0] = 8;
  options.locked[4] = 2;
  const auto found = allocate(layers, {{Cost::Size, 0.5}}, options);
  QVERIFY(found);
  QCOMPARE(found->setting.bits[0], std::int64_t(8));
  QCOMPARE(found->setting.bits[4], std::int64_t(2));
  double best = std::numeric_limits<double>::infinity();
  forEachSetting(layers, [&](const BitSetting& setting) {
    if (setting.bits[0] != 8 || setting.bits[4] != 2) return;
    if (setting.sizeBytes <= allowed(layers, {Cost::Size, 0.5})) best = std::min(best, setting.omega);
  });
  QVERIFY(near(found->setting.omega, best));
  options.locked.assign(9, 8);
  QVERIFY(!allocate(layers, {{Cost::Size, 0.5}}, options));
  QVERIFY(allocate(layers, {{Cost::Size, 1}}, options));
}

void TestAllocation::groupsShareTheirBits() {
  const auto layers = randomLayers(24, 3, true);
  const auto found = allocate(layers, {{Cost::Bops, 0.4}});
  for (const auto& group : bitGroups(layers)) {
    for (const auto i : group) QCOMPARE(found->setting.bits[i], found->setting.bits[group.front()]);
  }
  AllocationOptions options;
  options.locked.assign(24, 0);
  options.locked[1] = 8, options.locked[4] = 2;  // of one group
  QVERIFY_EXCEPTION_THROWN(allocate(layers, {{Cost::Bops, 0.4}}, options), std::invalid_argument);
}

void TestAllocation::frontierIsWhole() {
  for (const bool grouped : {false, true}) {
    const auto layers = randomLayers(9, 5, grouped);
    for (const Cost cost : {Cost::Size, Cost::Bops, Cost::Latency}) {
      std::vector<std::pair<double, double>> all;
      forEachSetting(layers, [&](const BitSetting& s) { all.emplace_back(s.cost(cost), s.omega); });
      std::sort(all.begin(), all.end());
      std::vector<std::pair<double, double>> best;
      for (const auto& one : all) {
        if (best.empty() || one.second < best.back().second * (1 - 1e-12)) best.push_back(one);
      }
      const auto frontier = frontierOf(layers, cost);
      QVERIFY(frontier.complete);
      QCOMPARE(frontier.points.size(), best.size());
      for (std::size_t i = 0; i < best.size(); ++i) {
        QVERIFY(near(frontier.points[i].cost(cost), best[i].first, 1e-12));
        QVERIFY(near(frontier.points[i].omega, best[i].second, 1e-12));
      }
    }
  }
}

void TestAllocation::frontierBeyondItsRoomIsSpread() {
  const auto layers = randomLayers(9, 5);
  const auto whole = frontierOf(layers, Cost::Size), spread = frontierOf(layers, Cost::Size, {}, 20);
  QVERIFY(!spread.complete);
  QVERIFY(spread.points.size() > 20 && spread.points.size() <= whole.points.size());
  for (const auto& point : spread.points) {
    const auto same = std::find_if(whole.points.begin(), whole.points.end(), [&](const BitSetting& one) {
      return one.sizeBytes == point.sizeBytes && near(one.omega, point.omega);
    });
    QVERIFY(same != whole.points.end());
  }
}

void TestAllocation::greedyAndFirstOrder() {
  const auto layers = randomLayers(12, 21);
  const auto greedy = greedyPath(layers, Cost::Size);
  QCOMPARE(greedy.front().bits, uniformSetting(layers, 2).bits);
  QCOMPARE(greedy.back().bits, uniformSetting(layers, 8).bits);
  const auto frontier = frontierOf(layers, Cost::Size);
  for (const auto& path : {greedy, firstOrderPath(layers)}) {
    QVERIFY(path.size() > 5);
    for (std::size_t i = 1; i < path.size(); ++i) QVERIFY(path[i].sizeBytes > path[i - 1].sizeBytes);
    for (const auto& setting : path) {
      double best = std::numeric_limits<double>::infinity();
      for (const auto& point : frontier.points) {
        if (point.sizeBytes <= setting.sizeBytes) best = std::min(best, point.omega);
      }
      QVERIFY(setting.omega >= best * (1 - 1e-12));
    }
  }
  // Greedy does far better than the order by λ₁/n, which does not know how much a width perturbs.
  for (const auto& setting : firstOrderPath(layers)) {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      for (std::size_t j = 0; j < layers.size(); ++j) {
        const double a = layers[i].topEigenvalue / double(layers[i].parameters);
        const double b = layers[j].topEigenvalue / double(layers[j].parameters);
        if (a > b) QVERIFY(setting.bits[i] >= setting.bits[j]);
      }
    }
  }
  auto unknown = layers;
  unknown[3].topEigenvalue = std::nan("");
  QVERIFY(firstOrderPath(unknown).empty());
}

void TestAllocation::firstAndLastKeepTheirBits() {
  auto layers = randomLayers(9, 13);
  layers[4].group = layers[0].group = "first";
  keepFirstAndLast(layers, 8);
  const std::vector<std::int64_t> low{8, 2, 2, 2, 8, 2, 2, 2, 8};
  QCOMPARE(lowestSetting(layers).bits, low);
  QCOMPARE(highestSetting(layers).bits, std::vector<std::int64_t>(9, 8));
  QCOMPARE(uniformSetting(layers, 4).bits, (std::vector<std::int64_t>{8, 4, 4, 4, 8, 4, 4, 4, 8}));
  QCOMPARE(allocate(layers, {{Cost::Size, 0}})->setting.bits, low);
  double best = std::numeric_limits<double>::infinity();
  forEachSetting(layers, [&](const BitSetting& setting) {
    if (setting.sizeBytes <= allowed(layers, {Cost::Size, 0.4})) best = std::min(best, setting.omega);
  });
  QVERIFY(near(allocate(layers, {{Cost::Size, 0.4}})->setting.omega, best));
  const auto frontier = frontierOf(layers, Cost::Size);
  QCOMPARE(frontier.points.front().bits, low);
  for (const auto& path : {greedyPath(layers, Cost::Size), firstOrderPath(layers)}) {
    QCOMPARE(path.front().bits, low);
    QCOMPARE(path.back().bits, std::vector<std::int64_t>(9, 8));
    for (const auto& setting : path) QCOMPARE(setting.bits[8], std::int64_t(8));
  }
}

void TestAllocation::threadsDoNotMeet() {
  const auto layers = randomLayers(30, 17);
  const auto expected = allocate(layers, {{Cost::Size, 0.4}})->setting.bits;
  std::atomic<int> wrong = 0;
  const auto work = [&] {
    for (int i = 0; i < 10; ++i) {
      if (allocate(layers, {{Cost::Size, 0.4}})->setting.bits != expected) ++wrong;
    }
  };
  std::thread one(work), other(work);
  one.join(), other.join();
  QCOMPARE(wrong.load(), 0);
}

void TestAllocation::stops() {
  AllocationOptions options;
  std::stop_source source;
  options.stop = source.get_token();
  source.request_stop();
  const auto layers = randomLayers(9, 5);
  QVERIFY_EXCEPTION_THROWN(allocate(layers, {{Cost::Size, 0.5}}, options), Stopped);
  QVERIFY_EXCEPTION_THROWN(frontierOf(layers, Cost::Size, source.get_token()), Stopped);
}

void TestAllocation::limitsAreParsed() {
  const auto limits = parseLimits("size=0.25, bops = 1 ,latency=0");
  QCOMPARE(limits.size(), std::size_t(3));
  QCOMPARE(limits[0].cost, Cost::Size);
  QCOMPARE(limits[0].share, 0.25);
  QCOMPARE(limits[1].cost, Cost::Bops);
  QCOMPARE(limits[2].cost, Cost::Latency);
}

void TestAllocation::wrongLimits_data() {
  QTest::addColumn<QString>("text");
  for (const char* text : {"", "size", "size=", "size=x", "size=1.5", "size=-0.1", "size=nan", "bytes=0.5", "=0.5",
                           "size=0.5,", "size=0.5,size=0.6", "size=0.5 bops=0.5"}) {
    QTest::newRow(*text ? text : "nothing") << text;
  }
}

void TestAllocation::wrongLimits() {
  QFETCH(QString, text);
  QVERIFY_EXCEPTION_THROWN(parseLimits(text.toStdString()), std::invalid_argument);
}

void TestAllocation::rowsBecomeLayers() {
  auto rows = std::vector{row("b", 8, 0.5), row("b", 4, 2), row("a", 4, 3), row("a", 8, 1), row("b", 2, 9)};
  rows[2].omega = std::nan("");
  rows[2].meanTrace = 0.5, rows[2].perturbation = 8;
  const auto layers = layerChoices(rows, {4, 8}, "some.csv");
  QCOMPARE(layers.size(), std::size_t(2));
  QCOMPARE(layers[0].layer, std::string("b"));  // in the order of the file
  QCOMPARE(layers[0].choices.size(), std::size_t(2));
  QCOMPARE(layers[0].choices[0].bits, std::int64_t(4));
  QCOMPARE(layers[1].choices[0].omega, 4.0);
  QVERIFY(isKnown(layers, Cost::Size) && isKnown(layers, Cost::Bops) && !isKnown(layers, Cost::Latency));
  QCOMPARE(settingOf(layers, {4, 8}).sizeBytes, 15.0);
  QCOMPARE(settingOf(layers, {4, 8}).bops, 8000.0);
  QCOMPARE(settingOf(layers, {4, 8}).omega, 3.0);
  QCOMPARE(bitWidths(rows), (std::vector<std::int64_t>{2, 4, 8}));
}

void TestAllocation::wrongRows_data() {
  QTest::addColumn<QString>("kind");
  QTest::addColumn<QString>("named");
  QTest::newRow("twice") << "twice"
                         << "more than one row at 8 bits";
  QTest::newRow("a width missing") << "missing"
                                   << "no row at 4 bits";
  QTest::newRow("negative perturbation") << "perturbation"
                                         << "perturbation is negative";
  QTest::newRow("not a number") << "nan"
                                << "omega is not a finite number";
  QTest::newRow("other parameters") << "parameters"
                                    << "parameters is not that of";
  QTest::newRow("other group") << "group"
                               << "group is not that of";
  QTest::newRow("negative latency") << "latency"
                                    << "latency_ms";
  QTest::newRow("nothing") << "nothing"
                           << "holds no rows";
}

void TestAllocation::wrongRows() {
  QFETCH(QString, kind);
  QFETCH(QString, named);
  auto rows = std::vector{row("a", 4, 3), row("a", 8, 1), row("b", 4, 2), row("b", 8, 1)};
  if (kind == "twice") rows.push_back(row("a", 8, 1));
  if (kind == "missing") rows.erase(rows.begin() + 2);
  if (kind == "perturbation") rows[1].perturbation = -0.5;
  if (kind == "nan") rows[1].omega = rows[1].meanTrace = std::nan("");
  if (kind == "parameters") rows[1].parameters = 11;
  if (kind == "group") rows[1].group = "x";
  if (kind == "latency") rows[1].latencyMs = -1;
  if (kind == "nothing") rows.clear();
  try {
    layerChoices(rows, {}, "some.csv");
    QFAIL("taken");
  } catch (const RunError& error) {
    const QString line = error.what();
    QVERIFY2(line.contains(named) && line.startsWith("some.csv"), error.what());
  }
}

namespace {

InputSensitivityRow inputRow(const std::string& layer, std::int64_t bits, double omega) {
  InputSensitivityRow row;
  row.layer = layer;
  row.elements = 10;
  row.bits = bits;
  row.perturbation = 2;
  row.meanTrace = omega / 2;
  row.standardError = 0.1 * row.meanTrace;
  row.omega = omega;
  return row;
}

/// Inputs with the bits of the weights.
std::int64_t same(std::size_t, std::int64_t bits) {
  return bits;
}

}  // namespace

/// Two layers of one size, of which one may have 8 bits: a's weights mind 2 bits a little more, b's inputs far more.
void TestAllocation::inputsCount() {
  auto rows = std::vector{row("a", 2, 3), row("a", 8, 0.1), row("b", 2, 2), row("b", 8, 0.1)};
  for (auto& one : rows) one.perturbation = 4, one.meanTrace = one.omega / 4, one.standardError = 0.05 * one.meanTrace;
  const std::vector inputs{inputRow("a", 2, 0.5), inputRow("a", 8, 0.01), inputRow("b", 2, 7), inputRow("b", 8, 0.02)};
  const auto weights = layerChoices(rows, {}, "some.csv");
  auto both = weights;
  addInputs(both, inputs, same, "inputs.csv");

  const std::vector<Limit> half{{Cost::Size, 0.5}};
  const auto blind = allocate(weights, half)->setting, seeing = allocate(both, half)->setting;
  QCOMPARE(blind.bits, (std::vector<std::int64_t>{8, 2}));
  QCOMPARE(seeing.bits, (std::vector<std::int64_t>{2, 8}));
  QVERIFY(near(seeing.omega, 3 + 0.5 + 0.1 + 0.02));
  QVERIFY(seeing.omega < settingOf(both, blind.bits).omega);  // that one is worse, counted as it is run
  QVERIFY(near(seeing.standardError, std::sqrt(0.15 * 0.15 + 0.05 * 0.05 + 0.005 * 0.005 + 0.002 * 0.002)));
  // With what the layers' errors have in common: of the weights' all, of the inputs' half.
  auto common = both;
  addCorrelations(common, {{"weights", "a", "b", 1}, {"inputs", "a", "b", 0.5}, {"weights", "a", "elsewhere", 1}});
  const double ofWeights = 0.15 + 0.005, ofInputs = 0.05 * 0.05 + 0.002 * 0.002 + 0.5 * 2 * 0.05 * 0.002;
  QVERIFY(near(settingOf(common, seeing.bits).standardError, std::sqrt(ofWeights * ofWeights + ofInputs)));
  QVERIFY(near(both[1].choices[0].inputOmega, 7) && near(both[1].choices[0].omega, 9));
  const auto frontier = frontierOf(both, Cost::Size);
  QCOMPARE(frontier.points.size(), std::size_t(3));
  QCOMPARE(frontier.points[1].bits, seeing.bits);

  // Of inputs at fixed bits the sums know, too; what is best stays. In floating point they cost nothing.
  auto fixed = weights, floating = weights;
  addInputs(
      fixed, inputs, [](std::size_t, std::int64_t) { return 2; }, "inputs.csv");
  addInputs(
      floating, inputs, [](std::size_t, std::int64_t) { return 0; }, "inputs.csv");
  QCOMPARE(allocate(fixed, half)->setting.bits, blind.bits);
  QVERIFY(near(allocate(fixed, half)->setting.omega, blind.omega + 7.5));
  QCOMPARE(allocate(floating, half)->setting.omega, blind.omega);
}

void TestAllocation::inputsThatAreMissing() {
  const auto weights = layerChoices({row("a", 2, 3), row("a", 8, 0.1)}, {}, "some.csv");
  for (const auto& rows : {std::vector{inputRow("a", 2, 1)}, std::vector{inputRow("a", 2, 1), inputRow("a", 8, NAN)}}) {
    auto layers = weights;
    try {
      addInputs(layers, rows, same, "inputs.csv");
      QFAIL("taken");
    } catch (const RunError& error) {
      QVERIFY2(QString(error.what()).startsWith("inputs.csv: no finite omega of the input of layer 'a' at 8 bits"),
               error.what());
    }
  }
}

QTEST_APPLESS_MAIN(TestAllocation)
#include "tst_allocation.moc"
