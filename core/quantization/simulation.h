// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/model/model.h"
#include "core/quantization/calibration.h"
#include "core/quantization/quantizer.h"
#include "core/quantization/transforms.h"

namespace eigenscape {

/// Bits of one layer: 2 … 8, or 0 for floating point.
struct LayerBits {
  std::int64_t weight = 0;
  std::int64_t activation = 0;  ///< of the layer's input
  friend bool operator==(const LayerBits&, const LayerBits&) = default;
};

/// Bits of every weight layer, in the order of model.weightLayers().
using Setting = std::vector<LayerBits>;

/// The rule for the inputs of the first and the last layer, which HAWQ keeps at 8 bits: both get `bits` where they have
/// fewer; 0 or an input in floating point: as it is. Weights have it from keepFirstAndLast, before their bits are
/// chosen.
Setting inputsOfFirstAndLast(Setting setting, std::int64_t bits);

/// Runs a model with quantized layers for as long as it lives; then the model is as before. Weights follow the model's
/// parameters, so that these may be moved or trained meanwhile. One at a time per model. Where the model's layers are
/// out of reach (compiled files) the weights themselves are replaced: no folding, and they stay where they are.
///
/// A quantized layer computes as an integer unit would: the product of integers (levels less zero points) in floating
/// point, one multiplication by the scales, then the bias. As long as no sum exceeds 2^24 in float32 (2^53 in float64)
/// the product is exact, whatever the order of its terms: it is the integer unit's, to the bit. Layers with weights or
/// inputs in floating point are ordinary arithmetic on one side.
///
/// Gradients pass rounding as if it were the identity and stop at what was clipped: the straight-through estimator
/// (Bengio et al., arXiv:1308.3432; Krishnamoorthi, arXiv:1806.08342, section 2.4). Scales count as constants.
///
///     Simulation simulation(model, setting, options, calibration);
///     evaluate(model, examples, 256);   // of the quantized network
class Simulation {
 public:
  /// `calibration` may be empty where no layer quantizes its input. Throws std::invalid_argument when counts or bits do
  /// not fit, RunError where the model's layers are out of reach (compiled files) and inputs are to be quantized.
  Simulation(Model& model, const Setting& setting, const QuantizerOptions& options,
             const Calibration& calibration = {});
  ~Simulation();  // that of Layer, which this header does not know
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  /// Quantizes by another setting from now on.
  void set(const Setting& setting);

 private:
  class Layer;
  void replaceWeight(std::size_t layer, std::int64_t bits);

  /// Weights of a model whose layers are out of reach, and what they were.
  class Replaced {
   public:
    Replaced() = default;
    ~Replaced() { restore(); }
    Replaced(const Replaced&) = delete;
    Replaced& operator=(const Replaced&) = delete;
    void replace(const torch::Tensor& weight, const torch::Tensor& by);
    void restore();

   private:
    std::vector<std::pair<torch::Tensor, torch::Tensor>> weights_;
  };

  Model& model_;
  QuantizerOptions options_;
  Calibration calibration_;
  std::vector<std::unique_ptr<Layer>> layers_;
  AttachedTransforms attached_;  ///< ends before the layers that it points to, also when the constructor throws
  Replaced replaced_;
};

}  // namespace eigenscape
