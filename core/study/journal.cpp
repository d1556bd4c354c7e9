// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <tuple>

#include "core/results/error.h"

namespace eigenscape {

namespace fs = std::filesystem;

Journal::Lock::Lock(const fs::path& directory) : file_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  // A file system that knows no locks does not keep anybody from working.
  if (file_ < 0 || ::flock(file_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(file_);
  throw RunError(directory.string() +
                 ": another process computes this run just now; wait for it, stop it, or name another --out");
}

Journal::Lock::~Lock() {
  if (file_ >= 0) ::close(file_);
}

Journal::Journal(Lock lock, fs::path directory, RunInfo info, std::function<void(const std::string&)> changed)
    : lock_(std::move(lock)),
      directory_(std::move(directory)),
      info_(std::move(info)),
      changed_(std::move(changed)),
      writers_(directory_) {
  for (const auto& phase : info_.phases) finished_.insert(phase.name);
}

Journal Journal::begin(const fs::path& directory, RunInfo info, const std::string& recipe,
                       std::function<void(const std::string&)> changed) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) {
    throw RunError(directory.string() + ": the run directory cannot be made (" + error.message() +
                   "); choose another --out");
  }
  Lock lock(directory);
  info.phases.clear();
  info.status = "running";
  info.started = utcNow();
  Journal journal(std::move(lock), directory, std::move(info), std::move(changed));
  writeFileAtomically(directory / "recipe.toml", recipe);
  journal.write();
  return journal;
}

Journal Journal::resume(const fs::path& directory, RunInfo info, std::function<void(const std::string&)> changed) {
  Lock lock(directory);
  const auto old = readRunInfo(directory);
  info.phases = old.phases;
  info.notes = old.notes;
  info.started = old.started;
  info.frontier = old.frontier;
  info.status = "running";
  Journal journal(std::move(lock), directory, std::move(info), std::move(changed));
  journal.dropUnfinished();
  journal.write();
  return journal;
}

void Journal::dropUnfinished() {
  const auto done = [this](const char* phase, std::int64_t epoch) {
    return has(phase + (":" + std::to_string(epoch)));
  };
  retainRows<MetricRow>(directory_, [&](const MetricRow& row) { return done("metrics", row.epoch); });
  const auto ofSpectrum = [&](const auto& row) { return done("spectrum", row.epoch); };
  dropLastSpectrum();
  dropSolves();
  retainRows<PowerRow>(directory_, ofSpectrum);
  retainRows<OverlapRow>(directory_, ofSpectrum);
  retainRows<GradientRow>(directory_, ofSpectrum);
  const auto ofDensity = [&](const auto& row) { return done("density", row.epoch); };
  retainRows<DensityRow>(directory_, ofDensity);
  dropLastProbe();
  const auto ofTrace = [&](const auto& row) { return done("trace", row.epoch); };
  retainRows<TraceRow>(directory_, ofTrace);
  retainRows<FrobeniusRow>(directory_, [&](const FrobeniusRow& row) {
    // Older versions did not say whose probes it was.
    if (row.method.empty()) return done("density", row.epoch) || done("trace", row.epoch);
    return done(row.method == "slq" ? "density" : "trace", row.epoch);
  });
  retainRows<OverheadRow>(directory_, [&](const OverheadRow& row) { return done("overhead", row.epoch); });
  // Landscapes go on within a grid; only a line that was cut off goes.
  retainRows<ProfileRow>(directory_, [](const ProfileRow&) { return true; });
  retainRows<SurfaceRow>(directory_, [](const SurfaceRow&) { return true; });
  dropLastLine();
  retainRows<TrajectoryRow>(directory_, [&](const TrajectoryRow& row) { return has("trajectory:" + row.name); });
  retainRows<LayerLossRow>(directory_, [&](const LayerLossRow&) { return has("layer_loss"); });
  retainRows<LayerEigenvalueRow>(directory_, [&](const LayerEigenvalueRow&) { return has("layer_eigenvalues"); });
  retainRows<InputSensitivityRow>(directory_, [&](const InputSensitivityRow&) { return has("input_sensitivity"); });
  retainRows<LayerScoreRow>(directory_, [&](const LayerScoreRow&) { return has("ranking"); });
  retainRows<RankingRow>(directory_, [&](const RankingRow&) { return has("ranking"); });
  retainRows<FinetuneRow>(directory_, [&](const FinetuneRow& row) { return has("finetune:" + row.setting); });
  const auto shaped = [&](const std::string& kind, const std::string& name, std::int64_t epoch) {
    return has("shape:" + kind + ":" + name + ":" + std::to_string(epoch));
  };
  retainRows<PersistenceRow>(directory_,
                             [&](const PersistenceRow& row) { return shaped("surface", row.name, row.epoch); });
  retainRows<ShapeRow>(directory_, [&](const ShapeRow& row) { return shaped(row.kind, row.name, row.epoch); });
  // A given table is there from the beginning; what bits were chosen is written whole.
  if (!info_.sensitivity.empty()) return;
  retainRows<SensitivityRow>(directory_, [&](const SensitivityRow&) { return has("sensitivity"); });
  retainRows<TraceCorrelationRow>(directory_, [&](const TraceCorrelationRow& row) {
    return has(row.kind == "inputs" ? "input_sensitivity" : "sensitivity");
  });
}

