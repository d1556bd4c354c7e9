// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/results/compared.h"
#include "views/overlay.h"

namespace eigenscape {

/// The figures that every one of the runs has rows for, in the order of the first run's.
std::vector<FigureId> commonFigures(const ComparedRuns& runs);

/// The last epoch that one of the runs has.
std::int64_t lastEpoch(const ComparedRuns& runs);
/// The epochs of all runs, ascending.
std::vector<std::int64_t> epochsOfAll(const ComparedRuns& runs);

/// For each run that shows another epoch than `wanted`: "“name” shows epoch 4, its last measured before 6". `shown`: -1
/// for all epochs.
QStringList epochNotes(const ComparedRuns& runs, const std::vector<std::int64_t>& shown, std::int64_t wanted);

/// CSV texts with equal headers under one another, the run's name in a leading column. A name with a comma or a quote
/// is quoted.
std::string joinedTables(const std::vector<std::pair<QString, std::string>>& tables);

/// Draws common figures as FOLDER/compare-STEM.FORMAT and returns the files. `ownSize`: each figure in the size that it
/// prefers, whatever `options` says. Throws RunError.
std::vector<std::filesystem::path> renderComparison(const ComparedRuns& runs, const std::filesystem::path& folder,
                                                    const QStringList& formats, const ExportOptions& options = {},
                                                    bool ownSize = true, const FigureChoice& choice = {});

}  // namespace eigenscape
