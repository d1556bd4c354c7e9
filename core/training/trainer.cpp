// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/trainer.h"

#include <torch/torch.h>

#include <chrono>
#include <cmath>
#include <sstream>
#include <utility>

#include "core/results/error.h"
#include "core/training/augmentation.h"
#include "core/training/parameter_update.h"

namespace eigenscape {

namespace {

/// The losses of an epoch, looked at in portions: reading every single one would make a GPU wait for us.
class LossWatch {
 public:
  LossWatch(std::int64_t epoch, double learningRate, std::string key, torch::Device device)
      : epoch_(epoch), learningRate_(learningRate), key_(std::move(key)), portion_(device.is_cpu() ? 1 : 32) {}

  /// Throws RunError when one of the losses so far is not finite.
  void add(const torch::Tensor& loss) {
    pending_.push_back(loss.detach());
    if (static_cast<std::int64_t>(pending_.size()) == portion_) look();
  }

  double mean() {
    look();
    return seen_ > 0 ? sum_ / static_cast<double>(seen_) : 0;
  }

 private:
  void look() {
    if (pending_.empty()) return;
    const auto losses = torch::stack(pending_).to(torch::kCPU, torch::kFloat64);
    pending_.clear();
    for (std::int64_t i = 0; i < losses.size(0); ++i) {
      const double loss = losses[i].item<double>();
      ++seen_;
      if (!std::isfinite(loss)) fail(loss);
      sum_ += loss;
    }
  }

  [[noreturn]] void fail(double loss) const {
    std::ostringstream text;
    text << "training: the loss became " << loss << " in epoch " << epoch_ << ", iteration " << seen_ << "; ";
    if (epoch_ == 1 && seen_ == 1) {
      text << "no step was made yet: check the data and the weights for values that are not finite";
    } else {
      text << "lower " << key_ << " (now " << learningRate_ << ")";
    }
    throw RunError(text.str());
  }

  std::int64_t epoch_;
  double learningRate_;
  std::string key_;
  std::int64_t portion_;
  std::vector<torch::Tensor> pending_;
  std::int64_t seen_ = 0;
  double sum_ = 0;
};

/// Training mode (or not) while it lives, evaluation mode afterwards.
class TrainingMode {
 public:
  TrainingMode(Model& model, bool on) : model_(model) { model_.setTraining(on); }
  ~TrainingMode() { model_.setTraining(false); }
  TrainingMode(const TrainingMode&) = delete;
  TrainingMode& operator=(const TrainingMode&) = delete;

 private:
  Model& model_;
};

}  // namespace

Trainer::Trainer(Model& model, const Examples& train, TrainingOptions options)
    : model_(model),
      train_(train),
      options_(std::move(options)),
      update_(makeParameterUpdate(model.parameters(), options_)) {}

Trainer::~Trainer() = default;

std::int64_t Trainer::stepsPerEpoch() const {
  return EpochBatches::countOf(train_.size(), options_.batchSize);
}

EpochReport Trainer::runEpoch(std::int64_t epoch, const Context& context,
                              const std::function<void(std::int64_t step)>& beforeStep) {
  const auto start = std::chrono::steady_clock::now();
  EpochReport report;
  report.learningRate = learningRateAt(options_, epoch);
  const EpochBatches batches(train_, options_, epoch);
  LossWatch watch(epoch, report.learningRate, options_.learningRateKey, model_.device());
  const TrainingMode training(model_, !options_.frozenStatistics);
  for (std::int64_t i = 0; i < batches.count(); ++i) {
    context.check();
    if (beforeStep) beforeStep(i);
    const auto batch = batches.batch(i);
    const auto loss = torch::nn::functional::cross_entropy(model_.forward(batch.inputs), batch.targets);
    watch.add(loss);
    auto gradients = torch::autograd::grad({loss}, model_.parameters().tensors(), {}, c10::nullopt, false, true);
    update_->step(std::move(gradients), report.learningRate);
    context.report(static_cast<double>(i + 1) / static_cast<double>(batches.count()));
  }
  report.iterations = batches.count();
  report.meanLoss = watch.mean();
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

NamedTensors Trainer::optimizerState() const {
  auto state = update_->state();
  for (auto& [name, tensor] : state) tensor = tensor.clone();
  return state;
}

void Trainer::loadOptimizerState(const NamedTensors& state) {
  update_->load(state);
}

}  // namespace eigenscape
