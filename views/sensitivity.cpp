// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/sensitivity.h"

#include <QMenu>
#include <algorithm>
#include <cmath>
#include <set>

#include "views/plot_parts.h"
#include "views/tickers.h"

namespace eigenscape {
namespace {

constexpr double groupWidth = 0.8;  // of the distance between layers
constexpr double fullPageMm = 180;  // a page's two columns

struct Layers {
  std::vector<std::string> names;  ///< in the order in which they are shown
  std::vector<std::int64_t> bits;  ///< ascending
  std::map<std::pair<std::string, std::int64_t>, const SensitivityRow*> rows;
  std::string limit;                           ///< whose bits are chosen; empty: none are
  std::map<std::string, std::int64_t> chosen;  ///< bits by layer
};

/// The limits of allocation.csv, in its order.
std::vector<std::string> limitsOf(const RunResults& run) {
  std::vector<std::string> limits;
  for (const auto& row : run.allocations) {
    if (std::find(limits.begin(), limits.end(), row.limit) == limits.end()) limits.push_back(row.limit);
  }
  return limits;
}

Layers collect(const RunResults& run, bool bySize, const std::string& wanted) {
  Layers layers;
  std::set<std::string> seen;
  std::set<std::int64_t> bits;
  for (const auto& row : run.sensitivity) {
    if (seen.insert(row.layer).second) layers.names.push_back(row.layer);
    bits.insert(row.bits);
    layers.rows[{row.layer, row.bits}] = &row;
  }
  layers.bits.assign(bits.begin(), bits.end());
  if (bySize) {
    const auto size = [&](const std::string& name) { return layers.rows.lower_bound({name, 0})->second->parameters; };
    std::stable_sort(layers.names.begin(), layers.names.end(),
                     [&](const auto& a, const auto& b) { return size(a) > size(b); });
  }
  const auto limits = limitsOf(run);
  if (limits.empty()) return layers;
  layers.limit = std::find(limits.begin(), limits.end(), wanted) != limits.end() ? wanted : limits.front();
  for (const auto& row : run.allocations) {
    if (row.limit == layers.limit) layers.chosen[row.layer] = row.bits;
  }
  return layers;
}

/// Where the bar of a layer and a bit width stands.
double barCentre(std::size_t layer, std::size_t width, std::size_t widths) {
  return double(layer) + groupWidth * ((double(width) + 0.5) / double(widths) - 0.5);
}

struct Bars {
  std::size_t notPositive = 0, notFinite = 0;
  std::vector<double> reach;  ///< values that the axis has to hold
  bool withErrors = false;
  QVector<double> refused;  ///< where a bar has no place on the axis
};

/// One bit width's bars, filled or hollow, with their errors.
struct Series {
  QCPBars* bars = nullptr;
  QCPErrorBars* errors = nullptr;
};

Series addSeriesOf(const Frame& frame, const Style& style, const Layers& layers, std::size_t w, bool filled) {
  Series series;
  const QColor color = colorAmong(style, w, layers.bits.size());
  series.bars = new QCPBars(frame.x, frame.y);
  series.bars->setName(QObject::tr("%1 bits").arg(layers.bits[w]));
  series.bars->setPen(filled ? QPen(Qt::NoPen) : style.pen(color, 0.5));
  series.bars->setBrush(filled ? QBrush(color) : QBrush(Qt::NoBrush));
  series.bars->setWidth(groupWidth / double(layers.bits.size()) * (filled ? 0.92 : 0.8));
  series.bars->setAntialiased(true);
  series.bars->setLayer("main");
  if (filled) series.bars->addToLegend(frame.legend);
  series.errors = new QCPErrorBars(frame.x, frame.y);
  series.errors->setDataPlottable(series.bars);
  series.errors->setPen(style.pen(filled ? style.ink() : style.softInk(), 0.6));
  series.errors->setWhiskerWidth(style.points(layers.names.size() > 25 ? 1.5 : 3));
  series.errors->setSymbolGap(0);
  series.errors->setLayer("main");
  return series;
}

void addBar(const Layers& layers, std::size_t i, std::size_t w, const Series& filled, const Series& hollow,
            Bars& result) {
  const auto found = layers.rows.find({layers.names[i], layers.bits[w]});
  if (found == layers.rows.end()) return;
  const SensitivityRow& row = *found->second;
  const double x = barCentre(i, w, layers.bits.size());
  if (!(row.omega > 0) || std::isinf(row.omega)) {
    result.refused.append(x);
    ++(std::isfinite(row.omega) ? result.notPositive : result.notFinite);
    return;
  }
  double error = std::abs(row.standardError * row.perturbation);
  if (!std::isfinite(error)) error = std::nan("");  // not known: no whisker
  const auto chosen = layers.chosen.find(row.layer);
  const Series& series =
      layers.limit.empty() || (chosen != layers.chosen.end() && chosen->second == row.bits) ? filled : hollow;
  series.bars->addData(x, row.omega);
  series.errors->addData(error, error);  // one that reaches zero runs down to the axis' end, without a whisker
  result.reach.insert(result.reach.end(), {row.omega, row.omega + error});
  if (std::isfinite(error)) result.withErrors = true;
}

Bars addBars(QCustomPlot& plot, const Frame& frame, const Style& style, const Layers& layers) {
  Bars result;
  for (std::size_t w = 0; w < layers.bits.size(); ++w) {
    const Series filled = addSeriesOf(frame, style, layers, w, true);
    const Series hollow = layers.limit.empty() ? filled : addSeriesOf(frame, style, layers, w, false);
    for (std::size_t i = 0; i < layers.names.size(); ++i) addBar(layers, i, w, filled, hollow, result);
  }
  if (!result.refused.isEmpty()) {
    QCPGraph* marks = addSeries(plot, frame, {}, QPen(Qt::NoPen));
    marks->setObjectName("refused");
    marks->setLineStyle(QCPGraph::lsNone);
    marks->setScatterStyle(
        QCPScatterStyle(QCPScatterStyle::ssCross, style.pen(style.ink(), 1), Qt::NoBrush, style.points(4)));
    for (const double x : result.refused) marks->addData(x, 1);
  }
  return result;
}

}  // namespace

double SensitivityFigure::preferredWidthMm() const {
  if (!emptyMessage().isEmpty()) return 0;
  return std::min(fullPageMm, 24 + 2.9 * double(collect(run(), false, {}).names.size()));
}

Drawn SensitivityFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const Layers layers = collect(run(), bySize_, limit_.toStdString());
  if (layers.names.empty()) {
    drawn.nothing = tr("No sensitivities yet: they appear when the layers' traces are known (section [quantization]).");
    return drawn;
  }
  const Frame frame = makeFrame(plot, style, tr("Sensitivity of the layers to quantization"));
  const Bars bars = addBars(plot, frame, style, layers);
  frame.x->setRange(-0.6, double(layers.names.size()) - 0.4);
  frame.x->grid()->setVisible(false);
  fitAxis(frame.y, bars.reach, true, 0.04);
  // Down to the decade below the smallest bar, so that it still has a length.
  const double lowest = std::pow(10.0, std::floor(std::log10(frame.y->range().lower * 0.8)));
  frame.y->setRangeLower(lowest);
  for (int i = 0; i < plot.graphCount(); ++i) {
    if (plot.graph(i)->objectName() != "refused") continue;
    const double foot = lowest * std::pow(frame.y->range().upper / lowest, 0.02);
    for (auto at = plot.graph(i)->data()->begin(); at != plot.graph(i)->data()->end(); ++at) at->value = foot;
  }
  nameLayers(frame.x, style, layers.names);
  if (bySize_ && !frame.x->label().isEmpty()) frame.x->setLabel(tr("layer, the largest first"));
  labelAxis(frame.y, style, tr("sensitivity Ω (log)"), QSharedPointer<DecadeTicker>::create());
  finishFrame(plot, frame, style);
  auto& provenance = drawn.provenance;
  provenance.curvature = true;
  if (!run().info.model.empty()) provenance.epoch = run().info.epochs;
  provenance.split = run().info.curvatureSplit == "test" ? "test" : "train";
  provenance.samples = curvatureSamples(run().info);
  provenance.notes << (bars.withErrors ? tr("Ω = mean trace · ‖Q(W) − W‖², ± one standard error")
                                       : tr("Ω = mean trace · ‖Q(W) − W‖²"));
  if (!run().info.sensitivity.empty())
    provenance.notes << tr("sensitivities of %1").arg(QString::fromStdString(run().info.sensitivity));
  if (!layers.limit.empty()) provenance.notes << tr("filled: the bits of %1").arg(QString::fromStdString(layers.limit));
  if (!layers.limit.empty() && !run().inputSensitivity.empty())
    provenance.notes << tr("bars: weights; the bits were chosen by Ω of weights and inputs");
  std::size_t unresolved = 0;
  for (const auto& name : layers.names) {
    unresolved += isResolved(*layers.rows.lower_bound({name, 0})->second) ? 0 : 1;
  }
  if (unresolved) provenance.notes << tr("%1 layers with a trace within two standard errors of 0").arg(unresolved);
  if (bars.notPositive) {
    provenance.notes << tr("%1 values of Ω ≤ 0 have no place on a logarithmic axis (×)").arg(bars.notPositive);
  }
  if (bars.notFinite) provenance.notes << tr("%1 values of Ω not finite (×)").arg(bars.notFinite);
  return drawn;
}

