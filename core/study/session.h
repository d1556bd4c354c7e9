// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/density.h"
#include "core/curvature/lanczos.h"
#include "core/curvature/output_trace.h"
#include "core/curvature/trace.h"
#include "core/landscape/directions.h"
#include "core/landscape/landscape.h"
#include "core/model/model.h"
#include "core/quantization/calibration.h"
#include "core/quantization/input_trace.h"
#include "core/study/bit_plan.h"
#include "core/study/journal.h"
#include "core/study/quantizer_recipe.h"
#include "core/study/recipe.h"
#include "core/study/study.h"
#include "core/study/visits.h"
#include "core/study/workload.h"
#include "core/training/trainer.h"

namespace eigenscape {

/// What a study works on, loaded before anything is written: data and model on their device.
struct Material {
  Examples train, test;
  std::unique_ptr<Model> model;
  bool mirrored = true;  ///< flipping an image keeps its class
};

/// One pass through a recipe: for each epoch train, measure, then look at curvature and landscape; every phase that the
/// journal has already is skipped. Throws Stopped, RunError.
class Session {
 public:
  Session(const Recipe& recipe, Material& material, Journal& journal, const StudyContext& context);
  void run();

 private:
  using Products = std::int64_t;

  struct Part;
  struct Lot;
  struct DensityLot;
  struct TraceLot;

  void visit(std::size_t index);
  void skipVisit(std::int64_t epoch);
  void loadCheckpoint(std::size_t index);
  void train(std::int64_t epoch);
  void measure(std::int64_t epoch);
  void spectrum(std::int64_t epoch);
  /// Spectra of one split: of the model and of each scope of layers.
  void spectraOf(std::int64_t epoch, const LandscapeSplit& split, bool first, const Context& context, Lot& lot);
  void lanczosOn(CurvatureOperator& op, const Part& part, const Context& context, Lot& lot);
  void powerOn(CurvatureOperator& op, const Part& part, const Context& context, Lot& lot);
  std::vector<SpectrumRow> unknownRows(const Part& part, std::int64_t top, std::int64_t bottom) const;
  void appendSpectrum(const Part& part, const std::vector<SpectrumRow>& rows, const SolveRow& solve, const Lot& lot);
  /// A row of solves.csv for a spectrum of which nothing is known yet.
  SolveRow solveOf(const Part& part, const std::string& method) const;
  double roundingOf(const CurvatureOperator& op, const Part& part, const std::vector<EigenPair>& pairs,
                    const Context& context);
  void noteUnconverged(const Part& part, const EigenPairs& pairs, const Context& context);
  /// Weights of one epoch that hold NaN are no reason to lose the others': notes what is left out. Throws the error
  /// where there is no other epoch.
  void leaveOut(const std::string& what, const NotFinite& error, const Context& context);
  /// The epoch and the file of weights that it stands for, as messages name them.
  std::string placeOf(std::size_t visit) const;
  bool weightsAreFinite() const;
  void overlaps(std::int64_t epoch, const std::string& split, Lot& lot) const;
  void density(std::int64_t epoch);
  void densityOf(std::int64_t epoch, const LandscapeSplit& split, const Scope& scope,
                 const std::vector<DensityProbe>& known, const Context& context, DensityLot& lot);
  /// Of a density phase that was interrupted, by scope and split.
  std::map<std::pair<std::string, std::string>, std::vector<DensityProbe>> knownProbes(std::int64_t epoch) const;
  void trace(std::int64_t epoch);
  void tracesOf(std::int64_t epoch, const LandscapeSplit& split, const Context& context, TraceLot& lot);
  void overhead(std::int64_t epoch);
  void sharpness(std::int64_t epoch);
  /// Valleys and widths of a landscape that is measured.
  void shape(const LandscapeRecipe& recipe, std::int64_t epoch);
  /// Every sensitivity that quantization.methods names, on the traces' first split, and how well they rank.
  void sensitivity(std::int64_t epoch);
  /// Bits under the recipe's limits and the frontier, then what the network makes of them.
  void allocation();
  void measureSettings(BitPlan& plan);
  /// quantized/LIMIT.safetensors for each limit.
  void writeQuantized(const BitPlan& plan);
  void weightSensitivity(std::int64_t epoch);
  void inputSensitivity();
  InputTraceMethod inputTraceMethod(const Examples& examples, const Context& context);
  void layerEigenvalues();
  void layerLosses();
  void rankSensitivities();
  /// quantization.finetune of each setting, from the present weights, which stay; the trained ones go to
  /// finetuned/NAME.safetensors, the learning curves to finetune.csv. Calibrated by `calibration`.
  void fineTuneSettings(const std::vector<NetworkSetting>& settings);
  void fineTuneOne(const NetworkSetting& named, const Context& context);
  std::vector<double> topEigenvalues(std::int64_t epoch, Products& products, const Context& context);
  EigenPairs topOfLayer(std::size_t weightLayer, const Examples& examples, bool search, const Context& context);
  /// The split that sensitivities stand on.
  LandscapeSplit sensitivitySplit(std::int64_t samples) const;
  /// Of the network in floating point; none where inputs stay in it, too. Computed once.
  const Calibration& calibration(const Context& context);
  void landscape(const LandscapeRecipe& recipe, std::int64_t epoch);
  /// Losses at the points that are not there yet, as rows called `name`. `y` is undefined for a profile, whose betas
  /// are {0}.
  void evaluateAs(const std::string& name, const LandscapeRecipe& recipe, std::int64_t epoch, const torch::Tensor& x,
                  const std::vector<double>& alphas, const torch::Tensor& y, const std::vector<double>& betas,
                  const Context& context);
  /// Each profile and surface at the same points once more, with the network quantized as quantization.landscapes says.
  void quantizedLandscapes(const BitPlan& plan);
  void quantizedLandscape(const LandscapeRecipe& recipe, const Setting& setting);
  /// λ_min and λ_max over a surface that is measured.
  void curvatureMap(const LandscapeRecipe& recipe, std::int64_t epoch);
  /// The checkpoints up to the present epoch, in order; the model's own and those made elsewhere alike.
  std::vector<Visit> trajectory() const;
  /// Where the path ran over a surface around the present weights.
  void trajectoryOn(const LandscapeRecipe& recipe, std::int64_t epoch);
  /// How BatchNorm's running statistics go along to the other checkpoint; empty for other directions.
  NamedTensors statisticsAlong(const std::string& text) const;
  torch::Tensor madeDirection(const DirectionSpec& spec, const std::string& text, std::int64_t epoch);

