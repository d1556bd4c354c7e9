// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/session.h"

#include <torch/torch.h>

#include <algorithm>

#include "core/model/objective.h"
#include "core/model/state_dict.h"
#include "core/study/bit_plan.h"
#include "core/study/session_support.h"

namespace eigenscape {

namespace fs = std::filesystem;

namespace {

constexpr const char* kStateFile = "state.safetensors";

TrainingOptions trainingOptions(const Recipe& recipe, bool mirrored) {
  const auto& training = recipe.training;
  TrainingOptions options;
  options.epochs = training.epochs;
  options.batchSize = training.batchSize;
  options.learningRate = training.learningRate;
  options.momentum = training.momentum;
  options.weightDecay = training.weightDecay;
  if (training.optimizer == "adam") options.optimizer = Optimizer::Adam;
  if (training.schedule == "constant") options.schedule = Schedule::Constant;
  if (training.schedule == "cosine") options.schedule = Schedule::Cosine;
  options.augment = recipe.data.augment;
  options.flip = mirrored;
  options.seed = static_cast<std::uint64_t>(recipe.seed);
  return options;
}

}  // namespace

Session::Session(const Recipe& recipe, Material& material, Journal& journal, const StudyContext& context)
    : recipe_(recipe),
      material_(material),
      journal_(journal),
      context_(context),
      visits_(visitsOf(recipe)),
      scopes_(scopesOf(recipe.curvature, *material.model)),
      costs_(recipe, material.train.size(), material.test.size(),
             std::count_if(scopes_.begin(), scopes_.end(), [](const Scope& scope) { return !scope.isModel(); }),
             static_cast<std::int64_t>(material.model->weightLayers().size())),
      workload_(context, costs_.total(recipe, static_cast<std::int64_t>(visits_.size()) - 1)),
      lastVisit_(static_cast<std::int64_t>(visits_.size()) - 1) {
  if (recipe.training.epochs > 0)
    trainer_ = std::make_unique<Trainer>(*material_.model, material_.train, trainingOptions(recipe, material.mirrored));
  restoreState();
}

void Session::run() {
  // That the last one can't be read is better known now than after all the others.
  if (visits_.size() > 1 && !visits_.back().checkpoint.empty()) loadCheckpoint(visits_.size() - 1);
  for (std::size_t index = 0; index < visits_.size(); ++index) visit(index);
}

/// Of an epoch whose phases are all finished, or that can't be looked at.
void Session::skipVisit(std::int64_t epoch) {
  const auto& curvature = recipe_.curvature;
  const bool spectrumDue = isSpectrumDueAt(visit_, lastVisit_, recipe_), regular = isDue(curvature.every);
  double skipped = costs_.measure + (epoch > 0 ? costs_.train : 0);
  if (spectrumDue) skipped += costs_.spectrum;
  if (regular) skipped += costs_.density + costs_.sharpness + (curvature.trace ? costs_.trace : 0);
  for (const auto* list : {&recipe_.profiles, &recipe_.surfaces}) {
    for (const auto& item : *list)
      skipped += isDue(item.every) ? costs_.landscape(item) + costs_.curvatureMap(item) : 0;
  }
  workload_.endPhase(skipped, false);
}

void Session::visit(std::size_t index) {
  const auto epoch = visits_[index].epoch;
  visit_ = static_cast<std::int64_t>(index);
  const auto& curvature = recipe_.curvature;
  const bool spectrumDue = isSpectrumDueAt(visit_, lastVisit_, recipe_), regular = isDue(curvature.every);
  // A resumed run has the weights of the last trained epoch; everything of the epochs before it is finished.
  if (epoch < trainedEpoch_) {
    skipVisit(epoch);
    return;
  }
  if (!visits_[index].checkpoint.empty()) {
    try {
      loadCheckpoint(index);
    } catch (const RunError& error) {
      // The first tells whether the folder is one of this network; on the last one landscapes and bits stand.
      if (index == 0 || visit_ == lastVisit_) throw;
      lost_.insert(epoch);
      note(placeOf(index) + ": left out: " + error.what(), {context_.stop, {}, context_.log});
      skipVisit(epoch);
      return;
    }
  } else if (epoch > 0) {
    train(epoch);
  } else if (trainer_ && !journal_.has(keyed("metrics", 0))) {
    saveCheckpoint(0);  // where the trajectory begins
  }
  measure(epoch);
  if (spectrumDue) spectrum(epoch);
  if (curvature.density && regular) density(epoch);
  // The sensitivity stands on the traces of the last epoch, whether the recipe asks for traces over time or not.
  const bool forSensitivity = visit_ == lastVisit_ && computesSensitivity(recipe_);
  if (forSensitivity || (curvature.trace && regular)) trace(epoch);
  if (curvature.overhead && epoch > 0) overhead(epoch);
  // Around weights that are not finite there is no landscape.
  if (visits_.size() > 1 && !weightsAreFinite()) {
    lost_.insert(epoch);
    note("epoch " + std::to_string(epoch) + ": no landscape, the weights hold NaN or infinity",
         {context_.stop, {}, context_.log});
  } else {
    if (curvature.sharpnessEpsilon > 0 && regular) sharpness(epoch);
    for (const auto* list : {&recipe_.profiles, &recipe_.surfaces}) {
      for (const auto& item : *list) {
        if (isDue(item.every)) landscape(item, epoch);
      }
    }
  }
  if (forSensitivity) sensitivity(epoch);
  if (visit_ == lastVisit_ && recipe_.quantization.enabled) {
    if (lost_.contains(epoch))
      throw RunError(
          placeOf(index) +
          ": the weights hold NaN or infinity, so that no bits can be chosen for them; end model.checkpoints "
          "with a file that is finite");
    allocation();
  }
}

void Session::loadCheckpoint(std::size_t index) {
  const auto& file = visits_[index].checkpoint;
  material_.model->loadStateDict(readStateDict(file), file.string());
}

/// Seconds of what this epoch has spent so far; they are in run.json, too.
void Session::overhead(std::int64_t epoch) {
  phase(keyed("overhead", epoch), "overhead", 0, [&](const Context&) -> Products {
    OverheadRow row;
    row.epoch = epoch;
    for (const auto& done : journal_.info().phases) {
      if (done.name == keyed("train", epoch)) row.trainingSeconds += done.seconds;
      for (const char* kind : {"spectrum", "density", "trace"}) {
        if (done.name != keyed(kind, epoch)) continue;
        row.curvatureSeconds += done.seconds;
        row.products += done.products;
      }
    }
    const double sum = row.trainingSeconds + row.curvatureSeconds;
    row.share = sum > 0 ? row.curvatureSeconds / sum : 0;
    journal_.append(row);
    return 0;
  });
}

void Session::restoreState() {
  const auto file = journal_.directory() / kStateFile;
  if (!fs::exists(file)) return;
  std::map<std::string, std::string> metadata;
  const auto tensors = readSafetensors(file, &metadata);
  NamedTensors state, optimizer;
  for (const auto& item : tensors) (item.first.starts_with("optimizer/") ? optimizer : state).push_back(item);
  material_.model->loadStateDict(state, file.string());
  trainedEpoch_ = std::stoll(metadata["epoch"]);
  iterationsPerEpoch_ = std::stoll(metadata["iterations_per_epoch"]);
  secondsOfEpoch_ = std::stod(metadata["seconds"]);
  for (auto& item : optimizer) item.first.erase(0, std::string("optimizer/").size());
  if (trainer_) trainer_->loadOptimizerState(optimizer);
}

void Session::saveState(std::int64_t epoch) const {
  auto tensors = material_.model->stateDict();
  for (const auto& [name, tensor] : trainer_->optimizerState()) tensors.emplace_back("optimizer/" + name, tensor);
  writeSafetensors(journal_.directory() / kStateFile, tensors,
                   {{"epoch", std::to_string(epoch)},
                    {"iterations_per_epoch", std::to_string(iterationsPerEpoch_)},
                    {"seconds", shortNumber(secondsOfEpoch_, "%.6f")}});
}

void Session::saveCheckpoint(std::int64_t epoch) const {
  const auto folder = journal_.directory() / kCheckpoints;
  std::error_code ignored;  // writing the file says it better
  fs::create_directories(folder, ignored);
  writeSafetensors(folder / epochFile(epoch), material_.model->stateDict());
}

void Session::train(std::int64_t epoch) {
  if (epoch <= trainedEpoch_) {
    workload_.endPhase(costs_.train, false);
    // Killed between the state file and the journal.
    if (!journal_.has(keyed("train", epoch))) journal_.finish(keyed("train", epoch), secondsOfEpoch_, 0);
    return;
  }
  const auto title = "training · epoch " + std::to_string(epoch) + " of " + std::to_string(recipe_.training.epochs);
  phase(keyed("train", epoch), title, costs_.train, [&](const Context& context) -> Products {
    const auto report = trainer_->runEpoch(epoch, context);
    iterationsPerEpoch_ = report.iterations;
    secondsOfEpoch_ = report.seconds;
    trainedEpoch_ = epoch;
    if (epoch % recipe_.training.checkpointEvery == 0 || visit_ == lastVisit_) {
      saveCheckpoint(epoch);
    }
    saveState(epoch);
    return 0;
  });
}

void Session::measure(std::int64_t epoch) {
  phase(keyed("metrics", epoch), "loss and accuracy · epoch " + std::to_string(epoch), costs_.measure,
        [&](const Context& context) -> Products {
          std::vector<MetricRow> rows;
          std::string line = "epoch " + std::to_string(epoch) + ":";
          const auto splits = splitsOf("both", 0);
          for (std::size_t i = 0; i < splits.size(); ++i) {
            const auto& split = splits[i];
            const auto value =
                evaluate(*material_.model, split.examples, kMeasureBatch, context.part(i, splits.size()));
            MetricRow row;
            row.epoch = epoch;
            row.iteration = epoch * iterationsPerEpoch_;
            row.split = split.name;
            row.loss = value.loss;
            row.accuracy = value.accuracy;
            if (trainer_) {
              row.learningRate =
                  learningRateAt(trainingOptions(recipe_, material_.mirrored), std::max<std::int64_t>(epoch, 1));
              row.batchSize = recipe_.training.batchSize;
              row.seconds = epoch > 0 ? secondsOfEpoch_ : 0;
            } else if (const auto& rates = recipe_.model.learningRates; !rates.empty()) {
              row.learningRate = rates.size() == 1 ? rates[0] : rates[static_cast<std::size_t>(visit_)];
            }
            rows.push_back(row);
            line += " " + split.name + " loss " + shortNumber(value.loss) + ", accuracy " +
                    shortNumber(100 * value.accuracy, "%.2f") + " %;";
          }
          journal_.append(rows);
          line.pop_back();
          context.say(line);
          return 0;
        });
}

std::vector<LandscapeSplit> Session::splitsOf(const std::string& split, std::int64_t samples) const {
  std::vector<LandscapeSplit> splits;
  if (split != "test" && material_.train.size() > 0) splits.push_back({"train", material_.train.first(samples)});
  if (split != "train" && material_.test.size() > 0) splits.push_back({"test", material_.test.first(samples)});
  return splits;
}

}  // namespace eigenscape
