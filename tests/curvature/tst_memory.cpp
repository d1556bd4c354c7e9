// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/script.h>
#include <torch/torch.h>
#include <unistd.h>

#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <stdexcept>

#include "core/curvature/layer_trace.h"
#include "core/curvature/memory.h"
#include "core/curvature/output_trace.h"
#include "tests/support/narrow_model.h"
#include "tests/support/oracles.h"

using namespace eigenscape;
using support::NarrowModel;

namespace {

using Files = QMap<QString, QString>;

/// A folder with those files, in the place of the system's root.
std::int64_t freeWith(const Files& files) {
  const QTemporaryDir root;
  for (auto file = files.begin(); file != files.end(); ++file) {
    const auto path = root.filePath(file.key());
    QDir().mkpath(QFileInfo(path).path());
    QFile stream(path);
    if (!stream.open(QIODevice::WriteOnly)) qFatal("cannot write");
    stream.write(file.value().toUtf8());
  }
  return freeMemory(root.path().toStdString());
}

const QString kMemory = "MemTotal:       16000 kB\nMemFree:         100 kB\nMemAvailable:    8000 kB\n";
const QString kUnified = "25 20 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const QString kFirst =
    "30 20 0:26 / /sys/fs/cgroup/cpu rw shared:5 - cgroup cgroup rw,cpu\n"
    "31 20 0:27 / /sys/fs/cgroup/memory rw shared:6 - cgroup cgroup rw,memory\n";

struct Foreign : std::exception {  // as oneDNN's
  explicit Foreign(const char* text) : text(text) {}
  const char* what() const noexcept override { return text; }
  const char* text;
};

/// From `later` on for more than `limit` examples at once.
NarrowModel narrow(const char* name, std::int64_t limit, int later) {
  auto model = makeModel(name, {1, 6, 6, 3}, 17);
  model->to(torch::kCPU, torch::kFloat64);
  return {std::move(model), limit, later};
}

std::vector<Range> tensorsOf(const Model& model) {
  std::vector<Range> ranges;
  for (const auto& entry : model.parameters().entries()) ranges.push_back({entry.offset, entry.size});
  return ranges;
}

void addTraceRows() {
  QTest::addColumn<int>("limit");
  QTest::addColumn<int>("later");
  QTest::newRow("at first") << 4 << 0;
  QTest::newRow("in the middle of a visit") << 4 << 3;
  QTest::newRow("much later") << 4 << 8;
}

}  // namespace

