// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/plot_figure.h"

#include <QLabel>
#include <QVBoxLayout>
#include <cmath>

#include "core/results/error.h"
#include "views/plotting.h"

namespace eigenscape {

PlotFigure::PlotFigure(FigureId id, QWidget* parent)
    : Figure(std::move(id), parent), plot_(new QCustomPlot), message_(new QLabel), caption_(new QLabel) {
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(plot_, 1);
  layout->addWidget(message_, 1);
  layout->addWidget(caption_);
  setAutoFillBackground(true);
  message_->setAlignment(Qt::AlignCenter);
  message_->setWordWrap(true);
  caption_->setWordWrap(true);
  caption_->setFont(Style().font(0.8));
  caption_->setMargin(int(Style().millimetres(1.5)));
  caption_->setTextInteractionFlags(Qt::NoTextInteraction);
  plot_->setInteractions(QCP::iRangeDrag | QCP::iRangeZoom);
  plot_->setNoAntialiasingOnDrag(false);
  plot_->setAccessibleName(this->id().title());
  plot_->setMinimumSize(120, 90);
  // QCustomPlot lets no mouse event through to its parent, so the right click has to be asked for.
  plot_->setContextMenuPolicy(Qt::CustomContextMenu);
  connect(plot_, &QWidget::customContextMenuRequested, this,
          [this](const QPoint& at) { popUpMenu(plot_->mapToGlobal(at)); });
  connect(plot_, &QCustomPlot::mouseMove, this, [this](QMouseEvent* event) {
    if (run_ && drawn_.nothing.isEmpty()) Q_EMIT hovered(readout(event->position()));
  });
  connect(plot_, &QCustomPlot::mouseDoubleClick, this, [this] { Q_EMIT fullPageRequested(); });
  PlotFigure::themeChanged();
}

void PlotFigure::themeChanged() {
  Style style;
  style.theme = theme();
  const QPalette paper = style.onPaper(palette());
  setPalette(paper);
  for (QWidget* label : {message_, caption_}) label->setPalette(paper);
  redraw();
}

void PlotFigure::showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) {
  run_ = std::move(run);
  epoch_ = epoch;
  redraw();
}

PlotFigure::Ranges PlotFigure::ranges(const QCustomPlot& plot) {
  Ranges all;
  for (const auto* rect : plot.axisRects()) {
    for (const auto* axis : rect->axes()) all.emplace_back(axis->range().lower, axis->range().upper);
  }
  return all;
}

void PlotFigure::setRanges(QCustomPlot& plot, const Ranges& ranges) {
  std::size_t i = 0;
  for (auto* rect : plot.axisRects()) {
    for (auto* axis : rect->axes()) {
      if (i < ranges.size()) axis->setRange(ranges[i].first, ranges[i].second);
      ++i;
    }
  }
}

std::vector<PlotFigure::AxisRange> PlotFigure::axisRanges() const {
  std::vector<AxisRange> all;
  for (const auto* rect : plot_->axisRects()) {
    for (const auto* axis : rect->axes())
      all.push_back({axis->range().lower, axis->range().upper, axis->scaleType() == QCPAxis::stLogarithmic});
  }
  return all;
}

std::vector<PlotFigure::AxisRange> PlotFigure::fittedRanges() const {
  auto all = axisRanges();
  for (std::size_t i = 0; i < all.size() && i < fitted_.size(); ++i)
    all[i].lower = fitted_[i].first, all[i].upper = fitted_[i].second;
  return all;
}

void PlotFigure::setAxisRanges(const std::vector<AxisRange>& all) {
  if (!drawn_.nothing.isEmpty() || all.size() != fitted_.size()) return;
  Ranges plain;
  for (const auto& one : all) plain.emplace_back(one.lower, one.upper);
  setRanges(*plot_, plain);
  plot_->replot(QCustomPlot::rpQueuedReplot);
}

void PlotFigure::redraw() {
  const Ranges before = ranges(*plot_);
  const bool zoomed = !fitted_.empty() && before != fitted_;
  // Once more where what stands beside the plot has changed its size.
  for (int pass = 0; pass < 2; ++pass) {
    const QSize size = plot_->size();
    drawAll();
    if (layout()) layout()->activate();
    if (plot_->size() == size || !drawn_.nothing.isEmpty()) break;
  }
  if (!drawn_.nothing.isEmpty()) return;
  if (zoomed && before.size() == fitted_.size()) setRanges(*plot_, before);
  plot_->replot(QCustomPlot::rpQueuedReplot);
}

