// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/trajectories.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "views/plot_parts.h"
#include "views/spectrum.h"
#include "views/value_axis.h"

namespace eigenscape {
namespace {

QString tr(const char* text) {
  return QObject::tr(text);
}

/// What is drawn, collected from the rows of scope "model".
struct Series {
  std::map<std::pair<std::int64_t, std::string>, std::map<std::int64_t, const SpectrumRow*>> lines;  ///< (index, split)
  std::vector<std::int64_t> indices;       ///< 1, 2, …, then …, −2, −1
  std::vector<std::int64_t> epochs, lost;  ///< lost: those without a finite value
  std::vector<double> values;
  bool train = false, test = false, hollow = false;
  std::size_t notFinite = 0;
  std::string op;
};

Series collect(const RunResults& run) {
  Series series;
  std::set<std::int64_t> top, bottom, epochs;
  for (const auto& row : run.spectrum) {
    if (row.scope != "model") continue;
    series.op = row.op;
    series.lines[{row.index, row.split}][row.epoch] = &row;
    (row.index > 0 ? top : bottom).insert(row.index);
    epochs.insert(row.epoch);
    (row.split == "test" ? series.test : series.train) = true;
    if (std::isfinite(row.eigenvalue)) {
      series.hollow |= !row.converged;
      series.values.push_back(row.eigenvalue);
    } else {
      ++series.notFinite;
    }
  }
  series.lost = epochsWithoutNumbers(run);
  series.indices.assign(top.begin(), top.end());
  series.indices.insert(series.indices.end(), bottom.begin(), bottom.end());
  series.epochs.assign(epochs.begin(), epochs.end());
  return series;
}

/// Returns the values of 2 / learning rate that belong into the axis' range.
std::vector<double> addStabilityLine(QCustomPlot& plot, const Frame& frame, const Style& style, const RunResults& run,
                                     const ValueAxis& axis, double largest, QStringList& notes) {
  const auto limits = stabilityLimits(run);
  std::vector<double> values;
  if (limits.empty()) return values;
  for (const auto& [epoch, limit] : limits) values.push_back(limit);
  const double lowest = *std::min_element(values.begin(), values.end());
  // On a linear axis what is far above presses the eigenvalues together.
  const double farAbove = axis.isLinear() ? 3 : 30;
  if (lowest > farAbove * largest) {
    notes << tr("2 / learning rate is at least %1, far above the axis").arg(numberText(lowest));
    return {};
  }
  QCPGraph* line = addSeries(plot, frame, tr("2 / learning rate"), style.pen(style.softInk(), 1.1, Qt::DashDotLine));
  notes << tr("2 / learning rate bounds gradient descent; momentum β raises it 1 + β times");
  line->setLineStyle(QCPGraph::lsStepRight);  // a row's rate held during the epoch that ends there
  for (const auto& [epoch, limit] : limits) line->addData(double(epoch), axis.place(limit));
  // A rate that decays to nothing sends the line to infinity: it may leave the axis, the eigenvalues may not.
  values.erase(std::remove_if(values.begin(), values.end(), [&](double v) { return v > farAbove * largest; }),
               values.end());
  return values;
}

void drawLines(QCustomPlot& plot, const Frame& frame, const Style& style, const Series& series, const ValueAxis& axis) {
  for (const bool test : {false, true}) {
    for (std::size_t i = 0; i < series.indices.size(); ++i) {
      const std::string split = test ? "test" : "train";
      const auto found = series.lines.find({series.indices[i], split});
      if (found == series.lines.end()) continue;
      const QColor color = colorAmong(style, i, series.indices.size());
      const bool inLegend = !test || !series.lines.count({series.indices[i], "train"});
      const QString name = lambdaText(series.indices[i]) + (test && !inLegend ? tr(", test") : QString());
      QCPGraph* graph =
          addSeries(plot, frame, name, style.pen(color, 1.3, test ? Qt::DashLine : Qt::SolidLine), nullptr, inLegend);
      QCPGraph* hollow = addSeries(plot, frame, {}, QPen(Qt::NoPen));
      hollow->setObjectName(QStringLiteral("not converged"));
      hollow->setLineStyle(QCPGraph::lsNone);
      hollow->setScatterStyle(disc(style, color, true, false, series.epochs.size() > manyPoints));
      if (series.epochs.size() <= manyPoints) graph->setScatterStyle(disc(style, color, false));
      std::vector<Estimate> estimates;
      for (const auto& [epoch, row] : found->second) {
        graph->addData(double(epoch), std::isfinite(row->eigenvalue) ? axis.place(row->eigenvalue) : qQNaN());
        if (!row->converged && std::isfinite(row->eigenvalue))
          hollow->addData(double(epoch), axis.place(row->eigenvalue));
        estimates.push_back({row->eigenvalue, row->residual * row->eigenvalue});
      }
      if (series.epochs.size() <= manyPoints) addErrorBars(frame, style, graph, axis, estimates);
    }
  }
}

/// ‖A‖_F, which all eigenvalues together make, above the largest of them, with a gap at an epoch of which
/// nothing is known. Returns its values.
std::vector<double> addFrobenius(QCustomPlot& plot, const Frame& frame, const Style& style, const RunResults& run,
                                 const Series& series, const OperatorWords& words, const ValueAxis& axis,
                                 QStringList& notes) {
  std::vector<double> values;
  const auto norms = frobeniusNorms(run);
  for (const char* split : {"train", "test"}) {
    std::vector<Estimate> estimates;
    const bool first = values.empty();
    const QString name = tr("‖%1‖ (Frobenius)").arg(words.matrix);
    QCPGraph* graph = nullptr;
    for (const auto& [key, norm] : norms) {
      if (key.second != split) continue;
      if (!graph)
        graph = addSeries(plot, frame, first ? name : tr("%1, test").arg(name),
                          style.pen(style.ink(), 0.9, split == QLatin1String("test") ? Qt::DashLine : Qt::SolidLine),
                          nullptr, first);
      graph->addData(double(key.first), axis.place(norm.value));
      estimates.push_back({norm.value, 1.96 * norm.error});
      values.push_back(norm.value);
    }
    if (!graph) continue;
    for (const auto epoch : series.lost) {
      if (norms.count({epoch, split})) continue;
      graph->addData(double(epoch), qQNaN());
      estimates.insert(estimates.begin() + graph->findBegin(double(epoch), false), {qQNaN(), 0});
    }
    graph->setObjectName("frobenius-" + QString(split));
    if (estimates.size() <= manyPoints) {
      graph->setScatterStyle(disc(style, style.ink(), false, true));
      addErrorBars(frame, style, graph, axis, estimates);
    }
  }
  if (!values.empty()) notes << tr("bars of the Frobenius norm: ± 1.96 standard errors");
  return values;
}

}  // namespace

Drawn TrajectoriesFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const Series series = collect(run());
  if (series.lines.empty()) {
    drawn.nothing = tr("No eigenvalues yet: they appear with the first spectrum of the whole model (curvature.top).");
    return drawn;
  }
  if (series.epochs.size() == 1) return drawSpectrum(plot, style, run(), series.epochs.front(), epoch());
  const OperatorWords words = operatorWords(series.op);
  const Frame frame = makeFrame(plot, style, tr("Eigenvalues of the %1 over training").arg(words.name));
  const ValueAxis axis(series.values);
  std::vector<double> values = series.values;
  QStringList& notes = drawn.provenance.notes;
  drawLines(plot, frame, style, series, axis);
  if (series.test) legendSample(plot, frame, tr("test (dashed)"), style.pen(style.ink(), 1.1, Qt::DashLine));
  const double largest = values.empty() ? 1 : std::abs(*std::max_element(values.begin(), values.end()));
  const auto limits = addStabilityLine(plot, frame, style, run(), axis, largest, notes);
  values.insert(values.end(), limits.begin(), limits.end());
  const auto norms = addFrobenius(plot, frame, style, run(), series, words, axis, notes);
  values.insert(values.end(), norms.begin(), norms.end());
  std::vector<double> epochs(series.epochs.begin(), series.epochs.end());
  if (run().info.status == "running") epochs.push_back(double(run().info.epochs));
  fitEpochs(frame.x, epochs);
  labelAxis(frame.x, style, tr("epoch"), QSharedPointer<IntegerTicker>::create());
  if (series.hollow) legendSample(plot, frame, tr("not converged"), QPen(Qt::NoPen), disc(style, style.ink(), true));
  axis.apply(frame.y, style, tr("eigenvalue of %1").arg(words.matrix), values);
  markEpoch(plot, frame, style, epoch());
  finishFrame(plot, frame, style);
  drawn.provenance.split = series.train && series.test ? "train and test" : series.test ? "test" : "train";
  drawn.provenance.samples = curvatureSamples(run().info);
  drawn.provenance.curvature = true;
  notes << axis.note();
  if (series.epochs.size() <= manyPoints) notes << tr("bars: residual ‖Av − λv‖");
  if (series.notFinite) notes << tr("%1 eigenvalues not finite, left out").arg(series.notFinite);
  return drawn;
}

std::string TrajectoriesFigure::csv() const {
  return csvOf(run().spectrum, [](const SpectrumRow& row) { return row.scope == "model"; });
}

}  // namespace eigenscape
