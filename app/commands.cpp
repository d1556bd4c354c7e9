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

/// In two columns: small screens have no room for all groups below one another.
QString Commands::sheet() const {
  std::vector<std::pair<QString, int>> groups;  // rows, and their number
  QString group;
  int all = 0;
  for (const auto& entry : entries_) {
    if (entry.keys.isEmpty()) continue;
    if (groups.empty() || entry.group != group) {
      group = entry.group;
      groups.emplace_back(
          QStringLiteral("<tr><td colspan='2' style='padding-top:8px'><nobr><b>%1</b></nobr></td></tr>").arg(group), 1);
      ++all;
    }
    QStringList keys;
    for (const auto& key : entry.keys) keys << shown(key).toHtmlEscaped();
    const QString text = QString(entry.action ? entry.action->iconText() : entry.text).remove('&').toHtmlEscaped();
    groups.back().first +=
        QStringLiteral("<tr><td style='padding-right:20px'><nobr>%1</nobr></td><td><nobr>%2</nobr></td></tr>")
            .arg(keys.join(", "), text);
    ++groups.back().second;
    ++all;
  }
  QString columns[2];
  int before = 0;
  for (const auto& [rows, count] : groups) {
    columns[2 * before + count > all ? 1 : 0] += rows;
    before += count;
  }
  return QStringLiteral(
             "<table><tr><td style='padding-right:30px'><table>%1</table></td><td><table>%2</table></td></tr></table>")
      .arg(columns[0], columns[1]);
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
