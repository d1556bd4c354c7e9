// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "core/curvature/linear_operator.h"
#include "core/model/examples.h"
#include "core/model/model.h"
#include "core/model/parameter_subset.h"
#include "core/results/context.h"

namespace eigenscape {

enum class CurvatureKind {
  Hessian,  ///< ∇²L by double backward (Pearlmutter's product)
  GaussNewton,  ///< mean of Jᵀ(∂²ℓ/∂f²)J, positive semidefinite for convex ℓ (Schraudolph, Neural Comp. 14 (2002) 1723)
  Fisher,        ///< empirical Fisher: mean of gᵢgᵢᵀ with the true labels
  SampledFisher  ///< mean of gᵢgᵢᵀ with labels drawn from the model (Martens, arXiv:1412.1193); tends to GaussNewton
};

struct CurvatureOptions {
  CurvatureKind kind = CurvatureKind::Hessian;
  /// Most examples per partial product: memory and speed, never the result. On a CPU in evaluation mode it may take
  /// fewer, so that an activation stays in the cache.
  std::int64_t batchSize = 256;
  BatchNormMode batchNorm = BatchNormMode::Evaluation;
  /// Bytes that graphs may take; 0: a quarter of the memory that is free; on a GPU, two thirds of what was free at
  /// first. Batches beyond it are differentiated anew in every product (three gradients in place of two), and where a
  /// single batch is beyond it, batches get smaller, but for batch statistics. On a CPU it is no more than half of what
  /// is free.
  std::int64_t graphMemory = 0;
  std::int64_t keptGraphs = -1;  ///< most batches whose graph is kept; −1: as many as the memory allows
  /// Loss of a batch, summed over its examples, from the model's outputs and the targets. Empty: cross-entropy.
  /// The operators other than the Hessian rely on its being a sum of one term per row of the outputs.
  std::function<torch::Tensor(const torch::Tensor& outputs, const torch::Tensor& targets)> loss;
  /// Indices into parameters().layers() whose diagonal block is the operator; empty: the whole model.
  std::vector<std::size_t> layers;
  std::uint64_t seed = 0;             ///< of the drawn labels
  std::int64_t labelsPerExample = 1;  ///< drawn labels
  /// Central differences of gradients in place of double backward, which is also what happens by itself where a model
  /// has no second derivative (fused attention, cuDNN's recurrent layers).
  bool differences = false;
};

/// What the determinism probe found: relative to the longer of Av and Au for random unit vectors u and v.
struct ProbeResult {
  double repetition = 0;  ///< ‖Av − (Av)′‖ of two products of one vector
  double asymmetry = 0;   ///< |uᵀAv − vᵀAu|
  double mismatch = 0;    ///< ‖Av − d‖ / ‖d‖ with the central difference d of gradients
  std::string warning;    ///< one line that names the layers to blame where they are known; empty: nothing is wrong
};

/// A curvature matrix of the mean loss over `examples` at the model's present parameters. Each batch weighs by its
/// number of examples. With batch statistics (BatchNormMode::Training) running statistics are not touched, and the
/// batch size is part of the objective.
///
/// The operator holds for the parameters at construction; after ParameterSpace::assign make a new one.
class CurvatureOperator : public LinearOperator {
 public:
  /// `model` and `examples` live on one device in one floating type and outlive the operator. Polls `context.stop`
  /// before every batch, in products too. Says by `context.log` when memory made it change its ways.
  CurvatureOperator(Model& model, const Examples& examples, CurvatureOptions options, Context context = {});
  ~CurvatureOperator() override;

  std::int64_t dimension() const override;
  torch::Device device() const override;
  torch::ScalarType type() const override;

  /// ∇L by the operator's parameters, flat. No product.
  torch::Tensor gradient();
  /// Mean loss over the examples. No product.
  double loss();
  const ParameterSubset& parameters() const { return subset_; }

  /// Takes two products of one vector and one of another on the first few examples, each on a graph of its own, and
  /// compares them with a central difference. A backward pass that keeps no complete graph, so that products are wrong
  /// without an error, shows there: central differences take over then. No product is counted.
  ProbeResult probe();

  /// Batches whose graph is kept, of all, and the bytes that those graphs take.
  std::int64_t keptBatches() const;
  std::int64_t keptMemory() const { return keptMemory_; }
  std::int64_t batches() const;
  /// Examples per partial product now.
  std::int64_t batchSize() const { return options_.batchSize; }
  /// Relative error of a product by central differences, estimated from two step lengths; 0 for exact products.
  double differenceError() const { return differenceError_; }
  double relativeError() const override { return differenceError_; }
  bool usesDifferences() const { return options_.differences; }
  /// Keeps no graph from now on.
  bool releaseMemory() override;

 protected:
  torch::Tensor multiply(const torch::Tensor& vector) override;

 private:
  class Graph;
  class OutputMatrix;
  class HessianGraph;
  class JacobianGraph;
  class DifferenceGraph;

  std::unique_ptr<Graph> differentiate(const Examples& batch, std::int64_t first) const;
  std::unique_ptr<Graph> graphOf(std::int64_t batch) const;
  torch::Tensor drawnLabels(const torch::Tensor& outputs, std::int64_t first) const;
  void prepare();
  void tryPrepare();
  bool mayKeep(std::int64_t bytes) const;
  std::int64_t estimatedBytes();
  bool takeSmallerBatches(std::int64_t bytes);
  void sayWhatIsTooLarge(std::int64_t asked, std::int64_t bytes);
  torch::Tensor tryMultiply(const std::vector<torch::Tensor>& pieces);
  /// Runs `work`, which takes up to `most` examples at once, with less memory each time that it runs out.
  template <class Work>
  auto withinMemory(Work&& work, std::int64_t most = std::numeric_limits<std::int64_t>::max());
  void makeRoom(const std::exception& error, std::int64_t most);
  void chooseProduct();
  void tryProduct(const std::vector<torch::Tensor>& pieces);
  ProbeResult tryProbe();
  struct Difference;
  Difference bestDifference(const Examples& few, const std::vector<torch::Tensor>& pieces) const;
  void takeDifferences(const Difference& difference, const std::string& reason);

  Model& model_;
  ParameterSubset subset_;
  Examples examples_;
  CurvatureOptions options_;
  Context context_;
  torch::Tensor draws_;  ///< N×labelsPerExample uniform numbers
  std::vector<std::unique_ptr<Graph>> kept_;
  std::int64_t keptMemory_ = 0;   ///< bytes of kept_
  std::int64_t keepMemory_ = 0;   ///< bytes that kept_ may take: graphMemory, less each time that memory runs out
  std::int64_t keepAtMost_ = -1;  ///< −1: as the budget allows
  /// What a graph takes in any case and more with each example, and of kTrialExamples while that is all that is known.
  std::int64_t fixedBytes_ = 0, bytesPerExample_ = 0, fewBytes_ = 0;
  torch::Tensor gradient_;
  double loss_ = 0, differenceError_ = 0, differenceStep_ = 0;
  bool prepared_ = false, chosen_ = false, saidTooLarge_ = false;
};

}  // namespace eigenscape
