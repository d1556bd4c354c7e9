// SPDX-License-Identifier: GPL-3.0-or-later
// How the window is put together: pages, docks, actions, menus and keys.
#include <QAction>
#include <QActionGroup>
#include <QApplication>
#include <QComboBox>
#include <QDockWidget>
#include <QFileDialog>
#include <QLabel>
#include <QMenu>
#include <QMenuBar>
#include <QMessageBox>
#include <QPlainTextEdit>
#include <QProgressBar>
#include <QSettings>
#include <QStackedWidget>
#include <QStatusBar>
#include <QStyle>
#include <QToolBar>
#include <QVBoxLayout>

#include "app/appearance.h"
#include "app/bits_page.h"
#include "app/commands.h"
#include "app/compare_page.h"
#include "app/dropped.h"
#include "app/epoch_bar.h"
#include "app/figure_tabs.h"
#include "app/figure_writer.h"
#include "app/inspector.h"
#include "app/main_window.h"
#include "app/recipe_form.h"
#include "app/run_list.h"
#include "app/run_loader.h"
#include "app/welcome.h"
#include "core/results/error.h"
#include "core/results/tables.h"
#include "views/compare_figure.h"

namespace eigenscape {

void MainWindow::makePages() {
  auto* central = new QWidget;
  auto* column = new QVBoxLayout(central);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  message_ = new ToneLabel(ToneLabel::Tone::Alarm);
  message_->setObjectName(QStringLiteral("message"));
  message_->setTextInteractionFlags(Qt::TextSelectableByMouse);
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
  bitsPage_ = new BitsPage;
  pages_->addWidget(bitsPage_);
  // The one that is hidden would be drawn with every epoch that the other is moved to.
  const auto look = [this, page] {
    comparePage_->setLookedAt(isComparing());
    bitsPage_->setLookedAt(isChoosingBits());
    figures_->setLookedAt(pages_->currentWidget() == page);
  };
  look();
  connect(pages_, &QStackedWidget::currentChanged, this, look);
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
  inspector_ = new Inspector;
  auto* inspector = addDock(tr("Inspector"), QStringLiteral("InspectorDock"), inspector_, Qt::LeftDockWidgetArea);
  tabifyDockWidget(recipe, inspector);  // no figure gives up room for it
  recipe->raise();
  auto* log = addDock(tr("Log"), QStringLiteral("LogDock"), log_, Qt::BottomDockWidgetArea);
  setCorner(Qt::BottomLeftCorner, Qt::LeftDockWidgetArea);
  resizeDocks({runs, recipe}, {120, 560}, Qt::Vertical);
  resizeDocks({recipe}, {330}, Qt::Horizontal);
  resizeDocks({log}, {110}, Qt::Vertical);
  log_->setAccessibleName(tr("log"));
}

void MainWindow::makeActions() {
  commands_ = new Commands(this);
  const auto add = [this](const QString& group, const QString& text, const QList<QKeySequence>& keys,
                          const QString& help, auto&& act) { return commands_->add(group, text, keys, help, act); };
  const QString run = tr("Study"), file = tr("File"), figure = tr("Figure"), epochs = tr("Epochs");
  openRunAction_ =
      add(file, tr("Open run …"), {QKeySequence::Open}, tr("A folder that holds a run"), [this] { openRunDialog(); });
  openOwnAction_ = add(file, tr("Open recipe or weights …"), {tr("Ctrl+Shift+O")},
                       tr("A .toml file, or a network's weights"), [this] { openOwnDialog(); });
  saveAction_ = add(file, tr("Save recipe as …"), {tr("Ctrl+Shift+S")}, tr("What the form says, as a file for --batch"),
                    [this] { saveRecipeDialog(); });
  runAction_ = add(run, tr("Run"), {Qt::Key_R, tr("Ctrl+R")}, QString(), [this] { startRun(); });
  cancelAction_ = add(run, tr("Cancel the study"), {tr("Ctrl+.")}, QString(), [this] { cancelRun(); });
  cancelAction_->setIconText(tr("Cancel"));
  resumeAction_ = add(run, tr("Go on with this run"), {}, QString(), [this] { resumeRun(); });
  copyRunAction_ = add(run, tr("Copy this run's command"), {}, tr("The command line that makes it, with all figures"),
                       [this] { copyCommand(commandOfShownRun()); });
  add(epochs, tr("Play through the epochs, or pause"), {Qt::Key_Space}, {},
      [this] { epochBar_->play(!epochBar_->isPlaying()); });
  add(epochs, tr("One epoch back"), {Qt::Key_Left}, {}, [this] { epochBar_->step(-1); });
  add(epochs, tr("One epoch on"), {Qt::Key_Right}, {}, [this] { epochBar_->step(1); });
  add(epochs, tr("First epoch"), {Qt::Key_Home}, {}, [this] { epochBar_->step(-1 << 20); });
  add(epochs, tr("Last epoch"), {Qt::Key_End}, {}, [this] { epochBar_->step(1 << 20); });
  for (int page = 1; page <= FigureId::pages; ++page) {
    const bool comparison = page == FigureId::pages;
    add(tr("Pages"), FigureId::pageTitle(page), {QKeySequence(Qt::Key_0 + page)}, {}, [=, this] {
      // The page is chosen before it is looked at, so that no other is drawn on the way.
      const bool there = comparison || figures_->showPage(page);
      if (!comparison) showBits(false);
      showComparison(comparison);
      if (!there) statusBar()->showMessage(tr("The run has no figure of %1").arg(FigureId::pageTitle(page)), 4000);
    });
  }
  add(tr("Pages"), tr("Quantization"), {Qt::Key_6}, tr("Choose the bits of every layer"), [this] { showBits(true); });
  const QString recipe = tr("Recipe");
  undoAction_ =
      add(recipe, tr("Undo"), {QKeySequence::Undo},
          tr("Take back the last change of the recipe, or of the bits on their page"), [this] { undoOrRedo(false); });
  redoAction_ = add(recipe, tr("Redo"), {tr("Ctrl+Shift+Z"), tr("Ctrl+Y")}, tr("Make the change again"),
                    [this] { undoOrRedo(true); });
  exportAction_ = add(figure, tr("Export figure …"), {Qt::Key_E, tr("Ctrl+E")},
                      tr("Write the figure that is shown to a file"), [this] { exportFigure(); });
  copyAction_ = add(figure, tr("Copy as batch command"), {tr("Ctrl+Shift+C")},
                    tr("The command line that draws what is shown"), [this] { copyBatchCommand(); });
  add(figure, tr("Find a figure by its name"), {Qt::Key_F, tr("Ctrl+F")}, tr("All figures of what is shown"),
      [this] { findFigure(); });
  add(figure, tr("Inspect the figure"), {Qt::Key_I}, tr("What it shows, its scale, the picked point"),
      [this] { showInspector(); });
  add(figure, tr("Reset the view"), {Qt::Key_0}, {}, [this] {
    if (Figure* shown = shownFigure()) shown->resetView();
  });
  add(figure, tr("Cancel the selection, or leave the full page"), {Qt::Key_Escape}, {}, [this] { cancelSelection(); });
  fullPageAction_ = add(figure, tr("Full page"), {Qt::Key_F11}, tr("The figure alone; once more to come back"),
                        [this] { setFullPage(!isFullPage()); });
  const QString bits = tr("Table of bits, while it has the focus");
  commands_->mention(bits, tr("The next width, of all selected layers"), {Qt::Key_Plus, Qt::Key_Minus});
  commands_->mention(bits, tr("Choose from the widths of a layer"), {Qt::Key_F2});
  commands_->mention(bits, tr("Lock the selected layers, or free them"), {Qt::Key_L});
  commands_->mention(bits, tr("Another layer; with Shift several"), {Qt::Key_Up, Qt::Key_Down});
  commands_->mention(bits, tr("Select all layers"), {QKeySequence::SelectAll});
  add(tr("Help"), tr("Keys"), {QKeySequence(QStringLiteral("?")), Qt::Key_F1}, {}, [this] { showKeys(); });
  makeToolBar();
}

void MainWindow::makeToolBar() {
  auto* bar = addToolBar(tr("Study"));
  bar->setObjectName(QStringLiteral("StudyBar"));
  bar->setMovable(false);
  bar->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
  bar->addAction(runAction_);
  bar->addAction(cancelAction_);
  progress_ = new QProgressBar;
  progress_->setRange(0, 100);
  progress_->setMaximumWidth(220);
  progress_->setAccessibleName(tr("progress of the study"));
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
  file->addAction(openRunAction_);
  file->addAction(openOwnAction_);
  recent_ = file->addMenu(tr("Open recent"));
  recent_->setToolTipsVisible(true);
  connect(recent_, &QMenu::aboutToShow, this, &MainWindow::fillRecent);
  file->addAction(saveAction_);
  file->addSeparator();
  file->addAction(exportAction_);
  file->addAction(copyAction_);
  file->addSeparator();
  auto* quit = file->addAction(tr("Quit"), this, &QWidget::close);
  quit->setShortcut(QKeySequence::Quit);

  QMenu* edit = menuBar()->addMenu(tr("&Edit"));
  edit->addAction(undoAction_);
  edit->addAction(redoAction_);

  QMenu* study = menuBar()->addMenu(tr("&Study"));
  study->setToolTipsVisible(true);
  study->addAction(runAction_);
  study->addAction(cancelAction_);
  study->addAction(resumeAction_);
  study->addAction(copyRunAction_);
  study->addSeparator();
  QMenu* shipped = study->addMenu(tr("Shipped recipes"));
  shipped->setToolTipsVisible(true);
  for (const auto& recipe : shippedRecipes()) {
    auto* action =
        shipped->addAction(QString::fromStdString(recipe.name), this, [this, name = recipe.name] { openRecipe(name); });
    action->setToolTip(QString::fromStdString(recipe.description));
  }
  study->addAction(tr("Folder for new runs …"), this, &MainWindow::chooseRunsFolder)
      ->setToolTip(tr("Where Run writes to"));

  QMenu* view = menuBar()->addMenu(tr("&View"));
  for (QDockWidget* dock : findChildren<QDockWidget*>()) view->addAction(dock->toggleViewAction());
  view->addAction(tr("Reset layout"), this, &MainWindow::resetLayout);
  view->addSeparator();
  makeThemeMenu(view->addMenu(tr("Theme")));
  view->addSeparator();
  QMenu* help = menuBar()->addMenu(tr("&Help"));
  // What has keys and no other menu stands in View, so that nobody has to know the keys.
  for (const auto& entry : commands_->entries()) {
    const bool viewed = entry.group == tr("Epochs") || entry.group == tr("Pages") || entry.group == tr("Figure");
    if (viewed && entry.action != exportAction_ && entry.action != copyAction_) view->addAction(entry.action);
    if (entry.group == tr("Help")) help->addAction(entry.action);
  }
  help->addAction(tr("About Qt"), qApp, &QApplication::aboutQt);
}

void MainWindow::makeThemeMenu(QMenu* menu) {
  auto* group = new QActionGroup(menu);
  using Choice = Appearance::Choice;
  for (const auto& [choice, name] : {std::pair{Choice::System, tr("As the system")},
                                     std::pair{Choice::Light, tr("Light")}, std::pair{Choice::Dark, tr("Dark")}}) {
    QAction* action = menu->addAction(name, this, [this, choice = choice] { appearance_->choose(choice); });
    action->setCheckable(true);
    action->setChecked(choice == appearance_->choice());
    group->addAction(action);
  }
}

void MainWindow::connectParts() {
  connect(loader_, &RunLoader::loaded, this, &MainWindow::takeRun);
  connect(loader_, &RunLoader::failed, this, [this](const QString& text) {
    complain(text);
    if (!run_) pages_->setCurrentIndex(0);
  });
  const auto tint = [this] {
    runAction_->setIcon(symbol(*style(), QStyle::SP_MediaPlay));
    cancelAction_->setIcon(symbol(*style(), QStyle::SP_MediaStop));
    epochBar_->tint();
  };
  tint();
  connect(appearance_, &Appearance::themeChanged, this, tint);
  connect(appearance_, &Appearance::themeChanged, figures_, &FigureTabs::setTheme);
  figures_->setTheme(appearance_->theme());
  connect(appearance_, &Appearance::themeChanged, comparePage_, &ComparePage::setTheme);
  comparePage_->setTheme(appearance_->theme());
  connect(appearance_, &Appearance::themeChanged, bitsPage_, &BitsPage::setTheme);
  bitsPage_->setTheme(appearance_->theme());
  connect(bitsPage_, &BitsPage::hovered, this, [this](const QString& text) { statusBar()->showMessage(text); });
  connect(bitsPage_, &BitsPage::failed, this, &MainWindow::complain);
  connect(bitsPage_, &BitsPage::said, this, &MainWindow::say);
  connect(bitsPage_, &BitsPage::measuringChanged, this, [this] {
    refreshActions();
    if (closing_ && !bitsPage_->isMeasuring() && !bitsPage_->isStopping()) close();
  });
  connect(bitsPage_, &BitsPage::copyBatchCommandRequested, this, &MainWindow::copyBatchCommand);
  connect(bitsPage_, &BitsPage::fullPageRequested, fullPageAction_, &QAction::trigger);
  connect(comparePage_, &ComparePage::fullPageRequested, fullPageAction_, &QAction::trigger);
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
  connect(figures_, &FigureTabs::fullPageRequested, fullPageAction_, &QAction::trigger);
  connect(figures_, &FigureTabs::exported, this, [this](const QString& file) { say(tr("exported %1").arg(file)); });
  connect(figures_, &FigureTabs::failed, this, &MainWindow::complain);
  const auto inspect = [this] { inspector_->inspect(shownFigure()); };
  connect(figures_, &FigureTabs::shown, this, inspect);
  connect(comparePage_, &ComparePage::shown, this, inspect);
  connect(bitsPage_, &BitsPage::shown, this, inspect);
  connect(pages_, &QStackedWidget::currentChanged, this, [this, inspect] {
    inspect();
    refreshUndo();
  });
  connect(writer_, &FigureWriter::failed, this, &MainWindow::say);
  connect(writer_, &FigureWriter::finished, this,
          [this](const QString& folder) { say(tr("figures in %1").arg(folder)); });
  connect(runs_, &RunList::chosen, this, [this](const QString& directory) {
    const bool starting = job_ && job_->directory() == directory.toStdString() && !isRunDirectory(job_->directory());
    if (!starting && (shown_ != directory.toStdString() || !run_)) openPath(directory);
  });
  for (QUndoStack* history : {form_->history(), bitsPage_->history()}) {
    connect(history, &QUndoStack::canUndoChanged, this, &MainWindow::refreshUndo);
    connect(history, &QUndoStack::canRedoChanged, this, &MainWindow::refreshUndo);
  }
  refreshUndo();
  connect(form_, &RecipeForm::edited, this, &MainWindow::refreshActions);
  statusBar();
}

Figure* MainWindow::shownFigure() const {
  if (isComparing()) return comparePage_->figure();
  return isChoosingBits() ? bitsPage_->figure() : figures_->current();
}

bool MainWindow::isComparing() const {
  return pages_->currentWidget() == comparePage_;
}

void MainWindow::showComparison(bool on) {
  if (on && !isComparing()) {
    comparePage_->setRuns(runs_->directories());
    comparePage_->showEpoch(epochBar_->epoch());
    comparePage_->tickLikely(run_ ? QString::fromStdString(run_->directory.string()) : QString());
    pages_->setCurrentWidget(comparePage_);
    if (const QString missing = comparePage_->message(); !missing.isEmpty()) statusBar()->showMessage(missing, 8000);
  }
  if (on) {
    const auto epochs = comparePage_->epochs();
    if (!epochs.empty()) epochBar_->setEpochs(epochs, epochs.back());
    comparePage_->showEpoch(epochBar_->epoch());
  } else if (isComparing()) {
    showOwnPage();
  }
  refreshActions();
}

/// From another page back to the run that is open: its figures have kept up, the epochs may be those of a comparison.
void MainWindow::showOwnPage() {
  if (!run_) return pages_->setCurrentIndex(0);
  epochBar_->setEpochs(run_->epochs(), run_->info.epochs);
  pages_->setCurrentWidget(figures_->count() > 0 ? figures_->parentWidget() : waiting_);
}

bool MainWindow::isChoosingBits() const {
  return pages_->currentWidget() == bitsPage_;
}

void MainWindow::showBits(bool on) {
  if (on == isChoosingBits()) return;
  if (on) {
    if (run_) bitsPage_->showRun(run_);
    pages_->setCurrentWidget(bitsPage_);
  } else {
    showOwnPage();
  }
  refreshActions();
}

void MainWindow::undoOrRedo(bool redo) {
  QUndoStack* history = isChoosingBits() ? bitsPage_->history() : form_->history();
  redo ? history->redo() : history->undo();
}

void MainWindow::refreshUndo() {
  const QUndoStack* history = isChoosingBits() ? bitsPage_->history() : form_->history();
  undoAction_->setEnabled(history->canUndo());
  redoAction_->setEnabled(history->canRedo());
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
    if (isWeightsName(file)) {
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

void MainWindow::exportFigure() {
  if (isComparing()) return comparePage_->exportFigure(QString());
  if (isChoosingBits()) return bitsPage_->exportFigure(bitsPage_->figure(), QString());
  figures_->exportCurrent(QString());
}

void MainWindow::findFigure() {
  if (isComparing()) {
    if (QString why = comparePage_->message(); comparePage_->choice()->isEnabled()) {
      setFullPage(false);
      comparePage_->choice()->setFocus();
      comparePage_->choice()->showPopup();
    } else {
      statusBar()->showMessage(why, 6000);
    }
    return;
  }
  if (isChoosingBits()) showBits(false);
  if (figures_->count() == 0)
    return statusBar()->showMessage(tr("No run is open that has figures to choose from"), 6000);
  figures_->showList();
}

void MainWindow::showInspector() {
  setFullPage(false);
  auto* dock = findChild<QDockWidget*>(QStringLiteral("InspectorDock"));
  dock->show();
  dock->raise();
  inspector_->setFocus();
}

void MainWindow::showKeys() {
  auto* box = new QMessageBox(QMessageBox::NoIcon, tr("Keys"), commands_->sheet(), QMessageBox::Close, this);
  box->setAttribute(Qt::WA_DeleteOnClose);
  box->open();
}

}  // namespace eigenscape
