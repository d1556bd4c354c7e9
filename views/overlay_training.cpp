// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <map>

#include "views/overlay.h"
#include "views/plot_parts.h"

// What is shown over the epochs of a training.
namespace eigenscape {
namespace {

QString tr(const char* text) {
  return QObject::tr(text);
}

/// One value of each epoch; a later row of the same epoch wins.
using Course = std::map<std::int64_t, double>;

OverlaySeries seriesOf(std::size_t run, const QString& what, const std::string& split, const Course& course) {
  OverlaySeries series;
  series.run = run;
  series.what = split.empty() ? what : what + ", " + QString::fromStdString(split);
  series.line = split == "test" ? Qt::DashLine : Qt::SolidLine;
  series.markers = course.size() <= manyPoints;
  for (const auto& [epoch, value] : course) series.points.push_back({double(epoch), value, 0, false});
  return series;
}

OverlayPanel overEpochs(const QString& title, const QString& yLabel) {
  OverlayPanel panel;
  panel.title = title;
  panel.across = OverlayPanel::Across::Epochs;
  panel.xLabel = tr("epoch");
  panel.yLabel = yLabel;
  return panel;
}

void nameSplits(OverlayPanel& panel) {
  const auto drawn = [&](Qt::PenStyle line) {
    return std::any_of(panel.series.begin(), panel.series.end(), [&](const auto& one) { return one.line == line; });
  };
  if (!drawn(Qt::DashLine)) return;
  if (drawn(Qt::SolidLine)) panel.legend.push_back({tr("train"), Qt::SolidLine});
  panel.legend.push_back({tr("test"), Qt::DashLine});
}

template <class Row, class Value>
Course courseOf(const std::vector<Row>& rows, const std::string& split, Value&& value) {
  Course course;
  for (const Row& row : rows) {
    if (row.split == split) course[row.epoch] = value(row);
  }
  return course;
}

std::size_t notFinite(const OverlayPanel& panel) {
  std::size_t count = 0;
  for (const double value : valuesOf(panel.series)) count += std::isfinite(value) ? 0 : 1;
  return count;
}

}  // namespace

Overlay overlaidTraining(const ComparedRuns& runs) {
  Overlay overlay;
  OverlayPanel losses = overEpochs(tr("Loss"), tr("mean cross-entropy"));
  OverlayPanel accuracies = overEpochs(tr("Accuracy"), tr("accuracy (%)"));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& rows = runs[i].run->metrics;
    const auto splits = splitsOf(rows, [](const MetricRow&) { return true; });
    for (const auto& split : splits) {
      losses.series.push_back(
          seriesOf(i, tr("loss"), split, courseOf(rows, split, [](const MetricRow& row) { return row.loss; })));
      // What a network of NaN says is the first class, whatever it sees.
      const auto accuracy = [](const MetricRow& row) { return std::isfinite(row.loss) ? 100 * row.accuracy : qQNaN(); };
      accuracies.series.push_back(seriesOf(i, tr("accuracy"), split, courseOf(rows, split, accuracy)));
    }
    Provenance provenance;
    provenance.split = joined(splits);
    overlay.provenance.push_back(provenance);
  }
  losses.y = ValueAxis::ofLosses(valuesOf(losses.series));
  if (const auto count = notFinite(losses)) {
    overlay.notes << tr("%1 losses not finite, left out with their accuracy").arg(count);
  }
  for (auto* panel : {&losses, &accuracies}) nameSplits(*panel);
  overlay.panels = {losses, accuracies};
  return overlay;
}

Overlay overlaidGradient(const ComparedRuns& runs) {
  Overlay overlay;
  OverlayPanel shares = overEpochs(tr("Share of the gradient in the top subspace"), tr("share in the subspace"));
  OverlayPanel norms = overEpochs(tr("Norm of the gradient"), tr("norm ‖∇L‖₂"));
  QStringList vectors;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& rows = runs[i].run->gradients;
    const auto splits = splitsOf(rows, [](const GradientRow&) { return true; });
    for (const auto& split : splits) {
      Course share = courseOf(rows, split, [](const GradientRow& row) { return row.share; });
      // A gradient of norm 0 has no place on a logarithmic axis.
      Course norm = courseOf(rows, split, [](const GradientRow& row) { return row.norm > 0 ? row.norm : qQNaN(); });
      // No line across an epoch that was looked at in vain.
      for (const auto epoch : epochsWithoutNumbers(*runs[i].run, split)) {
        share.emplace(epoch, qQNaN());
        norm.emplace(epoch, qQNaN());
      }
      shares.series.push_back(seriesOf(i, tr("share"), split, share));
      norms.series.push_back(seriesOf(i, tr("norm"), split, norm));
    }
    if (!rows.empty()) vectors << QString::number(rows.back().vectors);
    Provenance provenance;
    provenance.split = joined(splits);
    provenance.samples = curvatureSamples(runs[i].run->info);
    provenance.curvature = true;
    overlay.provenance.push_back(provenance);
  }
  shares.yRange = {0, 1.04};
  norms.y = ValueAxis::logarithmic();
  vectors.removeDuplicates();
  overlay.notes << tr("share: ‖Uᵀ∇L‖² / ‖∇L‖², U the top %1 eigenvectors").arg(vectors.join(" / "));
  if (const auto count = notFinite(norms)) overlay.notes << tr("%1 norms zero or not finite, left out").arg(count);
  for (auto* panel : {&shares, &norms}) nameSplits(*panel);
  overlay.panels = {shares, norms};
  return overlay;
}

Overlay overlaidOverhead(const ComparedRuns& runs) {
  Overlay overlay;
  OverlayPanel times = overEpochs(tr("Time of an epoch"), tr("time (s)"));
  OverlayPanel shares = overEpochs(tr("Curvature's share of it"), tr("share of curvature (%)"));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    Course training, curvature, share;
    for (const auto& row : runs[i].run->overhead) {
      // Before the first step there is nothing to train, and between measured epochs nothing of curvature.
      if (row.trainingSeconds > 0) training[row.epoch] = row.trainingSeconds;
      if (row.curvatureSeconds > 0) curvature[row.epoch] = row.curvatureSeconds;
      if (row.curvatureSeconds > 0) share[row.epoch] = 100 * row.share;
    }
    times.series.push_back(seriesOf(i, tr("training"), {}, training));
    OverlaySeries looking = seriesOf(i, tr("curvature"), {}, curvature);
    looking.square = true;
    looking.line = Qt::DotLine;
    times.series.push_back(looking);
    shares.series.push_back(seriesOf(i, tr("share of curvature"), {}, share));
    Provenance provenance;
    provenance.curvature = true;
    overlay.provenance.push_back(provenance);
  }
  times.legend = {{tr("training"), Qt::SolidLine}, {tr("curvature"), Qt::DotLine, true}};
  times.y = ValueAxis(valuesOf(times.series));
  shares.yRange = {0, 104};
  overlay.panels = {times, shares};
  return overlay;
}

}  // namespace eigenscape
