// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/training.h"

#include <cmath>

#include "views/plotting.h"
#include "views/tickers.h"
#include "views/value_scale.h"

namespace eigenscape {
namespace {

constexpr int manyPoints = 40;  // beyond, markers would merge into a thick line

void mark(QCPGraph* graph, const Style& style, QCPScatterStyle::ScatterShape shape, bool hollow, std::size_t points) {
  if (points > manyPoints) return;
  const QColor color = graph->pen().color();
  graph->setScatterStyle(
      QCPScatterStyle(shape, style.pen(color, 0.8), hollow ? QBrush(style.paper()) : QBrush(color), style.points(3.6)));
}

}  // namespace

Drawn TrainingFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  if (run().metrics.empty()) {
    drawn.nothing = tr("No losses yet: they appear when the first epoch has been evaluated.");
    return drawn;
  }
  const Frame frame = makeFrame(plot, style, tr("Training"));
  std::vector<double> epochs, losses, accuracies;
  QStringList splits;
  std::size_t notFinite = 0;
  for (const char* split : {"train", "test"}) {
    std::map<double, const MetricRow*> rows;  // a later row of the same epoch wins
    for (const auto& row : run().metrics) {
      if (row.split == split) rows[double(row.epoch)] = &row;
    }
    if (rows.empty()) continue;
    splits << split;
    const bool test = std::string(split) == "test";
    const Qt::PenStyle line = test ? Qt::DashLine : Qt::SolidLine;
    QCPGraph* loss = addSeries(plot, frame, tr("loss, %1").arg(split), style.pen(style.blue(), 1.3, line));
    QCPGraph* accuracy =
        addSeries(plot, frame, tr("accuracy, %1").arg(split), style.pen(colors::orange, 1.1, line), frame.right);
    mark(loss, style, QCPScatterStyle::ssCircle, test, rows.size());
    mark(accuracy, style, QCPScatterStyle::ssSquare, test, rows.size());
    for (const auto& [epoch, row] : rows) {
      loss->addData(epoch, std::isfinite(row->loss) ? row->loss : qQNaN());
      // What a network of NaN says is the first class, whatever it sees.
      const double share = std::isfinite(row->loss) ? row->accuracy * 100 : qQNaN();
      accuracy->addData(epoch, share);
      epochs.push_back(epoch);
      losses.push_back(row->loss);
      accuracies.push_back(share);
      notFinite += !std::isfinite(row->loss);
    }
  }
  // A run that goes on shows the room that is still to be filled.
  if (run().info.status == "running") epochs.push_back(double(run().info.epochs));
  const bool logarithmic = wantsLogarithm(losses);
  fitEpochs(frame.x, epochs);
  fitAxis(frame.y, losses, logarithmic, 0.08);
  accuracies.insert(accuracies.end(), {0.0});
  fitAxis(frame.right, accuracies, false, 0.08);
  frame.right->setRangeLower(0);
  labelAxis(frame.x, style, tr("epoch"), QSharedPointer<IntegerTicker>::create());
  labelAxis(
      frame.y, style, logarithmic ? tr("mean cross-entropy (log)") : tr("mean cross-entropy"),
      logarithmic ? QSharedPointer<QCPAxisTicker>(new DecadeTicker) : QSharedPointer<QCPAxisTicker>(new RoundTicker),
      style.blue());
  labelAxis(frame.right, style, tr("accuracy (%)"), QSharedPointer<RoundTicker>::create(), colors::orange);
  markEpoch(plot, frame, style, epoch());
  finishFrame(plot, frame, style);
  drawn.provenance.split = splits.join(" and ");
  if (notFinite) drawn.provenance.notes << tr("%1 losses not finite, left out with their accuracy").arg(notFinite);
  return drawn;
}

std::string TrainingFigure::csv() const {
  return csvOf(run().metrics, [](const MetricRow&) { return true; });
}

}  // namespace eigenscape
