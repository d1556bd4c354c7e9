// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/dropped.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>

#include "core/results/run_directory.h"

namespace eigenscape {
namespace {

using Kind = Dropped::Kind;

QString said(const char* text) {
  return QCoreApplication::translate("Dropped", text);
}

Dropped nothing(const QString& problem) {
  return {Kind::Nothing, {}, problem};
}

/// "epoch-*.pt": all checkpoints of the folder that end like the first of them.
Dropped checkpointsIn(const QDir& folder) {
  for (const char* suffix : {"safetensors", "pt", "pth", "th"}) {
    const QString pattern = QStringLiteral("*.") + QLatin1String(suffix);
    if (!folder.entryList({pattern}, QDir::Files).isEmpty()) return {Kind::Checkpoints, folder.filePath(pattern), {}};
  }
  return nothing(said("%1 holds neither a run (run.json) nor checkpoints (.safetensors, .pt, .pth, .th)")
                     .arg(folder.absolutePath()));
}

Dropped one(const QString& path) {
  const QFileInfo file(path);
  if (!file.exists()) return nothing(said("%1 does not exist").arg(path));
  if (file.isDir()) {
    if (isRunDirectory(path.toStdString())) return {Kind::Run, path, {}};
    return checkpointsIn(QDir(path));
  }
  if (file.fileName() == QLatin1String("run.json")) return {Kind::Run, file.absolutePath(), {}};
  if (file.suffix().compare(QLatin1String("toml"), Qt::CaseInsensitive) == 0) return {Kind::Recipe, path, {}};
  if (isWeightsName(path)) return {Kind::Weights, path, {}};
  return nothing(
      said("%1 cannot be opened; drop a run's folder, a recipe (.toml), or checkpoints (.safetensors, .pt, .pth, .th)")
          .arg(path));
}

/// Several files are checkpoints of one training, or a mistake.
Dropped several(const QStringList& paths) {
  const QFileInfo first(paths.front());
  for (const QString& path : paths) {
    const QFileInfo file(path);
    const bool alike = file.absolutePath() == first.absolutePath() && file.suffix() == first.suffix();
    if (!isWeightsName(path) || !alike || file.isDir()) {
      return nothing(said("%1 and %2 were dropped together; of several files, checkpoints of one folder are taken")
                         .arg(first.fileName(), file == first ? QFileInfo(paths.back()).fileName() : file.fileName()));
    }
  }
  // What the names have in common, so that others in the folder stay out as far as a glob can tell.
  QString stem = first.completeBaseName();
  for (const QString& path : paths) {
    const QString other = QFileInfo(path).completeBaseName();
    while (!other.startsWith(stem)) stem.chop(1);
  }
  while (!stem.isEmpty() && stem.back().isDigit()) stem.chop(1);
  return {Kind::Checkpoints, QDir(first.absolutePath()).filePath(stem + "*." + first.suffix()), {}};
}

}  // namespace

bool isWeightsName(const QString& file) {
  const QString suffix = QFileInfo(file).suffix().toLower();
  return suffix == "pt" || suffix == "pth" || suffix == "th" || suffix == "safetensors";
}

Dropped dropped(const QList<QUrl>& urls) {
  QStringList paths;
  for (const QUrl& url : urls) {
    if (url.isLocalFile()) paths << QDir::cleanPath(url.toLocalFile());
  }
  if (paths.isEmpty()) return nothing(said("Only files and folders of this machine can be opened."));
  return paths.size() == 1 ? one(paths.front()) : several(paths);
}

}  // namespace eigenscape
