// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QRectF>
#include <QString>
#include <QStringList>
#include <utility>
#include <vector>

#include "core/results/run_directory.h"
#include "views/style.h"

class QPainter;

namespace eigenscape {

/// What a figure knows about itself beyond the run.
struct Provenance {
  QString split;             ///< "train", "test", "train and test"; empty: not said
  std::int64_t samples = 0;  ///< of each split; 0: all of it
  std::int64_t epoch = -1;   ///< -1: all epochs
  bool curvature = false;    ///< the operator took part, over info.curvatureSamples examples
  QStringList notes;         ///< such as "2 points not finite (hatched)"
};

/// For Provenance::samples of a figure that shows the operator's numbers: 0 when it took all examples of its split.
std::int64_t curvatureSamples(const RunInfo& info);

/// "epoch 4", or "epoch 4 (the last measured before 6)" where another was asked for.
QString epochWords(std::int64_t shown, std::int64_t wanted);

/// The small type below a figure: model, weights, data, split and samples, epoch, seed, operator, program version; then
/// the notes.
QString captionText(const RunInfo& info, const Provenance& provenance);
/// The same of several runs: what all share stands once, what differs in their order with strokes between. `notes`
/// instead of their own.
QString captionText(const std::vector<const RunInfo*>& infos, const std::vector<Provenance>& provenance,
                    const QStringList& notes);

/// The same as names and values, without what the run alone says.
std::vector<std::pair<QString, QString>> provenanceFacts(const Provenance& provenance);

/// Height of the caption in layout units, its margin included; 0 for an empty one.
double captionHeight(const QString& text, const Style& style, double width);
void paintCaption(QPainter& painter, const QString& text, const Style& style, const QRectF& area);

}  // namespace eigenscape
