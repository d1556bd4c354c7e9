// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <memory>
#include <string>
#include <vector>

#include "core/model/parameter_space.h"

namespace eigenscape {

struct TrainingOptions;

/// One optimizer's rule and its state, over the parameters of a ParameterSpace. Works on lists of tensors, which
/// LibTorch fuses into few kernels on a GPU, and keeps no gradient record.
class ParameterUpdate {
 public:
  virtual ~ParameterUpdate() = default;
  ParameterUpdate(const ParameterUpdate&) = delete;
  ParameterUpdate& operator=(const ParameterUpdate&) = delete;

  /// One step. `gradients` holds one tensor per parameter and is used up; a parameter whose gradient is undefined (the
  /// loss does not depend on it) is left alone.
  void step(std::vector<torch::Tensor> gradients, double learningRate);

  /// The state's own tensors under the names of Trainer::optimizerState.
  virtual NamedTensors state() const = 0;
  /// Copies by name; see Trainer::loadOptimizerState.
  void load(const NamedTensors& given);

 protected:
  using Tensors = std::vector<torch::Tensor>;
  explicit ParameterUpdate(const ParameterSpace& space, double weightDecay);
  /// `which` are the indices of the parameters that have a gradient. Runs without gradient records.
  virtual void apply(const std::vector<std::size_t>& which, Tensors& gradients, double learningRate) = 0;

  Tensors zerosLikeParameters() const;
  void appendState(NamedTensors& list, const std::string& kind, const Tensors& tensors) const;
  static Tensors pick(const Tensors& from, const std::vector<std::size_t>& which);

  Tensors parameters_;

 private:
  std::vector<std::string> names_;
  double weightDecay_;
};

std::unique_ptr<ParameterUpdate> makeParameterUpdate(const ParameterSpace& space, const TrainingOptions& options);

}  // namespace eigenscape
