// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/landscape/landscape.h"

#include <torch/torch.h>

#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include "core/landscape/excursion.h"
#include "core/landscape/grid_refinement.h"

namespace eigenscape {

namespace {

/// Running means and variances as the mean over batches of what each batch alone would leave.
class Statistics {
 public:
  Statistics(Model& model, const Examples& examples, std::int64_t batchSize, const Context& context)
      : model_(model), examples_(examples), batchSize_(batchSize), context_(context) {
    for (const auto& [name, buffer] : model.namedBuffers()) {
      if (buffer.is_floating_point()) buffers_.push_back(buffer);
    }
    if (!buffers_.empty()) momentum_ = measuredMomentum();
  }

  void estimate() const {
    if (buffers_.empty()) return;
    std::vector<torch::Tensor> sums;
    for (const auto& buffer : buffers_) sums.push_back(torch::zeros_like(buffer));
    for (std::int64_t begin = 0; begin < examples_.size(); begin += batchSize_) {
      context_.check();
      const auto batch = examples_.slice(begin, batchSize_);
      pass(batch, 0);
      const double share = static_cast<double>(batch.size()) / static_cast<double>(examples_.size());
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i].add_(buffers_[i], share / momentum_);
    }
    for (std::size_t i = 0; i < sums.size(); ++i) torch::Tensor(buffers_[i]).copy_(sums[i]);
  }

 private:
  void pass(const Examples& batch, double before) const {
    for (const auto& buffer : buffers_) torch::Tensor(buffer).fill_(before);
    const bool wasTraining = model_.isTraining();
    model_.setTraining(true);
    model_.forward(batch.inputs);
    model_.setTraining(wasTraining);
  }
  /// After a batch a buffer is (1 − m) · before + m · the batch's value; all layers of a network share m.
  double measuredMomentum() const {
    const auto few = examples_.first(std::min<std::int64_t>(examples_.size(), 8));
    pass(few, 0);
    const double fromZero = buffers_[0].mean().item<double>();
    pass(few, 1);
    return 1 - (buffers_[0].mean().item<double>() - fromZero);
  }

  Model& model_;
  const Examples& examples_;
  std::int64_t batchSize_;
  const Context& context_;
  std::vector<torch::Tensor> buffers_;
  double momentum_ = 0;
};

}  // namespace

std::vector<double> axisValues(double low, double high, std::int64_t points) {
  if (points < 1) throw std::invalid_argument("axisValues: at least one point is needed");
  if (points == 1) return {(low + high) / 2};
  std::vector<double> values(static_cast<std::size_t>(points));
  const auto steps = static_cast<double>(points - 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    // Weighted from both ends, so that a symmetric range gives symmetric values.
    const auto step = static_cast<double>(i);
    values[i] = (low * (steps - step) + high * step) / steps;
  }
  values.front() = low;
  values.back() = high;
  return values;
}

namespace {

/// What is known of a grid, by point and split.
class Known {
 public:
  Known(const std::vector<double>& alphas, const std::vector<double>& betas, std::size_t splits)
      : columns_(indexOf(alphas)), rows_(indexOf(betas)), width_(alphas.size()), splits_(splits) {
    const auto size = alphas.size() * betas.size();
    losses_.assign(size, std::numeric_limits<double>::quiet_NaN());
    there_.assign(size * splits, false);
  }
  /// False for a point of another grid, and for one that was there.
  bool add(const LandscapePoint& point) {
    const auto column = columns_.find(point.alpha), row = rows_.find(point.beta);
    if (column == columns_.end() || row == rows_.end() || point.split >= splits_) return false;
    const auto at = row->second * width_ + column->second;
    if (point.split == 0) losses_[at] = point.value.loss;
    const bool before = there_[at * splits_ + point.split];
    there_[at * splits_ + point.split] = true;
    return !before;
  }
  bool has(const GridPoint& point, std::size_t split) const {
    return there_[(point.row * width_ + point.column) * splits_ + split];
  }
  const std::vector<double>& losses() const { return losses_; }

 private:
  static std::map<double, std::size_t> indexOf(const std::vector<double>& values) {
    std::map<double, std::size_t> index;
    for (std::size_t i = 0; i < values.size(); ++i) index[values[i]] = i;
    return index;
  }
  std::map<double, std::size_t> columns_, rows_;
  std::size_t width_, splits_;
  std::vector<double> losses_;
  std::vector<bool> there_;
};

}  // namespace

void evaluateLandscape(Model& model, const std::vector<LandscapeSplit>& splits, const torch::Tensor& x,
                       const std::vector<double>& alphas, const torch::Tensor& y, const std::vector<double>& betas,
                       std::int64_t batchSize, const std::vector<LandscapePoint>& known,
                       const std::function<void(const LandscapePoint&)>& deliver, const Context& context,
                       const RunningStatistics& statistics) {
  torch::NoGradGuard noGrad;
  const auto total = static_cast<double>(alphas.size() * betas.size() * splits.size());
  const Context stopOnly{context.stop, {}, {}};  // shares of a single point are not the caller's
  Known grid(alphas, betas, splits.size());
  double number = 0;
  for (const auto& point : known) number += grid.add(point) ? 1 : 0;
  Excursion excursion(model, x, y);
  std::optional<Statistics> anew;
  if (statistics.anew) {
    excursion.keepBuffers();
    anew.emplace(model, *statistics.anew, batchSize, stopOnly);
  } else {
    excursion.moveBuffers(statistics.x, statistics.y);
  }
  const GridRefinement refinement(alphas.size(), betas.size());
  for (std::size_t level = 0; level < refinement.levels(); ++level) {
    for (const auto& at : refinement.level(level, grid.losses())) {
      bool there = false;
      const double alpha = alphas[at.column], beta = betas[at.row];
      for (std::size_t split = 0; split < splits.size(); ++split) {
        if (grid.has(at, split)) continue;
        context.check();
        if (!std::exchange(there, true)) {
          excursion.go(alpha, beta);
          if (anew) anew->estimate();
        }
        const LandscapePoint point{alpha, beta, split, evaluate(model, splits[split].examples, batchSize, stopOnly)};
        grid.add(point);
        deliver(point);
        context.report(++number / total);
      }
    }
  }
}

void evaluateLandscape(Model& model, const std::vector<LandscapeSplit>& splits, const torch::Tensor& x,
                       const std::vector<double>& alphas, std::int64_t batchSize,
                       const std::vector<LandscapePoint>& known,
                       const std::function<void(const LandscapePoint&)>& deliver, const Context& context,
                       const RunningStatistics& statistics) {
  evaluateLandscape(model, splits, x, alphas, torch::Tensor(), {0.0}, batchSize, known, deliver, context, statistics);
}

}  // namespace eigenscape
