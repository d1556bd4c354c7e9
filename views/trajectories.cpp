// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/trajectories.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "views/plotting.h"
#include "views/tickers.h"
#include "views/value_scale.h"

namespace eigenscape {
namespace {

constexpr std::size_t manyPoints = 40;

QString tr(const char* text) {
  return QObject::tr(text);
}

struct OperatorWords {
  QString name;    ///< "Hessian"
  QString matrix;  ///< "∇²L"
};

OperatorWords wordsFor(const std::string& op) {
  if (op == "ggn") return {tr("Gauss–Newton matrix"), tr("the Gauss–Newton matrix")};
  if (op == "fisher") return {tr("Fisher matrix"), tr("the Fisher matrix")};
  return {tr("Hessian"), tr("∇²L")};
}

/// What is drawn, collected from the rows of scope "model".
struct Series {
  std::map<std::pair<std::int64_t, std::string>, std::map<std::int64_t, const SpectrumRow*>> lines;  ///< (index, split)
  std::vector<std::int64_t> indices;  ///< 1, 2, …, then …, −2, −1
  std::vector<std::int64_t> epochs;
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
    series.hollow |= !row.converged;
    if (std::isfinite(row.eigenvalue)) {
      series.values.push_back(row.eigenvalue);
    } else {
      ++series.notFinite;
    }
  }
  series.indices.assign(top.begin(), top.end());
  series.indices.insert(series.indices.end(), bottom.begin(), bottom.end());
  series.epochs.assign(epochs.begin(), epochs.end());
  return series;
}

/// The value axis: logarithmic for positive values, symmetric logarithmic where signs mix over a wide span, else
/// linear.
class ValueAxis {
 public:
  explicit ValueAxis(const std::vector<double>& values) {
    const bool positive = std::all_of(values.begin(), values.end(), [](double v) { return v > 0; });
    double smallest = HUGE_VAL, largest = 0;
    for (const double v : values) {
      if (v != 0) smallest = std::min(smallest, std::abs(v));
      largest = std::max(largest, std::abs(v));
    }
    // Within less than a decade a logarithmic axis has too few ticks to be read.
    if (positive && largest > 8 * smallest) {
      kind_ = Logarithmic;
    } else if (largest > 30 * smallest) {
      kind_ = Symmetric;
      scale_ = SymmetricLog::fitting(values);
    }
  }

  double place(double value) const { return kind_ == Symmetric ? scale_.forward(value) : value; }

  void apply(QCPAxis* axis, const Style& style, const QString& label, std::vector<double> values) const {
    for (double& value : values) value = place(value);
    fitAxis(axis, values, kind_ == Logarithmic, 0.08);
    QSharedPointer<QCPAxisTicker> ticker(new RoundTicker);
    if (kind_ == Logarithmic) ticker.reset(new DecadeTicker);
    if (kind_ == Symmetric) ticker.reset(new SymmetricLogTicker(scale_));
    labelAxis(axis, style,
              kind_ == Symmetric     ? label + tr(" (symlog)")
              : kind_ == Logarithmic ? label + tr(" (log)")
                                     : label,
              ticker);
    axis->grid()->setZeroLinePen(kind_ == Logarithmic ? QPen(Qt::NoPen) : style.pen(colors::softInk, 0.6));
  }

  QString note() const {
    return kind_ == Symmetric ? tr("symmetric logarithm, linear within ±%1").arg(numberText(scale_.threshold))
                              : QString();
  }

