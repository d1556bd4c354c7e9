// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace eigenscape::bench {

/// What is timed beside other libraries (tests/peers/benchmark.py): the same model, weights, images and threads.
struct CaseOptions {
  std::string model = "resnet20";
  std::filesystem::path data, weights;
  std::int64_t images = 512, batch = 256;
  std::string device = "cpu";      ///< or cuda, which computes as the program does: without TF32
  bool timedKernels = false;       ///< curvature.cudnn_benchmark
  bool search = true;              ///< for missed eigenvalues, which no peer does; counted apart in any case
  std::int64_t probes = 10;        ///< of the density
  std::string verify = "float32";  ///< precision of the measured residuals, float64 or none (nor a product's error)
  double cap = 0;                  ///< seconds after which a solver is stopped; 0: never
  int threads = 0;
  std::vector<std::string> cases = {"product", "gradient", "top-1",        "top-5",
                                    "top-20",  "trace",    "layer-traces", "density"};
  std::filesystem::path json;  ///< merged into: a row replaces that of the same measurement
};

/// Each case in a process of its own, so that peak memory is its own; `self` is this program. Returns an exit status.
int runCases(const CaseOptions& options, const std::string& self);
/// One case in this process; prints its row as a line of JSON.
int runOneCase(const CaseOptions& options, const std::string& name);
/// Trains a model of the zoo on the data for a few epochs and writes its state dict, so that every library works on
/// weights that are not random.
int trainWeights(const CaseOptions& options, std::int64_t epochs, const std::filesystem::path& out);

/// Seconds of a product against images and against parameters, as CSV on standard output.
int runScaling(int threads);

}  // namespace eigenscape::bench
