// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/cut.h"

#include <algorithm>
#include <cmath>

#include "core/results/tables.h"
#include "views/direction_words.h"
#include "views/tickers.h"

namespace eigenscape {
namespace {

constexpr int kSteps = 160;

struct CutPoint {
  double distance = 0, alpha = 0, beta = 0, loss = 0;
};

/// Distance is measured from the point of the cut that is closest to the centre, so that 0 is the model where the cut
/// passes through it. Interpolated in the scale that it is drawn in: on a logarithmic axis straight lines between
/// losses would bulge, as if the loss did.
std::vector<CutPoint> pointsAlong(const SurfaceGrid& grid, const QLineF& cut, bool logarithmic) {
  std::vector<CutPoint> points;
  const double length = cut.length();
  const QPointF along = length > 0 ? (cut.p2() - cut.p1()) / length : QPointF(1, 0);
  const double foot = -QPointF::dotProduct(cut.p1(), along);
  for (int i = 0; i <= kSteps; ++i) {
    const double step = length * i / kSteps;
    const QPointF at = cut.p1() + along * step;
    const bool inside =
        at.x() >= grid.xs.front() && at.x() <= grid.xs.back() && at.y() >= grid.ys.front() && at.y() <= grid.ys.back();
    const double height =
        inside ? grid.at(at.x(), at.y(), [&](double value) { return logarithmic ? std::log(value) : value; })
               : std::nan("");
    const double loss = logarithmic ? std::exp(height) : height;
    points.push_back({step - foot, at.x(), at.y(), loss});
  }
  return points;
}

const SpectrumRow* eigenvalueOf(const RunResults& run, const std::string& direction, std::int64_t epoch) {
  const auto index = eigenvectorIndex(direction);
  for (const auto& row : run.spectrum) {
    const bool ours = index && row.scope == "model" && row.epoch == epoch && row.index == *index;
    if (ours && std::isfinite(row.eigenvalue)) return &row;
  }
  return nullptr;
}

/// L(0) + ½(λₓα² + λᵧβ²) along the cut, where both directions are unit eigenvectors. `grids` by split. Its least value,
/// infinite where there is none.
double addQuadratic(QCustomPlot& plot, const Frame& frame, const Style& style, const RunResults& run,
                    const SurfaceData& data, const std::map<std::string, SurfaceGrid>& grids,
                    const std::vector<CutPoint>& points, double highest) {
  if (data.info.normalization == "filter" || data.info.normalization == "layer") return HUGE_VAL;
  // The eigenvalues are those of the network in floating point.
  if (!landscapeAndSetting(data.info.name).second.empty()) return HUGE_VAL;
  const auto *first = eigenvalueOf(run, data.info.x, *data.epoch),
             *second = eigenvalueOf(run, data.info.y, *data.epoch);
  if (!first || !second || first->split != second->split) return HUGE_VAL;
  const auto own = grids.find(first->split);
  const auto [i, j] = data.grid.nearest(0, 0);
  if (own == grids.end() || data.grid.xs[i] != 0 || data.grid.ys[j] != 0) return HUGE_VAL;
  const double centre = own->second.loss[own->second.index(i, j)];
  const QString name = QObject::tr("L(0) + ½(λα² + λ′β²), %1").arg(QString::fromStdString(first->split));
  QCPGraph* graph = addSeries(plot, frame, name, style.pen(colors::vermillion, 1.1, Qt::DashDotLine));
  graph->setObjectName("quadratic");
  double least = HUGE_VAL;
  for (const auto& point : points) {
    const double rise = first->eigenvalue * point.alpha * point.alpha + second->eigenvalue * point.beta * point.beta;
    const double value = centre + rise / 2;
    const bool shown = value <= highest && value > 0;
    graph->addData(point.distance, shown ? value : qQNaN());
    if (shown) least = std::min(least, value);
  }
  return least;
}

}  // namespace

void CutFigure::showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) {
  data_.clear();
  PlotFigure::showRun(std::move(run), epoch);
}

void CutFigure::refreshAll() {
  data_.clear();
  redraw();
}

const SurfaceData& CutFigure::dataOf(const QString& split) const {
  const auto found = data_.find(split);
  if (found != data_.end()) return found->second;
  return data_[split] = surfaceData(run(), id().name, epoch(), split, sharedScale(), {}, height_);
}

void CutFigure::setHeight(const std::optional<HeightChoice>& height) {
  height_ = height;
  refreshAll();
}

void CutFigure::setCut(const std::optional<QLineF>& cut) {
  cut_ = cut;
  redraw();
}

