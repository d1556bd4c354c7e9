// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/appearance.h"

#include <QApplication>
#include <QEvent>
#include <QPainter>
#include <QPalette>
#include <QPixmap>
#include <QSettings>
#include <utility>

namespace eigenscape {
namespace {

const char* const settingsKey = "theme";

Appearance::Choice remembered() {
  const QString word = QSettings().value(settingsKey).toString();
  if (word == QLatin1String("light")) return Appearance::Choice::Light;
  if (word == QLatin1String("dark")) return Appearance::Choice::Dark;
  return Appearance::Choice::System;
}

bool isDark(const QPalette& palette) {
  return palette.color(QPalette::Window).lightness() < palette.color(QPalette::WindowText).lightness();
}

struct Shades {
  QColor window, field, stripe, text, faint, highlight, link;
};

QPalette paletteOf(const Shades& shades) {
  // Fusion and its like derive bevels and shadows from the button's colour.
  QPalette palette(shades.window, shades.window);
  for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText, QPalette::ToolTipText}) {
    palette.setColor(role, shades.text);
    palette.setColor(QPalette::Disabled, role, shades.faint);
  }
  palette.setColor(QPalette::BrightText, shades.text);
  palette.setColor(QPalette::Base, shades.field);
  palette.setColor(QPalette::AlternateBase, shades.stripe);
  palette.setColor(QPalette::ToolTipBase, shades.stripe);
  palette.setColor(QPalette::PlaceholderText, shades.faint);
  palette.setColor(QPalette::Highlight, shades.highlight);
  palette.setColor(QPalette::HighlightedText, Qt::white);
  palette.setColor(QPalette::Link, shades.link);
  palette.setColor(QPalette::LinkVisited, shades.link);
  return palette;
}

QPalette lightPalette() {
  return paletteOf({"#f0f0f0", "#ffffff", "#f7f7f7", "#1a1a1a", "#767676", "#1f6fb2", "#0b5ea8"});
}

QPalette darkPalette() {
  return paletteOf({"#2a2c31", "#1f2125", "#26282d", "#e6e6e6", "#8d9097", "#2f74b5", "#78b7ee"});
}

}  // namespace

Appearance::Appearance(QObject* parent) : QObject(parent), choice_(remembered()) {
  // A window before this one may have chosen otherwise.
  apply();
  notice();
  qApp->installEventFilter(this);
}

void Appearance::choose(Choice choice) {
  choice_ = choice;
  const char* const words[] = {"system", "light", "dark"};
  QSettings().setValue(settingsKey, QString::fromLatin1(words[int(choice)]));
  apply();
  notice();
}

void Appearance::apply() {
  // An empty palette is the desktop's own.
  QApplication::setPalette(choice_ == Choice::Dark    ? darkPalette()
                           : choice_ == Choice::Light ? lightPalette()
                                                      : QPalette());
}

void Appearance::notice() {
  const Theme now = isDark(QApplication::palette()) ? Theme::Dark : Theme::Light;
  if (now == theme_) return;
  theme_ = now;
  Q_EMIT themeChanged(now);
}

/// The desktop may change its colours while the window is open.
bool Appearance::eventFilter(QObject* watched, QEvent* event) {
  if (watched == qApp && event->type() == QEvent::ApplicationPaletteChange) notice();
  return QObject::eventFilter(watched, event);
}

QIcon symbol(const QStyle& style, QStyle::StandardPixmap picture) {
  QIcon icon;
  const QIcon plain = style.standardIcon(picture);
  for (const auto& [mode, group] :
       {std::pair{QIcon::Normal, QPalette::Active}, std::pair{QIcon::Disabled, QPalette::Disabled}}) {
    for (const int size : {16, 24, 32, 48}) {
      QPixmap pixmap = plain.pixmap(size, size);
      QPainter painter(&pixmap);
      painter.setCompositionMode(QPainter::CompositionMode_SourceIn);
      painter.fillRect(pixmap.rect(), QApplication::palette().color(group, QPalette::ButtonText));
      painter.end();
      icon.addPixmap(pixmap, mode);
    }
  }
  return icon;
}

ToneLabel::ToneLabel(Tone tone, QWidget* parent) : QLabel(parent), tone_(tone) {
  setWordWrap(true);
  if (tone == Tone::Alarm) {
    setMargin(8);
    setAutoFillBackground(true);
  } else {
    QFont small = font();
    small.setPointSizeF(small.pointSizeF() * 0.9);
    setFont(small);
  }
  paint();
}

void ToneLabel::paint() {
  QPalette colours = QApplication::palette();
  const bool dark = isDark(colours);
  switch (tone_) {
    case Tone::Faint:
      colours.setColor(QPalette::WindowText, dark ? "#b2b4b9" : "#555555");
      break;
    case Tone::Problem:
      colours.setColor(QPalette::WindowText, dark ? "#ff9a8f" : "#b3261e");
      break;
    case Tone::Alarm:
      colours.setColor(QPalette::WindowText, dark ? "#ffdad5" : "#7f1d1d");
      colours.setColor(QPalette::Window, dark ? "#55231f" : "#fbe9e7");
      break;
  }
  if (colours != palette()) setPalette(colours);
}

void ToneLabel::changeEvent(QEvent* event) {
  if (event->type() == QEvent::ApplicationPaletteChange || event->type() == QEvent::PaletteChange) paint();
  QLabel::changeEvent(event);
}

}  // namespace eigenscape
