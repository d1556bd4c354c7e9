// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/surface.h"

#include <QMenu>
#include <QMouseEvent>
#include <QWheelEvent>
#include <algorithm>
#include <cmath>
#include <utility>

#include "core/results/tables.h"
#include "views/gl_context.h"
#include "views/optimizer_path.h"
#include "views/plot_figure.h"
#include "views/plotting.h"
#include "views/surface_axes.h"
#include "views/surface_export.h"
#include "views/surface_path.h"

namespace eigenscape {
namespace {

constexpr double headingMm = 6, barMm = 22;
constexpr int restMs = 160;  ///< without a move the surface rests, and all of its points are drawn

double lineWidth(const Style& style, double pixelRatio) {
  return std::max(1.0, style.points(0.8) * pixelRatio);
}

/// As the headings of plots: smaller where it is too long, and only then shortened.
void paintHeading(QPainter& painter, const Style& style, const QRectF& area, const QString& text) {
  QFont font = style.font(1.05, true);
  const double width = QFontMetricsF(font).horizontalAdvance(text);
  if (width > area.width()) font = style.font(1.05 * std::max(0.75, area.width() / width), true);
  painter.setFont(font);
  painter.setPen(style.ink());
  painter.drawText(area, Qt::AlignLeft | Qt::AlignVCenter,
                   QFontMetricsF(font).elidedText(text, Qt::ElideMiddle, area.width()));
}

}  // namespace

SurfaceFigure::SurfaceFigure(FigureId id, QWidget* parent)
    : Figure(std::move(id), parent), panels_(1), problem_(tr("No run is open yet.")) {
  panels_.front().data = std::make_shared<SurfaceData>();
  setMinimumSize(160, 120);
  setMouseTracking(true);
  rest_.setSingleShot(true);
  rest_.setInterval(restMs);
  connect(&rest_, &QTimer::timeout, this, qOverload<>(&QWidget::update));
}

SurfaceFigure::~SurfaceFigure() = default;

QStringList SurfaceFigure::formats() const {
  if (paired()) return {"png", "csv"};
  return {"png", "csv", "vtp", "obj", "glb", "h5"};
}

void SurfaceFigure::showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) {
  run_ = std::move(run);
  epoch_ = epoch;
  refresh();
}

QStringList SurfaceFigure::splits() const {
  return both() ? QStringList() : first().splits;
}

QString SurfaceFigure::split() const {
  return both() ? QString() : first().split;
}

void SurfaceFigure::setSplit(const QString& split) {
  split_ = split;
  refresh();
}

void SurfaceFigure::setHeight(const std::optional<HeightChoice>& height) {
  height_ = height;
  refresh();
  Q_EMIT factsChanged();
}

std::optional<HeightChoice> SurfaceFigure::heightChoice() const {
  return first().scale.valid() ? std::optional(first().height) : std::nullopt;
}

Figure::Facts SurfaceFigure::facts() const {
  Facts all = Figure::facts();
  if (!problem_.isEmpty()) return all;
  for (const auto& fact : provenanceFacts(provenance())) all.push_back(fact);
  for (const auto& fact : first().facts()) all.push_back(fact);
  return all;
}

void SurfaceFigure::addChoices(QMenu& menu) {
  addHeightChoices(menu, first(), [this](const HeightChoice& choice) { setHeight(choice); });
}

void SurfaceFigure::setView(const SurfaceView& view) {
  view_ = view;
  view_.elevation = std::clamp(view_.elevation, 2.0, 89.0);
  view_.zoom = std::clamp(view_.zoom, 0.3, 8.0);
  update();
  Q_EMIT viewChanged();
}

void SurfaceFigure::setCaptionShown(bool on) {
  captionShown_ = on;
  update();
}

/// By hand: quick until it rests.
void SurfaceFigure::move(const SurfaceView& view) {
  rest_.start();
  setView(view);
}

void SurfaceFigure::resetView() {
  setView({});
}

