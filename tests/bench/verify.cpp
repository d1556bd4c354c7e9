// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/verify.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/curvature/double_backward.h"

namespace eigenscape::bench {

std::vector<torch::Tensor> plainProducts(Model& model, const Examples& examples, std::int64_t batch,
                                         const std::vector<torch::Tensor>& vectors) {
  const LibraryDoubleBackward libraryOwn;
  const auto& space = model.parameters();
  std::vector<torch::Tensor> products;
  for (const auto& vector : vectors) products.push_back(torch::zeros_like(vector));
  for (std::int64_t begin = 0; begin < examples.size(); begin += batch) {
    const auto part = examples.slice(begin, batch);
    const auto options = torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum);
    const auto loss = torch::nn::functional::cross_entropy(model.forward(part.inputs), part.targets, options) /
                      static_cast<double>(examples.size());
    const auto gradient = torch::autograd::grad({loss}, space.tensors(), {}, /*retain_graph=*/true,
                                                /*create_graph=*/true);
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      products[i] += space.flatten(torch::autograd::grad(gradient, space.tensors(), space.unflatten(vectors[i]),
                                                         /*retain_graph=*/true));
    }
  }
  return products;
}

double largestResidual(Model& model, const Examples& examples, std::int64_t batch, const std::vector<double>& values,
                       const std::vector<torch::Tensor>& vectors, torch::ScalarType type) {
  const auto device = model.device();
  model.to(device, type);
  std::vector<torch::Tensor> units;
  for (const auto& vector : vectors) {
    const auto own = vector.to(device, type);
    units.push_back(own / own.norm());
  }
  const auto products = plainProducts(model, examples.to(device, type), batch, units);
  double largest = 0;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const double residual = (products[i] - units[i] * values[i]).norm().item<double>() / std::abs(values[i]);
    largest = std::isnan(residual) ? HUGE_VAL : std::max(largest, residual);
  }
  return largest;
}

ProductErrors productErrors(Model& model, const Examples& examples, std::int64_t batch, const torch::Tensor& vector,
                            const torch::Tensor& product) {
  const auto device = model.device();
  const auto plain = plainProducts(model, examples, batch, {vector})[0];
  model.to(device, torch::kFloat64);
  const auto exact = plainProducts(model, examples.to(device, torch::kFloat64), batch, {vector.to(torch::kFloat64)})[0];
  const auto distance = [&exact](const torch::Tensor& other) {
    return ((other.to(torch::kFloat64) - exact).norm() / exact.norm()).item<double>();
  };
  return {distance(product), distance(plain)};
}

}  // namespace eigenscape::bench
