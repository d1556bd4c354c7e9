// SPDX-License-Identifier: GPL-3.0-or-later
// How the window is put together: pages, docks, actions, menus and keys.
#include <QAbstractButton>
#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QDesktopServices>
#include <QDockWidget>
#include <QFileDialog>
#include <QLabel>
#include <QMenu>
#include <QMenuBar>
#include <QMessageBox>
#include <QPlainTextEdit>
#include <QProgressBar>
#include <QSettings>
#include <QShortcut>
#include <QSplitter>
#include <QStackedWidget>
#include <QStandardPaths>
#include <QStatusBar>
#include <QStyle>
#include <QToolBar>
#include <QUrl>
#include <QVBoxLayout>

#include "app/compare_page.h"
#include "app/epoch_bar.h"
#include "app/figure_tabs.h"
#include "app/figure_writer.h"
#include "app/main_window.h"
#include "app/recipe_form.h"
#include "app/run_list.h"
#include "app/run_loader.h"
#include "app/shell.h"
#include "app/welcome.h"
#include "core/results/error.h"
#include "core/results/tables.h"

namespace eigenscape {

void MainWindow::makePages() {
  auto* central = new QWidget;
  auto* column = new QVBoxLayout(central);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  message_ = new QLabel;
  message_->setObjectName(QStringLiteral("message"));
  message_->setWordWrap(true);
  message_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  message_->setStyleSheet(QStringLiteral("background: #fbe9e7; color: #7f1d1d; padding: 8px"));
  message_->hide();
  column->addWidget(message_);
  pages_ = new QStackedWidget;
  column->addWidget(pages_, 1);

  auto* welcome = new Welcome;
  connect(welcome, &Welcome::quickstartRequested, this, &MainWindow::runQuickstart);
  connect(welcome, &Welcome::openRunRequested, this, &MainWindow::openRunDialog);
  connect(welcome, &Welcome::ownModelRequested, this, &MainWindow::openOwnDialog);
  pages_->addWidget(welcome);

  auto* page = new QWidget;
  auto* rows = new QVBoxLayout(page);
  rows->setContentsMargins(0, 0, 0, 0);
  rows->setSpacing(0);
  figures_ = new FigureTabs;
  epochBar_ = new EpochBar;
  rows->addWidget(figures_, 1);
  pages_->addWidget(page);

  waiting_ = new QLabel;
  waiting_->setAlignment(Qt::AlignCenter);
  waiting_->setWordWrap(true);
  pages_->addWidget(waiting_);
  comparePage_ = new ComparePage;
  pages_->addWidget(comparePage_);
  column->addWidget(epochBar_);
  setCentralWidget(central);
}

void MainWindow::makeDocks() {
  const auto addDock = [this](const QString& title, const QString& name, QWidget* widget, Qt::DockWidgetArea area) {
    auto* dock = new QDockWidget(title);
    dock->setObjectName(name);
    dock->setWidget(widget);
    addDockWidget(area, dock);
    return dock;
  };
  runs_ = new RunList;
  form_ = new RecipeForm;
  log_ = new QPlainTextEdit;
  log_->setReadOnly(true);
  log_->setMaximumBlockCount(5000);
  log_->setLineWrapMode(QPlainTextEdit::NoWrap);
  auto* runs = addDock(tr("Runs"), QStringLiteral("RunsDock"), runs_, Qt::LeftDockWidgetArea);
  auto* recipe = addDock(tr("Recipe"), QStringLiteral("RecipeDock"), form_, Qt::LeftDockWidgetArea);
  auto* log = addDock(tr("Log"), QStringLiteral("LogDock"), log_, Qt::BottomDockWidgetArea);
  setCorner(Qt::BottomLeftCorner, Qt::LeftDockWidgetArea);
  resizeDocks({runs, recipe}, {120, 560}, Qt::Vertical);
  resizeDocks({recipe}, {330}, Qt::Horizontal);
  resizeDocks({log}, {110}, Qt::Vertical);
}

QAction* MainWindow::addAction(const QString& text, const QKeySequence& keys, const QString& help,
                               void (MainWindow::*slot)()) {
  auto* action = new QAction(text, this);
  action->setShortcut(keys);
  action->setToolTip(help);
  connect(action, &QAction::triggered, this, slot);
  return action;
}

void MainWindow::makeActions() {
  runAction_ = addAction(tr("Run"), tr("Ctrl+R"), QString(), &MainWindow::startRun);
  runAction_->setIcon(style()->standardIcon(QStyle::SP_MediaPlay));
  cancelAction_ = addAction(tr("Cancel"), {}, QString(), &MainWindow::cancelRun);
  cancelAction_->setIcon(style()->standardIcon(QStyle::SP_MediaStop));
  resumeAction_ = addAction(tr("Go on with this run"), {}, QString(), &MainWindow::resumeRun);
  exportAction_ = addAction(tr("Export figure …"), tr("Ctrl+E"), tr("Write the figure that is shown to a file"),
                            &MainWindow::exportFigure);
  copyAction_ = addAction(tr("Copy as batch command"), tr("Ctrl+Shift+C"),
                          tr("The command line that makes the run that is shown"), &MainWindow::copyBatchCommand);

  auto* bar = addToolBar(tr("Study"));
  bar->setObjectName(QStringLiteral("StudyBar"));
  bar->setMovable(false);
  bar->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
  bar->addAction(runAction_);
  bar->addAction(cancelAction_);
  progress_ = new QProgressBar;
  progress_->setRange(0, 100);
  progress_->setMaximumWidth(220);
  progress_->hide();
  phase_ = new QLabel;
  auto* progress = new QWidget;
  auto* row = new QHBoxLayout(progress);
  row->setContentsMargins(8, 0, 8, 0);
  row->addWidget(progress_);
  row->addWidget(phase_, 1);
  bar->addWidget(progress);
}

void MainWindow::makeMenus() {
  QMenu* file = menuBar()->addMenu(tr("&File"));
  file->setToolTipsVisible(true);
  file->addAction(
      addAction(tr("Open run …"), QKeySequence::Open, tr("A folder that holds a run"), &MainWindow::openRunDialog));
  file->addAction(addAction(tr("Open recipe or weights …"), tr("Ctrl+Shift+O"),
                            tr("A .toml file, or a network's weights"), &MainWindow::openOwnDialog));
  file->addAction(addAction(tr("Save recipe as …"), QKeySequence::SaveAs,
                            tr("What the form says, as a file for --batch"), &MainWindow::saveRecipeDialog));
  file->addSeparator();
  file->addAction(exportAction_);
  file->addAction(copyAction_);
  file->addSeparator();
  auto* quit = file->addAction(tr("Quit"), this, &QWidget::close);
  quit->setShortcut(QKeySequence::Quit);

  QMenu* study = menuBar()->addMenu(tr("&Study"));
  study->setToolTipsVisible(true);
  study->addAction(runAction_);
  study->addAction(cancelAction_);
  study->addAction(resumeAction_);
  study->addSeparator();
  QMenu* shipped = study->addMenu(tr("Shipped recipes"));
  shipped->setToolTipsVisible(true);
  for (const auto& recipe : shippedRecipes()) {
    auto* action =
        shipped->addAction(QString::fromStdString(recipe.name), this, [this, name = recipe.name] { openRecipe(name); });
    action->setToolTip(QString::fromStdString(recipe.description));
  }
  study->addAction(
      addAction(tr("Folder for new runs …"), {}, tr("Where Run writes to"), &MainWindow::chooseRunsFolder));

  QMenu* view = menuBar()->addMenu(tr("&View"));
  for (QDockWidget* dock : findChildren<QDockWidget*>()) view->addAction(dock->toggleViewAction());
  view->addSeparator();
  compareAction_ = view->addAction(tr("Compare runs (5)"), this, [this](bool on) { showComparison(on); });
  compareAction_->setCheckable(true);
  QMenu* help = menuBar()->addMenu(tr("&Help"));
  help->addAction(tr("Keys (?)"), this, &MainWindow::showKeys);
  help->addAction(tr("About Qt"), qApp, &QApplication::aboutQt);
}

/// Keys without Ctrl act on the figures; while the form has the focus they belong to its fields.
void MainWindow::makeSingleKeys() {
  const auto add = [this](const QKeySequence& key, auto&& act) {
    auto* shortcut = new QShortcut(key, this);
    connect(shortcut, &QShortcut::activated, this, act);
    singleKeys_ << shortcut;
  };
  add(Qt::Key_Space, [this] { epochBar_->play(!epochBar_->isPlaying()); });
  add(Qt::Key_Left, [this] { epochBar_->step(-1); });
  add(Qt::Key_Right, [this] { epochBar_->step(1); });
  add(Qt::Key_Home, [this] { epochBar_->step(-1 << 20); });
  add(Qt::Key_End, [this] { epochBar_->step(1 << 20); });
  add(Qt::Key_Escape, [this] { cancelRun(); });
  add(Qt::Key_E, [this] { exportFigure(); });
  add(Qt::Key_R, [this] {
    if (isComparing()) return comparePage_->resetView();
    if (Figure* figure = figures_->current()) figure->resetView();
  });
  add(QKeySequence(QStringLiteral("?")), [this] { showKeys(); });
  constexpr int compareKey = 4;  // 5: the page of several runs
  for (int i = 0; i < 9; ++i) {
    add(QKeySequence(Qt::Key_1 + i), [this, i] {
      showComparison(i == compareKey);
      if (i == compareKey) return;
      if (i < figures_->count()) figures_->setCurrentIndex(i);
    });
  }
  connect(qApp, &QApplication::focusChanged, this, [this](QWidget*, QWidget* now) {
    const bool button = qobject_cast<QAbstractButton*>(now) != nullptr;  // which Space presses
    for (QShortcut* key : singleKeys_) {
      const bool taken = button && key->key() == QKeySequence(Qt::Key_Space);
      key->setEnabled(!taken && (!now || !form_->isAncestorOf(now)));
    }
  });
}

void MainWindow::connectParts() {
  connect(loader_, &RunLoader::loaded, this, &MainWindow::takeRun);
  connect(loader_, &RunLoader::failed, this, [this](const QString& text) {
    complain(text);
    if (!run_) pages_->setCurrentIndex(0);
  });
  connect(epochBar_, &EpochBar::epochChanged, figures_, &FigureTabs::showEpoch);
  connect(epochBar_, &EpochBar::epochChanged, comparePage_, &ComparePage::showEpoch);
  connect(comparePage_, &ComparePage::epochsChanged, this, [this] {
    if (isComparing()) showComparison(true);
  });
  connect(comparePage_, &ComparePage::hovered, this, [this](const QString& text) { statusBar()->showMessage(text); });
  connect(comparePage_, &ComparePage::copyBatchCommandRequested, this, &MainWindow::copyBatchCommand);
  connect(comparePage_, &ComparePage::exported, this,
          [this](const QString& file) { say(tr("exported %1").arg(file)); });
  connect(comparePage_, &ComparePage::failed, this, &MainWindow::complain);
  connect(figures_, &FigureTabs::hovered, this, [this](const QString& text) { statusBar()->showMessage(text); });
  connect(figures_, &FigureTabs::copyBatchCommandRequested, this, &MainWindow::copyBatchCommand);
  connect(figures_, &FigureTabs::exported, this, [this](const QString& file) { say(tr("exported %1").arg(file)); });
  connect(figures_, &FigureTabs::failed, this, &MainWindow::complain);
  connect(writer_, &FigureWriter::failed, this, &MainWindow::say);
  connect(writer_, &FigureWriter::finished, this,
          [this](const QString& folder) { say(tr("figures in %1").arg(folder)); });
  connect(runs_, &RunList::chosen, this, [this](const QString& directory) {
    const bool starting = job_ && job_->directory() == directory.toStdString() && !isRunDirectory(job_->directory());
    if (!starting && (shown_ != directory.toStdString() || !run_)) openPath(directory);
  });
  connect(form_, &RecipeForm::edited, this, &MainWindow::refreshActions);
  statusBar();
}

bool MainWindow::isComparing() const {
  return pages_->currentWidget() == comparePage_;
}

void MainWindow::showComparison(bool on) {
  if (on && !isComparing()) {
    comparePage_->setRuns(runs_->directories());
    if (run_) comparePage_->tick(QString::fromStdString(run_->directory.string()), true);
    pages_->setCurrentWidget(comparePage_);
  }
  compareAction_->setChecked(on);
  if (on) {
    const auto epochs = comparePage_->epochs();
    if (!epochs.empty()) epochBar_->setEpochs(epochs, epochs.back());
    comparePage_->showEpoch(epochBar_->epoch());
  } else if (isComparing()) {
    pages_->setCurrentIndex(0);
    if (run_) takeRun(run_);
  }
  refreshActions();
}

void MainWindow::openRunDialog() {
  auto* dialog = new QFileDialog(this, tr("Open a run"), runsFolder());
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setFileMode(QFileDialog::Directory);
  connect(dialog, &QFileDialog::fileSelected, this, &MainWindow::openPath);
  dialog->open();
}

void MainWindow::openOwnDialog() {
  auto* dialog = new QFileDialog(this, tr("Open a recipe or weights"));
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setFileMode(QFileDialog::ExistingFile);
  dialog->setNameFilters({tr("Recipes and weights (*.toml *.pt *.pth *.th *.safetensors)"), tr("All files (*)")});
  connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& file) {
    const QString suffix = QFileInfo(file).suffix().toLower();
    const bool weights = suffix == "pt" || suffix == "pth" || suffix == "th" || suffix == "safetensors";
    if (weights) {
      useWeights(file);
    } else {
      openPath(file);
    }
  });
  dialog->open();
}

