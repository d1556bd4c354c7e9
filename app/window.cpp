// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window.h"

#include <QApplication>
#include <QMainWindow>

#include "core/results/error.h"

namespace eigenscape {

int runWindow(int argc, char** argv, const std::string& path) {
  const bool display = qEnvironmentVariableIsSet("DISPLAY") || qEnvironmentVariableIsSet("WAYLAND_DISPLAY") ||
                       qEnvironmentVariableIsSet("QT_QPA_PLATFORM");
  if (!display) throw RecipeError("no display to open the window on; --batch RECIPE --out DIR needs none");
  const QApplication application(argc, argv);
  QMainWindow window;
  window.setWindowTitle(QString::fromStdString(path));
  window.show();
  return QApplication::exec();
}

}  // namespace eigenscape
