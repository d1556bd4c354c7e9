// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/density.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>

#include "core/curvature/krylov.h"
#include "core/curvature/memory.h"
#include "core/curvature/trace.h"
#include "core/model/random_signs.h"

namespace eigenscape {

namespace {

/// A basis of `steps` vectors, fewer where a GPU has no room for them: main memory was asked before.
std::unique_ptr<Krylov> roomFor(LinearOperator& op, std::int64_t& steps, const Context& context) {
  while (true) {
    try {
      return std::make_unique<Krylov>(op, steps, 0);
    } catch (const std::exception& error) {
      if (!isOutOfMemory(error)) throw;
      if (op.releaseMemory()) continue;
      if (steps <= 2) throw;
      steps = std::max<std::int64_t>(steps / 2, 2);
      context.say("memory ran out: the density has " + std::to_string(steps) +
                  " nodes a probe (curvature.density_nodes)");
    }
  }
}

}  // namespace

DensityNodes spectralDensity(LinearOperator& op, const DensityOptions& options, const Context& context) {
  const auto start = std::chrono::steady_clock::now();
  const auto before = op.products();
  auto generator = at::detail::createCPUGenerator(options.seed);
  auto steps = std::min(options.nodes, op.dimension());
  if (const auto room = std::max<std::int64_t>(vectorsThatFit(op), 2); room < steps) {
    context.say("memory has room for " + std::to_string(room) + " of " + std::to_string(steps) +
                " vectors: the density has that many nodes a probe (curvature.density_nodes)");
    steps = room;
  }
  DensityNodes result;
  for (std::int64_t probe = 0; probe < options.probes; ++probe) {
    const auto signs = randomSigns({op.dimension()}, generator, torch::kCPU, torch::kFloat32);
    if (probe < static_cast<std::int64_t>(options.known.size())) {
      result.probes.push_back(options.known[static_cast<std::size_t>(probe)]);
      continue;
    }
    const auto basis = roomFor(op, steps, context);
    auto& space = *basis;
    space.addStart(signs);
    std::int64_t size = 0;
    for (; size < steps; ++size) {
      context.check();
      space.expand();
      context.report((static_cast<double>(probe) + static_cast<double>(size + 1) / static_cast<double>(steps)) /
                     static_cast<double>(options.probes));
    }
    const auto ritz = space.solve();
    DensityProbe nodes;
    for (Eigen::Index i = 0; i < ritz.eigenvalues().size(); ++i) {
      const double first = ritz.eigenvectors()(0, i);
      nodes.nodes.push_back(ritz.eigenvalues()[i]);
      nodes.weights.push_back(first * first);
    }
    result.probes.push_back(std::move(nodes));
    if (options.made) options.made(probe + 1, result.probes.back());
  }
  result.products = op.products() - before;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

namespace {

double densityAt(const DensityProbe& probe, double at, double deviation) {
  double density = 0;
  for (std::size_t k = 0; k < probe.nodes.size(); ++k) {
    const double distance = (at - probe.nodes[k]) / deviation;
    if (std::abs(distance) > 39) continue;  // exp() is 0 there, and slow to say so
    density += probe.weights[k] * std::exp(-0.5 * distance * distance);
  }
  return density / (deviation * std::sqrt(2 * 3.14159265358979323846));
}

}  // namespace

SmoothedDensity smoothed(const std::vector<DensityProbe>& probes, double width) {
  constexpr double beyond = 4, perDeviation = 4;
  SmoothedDensity result;
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (const auto& probe : probes) {
    for (const double node : probe.nodes) low = std::min(low, node), high = std::max(high, node);
  }
  if (low > high) return result;
  const double span = high > low ? high - low : std::max(std::abs(high), 1.0);
  const double deviation = width * span, begin = low - beyond * deviation, end = high + beyond * deviation;
  const auto points =
      std::max<std::int64_t>(801, 1 + static_cast<std::int64_t>(std::ceil(perDeviation * (end - begin) / deviation)));
  const auto n = static_cast<double>(probes.size());
  const double student = n > 1 ? studentFactor(n - 1) : std::numeric_limits<double>::quiet_NaN();
  for (std::int64_t i = 0; i < points; ++i) {
    const double at = begin + (end - begin) * static_cast<double>(i) / static_cast<double>(points - 1);
    double sum = 0, squares = 0;
    for (const auto& probe : probes) {
      const double density = densityAt(probe, at, deviation);
      sum += density, squares += density * density;
    }
    const double mean = sum / n;
    result.eigenvalues.push_back(at);
    result.density.push_back(mean);
    result.standardError.push_back(student * std::sqrt(std::max(0.0, squares / n - mean * mean) / (n - 1)));
  }
  return result;
}

double moment(const std::vector<DensityProbe>& probes, int k) {
  double sum = 0;
  for (const auto& probe : probes) {
    for (std::size_t i = 0; i < probe.nodes.size(); ++i) sum += probe.weights[i] * std::pow(probe.nodes[i], k);
  }
  return sum / static_cast<double>(std::max<std::size_t>(probes.size(), 1));
}

TraceEstimate squaredFrobenius(const std::vector<DensityProbe>& probes, std::int64_t dimension) {
  std::vector<double> squares;
  for (const auto& probe : probes) squares.push_back(static_cast<double>(dimension) * moment({probe}, 2));
  return skewedMean(squares);
}

}  // namespace eigenscape
