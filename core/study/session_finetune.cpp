// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <system_error>

#include "core/model/objective.h"
#include "core/model/state_dict.h"
#include "core/quantization/fine_tuning.h"
#include "core/study/quantizer_recipe.h"
#include "core/study/session_support.h"

namespace eigenscape {

namespace fs = std::filesystem;

namespace {

constexpr const char* kFinetuned = "finetuned";

/// Puts the weights back.
class Restored {
 public:
  explicit Restored(Model& model) : model_(model) {
    for (const auto& [name, tensor] : model.stateDict()) state_.emplace_back(name, tensor.detach().clone());
  }
  ~Restored() { model_.loadStateDict(state_, "the weights before fine-tuning"); }
  Restored(const Restored&) = delete;
  Restored& operator=(const Restored&) = delete;

 private:
  Model& model_;
  NamedTensors state_;
};

TrainingOptions fineTuningOptions(const Recipe& recipe, bool mirrored) {
  TrainingOptions options;
  options.epochs = recipe.quantization.finetuneEpochs;
  options.batchSize = recipe.training.batchSize;
  options.learningRate = recipe.quantization.finetuneLearningRate;
  options.learningRateKey = "quantization.finetune_learning_rate";
  options.momentum = recipe.training.momentum;
  options.weightDecay = recipe.training.weightDecay;
  if (recipe.training.optimizer == "adam") options.optimizer = Optimizer::Adam;
  options.schedule = Schedule::Cosine;
  options.augment = recipe.data.augment;
  options.flip = mirrored;
  options.seed = static_cast<std::uint64_t>(recipe.seed);
  return options;
}

/// λ₁ ‖Q(W) − W‖² of every weight layer at its bits, or Ω where λ₁ is not known of all; 0 for a layer in floating
/// point.
std::vector<double> finetuningScores(const Model& model, const Setting& setting,
                                     const std::vector<SensitivityRow>& rows) {
  const auto& layers = model.weightLayers();
  std::vector<double> order(layers.size()), omega(layers.size());
  bool known = true;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const SensitivityRow& row) {
      return row.layer == layers[i].name && row.bits == setting[i].weight;
    });
    if (found == rows.end()) continue;
    order[i] = found->topEigenvalue * found->perturbation;
    omega[i] = found->omega;
    known = known && std::isfinite(order[i]);
  }
  return known ? order : omega;
}

}  // namespace

void Session::fineTuneSettings(const std::vector<NetworkSetting>& settings) {
  const auto& quantization = recipe_.quantization;
  if (quantization.finetune == "none") return;
  for (const auto& named : settings) {
    phase("finetune:" + named.name, "fine-tuning · " + named.name,
          costs_.finetune / static_cast<double>(settings.size()), [&](const Context& context) -> Products {
            fineTuneOne(named, context);
            return 0;
          });
  }
}

void Session::fineTuneOne(const NetworkSetting& named, const Context& context) {
  auto& model = *material_.model;
  const auto& quantization = recipe_.quantization;
  const Restored restored(model);
  FineTuningOptions options;
  options.training = fineTuningOptions(recipe_, material_.mirrored);
  if (quantization.finetune == "blocks") {
    const auto rows = readTable<SensitivityRow>(journal_.directory());
    options.blocks = blocksInOrder(model, finetuningScores(model, named.setting, rows));
  }
  const Context quiet{context.stop, {}, {}};
  const auto look = [&](const FineTuningPoint& point) {
    std::vector<FinetuneRow> rows;
    std::string line = named.name + ", " + std::to_string(point.iteration) + " steps:";
    const auto add = [&](const std::string& split, const Examples& examples) {
      if (examples.size() == 0) return;
      const auto value = evaluate(model, examples, kMeasureBatch, quiet);
      rows.push_back({named.name, point.stage, point.epoch, point.iteration, split, value.loss, value.accuracy,
                      point.learningRate});
      line += " " + split + " loss " + shortNumber(value.loss) + ", accuracy " +
              shortNumber(100 * value.accuracy, "%.2f") + " %;";
    };
    add("train", material_.train.first(quantization.samples));
    add("test", material_.test);
    journal_.append(rows);
    line.pop_back();
    context.say(line);
  };
  fineTune(model, named.setting, quantizerOptions(quantization), calibration(context), material_.train, options, look,
           context);
  const auto folder = journal_.directory() / kFinetuned;
  std::error_code ignored;  // writing the file says it better
  fs::create_directories(folder, ignored);
  writeSafetensors(folder / settingFile(named.name), model.stateDict());
}

}  // namespace eigenscape
