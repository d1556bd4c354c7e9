// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantization/fine_tuning.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/results/error.h"

namespace eigenscape {

namespace {

/// Which layers are quantized when.
class Stages {
 public:
  Stages(const Setting& setting, std::vector<std::vector<std::size_t>> blocks, std::int64_t steps)
      : setting_(setting), present_(setting.size()), blocks_(std::move(blocks)), steps_(steps) {
    if (blocks_.empty()) {
      blocks_.emplace_back(setting.size());
      std::iota(blocks_.front().begin(), blocks_.front().end(), std::size_t{0});
    }
  }

  std::int64_t stage() const { return stage_; }
  const Setting& present() const { return present_; }

  /// Quantizes the blocks that are due at this step; true when there were any.
  bool advance(std::int64_t step) {
    const auto before = stage_;
    const auto count = static_cast<std::int64_t>(blocks_.size());
    while (stage_ < count && step >= stage_ * (steps_ / 2) / count) {
      for (const auto layer : blocks_[static_cast<std::size_t>(stage_)]) present_[layer] = setting_.at(layer);
      ++stage_;
    }
    return stage_ > before;
  }

 private:
  const Setting& setting_;
  Setting present_;
  std::vector<std::vector<std::size_t>> blocks_;
  std::int64_t steps_, stage_ = 0;
};

/// "layer1.0.conv2" → "layer1.0"; the convolution on a shortcut belongs to the block that it goes around.
std::string blockOf(const std::string& layer) {
  const auto shortcut = layer.find(".shortcut.");
  const auto end = shortcut != std::string::npos ? shortcut : layer.rfind('.');
  return layer.substr(0, end);  // npos: all of it
}

}  // namespace

std::vector<std::vector<std::size_t>> blocksInOrder(const Model& model, const std::vector<double>& scores) {
  const auto& layers = model.weightLayers();
  if (scores.size() != layers.size())
    throw std::invalid_argument("blocksInOrder: one score per weight layer is needed");
  struct Block {
    std::string name;
    std::vector<std::size_t> layers;
    double score = 0;
  };
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto name = blockOf(layers[i].name);
    const auto found =
        std::find_if(blocks.begin(), blocks.end(), [&](const Block& block) { return block.name == name; });
    auto& block = found == blocks.end() ? blocks.emplace_back(Block{name, {}, 0}) : *found;
    block.layers.push_back(i);
    if (std::isfinite(scores[i])) block.score += scores[i];
  }
  std::stable_sort(blocks.begin(), blocks.end(), [](const Block& a, const Block& b) { return a.score > b.score; });
  std::vector<std::vector<std::size_t>> order;
  for (auto& block : blocks) order.push_back(std::move(block.layers));
  return order;
}

void fineTune(Model& model, const Setting& setting, const QuantizerOptions& quantizer, const Calibration& calibration,
              const Examples& train, FineTuningOptions options, const std::function<void(const FineTuningPoint&)>& look,
              const Context& context) {
  if (!model.setTransform(0, nullptr)) {
    throw RunError("the layers of " + model.architecture() +
                   " are out of reach, so that it cannot be fine-tuned; set quantization.finetune to \"none\"");
  }
  options.training.frozenStatistics = true;
  const auto epochs = options.training.epochs;
  Trainer trainer(model, train, options.training);
  const auto stepsPerEpoch = trainer.stepsPerEpoch();
  Stages stages(setting, std::move(options.blocks), epochs * stepsPerEpoch);
  Simulation simulation(model, stages.present(), quantizer, calibration);
  FineTuningPoint point;
  point.learningRate = learningRateAt(options.training, 1);
  const auto show = [&] {
    point.stage = stages.stage();
    if (look) look(point);
  };
  show();
  for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) {
    const auto within = context.part(static_cast<std::size_t>(epoch - 1), static_cast<std::size_t>(epochs));
    const auto report = trainer.runEpoch(epoch, within, [&](std::int64_t step) {
      point.iteration = (epoch - 1) * stepsPerEpoch + step;
      if (!stages.advance(point.iteration)) return;
      simulation.set(stages.present());
      show();
    });
    point.epoch = epoch;
    point.iteration = epoch * stepsPerEpoch;
    point.learningRate = report.learningRate;
    show();
  }
}

}  // namespace eigenscape