 private:
  enum { Linear, Logarithmic, Symmetric } kind_ = Linear;
  SymmetricLog scale_;
};

QString lambda(std::int64_t index) {
  return QStringLiteral("λ") + subscript(index);
}

/// The first seven keep their colours; a longer list runs through the colour map.
QColor colorOf(const Series& series, std::size_t position) {
  if (series.indices.size() <= 7) return colors::series(position);
  return colors::viridis(0.9 * double(position) / double(series.indices.size() - 1));
}

QCPScatterStyle disc(const Style& style, const QColor& color, bool hollow, bool square = false, bool small = false) {
  return QCPScatterStyle(square ? QCPScatterStyle::ssSquare : QCPScatterStyle::ssCircle, style.pen(color, 1),
                         hollow ? QBrush(colors::paper) : QBrush(color),
                         style.points(small    ? 2.6
                                      : hollow ? 5
                                               : 4));
}

/// Bars of the bound |λ − λ̂| ≤ residual·|λ̂|.
void addErrorBars(const Frame& frame, const Style& style, QCPGraph* graph, const ValueAxis& axis,
                  const std::vector<const SpectrumRow*>& rows) {
  auto* bars = new QCPErrorBars(frame.x, frame.y);
  bars->setLayer("grid");  // under the markers: a hollow one must stay hollow
  bars->setDataPlottable(graph);
  bars->setPen(style.pen(graph->pen().color(), 0.8));
  bars->setWhiskerWidth(style.points(4));
  bars->setSymbolGap(style.points(2));
  bars->setSelectable(QCP::stNone);
  for (const auto* row : rows) {
    const double error = std::isfinite(row->residual) ? std::abs(row->residual * row->eigenvalue) : 0;
    const double middle = axis.place(row->eigenvalue);
    bars->addData(middle - axis.place(row->eigenvalue - error), axis.place(row->eigenvalue + error) - middle);
  }
}

void legendSample(QCustomPlot& plot, const Frame& frame, const QString& name, const QPen& pen,
                  const QCPScatterStyle& scatter = QCPScatterStyle()) {
  QCPGraph* sample = addSeries(plot, frame, name, pen);
  sample->setScatterStyle(scatter);
  if (pen.style() == Qt::NoPen) sample->setLineStyle(QCPGraph::lsNone);
}

/// Returns the values of 2 / learning rate that belong into the axis' range.
std::vector<double> addStabilityLine(QCustomPlot& plot, const Frame& frame, const Style& style, const RunResults& run,
                                     const ValueAxis& axis, double largest, QStringList& notes) {
  std::map<double, double> limits;
  for (const auto& row : run.metrics) {
    if (row.learningRate > 0 && std::isfinite(row.learningRate)) limits[double(row.epoch)] = 2 / row.learningRate;
  }
  std::vector<double> values;
  if (limits.empty() || run.info.epochs == 0) return values;
  for (const auto& [epoch, limit] : limits) values.push_back(limit);
  const double lowest = *std::min_element(values.begin(), values.end());
  if (lowest > 1e3 * largest) {
    notes << tr("2 / learning rate is at least %1, far above the axis").arg(numberText(lowest));
    return {};
  }
  QCPGraph* line = addSeries(plot, frame, tr("2 / learning rate"), style.pen(colors::softInk, 1.1, Qt::DashDotLine));
  notes << tr("2 / learning rate bounds gradient descent; momentum β raises it 1 + β times");
  line->setLineStyle(QCPGraph::lsStepRight);  // a row's rate held during the epoch that ends there
  for (const auto& [epoch, limit] : limits) line->addData(epoch, axis.place(limit));
  // A rate that decays to nothing sends the line to infinity: it may leave the axis, the eigenvalues may not.
  values.erase(std::remove_if(values.begin(), values.end(), [&](double v) { return v > 30 * largest; }), values.end());
  return values;
}

void drawLines(QCustomPlot& plot, const Frame& frame, const Style& style, const Series& series, const ValueAxis& axis) {
  for (const bool test : {false, true}) {
    for (std::size_t i = 0; i < series.indices.size(); ++i) {
      const std::string split = test ? "test" : "train";
      const auto found = series.lines.find({series.indices[i], split});
      if (found == series.lines.end()) continue;
      const QColor color = colorOf(series, i);
      const bool inLegend = !test || !series.lines.count({series.indices[i], "train"});
      const QString name = lambda(series.indices[i]) + (test && !inLegend ? tr(", test") : QString());
      QCPGraph* graph =
          addSeries(plot, frame, name, style.pen(color, 1.3, test ? Qt::DashLine : Qt::SolidLine), nullptr, inLegend);
      QCPGraph* hollow = addSeries(plot, frame, {}, QPen(Qt::NoPen));
      hollow->setObjectName(QStringLiteral("not converged"));
      hollow->setLineStyle(QCPGraph::lsNone);
      hollow->setScatterStyle(disc(style, color, true, false, series.epochs.size() > manyPoints));
      if (series.epochs.size() <= manyPoints) graph->setScatterStyle(disc(style, color, false));
      std::vector<const SpectrumRow*> rows;
      for (const auto& [epoch, row] : found->second) {
        graph->addData(double(epoch), std::isfinite(row->eigenvalue) ? axis.place(row->eigenvalue) : qQNaN());
        if (!row->converged && std::isfinite(row->eigenvalue))
          hollow->addData(double(epoch), axis.place(row->eigenvalue));
        rows.push_back(row);
      }
      if (series.epochs.size() <= manyPoints) addErrorBars(frame, style, graph, axis, rows);
    }
  }
}

void drawSpectrum(QCustomPlot& plot, const Frame& frame, const Style& style, const Series& series,
                  const ValueAxis& axis) {
  auto ticker = QSharedPointer<QCPAxisTickerText>::create();
  const std::size_t stride = (series.indices.size() + 24) / 25;
  for (std::size_t i = 0; i < series.indices.size(); i += stride) {
    const std::int64_t index = series.indices[i];
    ticker->addTick(double(i), index < 0 ? QStringLiteral("−%1").arg(-index) : QString::number(index));
  }
  for (const bool test : {false, true}) {
    const QColor color = test ? colors::vermillion : colors::blue;
    std::vector<const SpectrumRow*> rows;
    QCPGraph* graph = nullptr;
    QCPGraph* hollow = nullptr;
    for (std::size_t i = 0; i < series.indices.size(); ++i) {
      const auto found = series.lines.find({series.indices[i], test ? "test" : "train"});
      if (found == series.lines.end()) continue;
      if (!graph) {
        graph = addSeries(plot, frame, test ? tr("test") : tr("train"), style.pen(color));
        hollow = addSeries(plot, frame, {}, style.pen(color));
        hollow->setObjectName(QStringLiteral("not converged"));
        for (auto* g : {graph, hollow}) {
          g->setLineStyle(QCPGraph::lsNone);
          g->setScatterStyle(disc(style, color, g == hollow, test));
        }
      }
      const SpectrumRow* row = found->second.rbegin()->second;
      graph->addData(double(i), std::isfinite(row->eigenvalue) ? axis.place(row->eigenvalue) : qQNaN());
      if (!row->converged && std::isfinite(row->eigenvalue)) hollow->addData(double(i), axis.place(row->eigenvalue));
      rows.push_back(row);
    }
    if (graph) addErrorBars(frame, style, graph, axis, rows);
  }
  frame.x->setRange(-0.7, double(series.indices.size()) - 0.3);
  const bool both = series.indices.front() > 0 && series.indices.back() < 0;
  labelAxis(frame.x, style, both ? tr("index (from the largest; negative: from the smallest)") : tr("index"), ticker);
  frame.x->setSubTicks(false);
}

}  // namespace

