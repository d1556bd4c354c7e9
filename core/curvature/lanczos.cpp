// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/curvature/lanczos.h"

#include <torch/torch.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "core/curvature/eigen_pairs.h"
#include "core/curvature/krylov.h"
#include "core/curvature/memory.h"
#include "core/results/error.h"

namespace eigenscape {

namespace {

/// The estimate of a residual is aimed below the tolerance, so that the measured one meets it too.
constexpr double kSafety = 0.9;
/// Most products of one search for missed eigenvalues.
constexpr std::int64_t kSearch = 40;
/// A chance of a missed eigenvalue that is no information.
constexpr double kSaysNothing = 0.1;

using Columns = std::vector<Eigen::Index>;

/// A GiB of vectors, or as many as a restart works well with; fewer where memory has no room for those.
std::int64_t basisSize(const LanczosOptions& options, LinearOperator& op, const Context& context) {
  constexpr std::int64_t bytes = std::int64_t{1} << 30;
  const auto wanted = options.top + options.bottom, dimension = op.dimension();
  const auto vectorBytes = dimension * static_cast<std::int64_t>(c10::elementSize(op.type()));
  const auto least = wanted + 2 + options.block, good = std::max(3 * wanted + 20, least);
  auto chosen = options.maxBasis > 0 ? options.maxBasis
                                     : std::clamp(bytes / vectorBytes, good, std::max<std::int64_t>(300, good));
  const auto room = vectorsThatFit(op);
  if (room < least + wanted)
    throw RunError(std::to_string(wanted) + " eigenvectors of " + std::to_string(dimension) +
                   " numbers and the basis to find them in take " +
                   std::to_string((least + wanted) * vectorBytes >> 20) + " MiB, " +
                   std::to_string(room * vectorBytes >> 20) +
                   " are to be had; lower curvature.top and curvature.bottom (of layers curvature.layer_top), "
                   "or take another device");
  chosen = std::min(chosen, dimension);
  if (room - wanted < chosen) {
    chosen = room - wanted;
    context.say("memory has room for a Lanczos basis of " + std::to_string(chosen) +
                " vectors: it restarts more often (curvature.top, curvature.memory)");
  }
  return std::min(std::max(chosen, least), dimension);
}

/// Of the largest |λ|: what lies below it is zero as far as products in that type can tell.
double zeroShare(const LanczosOptions& options, torch::ScalarType type) {
  const double epsilon = type == torch::kFloat64 ? std::numeric_limits<double>::epsilon()
                                                 : static_cast<double>(std::numeric_limits<float>::epsilon());
  return std::max(100 * epsilon, 1e-4 * options.tolerance);
}

/// Columns of the ascending spectrum that are wanted: the first `bottom` and the last `top`.
Columns wantedColumns(Eigen::Index size, std::int64_t top, std::int64_t bottom) {
  Columns columns;
  for (Eigen::Index i = 0; i < std::min<Eigen::Index>(bottom, size); ++i) columns.push_back(i);
  for (auto i = std::max<Eigen::Index>(size - top, static_cast<Eigen::Index>(columns.size())); i < size; ++i)
    columns.push_back(i);
  return columns;
}

Eigen::MatrixXd select(const Eigen::MatrixXd& matrix, const Columns& columns) {
  Eigen::MatrixXd result(matrix.rows(), static_cast<Eigen::Index>(columns.size()));
  for (std::size_t i = 0; i < columns.size(); ++i) result.col(static_cast<Eigen::Index>(i)) = matrix.col(columns[i]);
  return result;
}

class Solve {
 public:
  /// `room`: most vectors of a search beyond those of the basis.
  Solve(LinearOperator& op, const LanczosOptions& options, std::int64_t room, const Context& context)
      : op_(op),
        options_(options),
        context_(context),
        before_(op.products()),
        top_(std::min(options.top, op.dimension())),
        bottom_(std::min(options.bottom, op.dimension() - top_)),
        capacity_(basisSize(options, op, context)),
        space_(op, std::min({capacity_ + room, op.dimension(), std::max(vectorsThatFit(op), capacity_)}),
               options.seed) {}

