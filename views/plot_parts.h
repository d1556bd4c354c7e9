// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "views/plot_figure.h"
#include "views/plotting.h"

// What several figures are put together from.
namespace eigenscape {

class ValueAxis;

/// Beyond so many points markers would merge into a thick line.
constexpr std::size_t manyPoints = 40;

struct OperatorWords {
  QString name;    ///< "Hessian"
  QString matrix;  ///< "∇²L"
};
OperatorWords operatorWords(const std::string& op);

/// "λ₁"
QString lambdaText(std::int64_t index);

/// At most so many letters, the middle left out: both the block and the layer in it stay readable.
QString shortName(const std::string& name, int most);

/// The n-th of several series: the first seven keep their colours, a longer list runs through the colour map.
QColor colorAmong(const Style& style, std::size_t n, std::size_t all);

/// A marker; a hollow one is for what did not converge.
QCPScatterStyle disc(const Style& style, const QColor& color, bool hollow, bool square = false, bool small = false);

/// An entry of the legend that stands for no series.
QCPGraph* legendSample(QCustomPlot& plot, const Frame& frame, const QString& name, const QPen& pen,
                       const QCPScatterStyle& scatter = QCPScatterStyle());

/// An estimate and how far off it may be.
struct Estimate {
  double value = 0;
  double error = 0;  ///< not finite: no bar
};
/// Bars of ±error, one for each of the graph's points, in their order.
QCPErrorBars* addErrorBars(const Frame& frame, const Style& style, QCPGraph* graph, const ValueAxis& axis,
                           const std::vector<Estimate>& estimates);

/// ‖A‖_F of the whole model and its standard error, by epoch and split; where the estimate of its square is positive.
std::map<std::pair<std::int64_t, std::string>, Estimate> frobeniusNorms(const RunResults& run);

/// The epochs of whose spectrum (scope "model", this split; "": any) no value is finite, as weights with NaN leave it.
std::vector<std::int64_t> epochsWithoutNumbers(const RunResults& run, const std::string& split = {});
/// "no finite curvature at epoch 3", of at least one.
QString withoutNumbersText(const std::vector<std::int64_t>& epochs);

/// 2 / learning rate by epoch, beyond which a step of gradient descent climbs; none where other steps were taken.
std::map<std::int64_t, double> stabilityLimits(const RunResults& run);

/// Layers' names along the axis at 0, 1, 2, …: level if they fit, else upright, smaller if need be, and only every n-th
/// where even the smallest would overlap.
void nameLayers(QCPAxis* axis, const Style& style, const std::vector<std::string>& names);

QCPColorGradient viridisGradient(double upper = 1);
/// The colours that a long list of series runs through: of viridis, what can be read as a line on the paper.
QCPColorGradient shadeGradient(const Style& style);

/// A colour scale to the right of the frame, as high as it. Its axis is to be labelled by the caller.
QCPColorScale* addColorScale(QCustomPlot& plot, const Frame& frame, const Style& style,
                             const QCPColorGradient& gradient, const QCPRange& range, bool logarithmic = false);

/// The epochs of the rows that `keep` holds for, as they come.
template <class Row, class Keep>
std::vector<std::int64_t> epochsOf(const std::vector<Row>& rows, Keep&& keep) {
  std::vector<std::int64_t> epochs;
  for (const Row& row : rows) {
    if (keep(row) && (epochs.empty() || epochs.back() != row.epoch)) epochs.push_back(row.epoch);
  }
  return epochs;
}

/// The splits of the rows that `keep` holds for, train first.
template <class Row, class Keep>
std::vector<std::string> splitsOf(const std::vector<Row>& rows, Keep&& keep) {
  std::vector<std::string> splits;
  for (const Row& row : rows) {
    if (keep(row) && std::find(splits.begin(), splits.end(), row.split) == splits.end()) splits.push_back(row.split);
  }
  std::sort(splits.begin(), splits.end(), [](const auto& a, const auto& b) { return a == "train" && b != "train"; });
  return splits;
}

/// "train and test"
QString joined(const std::vector<std::string>& splits);

}  // namespace eigenscape
