// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>

class QLineEdit;
class QListWidget;

namespace eigenscape {

class FigureTabs;

/// All figures of a bar of tabs by their whole names, under the question that they belong to: typing leaves those whose
/// names hold all the words, the arrows move, Enter chooses. Closes when something is chosen or with Esc.
class FigureList : public QFrame {
  Q_OBJECT
 public:
  explicit FigureList(FigureTabs& tabs);
  /// Its upper right corner at a point of the screen, as far as the screen has room.
  void popUp(const QPoint& corner);

  QLineEdit* search() const { return search_; }
  QListWidget* list() const { return list_; }

 Q_SIGNALS:
  void chosen(int tab);

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void fill();
  void keepUp();
  void take();

  FigureTabs& tabs_;
  QLineEdit* search_;
  QListWidget* list_;
};

}  // namespace eigenscape
