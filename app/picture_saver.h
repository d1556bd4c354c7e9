// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QImage>
#include <QObject>
#include <QString>
#include <filesystem>

#include "views/figure.h"

namespace eigenscape {

/// Writes pictures as PNG on threads of their own: packing one takes as long as drawing it.
class PictureSaver : public QObject {
  Q_OBJECT
 public:
  using QObject::QObject;
  /// Waits for what is being written.
  ~PictureSaver() override;

  void save(const QImage& image, const std::filesystem::path& file);
  /// A figure in the format of the file's suffix, which must stay until it is saved; what is no PNG is written at once.
  void save(Figure& figure, const QString& file, const ExportOptions& options);

 Q_SIGNALS:
  void saved(const QString& file);
  void failed(const QString& message);
};

}  // namespace eigenscape
