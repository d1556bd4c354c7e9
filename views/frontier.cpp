// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/frontier.h"

#include <QFontMetricsF>
#include <QLineF>
#include <algorithm>
#include <cmath>
#include <utility>

#include "views/cost_unit.h"
#include "views/plot_parts.h"
#include "views/value_axis.h"

namespace eigenscape {
namespace {

/// The cost along the x axis.
struct CostAxis {
  bool bops = false;
  bool logarithmic = false;  ///< the runs' networks differ so much that small ones would be squeezed into a corner
  CostUnit unit;
  QString label;

  double of(double sizeBytes, double bitOperations) const { return (bops ? bitOperations : sizeBytes) / unit.size; }
  double of(const SettingRow& row) const { return of(row.sizeBytes, row.bops); }
  double of(const ParetoRow& row) const { return of(row.sizeBytes, row.bops); }
};

using Peers = std::vector<std::shared_ptr<const RunResults>>;

/// The largest cost that is drawn of a run. A network in floating point is not: it is a level.
double largestCost(const RunResults& run, bool bops) {
  double most = 0;
  for (const auto& row : run.settings) {
    if (row.method != "float") most = std::max(most, bops ? row.bops : row.sizeBytes);
  }
  for (const auto& row : run.pareto) most = std::max(most, bops ? row.bops : row.sizeBytes);
  return most;
}

constexpr double unlike = 5;  ///< times as large

/// In a unit that suits the runs beside this one, too.
CostAxis costAxis(const RunResults& run, const Peers& peers) {
  CostAxis axis;
  axis.bops = run.info.frontier == "bops";
  double most = largestCost(run, axis.bops), least = most;
  for (const auto& peer : peers) {
    const double theirs = largestCost(*peer, axis.bops);
    most = std::max(most, theirs), least = std::min(least, theirs);
  }
  axis.logarithmic = least > 0 && most > unlike * least;  // a table may know no costs
  axis.unit = axis.bops ? operationUnit(most) : byteUnit(most);
  const QString what =
      axis.bops ? QObject::tr("bit operations per example") : QObject::tr("size of the quantized weights");
  QStringList remarks{axis.unit.ofTitle};
  if (axis.logarithmic) remarks << QObject::tr("log");
  remarks.removeAll(QString());
  axis.label = remarks.empty() ? what : QObject::tr("%1 (%2)").arg(what, remarks.join(", "));
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
      {"measured", QObject::tr("measured"), QCPScatterStyle::ssTriangleInverted, 5, false, false},
      {"exact", QObject::tr("within the limits"), QCPScatterStyle::ssCircle, 5.5, true, false},
      {"kept", QObject::tr("kept"), QCPScatterStyle::ssDiamond, 7, true, false}};  // over what a limit chose
  if (measured)
    all.insert(all.begin(), {"pareto", QObject::tr("frontier of Ω"), QCPScatterStyle::ssCircle, 4, false, true});
  return all;
}

QColor colorOf(const Look& look, const Style& style) {
  const std::string method = look.method;
  if (method == "uniform") return colors::vermillion;
  if (method == "greedy") return colors::orange;
  if (method == "first-order") return colors::purple;
  if (method == "given" || method == "measured" || method == "kept") return colors::green;
  return style.blue();
}

struct Point {
  double x = 0, y = 0;
  QString label;
  double error = 0;  ///< ± of y
};

/// The binomial standard error of a share of `examples`; 0 where their number is not known.
double standardError(double share, std::int64_t examples) {
  return examples > 0 ? std::sqrt(std::max(0.0, share * (1 - share)) / double(examples)) : 0;
}

QString labelOf(const SettingRow& row) {
  if (row.method == "uniform") return QObject::tr("%1 bits").arg(QString::fromStdString(row.setting.substr(8)));
  return row.method == "exact" || row.method == "given" ? QString::fromStdString(row.setting) : QString();
}

/// Names beside their points: in the first of eight places, or of eight farther away, that keeps clear of markers and
/// other names, and of lines if there is one. A name that finds none is left to the read-out.
class Labels {
 public:
  Labels(QCustomPlot& plot, const Frame& frame, const Style& style, const ValueAxis& axis)
      : plot_(plot), frame_(frame), style_(style), axis_(axis), metrics_(style.font(0.8)) {}

