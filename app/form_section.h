// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QWidget>

class QFormLayout;
class QToolButton;
class QVBoxLayout;

namespace eigenscape {

/// A part of the form under a heading that folds it. Fields that few people need are below "more".
class FormSection : public QWidget {
  Q_OBJECT
 public:
  FormSection(const QString& title, bool open, QWidget* parent = nullptr);

  QString title() const;
  void addRow(const QString& label, QWidget* widget, bool advanced);
  /// A widget over the whole width.
  void addWidget(QWidget* widget);
  void setOpen(bool open);

 private:
  QToolButton *heading_ = nullptr, *more_ = nullptr;
  QWidget *body_ = nullptr, *extra_ = nullptr;
  QVBoxLayout* column_ = nullptr;
  QFormLayout *rows_ = nullptr, *extraRows_ = nullptr;
};

}  // namespace eigenscape
