// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/surface_data.h"

#include <QLocale>
#include <QMenu>
#include <QObject>
#include <algorithm>
#include <array>
#include <cmath>

#include "views/caption.h"
#include "views/direction_words.h"
#include "views/optimizer_path.h"
#include "views/plot_figure.h"

namespace eigenscape {
namespace {

std::optional<std::int64_t> shownEpoch(const RunResults& run, const std::string& name, std::int64_t epoch) {
  std::vector<std::int64_t> epochs;
  for (const auto& row : run.surfaces) {
    if (row.name == name && (epochs.empty() || epochs.back() != row.epoch)) epochs.push_back(row.epoch);
  }
  return epochToShow(epochs, epoch);
}

/// The epoch to ask for of a surface that stands beside another: that of the quantized network is evaluated at some
/// epochs alone, and the network in floating point is seen at the same one.
std::int64_t epochOfPair(const RunResults& run, const std::string& name, const std::string& beside,
                         std::int64_t epoch) {
  if (beside.empty()) return epoch;
  const std::string& quantized = landscapeAndSetting(name).second.empty() ? beside : name;
  return shownEpoch(run, quantized, epoch).value_or(epoch);
}

/// The losses that set the scale.
void addLosses(std::vector<double>& losses, const RunResults& run, const std::string& name,
               std::optional<std::int64_t> shown, bool sharedScale) {
  for (const auto& row : run.surfaces) {
    if (row.name == name && (sharedScale || row.epoch == shown)) losses.push_back(row.loss);
  }
}

/// What stands beside widens scale and axes.
void addPeers(SurfaceData& data, std::vector<double>& losses, const std::string& name, std::int64_t epoch,
              bool sharedScale, const std::vector<std::shared_ptr<const RunResults>>& peers,
              const std::string& beside) {
  for (const auto& peer : peers) {
    const auto shown = shownEpoch(*peer, name, epochOfPair(*peer, name, beside, epoch));
    addLosses(losses, *peer, name, shown, sharedScale);
    for (const auto& row : peer->surfaces) {
      if (row.name != name || row.epoch != shown) continue;
      data.xRange = {std::min(data.xRange.first, row.alpha), std::max(data.xRange.second, row.alpha)};
      data.yRange = {std::min(data.yRange.first, row.beta), std::max(data.yRange.second, row.beta)};
    }
  }
}

/// Losses of another surface of the same runs, which has the same axes.
void addBeside(std::vector<double>& losses, const RunResults& run, const std::string& name, const std::string& other,
               std::int64_t epoch, bool sharedScale, const std::vector<std::shared_ptr<const RunResults>>& peers,
               bool among) {
  const auto add = [&](const RunResults& one) {
    addLosses(losses, one, other, shownEpoch(one, other, epochOfPair(one, name, other, epoch)), sharedScale);
  };
  if (!among) add(run);
  for (const auto& peer : peers) add(*peer);
}

}  // namespace

SurfaceData surfaceData(const RunResults& run, const QString& name, std::int64_t epoch, const QString& split,
                        bool sharedScale, const std::vector<std::shared_ptr<const RunResults>>& peers,
                        const std::optional<HeightChoice>& height, const QString& beside) {
  SurfaceData data;
  const std::string key = name.toStdString();
  const std::string other = beside.toStdString();
  data.epoch = shownEpoch(run, key, epochOfPair(run, key, other, epoch));
  if (!data.epoch) return data;
  data.info = landscapeInfo(run.info, "surface", key);
  std::vector<double> losses;
  bool train = false, test = false;
  for (const auto& row : run.surfaces) {
    if (row.name != key || row.epoch != *data.epoch) continue;
    train |= row.split == "train";
    test |= row.split == "test";
  }
  if (train) data.splits << "train";
  if (test) data.splits << "test";
  data.split = data.splits.contains(split) ? split : data.splits.value(0);
  data.grid = surfaceGrid(run.surfaces, key, *data.epoch, data.split.toStdString());
  interpolateUnknown(data.grid);
  if (data.grid.drawable()) {
    data.xRange = {data.grid.xs.front(), data.grid.xs.back()};
    data.yRange = {data.grid.ys.front(), data.grid.ys.back()};
  }
  // Each loss counts once: where some are clipped depends on the median. The same list gives all peers one scale.
  const bool among = std::any_of(peers.begin(), peers.end(), [&](const auto& peer) { return peer.get() == &run; });
  if (!among) addLosses(losses, run, key, data.epoch, sharedScale);
  addPeers(data, losses, key, epoch, sharedScale, peers, other);
  if (!other.empty()) addBeside(losses, run, key, other, epoch, sharedScale, peers, among);
  const LandscapeInfo leading = peers.empty() ? data.info : landscapeInfo(peers.front()->info, "surface", key);
  data.height = height.value_or(HeightChoice{leading.scale, leading.clip});
  data.scale = ValueScale(losses, data.height);
  data.levels = data.scale.levels();
  data.xTitle = directionTitle(data.info.x, data.info.normalization, QObject::tr("α"));
  data.yTitle = directionTitle(data.info.y, data.info.normalization, QObject::tr("β"));
  // The foreshortened axes of the 3D box have no room for whole sentences.
  const bool plain = data.info.normalization != "filter" && data.info.normalization != "layer";
  const QString unit = data.info.x.empty() || !plain ? QString() : QStringLiteral(" (‖Δθ‖₂)");
  data.xShort = directionName(data.info.x, QStringLiteral("α")) + unit;
  data.yShort = directionName(data.info.y, QStringLiteral("β")) + unit;
  QString over = data.info.x.empty() ? QString::fromStdString(landscapeAndSetting(key).first)
                                     : planeName(data.info.x, data.info.y);
  if (!landscapeAndSetting(key).second.empty()) over = QObject::tr("%1 at %2").arg(over, networkName(name));
  data.place = QObject::tr("Loss over %1, %2").arg(over, epochWords(*data.epoch, epoch));
  data.heading = QObject::tr("%1, %2").arg(data.place, data.split);
  data.path = pathOn(run, key, *data.epoch);
  return data;
}

QString SurfaceData::problem(const QString& name) const {
  if (!epoch) return QObject::tr("The surface “%1” has no points yet.").arg(name);
  if (!grid.drawable())
    return QObject::tr("The surface “%1” needs points in two rows and columns; it is being measured.").arg(name);
  if (!scale.valid()) return QObject::tr("No point of the surface “%1” is finite: there is nothing to draw.").arg(name);
  return {};
}

Provenance SurfaceData::provenance() const {
  Provenance provenance;
  provenance.split = split;
  provenance.samples = info.samples;
  provenance.epoch = epoch.value_or(-1);
  provenance.curvature = eigenvectorIndex(info.x).has_value() || eigenvectorIndex(info.y).has_value();
  const std::size_t all = grid.loss.size();
  if (const auto count = grid.nonFinite()) {
    provenance.notes << QObject::tr("%1 of %2 points not finite").arg(count).arg(all);
  }
  if (const auto count = grid.missing()) {
    const QString said = QObject::tr("%1 of %2 points known so far").arg(all - count).arg(all);
    provenance.notes << (grid.interpolated ? QObject::tr("%1, the rest interpolated").arg(said) : said);
  }
  if (const QString note = batchNormNote(info); !note.isEmpty()) provenance.notes << note;
  if (const auto setting = landscapeAndSetting(info.name).second; !setting.empty())
    provenance.notes
        << QObject::tr("the network quantized with %1 at every point").arg(QString::fromStdString(setting));
  std::size_t above = 0, below = 0;
  for (const double value : grid.loss) {
    if (!std::isfinite(value) || !scale.isClipped(value)) continue;
    ++(value > scale.upper() ? above : below);
  }
  if (above) {
    provenance.notes
        << QObject::tr("%1 of %2 points above %3 are drawn at it").arg(above).arg(all).arg(numberText(scale.upper()));
  }
  if (below) {
    provenance.notes
        << QObject::tr("%1 of %2 points below %3 are drawn at it").arg(below).arg(all).arg(numberText(scale.lower()));
  }
  return provenance;
}

QString SurfaceData::scaleTitle() const {
  const QString title =
      scale.logarithmic() ? QObject::tr("mean cross-entropy (log)") : QObject::tr("mean cross-entropy");
  const bool clipped =
      std::any_of(grid.loss.begin(), grid.loss.end(), [&](double loss) { return loss > scale.upper(); });
  return clipped ? QObject::tr("%1, clipped at %2").arg(title, numberText(scale.upper())) : title;
}

std::vector<std::pair<QString, QString>> SurfaceData::facts() const {
  std::vector<std::pair<QString, QString>> facts;
  const auto range = [](double low, double high) {
    return QObject::tr("%1 to %2").arg(numberText(low), numberText(high));
  };
  facts.emplace_back(QObject::tr("scale"), scale.logarithmic() ? QObject::tr("logarithmic") : QObject::tr("linear"));
  facts.emplace_back(QObject::tr("colours from"), range(scale.lower(), scale.upper()));
  if (height.clip > 0) facts.emplace_back(QObject::tr("clipped at"), numberText(height.clip));
  facts.emplace_back(xShort, range(xRange.first, xRange.second));
  facts.emplace_back(yShort, range(yRange.first, yRange.second));
  facts.emplace_back(QObject::tr("normalization"),
                     info.normalization.empty() ? QObject::tr("none") : QString::fromStdString(info.normalization));
  facts.emplace_back(QObject::tr("grid"), QStringLiteral("%1 × %2").arg(grid.xs.size()).arg(grid.ys.size()));
  return facts;
}

QString SurfaceData::shapeAt(double x, double y) const {
  if (!epoch || !grid.drawable()) return {};
  const auto [i, j] = grid.nearest(x, y);
  if (i == 0 || j == 0 || i + 1 == grid.xs.size() || j + 1 == grid.ys.size()) return QObject::tr("edge of the grid");
  const double own = grid.loss[grid.index(i, j)];
  // Around the point, one after the other: a saddle's ring goes up and down twice.
  constexpr std::array<std::pair<int, int>, 8> ring{
      {{1, 0}, {1, 1}, {0, 1}, {-1, 1}, {-1, 0}, {-1, -1}, {0, -1}, {1, -1}}};
  std::array<int, 8> signs{};
  for (std::size_t k = 0; k < ring.size(); ++k) {
    const int column = int(i) + ring[k].first, row = int(j) + ring[k].second;
    const double value = grid.loss[grid.index(std::size_t(column), std::size_t(row))];
    if (!std::isfinite(value) || !std::isfinite(own)) return QObject::tr("beside points that are not finite");
    signs[k] = value > own ? 1 : value < own ? -1 : 0;
  }
  if (std::all_of(signs.begin(), signs.end(), [](int sign) { return sign > 0; })) return QObject::tr("local minimum");
  if (std::all_of(signs.begin(), signs.end(), [](int sign) { return sign < 0; })) return QObject::tr("local maximum");
  int changes = 0;
  for (std::size_t k = 0; k < signs.size(); ++k) changes += signs[k] * signs[(k + 1) % signs.size()] < 0;
  return changes >= 4 ? QObject::tr("saddle") : QObject::tr("slope");
}

QString SurfaceData::readout(double x, double y) const {
  if (!epoch || !grid.drawable()) return {};
  const auto [i, j] = grid.nearest(x, y);
  const std::size_t at = grid.index(i, j);
  QString said = QStringLiteral("α = %1, β = %2: ").arg(numberText(grid.xs[i]), numberText(grid.ys[j]));
  if (!grid.known[at]) return said + QObject::tr("not known yet");
  if (!std::isfinite(grid.loss[at])) return said + QObject::tr("%1 loss not finite").arg(split);
  said += QObject::tr("%1 loss %2, accuracy %3 %")
              .arg(split, numberText(grid.loss[at], 5), numberText(grid.accuracy[at] * 100));
  return said;
}

void addHeightChoices(QMenu& menu, const SurfaceData& data, std::function<void(const HeightChoice&)> choose) {
  if (!data.scale.valid()) return;
  QMenu* heights = menu.addMenu(QObject::tr("Height and colours"));
  const auto add = [&](const QString& text, const HeightChoice& choice) {
    QAction* action = heights->addAction(text);
    QObject::connect(action, &QAction::triggered, &menu, [choose, choice] { choose(choice); });
    action->setCheckable(true);
    action->setChecked(choice == data.height);
  };
  for (const auto& [kind, text] : {std::pair<const char*, QString>{"auto", QObject::tr("Automatic")},
                                   {"linear", QObject::tr("Linear")},
                                   {"log", QObject::tr("Logarithmic")}}) {
    add(text, {kind, data.height.clip});
  }
  heights->addSeparator();
  add(QObject::tr("All losses"), {data.height.kind, 0});
  // Round losses of the unclipped surface.
  const ValueScale whole(data.grid.loss, {data.height.kind, 0});
  auto levels = whole.levels();
  if (data.height.clip > 0) levels.push_back(data.height.clip);
  std::sort(levels.begin(), levels.end());
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
  for (const double level : levels) {
    if (level > 0) add(QObject::tr("Losses up to %1").arg(numberText(level)), {data.height.kind, level});
  }
}

QStringList heightSettings(const SurfaceData& data) {
  QStringList settings;
  // One key is for the surface and for that of the quantized network.
  const QString prefix =
      QStringLiteral("surface.%1.").arg(QString::fromStdString(landscapeAndSetting(data.info.name).first));
  if (data.height.kind != data.info.scale) settings << prefix + "scale=" + QString::fromStdString(data.height.kind);
  if (data.height.clip != data.info.clip)
    settings << prefix + "clip=" + QString::number(data.height.clip, 'g', QLocale::FloatingPointShortest);
  return settings;
}

QString networkName(const QString& surface) {
  const auto setting = landscapeAndSetting(surface.toStdString()).second;
  return setting.empty() ? QObject::tr("floating point") : QString::fromStdString(setting);
}

bool hasBothSplits(const RunResults& run, const std::string& surface) {
  const auto has = [&](const char* split) {
    return std::any_of(run.surfaces.begin(), run.surfaces.end(),
                       [&](const SurfaceRow& row) { return row.split == split && row.name == surface; });
  };
  return has("train") && has("test");
}

std::string surfaceCsv(const RunResults& run, const QString& name, std::int64_t epoch) {
  const std::string key = name.toStdString();
  const auto shown = shownEpoch(run, key, epoch);
  return csvOf(run.surfaces, [&](const SurfaceRow& row) { return shown && row.name == key && row.epoch == *shown; });
}

std::string pairCsv(const RunResults& run, const QString& quantized, std::int64_t epoch) {
  const std::string name = quantized.toStdString(), whole = landscapeAndSetting(name).first;
  const std::int64_t wanted = epochOfPair(run, name, whole, epoch);
  const auto shown = shownEpoch(run, name, wanted), wholeShown = shownEpoch(run, whole, wanted);
  return csvOf(run.surfaces, [&](const SurfaceRow& row) {
    return (row.name == name && row.epoch == shown) || (row.name == whole && row.epoch == wholeShown);
  });
}

}  // namespace eigenscape
