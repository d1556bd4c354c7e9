// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QListWidget>
#include <QString>
#include <QStringList>

namespace eigenscape {

/// The runs that were opened or made lately, the newest first; kept from one start to the next.
class RunList : public QListWidget {
  Q_OBJECT
 public:
  explicit RunList(QWidget* parent = nullptr);

  /// Puts the run on top, with a word on how it stands ("done", "43 %").
  void put(const QString& directory, const QString& state);
  void setState(const QString& directory, const QString& state);
  void remove(const QString& directory);
  QStringList directories() const;

 Q_SIGNALS:
  void chosen(const QString& directory);

 private:
  QListWidgetItem* find(const QString& directory) const;
  void keep() const;
};

}  // namespace eigenscape
