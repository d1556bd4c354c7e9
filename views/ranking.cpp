// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/ranking.h"

#include <QFontMetricsF>
#include <QMenu>
#include <algorithm>
#include <cmath>
#include <set>

#include "views/plot_parts.h"
#include "views/tickers.h"

namespace eigenscape {
namespace {

constexpr double groupWidth = 0.76;  // of the distance between measures

struct Group {
  std::string kind, method;
  bool operator==(const Group&) const = default;
};

struct Correlations {
  std::vector<Group> groups;                                               ///< in the order of the file
  std::vector<std::int64_t> bits;                                          ///< ascending, then 0: all together
  std::map<std::pair<std::size_t, std::int64_t>, const RankingRow*> rows;  ///< by group and bits
  std::int64_t fewest = 0, most = 0;                                       ///< layers
};

Correlations collect(const RunResults& run, const std::string& measure) {
  Correlations all;
  std::set<std::int64_t> bits;
  for (const auto& row : run.ranking) {
    if (row.measure != measure) continue;
    const Group group{row.kind, row.method};
    const auto found = std::find(all.groups.begin(), all.groups.end(), group);
    const auto place = std::size_t(found - all.groups.begin());
    if (found == all.groups.end()) all.groups.push_back(group);
    bits.insert(row.bits);
    all.fewest = all.rows.empty() ? row.layers : std::min(all.fewest, row.layers);
    all.most = std::max(all.most, row.layers);
    all.rows[{place, row.bits}] = &row;
  }
  all.bits.assign(bits.begin(), bits.end());
  if (!all.bits.empty() && all.bits.front() == 0) std::rotate(all.bits.begin(), all.bits.begin() + 1, all.bits.end());
  return all;
}

QString widthName(std::int64_t bits) {
  return bits == 0 ? QObject::tr("all widths") : QObject::tr("%1 bits").arg(bits);
}

bool holdsZero(const RankingRow& row) {
  return !(row.low > 0 || row.high < 0);
}

struct Marks {
  bool anyHollow = false;
  std::size_t notFinite = 0;
};

void addWidth(QCustomPlot& plot, const Frame& frame, const Style& style, const Correlations& all, std::size_t w,
              Marks& marks) {
  const std::int64_t bits = all.bits[w];
  const std::size_t widths = all.bits.size() - (all.bits.back() == 0 ? 1 : 0);
  const QColor color = bits == 0 ? style.ink() : colorAmong(style, w, widths);
  QCPGraph* graph = addSeries(plot, frame, widthName(bits), style.pen(color));
  QCPGraph* open = addSeries(plot, frame, {}, style.pen(color));
  open->setObjectName("hollow, " + widthName(bits));
  for (auto* each : {graph, open}) {
    each->setLineStyle(QCPGraph::lsNone);
    each->setScatterStyle(disc(style, color, each == open, bits == 0));
  }
  auto* bars = new QCPErrorBars(frame.x, frame.y);
  bars->setLayer("grid");  // under the markers: a hollow one must stay hollow
  bars->setDataPlottable(graph);
  bars->setPen(style.pen(color, 0.8));
  bars->setWhiskerWidth(style.points(3));
  bars->setSymbolGap(style.points(2));
  bars->setSelectable(QCP::stNone);
  for (std::size_t g = 0; g < all.groups.size(); ++g) {
    const auto found = all.rows.find({g, bits});
    if (found == all.rows.end()) continue;
    const RankingRow& row = *found->second;
    if (!std::isfinite(row.correlation)) {
      ++marks.notFinite;
      continue;
    }
    const double x = double(g) + groupWidth * ((double(w) + 0.5) / double(all.bits.size()) - 0.5);
    graph->addData(x, row.correlation);
    const bool known = std::isfinite(row.low) && std::isfinite(row.high);
    bars->addData(known ? row.correlation - row.low : 0, known ? row.high - row.correlation : 0);
    if (!holdsZero(row)) continue;
    open->addData(x, row.correlation);
    marks.anyHollow = true;
  }
}

/// Formula over source under each group, smaller where the groups stand close.
void nameGroups(QCPAxis* axis, const Style& style, const Correlations& all) {
  QStringList names;
  for (const auto& group : all.groups) {
    const auto words = measureWords(group.kind, group.method);
    names << words.formula + '\n' + words.source;
  }
  const double available = (style.size.width() - style.millimetres(16)) / double(names.size()) - style.points(3);
  double factor = 0.9;
  for (; factor > 0.6; factor -= 0.05) {
    const QFontMetricsF metrics(style.font(factor));
    double widest = 0;
    for (const QString& name : names) {
      for (const QString& line : name.split('\n')) widest = std::max(widest, metrics.horizontalAdvance(line));
    }
    if (widest <= available) break;
  }
  auto ticker = QSharedPointer<QCPAxisTickerText>::create();
  for (qsizetype i = 0; i < names.size(); ++i) ticker->addTick(double(i), names[i]);
  labelAxis(axis, style, {}, ticker);
  axis->setTickLabelFont(style.font(factor));
  axis->setSubTicks(false);
  axis->setRange(-0.5, double(names.size()) - 0.5);
  axis->grid()->setVisible(false);
}

QString layersText(const Correlations& all) {
  return all.fewest == all.most ? QString::number(all.most) : QStringLiteral("%1–%2").arg(all.fewest).arg(all.most);
}

}  // namespace

MeasureWords measureWords(const std::string& kind, const std::string& method) {
  MeasureWords words{QString::fromStdString(method), {}};
  if (method == "v1") words = {QObject::tr("λ₁ / n"), QObject::tr("HAWQ-V1")};
  if (method == "v1-order") words = {QObject::tr("λ₁‖ΔW‖²"), QObject::tr("V1's order")};
  if (method == "v2") words = {QObject::tr("Ω"), QObject::tr("HAWQ-V2")};
  if (method == "qbert") words = {QObject::tr("|λ₁| + σ"), QObject::tr("Q-BERT")};
  if (kind == "inputs") words.source = QObject::tr("inputs");
  return words;
}

QString correlationText(double correlation) {
  return numberText(std::round(100 * correlation) / 100, 2);
}

Drawn RankingFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const Correlations all = collect(run(), measure());
  if (all.rows.empty()) {
    drawn.nothing = tr("No ranking yet: it takes the measured loss of single layers (quantization.methods).");
    return drawn;
  }
  const Frame frame = makeFrame(plot, style, tr("Agreement with the measured loss increase"));
  Marks marks;
  for (std::size_t w = 0; w < all.bits.size(); ++w) addWidth(plot, frame, style, all, w, marks);
  if (marks.anyHollow) {
    legendSample(plot, frame, tr("interval holds 0"), QPen(Qt::NoPen), disc(style, style.ink(), true));
  }
  nameGroups(frame.x, style, all);
  frame.y->setRange(-1.06, 1.06);
  labelAxis(frame.y, style, kendall_ ? tr("rank correlation τ") : tr("rank correlation ρ"),
            QSharedPointer<RoundTicker>::create());
  frame.y->grid()->setZeroLinePen(style.pen(style.softInk(), 0.8));
  finishFrame(plot, frame, style);
  auto& provenance = drawn.provenance;
  if (!run().layerLosses.empty()) {
    provenance.split = QString::fromStdString(run().layerLosses.front().split);
    provenance.samples = run().layerLosses.front().examples;
  }
  provenance.curvature = true;
  if (!run().info.model.empty()) provenance.epoch = run().info.epochs;
  const QString name = kendall_ ? tr("Kendall's τ-b") : tr("Spearman's ρ");
  provenance.notes
      << tr("%1 of scores and loss increases of %2 layers, each quantized alone").arg(name, layersText(all))
      << tr("bars: the middle 95 % of resamplings of the layers");
  if (marks.notFinite) provenance.notes << tr("%1 correlations not defined, left out").arg(marks.notFinite);
  return drawn;
}

