// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/main_window.h"

#include <QAction>
#include <QApplication>
#include <QCloseEvent>
#include <QDateTime>
#include <QDir>
#include <QFileInfo>
#include <QLabel>
#include <QMessageBox>
#include <QPlainTextEdit>
#include <QProgressBar>
#include <QSettings>
#include <QStackedWidget>
#include <QStandardPaths>
#include <exception>
#include <stdexcept>
#include <utility>

#include "app/appearance.h"
#include "app/bits_page.h"
#include "app/compare_page.h"
#include "app/epoch_bar.h"
#include "app/figure_tabs.h"
#include "app/figure_writer.h"
#include "app/progress_line.h"
#include "app/recipe_form.h"
#include "app/run_list.h"
#include "app/run_loader.h"
#include "core/results/error.h"

namespace eigenscape {

namespace fs = std::filesystem;

namespace {

QString fromPath(const fs::path& path) {
  return QString::fromStdString(path.string());
}

/// A run that says "running" while nobody here runs it was killed, or runs elsewhere.
QString stateWord(const RunInfo& info, bool ours) {
  if (info.status == "done") return QStringLiteral("✓");
  if (info.status == "running") return ours ? QObject::tr("running") : QObject::tr("unfinished");
  return QString::fromStdString(info.status);
}

/// A folder below the runs folder that does not exist yet.
fs::path freshDirectory(const QString& name) {
  QString clean;
  for (const QChar c : name) clean += c.isLetterOrNumber() || c == '-' || c == '_' || c == '.' ? c : QChar('-');
  const QString stamp = QDateTime::currentDateTime().toString(QStringLiteral("yyyyMMdd-HHmmss"));
  const QDir folder(MainWindow::runsFolder());
  const QString stem = clean + '-' + stamp;
  QString candidate = stem;
  for (int n = 2; folder.exists(candidate); ++n) candidate = stem + '-' + QString::number(n);
  return folder.filePath(candidate).toStdString();
}

}  // namespace

MainWindow::MainWindow(QWidget* parent) : QMainWindow(parent) {
  setWindowTitle(tr("Eigenscape"));
  setObjectName(QStringLiteral("MainWindow"));
  setAcceptDrops(true);
  appearance_ = new Appearance(this);
  loader_ = new RunLoader(this);
  writer_ = new FigureWriter(this);
  makePages();
  makeDocks();
  makeActions();
  makeMenus();
  connectParts();
  resize(1280, 800);
  restoreLayout();
  const auto& shipped = shippedRecipes().front();
  showRecipe(QString::fromStdString(shipped.name), parseRecipe(shipped.toml, shipped.name));
  refreshActions();
}

/// What histories say while they are taken down would ask the window for pages that are gone.
MainWindow::~MainWindow() {
  for (QUndoStack* history : {form_->history(), bitsPage_->history()}) history->disconnect(this);
}

QString MainWindow::runsFolder() {
  const QString documents = QStandardPaths::writableLocation(QStandardPaths::DocumentsLocation);
  return QSettings()
      .value(QStringLiteral("runsFolder"), QDir(documents).filePath(QStringLiteral("Eigenscape")))
      .toString();
}

void MainWindow::openPath(const QString& path) {
  const fs::path file = fs::absolute(path.toStdString()).lexically_normal();
  std::error_code error;
  if (fs::is_directory(file, error)) {
    openRun(file);
  } else if (file.filename() == "run.json") {
    openRun(file.parent_path());
  } else {
    openRecipe(path.toStdString());
  }
}

void MainWindow::openRun(const fs::path& directory) {
  if (!isRunDirectory(directory)) {
    return complain(tr("%1 holds no run.json; choose the folder that a run was written to").arg(fromPath(directory)));
  }
  shown_ = directory.has_filename() ? directory : directory.parent_path();
  run_.reset();
  bitsPage_->clear();
  figures_->clearFigures();
  epochBar_->restart();
  waiting_->setText(tr("Reading %1 …").arg(fromPath(shown_)));
  pages_->setCurrentWidget(waiting_);
  loader_->load(shown_);
  refreshActions();
}

void MainWindow::openRecipe(const std::string& pathOrName) {
  try {
    showRecipe(QString::fromStdString(pathOrName), loadRecipe(pathOrName));
    say(tr("recipe %1").arg(QString::fromStdString(pathOrName)));
    message_->hide();
    const QFileInfo file(QString::fromStdString(pathOrName));
    if (file.isFile()) keepRecipe(file.absoluteFilePath());
  } catch (const std::exception& error) {
    complain(QString::fromUtf8(error.what()));
  }
}

/// What was changed in the form is kept for the time when its source is looked at again.
void MainWindow::showRecipe(const QString& source, const Recipe& recipe) {
  if (!recipeSource_.isEmpty()) {
    try {
      if (form_->isChanged()) {
        edits_[recipeSource_] = form_->recipe();
      } else {
        edits_.remove(recipeSource_);
      }
    } catch (const RecipeError&) {
      edits_.remove(recipeSource_);  // what a field does not accept cannot be kept
    }
  }
  recipeSource_ = source;
  baseline_ = recipe;
  form_->setRecipe(recipe, edits_.value(source, recipe));
}

void MainWindow::useWeights(const QString& file) {
  Recipe recipe;
  recipe.name = QFileInfo(file).completeBaseName().toStdString();
  recipe.model.weights = file.toStdString();
  showRecipe(file, recipe);
  say(tr("choose the architecture that %1 belongs to, and the data set").arg(file));
  form_->editor("model.architecture")->setFocus();
}

void MainWindow::useCheckpoints(const QString& glob) {
  Recipe recipe;
  recipe.name = QFileInfo(QFileInfo(glob).absolutePath()).fileName().toStdString();
  recipe.model.checkpoints = glob.toStdString();
  showRecipe(glob, recipe);
  say(tr("choose the architecture that the checkpoints %1 belong to, and the data set").arg(glob));
  form_->editor("model.architecture")->setFocus();
}

void MainWindow::takeRun(std::shared_ptr<const RunResults> run) {
  const bool another = !run_;
  run_ = std::move(run);
  const bool ours = job_ && job_->directory() == run_->directory;
  const QString directory = fromPath(run_->directory);
  if (another) {
    message_->hide();
    runs_->put(directory, stateWord(run_->info, ours));
    if (!ours) say(tr("opened %1").arg(directory));
    if (!ours) {
      try {
        showRecipe(directory, parseRecipe(run_->recipe, fromPath(run_->directory / "recipe.toml").toStdString()));
      } catch (const RecipeError& error) {
        complain(QString::fromUtf8(error.what()));
      }
    }
  } else if (!ours) {
    runs_->setState(directory, stateWord(run_->info, false));
  }
  comparePage_->reload(directory);
  waiting_->setText(ours ? tr("The first figures appear as soon as there are results.")
                         : tr("This run holds no results yet."));
  showFigures();
  setWindowTitle(tr("%1 – Eigenscape").arg(QString::fromStdString(run_->info.name)));
  if (!ours && another && run_->info.status == "failed") complain(QString::fromStdString(run_->info.message));
  refreshActions();
  Q_EMIT runShown();
}

/// Of the run that is open; behind the page that compares runs they wait.
void MainWindow::showFigures() {
  if (!isComparing()) epochBar_->setEpochs(run_->epochs(), run_->info.epochs);
  figures_->showRun(run_, epochBar_->epoch());
  if (isChoosingBits()) bitsPage_->showRun(run_);
  if (!isComparing() && !isChoosingBits())
    pages_->setCurrentWidget(figures_->count() > 0 ? figures_->parentWidget() : waiting_);
}

/// Why no study can begin: another has all processors. Empty: one can.
QString MainWindow::studyObstacle() const {
  if (job_) return tr("A study is going on; cancel it before another one is started.");
  if (bitsPage_->isMeasuring())
    return tr("The workbench measures its bits; a study can begin when that is done or cancelled (Ctrl+.).");
  if (bitsPage_->isStopping()) return tr("What the workbench measured is coming to its end; try again in a moment.");
  return {};
}

void MainWindow::startRun() {
  if (const QString obstacle = studyObstacle(); !obstacle.isEmpty()) return complain(obstacle);
  try {
    const Recipe recipe = form_->recipe();
    validate(recipe);
    launch(recipe, freshDirectory(QString::fromStdString(recipe.name)), false);
  } catch (const std::runtime_error& error) {  // of the recipe, or of a file that it gives
    complain(QString::fromUtf8(error.what()));
  }
}

void MainWindow::resumeRun() {
  if (!run_) return;
  if (const QString obstacle = studyObstacle(); !obstacle.isEmpty()) return complain(obstacle);
  try {
    launch(parseRecipe(run_->recipe, (run_->directory / "recipe.toml").string()), run_->directory, true);
  } catch (const RecipeError& error) {
    complain(QString::fromUtf8(error.what()));
  }
}

void MainWindow::runQuickstart() {
  if (const QString obstacle = studyObstacle(); !obstacle.isEmpty()) return complain(obstacle);
  openRecipe("quickstart");
  startRun();
}

void MainWindow::launch(const Recipe& recipe, const fs::path& directory, bool resume) {
  message_->hide();
  if (!resume) {
    // The form now shows the recipe of the run that begins, and counts changes from it.
    edits_.remove(recipeSource_);
    recipeSource_.clear();
  }
  showRecipe(fromPath(directory), recipe);
  StudyOptions options;
  options.out = directory;
  options.resume = resume;
  job_ = std::make_unique<Job>(recipe, options);
  connect(job_.get(), &Job::progressed, this, &MainWindow::showProgress);
  connect(job_.get(), &Job::logged, this, &MainWindow::say);
  connect(job_.get(), &Job::ended, this, &MainWindow::finishJob);
  connect(job_.get(), &Job::changed, this, [this] {
    if (shown_ == job_->directory() && isRunDirectory(shown_)) loader_->reloadSoon();
  });
  if (!resume) {
    shown_ = directory;
    loader_->forget();
    run_.reset();
    bitsPage_->clear();
    figures_->clearFigures();
    epochBar_->restart();
    waiting_->setText(tr("Reading data and model …"));
    pages_->setCurrentWidget(waiting_);
  }
  runs_->put(fromPath(directory), tr("running"));
  say(tr("running in %1").arg(fromPath(directory)));
  loader_->follow(shown_);
  job_->start();
  refreshActions();
}

void MainWindow::cancelRun() {
  if (!job_) return bitsPage_->stopMeasuring();
  if (job_->isCancelled()) return;
  job_->cancel();
  phase_->setText(tr("cancelling …"));
  refreshActions();
}

void MainWindow::finishJob(const JobEnd& end) {
  const QString directory = fromPath(job_->directory());
  const bool isShown = shown_ == job_->directory();
  // Deleted when the signal that it sent is through.
  job_.release()->deleteLater();
  progress_->hide();
  phase_->clear();
  if (end.how == JobEnd::How::Failed) {
    runs_->setState(directory, tr("failed"));
    complain(end.message);
  } else {
    const bool done = end.how == JobEnd::How::Done;
    runs_->setState(directory, done ? QStringLiteral("✓") : tr("interrupted"));
    say(done ? tr("done: %1").arg(directory) : tr("cancelled; Study → Go on with this run continues it"));
  }
  if (end.run) writer_->write(end.run);
  if (!isRunDirectory(directory.toStdString())) runs_->remove(directory);
  if (isShown && isRunDirectory(shown_)) {
    loader_->load(shown_);
  } else if (isShown) {
    pages_->setCurrentIndex(0);
  }
  refreshActions();
  Q_EMIT jobEnded();
  if (closing_) close();
}

void MainWindow::showProgress(const StudyProgress& progress) {
  if (!job_ || job_->isCancelled()) return;
  const int percent = qRound(progress.totalFraction * 100);
  progress_->show();
  progress_->setValue(percent);
  QString text = QString::fromStdString(progress.phase);
  if (progress.secondsLeft >= 0)
    text += tr(" · %1 left").arg(QString::fromStdString(durationText(progress.secondsLeft)));
  phase_->setText(text);
  runs_->setState(fromPath(job_->directory()), QStringLiteral("%1 %").arg(percent));
}

void MainWindow::say(const QString& line) {
  log_->appendPlainText(QDateTime::currentDateTime().toString(QStringLiteral("HH:mm:ss  ")) + line);
}

void MainWindow::complain(const QString& text) {
  message_->setText(text);
  message_->show();
  say(text);
  Q_EMIT messageShown(text);
}

QString MainWindow::message() const {
  return message_->isHidden() ? QString() : message_->text();
}

QString MainWindow::logText() const {
  return log_->toPlainText();
}

void MainWindow::refreshActions() {
  const bool running = job_ != nullptr, cancelling = running && job_->isCancelled();
  const QString problem = form_->problem(), obstacle = studyObstacle();
  runAction_->setEnabled(obstacle.isEmpty() && problem.isEmpty());
  runAction_->setToolTip(!obstacle.isEmpty() ? obstacle
                         : problem.isEmpty() ? tr("Run this recipe (R)")
                                             : tr("The recipe is not complete: %1").arg(problem));
  const bool measuring = bitsPage_->isMeasuring();
  cancelAction_->setEnabled(measuring || (running && !cancelling));
  cancelAction_->setToolTip(running     ? tr("Stop; what is known is kept (Ctrl+.)")
                            : measuring ? tr("Stop what the workbench measures (Ctrl+.)")
                                        : tr("Nothing is running"));
  const bool unfinished = run_ && run_->info.status != "done";
  resumeAction_->setEnabled(unfinished && obstacle.isEmpty());
  resumeAction_->setToolTip(!unfinished          ? tr("The run that is shown is finished, or there is none")
                            : obstacle.isEmpty() ? tr("Continue where the run was interrupted")
                                                 : obstacle);
  const bool figure = shownFigure() != nullptr;
  epochBar_->setVisible(figure && !isChoosingBits());
  exportAction_->setEnabled(figure);
  bitsPage_->setBusy(running ? tr("A study is going on; measure when it is done") : QString());
  copyAction_->setEnabled(isComparing() ? figure : run_ != nullptr);
  copyRunAction_->setEnabled(run_ != nullptr);
}

void MainWindow::closeEvent(QCloseEvent* event) {
  if (job_) {
    event->ignore();
    if (!closing_) closeSoon();
    return;
  }
  if (bitsPage_->isMeasuring() || bitsPage_->isStopping()) {  // its last batch is not waited for here
    event->ignore();
    closing_ = true;
    return bitsPage_->stopMeasuring();
  }
  keepLayout();
  QMainWindow::closeEvent(event);
}

void MainWindow::closeSoon() {
  auto* question =
      new QMessageBox(QMessageBox::Question, tr("A study is going on"),
                      tr("Stop it and close the window? What is known is kept, and the run can be continued."),
                      QMessageBox::Yes | QMessageBox::No, this);
  question->setAttribute(Qt::WA_DeleteOnClose);
  connect(question, &QMessageBox::finished, this, [this](int answer) {
    if (answer != QMessageBox::Yes) return;
    closing_ = true;
    if (!job_) return static_cast<void>(close());
    cancelRun();
  });
  question->open();
}

}  // namespace eigenscape
