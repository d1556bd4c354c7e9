// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/density.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "views/plot_items.h"
#include "views/plot_parts.h"
#include "views/value_axis.h"

namespace eigenscape {
namespace {

constexpr double confidence = 1.96;  // standard errors to 95 %
constexpr double deepest = 1e-7;     // of the highest density: a parameter's share in a large model
constexpr double rugHeight = 0.055;  // of the axes' height, for each split
constexpr double lightestWeight = 1e-7;

/// The scope that is shown: the model, or the first layer where only layers have a density.
std::string scopeOf(const RunResults& run) {
  for (const auto& row : run.densities) {
    if (row.scope == "model") return row.scope;
  }
  return run.densities.empty() ? std::string() : run.densities.front().scope;
}

/// What is shown of density.csv and density_nodes.csv.
struct Density {
  std::string scope, op;
  std::optional<std::int64_t> epoch;
  std::map<std::string, std::vector<const DensityRow*>> curves;  ///< by split, ascending
  std::map<std::string, std::vector<const DensityNodeRow*>> nodes;
  std::vector<std::string> splits;
  std::size_t otherScopes = 0;

  bool holds(const DensityRow& row) const { return epoch && row.scope == scope && row.epoch == *epoch; }
};

Density collect(const RunResults& run, std::int64_t wanted) {
  Density density;
  density.scope = scopeOf(run);
  density.epoch =
      epochToShow(epochsOf(run.densities, [&](const DensityRow& row) { return row.scope == density.scope; }), wanted);
  std::set<std::string> others;
  for (const auto& row : run.densities) {
    if (row.scope != density.scope) others.insert(row.scope);
    if (!density.holds(row)) continue;
    density.op = row.op;
    density.curves[row.split].push_back(&row);
  }
  for (auto& [split, curve] : density.curves) {
    std::stable_sort(curve.begin(), curve.end(),
                     [](const auto* a, const auto* b) { return a->eigenvalue < b->eigenvalue; });
  }
  for (const auto& row : run.densityNodes) {
    if (density.epoch && row.epoch == *density.epoch && row.scope == density.scope) {
      density.nodes[row.split].push_back(&row);
    }
  }
  density.splits = splitsOf(run.densities, [&](const DensityRow& row) { return density.holds(row); });
  density.otherScopes = others.size();
  return density;
}

/// A grid that is finer near zero was laid for a symmetric logarithm; an even one has nothing to show within a step.
ValueAxis eigenvalueAxis(const Density& density) {
  double largest = 0, narrowest = HUGE_VAL, widest = 0;
  for (const auto& [split, curve] : density.curves) {
    for (std::size_t i = 0; i < curve.size(); ++i) {
      if (!std::isfinite(curve[i]->eigenvalue)) continue;
      largest = std::max(largest, std::abs(curve[i]->eigenvalue));
      if (i == 0) continue;
      const double step = curve[i]->eigenvalue - curve[i - 1]->eigenvalue;
      if (!(step > 0) || !std::isfinite(step)) continue;
      narrowest = std::min(narrowest, step);
      widest = std::max(widest, step);
    }
  }
  if (!(widest > 5 * narrowest)) return ValueAxis();
  return ValueAxis::symmetric({std::pow(10.0, std::ceil(std::log10(std::max(narrowest, largest * 1e-5))))});
}

/// From where on the densities are shown: a decade below the lowest peak, and no deeper than `deepest`. Between two
/// peaks a Gaussian falls to values that mean nothing.
QCPRange densityRange(const Density& density) {
  double highest = 0;
  for (const auto& [split, curve] : density.curves) {
    for (const auto* row : curve) {
      if (std::isfinite(row->density)) highest = std::max(highest, row->density);
    }
  }
  if (!(highest > 0)) return {0.1, 10};
  double lowestPeak = highest;
  for (const auto& [split, curve] : density.curves) {
    for (std::size_t i = 1; i + 1 < curve.size(); ++i) {
      const double value = curve[i]->density;
      // Written so that a neighbour that is not a number makes no peak.
      if (!(value >= curve[i - 1]->density && value >= curve[i + 1]->density && value > deepest * highest)) continue;
      lowestPeak = std::min(lowestPeak, value);
    }
  }
  return {std::max(deepest * highest, lowestPeak / 10), highest * 2};
}

void addBand(QCustomPlot& plot, const Frame& frame, const std::string& split, const QColor& color,
             const std::vector<const DensityRow*>& curve, const ValueAxis& axis, double lowest) {
  QCPGraph* edges[2];
  for (const bool upper : {false, true}) {
    QCPGraph* edge = edges[upper] = addSeries(plot, frame, {}, QPen(Qt::NoPen));
    edge->setObjectName((upper ? "upper, " : "lower, ") + QString::fromStdString(split));
    for (const auto* row : curve) {
      const double error = std::isfinite(row->standardError) ? confidence * row->standardError : 0;
      const double value = row->density + (upper ? error : -error);
      edge->addData(axis.place(row->eigenvalue), std::isfinite(value) ? std::max(value, lowest) : qQNaN());
    }
  }
  QColor fill = color;
  fill.setAlphaF(0.25F);
  edges[1]->setBrush(fill);
  edges[1]->setChannelFillGraph(edges[0]);
}

/// Returns how many points are not finite.
std::size_t addCurves(QCustomPlot& plot, const Frame& frame, const Style& style, const Density& density,
                      const ValueAxis& axis, double lowest) {
  std::size_t notFinite = 0;
  for (const auto& split : density.splits) {
    const bool test = split == "test";
    const QColor color = test ? colors::vermillion : style.blue();
    const auto& curve = density.curves.at(split);
    addBand(plot, frame, split, color, curve, axis, lowest);
    QCPGraph* mean = addSeries(plot, frame, QString::fromStdString(split),
                               style.pen(color, 1.2, test ? Qt::DashLine : Qt::SolidLine));
    for (const auto* row : curve) {
      const bool finite = std::isfinite(row->density) && std::isfinite(row->eigenvalue);
      notFinite += finite ? 0 : 1;
      if (std::isfinite(row->eigenvalue)) {
        // A density that came out as 0 has no place on the axis: it is as far below as the smallest that has.
        mean->addData(axis.place(row->eigenvalue), finite ? std::max(row->density, lowest * 1e-3) : qQNaN());
      }
    }
  }
  return notFinite;
}

/// Returns how many probes the nodes are of.
std::size_t addRugs(QCustomPlot& plot, const Frame& frame, const Style& style, const Density& density,
                    const ValueAxis& axis) {
  std::set<std::int64_t> probes;
  double foot = 0;
  for (const auto& split : density.splits) {
    const auto found = density.nodes.find(split);
    if (found == density.nodes.end()) continue;
    auto* rug = new Rug(&plot, frame.rect, style, split == "test" ? colors::vermillion : style.blue(), foot, rugHeight);
    rug->setObjectName("nodes, " + QString::fromStdString(split));
    foot += rugHeight;
    for (const auto* row : found->second) {
      probes.insert(row->probe);
      if (!std::isfinite(row->node) || !(row->weight > 0)) continue;
      const double decades = std::log10(row->weight) / std::log10(lightestWeight);
      rug->addTick(axis.place(row->node), std::clamp(1 - decades, 0.0, 1.0));
    }
  }
  return probes.size();
}

}  // namespace

Drawn DensityFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const Density density = collect(run(), epoch());
  if (!density.epoch) {
    drawn.nothing = tr("No spectral density yet: it appears with the first one measured (curvature.density).");
    return drawn;
  }
  const OperatorWords words = operatorWords(density.op);
  const QString of = density.scope == "model" ? words.name : QString::fromStdString(density.scope);
  const Frame frame = makeFrame(plot, style, tr("Spectral density of the %1 at epoch %2").arg(of).arg(*density.epoch));
  const ValueAxis axis = eigenvalueAxis(density);
  QCPRange range = densityRange(density);
  std::vector<double> places;
  for (const auto& [split, curve] : density.curves) {
    for (const auto* row : curve) places.push_back(row->eigenvalue);
  }
  axis.apply(frame.x, style, tr("eigenvalue of %1").arg(words.matrix), places, 0.01);
  frame.y->setScaleType(QCPAxis::stLogarithmic);
  labelAxis(frame.y, style, tr("density (log)"), QSharedPointer<DecadeTicker>::create());
  // The rug has its own room below the lowest density.
  const double rugs = rugHeight * double(density.nodes.size());
  range.lower /= std::pow(range.upper / range.lower, rugs / (1 - rugs));
  frame.y->setRange(range);
  const std::size_t notFinite = addCurves(plot, frame, style, density, axis, range.lower);
  const std::size_t probes = addRugs(plot, frame, style, density, axis);
  finishFrame(plot, frame, style);
  auto& provenance = drawn.provenance;
  provenance.epoch = *density.epoch;
  provenance.split = joined(density.splits);
  provenance.samples = curvatureSamples(run().info);
  provenance.curvature = true;
  QStringList& notes = provenance.notes;
  if (*density.epoch != epoch()) notes << epochWords(*density.epoch, epoch());
  notes << (probes == 1 ? tr("line: one probe, which says nothing of its error")
            : probes    ? tr("line: mean over %1 probes, band: ± 1.96 standard errors").arg(probes)
                        : tr("line: mean over the probes, band: ± 1.96 standard errors"));
  if (probes) notes << tr("ticks: quadrature nodes, longer for more weight");
  notes << axis.note();
  if (density.otherScopes) notes << tr("%1 further densities in density.csv").arg(density.otherScopes);
  if (notFinite) notes << tr("%1 points not finite, left out").arg(notFinite);
  return drawn;
}

std::string DensityFigure::csv() const {
  const Density density = collect(run(), epoch());
  return csvOf(run().densities, [&](const DensityRow& row) { return density.holds(row); });
}

QString DensityFigure::readout(const QPointF& position) const {
  const QCPAxisRect* rect = plot()->axisRect(0);
  if (!rect || !rect->rect().contains(position.toPoint())) return {};
  const Density density = collect(run(), epoch());
  const double x = eigenvalueAxis(density).value(rect->axis(QCPAxis::atBottom)->pixelToCoord(position.x()));
  QStringList parts;
  for (const auto& split : density.splits) {
    const auto& curve = density.curves.at(split);
    const auto nearest = std::min_element(curve.begin(), curve.end(), [&](const auto* a, const auto* b) {
      return std::abs(a->eigenvalue - x) < std::abs(b->eigenvalue - x);
    });
    parts << tr("%1 %2 ± %3")
                 .arg(QString::fromStdString(split), numberText((*nearest)->density, 4),
                      numberText((*nearest)->standardError, 2));
  }
  return tr("density at eigenvalue %1: %2").arg(numberText(x, 4), parts.join("; "));
}

}  // namespace eigenscape
