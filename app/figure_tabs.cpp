// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/figure_tabs.h"

#include <QProcess>
#include <QTabBar>
#include <QToolButton>
#include <algorithm>
#include <utility>
#include <vector>

#include "app/export_dialog.h"
#include "app/figure_list.h"
#include "app/picture_saver.h"

namespace eigenscape {

namespace {
constexpr int widestTab = 190;  ///< pixels of its text
}

FigureTabs::FigureTabs(QWidget* parent) : QTabWidget(parent), all_(new QToolButton), saver_(new PictureSaver(this)) {
  connect(saver_, &PictureSaver::saved, this, &FigureTabs::exported);
  connect(saver_, &PictureSaver::failed, this, &FigureTabs::failed);
  setDocumentMode(true);
  setAccessibleName(tr("figures"));
  tabBar()->setAccessibleName(tr("figures"));
  setUsesScrollButtons(true);
  tabBar()->setExpanding(false);
  all_->setObjectName(QStringLiteral("all figures"));
  all_->setArrowType(Qt::DownArrow);
  all_->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
  all_->setAutoRaise(true);
  all_->setToolTip(tr("All figures by their whole names (F)"));
  connect(all_, &QToolButton::clicked, this, &FigureTabs::showList);
  setCornerWidget(all_);
  countFigures();
  connect(this, &QTabWidget::currentChanged, this, &FigureTabs::bringUpToDate);
}

/// A process that ends while the window is taken apart has nobody left to tell.
FigureTabs::~FigureTabs() {
  if (!animation_) return;
  animation_->disconnect(this);
  animation_->kill();
  animation_->waitForFinished();
}

Figure* FigureTabs::figure(int index) const {
  return qobject_cast<Figure*>(widget(index));
}

Figure* FigureTabs::current() const {
  return qobject_cast<Figure*>(currentWidget());
}

void FigureTabs::clearFigures() {
  run_.reset();
  stale_.clear();
  while (count() > 0) {
    QWidget* page = widget(0);
    removeTab(0);
    delete page;
  }
}

Figure* FigureTabs::addFigure(int index, const FigureId& id) {
  Figure* figure = makeFigure(id).release();
  connect(figure, &Figure::failed, this, &FigureTabs::failed);
  connect(figure, &Figure::hovered, this, &FigureTabs::hovered);
  connect(figure, &Figure::copyBatchCommandRequested, this, &FigureTabs::copyBatchCommandRequested);
  connect(figure, &Figure::fullPageRequested, this, &FigureTabs::fullPageRequested);
  connect(figure, &Figure::exportRequested, this, &FigureTabs::exportCurrent);
  connect(figure, &Figure::animationRequested, this, &FigureTabs::animateCurrent);
  figure->setAccessibleName(id.title());
  insertTab(index, figure, fontMetrics().elidedText(id.title(), Qt::ElideMiddle, widestTab));
  setTabToolTip(index, tr("%1 (key %2: %3)").arg(id.title()).arg(id.page()).arg(FigureId::pageTitle(id.page())));
  return figure;
}

void FigureTabs::showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch) {
  run_ = std::move(run);
  epoch_ = epoch;
  int index = 0;
  for (const FigureId& id : windowFigures(*run_)) {
    while (index < count() && !(figure(index)->id() == id)) {
      // A resumed run may have dropped what was cut short.
      bool later = false;
      for (const FigureId& other : windowFigures(*run_)) later = later || other == figure(index)->id();
      if (later) break;
      stale_.erase(figure(index));
      delete widget(index);
    }
    if (index >= count() || !(figure(index)->id() == id)) addFigure(index, id);
    ++index;
  }
  while (count() > index) {
    stale_.erase(figure(index));
    delete widget(index);
  }
  for (int i = 0; i < count(); ++i) stale_.insert(figure(i));
  bringUpToDate(currentIndex());
}

void FigureTabs::showEpoch(std::int64_t epoch) {
  epoch_ = epoch;
  for (int i = 0; i < count(); ++i) stale_.insert(figure(i));
  bringUpToDate(currentIndex());
}

