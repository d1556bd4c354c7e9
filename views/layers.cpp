// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/layers.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "views/plot_parts.h"
#include "views/value_axis.h"

namespace eigenscape {
namespace {

constexpr double besides = 0.16;     // how far the two stand from the middle, of the distance between layers
constexpr double confidence = 1.96;  // standard errors to 95 %
constexpr double fullPageMm = 180;   // a page's two columns

bool isLayers(const SpectrumRow& row) {
  return row.scope != "model" && row.index == 1;
}

bool isLayers(const TraceRow& row) {
  return row.scope != "model";
}

bool isKnown(const SpectrumRow& row) {
  return std::isfinite(row.eigenvalue);
}

bool isKnown(const TraceRow& row) {
  return std::isfinite(row.trace);
}

/// Told apart from zero: two standard errors away from it.
bool isResolved(const TraceRow& row) {
  return !(std::abs(row.trace) < 2 * row.standardError);
}

/// What one of the two tables says at an epoch.
template <class Row>
struct Measured {
  std::optional<std::int64_t> epoch;
  std::string split;
  bool otherSplits = false;
  std::vector<std::string> names;  ///< in the order of the file
  std::map<std::string, const Row*> rows;
};

template <class Row>
Measured<Row> measured(const std::vector<Row>& rows, std::int64_t wanted) {
  Measured<Row> all;
  // Epochs without a finite value are passed over unless there are no others.
  auto epochs = epochsOf(rows, [](const Row& row) { return isLayers(row) && isKnown(row); });
  if (epochs.empty()) epochs = epochsOf(rows, [](const Row& row) { return isLayers(row); });
  all.epoch = epochToShow(epochs, wanted);
  const auto kept = [&](const Row& row) { return isLayers(row) && row.epoch == *all.epoch; };
  if (!all.epoch) return all;
  const auto splits = splitsOf(rows, kept);
  all.split = splits.front();
  all.otherSplits = splits.size() > 1;
  for (const Row& row : rows) {
    if (!kept(row) || row.split != all.split) continue;
    if (!all.rows.count(row.scope)) all.names.push_back(row.scope);
    all.rows[row.scope] = &row;
  }
  return all;
}

struct Layers {
  Measured<SpectrumRow> eigenvalues;
  Measured<TraceRow> traces;
  std::vector<std::string> names;  ///< in network order
};

/// Both tables list layers in network order; a layer that only the shorter one knows comes after its neighbour there.
std::vector<std::string> merged(std::vector<std::string> longer, std::vector<std::string> shorter) {
  if (longer.size() < shorter.size()) std::swap(longer, shorter);
  auto after = longer.begin();
  for (const auto& name : shorter) {
    const auto found = std::find(longer.begin(), longer.end(), name);
    after = (found == longer.end() ? longer.insert(after, name) : found) + 1;
  }
  return longer;
}

Layers collect(const RunResults& run, std::int64_t wanted) {
  Layers layers{measured(run.spectrum, wanted), measured(run.traces, wanted), {}};
  layers.names = merged(layers.eigenvalues.names, layers.traces.names);
  return layers;
}

/// One of the two quantities as a series of markers.
struct Markers {
  QString name;
  QColor color;
  bool square = false;
  double shift = 0;
  std::vector<double> places;
  std::vector<Estimate> estimates;
  std::vector<bool> hollow;
};

/// Returns how many are hollow.
std::size_t addMarkers(QCustomPlot& plot, const Frame& frame, const Style& style, const Markers& markers,
                       const ValueAxis& axis) {
  QCPGraph* graph = addSeries(plot, frame, markers.name, style.pen(markers.color));
  QCPGraph* open = addSeries(plot, frame, {}, style.pen(markers.color));
  open->setObjectName("hollow, " + markers.name);
  for (auto* each : {graph, open}) {
    each->setLineStyle(QCPGraph::lsNone);
    each->setScatterStyle(disc(style, markers.color, each == open, markers.square));
  }
  for (std::size_t i = 0; i < markers.places.size(); ++i) {
    const double place = axis.place(markers.estimates[i].value);
    graph->addData(markers.places[i], place);
    if (markers.hollow[i]) open->addData(markers.places[i], place);
  }
  auto* bars = addErrorBars(frame, style, graph, axis, markers.estimates);
  if (markers.places.size() > 25) bars->setWhiskerWidth(style.points(1.5));
  return std::size_t(open->dataCount());
}

struct Shown {
  Markers eigenvalues, traces;
  std::vector<double> reach;  ///< values that the axis has to hold
  std::size_t notFinite = 0;
};

Shown markersOf(const Layers& layers, const Style& style) {
  Shown shown;
  const bool both = layers.eigenvalues.epoch && layers.traces.epoch;
  shown.eigenvalues = {lambdaText(1), style.blue(), false, both ? -besides : 0, {}, {}, {}};
  shown.traces = {QObject::tr("trace"), colors::vermillion, true, both ? besides : 0, {}, {}, {}};
  const auto add = [&](Markers& markers, std::size_t layer, double value, double error, bool hollow) {
    if (!std::isfinite(value)) {
      ++shown.notFinite;
      return;
    }
    markers.places.push_back(double(layer) + markers.shift);
    markers.estimates.push_back({value, error});
    markers.hollow.push_back(hollow);
    shown.reach.push_back(value);
  };
  for (std::size_t i = 0; i < layers.names.size(); ++i) {
    const auto eigenvalue = layers.eigenvalues.rows.find(layers.names[i]);
    if (eigenvalue != layers.eigenvalues.rows.end()) {
      const SpectrumRow& row = *eigenvalue->second;
      add(shown.eigenvalues, i, row.eigenvalue, row.residual * row.eigenvalue, !row.converged);
    }
    const auto trace = layers.traces.rows.find(layers.names[i]);
    if (trace != layers.traces.rows.end()) {
      const TraceRow& row = *trace->second;
      add(shown.traces, i, row.trace, confidence * row.standardError, !isResolved(row));
    }
  }
  return shown;
}

/// The axis and the bars' upper ends; their lower ends may leave a logarithmic one.
std::vector<double> reachWithBars(const Shown& shown, const ValueAxis& axis) {
  std::vector<double> reach = shown.reach;
  for (const auto* markers : {&shown.eigenvalues, &shown.traces}) {
    for (const Estimate& each : markers->estimates) {
      if (!std::isfinite(each.error)) continue;
      reach.push_back(each.value + std::abs(each.error));
      if (!axis.isLogarithmic()) reach.push_back(each.value - std::abs(each.error));
    }
  }
  return reach;
}

/// Those behind the split, with the comma before them: what comes before says where the row belongs.
std::string traceCells(const TraceRow& row) {
  const std::string header = headerOf<TraceRow>(), line = toCsv(row);
  std::size_t cut = line.size();
  for (auto left = std::count(header.begin() + std::ptrdiff_t(header.find("split")), header.end(), ','); left > 0;
       --left)
    cut = line.rfind(',', cut - 1);
  return line.substr(cut);
}

}  // namespace

bool hasLayers(const RunResults& run) {
  return std::any_of(run.spectrum.begin(), run.spectrum.end(), [](const SpectrumRow& row) { return isLayers(row); }) ||
         std::any_of(run.traces.begin(), run.traces.end(), [](const TraceRow& row) { return isLayers(row); });
}

double LayersFigure::preferredWidthMm() const {
  if (!emptyMessage().isEmpty()) return 0;
  return std::min(fullPageMm, 24 + 2.9 * double(collect(run(), epoch()).names.size()));
}

Drawn LayersFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const Layers layers = collect(run(), epoch());
  if (layers.names.empty()) {
    drawn.nothing = tr("Nothing of single layers yet: it appears with their eigenvalues or traces (curvature.scopes).");
    return drawn;
  }
  const auto& eigenvalues = layers.eigenvalues;
  const auto& traces = layers.traces;
  const std::int64_t shownEpoch = std::max(eigenvalues.epoch.value_or(-1), traces.epoch.value_or(-1));
  const std::string op = eigenvalues.epoch ? eigenvalues.rows.begin()->second->op : traces.rows.begin()->second->op;
  const OperatorWords words = operatorWords(op);
  const Frame frame = makeFrame(plot, style, tr("%1 of the layers at epoch %2").arg(words.name).arg(shownEpoch));
  const Shown shown = markersOf(layers, style);
  const ValueAxis axis(shown.reach);
  std::size_t open = 0, unresolved = 0;
  if (eigenvalues.epoch) open = addMarkers(plot, frame, style, shown.eigenvalues, axis);
  if (traces.epoch) unresolved = addMarkers(plot, frame, style, shown.traces, axis);
  if (open) legendSample(plot, frame, tr("not converged"), QPen(Qt::NoPen), disc(style, style.ink(), true));
  if (unresolved) {
    legendSample(plot, frame, tr("|trace| < 2 SE"), QPen(Qt::NoPen), disc(style, style.ink(), true, true));
  }
  frame.x->setRange(-0.6, double(layers.names.size()) - 0.4);
  nameLayers(frame.x, style, layers.names);
  const QString what = !traces.epoch        ? tr("λ₁ of %1")
                       : !eigenvalues.epoch ? tr("trace of %1")
                                            : tr("λ₁ and trace of %1");
  axis.apply(frame.y, style, what.arg(words.matrix), reachWithBars(shown, axis), 0.14);
  finishFrame(plot, frame, style);
  auto& provenance = drawn.provenance;
  provenance.epoch = shownEpoch;
  provenance.split = QString::fromStdString(eigenvalues.epoch ? eigenvalues.split : traces.split);
  provenance.samples = curvatureSamples(run().info);
  provenance.curvature = true;
  QStringList& notes = provenance.notes;
  if (shownEpoch != epoch()) notes << epochWords(shownEpoch, epoch());
  if (eigenvalues.epoch && traces.epoch && *eigenvalues.epoch != *traces.epoch) {
    notes << tr("eigenvalues of epoch %1, traces of epoch %2").arg(*eigenvalues.epoch).arg(*traces.epoch);
  }
  if (eigenvalues.epoch) notes << tr("bars of λ₁: residual ‖Av − λv‖");
  if (traces.epoch) notes << tr("bars of the trace: ± 1.96 standard errors (SE)");
  if (eigenvalues.otherSplits || traces.otherSplits) notes << tr("measured on other splits too, not shown");
  notes << axis.note();
  if (shown.notFinite) notes << tr("%1 values not finite, left out").arg(shown.notFinite);
  return drawn;
}

