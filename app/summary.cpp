// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/summary.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <sstream>
#include <utility>
#include <vector>

#include "app/progress_line.h"

namespace eigenscape {
namespace {

using Cells = std::vector<std::string>;

std::string number(double value, const char* format = "%.6g") {
  char text[48];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string known(double value, const char* format) {
  return std::isfinite(value) ? number(value, format) : "";
}

/// Columns that line up: the first to the left, the others to the right.
std::string aligned(const std::vector<Cells>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      line += i == 0 ? row[i] + padding : "  " + padding + row[i];
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text + "\n";
}

template <class Row>
std::int64_t lastEpoch(const std::vector<Row>& rows) {
  std::int64_t last = 0;
  for (const auto& row : rows) last = std::max(last, row.epoch);
  return last;
}

std::string head(const RunInfo& info) {
  double seconds = 0;
  std::int64_t products = 0;
  for (const auto& phase : info.phases) {
    seconds += phase.seconds;
    products += phase.products;
  }
  std::ostringstream out;
  if (info.model.empty()) {
    out << info.name << ": bits for each layer from " << info.sensitivity << "\n"
        << info.status << " in " << durationText(seconds) << "\n\n";
    return out.str();
  }
  out << info.name << ": " << info.model << " (" << info.parameters << " parameters) on " << info.dataset << ", "
      << info.trainExamples << " train and " << info.testExamples << " test examples\n"
      << info.status << " in " << durationText(seconds) << ", " << products << " operator products, " << info.device
      << ", " << info.threads << (info.threads == 1 ? " thread" : " threads") << ", seed " << info.seed << "\n\n";
  return out.str();
}

std::string metricTable(const std::vector<MetricRow>& metrics) {
  if (metrics.empty()) return "";
  const auto epoch = lastEpoch(metrics);
  std::vector<Cells> rows = {{"epoch " + std::to_string(epoch), "loss", "accuracy"}};
  for (const auto& row : metrics) {
    if (row.epoch == epoch) rows.push_back({row.split, number(row.loss), number(100 * row.accuracy, "%.2f %%")});
  }
  return aligned(rows);
}

std::string spectrumTable(const std::vector<SpectrumRow>& spectrum) {
  if (spectrum.empty()) return "";
  const auto epoch = lastEpoch(spectrum);
  std::vector<Cells> rows = {{"eigenvalue", "split", "value", "residual", "converged"}};
  for (const auto& row : spectrum) {
    if (row.epoch != epoch) continue;
    const std::string name =
        row.op + (row.scope == "model" ? "" : " of " + row.scope) + " " + std::to_string(row.index);
    rows.push_back(
        {name, row.split, number(row.eigenvalue), number(row.residual, "%.1e"), row.converged ? "yes" : "no"});
  }
  return aligned(rows);
}

std::string traceTable(const std::vector<TraceRow>& traces) {
  if (traces.empty()) return "";
  const auto epoch = lastEpoch(traces);
  std::vector<Cells> rows = {{"trace", "split", "value", "standard error", "relative", "method", "converged"}};
  for (const auto& row : traces) {
    // Layers are in trace.csv; here the whole model is enough.
    if (row.epoch != epoch || row.scope != "model") continue;
    const char* converged = row.converged ? (*row.converged ? "yes" : "no") : "";
    rows.push_back({row.op, row.split, number(row.trace), number(row.standardError, "%.2g"),
                    number(100 * std::abs(row.standardError / row.trace), "%.1f %%"), row.method, converged});
  }
  return rows.size() > 1 ? aligned(rows) : "";
}

/// Of layers there are too many; they are in solves.csv.
std::string solveTable(const std::vector<SolveRow>& solves) {
  const auto epoch = lastEpoch(solves);
  std::vector<Cells> rows = {{"solve", "split", "method", "products", "seconds", "chance of a missed eigenvalue"}};
  for (const auto& row : solves) {
    if (row.epoch != epoch || row.scope != "model") continue;
    const std::string share = row.batch > 1 ? ", share " + std::to_string(row.batch) : "";
    rows.push_back({row.estimate + " of " + row.op + share, row.split, row.method, std::to_string(row.products),
                    number(row.seconds, "%.1f"), chanceText(row.missProbability)});
  }
  return rows.size() > 1 ? aligned(rows) : "";
}

std::string overheadTable(const std::vector<OverheadRow>& overhead) {
  if (overhead.empty()) return "";
  std::vector<Cells> rows = {{"epoch", "training s", "curvature s", "share", "products"}};
  double training = 0, curvature = 0;
  std::int64_t products = 0;
  const auto row = [&](const std::string& name, double train, double look, std::int64_t count) {
    rows.push_back({name, number(train, "%.2f"), number(look, "%.2f"),
                    number(train + look > 0 ? 100 * look / (train + look) : 0, "%.1f %%"), std::to_string(count)});
  };
  for (const auto& one : overhead) {
    row(std::to_string(one.epoch), one.trainingSeconds, one.curvatureSeconds, one.products);
    training += one.trainingSeconds, curvature += one.curvatureSeconds, products += one.products;
  }
  row("all", training, curvature, products);
  return aligned(rows);
}

std::string notesOf(const RunInfo& info) {
  std::string text;
  for (const auto& note : info.notes) text += "note: " + note + "\n";
  return text;
}

std::string sensitivityTable(const std::vector<SensitivityRow>& sensitivity) {
  if (sensitivity.empty()) return "";
  std::int64_t fewest = sensitivity.front().bits;
  for (const auto& row : sensitivity) fewest = std::min(fewest, row.bits);
  std::vector<SensitivityRow> layers;
  std::string unresolved;
  for (const auto& row : sensitivity) {
    if (row.bits != fewest) continue;
    if (isResolved(row)) {
      layers.push_back(row);
    } else {
      unresolved += (unresolved.empty() ? "" : ", ") + row.layer;
    }
  }
  std::stable_sort(layers.begin(), layers.end(), [](const auto& a, const auto& b) { return a.omega > b.omega; });
  constexpr std::size_t shown = 3;
  std::vector<Cells> rows = {
      {"sensitivity at " + std::to_string(fewest) + " bits", "layer", "omega", "mean trace", "standard error"}};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const bool most = i < shown, least = i + shown >= layers.size();
    if (!most && !least) continue;
    const auto& row = layers[i];
    rows.push_back({most ? "most " + std::to_string(i + 1) : "least " + std::to_string(layers.size() - i), row.layer,
                    number(row.omega, "%.4g"), known(row.meanTrace, "%.4g"), known(row.standardError, "%.2g")});
  }
  std::string text = aligned(rows);
  if (!unresolved.empty()) {
    text += "not ranked, mean trace within two standard errors of zero: " + unresolved +
            "\nraise curvature.trace_probes or curvature.samples to tell\n\n";
  }
  return text;
}

/// What a user asked for by name: limits, and settings of a file.
bool isAskedFor(const SettingRow& row) {
  return row.method == "exact" || row.method == "given";
}

/// What the limits and the given settings came to, and the uniform widths beside them.
std::string allocationTable(const std::vector<SettingRow>& settings) {
  std::vector<Cells> rows = {{"bits", "size MB", "Gbops", "latency ms", "omega", "test loss", "test accuracy"}};
  for (const auto& row : settings) {
    if (!isAskedFor(row) && row.method != "uniform") continue;
    rows.push_back({row.setting, known(row.sizeBytes / 1e6, "%.4g"), known(row.bops / 1e9, "%.4g"),
                    known(row.latencyMs, "%.4g"), known(row.omega, "%.6g"), known(row.loss, "%.6g"),
                    known(100 * row.accuracy, "%.2f %%")});
  }
  if (rows.size() == 1) return "";
  // A column that says nothing is left out.
  for (std::size_t column = rows.front().size(); column-- > 1;) {
    const bool empty =
        std::all_of(rows.begin() + 1, rows.end(), [&](const Cells& cells) { return cells[column].empty(); });
    if (!empty) continue;
    for (auto& cells : rows) cells.erase(cells.begin() + static_cast<std::ptrdiff_t>(column));
  }
  return aligned(rows);
}

/// Layer by layer what those settings chose, as far as a terminal has room for them.
std::string bitsTable(const RunResults& run) {
  constexpr std::size_t mostSettings = 8, mostLayers = 64;
  std::vector<std::string> settings, layers;
  for (const auto& row : run.settings) {
    if (isAskedFor(row) && settings.size() < mostSettings) settings.push_back(row.setting);
  }
  std::map<std::pair<std::string, std::string>, std::int64_t> bits;
  for (const auto& row : run.settingBits) {
    bits[{row.layer, row.setting}] = row.bits;
    if (std::find(layers.begin(), layers.end(), row.layer) == layers.end()) layers.push_back(row.layer);
  }
  if (settings.empty() || layers.empty()) return "";
  std::vector<Cells> rows(1, {"layer"});
  rows.front().insert(rows.front().end(), settings.begin(), settings.end());
  for (const auto& layer : layers) {
    if (rows.size() > mostLayers) break;
    auto& cells = rows.emplace_back(Cells{layer});
    for (const auto& setting : settings) {
      const auto found = bits.find({layer, setting});
      cells.push_back(found == bits.end() ? "" : std::to_string(found->second));
    }
  }
  auto text = aligned(rows);
  const auto asked = std::count_if(run.settings.begin(), run.settings.end(), isAskedFor);
  if (layers.size() > mostLayers || static_cast<std::size_t>(asked) > settings.size())
    text.insert(text.size() - 1, "the others: settings_bits.csv\n");
  return text;
}

}  // namespace

std::string summaryOf(const RunResults& run) {
  return head(run.info) + metricTable(run.metrics) + spectrumTable(run.spectrum) + traceTable(run.traces) +
         solveTable(run.solves) + overheadTable(run.overhead) + sensitivityTable(run.sensitivity) +
         allocationTable(run.settings) + bitsTable(run) + notesOf(run.info);
}

}  // namespace eigenscape
