// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <map>

#include "views/direction_words.h"
#include "views/overlay.h"
#include "views/plot_parts.h"
#include "views/profile.h"

// Profiles, valleys of surfaces, layers and their sensitivities of several runs.
namespace eigenscape {
namespace {

constexpr double confidence = 1.96;  // standard errors to 95 %

QString tr(const char* text) {
  return QObject::tr(text);
}

template <class Row>
bool isLayers(const Row& row) {
  return row.scope != "model";
}

/// All layers in network order; those of a network of another depth come after their neighbour there.
void addNames(std::vector<std::string>& all, const std::vector<std::string>& more) {
  auto after = all.begin();
  for (const auto& name : more) {
    const auto found = std::find(all.begin(), all.end(), name);
    after = (found == all.end() ? all.insert(after, name) : found) + 1;
  }
}

template <class Row, class Keep, class Name>
std::vector<std::string> namesIn(const std::vector<Row>& rows, Keep&& keep, Name&& name) {
  std::vector<std::string> names;
  for (const Row& row : rows) {
    if (keep(row) && std::find(names.begin(), names.end(), name(row)) == names.end()) names.push_back(name(row));
  }
  return names;
}

void nameLayers(OverlayPanel& panel, const std::vector<std::string>& names) {
  panel.across = OverlayPanel::Across::Names;
  panel.layers = true;
  for (std::size_t k = 0; k < names.size(); ++k) panel.names.emplace_back(double(k), QString::fromStdString(names[k]));
  panel.xRange = {-0.6, double(names.size()) - 0.4};
}

std::size_t placeOf(const std::vector<std::string>& names, const std::string& name) {
  return std::size_t(std::find(names.begin(), names.end(), name) - names.begin());
}

OverlaySeries markersOf(std::size_t run, const QString& what) {
  OverlaySeries series;
  series.run = run;
  series.what = what;
  series.line = Qt::NoPen;
  return series;
}

bool hasHollow(const OverlayPanel& panel) {
  return std::any_of(panel.series.begin(), panel.series.end(), [](const OverlaySeries& one) {
    return std::any_of(one.points.begin(), one.points.end(), [](const OverlayPoint& point) { return point.hollow; });
  });
}

/// One of the two quantities of layers: the rows of one epoch and the first split, in the file's order.
template <class Row, class Keep, class Point>
OverlayPanel layersPanel(const ComparedRuns& runs, std::int64_t epoch, std::vector<Row> RunResults::*table, Keep&& keep,
                         Point&& pointOf, Overlay& overlay) {
  OverlayPanel panel;
  std::vector<std::string> names;
  for (const auto& one : runs) {
    addNames(names, namesIn((*one.run).*table, keep, [](const Row& row) { return row.scope; }));
  }
  if (names.empty()) return panel;
  nameLayers(panel, names);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& rows = (*runs[i].run).*table;
    const auto shown = epochToShow(epochsOf(rows, keep), epoch);
    const auto kept = [&](const Row& row) { return keep(row) && row.epoch == shown; };
    const auto splits = splitsOf(rows, kept);
    OverlaySeries series = markersOf(i, {});
    for (const Row& row : rows) {
      if (!kept(row) || row.split != splits.front()) continue;
      OverlayPoint point = pointOf(row);
      point.x = double(placeOf(names, row.scope)) + besideOthers(i, runs.size());
      series.points.push_back(point);
    }
    panel.series.push_back(series);
    auto& provenance = overlay.provenance[i];
    provenance.epoch = std::max(provenance.epoch, shown.value_or(-1));
    if (provenance.split.isEmpty() && !splits.empty()) provenance.split = QString::fromStdString(splits.front());
  }
  return panel;
}

}  // namespace

Overlay overlaidLayers(const ComparedRuns& runs, std::int64_t epoch) {
  Overlay overlay;
  for (const auto& one : runs) {
    Provenance provenance;
    provenance.curvature = true;
    provenance.samples = curvatureSamples(one.run->info);
    overlay.provenance.push_back(provenance);
  }
  const QString matrix = commonOperator(runs).matrix;
  OverlayPanel top = layersPanel(
      runs, epoch, &RunResults::spectrum, [](const SpectrumRow& row) { return isLayers(row) && row.index == 1; },
      [](const SpectrumRow& row) {
        return OverlayPoint{0, row.eigenvalue, std::abs(row.residual * row.eigenvalue), !row.converged};
      },
      overlay);
  top.title = tr("Largest eigenvalue of each layer");
  top.yLabel = tr("λ₁ of %1").arg(matrix);
  if (hasHollow(top)) top.legend.push_back({tr("not converged"), Qt::NoPen, false, true});
  OverlayPanel traces = layersPanel(
      runs, epoch, &RunResults::traces, [](const TraceRow& row) { return isLayers(row); },
      [](const TraceRow& row) {
        const double error = std::isfinite(row.standardError) ? confidence * row.standardError : 0;
        return OverlayPoint{0, row.trace, error, std::abs(row.trace) < 2 * row.standardError};
      },
      overlay);
  traces.title = tr("Trace of each layer");
  traces.yLabel = tr("trace of %1").arg(matrix);
  if (hasHollow(traces)) traces.legend.push_back({tr("|trace| < 2 SE"), Qt::NoPen, false, true});
  for (auto* panel : {&top, &traces}) {
    if (panel->series.empty()) continue;
    panel->y = ValueAxis(valuesOf(panel->series));
    overlay.notes << panel->y.note();
    overlay.panels.push_back(*panel);
  }
  if (!top.series.empty()) overlay.notes << tr("bars of λ₁: residual ‖Av − λv‖");
  if (!traces.series.empty()) overlay.notes << tr("bars of the trace: ± 1.96 standard errors (SE)");
  return overlay;
}

