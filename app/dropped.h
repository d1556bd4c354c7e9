// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>
#include <QString>
#include <QUrl>

namespace eigenscape {

/// What files and folders that were dropped on the window are.
struct Dropped {
  enum class Kind { Run, Recipe, Weights, Checkpoints, Nothing } kind = Kind::Nothing;
  QString path;     ///< of Checkpoints: a glob, as model.checkpoints takes it
  QString problem;  ///< of Nothing: one line that says why, and what would do
};

/// Looks at the names and at the first level of folders only.
Dropped dropped(const QList<QUrl>& urls);
/// Whether the name is one that weights of a network have.
bool isWeightsName(const QString& file);

}  // namespace eigenscape
