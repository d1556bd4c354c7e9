// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/draw.h"

#include <QApplication>
#include <QStringList>

#include "views/figure.h"

namespace eigenscape {
namespace {

/// Qt's remarks about a machine without a desktop help nobody who runs a batch.
void onlyErrors(QtMsgType type, const QMessageLogContext&, const QString& text) {
  if (type == QtCriticalMsg || type == QtFatalMsg) std::fprintf(stderr, "%s\n", qPrintable(text));
}

}  // namespace

std::vector<std::filesystem::path> drawFigures(const RunResults& run, const std::vector<std::string>& formats) {
  if (formats.empty()) return {};
  // Figures come out the same whatever display there may be.
  qputenv("QT_QPA_PLATFORM", "offscreen");
  qInstallMessageHandler(onlyErrors);
  static char name[] = "eigenscape";
  static char* arguments[] = {name, nullptr};
  int count = 1;
  const QApplication application(count, arguments);
  QStringList list;
  for (const auto& format : formats) list << QString::fromStdString(format);
  return renderRun(run, list);
}

}  // namespace eigenscape