Overlay overlaidSensitivity(const ComparedRuns& runs) {
  Overlay overlay;
  std::vector<std::string> names;
  std::map<std::int64_t, OverlayPanel> panels;  // by bits
  for (const auto& one : runs) {
    addNames(names, namesIn(
                        one.run->sensitivity, [](const SensitivityRow&) { return true; },
                        [](const SensitivityRow& row) { return row.layer; }));
    for (const auto& row : one.run->sensitivity) panels[row.bits];
  }
  std::size_t refused = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    for (auto& [bits, panel] : panels) {
      OverlaySeries series = markersOf(i, tr("%1 bits").arg(bits));
      for (const auto& row : runs[i].run->sensitivity) {
        if (row.bits != bits) continue;
        const bool shown = row.omega > 0 && std::isfinite(row.omega);
        refused += shown ? 0 : 1;
        if (!shown) continue;
        const double error = std::isfinite(row.standardError) ? std::abs(row.standardError * row.perturbation) : 0;
        series.points.push_back(
            {double(placeOf(names, row.layer)) + besideOthers(i, runs.size()), row.omega, error, !isResolved(row)});
      }
      panel.series.push_back(series);
    }
    Provenance provenance;
    provenance.curvature = true;
    provenance.epoch = runs[i].run->info.epochs;
    provenance.split = runs[i].run->info.curvatureSplit == "test" ? "test" : "train";
    provenance.samples = curvatureSamples(runs[i].run->info);
    overlay.provenance.push_back(provenance);
  }
  for (auto& [bits, panel] : panels) {
    nameLayers(panel, names);
    panel.title = tr("Sensitivity to %1 bits").arg(bits);
    panel.yLabel = tr("sensitivity Ω");
    panel.y = ValueAxis::logarithmic();
    if (hasHollow(panel)) panel.legend.push_back({tr("trace within 2 SE of 0"), Qt::NoPen, false, true});
    overlay.panels.push_back(panel);
  }
  overlay.notes << tr("Ω = mean trace · ‖Q(W) − W‖², ± one standard error (SE)");
  if (refused) overlay.notes << tr("%1 values of Ω ≤ 0 or not finite, left out").arg(refused);
  return overlay;
}

namespace {

/// What others are seen against is of one split.
std::string referenceSplit(const ProfileCurves& curves) {
  if (curves.splits.empty() || curves.splits.contains("train")) return "train";
  return curves.splits.begin()->first;
}

/// Loss and accuracy of one network of a run along a direction, one line for each split. `reference`: what others are
/// seen against, dotted.
void addCurves(OverlayPanel& losses, OverlayPanel& accuracies, std::size_t run, const ProfileCurves& curves,
               bool reference) {
  for (const auto& [split, points] : curves.splits) {
    if (reference && split != referenceSplit(curves)) continue;
    const QString whose = QString::fromStdString(split) + (reference ? tr(", floating point") : QString());
    OverlaySeries loss = markersOf(run, tr("loss, %1").arg(whose));
    loss.line = reference ? Qt::DotLine : split == "test" ? Qt::DashLine : Qt::SolidLine;
    loss.markers = false;
    OverlaySeries accuracy = loss;
    accuracy.what = tr("accuracy, %1").arg(whose);
    for (const auto& [alpha, row] : points) {
      loss.points.push_back({alpha, row->loss, 0, false});
      accuracy.points.push_back({alpha, 100 * row->accuracy, 0, false});
    }
    losses.series.push_back(loss);
    accuracies.series.push_back(accuracy);
  }
}

}  // namespace

