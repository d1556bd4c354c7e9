// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/draw.h"

#include <QApplication>
#include <QStringList>
#include <clocale>

#include "views/figure.h"

namespace eigenscape {
namespace {

/// Qt's remarks about a machine without a desktop help nobody who runs a batch.
void onlyErrors(QtMsgType type, const QMessageLogContext&, const QString& text) {
  if (type == QtCriticalMsg || type == QtFatalMsg) std::fprintf(stderr, "%s\n", qPrintable(text));
}

}  // namespace

std::vector<std::filesystem::path> drawFigures(const RunResults& run, const std::vector<std::string>& formats,
                                               const std::optional<std::pair<int, int>>& sizeMm) {
  if (formats.empty()) return {};
  // Figures come out the same whatever display there may be.
  qputenv("QT_QPA_PLATFORM", "offscreen");
  qInstallMessageHandler(onlyErrors);
  static char name[] = "eigenscape";
  static char* arguments[] = {name, nullptr};
  int count = 1;
  const QApplication application(count, arguments);
  std::setlocale(LC_NUMERIC, "C");  // Qt takes the user's locale; our tables keep the decimal point
  QStringList list;
  for (const auto& format : formats) list << QString::fromStdString(format);
  ExportOptions options;
  if (sizeMm) options.widthMm = sizeMm->first, options.heightMm = sizeMm->second;
  return renderRun(run, list, options);
}

}  // namespace eigenscape