  EigenPairs run() {
    begin();
    while (true) {
      iterate();
      if (exhausted()) result_.missProbability = 0;
      if (exhausted() || spent() || options_.missTolerance >= 1 || !searched()) break;
    }
    result_.spent = spent() && settledCount() < static_cast<std::ptrdiff_t>(wanted_.size());
    measure();
    return std::move(result_);
  }

 private:
  std::int64_t used() const { return op_.products() - before_; }
  bool spent() const { return used() + top_ + bottom_ >= options_.maxProducts; }
  bool exhausted() const { return space_.size() == op_.dimension(); }

  void begin() {
    torch::Tensor sum;
    for (const auto& vector : options_.start) {
      if (vector.numel() == op_.dimension()) sum = sum.defined() ? sum + vector : vector;
    }
    if (sum.defined()) space_.addStart(sum);
    const auto starts = std::min(std::max<std::int64_t>(options_.block, 1), op_.dimension());
    while (static_cast<std::int64_t>(space_.pending()) < starts) space_.addRandomStart();
  }

  /// Expands and restarts until the wanted pairs have converged, or nothing is left to spend.
  void iterate() {
    while (true) {
      context_.check();
      // A search may have filled the space.
      if (exhausted() || space_.full()) solve();
      if (exhausted()) return;
      if (space_.full()) restart();
      space_.expand(mostPromising());
      // Also beyond the limit: fewer Ritz values than are wanted say nothing of which ones they are.
      if (space_.size() < top_ + bottom_ && !exhausted()) continue;
      solve();
      const auto done = settledCount();
      context_.report(static_cast<double>(done) / static_cast<double>(wanted_.size()));
      if (exhausted() || spent() || done == static_cast<std::ptrdiff_t>(wanted_.size())) return;
      if (space_.size() >= capacity_) restart();
    }
  }

  /// What residuals are measured by.
  double unit(double value) const {
    return options_.relativeToLargest ? std::max(std::abs(low_), std::abs(high_)) : std::abs(value);
  }
  bool hasConverged(Eigen::Index i) const {
    return space_.residual(ritz_.eigenvectors().col(i)) <= kSafety * options_.tolerance * unit(ritz_.eigenvalues()[i]);
  }
  /// Of a pair at zero, such as the smallest of a semidefinite matrix, no product tells more: a residual relative to
  /// its λ never gets small. It ends the iteration and stays what it is, not converged.
  bool isAtZero(Eigen::Index i) const {
    const double zero = zeroShare(options_, op_.type()) * std::max(std::abs(low_), std::abs(high_));
    return std::abs(ritz_.eigenvalues()[i]) <= zero && space_.residual(ritz_.eigenvectors().col(i)) <= zero;
  }
  bool isSettled(Eigen::Index i) const { return hasConverged(i) || isAtZero(i); }
  std::ptrdiff_t settledCount() const {
    return std::count_if(wanted_.begin(), wanted_.end(), [&](Eigen::Index i) { return isSettled(i); });
  }

  /// Of several pending directions the one that the wanted pairs still miss most.
  std::size_t mostPromising() const {
    // Nothing is wanted before the first solve().
    if (space_.pending() < 2 || wanted_.empty() || ritz_.eigenvalues().size() != space_.size()) return 0;
    std::vector<double> missing(space_.pending(), 0.0);
    for (const auto i : wanted_) {
      if (isSettled(i)) continue;
      const auto squares = space_.squaredResiduals(ritz_.eigenvectors().col(i));
      const double unit = ritz_.eigenvalues()[i] * ritz_.eigenvalues()[i];
      for (std::size_t k = 0; k < missing.size(); ++k) missing[k] += squares[k] / std::max(unit, 1e-300);
    }
    return static_cast<std::size_t>(std::max_element(missing.begin(), missing.end()) - missing.begin());
  }

