// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/figure_writer.h"

#include <QTimer>
#include <utility>

#include "core/results/error.h"

namespace eigenscape {

void FigureWriter::write(std::shared_ptr<const RunResults> run) {
  const auto ids = availableFigures(*run);
  const bool idle = tasks_.empty();
  for (const auto& id : ids) tasks_.push_back({run, id, id == ids.back()});
  if (idle && !tasks_.empty()) QTimer::singleShot(0, this, &FigureWriter::next);
}

void FigureWriter::next() {
  const Task task = std::move(tasks_.front());
  tasks_.erase(tasks_.begin());
  try {
    renderFigure(*task.run, task.id, {QStringLiteral("png")});
  } catch (const RunError& error) {
    Q_EMIT failed(QString::fromUtf8(error.what()));
  }
  if (task.last) Q_EMIT finished(QString::fromStdString((task.run->directory / "figures").string()));
  if (!tasks_.empty()) QTimer::singleShot(0, this, &FigureWriter::next);
}

}  // namespace eigenscape
