// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/landscape.h"

#include <QLabel>
#include <QMenu>
#include <QSplitter>
#include <QVBoxLayout>

#include "core/results/error.h"
#include "core/results/tables.h"
#include "views/contour.h"
#include "views/cut.h"
#include "views/plotting.h"
#include "views/surface.h"
#include "views/surface_data.h"

namespace eigenscape {

LandscapeFigure::LandscapeFigure(FigureId id, QWidget* parent)
    : Figure(std::move(id), parent),
      surface_(new SurfaceFigure({"surface", this->id().name})),
      contour_(new ContourFigure({"contour", this->id().name})),
      cut_(new CutFigure({"cut", this->id().name})),
      picked_(new QLabel) {
  auto* right = new QSplitter(Qt::Vertical);
  right->addWidget(contour_);
  right->addWidget(cut_);
  right->setSizes({600, 400});
  auto* both = new QSplitter(Qt::Horizontal);
  both->addWidget(surface_);
  both->addWidget(right);
  both->setSizes({1000, 1000});
  both->setChildrenCollapsible(false);
  right->setChildrenCollapsible(false);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(both, 1);
  layout->addWidget(picked_);
  picked_->setMargin(4);
  picked_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  picked_->setAccessibleName(tr("picked point"));
  contour_->setCutVisible(true);
  // One caption is enough: the relief's says the same.
  contour_->setCaptionShown(false);
  cut_->setCaptionShown(false);
  connect(contour_, &ContourFigure::cutChanged, cut_, [this](const QLineF& line) { cut_->setCut(line); });
  connect(contour_, &ContourFigure::picked, this, &LandscapeFigure::sayPicked);
  for (Figure* part : std::initializer_list<Figure*>{surface_, contour_, cut_}) {
    part->setAccessibleName(part->id().title());
    connect(part, &Figure::hovered, this, &Figure::hovered);
    connect(part, &Figure::failed, this, &Figure::failed);
    connect(part, &Figure::fullPageRequested, this, &Figure::fullPageRequested);
  }
  sayPicked();
}

void LandscapeFigure::showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) {
  run_ = std::move(run);
  epoch_ = epoch;
  for (Figure* part : std::initializer_list<Figure*>{surface_, contour_, cut_}) part->showRun(run_, epoch_);
  sayPicked();
}

QString LandscapeFigure::pickedText() const {
  const auto point = contour_->pickedPoint();
  if (!run_ || !point || contour_->splits().isEmpty())
    return tr("Drag the line across the contour for a cut; click a point to read it.");
  QStringList said;
  QString place;
  for (const auto& split : contour_->splits()) {
    const auto text = surfaceData(*run_, id().name, epoch_, split).readout(point->x(), point->y());
    place = text.section(QStringLiteral(": "), 0, 0);
    said << text.section(QStringLiteral(": "), 1);
  }
  return tr("%1: %2").arg(place, said.join("; "));
}

void LandscapeFigure::sayPicked() {
  picked_->setText(pickedText());
  Q_EMIT factsChanged();
}

QStringList LandscapeFigure::splits() const {
  return contour_->splits();
}

QString LandscapeFigure::split() const {
  return contour_->split();
}

void LandscapeFigure::setSplit(const QString& split) {
  surface_->setSplit(split);
  contour_->setSplit(split);
}

void LandscapeFigure::refreshAll() {
  for (Figure* part : std::initializer_list<Figure*>{surface_, contour_, cut_}) part->setSharedScale(sharedScale());
}

QStringList LandscapeFigure::recipeSettings() const {
  return contour_->recipeSettings();
}

void LandscapeFigure::addChoices(QMenu& menu) {
  addHeightChoices(menu, contour_->data(), [this](const HeightChoice& choice) { chooseHeight(choice); });
}

std::optional<HeightChoice> LandscapeFigure::heightChoice() const {
  return contour_->heightChoice();
}

void LandscapeFigure::chooseHeight(const HeightChoice& choice) {
  surface_->setHeight(choice);
  contour_->setHeight(choice);
  cut_->setHeight(choice);
  Q_EMIT factsChanged();
}

Figure::Facts LandscapeFigure::facts() const {
  Facts all;
  const auto point = contour_->pickedPoint();
  for (const auto& split : point&& run_ ? contour_->splits() : QStringList()) {
    const auto data = surfaceData(*run_, id().name, epoch_, split);
    if (!data.grid.drawable()) continue;
    const auto [i, j] = data.grid.nearest(point->x(), point->y());
    if (all.empty()) {
      all.emplace_back(tr("picked α"), numberText(data.grid.xs[i], 5));
      all.emplace_back(tr("picked β"), numberText(data.grid.ys[j], 5));
    }
    const auto at = data.grid.index(i, j);
    all.emplace_back(tr("%1 loss").arg(split),
                     data.grid.known[at] ? numberText(data.grid.loss[at], 6) : tr("not known yet"));
    all.emplace_back(tr("%1 accuracy").arg(split), tr("%1 %").arg(numberText(data.grid.accuracy[at] * 100)));
    all.emplace_back(tr("%1, on the grid").arg(split), data.shapeAt(point->x(), point->y()));
  }
  for (const auto& fact : contour_->facts()) all.push_back(fact);
  return all;
}

void LandscapeFigure::themeChanged() {
  for (Figure* part : std::initializer_list<Figure*>{surface_, contour_, cut_}) part->setTheme(theme());
}

std::optional<SurfaceView> LandscapeFigure::pointOfView() const {
  return surface_->view();
}

void LandscapeFigure::lookFrom(const SurfaceView& view) {
  surface_->setView(view);
}

void LandscapeFigure::resetView() {
  surface_->resetView();
  contour_->setCut({});
  contour_->resetView();
  cut_->setCut({});
  cut_->resetView();
}

bool LandscapeFigure::clearSelection() {
  const bool some = contour_->clearSelection();
  sayPicked();
  return some;
}

Picture LandscapeFigure::toPicture() {
  Picture picture;
  picture.caption = contour_->caption();
  picture.body = [this](QCPPainter& painter, const Style& style, double ratio) {
    const auto put = [&](Figure* part, const QRectF& area) {
      ExportOptions options;
      options.caption = false;
      options.fontPoints = style.fontPoints;
      options.theme = style.theme;
      options.widthMm = area.width() / style.millimetres(1);
      options.heightMm = area.height() / style.millimetres(1);
      options.scale = ratio;
      painter.drawImage(area, part->picture(options));
    };
    const double width = style.size.width(), height = style.size.height();
    put(surface_, {0, 0, width / 2, height});
    put(contour_, {width / 2, 0, width / 2, height * 0.58});
    put(cut_, {width / 2, height * 0.58, width / 2, height * 0.42});
  };
  return picture;
}

void LandscapeFigure::exportTo(const std::filesystem::path& file, const ExportOptions& options) {
  if (file.extension() == ".csv") {
    if (!run_) throw RunError("cannot write " + file.string() + ": no run is open");
    writeFileAtomically(file, surfaceCsv(*run_, id().name, epoch_));
  } else if (file.extension() == ".svg" || file.extension() == ".pdf") {
    throw RunError("cannot write " + file.string() + ": a 3D surface is made of pixels; choose .png or .csv");
  } else {
    writePicture(toPicture(), file, options);
  }
}

QImage LandscapeFigure::picture(const ExportOptions& options) {
  return renderImage(toPicture(), options);
}

}  // namespace eigenscape