  void solve() {
    ritz_ = space_.solve();
    low_ = std::min(low_, ritz_.eigenvalues()[0]);
    high_ = std::max(high_, ritz_.eigenvalues()[ritz_.eigenvalues().size() - 1]);
    wanted_ = wantedColumns(space_.size(), top_, bottom_);
  }

  /// Neighbours of the wanted pairs are kept as well: they are the ones that the next steps would find again.
  void restart() {
    const auto extra = (capacity_ - top_ - bottom_) / 3;
    const auto kept =
        wantedColumns(space_.size(), top_ + (bottom_ > 0 ? extra / 2 : extra), bottom_ + (bottom_ > 0 ? extra / 2 : 0));
    Eigen::VectorXd values(static_cast<Eigen::Index>(kept.size()));
    for (std::size_t i = 0; i < kept.size(); ++i) values[static_cast<Eigen::Index>(i)] = ritz_.eigenvalues()[kept[i]];
    space_.restart(values, select(ritz_.eigenvectors(), kept));
  }

  /// Looks for eigenvectors that the space has no share in, along a chain of its own from a random vector. True when it
  /// found one that belongs to the wanted: then the iteration has to go on. Otherwise result_.missProbability holds.
  bool foundMore() {
    result_.missProbability = 1;
    if (space_.size() + static_cast<std::int64_t>(space_.pending()) >= op_.dimension()) return false;
    // In a small space the search goes on until nothing is left to look at.
    auto limit = std::min({kSearch, std::max<std::int64_t>(24, used() / 3), op_.dimension() - space_.size()});
    if (space_.size() + limit > space_.capacity()) {
      restart();
      solve();
      if (space_.size() + limit > space_.capacity()) return false;
    }
    const double lastTop = top_ > 0 ? ritz_.eigenvalues()[ritz_.eigenvalues().size() - top_] : high_;
    const double lastBottom = bottom_ > 0 ? ritz_.eigenvalues()[bottom_ - 1] : low_;
    // What is missing beyond an end at zero would be zero, too, and there is no gap to a bound on that.
    const bool boundsTop = top_ > 0 && !isAtZero(ritz_.eigenvalues().size() - top_);
    const bool boundsBottom = bottom_ > 0 && !isAtZero(bottom_ - 1);
    if (!boundsTop && !boundsBottom) return false;
    const double zero = zeroShare(options_, op_.type()) * std::max(std::abs(low_), std::abs(high_));
    const double aboveTop = lastTop + std::max(options_.tolerance * std::abs(lastTop), zero);
    const double belowBottom = lastBottom - std::max(options_.tolerance * std::abs(lastBottom), zero);
    const auto first = space_.size();
    space_.addRandomStart();
    for (std::int64_t steps = 1; steps <= limit && !spent() && !exhausted(); ++steps) {
      context_.check();
      space_.expand(space_.pending() - 1);
      const auto chain = space_.solve(first).eigenvalues();
      const double greatest = chain[chain.size() - 1], least = chain[0];
      if ((top_ > 0 && greatest > aboveTop) || (bottom_ > 0 && least < belowBottom)) {
        result_.missProbability = 1;
        return true;
      }
      const double span = std::max(high_, greatest) - std::min(low_, least);
      const auto chance = [&](std::int64_t after) {
        return (boundsTop ? bound(aboveTop - greatest, span, after) : 0) +
               (boundsBottom ? bound(least - belowBottom, span, after) : 0);
      };
      result_.missProbability = std::min(1.0, chance(steps));
      if (chance(steps) <= options_.missTolerance) break;
      // A search that ends before it can say anything is a waste; one that is longer may not be.
      const auto longest = std::min({kSearch, op_.dimension() - first, space_.capacity() - first});
      if (steps == limit && limit < longest && chance(limit) > kSaysNothing && chance(longest) <= kSaysNothing)
        limit = longest;
    }
    solve();
    if (exhausted()) result_.missProbability = 0;
    // A neighbour of the last wanted eigenvalue may have taken its place without having converged.
    if (settledCount() == static_cast<std::ptrdiff_t>(wanted_.size())) return false;
    result_.missProbability = 1;
    return true;
  }

