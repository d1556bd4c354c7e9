// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/run_list.h"

#include <QDir>
#include <QFileInfo>
#include <QSettings>

namespace eigenscape {
namespace {

constexpr int most = 20;
constexpr int directoryRole = Qt::UserRole;
const char* const settingsKey = "recentRuns";

void label(QListWidgetItem* item, const QString& state) {
  const QString name = QFileInfo(item->data(directoryRole).toString()).fileName();
  item->setText(state.isEmpty() ? name : QStringLiteral("%1   %2").arg(name, state));
}

}  // namespace

RunList::RunList(QWidget* parent) : QListWidget(parent) {
  setToolTip(tr("Runs that were opened or made lately"));
  setAccessibleName(tr("runs"));
  setTextElideMode(Qt::ElideMiddle);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  for (const QString& directory : QSettings().value(settingsKey).toStringList()) {
    // Asking a network drive for its files could take long; what is gone is said when it is opened.
    auto* item = new QListWidgetItem(this);
    item->setData(directoryRole, directory);
    item->setToolTip(directory);
    label(item, QString());
  }
  connect(this, &QListWidget::itemActivated, this,
          [this](QListWidgetItem* item) { Q_EMIT chosen(item->data(directoryRole).toString()); });
  connect(this, &QListWidget::itemClicked, this,
          [this](QListWidgetItem* item) { Q_EMIT chosen(item->data(directoryRole).toString()); });
}

QListWidgetItem* RunList::find(const QString& directory) const {
  for (int i = 0; i < count(); ++i) {
    if (item(i)->data(directoryRole).toString() == directory) return item(i);
  }
  return nullptr;
}

void RunList::put(const QString& directory, const QString& state) {
  QListWidgetItem* entry = find(directory);
  if (!entry) {
    entry = new QListWidgetItem;
    entry->setData(directoryRole, directory);
    entry->setToolTip(directory);
    insertItem(0, entry);
  }
  label(entry, state);
  setCurrentItem(entry);
  while (count() > most) delete takeItem(count() - 1);
  keep();
}

void RunList::setState(const QString& directory, const QString& state) {
  if (QListWidgetItem* entry = find(directory)) label(entry, state);
}

void RunList::remove(const QString& directory) {
  delete find(directory);
  keep();
}

QStringList RunList::directories() const {
  QStringList list;
  for (int i = 0; i < count(); ++i) list << item(i)->data(directoryRole).toString();
  return list;
}

void RunList::keep() const {
  QSettings().setValue(settingsKey, directories());
}

}  // namespace eigenscape
