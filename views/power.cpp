// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/power.h"

#include <QFontMetricsF>
#include <algorithm>
#include <cmath>
#include <set>

#include "views/plot_parts.h"
#include "views/value_axis.h"

namespace eigenscape {
namespace {

/// More blocks than this are named beside a colour scale: a legend of them would leave the curves no room.
constexpr std::size_t mostInLegend = 7;

struct Path {
  std::vector<double> mean, lowest, highest;  ///< over the batches; the first entry is of iteration 1
};

/// By scope, index and split.
using Key = std::tuple<std::string, std::int64_t, std::string>;

struct Paths {
  std::optional<std::int64_t> epoch;
  std::vector<std::string> scopes;  ///< in the order of the file
  std::vector<std::string> splits;
  std::map<Key, Path> all;
  std::size_t batches = 0;   ///< the most that a path is the mean of
  std::int64_t indices = 0;  ///< the most of a scope
  bool unequal = false;      ///< some batches took fewer iterations than others
  std::size_t notFinite = 0;
  bool oneBlock() const { return scopes.size() == 1; }
};

/// A batch that stopped earlier keeps its last value: it had converged, and leaving it out would make the mean jump.
Path meanOver(const std::map<std::int64_t, std::map<std::int64_t, double>>& batches, bool& unequal) {
  std::int64_t last = 0;
  for (const auto& [batch, values] : batches) {
    if (last && values.rbegin()->first != last) unequal = true;
    last = std::max(last, values.rbegin()->first);
  }
  Path path;
  for (std::int64_t iteration = 1; iteration <= last; ++iteration) {
    double sum = 0, lowest = HUGE_VAL, highest = -HUGE_VAL;
    std::size_t count = 0;
    for (const auto& [batch, values] : batches) {
      const auto after = values.upper_bound(iteration);
      const double value = after == values.begin() ? qQNaN() : std::prev(after)->second;
      if (!std::isfinite(value)) continue;
      sum += value, ++count;
      lowest = std::min(lowest, value), highest = std::max(highest, value);
    }
    path.mean.push_back(count ? sum / double(count) : qQNaN());
    path.lowest.push_back(count ? lowest : qQNaN());
    path.highest.push_back(count ? highest : qQNaN());
  }
  return path;
}

Paths collect(const RunResults& run, std::int64_t wanted) {
  Paths paths;
  paths.epoch = epochToShow(epochsOf(run.power, [](const PowerRow&) { return true; }), wanted);
  if (!paths.epoch) return paths;
  std::map<Key, std::map<std::int64_t, std::map<std::int64_t, double>>> batches;
  std::set<std::string> seen;
  for (const auto& row : run.power) {
    if (row.epoch != *paths.epoch || row.iteration < 1) continue;
    if (seen.insert(row.scope).second) paths.scopes.push_back(row.scope);
    batches[{row.scope, row.index, row.split}][row.batch][row.iteration] = row.eigenvalue;
    paths.indices = std::max(paths.indices, row.index);
    paths.notFinite += std::isfinite(row.eigenvalue) ? 0 : 1;
  }
  for (const auto& [key, values] : batches) {
    paths.batches = std::max(paths.batches, values.size());
    paths.all[key] = meanOver(values, paths.unequal);
  }
  paths.splits = splitsOf(run.power, [&](const PowerRow& row) { return row.epoch == *paths.epoch; });
  return paths;
}

void addBand(QCustomPlot& plot, const Frame& frame, const Path& path, const QString& name, const QColor& color,
             const ValueAxis& axis) {
  QCPGraph* edges[2];
  for (const bool upper : {false, true}) {
    QCPGraph* edge = edges[upper] = addSeries(plot, frame, {}, QPen(Qt::NoPen));
    edge->setObjectName((upper ? "highest, " : "lowest, ") + name);
    const auto& values = upper ? path.highest : path.lowest;
    for (std::size_t i = 0; i < values.size(); ++i) edge->addData(double(i + 1), axis.place(values[i]));
  }
  edges[1]->setBrush(color);
  edges[1]->setChannelFillGraph(edges[0]);
}

void addPaths(QCustomPlot& plot, const Frame& frame, const Style& style, const Paths& paths, const ValueAxis& axis) {
  // Further eigenvalues of a single block have colours of their own; of several blocks they are thin lines.
  const std::size_t colours = paths.oneBlock() ? std::size_t(paths.indices) : paths.scopes.size();
  const bool crowded = colours > mostInLegend;
  for (std::size_t s = 0; s < paths.scopes.size(); ++s) {
    for (const auto& split : paths.splits) {
      for (std::int64_t index = 1; index <= paths.indices; ++index) {
        const auto found = paths.all.find({paths.scopes[s], index, split});
        if (found == paths.all.end()) continue;
        const QColor color = colorAmong(style, paths.oneBlock() ? std::size_t(index - 1) : s, colours);
        const bool test = split == "test";
        const double width = paths.oneBlock() ? 1.3 : index > 1 ? 0.5 : crowded ? 1 : 1.3;
        QString name = paths.oneBlock() ? lambdaText(index) : QString::fromStdString(paths.scopes[s]);
        const bool named = !crowded && (paths.oneBlock() || index == 1) && split == paths.splits.front();
        if (!paths.oneBlock() && index > 1) name += ", " + lambdaText(index);
        if (test && paths.splits.size() > 1) name += QObject::tr(", test");
        if (paths.batches > 1) {
          QColor fill = color;
          fill.setAlphaF(index > 1 ? 0.08F : crowded ? 0.12F : 0.2F);
          addBand(plot, frame, found->second, name, fill, axis);
        }
        QCPGraph* line =
            addSeries(plot, frame, name, style.pen(color, width, test ? Qt::DashLine : Qt::SolidLine), nullptr, named);
        for (std::size_t i = 0; i < found->second.mean.size(); ++i) {
          line->addData(double(i + 1), axis.place(found->second.mean[i]));
        }
        if (!crowded && found->second.mean.size() <= manyPoints) {
          line->setScatterStyle(disc(style, color, false, test, true));
        }
      }
    }
  }
}

/// The colours of many blocks, in the order of the file: that of the network.
void nameBlocks(QCustomPlot& plot, const Frame& frame, const Style& style, const Paths& paths) {
  std::vector<std::string> names = paths.scopes;
  if (paths.oneBlock()) {
    names.clear();
    for (std::int64_t index = 1; index <= paths.indices; ++index) names.push_back(lambdaText(index).toStdString());
  }
  QCPColorGradient gradient = shadeGradient(style);
  gradient.setLevelCount(int(names.size()));
  const double last = double(names.size()) - 0.5;
  QCPColorScale* scale = addColorScale(plot, frame, style, gradient, {-0.5, last});
  auto ticker = QSharedPointer<QCPAxisTickerText>::create();
  const QFont font = style.font(0.8);
  const double available = (style.size.height() - style.millimetres(24)) / double(names.size());
  const auto stride = std::size_t(std::max(1.0, std::ceil(QFontMetricsF(font).height() / available)));
  // Names may take a quarter of the width, the curves need the rest.
  const int most = std::clamp(int(0.26 * style.size.width() / QFontMetricsF(font).averageCharWidth()), 10, 40);
  for (std::size_t i = 0; i < names.size(); i += stride) ticker->addTick(double(i), shortName(names[i], most));
  scale->axis()->setTickLabelFont(font);
  scale->axis()->setTicker(ticker);
  scale->axis()->setRangeReversed(true);  // the first layer on top, as it would stand in a list
  scale->axis()->setSubTicks(false);
}

}  // namespace

Drawn PowerFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const Paths paths = collect(run(), epoch());
  if (paths.all.empty()) {
    drawn.nothing = tr("No power iteration yet: its path appears with the first spectrum (curvature.method = power).");
    return drawn;
  }
  const OperatorWords words = operatorWords(run().info.curvatureOperator);
  QString title = tr("Power iteration at epoch %1").arg(*paths.epoch);
  if (paths.oneBlock() && paths.scopes[0] != "model") title += ", " + QString::fromStdString(paths.scopes[0]);
  const Frame frame = makeFrame(plot, style, title);
  std::vector<double> values, iterations = {1};
  for (const auto& [key, path] : paths.all) {
    values.insert(values.end(), path.lowest.begin(), path.lowest.end());
    values.insert(values.end(), path.highest.begin(), path.highest.end());
    iterations.push_back(double(path.mean.size()));
  }
  for (const auto& peer : peers()) {
    for (const auto& [key, path] : collect(*peer, epoch()).all) {
      values.insert(values.end(), path.lowest.begin(), path.lowest.end());
      values.insert(values.end(), path.highest.begin(), path.highest.end());
    }
  }
  const ValueAxis axis(values);
  addPaths(plot, frame, style, paths, axis);
  const bool crowded = (paths.oneBlock() ? std::size_t(paths.indices) : paths.scopes.size()) > mostInLegend;
  if (crowded) nameBlocks(plot, frame, style, paths);
  if (!paths.oneBlock() && paths.indices > 1) {
    const QString further = paths.indices == 2 ? lambdaText(2) : lambdaText(2) + "–" + lambdaText(paths.indices);
    legendSample(plot, frame, further + tr(" (thin)"), style.pen(style.ink(), 0.5));
  }
  if (paths.splits.size() > 1) {
    legendSample(plot, frame, tr("test (dashed)"), style.pen(style.ink(), 1.1, Qt::DashLine));
  }
  fitAxis(frame.x, iterations, false, 0.02);
  labelAxis(frame.x, style, tr("iteration"), QSharedPointer<IntegerTicker>::create());
  axis.apply(frame.y, style, tr("eigenvalue of %1").arg(words.matrix), values);
  finishFrame(plot, frame, style);
  auto& provenance = drawn.provenance;
  provenance.epoch = *paths.epoch;
  provenance.split = joined(paths.splits);
  provenance.samples = curvatureSamples(run().info);
  provenance.curvature = true;
  QStringList& notes = provenance.notes;
  if (*paths.epoch != epoch()) notes << epochWords(*paths.epoch, epoch());
  notes << tr("Rayleigh quotient after each product");
  if (paths.batches > 1) notes << tr("line: mean over %1 batches, band: least to greatest").arg(paths.batches);
  if (paths.unequal) notes << tr("a batch that converged earlier keeps its last value");
  notes << axis.note();
  if (paths.notFinite) notes << tr("%1 values not finite, left out").arg(paths.notFinite);
  return drawn;
}

