// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/plot_figure.h"

namespace eigenscape {

/// Whether the run has a table of valleys for its surfaces.
bool hasValleys(const RunResults& run);

/// The figures of persistence.csv: what they have in common.
class ValleyFigure : public PlotFigure {
  Q_OBJECT
 public:
  using PlotFigure::PlotFigure;
  QStringList splits() const override;
  QString split() const override;
  void setSplit(const QString& split) override;

 protected:
  /// Those of the shown epoch and split, the deepest first; `epoch` becomes the shown one.
  std::vector<PersistenceRow> rows(std::int64_t& epoch) const { return rowsOf(run(), epoch); }
  std::vector<PersistenceRow> rowsOf(const RunResults& run, std::int64_t& epoch) const;
  /// Those and the rows of the runs beside this one: what the axes have to hold.
  std::vector<PersistenceRow> withPeers(std::vector<PersistenceRow> rows) const;
  Drawn drawn(const std::vector<PersistenceRow>& rows, std::int64_t epoch) const;
  std::string csv() const override;

 private:
  QString split_ = QStringLiteral("train");
};

/// Loss at which each valley of a surface begins against the loss at which it runs over into a deeper one.
class PersistenceFigure : public ValleyFigure {
  Q_OBJECT
 public:
  using ValleyFigure::ValleyFigure;

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
};

/// The same as a tree: each valley a line from its lowest point up to where it joins a deeper one.
class MergeTreeFigure : public ValleyFigure {
  Q_OBJECT
 public:
  using ValleyFigure::ValleyFigure;

 protected:
  Drawn draw(QCustomPlot& plot, const Style& style) const override;
};

}  // namespace eigenscape
