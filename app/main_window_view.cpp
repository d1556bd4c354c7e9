// SPDX-License-Identifier: GPL-3.0-or-later
// What of the window can be arranged: panels, the full page, what was opened lately, what is dropped on it. And the
// command lines that make what it shows.
#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QDockWidget>
#include <QDragEnterEvent>
#include <QFileInfo>
#include <QMenu>
#include <QMenuBar>
#include <QMimeData>
#include <QSettings>
#include <QStandardPaths>
#include <QStatusBar>
#include <QTabBar>
#include <QToolBar>

#include "app/batch_command.h"
#include "app/bits_page.h"
#include "app/compare_page.h"
#include "app/dropped.h"
#include "app/epoch_bar.h"
#include "app/export_dialog.h"
#include "app/figure_tabs.h"
#include "app/main_window.h"
#include "app/run_list.h"
#include "app/shell.h"
#include "core/results/error.h"
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

/// `figure`: the workbench's, whose bits only a run of their own can have.
QString MainWindow::commandOfRun(const Figure* figure) const {
  if (!run_) return {};
  const std::filesystem::path file = run_->directory / "recipe.toml";
  auto settings = figure && isChoosingBits() ? bitsPage_->batchSettings() : std::vector<std::string>();
  if (figure) {
    for (const auto& setting : figure->recipeSettings()) settings.push_back(setting.toStdString());
  }
  try {
    return QString::fromStdString(batchCommand(parseRecipe(run_->recipe, file.string()), file, settings));
  } catch (const RecipeError&) {
    return {};
  }
}

QString MainWindow::commandOfShownRun() const {
  return commandOfRun(nullptr);
}

QString MainWindow::commandOfShownFigure() const {
  if (isComparing()) return comparePage_->batchCommand();
  const Figure* figure = shownFigure();
  if (!run_ || !figure) return commandOfRun(nullptr);
  if (isChoosingBits()) return commandOfRun(figure) + exportArguments(*figure);
  QString command = "eigenscape --render " + QString::fromStdString(shellQuoted(run_->directory.string()));
  for (const QString& setting : figure->recipeSettings())
    command += " --set " + QString::fromStdString(shellQuoted(setting.toStdString()));
  const auto epochs = run_->epochs();
  // Of a run that is not at its end the last epoch is another one tomorrow.
  const auto last = epochs.empty() ? 0 : std::max(epochs.back(), run_->info.epochs);
  return command + figureArguments(*figure, epochs.empty() ? last : epochBar_->epoch(), last);
}

void MainWindow::copyBatchCommand() {
  const QString command = commandOfShownFigure();
  if (command.isEmpty() && isComparing()) return complain(comparePage_->message());
  const bool lacksBits = isChoosingBits() && shownFigure() && bitsPage_->batchSettings().empty();
  copyCommand(command, lacksBits ? tr("without the bits on show (“Save bits …” first to have them in it)") : QString());
}

void MainWindow::copyCommand(QString command, const QString& remark) {
  if (command.isEmpty()) return complain(tr("The run that is shown has no recipe that could be read."));
  // A program that is not on the path is called where it is.
  const QString name = QStringLiteral("eigenscape");
  if (command.startsWith(name) && QStandardPaths::findExecutable(name).isEmpty()) {
    command.replace(0, name.size(),
                    QString::fromStdString(shellQuoted(QCoreApplication::applicationFilePath().toStdString())));
  }
  QApplication::clipboard()->setText(command);
  statusBar()->showMessage((remark.isEmpty() ? tr("Copied: ") : tr("Copied %1: ").arg(remark)) + command, 6000);
}

}  // namespace eigenscape
