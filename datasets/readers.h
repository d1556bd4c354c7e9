// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "datasets/dataset.h"

// One reader per format, called by loadDataset() alone. Each fills classes, classNames, train and test, and the
// documented mean and deviation; request.mean and request.deviation are loadDataset's business.
namespace eigenscape {

/// Ten classes of drawn strokes, 1×16×16.
Dataset drawGlyphs(const DatasetRequest& request, const Context& context);

/// Binary records or Python batches, 3×32×32.
Dataset readCifar10(const DatasetRequest& request, const Context& context);

/// The four IDX files of MNIST or Fashion-MNIST, gzipped or not.
Dataset readIdx(const DatasetRequest& request, const Context& context);

/// How many of `available` examples a limit leaves; 0 stands for all.
inline std::int64_t limited(std::int64_t available, std::int64_t limit) {
  return limit > 0 && limit < available ? limit : available;
}

}  // namespace eigenscape
