// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>

// One struct per table of a run directory. `columns` names a row's cells in file order: from that one list come the
// header, the writer and the reader (see tables.h).
namespace eigenscape {

/// metrics.csv: one row per epoch and split; epoch 0 is the state before training.
struct MetricRow {
  static constexpr const char* file = "metrics.csv";
  std::int64_t epoch = 0;
  std::int64_t iteration = 0;  ///< optimizer steps so far
  std::string split;           ///< "train" or "test"
  double loss = 0;             ///< mean over the split's examples, evaluation mode
  double accuracy = 0;         ///< share in 0..1
  double learningRate = 0;     ///< of the epoch's last step
  std::int64_t batchSize = 0;
  double adversarialRatio = 0;
  double seconds = 0;  ///< spent training this epoch; the only cell that differs between equal runs
};

/// spectrum.csv: `index` counts from 1 at the largest eigenvalue and from -1 at the smallest.
struct SpectrumRow {
  static constexpr const char* file = "spectrum.csv";
  std::int64_t epoch = 0;
  std::string op;     ///< "hessian", "ggn" or "fisher"
  std::string scope;  ///< "model" or a layer's name
  std::string split;
  std::int64_t index = 0;
  double eigenvalue = 0;
  double residual = 0;  ///< ‖Av − λv‖₂ / |λ|
  bool converged = false;
  std::int64_t products = 0;  ///< operator products used by the whole solve
};

/// trace.csv
struct TraceRow {
  static constexpr const char* file = "trace.csv";
  std::int64_t epoch = 0;
  std::string op;
  std::string scope;
  std::string split;
  double trace = 0;
  double standardError = 0;
  std::int64_t products = 0;
};

/// profile.csv
struct ProfileRow {
  static constexpr const char* file = "profile.csv";
  std::string name;
  std::int64_t epoch = 0;
  double alpha = 0;
  std::string split;
  double loss = 0;
  double accuracy = 0;
};

/// surface.csv
struct SurfaceRow {
  static constexpr const char* file = "surface.csv";
  std::string name;
  std::int64_t epoch = 0;
  double alpha = 0;
  double beta = 0;
  std::string split;
  double loss = 0;
  double accuracy = 0;
};

/// sensitivity.csv: one row per weight layer and bit width.
struct SensitivityRow {
  static constexpr const char* file = "sensitivity.csv";
  std::string layer;
  std::int64_t parameters = 0;  ///< of the weight
  std::int64_t macs = 0;        ///< multiply-accumulates per example
  double topEigenvalue = 0;     ///< of the layer's block; nan when it was not computed
  double meanTrace = 0;         ///< trace of the layer's Hessian block / parameters
  double standardError = 0;     ///< of meanTrace
  std::int64_t bits = 0;
  double perturbation = 0;  ///< ‖Q(W) − W‖₂²
  double omega = 0;         ///< meanTrace · perturbation (HAWQ-V2, arXiv:1911.03852)
};

/// Whether the layer's trace is told apart from zero: it is two standard errors away from it.
inline bool isResolved(const SensitivityRow& row) {
  return !(std::abs(row.meanTrace) < 2 * row.standardError);
}

template <class Row, class Visitor>
void columns(Row& row, Visitor&& visit) {
  using Plain = std::remove_const_t<Row>;
  if constexpr (std::is_same_v<Plain, MetricRow>) {
    visit("epoch", row.epoch), visit("iteration", row.iteration), visit("split", row.split), visit("loss", row.loss);
    visit("accuracy", row.accuracy), visit("learning_rate", row.learningRate), visit("batch_size", row.batchSize);
    visit("adversarial_ratio", row.adversarialRatio), visit("seconds", row.seconds);
  } else if constexpr (std::is_same_v<Plain, SpectrumRow>) {
    visit("epoch", row.epoch), visit("operator", row.op), visit("scope", row.scope), visit("split", row.split);
    visit("index", row.index), visit("eigenvalue", row.eigenvalue), visit("residual", row.residual);
    visit("converged", row.converged), visit("products", row.products);
  } else if constexpr (std::is_same_v<Plain, TraceRow>) {
    visit("epoch", row.epoch), visit("operator", row.op), visit("scope", row.scope), visit("split", row.split);
    visit("trace", row.trace), visit("standard_error", row.standardError), visit("products", row.products);
  } else if constexpr (std::is_same_v<Plain, ProfileRow>) {
    visit("name", row.name), visit("epoch", row.epoch), visit("alpha", row.alpha), visit("split", row.split);
    visit("loss", row.loss), visit("accuracy", row.accuracy);
  } else if constexpr (std::is_same_v<Plain, SurfaceRow>) {
    visit("name", row.name), visit("epoch", row.epoch), visit("alpha", row.alpha), visit("beta", row.beta);
    visit("split", row.split), visit("loss", row.loss), visit("accuracy", row.accuracy);
  } else {
    static_assert(std::is_same_v<Plain, SensitivityRow>, "a row type without columns");
    visit("layer", row.layer), visit("parameters", row.parameters), visit("macs", row.macs);
    visit("top_eigenvalue", row.topEigenvalue), visit("mean_trace", row.meanTrace);
    visit("standard_error", row.standardError), visit("bits", row.bits), visit("perturbation", row.perturbation);
    visit("omega", row.omega);
  }
}

}  // namespace eigenscape
