// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "core/model/file_bytes.h"
#include "core/model/state_dict.h"
#include "core/results/error.h"

// The layout: eight bytes with the header's length, the header (JSON), then the tensors' bytes without gaps.
namespace eigenscape {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct TypeName {
  const char* name;
  torch::ScalarType type;
};
constexpr std::array<TypeName, 10> kTypes = {{{"F64", torch::kFloat64},
                                              {"F32", torch::kFloat32},
                                              {"F16", torch::kFloat16},
                                              {"BF16", torch::kBFloat16},
                                              {"I64", torch::kInt64},
                                              {"I32", torch::kInt32},
                                              {"I16", torch::kInt16},
                                              {"I8", torch::kInt8},
                                              {"U8", torch::kUInt8},
                                              {"BOOL", torch::kBool}}};
constexpr std::uint64_t kLongestHeader = 100'000'000;  // as in the format's own reader

std::uint64_t littleEndian(const std::string& bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 8; i-- > 0;) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

/// One tensor as the header describes it.
struct Entry {
  std::string name;
  torch::ScalarType type = torch::kFloat32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;
};

class Reader {
 public:
  explicit Reader(const fs::path& file) : file_(file.string()), bytes_(readFileBytes(file)) {}

  NamedTensors read(std::map<std::string, std::string>* metadata) {
    const Json header = parseHeader();
    std::vector<Entry> entries;
    for (const auto& [key, value] : header.items()) {
      if (key == "__metadata__") {
        readMetadata(value, metadata);
      } else {
        entries.push_back(readEntry(key, value));
      }
    }
    checkLayout(entries);
    NamedTensors tensors;
    for (const auto& entry : entries) {
      auto tensor = torch::empty(entry.shape, entry.type);
      if (entry.end > entry.begin) {
        std::memcpy(tensor.data_ptr(), bytes_.data() + dataBegin_ + entry.begin, entry.end - entry.begin);
      }
      // Bytes beyond 0 and 1 are no truth values.
      if (entry.type == torch::kBool) tensor = tensor.view(torch::kUInt8).ne(0);
      tensors.emplace_back(entry.name, std::move(tensor));
    }
    return tensors;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw RunError(file_ + " " + what); }

  Json parseHeader() {
    if (bytes_.size() < 8) fail("is cut short: " + std::to_string(bytes_.size()) + " bytes are no safetensors file");
    const auto length = littleEndian(bytes_);
    if (length > kLongestHeader) {
      fail("is no safetensors file: its first eight bytes would be a header of " + std::to_string(length) + " bytes");
    }
    if (length > bytes_.size() - 8) {
      fail("is cut short: its header has " + std::to_string(length) + " bytes, but only " +
           std::to_string(bytes_.size() - 8) + " follow");
    }
    dataBegin_ = 8 + static_cast<std::size_t>(length);
    std::set<std::string> names;
    std::string twice;
    const auto noteKeys = [&](int depth, Json::parse_event_t event, Json& parsed) {
      if (depth == 1 && event == Json::parse_event_t::key && !names.insert(parsed.get<std::string>()).second) {
        twice = parsed.get<std::string>();
      }
      return true;
    };
    Json header;
    try {
      header = Json::parse(bytes_.begin() + 8, bytes_.begin() + static_cast<std::ptrdiff_t>(dataBegin_), noteKeys);
    } catch (const Json::exception&) {
      fail("has a header that is not JSON; it is damaged or no safetensors file");
    }
    if (!header.is_object()) fail("has a header that is not a JSON object; it is no safetensors file");
    if (!twice.empty()) fail("names the tensor '" + twice + "' twice");
    return header;
  }

  void readMetadata(const Json& json, std::map<std::string, std::string>* metadata) const {
    if (!json.is_object()) fail("has a __metadata__ that is not a JSON object");
    for (const auto& [key, value] : json.items()) {
      if (!value.is_string()) fail("has the __metadata__ '" + key + "', which is not a text");
      if (metadata) (*metadata)[key] = value.get<std::string>();
    }
  }

