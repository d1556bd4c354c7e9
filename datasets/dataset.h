// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/model/examples.h"
#include "core/results/context.h"

namespace eigenscape {

/// Raw images and labels of one split, as read.
struct RawSplit {
  torch::Tensor images;  ///< N×C×H×W uint8
  torch::Tensor labels;  ///< N int64, 0 … classes−1
};

struct Dataset {
  std::string name;
  std::int64_t classes = 0;
  std::vector<std::string> classNames;
  std::vector<double> mean, deviation;  ///< per channel on a 0..1 scale
  bool mirrored = false;                ///< a mirrored image is still of its class, so training may flip it
  RawSplit train, test;                 ///< a split may be absent (undefined tensors), e.g. a folder without test files
};

struct DatasetRequest {
  std::string name;  ///< as in `data.dataset`
  std::filesystem::path path;
  std::uint64_t seed = 0;                      ///< used by glyphs alone
  std::int64_t trainLimit = 0, testLimit = 0;  ///< 0: all; N: the first N in the set's own order
  std::vector<double> mean, deviation;         ///< empty: the set's documented default
};

/// A data set that `--list datasets` names.
struct DatasetInfo {
  std::string name;
  std::string help;  ///< one line: what it reads in `path`, image size, classes
  bool needsPath = true;
  std::int64_t channels = 1, height = 28, width = 28, classes = 10;
};
const std::vector<DatasetInfo>& datasetInfos();

/// Reads or draws the set. Throws RecipeError when `path` is missing, not there or holds none of the files (names
/// data.path and the files looked for), RunError when a file is cut short or foreign (names the file and what was
/// found).
Dataset loadDataset(const DatasetRequest& request, const Context& context = {});

/// (x/255 − mean)/deviation per channel, in float32 on the CPU. An absent split gives empty Examples.
Examples normalized(const RawSplit& split, const Dataset& dataset);

}  // namespace eigenscape
