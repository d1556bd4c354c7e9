// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "core/results/tables.h"
#include "views/style.h"
#include "views/surface_export.h"
#include "views/surface_relief.h"

namespace eigenscape {
namespace {

static_assert(std::endian::native == std::endian::little, "glTF is little-endian");

using Vector = std::array<float, 3>;

template <class Value>
void append(std::string& bytes, const Value& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// glTF's y points up.
Vector upright(const BoxPoint& p) {
  return {float(p[0]), float(std::isfinite(p[2]) ? p[2] : 0), float(-p[1])};
}

/// Vertex colours of glTF are linear.
float linear(double channel) {
  return float(channel <= 0.04045 ? channel / 12.92 : std::pow((channel + 0.055) / 1.055, 2.4));
}

struct Mesh {
  std::vector<Vector> positions, normals, colors;
  std::vector<std::uint32_t> indices;
};

Mesh meshOf(const SurfaceData& data) {
  const SurfaceRelief relief(data);
  const auto& grid = data.grid;
  Mesh mesh;
  for (std::size_t j = 0; j < grid.ys.size(); ++j) {
    for (std::size_t i = 0; i < grid.xs.size(); ++i) {
      mesh.positions.push_back(upright(relief.point(i, j)));
      const QColor c = colors::viridis(std::isfinite(relief.height(i, j)) ? relief.height(i, j) : 0);
      mesh.colors.push_back({linear(c.redF()), linear(c.greenF()), linear(c.blueF())});
    }
  }
  mesh.normals.assign(mesh.positions.size(), {0, 0, 0});
  forEachTriangle(grid, [&](std::size_t a, std::size_t b, std::size_t c) {
    for (const auto at : {a, b, c}) mesh.indices.push_back(std::uint32_t(at));
    Vector u{}, v{};
    for (std::size_t k = 0; k < 3; ++k) {
      u[k] = mesh.positions[b][k] - mesh.positions[a][k];
      v[k] = mesh.positions[c][k] - mesh.positions[a][k];
    }
    const Vector cross{u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
    for (const auto at : {a, b, c}) {
      for (std::size_t k = 0; k < 3; ++k) mesh.normals[at][k] += cross[k];
    }
  });
  for (auto& n : mesh.normals) {
    const float length = std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
    n = length > 0 ? Vector{n[0] / length, n[1] / length, n[2] / length} : Vector{0, 1, 0};
  }
  return mesh;
}

std::string jsonOf(const Mesh& mesh) {
  Vector low = mesh.positions.front(), high = low;
  for (const auto& p : mesh.positions) {
    for (std::size_t k = 0; k < 3; ++k) low[k] = std::min(low[k], p[k]), high[k] = std::max(high[k], p[k]);
  }
  const std::size_t points = mesh.positions.size(), block = 12 * points, indices = 4 * mesh.indices.size();
  char text[2048];
  std::snprintf(
      text, sizeof text,
      R"({"asset":{"version":"2.0","generator":"Eigenscape"},"scene":0,"scenes":[{"nodes":[0]}],)"
      R"("nodes":[{"mesh":0}],"meshes":[{"primitives":[{"attributes":{"POSITION":0,"NORMAL":1,"COLOR_0":2},)"
      R"("indices":3,"material":0}]}],"materials":[{"pbrMetallicRoughness":{"metallicFactor":0,)"
      R"("roughnessFactor":0.8},"doubleSided":true}],"buffers":[{"byteLength":%zu}],"bufferViews":[)"
      R"({"buffer":0,"byteOffset":0,"byteLength":%zu,"target":34962},)"
      R"({"buffer":0,"byteOffset":%zu,"byteLength":%zu,"target":34962},)"
      R"({"buffer":0,"byteOffset":%zu,"byteLength":%zu,"target":34962},)"
      R"({"buffer":0,"byteOffset":%zu,"byteLength":%zu,"target":34963}],"accessors":[)"
      R"({"bufferView":0,"componentType":5126,"count":%zu,"type":"VEC3","min":[%.9g,%.9g,%.9g],"max":[%.9g,%.9g,%.9g]},)"
      R"({"bufferView":1,"componentType":5126,"count":%zu,"type":"VEC3"},)"
      R"({"bufferView":2,"componentType":5126,"count":%zu,"type":"VEC3"},)"
      R"({"bufferView":3,"componentType":5125,"count":%zu,"type":"SCALAR"}]})",
      3 * block + indices, block, block, block, 2 * block, block, 3 * block, indices, points, double(low[0]),
      double(low[1]), double(low[2]), double(high[0]), double(high[1]), double(high[2]), points, points,
      mesh.indices.size());
  std::string json = text;
  json.resize((json.size() + 3) / 4 * 4, ' ');
  return json;
}

}  // namespace

void writeGlb(const SurfaceData& data, const std::filesystem::path& file) {
  const Mesh mesh = meshOf(data);
  const std::string json = jsonOf(mesh);
  std::string binary;
  for (const auto* list : {&mesh.positions, &mesh.normals, &mesh.colors}) {
    for (const auto& vector : *list) append(binary, vector);
  }
  for (const auto index : mesh.indices) append(binary, index);
  std::string bytes = "glTF";
  append(bytes, std::uint32_t(2));
  append(bytes, std::uint32_t(12 + 8 + json.size() + 8 + binary.size()));
  append(bytes, std::uint32_t(json.size()));
  bytes += "JSON" + json;
  append(bytes, std::uint32_t(binary.size()));
  bytes.append("BIN\0", 4);
  bytes += binary;
  writeFileAtomically(file, bytes);
}

}  // namespace eigenscape
