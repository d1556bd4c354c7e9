// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/commands.h"

#include <QAbstractButton>
#include <QAbstractItemView>
#include <QAbstractSlider>
#include <QAbstractSpinBox>
#include <QApplication>
#include <QComboBox>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QTabBar>
#include <QTextEdit>
#include <utility>

namespace eigenscape {
namespace {

bool isPlain(const QKeySequence& key) {
  if (key.isEmpty()) return false;
  const auto combination = key[0];
  const bool function = combination.key() >= Qt::Key_F1 && combination.key() <= Qt::Key_F35;
  return !function && !(combination.keyboardModifiers() & (Qt::ControlModifier | Qt::AltModifier | Qt::MetaModifier));
}

bool movesAlong(const QKeySequence& key) {
  for (const auto one : {Qt::Key_Left, Qt::Key_Right, Qt::Key_Home, Qt::Key_End}) {
    if (key == QKeySequence(one)) return true;
  }
  return false;
}

QString shown(const QKeySequence& key) {
  if (key == QKeySequence(Qt::Key_Left)) return QStringLiteral("←");
  if (key == QKeySequence(Qt::Key_Right)) return QStringLiteral("→");
  if (key == QKeySequence(Qt::Key_Up)) return QStringLiteral("↑");
  if (key == QKeySequence(Qt::Key_Down)) return QStringLiteral("↓");
  return key.toString(QKeySequence::NativeText);
}

}  // namespace

Commands::Commands(QWidget* window) : QObject(window), window_(window) {
  connect(qApp, &QApplication::focusChanged, this, [this](QWidget*, QWidget* now) { focusMoved(now); });
}

QAction* Commands::add(const QString& group, const QString& text, const QList<QKeySequence>& keys, const QString& help,
                       std::function<void()> act) {
  auto* action = new QAction(text, window_);
  action->setIconText(text);
  action->setToolTip(help);
  connect(action, &QAction::triggered, this, std::move(act));
  QList<QKeySequence> own;
  for (const auto& key : keys) {
    if (!isPlain(key)) {
      own << key;
      continue;
    }
    auto* shortcut = new QShortcut(key, window_);
    shortcut->setObjectName(QStringLiteral("plain key"));
    connect(shortcut, &QShortcut::activated, action, &QAction::trigger);
    plain_ << shortcut;
  }
  action->setShortcuts(own);
  // A menu writes what follows a tab where keys stand.
  if (own.isEmpty() && !keys.isEmpty()) action->setText(text + '\t' + shown(keys.front()));
  window_->addAction(action);
  entries_.push_back({group, action, text, keys});
  return action;
}

QString Commands::sheet() const {
  QString rows, group;
  for (const auto& entry : entries_) {
    if (entry.keys.isEmpty()) continue;
    if (entry.group != group) {
      group = entry.group;
      rows += QStringLiteral("<tr><td colspan='2' style='padding-top:8px'><b>%1</b></td></tr>").arg(group);
    }
    QStringList keys;
    for (const auto& key : entry.keys) keys << shown(key).toHtmlEscaped();
    const QString text = QString(entry.action ? entry.action->iconText() : entry.text).remove('&').toHtmlEscaped();
    rows += QStringLiteral("<tr><td style='padding-right:20px'>%1</td><td>%2</td></tr>").arg(keys.join(", "), text);
  }
  return QStringLiteral("<table>%1</table>").arg(rows);
}

bool Commands::isNeededBy(const QWidget* focus, const QKeySequence& key) {
  if (!focus || !isPlain(key) || key == QKeySequence(Qt::Key_Escape)) return false;
  const bool text = qobject_cast<const QLineEdit*>(focus) || qobject_cast<const QAbstractSpinBox*>(focus) ||
                    qobject_cast<const QTextEdit*>(focus) || qobject_cast<const QPlainTextEdit*>(focus);
  if (text) return true;
  // A list's boxes are ticked by Space; of its search by letters the keys of the pages are worth more.
  if (qobject_cast<const QComboBox*>(focus) || qobject_cast<const QAbstractItemView*>(focus))
    return movesAlong(key) || key == QKeySequence(Qt::Key_Space);
  if (qobject_cast<const QAbstractButton*>(focus)) return key == QKeySequence(Qt::Key_Space);
  if (qobject_cast<const QAbstractSlider*>(focus) || qobject_cast<const QTabBar*>(focus)) return movesAlong(key);
  return false;
}

void Commands::focusMoved(const QWidget* now) {
  for (QShortcut* shortcut : plain_) shortcut->setEnabled(!isNeededBy(now, shortcut->key()));
}

}  // namespace eigenscape
