// SPDX-License-Identifier: GPL-3.0-or-later
#include <QImage>
#include <QTemporaryDir>
#include <QTest>
#include <fstream>
#include <set>

#include "core/results/error.h"
#include "support/sample_run.h"
#include "views/figure.h"

using namespace eigenscape;
namespace fs = std::filesystem;

class TestRenderRun : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void init() {
    folder_ = std::make_unique<QTemporaryDir>();
    dir_ = fs::path(folder_->path().toStdString()) / "run";
  }

  void everyFigureOfAStoredRunIsDrawn() {
    sample::Options options;
    options.points = 9;
    sample::save(sample::run(options), dir_);
    const RunResults run = loadRun(dir_);
    const auto files = renderRun(run, {"png", "pdf"});
    std::set<std::string> names;
    for (const auto& file : files) {
      QVERIFY(fs::file_size(file) > 1000);
      QCOMPARE(file.parent_path(), dir_ / "figures");
      names.insert(file.filename().string());
    }
    const std::set<std::string> expected = {"spectrum.png",           "spectrum.pdf",         "training.png",
                                            "training.pdf",           "trajectories.png",     "trajectories.pdf",
                                            "profile-along-e1.png",   "profile-along-e1.pdf", "profile-random.png",
                                            "profile-random.pdf",     "profiles.png",         "profiles.pdf",
                                            "contour-e1-e2.png",      "contour-e1-e2.pdf",    "surface-e1-e2.png",
                                            "surface-both-e1-e2.png", "sensitivity.png",      "sensitivity.pdf"};
    std::set<std::string> found = expected;
    if (names != expected) {  // a machine without any OpenGL
      for (const char* name : {"surface-e1-e2.png", "surface-both-e1-e2.png"}) found.erase(name);
    }
    QVERIFY(names == found);
    QCOMPARE(QImage(QString::fromStdString((dir_ / "figures" / "training.png").string())).size(), QSize(907, 680));
  }

  void aRunWithoutRowsHasNoFigures() {
    RunResults run;
    run.directory = dir_;
    QVERIFY(availableFigures(run).empty());
    QVERIFY(renderRun(run, {"png"}).empty());
  }

  void figuresComeInTheirOrder() {
    const auto all = availableFigures(sample::run());
    QStringList stems;
    for (const auto& id : all) stems << id.fileStem();
    QCOMPARE(stems, (QStringList{"training", "trajectories", "spectrum", "profile-along-e1", "profile-random",
                                 "profiles", "contour-e1-e2", "surface-e1-e2", "surface-both-e1-e2", "sensitivity"}));
    for (const auto& id : all) QVERIFY(!id.title().isEmpty());
    // Eigenvalues of single layers alone make no figure of the whole model's.
    RunResults layersOnly;
    layersOnly.spectrum = sample::run().spectrum;
    for (auto& row : layersOnly.spectrum) row.scope = "conv1";
    QCOMPARE(availableFigures(layersOnly), (std::vector<FigureId>{{"layers", {}}}));
  }

  void namesBecomeFileNames() {
    QCOMPARE((FigureId{"surface", "a/b c:ü"}).fileStem(), QStringLiteral("surface-a_b_c_ü"));
    QCOMPARE((FigureId{"surface", "../x"}).fileStem(), QString("surface-.._x"));
  }

  void manyLayersGetAWiderPicture() {
    sample::Options options;
    options.layers = 54;
    RunResults run;
    run.directory = dir_;
    run.sensitivity = sample::run(options).sensitivity;
    const auto files = renderRun(run, {"png"});
    QCOMPARE(files.size(), std::size_t(1));
    QCOMPARE(QImage(QString::fromStdString(files[0].string())).width(), 1361);  // 180 mm
  }

  void aFolderThatCannotBeMadeIsNamed() {
    fs::create_directories(dir_);
    std::ofstream(dir_ / "figures") << "a file in the way";
    RunResults run = sample::run();
    run.directory = dir_;
    QVERIFY_EXCEPTION_THROWN(renderRun(run, {"png"}), RunError);
  }

  void unknownKindsAreRefused() { QVERIFY_EXCEPTION_THROWN(makeFigure({"pie", {}}), RunError); }

 private:
  std::unique_ptr<QTemporaryDir> folder_;
  fs::path dir_;
};

QTEST_MAIN(TestRenderRun)
#include "tst_render_run.moc"
