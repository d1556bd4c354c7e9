// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/torch.h>

#include <Eigen/Dense>
#include <memory>

#include "core/curvature/linear_operator.h"
#include "core/model/model.h"

// Independent ways to the numbers that the program computes.
namespace oracles {

/// A symmetric matrix as an operator.
class MatrixOperator : public eigenscape::LinearOperator {
 public:
  explicit MatrixOperator(torch::Tensor matrix) : matrix_(std::move(matrix)) {}
  std::int64_t dimension() const override { return matrix_.size(0); }
  torch::Device device() const override { return matrix_.device(); }
  torch::ScalarType type() const override { return matrix_.scalar_type(); }

 protected:
  torch::Tensor multiply(const torch::Tensor& vector) override { return matrix_.mv(vector); }

 private:
  torch::Tensor matrix_;
};

inline Eigen::MatrixXd toEigen(const torch::Tensor& matrix) {
  const auto m = matrix.to(torch::kFloat64).contiguous();
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const RowMajor>(m.data_ptr<double>(), m.size(0), m.size(1));
}

/// Every column of an operator, through unit vectors.
inline Eigen::MatrixXd dense(eigenscape::LinearOperator& op) {
  const auto n = op.dimension();
  std::vector<torch::Tensor> columns;
  for (std::int64_t i = 0; i < n; ++i) {
    auto unit = torch::zeros({n}, torch::TensorOptions(op.device()).dtype(op.type()));
    unit[i] = 1;
    columns.push_back(op.apply(unit));
  }
  return toEigen(torch::stack(columns, 1));
}

/// Ascending.
inline Eigen::VectorXd eigenvalues(const Eigen::MatrixXd& matrix) {
  return Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(matrix, Eigen::EigenvaluesOnly).eigenvalues();
}

/// A symmetric matrix with the given spectrum in a random basis.
inline torch::Tensor withSpectrum(const std::vector<double>& values, std::int64_t seed) {
  const auto n = static_cast<std::int64_t>(values.size());
  torch::manual_seed(seed);
  const auto q = std::get<0>(torch::linalg_qr(torch::randn({n, n}, torch::kFloat64)));
  return q.mm(torch::diag(torch::tensor(values, torch::kFloat64))).mm(q.t());
}

/// A fully connected network with smooth activations, or any forward function, as a Model: small enough for a dense
/// Hessian.
class TinyModel : public eigenscape::Model {
 public:
  using Forward = torch::Tensor (*)(const std::vector<torch::Tensor>& parameters, const torch::Tensor& inputs);
  TinyModel(eigenscape::NamedTensors parameters, Forward forward)
      : parameters_(std::move(parameters)), forward_(forward) {
    for (auto& [name, tensor] : parameters_) tensor.set_requires_grad(true);
    rebuildSpace();
  }
  std::string architecture() const override { return "tiny"; }
  torch::Tensor forward(const torch::Tensor& inputs) override { return forward_(parameterList(), inputs); }
  void setTraining(bool on) override { training_ = on; }
  bool isTraining() const override { return training_; }
  eigenscape::NamedTensors namedParameters() const override { return parameters_; }
  eigenscape::NamedTensors namedBuffers() const override { return {}; }
  void to(torch::Device device, torch::ScalarType type) override {
    torch::NoGradGuard noGrad;
    for (auto& [name, tensor] : parameters_) tensor.set_data(tensor.to(device, type));
    rebuildSpace();
  }

 private:
  std::vector<torch::Tensor> parameterList() const { return parameters().tensors(); }
  eigenscape::NamedTensors parameters_;
  Forward forward_;
  bool training_ = false;
};

/// features → hidden (tanh) → classes, float64, weights from `seed`.
inline std::unique_ptr<TinyModel> tanhNetwork(std::int64_t features, std::int64_t hidden, std::int64_t classes,
                                              std::int64_t seed) {
  torch::manual_seed(seed);
  const auto real = torch::kFloat64;
  return std::make_unique<TinyModel>(
      eigenscape::NamedTensors{{"fc1.weight", 0.5 * torch::randn({hidden, features}, real)},
                               {"fc1.bias", 0.1 * torch::randn({hidden}, real)},
                               {"fc2.weight", 0.5 * torch::randn({classes, hidden}, real)},
                               {"fc2.bias", 0.1 * torch::randn({classes}, real)}},
      [](const std::vector<torch::Tensor>& p, const torch::Tensor& x) {
        return torch::linear(torch::tanh(torch::linear(x, p[0], p[1])), p[2], p[3]);
      });
}

/// Random inputs and labels in float64.
inline eigenscape::Examples randomExamples(std::vector<std::int64_t> shape, std::int64_t classes, std::int64_t seed) {
  torch::manual_seed(seed);
  const auto n = shape.front();
  return {torch::randn(shape, torch::kFloat64), torch::randint(0, classes, {n}, torch::kInt64), {}};
}

}  // namespace oracles
