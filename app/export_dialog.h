// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>

#include "views/figure.h"

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QLineEdit;
class QPushButton;
class QSpinBox;

namespace eigenscape {

class PictureSaver;

/// Asks how a figure is to be written: file, format, size on paper, size of type, pixel density.
class ExportDialog : public QDialog {
  Q_OBJECT
 public:
  /// `format` is what is chosen at first; empty: the figure's first one.
  ExportDialog(const Figure& figure, const QString& folder, const QString& format, QWidget* parent = nullptr);
  /// Opens one; what it is told, `saver`, which is `parent`'s, then does, if the figure is still there.
  static void ask(Figure& figure, const QString& folder, const QString& format, QWidget* parent, PictureSaver& saver);

  QString file() const;
  QString format() const;
  ExportOptions options() const;

 Q_SIGNALS:
  void commandRequested();  ///< the command line that draws figures with what is chosen

 private:
  void formatChosen();
  void refresh();
  void browse();

  QLineEdit* file_;
  QComboBox *format_, *style_;
  QSpinBox *width_, *height_, *scale_;
  QDoubleSpinBox* font_;
  QCheckBox* caption_;
  QLabel* remark_;
  QPushButton *export_, *copy_;
  bool comparison_;
};

/// What the command line of a run needs besides, with a leading space, so that --batch and --render draw the figure as
/// it was last exported; empty where they do already.
QString exportArguments(const Figure& figure);

/// The same for a command that draws this figure alone, as it shows that epoch of a run that goes to `last`.
QString figureArguments(const Figure& figure, std::int64_t epoch, std::int64_t last);

}  // namespace eigenscape
