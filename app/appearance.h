// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QIcon>
#include <QLabel>
#include <QObject>
#include <QStyle>

#include "views/style.h"

namespace eigenscape {

/// Whether the window is light or dark: as the desktop has it, or as was chosen; kept from one start to the next.
class Appearance : public QObject {
  Q_OBJECT
 public:
  enum class Choice { System, Light, Dark };

  /// Applies what was chosen last.
  explicit Appearance(QObject* parent = nullptr);

  Choice choice() const { return choice_; }
  void choose(Choice choice);
  /// What the window looks like now, and figures with it.
  Theme theme() const { return theme_; }

 Q_SIGNALS:
  void themeChanged(eigenscape::Theme theme);

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void apply();
  void notice();

  Choice choice_;
  Theme theme_ = Theme::Light;
};

/// A picture of the style in the colour of text: as it comes, it is meant for light windows.
QIcon symbol(const QStyle& style, QStyle::StandardPixmap picture);

/// A line of text that means something: its colours follow the theme.
class ToneLabel : public QLabel {
  Q_OBJECT
 public:
  enum class Tone {
    Faint,    ///< a remark in small type
    Problem,  ///< what is wrong, in small type beside the thing
    Alarm     ///< what went wrong, on a ground of its own
  };
  explicit ToneLabel(Tone tone, QWidget* parent = nullptr);

 protected:
  void changeEvent(QEvent* event) override;

 private:
  void paint();

  Tone tone_;
};

}  // namespace eigenscape
