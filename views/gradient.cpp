// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/gradient.h"

#include <algorithm>
#include <cmath>

#include "views/plot_parts.h"
#include "views/tickers.h"

namespace eigenscape {

Drawn GradientFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const auto& rows = run().gradients;
  if (rows.empty()) {
    drawn.nothing = tr("No share of the gradient yet: it appears with the first epoch's eigenvectors.");
    return drawn;
  }
  std::int64_t fewest = rows.front().vectors, most = fewest;
  for (const auto& row : rows) fewest = std::min(fewest, row.vectors), most = std::max(most, row.vectors);
  const QString k = fewest == most ? QString::number(most) : QStringLiteral("%1–%2").arg(fewest).arg(most);
  const Frame frame = makeFrame(plot, style, tr("Gradient in the top-%1 subspace").arg(k));
  const auto splits = splitsOf(rows, [](const GradientRow&) { return true; });
  std::vector<double> epochs, norms;
  std::size_t notFinite = 0, notPositive = 0;
  for (const auto& split : splits) {
    std::map<std::int64_t, const GradientRow*> byEpoch;  // a later row of the same epoch wins
    for (const auto& row : rows) {
      if (row.split == split) byEpoch[row.epoch] = &row;
    }
    const Qt::PenStyle line = split == "test" ? Qt::DashLine : Qt::SolidLine;
    const QString of = QString::fromStdString(split);
    QCPGraph* share = addSeries(plot, frame, tr("share, %1").arg(of), style.pen(style.blue(), 1.3, line));
    QCPGraph* norm = addSeries(plot, frame, tr("norm, %1").arg(of), style.pen(colors::orange, 1.1, line), frame.right);
    if (byEpoch.size() <= manyPoints) {
      norm->setScatterStyle(disc(style, colors::orange, false, true, true));
      share->setScatterStyle(disc(style, style.blue(), false));
    }
    for (const auto& [epoch, row] : byEpoch) {
      const bool finite = std::isfinite(row->share) && std::isfinite(row->norm);
      share->addData(double(epoch), std::isfinite(row->share) ? row->share : qQNaN());
      // A gradient of norm 0 has no place on a logarithmic axis.
      norm->addData(double(epoch), row->norm > 0 && std::isfinite(row->norm) ? row->norm : qQNaN());
      notFinite += finite ? 0 : 1;
      notPositive += row->norm == 0 ? 1 : 0;
      epochs.push_back(double(epoch));
      norms.push_back(row->norm);
    }
    // No line across an epoch that was looked at in vain.
    for (const auto epoch : epochsWithoutNumbers(run(), split)) {
      if (byEpoch.count(epoch)) continue;
      share->addData(double(epoch), qQNaN());
      norm->addData(double(epoch), qQNaN());
    }
  }
  // A run that goes on shows the room that is still to be filled.
  if (run().info.status == "running") epochs.push_back(double(run().info.epochs));
  fitEpochs(frame.x, epochs);
  fitAxis(frame.right, norms, true, 0.08);
  frame.y->setRange(0, 1.04);
  labelAxis(frame.x, style, tr("epoch"), QSharedPointer<IntegerTicker>::create());
  labelAxis(frame.y, style, tr("share in the subspace"), QSharedPointer<RoundTicker>::create(), style.blue());
  labelAxis(frame.right, style, tr("norm ‖∇L‖₂ (log)"), QSharedPointer<DecadeTicker>::create(), colors::orange);
  markEpoch(plot, frame, style, epoch());
  finishFrame(plot, frame, style);
  auto& provenance = drawn.provenance;
  provenance.split = joined(splits);
  provenance.samples = curvatureSamples(run().info);
  provenance.curvature = true;
  QStringList& notes = provenance.notes;
  notes << tr("share: ‖Uᵀ∇L‖² / ‖∇L‖², U the top %1 eigenvectors").arg(k);
  if (run().info.parameters > 0) {
    notes << tr("a random subspace holds %1").arg(numberText(double(most) / double(run().info.parameters), 2));
  }
  if (notPositive) notes << tr("%1 gradients of norm 0, left out").arg(notPositive);
  if (notFinite) notes << tr("%1 gradients not finite, left out").arg(notFinite);
  const auto lost = epochsWithoutNumbers(run());
  if (!lost.empty()) notes << withoutNumbersText(lost);
  return drawn;
}

std::string GradientFigure::csv() const {
  return csvOf(run().gradients, [](const GradientRow&) { return true; });
}

}  // namespace eigenscape
