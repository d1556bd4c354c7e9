// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

namespace eigenscape {

/// What an empty window shows: three doors.
class Welcome : public QWidget {
  Q_OBJECT
 public:
  explicit Welcome(QWidget* parent = nullptr);

 Q_SIGNALS:
  void quickstartRequested();
  void openRunRequested();
  void ownModelRequested();
};

}  // namespace eigenscape
