// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/curvature/linear_operator.h"
#include "core/model/examples.h"
#include "core/model/model.h"
#include "core/results/context.h"

namespace eigenscape {

struct HessianOptions {
  std::int64_t batchSize = 256;  ///< examples per partial product: memory and speed, never the result
  BatchNormMode batchNorm = BatchNormMode::Evaluation;
  /// Bytes that kept graphs may take; 0: a quarter of the memory that is free. Batches beyond it are differentiated
  /// twice in every product (three gradients in place of two).
  std::int64_t graphMemory = 0;
  /// Loss of a batch, summed over its examples, from the model's outputs and the targets. Empty: cross-entropy.
  std::function<torch::Tensor(const torch::Tensor& outputs, const torch::Tensor& targets)> loss;
};

/// The Hessian of the mean loss over `examples` at the model's present parameters, by double backward
/// (Pearlmutter's product): each batch weighs by its number of examples. With batch statistics
/// (BatchNormMode::Training) running statistics are not touched, and the batch size is part of the objective.
///
/// The operator holds for the parameters at construction; after ParameterSpace::assign make a new one.
class HessianOperator : public LinearOperator {
 public:
  /// `model` and `examples` live on one device in one floating type and outlive the operator. Polls `context.stop`
  /// before every batch, in products too.
  HessianOperator(Model& model, const Examples& examples, HessianOptions options, Context context = {});
  ~HessianOperator() override;

  std::int64_t dimension() const override;
  torch::Device device() const override;
  torch::ScalarType type() const override;

  /// ∇L at the present parameters, flat. No product.
  torch::Tensor gradient();
  /// Mean loss over the examples. No product.
  double loss();
  /// Batches whose graph is kept, of all.
  std::int64_t keptBatches() const;
  std::int64_t batches() const;

 protected:
  torch::Tensor multiply(const torch::Tensor& vector) override;

 private:
  struct Graph;
  Graph differentiate(const Examples& batch) const;
  void prepare();

  Model& model_;
  Examples examples_;
  HessianOptions options_;
  Context context_;
  std::vector<Graph> kept_;
  torch::Tensor gradient_;
  double loss_ = 0;
  bool prepared_ = false;
};

}  // namespace eigenscape
