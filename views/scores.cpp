// SPDX-License-Identifier: GPL-3.0-or-later
#include <QLineF>
#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "views/plot_parts.h"
#include "views/ranking.h"
#include "views/value_axis.h"

namespace eigenscape {
namespace {

constexpr double confidence = 1.96;  // standard errors to 95 %

/// The method and kind that a figure's name stands for.
struct Wanted {
  std::string kind = "weights", method;

  explicit Wanted(const QString& name) {
    const QString inputs = QStringLiteral("inputs-");
    const bool ofInputs = name.startsWith(inputs);
    if (ofInputs) kind = "inputs";
    method = (ofInputs ? name.mid(inputs.size()) : name).toStdString();
  }
};

struct Point {
  const LayerScoreRow* score;
  const LayerLossRow* loss;

  /// Told apart from zero.
  bool isResolved() const { return !(std::abs(loss->increase) < confidence * loss->standardError); }
};

struct Points {
  std::vector<Point> all;
  std::size_t notFinite = 0;
};

using Key = std::tuple<std::string, std::string, std::int64_t>;

std::map<Key, const LayerLossRow*> increases(const RunResults& run) {
  std::map<Key, const LayerLossRow*> all;
  for (const auto& row : run.layerLosses) all[{row.layer, row.kind, row.bits}] = &row;
  return all;
}

Points collect(const RunResults& run, const Wanted& wanted) {
  const auto losses = increases(run);
  Points points;
  for (const auto& row : run.layerScores) {
    if (row.kind != wanted.kind || row.method != wanted.method) continue;
    const auto found = losses.find({row.layer, row.kind, row.bits});
    if (found == losses.end()) continue;
    if (std::isfinite(row.score) && std::isfinite(found->second->increase)) {
      points.all.push_back({&row, found->second});
    } else {
      ++points.notFinite;
    }
  }
  return points;
}

std::vector<std::int64_t> widthsOf(const Points& points) {
  std::set<std::int64_t> bits;
  for (const auto& point : points.all) bits.insert(point.score->bits);
  return {bits.begin(), bits.end()};
}

/// The axes, which suit the runs beside this one too.
struct Axes {
  ValueAxis x, y;
  std::vector<double> scores, reach;  ///< values that they have to hold
};

/// Logarithmic where all increases are clear; else linear within what cannot be told from 0.
ValueAxis increaseAxis(const std::vector<Point>& points) {
  std::vector<double> values, errors;
  bool clear = true;
  double largest = 0;
  for (const auto& point : points) {
    values.push_back(point.loss->increase);
    largest = std::max(largest, std::abs(point.loss->increase));
    clear = clear && point.loss->increase > 0 && point.isResolved();
    if (std::isfinite(point.loss->standardError)) errors.push_back(point.loss->standardError);
  }
  if (clear || errors.empty()) return ValueAxis(values);
  std::sort(errors.begin(), errors.end());
  const double noise = std::max(errors[errors.size() / 4], largest * 1e-5);
  if (!(largest > 30 * noise)) return {};
  return ValueAxis::symmetric({std::pow(10.0, std::floor(std::log10(noise)))});
}

Axes axesOf(const RunResults& run, const std::vector<std::shared_ptr<const RunResults>>& peers, const Wanted& wanted) {
  std::vector<Point> all = collect(run, wanted).all;
  for (const auto& peer : peers) {
    const auto theirs = collect(*peer, wanted).all;
    all.insert(all.end(), theirs.begin(), theirs.end());
  }
  Axes axes;
  for (const auto& point : all) axes.scores.push_back(point.score->score);
  axes.x = ValueAxis(axes.scores);
  axes.y = increaseAxis(all);
  for (const auto& point : all) {
    const double error = confidence * point.loss->standardError;
    axes.reach.push_back(point.loss->increase);
    axes.reach.push_back(point.loss->increase + error);
    if (!axes.y.isLogarithmic()) axes.reach.push_back(point.loss->increase - error);
  }
  return axes;
}

QCPErrorBars* emptyBars(const Frame& frame, const Style& style, QCPGraph* graph, QCPErrorBars::ErrorType type) {
  auto* bars = new QCPErrorBars(frame.x, frame.y);
  bars->setErrorType(type);
  bars->setLayer("grid");  // under the markers: a hollow one must stay hollow
  bars->setDataPlottable(graph);
  QColor color = graph->pen().color();
  color.setAlphaF(0.6f);
  bars->setPen(style.pen(color, 0.7));
  bars->setWhiskerWidth(style.points(2));
  bars->setSymbolGap(style.points(2));
  bars->setSelectable(QCP::stNone);
  return bars;
}

/// The error around a value, as the axis has it; 0 where it is not known.
void addError(QCPErrorBars* bars, const ValueAxis& axis, double value, double standardError) {
  const double error = std::isfinite(standardError) ? confidence * std::abs(standardError) : 0;
  const double place = axis.place(value);
  bars->addData(place - axis.place(value - error), axis.place(value + error) - place);
}

/// "4 bits, ρ = 0.71"
QString seriesName(const RunResults& run, const Wanted& wanted, std::int64_t bits) {
  for (const auto& row : run.ranking) {
    if (row.kind == wanted.kind && row.method == wanted.method && row.bits == bits && row.measure == "spearman" &&
        std::isfinite(row.correlation))
      return QObject::tr("%1 bits, ρ = %2").arg(bits).arg(correlationText(row.correlation));
  }
  return QObject::tr("%1 bits").arg(bits);
}

/// Returns whether any is hollow.
bool addPoints(QCustomPlot& plot, const Frame& frame, const Style& style, const Points& points, const Axes& axes,
               const RunResults& run, const Wanted& wanted) {
  bool anyHollow = false;
  const auto bits = widthsOf(points);
  for (std::size_t w = 0; w < bits.size(); ++w) {
    const QColor color = colorAmong(style, w, bits.size());
    QCPGraph* graph = addSeries(plot, frame, seriesName(run, wanted, bits[w]), style.pen(color));
    QCPGraph* open = addSeries(plot, frame, {}, style.pen(color));
    graph->setObjectName(QStringLiteral("%1").arg(bits[w]));
    open->setObjectName(QStringLiteral("hollow, %1").arg(bits[w]));
    for (auto* each : {graph, open}) {
      each->setLineStyle(QCPGraph::lsNone);
      each->setScatterStyle(disc(style, color, each == open));
    }
    auto* vertical = emptyBars(frame, style, graph, QCPErrorBars::etValueError);
    auto* horizontal = emptyBars(frame, style, graph, QCPErrorBars::etKeyError);
    // A graph orders its points, and the bars go by their order.
    std::vector<Point> ordered;
    for (const auto& point : points.all) {
      if (point.score->bits == bits[w]) ordered.push_back(point);
    }
    std::stable_sort(ordered.begin(), ordered.end(),
                     [](const Point& a, const Point& b) { return a.score->score < b.score->score; });
    for (const auto& point : ordered) {
      const double x = axes.x.place(point.score->score), y = axes.y.place(point.loss->increase);
      graph->addData(x, y);
      addError(vertical, axes.y, point.loss->increase, point.loss->standardError);
      addError(horizontal, axes.x, point.score->score, point.score->standardError);
      if (point.isResolved()) continue;
      open->addData(x, y);
      anyHollow = true;
    }
  }
  return anyHollow;
}

/// Half of Ω is the increase that a quadratic model expects of a perturbation in a random direction.
void drawExpected(QCustomPlot& plot, const Frame& frame, const Style& style, const Axes& axes) {
  QCPGraph* line = addSeries(plot, frame, QObject::tr("½ Ω"), style.pen(style.softInk(), 0.9, Qt::DashLine));
  const QCPRange range = frame.x->range();
  constexpr int steps = 200;
  for (int i = 0; i <= steps; ++i) {
    const double share = double(i) / steps;
    const double place = axes.x.isLogarithmic() ? range.lower * std::pow(range.upper / range.lower, share)
                                                : range.lower + share * range.size();
    const double expected = axes.x.value(place) / 2;
    if (!axes.y.isLogarithmic() || expected > 0) line->addData(place, axes.y.place(expected));
  }
}

QString scoreLabel(const Wanted& wanted) {
  if (wanted.method == "qbert") return QObject::tr("|mean λ₁| + std λ₁ of the layer");
  const QString formula = measureWords(wanted.kind, wanted.method).formula;
  return wanted.kind == "inputs" ? QObject::tr("%1 of the layer's inputs").arg(formula)
                                 : QObject::tr("%1 of the layer").arg(formula);
}

}  // namespace

std::vector<QString> scoredMethods(const RunResults& run) {
  const auto losses = increases(run);
  std::vector<QString> names;
  for (const auto& row : run.layerScores) {
    const QString name =
        (row.kind == "inputs" ? QStringLiteral("inputs-") : QString()) + QString::fromStdString(row.method);
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    if (losses.count({row.layer, row.kind, row.bits})) names.push_back(name);
  }
  return names;
}

Drawn ScoresFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const Wanted wanted(id().name);
  const Points points = collect(run(), wanted);
  if (points.all.empty()) {
    drawn.nothing = tr("No scores by this method with a measured loss yet (quantization.methods).");
    return drawn;
  }
  const auto words = measureWords(wanted.kind, wanted.method);
  const Frame frame = makeFrame(plot, style, tr("%1 (%2) and measured loss").arg(words.formula, words.source));
  const Axes axes = axesOf(run(), peers(), wanted);
  const bool anyHollow = addPoints(plot, frame, style, points, axes, run(), wanted);
  axes.x.apply(frame.x, style, scoreLabel(wanted), axes.scores);
  axes.y.apply(frame.y, style, tr("increase of the loss"), axes.reach);
  if (wanted.method == "v2") drawExpected(plot, frame, style, axes);
  if (anyHollow) legendSample(plot, frame, tr("not told from 0"), QPen(Qt::NoPen), disc(style, style.ink(), true));
  finishFrame(plot, frame, style);
  auto& provenance = drawn.provenance;
  provenance.split = QString::fromStdString(points.all.front().loss->split);
  provenance.samples = points.all.front().loss->examples;
  provenance.curvature = true;
  if (!run().info.model.empty()) provenance.epoch = run().info.epochs;
  provenance.notes << (wanted.kind == "inputs" ? tr("increase with the inputs of that layer alone quantized")
                                               : tr("increase with the weights of that layer alone quantized"))
                   << tr("bars: 95 %");
  if (wanted.method == "v2") provenance.notes << tr("dashed: ½ Ω, what a quadratic model expects");
  if (!axes.x.note().isEmpty()) provenance.notes << tr("abscissa: %1").arg(axes.x.note());
  if (!axes.y.note().isEmpty()) provenance.notes << tr("ordinate: %1").arg(axes.y.note());
  if (points.notFinite) provenance.notes << tr("%1 points not finite, left out").arg(points.notFinite);
  return drawn;
}

