// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/plot_parts.h"

#include <QFontMetricsF>
#include <cmath>

#include "views/value_axis.h"

namespace eigenscape {

OperatorWords operatorWords(const std::string& op) {
  if (op == "ggn") return {QObject::tr("Gauss–Newton matrix"), QObject::tr("the Gauss–Newton matrix")};
  if (op == "fisher") return {QObject::tr("Fisher matrix"), QObject::tr("the empirical Fisher matrix")};
  if (op == "fisher_sampled") return {QObject::tr("Fisher matrix"), QObject::tr("the Fisher matrix (drawn labels)")};
  return {QObject::tr("Hessian"), QObject::tr("∇²L")};
}

QString lambdaText(std::int64_t index) {
  return QStringLiteral("λ") + subscript(index);
}

QString shortName(const std::string& name, int most) {
  const QString text = QString::fromStdString(name);
  return text.size() <= most ? text : text.left(most / 2 - 1) + QStringLiteral("…") + text.right(most / 2);
}

QColor colorAmong(const Style& style, std::size_t n, std::size_t all) {
  return all <= 7 ? style.series(n) : style.shade(n, all);
}

QCPScatterStyle disc(const Style& style, const QColor& color, bool hollow, bool square, bool small) {
  return QCPScatterStyle(square ? QCPScatterStyle::ssSquare : QCPScatterStyle::ssCircle, style.pen(color, 1),
                         hollow ? QBrush(style.paper()) : QBrush(color),
                         style.points(small    ? 2.6
                                      : hollow ? 5
                                               : 4));
}

QCPGraph* legendSample(QCustomPlot& plot, const Frame& frame, const QString& name, const QPen& pen,
                       const QCPScatterStyle& scatter) {
  QCPGraph* sample = addSeries(plot, frame, name, pen);
  sample->setScatterStyle(scatter);
  if (pen.style() == Qt::NoPen) sample->setLineStyle(QCPGraph::lsNone);
  return sample;
}

std::vector<std::int64_t> epochsWithoutNumbers(const RunResults& run, const std::string& split) {
  std::map<std::int64_t, bool> known;
  for (const auto& row : run.spectrum) {
    if (row.scope == "model" && (split.empty() || row.split == split))
      known[row.epoch] |= std::isfinite(row.eigenvalue);
  }
  std::vector<std::int64_t> epochs;
  for (const auto& [epoch, any] : known) {
    if (!any) epochs.push_back(epoch);
  }
  return epochs;
}

QString withoutNumbersText(const std::vector<std::int64_t>& epochs) {
  if (epochs.size() == 1) return QObject::tr("no finite curvature at epoch %1").arg(epochs.front());
  if (epochs.size() > 5) return QObject::tr("no finite curvature at %1 epochs").arg(epochs.size());
  QStringList names;
  for (const auto epoch : epochs) names << QString::number(epoch);
  return QObject::tr("no finite curvature at epochs %1").arg(names.join(", "));
}

std::map<std::pair<std::int64_t, std::string>, Estimate> frobeniusNorms(const RunResults& run) {
  std::map<std::pair<std::int64_t, std::string>, Estimate> norms;
  for (const auto& row : run.frobenius) {
    if (row.scope != "model" || !(row.squaredNorm > 0)) continue;
    const double norm = std::sqrt(row.squaredNorm);
    norms[{row.epoch, row.split}] = {norm, row.standardError / (2 * norm)};
  }
  return norms;
}

std::map<std::int64_t, double> stabilityLimits(const RunResults& run) {
  std::map<std::int64_t, double> limits;
  const bool descends = run.info.optimizer.empty() || run.info.optimizer == "sgd";
  if (run.info.epochs == 0 || !descends) return limits;
  for (const auto& row : run.metrics) {
    if (row.learningRate > 0 && std::isfinite(row.learningRate)) limits[row.epoch] = 2 / row.learningRate;
  }
  return limits;
}

QCPErrorBars* addErrorBars(const Frame& frame, const Style& style, QCPGraph* graph, const ValueAxis& axis,
                           const std::vector<Estimate>& estimates) {
  auto* bars = new QCPErrorBars(frame.x, frame.y);
  bars->setLayer("grid");  // under the markers: a hollow one must stay hollow
  bars->setDataPlottable(graph);
  bars->setPen(style.pen(graph->pen().color(), 0.8));
  bars->setWhiskerWidth(style.points(4));
  bars->setSymbolGap(style.points(2));
  bars->setSelectable(QCP::stNone);
  for (const Estimate& estimate : estimates) {
    const double error = std::isfinite(estimate.error) ? std::abs(estimate.error) : 0;
    const double middle = axis.place(estimate.value);
    bars->addData(middle - axis.place(estimate.value - error), axis.place(estimate.value + error) - middle);
  }
  return bars;
}

void nameLayers(QCPAxis* axis, const Style& style, const std::vector<std::string>& names) {
  const double available = (style.size.width() - style.millimetres(22)) / double(names.size());
  const auto widest = [&](double factor, int most) {
    const QFontMetricsF metrics(style.font(factor));
    double width = 0;
    for (const auto& name : names) width = std::max(width, metrics.horizontalAdvance(shortName(name, most)));
    return width;
  };
  double factor = 0.9;
  int most = 40;
  std::size_t stride = 1;
  const bool low = style.size.height() < style.millimetres(60);
  if (widest(factor, most) + style.points(6) > available) {
    const double smallest = std::min(0.9, 5.5 / style.fontPoints);
    // Upright names may take a third of the height, what they name needs the rest: they become smaller before they lose
    // letters.
    const double third = 0.33 * style.size.height();
    factor =
        std::min(0.9 * available / QFontMetricsF(style.font(factor)).height(), factor * third / widest(factor, most));
    factor = std::clamp(factor, smallest, 0.9);
    while (most > 10 && widest(factor, most) > third) --most;
    const double height = QFontMetricsF(style.font(factor)).height() * 0.92;
    stride = std::max<std::size_t>(1, std::size_t(std::ceil(height / available)));
    axis->setTickLabelRotation(-90);
  }
  axis->setTickLabelFont(style.font(factor));
  auto ticker = QSharedPointer<QCPAxisTickerText>::create();
  for (std::size_t i = 0; i < names.size(); i += stride) ticker->addTick(double(i), shortName(names[i], most));
  // In a low figure the names have to speak for themselves.
  labelAxis(axis, style, low ? QString() : QObject::tr("layer, in network order"), ticker);
  axis->setSubTicks(false);
}

namespace {

template <class ColorAt>
QCPColorGradient gradientOf(ColorAt&& colorAt) {
  QCPColorGradient gradient;
  gradient.clearColorStops();
  for (int i = 0; i < colors::viridisStops; ++i) {
    gradient.setColorStopAt(double(i) / (colors::viridisStops - 1), colorAt(i));
  }
  gradient.setNanHandling(QCPColorGradient::nhTransparent);
  return gradient;
}

}  // namespace

QCPColorGradient viridisGradient(double upper) {
  return gradientOf([upper](int i) { return colors::viridis(upper * double(i) / (colors::viridisStops - 1)); });
}

QCPColorGradient shadeGradient(const Style& style) {
  return gradientOf([&](int i) { return style.shade(std::size_t(i), colors::viridisStops); });
}

QCPColorScale* addColorScale(QCustomPlot& plot, const Frame& frame, const Style& style,
                             const QCPColorGradient& gradient, const QCPRange& range, bool logarithmic) {
  auto* scale = new QCPColorScale(&plot);
  // A row of its own: in the plot's layout the scale's column would take width from title and legend.
  auto* row = new QCPLayoutGrid;
  plot.plotLayout()->take(frame.rect);
  row->addElement(0, 0, frame.rect);
  row->addElement(0, 1, scale);
  row->setColumnStretchFactor(1, 0.001);
  row->setColumnSpacing(int(style.points(6)));
  plot.plotLayout()->addElement(2, 0, row);
  scale->setType(QCPAxis::atRight);
  scale->axis()->axisRect()->setLayer("axes");  // above the mask
  // Not axes(), whose order differs from process to process.
  for (const auto side : {QCPAxis::atLeft, QCPAxis::atRight, QCPAxis::atTop, QCPAxis::atBottom})
    scale->axis()->axisRect()->axis(side)->setLayer("axes");
  scale->setBarWidth(int(style.millimetres(3.5)));
  scale->setRangeDrag(false);
  scale->setRangeZoom(false);
  QCPAxis* axis = scale->axis();
  axis->setTickLabelFont(style.font(0.9));
  axis->setLabelFont(style.font());
  axis->setLabelColor(style.ink());
  axis->setTickLabelColor(style.ink());
  axis->setBasePen(style.pen(style.ink(), 0.6));
  axis->setTickPen(style.pen(style.ink(), 0.6));
  axis->setSubTickPen(style.pen(style.ink(), 0.4));
  axis->setTickLengthIn(0), axis->setTickLengthOut(int(style.points(3)));
  axis->setSubTickLengthIn(0), axis->setSubTickLengthOut(int(style.points(1.5)));
  if (logarithmic) scale->setDataScaleType(QCPAxis::stLogarithmic);
  scale->setGradient(gradient);
  scale->setDataRange(range);
  auto* group = new QCPMarginGroup(&plot);
  frame.rect->setMarginGroup(QCP::msTop | QCP::msBottom, group);
  scale->setMarginGroup(QCP::msTop | QCP::msBottom, group);
  return scale;
}

QString joined(const std::vector<std::string>& splits) {
  QStringList words;
  for (const auto& split : splits) words << QString::fromStdString(split);
  return words.join(QObject::tr(" and "));
}

}  // namespace eigenscape
