// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/valleys.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "views/direction_words.h"
#include "views/plot_parts.h"
#include "views/tickers.h"
#include "views/value_scale.h"

namespace eigenscape {
namespace {

constexpr std::size_t mostBranches = 60;  ///< more lines side by side are not told apart
constexpr std::size_t mostNames = 12;

QString titleOf(const RunResults& run, const FigureId& id, std::int64_t shown, std::int64_t wanted, const QString& what,
                const std::string& split) {
  const auto info = landscapeInfo(run.info, "surface", id.name.toStdString());
  const auto [surface, setting] = landscapeAndSetting(id.name.toStdString());
  QString over = info.x.empty() ? QString::fromStdString(surface) : planeName(info.x, info.y);
  if (!setting.empty()) over = QObject::tr("%1 at %2").arg(over, QString::fromStdString(setting));
  return QObject::tr("%1 over %2, %3, %4").arg(what, over, epochWords(shown, wanted), QString::fromStdString(split));
}

QString placeOf(const PersistenceRow& row) {
  return QStringLiteral("(%1, %2)").arg(numberText(row.alpha, 2), numberText(row.beta, 2));
}

/// Losses are positive: decades where they span more than two.
bool spansDecades(const std::vector<PersistenceRow>& rows) {
  double low = HUGE_VAL, high = 0;
  for (const auto& row : rows) low = std::min(low, row.birth), high = std::max(high, row.death);
  return low > 0 && high > 100 * low;
}

/// Losses are not negative, though there may be room for names below them.
class LossTicker : public RoundTicker {
 protected:
  QVector<double> createTickVector(double step, const QCPRange& range) override {
    auto ticks = RoundTicker::createTickVector(step, range);
    ticks.erase(std::remove_if(ticks.begin(), ticks.end(), [&](double tick) { return tick < -1e-6 * step; }),
                ticks.end());
    return ticks;
  }
  int getSubTickCount(double) override { return 0; }
};

void lossAxis(QCPAxis* axis, const Style& style, const QString& what, bool logarithmic, double low, double high) {
  if (logarithmic) {
    axis->setScaleType(QCPAxis::stLogarithmic);
    axis->setRange(low / 1.3, high * 1.3);
    labelAxis(axis, style, QObject::tr("%1 (log)").arg(what), QSharedPointer<DecadeTicker>::create());
  } else {
    const double margin = 0.06 * (high > low ? high - low : std::max(std::abs(high), 1.0));
    axis->setRange(low >= 0 ? std::max(0.0, low - margin) : low - margin, high + margin);
    labelAxis(
        axis, style, what,
        low >= 0 ? QSharedPointer<QCPAxisTicker>(new LossTicker) : QSharedPointer<QCPAxisTicker>(new RoundTicker));
  }
}

/// Branches from left to right so that no two lines cross: what joins a branch stands to its right, the highest
/// joint farthest.
std::vector<double> placesOf(const std::vector<PersistenceRow>& rows) {
  std::vector<double> places(rows.size(), 0);
  std::vector<std::vector<std::size_t>> joined(rows.size());
  std::vector<std::size_t> roots;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto into = std::size_t(rows[i].into);
    (into >= 1 && into <= rows.size() ? joined[into - 1] : roots).push_back(i);
  }
  double next = 0;
  const std::function<void(std::size_t)> place = [&](std::size_t i) {
    places[i] = next++;
    auto& others = joined[i];
    std::sort(others.begin(), others.end(),
              [&](std::size_t a, std::size_t b) { return rows[a].death < rows[b].death; });
    for (const auto other : others) place(other);
  };
  for (const auto root : roots) place(root);
  return places;
}

QCPCurve* addLine(const Frame& frame, const QPen& pen, const std::vector<QPointF>& points) {
  auto* curve = new QCPCurve(frame.x, frame.y);
  curve->setName(QString());
  curve->removeFromLegend();
  curve->setPen(pen);
  curve->setLayer("grid");  // under the dots at its ends
  for (const auto& point : points) curve->addData(point.x(), point.y());
  return curve;
}

void writeAt(QCustomPlot& plot, const Frame& frame, const Style& style, double x, double y, const QString& said) {
  auto* text = new QCPItemText(&plot);
  text->position->setAxes(frame.x, frame.y);
  text->position->setAxisRect(frame.rect);
  text->position->setType(QCPItemPosition::ptPlotCoords);
  text->position->setCoords(x, y);
  text->setPositionAlignment(Qt::AlignHCenter | Qt::AlignTop);
  text->setPadding(QMargins(0, int(style.points(4)), 0, 0));
  text->setFont(style.font(0.85));
  text->setColor(style.ink());
  text->setText(said);
  text->setClipToAxisRect(false);
  text->setSelectable(false);
}

}  // namespace