  /// Of a marker, with its bars.
  void keepClearOf(const Point& point) {
    const QPointF at = place(point);
    const double half = style_.points(2.6);
    taken_.push_back(QRectF(at.x() - half, at.y() - half, 2 * half, 2 * half));
    if (point.error <= 0) return;
    const QPointF end = place({point.x, point.y + point.error, {}}),
                  other = place({point.x, point.y - point.error, {}});
    taken_.push_back(QRectF(QPointF(at.x() - half, end.y()), QPointF(at.x() + half, other.y())).normalized());
  }
  void avoidLine(double x1, double y1, double x2, double y2) {
    lines_.push_back(QRectF(place({x1, y1, {}}), place({x2, y2, {}})).normalized().adjusted(-0.5, -0.5, 0.5, 0.5));
  }
  /// As a curve of steps: the level holds up to the next point.
  void avoidSteps(const std::vector<Point>& points) {
    for (std::size_t i = 1; i < points.size(); ++i) {
      avoidLine(points[i - 1].x, points[i - 1].y, points[i].x, points[i - 1].y);
      avoidLine(points[i].x, points[i - 1].y, points[i].x, points[i].y);
    }
  }
  void write(const Point& point) {
    constexpr double near = 4.5;  // points
    if (write(point, true, near) || write(point, false, near)) return;
    for (const double farther : {12, 20}) {
      if (write(point, true, farther)) return;
    }
  }

 private:
  bool write(const Point& point, bool clearOfLines, double distance) {
    const QPointF at = place(point);
    const QSizeF size(metrics_.horizontalAdvance(point.label) + style_.points(2), metrics_.height());
    const double away = style_.points(distance);
    const QRectF area = frame_.rect->rect();
    for (const auto& [x, y] : {std::pair{1, -1}, {1, 1}, {-1, -1}, {-1, 1}, {1, 0}, {-1, 0}, {0, -1}, {0, 1}}) {
      QRectF box(QPointF(0, 0), size);
      box.moveCenter(at + QPointF(x * (size.width() / 2 + (y == 0 ? away : away * 0.6)),
                                  y * (size.height() / 2 + (x == 0 ? away : away * 0.4))));
      const auto meets = [&](const QRectF& one) { return one.intersects(box); };
      const bool taken = std::any_of(taken_.begin(), taken_.end(), meets) ||
                         (clearOfLines && std::any_of(lines_.begin(), lines_.end(), meets));
      if (taken || !area.contains(box)) continue;
      taken_.push_back(box);
      add(point, box.center() - at);
      return true;
    }
    return false;
  }
  QPointF place(const Point& point) const {
    return {frame_.x->coordToPixel(point.x), frame_.y->coordToPixel(axis_.place(point.y))};
  }
  /// Stays beside its point when the axes are moved.
  void add(const Point& point, const QPointF& away) {
    auto* anchor = new QCPItemTracer(&plot_);
    anchor->setStyle(QCPItemTracer::tsNone);
    anchor->setSelectable(false);
    anchor->setClipAxisRect(frame_.rect);
    anchor->position->setAxes(frame_.x, frame_.y);
    anchor->position->setAxisRect(frame_.rect);
    anchor->position->setType(QCPItemPosition::ptPlotCoords);
    anchor->position->setCoords(point.x, axis_.place(point.y));
    auto* text = new QCPItemText(&plot_);
    text->setClipAxisRect(frame_.rect);
    text->setSelectable(false);
    text->position->setParentAnchor(anchor->position);
    text->position->setCoords(away);
    text->setText(point.label);
    text->setFont(style_.font(0.8));
    text->setColor(style_.ink());
    QColor ground = style_.paper();
    ground.setAlpha(150);
    text->setBrush(ground);
  }

