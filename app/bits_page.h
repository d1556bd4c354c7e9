// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QUndoStack>
#include <QWidget>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/bits_table.h"
#include "app/job.h"
#include "core/results/run_directory.h"
#include "views/style.h"

class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QProgressBar;
class QPushButton;
class QSlider;
class QStackedWidget;
class QTabWidget;
class QTemporaryDir;

namespace eigenscape {

class BitSolver;
class BitsLandscape;
class Figure;
class PictureSaver;
class RunLoader;
class ToneLabel;
struct BitAnswer;
struct BitTables;
struct CostUnit;
struct NamedSetting;

/// The workbench: bits of every layer to edit and to lock, a budget that is solved for anew with every move, what the
/// setting is predicted to cost beside the frontier, its measured loss and accuracy, and the loss landscape of the
/// network with these bits beside that in floating point. Solving and measuring have threads of their own.
class BitsPage : public QWidget {
  Q_OBJECT
 public:
  explicit BitsPage(QWidget* parent = nullptr);
  ~BitsPage() override;

  /// The run whose sensitivities are worked with; its own rows stay as they are. The same run once more (it goes on)
  /// keeps the bits and the locks as long as the layers and their widths are the same.
  void showRun(std::shared_ptr<const RunResults> run);
  void clear();
  /// While nobody looks, nothing is solved and nothing is drawn.
  void setLookedAt(bool on);
  void setTheme(Theme theme);
  /// Why nothing can be measured just now; empty: it can. The run's own reasons come on top.
  void setBusy(const QString& why);

  QUndoStack* history() { return &history_; }
  BitsView* table() const { return view_; }
  QSlider* slider() const { return slider_; }
  QDoubleSpinBox* share() const { return share_; }
  QComboBox* costChoice() const { return cost_; }
  QPushButton* measureButton() const { return measure_; }
  QPushButton* keepButton() const { return keep_; }
  QPushButton* saveButton() const { return save_; }
  QPushButton* landscapeButton() const { return evaluate_; }
  BitsLandscape* landscape() const { return landscape_; }
  QTabWidget* tabs() const { return tabs_; }
  Figure* bars() const { return bars_; }
  Figure* frontier() const { return frontier_; }
  /// What was measured, of the run and of the workbench, by size.
  Figure* accuracy() const { return accuracy_; }
  /// The one that was clicked last, at first the frontier; the bars where that is a landscape which is not known, but
  /// alone on the page nothing stands in for it. Null where there is no workbench.
  Figure* figure() const;
  /// That figure alone.
  void setFullPage(bool on);
  /// Why there is no workbench; empty where there is one.
  QString message() const;
  QString statusText() const;
  /// What the budget that is shown allows, and by how much the bits exceed it.
  QString budgetText() const;
  /// What is to be known of Ω; empty: nothing.
  QString remark() const;
  const HeldBits& held() const { return held_; }
  void setHeld(const HeldBits& held, const QString& what, int mergeId = -1);
  /// Writes the bits that are shown as a bits.json. Throws RunError.
  void saveTo(const QString& file) const;
  /// The same as the user wants it: says how it went, and batchSettings() names the file from now on.
  void save(const QString& file);
  /// Recipe keys and values that give a run the bits that are shown, and the landscape where that is the figure; empty
  /// as long as the user has not saved them.
  std::vector<std::string> batchSettings() const;
  /// Takes the bits of such a file; asks which, where it has several settings. Throws RunError.
  void loadFrom(const QString& file);
  /// Asks for a file and exports; an empty format is asked for too.
  void exportFigure(Figure* figure, const QString& format);
  /// A setting, or a landscape.
  bool isMeasuring() const { return job_ != nullptr; }
  /// Whether what was given up is still in its last batch.
  bool isStopping() const { return retired_ != nullptr; }
  /// Gives up what is being measured; until its last batch is done nothing else is.
  void stopMeasuring();
  /// Evaluates the chosen landscape at the bits that are shown, in the background; shows it where it is known.
  void evaluateLandscape();

 Q_SIGNALS:
  void shown();             ///< another figure, or the same with other bits
  void settled();           ///< an answer has arrived and is shown
  void measuringChanged();  ///< isMeasuring() or isStopping()
  void measured();
  void hovered(const QString& text);
  void failed(const QString& message);
  void said(const QString& line);
  void copyBatchCommandRequested();
  void fullPageRequested();

