// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHash>
#include <QSet>
#include <QStringList>
#include <QWidget>
#include <memory>

#include "views/overlay.h"

class QComboBox;
class QLabel;
class QListWidget;
class QListWidgetItem;
class QVBoxLayout;

namespace eigenscape {

class CompareFigure;
class PictureSaver;
class RunLoader;

/// The page that shows two to four runs over or beside one another: the runs to tick, the figure to choose, and it.
class ComparePage : public QWidget {
  Q_OBJECT
 public:
  explicit ComparePage(QWidget* parent = nullptr);
  ~ComparePage() override;

  /// The runs that can be ticked; those that were ticked and are still among them stay so.
  void setRuns(const QStringList& directories);
  /// Reads the run anew if it is ticked, e.g. because it goes on: at once, or when the page is looked at.
  void reload(const QString& directory);
  /// While nobody looks, nothing is read anew and nothing is drawn.
  void setLookedAt(bool on);
  void tick(const QString& directory, bool on);
  /// Ticks the run that is looked at and, where there are just two, both; not what was unticked here before.
  void tickLikely(const QString& lookedAt);
  /// In the order of their colours: that in which they were ticked.
  QStringList ticked() const { return ticked_; }

  QListWidget* list() const { return list_; }
  QComboBox* choice() const { return choice_; }
  /// Null until two runs were read.
  CompareFigure* figure() const { return figure_; }
  /// Why there is no figure.
  QString message() const;

  /// Of all the runs that are shown, ascending.
  std::vector<std::int64_t> epochs() const;
  void showEpoch(qint64 epoch);
  void setTheme(Theme theme);
  /// The figure alone, without the list of runs.
  void setFullPage(bool on) { side_->setVisible(!on); }
  /// The command line that draws the same; "" where there is no figure.
  QString batchCommand() const;
  /// Asks for a file and exports; an empty format is asked for too.
  void exportFigure(const QString& format);

 Q_SIGNALS:
  void epochsChanged();
  void shown();  ///< another figure, or the same of other runs or another epoch; or none any more
  void hovered(const QString& text);
  void failed(const QString& message);
  void exported(const QString& file);
  void copyBatchCommandRequested();
  void fullPageRequested();

 private:
  void changed(QListWidgetItem* item);
  void load(const QString& directory);
  void forget(const QString& directory);
  void refresh();
  void showFigure();
  void showColours();
  QString state() const;

  QWidget* side_;
  QListWidget* list_;
  QComboBox* choice_;
  QLabel* message_;
  PictureSaver* saver_;
  QVBoxLayout* column_;
  CompareFigure* figure_ = nullptr;
  QStringList ticked_;
  QSet<QString> unticked_;  ///< by hand
  QSet<QString> stale_;     ///< to be read anew
  QHash<QString, RunLoader*> loaders_;
  QHash<QString, std::shared_ptr<const RunResults>> loaded_;
  ComparedRuns runs_;
  std::vector<FigureId> figures_;
  FigureId wanted_{QStringLiteral("training"), {}};
  std::int64_t epoch_ = 0;
  Theme theme_ = Theme::Light;
  bool lookedAt_ = false;
};

}  // namespace eigenscape