  QCustomPlot& plot_;
  const Frame& frame_;
  const Style& style_;
  const ValueAxis& axis_;
  QFontMetricsF metrics_;
  std::vector<QRectF> taken_, lines_;
};

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
      const Point point{axis.of(row), y(row), labelOf(row),
                        measured ? 100 * standardError(row.accuracy, run.info.testExamples) : 0};
      // Limits that lead to the same setting share a point.
      const auto same = std::find_if(points.begin(), points.end(), [&](const Point& one) {
        return !one.label.isEmpty() && one.x == point.x && one.y == point.y;
      });
      if (same == points.end()) {
        points.push_back(point);
      } else {
        same->label += ", " + point.label;
      }
    }
    // As the plot keeps them: error bars and steps go by the order.
    std::stable_sort(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.x < b.x; });
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
  for (const auto& each : content.series) {
    add(each.second);
    for (const auto& point : each.second) {
      if (which == &Point::y && point.error > 0)
        values.insert(values.end(), {point.y - point.error, point.y + point.error});
    }
  }
  add(content.line);
  add(content.current);
  if (which == &Point::y && std::isfinite(content.base)) values.push_back(content.base);
  return values;
}

/// Costs, Ω or accuracies of all that is shown, of the runs beside this one too: one scale has to suit them.
std::vector<double> valuesOfAll(const RunResults& run, const Peers& peers, const CostAxis& costs, bool measured,
                                double Point::*which) {
  auto values = valuesOf(contentOf(run, costs, measured), which);
  for (const auto& peer : peers) {
    const auto theirs = valuesOf(contentOf(*peer, costs, measured), which);
    values.insert(values.end(), theirs.begin(), theirs.end());
  }
  return values;
}

std::vector<double> heights(const RunResults& run, const Peers& peers, const CostAxis& costs, bool measured) {
  return valuesOfAll(run, peers, costs, measured, &Point::y);
}

ValueAxis valueAxis(const std::vector<double>& heights, bool measured) {
  return measured ? ValueAxis() : ValueAxis(heights);
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
  for (const auto& [look, points] : content.series) {
    const QColor color = colorOf(look, style);
    const bool many = points.size() > manyPoints;
    QCPGraph* graph = addSeries(plot, frame, look.name, style.pen(color, 0.8));
    graph->setObjectName(look.method);
    graph->setLineStyle(look.isLine ? QCPGraph::lsStepLeft : QCPGraph::lsNone);
    if (!many || !look.isLine) {
      graph->setScatterStyle(QCPScatterStyle(look.shape, style.pen(color, 0.9),
                                             look.filled ? QBrush(color) : QBrush(style.paper()),
                                             style.points(look.points)));
    }
    std::vector<Estimate> estimates;
    for (const auto& point : points) {
      graph->addData(point.x, axis.place(point.y));
      estimates.push_back({point.y, point.error});
    }
    const bool errors = std::any_of(points.begin(), points.end(), [](const Point& one) { return one.error > 0; });
    if (errors && !many) addErrorBars(frame, style, graph, axis, estimates);
  }
  if (content.current.empty()) return;
  QCPGraph* ring = addSeries(plot, frame, QObject::tr("current"), style.pen(style.ink(), 1.4));
  ring->setObjectName("current");
  ring->setLineStyle(QCPGraph::lsNone);
  ring->setScatterStyle(
      QCPScatterStyle(QCPScatterStyle::ssDiamond, style.pen(style.ink(), 1.4), Qt::NoBrush, style.points(9)));
  ring->addData(content.current.front().x, axis.place(content.current.front().y));
}

