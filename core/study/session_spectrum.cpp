// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "core/curvature/lanczos.h"
#include "core/curvature/power_iteration.h"
#include "core/curvature/rounding.h"
#include "core/model/state_dict.h"
#include "core/study/session_support.h"

namespace eigenscape {

CurvatureOptions curvatureOptions(const Recipe& recipe) {
  const auto& curvature = recipe.curvature;
  CurvatureOptions options;
  if (curvature.op == "ggn") options.kind = CurvatureKind::GaussNewton;
  if (curvature.op == "fisher") options.kind = CurvatureKind::Fisher;
  if (curvature.op == "fisher_sampled") options.kind = CurvatureKind::SampledFisher;
  options.batchSize = curvature.batchSize;
  options.batchNorm = curvature.batchNorm == "train" ? BatchNormMode::Training : BatchNormMode::Evaluation;
  options.graphMemory = curvature.memory << 20;
  options.seed = static_cast<std::uint64_t>(recipe.seed);
  return options;
}

/// One operator among those of a spectrum phase.
struct Session::Part {
  std::int64_t epoch;
  const std::string& split;
  const Examples& examples;
  const Scope& scope;
  std::int64_t batch;  ///< from 1
  bool keepVectors;
};

/// What a spectrum phase appends at its end, all at once, and the vectors that it goes on with.
struct Session::Lot {
  std::vector<SpectrumRow> spectrum;  ///< of power iteration; Lanczos appends operator by operator
  std::vector<SolveRow> solves;       ///< likewise
  /// Of an interrupted phase: products by scope and split whose rows are there.
  std::map<std::pair<std::string, std::string>, Products> known;
  std::vector<PowerRow> power;
  std::vector<GradientRow> gradients;
  std::vector<OverlapRow> overlaps;
  NamedTensors vectors;
  Products products = 0;
};

namespace {

std::string eigenvectorName(std::int64_t index) {
  return "eigenvector:" + std::to_string(index);
}

/// What a landscape calls them.
std::string eigenvectorName(std::int64_t index, const Scope& scope) {
  return eigenvectorName(index) + (scope.isModel() ? "" : "@" + scope.name);
}

/// Whether a landscape goes along an eigenvector of this block of layers.
bool isWalked(const Recipe& recipe, const Scope& scope) {
  const auto ends = [&](const std::string& direction) {
    return direction.starts_with("eigenvector:") && direction.ends_with("@" + scope.name);
  };
  for (const auto* list : {&recipe.profiles, &recipe.surfaces}) {
    for (const auto& entry : *list) {
      if (ends(entry.x) || ends(entry.y)) return true;
    }
  }
  return false;
}

/// The leading eigenvectors among directions, as rows, at most `count`; undefined when there are none.
torch::Tensor leading(const NamedTensors& directions, std::int64_t count) {
  std::vector<torch::Tensor> rows;
  for (std::int64_t index = 1; index <= count; ++index) {
    const auto found = std::find_if(directions.begin(), directions.end(),
                                    [&](const auto& item) { return item.first == eigenvectorName(index); });
    if (found == directions.end()) break;
    rows.push_back(found->second.to(torch::kFloat64));
  }
  return rows.empty() ? torch::Tensor() : torch::stack(rows);
}

GradientRow gradientRow(CurvatureOperator& op, const std::vector<EigenPair>& pairs) {
  const auto gradient = op.gradient().to(torch::kFloat64);
  const double square = gradient.pow(2).sum().item<double>();
  double inside = 0;
  for (const auto& pair : pairs) inside += std::pow(pair.vector.to(torch::kFloat64).dot(gradient).item<double>(), 2);
  GradientRow row;
  row.vectors = static_cast<std::int64_t>(pairs.size());
  row.norm = std::sqrt(square);
  row.share = square > 0 ? inside / square : std::nan("");
  return row;
}

}  // namespace

torch::ScalarType precisionOf(const Recipe& recipe) {
  return recipe.curvature.precision == "float64" ? torch::kFloat64 : torch::kFloat32;
}

torch::ScalarType Session::precision() const {
  return precisionOf(recipe_);
}

void Session::note(const std::string& line, const Context& context) {
  journal_.note(line);
  context.say(line);
}

Context Session::noting(const Context& context) {
  return {context.stop, context.progress, [this, log = context.log](const std::string& line) {
            journal_.note(line);
            if (log) log(line);
          }};
}

bool Session::weightsAreFinite() const {
  const torch::NoGradGuard noGrad;
  const auto& tensors = material_.model->parameters().tensors();
  return std::all_of(tensors.begin(), tensors.end(),
                     [](const torch::Tensor& tensor) { return torch::isfinite(tensor).all().item<bool>(); });
}

std::unique_ptr<CurvatureOperator> Session::makeOperator(const Examples& examples, const Scope& scope,
                                                         const Context& context) {
  auto options = curvatureOptions(recipe_);
  options.layers = scope.layers;
  options.differences = differences_;
  auto& model = *material_.model;
  auto op = std::make_unique<CurvatureOperator>(model, examples.to(model.device(), model.type()), options,
                                                noting({context.stop, {}, context.log}));
  // Once: what it looks for lies in the model, not in its weights or the layers looked at. What is not finite would
  // hide it.
  if (probed_ || !weightsAreFinite()) return op;
  const auto found = op->probe();
  probed_ = std::isfinite(found.repetition);
  differences_ = op->usesDifferences();
  if (!found.warning.empty()) note(scope.name + ": " + found.warning, context);
  return op;
}

void Session::spectrum(std::int64_t epoch) {
  const auto& curvature = recipe_.curvature;
  if (curvature.top + curvature.bottom == 0 && curvature.scopes == "model") return;
  phase(keyed("spectrum", epoch), "spectrum · epoch " + std::to_string(epoch), costs_.spectrum,
        [&](const Context& context) -> Products {
          const InPrecision exact(*material_.model, precision());
          Lot lot;
          // Only the first phase of a session can have been interrupted.
          if (std::exchange(maybeBegun_.spectrum, false)) {
            for (const auto& row : readTable<SpectrumRow>(journal_.directory()))
              if (row.epoch == epoch) lot.known[{row.scope, row.split}] = row.products;
          }
          if (precision() == torch::kFloat32 && curvature.tolerance < 1e-4)
            note("curvature.tolerance = " + shortNumber(curvature.tolerance, "%.0e") +
                     " is finer than products in float32 are, whose rounding is a part of residuals (1e-6 to 1e-3, "
                     "most with "
                     "batch statistics); it takes curvature.precision = \"float64\"",
                 context);
          const auto splits = splitsOf(curvature.split, curvature.method == "power" ? 0 : curvature.samples);
          for (std::size_t part = 0; part < splits.size(); ++part) {
            spectraOf(epoch, splits[part], part == 0, context.part(part, splits.size()), lot);
          }
          if (!lot.vectors.empty()) {
            directions_ = lot.vectors;
            directionsEpoch_ = epoch;
            saveDirections();
            overlaps(epoch, splits.front().name, lot);
          }
          if (!lot.power.empty()) journal_.append(lot.power);
          if (!lot.solves.empty()) journal_.append(lot.solves);
          if (!lot.spectrum.empty()) journal_.append(lot.spectrum);
          if (!lot.gradients.empty()) journal_.append(lot.gradients);
          if (!lot.overlaps.empty()) journal_.append(lot.overlaps);
          return lot.products;
        });
}

void Session::spectraOf(std::int64_t epoch, const LandscapeSplit& split, bool first, const Context& context, Lot& lot) {
  const auto& curvature = recipe_.curvature;
  const bool power = curvature.method == "power";
  const auto available = split.examples.size();
  const auto share = curvature.samples > 0 ? std::min(curvature.samples, available) : available;
  const auto parts = scopes_.size() * static_cast<std::size_t>(curvature.batches);
  std::size_t part = 0;
  for (const auto& scope : scopes_) {
    if (scope.isModel() && curvature.top + curvature.bottom == 0) continue;
    for (std::int64_t batch = 1; batch <= curvature.batches; ++batch, ++part) {
      const auto within = context.part(part, parts);
      const bool keepVectors = first && batch == 1 && (scope.isModel() || isWalked(recipe_, scope));
      const auto known = lot.known.find({scope.name, split.name});
      if (known != lot.known.end() && !scope.isModel() && !keepVectors) {
        lot.products += known->second;
        continue;
      }
      const auto examples = power ? split.examples.slice((batch - 1) * share, share) : split.examples;
      const auto op = makeOperator(examples, scope, within);
      const Part one{epoch, split.name, examples, scope, batch, keepVectors};
      power ? powerOn(*op, one, within, lot) : lanczosOn(*op, one, within, lot);
    }
  }
}

void Session::leaveOut(const std::string& what, const NotFinite& error, const Context& context) {
  // Alone it is all that was asked for.
  if (visits_.size() == 1) throw NotFinite(placeOf(static_cast<std::size_t>(visit_)) + ": " + error.what());
  note(placeOf(static_cast<std::size_t>(visit_)) + ": " + what + " left out: " + error.what(), context);
}

std::string Session::placeOf(std::size_t visit) const {
  auto file = visits_[visit].checkpoint;
  if (file.empty() && visits_.size() == 1) file = recipe_.model.weights;
  return "epoch " + std::to_string(visits_[visit].epoch) +
         (file.empty() ? std::string() : " (" + file.filename().string() + ")");
}

/// As the contract has it: what is not finite says nan.
std::vector<SpectrumRow> Session::unknownRows(const Part& part, std::int64_t top, std::int64_t bottom) const {
  std::vector<SpectrumRow> rows;
  for (std::int64_t index = -bottom; index <= top; ++index) {
    if (index == 0) continue;
    rows.push_back(
        {part.epoch, recipe_.curvature.op, part.scope.name, part.split, index, std::nan(""), std::nan(""), false, 0});
  }
  return rows;
}

/// At once, so that an interruption loses no more than the operator at hand. What a run before has appended was
/// computed again for its vectors.
void Session::appendSpectrum(const Part& part, const std::vector<SpectrumRow>& rows, const SolveRow& solve,
                             const Lot& lot) {
  if (lot.known.contains({part.scope.name, part.split})) return;
  journal_.append(rows);
  journal_.append(solve);
}

SolveRow Session::solveOf(const Part& part, const std::string& method) const {
  SolveRow row;
  row.epoch = part.epoch, row.op = recipe_.curvature.op, row.scope = part.scope.name, row.split = part.split;
  row.estimate = "spectrum", row.method = method, row.batch = part.batch, row.converged = false;
  return row;
}

/// What a pair's residual does not show of products in float32. Once it is known, the graphs that `op` keeps are of no
/// use.
double Session::roundingOf(const CurvatureOperator& op, const Part& part, const std::vector<EigenPair>& pairs,
                           const Context& context) {
  auto options = curvatureOptions(recipe_);
  options.layers = part.scope.layers;
  options.differences = op.usesDifferences();
  auto& model = *material_.model;
  return roundingError(model, part.examples.to(model.device(), model.type()), options, pairs, {context.stop, {}, {}});
}

/// The record tells them by a flag; a person is told in words.
void Session::noteUnconverged(const Part& part, const EigenPairs& pairs, const Context& context) {
  std::int64_t all = 0, converged = 0;
  for (const auto* list : {&pairs.top, &pairs.bottom}) {
    all += static_cast<std::int64_t>(list->size());
    converged += std::count_if(list->begin(), list->end(), [](const EigenPair& pair) { return pair.converged; });
  }
  const double wanted = recipe_.curvature.missProbability;
  // One line for all: the log has each.
  if (wanted < 1 && !pairs.spent && converged > 0 && pairs.missProbability > wanted &&
      !std::exchange(searchNoted_, true))
    note(
        "not every search for missed eigenvalues got below curvature.miss_probability; the first that did not (epoch " +
            std::to_string(part.epoch) + ", " + part.scope.name + ", " + part.split + ") ended with " +
            (pairs.missProbability < 1 ? "a chance below " + shortNumber(pairs.missProbability, "%.0e")
                                       : std::string("no bound")),
        context);
  if (converged == all) return;
  note("epoch " + std::to_string(part.epoch) + ", " + part.scope.name + ", " + part.split + ": " +
           std::to_string(converged) + " of " + std::to_string(all) + " eigenpairs reached curvature.tolerance in " +
           std::to_string(pairs.products) + " products" +
           (pairs.spent ? "; raise curvature.max_products or curvature.tolerance"
                        : "; the others are zero, or as uncertain as the products are"),
       context);
}

void Session::lanczosOn(CurvatureOperator& op, const Part& part, const Context& context, Lot& lot) {
  const auto& curvature = recipe_.curvature;
  const bool model = part.scope.isModel();
  LanczosOptions options;
  options.top = model ? curvature.top : curvature.layerTop;
  options.bottom = model ? curvature.bottom : 0;
  options.tolerance = curvature.tolerance;
  options.maxProducts = curvature.maxProducts;
  options.missTolerance = curvature.missProbability;
  options.block = curvature.block;
  options.seed = static_cast<std::uint64_t>(recipe_.seed);
  // The spectrum before this one (of the epoch before, or of the other split) is a good first guess; of a block of
  // layers, the block's part of the model's eigenvectors.
  const bool fromBefore = model && part.keepVectors;
  for (const auto& [name, vector] : fromBefore ? directionsBefore(part.epoch) : lot.vectors) {
    // Not those that a landscape has scaled: "eigenvector:1/filter".
    // Nor those of single layers.
    if (name.starts_with("eigenvector:") && name.find_first_of("/@") == std::string::npos)
      options.start.push_back(op.parameters().restrict(vector));
  }
  EigenPairs pairs;
  try {
    pairs = lanczos(op, options, noting(context));
  } catch (const NotFinite& error) {
    leaveOut("spectrum of " + part.scope.name + " (" + part.split + ")", error, context);
    appendSpectrum(part, unknownRows(part, options.top, options.bottom), solveOf(part, "lanczos"), lot);
    return;
  }
  lot.products += pairs.products;
  if (model && !pairs.top.empty()) {
    auto row = gradientRow(op, pairs.top);
    row.epoch = part.epoch, row.op = curvature.op, row.split = part.split;
    lot.gradients.push_back(row);
  }
  auto all = pairs.top;
  all.insert(all.end(), pairs.bottom.begin(), pairs.bottom.end());
  const double rounding = roundingOf(op, part, all, context);
  for (auto* list : {&pairs.top, &pairs.bottom}) countRounding(*list, rounding, curvature.tolerance);
  noteUnconverged(part, pairs, context);
  std::vector<SpectrumRow> rows;
  const auto add = [&](const EigenPair& pair, std::int64_t index) {
    rows.push_back({part.epoch, curvature.op, part.scope.name, part.split, index, pair.value, pair.residual,
                    pair.converged, pairs.products});
    if (part.keepVectors)
      lot.vectors.emplace_back(eigenvectorName(index, part.scope), op.parameters().embed(pair.vector).to(torch::kCPU));
  };
  for (std::size_t i = 0; i < pairs.top.size(); ++i) add(pairs.top[i], static_cast<std::int64_t>(i) + 1);
  for (std::size_t i = 0; i < pairs.bottom.size(); ++i) add(pairs.bottom[i], -static_cast<std::int64_t>(i) - 1);
  auto solve = solveOf(part, "lanczos");
  solve.products = pairs.products, solve.searchProducts = pairs.searchProducts, solve.seconds = pairs.seconds;
  solve.converged = std::all_of(rows.begin(), rows.end(), [](const SpectrumRow& row) { return row.converged; });
  // Without a search it is known only where nothing is left to be missed.
  if (curvature.missProbability < 1 || pairs.missProbability == 0) solve.missProbability = pairs.missProbability;
  appendSpectrum(part, rows, solve, lot);
  if (pairs.top.empty()) return;
  const std::string chance = chanceText(solve.missProbability);
  const std::string where = model ? part.split : part.scope.name + ", " + part.split;
  context.say("epoch " + std::to_string(part.epoch) + ": λ₁ = " + shortNumber(pairs.top[0].value) + " (" + where +
              "), residual " + shortNumber(pairs.top[0].residual, "%.1e") + ", " + std::to_string(pairs.products) +
              " products" + (chance.empty() ? "" : ", chance of a missed eigenvalue " + chance));
}

void Session::powerOn(CurvatureOperator& op, const Part& part, const Context& context, Lot& lot) {
  const auto& curvature = recipe_.curvature;
  PowerOptions options;
  options.top = part.scope.isModel() ? curvature.top : curvature.layerTop;
  options.tolerance = curvature.tolerance;
  options.maxIterations = curvature.powerIterations;
  options.seed = static_cast<std::uint64_t>(recipe_.seed);
  PowerResult found;
  try {
    found = powerIteration(op, options, context);
  } catch (const NotFinite& error) {
    leaveOut(
        "power iteration of " + part.scope.name + " (" + part.split + ", share " + std::to_string(part.batch) + ")",
        error, context);
    if (part.batch == 1) {
      for (const auto& row : unknownRows(part, options.top, 0)) lot.spectrum.push_back(row);
    }
    lot.solves.push_back(solveOf(part, "power"));
    return;
  }
  lot.products += found.products;
  // The spectrum is that of the first share.
  if (part.batch == 1) countRounding(found.pairs, roundingOf(op, part, found.pairs, context), curvature.tolerance);
  const auto reached =
      std::count_if(found.pairs.begin(), found.pairs.end(), [](const EigenPair& pair) { return pair.converged; });
  auto solve = solveOf(part, "power");
  solve.products = found.products, solve.seconds = found.seconds;
  solve.converged = reached == static_cast<std::ptrdiff_t>(found.pairs.size());
  lot.solves.push_back(solve);
  if (!*solve.converged)
    note("epoch " + std::to_string(part.epoch) + ", " + part.scope.name + ", " + part.split + ", share " +
             std::to_string(part.batch) + ": " + std::to_string(reached) + " of " + std::to_string(found.pairs.size()) +
             " eigenpairs reached curvature.tolerance by power iteration; raise curvature.power_iterations",
         context);
  for (const auto& step : found.path) {
    lot.power.push_back(
        {part.epoch, part.scope.name, step.index, step.iteration, step.eigenvalue, part.batch, part.split});
  }
  for (std::size_t i = 0; part.batch == 1 && i < found.pairs.size(); ++i) {
    const auto& pair = found.pairs[i];
    const auto index = static_cast<std::int64_t>(i) + 1;
    lot.spectrum.push_back({part.epoch, curvature.op, part.scope.name, part.split, index, pair.value, pair.residual,
                            pair.converged, found.products});
    if (part.keepVectors)
      lot.vectors.emplace_back(eigenvectorName(index, part.scope), op.parameters().embed(pair.vector).to(torch::kCPU));
  }
  if (found.pairs.empty()) return;
  context.say("epoch " + std::to_string(part.epoch) + ": λ₁ = " + shortNumber(found.pairs[0].value) + " (" +
              part.scope.name + ", " + part.split + ", share " + std::to_string(part.batch) + "), residual " +
              shortNumber(found.pairs[0].residual, "%.1e") + ", " + std::to_string(found.products) + " products");
}

/// From the disk and not from memory, so that a resumed run starts from the same vectors.
NamedTensors Session::directionsBefore(std::int64_t epoch) const {
  for (auto visit = visits_.rbegin(); visit != visits_.rend(); ++visit) {
    if (visit->epoch >= epoch) continue;
    auto stored = storedDirections(visit->epoch);
    if (leading(stored, 1).defined()) return stored;
  }
  return {};
}

/// With the subspace of every earlier epoch, which directions/ keeps.
void Session::overlaps(std::int64_t epoch, const std::string& split, Lot& lot) const {
  const auto now = leading(lot.vectors, recipe_.curvature.top);
  if (!now.defined()) return;
  for (const auto& visit : visits_) {
    if (visit.epoch >= epoch) break;
    const auto before = leading(storedDirections(visit.epoch), now.size(0));
    if (!before.defined() || before.size(1) != now.size(1)) continue;
    const auto k = std::min(now.size(0), before.size(0));
    const double square = now.narrow(0, 0, k).mm(before.narrow(0, 0, k).t()).pow(2).sum().item<double>();
    lot.overlaps.push_back({epoch, visit.epoch, recipe_.curvature.op, split, k, square / static_cast<double>(k)});
  }
}

}  // namespace eigenscape
