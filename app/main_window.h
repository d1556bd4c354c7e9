// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHash>
#include <QMainWindow>
#include <QString>
#include <filesystem>
#include <memory>

#include "app/job.h"
#include "core/results/run_directory.h"
#include "core/study/recipe.h"

class QAction;
class QLabel;
class QMenu;
class QPlainTextEdit;
class QProgressBar;
class QStackedWidget;

namespace eigenscape {

class Appearance;
class BitsPage;
class Commands;
class ComparePage;
class EpochBar;
class Figure;
class FigureTabs;
class FigureWriter;
class Inspector;
class RecipeForm;
class RunList;
class RunLoader;

/// The window: a run's figures, the recipe as a form, and at most one study that goes on. It never computes: studies
/// and the reading of runs have threads of their own.
class MainWindow : public QMainWindow {
  Q_OBJECT
 public:
  explicit MainWindow(QWidget* parent = nullptr);
  ~MainWindow() override;

  /// A run directory or a recipe. What cannot be opened is said in the window.
  void openPath(const QString& path);
  /// Starts what the form says, in a new folder below runsFolder().
  void startRun();
  void cancelRun();
  /// Goes on with the run that is shown.
  void resumeRun();
  void runQuickstart();
  bool isRunning() const { return job_ != nullptr; }

  RecipeForm* form() const { return form_; }
  FigureTabs* figures() const { return figures_; }
  ComparePage* comparePage() const { return comparePage_; }
  /// The page of several runs, or the figures of the one that is open.
  void showComparison(bool on);
  bool isComparing() const;
  BitsPage* bitsPage() const { return bitsPage_; }
  /// The workbench of bits, or the figures of the run that is open.
  void showBits(bool on);
  bool isChoosingBits() const;
  /// On whichever page; null: none.
  Figure* shownFigure() const;
  Appearance* appearance() const { return appearance_; }
  EpochBar* epochBar() const { return epochBar_; }
  Inspector* inspector() const { return inspector_; }
  RunList* runList() const { return runs_; }
  std::shared_ptr<const RunResults> run() const { return run_; }
  /// The last thing that went wrong; "" when nothing did since the last success.
  QString message() const;
  QString logText() const;
  /// The command line that makes the run that is shown, with all of its figures; "" where its recipe cannot be read.
  QString commandOfShownRun() const;
  /// The one that draws what is seen: this figure, of this epoch, as it was exported.
  QString commandOfShownFigure() const;

  /// The figure alone, without panels, menus and tabs.
  void setFullPage(bool on);
  bool isFullPage() const { return fullPage_; }
  /// The panels as they are at the very first start.
  void resetLayout();
  const Commands& commands() const { return *commands_; }

  static QString runsFolder();

 Q_SIGNALS:
  void runShown();  ///< a run was read and its figures show it
  void jobEnded();
  void messageShown(const QString& text);

 protected:
  void closeEvent(QCloseEvent* event) override;
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dropEvent(QDropEvent* event) override;

 private:
  void makePages();
  void makeDocks();
  void makeActions();
  void makeMenus();
  void makeThemeMenu(QMenu* menu);
  void makeToolBar();
  void connectParts();

  void openRunDialog();
  void openOwnDialog();
  void saveRecipeDialog();
  void chooseRunsFolder();
  void openRun(const std::filesystem::path& directory);
  void openRecipe(const std::string& pathOrName);
  void showRecipe(const QString& source, const Recipe& recipe);
  void useWeights(const QString& file);
  void useCheckpoints(const QString& glob);
  void keepRecipe(const QString& file);
  void fillRecent();
  void restoreLayout();
  void keepLayout();
  void cancelSelection();
  void takeRun(std::shared_ptr<const RunResults> run);
  void showFigures();
  void showOwnPage();
  void undoOrRedo(bool redo);
  void refreshUndo();
  QString studyObstacle() const;
  void launch(const Recipe& recipe, const std::filesystem::path& directory, bool resume);
  void finishJob(const JobEnd& end);
  void showProgress(const StudyProgress& progress);
  void say(const QString& line);
  void complain(const QString& text);
  QString commandOfRun(const Figure* figure) const;
  void copyCommand(QString command, const QString& remark = {});
  void copyBatchCommand();
  void exportFigure();
  void showKeys();
  void findFigure();
  void showInspector();
  void refreshActions();
  void closeSoon();

  Appearance* appearance_ = nullptr;
  QStackedWidget* pages_ = nullptr;
  FigureTabs* figures_ = nullptr;
  ComparePage* comparePage_ = nullptr;
  BitsPage* bitsPage_ = nullptr;
  EpochBar* epochBar_ = nullptr;
  Inspector* inspector_ = nullptr;
  RunList* runs_ = nullptr;
  RecipeForm* form_ = nullptr;
  QPlainTextEdit* log_ = nullptr;
  QLabel *message_ = nullptr, *phase_ = nullptr, *waiting_ = nullptr;
  QProgressBar* progress_ = nullptr;
  QAction *runAction_ = nullptr, *cancelAction_ = nullptr, *resumeAction_ = nullptr, *exportAction_ = nullptr,
          *copyAction_ = nullptr, *copyRunAction_ = nullptr, *openRunAction_ = nullptr, *openOwnAction_ = nullptr,
          *saveAction_ = nullptr, *fullPageAction_ = nullptr, *undoAction_ = nullptr, *redoAction_ = nullptr;
  Commands* commands_ = nullptr;
  QMenu* recent_ = nullptr;
  QByteArray usualLayout_, beforeFullPage_;
  bool fullPage_ = false;
  RunLoader* loader_ = nullptr;
  FigureWriter* writer_ = nullptr;
  std::unique_ptr<Job> job_;
  std::shared_ptr<const RunResults> run_;
  std::filesystem::path shown_;   ///< the directory that is shown or being read
  QString recipeSource_;          ///< where the form's recipe came from
  QHash<QString, Recipe> edits_;  ///< what was changed in the form and not run, by source
  Recipe baseline_;
  bool closing_ = false;
};

}  // namespace eigenscape