void SurfaceFigure::refresh() {
  const auto dataOf = [this](const QString& name, const QString& split, const QString& beside = {}) {
    return std::make_shared<const SurfaceData>(
        run_ ? surfaceData(*run_, name, epoch_, split, sharedScale(), peers(), height_, beside) : SurfaceData());
  };
  const bool ordered = hasOrders();
  const QString whole = QString::fromStdString(landscapeAndSetting(id().name.toStdString()).first);
  const auto own =
      ofNetworks() ? dataOf(whole, split_, id().name) : dataOf(id().name, both() ? QStringLiteral("train") : split_);
  panels_.resize(ofNetworks() || (both() && own->splits.size() > 1) ? 2 : 1);
  panels_[0].data = own;
  panels_[0].title = ofNetworks() ? networkName(whole) : own->split;
  if (panels_.size() > 1) {
    panels_[1].data = ofNetworks() ? dataOf(id().name, split_, whole) : dataOf(id().name, own->splits[1]);
    panels_[1].title = ofNetworks() ? networkName(id().name) : panels_[1].data->split;
  }
  problem_ = run_ ? QString() : tr("No run is open yet.");
  for (const auto& panel : panels_) {
    if (run_ && problem_.isEmpty()) problem_ = panel.data->problem(id().name);
  }
  if (ordered && !hasOrders()) Q_EMIT delivered();
  update();
}

QString SurfaceFigure::caption() const {
  return problem_.isEmpty() ? captionText(run_->info, provenance()) : QString();
}

Provenance SurfaceFigure::provenance() const {
  Provenance provenance;
  if (!problem_.isEmpty()) return provenance;
  QStringList notes, splits;
  for (const auto& panel : panels_) {
    provenance = panel.data->provenance();
    splits << panel.data->split;
    for (const auto& note : provenance.notes) {
      const bool open = panel.data->grid.nonFinite() && note == provenance.notes.first();
      const bool named = !paired() || note.contains(panel.title);
      notes << (named ? QString() : tr("%1: ").arg(panel.title)) + note + (open ? tr(" (left open)") : QString());
    }
  }
  provenance.notes = notes;
  splits.removeDuplicates();
  provenance.split = splits.join(tr(" and "));
  const auto& data = first();
  if (paired()) provenance.notes << tr("one scale and one point of view");
  if (data.scale.logarithmic()) provenance.notes << tr("height and colours are logarithmic");
  provenance.notes << pathNote(data.path, {data.grid.xs.front(), data.grid.xs.back()},
                               {data.grid.ys.front(), data.grid.ys.back()});
  return provenance;
}

void SurfaceFigure::themeChanged() {
  update();
}

bool SurfaceFigure::isUpToDate() const {
  return std::all_of(panels_.begin(), panels_.end(), [this](const Panel& panel) {
    return panel.wanted.data == panel.data && panel.wanted.view == view_ && panel.onScreen.shows(panel.wanted);
  });
}

const ScenePicture* SurfaceFigure::pictureOf(Panel& panel, const SceneRequest& request, Manner manner) {
  if (!panel.renderer) {
    panel.renderer = std::make_unique<SceneRenderer>();
    connect(panel.renderer.get(), &SceneRenderer::made, this,
            [this, renderer = panel.renderer.get()](const ScenePicture& picture, bool ordered) {
              take(renderer, picture, ordered);
            });
  }
  if (manner == Manner::Ordered) {
    if (panel.inFile.shows(request)) return nullptr;
    ++panel.orders;
    panel.renderer->order(request);
    return nullptr;
  }
  if (manner == Manner::Now) {
    if (!panel.inFile.shows(request)) panel.inFile = panel.renderer->now(request);
    return &panel.inFile;
  }
  panel.wanted = request;
  if (!panel.onScreen.shows(request)) {
    // Who grabs a figure that is not on screen wants all of it at once.
    isVisible() ? panel.renderer->ask(request) : void(panel.onScreen = panel.renderer->now(request));
  }
  // What is on another ground would flash.
  return panel.onScreen.image.isNull() || panel.onScreen.of.paper != request.paper ? nullptr : &panel.onScreen;
}

void SurfaceFigure::take(const SceneRenderer* renderer, const ScenePicture& picture, bool ordered) {
  for (auto& panel : panels_) {
    if (panel.renderer.get() != renderer) continue;
    if (ordered) --panel.orders;
    if (!ordered) missing_ = picture.problem;
    if (picture.problem.isEmpty()) (ordered ? panel.inFile : panel.onScreen) = picture;
  }
  if (!ordered) return update();
  if (!hasOrders()) Q_EMIT delivered();
}

bool SurfaceFigure::hasOrders() const {
  return std::any_of(panels_.begin(), panels_.end(), [](const Panel& panel) { return panel.orders > 0; });
}

