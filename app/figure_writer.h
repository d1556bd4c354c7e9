// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <functional>
#include <memory>
#include <vector>

#include "views/figure.h"

namespace eigenscape {

class PictureSaver;

/// Writes the figures of finished runs into their folders, as --batch does; one for each turn of the event loop, so
/// that the window goes on answering.
class FigureWriter : public QObject {
  Q_OBJECT
 public:
  explicit FigureWriter(QObject* parent = nullptr);

  void write(std::shared_ptr<const RunResults> run);

 Q_SIGNALS:
  void finished(const QString& folder);
  void failed(const QString& message);

 private:
  struct Task {
    std::shared_ptr<const RunResults> run;
    FigureId id;
    bool last;
  };
  void next();

  PictureSaver* saver_;
  std::vector<Task> tasks_;  ///< the first is being done
  std::unique_ptr<Figure> figure_;
  std::function<void()> goOn_;  ///< when its file is written
};

}  // namespace eigenscape
