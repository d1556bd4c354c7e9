// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/picture_saver.h"

#include <QPointer>
#include <QThread>
#include <exception>
#include <memory>

#include "views/order_picture.h"
#include "views/picture.h"

namespace eigenscape {

PictureSaver::~PictureSaver() {
  for (auto* thread : findChildren<QThread*>()) thread->wait();
}

void PictureSaver::save(const QImage& image, const std::filesystem::path& file) {
  const auto problem = std::make_shared<QString>();
  QThread* thread = QThread::create([image, file, problem] {
    try {
      writePng(image, file);
    } catch (const std::exception& error) {
      *problem = QString::fromUtf8(error.what()).section('\n', 0, 0);
    }
  });
  thread->setParent(this);
  connect(thread, &QThread::finished, this, [this, thread, problem, file] {
    thread->deleteLater();
    if (problem->isEmpty()) {
      Q_EMIT saved(QString::fromStdString(file.string()));
    } else {
      Q_EMIT failed(*problem);
    }
  });
  thread->start();
}

void PictureSaver::save(Figure& figure, const QString& file, const ExportOptions& options) {
  const auto say = [this](const std::exception& error) {
    Q_EMIT failed(QString::fromUtf8(error.what()).section('\n', 0, 0));
  };
  try {
    if (!file.endsWith(QLatin1String(".png"))) {
      figure.exportTo(file.toStdString(), options);
      Q_EMIT saved(file);
      return;
    }
    orderPicture(figure, options, [self = QPointer(this), target = &figure, file, options, say] {
      if (!self) return;
      try {
        self->save(target->picture(options), file.toStdString());
      } catch (const std::exception& error) {
        say(error);
      }
    });
  } catch (const std::exception& error) {
    say(error);
  }
}

}  // namespace eigenscape
