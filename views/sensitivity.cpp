// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/sensitivity.h"

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
  std::vector<std::string> names;  ///< in network order: that of the file
  std::vector<std::int64_t> bits;  ///< ascending
  std::map<std::pair<std::string, std::int64_t>, const SensitivityRow*> rows;
};

Layers collect(const RunResults& run) {
  Layers layers;
  std::set<std::string> seen;
  std::set<std::int64_t> bits;
  for (const auto& row : run.sensitivity) {
    if (seen.insert(row.layer).second) layers.names.push_back(row.layer);
    bits.insert(row.bits);
    layers.rows[{row.layer, row.bits}] = &row;
  }
  layers.bits.assign(bits.begin(), bits.end());
  return layers;
}

/// Where the bar of a layer and a bit width stands.
double barCentre(std::size_t layer, std::size_t width, std::size_t widths) {
  return double(layer) + groupWidth * ((double(width) + 0.5) / double(widths) - 0.5);
}

struct Bars {
  std::size_t notPositive = 0, notFinite = 0;
  std::vector<double> reach;  ///< values that the axis has to hold
};

Bars addBars(QCustomPlot& plot, const Frame& frame, const Style& style, const Layers& layers) {
  Bars result;
  QVector<double> refused;
  for (std::size_t w = 0; w < layers.bits.size(); ++w) {
    auto* bars = new QCPBars(frame.x, frame.y);
    const QColor color = style.series(w);
    bars->setName(QObject::tr("%1 bits").arg(layers.bits[w]));
    bars->setPen(Qt::NoPen);
    bars->setBrush(color);
    bars->setWidth(groupWidth / double(layers.bits.size()) * 0.92);
    bars->setAntialiased(true);
    bars->setLayer("main");
    bars->addToLegend(frame.legend);
    auto* errors = new QCPErrorBars(frame.x, frame.y);
    errors->setDataPlottable(bars);
    errors->setPen(style.pen(style.ink(), 0.6));
    errors->setWhiskerWidth(style.points(layers.names.size() > 25 ? 1.5 : 3));
    errors->setSymbolGap(0);
    errors->setLayer("main");
    for (std::size_t i = 0; i < layers.names.size(); ++i) {
      const auto found = layers.rows.find({layers.names[i], layers.bits[w]});
      if (found == layers.rows.end()) continue;
      const SensitivityRow& row = *found->second;
      const double x = barCentre(i, w, layers.bits.size());
      if (!(row.omega > 0) || std::isinf(row.omega)) {
        refused.append(x);
        ++(std::isfinite(row.omega) ? result.notPositive : result.notFinite);
        continue;
      }
      const double error = std::isfinite(row.standardError) ? std::abs(row.standardError * row.perturbation) : 0;
      bars->addData(x, row.omega);
      errors->addData(error, error);  // one that reaches zero runs down to the axis' end, without a whisker
      result.reach.insert(result.reach.end(), {row.omega, row.omega + error});
    }
  }
  if (!refused.isEmpty()) {
    QCPGraph* marks = addSeries(plot, frame, {}, QPen(Qt::NoPen));
    marks->setObjectName("refused");
    marks->setLineStyle(QCPGraph::lsNone);
    marks->setScatterStyle(
        QCPScatterStyle(QCPScatterStyle::ssCross, style.pen(style.ink(), 1), Qt::NoBrush, style.points(4)));
    for (const double x : refused) marks->addData(x, 1);
  }
  return result;
}

}  // namespace

double SensitivityFigure::preferredWidthMm() const {
  if (!emptyMessage().isEmpty()) return 0;
  return std::min(fullPageMm, 24 + 2.9 * double(collect(run()).names.size()));
}

Drawn SensitivityFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const Layers layers = collect(run());
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
  labelAxis(frame.y, style, tr("sensitivity Ω (log)"), QSharedPointer<DecadeTicker>::create());
  finishFrame(plot, frame, style);
  auto& provenance = drawn.provenance;
  provenance.curvature = true;
  provenance.epoch = run().info.epochs;
  provenance.split = run().info.curvatureSplit == "test" ? "test" : "train";
  provenance.samples = curvatureSamples(run().info);
  provenance.notes << tr("Ω = mean trace · ‖Q(W) − W‖², ± one standard error");
  std::size_t unresolved = 0;
  for (const auto& name : layers.names) {
    unresolved += isResolved(*layers.rows.lower_bound({name, 0})->second) ? 0 : 1;
  }
  if (unresolved) provenance.notes << tr("%1 layer(s) with a trace within two standard errors of 0").arg(unresolved);
  if (bars.notPositive) {
    provenance.notes << tr("%1 value(s) of Ω ≤ 0 have no place on a logarithmic axis (×)").arg(bars.notPositive);
  }
  if (bars.notFinite) provenance.notes << tr("%1 value(s) of Ω not finite (×)").arg(bars.notFinite);
  return drawn;
}

std::string SensitivityFigure::csv() const {
  return csvOf(run().sensitivity, [](const SensitivityRow&) { return true; });
}

QString SensitivityFigure::readout(const QPointF& position) const {
  const QCPAxisRect* rect = plot()->axisRect(0);
  if (!rect || !rect->rect().contains(position.toPoint())) return {};
  const Layers layers = collect(run());
  const double x = rect->axis(QCPAxis::atBottom)->pixelToCoord(position.x());
  const auto i = std::size_t(std::clamp<double>(std::round(x), 0, double(layers.names.size() - 1)));
  QStringList parts;
  for (const auto bits : layers.bits) {
    const auto found = layers.rows.find({layers.names[i], bits});
    if (found != layers.rows.end()) parts << tr("%1 bits Ω = %2").arg(bits).arg(numberText(found->second->omega, 4));
  }
  return QString::fromStdString(layers.names[i]) + ": " + parts.join(", ");
}

}  // namespace eigenscape