/// Of a name NAME@SETTING: the quantized networks, each against its own in floating point.
Overlay overlaidProfile(const QString& name, const ComparedRuns& runs, std::int64_t epoch) {
  Overlay overlay;
  OverlayPanel losses, accuracies;
  const std::string key = name.toStdString();
  const auto [whole, setting] = landscapeAndSetting(key);
  bool parabolas = false;
  QStringList titles, directions, references;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const RunResults& run = *runs[i].run;
    const LandscapeInfo info = landscapeInfo(run.info, "profile", key);
    titles << directionTitle(info.x, info.normalization, tr("α"));
    directions << alongWords(info.x, QString::fromStdString(whole));
    const ProfileCurves curves = profileCurves(run, key, epoch);
    if (curves.notFinite)
      overlay.notes << tr("“%1”: %2 points not finite, left out").arg(runs[i].name).arg(curves.notFinite);
    addCurves(losses, accuracies, i, curves, false);
    if (!setting.empty()) {
      const ProfileCurves reference = profileCurves(run, whole, curves.epoch.value_or(0));
      addCurves(losses, accuracies, i, reference, true);
      if (!reference.splits.empty()) references << QString::fromStdString(referenceSplit(reference));
    }
    // λ is the network's in floating point.
    if (!curves.parabola.empty() && setting.empty()) {
      OverlaySeries parabola = markersOf(i, tr("L(0) + ½λα², λ = %1").arg(numberText(curves.eigenvalue, 4)));
      parabola.line = Qt::DashDotLine;
      parabola.width = 0.7;
      parabola.markers = false;
      for (const auto& point : curves.parabola) parabola.points.push_back({point.x(), point.y(), 0, false});
      losses.series.push_back(parabola);
      parabolas = true;
    }
    Provenance provenance;
    QStringList splits;
    for (const char* split : {"train", "test"}) {
      if (curves.splits.count(split)) splits << split;
    }
    provenance.split = splits.join(tr(" and "));
    provenance.samples = info.samples;
    provenance.epoch = curves.epoch.value_or(-1);
    provenance.curvature = eigenvectorIndex(info.x).has_value();
    overlay.provenance.push_back(provenance);
  }
  titles.removeDuplicates(), directions.removeDuplicates(), references.removeDuplicates();
  QString where = directions.join(tr(" and "));
  if (!setting.empty()) where += tr(" at %1").arg(QString::fromStdString(setting));
  losses.title = tr("Loss %1").arg(where);
  accuracies.title = tr("Accuracy %1").arg(where);
  losses.yLabel = tr("mean cross-entropy");
  accuracies.yLabel = tr("accuracy (%)");
  losses.y = ValueAxis::ofLosses(valuesOf(losses.series));
  const auto drawn = [&](Qt::PenStyle line) {
    return std::any_of(losses.series.begin(), losses.series.end(), [&](const auto& one) { return one.line == line; });
  };
  for (auto* panel : {&losses, &accuracies}) {
    panel->xLabel = titles.size() == 1 ? titles.front() : tr("α");
    if (drawn(Qt::DashLine) && drawn(Qt::SolidLine)) panel->legend.push_back({tr("train"), Qt::SolidLine});
    if (drawn(Qt::DashLine)) panel->legend.push_back({tr("test"), Qt::DashLine});
    if (drawn(Qt::DotLine))
      panel->legend.push_back({tr("floating point, %1").arg(references.join(tr(" or "))), Qt::DotLine});
  }
  if (parabolas) losses.legend.push_back({tr("L(0) + ½λα²"), Qt::DashDotLine});
  overlay.panels = {losses, accuracies};
  return overlay;
}

Overlay overlaidPersistence(const QString& name, const ComparedRuns& runs, std::int64_t epoch) {
  Overlay overlay;
  OverlayPanel panel;
  const std::string key = name.toStdString();
  panel.title = tr("Persistence of the valleys of %1").arg(name);
  panel.xLabel = tr("loss at the lowest point (birth)");
  panel.yLabel = tr("loss where it runs over (death)");
  panel.diagonal = true;
  std::vector<double> all;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& rows = runs[i].run->persistence;
    const auto ours = [&](const PersistenceRow& row) { return row.name == key; };
    const auto shown = epochToShow(epochsOf(rows, ours), epoch);
    const auto splits = splitsOf(rows, [&](const PersistenceRow& row) { return ours(row) && row.epoch == shown; });
    Provenance provenance;
    provenance.epoch = shown.value_or(-1);
    provenance.samples = landscapeInfo(runs[i].run->info, "surface", key).samples;
    if (!splits.empty()) provenance.split = QString::fromStdString(splits.front());
    overlay.provenance.push_back(provenance);
    if (splits.empty()) continue;
    OverlaySeries deepest = markersOf(i, tr("deepest valley")), others = markersOf(i, tr("valley"));
    deepest.square = true;
    for (const auto& row : rows) {
      if (!ours(row) || row.epoch != shown || row.split != splits.front()) continue;
      (row.into == 0 ? deepest : others).points.push_back({row.birth, row.death, 0, false});
      all.insert(all.end(), {row.birth, row.death});
    }
    panel.series.push_back(others);
    panel.series.push_back(deepest);
  }
  panel.x = panel.y = ValueAxis::ofLosses(all);
  panel.legend.push_back({tr("deepest valley, up to the highest point"), Qt::NoPen, true});
  const bool others = std::any_of(panel.series.begin(), panel.series.end(),
                                  [](const auto& one) { return !one.square && !one.points.empty(); });
  if (others) panel.legend.push_back({tr("other valleys"), Qt::NoPen});
  overlay.notes << tr("sublevel sets of the grid, eight neighbours a point");
  overlay.panels = {panel};
  return overlay;
}

}  // namespace eigenscape