/// As the surface is shown; left to itself, the cut is logarithmic where its own losses ask for it.
bool CutFigure::isLogarithmic(const QLineF& cut) const {
  std::vector<double> losses;
  const auto& data = dataOf(QStringLiteral("train"));
  for (const auto& split : data.splits) {
    for (const auto& point : pointsAlong(dataOf(split).grid, cut, false)) {
      if (std::isfinite(point.loss)) losses.push_back(point.loss);
    }
  }
  if (losses.empty()) return false;
  if (data.height.kind == "auto") return wantsLogarithm(losses);
  return data.height.kind == "log" && *std::min_element(losses.begin(), losses.end()) > 0;
}

Drawn CutFigure::draw(QCustomPlot& plot, const Style& style) const {
  Drawn drawn;
  const auto& data = dataOf(QStringLiteral("train"));
  drawn.nothing = data.problem(id().name);
  if (!drawn.nothing.isEmpty()) return drawn;
  const QLineF cut = cut_.value_or(centreCut(data.grid));
  const Frame frame =
      makeFrame(plot, style,
                tr("Loss from (%1, %2) to (%3, %4)")
                    .arg(numberText(cut.x1()), numberText(cut.y1()), numberText(cut.x2()), numberText(cut.y2())));
  const bool logarithmic = isLogarithmic(cut);
  std::vector<double> distances, losses;
  std::vector<CutPoint> first;
  std::map<std::string, SurfaceGrid> grids;
  for (const auto& split : data.splits) {
    const auto& own = dataOf(split);
    const auto points = pointsAlong(own.grid, cut, logarithmic);
    grids[split.toStdString()] = own.grid;
    if (first.empty()) first = points;
    QCPGraph* graph = addSeries(plot, frame, tr("loss, %1").arg(split),
                                style.pen(style.blue(), 1.4, split == "test" ? Qt::DashLine : Qt::SolidLine));
    graph->setObjectName("cut-" + split);
    for (const auto& point : points) {
      graph->addData(point.distance, point.loss);
      distances.push_back(point.distance);
      if (std::isfinite(point.loss)) losses.push_back(point.loss);
    }
  }
  if (losses.empty()) {
    drawn.nothing = tr("No point of the cut is finite and inside of the surface.");
    return drawn;
  }
  const auto [lowest, highest] = std::minmax_element(losses.begin(), losses.end());
  // The parabola may run below the losses, a decade at most, so that they keep their room.
  const double below = logarithmic ? *lowest / 10 : 2 * *lowest - *highest;
  const double bottom = addQuadratic(plot, frame, style, run(), data, grids, first, *highest);
  losses.push_back(std::clamp(bottom, below, *lowest));
  const double clip = data.height.clip;
  if (const bool some = clip > *std::min_element(losses.begin(), losses.end()); some) {
    const auto above = std::count_if(losses.begin(), losses.end(), [&](double loss) { return loss > clip; });
    if (above > 0)
      drawn.provenance.notes << tr("the axis ends at %1, where the surface is clipped").arg(numberText(clip));
    for (double& loss : losses) loss = std::min(loss, clip);
  }
  fitAxis(frame.x, distances, false, 0.02);
  fitAxis(frame.y, losses, logarithmic, 0.06);
  labelAxis(frame.x, style, tr("distance along the cut"), QSharedPointer<RoundTicker>::create());
  labelAxis(
      frame.y, style, logarithmic ? tr("mean cross-entropy (log)") : tr("mean cross-entropy"),
      logarithmic ? QSharedPointer<QCPAxisTicker>(new DecadeTicker) : QSharedPointer<QCPAxisTicker>(new RoundTicker));
  finishFrame(plot, frame, style);
  const QStringList notes = drawn.provenance.notes;
  drawn.provenance = data.provenance();
  drawn.provenance.notes += notes;
  drawn.provenance.split = data.splits.join(tr(" and "));
  drawn.provenance.notes.prepend(tr("interpolated between the surface's points"));
  return drawn;
}

std::string CutFigure::csv() const {
  std::string text = "distance,alpha,beta,split,loss\n";
  const auto& data = dataOf(QStringLiteral("train"));
  if (!data.problem(id().name).isEmpty()) return text;
  const QLineF cut = cut_.value_or(centreCut(data.grid));
  const bool logarithmic = isLogarithmic(cut);
  for (const auto& split : data.splits) {
    for (const auto& point : pointsAlong(dataOf(split).grid, cut, logarithmic)) {
      char line[160];
      std::snprintf(line, sizeof line, "%.17g,%.17g,%.17g,%s,%.17g\n", point.distance, point.alpha, point.beta,
                    split.toUtf8().constData(), point.loss);
      text += line;
    }
  }
  return text;
}

}  // namespace eigenscape
