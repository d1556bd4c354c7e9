// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSharedPointer>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "views/caption.h"
#include "views/figure.h"
#include "views/picture.h"
#include "views/style.h"

class QCPAxis;
class QCPAxisRect;
class QCPAxisTicker;
class QCPGraph;
class QCPLegend;
class QCustomPlot;
class QLabel;

namespace eigenscape {

/// What a draw function says about what it drew.
struct Drawn {
  QString nothing;  ///< why there is nothing to draw; else empty
  Provenance provenance;
};

/// The parts of a plot with one pair of axes: title, legend above, axes.
struct Frame {
  QCPAxisRect* rect = nullptr;
  QCPLegend* legend = nullptr;
  QCPAxis* x = nullptr;
  QCPAxis* y = nullptr;
  QCPAxis* right = nullptr;  ///< not visible until labelled
};
/// Empties the plot and builds a frame in it.
Frame makeFrame(QCustomPlot& plot, const Style& style, const QString& title);
/// Wraps the legend to the plot's width, takes an empty one away, and makes texts fit that are longer than their place.
/// To be called last.
void finishFrame(QCustomPlot& plot, const Frame& frame, const Style& style);
/// In the colour of the series that it belongs to, if one is given.
void labelAxis(QCPAxis* axis, const Style& style, const QString& label, QSharedPointer<QCPAxisTicker> ticker,
               const std::optional<QColor>& color = {});
/// Sets the range to hold all finite values with a margin; logarithmic when asked for.
void fitAxis(QCPAxis* axis, const std::vector<double>& values, bool logarithmic = false, double margin = 0.05);
/// The same for epochs, which have no negative neighbours.
void fitEpochs(QCPAxis* axis, const std::vector<double>& epochs);
/// A series; `name` empty: not in the legend. The name is also what the read-out says.
QCPGraph* addSeries(QCustomPlot& plot, const Frame& frame, const QString& name, const QPen& pen,
                    QCPAxis* valueAxis = nullptr, bool inLegend = true);
/// A thin vertical line at the present epoch, with its number.
void markEpoch(QCustomPlot& plot, const Frame& frame, const Style& style, std::int64_t epoch);

/// The epoch of `epochs` that a figure shows when asked for `wanted`: the nearest earlier one, else the first.
std::optional<std::int64_t> epochToShow(const std::vector<std::int64_t>& epochs, std::int64_t wanted);

/// A figure drawn by QCustomPlot. The same draw function fills the plot on screen and the one that is exported.
class PlotFigure : public Figure {
  Q_OBJECT
 public:
  explicit PlotFigure(FigureId id, QWidget* parent = nullptr);
  void showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) override;
  QStringList formats() const override { return {"png", "svg", "pdf", "csv"}; }
  void exportTo(const std::filesystem::path& file, const ExportOptions& options) override;
  QImage picture(const ExportOptions& options) override;
  void resetView() override;

  /// The plot on screen.
  QCustomPlot* plot() const { return plot_; }
  QString caption() const;
  /// On screen, below the plot; an export has its own option.
  void setCaptionShown(bool on);
  /// Why the figure is empty; empty when it is not.
  QString emptyMessage() const { return drawn_.nothing; }
  const Provenance& provenance() const { return drawn_.provenance; }
  /// The figure's own rows, as the CSV export has them. There must be a run.
  std::string table() const { return csv(); }
  Picture toPicture() override;
  Facts facts() const override;

  /// Lower and upper end of each axis, and whether it is logarithmic.
  struct AxisRange {
    double lower = 0, upper = 0;
    bool logarithmic = false;
    bool operator==(const AxisRange&) const = default;
  };
  std::vector<AxisRange> axisRanges() const;
  /// As they were drawn, before anyone moved them.
  std::vector<AxisRange> fittedRanges() const;
  /// As if the user had moved the axes.
  void setAxisRanges(const std::vector<AxisRange>& ranges);

 protected:
  /// Fills an empty plot. The run is not null.
  virtual Drawn draw(QCustomPlot& plot, const Style& style) const = 0;
  /// The figure's own rows.
  virtual std::string csv() const = 0;
  /// One line about what is at a position of the plot on screen.
  virtual QString readout(const QPointF& position) const;
  void resizeEvent(QResizeEvent* event) override;

  const RunResults& run() const { return *run_; }
  bool hasRun() const { return run_ != nullptr; }
  std::int64_t epoch() const { return epoch_; }
  void redraw();
  void refreshAll() override { redraw(); }
  void themeChanged() override;

 private:
  using Ranges = std::vector<std::pair<double, double>>;
  void drawAll();
  void fit();
  static Ranges ranges(const QCustomPlot& plot);
  static void setRanges(QCustomPlot& plot, const Ranges& ranges);

  std::shared_ptr<const RunResults> run_;
  std::int64_t epoch_ = 0;
  QCustomPlot* plot_;
  QLabel* message_;
  QLabel* caption_;
  Drawn drawn_;
  bool captionShown_ = true, fitDue_ = false;
  Ranges fitted_;  ///< as the draw function set them: other ranges are the user's
};

/// CSV text of the rows that `keep` holds for.
template <class Row, class Keep>
std::string csvOf(const std::vector<Row>& rows, Keep&& keep);

}  // namespace eigenscape

#include "core/results/tables.h"

template <class Row, class Keep>
std::string eigenscape::csvOf(const std::vector<Row>& rows, Keep&& keep) {
  std::string text = headerOf<Row>() + '\n';
  for (const auto& row : rows) {
    if (keep(row)) text += toCsv(row) + '\n';
  }
  return text;
}
