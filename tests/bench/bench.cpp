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

#include "core/curvature/curvature_operator.h"
#include "core/curvature/double_backward.h"
#include "core/landscape/directions.h"
#include "core/landscape/landscape.h"
#include "core/model/activations.h"
#include "core/model/model.h"
#include "core/training/trainer.h"
#include "tests/bench/cases.h"
#include "tests/bench/plain_resnet.h"

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

/// The loop of loss-landscape (evaluation.py and net_plotter.py), written for the same LibTorch: the weights are set
/// tensor by tensor, images go through their transform anew in every pass (whole batches at a time here, one by one
/// there), in batches of 128 through separate convolution and BatchNorm, and each batch's loss is asked for.
class TheirLoop {
 public:
  explicit TheirLoop(Model& model) {
    network_.eval();
    const torch::NoGradGuard noGrad;
    auto own = network_.named_parameters();
    for (const auto& [name, tensor] : model.namedParameters()) {
      own[name].copy_(tensor);
      home_.push_back(tensor.detach().clone());
      weights_.push_back(own[name]);
    }
    auto buffers = network_.named_buffers();
    for (const auto& [name, tensor] : model.namedBuffers()) buffers[name].copy_(tensor);
  }
  double lossAt(double alpha, const std::vector<torch::Tensor>& direction, const torch::Tensor& bytes,
                const torch::Tensor& targets) {
    const torch::NoGradGuard noGrad;
    for (std::size_t i = 0; i < weights_.size(); ++i) weights_[i].set_data(home_[i] + direction[i] * alpha);
    double loss = 0;
    std::int64_t correct = 0;
    for (std::int64_t begin = 0; begin < bytes.size(0); begin += 128) {
      const auto count = std::min<std::int64_t>(128, bytes.size(0) - begin);
      const auto images = bytes.narrow(0, begin, count).to(torch::kFloat32).div(255).sub(mean_).div(deviation_);
      const auto outputs = network_.forward(images);
      const auto labels = targets.narrow(0, begin, count);
      loss += torch::nn::functional::cross_entropy(outputs, labels).item<double>() * static_cast<double>(count);
      correct += std::get<1>(outputs.max(1)).eq(labels).sum().item<std::int64_t>();
    }
    correct_ = correct;
    return loss / static_cast<double>(bytes.size(0));
  }
  torch::Tensor inputs(const torch::Tensor& bytes) const {
    return bytes.to(torch::kFloat32).div(255).sub(mean_).div(deviation_);
  }

 private:
  bench::PlainResNet network_;
  std::vector<torch::Tensor> home_, weights_;
  torch::Tensor mean_ = torch::tensor({.485, .456, .406}).to(torch::kFloat32).view({1, 3, 1, 1}),
                deviation_ = torch::tensor({.229, .224, .225}).to(torch::kFloat32).view({1, 3, 1, 1});
  std::int64_t correct_ = 0;
};

/// Points of a surface, ours and theirs in turns, on the same network, direction and images.
void surfacePoints() {
  constexpr std::int64_t images = 2000;
  auto model = makeModel("resnet20", {}, 0);
  const auto direction = randomDirection(*model, 1, Normalization::Filter);
  torch::manual_seed(0);
  const auto bytes = torch::randint(0, 256, {images, 3, 32, 32}, torch::kUInt8);
  const auto targets = torch::randint(0, 10, {images}, torch::kInt64);
  TheirLoop theirs(*model);
  const Examples examples{theirs.inputs(bytes), targets, {}};
  const auto pieces = model->parameters().unflatten(direction);
  double own = 0, other = 0;
  std::vector<Row> rows{
      {"surface point, loss-landscape's loop", [&] { other = theirs.lossAt(0.5, pieces, bytes, targets); }, {}},
      {"surface point, ours",
       [&] {
         evaluateLandscape(*model, {{"train", examples}}, direction, {0.5}, 256, {},
                           [&](const LandscapePoint& point) { own = point.value.loss; }, {});
       },
       {}}};
  std::printf("\nResNet-20, %lld images of 3x32x32: the last column is in units of the first row\n",
              static_cast<long long>(images));
  measure(rows);
  print(rows);
  std::printf("the two losses differ by %.1e of their size\n", std::abs(own - other) / other);
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
  // The second half is not kept: it is differentiated anew in every product.
  CurvatureOptions lean;
  lean.batchSize = kImages / 2;
  lean.keptGraphs = 1;
  CurvatureOperator onFreshGraphs(*model, examples, lean);

  const auto library = [&] {
    const LibraryDoubleBackward own;
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
  bool scaling = false, surface = false;
  app.set_version_flag("--version", "Eigenscape " EIGENSCAPE_VERSION "\nLibTorch " TORCH_VERSION);
  app.add_option("--threads", options.threads);
  app.add_flag("--scaling", scaling, "seconds of a product against images and parameters, as CSV");
  app.add_flag("--surface", surface, "only the points of a surface");
  auto* data =
      app.add_option("--data", options.data, "folder of CIFAR-10: the cases that other libraries are timed on");
  app.add_option("--model", options.model)->needs(data);
  app.add_option("--weights", options.weights)->needs(data);
  app.add_option("--images", options.images)->needs(data);
  app.add_option("--batch", options.batch)->needs(data);
  app.add_option("--device", options.device)->needs(data)->check(CLI::IsMember({"cpu", "cuda"}));
  app.add_flag("--timed-kernels", options.timedKernels, "on a GPU, as curvature.cudnn_benchmark")->needs(data);
  app.add_flag("!--no-search", options.search, "eigenpairs without the search for missed ones")->needs(data);
  app.add_option("--probes", options.probes, "of the density")->check(CLI::Range(1, 10000))->needs(data);
  app.add_option("--verify", options.verify,
                 "precision in which plain double backward measures residuals, off the clock")
      ->check(CLI::IsMember({"float32", "float64", "none"}))
      ->needs(data);
  app.add_option("--cap", options.cap, "seconds after which a solver is stopped: its row says so")->needs(data);
  app.add_option("--cases", options.cases)->needs(data)->delimiter(',');
  app.add_option("--json", options.json, "file that the rows are merged into")->needs(data);
  app.add_option("--one", one, "one case in this process, as a line of JSON")->needs(data);
  app.add_option("--train-into", trainInto, "train the model and write its weights to this file")->needs(data);
  app.add_option("--epochs", epochs);
  CLI11_PARSE(app, argc, argv);
  keepFreedMemory();  // as the program does
  if (scaling) return bench::runScaling(options.threads);
  if (!trainInto.empty()) return bench::trainWeights(options, epochs, trainInto);
  if (!one.empty()) return bench::runOneCase(options, one);
  if (!options.data.empty()) return bench::runCases(options, argv[0]);
  at::set_num_threads(options.threads);
  if (!surface) resNet20();
  surfacePoints();
  return 0;
}