  void saveDirections() const;
  void loadDirections(std::int64_t epoch);
  /// What the run directory holds for that epoch; nothing when it holds none.
  NamedTensors directionsBefore(std::int64_t epoch) const;
  NamedTensors storedDirections(std::int64_t epoch) const;
  void restoreState();
  void saveCheckpoint(std::int64_t epoch) const;
  void saveState(std::int64_t epoch) const;
  bool isDue(std::int64_t every) const { return isDueAt(visit_, every, lastVisit_); }
  /// The recipe's operator on these examples and layers, probed for determinism.
  std::unique_ptr<CurvatureOperator> makeOperator(const Examples& examples, const Scope& scope, const Context& context);
  /// Says it and keeps it in run.json, once.
  void note(const std::string& line, const Context& context);
  /// The context, all of whose lines are noted as well: what operators and solvers say, of memory and of differences,
  /// belongs to the record of the run.
  Context noting(const Context& context);
  torch::ScalarType precision() const;
  /// Runs `work` as the phase `key` unless it is finished; `title` is what people see.
  template <class Work>
  void phase(const std::string& key, const std::string& title, double cost, Work&& work);

  std::vector<LandscapeSplit> splitsOf(const std::string& split, std::int64_t samples) const;
  torch::Tensor direction(const std::string& text, const std::string& normalization, std::int64_t epoch);
  /// Where a landscape is measured along the direction that the recipe calls `text`.
  std::vector<double> axis(const LandscapeRecipe& recipe, const std::string& text, std::int64_t epoch,
                           const Context& context);
  /// Traces of every weight (first) and every layer (behind them) at the present weights.
  TraceEstimates traceOn(const LandscapeSplit& split, const Context& context);
  bool tracesComeFromOutputs(const Examples& examples, const std::vector<Range>& ranges, const Context& context);

  const Recipe& recipe_;
  Material& material_;
  Journal& journal_;
  const StudyContext& context_;
  std::vector<Visit> visits_;
  std::vector<Scope> scopes_;
  Costs costs_;
  Workload workload_;
  std::unique_ptr<Trainer> trainer_;
  std::int64_t visit_ = 0, lastVisit_ = 0;
  bool probed_ = false, differences_ = false;
  std::optional<std::string> outputTraceObstacle_;  ///< empty: there is none
  std::set<std::int64_t> lost_;                     ///< epochs whose weights hold NaN or infinity
  std::int64_t trainedEpoch_ = 0, iterationsPerEpoch_ = 0;
  double secondsOfEpoch_ = 0;
  NamedTensors directions_;  ///< of the present epoch
  std::int64_t directionsEpoch_ = -1;
  TraceEstimates lastTrace_;  ///< on the first split of the last epoch, shared with the sensitivity
  std::int64_t lastTraceEpoch_ = -1;
  bool searchNoted_ = false;
  struct {
    bool spectrum = true, density = true;
  } maybeBegun_;  ///< whether the next phase of that kind may find rows of its own
  std::optional<Calibration> calibration_;
};

}  // namespace eigenscape
