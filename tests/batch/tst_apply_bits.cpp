// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFile>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>
#include <cstdlib>

#include "tests/batch/program.h"
#include "tests/support/testdata.h"

namespace {

/// A Python that has PyTorch; empty where there is none.
QString pythonWithTorch() {
  for (const QString& program :
       {qEnvironmentVariable("EIGENSCAPE_TORCH_PYTHON"), QString("/opt/torch213/bin/python"), QString("python3")}) {
    if (program.isEmpty()) continue;
    QProcess process;
    process.start(program, {"-c", "import torch"});
    if (process.waitForFinished(60000) && process.exitStatus() == QProcess::NormalExit && process.exitCode() == 0)
      return program;
  }
  return {};
}

}  // namespace

/// The PyTorch code of docs/quantization.md, applied to the weights, gives the loss that the run measured.
class TestApplyBits : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void pyTorchAgrees();
};

void TestApplyBits::pyTorchAgrees() {
  const auto images = testdata::shared("cifar10-exact"), weights = testdata::shared("weights/resnet20-12fca82f.th");
  if (images.empty() || weights.empty()) QSKIP("no ../shared/data");
  const QString python = pythonWithTorch();
  if (python.isEmpty()) QSKIP("no Python with PyTorch");
  QTemporaryDir folder;
  const QString run = folder.filePath("run");
  writeFile(folder.filePath("bits.toml"), R"(name = "bits"
[data]
dataset = "cifar10"
train_limit = 64
test_limit = 200
[model]
architecture = "resnet20"
[curvature]
top = 0
samples = 64
trace_probes = 4
[quantization]
bits = [2, 4, 8]
limits = ["size=0.5", "bops=0.2", "size=0.1"]
frontier_points = 1
)");
  const Outcome outcome = runProgram({"--batch", folder.filePath("bits.toml"), "--out", run, "--figures", "none",
                                      "--quiet", "--set", "data.path=" + QString::fromStdString(images.string()),
                                      "--set", "model.weights=" + QString::fromStdString(weights.string())});
  QVERIFY2(outcome.status == 0, outcome.err.constData());
  QProcess process;
  process.setProcessChannelMode(QProcess::MergedChannels);
  process.start(python, {QStringLiteral(EIGENSCAPE_SOURCE_DIR "/tests/peers/apply_bits.py"), "--run", run, "--weights",
                         QString::fromStdString(weights.string()), "--images",
                         QString::fromStdString((images / "test_batch.bin").string()), "--count", "200"});
  QVERIFY(process.waitForFinished(240000));
  const QByteArray said = process.readAll();
  QVERIFY2(process.exitCode() == 0, said.constData());
  QCOMPARE(said.count("in the run"), 3);
}

QTEST_GUILESS_MAIN(TestApplyBits)
#include "tst_apply_bits.moc"