bool hasValleys(const RunResults& run) {
  return !run.persistence.empty();
}

QStringList ValleyFigure::splits() const {
  QStringList list;
  if (!hasRun()) return list;
  const auto name = id().name.toStdString();
  for (const auto& split : splitsOf(run().persistence, [&](const PersistenceRow& row) { return row.name == name; }))
    list << QString::fromStdString(split);
  return list;
}

QString ValleyFigure::split() const {
  const auto all = splits();
  return all.contains(split_) ? split_ : all.value(0);
}

void ValleyFigure::setSplit(const QString& split) {
  split_ = split;
  redraw();
}

std::vector<PersistenceRow> ValleyFigure::withPeers(std::vector<PersistenceRow> rows) const {
  for (const auto& peer : peers()) {
    auto shown = epoch();
    const auto more = rowsOf(*peer, shown);
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

std::vector<PersistenceRow> ValleyFigure::rowsOf(const RunResults& run, std::int64_t& epoch) const {
  const auto name = id().name.toStdString(), split = this->split().toStdString();
  const auto ours = [&](const PersistenceRow& row) { return row.name == name && row.split == split; };
  std::vector<PersistenceRow> rows;
  const auto shown = epochToShow(epochsOf(run.persistence, ours), epoch);
  if (!shown) return rows;
  epoch = *shown;
  for (const auto& row : run.persistence) {
    if (ours(row) && row.epoch == epoch && std::isfinite(row.birth) && std::isfinite(row.death)) rows.push_back(row);
  }
  return rows;
}

Drawn ValleyFigure::drawn(const std::vector<PersistenceRow>& rows, std::int64_t epoch) const {
  Drawn drawn;
  if (rows.empty()) {
    drawn.nothing = tr("No valleys of “%1” yet: they are looked for when the surface is measured.").arg(id().name);
    return drawn;
  }
  auto& provenance = drawn.provenance;
  provenance.split = split();
  provenance.samples = landscapeInfo(run().info, "surface", id().name.toStdString()).samples;
  provenance.epoch = epoch;
  provenance.notes << tr("sublevel sets of the grid, eight neighbours a point");
  if (const auto setting = landscapeAndSetting(id().name.toStdString()).second; !setting.empty())
    provenance.notes << tr("the network quantized with %1 at every point").arg(QString::fromStdString(setting));
  return drawn;
}

std::string ValleyFigure::csv() const {
  auto shown = epoch();
  const auto list = rows(shown);
  return csvOf(run().persistence,
               [&](const PersistenceRow& row) { return row.name == id().name.toStdString() && row.epoch == shown; });
}

Drawn PersistenceFigure::draw(QCustomPlot& plot, const Style& style) const {
  auto shown = epoch();
  const auto list = rows(shown);
  Drawn result = drawn(list, shown);
  if (list.empty()) return result;
  const Frame frame =
      makeFrame(plot, style, titleOf(run(), id(), shown, epoch(), tr("Persistence"), list.front().split));
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (const auto& row : list) low = std::min(low, row.birth), high = std::max(high, row.death);
  const bool logarithmic = spansDecades(list);
  addLine(frame, style.pen(style.softInk(), 1, Qt::DashLine), {{low, low}, {high, high}})->setObjectName("diagonal");
  QCPGraph* deepest = addSeries(plot, frame, tr("deepest valley, up to the highest point"), QPen(Qt::NoPen));
  QCPGraph* others = addSeries(plot, frame, tr("other valleys"), QPen(Qt::NoPen), nullptr, list.size() > 1);
  deepest->setLineStyle(QCPGraph::lsNone), others->setLineStyle(QCPGraph::lsNone);
  deepest->setScatterStyle(disc(style, colors::vermillion, false, true));
  others->setScatterStyle(disc(style, style.blue(), false));
  others->setObjectName("valleys");
  for (const auto& row : list) {
    addLine(frame, style.pen(row.into == 0 ? colors::vermillion : style.blue(), 0.8),
            {{row.birth, row.birth}, {row.birth, row.death}});
    (row.into == 0 ? deepest : others)->addData(row.birth, row.death);
  }
  lossAxis(frame.x, style, tr("loss at the lowest point (birth)"), logarithmic, low, high);
  lossAxis(frame.y, style, tr("loss where it runs over (death)"), logarithmic, low, high);
  finishFrame(plot, frame, style);
  result.provenance.notes.prepend(list.size() == 1 ? tr("one valley") : tr("%1 valleys").arg(list.size()));
  return result;
}

Drawn MergeTreeFigure::draw(QCustomPlot& plot, const Style& style) const {
  auto shown = epoch();
  auto list = rows(shown);
  Drawn result = drawn(list, shown);
  if (list.empty()) return result;
  const auto all = list.size();
  if (all > mostBranches) list.resize(mostBranches);
  // A branch may have joined one that is not drawn.
  const Frame frame =
      makeFrame(plot, style, titleOf(run(), id(), shown, epoch(), tr("Merge tree"), list.front().split));
  double low = HUGE_VAL, high = -HUGE_VAL;
  const auto scaled = withPeers(list);
  for (const auto& row : scaled) low = std::min(low, row.birth), high = std::max(high, row.death);
  const auto places = placesOf(list);
  QCPGraph* minima = addSeries(plot, frame, tr("lowest point of a valley"), QPen(Qt::NoPen));
  minima->setLineStyle(QCPGraph::lsNone);
  minima->setScatterStyle(disc(style, style.blue(), false));
  minima->setObjectName("minima");
  std::vector<std::size_t> order(list.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[std::size_t(places[i])] = i;
  for (const auto i : order) {
    const auto& row = list[i];
    std::vector<QPointF> line{{places[i], row.birth}, {places[i], row.death}};
    const auto into = std::size_t(row.into);
    if (into >= 1 && into <= list.size()) line.emplace_back(places[into - 1], row.death);
    addLine(frame, style.pen(row.into == 0 ? colors::vermillion : style.blue(), row.into == 0 ? 1.6 : 1.1), line);
    minima->addData(places[i], row.birth);
    if (list.size() <= mostNames) writeAt(plot, frame, style, places[i], row.birth, placeOf(row));
  }
  lossAxis(frame.y, style, tr("mean cross-entropy"), spansDecades(scaled), low, high);
  // Room for what is written below the lowest point.
  if (list.size() <= mostNames && frame.y->scaleType() == QCPAxis::stLinear)
    frame.y->setRangeLower(frame.y->range().lower - 0.14 * frame.y->range().size());
  if (list.size() <= mostNames && frame.y->scaleType() == QCPAxis::stLogarithmic)
    frame.y->setRangeLower(frame.y->range().lower / std::pow(high / low, 0.14));
  frame.x->setRange(-0.7, double(list.size()) - 0.3);
  frame.x->setTicks(false);
  frame.x->grid()->setVisible(false);
  labelAxis(frame.x, style, tr("valleys, by where they join"), QSharedPointer<IntegerTicker>::create());
  finishFrame(plot, frame, style);
  auto& notes = result.provenance.notes;
  if (list.size() <= mostNames) notes.prepend(tr("(α, β) of each lowest point"));
  if (list.size() < all) notes.prepend(tr("the %1 longest-lived of %2 valleys").arg(list.size()).arg(all));
  return result;
}

}  // namespace eigenscape