Drawn TrajectoriesFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const Series series = collect(run());
  if (series.lines.empty()) {
    drawn.nothing = tr("No eigenvalues yet: they appear with the first spectrum of the whole model (curvature.top).");
    return drawn;
  }
  const OperatorWords words = wordsFor(series.op);
  const bool single = series.epochs.size() == 1;
  const Frame frame = makeFrame(plot, style,
                                single ? tr("%1 spectrum at epoch %2").arg(words.name).arg(series.epochs.front())
                                       : tr("Eigenvalues of the %1 over training").arg(words.name));
  const ValueAxis axis(series.values);
  std::vector<double> values = series.values;
  QStringList& notes = drawn.provenance.notes;
  if (single) {
    drawSpectrum(plot, frame, style, series, axis);
    drawn.provenance.epoch = series.epochs.front();
  } else {
    drawLines(plot, frame, style, series, axis);
    if (series.test) legendSample(plot, frame, tr("test (dashed)"), style.pen(colors::ink, 1.1, Qt::DashLine));
    const double largest = values.empty() ? 1 : std::abs(*std::max_element(values.begin(), values.end()));
    const auto limits = addStabilityLine(plot, frame, style, run(), axis, largest, notes);
    values.insert(values.end(), limits.begin(), limits.end());
    std::vector<double> epochs(series.epochs.begin(), series.epochs.end());
    if (run().info.status == "running") epochs.push_back(double(run().info.epochs));
    fitEpochs(frame.x, epochs);
    labelAxis(frame.x, style, tr("epoch"), QSharedPointer<IntegerTicker>::create());
  }
  if (series.hollow) legendSample(plot, frame, tr("not converged"), QPen(Qt::NoPen), disc(style, colors::ink, true));
  axis.apply(frame.y, style, tr("eigenvalue of %1").arg(words.matrix), values);
  if (!single) markEpoch(plot, frame, style, epoch());
  finishFrame(plot, frame, style);
  drawn.provenance.split = series.train && series.test ? "train and test" : series.test ? "test" : "train";
  drawn.provenance.samples = curvatureSamples(run().info);
  drawn.provenance.curvature = true;
  notes << axis.note();
  if (single || series.epochs.size() <= manyPoints) notes << tr("bars: residual ‖Av − λv‖");
  if (series.notFinite) notes << tr("%1 eigenvalues not finite, left out").arg(series.notFinite);
  return drawn;
}

std::string TrajectoriesFigure::csv() const {
  return csvOf(run().spectrum, [](const SpectrumRow& row) { return row.scope == "model"; });
}

}  // namespace eigenscape
