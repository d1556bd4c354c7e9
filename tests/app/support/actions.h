// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAction>

#include "app/commands.h"
#include "app/main_window.h"

/// What the window can do, by the words on its button; null where there is nothing of that name.
inline const QAction* actionOf(const eigenscape::MainWindow& window, const QString& text) {
  for (const auto& entry : window.commands().entries()) {
    if (entry.action && entry.action->iconText() == text) return entry.action;
  }
  return nullptr;
}