void SurfaceFigure::draw(QCPPainter& painter, const Style& style, double pixelRatio, Detail detail, Manner manner) {
  const QRectF whole(QPointF(0, 0), QSizeF(style.size));
  painter.setPen(style.softInk());
  painter.setFont(style.font());
  if (!problem_.isEmpty()) {
    painter.drawText(whole, Qt::AlignCenter | Qt::TextWordWrap, problem_);
    return;
  }
  const double margin = style.millimetres(1.5);
  const QRectF heading(margin, margin, whole.width() - 2 * margin, style.millimetres(headingMm) - margin);
  const QRectF area(0, heading.bottom(), std::max(32.0, whole.width() - style.millimetres(barMm)),
                    std::max(32.0, whole.height() - heading.bottom()));
  painter.setRenderHint(QPainter::Antialiasing);
  // Beside each other, or one below the other where the figure is taller than wide.
  const auto count = panels_.size();
  const bool stacked = area.height() > area.width();
  const QSizeF size(stacked ? area.width() : area.width() / double(count),
                    stacked ? area.height() / double(count) : area.height());
  for (std::size_t k = 0; k < count; ++k) {
    const QPointF corner =
        area.topLeft() + (stacked ? QPointF(0, double(k) * size.height()) : QPointF(double(k) * size.width(), 0));
    drawPanel(panels_[k], QRectF(corner, size), painter, style, pixelRatio, detail, manner);
  }
  // What is written belongs to the picture that is seen.
  const bool late = manner == Manner::Soon && !panels_.front().onScreen.image.isNull();
  const SurfaceData& shown = late ? *panels_.front().onScreen.of.data : first();
  const double barHeight = std::min(area.height() * 0.72, style.millimetres(90));
  paintColorBar(painter, style,
                QRectF(area.right() + style.points(2), area.top() + (area.height() - barHeight) / 2, 0, barHeight),
                shown);
  paintHeading(painter, style, heading, both() ? shown.place : shown.heading);
}

void SurfaceFigure::drawPanel(Panel& panel, const QRectF& whole, QCPPainter& painter, const Style& style,
                              double pixelRatio, Detail detail, Manner manner) {
  QRectF area = whole;
  if (paired()) {
    const QRectF name(area.left(), area.top(), area.width(), style.millimetres(5));
    painter.setFont(style.font(1, true));
    painter.setPen(style.ink());
    painter.drawText(name, Qt::AlignCenter, panel.title);
    area.setTop(name.bottom());
  }
  SceneRequest request;
  request.data = panel.data;
  request.paper = style.paper();
  request.walls = style.dark() ? style.gridLine().lighter(150) : QColor(200, 200, 200);
  request.pixels = {int(std::lround(area.width() * pixelRatio)), int(std::lround(area.height() * pixelRatio))};
  request.view = view_;
  request.room = roomForAxes(style, area.size(), boxAxes(*panel.data)) * pixelRatio;
  request.lineWidth = lineWidth(style, pixelRatio);
  request.detail = detail;
  const ScenePicture* picture = pictureOf(panel, request, manner);
  if (!picture) return;
  // While the figure is resized, its last picture stays as large as it was.
  if (picture->of.pixels != request.pixels) {
    const QPointF middle = area.center();
    area.setSize(QSizeF(picture->of.pixels) / pixelRatio);
    area.moveCenter(middle);
  }
  if (manner == Manner::Soon) panel.area = area;
  if (manner == Manner::Soon) sceneRatio_ = pixelRatio;
  const SurfaceData& data = *picture->of.data;
  painter.setRenderHint(QPainter::SmoothPixmapTransform, picture->image.size() != picture->of.pixels);
  painter.drawImage(area, picture->image);
  paintBoxAxes(painter, style, area, pixelRatio, picture->camera, boxAxes(data));
  paintPath(painter, style, area, pixelRatio, picture->camera, *picture->relief, data);
}

Picture SurfaceFigure::toPicture() {
  Picture picture;
  picture.caption = caption();
  picture.body = [this](QCPPainter& painter, const Style& style, double ratio) {
    draw(painter, style, ratio, Detail::All, ordering_ ? Manner::Ordered : Manner::Now);
  };
  return picture;
}