void FigureTabs::countFigures() {
  all_->setText(tr("All %1").arg(count()));
  all_->setVisible(count() > 0 && !tabBar()->isHidden());
  Q_EMIT figuresChanged();
}

void FigureTabs::tabInserted(int index) {
  QTabWidget::tabInserted(index);
  countFigures();
}

void FigureTabs::tabRemoved(int index) {
  QTabWidget::tabRemoved(index);
  countFigures();
}

void FigureTabs::setBarVisible(bool on) {
  tabBar()->setVisible(on);
  countFigures();
}

void FigureTabs::showList() {
  if (count() == 0) return;
  auto* list = new FigureList(*this);
  connect(list, &FigureList::chosen, this, &QTabWidget::setCurrentIndex);
  list->popUp(mapToGlobal(QPoint(width(), all_->isVisible() ? all_->height() : 0)));
}

bool FigureTabs::showPage(int page) {
  std::vector<int> own;
  for (int step = 1; step <= count(); ++step) {
    const int index = (currentIndex() + step) % count();
    if (figure(index)->id().page() == page) own.push_back(index);
  }
  if (own.empty()) return false;
  // Coming from elsewhere, what joins several figures comes first.
  const auto joined = std::find_if(
      own.begin(), own.end(), [this](int index) { return figure(index)->id().kind == QLatin1String("landscape"); });
  const bool elsewhere = current()->id().page() != page;
  setCurrentIndex(elsewhere && joined != own.end() ? *joined : own.front());
  return true;
}

void FigureTabs::setTheme(Theme theme) {
  theme_ = theme;
  bringUpToDate(currentIndex());
}

void FigureTabs::setLookedAt(bool on) {
  lookedAt_ = on;
  bringUpToDate(currentIndex());
}

void FigureTabs::bringUpToDate(int index) {
  if (!lookedAt_) return;
  Figure* shown = figure(index);
  if (shown) shown->setTheme(theme_);
  if (shown && run_ && stale_.erase(shown) > 0) shown->showRun(run_, epoch_);
  Q_EMIT this->shown(shown);
}

void FigureTabs::exportCurrent(const QString& format) {
  Figure* figure = current();
  if (!figure || !run_) return;
  ExportDialog::ask(*figure, QString::fromStdString(run_->directory.string()), format, this, *saver_);
}

/// A hundred frames take a while: a process of our own draws them, and the window goes on.
void FigureTabs::animateCurrent() {
  const Figure* figure = current();
  if (!figure || !run_) return;
  if (animation_) {
    Q_EMIT failed(tr("frames are being drawn; ask again when they are there"));
    return;
  }
  const auto directory = QString::fromStdString(run_->directory.string()), stem = figure->id().fileStem();
  auto* process = new QProcess(this);
  animation_ = process;
  const auto end = [this, process, directory, stem](bool good, const QString& otherwise) {
    const auto said = QString::fromUtf8(process->readAllStandardError()).trimmed().section('\n', -1);
    if (good)
      Q_EMIT exported(directory + "/figures/animation-" + stem);
    else
      Q_EMIT failed(said.isEmpty() ? otherwise : said);
    animation_ = nullptr;
    process->deleteLater();
  };
  connect(process, &QProcess::finished, this, [end](int code, QProcess::ExitStatus status) {
    end(status == QProcess::NormalExit && code == 0, tr("the frames could not be drawn"));
  });
  connect(process, &QProcess::errorOccurred, this, [end](QProcess::ProcessError error) {
    if (error == QProcess::FailedToStart) end(false, tr("the program that draws frames did not start"));
  });
  QStringList arguments{"--render", directory, "--animate", stem};
  if (theme_ == Theme::Dark)
    arguments << "--style"
              << "dark";
  for (const auto& setting : figure->recipeSettings()) arguments << "--set" << setting;
  process->start(program_, arguments);
}

}  // namespace eigenscape
