// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/profile.h"

#include <algorithm>
#include <cmath>
#include <set>

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
std::vector<QPointF> parabolaOf(double lambda, double atCentre, double reach, double lowest, double highest) {
  const double room = lambda > 0 ? highest - atCentre : atCentre - lowest;
  const double limit = lambda == 0 ? reach : std::min(reach, std::sqrt(2 * std::max(0.0, room) / std::abs(lambda)));
  constexpr int steps = 50;
  std::vector<QPointF> points;
  for (int i = -steps; i <= steps; ++i) {
    const double alpha = limit * i / steps;
    points.emplace_back(alpha, atCentre + lambda * alpha * alpha / 2);
  }
  return points;
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

ProfileCurves profileCurves(const RunResults& run, const std::string& name, std::int64_t wanted) {
  ProfileCurves curves;
  std::vector<std::int64_t> epochs;
  for (const auto& row : run.profiles) {
    if (row.name == name) epochs.push_back(row.epoch);
  }
  curves.epoch = epochToShow(epochs, wanted);
  for (const auto& row : run.profiles) {
    if (row.name != name || row.epoch != curves.epoch) continue;
    curves.splits[row.split][row.alpha] = &row;
    curves.alphas.push_back(row.alpha);
    if (std::isfinite(row.loss)) curves.losses.push_back(row.loss);
    curves.accuracies.push_back(row.accuracy * 100);
    curves.notFinite += !std::isfinite(row.loss);
  }
  if (!curves.epoch || curves.losses.empty()) return curves;
  const SpectrumRow* eigen = eigenvalueFor(run, landscapeInfo(run.info, "profile", name), *curves.epoch);
  if (!eigen) return curves;
  const auto [first, last] = std::minmax_element(curves.alphas.begin(), curves.alphas.end());
  const double reach = std::max(std::abs(*first), std::abs(*last));
  const auto own = curves.splits.find(eigen->split);
  if (own == curves.splits.end()) return curves;
  const double centre = lossAtCentre(own->second, reach);
  if (!std::isfinite(centre)) return curves;
  const auto [lowest, highest] = std::minmax_element(curves.losses.begin(), curves.losses.end());
  curves.eigenvalue = eigen->eigenvalue;
  curves.parabola = parabolaOf(eigen->eigenvalue, centre, reach, *lowest, *highest);
  return curves;
}

namespace {

/// Of the network quantized at each setting that was evaluated at this epoch.
std::vector<std::pair<std::string, ProfileCurves>> quantizedCurves(const RunResults& run, const std::string& name,
                                                                   std::int64_t epoch) {
  std::set<std::string> settings;
  for (const auto& row : run.profiles) {
    const auto [landscape, setting] = landscapeAndSetting(row.name);
    if (landscape == name && row.epoch == epoch && !setting.empty()) settings.insert(setting);
  }
  std::vector<std::pair<std::string, ProfileCurves>> all;
  all.reserve(settings.size());
  for (const auto& setting : settings)
    all.emplace_back(setting, profileCurves(run, quantizedName(name, setting), epoch));
  return all;
}

/// Loss and accuracy of one network; `setting` is empty for that in floating point. Where there are several networks
/// only one split's accuracy is drawn: `allAccuracies`. Returns the splits; accuracies are not in the legend yet.
QStringList addNetwork(QCustomPlot& plot, const Frame& frame, const Style& style, const ProfileCurves& curves,
                       const QString& setting, bool allAccuracies, std::vector<QCPGraph*>& accuracies) {
  QStringList names;
  const bool quantized = !setting.isEmpty();
  for (const char* split : {"train", "test"}) {
    const auto found = curves.splits.find(split);
    if (found == curves.splits.end()) continue;
    names << split;
    const bool test = std::string(split) == "test", last = test || !curves.splits.contains("test");
    const Qt::PenStyle line = test ? Qt::DashLine : Qt::SolidLine;
    if (allAccuracies || last) {
      const QString name =
          quantized ? QObject::tr("accuracy, %1, %2").arg(split, setting) : QObject::tr("accuracy, %1").arg(split);
      const QPen pen = quantized ? style.pen(colors::orange, 1.1, Qt::DotLine) : style.pen(colors::orange, 0.9, line);
      accuracies.push_back(addSeries(plot, frame, name, pen, frame.right, false));
      for (const auto& [alpha, row] : found->second) accuracies.back()->addData(alpha, row->accuracy * 100);
    }
    // Dashes mean the same in every colour.
    const QString name =
        quantized ? QObject::tr("loss, %1, %2").arg(split, setting) : QObject::tr("loss, %1").arg(split);
    QCPGraph* loss = addSeries(plot, frame, name, style.pen(quantized ? colors::green : style.blue(), 1.4, line));
    loss->setObjectName((quantized ? setting + ", " : QString()) + split);
    for (const auto& [alpha, row] : found->second) loss->addData(alpha, std::isfinite(row->loss) ? row->loss : qQNaN());
  }
  return names;
}

}  // namespace

Drawn ProfileFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const ProfileCurves curves = profileCurves(run(), id().name.toStdString(), epoch());
  const auto& [shown, splits] = std::tie(curves.epoch, curves.splits);
  if (!shown) {
    drawn.nothing = tr("The profile “%1” has no points yet.").arg(id().name);
    return drawn;
  }
  const LandscapeInfo info = landscapeInfo(run().info, "profile", id().name.toStdString());
  const QString along = alongWords(info.x, id().name);
  const Frame frame = makeFrame(plot, style, tr("Loss %1, %2").arg(along, epochWords(*shown, epoch())));
  if (const QString note = batchNormNote(info); !note.isEmpty()) drawn.provenance.notes << note;
  const auto quantized = quantizedCurves(run(), id().name.toStdString(), *shown);
  std::vector<QCPGraph*> background;  // drawn first, named last
  const QStringList names = addNetwork(plot, frame, style, curves, {}, quantized.empty(), background);
  std::vector<double> losses = curves.losses, accuracies = curves.accuracies;
  for (const auto& [setting, its] : quantized) {
    addNetwork(plot, frame, style, its, QString::fromStdString(setting), false, background);
    losses.insert(losses.end(), its.losses.begin(), its.losses.end());
    accuracies.insert(accuracies.end(), its.accuracies.begin(), its.accuracies.end());
    drawn.provenance.notes << tr("the network quantized with %1 at every point").arg(QString::fromStdString(setting));
    if (its.notFinite) drawn.provenance.notes << tr("%1: %2 points not finite").arg(setting.c_str()).arg(its.notFinite);
  }
  const bool logarithmic = wantsLogarithm(losses);
  fitAxis(frame.x, curves.alphas, false, 0.02);
  fitAxis(frame.y, losses, logarithmic, 0.06);
  fitAxis(frame.right, accuracies, false, 0.06);
  const QCPRange share = frame.right->range();
  frame.right->setRange(std::max(share.lower, -3.0), std::min(share.upper, 103.0));
  labelAxis(frame.x, style, directionTitle(info.x, info.normalization, tr("α")), QSharedPointer<RoundTicker>::create());
  labelAxis(
      frame.y, style, logarithmic ? tr("mean cross-entropy (log)") : tr("mean cross-entropy"),
      logarithmic ? QSharedPointer<QCPAxisTicker>(new DecadeTicker) : QSharedPointer<QCPAxisTicker>(new RoundTicker));
  labelAxis(frame.right, style, tr("accuracy (%)"), QSharedPointer<RoundTicker>::create(), colors::orange);
  if (curves.notFinite) {
    for (const auto& [split, points] : splits) hatchGaps(plot, frame, style, points);
    drawn.provenance.notes
        << tr("%1 of %2 points not finite (hatched)").arg(curves.notFinite).arg(curves.alphas.size());
  }
  if (!curves.parabola.empty()) {
    QCPGraph* graph =
        addSeries(plot, frame, QStringLiteral("L(0) + ½λα², λ = %1").arg(numberText(curves.eigenvalue, 4)),
                  style.pen(colors::vermillion, 1.2, Qt::DashDotLine));
    graph->setObjectName("parabola");
    for (const auto& point : curves.parabola) graph->addData(point.x(), point.y());
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
  const auto name = id().name.toStdString();
  const auto curves = profileCurves(run(), name, epoch());
  const auto [whole, setting] = landscapeAndSetting(name);
  return csvOf(run().profiles, [&, &whole = whole, &setting = setting](const ProfileRow& row) {
    // Of one setting, as comparisons have it: with the network in floating point, which is drawn with it.
    const bool ours =
        setting.empty() ? landscapeAndSetting(row.name).first == name : row.name == name || row.name == whole;
    return ours && row.epoch == curves.epoch;
  });
}

}  // namespace eigenscape