std::string SensitivityFigure::csv() const {
  return csvOf(run().sensitivity, [](const SensitivityRow&) { return true; });
}

QString SensitivityFigure::readout(const QPointF& position) const {
  const QCPAxisRect* rect = plot()->axisRect(0);
  if (!rect || !rect->rect().contains(position.toPoint())) return {};
  const Layers layers = collect(run(), bySize_, limit_.toStdString());
  const double x = rect->axis(QCPAxis::atBottom)->pixelToCoord(position.x());
  const auto i = std::size_t(std::clamp<double>(std::round(x), 0, double(layers.names.size() - 1)));
  QStringList parts;
  for (const auto bits : layers.bits) {
    const auto found = layers.rows.find({layers.names[i], bits});
    if (found != layers.rows.end()) parts << tr("%1 bits Ω = %2").arg(bits).arg(numberText(found->second->omega, 4));
  }
  const auto chosen = layers.chosen.find(layers.names[i]);
  if (chosen != layers.chosen.end()) parts << tr("chosen: %1 bits").arg(chosen->second);
  return QString::fromStdString(layers.names[i]) + ": " + parts.join(", ");
}

void SensitivityFigure::setOrderBySize(bool on) {
  bySize_ = on;
  redraw();
}

void SensitivityFigure::setLimit(const QString& limit) {
  limit_ = limit;
  redraw();
}

void SensitivityFigure::addChoices(QMenu& menu) {
  if (!hasRun()) return;
  menu.addSeparator();
  QAction* order = menu.addAction(tr("Largest layers first"), this, [this](bool on) { setOrderBySize(on); });
  order->setCheckable(true);
  order->setChecked(bySize_);
  const auto limits = limitsOf(run());
  if (limits.size() < 2) return;
  QMenu* which = menu.addMenu(tr("Filled bars"));
  const auto shown = collect(run(), false, limit_.toStdString()).limit;
  for (const auto& limit : limits) {
    const QString name = QString::fromStdString(limit);
    QAction* action = which->addAction(name, this, [this, name] { setLimit(name); });
    action->setCheckable(true);
    action->setChecked(limit == shown);
  }
}

}  // namespace eigenscape
