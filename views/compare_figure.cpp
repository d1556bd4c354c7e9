// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/compare_figure.h"

#include <QGridLayout>
#include <QLabel>
#include <algorithm>
#include <cmath>

#include "core/results/error.h"
#include "core/results/tables.h"
#include "views/comparison.h"
#include "views/contour.h"
#include "views/contour_pair.h"
#include "views/overlay_figure.h"
#include "views/plotting.h"
#include "views/run_key.h"
#include "views/surface.h"

namespace eigenscape {
namespace {

constexpr double pageMm = 180, columnMm = 120;  // two columns of a page, and the usual figure

/// So many columns that the parts come close to a shape, with few places left empty.
int columnsFor(std::size_t count, double width, double height, double shape) {
  int best = 1;
  double least = HUGE_VAL;
  for (int columns = 1; columns <= int(count); ++columns) {
    const int rows = int((count + std::size_t(columns) - 1) / std::size_t(columns));
    const double aspect = (width / columns) / std::max(1.0, height / rows);
    const double cost = std::abs(std::log(aspect / shape)) + 0.4 * double(rows * columns - int(count));
    if (cost < least) least = cost, best = columns;
  }
  return best;
}

/// Whether a run's part holds two reliefs or two contours.
bool isPaired(const FigureId& id) {
  return id.kind == QLatin1String("contour-quantized") || id.kind == QLatin1String("surface-both") ||
         id.kind == QLatin1String("surface-quantized");
}

std::vector<KeyEntry> entriesOf(const ComparedRuns& runs, Theme theme) {
  Style style;
  style.theme = theme;
  std::vector<KeyEntry> entries;
  for (std::size_t i = 0; i < runs.size(); ++i) entries.push_back({runs[i].name, runColor(style, i)});
  return entries;
}

/// What all parts note stands once. What a part says of its epoch stands above it.
QStringList notesOf(const std::vector<Provenance>& provenance, const ComparedRuns& runs) {
  QStringList notes;
  for (std::size_t i = 0; i < provenance.size(); ++i) {
    for (const QString& note : provenance[i].notes) {
      if (note.isEmpty() || note.startsWith(QLatin1String("epoch "))) continue;
      const bool common = std::all_of(provenance.begin(), provenance.end(),
                                      [&](const Provenance& other) { return other.notes.contains(note); });
      if (!common) notes << QObject::tr("“%1”: %2").arg(runs[i].name, note);
      if (common && i == 0) notes << note;
    }
  }
  return notes;
}

/// What the caption says of a run's part.
Provenance provenanceOf(const Figure& part) {
  if (const auto* plot = qobject_cast<const PlotFigure*>(&part)) return plot->provenance();
  if (const auto* surface = qobject_cast<const SurfaceFigure*>(&part)) return surface->provenance();
  if (const auto* pair = qobject_cast<const ContourPairFigure*>(&part)) return pair->provenance();
  return {};
}

/// The plots that a run's part is made of.
std::vector<PlotFigure*> plotsOf(Figure* part) {
  if (auto* pair = qobject_cast<ContourPairFigure*>(part)) return {pair->whole(), pair->quantized()};
  if (auto* plot = qobject_cast<PlotFigure*>(part)) return {plot};
  return {};
}

}  // namespace

CompareFigure::CompareFigure(FigureId compared, QWidget* parent)
    : Figure({QStringLiteral("compare"), compared.fileStem()}, parent),
      compared_(std::move(compared)),
      key_(new RunKey),
      grid_(new QGridLayout),
      caption_(new QLabel) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  column->addWidget(key_);
  column->addLayout(grid_, 1);
  column->addWidget(caption_);
  grid_->setSpacing(0);
  setAutoFillBackground(true);
  caption_->setWordWrap(true);
  caption_->setFont(Style().font(0.8));
  caption_->setMargin(int(Style().millimetres(1.5)));
  CompareFigure::themeChanged();
}

void CompareFigure::themeChanged() {
  Style style;
  style.theme = theme();
  const QPalette ground = style.onPaper(palette());
  setPalette(ground);
  key_->setTheme(theme());
  key_->setEntries(entriesOf(runs_, theme()));
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    parts_[i]->setTheme(theme());
    keys_[i]->setTheme(theme());
    if (!isOverlay()) keys_[i]->setEntries({entriesOf(runs_, theme())[i]});
  }
}

void CompareFigure::showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) {
  showRuns({{run, QString::fromStdString(run->info.name)}}, epoch);
}

void CompareFigure::showRuns(ComparedRuns runs, std::int64_t epoch) {
  runs_ = std::move(runs);
  epoch_ = epoch;
  refreshAll();
}