  Entry readEntry(const std::string& name, const Json& json) const {
    const auto wrong = [&](const std::string& what) { fail("has the tensor '" + name + "' " + what); };
    Entry entry;
    entry.name = name;
    if (!json.is_object() || !json.contains("dtype") || !json.contains("shape") || !json.contains("data_offsets")) {
      wrong("without dtype, shape and data_offsets");
    }
    const Json &type = json["dtype"], &shape = json["shape"], &offsets = json["data_offsets"];
    if (!type.is_string()) wrong("with a dtype that is not a text");
    const auto found = std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeName& t) { return type == t.name; });
    if (found == kTypes.end()) {
      wrong("of the type " + type.get<std::string>() + "; accepted are F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL");
    }
    entry.type = found->type;
    const auto natural = [](const Json& number) { return number.is_number_unsigned(); };
    if (!shape.is_array() || !std::all_of(shape.begin(), shape.end(), natural)) wrong("with a wrong shape");
    if (!offsets.is_array() || offsets.size() != 2 || !std::all_of(offsets.begin(), offsets.end(), natural)) {
      wrong("with wrong data_offsets");
    }
    entry.begin = offsets[0].get<std::uint64_t>(), entry.end = offsets[1].get<std::uint64_t>();
    const std::uint64_t available = bytes_.size() - dataBegin_;
    if (entry.begin > entry.end) wrong("with wrong data_offsets");
    if (entry.end > available) {
      wrong("up to byte " + std::to_string(entry.end) + ", but only " + std::to_string(available) +
            " bytes follow the header: it is cut short");
    }
    if (!sized(entry, shape)) wrong("whose shape and dtype do not fill its data_offsets");
    return entry;
  }

  /// Fills the shape; whether it makes up the bytes given, without overflow on the way.
  static bool sized(Entry& entry, const Json& shape) {
    constexpr auto kMost = static_cast<std::uint64_t>(INT64_MAX);
    std::uint64_t bytes = torch::elementSize(entry.type);
    bool empty = false;
    for (const auto& number : shape) {
      const auto extent = number.get<std::uint64_t>();
      if (extent > kMost || (extent != 0 && bytes > kMost / extent)) return false;
      if (extent == 0) empty = true;
      bytes *= extent == 0 ? 1 : extent;
      entry.shape.push_back(static_cast<std::int64_t>(extent));
    }
    return entry.end - entry.begin == (empty ? 0 : bytes);
  }

  void checkLayout(const std::vector<Entry>& entries) const {
    std::vector<const Entry*> sorted;
    for (const auto& entry : entries) sorted.push_back(&entry);
    std::stable_sort(sorted.begin(), sorted.end(), [](const Entry* a, const Entry* b) {
      return a->begin != b->begin ? a->begin < b->begin : a->end < b->end;
    });
    std::uint64_t at = 0;
    for (const Entry* entry : sorted) {
      if (entry->begin < at) fail("has the tensor '" + entry->name + "' overlapping another");
      if (entry->begin > at) fail("has a gap before the tensor '" + entry->name + "'");
      at = entry->end;
    }
    if (at != bytes_.size() - dataBegin_) {
      fail("has " + std::to_string(bytes_.size() - dataBegin_ - at) + " bytes after its last tensor");
    }
  }

  std::string file_, bytes_;
  std::size_t dataBegin_ = 0;
};

const char* typeName(const std::string& name, torch::ScalarType type) {
  for (const auto& known : kTypes) {
    if (known.type == type) return known.name;
  }
  throw RunError("the tensor '" + name + "' is of the type " + std::string(torch::toString(type)) +
                 ", which a .safetensors file does not take");
}

/// The header, padded so that the data begin at a multiple of eight. Larger types lie first, so that all are aligned;
/// `order` receives that order. The header keeps the order given.
std::string makeHeader(const NamedTensors& tensors, const std::map<std::string, std::string>& metadata,
                       std::vector<std::size_t>& order) {
  order.resize(tensors.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return tensors[a].second.element_size() > tensors[b].second.element_size();
  });
  std::vector<std::pair<std::int64_t, std::int64_t>> offsets(tensors.size());
  std::int64_t at = 0;
  for (const auto i : order) {
    const auto bytes = static_cast<std::int64_t>(tensors[i].second.nbytes());
    offsets[i] = {at, at + bytes};
    at += bytes;
  }
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, tensor] = tensors[i];
    if (name == "__metadata__" || header.contains(name)) throw RunError("two tensors have the name '" + name + "'");
    header[name] = {{"dtype", typeName(name, tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offsets[i].first, offsets[i].second}}};
  }
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

}  // namespace

NamedTensors readSafetensors(const fs::path& file, std::map<std::string, std::string>* metadata) {
  return Reader(file).read(metadata);
}

void writeSafetensors(const fs::path& file, const NamedTensors& tensors,
                      const std::map<std::string, std::string>& metadata) {
  std::vector<std::size_t> order;
  const std::string header = makeHeader(tensors, metadata, order);
  const fs::path beside = file.string() + ".part";
  const auto fail = [&](const std::string& reason) {
    std::error_code ignored;
    fs::remove(beside, ignored);
    throw RunError(file.string() + " cannot be written: " + reason);
  };
  errno = 0;
  std::ofstream stream(beside, std::ios::binary | std::ios::trunc);
  std::array<char, 8> length{};
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> (8 * i) & 255);
  stream.write(length.data(), 8).write(header.data(), static_cast<std::streamsize>(header.size()));
  for (const auto i : order) {
    const auto tensor = tensors[i].second.detach().to(torch::kCPU).contiguous();
    stream.write(static_cast<const char*>(tensor.data_ptr()), static_cast<std::streamsize>(tensor.nbytes()));
  }
  stream.close();
  if (!stream) fail(errno != 0 ? std::strerror(errno) : "the disk may be full");
  std::error_code error;
  fs::rename(beside, file, error);
  if (error) fail(error.message());
}

}  // namespace eigenscape
