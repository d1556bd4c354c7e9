// SPDX-License-Identifier: GPL-3.0-or-later
#include <QElapsedTimer>
#include <QFile>
#include <QTest>
#include <cmath>
#include <map>

#include "core/quantization/allocation.h"
#include "core/quantization/frontier.h"
#include "core/results/tables.h"
#include "tests/support/testdata.h"

using namespace eigenscape;

namespace {

std::filesystem::path oracle(const char* name) {
  const auto path = testdata::root().parent_path() / "oracles" / name;
  return std::filesystem::exists(path) ? path : std::filesystem::path();
}

struct Published {
  double omega = 0;
  std::map<std::string, std::int64_t> bits;
};

std::map<std::string, Published> publishedSettings(const std::filesystem::path& path) {
  QFile file(QString::fromStdString(path.string()));
  std::map<std::string, Published> all;
  if (!file.open(QIODevice::ReadOnly)) return all;
  file.readLine();
  while (!file.atEnd()) {
    const auto cells = file.readLine().trimmed().split(',');
    if (cells.size() != 4) continue;
    auto& one = all[cells[0].toStdString()];
    one.omega = cells[1].toDouble();
    one.bits[cells[2].toStdString()] = cells[3].toLongLong();
  }
  return all;
}

}  // namespace

/// HAWQ-V3's ResNet18: its published table of layers has to lead to its nine published settings.
class TestPublishedBits : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() {
    const auto table = oracle("hawqv3_resnet18.csv"), bits = oracle("hawqv3_resnet18_bits.csv");
    if (table.empty() || bits.empty()) QSKIP("no ../shared/oracles");
    layers_ = layerChoices(readTableFile<SensitivityRow>(table), {}, table.string());
    published_ = publishedSettings(bits);
    QCOMPARE(published_.size(), std::size_t(9));
  }

  void settings() {
    for (const auto& [limit, expected] : published_) {
      QElapsedTimer timer;
      timer.start();
      const auto found = allocate(layers_, parseLimits(limit));
      QVERIFY2(timer.elapsed() < 1000, limit.c_str());
      QVERIFY(found && found->proven);
      QCOMPARE(std::round(found->setting.omega * 1e6) / 1e6, expected.omega);
      for (std::size_t i = 0; i < layers_.size(); ++i) {
        QCOMPARE(found->setting.bits[i], expected.bits.at(layers_[i].layer));
      }
    }
  }

  void theyLieOnTheFrontiers() {
    for (const Cost cost : {Cost::Size, Cost::Bops, Cost::Latency}) {
      const auto frontier = frontierOf(layers_, cost);
      QVERIFY(frontier.complete);
      for (const auto& [limit, expected] : published_) {
        const auto parsed = parseLimits(limit).front();
        if (parsed.cost != cost) continue;
        double best = INFINITY;
        for (const auto& point : frontier.points) {
          if (point.cost(cost) <= allowed(layers_, parsed)) best = std::min(best, point.omega);
        }
        QCOMPARE(std::round(best * 1e6) / 1e6, expected.omega);
      }
    }
  }

 private:
  std::vector<LayerChoices> layers_;
  std::map<std::string, Published> published_;
};

QTEST_APPLESS_MAIN(TestPublishedBits)
#include "tst_published_bits.moc"