/// To be called when the axes have their places.
void writeLabels(QCustomPlot& plot, const Frame& frame, const Style& style, const Content& content,
                 const ValueAxis& axis) {
  Labels labels(plot, frame, style, axis);
  for (const auto& [look, points] : content.series) {
    if (look.isLine) labels.avoidSteps(points);
    if (look.isLine && points.size() > manyPoints) continue;  // a line without markers
    for (const auto& point : points) labels.keepClearOf(point);
  }
  for (const auto& point : content.current) labels.keepClearOf(point);
  labels.avoidSteps(content.line);
  if (std::isfinite(content.base)) {
    const QCPRange whole = frame.x->range();
    labels.avoidLine(whole.lower, content.base, whole.upper, content.base);
  }
  for (const auto& each : content.series) {
    for (const auto& point : each.second) {
      if (!point.label.isEmpty()) labels.write(point);
    }
  }
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
  const CostAxis costs = costAxis(run(), peers());
  const Content content = contentOf(run(), costs, isMeasured());
  if (content.series.empty() && content.line.empty()) {
    drawn.nothing = isMeasured() ? tr("No setting of bits was measured yet: that takes a model and a test split.")
                                 : tr("No frontier yet: it appears when bits are allocated (section [quantization]).");
    return drawn;
  }
  const Frame frame = makeFrame(plot, style,
                                isMeasured() ? tr("Measured accuracy of mixed-precision settings")
                                             : tr("Predicted loss increase of mixed-precision settings"));
  const auto values = heights(run(), peers(), costs, isMeasured());
  const ValueAxis axis = valueAxis(values, isMeasured());
  fitAxis(frame.x, valuesOfAll(run(), peers(), costs, isMeasured(), &Point::x), costs.logarithmic);
  labelAxis(frame.x, style, costs.label,
            costs.logarithmic ? QSharedPointer<QCPAxisTicker>(new DecadeTicker)
                              : QSharedPointer<QCPAxisTicker>(new RoundTicker));
  axis.apply(frame.y, style, isMeasured() ? tr("test accuracy (%)") : tr("sum of Ω over the layers"), values);
  drawSeries(plot, frame, style, content, axis);
  drawBase(plot, frame, style, content.base);
  finishFrame(plot, frame, style);
  writeLabels(plot, frame, style, content, axis);
  auto& provenance = drawn.provenance;
  if (isMeasured()) provenance.split = "test";
  if (isMeasured() && run().info.testExamples > 0)
    provenance.notes << tr("bars: ± one binomial standard error of %1 test examples").arg(run().info.testExamples);
  provenance.curvature = true;
  if (!run().info.model.empty()) provenance.epoch = run().info.epochs;
  if (!run().info.sensitivity.empty())
    provenance.notes << tr("sensitivities of %1").arg(QString::fromStdString(run().info.sensitivity));
  if (!isMeasured() && !content.line.empty())
    provenance.notes << (content.line.size() == 1
                             ? tr("frontier of one setting, which no other beats")
                             : tr("frontier of %1 settings, none of which another beats").arg(content.line.size()));
  if (!isMeasured() && !run().inputSensitivity.empty()) provenance.notes << tr("Ω of weights and inputs");
  provenance.notes << axis.note();
  return drawn;
}

QString FrontierFigure::readout(const QPointF& position) const {
  const QCPAxisRect* rect = plot()->axisRect(0);
  if (!rect || !rect->rect().contains(position.toPoint())) return {};
  const CostAxis costs = costAxis(run(), peers());
  const auto* x = rect->axis(QCPAxis::atBottom);
  const auto* y = rect->axis(QCPAxis::atLeft);
  const ValueAxis axis = valueAxis(heights(run(), peers(), costs, isMeasured()), isMeasured());
  const SettingRow* nearest = nullptr;
  double best = 14;
  for (const auto& row : run().settings) {
    const double value = isMeasured() ? 100 * row.accuracy : row.omega;
    const QPointF at(x->coordToPixel(costs.of(row)), y->coordToPixel(axis.place(value)));
    const double distance = QLineF(at, position).length();
    if (distance < best) best = distance, nearest = &row;
  }
  if (!nearest) return PlotFigure::readout(position);
  QString text = tr("%1: %2 %3, ΣΩ = %4")
                     .arg(QString::fromStdString(nearest->setting), numberText(costs.of(*nearest), 4), costs.unit.name,
                          numberText(nearest->omega, 4));
  if (eigenscape::isMeasured(*nearest))
    text +=
        tr(", test loss %1, accuracy %2 %").arg(numberText(nearest->loss, 4), numberText(100 * nearest->accuracy, 4));
  return text;
}

std::string FrontierFigure::csv() const {
  if (isMeasured()) return csvOf(run().settings, [](const SettingRow& row) { return eigenscape::isMeasured(row); });
  return csvOf(run().pareto, [](const ParetoRow&) { return true; });
}

}  // namespace eigenscape
