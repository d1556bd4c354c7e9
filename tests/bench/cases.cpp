// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/cases.h"

#include <sys/resource.h>
#include <torch/torch.h>
#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <thread>

#include "core/curvature/curvature_operator.h"
#include "core/curvature/density.h"
#include "core/curvature/lanczos.h"
#include "core/curvature/layer_trace.h"
#include "core/curvature/output_trace.h"
#include "core/curvature/trace.h"
#include "core/model/device.h"
#include "core/model/model.h"
#include "core/model/state_dict.h"
#include "core/training/trainer.h"
#include "datasets/dataset.h"

namespace eigenscape::bench {

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

double secondsOf(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Waits until a GPU has done what was asked of it.
void finishWork(torch::Device device) {
  if (device.is_cuda()) torch::cuda::synchronize();
}

/// Of main memory; of a GPU what it holds now, which LibTorch does not give back.
double peakMegabytes(torch::Device device) {
  if (device.is_cuda()) return static_cast<double>(deviceMemory(device).inUse) / (1 << 20);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

Dataset cifar(const CaseOptions& options) {
  DatasetRequest request;
  request.name = "cifar10";
  request.path = options.data.string();
  request.mean = {.485, .456, .406};
  request.deviation = {.229, .224, .225};
  return loadDataset(request, {});
}

/// Asks for a stop after so many seconds.
class Cap {
 public:
  explicit Cap(double seconds)
      : watch_([this, seconds](const std::stop_token& ended) {
          if (seconds <= 0) return;
          std::mutex mutex;
          std::unique_lock lock(mutex);
          std::condition_variable_any clock;
          clock.wait_for(lock, ended, std::chrono::duration<double>(seconds), [] { return false; });
          if (!ended.stop_requested()) source_.request_stop();
        }) {}
  Context context() const {
    Context result;
    result.stop = source_.get_token();
    return result;
  }

 private:
  std::stop_source source_;
  std::jthread watch_;  // last, so that it ends first
};

/// The row of a solver that was stopped by its cap.
Json stoppedRow(double cap, const LinearOperator* op) {
  char note[40];
  std::snprintf(note, sizeof note, "> %g s", cap);
  Json row{{"seconds", nullptr}, {"note", note}};
  if (op) row["products"] = op->products();
  return row;
}

struct Problem {
  explicit Problem(const CaseOptions& options) {
    const auto dataset = cifar(options);
    device = torch::Device(options.device);
    if (device.is_cuda()) computeExactly();
    if (device.is_cuda() && options.timedKernels) timeKernels();
    examples = normalized(dataset.test, dataset).first(options.images).to(device, torch::kFloat32);
    model = makeModel(options.model, {}, 0);
    if (!options.weights.empty()) model->loadStateDict(readStateDict(options.weights), options.weights.string());
    model->to(device, torch::kFloat32);
    curvature.batchSize = options.batch;
    cap = options.cap;
    density.probes = options.probes;
    search = options.search;
  }
  void gradient() const {
    std::vector<torch::Tensor> sum;
    for (std::int64_t begin = 0; begin < examples.size(); begin += curvature.batchSize) {
      const auto batch = examples.slice(begin, curvature.batchSize);
      const auto loss = torch::nn::functional::cross_entropy(model->forward(batch.inputs), batch.targets);
      const auto part = torch::autograd::grad({loss}, model->parameters().tensors());
      for (std::size_t i = 0; i < part.size(); ++i) {
        if (begin == 0)
          sum.push_back(part[i]);
        else
          sum[i] += part[i];
      }
    }
    finishWork(device);
  }
  torch::Device device = torch::kCPU;
  std::unique_ptr<Model> model;
  Examples examples;
  CurvatureOptions curvature;
  double cap = 0;
  DensityOptions density;
  bool search = true;
};

/// Median of some runs after one to warm up.
double median(const std::function<void()>& work) {
  work();
  std::vector<double> seconds;
  for (int i = 0; i < 7; ++i) seconds.push_back(secondsOf(work));
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

Json topCase(Problem& problem, std::int64_t top) {
  LanczosOptions options;
  options.top = top;
  if (!problem.search) options.missTolerance = 1;
  EigenPairs pairs;
  CurvatureOperator op(*problem.model, problem.examples, problem.curvature);
  const Cap cap(problem.cap);
  double seconds = 0;
  try {
    seconds = secondsOf([&] { pairs = lanczos(op, options, cap.context()); });
  } catch (const Stopped&) {
    return stoppedRow(problem.cap, &op);
  }
  double residual = 0;
  Json values = Json::array();
  for (const auto& pair : pairs.top) residual = std::max(residual, pair.residual), values.push_back(pair.value);
  // The peers look for nothing that their first vector had no share in: what the search costs stands beside the solve.
  char note[160] = "without a search for missed eigenvalues";
  if (problem.search)
    std::snprintf(note, sizeof note, "a search for missed eigenvalues took %lld more products, %.2f s (chance < %.0e)",
                  static_cast<long long>(pairs.searchProducts), pairs.searchSeconds,
                  std::max(pairs.missProbability, 1e-12));
  return {{"seconds", seconds - pairs.searchSeconds},
          {"products", pairs.products - pairs.searchProducts},
          {"residual", residual},
          {"eigenvalues", values},
          {"note", note}};
}

Json traceCase(Problem& problem, bool layers) {
  TraceOptions options;
  options.deflated = -1;
  options.tolerance = layers ? 0.05 : 0.02;
  options.maxProbes = 5000;
  std::vector<Range> ranges;
  if (layers) {
    const auto& space = problem.model->parameters();
    for (const auto& layer : problem.model->weightLayers()) {
      const auto& whole = space.layers()[space.entries()[layer.parameterEntry].layer];
      ranges.push_back({whole.offset, whole.size});
    }
  }
  TraceEstimates found;
  std::string obstacle, how = "from the outputs";
  const Cap cap(problem.cap);
  const auto context = cap.context();
  const auto estimate = [&] {
    obstacle = outputTraceObstacle(*problem.model, problem.examples, problem.curvature, ranges);
    const auto products = layerTraceObstacle(*problem.model, problem.curvature, ranges);
    if (obstacle.empty()) {
      found = estimateTracesFromOutputs(*problem.model, problem.examples, problem.curvature, ranges, options, context);
    } else if (products.empty()) {
      how = "at the layers";
      found = estimateTracesAtLayers(*problem.model, problem.examples, problem.curvature, ranges, options, context);
    } else {
      how = products;
      CurvatureOperator op(*problem.model, problem.examples, problem.curvature);
      found = estimateTraces(op, ranges, options, context);
    }
  };
  double seconds = 0;
  try {
    seconds = secondsOf(estimate);
  } catch (const Stopped&) {
    return stoppedRow(problem.cap, nullptr);
  }
  double error = found.whole.standardError / std::abs(found.whole.trace);
  Json traces = Json::array();
  if (layers) error = 0;
  for (const auto& range : found.ranges) {
    traces.push_back({range.trace, range.standardError});
    error = std::max(error, range.standardError / std::abs(range.trace));
  }
  return {{"seconds", seconds},
          {"products", found.products},
          {"standard_error", error},
          {"estimate", found.whole.trace},
          {"traces", traces},
          {"note", how + (found.deflated > 0 ? "; " + std::to_string(found.deflated) + " vectors deflated" : "")}};
}

Json densityCase(Problem& problem) {
  CurvatureOperator op(*problem.model, problem.examples, problem.curvature);
  DensityNodes found;
  const Cap cap(problem.cap);
  double seconds = 0;
  try {
    seconds = secondsOf([&] { found = spectralDensity(op, problem.density, cap.context()); });
  } catch (const Stopped&) {
    return stoppedRow(problem.cap, &op);
  }
  return {{"seconds", seconds},
          {"products", found.products},
          {"note", std::to_string(found.probes.size()) + (found.probes.size() == 1 ? " probe" : " probes")}};
}

Json rowOf(Problem& problem, const std::string& name) {
  if (name == "gradient") return {{"seconds", median([&] { problem.gradient(); })}};
  if (name == "product") {
    CurvatureOperator op(*problem.model, problem.examples, problem.curvature);
    const auto v = torch::randn({op.dimension()}).to(problem.device);
    const auto product = [&] {
      op.apply(v);
      finishWork(problem.device);
    };
    Json row{{"seconds", median(product)}, {"products", 1}};
    row["note"] = std::to_string(op.keptBatches()) + " of " + std::to_string(op.batches()) + " graphs kept";
    return row;
  }
  // What LibTorch sets up at the first product is not the solver's.
  CurvatureOperator warm(*problem.model, problem.examples.first(8), problem.curvature);
  warm.apply(torch::ones({warm.dimension()}));
  finishWork(problem.device);
  if (name.starts_with("top-")) return topCase(problem, std::stoll(name.substr(4)));
  if (name == "trace" || name == "layer-traces") return traceCase(problem, name != "trace");
  return densityCase(problem);
}

void merge(const fs::path& file, const Json& row) {
  Json rows = Json::array();
  if (std::ifstream stream(file); stream) rows = Json::parse(stream, nullptr, false);
  if (!rows.is_array()) rows = Json::array();
  for (auto& old : rows) {
    if (old["model"] == row["model"] && old["case"] == row["case"] && old["threads"] == row["threads"] &&
        old.value("device", "cpu") == row["device"]) {
      old = row;
      std::ofstream(file) << rows.dump(1) << '\n';
      return;
    }
  }
  rows.push_back(row);
  std::ofstream(file) << rows.dump(1) << '\n';
}

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

}  // namespace

int runOneCase(const CaseOptions& options, const std::string& name) {
  at::set_num_threads(options.threads);
  Problem problem(options);
  Json row{{"seconds", nullptr}};
  const double before = peakMegabytes(problem.device);
  if (name != "nothing") row = rowOf(problem, name);
  row["peak_mb"] = std::max(0.0, peakMegabytes(problem.device) - before);
  row["device"] = options.device;
  row["model"] = options.model;
  row["case"] = name;
  row["library"] = "eigenscape";
  row["torch"] = TORCH_VERSION;
  row["threads"] = options.threads;
  std::printf("%s\n", row.dump().c_str());
  return 0;
}

int runCases(const CaseOptions& options, const std::string& self) {
  for (const auto& name : options.cases) {
    auto command = quoted(self) + " --model " + quoted(options.model) + " --data " + quoted(options.data.string()) +
                   " --images " + std::to_string(options.images) + " --batch " + std::to_string(options.batch) +
                   " --threads " + std::to_string(options.threads) + " --device " + options.device +
                   (options.timedKernels ? " --timed-kernels" : "") + (options.search ? "" : " --no-search") +
                   " --cap " + std::to_string(options.cap) + " --probes " + std::to_string(options.probes) + " --one " +
                   quoted(name);
    if (!options.weights.empty()) command += " --weights " + quoted(options.weights.string());
    std::FILE* pipe = ::popen(command.c_str(), "r");
    std::string text;
    char buffer[4096];
    while (pipe && std::fgets(buffer, sizeof buffer, pipe)) text += buffer;
    const int status = pipe ? ::pclose(pipe) : -1;
    const auto row = Json::parse(text, nullptr, false);
    if (status != 0 || row.is_discarded()) {
      std::fprintf(stderr, "%s: failed\n", name.c_str());
      return 1;
    }
    const auto& seconds = row["seconds"];
    std::printf("%-14s %9.3f s %6lld products  %5.0f MB  %s\n", name.c_str(),
                seconds.is_null() ? std::nan("") : seconds.get<double>(),
                static_cast<long long>(row.value("products", 0)), row["peak_mb"].get<double>(),
                row.value("note", "").c_str());
    std::fflush(stdout);
    if (!options.json.empty()) merge(options.json, row);
  }
  return 0;
}

int trainWeights(const CaseOptions& options, std::int64_t epochs, const fs::path& out) {
  at::set_num_threads(options.threads);
  const auto dataset = cifar(options);
  const torch::Device device(options.device);
  if (device.is_cuda()) computeExactly();
  auto model = makeModel(options.model, {}, 0);
  model->to(device, torch::kFloat32);
  TrainingOptions training;
  training.epochs = epochs;
  training.learningRate = 0.02;
  Trainer trainer(*model, normalized(dataset.train, dataset).to(device, torch::kFloat32), training);
  for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) {
    const auto report = trainer.runEpoch(epoch, {});
    std::printf("epoch %lld: %.1f s, loss %.3f\n", static_cast<long long>(epoch), report.seconds, report.meanLoss);
    std::fflush(stdout);
  }
  writeSafetensors(out, model->stateDict());
  return 0;
}

}  // namespace eigenscape::bench
