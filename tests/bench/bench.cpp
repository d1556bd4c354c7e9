// SPDX-License-Identifier: GPL-3.0-or-later
// The hot paths, timed within one run so that only ratios matter: the operations of a row take turns, and each row
// gives the smallest and the median time. Not a test: it passes whatever the numbers are.
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/curvature/convolution_double_backward.h"
#include "core/curvature/curvature_operator.h"
#include "core/landscape/directions.h"
#include "core/landscape/landscape.h"
#include "core/model/model.h"
#include "core/training/trainer.h"
#include "tests/bench/cases.h"

using namespace eigenscape;

namespace {

constexpr std::int64_t kImages = 200;
constexpr int kRounds = 7;

struct Row {
  std::string name;
  std::function<void()> run;
  std::vector<double> seconds;
};

double secondsOf(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Every row once per round, after one round to warm up: a slow moment of the machine then hits all of them.
void measure(std::vector<Row>& rows) {
  for (auto& row : rows) row.run();
  for (int round = 0; round < kRounds; ++round) {
    for (auto& row : rows) row.seconds.push_back(secondsOf(row.run));
  }
}

void print(std::vector<Row>& rows) {
  std::printf("%-58s %10s %10s %12s\n", "operation", "min s", "median s", "gradients");
  double unit = 0;
  for (auto& row : rows) {
    std::sort(row.seconds.begin(), row.seconds.end());
    const double median = row.seconds[row.seconds.size() / 2];
    if (unit == 0) unit = median;
    std::printf("%-58s %10.4f %10.4f %12.2f\n", row.name.c_str(), row.seconds.front(), median, median / unit);
  }
}

void resNet20() {
  auto model = makeModel("resnet20", {}, 0);
  torch::manual_seed(0);
  const Examples examples{torch::randn({kImages, 3, 32, 32}), torch::randint(0, 10, {kImages}, torch::kInt64),
                          torch::zeros({3})};
  const auto v = torch::randn({model->parameters().dimension()});

  const auto gradient = [&] {
    const auto loss = torch::nn::functional::cross_entropy(model->forward(examples.inputs), examples.targets);
    torch::autograd::grad({loss}, model->parameters().tensors());
  };
  CurvatureOptions kept;
  kept.batchSize = kImages;
  CurvatureOperator onKeptGraph(*model, examples, kept);
  // Without room for a second graph, the second half is differentiated anew in every product.
  CurvatureOptions lean;
  lean.batchSize = kImages / 2;
  lean.graphMemory = 1;
  CurvatureOperator onFreshGraphs(*model, examples, lean);

  const auto library = [&] {
    const LibraryConvolutionDoubleBackward own;
    const auto loss = torch::nn::functional::cross_entropy(model->forward(examples.inputs), examples.targets);
    const auto g = torch::autograd::grad({loss}, model->parameters().tensors(), {}, true, true);
    torch::autograd::grad(g, model->parameters().tensors(), model->parameters().unflatten(v));
  };
  // A model of its own: moving along a direction changes the parameters that the kept graphs refer to.
  auto moved = makeModel("resnet20", {}, 0);
  const auto x = randomDirection(*moved, 1, Normalization::Filter);
  const auto point = [&] {
    evaluateLandscape(*moved, {{"train", examples}}, x, {0.5}, kImages, {}, [](const LandscapePoint&) {}, {});
  };
  auto trained = makeModel("resnet20", {}, 0);
  TrainingOptions training;
  training.batchSize = kImages;
  Trainer trainer(*trained, examples, training);

  std::vector<Row> rows{
      {"gradient (evaluation mode)", gradient, {}},
      {"Hessian-vector product, graph kept", [&] { onKeptGraph.apply(v); }, {}},
      {"Hessian-vector product, one of two graphs kept", [&] { onFreshGraphs.apply(v); }, {}},
      {"the same by the library's own double backward, no graph kept", library, {}},
      {"surface point (forward without gradient)", point, {}},
      {"training step with augmentation", [&] { trainer.runEpoch(1, {}); }, {}},
  };
  std::printf("ResNet-20, %lld images of 3x32x32, float32, %d threads, LibTorch %s, %d rounds\n",
              static_cast<long long>(kImages), at::get_num_threads(), TORCH_VERSION, kRounds);
  measure(rows);
  print(rows);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Benchmarks of the hot paths. Without options: the hot paths within one run.");
  bench::CaseOptions options;
  options.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  std::string one, trainInto;
  std::int64_t epochs = 5;
  bool scaling = false;
  app.add_option("--threads", options.threads);
  app.add_flag("--scaling", scaling, "seconds of a product against images and parameters, as CSV");
  auto* data =
      app.add_option("--data", options.data, "folder of CIFAR-10: the cases that other libraries are timed on");
  app.add_option("--model", options.model)->needs(data);
  app.add_option("--weights", options.weights)->needs(data);
  app.add_option("--images", options.images)->needs(data);
  app.add_option("--batch", options.batch)->needs(data);
  app.add_option("--cases", options.cases)->needs(data)->delimiter(',');
  app.add_option("--json", options.json, "file that the rows are merged into")->needs(data);
  app.add_option("--one", one, "one case in this process, as a line of JSON")->needs(data);
  app.add_option("--train-into", trainInto, "train the model and write its weights to this file")->needs(data);
  app.add_option("--epochs", epochs);
  CLI11_PARSE(app, argc, argv);
  if (scaling) return bench::runScaling(options.threads);
  if (!trainInto.empty()) return bench::trainWeights(options, epochs, trainInto);
  if (!one.empty()) return bench::runOneCase(options, one);
  if (!options.data.empty()) return bench::runCases(options, argv[0]);
  at::set_num_threads(options.threads);
  resNet20();
  return 0;
}