void PlotFigure::drawAll() {
  Style style;
  style.theme = theme();
  style.size = plot_->size();
  drawn_ = {};
  drawn_.nothing = QStringLiteral("No run is open yet.");
  if (run_) drawn_ = draw(*plot_, style);
  const bool something = drawn_.nothing.isEmpty();
  fitted_ = something ? ranges(*plot_) : Ranges();
  plot_->setVisible(something);
  message_->setVisible(!something);
  message_->setText(drawn_.nothing);
  caption_->setVisible(something && captionShown_);
  caption_->setText(caption());
}

QString PlotFigure::caption() const {
  return run_ && drawn_.nothing.isEmpty() ? captionText(run_->info, drawn_.provenance) : QString();
}

Figure::Facts PlotFigure::facts() const {
  Facts all = Figure::facts();
  if (!run_ || !drawn_.nothing.isEmpty()) return all;
  for (const auto& fact : provenanceFacts(drawn_.provenance)) all.push_back(fact);
  return all;
}

void PlotFigure::setCaptionShown(bool on) {
  captionShown_ = on;
  redraw();
}

void PlotFigure::resetView() {
  fitted_.clear();
  redraw();
}

void PlotFigure::resizeEvent(QResizeEvent* event) {
  Figure::resizeEvent(event);
  if (!run_ || fitDue_) return;
  if (!isVisible()) return fit();
  // A change of the window's layout resizes its figures several times before it settles.
  fitDue_ = true;
  QMetaObject::invokeMethod(this, &PlotFigure::fit, Qt::QueuedConnection);
}

void PlotFigure::fit() {
  fitDue_ = false;
  // The legend's columns and the density of labels depend on the size.
  if (layout()) layout()->activate();
  redraw();
}

Picture PlotFigure::toPicture() {
  Picture picture;
  picture.caption = caption();
  picture.body = [this](QCPPainter& painter, const Style& style, double) {
    if (!drawn_.nothing.isEmpty()) {
      painter.setFont(style.font());
      painter.setPen(style.softInk());
      painter.drawText(QRectF(QPointF(0, 0), QSizeF(style.size)), Qt::AlignCenter | Qt::TextWordWrap, drawn_.nothing);
      return;
    }
    QCustomPlot plot;
    plot.setNoAntialiasingOnDrag(false);
    draw(plot, style);
    const Ranges now = ranges(*plot_);
    if (!fitted_.empty() && now != fitted_) setRanges(plot, now);
    plot.toPainter(&painter, style.size.width(), style.size.height());
  };
  return picture;
}

void PlotFigure::exportTo(const std::filesystem::path& file, const ExportOptions& options) {
  if (file.extension() == ".csv") {
    if (!run_) throw RunError("cannot write " + file.string() + ": no run is open");
    writeFileAtomically(file, csv());
  } else {
    writePicture(toPicture(), file, options);
  }
}

QImage PlotFigure::picture(const ExportOptions& options) {
  return renderImage(toPicture(), options);
}

QString PlotFigure::readout(const QPointF& position) const {
  const QCPAxisRect* rect = plot_->axisRect(0);
  if (!rect || !rect->rect().contains(position.toPoint())) return {};
  const QCPGraph* nearest = nullptr;
  double best = 14;
  QPointF value;
  for (int i = 0; i < plot_->graphCount(); ++i) {
    const QCPGraph* graph = plot_->graph(i);
    if (graph->name().isEmpty()) continue;
    for (const auto& point : *graph->data()) {
      const double distance = QLineF(graph->coordsToPixels(point.key, point.value), position).length();
      if (distance >= best) continue;
      best = distance;
      nearest = graph;
      value = {point.key, point.value};
    }
  }
  const QString xName = rect->axis(QCPAxis::atBottom)->label();
  if (nearest) {
    return QStringLiteral("%1: %2 at %3 %4")
        .arg(nearest->name(), numberText(value.y(), 5), xName, numberText(value.x(), 5));
  }
  return QStringLiteral("%1 %2").arg(xName, numberText(rect->axis(QCPAxis::atBottom)->pixelToCoord(position.x()), 4));
}

}  // namespace eigenscape
