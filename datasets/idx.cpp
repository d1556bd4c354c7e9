// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "core/results/error.h"
#include "datasets/readers.h"

namespace eigenscape {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kImageMagic = 0x803, kLabelMagic = 0x801;

std::string hexadecimal(std::uint32_t value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "0x%08x", value);
  return text.data();
}

/// An IDX file; zlib reads those that are not compressed as they are.
class IdxFile {
 public:
  IdxFile(const fs::path& path, std::uint32_t magic) : path_(path), file_(gzopen(path.c_str(), "rb")) {
    if (!file_) throw RunError(path.string() + " cannot be opened; check its permissions");
    gzbuffer(file_.get(), 1 << 17);
    const auto found = number("its magic number");
    if (found != magic) {
      fail("starts with " + hexadecimal(found) + " where an IDX file of " +
           (magic == kImageMagic ? "images" : "labels") + " has " + hexadecimal(magic) +
           "; it is another kind of file");
    }
    count_ = number("the number of items");
    std::error_code error;
    size_ = static_cast<std::int64_t>(fs::file_size(path, error));
  }

  std::int64_t count() const { return count_; }

  std::uint32_t number(const std::string& what) {
    std::array<std::uint8_t, 4> bytes{};
    read(bytes.data(), 4, what);
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
  }

  void read(std::uint8_t* into, std::int64_t bytes, const std::string& what) {
    const auto got = gzread(file_.get(), into, static_cast<unsigned>(bytes));
    if (got == bytes) return;
    int code = Z_OK;
    const std::string message = gzerror(file_.get(), &code);
    if (code != Z_OK && code != Z_BUF_ERROR) fail("cannot be unpacked (" + message + "); fetch it again");
    fail("is cut short: it ends within " + what + "; fetch it again");
  }

  /// So that a wrong header cannot ask for more memory than the file could fill: deflate packs 1032 to 1 at best.
  void checkHolds(std::int64_t bytes) {
    if (bytes / 1040 > size_) {
      fail("is cut short: its header promises " + std::to_string(bytes) + " bytes, but the file has " +
           std::to_string(size_) + "; fetch it again");
    }
  }

  void checkEnd() {
    std::uint8_t extra = 0;
    const auto got = gzread(file_.get(), &extra, 1);
    if (got > 0) fail("goes on after the " + std::to_string(count_) + " items that its header promises");
    if (got < 0 || gzclose_r(file_.release()) != Z_OK)
      fail("is cut short: its checksum is missing or wrong; fetch it again");
  }

  [[noreturn]] void fail(const std::string& what) const { throw RunError(path_.string() + " " + what); }

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose_r(file); }
  };
  fs::path path_;
  std::unique_ptr<gzFile_s, Close> file_;
  std::int64_t count_ = 0, size_ = 0;
};

/// "train-images-idx3-ubyte", also as "train-images.idx3-ubyte", either with ".gz". Empty where none is there.
fs::path find(const fs::path& folder, const std::string& stem, const std::string& kind) {
  std::error_code error;
  for (const char* separator : {"-", "."}) {
    for (const char* suffix : {"", ".gz"}) {
      const auto path = folder / (stem + separator + kind + suffix);
      if (fs::is_regular_file(path, error)) return path;
    }
  }
  return {};
}