void CompareFigure::refreshAll() {
  if (runs_.empty()) return;
  overlay_ = isOverlaid(compared_, runs_) ? std::make_shared<Overlay>(overlayOf(compared_, runs_, epoch_)) : nullptr;
  rebuild(overlay_ ? std::max<std::size_t>(1, overlay_->panels.size()) : runs_.size());
  fill();
  key_->setVisible(isOverlay());
  key_->setEntries(entriesOf(runs_, theme()));
  caption_->setText(caption());
  arrange();
}

/// Parts that are there stay, so that a camera and a zoom do.
void CompareFigure::rebuild(std::size_t count) {
  const bool overlays = !parts_.empty() && qobject_cast<OverlayFigure*>(parts_.front());
  if (parts_.size() == count && overlays == isOverlay()) return;
  for (Figure* part : parts_) delete part->parentWidget();
  parts_.clear(), keys_.clear(), unified_.clear();
  for (std::size_t i = 0; i < count; ++i) {
    auto* cell = new QWidget;
    auto* rows = new QVBoxLayout(cell);
    rows->setContentsMargins(0, 0, 0, 0);
    rows->setSpacing(0);
    Figure* part = isOverlay() ? new OverlayFigure(compared_) : makeFigure(compared_).release();
    keys_.push_back(new RunKey);
    keys_.back()->setVisible(!isOverlay());
    rows->addWidget(keys_.back());
    rows->addWidget(part, 1);
    for (auto* plot : plotsOf(part)) {
      plot->setCaptionShown(false);
      if (!isOverlay()) connect(plot->plot(), &QCustomPlot::afterReplot, this, [this, plot] { followAxes(*plot); });
    }
    if (auto* surface = qobject_cast<SurfaceFigure*>(part)) {
      surface->setCaptionShown(false);
      connect(surface, &SurfaceFigure::viewChanged, this, [this, part] { followCamera(part); });
    }
    if (auto* pair = qobject_cast<ContourPairFigure*>(part)) pair->setCaptionShown(false);
    connect(part, &Figure::hovered, this, &Figure::hovered);
    connect(part, &Figure::failed, this, &Figure::failed);
    part->setTheme(theme());
    keys_.back()->setTheme(theme());
    parts_.push_back(part);
  }
}

void CompareFigure::fill() {
  following_ = true;
  const Ranges moved = movedByUser();
  std::vector<std::shared_ptr<const RunResults>> all;
  for (const auto& one : runs_) all.push_back(one.run);
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (isOverlay()) {
      static_cast<OverlayFigure*>(parts_[i])->show(overlay_, i, runs_, epoch_);
      continue;
    }
    keys_[i]->setEntries({entriesOf(runs_, theme())[i]});
    parts_[i]->setPeers(all);
    if (parts_[i]->sharedScale() != sharedScale()) parts_[i]->setSharedScale(sharedScale());
    parts_[i]->showRun(runs_[i].run, epoch_);
  }
  following_ = false;
  unifyAxes(moved);
}

void CompareFigure::arrange() {
  const int columns = columnsFor(parts_.size(), width(), height(), shape());
  if (columns == columns_ && grid_->count() == int(parts_.size())) return;
  columns_ = columns;
  while (QLayoutItem* item = grid_->takeAt(0)) delete item;
  for (int i = 0; i < 4; ++i) {
    grid_->setColumnStretch(i, i < columns ? 1 : 0);
    grid_->setRowStretch(i, i * columns < int(parts_.size()) ? 1 : 0);
  }
  for (int i = 0; i < int(parts_.size()); ++i)
    grid_->addWidget(parts_[std::size_t(i)]->parentWidget(), i / columns, i % columns);
}

void CompareFigure::resizeEvent(QResizeEvent* event) {
  Figure::resizeEvent(event);
  arrange();
}

std::vector<PlotFigure*> CompareFigure::plots() const {
  std::vector<PlotFigure*> all;
  for (Figure* part : parts_) {
    for (auto* plot : plotsOf(part)) {
      if (!isOverlay() && plot->emptyMessage().isEmpty()) all.push_back(plot);
    }
  }
  return all;
}

CompareFigure::Ranges CompareFigure::movedByUser() const {
  const auto shown = plots();
  if (shown.empty() || unified_.empty()) return {};
  const auto now = shown.front()->axisRanges();
  return now == unified_ ? Ranges() : now;
}

