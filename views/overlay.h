// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "views/caption.h"
#include "views/figure.h"
#include "views/value_axis.h"

// What is drawn where several runs are shown over one another: plain values, which one draw function turns into a plot.
namespace eigenscape {

struct OperatorWords;

/// A run among others.
struct ComparedRun {
  std::shared_ptr<const RunResults> run;
  QString name;       ///< short, differs from those of the others
  QString rest = {};  ///< what else tells it from them, for the caption
};
using ComparedRuns = std::vector<ComparedRun>;

struct OverlayPoint {
  double x = 0, value = 0;
  double error = 0;     ///< ±; 0: none
  bool hollow = false;  ///< did not converge, or is not told apart from zero
};

/// A series of one run, in the run's colour.
struct OverlaySeries {
  static constexpr std::size_t nobody = std::size_t(-1);  ///< of all runs alike: drawn in grey
  std::size_t run = 0;
  QString what;                       ///< "loss, train": for the read-out, after the run's name
  Qt::PenStyle line = Qt::SolidLine;  ///< test is dashed; Qt::NoPen: markers alone
  double width = 1.3;                 ///< points
  bool markers = true;
  bool square = false;  ///< else discs
  bool band = false;    ///< errors as a band instead of bars
  bool step = false;    ///< a value holds from the point before up to its own
  std::vector<OverlayPoint> points;
};

/// What a line or a marker means, for the legend: the runs' colours have theirs elsewhere.
struct OverlaySample {
  QString says;
  Qt::PenStyle line = Qt::NoPen;
  bool square = false, hollow = false;
  double width = 1.1;
};

struct OverlayPanel {
  enum class Across { Epochs, Whole, Values, Names };
  QString title, xLabel, yLabel;
  Across across = Across::Values;
  ValueAxis x, y;
  std::optional<std::pair<double, double>> xRange, yRange;  ///< places; empty: all that is there
  std::vector<std::pair<double, QString>> names;            ///< with Across::Names
  bool layers = false;                                      ///< the names are layers' at 0, 1, …
  std::vector<OverlaySeries> series;
  std::vector<OverlaySample> legend;
  bool diagonal = false;  ///< value = x, dashed
};

struct Overlay {
  std::vector<OverlayPanel> panels;    ///< none: there is nothing to draw
  std::vector<Provenance> provenance;  ///< of each run; notes are of all runs
  QStringList notes;
};

/// Whether the figure shows these runs over one another; else it has to show them beside one another.
bool isOverlaid(const FigureId& id, const ComparedRuns& runs);

/// Each run at `epoch`, or at its nearest earlier one.
Overlay overlayOf(const FigureId& id, const ComparedRuns& runs, std::int64_t epoch);

// The parts of overlayOf, by figure.
Overlay overlaidTraining(const ComparedRuns& runs);
Overlay overlaidGradient(const ComparedRuns& runs);
Overlay overlaidOverhead(const ComparedRuns& runs);
Overlay overlaidTrajectories(const ComparedRuns& runs, std::int64_t epoch);
Overlay overlaidSpectrum(const ComparedRuns& runs, std::int64_t epoch);
Overlay overlaidDensity(const ComparedRuns& runs, std::int64_t epoch);
Overlay overlaidPower(const ComparedRuns& runs, std::int64_t epoch);
Overlay overlaidLayers(const ComparedRuns& runs, std::int64_t epoch);
Overlay overlaidProfile(const QString& name, const ComparedRuns& runs, std::int64_t epoch);
Overlay overlaidPersistence(const QString& name, const ComparedRuns& runs, std::int64_t epoch);
Overlay overlaidSensitivity(const ComparedRuns& runs);

/// The operator of all runs; where they differ, words that fit each of them.
OperatorWords commonOperator(const ComparedRuns& runs);
/// All values of a panel's series, the values ± error where `bars`.
std::vector<double> valuesOf(const std::vector<OverlaySeries>& series, bool bars = false);
/// How a run's series stands beside the others' where they share a place: in −0.3 … 0.3.
double besideOthers(std::size_t n, std::size_t all);

}  // namespace eigenscape
