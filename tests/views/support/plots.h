// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFile>
#include <QTemporaryDir>
#include <cmath>
#include <functional>
#include <limits>

#include "core/results/tables.h"
#include "support/sample_run.h"
#include "views/plot_figure.h"
#include "views/plot_items.h"
#include "views/plotting.h"

// What tests ask of a figure on screen.
namespace plots {

using namespace eigenscape;
namespace fs = std::filesystem;

inline constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();
inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline const QStringList kinds = {"spectrum", "density", "power", "layers", "overlap", "gradient", "overhead"};

inline sample::Options curvature() {
  sample::Options options;
  options.curvature = true;
  options.epochs = 6;
  options.layers = 5;
  options.bottom = 2;
  return options;
}

std::unique_ptr<PlotFigure> figureOf(const QString& kind, const RunResults& run, std::int64_t epoch) {
  auto figure = std::unique_ptr<PlotFigure>(static_cast<PlotFigure*>(makeFigure({kind, {}}).release()));
  figure->resize(640, 480);
  figure->showRun(std::make_shared<const RunResults>(run), epoch);
  return figure;
}

inline QCPGraph* graph(const PlotFigure& figure, const QString& name) {
  for (int i = 0; i < figure.plot()->graphCount(); ++i) {
    QCPGraph* one = figure.plot()->graph(i);
    if (one->name() == name || one->objectName() == name) return one;
  }
  return nullptr;
}

inline std::vector<double> values(const PlotFigure& figure, const QString& name) {
  std::vector<double> all;
  const QCPGraph* found = graph(figure, name);
  if (!found) return all;
  for (const auto& point : *found->data()) all.push_back(point.value);
  return all;
}

template <class Kind>
std::vector<Kind*> plottables(const PlotFigure& figure) {
  std::vector<Kind*> all;
  for (int i = 0; i < figure.plot()->plottableCount(); ++i) {
    if (auto* found = dynamic_cast<Kind*>(figure.plot()->plottable(i))) all.push_back(found);
  }
  return all;
}

template <class Kind>
std::vector<Kind*> items(const PlotFigure& figure) {
  std::vector<Kind*> all;
  for (int i = 0; i < figure.plot()->itemCount(); ++i) {
    if (auto* found = dynamic_cast<Kind*>(figure.plot()->item(i))) all.push_back(found);
  }
  return all;
}

inline QCPAxis* axis(const PlotFigure& figure, QCPAxis::AxisType type) {
  return figure.plot()->axisRect(0)->axis(type);
}

inline QString captionOf(const PlotFigure& figure) {
  return figure.caption().replace(QChar(0xA0), ' ').replace(QChar(0x202F), ' ');
}

inline bool isHollow(const QCPGraph* graph) {
  return graph->scatterStyle().brush().color() == colors::paper;
}

inline bool near(double a, double b) {
  return std::abs(a - b) <= 1e-9 * std::max(1.0, std::abs(b));
}

inline QCPErrorBars* barsOf(const PlotFigure& figure, const QCPAbstractPlottable* of) {
  for (auto* bars : plottables<QCPErrorBars>(figure)) {
    if (bars->dataPlottable() == of) return bars;
  }
  return nullptr;
}

template <class Row, class Keep>
QString csvOfRows(const std::vector<Row>& rows, Keep&& keep) {
  return QString::fromStdString(csvOf(rows, keep));
}

template <class Row>
std::vector<const Row*> rowsOf(const std::vector<Row>& rows, const std::function<bool(const Row&)>& keep) {
  std::vector<const Row*> all;
  for (const Row& row : rows) {
    if (keep(row)) all.push_back(&row);
  }
  return all;
}

/// The text of the figure's CSV export.
inline QString csv(PlotFigure& figure) {
  const QTemporaryDir folder;
  const fs::path file = fs::path(folder.path().toStdString()) / "figure.csv";
  figure.exportTo(file, {});
  QFile text(QString::fromStdString(file.string()));
  return text.open(QIODevice::ReadOnly) ? QString::fromUtf8(text.readAll()) : QString();
}

}  // namespace plots
