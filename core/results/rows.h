// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
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

/// solves.csv: what each estimate cost and how sure it is. One row per solve; the values are in the estimate's own
/// table.
struct SolveRow {
  static constexpr const char* file = "solves.csv";
  std::int64_t epoch = 0;
  std::string op, scope, split;
  std::string estimate;                ///< "spectrum", "density" or "trace"
  std::string method;                  ///< "lanczos", "power", "slq" (density) or trace.csv's word
  std::int64_t batch = 1;              ///< which share of the examples, from 1 (power iteration's curvature.batches)
  std::int64_t products = 0;           ///< of the whole solve
  std::int64_t searchProducts = 0;     ///< of those, the ones that looked for missed eigenvalues and found none
  double seconds = 0;                  ///< of the solver; differs between equal runs
  std::optional<bool> converged = {};  ///< every value (of traces: that is waited for) meets its tolerance
  double missProbability = std::numeric_limits<double>::quiet_NaN();  ///< see EigenPairs; nan: not looked for
};

/// power.csv: the path of power iteration (curvature.method = "power"), one row per product.
struct PowerRow {
  static constexpr const char* file = "power.csv";
  std::int64_t epoch = 0;
  std::string scope;           ///< "model", a layer's name or a pattern of layers
  std::int64_t index = 0;      ///< 1: the eigenvalue of largest magnitude; the ones before it are deflated
  std::int64_t iteration = 0;  ///< from 1
  double eigenvalue = 0;       ///< Rayleigh quotient of the iterate
  std::int64_t batch = 0;      ///< from 1: which share of the examples (curvature.batches)
  std::string split;
};

/// density.csv: the smoothed spectral density, on a grid. It integrates to one.
struct DensityRow {
  static constexpr const char* file = "density.csv";
  std::int64_t epoch = 0;
  std::string op, scope;
  double eigenvalue = 0;
  double density = 0;        ///< mean over the probes
  double standardError = 0;  ///< of that mean, across the probes: half a 95 % interval over 1.96; nan for one probe
  std::string split;
};

/// density_nodes.csv: what density.csv is smoothed from: the Gauss quadrature nodes of each probe.
struct DensityNodeRow {
  static constexpr const char* file = "density_nodes.csv";
  std::int64_t epoch = 0;
  std::string op, scope;
  std::int64_t probe = 0;  ///< from 1
  double node = 0;         ///< an eigenvalue of the probe's tridiagonal matrix
  double weight = 0;       ///< the weights of a probe sum to one
  std::string split;
};

/// frobenius.csv: the sum of the squared eigenvalues.
struct FrobeniusRow {
  static constexpr const char* file = "frobenius.csv";
  std::int64_t epoch = 0;
  std::string op, scope, split;
  double squaredNorm = 0;    ///< ‖A‖²_F
  double standardError = 0;  ///< of squaredNorm
  std::int64_t products = 0;
  std::string method = {};  ///< whose probes: "slq" (a density's), "hutchinson" or "hutch++"; "" as in TraceRow
};

/// overlap.csv: how much of one epoch's top subspace lies in another's.
struct OverlapRow {
  static constexpr const char* file = "overlap.csv";
  std::int64_t epoch = 0, otherEpoch = 0;  ///< otherEpoch < epoch
  std::string op, split;
  std::int64_t vectors = 0;  ///< k
  double overlap = 0;        ///< ‖UᵀV‖²_F / k: 1 for equal subspaces, k / dimension for random ones
};

/// gradient.csv: how much of the gradient lies in the top subspace (Gur-Ari et al., arXiv:1812.04754).
struct GradientRow {
  static constexpr const char* file = "gradient.csv";
  std::int64_t epoch = 0;
  std::string op, split;
  std::int64_t vectors = 0;  ///< k
  double norm = 0;           ///< ‖∇L‖₂
  double share = 0;          ///< ‖Uᵀ∇L‖² / ‖∇L‖²
};

/// overhead.csv: what an epoch costs and how much of it goes to curvature.
struct OverheadRow {
  static constexpr const char* file = "overhead.csv";
  std::int64_t epoch = 0;
  double trainingSeconds = 0;   ///< forward and backward passes, steps and the checkpoint
  double curvatureSeconds = 0;  ///< spectrum, trace, density
  std::int64_t products = 0;    ///< operator products of this epoch
  double share = 0;             ///< curvature of the sum of both
};