class TestMemory : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void theLeastOfAllLimits_data() {
    QTest::addColumn<Files>("files");
    QTest::addColumn<qint64>("expected");
    const auto page = static_cast<qint64>(::sysconf(_SC_PAGESIZE));
    QTest::newRow("nothing is said") << Files{} << qint64(-1);
    QTest::newRow("no groups") << Files{{"proc/meminfo", kMemory}} << qint64(8192000);
    Files files{{"proc/meminfo", kMemory},
                {"proc/self/cgroup", "0::/system.slice/run-1.scope\n"},
                {"proc/self/mountinfo", "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + kUnified},
                {"sys/fs/cgroup/system.slice/run-1.scope/memory.max", "max\n"},
                {"sys/fs/cgroup/system.slice/run-1.scope/memory.current", "500000\n"}};
    QTest::newRow("no limit") << files << qint64(8192000);
    auto own = files;
    own["sys/fs/cgroup/system.slice/run-1.scope/memory.max"] = "2000000\n";
    QTest::newRow("systemd's scope") << own << qint64(1500000);
    own["sys/fs/cgroup/system.slice/run-1.scope/memory.stat"] =
        "anon 300000\nfile 200000\ninactive_file 150000\nactive_file 50000\n";
    QTest::newRow("pages of files can be had back") << own << qint64(1700000);
    own["sys/fs/cgroup/system.slice/run-1.scope/memory.high"] = "1000000\n";
    QTest::newRow("the limit beyond which it is slowed down") << own << qint64(700000);
    own["sys/fs/cgroup/system.slice/run-1.scope/memory.current"] = "3000000\n";
    QTest::newRow("nothing is left") << own << qint64(0);
    auto around = files;
    around["sys/fs/cgroup/system.slice/memory.max"] = "3000000\n";
    around["sys/fs/cgroup/system.slice/memory.current"] = "2900000\n";
    QTest::newRow("the group around") << around << qint64(100000);
    auto container = files;
    container["proc/self/cgroup"] = "0::/\n";
    container["sys/fs/cgroup/memory.max"] = "4000000\n";
    container["sys/fs/cgroup/memory.current"] = "1000000\n";
    QTest::newRow("a container's own root") << container << qint64(3000000);
    container["proc/self/cgroup"] = "0::/docker/12ab\n";
    container["proc/self/mountinfo"] = "25 20 0:22 /docker/12ab /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
    QTest::newRow("a container that knows its name outside") << container << qint64(3000000);
    container["proc/self/cgroup"] = "0::/../other\n";
    QTest::newRow("a group that is not seen") << container << qint64(3000000);

    Files first{{"proc/meminfo", kMemory},
                {"proc/self/cgroup", "5:cpu:/a\n4:hugetlb,memory:/slurm/job_7/step_0\n1:name=systemd:/b\n0::/\n"},
                {"proc/self/mountinfo", kFirst},
                {"sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"},
                {"sys/fs/cgroup/memory/memory.usage_in_bytes", "1000\n"},
                {"sys/fs/cgroup/memory/slurm/job_7/step_0/memory.limit_in_bytes", "9223372036854771712\n"},
                {"sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes", "5000000\n"},
                {"sys/fs/cgroup/memory/slurm/job_7/memory.usage_in_bytes", "1000000\n"},
                {"sys/fs/cgroup/memory/slurm/job_7/memory.stat", "inactive_file 1\ntotal_inactive_file 400000\n"}};
    QTest::newRow("version 1, as under Slurm") << first << qint64(4400000);
    first["proc/self/mountinfo"] = kFirst + kUnified;
    QTest::newRow("both versions") << first << qint64(4400000);
    first.remove("proc/meminfo");
    QTest::newRow("the groups alone") << first << qint64(4400000);

    Files limits{{"proc/meminfo", kMemory},
                 {"proc/self/statm", "100 50 30 5 0 40 0\n"},
                 {"proc/self/limits",
                  "Limit     Soft Limit  Hard Limit  Units\n"
                  "Max address space         unlimited            unlimited            bytes\n"}};
    QTest::newRow("no ulimit") << limits << qint64(8192000);
    limits["proc/self/limits"] = QString("Max address space   %1   unlimited   bytes\n").arg(100 * page + 12345);
    QTest::newRow("ulimit -v, of which half is used") << limits << qint64(12345 / 2);
  }
  void theLeastOfAllLimits() {
    QFETCH(Files, files);
    QFETCH(qint64, expected);
    QCOMPARE(qint64(freeWith(files)), expected);
  }
  void thisSystemSays() { QVERIFY(freeMemory() > 0); }

  void wordsForNoMemory_data() {
    QTest::addColumn<QByteArray>("words");
    QTest::addColumn<bool>("expected");
    const auto row = [](const char* words, bool expected) { QTest::newRow(words) << QByteArray(words) << expected; };
    row("CUDA out of memory. Tried to allocate 20.00 MiB", true);
    row("CUDA error: out of memory", true);
    row("HIP out of memory. Tried to allocate 2.00 GiB", true);
    row("[enforce fail at alloc_cpu.cpp:66] . DefaultCPUAllocator: can't allocate memory: you tried to", true);
    row("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: not enough memory: you tried", true);
    row("unable to mmap 12 bytes from file <x>: Cannot allocate memory (12)", true);
    row("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", true);
    row("cuDNN error: CUDNN_STATUS_ALLOC_FAILED", true);
    row("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED", true);
    row("Unable to find a valid cuDNN algorithm to run convolution", true);
    row("GET was unable to find an engine to execute this computation", true);
    row("could not create a memory object", true);
    row("could not create a memory", true);
    row("could not create a memory descriptor from blob", false);
    row("could not create a primitive", false);
    row("could not create a primitive descriptor for the convolution forward propagation primitive", false);
    row("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`", false);
    row("derivative for aten::_scaled_dot_product_flash_attention_backward is not implemented", false);
    row("mat1 and mat2 shapes cannot be multiplied (4x6 and 7x3)", false);
  }
  void wordsForNoMemory() {
    QFETCH(QByteArray, words);
    QFETCH(bool, expected);
    const c10::Error library({__func__, __FILE__, __LINE__}, words.toStdString());
    QCOMPARE(isOutOfMemory(library), expected);
    QCOMPARE(isOutOfMemory(std::runtime_error(words.toStdString())), expected);  // out of TorchScript
    QCOMPARE(isOutOfMemory(Foreign(words.constData())), expected);
    QVERIFY(!isOutOfMemory(RunError(words.toStdString())));
  }