/// The same axes in all parts: each as wide as the widest, or where the user has moved them to. Not where one is
/// logarithmic and another is not.
void CompareFigure::unifyAxes(const Ranges& keep) {
  const auto shown = plots();
  const bool before = !unified_.empty();
  unified_.clear();
  if (shown.size() < 2) return;
  following_ = true;
  Ranges common = shown.front()->fittedRanges();
  bool alike = true;
  for (const auto* plot : shown) {
    const auto own = plot->fittedRanges();
    alike = alike && own.size() == common.size();
    for (std::size_t k = 0; alike && k < own.size(); ++k) {
      alike = own[k].logarithmic == common[k].logarithmic;
      common[k].lower = std::min(common[k].lower, own[k].lower);
      common[k].upper = std::max(common[k].upper, own[k].upper);
    }
  }
  const bool kept = std::equal(keep.begin(), keep.end(), common.begin(), common.end(),
                               [](const auto& a, const auto& b) { return a.logarithmic == b.logarithmic; });
  for (auto* plot : shown) {
    if (alike) plot->setAxisRanges(common);
    if (!alike && before) plot->resetView();
  }
  if (alike) unified_ = shown.front()->axisRanges();
  for (auto* plot : shown) {
    if (alike && kept) plot->setAxisRanges(keep);
  }
  following_ = false;
}

void CompareFigure::followAxes(const PlotFigure& moved) {
  if (following_ || !moved.emptyMessage().isEmpty()) return;
  following_ = true;
  const auto ranges = moved.axisRanges();
  for (auto* plot : plots()) {
    if (plot == &moved || plot->axisRanges() == ranges) continue;
    const auto own = plot->axisRanges();
    const bool alike = std::equal(own.begin(), own.end(), ranges.begin(), ranges.end(),
                                  [](const auto& a, const auto& b) { return a.logarithmic == b.logarithmic; });
    if (alike) plot->setAxisRanges(ranges);
  }
  following_ = false;
}

void CompareFigure::followCamera(Figure* turned) {
  if (following_) return;
  following_ = true;
  const auto* source = qobject_cast<SurfaceFigure*>(turned);
  for (Figure* part : parts_) {
    auto* surface = qobject_cast<SurfaceFigure*>(part);
    if (source && surface && part != turned) surface->setView(source->view());
  }
  following_ = false;
}

std::optional<SurfaceView> CompareFigure::pointOfView() const {
  return overlay_ || parts_.empty() ? std::nullopt : parts_.front()->pointOfView();
}

void CompareFigure::lookFrom(const SurfaceView& view) {
  for (Figure* part : parts_) part->lookFrom(view);
}

void CompareFigure::resetView() {
  for (Figure* part : parts_) part->resetView();
  unifyAxes({});
}

bool CompareFigure::clearSelection() {
  bool any = false;
  for (Figure* part : parts_) any |= part->clearSelection();
  return any;
}

QStringList CompareFigure::splits() const {
  return isOverlay() || parts_.empty() ? QStringList() : parts_.front()->splits();
}

QString CompareFigure::split() const {
  return isOverlay() || parts_.empty() ? QString() : parts_.front()->split();
}

void CompareFigure::setSplit(const QString& split) {
  const Ranges moved = movedByUser();
  for (Figure* part : parts_) part->setSplit(split);
  unifyAxes(moved);
  caption_->setText(caption());
}

bool CompareFigure::hasSharedScale() const {
  return !isOverlay() && !parts_.empty() && parts_.front()->hasSharedScale();
}

std::vector<Provenance> CompareFigure::provenances() const {
  std::vector<Provenance> all;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (!overlay_)
      all.push_back(provenanceOf(*parts_[i]));
    else
      all.push_back(i < overlay_->provenance.size() ? overlay_->provenance[i] : Provenance());
  }
  return all;
}

QString CompareFigure::caption() const {
  if (runs_.empty() || parts_.empty()) return {};
  std::vector<const RunInfo*> infos;
  for (const auto& one : runs_) infos.push_back(&one.run->info);
  const auto provenance = provenances();
  std::vector<std::int64_t> shown;
  shown.reserve(provenance.size());
  for (const auto& one : provenance) shown.push_back(one.epoch);
  QStringList notes = epochNotes(runs_, shown, epoch_);
  for (const auto& one : runs_) {
    if (!one.rest.isEmpty()) notes << tr("“%1”: %2").arg(one.name, one.rest);
  }
  notes += overlay_ ? overlay_->notes : notesOf(provenance, runs_);
  return captionText(infos, provenance, notes);
}

