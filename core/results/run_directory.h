// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/results/rows.h"

namespace eigenscape {

/// A finished step of a run and what it cost. `name` is unique within the run ("train:3", "spectrum:3",
/// "surface:e1-e2:3").
struct PhaseInfo {
  std::string name;
  double seconds = 0;
  std::int64_t products = 0;  ///< operator products
};

/// One of the directions that a profile or a surface was measured along.
struct LandscapeInfo {
  std::string name;  ///< the profile's or surface's
  std::string kind;  ///< "profile" or "surface"
  std::string x, y;  ///< as in the recipe, e.g. "eigenvector:1"; y is empty for a profile
  std::string normalization;
  std::int64_t samples = 0;        ///< examples of each split, as evaluated; 0: all
  std::string scale = "auto";      ///< of a surface's height and colours: auto, linear or log
  double clip = 0;                 ///< losses of a surface above it are drawn at it; 0: none
  std::string batchNorm = "eval";  ///< or "reestimate": statistics estimated anew at each point
};

/// run.json
struct RunInfo {
  std::string status = "running";           ///< running | done | failed | interrupted
  std::string message;                      ///< of a failed run
  std::string name;                         ///< the recipe's
  std::string program, libtorch, compiler;  ///< versions
  std::string device;                       ///< "cpu" or "cuda:0 (name)"
  std::int64_t threads = 0;
  std::uint64_t seed = 0;
  std::string started, finished;         ///< ISO 8601, UTC
  std::string model;                     ///< architecture or TorchScript file
  std::string weights;                   ///< file name of the loaded weights; empty: none
  std::string frontier;                  ///< the cost of pareto.csv's frontier: size or bops; empty: there is none
  std::string sensitivity;               ///< file name of the given sensitivities; empty: computed, or none
  std::vector<std::string> checkpoints;  ///< file names that model.checkpoints matched, in the order of the visits
  std::string dataset;
  std::int64_t parameters = 0;
  std::int64_t trainExamples = 0, testExamples = 0;
  std::int64_t curvatureSamples = 0;     ///< examples that the operator averages over
  std::string curvatureSplit = "train";  ///< train | test | both; directions and sensitivities are of train then
  std::string curvatureOperator;
  std::string optimizer;    ///< training.optimizer; empty: nothing is trained
  std::int64_t epochs = 0;  ///< the last epoch: that the run trains (0: none), or of the checkpoints that it visits
  std::vector<LandscapeInfo> landscapes;
  std::vector<PhaseInfo> phases;
  std::vector<std::string> notes;  ///< what a reader of the numbers should know: warnings, ways round
};

/// Everything that the views need of a run, as plain values.
struct RunResults {
  std::filesystem::path directory;
  RunInfo info;
  std::string recipe;  ///< text of recipe.toml
  std::vector<MetricRow> metrics;
  std::vector<SpectrumRow> spectrum;
  std::vector<SolveRow> solves;
  std::vector<PowerRow> power;
  std::vector<DensityRow> densities;
  std::vector<DensityNodeRow> densityNodes;
  std::vector<TraceRow> traces;
  std::vector<FrobeniusRow> frobenius;
  std::vector<OverlapRow> overlaps;
  std::vector<GradientRow> gradients;
  std::vector<OverheadRow> overhead;
  std::vector<ProfileRow> profiles;
  std::vector<SurfaceRow> surfaces;
  std::vector<CurvatureMapRow> curvatureMap;
  std::vector<TrajectoryRow> trajectory;
  std::vector<PersistenceRow> persistence;
  std::vector<LayerLossRow> layerLosses;
  std::vector<LayerEigenvalueRow> layerEigenvalues;
  std::vector<InputSensitivityRow> inputSensitivity;
  std::vector<TraceCorrelationRow> traceCorrelations;
  std::vector<LayerScoreRow> layerScores;
  std::vector<RankingRow> ranking;
  std::vector<FinetuneRow> finetuning;
  std::vector<ShapeRow> shapes;
  std::vector<SensitivityRow> sensitivity;
  std::vector<AllocationRow> allocations;
  std::vector<ParetoRow> pareto;
  std::vector<SettingRow> settings;
  std::vector<SettingBitsRow> settingBits;

  /// Every epoch that any table speaks of, ascending.
  std::vector<std::int64_t> epochs() const;
};

/// A profile or surface once more, of the network quantized at a setting of settings.csv: "e1-e2@size=0.5".
std::string quantizedName(const std::string& landscape, const std::string& setting);
/// Landscape and setting of such a name; the setting is empty for the network in floating point.
std::pair<std::string, std::string> landscapeAndSetting(const std::string& name);

/// How SolveRow::missProbability reads: "below 1e-05", "not bounded", or nothing where nobody looked.
std::string chanceText(double missProbability);

/// True when the folder holds a run.json.
bool isRunDirectory(const std::filesystem::path& directory);

/// Reads a run directory, also of a run that is going on. Throws RunError that names the file and what is wrong with
/// it.
RunResults loadRun(const std::filesystem::path& directory);

RunInfo readRunInfo(const std::filesystem::path& directory);
/// Writes run.json beside and renames it. Throws RunError.
void writeRunInfo(const std::filesystem::path& directory, const RunInfo& info);

/// The present time as ISO 8601 in UTC, to the second.
std::string utcNow();

}  // namespace eigenscape