void MainWindow::saveRecipeDialog() {
  auto* dialog = new QFileDialog(this, tr("Save the recipe"));
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setAcceptMode(QFileDialog::AcceptSave);
  dialog->setNameFilters({tr("Recipes (*.toml)")});
  dialog->setDefaultSuffix(QStringLiteral("toml"));
  connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& file) {
    try {
      writeFileAtomically(file.toStdString(), toToml(form_->recipe()));
      say(tr("saved %1").arg(file));
    } catch (const std::exception& error) {
      complain(QString::fromUtf8(error.what()));
    }
  });
  dialog->open();
}

void MainWindow::chooseRunsFolder() {
  auto* dialog = new QFileDialog(this, tr("Folder for new runs"), runsFolder());
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setFileMode(QFileDialog::Directory);
  connect(dialog, &QFileDialog::fileSelected, this,
          [](const QString& folder) { QSettings().setValue(QStringLiteral("runsFolder"), folder); });
  dialog->open();
}

void MainWindow::copyBatchCommand() {
  QString command = isComparing() ? comparePage_->batchCommand() : commandOfShownRun();
  if (command.isEmpty() && isComparing()) return complain(comparePage_->message());
  if (command.isEmpty()) return complain(tr("The run that is shown has no recipe that could be read."));
  // A program that is not on the path is called where it is.
  const QString name = QStringLiteral("eigenscape");
  if (command.startsWith(name) && QStandardPaths::findExecutable(name).isEmpty()) {
    command.replace(0, name.size(),
                    QString::fromStdString(shellQuoted(QCoreApplication::applicationFilePath().toStdString())));
  }
  QApplication::clipboard()->setText(command);
  statusBar()->showMessage(tr("Copied: %1").arg(command), 6000);
}