void SurfaceFigure::exportTo(const std::filesystem::path& file, const ExportOptions& options) {
  const auto kind = file.extension();
  if (kind == ".csv" || kind == ".vtp" || kind == ".obj" || kind == ".glb" || kind == ".h5") {
    if (!problem_.isEmpty()) throw RunError("cannot write " + file.string() + ": " + problem_.toStdString());
    if (kind == ".csv") writeFileAtomically(file, csv());
    if (kind == ".vtp") writeVtp(first(), file);
    if (kind == ".obj") writeObj(first(), file);
    if (kind == ".glb") writeGlb(first(), file);
    if (kind == ".h5") writeHdf5(*run_, id().name, epoch_, file);
  } else if (file.extension() == ".svg" || file.extension() == ".pdf") {
    throw RunError("cannot write " + file.string() +
                   ": a 3D surface is made of pixels; choose .png, .csv, .vtp, .obj, .glb or .h5");
  } else {
    writePicture(toPicture(), file, options);
    update();
  }
}

std::string SurfaceFigure::csv() const {
  return ofNetworks() ? pairCsv(*run_, id().name, epoch_) : surfaceCsv(*run_, id().name, epoch_);
}

QImage SurfaceFigure::picture(const ExportOptions& options) {
  return renderImage(toPicture(), options);
}

void SurfaceFigure::paintEvent(QPaintEvent*) {
  QCPPainter painter(this);
  Style style;
  style.theme = theme();
  painter.fillRect(rect(), style.paper());
  const QString text = captionShown_ ? caption() : QString();
  const int below = int(std::ceil(captionHeight(text, style, width())));
  style.size = {width(), std::max(16, height() - below)};
  const auto say = [&] {
    painter.setPen(style.softInk());
    painter.drawText(rect(), Qt::AlignCenter | Qt::TextWordWrap, missing_);
  };
  if (!missing_.isEmpty()) return say();
  try {
    painter.save();
    draw(painter, style, devicePixelRatioF(), isMoving() ? Detail::Moving : Detail::All, Manner::Soon);
    painter.restore();
  } catch (const NoOpenGl& missing) {
    painter.restore();
    missing_ = QString::fromUtf8(missing.what());
    return say();
  }
  paintCaption(painter, text, style, QRectF(0, style.size.height(), width(), below));
}

void SurfaceFigure::mousePressEvent(QMouseEvent* event) {
  dragFrom_ = event->position();
}

void SurfaceFigure::mouseMoveEvent(QMouseEvent* event) {
  if (event->buttons() & Qt::LeftButton) {
    const QPointF moved = event->position() - dragFrom_;
    dragFrom_ = event->position();
    SurfaceView turned = view_;
    turned.azimuth = std::remainder(turned.azimuth - moved.x() * 0.5, 360);
    turned.elevation += moved.y() * 0.5;
    move(turned);
  } else {
    readOut(event->position());
  }
}

void SurfaceFigure::mouseDoubleClickEvent(QMouseEvent* event) {
  if (event->button() == Qt::LeftButton) Q_EMIT fullPageRequested();
}

void SurfaceFigure::wheelEvent(QWheelEvent* event) {
  SurfaceView closer = view_;
  closer.zoom *= std::pow(1.0015, event->angleDelta().y());
  move(closer);
  event->accept();
}

/// The grid point whose picture is nearest to the pointer; of several, the one in front.
void SurfaceFigure::readOut(const QPointF& position) {
  if (!problem_.isEmpty()) return;
  const double reach = 12 * sceneRatio_;
  double best = HUGE_VAL;
  QString said;
  for (const auto& panel : panels_) {
    const ScenePicture& shown = panel.onScreen;
    if (shown.image.isNull() || !panel.area.contains(position)) continue;
    const QPointF pixel = (position - panel.area.topLeft()) * sceneRatio_;
    const auto& grid = shown.of.data->grid;
    for (std::size_t j = 0; j < grid.ys.size(); ++j) {
      for (std::size_t i = 0; i < grid.xs.size(); ++i) {
        const auto p = shown.relief->point(i, j);
        if (!std::isfinite(p[2])) continue;
        const double distance = QLineF(shown.camera.project(p[0], p[1], p[2]), pixel).length();
        if (distance > reach) continue;
        const double score = shown.camera.depth(p[0], p[1], p[2]) + 0.5 * distance / reach;
        if (score >= best) continue;
        best = score;
        said = shown.of.data->readout(grid.xs[i], grid.ys[j]);
      }
    }
  }
  Q_EMIT hovered(said);
}

}  // namespace eigenscape
