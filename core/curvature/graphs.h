// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/torch.h>

#include <utility>
#include <vector>

#include "core/curvature/curvature_operator.h"

// How one batch contributes to a product. For curvature_operator.cpp and graphs.cpp alone.
namespace eigenscape {

/// Sets the mode of BatchNorm for a forward pass and puts running statistics and mode back.
class ForwardMode {
 public:
  ForwardMode(Model& model, BatchNormMode mode);
  ~ForwardMode();
  ForwardMode(const ForwardMode&) = delete;
  ForwardMode& operator=(const ForwardMode&) = delete;

 private:
  Model& model_;
  bool wasTraining_;
  std::vector<std::pair<torch::Tensor, torch::Tensor>> saved_;
};

/// What a batch keeps so that its share of Av can be had again and again.
class CurvatureOperator::Graph {
 public:
  virtual ~Graph() = default;
  /// One tensor per parameter of the subset, undefined for zeros. `keep` false: the graph is of no use afterwards.
  virtual std::vector<torch::Tensor> multiply(const std::vector<torch::Tensor>& pieces, bool keep) = 0;
  double loss = 0;                      ///< the batch's share of the mean loss
  std::vector<torch::Tensor> gradient;  ///< by parameter; undefined for zeros
};

/// The gradient with its graph; a product is its derivative.
class CurvatureOperator::HessianGraph : public Graph {
 public:
  HessianGraph(const CurvatureOperator& op, const Examples& batch);
  std::vector<torch::Tensor> multiply(const std::vector<torch::Tensor>& pieces, bool keep) override;

 private:
  std::vector<torch::Tensor> parameters_;
};

/// The matrix M of Jᵀ M J: the loss's second derivative by the outputs, or outer products of its first.
class CurvatureOperator::OutputMatrix {
 public:
  OutputMatrix(const CurvatureOperator& op, const torch::Tensor& outputs, const Examples& batch, std::int64_t first);
  torch::Tensor apply(const torch::Tensor& u) const;

 private:
  double scale_;
  torch::Tensor outputs_, gradient_;  ///< of Gauss-Newton: ∂ℓ/∂f as a function of f
  std::vector<torch::Tensor> rows_;   ///< of the Fisher matrices: ∂ℓ/∂f for each set of labels
};

/// Jᵀ M J with the Jacobian J of the outputs by the parameters. Jv is the derivative of Jᵀw by w, so that it needs no
/// forward mode, and both directions run on one kept graph.
class CurvatureOperator::JacobianGraph : public Graph {
 public:
  JacobianGraph(const CurvatureOperator& op, const Examples& batch, std::int64_t first);
  std::vector<torch::Tensor> multiply(const std::vector<torch::Tensor>& pieces, bool keep) override;

 private:
  std::vector<torch::Tensor> parameters_;
  torch::Tensor outputs_, weights_;    ///< f and w
  std::vector<torch::Tensor> pulled_;  ///< Jᵀw
  std::unique_ptr<OutputMatrix> matrix_;
};

/// Central differences: of the gradient for the Hessian, of the outputs for Jv in Jᵀ M J.
class CurvatureOperator::DifferenceGraph : public Graph {
 public:
  /// `step` is the length of the move in parameter space.
  DifferenceGraph(const CurvatureOperator& op, const Examples& batch, std::int64_t first, double step);
  std::vector<torch::Tensor> multiply(const std::vector<torch::Tensor>& pieces, bool keep) override;

 private:
  const CurvatureOperator& op_;
  Examples batch_;
  std::int64_t first_;
  double step_;
};

}  // namespace eigenscape