/// Along a line of a curvature map each point starts from the one before, so an unfinished line begins anew.
void Journal::dropLastLine() {
  const auto rows = readTable<CurvatureMapRow>(directory_);
  if (rows.empty()) return;
  const auto last = rows.back();
  const bool finished = has("curvature_map:" + last.name + ":" + std::to_string(last.epoch));
  retainRows<CurvatureMapRow>(directory_, [&](const CurvatureMapRow& row) {
    return finished || row.name != last.name || row.epoch != last.epoch || row.split != last.split ||
           row.beta != last.beta;
  });
}

/// Nodes are appended probe by probe, so that only the last probe may lack some: then its weights miss their sum of
/// one.
void Journal::dropLastProbe() {
  const auto rows = readTable<DensityNodeRow>(directory_);
  if (rows.empty()) return;
  const auto last = rows.back();
  const bool finished = has("density:" + std::to_string(last.epoch));
  const auto isLast = [&](const DensityNodeRow& row) {
    return row.epoch == last.epoch && row.scope == last.scope && row.split == last.split && row.probe == last.probe;
  };
  double weights = 0;
  for (const auto& row : rows) weights += isLast(row) ? row.weight : 0;
  const bool whole = std::abs(weights - 1) < 1e-10;
  retainRows<DensityNodeRow>(directory_, [&](const DensityNodeRow& row) {
    if (row.epoch != last.epoch || finished) return has("density:" + std::to_string(row.epoch));
    return whole || !isLast(row);
  });
}

/// Pairs are appended operator by operator, so that only the last one may lack some. Power iteration appends all at the
/// end, its paths and solves first.
void Journal::dropLastSpectrum() {
  const auto rows = readTable<SpectrumRow>(directory_);
  if (rows.empty()) return;
  const auto last = rows.back();
  const bool finished = has("spectrum:" + std::to_string(last.epoch));
  const auto solves = readTable<SolveRow>(directory_);
  // Older versions left paths alone.
  const auto paths = readTable<PowerRow>(directory_);
  const bool byPower =
      std::any_of(solves.begin(), solves.end(),
                  [&](const SolveRow& row) { return row.epoch == last.epoch && row.method == "power"; }) ||
      std::any_of(paths.begin(), paths.end(), [&](const PowerRow& row) { return row.epoch == last.epoch; });
  retainRows<SpectrumRow>(directory_, [&](const SpectrumRow& row) {
    if (row.epoch != last.epoch || finished) return has("spectrum:" + std::to_string(row.epoch));
    return !byPower && (row.scope != last.scope || row.split != last.split);
  });
}

/// A solve goes with its values; of an unfinished phase only pairs by Lanczos stay, and are not computed again.
void Journal::dropSolves() {
  std::set<std::tuple<std::int64_t, std::string, std::string>> kept;
  for (const auto& row : readTable<SpectrumRow>(directory_)) kept.insert({row.epoch, row.scope, row.split});
  retainRows<SolveRow>(directory_, [&](const SolveRow& row) {
    return has(row.estimate + ":" + std::to_string(row.epoch)) ||
           (row.estimate == "spectrum" && kept.contains({row.epoch, row.scope, row.split}));
  });
}

void Journal::note(const std::string& line) {
  if (std::find(info_.notes.begin(), info_.notes.end(), line) == info_.notes.end()) info_.notes.push_back(line);
}

void Journal::finish(const std::string& phase, double seconds, std::int64_t products) {
  finished_.insert(phase);
  info_.phases.push_back({phase, seconds, products});
  write();
}

void Journal::close(const std::string& status, const std::string& message) {
  info_.status = status;
  info_.message = message;
  info_.finished = utcNow();
  write();
}

void Journal::write() {
  writeRunInfo(directory_, info_);
  notify("run.json");
}

}  // namespace eigenscape