/// What is the same of all runs stands once, as in the caption.
Figure::Facts CompareFigure::facts() const {
  Facts all = Figure::facts();
  if (runs_.empty() || parts_.empty()) return all;
  std::vector<Facts> each;
  for (const auto& one : provenances()) each.push_back(provenanceFacts(one));
  for (std::size_t i = 0; i < runs_.size(); ++i) all.emplace_back(tr("run %1").arg(i + 1), runs_[i].name);
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    for (const auto& fact : each[i]) {
      const bool common = std::all_of(each.begin(), each.end(), [&](const Facts& other) {
        return std::find(other.begin(), other.end(), fact) != other.end();
      });
      if (!common) all.emplace_back(tr("run %1: %2").arg(i + 1).arg(fact.first), fact.second);
      if (common && i == 0) all.push_back(fact);
    }
  }
  return all;
}

QStringList CompareFigure::formats() const {
  const bool vectors = isOverlay() || (!parts_.empty() && parts_.front()->formats().contains("svg"));
  return vectors ? QStringList{"png", "svg", "pdf", "csv"} : QStringList{"png", "csv"};
}

/// Width over height of a part: the names of layers want to be level, two reliefs or contours stand below one another.
double CompareFigure::shape() const {
  if (isPaired(compared_)) return 0.7;
  return overlay_ && !overlay_->panels.empty() && overlay_->panels.front().layers ? 2.4 : 1.25;
}

QSizeF CompareFigure::preferredMm() const {
  const std::size_t count = parts_.size();
  if (isOverlay() && count > 0 && !overlay_->panels.empty() && overlay_->panels.front().layers)
    return {pageMm, 75.0 * double(count)};
  if (count < 2) return {columnMm, 90};
  if (isOverlay() && count == 2) return {pageMm, 90};
  // Two reliefs or contours of each run, one below the other.
  if (isPaired(compared_)) return {pageMm, count == 2 ? 150.0 : count == 3 ? 120.0 : 210.0};
  return count == 2 ? QSizeF(pageMm, 95) : QSizeF(pageMm, count == 3 ? 75 : 165);
}

Picture CompareFigure::toPicture() {
  Picture whole;
  whole.caption = caption();
  whole.body = [this](QCPPainter& painter, const Style& style, double ratio) {
    const double width = style.size.width();
    double top = 0;
    if (isOverlay()) {
      top = runKeyHeight(entriesOf(runs_, style.theme), style, width);
      paintRunKey(painter, entriesOf(runs_, style.theme), style, QRectF(0, 0, width, top));
    }
    const double height = style.size.height() - top;
    const int columns = columnsFor(parts_.size(), width, height, shape());
    const int rows = (int(parts_.size()) + columns - 1) / columns;
    for (int i = 0; i < int(parts_.size()); ++i) {
      // Whole units: a plot's layout knows no halves.
      const double left = std::round(width * (i % columns) / columns),
                   right = std::round(width * (i % columns + 1) / columns);
      const int row = i / columns;
      const double upper = std::round(top + height * row / rows), lower = std::round(top + height * (row + 1) / rows);
      double head = 0;
      if (!isOverlay()) {
        const std::vector<KeyEntry> entry{entriesOf(runs_, style.theme)[std::size_t(i)]};
        head = runKeyHeight(entry, style, right - left);
        paintRunKey(painter, entry, style, QRectF(left, upper, right - left, head));
      }
      Style own = style;
      own.size = QSize(int(right - left), std::max(16, int(lower - upper - head)));
      painter.save();
      painter.translate(left, upper + head);
      parts_[std::size_t(i)]->toPicture().body(painter, own, ratio);
      painter.restore();
    }
  };
  return whole;
}

std::string CompareFigure::table() const {
  std::vector<std::pair<QString, std::string>> tables;
  for (const auto& one : runs_) {
    const auto figure = makeFigure(compared_);
    figure->showRun(one.run, epoch_);
    figure->setSplit(split());
    if (const auto* plot = qobject_cast<const PlotFigure*>(figure.get())) tables.emplace_back(one.name, plot->table());
    if (const auto* surface = qobject_cast<const SurfaceFigure*>(figure.get()))
      tables.emplace_back(one.name, surface->table());
    if (const auto* pair = qobject_cast<const ContourPairFigure*>(figure.get()))
      tables.emplace_back(one.name, pair->table());
  }
  return joinedTables(tables);
}

void CompareFigure::exportTo(const std::filesystem::path& file, const ExportOptions& options) {
  if (runs_.empty()) throw RunError("cannot write " + file.string() + ": no runs are compared");
  if (file.extension() == ".csv") {
    writeFileAtomically(file, table());
  } else if (!formats().contains(QString::fromStdString(file.extension().string()).mid(1).toLower())) {
    throw RunError("cannot write " + file.string() + ": this comparison is written as " +
                   formats().join(", ").toStdString());
  } else {
    writePicture(toPicture(), file, options);
  }
}

QImage CompareFigure::picture(const ExportOptions& options) {
  return renderImage(toPicture(), options);
}

}  // namespace eigenscape
