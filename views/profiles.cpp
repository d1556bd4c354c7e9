// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>

#include "views/direction_words.h"
#include "views/plot_parts.h"
#include "views/profile.h"
#include "views/tickers.h"
#include "views/value_axis.h"

namespace eigenscape {
namespace {

/// Along unit vectors α is the same length for all.
bool isUnit(const LandscapeInfo& info) {
  return !info.x.empty() && info.normalization != "filter" && info.normalization != "layer" &&
         !info.x.starts_with("toward:");
}

struct Line {
  std::string name;
  QString label;
  ProfileCurves curves;
};

std::vector<Line> linesOf(const RunResults& run, std::int64_t epoch) {
  std::vector<Line> lines;
  QStringList labels;
  for (const auto& name : profileNames(run)) {
    const LandscapeInfo info = landscapeInfo(run.info, "profile", name);
    lines.push_back({name, directionName(info.x, QString::fromStdString(name)), profileCurves(run, name, epoch)});
    labels << lines.back().label;
  }
  // Two profiles along one direction differ by their names.
  for (auto& line : lines) {
    if (labels.count(line.label) > 1) line.label += QStringLiteral(" (%1)").arg(QString::fromStdString(line.name));
  }
  return lines;
}

/// Draws one profile; returns its splits.
QStringList addLine(QCustomPlot& plot, const Frame& frame, const Style& style, const Line& line, const QColor& color) {
  QStringList splits;
  for (const char* split : {"train", "test"}) {
    const auto found = line.curves.splits.find(split);
    if (found == line.curves.splits.end()) continue;
    const bool named = splits.isEmpty(), test = std::string(split) == "test";
    QString name = QObject::tr("%1, %2").arg(line.label, split);
    if (named) name = line.label;
    if (named && !line.curves.parabola.empty())
      name += QStringLiteral(", λ = %1").arg(numberText(line.curves.eigenvalue, 3));
    QCPGraph* graph =
        addSeries(plot, frame, name, style.pen(color, 1.4, test ? Qt::DashLine : Qt::SolidLine), nullptr, named);
    graph->setObjectName(QString::fromStdString(line.name) + ", " + split);
    for (const auto& [alpha, row] : found->second)
      graph->addData(alpha, std::isfinite(row->loss) ? row->loss : qQNaN());
    splits << split;
  }
  if (line.curves.parabola.empty()) return splits;
  QCPGraph* parabola = addSeries(plot, frame, QObject::tr("L(0) + ½λα², %1").arg(line.label),
                                 style.pen(color, 0.7, Qt::DashDotLine), nullptr, false);
  parabola->setObjectName("parabola, " + QString::fromStdString(line.name));
  for (const auto& point : line.curves.parabola) parabola->addData(point.x(), point.y());
  return splits;
}

}  // namespace

std::vector<std::string> profileNames(const RunResults& run) {
  std::vector<std::string> names;
  for (const auto& row : run.profiles) {
    if (!landscapeAndSetting(row.name).second.empty()) continue;
    if (std::find(names.begin(), names.end(), row.name) == names.end()) names.push_back(row.name);
  }
  return names;
}

std::vector<std::string> quantizedProfiles(const RunResults& run, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& row : run.profiles) {
    const auto [landscape, setting] = landscapeAndSetting(row.name);
    if (landscape != name || setting.empty()) continue;
    if (std::find(names.begin(), names.end(), row.name) == names.end()) names.push_back(row.name);
  }
  return names;
}

Drawn ProfilesFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const auto lines = linesOf(run(), epoch());
  if (lines.empty()) {
    drawn.nothing = tr("No profile has points yet.");
    return drawn;
  }
  const Frame frame = makeFrame(plot, style, tr("Loss along %1 directions").arg(lines.size()));
  std::vector<double> alphas, losses;
  QStringList splits, other, anew;
  bool parabolas = false, units = true;
  std::size_t notFinite = 0;
  std::int64_t latest = -1;
  for (const auto& line : lines) latest = std::max(latest, line.curves.epoch.value_or(-1));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const ProfileCurves& curves = lines[i].curves;
    splits << addLine(plot, frame, style, lines[i],
                      peers().empty() ? colorAmong(style, i, lines.size())
                                      // Beside other runs the hues are the runs'.
                                      : style.shade(i, lines.size()));
    alphas.insert(alphas.end(), curves.alphas.begin(), curves.alphas.end());
    losses.insert(losses.end(), curves.losses.begin(), curves.losses.end());
    notFinite += curves.notFinite;
    parabolas |= !curves.parabola.empty();
    if (landscapeInfo(run().info, "profile", lines[i].name).batchNorm == "reestimate") anew << lines[i].label;
    units &= isUnit(landscapeInfo(run().info, "profile", lines[i].name));
    if (curves.epoch != latest) other << tr("%1 at epoch %2").arg(lines[i].label).arg(curves.epoch.value_or(-1));
  }
  splits.removeDuplicates();
  if (splits.size() > 1) legendSample(plot, frame, tr("test (dashed)"), style.pen(style.ink(), 1.1, Qt::DashLine));
  if (parabolas) legendSample(plot, frame, tr("L(0) + ½λα²"), style.pen(style.ink(), 0.7, Qt::DashDotLine));
  fitAxis(frame.x, alphas, false, 0.02);
  labelAxis(frame.x, style,
            units ? tr("distance along each direction (‖Δθ‖₂)") : tr("α, each direction in its own unit"),
            QSharedPointer<RoundTicker>::create());
  // Beside other runs one scale has to suit all of them.
  for (const auto& peer : peers()) {
    for (const auto& line : linesOf(*peer, epoch()))
      losses.insert(losses.end(), line.curves.losses.begin(), line.curves.losses.end());
  }
  ValueAxis::ofLosses(losses).apply(frame.y, style, tr("mean cross-entropy"), losses, 0.06);
  finishFrame(plot, frame, style);
  auto& provenance = drawn.provenance;
  provenance.split = splits.join(tr(" and "));
  provenance.samples = landscapeInfo(run().info, "profile", lines.front().name).samples;
  provenance.epoch = latest;
  provenance.curvature = parabolas;
  if (latest != epoch()) provenance.notes << epochWords(latest, epoch());
  if (!anew.isEmpty()) provenance.notes << tr("BatchNorm statistics estimated anew: %1").arg(anew.join(", "));
  if (!other.isEmpty()) provenance.notes << other.join(", ");
  if (notFinite) provenance.notes << tr("%1 points not finite, left out").arg(notFinite);
  return drawn;
}

std::string ProfilesFigure::csv() const {
  const auto lines = linesOf(run(), epoch());
  return csvOf(run().profiles, [&](const ProfileRow& row) {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const Line& line) { return line.name == row.name && line.curves.epoch == row.epoch; });
  });
}

}  // namespace eigenscape
