// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/finetune.h"

#include <QFontMetricsF>
#include <algorithm>
#include <cmath>

#include "views/plot_parts.h"
#include "views/tickers.h"
#include "views/value_scale.h"

namespace eigenscape {
namespace {

struct Level {
  double loss = std::nan(""), accuracy = std::nan("");
};

/// A number of the stage's network: the loss, or the accuracy in per cent.
double lossOf(const FinetuneRow& row) {
  return row.loss;
}
double accuracyOf(const FinetuneRow& row) {
  return 100 * row.accuracy;
}

struct Curves {
  std::map<std::string, std::vector<const FinetuneRow*>> rows;  ///< of a quantized network, by split
  std::vector<std::pair<std::int64_t, std::int64_t>> stages;    ///< first step of each block, and its number
  std::int64_t blocks = 0;                                      ///< 0: all layers at once
  std::int64_t stepsPerEpoch = 0;                               ///< 0: not known yet
  double last = 0;                                              ///< step
  Level floating, untuned;                                      ///< of the split that levels are shown of
};

/// Whose levels are shown.
std::string levelSplit(const RunResults& run) {
  const bool tested = std::any_of(run.finetuning.begin(), run.finetuning.end(),
                                  [](const FinetuneRow& row) { return row.split == "test"; });
  return tested ? "test" : "train";
}

Curves collect(const RunResults& run, const std::string& setting) {
  Curves curves;
  const std::string levels = levelSplit(run);
  for (const auto& row : run.finetuning) {
    if (row.setting != setting) continue;
    curves.last = std::max(curves.last, double(row.iteration));
    if (row.epoch == 1 && curves.stepsPerEpoch == 0) curves.stepsPerEpoch = row.iteration;
    if (row.stage == 0) {
      if (row.split == levels) curves.floating = {row.loss, accuracyOf(row)};
      continue;
    }
    curves.rows[row.split].push_back(&row);
    curves.blocks = std::max(curves.blocks, row.stage);
    if (curves.stages.empty() || row.stage > curves.stages.back().second)
      curves.stages.emplace_back(row.iteration, row.stage);
  }
  if (curves.blocks < 2) {
    curves.blocks = 0;
    curves.stages.clear();
  }
  for (const auto& row : run.settings) {
    if (row.setting == setting && levels == "test") curves.untuned = {row.loss, 100 * row.accuracy};
  }
  // Quantized at once, the network before the first step is the one that is not tuned.
  const auto own = curves.rows.find(levels);
  if (curves.blocks == 0 && own != curves.rows.end() && own->second.front()->iteration == 0)
    curves.untuned = {own->second.front()->loss, accuracyOf(*own->second.front())};
  return curves;
}

/// In the order of the file: what is quantized at a step changes the network there.
void setCurve(QCPGraph* graph, const std::vector<const FinetuneRow*>& rows, double (*value)(const FinetuneRow&)) {
  QVector<double> steps, values;
  for (const auto* row : rows) {
    const double here = value(*row);
    steps.append(double(row->iteration)), values.append(std::isfinite(here) ? here : qQNaN());
  }
  graph->setData(steps, values, true);
}

void mark(QCPGraph* graph, const Style& style, bool square, bool hollow) {
  if (std::size_t(graph->dataCount()) > manyPoints) return;
  graph->setScatterStyle(disc(style, graph->pen().color(), hollow, square, true));
}

/// From edge to edge of the x axis, which has its range.
void drawLevel(QCustomPlot& plot, const Frame& frame, const QString& name, const QPen& pen, double value,
               QCPAxis* axis = nullptr) {
  if (!std::isfinite(value)) return;
  QCPGraph* line = addSeries(plot, frame, name, pen, axis, false);
  line->setLayer("grid");
  line->addData(frame.x->range().lower, value);
  line->addData(frame.x->range().upper, value);
}

/// Thin lines where blocks are quantized, numbered where there is room. To be called when the axes have their places.
void markBlocks(QCustomPlot& plot, const Frame& frame, const Style& style, const Curves& curves) {
  const QFontMetricsF metrics(style.font(0.75));
  double free = -HUGE_VAL;
  for (const auto& [step, stage] : curves.stages) {
    auto* line = new QCPItemStraightLine(&plot);
    line->setClipAxisRect(frame.rect);
    line->setLayer("grid");
    line->setSelectable(false);
    line->setObjectName("block");
    line->setPen(style.pen(style.softInk(), 0.5, Qt::DotLine));
    for (auto* point : {line->point1, line->point2}) {
      point->setAxes(frame.x, frame.y);
      point->setAxisRect(frame.rect);
      point->setTypeX(QCPItemPosition::ptPlotCoords);
      point->setTypeY(QCPItemPosition::ptAxisRectRatio);
    }
    line->point1->setCoords(double(step), 0);
    line->point2->setCoords(double(step), 1);
    const QString number = QString::number(stage);
    const double centre = frame.x->coordToPixel(double(step)), half = metrics.horizontalAdvance(number) / 2;
    if (centre - half < free) continue;
    free = centre + half + style.points(2);
    auto* text = new QCPItemText(&plot);
    text->setLayer("grid");
    text->setClipToAxisRect(false);
    text->setSelectable(false);
    text->position->setAxes(frame.x, frame.y);
    text->position->setAxisRect(frame.rect);
    text->position->setTypeX(QCPItemPosition::ptPlotCoords);
    text->position->setTypeY(QCPItemPosition::ptAxisRectRatio);
    text->position->setCoords(double(step), 0);
    text->setPositionAlignment(Qt::AlignHCenter | Qt::AlignTop);
    text->setText(number);
    text->setFont(style.font(0.75));
    text->setColor(style.softInk());
    text->setBrush(style.paper());
  }
}

void labelSteps(const Frame& frame, const Style& style, double last) {
  fitEpochs(frame.x, {0, last});
  labelAxis(frame.x, style, QObject::tr("optimizer step"), QSharedPointer<IntegerTicker>::create());
}

/// Numbers of a block stand on the upper edge, where no curve is to run.
void leaveHeadroom(QCPAxis* axis, double share) {
  const QCPRange range = axis->range();
  if (axis->scaleType() == QCPAxis::stLogarithmic) {
    axis->setRangeUpper(range.upper * std::pow(range.upper / range.lower, share));
  } else {
    axis->setRangeUpper(range.upper + share * range.size());
  }
}

QStringList stepNotes(const Curves& curves) {
  QStringList notes;
  if (curves.blocks > 0)
    notes << QObject::tr("dotted upright: a block of layers is quantized, %1 in all").arg(curves.blocks);
  if (curves.stepsPerEpoch > 0) notes << QObject::tr("%1 steps to the epoch").arg(curves.stepsPerEpoch);
  return notes;
}

}  // namespace

std::vector<QString> finetunedSettings(const RunResults& run) {
  std::vector<QString> names;
  for (const auto& row : run.finetuning) {
    const QString name = QString::fromStdString(row.setting);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

Drawn FinetuneFigure::draw(QCustomPlot& plot, const Style& style) const {
  return id().name.isEmpty() ? drawAllSettings(plot, style) : drawSetting(plot, style);
}

Drawn FinetuneFigure::drawSetting(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const Curves curves = collect(run(), id().name.toStdString());
  if (curves.rows.empty()) {
    drawn.nothing = tr("These bits were not fine-tuned yet (quantization.finetune).");
    return drawn;
  }
  const Frame frame = makeFrame(plot, style, tr("Fine-tuning of %1").arg(id().name));
  std::vector<double> losses{curves.floating.loss, curves.untuned.loss};
  std::vector<double> accuracies{curves.floating.accuracy, curves.untuned.accuracy};
  double last = curves.last;
  const auto hold = [&](const Curves& one) {
    for (const auto& [split, rows] : one.rows) {
      for (const auto* row : rows) losses.push_back(row->loss), accuracies.push_back(accuracyOf(*row));
    }
    last = std::max(last, one.last);
  };
  hold(curves);
  for (const auto& peer : peers()) hold(collect(*peer, id().name.toStdString()));
  std::vector<std::string> splits;
  for (const char* split : {"train", "test"}) {
    const auto found = curves.rows.find(split);
    if (found == curves.rows.end()) continue;
    splits.push_back(split);
    const bool test = std::string(split) == "test";
    const Qt::PenStyle line = test ? Qt::DashLine : Qt::SolidLine;
    QCPGraph* loss = addSeries(plot, frame, tr("loss, %1").arg(split), style.pen(style.blue(), 1.3, line));
    QCPGraph* accuracy =
        addSeries(plot, frame, tr("accuracy, %1").arg(split), style.pen(colors::orange, 1.1, line), frame.right);
    setCurve(loss, found->second, lossOf), setCurve(accuracy, found->second, accuracyOf);
    mark(loss, style, false, test), mark(accuracy, style, true, test);
  }
  const bool logarithmic = wantsLogarithm(losses);
  labelSteps(frame, style, last);
  fitAxis(frame.y, losses, logarithmic, 0.08);
  fitAxis(frame.right, accuracies, false, 0.08);
  frame.right->setRange(std::max(0.0, frame.right->range().lower), std::min(104.0, frame.right->range().upper));
  for (auto* axis : {frame.y, frame.right}) leaveHeadroom(axis, curves.blocks > 0 ? 0.1 : 0);
  labelAxis(
      frame.y, style, logarithmic ? tr("mean cross-entropy (log)") : tr("mean cross-entropy"),
      logarithmic ? QSharedPointer<QCPAxisTicker>(new DecadeTicker) : QSharedPointer<QCPAxisTicker>(new RoundTicker),
      style.blue());
  labelAxis(frame.right, style, tr("accuracy (%)"), QSharedPointer<RoundTicker>::create(), colors::orange);
  const QString of = QString::fromStdString(levelSplit(run()));
  const auto level = [&](const Level& each, const QString& name, Qt::PenStyle line) {
    if (!std::isfinite(each.loss)) return;
    legendSample(plot, frame, tr("%1 (%2)").arg(name, of), style.pen(style.softInk(), 1, line));
    drawLevel(plot, frame, tr("loss, %1").arg(name), style.pen(style.blue(), 0.9, line), each.loss);
    drawLevel(plot, frame, tr("accuracy, %1").arg(name), style.pen(colors::orange, 0.9, line), each.accuracy,
              frame.right);
  };
  level(curves.floating, tr("float"), Qt::DotLine);
  level(curves.untuned, tr("not tuned"), Qt::DashDotLine);
  finishFrame(plot, frame, style);
  markBlocks(plot, frame, style, curves);
  drawn.provenance.split = joined(splits);
  drawn.provenance.notes << stepNotes(curves);
  return drawn;
}

Drawn FinetuneFigure::drawAllSettings(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const auto names = finetunedSettings(run());
  if (names.empty()) {
    drawn.nothing = tr("Nothing was fine-tuned yet (quantization.finetune).");
    return drawn;
  }
  const std::string split = levelSplit(run());
  const Frame frame =
      makeFrame(plot, style, tr("Fine-tuning by setting, %1 accuracy").arg(QString::fromStdString(split)));
  std::vector<std::pair<QString, Curves>> all;
  std::vector<double> accuracies;
  double last = 0;
  const auto hold = [&](const Curves& one) {
    const auto rows = one.rows.find(split);
    if (rows != one.rows.end()) {
      for (const auto* row : rows->second) accuracies.push_back(accuracyOf(*row));
    }
    accuracies.insert(accuracies.end(), {one.floating.accuracy, one.untuned.accuracy});
    last = std::max(last, one.last);
  };
  for (const auto& name : names) {
    all.emplace_back(name, collect(run(), name.toStdString()));
    hold(all.back().second);
  }
  for (const auto& peer : peers()) {
    for (const auto& name : finetunedSettings(*peer)) hold(collect(*peer, name.toStdString()));
  }
  labelSteps(frame, style, last);
  bool anyUntuned = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& [name, curves] = all[i];
    const QColor color = colorAmong(style, i, all.size());
    const auto rows = curves.rows.find(split);
    if (rows == curves.rows.end()) continue;
    const Qt::PenStyle line = split == "test" ? Qt::DashLine : Qt::SolidLine;
    QCPGraph* graph = addSeries(plot, frame, name, style.pen(color, 1.3, line));
    setCurve(graph, rows->second, accuracyOf);
    mark(graph, style, false, split == "test");
    drawLevel(plot, frame, tr("%1, not tuned").arg(name), style.pen(color, 0.9, Qt::DashDotLine),
              curves.untuned.accuracy);
    anyUntuned = anyUntuned || std::isfinite(curves.untuned.accuracy);
  }
  const double floating = all.front().second.floating.accuracy;
  if (std::isfinite(floating)) {
    const QPen pen = style.pen(style.softInk(), 1, Qt::DotLine);
    drawLevel(plot, frame, tr("float"), pen, floating);
    legendSample(plot, frame, tr("float"), pen);
  }
  if (anyUntuned) legendSample(plot, frame, tr("not tuned"), style.pen(style.softInk(), 1, Qt::DashDotLine));
  fitAxis(frame.y, accuracies, false, 0.08);
  labelAxis(frame.y, style, tr("accuracy (%)"), QSharedPointer<RoundTicker>::create());
  // Blocks are quantized at the same steps in every setting.
  leaveHeadroom(frame.y, all.front().second.blocks > 0 ? 0.1 : 0);
  finishFrame(plot, frame, style);
  markBlocks(plot, frame, style, all.front().second);
  drawn.provenance.split = QString::fromStdString(split);
  drawn.provenance.notes << stepNotes(all.front().second);
  return drawn;
}

std::string FinetuneFigure::csv() const {
  const std::string wanted = id().name.toStdString();
  return csvOf(run().finetuning, [&](const FinetuneRow& row) { return wanted.empty() || row.setting == wanted; });
}

}  // namespace eigenscape