std::string ScoresFigure::csv() const {
  const Wanted wanted(id().name);
  std::string text = "layer,kind,bits,method,score,score_standard_error,increase,increase_standard_error\n";
  for (const auto& [score, loss] : collect(run(), wanted).all) {
    // Of the measured loss, its last two cells.
    const std::string measured = toCsv(*loss);
    const auto cut = measured.rfind(',', measured.rfind(',') - 1);
    text += toCsv(*score) + measured.substr(cut) + '\n';
  }
  return text;
}

QString ScoresFigure::readout(const QPointF& position) const {
  const QCPAxisRect* rect = plot()->axisRect(0);
  if (!rect || !rect->rect().contains(position.toPoint())) return {};
  const Wanted wanted(id().name);
  const Points points = collect(run(), wanted);
  const Axes axes = axesOf(run(), peers(), wanted);
  const Point* nearest = nullptr;
  double best = 14;
  for (const auto& point : points.all) {
    const QPointF at(rect->axis(QCPAxis::atBottom)->coordToPixel(axes.x.place(point.score->score)),
                     rect->axis(QCPAxis::atLeft)->coordToPixel(axes.y.place(point.loss->increase)));
    const double distance = QLineF(at, position).length();
    if (distance < best) best = distance, nearest = &point;
  }
  if (!nearest) return PlotFigure::readout(position);
  return tr("%1, %2 bits: %3 = %4, loss %5 ± %6")
      .arg(QString::fromStdString(nearest->score->layer))
      .arg(nearest->score->bits)
      .arg(measureWords(wanted.kind, wanted.method).formula, numberText(nearest->score->score, 3),
           (nearest->loss->increase < 0 ? QString() : QStringLiteral("+")) + numberText(nearest->loss->increase, 3),
           numberText(confidence * nearest->loss->standardError, 2));
}

}  // namespace eigenscape
