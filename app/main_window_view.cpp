// SPDX-License-Identifier: GPL-3.0-or-later
// What of the window can be arranged: panels, the full page, what was opened lately, what is dropped on it.
#include <QAction>
#include <QDockWidget>
#include <QDragEnterEvent>
#include <QFileInfo>
#include <QMenu>
#include <QMenuBar>
#include <QMimeData>
#include <QSettings>
#include <QStatusBar>
#include <QTabBar>
#include <QToolBar>

#include "app/bits_page.h"
#include "app/compare_page.h"
#include "app/dropped.h"
#include "app/figure_tabs.h"
#include "app/main_window.h"
#include "app/run_list.h"
#include "views/figure.h"

namespace eigenscape {
namespace {

constexpr int layoutVersion = 1;  ///< of the panels: an older layout is not applied to others
constexpr qsizetype mostRecipes = 10;
const char* const recipesKey = "recentRecipes";

}  // namespace

void MainWindow::restoreLayout() {
  usualLayout_ = saveState(layoutVersion);
  const QSettings settings;
  restoreGeometry(settings.value(QStringLiteral("geometry")).toByteArray());
  restoreState(settings.value(QStringLiteral("windowState")).toByteArray(), layoutVersion);
}

void MainWindow::keepLayout() {
  setFullPage(false);
  QSettings settings;
  settings.setValue(QStringLiteral("geometry"), saveGeometry());
  settings.setValue(QStringLiteral("windowState"), saveState(layoutVersion));
}

void MainWindow::resetLayout() {
  setFullPage(false);
  restoreState(usualLayout_, layoutVersion);
}

void MainWindow::setFullPage(bool on) {
  if (on == isFullPage()) return;
  if (on && !shownFigure()) return;
  if (on) beforeFullPage_ = saveState(layoutVersion);
  fullPage_ = on;
  for (auto* dock : findChildren<QDockWidget*>()) {
    if (on) dock->hide();
  }
  for (auto* bar : findChildren<QToolBar*>()) bar->setVisible(!on);
  menuBar()->setVisible(!on);
  statusBar()->setVisible(!on);
  figures_->setBarVisible(!on);
  comparePage_->setFullPage(on);
  bitsPage_->setFullPage(on);
  if (!on) restoreState(beforeFullPage_, layoutVersion);
}

void MainWindow::cancelSelection() {
  Figure* shown = shownFigure();
  if (shown && shown->clearSelection()) return;
  setFullPage(false);
}

void MainWindow::keepRecipe(const QString& file) {
  QSettings settings;
  QStringList list = settings.value(recipesKey).toStringList();
  list.removeAll(file);
  list.prepend(file);
  settings.setValue(recipesKey, QStringList(list.mid(0, mostRecipes)));
}

void MainWindow::fillRecent() {
  recent_->clear();
  const auto add = [this](const QString& path) {
    // An ampersand would be taken for a key, and a long path would make the menu as wide as the screen.
    const QString text = fontMetrics().elidedText(path, Qt::ElideMiddle, 480);
    recent_->addAction(QString(text).replace('&', "&&"), this, [this, path] { openPath(path); })->setToolTip(path);
  };
  for (const QString& directory : runs_->directories()) add(directory);
  const QStringList recipes = QSettings().value(recipesKey).toStringList();
  if (!recent_->isEmpty() && !recipes.isEmpty()) recent_->addSeparator();
  for (const QString& file : recipes) add(file);
  if (recent_->isEmpty()) recent_->addAction(tr("Nothing was opened yet"))->setEnabled(false);
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
  if (event->mimeData()->hasUrls()) event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
  event->acceptProposedAction();
  const Dropped what = dropped(event->mimeData()->urls());
  switch (what.kind) {
    case Dropped::Kind::Run:
    case Dropped::Kind::Recipe:
      return openPath(what.path);
    case Dropped::Kind::Weights:
      return useWeights(what.path);
    case Dropped::Kind::Checkpoints:
      return useCheckpoints(what.path);
    case Dropped::Kind::Nothing:
      return complain(what.problem);
  }
}

}  // namespace eigenscape
