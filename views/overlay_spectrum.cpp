// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "views/overlay.h"
#include "views/plot_parts.h"
#include "views/spectrum.h"

// Eigenvalues and densities of several runs.
namespace eigenscape {
namespace {

constexpr double gap = 2;  // between the largest and the smallest eigenvalues

QString tr(const char* text) {
  return QObject::tr(text);
}

Provenance ofOperator(const RunResults& run, const std::vector<std::string>& splits, std::int64_t epoch = -1) {
  Provenance provenance;
  provenance.split = joined(splits);
  provenance.samples = curvatureSamples(run.info);
  provenance.curvature = true;
  provenance.epoch = epoch;
  return provenance;
}

/// Only what is drawn needs a word in the legend.
void nameMarks(OverlayPanel& panel, bool lines) {
  const auto any = [&](auto&& holds) { return std::any_of(panel.series.begin(), panel.series.end(), holds); };
  const auto isTest = [](const OverlaySeries& one) { return one.line == Qt::DashLine || one.square; };
  if (any(isTest)) {
    const Qt::PenStyle solid = lines ? Qt::SolidLine : Qt::NoPen, dashed = lines ? Qt::DashLine : Qt::NoPen;
    if (any([&](const auto& one) { return !isTest(one); })) panel.legend.push_back({tr("train"), solid});
    panel.legend.push_back({tr("test"), dashed, true});
  }
  const bool hollow = any([](const OverlaySeries& one) {
    return std::any_of(one.points.begin(), one.points.end(),
                       [](const OverlayPoint& point) { return point.hollow && std::isfinite(point.value); });
  });
  if (hollow) panel.legend.push_back({tr("not converged"), Qt::NoPen, false, true});
}

/// 2 / learning rate of each run; of all alike in grey.
void addStabilityLines(OverlayPanel& panel, const ComparedRuns& runs, double largest, QStringList& notes) {
  std::vector<std::map<std::int64_t, double>> limits;
  for (const auto& one : runs) limits.push_back(stabilityLimits(*one.run));
  const bool alike = std::all_of(limits.begin(), limits.end(), [&](const auto& one) { return one == limits[0]; });
  bool drawn = false, above = false;
  for (std::size_t i = 0; i < (alike ? 1 : runs.size()); ++i) {
    OverlaySeries line;
    line.run = alike ? OverlaySeries::nobody : i;
    line.what = tr("2 / learning rate");
    line.line = Qt::DashDotLine;
    line.width = 0.9;
    line.markers = false;
    line.step = true;
    // What lies far above would press the runs' lines together.
    for (const auto& [epoch, limit] : limits[i])
      line.points.push_back({double(epoch), limit > 3 * largest ? qQNaN() : limit, 0, false});
    const bool visible = std::any_of(line.points.begin(), line.points.end(),
                                     [](const OverlayPoint& point) { return std::isfinite(point.value); });
    if (visible) panel.series.push_back(line);
    drawn |= visible;
    above |= std::any_of(line.points.begin(), line.points.end(),
                         [](const OverlayPoint& point) { return !std::isfinite(point.value); });
  }
  if (drawn) panel.legend.push_back({tr("2 / learning rate"), Qt::DashDotLine});
  if (above) notes << tr("2 / learning rate is left out where it lies far above the eigenvalues");
}

std::map<std::int64_t, const SpectrumRow*> courseOf(const RunResults& run, std::int64_t index,
                                                    const std::string& split) {
  std::map<std::int64_t, const SpectrumRow*> course;
  for (const auto& row : run.spectrum) {
    if (isModels(row) && row.index == index && row.split == split) course[row.epoch] = &row;
  }
  return course;
}

}  // namespace

Overlay overlaidTrajectories(const ComparedRuns& runs, std::int64_t epoch) {
  const bool still = std::all_of(runs.begin(), runs.end(), [](const ComparedRun& one) {
    const auto epochs = epochsOf(one.run->spectrum, isModels);
    return epochs.size() < 2;
  });
  if (still) return overlaidSpectrum(runs, epoch);
  Overlay overlay;
  const OperatorWords words = commonOperator(runs);
  OverlayPanel panel;
  panel.title = tr("Eigenvalues of the %1 over training").arg(words.name);
  panel.across = OverlayPanel::Across::Epochs;
  panel.xLabel = tr("epoch");
  panel.yLabel = tr("eigenvalue of %1").arg(words.matrix);
  bool further = false;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const RunResults& run = *runs[i].run;
    std::set<std::int64_t> indices;
    for (const auto& row : run.spectrum) {
      if (isModels(row)) indices.insert(row.index);
    }
    const auto splits = splitsOf(run.spectrum, isModels);
    for (const auto& split : splits) {
      for (const auto index : indices) {
        // The dashes of many eigenvalues would merge: of the second split the largest alone.
        if (split != splits.front() && index != 1) continue;
        const auto course = courseOf(run, index, split);
        OverlaySeries series;
        series.run = i;
        series.what = lambdaText(index) + ", " + QString::fromStdString(split);
        series.line = split == "test" ? Qt::DashLine : Qt::SolidLine;
        series.width = index == 1 ? 1.4 : 0.5;
        series.markers = index == 1 && course.size() <= manyPoints;
        for (const auto& [at, row] : course) {
          const double error = series.markers ? std::abs(row->residual * row->eigenvalue) : 0;
          series.points.push_back({double(at), row->eigenvalue, error, !row->converged && series.markers});
        }
        further |= index != 1;
        panel.series.push_back(series);
      }
    }
    overlay.provenance.push_back(ofOperator(run, splits));
  }
  std::vector<double> values = valuesOf(panel.series);
  panel.y = ValueAxis(values);
  if (further) panel.legend.push_back({tr("further eigenvalues"), Qt::SolidLine, false, false, 0.5});
  nameMarks(panel, true);
  for (auto& sample : panel.legend) {
    if (sample.width > 1 && sample.line == Qt::SolidLine) sample.says = tr("λ₁, train");
    if (sample.line == Qt::DashLine) sample.says = tr("λ₁, test"), sample.square = false;
  }
  double largest = 0;
  for (const double value : values) largest = std::isfinite(value) ? std::max(largest, std::abs(value)) : largest;
  addStabilityLines(panel, runs, largest, overlay.notes);
  overlay.notes << tr("bars: residual ‖Av − λv‖") << panel.y.note();
  overlay.panels = {panel};
  return overlay;
}

