// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointer>
#include <QWidget>

#include "views/figure.h"

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QTreeWidget;

namespace eigenscape {

/// The panel beside the figures: what can be chosen of the figure that is shown, and what it says of itself and of the
/// picked point.
class Inspector : public QWidget {
  Q_OBJECT
 public:
  explicit Inspector(QWidget* parent = nullptr);

  /// Null: none is shown.
  void inspect(Figure* figure);
  /// Reads the figure anew: another epoch or run.
  void refresh();
  /// The value beside a name; empty where there is none.
  QString fact(const QString& name) const;

 private:
  void choose();

  QPointer<Figure> figure_;
  QComboBox *split_, *scale_;
  QDoubleSpinBox* clip_;
  QCheckBox* shared_;
  QTreeWidget* facts_;
};

}  // namespace eigenscape
