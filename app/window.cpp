// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window.h"

#include <QApplication>
#include <QIcon>
#include <QTimer>
#include <clocale>

#include "app/main_window.h"
#include "core/results/error.h"

namespace eigenscape {

int runWindow(int argc, char** argv, const std::string& path) {
  const bool display = qEnvironmentVariableIsSet("DISPLAY") || qEnvironmentVariableIsSet("WAYLAND_DISPLAY") ||
                       qEnvironmentVariableIsSet("QT_QPA_PLATFORM");
  if (!display) throw RecipeError("no display to open the window on; --batch RECIPE --out DIR needs none");
  const QApplication application(argc, argv);
  std::setlocale(LC_NUMERIC, "C");  // Qt takes the user's locale; our tables keep the decimal point
  QApplication::setOrganizationName(QStringLiteral("Eigenscape"));
  QApplication::setApplicationName(QStringLiteral("Eigenscape"));
  QApplication::setWindowIcon(QIcon(QStringLiteral(":/icons/eigenscape.svg")));
  MainWindow window;
  window.show();
  if (!path.empty()) {
    // The window first, then what it shows.
    QTimer::singleShot(0, &window, [&] { window.openPath(QString::fromStdString(path)); });
  }
  return QApplication::exec();
}

}  // namespace eigenscape
