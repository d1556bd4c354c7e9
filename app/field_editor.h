// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QWidget>
#include <functional>

#include "core/study/recipe.h"

class QCheckBox;
class QComboBox;
class QLabel;
class QLineEdit;
class QToolButton;

namespace eigenscape {

/// Edits one key of the recipe: a check box, a list of choices or a line of text, beside it what is wrong with it, and
/// a button that takes a change back.
class FieldEditor : public QWidget {
  Q_OBJECT
 public:
  explicit FieldEditor(const Field& field, QWidget* parent = nullptr);
  const Field& field() const { return field_; }

  /// The value as a person types it: without quotes for text.
  QString text() const;
  /// As if typed.
  void setText(const QString& text);
  /// Shows the slot's value, which is what reset goes back to.
  void setBaseline(const Slot& slot);
  /// Shows the slot's value as a change.
  void setValue(const Slot& slot);
  bool isChanged() const { return text() != baseline_; }
  void reset() { setText(baseline_); }

  /// "" when the value is good by itself.
  QString problem() const;
  /// A complaint about this key that comes from the recipe as a whole.
  void setComplaint(const QString& complaint);
  QString shownProblem() const;
  /// Writes the value into the slot. Throws RecipeError.
  void store(const Slot& slot, const std::string& key) const;

 Q_SIGNALS:
  void edited();

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void makeEditor();
  void browse();
  void refresh();

  const Field& field_;
  QString baseline_, complaint_;
  QCheckBox* check_ = nullptr;
  QComboBox* combo_ = nullptr;
  QLineEdit* line_ = nullptr;
  QToolButton* reset_ = nullptr;
  QLabel* problem_ = nullptr;
};

/// The slot's value as a person types it.
QString typedText(const Slot& slot);

}  // namespace eigenscape
