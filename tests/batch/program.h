// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QProcess>
#include <QString>
#include <QStringList>

/// What the built program did.
struct Outcome {
  int status = -1;
  bool crashed = false;
  QByteArray out, err;
  /// Lines on standard error.
  int errorLines() const { return static_cast<int>(err.count('\n')) + (err.isEmpty() || err.endsWith('\n') ? 0 : 1); }
};

/// Runs build/eigenscape to its end in `folder`.
Outcome runProgram(const QStringList& arguments, const QString& folder = {});
/// Starts it without waiting.
void startProgram(QProcess& process, const QStringList& arguments, const QString& folder = {});
/// Waits for the end of a started one.
Outcome outcomeOf(QProcess& process, int timeoutMs = 120000);

/// A recipe that has every phase and takes a few seconds.
QByteArray tinyRecipe();
void writeFile(const QString& path, const QByteArray& content);
QByteArray readFile(const QString& path);
