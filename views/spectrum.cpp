// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/spectrum.h"

#include <QFontMetricsF>
#include <algorithm>
#include <cmath>
#include <set>

#include "views/plot_parts.h"
#include "views/value_axis.h"

namespace eigenscape {
namespace {

constexpr double besides = 0.18;  // how far a split stands from the middle, of the distance between indices
constexpr double gap = 2;         // between the largest and the smallest eigenvalues

QString tr(const char* text) {
  return QObject::tr(text);
}

QString indexText(std::int64_t index) {
  return index < 0 ? QStringLiteral("−%1").arg(-index) : QString::number(index);
}

/// The whole model's eigenvalues at one epoch.
struct Spectrum {
  std::vector<std::int64_t> indices;                                        ///< 1, 2, …, then …, −2, −1
  std::map<std::pair<std::int64_t, std::string>, const SpectrumRow*> rows;  ///< by index and split
  std::vector<std::string> splits;
  std::string op;

  bool hasBothEnds() const { return !indices.empty() && indices.front() > 0 && indices.back() < 0; }
  /// Where an index stands on the axis.
  double place(std::size_t i) const { return double(i) + (hasBothEnds() && indices[i] < 0 ? gap : 0); }
  double shift(const std::string& split) const { return splits.size() < 2 ? 0 : split == "test" ? besides : -besides; }
};

Spectrum collect(const RunResults& run, std::int64_t epoch) {
  Spectrum spectrum;
  std::set<std::int64_t> top, bottom;
  const auto kept = [&](const SpectrumRow& row) { return isModels(row) && row.epoch == epoch; };
  for (const auto& row : run.spectrum) {
    if (!kept(row)) continue;
    spectrum.op = row.op;
    spectrum.rows[{row.index, row.split}] = &row;
    (row.index > 0 ? top : bottom).insert(row.index);
  }
  spectrum.indices.assign(top.begin(), top.end());
  spectrum.indices.insert(spectrum.indices.end(), bottom.begin(), bottom.end());
  spectrum.splits = splitsOf(run.spectrum, kept);
  return spectrum;
}

}  // namespace

bool isModels(const SpectrumRow& row) {
  return row.scope == "model";
}

std::vector<std::int64_t> spectrumEpochs(const RunResults& run, std::size_t atLeast) {
  const auto having = [&](const auto& counts) {
    std::map<std::int64_t, std::set<std::int64_t>> indices;
    for (const auto& row : run.spectrum) {
      if (counts(row)) indices[row.epoch].insert(row.index);
    }
    std::vector<std::int64_t> epochs;
    for (const auto& [epoch, found] : indices) {
      if (found.size() >= atLeast) epochs.push_back(epoch);
    }
    return epochs;
  };
  // Epochs without a finite value are passed over unless there are no others.
  const auto known = having([](const SpectrumRow& row) { return isModels(row) && std::isfinite(row.eigenvalue); });
  return known.empty() ? having(isModels) : known;
}

namespace {

void nameIndices(QCPAxis* axis, const Style& style, const Spectrum& spectrum) {
  const double right = spectrum.place(spectrum.indices.size() - 1) + 0.7;
  axis->setRange(-0.7, right);
  const double unit = (style.size.width() - style.millimetres(20)) / (right + 0.7);
  const QFontMetricsF metrics(style.font(0.9));
  double widest = 0;
  for (const auto index : spectrum.indices) widest = std::max(widest, metrics.horizontalAdvance(indexText(index)));
  std::int64_t stride = 1;
  for (const std::int64_t step : {2, 5, 10, 20, 50, 100, 200, 500, 1000}) {
    if (double(stride) * unit < widest + style.points(4)) stride = step;
  }
  auto ticker = QSharedPointer<QCPAxisTickerText>::create();
  double last = -HUGE_VAL;
  for (std::size_t i = 0; i < spectrum.indices.size(); ++i) {
    const std::int64_t index = spectrum.indices[i];
    const bool named = stride == 2 ? index % 2 != 0 : index % stride == 0;  // 1, 3, 5, … but 1, 5, 10, …
    if (std::llabs(index) != 1 && !named) continue;
    const double place = spectrum.place(i);
    // Either end is named whatever the stride; its neighbour gives way.
    if ((place - last) * unit < widest + style.points(3) && index != -1) continue;
    if ((place - last) * unit < widest + style.points(3)) ticker->ticks().remove(last);
    ticker->addTick(place, indexText(index));
    last = place;
  }
  labelAxis(axis, style, spectrum.hasBothEnds() ? tr("index (negative: from the smallest)") : tr("index"), ticker);
  axis->setSubTicks(false);
}

/// 2 / learning rate of the epoch's steps: of the last steps before it, or of the first ones at the start.
double stabilityLimit(const RunResults& run, std::int64_t epoch) {
  const auto limits = stabilityLimits(run);
  std::vector<std::int64_t> epochs;
  epochs.reserve(limits.size());
  for (const auto& [known, limit] : limits) epochs.push_back(known);
  const auto shown = epochToShow(epochs, epoch);
  return shown ? limits.at(*shown) : qQNaN();
}

/// Of the model's spectrum; empty where it was not looked for or the run does not say.
std::string chanceOfMissed(const RunResults& run, std::int64_t epoch, const std::string& split) {
  for (const auto& row : run.solves) {
    if (row.epoch == epoch && row.split == split && row.scope == "model" && row.estimate == "spectrum")
      return chanceText(row.missProbability);
  }
  return {};
}

struct Shown {
  std::vector<double> values;
  bool hollow = false;
  std::size_t notFinite = 0;
};

Shown addMarkers(QCustomPlot& plot, const Frame& frame, const Style& style, const Spectrum& spectrum,
                 const ValueAxis& axis) {
  Shown shown;
  // Markers that would merge give way to lines.
  const bool crowded = spectrum.indices.size() > manyPoints;
  for (const auto& split : spectrum.splits) {
    const bool test = split == "test";
    const QColor color = test ? colors::vermillion : style.blue();
    QCPGraph* graph = addSeries(plot, frame, QString::fromStdString(split),
                                style.pen(color, 1.2, test && crowded ? Qt::DashLine : Qt::SolidLine));
    QCPGraph* hollow = addSeries(plot, frame, {}, style.pen(color));
    hollow->setObjectName(QStringLiteral("not converged"));
    for (auto* each : {graph, hollow}) {
      if (crowded && each == graph) continue;
      each->setLineStyle(QCPGraph::lsNone);
      each->setScatterStyle(disc(style, color, each == hollow, test, crowded));
    }
    std::vector<Estimate> estimates;
    for (std::size_t i = 0; i < spectrum.indices.size(); ++i) {
      const auto found = spectrum.rows.find({spectrum.indices[i], split});
      if (found == spectrum.rows.end()) continue;
      const SpectrumRow& row = *found->second;
      const bool finite = std::isfinite(row.eigenvalue);
      const double x = spectrum.place(i) + (crowded ? 0 : spectrum.shift(split));
      if (crowded && i > 0 && row.index < 0 && spectrum.indices[i - 1] > 0) {
        graph->addData(x - gap / 2, qQNaN());  // no line from the largest to the smallest
        estimates.push_back({qQNaN(), 0});
      }
      graph->addData(x, finite ? axis.place(row.eigenvalue) : qQNaN());
      if (!row.converged && finite) hollow->addData(x, axis.place(row.eigenvalue));
      estimates.push_back({row.eigenvalue, row.residual * row.eigenvalue});
      shown.hollow |= !row.converged && finite;
      shown.notFinite += finite ? 0 : 1;
      if (finite) shown.values.push_back(row.eigenvalue);
    }
    auto* bars = addErrorBars(frame, style, graph, axis, estimates);
    if (crowded) bars->setWhiskerWidth(0);
  }
  return shown;
}

}  // namespace

bool hasSpectrum(const RunResults& run) {
  return !spectrumEpochs(run).empty();
}

Drawn drawSpectrum(QCustomPlot& plot, const Style& style, const RunResults& run, std::int64_t epoch,
                   std::int64_t wanted) {
  Drawn drawn;
  QStringList& notes = drawn.provenance.notes;
  const Spectrum spectrum = collect(run, epoch);
  const OperatorWords words = operatorWords(spectrum.op);
  const Frame frame = makeFrame(plot, style, tr("%1 spectrum at epoch %2").arg(words.name).arg(epoch));
  std::vector<double> values;
  for (const auto& [key, row] : spectrum.rows) values.push_back(row->eigenvalue);
  const ValueAxis axis(values);
  Shown shown = addMarkers(plot, frame, style, spectrum, axis);
  const double limit = stabilityLimit(run, epoch);
  const double largest = shown.values.empty() ? 0 : *std::max_element(shown.values.begin(), shown.values.end());
  if (limit > 0 && limit > 30 * largest) {
    notes << tr("2 / learning rate is %1, far above the axis").arg(numberText(limit));
  } else if (limit > 0) {
    QCPGraph* line = addSeries(plot, frame, tr("2 / learning rate"), style.pen(style.softInk(), 1.1, Qt::DashDotLine));
    line->addData(-1, axis.place(limit));
    line->addData(spectrum.place(spectrum.indices.size() - 1) + 1, axis.place(limit));
    shown.values.push_back(limit);
    notes << tr("2 / learning rate bounds gradient descent; momentum β raises it 1 + β times");
  }
  if (shown.hollow) legendSample(plot, frame, tr("not converged"), QPen(Qt::NoPen), disc(style, style.ink(), true));
  nameIndices(frame.x, style, spectrum);
  frame.x->grid()->setVisible(false);
  axis.apply(frame.y, style, tr("eigenvalue of %1").arg(words.matrix), shown.values);
  finishFrame(plot, frame, style);
  drawn.provenance.epoch = epoch;
  drawn.provenance.split = joined(spectrum.splits);
  drawn.provenance.samples = curvatureSamples(run.info);
  drawn.provenance.curvature = true;
  if (epoch != wanted) notes.prepend(epochWords(epoch, wanted));
  notes << axis.note() << tr("bars: residual ‖Av − λv‖");
  for (const auto& [key, norm] : frobeniusNorms(run)) {
    if (key.first != epoch) continue;
    notes << tr("‖%1‖ (Frobenius) = %2 ± %3 (%4)")
                 .arg(words.matrix, numberText(norm.value), numberText(1.96 * norm.error, 2),
                      QString::fromStdString(key.second));
  }
  QStringList chances;
  for (const auto& split : spectrum.splits) {
    const auto chance = QString::fromStdString(chanceOfMissed(run, epoch, split));
    if (!chance.isEmpty()) chances << tr("%1 (%2)").arg(chance, QString::fromStdString(split));
  }
  if (!chances.isEmpty()) notes << tr("chance of a missed eigenvalue: %1").arg(chances.join(", "));
  if (shown.notFinite) notes << tr("%1 eigenvalues not finite, left out").arg(shown.notFinite);
  return drawn;
}

Drawn SpectrumFigure::draw(QCustomPlot& plot, const Style& style) const {
  const auto shown = epochToShow(spectrumEpochs(run()), epoch());
  if (shown) return drawSpectrum(plot, style, run(), *shown, epoch());
  Drawn drawn;
  drawn.nothing =
      tr("No spectrum yet: it appears with the first epoch that has two or more of the whole model's eigenvalues "
         "(curvature.top, curvature.bottom).");
  return drawn;
}

std::string SpectrumFigure::csv() const {
  const auto shown = epochToShow(spectrumEpochs(run()), epoch());
  return csvOf(run().spectrum, [&](const SpectrumRow& row) { return isModels(row) && shown && row.epoch == *shown; });
}

QString SpectrumFigure::readout(const QPointF& position) const {
  const auto shown = epochToShow(spectrumEpochs(run()), epoch());
  const QCPAxisRect* rect = plot()->axisRect(0);
  if (!shown || !rect || !rect->rect().contains(position.toPoint())) return {};
  const Spectrum spectrum = collect(run(), *shown);
  const double x = rect->axis(QCPAxis::atBottom)->pixelToCoord(position.x());
  std::size_t nearest = 0;
  for (std::size_t i = 0; i < spectrum.indices.size(); ++i) {
    if (std::abs(spectrum.place(i) - x) < std::abs(spectrum.place(nearest) - x)) nearest = i;
  }
  QStringList parts;
  for (const auto& split : spectrum.splits) {
    const auto found = spectrum.rows.find({spectrum.indices[nearest], split});
    if (found == spectrum.rows.end()) continue;
    const SpectrumRow& row = *found->second;
    parts << tr("%1 %2, residual %3%4")
                 .arg(QString::fromStdString(split), numberText(row.eigenvalue, 5), numberText(row.residual, 2),
                      row.converged ? QString() : tr(" (not converged)"));
  }
  return lambdaText(spectrum.indices[nearest]) + ": " + parts.join("; ");
}

}  // namespace eigenscape