std::string RankingFigure::csv() const {
  return csvOf(run().ranking, [](const RankingRow&) { return true; });
}

QString RankingFigure::readout(const QPointF& position) const {
  const QCPAxisRect* rect = plot()->axisRect(0);
  if (!rect || !rect->rect().contains(position.toPoint())) return {};
  const Correlations all = collect(run(), measure());
  const double x = rect->axis(QCPAxis::atBottom)->pixelToCoord(position.x());
  const auto g = std::size_t(std::clamp<double>(std::round(x), 0, double(all.groups.size() - 1)));
  const auto words = measureWords(all.groups[g].kind, all.groups[g].method);
  QStringList parts;
  for (const auto bits : all.bits) {
    const auto found = all.rows.find({g, bits});
    if (found == all.rows.end()) continue;
    const RankingRow& row = *found->second;
    parts << tr("%1 %2 (%3 to %4)")
                 .arg(widthName(bits), correlationText(row.correlation), correlationText(row.low),
                      correlationText(row.high));
  }
  return tr("%1 (%2): %3").arg(words.formula, words.source, parts.join(", "));
}

void RankingFigure::setKendall(bool on) {
  kendall_ = on;
  redraw();
}

void RankingFigure::addChoices(QMenu& menu) {
  if (!hasRun()) return;
  menu.addSeparator();
  QAction* kendall = menu.addAction(tr("Kendall's τ-b"), this, [this](bool on) { setKendall(on); });
  kendall->setCheckable(true);
  kendall->setChecked(kendall_);
}

}  // namespace eigenscape