namespace {

/// One eigenvalue alone is no figure of a single run, but two of them can be compared.
std::vector<std::int64_t> comparableEpochs(const RunResults& run) {
  const auto epochs = spectrumEpochs(run);
  return epochs.empty() ? spectrumEpochs(run, 1) : epochs;
}

OverlaySeries spectrumSeries(const RunResults& run, std::int64_t epoch, const std::string& split,
                             const std::vector<std::int64_t>& indices, bool crowded, double shift) {
  OverlaySeries series;
  const bool test = split == "test", bothEnds = indices.front() > 0 && indices.back() < 0;
  series.what = QString::fromStdString(split);
  series.line = !crowded ? Qt::NoPen : test ? Qt::DashLine : Qt::SolidLine;
  series.markers = !crowded;
  series.square = test;
  for (std::size_t k = 0; k < indices.size(); ++k) {
    const double place = double(k) + (bothEnds && indices[k] < 0 ? gap : 0);
    // No line from the largest to the smallest.
    if (crowded && k > 0 && indices[k] < 0 && indices[k - 1] > 0)
      series.points.push_back({place - 1, qQNaN(), 0, false});
    for (const auto& row : run.spectrum) {
      if (!isModels(row) || row.epoch != epoch || row.split != split || row.index != indices[k]) continue;
      series.points.push_back({place + (crowded ? 0 : shift), row.eigenvalue, std::abs(row.residual * row.eigenvalue),
                               !row.converged && !crowded});
    }
  }
  return series;
}

}  // namespace

