// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAction>
#include <QKeySequence>
#include <QList>
#include <QObject>
#include <QShortcut>
#include <QString>
#include <QWidget>
#include <functional>
#include <vector>

namespace eigenscape {

/// What menus and keys can ask the window for: the one list that menus, shortcuts and the sheet of keys are made of.
class Commands : public QObject {
  Q_OBJECT
 public:
  struct Entry {
    QString group;
    QAction* action = nullptr;  ///< null: a key that a part of the window has for itself while it has the focus
    QString text;
    QList<QKeySequence> keys;
  };

  explicit Commands(QWidget* window);

  /// All of the keys do the same. Those without Ctrl, Alt or F are left to a widget that has the focus and needs them:
  /// letters to a text field, Space to a button, arrows and Space to a list.
  QAction* add(const QString& group, const QString& text, const QList<QKeySequence>& keys, const QString& help,
               std::function<void()> act);
  /// A key that a part of the window handles itself, for the sheet alone: nothing is bound to it.
  void mention(const QString& group, const QString& text, const QList<QKeySequence>& keys) {
    entries_.push_back({group, nullptr, text, keys});
  }
  const std::vector<Entry>& entries() const { return entries_; }
  /// A table of all keys, as rich text.
  QString sheet() const;
  /// Whether the widget needs the key for itself.
  static bool isNeededBy(const QWidget* focus, const QKeySequence& key);

 private:
  void focusMoved(const QWidget* now);

  QWidget* window_;
  std::vector<Entry> entries_;
  QList<QShortcut*> plain_;
};

}  // namespace eigenscape
