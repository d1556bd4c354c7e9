// SPDX-License-Identifier: GPL-3.0-or-later
#include "datasets/dataset.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <system_error>

#include "core/results/error.h"
#include "datasets/readers.h"

namespace eigenscape {
namespace {

struct Reader {
  DatasetInfo info;
  Dataset (*read)(const DatasetRequest&, const Context&);
};

const std::vector<Reader>& readers() {
  static const std::vector<Reader> list = {
      {{"glyphs", "nothing: 4000 + 1000 images of drawn strokes from the seed, 1x16x16, 10 classes", false, 1, 16, 16},
       drawGlyphs},
      {{"cifar10", "data_batch_*.bin and test_batch.bin, or the Python batches of the same names, 3x32x32, 10 classes",
        true, 3, 32, 32},
       readCifar10},
      {{"fashion-mnist", "the four IDX files, gzipped or not, 1x28x28, 10 classes"}, readIdx},
      {{"mnist", "the four IDX files, gzipped or not, 1x28x28, 10 classes"}, readIdx},
  };
  return list;
}

const Reader& readerOf(const std::string& name) {
  std::string names;
  for (const auto& reader : readers()) {
    if (reader.info.name == name) return reader;
    names += (names.empty() ? "" : ", ") + reader.info.name;
  }
  throw RecipeError("data.dataset = \"" + name + "\" is not a data set; accepted: " + names);
}

void checkPath(const DatasetRequest& request) {
  if (request.path.empty()) {
    throw RecipeError("data.path is empty; data.dataset = \"" + request.name +
                      "\" needs the folder that holds its files");
  }
  std::error_code error;
  if (!std::filesystem::exists(request.path, error)) {
    throw RecipeError("data.path = \"" + request.path.string() + "\" is not there; give the folder that holds " +
                      request.name);
  }
  if (!std::filesystem::is_directory(request.path, error)) {
    throw RecipeError("data.path = \"" + request.path.string() + "\" is not a folder; give the folder that holds " +
                      request.name);
  }
}

void checkScale(const std::string& key, const std::vector<double>& values, const Dataset& set, bool positive) {
  const auto& images = set.train.images.defined() ? set.train.images : set.test.images;
  const auto channels = static_cast<std::size_t>(images.size(1));
  if (values.size() != channels) {
    throw RecipeError("data." + key + " has " + std::to_string(values.size()) + " numbers; " + set.name + " has " +
                      std::to_string(channels) + " channel" + (channels == 1 ? "" : "s") +
                      ", so give as many, or none for the set's default");
  }
  for (const double value : values) {
    if (!std::isfinite(value) || (positive && value <= 0)) {
      throw RecipeError("data." + key + " holds " + std::to_string(value) + "; accepted are finite" +
                        (positive ? " numbers above 0" : " numbers"));
    }
  }
}

}  // namespace

const std::vector<DatasetInfo>& datasetInfos() {
  static const std::vector<DatasetInfo> infos = [] {
    std::vector<DatasetInfo> list;
    for (const auto& reader : readers()) list.push_back(reader.info);
    return list;
  }();
  return infos;
}

Dataset loadDataset(const DatasetRequest& request, const Context& context) {
  const Reader& reader = readerOf(request.name);
  if (request.trainLimit < 0 || request.testLimit < 0) {
    throw RecipeError(std::string("data.") + (request.trainLimit < 0 ? "train_limit" : "test_limit") +
                      " is negative; accepted are 0 (all) and the number of examples to take");
  }
  if (reader.info.needsPath) checkPath(request);
  context.check();
  Dataset set = reader.read(request, context);
  set.name = request.name;
  if (!request.mean.empty()) set.mean = request.mean;
  if (!request.deviation.empty()) set.deviation = request.deviation;
  checkScale("mean", set.mean, set, false);
  checkScale("std", set.deviation, set, true);
  context.report(1);
  return set;
}

Examples normalized(const RawSplit& split, const Dataset& dataset) {
  if (!split.images.defined()) return {};
  torch::NoGradGuard guard;
  const auto channels = split.images.size(1);
  const auto perChannel = [&](const std::vector<double>& values) {
    return torch::tensor(values, torch::kFloat64).to(torch::kFloat32).view({1, channels, 1, 1});
  };
  const auto mean = perChannel(dataset.mean), deviation = perChannel(dataset.deviation);
  Examples examples;
  examples.inputs = split.images.to(torch::kFloat32).div_(255).sub_(mean).div_(deviation);
  examples.targets = split.labels;
  examples.padding = (-mean / deviation).view({channels});
  return examples;
}

}  // namespace eigenscape