std::string LayersFigure::csv() const {
  const Layers layers = collect(run(), epoch());
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  std::string text = headerOf<SpectrumRow>() + ",trace,standard_error,trace_products,trace_method,trace_converged\n";
  for (const auto& name : layers.names) {
    const auto eigenvalue = layers.eigenvalues.rows.find(name);
    const auto trace = layers.traces.rows.find(name);
    TraceRow traceRow;
    traceRow.trace = traceRow.standardError = none;
    if (trace != layers.traces.rows.end()) traceRow = *trace->second;
    SpectrumRow row{traceRow.epoch, traceRow.op, name, traceRow.split, 1, none, none, false, 0};
    const bool asked = eigenvalue != layers.eigenvalues.rows.end();
    if (asked) row = *eigenvalue->second;
    std::string first = toCsv(row);
    // Of an eigenvalue that nobody asked for there is nothing to say: index to products stay empty.
    std::size_t end = first.size();
    for (int i = 0; i < 5; ++i) end = first.rfind(',', end - 1);
    if (!asked) first = first.substr(0, end) + ",,,,,";
    text += first + (trace != layers.traces.rows.end() ? traceCells(traceRow) : ",,,,,") + '\n';
  }
  return text;
}

QString LayersFigure::readout(const QPointF& position) const {
  const QCPAxisRect* rect = plot()->axisRect(0);
  if (!rect || !rect->rect().contains(position.toPoint())) return {};
  const Layers layers = collect(run(), epoch());
  const double x = rect->axis(QCPAxis::atBottom)->pixelToCoord(position.x());
  const auto& name = layers.names[std::size_t(std::clamp<double>(std::round(x), 0, double(layers.names.size() - 1)))];
  QStringList parts;
  const auto eigenvalue = layers.eigenvalues.rows.find(name);
  if (eigenvalue != layers.eigenvalues.rows.end()) {
    parts << tr("λ₁ = %1").arg(numberText(eigenvalue->second->eigenvalue, 4));
  }
  const auto trace = layers.traces.rows.find(name);
  if (trace != layers.traces.rows.end()) {
    parts << tr("trace %1 ± %2").arg(numberText(trace->second->trace, 4), numberText(trace->second->standardError, 2));
  }
  return QString::fromStdString(name) + ": " + parts.join(", ");
}

}  // namespace eigenscape
