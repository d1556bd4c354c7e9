// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <cstdint>
#include <optional>
#include <string>

#include "core/results/run_directory.h"

namespace eigenscape {

/// The entry of run.json about a profile or surface; an empty one where run.json says nothing.
LandscapeInfo landscapeInfo(const RunInfo& info, const std::string& kind, const std::string& name);

/// For a caption, where BatchNorm's statistics are not the model's own; else empty.
QString batchNormNote(const LandscapeInfo& info);

/// The K of "eigenvector:K".
std::optional<std::int64_t> eigenvectorIndex(const std::string& direction);

/// Short: "e₁", "random 7", "gradient"; `symbol` where nothing is known.
QString directionName(const std::string& direction, const QString& symbol);

/// In a title: "along e₁", "toward epoch-0004.safetensors".
QString alongWords(const std::string& direction, const QString& symbol);

/// Of a plane: "e₁ and random (seed 7)", "e₁ and e₂ of conv1"; α and β where nothing is known.
QString planeName(const std::string& x, const std::string& y);

/// An axis title: "distance along e₁ (‖Δθ‖₂)", "filter-normalized random direction (seed 7)".
QString directionTitle(const std::string& direction, const std::string& normalization, const QString& symbol);

}  // namespace eigenscape
