// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/overlap.h"

#include <QFontMetricsF>
#include <algorithm>
#include <cmath>
#include <set>

#include "views/plot_items.h"
#include "views/plot_parts.h"
#include "views/tickers.h"

namespace eigenscape {
namespace {

constexpr std::size_t mostNumbers = 12;  // epochs whose cells have room for numbers
constexpr std::size_t mostHatched = 60;  // epochs whose cells have room for hatching

/// The rows of one split as a matrix over the epochs that they speak of.
struct Overlaps {
  std::vector<std::int64_t> epochs;
  std::vector<double> cells;          ///< epochs.size()²; nan: not known
  std::int64_t fewest = 0, most = 0;  ///< vectors
  std::size_t notFinite = 0;
  std::string op;

  double at(std::size_t i, std::size_t j) const { return cells[j * epochs.size() + i]; }
  std::size_t unknown() const {
    return std::size_t(std::count_if(cells.begin(), cells.end(), [](double v) { return !std::isfinite(v); }));
  }
};

std::vector<std::string> splitsIn(const RunResults& run) {
  return splitsOf(run.overlaps, [](const OverlapRow&) { return true; });
}

/// The split that is shown where `wanted` was chosen.
std::string chosen(const RunResults& run, const QString& wanted) {
  const auto splits = splitsIn(run);
  const auto found = std::find(splits.begin(), splits.end(), wanted.toStdString());
  return found != splits.end() ? *found : splits.empty() ? std::string() : splits.front();
}

std::set<std::int64_t> epochsIn(const RunResults& run, const std::string& split) {
  std::set<std::int64_t> epochs;
  for (const auto& row : run.overlaps) {
    if (row.split == split) epochs.insert({row.epoch, row.otherEpoch});
  }
  return epochs;
}

/// `peers`: their epochs have a place too, so that the same cell is the same pair of epochs.
Overlaps collect(const RunResults& run, const std::string& split,
                 const std::vector<std::shared_ptr<const RunResults>>& peers) {
  Overlaps overlaps;
  const std::set<std::int64_t> own = epochsIn(run, split);
  if (own.empty()) return overlaps;
  std::set<std::int64_t> epochs = own;
  for (const auto& peer : peers) epochs.merge(epochsIn(*peer, split));
  overlaps.epochs.assign(epochs.begin(), epochs.end());
  const std::size_t n = overlaps.epochs.size();
  overlaps.cells.assign(n * n, qQNaN());
  const auto place = [&](std::int64_t epoch) {
    return std::size_t(std::lower_bound(overlaps.epochs.begin(), overlaps.epochs.end(), epoch) -
                       overlaps.epochs.begin());
  };
  for (const auto epoch : own) overlaps.cells[place(epoch) * (n + 1)] = 1;
  for (const auto& row : run.overlaps) {
    if (row.split != split) continue;
    const std::size_t i = place(row.epoch), j = place(row.otherEpoch);
    overlaps.cells[j * n + i] = overlaps.cells[i * n + j] = std::isfinite(row.overlap) ? row.overlap : qQNaN();
    overlaps.notFinite += std::isfinite(row.overlap) ? 0 : 1;
    overlaps.fewest = overlaps.most == 0 ? row.vectors : std::min(overlaps.fewest, row.vectors);
    overlaps.most = std::max(overlaps.most, row.vectors);
    overlaps.op = row.op;
  }
  return overlaps;
}

QString vectorsText(const Overlaps& overlaps) {
  return overlaps.fewest == overlaps.most ? QString::number(overlaps.most)
                                          : QStringLiteral("%1–%2").arg(overlaps.fewest).arg(overlaps.most);
}

/// Epochs need not be evenly spaced, cells are: a cell's name is its epoch.
void nameEpochs(QCPAxis* axis, const Style& style, const Overlaps& overlaps, const QString& label, double available) {
  const QFontMetricsF metrics(style.font(0.9));
  const double needed = axis->orientation() == Qt::Horizontal
                            ? metrics.horizontalAdvance(QString::number(overlaps.epochs.back())) + style.points(5)
                            : metrics.height();
  const double unit = available / double(overlaps.epochs.size());
  std::size_t stride = 1;
  for (const std::size_t step : {2, 5, 10, 20, 50, 100, 200, 500}) {
    if (double(stride) * unit < needed) stride = step;
  }
  auto ticker = QSharedPointer<QCPAxisTickerText>::create();
  for (std::size_t i = 0; i < overlaps.epochs.size(); i += stride) {
    ticker->addTick(double(i), QString::number(overlaps.epochs[i]));
  }
  labelAxis(axis, style, label, ticker);
  axis->setSubTicks(false);
  axis->grid()->setVisible(false);
  axis->setRange(-0.5, double(overlaps.epochs.size()) - 0.5);
}

void hatchUnknown(QCustomPlot& plot, const Frame& frame, const Style& style, const Overlaps& overlaps) {
  auto* hatched = new HatchedCells(&plot, frame.rect, style);
  const std::size_t n = overlaps.epochs.size();
  if (n > mostHatched) return;
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = 0; i < n; ++i) {
      if (std::isfinite(overlaps.at(i, j))) continue;
      hatched->addCell({double(i) - 0.5, double(i) + 0.5}, {double(j) - 0.5, double(j) + 0.5});
    }
  }
}

/// "0.97", or ".97" where that is all there is room for.
QString cellText(double value, bool brief) {
  QString text = QString::number(value, 'f', 2);
  if (text == QLatin1String("1.00")) return QStringLiteral("1");
  if (brief && text.startsWith('0')) text.remove(0, 1);
  return text;
}