void MainWindow::exportFigure() {
  if (isComparing()) return comparePage_->exportFigure(QString());
  figures_->exportCurrent(QString());
}

void MainWindow::showKeys() {
  const QList<QPair<QString, QString>> keys = {{tr("Space"), tr("play through the epochs, or pause")},
                                               {tr("← →"), tr("one epoch back or on")},
                                               {tr("Home, End"), tr("first or last epoch")},
                                               {QStringLiteral("1 … 9"), tr("the figure with that number")},
                                               {QStringLiteral("5"), tr("compare runs")},
                                               {QStringLiteral("E"), tr("export the figure")},
                                               {QStringLiteral("R"), tr("reset the figure's view")},
                                               {QStringLiteral("Ctrl+R"), tr("run the recipe")},
                                               {QStringLiteral("Esc"), tr("cancel the study that goes on")},
                                               {QStringLiteral("Ctrl+O"), tr("open a run")},
                                               {QStringLiteral("Ctrl+Shift+O"), tr("open a recipe or weights")},
                                               {QStringLiteral("Ctrl+Shift+C"), tr("copy as batch command")},
                                               {QStringLiteral("?"), tr("this list")}};
  QString rows;
  for (const auto& [key, meaning] : keys) {
    rows += QStringLiteral("<tr><td style='padding-right:16px'><b>%1</b></td><td>%2</td></tr>").arg(key, meaning);
  }
  auto* box = new QMessageBox(QMessageBox::NoIcon, tr("Keys"), QStringLiteral("<table>%1</table>").arg(rows),
                              QMessageBox::Close, this);
  box->setAttribute(Qt::WA_DeleteOnClose);
  box->open();
}

}  // namespace eigenscape
