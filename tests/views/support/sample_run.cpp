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
      row.layer = layerName(layer, options.layers);
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

void addLayers(RunResults& run, const Options& options) {
  std::mt19937 random(5);
  std::normal_distribution<double> spread(0, 0.5);
  for (int epoch = 0; epoch <= options.epochs; epoch += options.every) {
    for (int layer = 0; layer < options.layers; ++layer) {
      const double top = 0.4 * topEigenvalue(epoch) * std::exp(-2.0 * layer / options.layers + spread(random));
      const std::string name = layerName(layer, options.layers);
      const bool converged = layer % 7 != 3;
      run.spectrum.push_back({epoch, "hessian", name, "train", 1, top, converged ? 4e-4 : 0.3, converged, 20});
      // One that cannot be told from zero among those that can.
      const double trace = 12 * top, error = layer % 9 == 4 ? trace : 0.1 * trace;
      run.traces.push_back({epoch, "hessian", name, "train", trace, error, 100});
    }
  }
}

void addPower(RunResults& run, const Options& options) {
  std::mt19937 random(7);
  std::normal_distribution<double> spread(0, 0.06);
  for (int epoch = 0; epoch <= options.epochs; epoch += options.every) {
    for (int layer = 0; layer < options.layers; ++layer) {
      const double top = 0.4 * topEigenvalue(epoch) * std::exp(-2.0 * layer / options.layers);
      for (const int index : {1, 2}) {
        for (int batch = 1; batch <= options.batches; ++batch) {
          const double limit = top / index * (1 + spread(random));
          const int iterations = batch == 2 ? 8 : 10;  // one batch converges earlier
          for (int i = 1; i <= iterations; ++i) {
            const double value = limit * (1 - 0.9 * std::exp(-0.7 * (i - 1)));
            run.power.push_back({epoch, layerName(layer, options.layers), index, i, value, batch, "train"});
          }
        }
      }
    }
  }
}

double gaussian(double x, double width) {
  return std::exp(-x * x / (2 * width * width)) / (width * std::sqrt(2 * 3.141592653589793));
}

void addDensity(RunResults& run, const Options& options) {
  std::mt19937 random(11);
  std::normal_distribution<double> spread(0, 1);
  constexpr int probes = 8, nodes = 24, points = 400;
  for (int epoch = 0; epoch <= options.epochs; epoch += options.every) {
    for (const char* split : {"train", "test"}) {
      const double top = topEigenvalue(epoch) * (std::string(split) == "test" ? 1.1 : 1), low = -0.1 * top;
      std::vector<DensityNodeRow> all;
      for (int probe = 1; probe <= probes; ++probe) {
        double sum = 0;
        const std::size_t first = all.size();
        for (int k = 0; k < nodes; ++k) {
          const double at = low + (top - low) * std::pow(double(k) / (nodes - 1), 1.6);
          const double weight = 1e-5 * std::exp(0.4 * spread(random)) + std::exp(-std::abs(at) / (0.02 * top));
          all.push_back({epoch, "hessian", "model", probe, at, weight, split});
          sum += weight;
        }
        for (std::size_t i = first; i < all.size(); ++i) all[i].weight /= sum;
      }
      for (int i = 0; i < points; ++i) {
        const double x = low - 0.05 * top + (top - low + 0.1 * top) * i / (points - 1);
        double mean = 0, square = 0;
        for (int probe = 0; probe < probes; ++probe) {
          double value = 0;
          for (int k = 0; k < nodes; ++k) {
            const auto& node = all[std::size_t(probe * nodes + k)];
            value += node.weight * gaussian(x - node.node, 0.012 * top);
          }
          mean += value / probes, square += value * value / probes;
        }
        const double error = std::sqrt(std::max(0.0, square - mean * mean) / (probes - 1));
        run.densities.push_back({epoch, "hessian", "model", x, mean, error, split});
      }
      run.densityNodes.insert(run.densityNodes.end(), all.begin(), all.end());
    }
  }
}

void addSubspaces(RunResults& run, const Options& options) {
  for (int epoch = 0; epoch <= options.epochs; epoch += options.every) {
    for (const char* split : {"train", "test"}) {
      const bool test = std::string(split) == "test";
      for (int other = 0; other < epoch; other += options.every) {
        const double overlap = 0.1 + 0.87 * std::exp(-1.5 * (epoch - other) / (2.0 + other)) - (test ? 0.05 : 0);
        run.overlaps.push_back({epoch, other, "hessian", split, 5, overlap});
      }
      const double progress = epoch / (epoch + 2.0);
      const double norm = 2.5 * std::exp(-3 * progress) * (test ? 1.3 : 1);
      run.gradients.push_back({epoch, "hessian", split, 5, norm, 0.2 + 0.6 * progress - (test ? 0.08 : 0)});
    }
  }
}

void addOverhead(RunResults& run, const Options& options) {
  for (int epoch = 0; epoch <= options.epochs; ++epoch) {
    const bool measured = epoch % options.every == 0;
    OverheadRow row{epoch, epoch ? 42 + 3 * std::sin(epoch) : 0, measured ? 9.5 + 0.3 * epoch : 0, measured ? 130 : 0,
                    0};
    const double all = row.trainingSeconds + row.curvatureSeconds;
    row.share = all > 0 ? row.curvatureSeconds / all : 0;
    run.overhead.push_back(row);
  }
}

}  // namespace

std::string layerName(int layer, int layers) {
  if (layer == 0) return "conv1";
  if (layer == layers - 1) return "linear";
  const std::string name = "layer" + std::to_string(1 + 3 * layer / layers) + "." + std::to_string(layer / 2) +
                           ".conv" + std::to_string(1 + layer % 2);
  return layer % 11 == 7 ? name + ".reduction" : name;
}

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
  if (options.curvature) {
    addLayers(run, options);
    addPower(run, options);
    addDensity(run, options);
    addSubspaces(run, options);
    addOverhead(run, options);
  }
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
  if (!run.traces.empty()) writeTable(directory, run.traces);
  if (!run.power.empty()) writeTable(directory, run.power);
  if (!run.densities.empty()) writeTable(directory, run.densities);
  if (!run.densityNodes.empty()) writeTable(directory, run.densityNodes);
  if (!run.overlaps.empty()) writeTable(directory, run.overlaps);
  if (!run.gradients.empty()) writeTable(directory, run.gradients);
  if (!run.overhead.empty()) writeTable(directory, run.overhead);
  writeFileAtomically(directory / "recipe.toml", run.recipe);
  writeRunInfo(directory, run.info);
}

}  // namespace sample
