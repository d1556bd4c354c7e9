// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/figure_writer.h"

#include <QTimer>
#include <filesystem>
#include <utility>

#include "app/picture_saver.h"
#include "core/results/error.h"
#include "core/results/tables.h"

namespace eigenscape {

FigureWriter::FigureWriter(QObject* parent) : QObject(parent), saver_(new PictureSaver(this)) {
  connect(saver_, &PictureSaver::saved, this, [this] { std::exchange(goOn_, nullptr)(); });
  connect(saver_, &PictureSaver::failed, this, [this](const QString& message) {
    Q_EMIT failed(message);
    std::exchange(goOn_, nullptr)();
  });
}

void FigureWriter::write(std::shared_ptr<const RunResults> run) {
  const auto ids = availableFigures(*run);
  const bool idle = tasks_.empty();
  for (const auto& id : ids) tasks_.push_back({run, id, id == ids.back()});
  if (idle && !tasks_.empty()) QTimer::singleShot(0, this, &FigureWriter::next);
}

void FigureWriter::next() {
  const Task task = tasks_.front();
  const auto folder = task.run->directory / "figures";
  const auto goOn = [this, task, folder] {
    if (figure_) figure_.release()->deleteLater();  // it may be what calls
    if (task.last) Q_EMIT finished(QString::fromStdString(folder.string()));
    tasks_.erase(tasks_.begin());
    if (!tasks_.empty()) QTimer::singleShot(0, this, &FigureWriter::next);
  };
  try {
    makeFolder(folder);
    figure_ = makeFigure(task.id);
    const auto epochs = task.run->epochs();
    figure_->showRun(task.run, epochs.empty() ? 0 : epochs.back());
    goOn_ = goOn;
    saver_->save(*figure_, QString::fromStdString((folder / (task.id.fileStem() + ".png").toStdString()).string()),
                 wideEnough(*figure_, {}));
  } catch (const RunError& error) {
    goOn_ = nullptr;
    Q_EMIT failed(QString::fromUtf8(error.what()));
    goOn();
  }
}

}  // namespace eigenscape
