// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QCoreApplication>
#include <QPointer>
#include <QProcess>
#include <QString>
#include <QTabWidget>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>

#include "core/results/run_directory.h"
#include "views/figure.h"

class QToolButton;

namespace eigenscape {

class PictureSaver;

/// A tab per figure of the run. All show the same epoch; those that are hidden catch up when they are looked at.
class FigureTabs : public QTabWidget {
  Q_OBJECT
 public:
  explicit FigureTabs(QWidget* parent = nullptr);
  ~FigureTabs() override;

  /// Tabs for figures that the run has gained are added at their place; the others stay as they are.
  void showRun(std::shared_ptr<const RunResults> run, std::int64_t epoch);
  void showEpoch(std::int64_t epoch);
  void setTheme(Theme theme);
  /// While nobody looks, nothing is drawn.
  void setLookedAt(bool on);
  /// The page's next figure after the current one, or its first; false when it has none.
  bool showPage(int page);
  /// All figures by name, to choose from.
  void showList();
  /// The tabs and the button at their end.
  void setBarVisible(bool on);
  /// Takes all tabs away.
  void clearFigures();
  Figure* current() const;
  Figure* figure(int index) const;
  /// Asks for a file and exports the current figure; an empty format is asked for by the file's suffix.
  void exportCurrent(const QString& format);
  /// Has frames of the current figure at all epochs drawn, by the program of setProgram: this one unless it is a test.
  void animateCurrent();
  void setProgram(const QString& program) { program_ = program; }

 Q_SIGNALS:
  void hovered(const QString& text);
  void shown(eigenscape::Figure* figure);  ///< another figure, or the same with another epoch or run; null: none
  void figuresChanged();                   ///< there are more or fewer
  void copyBatchCommandRequested();
  void fullPageRequested();
  void exported(const QString& file);
  void failed(const QString& message);

 protected:
  void tabInserted(int index) override;
  void tabRemoved(int index) override;

 private:
  Figure* addFigure(int index, const FigureId& id);
  void bringUpToDate(int index);
  void countFigures();

  QToolButton* all_;  ///< at the bar's end
  PictureSaver* saver_;
  std::shared_ptr<const RunResults> run_;
  std::int64_t epoch_ = 0;
  Theme theme_ = Theme::Light;
  bool lookedAt_ = true;
  QPointer<QProcess> animation_;
  QString program_ = QCoreApplication::applicationFilePath();
  std::set<Figure*> stale_;
};

}  // namespace eigenscape
