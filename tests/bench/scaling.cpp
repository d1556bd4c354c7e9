// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "core/curvature/curvature_operator.h"
#include "tests/bench/cases.h"
#include "tests/support/oracles.h"

namespace eigenscape::bench {

namespace {

/// Seconds of one product, the smallest of up to five in about two seconds.
double productSeconds(Model& model, const Examples& examples) {
  CurvatureOperator op(model, examples, {});
  const auto v = torch::randn({op.dimension()});
  op.apply(v);
  double best = HUGE_VAL, spent = 0;
  for (int i = 0; i < 5 && (i < 2 || spent < 2); ++i) {
    const auto start = std::chrono::steady_clock::now();
    op.apply(v);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::min(best, seconds), spent += seconds;
  }
  return best;
}

/// 256 → h → h → 10 with about `parameters` weights.
std::unique_ptr<Model> perceptron(std::int64_t parameters) {
  const auto p = static_cast<double>(parameters);
  const auto h = static_cast<std::int64_t>((-266 + std::sqrt(266.0 * 266 + 4 * p)) / 2);
  torch::manual_seed(0);
  const auto weight = [](std::int64_t out, std::int64_t in) {
    return torch::randn({out, in}) / std::sqrt(static_cast<double>(in));
  };
  return std::make_unique<oracles::TinyModel>(
      NamedTensors{{"fc1.weight", weight(h, 256)}, {"fc2.weight", weight(h, h)}, {"fc3.weight", weight(10, h)}},
      [](const std::vector<torch::Tensor>& w, const torch::Tensor& x) {
        return torch::linear(torch::relu(torch::linear(torch::relu(torch::linear(x, w[0])), w[1])), w[2]);
      });
}

Examples randomImages(std::vector<std::int64_t> shape) {
  torch::manual_seed(0);
  const auto n = shape.front();
  return {torch::randn(shape), torch::randint(0, 10, {n}, torch::kInt64), {}};
}

}  // namespace

int runScaling(int threads) {
  at::set_num_threads(threads);
  std::printf("varied,images,parameters,seconds\n");
  const auto print = [](const char* varied, std::int64_t images, const Model& model, double seconds) {
    std::printf("%s,%lld,%lld,%.6g\n", varied, static_cast<long long>(images),
                static_cast<long long>(model.parameters().dimension()), seconds);
    std::fflush(stdout);
  };
  const auto resnet = makeModel("resnet20", {}, 0);
  for (const std::int64_t images : {64, 128, 256, 512, 1024, 2048}) {
    print("images", images, *resnet, productSeconds(*resnet, randomImages({images, 3, 32, 32})));
  }
  for (const std::int64_t parameters : {10'000, 30'000, 100'000, 300'000, 1'000'000, 3'000'000, 10'000'000}) {
    const auto model = perceptron(parameters);
    print("parameters", 512, *model, productSeconds(*model, randomImages({512, 256})));
  }
  return 0;
}

}  // namespace eigenscape::bench
