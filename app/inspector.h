// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointer>
#include <QWidget>
#include <functional>

#include "views/figure.h"

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
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
  /// Reads the figure anew: another epoch or run. While the panel is hidden, that waits until it is looked at.
  void refresh();
  /// The value beside a name; empty where there is none.
  QString fact(const QString& name) const;

 protected:
  void showEvent(QShowEvent* event) override;

 private:
  void choose(const std::function<void(Figure&)>& change);
  void chooseHeight(const std::function<void(HeightChoice&)>& change);

  QPointer<Figure> figure_;
  QComboBox *split_, *scale_;
  QDoubleSpinBox* clip_;
  QCheckBox* shared_;
  QTreeWidget* facts_;
};

}  // namespace eigenscape