torch::Tensor readImages(const fs::path& path, std::int64_t limit, std::int64_t& available, const Context& context) {
  IdxFile file(path, kImageMagic);
  const std::int64_t rows = file.number("the number of rows"), columns = file.number("the number of columns");
  if (rows < 1 || columns < 1 || rows > 1024 || columns > 1024) {
    file.fail("says that its images are " + std::to_string(rows) + "x" + std::to_string(columns) +
              " pixels; accepted are 1x1 to 1024x1024");
  }
  available = file.count();
  const auto count = limited(available, limit);
  file.checkHolds(count * rows * columns);
  const auto images = torch::empty({count, 1, rows, columns}, torch::kUInt8);
  auto* pixels = images.data_ptr<std::uint8_t>();
  constexpr std::int64_t kChunk = 1000;
  for (std::int64_t begin = 0; begin < count; begin += kChunk) {
    context.check();
    context.report(static_cast<double>(begin) / static_cast<double>(count));
    const auto n = std::min(kChunk, count - begin);
    file.read(pixels + begin * rows * columns, n * rows * columns,
              "images " + std::to_string(begin) + " to " + std::to_string(begin + n - 1) + " of " +
                  std::to_string(available));
  }
  if (count == available) file.checkEnd();
  return images;
}

torch::Tensor readLabels(const fs::path& path, std::int64_t limit, std::int64_t& available) {
  IdxFile file(path, kLabelMagic);
  available = file.count();
  const auto count = limited(available, limit);
  file.checkHolds(count);
  const auto labels = torch::empty({count}, torch::kUInt8);
  auto* values = labels.data_ptr<std::uint8_t>();
  file.read(values, count, "its " + std::to_string(available) + " labels");
  if (count == available) file.checkEnd();
  for (std::int64_t i = 0; i < count; ++i) {
    if (values[i] > 9) {
      file.fail("has the label " + std::to_string(values[i]) + " at item " + std::to_string(i) +
                "; accepted are 0 to 9");
    }
  }
  return labels.to(torch::kInt64);
}

/// An absent split where neither file is there.
RawSplit readSplit(const fs::path& folder, const std::string& stem, std::int64_t limit, const Context& context) {
  const auto imagePath = find(folder, stem + "-images", "idx3-ubyte");
  const auto labelPath = find(folder, stem + "-labels", "idx1-ubyte");
  if (imagePath.empty() && labelPath.empty()) return {};
  if (imagePath.empty() || labelPath.empty()) {
    throw RecipeError("data.path = \"" + folder.string() + "\" holds " +
                      (imagePath.empty() ? labelPath : imagePath).filename().string() + " but not " + stem +
                      (imagePath.empty() ? "-images-idx3-ubyte" : "-labels-idx1-ubyte") + "[.gz]; put it there");
  }
  std::int64_t imageCount = 0, labelCount = 0;
  RawSplit split;
  split.images = readImages(imagePath, limit, imageCount, context);
  split.labels = readLabels(labelPath, limit, labelCount);
  if (imageCount != labelCount) {
    throw RunError(imagePath.string() + " has " + std::to_string(imageCount) + " images, but " +
                   labelPath.filename().string() + " has " + std::to_string(labelCount) +
                   " labels; they do not belong together");
  }
  if (imageCount == 0) throw RunError(imagePath.string() + " has no images");
  return split;
}

}  // namespace

Dataset readIdx(const DatasetRequest& request, const Context& context) {
  Dataset set;
  set.classes = 10;
  if (request.name == "fashion-mnist") {
    set.mirrored = true;
    set.classNames = {"t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"};
    set.mirrored = true;
    set.mean = {0.2860}, set.deviation = {0.3530};
  } else {
    set.classNames = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    set.mean = {0.1307}, set.deviation = {0.3081};
  }
  set.train = readSplit(request.path, "train", request.trainLimit, context);
  set.test = readSplit(request.path, "t10k", request.testLimit, context);
  if (!set.train.images.defined() && !set.test.images.defined()) {
    throw RecipeError("data.path = \"" + request.path.string() +
                      "\" holds none of train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz], "
                      "t10k-images-idx3-ubyte[.gz], t10k-labels-idx1-ubyte[.gz]");
  }
  if (set.train.images.defined() && set.test.images.defined() &&
      set.train.images.sizes().slice(1) != set.test.images.sizes().slice(1)) {
    throw RunError(request.path.string() +
                   " holds training and test images of different sizes; they do not belong together");
  }
  return set;
}

}  // namespace eigenscape
