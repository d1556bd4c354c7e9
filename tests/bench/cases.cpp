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
#include <stdexcept>
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
#include "tests/bench/verify.h"

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

/// A row, and what is put into it when clock and peak memory have been read.
struct Measured {
  Json row;
  std::function<void(Json& row)> check = {};
};

/// The row of a solver that was stopped by its cap.
Measured stoppedRow(double cap, const LinearOperator* op) {
  char note[40];
  std::snprintf(note, sizeof note, "> %g s", cap);
  Json row{{"seconds", nullptr}, {"note", note}};
  if (op) row["products"] = op->products();
  return {row};
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
    verify = options.verify;
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
  std::string verify;
};

/// Median of some runs after one to warm up.
double median(const std::function<void()>& work) {
  work();
  std::vector<double> seconds;
  for (int i = 0; i < 7; ++i) seconds.push_back(secondsOf(work));
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

Measured topCase(Problem& problem, std::int64_t top) {
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
  std::vector<double> values;
  std::vector<torch::Tensor> vectors;
  for (const auto& pair : pairs.top) {
    residual = std::max(residual, pair.residual);
    values.push_back(pair.value);
    vectors.push_back(pair.vector);
  }
  // The peers look for nothing that their first vector had no share in: what the search costs stands beside the solve.
  char note[160] = "without a search for missed eigenvalues";
  if (problem.search)
    std::snprintf(note, sizeof note, "a search for missed eigenvalues took %lld more products, %.2f s (chance < %.0e)",
                  static_cast<long long>(pairs.searchProducts), pairs.searchSeconds,
                  std::max(pairs.missProbability, 1e-12));
  const auto check = [&problem, values, vectors](Json& row) {
    row["residual"] = largestResidual(*problem.model, problem.examples, problem.curvature.batchSize, values, vectors,
                                      problem.verify == "float64" ? torch::kFloat64 : torch::kFloat32);
  };
  return {{{"seconds", seconds - pairs.searchSeconds},
           {"products", pairs.products - pairs.searchProducts},
           {"own_residual", residual},
           {"eigenvalues", values},
           {"note", note}},
          check};
}

Measured traceCase(Problem& problem, bool layers) {
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
  return {{{"seconds", seconds},
           {"products", found.products},
           {"standard_error", error},
           {"estimate", found.whole.trace},
           {"traces", traces},
           {"note", how + (found.deflated > 0 ? "; " + std::to_string(found.deflated) + " vectors deflated" : "")}}};
}

Measured densityCase(Problem& problem) {
  CurvatureOperator op(*problem.model, problem.examples, problem.curvature);
  DensityNodes found;
  const Cap cap(problem.cap);
  double seconds = 0;
  try {
    seconds = secondsOf([&] { found = spectralDensity(op, problem.density, cap.context()); });
  } catch (const Stopped&) {
    return stoppedRow(problem.cap, &op);
  }
  return {{{"seconds", seconds},
           {"products", found.products},
           {"note", std::to_string(found.probes.size()) + (found.probes.size() == 1 ? " probe" : " probes")}}};
}

Measured productCase(Problem& problem) {
  CurvatureOperator op(*problem.model, problem.examples, problem.curvature);
  const auto v = torch::randn({op.dimension()}).to(problem.device);
  torch::Tensor product;
  const auto work = [&] {
    product = op.apply(v);
    finishWork(problem.device);
  };
  Json row{{"seconds", median(work)}, {"products", 1}};
  row["note"] = std::to_string(op.keptBatches()) + " of " + std::to_string(op.batches()) + " graphs kept";
  const auto check = [&problem, v, product](Json& full) {
    const auto errors = productErrors(*problem.model, problem.examples, problem.curvature.batchSize, v, product);
    full["product_error"] = errors.product;
    full["plain_error"] = errors.plain;
    char note[40];
    std::snprintf(note, sizeof note, "wrong by %.1e", errors.product);
    if (!(errors.product <= 10 * errors.plain)) full["note"] = note;
  };
  return {row, check};
}

Measured measured(Problem& problem, const std::string& name) {
  if (name == "nothing") return {{{"seconds", nullptr}}};
  if (name == "gradient") return {{{"seconds", median([&] { problem.gradient(); })}}};
  if (name == "product") return productCase(problem);
  // What LibTorch sets up at the first product is not the solver's.
  CurvatureOperator warm(*problem.model, problem.examples.first(8), problem.curvature);
  warm.apply(torch::ones({warm.dimension()}));
  finishWork(problem.device);
  if (name.starts_with("top-")) return topCase(problem, std::stoll(name.substr(4)));
  if (name == "trace" || name == "layer-traces") return traceCase(problem, name != "trace");
  if (name == "density") return densityCase(problem);
  throw std::invalid_argument(name + ": no case");
}

/// What a row is found by. A file from before a column was written has its default; tests/peers/table.py has the same
/// list.
Json keyOf(const Json& row) {
  const auto entry = [&row](const char* name, const Json& missing) {
    const auto found = row.find(name);
    return found == row.end() || found->is_null() ? missing : *found;
  };
  const auto kind = entry("case", "");
  return Json::array({entry("model", ""), entry("library", ""), kind, entry("threads", 0), entry("images", 512),
                      entry("batch", 256), entry("device", "cpu"),
                      kind == "density" ? entry("probes", 10) : Json(nullptr)});
}

/// Nothing is taken for an empty file that is not one: it may hold hours of others' rows.
Json readRows(const fs::path& file) {
  std::ifstream stream(file);
  if (!stream) return Json::array();
  auto rows = Json::parse(stream, nullptr, false);
  if (!rows.is_array() || !std::all_of(rows.begin(), rows.end(), [](const Json& row) { return row.is_object(); }))
    throw std::runtime_error(file.string() + ": not a list of rows in JSON");
  return rows;
}

void merge(const fs::path& file, const Json& row) {
  Json rows = Json::array();
  for (const auto& old : readRows(file)) {
    if (keyOf(old) != keyOf(row)) rows.push_back(old);
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
  const double before = peakMegabytes(problem.device);
  const auto found = measured(problem, name);
  auto row = found.row;
  row["peak_mb"] = std::max(0.0, peakMegabytes(problem.device) - before);
  if (found.check && options.verify != "none") found.check(row);
  row["library"] = "eigenscape";
  row["version"] = EIGENSCAPE_VERSION;
  row["torch"] = TORCH_VERSION;
  row["model"] = options.model;
  row["case"] = name;
  row["threads"] = options.threads;
  row["images"] = problem.examples.size();
  row["batch"] = options.batch;
  row["device"] = options.device;
  row["probes"] = name == "density" ? Json(options.probes) : Json(nullptr);
  std::printf("%s\n", row.dump().c_str());
  return 0;
}

int runCases(const CaseOptions& options, const std::string& self) {
  try {
    readRows(options.json);
  } catch (const std::runtime_error& unreadable) {
    std::fprintf(stderr, "%s\n", unreadable.what());
    return 1;
  }
  for (const auto& name : options.cases) {
    auto command = quoted(self) + " --model " + quoted(options.model) + " --data " + quoted(options.data.string()) +
                   " --images " + std::to_string(options.images) + " --batch " + std::to_string(options.batch) +
                   " --threads " + std::to_string(options.threads) + " --device " + options.device +
                   (options.timedKernels ? " --timed-kernels" : "") + (options.search ? "" : " --no-search") +
                   " --verify " + options.verify + " --cap " + std::to_string(options.cap) + " --probes " +
                   std::to_string(options.probes) + " --one " + quoted(name);
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
