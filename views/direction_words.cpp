// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/direction_words.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "views/style.h"

namespace eigenscape {
namespace {

/// What follows "prefix:", if `direction` begins so.
std::optional<std::string> after(const std::string& direction, const std::string& prefix) {
  if (direction.rfind(prefix + ":", 0) != 0) return {};
  return direction.substr(prefix.size() + 1);
}

/// The file's name: its folder would fill a title.
QString lastPart(const std::string& path) {
  return QString::fromStdString(std::filesystem::path(path).filename().string());
}

}  // namespace

LandscapeInfo landscapeInfo(const RunInfo& info, const std::string& kind, const std::string& name) {
  for (const auto& entry : info.landscapes) {
    if (entry.kind == kind && entry.name == name) return entry;
  }
  return {};
}

QString batchNormNote(const LandscapeInfo& info) {
  return info.batchNorm == "reestimate" ? QObject::tr("BatchNorm statistics estimated anew at each point") : QString();
}

std::optional<std::int64_t> eigenvectorIndex(const std::string& direction) {
  if (direction.find('@') != std::string::npos) return {};  // one layer's: of another matrix
  const auto rest = after(direction, "eigenvector");
  std::int64_t index = 0;
  if (!rest || std::from_chars(rest->data(), rest->data() + rest->size(), index).ec != std::errc()) return {};
  return index;
}

QString directionName(const std::string& direction, const QString& symbol) {
  if (const auto layer = direction.find('@'); layer != std::string::npos && direction.starts_with("eigenvector:")) {
    const auto index = std::strtoll(direction.c_str() + std::strlen("eigenvector:"), nullptr, 10);
    return QObject::tr("e%1 of %2").arg(subscript(index), QString::fromStdString(direction.substr(layer + 1)));
  }
  if (const auto index = eigenvectorIndex(direction)) return QStringLiteral("e") + subscript(*index);
  if (const auto seed = after(direction, "random"))
    return QObject::tr("random (seed %1)").arg(QString::fromStdString(*seed));
  if (const auto file = after(direction, "toward")) return lastPart(*file);
  if (const auto tensor = after(direction, "tensor")) {
    const auto hash = tensor->rfind('#');
    const QString name = hash == std::string::npos ? QString() : QString::fromStdString(tensor->substr(hash + 1));
    const QString own = lastPart(hash == std::string::npos ? *tensor : tensor->substr(0, hash));
    return name.isEmpty() ? own : QObject::tr("%1 of %2").arg(name, own);
  }
  if (const auto k = after(direction, "pca")) return QStringLiteral("PC %1").arg(QString::fromStdString(*k));
  return direction.empty() ? symbol : QString::fromStdString(direction);
}

QString alongWords(const std::string& direction, const QString& symbol) {
  const QString name = directionName(direction, symbol);
  return after(direction, "toward") ? QObject::tr("toward %1").arg(name) : QObject::tr("along %1").arg(name);
}

QString planeName(const std::string& x, const std::string& y) {
  const auto layer = x.find('@'), other = y.find('@');
  const bool ofOneLayer = layer != std::string::npos && other != std::string::npos && x.starts_with("eigenvector:") &&
                          y.starts_with("eigenvector:") && x.substr(layer) == y.substr(other);
  const QString first = directionName(ofOneLayer ? x.substr(0, layer) : x, QStringLiteral("α"));
  return QObject::tr("%1 and %2").arg(first, directionName(y, QStringLiteral("β")));
}

QString directionTitle(const std::string& direction, const std::string& normalization, const QString& symbol) {
  if (direction.empty()) return symbol;
  const bool scaled = normalization == "filter" || normalization == "layer";
  const QString prefix = scaled ? QString::fromStdString(normalization) + QObject::tr("-normalized ") : QString();
  if (const auto seed = after(direction, "random")) {
    const QString words = prefix + QObject::tr("random direction (seed %1)").arg(QString::fromStdString(*seed));
    return scaled
               ? words
               : QObject::tr("distance along a random direction, seed %1 (‖Δθ‖₂)").arg(QString::fromStdString(*seed));
  }
  const QString name = direction == "gradient" ? QObject::tr("the gradient") : directionName(direction, symbol);
  if (scaled) return QObject::tr("along %1%2").arg(prefix, name);
  if (direction.rfind("toward:", 0) == 0) return QObject::tr("share of the way to %1").arg(name);
  return QObject::tr("distance along %1 (‖Δθ‖₂)").arg(name);
}

}  // namespace eigenscape
