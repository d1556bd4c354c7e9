// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <string>

#include "core/model/file_bytes.h"
#include "core/model/pickle.h"
#include "core/results/error.h"
#include "datasets/readers.h"

namespace eigenscape {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kPixels = 3 * 32 * 32, kRecord = 1 + kPixels;

/// The files of one layout in one folder, in natural order.
struct Batches {
  std::vector<fs::path> train, test;
  bool pickled = false;
  bool empty() const { return train.empty() && test.empty(); }
};

/// The number of "data_batch_12" or "data_batch_12.bin"; −1 for other names.
std::int64_t batchNumber(const fs::path& file, const std::string& suffix) {
  const std::string name = file.filename().string(), prefix = "data_batch_";
  if (name.size() <= prefix.size() + suffix.size() || name.compare(0, prefix.size(), prefix) != 0) return -1;
  const auto digits = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
  if (digits.size() > 9 || digits.find_first_not_of("0123456789") != std::string::npos) return -1;
  return prefix + digits + suffix == name ? std::stoll(digits) : -1;
}

Batches listBatches(const fs::path& folder, bool pickled) {
  const std::string suffix = pickled ? "" : ".bin";
  Batches batches;
  batches.pickled = pickled;
  std::vector<std::pair<std::int64_t, fs::path>> numbered;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto number = batchNumber(entry.path(), suffix);
    if (number >= 0 && entry.is_regular_file(error)) numbered.emplace_back(number, entry.path());
  }
  std::sort(numbered.begin(), numbered.end());
  for (const auto& [number, path] : numbered) batches.train.push_back(path);
  const auto test = folder / ("test_batch" + suffix);
  if (fs::is_regular_file(test, error)) batches.test.push_back(test);
  return batches;
}

/// In the folder itself, or in the one that the published archives unpack to.
Batches findBatches(const fs::path& folder) {
  for (const auto& place : {folder, folder / "cifar-10-batches-bin", folder / "cifar-10-batches-py"}) {
    for (const bool pickled : {false, true}) {
      auto batches = listBatches(place, pickled);
      if (!batches.empty()) return batches;
    }
  }
  throw RecipeError(
      "data.path = \"" + folder.string() +
      "\" holds none of data_batch_*.bin, test_batch.bin, data_batch_*, test_batch, neither itself nor in "
      "cifar-10-batches-bin or cifar-10-batches-py");
}

void checkLabel(const fs::path& file, std::int64_t record, std::int64_t label) {
  if (label >= 0 && label <= 9) return;
  throw RunError(file.string() + " has the label " + std::to_string(label) + " in record " + std::to_string(record) +
                 " (counted from 0); accepted are 0 to 9, so it is cut short or not CIFAR-10");
}

RawSplit allocate(std::int64_t count) {
  return {torch::empty({count, 3, 32, 32}, torch::kUInt8), torch::empty({count}, torch::kInt64)};
}

/// At most `wanted` of the records.
RawSplit readRecords(const fs::path& file, std::int64_t wanted, const Context& context) {
  std::error_code error;
  const auto size = static_cast<std::int64_t>(fs::file_size(file, error));
  if (error) throw RunError(file.string() + " cannot be read: " + error.message());
  if (size == 0 || size % kRecord != 0) {
    throw RunError(file.string() + " has " + std::to_string(size) + " bytes, which is not a whole number of " +
                   std::to_string(kRecord) + "-byte records; it is cut short or not CIFAR-10 in binary form");
  }
  const auto count = std::min(size / kRecord, wanted);
  RawSplit split = allocate(count);
  auto* pixels = split.images.data_ptr<std::uint8_t>();
  auto* labels = split.labels.data_ptr<std::int64_t>();
  std::ifstream stream(file, std::ios::binary);
  for (std::int64_t i = 0; i < count; ++i) {
    if (i % 256 == 0) context.check();
    char label = 0;
    stream.get(label).read(reinterpret_cast<char*>(pixels + i * kPixels), kPixels);
    if (!stream) throw RunError(file.string() + " cannot be read beyond record " + std::to_string(i));
    labels[i] = static_cast<unsigned char>(label);
    checkLabel(file, i, labels[i]);
  }
  return split;
}

RawSplit readPickled(const fs::path& file, std::int64_t wanted) {
  using Kind = pickle::Value::Kind;
  const std::string bytes = readFileBytes(file);
  pickle::Unpickler unpickler(bytes, file.string());
  const auto& batch = unpickler.load();
  const auto fail = [&](const std::string& what) -> void {
    throw RunError(file.string() + " " + what + "; it is not a CIFAR-10 batch in Python form");
  };
  const auto* data = batch.find("data");
  const auto* labels = batch.find("labels");
  if (!data || !labels) fail("holds no dictionary with 'data' and 'labels'");
  if (!data->is(Kind::Tensor) || !labels->is(Kind::List)) fail("has 'data' or 'labels' of the wrong type");
  const auto& array = *data->array;
  const auto available = static_cast<std::int64_t>(labels->items.size());
  if (array.storage || array.fortran || array.shape != std::vector<std::int64_t>{available, kPixels} ||
      array.type != "u1" || static_cast<std::int64_t>(array.bytes.size()) != available * kPixels || available == 0) {
    fail("has 'data' that is not one row of 3072 bytes for each of its " + std::to_string(available) + " labels");
  }
  RawSplit split = allocate(std::min(available, wanted));
  std::memcpy(split.images.data_ptr(), array.bytes.data(), static_cast<std::size_t>(split.images.numel()));
  for (std::int64_t i = 0; i < split.labels.size(0); ++i) {
    const auto& label = *labels->items[static_cast<std::size_t>(i)];
    if (!label.is(Kind::Integer)) fail("has a label that is " + pickle::describe(label));
    checkLabel(file, i, label.integer);
    split.labels.data_ptr<std::int64_t>()[i] = label.integer;
  }
  return split;
}

RawSplit readSplit(const std::vector<fs::path>& files, bool pickled, std::int64_t limit, const Context& context) {
  std::vector<torch::Tensor> images, labels;
  std::int64_t left = limit > 0 ? limit : INT64_MAX;
  for (std::size_t i = 0; i < files.size() && left > 0; ++i) {
    context.check();
    context.report(static_cast<double>(i) / static_cast<double>(files.size()));
    auto part = pickled ? readPickled(files[i], left) : readRecords(files[i], left, context);
    left -= part.labels.size(0);
    images.push_back(std::move(part.images));
    labels.push_back(std::move(part.labels));
  }
  if (images.empty()) return {};
  if (images.size() == 1) return {images[0], labels[0]};
  return {torch::cat(images), torch::cat(labels)};
}

}  // namespace

Dataset readCifar10(const DatasetRequest& request, const Context& context) {
  const Batches batches = findBatches(request.path);
  Dataset set;
  set.classes = 10;
  set.mirrored = true;
  set.mirrored = true;
  set.classNames = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  // Those of ImageNet, which the ResNet weights published for CIFAR-10 were trained with.
  set.mean = {0.485, 0.456, 0.406}, set.deviation = {0.229, 0.224, 0.225};
  set.train = readSplit(batches.train, batches.pickled, request.trainLimit, context);
  set.test = readSplit(batches.test, batches.pickled, request.testLimit, context);
  return set;
}

}  // namespace eigenscape
