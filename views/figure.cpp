// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/figure.h"

#include <QApplication>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QMenu>
#include <QtDebug>
#include <algorithm>
#include <cmath>
#include <exception>
#include <set>

#include "core/results/error.h"
#include "core/results/tables.h"
#include "views/contour.h"
#include "views/contour_pair.h"
#include "views/curvature_map.h"
#include "views/cut.h"
#include "views/density.h"
#include "views/finetune.h"
#include "views/frontier.h"
#include "views/gl_context.h"
#include "views/gradient.h"
#include "views/landscape.h"
#include "views/layers.h"
#include "views/order_picture.h"
#include "views/overhead.h"
#include "views/overlap.h"
#include "views/picture.h"
#include "views/plotting.h"
#include "views/power.h"
#include "views/profile.h"
#include "views/ranking.h"
#include "views/sensitivity.h"
#include "views/spectrum.h"
#include "views/style.h"
#include "views/surface.h"
#include "views/surface_data.h"
#include "views/training.h"
#include "views/trajectories.h"
#include "views/valleys.h"

namespace eigenscape {

QString FigureId::title() const {
  if (kind == "training") return QStringLiteral("Training");
  if (kind == "trajectories") return QStringLiteral("Eigenvalues");
  if (kind == "spectrum") return QStringLiteral("Spectrum");
  if (kind == "density") return QStringLiteral("Density");
  if (kind == "power") return QStringLiteral("Power iteration");
  if (kind == "layers") return QStringLiteral("Layers");
  if (kind == "overlap") return QStringLiteral("Subspace overlap");
  if (kind == "gradient") return QStringLiteral("Gradient share");
  if (kind == "overhead") return QStringLiteral("Overhead");
  if (kind == "sensitivity") return QStringLiteral("Sensitivity");
  if (kind == "frontier") return QStringLiteral("Frontier");
  if (kind == "frontier-accuracy") return QStringLiteral("Accuracy by bits");
  if (kind == "ranking") return QStringLiteral("Ranking %1").arg(name).trimmed();
  if (kind == "finetune") return QStringLiteral("Fine-tuning %1").arg(name).trimmed();
  if (kind == "profile") return QStringLiteral("Profile %1").arg(name);
  if (kind == "profiles") return QStringLiteral("Profiles");
  if (kind == "compare") return QStringLiteral("Comparison %1").arg(name);
  if (kind == "landscape") return QStringLiteral("Landscape %1").arg(name);
  if (kind == "cut") return QStringLiteral("Cut %1").arg(name);
  if (kind == "contour") return QStringLiteral("Contour %1").arg(name);
  if (kind == "surface") return QStringLiteral("Surface %1").arg(name);
  if (kind == "surface-both") return QStringLiteral("Train and test %1").arg(name);
  if (kind == "surface-quantized") return QStringLiteral("Float and quantized %1").arg(name);
  if (kind == "contour-quantized") return QStringLiteral("Float and quantized contour %1").arg(name);
  if (kind == "curvature-map") return QStringLiteral("Curvature map %1").arg(name);
  if (kind == "persistence") return QStringLiteral("Persistence %1").arg(name);
  if (kind == "merge-tree") return QStringLiteral("Merge tree %1").arg(name);
  return name.isEmpty() ? kind : kind + ' ' + name;
}

bool FigureId::showsOneEpoch() const {
  const QStringList kinds{"profile",     "contour",    "surface",  "surface-both", "landscape", "curvature-map",
                          "persistence", "merge-tree", "spectrum", "layers",       "density",   "power"};
  return kinds.contains(kind);
}

int FigureId::page() const {
  if (kind == "training" || kind == "gradient" || kind == "overhead") return 3;
  if (kind == "layers" || kind == "sensitivity" || kind.startsWith(QLatin1String("frontier")) || kind == "ranking" ||
      kind == "finetune")
    return 4;
  if (kind == "trajectories" || kind == "spectrum" || kind == "density" || kind == "power" || kind == "overlap")
    return 2;
  return kind == "compare" ? 5 : 1;
}

QString FigureId::pageTitle(int page) {
  static const char* const titles[] = {"Landscape", "Spectrum", "Training", "Layers", "Compare"};
  return page >= 1 && page <= pages ? QObject::tr(titles[page - 1]) : QString();
}

QString FigureId::fileStem() const {
  QString stem = name.isEmpty() ? kind : kind + '-' + name;
  for (QChar& c : stem) {
    // '@', '=' and ',' are in the names of quantized networks' landscapes; no shell and no file system minds them.
    if (!c.isLetterOrNumber() && !QStringLiteral("-_.+@=,").contains(c)) c = '_';
  }
  return stem;
}

Figure::Figure(FigureId id, QWidget* parent) : QWidget(parent), id_(std::move(id)) {
  setFocusPolicy(Qt::ClickFocus);  // so that the keys are the figure's again after a text was typed
}

void Figure::setPeers(std::vector<std::shared_ptr<const RunResults>> peers) {
  peers_ = std::move(peers);
}

void Figure::setSharedScale(bool on) {
  sharedScale_ = on;
  refreshAll();
  Q_EMIT factsChanged();
}

Figure::Facts Figure::facts() const {
  return {{tr("figure"), id_.title()}};
}

void Figure::setTheme(Theme theme) {
  if (theme == theme_) return;
  theme_ = theme;
  themeChanged();
}

ExportOptions Figure::screenOptions(QSize size) const {
  ExportOptions options;
  options.widthMm = size.width() / options.dotsPerInch * 25.4;
  options.heightMm = size.height() / options.dotsPerInch * 25.4;
  options.fontPoints = Style().fontPoints;
  options.theme = theme_;
  return options;
}

void Figure::copyPicture() {
  const auto options = screenOptions(size());
  orderPicture(*this, options, [this, options] {
    try {
      QApplication::clipboard()->setImage(picture(options));
    } catch (const std::exception& error) {
      Q_EMIT failed(QString::fromUtf8(error.what()).section('\n', 0, 0));
    }
  });
}

std::unique_ptr<QMenu> Figure::contextMenu() {
  auto menu = std::make_unique<QMenu>();
  for (const QString& format : formats()) {
    menu->addAction(tr("Export as %1…").arg(format.toUpper()), this,
                    [this, format] { Q_EMIT exportRequested(format); });
  }
  menu->addSeparator();
  menu->addAction(tr("Copy picture"), this, &Figure::copyPicture);
  menu->addAction(tr("Copy as batch command"), this, [this] { Q_EMIT copyBatchCommandRequested(); });
  if (canBeAnimated()) {
    menu->addAction(tr("Export frames of all epochs"), this, [this] { Q_EMIT animationRequested(); });
  }
  if (hasSharedScale()) {
    menu->addSeparator();
    QAction* shared = menu->addAction(tr("One scale for all epochs"), this, [this](bool on) { setSharedScale(on); });
    shared->setCheckable(true);
    shared->setChecked(sharedScale_);
  }
  const QStringList choices = splits();
  if (choices.size() > 1) {
    menu->addSeparator();
    for (const QString& choice : choices) {
      QAction* action = menu->addAction(tr("Show the %1 split").arg(choice), this, [this, choice] {
        setSplit(choice);
        Q_EMIT factsChanged();
      });
      action->setCheckable(true);
      action->setChecked(choice == split());
    }
  }
  addChoices(*menu);
  menu->addSeparator();
  menu->addAction(tr("Reset view"), this, [this] { resetView(); });
  menu->addAction(tr("Full page"), this, [this] { Q_EMIT fullPageRequested(); });
  return menu;
}

void Figure::contextMenuEvent(QContextMenuEvent* event) {
  popUpMenu(event->globalPos());
}

void Figure::popUpMenu(const QPoint& at) {
  // A part of a page has the page's menu.
  for (QWidget* above = parentWidget(); above; above = above->parentWidget()) {
    if (auto* page = qobject_cast<Figure*>(above)) return page->popUpMenu(at);
  }
  // Owned by Qt and not run by exec(): a nested loop would keep a figure alive that its window has just closed.
  QMenu* menu = contextMenu().release();
  menu->setParent(this, menu->windowFlags());
  menu->setAttribute(Qt::WA_DeleteOnClose);
  menu->popup(at);
}

namespace {

template <class Row>
std::vector<QString> namesOf(const std::vector<Row>& rows) {
  std::vector<QString> names;
  const std::string* last = nullptr;
  for (const auto& row : rows) {
    if (last && *last == row.name) continue;
    last = &row.name;
    const QString name = QString::fromStdString(row.name);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

}  // namespace

std::vector<FigureId> availableFigures(const RunResults& run) {
  std::vector<FigureId> all;
  // Of a model that is not trained there is a loss, and no curve.
  const bool trained = run.info.epochs > 0 || (!run.metrics.empty() && run.metrics.back().epoch > 0);
  if (!run.metrics.empty() && trained) all.push_back({"training", {}});
  // Of one epoch they would be its spectrum once more.
  std::set<std::int64_t> measured;
  for (const auto& row : run.spectrum) {
    if (row.scope == "model") measured.insert(row.epoch);
  }
  if (measured.size() > 1 || (!measured.empty() && !hasSpectrum(run))) all.push_back({"trajectories", {}});
  if (hasSpectrum(run)) all.push_back({"spectrum", {}});
  if (!run.densities.empty()) all.push_back({"density", {}});
  if (!run.power.empty()) all.push_back({"power", {}});
  if (hasLayers(run)) all.push_back({"layers", {}});
  if (!run.overlaps.empty()) all.push_back({"overlap", {}});
  if (!run.gradients.empty()) all.push_back({"gradient", {}});
  if (hasOverhead(run)) all.push_back({"overhead", {}});
  // Of the quantized network they lie over those of the network in floating point.
  const auto profiles = profileNames(run);
  for (const auto& name : profiles) all.push_back({"profile", QString::fromStdString(name)});
  if (profiles.size() > 1) all.push_back({"profiles", {}});
  for (const auto& name : namesOf(run.surfaces)) all.push_back({"contour", name});
  for (const auto& name : namesOf(run.surfaces)) all.push_back({"surface", name});
  for (const auto& name : namesOf(run.surfaces)) {
    if (hasBothSplits(run, name.toStdString())) all.push_back({"surface-both", name});
  }
  for (const auto& name : namesOf(run.surfaces)) {
    if (!landscapeAndSetting(name.toStdString()).second.empty()) all.push_back({"surface-quantized", name});
  }
  for (const auto& name : namesOf(run.surfaces)) {
    if (!landscapeAndSetting(name.toStdString()).second.empty()) all.push_back({"contour-quantized", name});
  }
  for (const auto& name : namesOf(run.curvatureMap)) all.push_back({"curvature-map", name});
  for (const char* kind : {"persistence", "merge-tree"}) {
    for (const auto& name : namesOf(run.persistence)) all.push_back({kind, name});
  }
  if (!run.sensitivity.empty()) all.push_back({"sensitivity", {}});
  if (hasFrontier(run)) all.push_back({"frontier", {}});
  if (hasMeasuredSettings(run)) all.push_back({"frontier-accuracy", {}});
  if (!run.ranking.empty()) all.push_back({"ranking", {}});
  for (const auto& name : scoredMethods(run)) all.push_back({"ranking", name});
  const auto tuned = finetunedSettings(run);
  if (tuned.size() > 1) all.push_back({"finetune", {}});
  for (const auto& name : tuned) all.push_back({"finetune", name});
  return all;
}

std::vector<FigureId> windowFigures(const RunResults& run) {
  auto all = availableFigures(run);
  std::vector<FigureId> pages;
  for (const auto& name : namesOf(run.surfaces)) pages.push_back({"landscape", name});
  const auto contour = std::find_if(all.begin(), all.end(), [](const FigureId& id) { return id.kind == "contour"; });
  all.insert(contour, pages.begin(), pages.end());
  return all;
}

std::unique_ptr<Figure> makeFigure(const FigureId& id, QWidget* parent) {
  if (id.kind == "training") return std::make_unique<TrainingFigure>(id, parent);
  if (id.kind == "trajectories") return std::make_unique<TrajectoriesFigure>(id, parent);
  if (id.kind == "spectrum") return std::make_unique<SpectrumFigure>(id, parent);
  if (id.kind == "density") return std::make_unique<DensityFigure>(id, parent);
  if (id.kind == "power") return std::make_unique<PowerFigure>(id, parent);
  if (id.kind == "layers") return std::make_unique<LayersFigure>(id, parent);
  if (id.kind == "overlap") return std::make_unique<OverlapFigure>(id, parent);
  if (id.kind == "gradient") return std::make_unique<GradientFigure>(id, parent);
  if (id.kind == "overhead") return std::make_unique<OverheadFigure>(id, parent);
  if (id.kind == "profile") return std::make_unique<ProfileFigure>(id, parent);
  if (id.kind == "profiles") return std::make_unique<ProfilesFigure>(id, parent);
  if (id.kind == "landscape") return std::make_unique<LandscapeFigure>(id, parent);
  if (id.kind == "cut") return std::make_unique<CutFigure>(id, parent);
  if (id.kind == "contour") return std::make_unique<ContourFigure>(id, parent);
  if (id.kind == "surface" || id.kind == "surface-both" || id.kind == "surface-quantized")
    return std::make_unique<SurfaceFigure>(id, parent);
  if (id.kind == "contour-quantized") return std::make_unique<ContourPairFigure>(id, parent);
  if (id.kind == "curvature-map") return std::make_unique<CurvatureMapFigure>(id, parent);
  if (id.kind == "persistence") return std::make_unique<PersistenceFigure>(id, parent);
  if (id.kind == "merge-tree") return std::make_unique<MergeTreeFigure>(id, parent);
  if (id.kind == "sensitivity") return std::make_unique<SensitivityFigure>(id, parent);
  if (id.kind == "frontier" || id.kind == "frontier-accuracy") return std::make_unique<FrontierFigure>(id, parent);
  if (id.kind == "ranking") {
    if (id.name.isEmpty()) return std::make_unique<RankingFigure>(id, parent);
    return std::make_unique<ScoresFigure>(id, parent);
  }
  if (id.kind == "finetune") return std::make_unique<FinetuneFigure>(id, parent);
  throw RunError(
      "no figure is called '" + id.kind.toStdString() +
      "'; expected training, trajectories, spectrum, density, power, layers, overlap, gradient, overhead, profile, "
      "profiles, contour, surface, surface-both, surface-quantized, contour-quantized, curvature-map, persistence, "
      "merge-tree, "
      "sensitivity, frontier, frontier-accuracy, ranking or finetune");
}

ExportOptions wideEnough(const Figure& figure, ExportOptions options) {
  options.widthMm = std::max(options.widthMm, std::ceil(figure.preferredWidthMm()));
  return options;
}

QString FigureChoice::fileStem(const FigureId& id) const {
  return epoch ? QStringLiteral("%1-epoch-%2").arg(id.fileStem()).arg(*epoch) : id.fileStem();
}

namespace {

std::vector<std::filesystem::path> renderFigure(const RunResults& run, const FigureId& id, const QStringList& formats,
                                                const ExportOptions& options, const FigureChoice& choice) {
  const auto folder = run.directory / "figures";
  const auto epochs = run.epochs();
  // The figure only reads the run, and does not outlive this function.
  const std::shared_ptr<const RunResults> shared(std::shared_ptr<const RunResults>(), &run);
  const auto figure = makeFigure(id);
  figure->showRun(shared, choice.epoch.value_or(epochs.empty() ? 0 : epochs.back()));
  if (choice.view) figure->lookFrom(*choice.view);
  ExportOptions fitting = wideEnough(*figure, options);
  if (!choice.givenSize) fitting.heightMm = std::max(fitting.heightMm, figure->preferredHeightMm());
  std::vector<std::filesystem::path> written;
  for (const QString& format : figure->formats()) {
    if (!formats.contains(format)) continue;
    const auto file = folder / (choice.fileStem(id) + '.' + format).toStdString();
    figure->exportTo(file, fitting);
    written.push_back(file);
  }
  // Who asks for meshes alone does not miss the figures that have none.
  const bool pictures = formats.contains("png") || formats.contains("svg") || formats.contains("pdf");
  if (written.empty() && pictures) {
    qCritical("%s: not drawn as %s; it has %s", qPrintable(id.fileStem()), qPrintable(formats.join(", ")),
              qPrintable(figure->formats().join(", ")));
  }
  return written;
}

}  // namespace

std::vector<std::filesystem::path> renderRun(const RunResults& run, const QStringList& formats,
                                             const ExportOptions& options, const FigureChoice& choice) {
  const auto folder = run.directory / "figures";
  makeFolder(folder);
  std::vector<std::filesystem::path> written;
  for (const auto& id : choice.ids.empty() ? availableFigures(run) : choice.ids) {
    try {
      for (auto& file : renderFigure(run, id, formats, options, choice)) written.push_back(std::move(file));
    } catch (const NoOpenGl& missing) {
      // A machine without any OpenGL still gets all that needs none, but not what it was told to draw.
      if (!choice.ids.empty()) throw;
      qCritical("%s is missing: %s", qPrintable(id.fileStem()), missing.what());
    }
  }
  return written;
}

}  // namespace eigenscape
