// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/plot_figure.h"

namespace eigenscape {

/// How a measure of sensitivity is written: its formula, and where it is from.
struct MeasureWords {
  QString formula;  ///< "λ₁ / n", "Ω"
  QString source;   ///< "HAWQ-V1", "HAWQ-V2"; of inputs: "inputs"
};
/// Of a method of layer_scores.csv, for `kind` "weights" or "inputs".
MeasureWords measureWords(const std::string& kind, const std::string& method);

/// To two decimals.
QString correlationText(double correlation);

/// The names of the figures `ranking-NAME`: the method, with "inputs-" before it where it is one of inputs. Those
/// that have scores and measured increases of the same layers.
std::vector<QString> scoredMethods(const RunResults& run);

/// `ranking`: the rank correlation of each measure of sensitivity with the measured increases of the loss, at each bit
/// width and at all together, with the interval of its resamplings. Hollow: the interval holds 0.
class RankingFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;
  bool canBeAnimated() const override { return false; }
  /// Kendall's τ-b instead of Spearman's ρ.
  void setKendall(bool on);

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;
  QString readout(const QPointF& position) const override;
  void addChoices(QMenu& menu) override;

 private:
  const char* measure() const { return kendall_ ? "kendall" : "spearman"; }

  bool kendall_ = false;
};

/// `ranking-NAME`: each layer's score by one method against the increase of the loss that was measured with that layer
/// alone quantized, both with their errors. Hollow: an increase that cannot be told from 0.
class ScoresFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;
  bool canBeAnimated() const override { return false; }

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
  std::string csv() const override;
  QString readout(const QPointF& position) const override;
};

}  // namespace eigenscape