 private:
  void makeControls();
  QWidget* makeBudget();
  QWidget* makeProgress();
  QWidget* makeFigures();
  void connectParts();
  void connectFigure(Figure* figure);
  std::vector<Figure*> figures() const;
  /// Whether bits of the one are bits of the other.
  static bool areAlike(const std::vector<LayerChoices>& one, const std::vector<LayerChoices>& other);
  void takeLayers();
  void readLayers();
  void takeRows();
  void showLayers();
  HeldBits firstBits() const;
  void takeMeasured();
  void take(const BitAnswer& answer);
  void takeTables(std::shared_ptr<const BitTables> tables);
  void apply(const HeldBits& held);
  void budgetMoved();
  void choose(Figure* figure);
  void followLandscape();
  void solve();
  void showBudget();
  void showAmount();
  void editBits(const BitEdits& edits);
  void editLocks(const std::vector<int>& rows, bool on);
  void showStatus();
  void showFigures();
  void showTab();
  std::shared_ptr<RunResults> shownRun() const;
  std::shared_ptr<const RunResults> measuredRun(RunResults shown) const;
  QString jobObstacle() const;
  QString measureObstacle() const;
  QString landscapeObstacle() const;
  void showButtons();
  void showHint();
  CostUnit unitOf(Cost cost) const;
  void measure();
  void startJob(std::unique_ptr<Job> job, const std::shared_ptr<QTemporaryDir>& folder, const std::string& landscape);
  void showProgress(const StudyProgress& progress);
  void finishMeasuring(const JobEnd& end);
  void keep();
  void saveDialog();
  void loadDialog();
  void chooseSetting(const QString& file, const std::vector<NamedSetting>& settings);
  void takeBits(const std::vector<std::int64_t>& bits, const QString& what);

  std::shared_ptr<const RunResults> run_;
  std::shared_ptr<const std::vector<LayerChoices>> layers_;
  std::shared_ptr<const BitTables> tables_;  ///< in place of those that the run lacks
  HeldBits held_;
  /// What the controls stand at: that of held_, unless it is being solved for or no setting keeps it.
  Limit budget_;
  bool solving_ = false;  ///< an answer for budget_ is waited for
  std::optional<HeldBits> kept_;
  std::map<std::vector<std::int64_t>, std::pair<double, double>> measured_;  ///< loss and accuracy by bits
  std::set<std::vector<std::int64_t>> measuredHere_;                         ///< those that are not in the run's tables
  QString why_, busy_, problem_;
  QString savedFile_;
  std::vector<std::int64_t> savedBits_;  ///< that are in it
  std::vector<SensitivityRow> rows_;     ///< the run's, in network order
  QUndoStack history_;
  Theme theme_ = Theme::Light;
  bool lookedAt_ = false, drawn_ = false, fullPage_ = false;
  std::set<Figure*> stale_;  ///< under a tab that was not looked at since

  BitSolver* solver_;
  PictureSaver* saver_;
  QStackedWidget* pages_;
  QWidget *side_, *progressRow_;
  QLabel *message_, *status_, *amount_;
  ToneLabel *over_, *remark_;
  QProgressBar* progress_;
  QComboBox* cost_;
  QSlider* slider_;
  QDoubleSpinBox* share_;
  QPushButton *measure_, *keep_, *save_, *load_, *undo_, *redo_, *evaluate_, *cancel_;
  BitsModel* model_;
  BitsView* view_;
  Figure *bars_, *frontier_, *accuracy_;
  Figure* chosen_;  ///< null: the landscape, of which there is no picture
  QTabWidget* tabs_;
  BitsLandscape* landscape_;
  RunLoader* loader_;                   ///< of the rows of a landscape that is being evaluated
  std::unique_ptr<Job> job_, retired_;  ///< what is measured, and what is not wanted any more
  std::vector<std::int64_t> beingMeasured_;
  std::string beingEvaluated_;  ///< the landscape; empty: loss and accuracy are measured
  bool knownInFloat_ = false;   ///< that landscape, when the job began
};

}  // namespace eigenscape
