// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/results/run_directory.h"
#include "core/results/tables.h"

namespace eigenscape {

/// The record of a run in its directory: which phases are finished, and the tables they wrote.
///
/// A phase ("spectrum:3") counts as finished once run.json names it, which happens after its last row is flushed. What
/// a killed run left of an unfinished phase is dropped when the run is resumed, except points of profiles and surfaces:
/// those stand for themselves, so the evaluation goes on behind the last of them. Of a curvature map the
/// lines before the last one stay, of a density the probes before the last one, of a spectrum by Lanczos the operators
/// (scope and split) before the last one.
class Journal {
 public:
  /// A fresh directory: makes it, writes recipe.toml and run.json. Throws RunError.
  static Journal begin(const std::filesystem::path& directory, RunInfo info, const std::string& recipe,
                       std::function<void(const std::string&)> changed);
  /// Goes on with what is there. `info` supplies what this session knows (versions, device); phases come from the file.
  static Journal resume(const std::filesystem::path& directory, RunInfo info,
                        std::function<void(const std::string&)> changed);

  const std::filesystem::path& directory() const { return directory_; }
  RunInfo& info() { return info_; }
  bool has(const std::string& phase) const { return finished_.contains(phase); }
  /// A line for run.json's notes, kept once. Written with the next phase.
  void note(const std::string& line);
  void finish(const std::string& phase, double seconds, std::int64_t products);
  /// Writes run.json with the given status.
  void close(const std::string& status, const std::string& message = {});

  template <class Row>
  void append(const Row& row) {
    TableWriter<Row>& table = writer<Row>();
    table.append(row);
    notify(Row::file);
  }
  template <class Row>
  void append(const std::vector<Row>& rows) {
    TableWriter<Row>& table = writer<Row>();
    table.append(rows);
    notify(Row::file);
  }
  void notify(const std::string& file) const {
    if (changed_) changed_(file);
  }

 private:
  /// Two processes in one directory would undo each other's tables.
  class Lock {
   public:
    explicit Lock(const std::filesystem::path& directory);
    ~Lock();
    Lock(Lock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
    Lock& operator=(Lock&&) = delete;

   private:
    int file_;
  };

  Journal(Lock lock, std::filesystem::path directory, RunInfo info, std::function<void(const std::string&)> changed);
  void dropUnfinished();
  void dropLastLine();
  void dropLastProbe();
  void dropLastSpectrum();
  void dropSolves();
  void write();

  template <class Row>
  TableWriter<Row>& writer() {
    return std::get<TableWriter<Row>>(writers_);
  }

  Lock lock_;
  std::filesystem::path directory_;
  RunInfo info_;
  std::set<std::string> finished_;
  std::function<void(const std::string&)> changed_;
  template <class... Rows>
  struct Writers : std::tuple<TableWriter<Rows>...> {
    explicit Writers(const std::filesystem::path& directory)
        : std::tuple<TableWriter<Rows>...>(TableWriter<Rows>(directory)...) {}
  };
  Writers<MetricRow, SpectrumRow, SolveRow, PowerRow, DensityRow, DensityNodeRow, TraceRow, FrobeniusRow, OverlapRow,
          GradientRow, OverheadRow, ProfileRow, SurfaceRow, CurvatureMapRow, TrajectoryRow, PersistenceRow,
          LayerLossRow, LayerEigenvalueRow, InputSensitivityRow, TraceCorrelationRow, LayerScoreRow, RankingRow,
          FinetuneRow, ShapeRow, SensitivityRow>
      writers_;
};

}  // namespace eigenscape
