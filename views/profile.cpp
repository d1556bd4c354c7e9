// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/profile.h"

#include <algorithm>
#include <cmath>

#include "views/caption.h"
#include "views/direction_words.h"
#include "views/plot_items.h"
#include "views/plotting.h"
#include "views/tickers.h"
#include "views/value_scale.h"

namespace eigenscape {
namespace {

using Points = std::map<double, const ProfileRow*>;

/// The eigenvalue whose parabola the profile may be compared with.
const SpectrumRow* eigenvalueFor(const RunResults& run, const LandscapeInfo& info, std::int64_t epoch) {
  const auto index = eigenvectorIndex(info.x);
  // ½λα² holds for steps of length α along the unit vector; a rescaled direction is another one.
  if (!index || info.normalization == "filter" || info.normalization == "layer") return nullptr;
  for (const auto& row : run.spectrum) {
    if (row.scope == "model" && row.epoch == epoch && row.index == *index && std::isfinite(row.eigenvalue)) return &row;
  }
  return nullptr;
}

/// The loss at α = 0; nan when it was not measured.
double lossAtCentre(const Points& points, double extent) {
  for (const auto& [alpha, row] : points) {
    if (std::abs(alpha) <= 1e-9 * extent) return row->loss;
  }
  return qQNaN();
}

/// L0 + ½λα² as far as it stays within the losses that were measured.
void addParabola(QCustomPlot& plot, const Frame& frame, const Style& style, const SpectrumRow& eigen, double atCentre,
                 double reach, double lowest, double highest) {
  const double lambda = eigen.eigenvalue;
  QCPGraph* graph = addSeries(plot, frame, QStringLiteral("L(0) + ½λα², λ = %1").arg(numberText(lambda, 4)),
                              style.pen(colors::vermillion, 1.2, Qt::DashDotLine));
  graph->setObjectName("parabola");
  const double room = lambda > 0 ? highest - atCentre : atCentre - lowest;
  const double limit = lambda == 0 ? reach : std::min(reach, std::sqrt(2 * std::max(0.0, room) / std::abs(lambda)));
  constexpr int steps = 50;
  for (int i = -steps; i <= steps; ++i) {
    const double alpha = limit * i / steps;
    graph->addData(alpha, atCentre + lambda * alpha * alpha / 2);
  }
}

void hatchGaps(QCustomPlot& plot, const Frame& frame, const Style& style, const Points& points) {
  auto* cells = new HatchedCells(&plot, frame.rect, style);
  for (auto at = points.begin(); at != points.end(); ++at) {
    if (std::isfinite(at->second->loss)) continue;
    const double before = at == points.begin() ? at->first : std::prev(at)->first;
    const double after = std::next(at) == points.end() ? at->first : std::next(at)->first;
    cells->addCell({(before + at->first) / 2, (after + at->first) / 2}, frame.y->range());
  }
}

}  // namespace

std::optional<std::int64_t> ProfileFigure::shownEpoch() const {
  std::vector<std::int64_t> epochs;
  for (const auto& row : run().profiles) {
    if (row.name == id().name.toStdString()) epochs.push_back(row.epoch);
  }
  return epochToShow(epochs, epoch());
}

Drawn ProfileFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const auto shown = shownEpoch();
  if (!shown) {
    drawn.nothing = tr("The profile “%1” has no points yet.").arg(id().name);
    return drawn;
  }
  const LandscapeInfo info = landscapeInfo(run().info, "profile", id().name.toStdString());
  std::map<std::string, Points> splits;
  std::vector<double> alphas, losses, accuracies;
  std::size_t notFinite = 0;
  for (const auto& row : run().profiles) {
    if (row.name != id().name.toStdString() || row.epoch != *shown) continue;
    splits[row.split][row.alpha] = &row;
    alphas.push_back(row.alpha);
    if (std::isfinite(row.loss)) losses.push_back(row.loss);
    accuracies.push_back(row.accuracy * 100);
    notFinite += !std::isfinite(row.loss);
  }
  const QString along = directionName(info.x, id().name);
  const Frame frame = makeFrame(plot, style, tr("Loss along %1, %2").arg(along, epochWords(*shown, epoch())));
  const QColor muted(0xE6, 0x9F, 0x00, 150);  // only the background of the story
  QStringList names;
  std::vector<QCPGraph*> background;  // drawn first, named last
  for (const char* split : {"train", "test"}) {
    const auto found = splits.find(split);
    if (found == splits.end()) continue;
    names << split;
    const bool test = std::string(split) == "test";
    const Qt::PenStyle line = test ? Qt::DashLine : Qt::SolidLine;
    QCPGraph* accuracy =
        addSeries(plot, frame, tr("accuracy, %1").arg(split), style.pen(muted, 0.8, line), frame.right, false);
    QCPGraph* loss = addSeries(plot, frame, tr("loss, %1").arg(split), style.pen(colors::blue, 1.4, line));
    background.push_back(accuracy);
    for (const auto& [alpha, row] : found->second) {
      loss->addData(alpha, std::isfinite(row->loss) ? row->loss : qQNaN());
      accuracy->addData(alpha, row->accuracy * 100);
    }
  }
  const bool logarithmic = wantsLogarithm(losses);
  fitAxis(frame.x, alphas, false, 0.02);
  fitAxis(frame.y, losses, logarithmic, 0.06);
  fitAxis(frame.right, accuracies, false, 0.06);
  const QCPRange share = frame.right->range();
  frame.right->setRange(std::max(share.lower, -3.0), std::min(share.upper, 103.0));
  labelAxis(frame.x, style, directionTitle(info.x, info.normalization, tr("α")), QSharedPointer<RoundTicker>::create());
  labelAxis(
      frame.y, style, logarithmic ? tr("mean cross-entropy (log)") : tr("mean cross-entropy"),
      logarithmic ? QSharedPointer<QCPAxisTicker>(new DecadeTicker) : QSharedPointer<QCPAxisTicker>(new RoundTicker));
  labelAxis(frame.right, style, tr("accuracy (%)"), QSharedPointer<RoundTicker>::create(), colors::orange.darker(125));
  if (notFinite) {
    for (const auto& [split, points] : splits) hatchGaps(plot, frame, style, points);
    drawn.provenance.notes << tr("%1 of %2 points not finite (hatched)").arg(notFinite).arg(alphas.size());
  }
  if (const SpectrumRow* eigen = eigenvalueFor(run(), info, *shown)) {
    const double reach = std::max(std::abs(*std::min_element(alphas.begin(), alphas.end())),
                                  std::abs(*std::max_element(alphas.begin(), alphas.end())));
    const double centre = lossAtCentre(splits[eigen->split], reach);
    if (std::isfinite(centre)) {
      addParabola(plot, frame, style, *eigen, centre, reach, *std::min_element(losses.begin(), losses.end()),
                  *std::max_element(losses.begin(), losses.end()));
    }
  }
  for (auto* graph : background) graph->addToLegend(frame.legend);
  finishFrame(plot, frame, style);
  drawn.provenance.split = names.join(" and ");
  drawn.provenance.samples = info.samples;
  drawn.provenance.epoch = *shown;
  drawn.provenance.curvature = eigenvectorIndex(info.x).has_value();
  return drawn;
}

std::string ProfileFigure::csv() const {
  const auto shown = shownEpoch();
  return csvOf(run().profiles, [&](const ProfileRow& row) {
    return shown && row.name == id().name.toStdString() && row.epoch == *shown;
  });
}

}  // namespace eigenscape
