// SPDX-License-Identifier: GPL-3.0-or-later
#include <hdf5.h>
#include <vtkDataArray.h>
#include <vtkNew.h>
#include <vtkPointData.h>
#include <vtkPolyData.h>
#include <vtkXMLPolyDataReader.h>

#include <QApplication>
#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QTest>
#include <QtEndian>
#include <cmath>
#include <fstream>
#include <sstream>

#include "core/results/error.h"
#include "views/surface.h"

using namespace eigenscape;
namespace fs = std::filesystem;

namespace {

constexpr int kColumns = 5;

/// 5 × 4 points, loss 1 + α + 10 β; one not finite, and of the test split only one row of points.
std::shared_ptr<const RunResults> someRun() {
  auto run = std::make_shared<RunResults>();
  for (int j = 0; j < 4; ++j) {
    for (int i = 0; i < kColumns; ++i) {
      const double a = i - 2.0, b = 0.5 * j;
      run->surfaces.push_back({"s", 1, a, b, "train", i == 4 && j == 3 ? std::nan("") : 3 + a + 10 * b, 0.25});
      if (j == 0) run->surfaces.push_back({"s", 1, a, b, "test", 7, 0.5});
    }
  }
  run->info.status = "done";
  return run;
}

std::vector<double> readArray(hid_t file, const char* name, std::vector<hsize_t>& shape) {
  const auto set = H5Dopen2(file, name, H5P_DEFAULT);
  if (set < 0) return {};
  const auto space = H5Dget_space(set);
  shape.resize(std::size_t(H5Sget_simple_extent_ndims(space)));
  H5Sget_simple_extent_dims(space, shape.data(), nullptr);
  std::vector<double> values(std::size_t(H5Sget_simple_extent_npoints(space)));
  H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  H5Sclose(space);
  H5Dclose(set);
  return values;
}

}  // namespace

class TestSurfaceExport : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() {
    figure_ = std::make_unique<SurfaceFigure>(FigureId{"surface", "s"});
    figure_->showRun(someRun(), 1);
  }
  void cleanup() { figure_.reset(); }

  void vtp() {
    figure_->exportTo(path("a.vtp"), {});
    vtkNew<vtkXMLPolyDataReader> reader;
    reader->SetFileName(path("a.vtp").c_str());
    reader->Update();
    auto* mesh = reader->GetOutput();
    QCOMPARE(mesh->GetNumberOfPoints(), vtkIdType(20));
    QCOMPARE(mesh->GetNumberOfPolys(), vtkIdType(2 * 4 * 3 - 2));  // two triangles touch the open corner
    double point[3];
    mesh->GetPoint(7, point);
    QVERIFY(point[0] == 0 && point[1] == 0.5 && point[2] == 8);
    QCOMPARE(mesh->GetPointData()->GetArray("loss")->GetTuple1(7), 8.0);
    QCOMPARE(mesh->GetPointData()->GetArray("accuracy")->GetTuple1(7), 0.25);
    QVERIFY(std::isnan(mesh->GetPointData()->GetArray("loss")->GetTuple1(19)));
  }

  void obj() {
    figure_->exportTo(path("a.obj"), {});
    std::ifstream stream(path("a.obj"));
    int vertices = 0, faces = 0, highest = 0;
    for (std::string line, word; std::getline(stream, line);) {
      std::istringstream words(line);
      words >> word;
      if (word == "v") {
        double x = 9, y = 9, z = 9;
        words >> x >> y >> z;
        QVERIFY(std::abs(x) <= 1 && std::abs(y) <= 1 && std::abs(z) <= 0.6 + 1e-9);
        ++vertices;
      } else if (word == "f") {
        for (int index = 0; words >> index;) highest = std::max(highest, index);
        ++faces;
      }
    }
    QCOMPARE(vertices, 20);
    QCOMPARE(faces, 22);
    QCOMPARE(highest, 19);
  }

  void glb() {
    figure_->exportTo(path("a.glb"), {});
    QFile file(QString::fromStdString(path("a.glb").string()));
    QVERIFY(file.open(QIODevice::ReadOnly));
    const QByteArray bytes = file.readAll();
    const auto word = [&](qsizetype at) { return qFromLittleEndian<quint32>(bytes.constData() + at); };
    QCOMPARE(bytes.left(4), QByteArray("glTF"));
    QCOMPARE(word(4), quint32(2));
    QCOMPARE(qsizetype(word(8)), bytes.size());
    const auto length = qsizetype(word(12));
    QCOMPARE(bytes.mid(16, 4), QByteArray("JSON"));
    const auto json = QJsonDocument::fromJson(bytes.mid(20, length)).object();
    const auto accessors = json["accessors"].toArray();
    QCOMPARE(accessors[0].toObject()["count"].toInt(), 20);
    QCOMPARE(accessors[3].toObject()["count"].toInt(), 3 * 22);
    const qsizetype binary = 20 + length + 8;
    QCOMPARE(json["buffers"].toArray()[0].toObject()["byteLength"].toInteger(), qint64(bytes.size() - binary));
    const auto views = json["bufferViews"].toArray();
    const auto first = binary + qsizetype(views[3].toObject()["byteOffset"].toInteger());
    quint32 highest = 0;
    for (qsizetype k = 0; k < 66; ++k) highest = std::max(highest, word(first + 4 * k));
    QCOMPARE(highest, quint32(18));  // the last point is not finite
  }

  void hdf5() {
    figure_->exportTo(path("a.h5"), {});
    const auto file = H5Fopen(path("a.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    QVERIFY(file >= 0);
    std::vector<hsize_t> shape;
    QCOMPARE(readArray(file, "xcoordinates", shape), (std::vector<double>{-2, -1, 0, 1, 2}));
    QCOMPARE(readArray(file, "ycoordinates", shape), (std::vector<double>{0, 0.5, 1, 1.5}));
    const auto losses = readArray(file, "train_loss", shape);
    QCOMPARE(shape, (std::vector<hsize_t>{4, 5}));
    QCOMPARE(losses[kColumns + 3], 9.0);
    QVERIFY(std::isnan(losses.back()));
    QCOMPARE(readArray(file, "train_acc", shape)[0], 25.0);
    const auto test = readArray(file, "test_loss", shape);
    QVERIFY(test[2] == 7 && test[kColumns] == -1);
    H5Fclose(file);
  }

  // Nothing half-written stays behind, and the message names the file.
  void aFolderThatIsNotThere() {
    for (const char* name : {"gone/a.vtp", "gone/a.obj", "gone/a.glb", "gone/a.h5"}) {
      try {
        figure_->exportTo(path(name), {});
        QFAIL(name);
      } catch (const RunError& error) {
        QVERIFY2(QString::fromUtf8(error.what()).contains(name), error.what());
      }
    }
    QVERIFY(QDir(folder_.path()).entryList({"*.part*"}).isEmpty());
  }

 private:
  fs::path path(const char* name) const { return fs::path(folder_.path().toStdString()) / name; }
  QTemporaryDir folder_;
  std::unique_ptr<SurfaceFigure> figure_;
};

QTEST_MAIN(TestSurfaceExport)
#include "tst_surface_export.moc"
