// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/batch/program.h"

#include <QFile>

void startProgram(QProcess& process, const QStringList& arguments, const QString& folder) {
  process.setProgram(QStringLiteral(EIGENSCAPE_PROGRAM));
  process.setArguments(arguments);
  if (!folder.isEmpty()) process.setWorkingDirectory(folder);
  process.start();
  process.waitForStarted();
  process.closeWriteChannel();
}

Outcome outcomeOf(QProcess& process, int timeoutMs) {
  Outcome outcome;
  if (!process.waitForFinished(timeoutMs)) {
    process.kill();
    process.waitForFinished();
  }
  outcome.crashed = process.exitStatus() == QProcess::CrashExit;
  outcome.status = outcome.crashed ? -1 : process.exitCode();
  outcome.out = process.readAllStandardOutput();
  outcome.err = process.readAllStandardError();
  return outcome;
}

Outcome runProgram(const QStringList& arguments, const QString& folder) {
  QProcess process;
  startProgram(process, arguments, folder);
  return outcomeOf(process);
}

QByteArray tinyRecipe() {
  return R"(name = "tiny"
seed = 5
[data]
dataset = "glyphs"
train_limit = 128
test_limit = 64
[model]
architecture = "cnn"
[training]
epochs = 3
batch_size = 32
learning_rate = 0.02
[curvature]
split = "both"
samples = 64
batch_size = 32
top = 2
bottom = 1
max_products = 60
trace = true
trace_probes = 12
[[profile]]
name = "p"
points = 9
samples = 64
every = 1
[[surface]]
name = "s"
points = 7
samples = 64
[quantization]
bits = [2, 8]
)";
}

void writeFile(const QString& path, const QByteArray& content) {
  QFile file(path);
  if (!file.open(QIODevice::WriteOnly) || file.write(content) != content.size()) qFatal("%s", qPrintable(path));
}

QByteArray readFile(const QString& path) {
  QFile file(path);
  return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}