std::string PowerFigure::csv() const {
  const auto shown = epochToShow(epochsOf(run().power, [](const PowerRow&) { return true; }), epoch());
  return csvOf(run().power, [&](const PowerRow& row) { return shown && row.epoch == *shown; });
}

QString PowerFigure::readout(const QPointF& position) const {
  const QCPAxisRect* rect = plot()->axisRect(0);
  if (!rect || !rect->rect().contains(position.toPoint())) return {};
  const auto iteration = std::llround(rect->axis(QCPAxis::atBottom)->pixelToCoord(position.x()));
  if (iteration < 1) return {};
  const Paths paths = collect(run(), epoch());
  // Read from the plot which path is nearest, and from the rows what it is: the plot may show a logarithm.
  const QCPGraph* nearest = nullptr;
  double best = 14;
  for (int i = 0; i < plot()->graphCount(); ++i) {
    const QCPGraph* graph = plot()->graph(i);
    const auto at = graph->data()->findBegin(double(iteration), false);
    if (graph->name().isEmpty() || at == graph->data()->end() || at->key != double(iteration)) continue;
    const double distance = std::abs(graph->valueAxis()->coordToPixel(at->value) - position.y());
    if (distance < best) best = distance, nearest = graph;
  }
  if (!nearest) return tr("iteration %1").arg(iteration);
  std::vector<double> values;
  for (const auto& [key, path] : paths.all) {
    values.insert(values.end(), path.lowest.begin(), path.lowest.end());
    values.insert(values.end(), path.highest.begin(), path.highest.end());
  }
  const double place = nearest->data()->findBegin(double(iteration), false)->value;
  return tr("%1: %2 after iteration %3")
      .arg(nearest->name(), numberText(ValueAxis(values).value(place), 5), QString::number(iteration));
}

}  // namespace eigenscape
