// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/model/parameter_space.h"

namespace eigenscape {

enum class BatchNormMode {
  Evaluation,  ///< running statistics: every example stands alone
  Training     ///< statistics of the batch
};

/// A layer that has a weight matrix or kernel: what quantization works on.
struct WeightLayer {
  std::string name;            ///< "layer1.0.conv1"
  std::size_t parameterEntry;  ///< index of its weight in parameters().entries()
  std::int64_t macs = 0;       ///< multiply-accumulates per example
  bool convolution = false;
};

class LayerTransform;
class AffineLayer;

/// A classifier: images in, logits out. Owns its parameters and buffers.
class Model {
 public:
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  virtual std::string architecture() const = 0;
  /// N×C×H×W → N×classes logits. Does not touch running statistics in evaluation mode.
  virtual torch::Tensor forward(const torch::Tensor& inputs) = 0;
  /// Training mode (true) updates running statistics in forward; evaluation mode is the state after construction.
  virtual void setTraining(bool on) = 0;
  virtual bool isTraining() const = 0;

  /// Trainable parameters, then buffers; names as in PyTorch's state_dict.
  virtual NamedTensors namedParameters() const = 0;
  virtual NamedTensors namedBuffers() const = 0;
  const std::vector<WeightLayer>& weightLayers() const { return weightLayers_; }
  std::vector<std::string> weightLayerNames() const;
  /// Puts `transform` in the place of a weight layer's arithmetic (an index into weightLayers()); nullptr takes it
  /// away. It has to outlive its use. False: the model's layers are out of reach, as in a compiled file, and nothing
  /// happened.
  virtual bool setTransform(std::size_t /*weightLayer*/, LayerTransform* /*transform*/) { return false; }
  /// Layers that can record what a change of their own parameters does to each example (core/model/layers.h); owned by
  /// the model.
  virtual std::vector<AffineLayer*> affineLayers() const { return {}; }
  /// Names of the layers that draw random numbers in the present mode (dropout and the like).
  virtual std::vector<std::string> randomLayers() const { return {}; }
  ParameterSpace& parameters() { return space_; }
  const ParameterSpace& parameters() const { return space_; }

  /// Parameters and buffers in state_dict order; the tensors are shared.
  virtual NamedTensors stateDict() const;
  /// Copies by name. Every parameter and buffer must be there with the same shape (`num_batches_tracked` may be
  /// missing) and no other name may. `source` is the file that an error names. Throws RunError; nothing is changed
  /// then.
  void loadStateDict(const NamedTensors& state, const std::string& source);
  /// The flat parameters that `loadStateDict` would load, on the model's device; the model stays as it is. Throws
  /// RunError in the same cases.
  torch::Tensor flatParameters(const NamedTensors& state, const std::string& source) const;

  /// Moves parameters and buffers. parameters() is rebuilt.
  virtual void to(torch::Device device, torch::ScalarType type) = 0;
  torch::Device device() const;
  torch::ScalarType type() const;

 protected:
  Model() = default;
  /// To be called by each constructor and after `to`.
  void rebuildSpace() { space_ = ParameterSpace(namedParameters()); }
  std::vector<WeightLayer> weightLayers_;

 private:
  ParameterSpace space_;
};

/// Evaluation mode while it lives.
class EvaluationMode {
 public:
  explicit EvaluationMode(Model& model) : model_(model), wasTraining_(model.isTraining()) { model_.setTraining(false); }
  ~EvaluationMode() { model_.setTraining(wasTraining_); }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  Model& model_;
  bool wasTraining_;
};

/// What a zoo model is built for.
struct InputShape {
  std::int64_t channels = 3, height = 32, width = 32, classes = 10;
};

struct ArchitectureInfo {
  std::string name;
  std::string help;  ///< one line for --list models
};
/// The zoo, in the order of --list models.
const std::vector<ArchitectureInfo>& architectures();

/// Builds a zoo model with weights drawn from `seed` (PyTorch's default or, for ResNets, Kaiming normal
/// initialisation). Throws RecipeError for an unknown name or an input the model can't take.
std::unique_ptr<Model> makeModel(const std::string& architecture, const InputShape& input, std::uint64_t seed);

}  // namespace eigenscape