void writeNumbers(QCustomPlot& plot, const Frame& frame, const Style& style, const Overlaps& overlaps, double width) {
  const std::size_t n = overlaps.epochs.size();
  if (n > mostNumbers) return;
  QFont font = style.font(0.8);
  const double room = width / double(n) - style.points(2.5);
  const bool brief = QFontMetricsF(font).horizontalAdvance(QStringLiteral("0.97")) > room;
  if (brief) font = style.font(0.72);
  if (QFontMetricsF(font).horizontalAdvance(QStringLiteral(".97")) > room) return;
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = 0; i < n; ++i) {
      const double value = overlaps.at(i, j);
      if (!std::isfinite(value)) continue;
      auto* text = new QCPItemText(&plot);
      text->position->setAxes(frame.x, frame.y);
      text->position->setAxisRect(frame.rect);
      text->position->setType(QCPItemPosition::ptPlotCoords);
      text->position->setCoords(double(i), double(j));
      text->setClipAxisRect(frame.rect);
      text->setText(cellText(value, brief));
      text->setFont(font);
      text->setColor(value > 0.5 ? colors::ink : colors::paper);
      text->setSelectable(false);
    }
  }
}

}  // namespace

QStringList OverlapFigure::splits() const {
  QStringList all;
  if (!emptyMessage().isEmpty()) return all;
  for (const auto& split : splitsIn(run())) all << QString::fromStdString(split);
  return all;
}

QString OverlapFigure::split() const {
  return emptyMessage().isEmpty() ? QString::fromStdString(chosen(run(), split_)) : split_;
}

void OverlapFigure::setSplit(const QString& split) {
  split_ = split;
  redraw();
}

Drawn OverlapFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const std::string split = chosen(run(), split_);
  const Overlaps overlaps = collect(run(), split, peers());
  if (overlaps.epochs.empty()) {
    drawn.nothing = tr("No overlaps yet: they appear when the eigenvectors of two epochs are known.");
    return drawn;
  }
  QString title = tr("Overlap of the top-%1 subspaces").arg(vectorsText(overlaps));
  if (splitsIn(run()).size() > 1) title += ", " + QString::fromStdString(split);
  const Frame frame = makeFrame(plot, style, title);
  const auto n = int(overlaps.epochs.size());
  auto* map = new QCPColorMap(frame.x, frame.y);
  map->setName(QString());
  map->setInterpolate(false);
  map->setAntialiased(false);
  map->setLayer("main");
  map->data()->setSize(n, n);
  map->data()->setRange({0, double(n - 1)}, {0, double(n - 1)});
  for (int j = 0; j < n; ++j) {
    for (int i = 0; i < n; ++i) map->data()->setCell(i, j, overlaps.at(std::size_t(i), std::size_t(j)));
  }
  QCPColorScale* scale = addColorScale(plot, frame, style, viridisGradient(), {0, 1});
  scale->axis()->setLabel(tr("overlap ‖UᵀV‖² / k"));
  scale->axis()->setTicker(QSharedPointer<RoundTicker>::create());
  map->setColorScale(scale);
  map->setDataRange({0, 1});  // the whole scale also where all are alike
  hatchUnknown(plot, frame, style, overlaps);
  const double width = style.size.width() - style.millimetres(36);
  writeNumbers(plot, frame, style, overlaps, width);
  nameEpochs(frame.x, style, overlaps, tr("epoch"), width);
  nameEpochs(frame.y, style, overlaps, tr("other epoch"), style.size.height() - style.millimetres(18));
  finishFrame(plot, frame, style);
  auto& provenance = drawn.provenance;
  provenance.split = QString::fromStdString(split);
  provenance.samples = curvatureSamples(run().info);
  provenance.curvature = true;
  QStringList& notes = provenance.notes;
  if (run().info.parameters > 0) {
    notes << tr("subspaces of the top k = %1 eigenvectors; random ones overlap by %2")
                 .arg(vectorsText(overlaps), numberText(double(overlaps.most) / double(run().info.parameters), 2));
  }
  const std::size_t unknown = overlaps.unknown();
  if (unknown) {
    const QString known = peers().empty() ? tr("not known") : tr("not measured in this run");
    notes << (std::size_t(n) > mostHatched ? tr("blank: %1") : tr("hatched: %1")).arg(known);
  }
  if (peers().empty()) {
    const auto lost = epochsWithoutNumbers(run(), split);
    if (!lost.empty()) notes << withoutNumbersText(lost);
  }
  if (overlaps.notFinite) notes << tr("%1 overlaps not finite").arg(overlaps.notFinite);
  return drawn;
}

std::string OverlapFigure::csv() const {
  const std::string split = chosen(run(), split_);
  return csvOf(run().overlaps, [&](const OverlapRow& row) { return row.split == split; });
}

QString OverlapFigure::readout(const QPointF& position) const {
  const QCPAxisRect* rect = plot()->axisRect(0);
  if (!rect || !rect->rect().contains(position.toPoint())) return {};
  const Overlaps overlaps = collect(run(), chosen(run(), split_), peers());
  const auto cell = [&](double coordinate) {
    return std::size_t(std::clamp<double>(std::round(coordinate), 0, double(overlaps.epochs.size() - 1)));
  };
  const auto i = cell(rect->axis(QCPAxis::atBottom)->pixelToCoord(position.x()));
  const auto j = cell(rect->axis(QCPAxis::atLeft)->pixelToCoord(position.y()));
  const double value = overlaps.at(i, j);
  return tr("epochs %1 and %2: %3")
      .arg(QString::number(overlaps.epochs[i]), QString::number(overlaps.epochs[j]),
           std::isfinite(value) ? tr("overlap %1").arg(numberText(value, 4)) : tr("not known"));
}

}  // namespace eigenscape