  /// What the libraries really throw.
  void realExceptions() {
#ifdef __SANITIZE_ADDRESS__
    QSKIP("the sanitizer ends the process instead");
#endif
    QVERIFY(isOutOfMemory(std::bad_alloc()));
    const auto fails = [](auto&& work) {
      try {
        work();
      } catch (const std::exception& error) {
        return isOutOfMemory(error);
      }
      return false;
    };
    QVERIFY(fails([] { torch::empty({std::int64_t{1} << 48}); }));
    const auto unit = torch::jit::compile("def f(n: int):\n  return torch.zeros([n])\n");
    QVERIFY(fails([&] { unit->run_method("f", std::int64_t{1} << 48); }));
    QVERIFY(!fails([] { torch::zeros({2, 3}).mm(torch::zeros({2, 3})); }));
  }

  void allocationsAreCounted() {
    const auto before = torch::zeros({1000}, torch::kFloat32);
    const CountedMemory counted;
    QCOMPARE(counted.bytes(), 0);
    auto one = torch::zeros({1000}, torch::kFloat32);
    QCOMPARE(counted.bytes(), 4000);
    {
      const auto two = one + before;
      QCOMPARE(counted.bytes(), 8000);
      const CountedMemory inner;
      const auto three = torch::zeros({10}, torch::kFloat64);
      QCOMPARE(inner.bytes(), 80);
    }
    QVERIFY(counted.bytes() <= 4000);
    one = torch::Tensor();
    QVERIFY(counted.bytes() <= 0);
  }

  // A graph keeps what the forward and the backward pass saved.
  void graphsAreCounted() {
    auto x = torch::zeros({1000}, torch::kFloat32).set_requires_grad(true);
    const CountedMemory counted;
    auto gradient = torch::autograd::grad({x.tanh().sum()}, {x}, {}, true, true)[0];
    QVERIFY2(counted.bytes() >= 2 * 4000, qPrintable(QString::number(counted.bytes())));
    gradient = torch::Tensor();
    QVERIFY2(counted.bytes() < 1000, qPrintable(QString::number(counted.bytes())));
  }

  // The statistics are those of an estimate that took as few examples from the beginning.
  void tracesFromTheOutputsBeginAnew_data() {
    addTraceRows();
  }
  void tracesFromTheOutputsBeginAnew() {
    QFETCH(int, limit);
    QFETCH(int, later);
    const auto examples = oracles::randomExamples({37, 1, 6, 6}, 3, 15);
    CurvatureOptions wide, few;
    wide.kind = few.kind = CurvatureKind::GaussNewton;
    few.batchSize = 4;
    beginsAnew(limit, later, "cnn", wide, few,
               [&](Model& model, const CurvatureOptions& options, const TraceOptions& trace, const Context& context) {
                 return estimateTracesFromOutputs(model, examples, options, tensorsOf(model), trace, context);
               });
  }

  void tracesAtTheLayersBeginAnew_data() {
    addTraceRows();
  }
  void tracesAtTheLayersBeginAnew() {
    QFETCH(int, limit);
    QFETCH(int, later);
    const auto examples = oracles::randomExamples({37, 1, 6, 6}, 3, 15);
    CurvatureOptions wide, few;
    wide.batchSize = 16;
    few.batchSize = 4;
    beginsAnew(limit, later, "mlp", wide, few,
               [&](Model& model, const CurvatureOptions& options, const TraceOptions& trace, const Context& context) {
                 return estimateTracesAtLayers(model, examples, options, tensorsOf(model), trace, context);
               });
  }

 private:
  template <class Estimate>
  static void beginsAnew(std::int64_t limit, int later, const char* name, const CurvatureOptions& wide,
                         const CurvatureOptions& few, Estimate&& estimate) {
    TraceOptions trace;
    trace.tolerance = 0.05;
    std::vector<std::string> said;
    Context context;
    context.log = [&](const std::string& line) { said.push_back(line); };
    auto tight = narrow(name, limit, later), roomy = narrow(name, 1000, 0), hopeless = narrow(name, 0, 0);
    const auto found = estimate(tight, wide, trace, context), expected = estimate(roomy, few, trace, Context{});
    QCOMPARE(found.whole.trace, expected.whole.trace);
    QCOMPARE(found.whole.standardError, expected.whole.standardError);
    QCOMPARE(found.probes, expected.probes);
    for (std::size_t i = 0; i < found.ranges.size(); ++i)
      QCOMPARE(found.ranges[i].standardError, expected.ranges[i].standardError);
    QCOMPARE(said.size(), std::size_t{2});  // 16, 8, 4
    QVERIFY(QString::fromStdString(said.back()).contains("4 examples at once"));
    QVERIFY_EXCEPTION_THROWN(estimate(hopeless, wide, trace, Context{}), RunError);
  }
};

QTEST_GUILESS_MAIN(TestMemory)
#include "tst_memory.moc"