Overlay overlaidSpectrum(const ComparedRuns& runs, std::int64_t epoch) {
  Overlay overlay;
  const OperatorWords words = commonOperator(runs);
  OverlayPanel panel;
  panel.title = tr("Spectrum of the %1").arg(words.name);
  panel.across = OverlayPanel::Across::Names;
  panel.yLabel = tr("eigenvalue of %1").arg(words.matrix);
  std::set<std::int64_t> top, bottom;
  std::vector<std::optional<std::int64_t>> shown;
  for (const auto& one : runs) {
    shown.push_back(epochToShow(comparableEpochs(*one.run), epoch));
    for (const auto& row : one.run->spectrum) {
      if (isModels(row) && row.epoch == shown.back()) (row.index > 0 ? top : bottom).insert(row.index);
    }
  }
  std::vector<std::int64_t> indices(top.begin(), top.end());
  indices.insert(indices.end(), bottom.begin(), bottom.end());
  if (indices.empty()) return overlay;
  const bool bothEnds = !top.empty() && !bottom.empty(), crowded = indices.size() > manyPoints;
  panel.xLabel = bothEnds ? tr("index (negative: from the smallest)") : tr("index");
  for (std::size_t k = 0; k < indices.size(); ++k) {
    const double place = double(k) + (bothEnds && indices[k] < 0 ? gap : 0);
    panel.names.emplace_back(place,
                             indices[k] < 0 ? QStringLiteral("−%1").arg(-indices[k]) : QString::number(indices[k]));
  }
  panel.xRange = {-0.7, panel.names.back().first + 0.7};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const RunResults& run = *runs[i].run;
    const auto kept = [&](const SpectrumRow& row) { return isModels(row) && row.epoch == shown[i]; };
    const auto splits = splitsOf(run.spectrum, kept);
    for (const auto& split : splits) {
      const double apart = splits.size() < 2 ? 0 : 0.3 / double(runs.size());
      const double shift = besideOthers(i, runs.size()) + (split == "test" ? 0.5 : -0.5) * apart;
      panel.series.push_back(spectrumSeries(run, shown[i].value_or(-1), split, indices, crowded, shift));
      panel.series.back().run = i;
    }
    overlay.provenance.push_back(ofOperator(run, splits, shown[i].value_or(-1)));
  }
  panel.y = ValueAxis(valuesOf(panel.series));
  nameMarks(panel, crowded);
  overlay.notes << tr("bars: residual ‖Av − λv‖") << panel.y.note();
  overlay.panels = {panel};
  return overlay;
}

namespace {

struct Densities {
  std::optional<std::int64_t> epoch;
  std::map<std::string, std::vector<const DensityRow*>> curves;  ///< by split, ascending
};

Densities densitiesOf(const RunResults& run, std::int64_t wanted) {
  Densities all;
  const auto ofModel = [](const DensityRow& row) { return row.scope == "model"; };
  const bool model = std::any_of(run.densities.begin(), run.densities.end(), ofModel);
  const std::string scope = model ? "model" : run.densities.empty() ? "" : run.densities.front().scope;
  const auto ours = [&](const DensityRow& row) { return row.scope == scope; };
  all.epoch = epochToShow(epochsOf(run.densities, ours), wanted);
  for (const auto& row : run.densities) {
    if (ours(row) && row.epoch == all.epoch && std::isfinite(row.eigenvalue)) all.curves[row.split].push_back(&row);
  }
  for (auto& [split, curve] : all.curves) {
    std::stable_sort(curve.begin(), curve.end(),
                     [](const auto* a, const auto* b) { return a->eigenvalue < b->eigenvalue; });
  }
  return all;
}

/// A grid that is finer near zero was laid for a symmetric logarithm; the widest of them sets it for all.
ValueAxis axisFor(const std::vector<Densities>& all) {
  double largest = 0, threshold = 0;
  for (const auto& one : all) {
    for (const auto& [split, curve] : one.curves) {
      double narrowest = HUGE_VAL, widest = 0;
      for (std::size_t i = 0; i < curve.size(); ++i) {
        largest = std::max(largest, std::abs(curve[i]->eigenvalue));
        const double step = i > 0 ? curve[i]->eigenvalue - curve[i - 1]->eigenvalue : 0;
        if (step > 0) narrowest = std::min(narrowest, step), widest = std::max(widest, step);
      }
      if (widest > 5 * narrowest) threshold = std::max(threshold, narrowest);
    }
  }
  if (!(threshold > 0)) return {};
  return ValueAxis::symmetric({std::pow(10.0, std::ceil(std::log10(std::max(threshold, largest * 1e-5))))});
}

}  // namespace

