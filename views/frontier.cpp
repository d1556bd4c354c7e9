// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/frontier.h"

#include <algorithm>
#include <cmath>

#include "views/plot_parts.h"
#include "views/value_axis.h"

namespace eigenscape {
namespace {

/// The cost along the x axis.
struct CostAxis {
  bool bops = false;
  double unit = 1e6;
  QString label;

  double of(double sizeBytes, double bitOperations) const { return (bops ? bitOperations : sizeBytes) / unit; }
  double of(const SettingRow& row) const { return of(row.sizeBytes, row.bops); }
  double of(const ParetoRow& row) const { return of(row.sizeBytes, row.bops); }
};

CostAxis costAxis(const RunResults& run) {
  CostAxis axis;
  double most = 0;
  axis.bops = run.info.frontier == "bops";
  for (const auto& row : run.settings) most = std::max(most, axis.bops ? row.bops : row.sizeBytes);
  for (const auto& row : run.pareto) most = std::max(most, axis.bops ? row.bops : row.sizeBytes);
  struct Unit {
    double size;
    const char* bytes;
    const char* operations;
  };
  // Decimal units, as disks and papers have them.
  static constexpr Unit units[] = {{1e12, "TB", "tera-operations"},
                                   {1e9, "GB", "giga-operations"},
                                   {1e6, "MB", "mega-operations"},
                                   {1e3, "kB", "kilo-operations"},
                                   {1, "bytes", "operations"}};
  const auto* unit =
      std::find_if(std::begin(units), std::end(units) - 1, [&](const Unit& one) { return most >= 0.1 * one.size; });
  axis.unit = unit->size;
  axis.label = axis.bops ? QObject::tr("bit operations per example (%1)").arg(QLatin1String(unit->operations))
                         : QObject::tr("size of the quantized weights (%1)").arg(QLatin1String(unit->bytes));
  return axis;
}

bool isMeasured(const SettingRow& row) {
  return std::isfinite(row.accuracy) && std::isfinite(row.loss);
}

/// How the settings of one method look.
struct Look {
  const char* method;
  QString name;
  QCPScatterStyle::ScatterShape shape;
  double points;
  bool filled;
  bool isLine;
};

std::vector<Look> looks(bool measured) {
  std::vector<Look> all = {
      {"first-order", QObject::tr("by λ₁/n (HAWQ-V1)"), QCPScatterStyle::ssTriangle, 3, false, true},
      {"greedy", QObject::tr("greedy"), QCPScatterStyle::ssCircle, 3, false, true},
      {"uniform", QObject::tr("uniform"), QCPScatterStyle::ssSquare, 5, true, false},
      {"given", QObject::tr("given"), QCPScatterStyle::ssTriangleInverted, 5, true, false},
      {"exact", QObject::tr("within the limits"), QCPScatterStyle::ssCircle, 5.5, true, false}};
  if (measured)
    all.insert(all.begin(), {"pareto", QObject::tr("frontier of Ω"), QCPScatterStyle::ssCircle, 4, false, true});
  return all;
}

QColor colorOf(const Look& look, const Style& style) {
  const std::string method = look.method;
  if (method == "uniform") return colors::vermillion;
  if (method == "greedy") return colors::orange;
  if (method == "first-order") return colors::purple;
  if (method == "given") return colors::green;
  return style.blue();
}

struct Point {
  double x = 0, y = 0;
  QString label;
};

void writeLabel(QCustomPlot& plot, const Frame& frame, const Style& style, const Point& point, double y, bool below) {
  auto* text = new QCPItemText(&plot);
  text->position->setAxes(frame.x, frame.y);
  text->position->setAxisRect(frame.rect);
  text->position->setType(QCPItemPosition::ptPlotCoords);
  text->position->setCoords(point.x, y);
  text->setClipAxisRect(frame.rect);
  const bool leftOf = point.x > frame.x->range().center();
  text->setPositionAlignment((leftOf ? Qt::AlignRight : Qt::AlignLeft) | (below ? Qt::AlignTop : Qt::AlignBottom));
  const int away = int(style.points(3.5));
  text->setPadding(QMargins(away, below ? away : 0, away, below ? 0 : away));
  text->setText(point.label);
  text->setFont(style.font(0.8));
  text->setColor(style.ink());
  text->setSelectable(false);
}

QString labelOf(const SettingRow& row) {
  if (row.method == "uniform") return QObject::tr("%1 bits").arg(QString::fromStdString(row.setting.substr(8)));
  return row.method == "exact" || row.method == "given" ? QString::fromStdString(row.setting) : QString();
}

/// What is shown, in the order in which it is drawn.
struct Content {
  std::vector<std::pair<Look, std::vector<Point>>> series;
  std::vector<Point> line;     ///< the frontier
  std::vector<Point> current;  ///< at most one
  double base = std::nan("");  ///< the network in floating point
};

Content contentOf(const RunResults& run, const CostAxis& axis, bool measured) {
  Content content;
  const auto y = [&](const SettingRow& row) { return measured ? 100 * row.accuracy : row.omega; };
  for (const auto& look : looks(measured)) {
    std::vector<Point> points;
    for (const auto& row : run.settings) {
      if (row.method != look.method || (measured && !isMeasured(row)) || !std::isfinite(axis.of(row))) continue;
      points.push_back({axis.of(row), y(row), labelOf(row)});
    }
    if (!points.empty()) content.series.emplace_back(look, std::move(points));
  }
  for (const auto& row : run.settings) {
    if (row.method == "float" && measured) content.base = y(row);
    if (row.method == "current" && std::isfinite(y(row))) content.current = {{axis.of(row), y(row), {}}};
  }
  if (!measured) {
    for (const auto& row : run.pareto) content.line.push_back({axis.of(row), row.omega, {}});
  }
  return content;
}

std::vector<double> valuesOf(const Content& content, double Point::*which) {
  std::vector<double> values;
  const auto add = [&](const std::vector<Point>& points) {
    for (const auto& point : points) values.push_back(point.*which);
  };
  for (const auto& each : content.series) add(each.second);
  add(content.line);
  add(content.current);
  if (which == &Point::y && std::isfinite(content.base)) values.push_back(content.base);
  return values;
}

void drawSeries(QCustomPlot& plot, const Frame& frame, const Style& style, const Content& content,
                const ValueAxis& axis) {
  if (!content.line.empty()) {
    QCPGraph* line = addSeries(plot, frame, QObject::tr("frontier"), style.pen(style.blue(), 1));
    line->setObjectName("frontier");
    line->setLineStyle(QCPGraph::lsStepLeft);  // between two settings nothing is better than the smaller one
    line->setAdaptiveSampling(true);
    for (const auto& point : content.line) line->addData(point.x, axis.place(point.y));
  }
  bool below = false;
  for (const auto& [look, points] : content.series) {
    const QColor color = colorOf(look, style);
    const bool many = points.size() > manyPoints;
    QCPGraph* graph = addSeries(plot, frame, look.name, style.pen(color, 0.8));
    graph->setObjectName(look.method);
    graph->setLineStyle(look.isLine ? QCPGraph::lsLine : QCPGraph::lsNone);
    if (!many || !look.isLine) {
      graph->setScatterStyle(QCPScatterStyle(look.shape, style.pen(color, 0.9),
                                             look.filled ? QBrush(color) : QBrush(style.paper()),
                                             style.points(look.points)));
    }
    for (const auto& point : points) {
      graph->addData(point.x, axis.place(point.y));
      if (!point.label.isEmpty()) writeLabel(plot, frame, style, point, axis.place(point.y), below);
    }
    below = !below;
  }
  if (content.current.empty()) return;
  QCPGraph* ring = addSeries(plot, frame, QObject::tr("current"), style.pen(style.ink(), 1.4));
  ring->setObjectName("current");
  ring->setLineStyle(QCPGraph::lsNone);
  ring->setScatterStyle(
      QCPScatterStyle(QCPScatterStyle::ssDiamond, style.pen(style.ink(), 1.4), Qt::NoBrush, style.points(9)));
  ring->addData(content.current.front().x, axis.place(content.current.front().y));
}

void drawBase(QCustomPlot& plot, const Frame& frame, const Style& style, double base) {
  if (!std::isfinite(base)) return;
  QCPGraph* line = addSeries(plot, frame, QObject::tr("not quantized"), style.pen(style.softInk(), 0.9, Qt::DashLine));
  line->addData(frame.x->range().lower, base);
  line->addData(frame.x->range().upper, base);
}

}  // namespace

bool hasFrontier(const RunResults& run) {
  return !run.pareto.empty();
}

bool hasMeasuredSettings(const RunResults& run) {
  return std::count_if(run.settings.begin(), run.settings.end(),
                       [](const SettingRow& row) { return isMeasured(row) && row.method != "float"; }) > 1;
}

Drawn FrontierFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const CostAxis costs = costAxis(run());
  const Content content = contentOf(run(), costs, isMeasured());
  if (content.series.empty() && content.line.empty()) {
    drawn.nothing = isMeasured() ? tr("No setting of bits was measured yet: that takes a model and a test split.")
                                 : tr("No frontier yet: it appears when bits are allocated (section [quantization]).");
    return drawn;
  }
  const Frame frame = makeFrame(plot, style,
                                isMeasured() ? tr("Measured accuracy of mixed-precision settings")
                                             : tr("Predicted loss increase of mixed-precision settings"));
  const auto values = valuesOf(content, &Point::y);
  const ValueAxis axis = isMeasured() ? ValueAxis() : ValueAxis(values);
  fitAxis(frame.x, valuesOf(content, &Point::x));
  labelAxis(frame.x, style, costs.label, QSharedPointer<RoundTicker>::create());
  axis.apply(frame.y, style, isMeasured() ? tr("test accuracy (%)") : tr("sum of Ω over the layers"), values);
  drawSeries(plot, frame, style, content, axis);
  drawBase(plot, frame, style, content.base);
  finishFrame(plot, frame, style);
  auto& provenance = drawn.provenance;
  if (isMeasured()) provenance.split = "test";
  provenance.curvature = true;
  if (!run().info.model.empty()) provenance.epoch = run().info.epochs;
  if (!run().info.sensitivity.empty())
    provenance.notes << tr("sensitivities of %1").arg(QString::fromStdString(run().info.sensitivity));
  if (!isMeasured() && !content.line.empty())
    provenance.notes << tr("frontier of %1 settings, none of which another beats").arg(content.line.size());
  provenance.notes << axis.note();
  return drawn;
}

std::string FrontierFigure::csv() const {
  if (isMeasured()) return csvOf(run().settings, [](const SettingRow& row) { return eigenscape::isMeasured(row); });
  return csvOf(run().pareto, [](const ParetoRow&) { return true; });
}

}  // namespace eigenscape