  /// Chance that the largest eigenvalue exceeds the largest Ritz value of a random start by `gap` after `steps` steps.
  double bound(double gap, double span, std::int64_t steps) const {
    const double share = span > 0 ? std::clamp(gap / span, 0.0, 1.0) : 1;
    return 1.648 * std::sqrt(static_cast<double>(op_.dimension())) *
           std::exp(-std::sqrt(share) * static_cast<double>(2 * steps - 1));
  }

  /// foundMore, with what it cost: a search that found nothing is what trust costs beyond the solve.
  bool searched() {
    const auto start = std::chrono::steady_clock::now();
    const auto before = used();
    const bool found = foundMore();
    if (!found) {
      result_.searchProducts += used() - before;
      result_.searchSeconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    return found;
  }

  /// How far a product differs from what the space predicts for it, for a sum of all wanted vectors, each over its
  /// eigenvalue and with a random sign: in the unit of the relative residuals. Errors of the single vectors are
  /// independent rounding, so that they don't cancel.
  double discrepancy(const Eigen::MatrixXd& coordinates) {
    auto generator = at::detail::createCPUGenerator(options_.seed + 1);
    const auto signs = torch::randint(0, 2, {coordinates.cols()}, generator, torch::kFloat64);
    Eigen::VectorXd weights = Eigen::VectorXd::Zero(coordinates.cols());
    for (Eigen::Index i = 0; i < weights.size(); ++i) {
      const auto column = wanted_[static_cast<std::size_t>(i)];
      // One at zero would outweigh all others, and has no residual of its own to be proud of.
      if (isAtZero(column)) continue;
      weights[i] = (2 * signs[i].item<double>() - 1) / ritz_.eigenvalues()[column];
    }
    if (!weights.allFinite()) return HUGE_VAL;
    if (weights.isZero(0)) return 0;
    const Eigen::VectorXd sum = coordinates * weights;
    const auto difference = (op_.apply(space_.vectors(sum)[0]) - space_.predictedProduct(sum)).norm().item<double>();
    return std::isfinite(difference) ? difference : HUGE_VAL;
  }

  EigenPair pairOf(const torch::Tensor& vector, std::size_t column, double difference) const {
    EigenPair pair;
    pair.vector = withFixedSign(vector);
    pair.value = ritz_.eigenvalues()[wanted_[column]];
    const auto residual = space_.residual(ritz_.eigenvectors().col(wanted_[column]));
    pair.residual = std::hypot(relativeResidual(residual, pair.value), difference, op_.relativeError());
    pair.converged = pair.residual <= options_.tolerance;
    return pair;
  }

  /// One product checks all residuals that the space knows; where it disagrees, each pair gets one of its own.
  void measure() {
    const auto coordinates = select(ritz_.eigenvectors(), wanted_);
    const auto vectors =
        withReleasedMemory([this] { return op_.releaseMemory(); }, [&] { return space_.vectors(coordinates); });
    std::vector<EigenPair> pairs;
    // The sum that is checked weighs each pair by 1 / λ, which says nothing of pairs measured by another unit.
    if (wanted_.size() > 1 && !options_.relativeToLargest) {
      const double difference = discrepancy(coordinates);
      for (std::size_t i = 0; i < wanted_.size(); ++i) {
        pairs.push_back(pairOf(vectors[static_cast<std::int64_t>(i)], i, difference));
        // The sum leaves out a pair at zero, and its estimate may be zero: where a chain ended nothing couples it.
        if (isAtZero(wanted_[i]) && pairs.back().converged)
          pairs.back() = measuredPair(op_, vectors[static_cast<std::int64_t>(i)], options_.tolerance);
      }
      const auto disagrees = [&](std::size_t i) { return hasConverged(wanted_[i]) && !pairs[i].converged; };
      for (std::size_t i = 0; i < wanted_.size(); ++i) {
        if (!disagrees(i)) continue;
        pairs.clear();
        break;
      }
    }
    for (auto i = static_cast<std::int64_t>(pairs.size()); i < vectors.size(0); ++i) {
      context_.check();
      pairs.push_back(measuredPair(op_, vectors[i], options_.tolerance));
      auto& pair = pairs.back();
      if (options_.relativeToLargest && pair.value != 0)
        pair.converged = pair.residual * std::abs(pair.value) <= options_.tolerance * unit(pair.value);
    }
    const auto bottoms = std::min(static_cast<std::size_t>(bottom_), pairs.size());
    for (std::size_t i = 0; i < pairs.size(); ++i)
      (i < bottoms ? result_.bottom : result_.top).push_back(std::move(pairs[i]));
    // The measured Rayleigh quotients may change places within rounding.
    std::sort(result_.top.begin(), result_.top.end(), [](const auto& a, const auto& b) { return a.value > b.value; });
    std::sort(result_.bottom.begin(), result_.bottom.end(),
              [](const auto& a, const auto& b) { return a.value < b.value; });
    result_.products = used();
  }

  LinearOperator& op_;
  const LanczosOptions& options_;
  const Context& context_;
  std::int64_t before_, top_, bottom_, capacity_;
  Krylov space_;
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> ritz_;
  Columns wanted_;
  double low_ = HUGE_VAL, high_ = -HUGE_VAL;  ///< the outermost Ritz values so far
  EigenPairs result_;
};

}  // namespace

torch::Tensor withFixedSign(torch::Tensor v) {
  v = v / v.norm();
  return v[v.abs().argmax()].item<double>() < 0 ? -v : v;
}

double relativeResidual(double error, double value) {
  return value != 0 ? error / std::abs(value) : (error == 0 ? 0 : std::numeric_limits<double>::infinity());
}

EigenPair measuredPair(LinearOperator& op, const torch::Tensor& ritz, double tolerance) {
  EigenPair pair;
  pair.vector = withFixedSign(ritz);
  const auto product = op.apply(pair.vector);
  pair.value = pair.vector.to(torch::kFloat64).dot(product.to(torch::kFloat64)).item<double>();
  const auto error = (product - pair.value * pair.vector).norm().item<double>();
  pair.residual = std::hypot(relativeResidual(error, pair.value), op.relativeError());
  pair.converged = pair.residual <= tolerance;
  return pair;
}

EigenPairs lanczos(LinearOperator& op, const LanczosOptions& options, const Context& context) {
  if (std::min(options.top, op.dimension()) + options.bottom <= 0) return {};
  const auto start = std::chrono::steady_clock::now();
  auto sized = options;
  std::optional<Solve> solve;
  // Main memory tells beforehand what fits into it (basisSize), a GPU does not.
  for (auto room = kSearch; !solve;) {
    try {
      solve.emplace(op, sized, room, context);
    } catch (const std::exception& error) {
      if (isOutOfMemory(error) && (op.releaseMemory() || std::exchange(room, 0) > 0)) continue;
      const auto tried = sized.maxBasis > 0 ? std::min(sized.maxBasis, op.dimension()) : basisSize(sized, op, {});
      const auto least = options.top + options.bottom + 2 + options.block;
      if (!isOutOfMemory(error) || tried <= least) throw;
      sized.maxBasis = std::max(tried / 2, least);
      context.say("memory ran out: the Lanczos basis has " + std::to_string(sized.maxBasis) +
                  " vectors and restarts more often");
    }
  }
  auto result = solve->run();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace eigenscape
