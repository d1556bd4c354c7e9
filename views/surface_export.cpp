// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/surface_export.h"

#include <hdf5.h>
#include <vtkCellArray.h>
#include <vtkDoubleArray.h>
#include <vtkNew.h>
#include <vtkPointData.h>
#include <vtkPoints.h>
#include <vtkPolyData.h>
#include <vtkXMLPolyDataWriter.h>

#include <cmath>
#include <functional>

#include "core/results/error.h"
#include "core/results/tables.h"
#include "views/surface_relief.h"

namespace eigenscape {
namespace {

namespace fs = std::filesystem;

/// A library writes `beside`; whole, it takes the place of `file`.
void replaced(const fs::path& file, const std::function<bool(const fs::path& beside)>& write) {
  fs::path beside = file;
  beside += ".part";
  std::error_code error;
  if (!write(beside)) {
    fs::remove(beside, error);
    throw RunError("cannot write " + file.string() + "; is the folder there, writable and the disk not full?");
  }
  fs::rename(beside, file, error);
  if (error) {
    const auto reason = error.message();
    fs::remove(beside, error);
    throw RunError("cannot write " + file.string() + ": " + reason);
  }
}

/// Closes what HDF5 hands out.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  hid_t id() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

bool addArray(hid_t file, const char* name, const std::vector<hsize_t>& shape, const std::vector<double>& values) {
  const Handle space(H5Screate_simple(int(shape.size()), shape.data(), nullptr), H5Sclose);
  if (!space) return false;
  const Handle set(H5Dcreate2(file, name, H5T_IEEE_F64LE, space.id(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose);
  return set && H5Dwrite(set.id(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0;
}

bool addSplit(hid_t file, const SurfaceGrid& grid, const std::string& split) {
  std::vector<double> losses(grid.loss.size(), -1), accuracies(grid.loss.size(), -1);
  bool any = false;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    if (!grid.known[i]) continue;
    any = true;
    losses[i] = grid.loss[i];  // nan where it is not finite
    accuracies[i] = 100 * grid.accuracy[i];
  }
  const std::vector<hsize_t> shape{grid.ys.size(), grid.xs.size()};
  return !any || (addArray(file, (split + "_loss").c_str(), shape, losses) &&
                  addArray(file, (split + "_acc").c_str(), shape, accuracies));
}

}  // namespace

void forEachTriangle(const SurfaceGrid& grid, const std::function<void(std::size_t, std::size_t, std::size_t)>& use) {
  const auto finite = [&](std::size_t at) { return grid.known[at] && std::isfinite(grid.loss[at]); };
  for (std::size_t j = 0; j + 1 < grid.ys.size(); ++j) {
    for (std::size_t i = 0; i + 1 < grid.xs.size(); ++i) {
      const std::size_t a = grid.index(i, j), b = grid.index(i + 1, j);
      const std::size_t c = grid.index(i + 1, j + 1), d = grid.index(i, j + 1);
      if (finite(a) && finite(b) && finite(c)) use(a, b, c);
      if (finite(a) && finite(c) && finite(d)) use(a, c, d);
    }
  }
}

void writeVtp(const SurfaceData& data, const fs::path& file) {
  vtkNew<vtkPoints> points;
  points->SetDataTypeToDouble();
  vtkNew<vtkDoubleArray> losses, accuracies;
  losses->SetName("loss");
  accuracies->SetName("accuracy");
  const auto& grid = data.grid;
  for (std::size_t j = 0; j < grid.ys.size(); ++j) {
    for (std::size_t i = 0; i < grid.xs.size(); ++i) {
      const std::size_t at = grid.index(i, j);
      points->InsertNextPoint(grid.xs[i], grid.ys[j], std::isfinite(grid.loss[at]) ? grid.loss[at] : 0);
      losses->InsertNextValue(grid.known[at] ? grid.loss[at] : std::nan(""));
      accuracies->InsertNextValue(grid.accuracy[at]);
    }
  }
  vtkNew<vtkCellArray> triangles;
  forEachTriangle(grid, [&](std::size_t a, std::size_t b, std::size_t c) {
    const vtkIdType ids[3] = {vtkIdType(a), vtkIdType(b), vtkIdType(c)};
    triangles->InsertNextCell(3, ids);
  });
  vtkNew<vtkPolyData> mesh;
  mesh->SetPoints(points);
  mesh->SetPolys(triangles);
  mesh->GetPointData()->SetScalars(losses);
  mesh->GetPointData()->AddArray(accuracies);
  replaced(file, [&](const fs::path& beside) {
    vtkNew<vtkXMLPolyDataWriter> writer;
    writer->SetFileName(beside.c_str());
    writer->SetInputData(mesh);
    return writer->Write() == 1;
  });
}

void writeObj(const SurfaceData& data, const fs::path& file) {
  const auto& grid = data.grid;
  const auto place = [](const std::vector<double>& values, std::size_t k) {
    return 2 * (values[k] - values.front()) / (values.back() - values.front()) - 1;
  };
  char line[256];
  std::snprintf(line, sizeof line,
                "# x: -1 to 1 for alpha from %.6g to %.6g; y: -1 to 1 for beta from %.6g to %.6g\n"
                "# z: -0.6 to 0.6 for the %sloss from %.6g to %.6g\n",
                grid.xs.front(), grid.xs.back(), grid.ys.front(), grid.ys.back(),
                data.scale.logarithmic() ? "logarithm of the " : "", data.scale.lower(), data.scale.upper());
  std::string text = "# " + data.heading.toStdString() + "\n" + line;
  for (std::size_t j = 0; j < grid.ys.size(); ++j) {
    for (std::size_t i = 0; i < grid.xs.size(); ++i) {
      const double loss = grid.loss[grid.index(i, j)];
      const double height = std::isfinite(loss) ? data.scale.position(data.scale.clamp(loss)) : 0;
      std::snprintf(line, sizeof line, "v %.9g %.9g %.9g\n", boxHalf[0] * place(grid.xs, i),
                    boxHalf[1] * place(grid.ys, j), boxHalf[2] * (2 * height - 1));
      text += line;
    }
  }
  forEachTriangle(grid, [&](std::size_t a, std::size_t b, std::size_t c) {
    std::snprintf(line, sizeof line, "f %zu %zu %zu\n", a + 1, b + 1, c + 1);
    text += line;
  });
  writeFileAtomically(file, text);
}

void writeHdf5(const RunResults& run, const QString& surface, std::int64_t epoch, const fs::path& file) {
  const auto data = surfaceData(run, surface, epoch, {});
  if (!data.epoch) throw RunError("cannot write " + file.string() + ": the surface has no points yet");
  replaced(file, [&](const fs::path& beside) {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // it would write to standard error; what failed is said by us
    const Handle out(H5Fcreate(beside.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
    bool good = out && addArray(out.id(), "xcoordinates", {data.grid.xs.size()}, data.grid.xs) &&
                addArray(out.id(), "ycoordinates", {data.grid.ys.size()}, data.grid.ys);
    for (const auto& split : data.splits) {
      const auto name = split.toStdString();
      good = good && addSplit(out.id(), surfaceGrid(run.surfaces, surface.toStdString(), *data.epoch, name), name);
    }
    return good && H5Fflush(out.id(), H5F_SCOPE_GLOBAL) >= 0;
  });
}

}  // namespace eigenscape
