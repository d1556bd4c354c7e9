// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/sample_run.h"

#include <cmath>
#include <limits>
#include <random>

#include "core/results/tables.h"

using namespace eigenscape;

namespace sample {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

double learningRate(int epoch, int epochs) {
  return epoch * 2 > epochs ? 0.01 : 0.1;
}

double topEigenvalue(int epoch) {
  return 12 + 90 * epoch / (epoch + 3.0);
}

void addMetrics(RunResults& run, const Options& options) {
  for (int epoch = 0; epoch <= options.epochs; ++epoch) {
    const double progress = double(epoch) / (epoch + 2.0);
    for (const char* split : {"train", "test"}) {
      const bool test = std::string(split) == "test";
      MetricRow row;
      row.epoch = epoch;
      row.iteration = epoch * 391;
      row.split = split;
      row.loss = 2.31 - 2.2 * progress + (test ? 0.12 * progress + 0.03 * std::sin(epoch) : 0);
      row.accuracy = 0.1 + 0.88 * progress - (test ? 0.06 * progress : 0);
      row.learningRate = options.epochs ? learningRate(epoch, options.epochs) : 0;
      row.batchSize = 128;
      row.seconds = 12.5;
      run.metrics.push_back(row);
    }
  }
}

void addSpectrum(RunResults& run, const Options& options) {
  for (int epoch = 0; epoch <= options.epochs; ++epoch) {
    for (const char* split : {"train", "test"}) {
      const auto add = [&](int index, double value) {
        SpectrumRow row;
        row.epoch = epoch;
        row.op = "hessian";
        row.scope = "model";
        row.split = split;
        row.index = index;
        row.eigenvalue = value * (std::string(split) == "test" ? 1.1 : 1);
        row.residual = index == options.top ? 0.08 : 4e-4;
        row.converged = row.residual < 1e-3;
        row.products = 31;
        run.spectrum.push_back(row);
      };
      for (int k = 1; k <= options.top; ++k) add(k, topEigenvalue(epoch) * std::pow(k, -1.2));
      for (int k = options.bottom; k >= 1; --k) add(-k, -0.08 * topEigenvalue(epoch) * std::pow(k, -0.7));
    }
  }
  if (options.negative) run.spectrum[run.spectrum.size() - 1].eigenvalue = -0.7;
}

double lossAt(double a, double b, double lambda, double span) {
  const double bowl = 0.5 * lambda * a * a + 0.2 * lambda * b * b;
  return 0.11 +
         span * (6 * (1 - std::exp(-bowl / 4)) + 0.35 * (1 - std::cos(5 * b + a)) + 0.3 * bowl * bowl / (30 + bowl));
}

void addProfiles(RunResults& run, const Options& options) {
  const int last = options.epochs;
  for (const auto& [name, lambda] : {std::pair<std::string, double>{"along-e1", topEigenvalue(last)}, {"random", 3}}) {
    for (int i = 0; i < options.points; ++i) {
      const double alpha = -1 + 2.0 * i / (options.points - 1);
      for (const char* split : {"train", "test"}) {
        ProfileRow row{name, last, alpha, split, lossAt(alpha, 0, lambda, 1), 0};
        if (std::string(split) == "test") row.loss = 1.05 * row.loss + 0.1;
        row.accuracy = 0.1 + 0.88 / (1 + row.loss);
        if (options.notFinite && i > options.points - 4) row.loss = i % 2 ? nan : infinity;
        run.profiles.push_back(row);
      }
    }
  }
}

void addSurface(RunResults& run, const Options& options) {
  for (int j = 0; j < options.points; ++j) {
    for (int i = 0; i < options.points; ++i) {
      for (const char* split : {"train", "test"}) {
        SurfaceRow row;
        row.name = "e1-e2";
        row.epoch = options.epochs;
        row.alpha = -1 + 2.0 * i / (options.points - 1);
        row.beta = -1 + 2.0 * j / (options.points - 1);
        row.split = split;
        row.loss = lossAt(row.alpha, row.beta, 14, options.surfaceSpan);
        if (std::string(split) == "test") row.loss = 1.1 * row.loss + 0.1;
        row.accuracy = 0.1 + 0.88 / (1 + row.loss);
        if (options.notFinite && i + j > 2 * options.points - 6) row.loss = i % 2 ? nan : infinity;
        if (options.notFinite && i == 4 && j == 12) row.loss = nan;
        run.surfaces.push_back(row);
      }
    }
  }
}

void addSensitivity(RunResults& run, const Options& options) {
  std::mt19937 random(3);
  std::normal_distribution<double> spread(0, 0.6);
  for (int layer = 0; layer < options.layers; ++layer) {
    const double trace = 0.02 * std::exp(-2.5 * layer / std::max(1, options.layers) + spread(random));
    for (const int bits : {2, 4, 8}) {
      SensitivityRow row;
      row.layer = layer == 0 ? "conv1"
                  : layer == options.layers - 1
                      ? "linear"
                      : "layer" + std::to_string(1 + 3 * layer / options.layers) + "." + std::to_string(layer / 2) +
                            ".conv" + std::to_string(1 + layer % 2);
      if (layer % 11 == 7) row.layer += ".reduction";
      row.parameters = 2304;
      row.macs = 2359296;
      row.topEigenvalue = 40 * trace;
      row.meanTrace = layer == 5 ? -trace / 9 : trace;
      row.standardError = 0.2 * trace;
      row.bits = bits;
      row.perturbation = 30 * std::pow(4.0, -bits);
      row.omega = row.meanTrace * row.perturbation;
      run.sensitivity.push_back(row);
    }
  }
}

}  // namespace

RunResults run(const Options& options) {
  RunResults run;
  RunInfo& info = run.info;
  info.status = "done";
  info.name = "sample";
  info.program = "Eigenscape 0.1.0";
  info.device = "cpu";
  info.model = "resnet20";
  info.weights = options.epochs ? "" : "resnet20-12fca82f.th";
  info.dataset = "cifar10";
  info.parameters = 272474;
  info.trainExamples = 50000;
  info.testExamples = 10000;
  info.curvatureSamples = 2048;
  info.curvatureOperator = "hessian";
  info.epochs = options.epochs;
  info.landscapes = {{"along-e1", "profile", "eigenvector:1", "", "none", 2048},
                     {"random", "profile", "random:7", "", "filter", 2048},
                     {"e1-e2", "surface", "eigenvector:1", "eigenvector:2", "none", 1000}};
  addMetrics(run, options);
  addSpectrum(run, options);
  addProfiles(run, options);
  addSurface(run, options);
  addSensitivity(run, options);
  return run;
}

std::shared_ptr<const RunResults> shared(const Options& options) {
  return std::make_shared<const RunResults>(run(options));
}

void save(const RunResults& run, const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  writeTable(directory, run.metrics);
  writeTable(directory, run.spectrum);
  writeTable(directory, run.profiles);
  writeTable(directory, run.surfaces);
  writeTable(directory, run.sensitivity);
  writeFileAtomically(directory / "recipe.toml", run.recipe);
  writeRunInfo(directory, run.info);
}

}  // namespace sample