/// trace.csv
struct TraceRow {
  static constexpr const char* file = "trace.csv";
  std::int64_t epoch = 0;
  std::string op;
  std::string scope;
  std::string split;
  double trace = 0;
  double standardError = 0;  ///< half a 95 % interval over 1.96
  std::int64_t products = 0;
  std::string method = {};             ///< "outputs", "layers", "hutchinson" or "hutch++"; "" in tables that do not say
  std::optional<bool> converged = {};  ///< whether the standard error meets curvature.trace_tolerance; none as above
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

/// curvature_map.csv: the ends of the Hessian's spectrum at points of a surface (surface.NAME.curvature_map).
struct CurvatureMapRow {
  static constexpr const char* file = "curvature_map.csv";
  static constexpr double tolerance = 1e-2;  ///< that the residual is to meet
  std::string name;                          ///< the surface's
  std::int64_t epoch = 0;
  double alpha = 0, beta = 0;
  std::string split;
  double lambdaMin = 0, lambdaMax = 0;  ///< nan where loss or products are not finite
  double residual = 0;                  ///< the larger ‖Hv − λv‖₂ of the two, over the larger |λ|
  bool converged = false;
  std::int64_t products = 0;
};

/// trajectory.csv: the optimizer's path on a surface of the last epoch; one row per checkpoint.
struct TrajectoryRow {
  static constexpr const char* file = "trajectory.csv";
  std::string name;        ///< the surface's
  std::int64_t epoch = 0;  ///< the checkpoint's
  double alpha = 0, beta = 0;
  double unexplained = 0;  ///< share of the squared distance from the surface's centre that lies outside of its plane
};

/// persistence.csv: the valleys of a surface, the deepest first, then by how long they last. A point of the persistence
/// diagram and a branch of the merge tree each.
struct PersistenceRow {
  static constexpr const char* file = "persistence.csv";
  std::string name;  ///< the surface's
  std::int64_t epoch = 0;
  std::string split;
  std::int64_t valley = 0;                 ///< from 1
  double alpha = 0, beta = 0;              ///< of its lowest point
  double birth = 0;                        ///< the loss there
  double saddleAlpha = 0, saddleBeta = 0;  ///< where it runs over into a deeper valley
  double death = 0;                        ///< the loss there; of the deepest: the highest of the surface
  double persistence = 0;                  ///< death − birth
  std::int64_t into = 0;                   ///< the deeper valley; 0: none
};

/// shape.csv: single numbers about profiles, surfaces and the model. core/study/session_shape.cpp says which.
struct ShapeRow {
  static constexpr const char* file = "shape.csv";
  std::string kind;  ///< profile | surface | model
  std::string name;  ///< of the profile or surface
  std::int64_t epoch = 0;
  std::string split, quantity;
  double value = 0;
};

/// layer_loss.csv: what quantizing one layer alone costs, everything else in floating point.
struct LayerLossRow {
  static constexpr const char* file = "layer_loss.csv";
  std::string layer;
  std::string kind;  ///< "weights" or "inputs" of the layer
  std::int64_t bits = 0;
  std::string split;
  std::int64_t examples = 0;
  double loss = 0, accuracy = 0;
  double increase = 0;       ///< of the loss over the network in floating point, on the same examples
  double standardError = 0;  ///< of the increase, over the examples
};

/// layer_eigenvalues.csv: the largest eigenvalue of each layer's block on shares of the data (Q-BERT,
/// arXiv:1909.05840).
struct LayerEigenvalueRow {
  static constexpr const char* file = "layer_eigenvalues.csv";
  std::string layer;
  std::int64_t share = 0;  ///< from 1
  std::int64_t examples = 0;
  double eigenvalue = 0, residual = 0;
  bool converged = false;
  std::int64_t products = 0;
};

/// input_sensitivity.csv: the counterpart of sensitivity.csv for the inputs of layers (HAWQ-V2, arXiv:1911.03852).
struct InputSensitivityRow {
  static constexpr const char* file = "input_sensitivity.csv";
  std::string layer;
  std::int64_t elements = 0;  ///< numbers that one example sends into the layer
  double meanTrace = 0;       ///< trace of the Hessian by those numbers, mean over the examples, / elements
  double standardError = 0;   ///< of meanTrace
  std::int64_t bits = 0;
  double perturbation = 0;  ///< ‖Q(a) − a‖₂² of one example, mean over the examples
  double omega = 0;         ///< meanTrace · perturbation
};

/// sensitivity_correlation.csv: how the errors of two layers' mean traces hang together that come from the same draws,
/// each pair once. What is not there is taken as independent.
struct TraceCorrelationRow {
  static constexpr const char* file = "sensitivity_correlation.csv";
  std::string kind;  ///< "weights" (sensitivity.csv) or "inputs" (input_sensitivity.csv)
  std::string layer, other;
  double correlation = 0;
};

/// layer_scores.csv: every method's word on how much a layer minds being quantized; ranking.csv compares them.
struct LayerScoreRow {
  static constexpr const char* file = "layer_scores.csv";
  std::string layer;
  std::string kind;  ///< "weights" or "inputs"
  std::int64_t bits = 0;
  std::string method;  ///< "v1": λ₁ / n; "v2": Ω; "qbert": |mean λ₁| + std λ₁; "v1-order": λ₁ ‖Q(W) − W‖²
  double score = 0;          ///< v1 and qbert do not depend on the bits
  double standardError = 0;  ///< nan: not known
};

/// ranking.csv: how well a method's scores rank the measured loss increases.
struct RankingRow {
  static constexpr const char* file = "ranking.csv";
  std::string kind;       ///< "weights" or "inputs"
  std::int64_t bits = 0;  ///< 0: all layers at all widths together
  std::string method;
  std::string measure;       ///< "spearman" or "kendall" (τ-b)
  double correlation = 0;    ///< nan where there is nothing to rank
  double low = 0, high = 0;  ///< of 95 % of the resamplings of the layers
  std::int64_t layers = 0;
};

/// finetune.csv: the learning curves of quantization-aware fine-tuning.
struct FinetuneRow {
  static constexpr const char* file = "finetune.csv";
  std::string setting;         ///< which bits, as in the table of settings
  std::int64_t stage = 0;      ///< blocks quantized so far
  std::int64_t epoch = 0;      ///< finished; 0: before fine-tuning
  std::int64_t iteration = 0;  ///< optimizer steps so far
  std::string split;
  double loss = 0, accuracy = 0;  ///< of the network quantized so far
  double learningRate = 0;
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
  // In tables that a user gives (quantization.sensitivity) alone:
  std::string group;                                            ///< layers of one group share their bits
  double latencyMs = std::numeric_limits<double>::quiet_NaN();  ///< of the layer at these bits
};

/// allocation.csv: the bits that a limit of quantization.limits leaves to each layer.
struct AllocationRow {
  static constexpr const char* file = "allocation.csv";
  std::string limit;  ///< as in the recipe: "size=0.5"
  std::string layer;
  std::int64_t bits = 0;
};

/// pareto.csv: the settings of bits that no other beats in both cost (quantization.frontier) and omega.
struct ParetoRow {
  static constexpr const char* file = "pareto.csv";
  std::int64_t point = 0;          ///< from 1, ascending in cost
  double sizeBytes = 0, bops = 0;  ///< nan where the layers do not say
  double omega = 0;                ///< sum over the layers
  double loss = 0, accuracy = 0;   ///< of the network with these bits, on the test split; nan: not measured
};

/// settings.csv: what came out for each limit, and what other ways of choosing bits give.
struct SettingRow {
  static constexpr const char* file = "settings.csv";
  std::string setting;  ///< "size=0.5", "uniform-4", "greedy-7", "first-order-3", "pareto-12", "float"
  std::string method;   ///< exact | uniform | greedy | first-order | pareto | float
  double sizeBytes = 0, bops = 0, latencyMs = 0;
  double omega = 0, standardError = 0;
  double loss = 0, accuracy = 0;  ///< nan: not measured
};

/// settings_bits.csv: the bits of each setting of settings.csv; "float" has none.
struct SettingBitsRow {
  static constexpr const char* file = "settings_bits.csv";
  std::string setting, layer;
  std::int64_t bits = 0;
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
  } else if constexpr (std::is_same_v<Plain, SolveRow>) {
    visit("epoch", row.epoch), visit("operator", row.op), visit("scope", row.scope), visit("split", row.split);
    visit("estimate", row.estimate), visit("method", row.method), visit("batch", row.batch);
    visit("products", row.products), visit("search_products", row.searchProducts), visit("seconds", row.seconds);
    visit("converged", row.converged), visit("miss_probability", row.missProbability);
  } else if constexpr (std::is_same_v<Plain, PowerRow>) {
    visit("epoch", row.epoch), visit("scope", row.scope), visit("index", row.index);
    visit("iteration", row.iteration), visit("eigenvalue", row.eigenvalue), visit("batch", row.batch);
    visit("split", row.split);
  } else if constexpr (std::is_same_v<Plain, DensityRow>) {
    visit("epoch", row.epoch), visit("operator", row.op), visit("scope", row.scope);
    visit("eigenvalue", row.eigenvalue), visit("density", row.density);
    visit("standard_error", row.standardError), visit("split", row.split);
  } else if constexpr (std::is_same_v<Plain, DensityNodeRow>) {
    visit("epoch", row.epoch), visit("operator", row.op), visit("scope", row.scope), visit("probe", row.probe);
    visit("node", row.node), visit("weight", row.weight), visit("split", row.split);
  } else if constexpr (std::is_same_v<Plain, FrobeniusRow>) {
    visit("epoch", row.epoch), visit("operator", row.op), visit("scope", row.scope), visit("split", row.split);
    visit("squared_norm", row.squaredNorm), visit("standard_error", row.standardError);
    visit("products", row.products), visit("method", row.method);
  } else if constexpr (std::is_same_v<Plain, OverlapRow>) {
    visit("epoch", row.epoch), visit("other_epoch", row.otherEpoch), visit("operator", row.op);
    visit("split", row.split), visit("vectors", row.vectors), visit("overlap", row.overlap);
  } else if constexpr (std::is_same_v<Plain, GradientRow>) {
    visit("epoch", row.epoch), visit("operator", row.op), visit("split", row.split);
    visit("vectors", row.vectors), visit("norm", row.norm), visit("share", row.share);
  } else if constexpr (std::is_same_v<Plain, OverheadRow>) {
    visit("epoch", row.epoch), visit("training_seconds", row.trainingSeconds);
    visit("curvature_seconds", row.curvatureSeconds), visit("products", row.products), visit("share", row.share);
  } else if constexpr (std::is_same_v<Plain, TraceRow>) {
    visit("epoch", row.epoch), visit("operator", row.op), visit("scope", row.scope), visit("split", row.split);
    visit("trace", row.trace), visit("standard_error", row.standardError), visit("products", row.products);
    visit("method", row.method), visit("converged", row.converged);
  } else if constexpr (std::is_same_v<Plain, ProfileRow>) {
    visit("name", row.name), visit("epoch", row.epoch), visit("alpha", row.alpha), visit("split", row.split);
    visit("loss", row.loss), visit("accuracy", row.accuracy);
  } else if constexpr (std::is_same_v<Plain, SurfaceRow>) {
    visit("name", row.name), visit("epoch", row.epoch), visit("alpha", row.alpha), visit("beta", row.beta);
    visit("split", row.split), visit("loss", row.loss), visit("accuracy", row.accuracy);
  } else if constexpr (std::is_same_v<Plain, CurvatureMapRow>) {
    visit("name", row.name), visit("epoch", row.epoch), visit("alpha", row.alpha), visit("beta", row.beta);
    visit("split", row.split), visit("lambda_min", row.lambdaMin), visit("lambda_max", row.lambdaMax);
    visit("residual", row.residual), visit("converged", row.converged), visit("products", row.products);
  } else if constexpr (std::is_same_v<Plain, TrajectoryRow>) {
    visit("name", row.name), visit("epoch", row.epoch), visit("alpha", row.alpha), visit("beta", row.beta);
    visit("unexplained", row.unexplained);
  } else if constexpr (std::is_same_v<Plain, PersistenceRow>) {
    visit("name", row.name), visit("epoch", row.epoch), visit("split", row.split), visit("valley", row.valley);
    visit("alpha", row.alpha), visit("beta", row.beta), visit("birth", row.birth);
    visit("saddle_alpha", row.saddleAlpha), visit("saddle_beta", row.saddleBeta), visit("death", row.death);
    visit("persistence", row.persistence), visit("into", row.into);
  } else if constexpr (std::is_same_v<Plain, LayerLossRow>) {
    visit("layer", row.layer), visit("kind", row.kind), visit("bits", row.bits), visit("split", row.split);
    visit("examples", row.examples), visit("loss", row.loss), visit("accuracy", row.accuracy);
    visit("increase", row.increase), visit("standard_error", row.standardError);
  } else if constexpr (std::is_same_v<Plain, LayerEigenvalueRow>) {
    visit("layer", row.layer), visit("share", row.share), visit("examples", row.examples);
    visit("eigenvalue", row.eigenvalue), visit("residual", row.residual), visit("converged", row.converged);
    visit("products", row.products);
  } else if constexpr (std::is_same_v<Plain, InputSensitivityRow>) {
    visit("layer", row.layer), visit("elements", row.elements), visit("mean_trace", row.meanTrace);
    visit("standard_error", row.standardError), visit("bits", row.bits), visit("perturbation", row.perturbation);
    visit("omega", row.omega);
  } else if constexpr (std::is_same_v<Plain, TraceCorrelationRow>) {
    visit("kind", row.kind), visit("layer", row.layer), visit("other", row.other);
    visit("correlation", row.correlation);
  } else if constexpr (std::is_same_v<Plain, LayerScoreRow>) {
    visit("layer", row.layer), visit("kind", row.kind), visit("bits", row.bits), visit("method", row.method);
    visit("score", row.score), visit("standard_error", row.standardError);
  } else if constexpr (std::is_same_v<Plain, RankingRow>) {
    visit("kind", row.kind), visit("bits", row.bits), visit("method", row.method), visit("measure", row.measure);
    visit("correlation", row.correlation), visit("low", row.low), visit("high", row.high);
    visit("layers", row.layers);
  } else if constexpr (std::is_same_v<Plain, FinetuneRow>) {
    visit("setting", row.setting), visit("stage", row.stage), visit("epoch", row.epoch);
    visit("iteration", row.iteration), visit("split", row.split), visit("loss", row.loss);
    visit("accuracy", row.accuracy), visit("learning_rate", row.learningRate);
  } else if constexpr (std::is_same_v<Plain, ShapeRow>) {
    visit("kind", row.kind), visit("name", row.name), visit("epoch", row.epoch), visit("split", row.split);
    visit("quantity", row.quantity), visit("value", row.value);
  } else if constexpr (std::is_same_v<Plain, AllocationRow>) {
    visit("limit", row.limit), visit("layer", row.layer), visit("bits", row.bits);
  } else if constexpr (std::is_same_v<Plain, ParetoRow>) {
    visit("point", row.point), visit("size_bytes", row.sizeBytes), visit("bops", row.bops);
    visit("omega", row.omega), visit("loss", row.loss), visit("accuracy", row.accuracy);
  } else if constexpr (std::is_same_v<Plain, SettingRow>) {
    visit("setting", row.setting), visit("method", row.method), visit("size_bytes", row.sizeBytes);
    visit("bops", row.bops), visit("latency_ms", row.latencyMs), visit("omega", row.omega);
    visit("standard_error", row.standardError), visit("loss", row.loss), visit("accuracy", row.accuracy);
  } else if constexpr (std::is_same_v<Plain, SettingBitsRow>) {
    visit("setting", row.setting), visit("layer", row.layer), visit("bits", row.bits);
  } else {
    static_assert(std::is_same_v<Plain, SensitivityRow>, "a row type without columns");
    visit("layer", row.layer), visit("parameters", row.parameters), visit("macs", row.macs);
    visit("top_eigenvalue", row.topEigenvalue), visit("mean_trace", row.meanTrace);
    visit("standard_error", row.standardError), visit("bits", row.bits), visit("perturbation", row.perturbation);
    visit("omega", row.omega);
  }
}

/// Columns that a table need not have: one that a user may have made, or that was written before there was the column.
/// Their cells are then empty, 0 or nan, and so is what stands for an empty cell.
template <class Row>
bool mayLack(const std::string& column) {
  if constexpr (std::is_same_v<Row, SensitivityRow>) return column != "layer" && column != "bits";
  if constexpr (std::is_same_v<Row, SolveRow>) return column == "converged";
  if constexpr (std::is_same_v<Row, FrobeniusRow>) return column == "method";
  if constexpr (std::is_same_v<Row, TraceRow>) return column == "method" || column == "converged";
  return false;
}

/// Every column that is read: those that are written and, of a table that a user may have made, what only that has.
template <class Row, class Visitor>
void readColumns(Row& row, Visitor&& visit) {
  columns(row, visit);
  if constexpr (std::is_same_v<Row, SensitivityRow>) visit("group", row.group), visit("latency_ms", row.latencyMs);
}

}  // namespace eigenscape