Overlay overlaidDensity(const ComparedRuns& runs, std::int64_t epoch) {
  constexpr double deepest = 1e-7;     // of the highest density: a parameter's share in a large model
  constexpr double confidence = 1.96;  // standard errors to 95 %
  Overlay overlay;
  const OperatorWords words = commonOperator(runs);
  OverlayPanel panel;
  panel.title = tr("Spectral density of the %1").arg(words.name);
  panel.xLabel = tr("eigenvalue of %1").arg(words.matrix);
  panel.yLabel = tr("density");
  std::vector<Densities> all;
  for (const auto& one : runs) all.push_back(densitiesOf(*one.run, epoch));
  panel.x = axisFor(all);
  panel.y = ValueAxis::logarithmic();
  double highest = 0, lowestPeak = HUGE_VAL;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::vector<std::string> splits;
    for (const auto& [split, curve] : all[i].curves) {
      splits.insert(split == "train" ? splits.begin() : splits.end(), split);
      OverlaySeries series;
      series.run = i;
      series.what = QString::fromStdString(split);
      series.line = split == "test" ? Qt::DashLine : Qt::SolidLine;
      series.markers = false;
      series.band = true;
      for (std::size_t k = 0; k < curve.size(); ++k) {
        const double value = curve[k]->density, error = curve[k]->standardError;
        series.points.push_back({curve[k]->eigenvalue, value, std::isfinite(error) ? confidence * error : 0, false});
        if (std::isfinite(value)) highest = std::max(highest, value);
        const bool inside = k > 0 && k + 1 < curve.size();
        if (inside && value >= curve[k - 1]->density && value >= curve[k + 1]->density && value > deepest * highest)
          lowestPeak = std::min(lowestPeak, value);
      }
      panel.series.push_back(series);
    }
    overlay.provenance.push_back(ofOperator(*runs[i].run, splits, all[i].epoch.value_or(-1)));
  }
  if (!(highest > 0)) return overlay;
  panel.yRange = {std::max(deepest * highest, std::min(lowestPeak, highest) / 10), 2 * highest};
  nameMarks(panel, true);
  for (auto& sample : panel.legend) sample.square = false;
  overlay.notes << tr("line: mean over the probes, band: ± 1.96 standard errors") << panel.x.note();
  overlay.panels = {panel};
  return overlay;
}

Overlay overlaidPower(const ComparedRuns& runs, std::int64_t epoch) {
  Overlay overlay;
  const OperatorWords words = commonOperator(runs);
  OverlayPanel panel;
  panel.title = tr("Power iteration");
  panel.across = OverlayPanel::Across::Whole;
  panel.xLabel = tr("iteration");
  panel.yLabel = tr("eigenvalue of %1").arg(words.matrix);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& rows = runs[i].run->power;
    const auto shown = epochToShow(epochsOf(rows, [](const PowerRow&) { return true; }), epoch);
    // By split and index, then iteration, then batch. A batch that converged earlier keeps its last value.
    std::map<std::pair<std::string, std::int64_t>, std::map<std::int64_t, std::map<std::int64_t, double>>> paths;
    for (const auto& row : rows) {
      if (row.epoch == shown && row.iteration > 0)
        paths[{row.split, row.index}][row.iteration][row.batch] = row.eigenvalue;
    }
    for (const auto& [key, iterations] : paths) {
      OverlaySeries series;
      series.run = i;
      series.what = lambdaText(key.second) + ", " + QString::fromStdString(key.first);
      series.line = key.first == "test" ? Qt::DashLine : Qt::SolidLine;
      series.width = key.second == 1 ? 1.3 : 0.6;
      series.markers = key.second == 1 && iterations.size() <= manyPoints;
      std::map<std::int64_t, double> latest;
      for (const auto& [iteration, batches] : iterations) {
        for (const auto& [batch, value] : batches) latest[batch] = value;
        double sum = 0;
        for (const auto& [batch, value] : latest) sum += value;
        series.points.push_back({double(iteration), sum / double(latest.size()), 0, false});
      }
      panel.series.push_back(series);
    }
    overlay.provenance.push_back(ofOperator(
        *runs[i].run, splitsOf(rows, [&](const PowerRow& row) { return row.epoch == shown; }), shown.value_or(-1)));
  }
  panel.y = ValueAxis(valuesOf(panel.series));
  nameMarks(panel, true);
  for (auto& sample : panel.legend) sample.square = false;
  const bool further =
      std::any_of(panel.series.begin(), panel.series.end(), [](const auto& one) { return one.width < 1; });
  if (further) panel.legend.push_back({tr("further eigenvalues"), Qt::SolidLine, false, false, 0.6});
  overlay.notes << tr("Rayleigh quotient after each product, mean over the batches") << panel.y.note();
  overlay.panels = {panel};
  return overlay;
}

}  // namespace eigenscape
