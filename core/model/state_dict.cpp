// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/state_dict.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "core/model/file_bytes.h"
#include "core/model/pickle.h"
#include "core/model/zip_archive.h"
#include "core/results/error.h"

namespace eigenscape {
namespace {

namespace fs = std::filesystem;
using pickle::Value;
using Kind = Value::Kind;

constexpr const char* kRemedy = "; in Python, torch.save(model.state_dict(), file) writes one that can be read";

struct TypeName {
  std::string_view storage, type, numpy;  // "torch.FloatStorage", torch.float32, numpy's without byte order
  torch::ScalarType scalar;
};
constexpr std::array<TypeName, 10> kTypes = {{{"DoubleStorage", "float64", "f8", torch::kFloat64},
                                              {"FloatStorage", "float32", "f4", torch::kFloat32},
                                              {"HalfStorage", "float16", "f2", torch::kFloat16},
                                              {"BFloat16Storage", "bfloat16", "", torch::kBFloat16},
                                              {"LongStorage", "int64", "i8", torch::kInt64},
                                              {"IntStorage", "int32", "i4", torch::kInt32},
                                              {"ShortStorage", "int16", "i2", torch::kInt16},
                                              {"CharStorage", "int8", "i1", torch::kInt8},
                                              {"ByteStorage", "uint8", "u1", torch::kUInt8},
                                              {"BoolStorage", "bool", "b1", torch::kBool}}};

std::optional<torch::ScalarType> scalarType(std::string_view name) {
  for (const std::string_view prefix : {"torch.cuda.", "torch.", "<"}) {
    if (name.substr(0, prefix.size()) == prefix) {
      name.remove_prefix(prefix.size());
      break;
    }
  }
  for (const auto& known : kTypes) {
    if (!name.empty() && (name == known.storage || name == known.type || name == known.numpy)) return known.scalar;
  }
  return std::nullopt;
}

/// a·b, or nothing where it does not fit.
std::optional<std::int64_t> product(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) return std::nullopt;
  return result;
}

/// Makes tensors of the places in storages that a pickle describes. `load` gives a storage's bytes by its key.
class Tensors {
 public:
  using Load = std::function<std::string_view(const std::string& key)>;
  Tensors(std::string file, std::size_t fileSize, Load load)
      : file_(std::move(file)), budget_(static_cast<std::int64_t>(fileSize) * 16 + (1 << 26)), load_(std::move(load)) {}

  torch::Tensor make(const std::string& name, const pickle::Array& array) {
    const auto fail = [&](const std::string& what) {
      throw RunError(file_ + " holds the tensor '" + name + "' " + what);
    };
    const std::string& typeName = array.type.empty() && array.storage ? array.storage->name : array.type;
    const auto type = scalarType(typeName);
    if (!type) fail("of the type " + typeName + ", which is not supported; save it as float32");
    const auto elements = count(array.shape);
    if (!elements) fail("with an impossible shape");
    auto tensor = array.storage ? fromStorage(array, *type, *elements, fail) : fromNumpy(array, *type, *elements, fail);
    // Bytes beyond 0 and 1 are no truth values.
    return *type == torch::kBool ? tensor.view(torch::kUInt8).ne(0) : tensor;
  }

 private:
  using Fail = std::function<void(const std::string&)>;

  static std::optional<std::int64_t> count(const std::vector<std::int64_t>& shape) {
    std::optional<std::int64_t> elements = 1;
    for (const auto extent : shape) {
      if (extent < 0) return std::nullopt;
      // Strides are made of the extents that are not zero, so those must fit too.
      if (elements) elements = product(*elements, std::max<std::int64_t>(extent, 1));
    }
    if (shape.size() > 64) return std::nullopt;
    const bool empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
    return elements && empty ? 0 : elements;
  }

  torch::Tensor fromStorage(const pickle::Array& array, torch::ScalarType type, std::int64_t elements,
                            const Fail& fail) {
    if (elements == 0) return torch::empty(array.shape, type);
    const auto& storage = *array.storage;
    const auto size = static_cast<std::int64_t>(torch::elementSize(type));
    const auto& bytes = storageBytes(std::string(storage.bytes));
    const auto held = bytes.size(0) / size;
    // The last element reached, step by step so that nothing overflows.
    std::int64_t offset = 0, last = 0;
    bool inside = !__builtin_add_overflow(array.offset, storage.array ? storage.array->offset : 0, &offset) &&
                  array.offset >= 0 && offset >= 0;
    last = offset;
    for (std::size_t i = 0; inside && i < array.shape.size(); ++i) {
      const auto reach = product(array.shape[i] - 1, array.strides[i]);
      inside = array.strides[i] >= 0 && reach && !__builtin_add_overflow(last, *reach, &last);
    }
    if (!inside || last >= held) {
      fail("that reaches beyond its storage of " + std::to_string(held) +
           " elements; the file is cut short or damaged");
    }
    const auto view = bytes.narrow(0, 0, held * size).view(type).as_strided(array.shape, array.strides, offset);
    if (view.is_contiguous()) return view;
    // Strides of zero make much of little; a file that asks for more than it could ever need is refused.
    const auto copied = product(elements, size);
    if (!copied || *copied > budget_) fail("that repeats its elements more often than a model would");
    budget_ -= *copied;
    return view.contiguous();
  }

  torch::Tensor fromNumpy(const pickle::Array& array, torch::ScalarType type, std::int64_t elements, const Fail& fail) {
    const auto bytes = product(elements, static_cast<std::int64_t>(torch::elementSize(type)));
    if (!bytes || *bytes != static_cast<std::int64_t>(array.bytes.size())) fail("whose bytes do not fill its shape");
    auto shape = array.shape;
    if (array.fortran) std::reverse(shape.begin(), shape.end());
    auto tensor = torch::empty(shape, type);
    if (*bytes > 0) std::memcpy(tensor.data_ptr(), array.bytes.data(), array.bytes.size());
    if (!array.fortran) return tensor;
    std::vector<std::int64_t> order(shape.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(order.size() - 1 - i);
    return tensor.permute(order).contiguous();
  }

  /// An aligned copy, made once however many tensors share the storage.
  const torch::Tensor& storageBytes(const std::string& key) {
    const auto [place, fresh] = storages_.try_emplace(key);
    if (fresh) {
      const auto bytes = load_(key);
      place->second = torch::empty({static_cast<std::int64_t>(bytes.size() + 7) / 8}, torch::kInt64)
                          .view(torch::kUInt8)
                          .narrow(0, 0, static_cast<std::int64_t>(bytes.size()));
      if (!bytes.empty()) std::memcpy(place->second.data_ptr(), bytes.data(), bytes.size());
    }
    return place->second;
  }

  std::string file_;
  std::int64_t budget_;
  Load load_;
  std::map<std::string, torch::Tensor> storages_;
};

/// The dictionary of tensors within what a file holds.
class StateDict {
 public:
  StateDict(std::string file, Tensors& tensors) : file_(std::move(file)), tensors_(tensors) {}

  NamedTensors read(const Value& root) {
    if (root.is(Kind::Object) && root.name.rfind("__torch__", 0) == 0) {
      readScript("", root, 0);
      if (found_.empty()) {
        throw RunError(file_ + " is a TorchScript module that has no tensors; a model goes under model.torchscript");
      }
    } else {
      readDictionary(unwrapped(root));
    }
    if (found_.empty()) throw RunError(file_ + " holds no tensors" + kRemedy);
    removePrefix();
    return std::move(found_);
  }

 private:
  const Value& unwrapped(const Value& root) const {
    if (!root.is(Kind::Dictionary)) throw RunError(file_ + " holds " + pickle::describe(root) + kRemedy);
    for (const char* key : {"state_dict", "model_state_dict", "model", "net"}) {
      const Value* inner = root.find(key);
      if (!inner || inner->is(Kind::Tensor)) continue;
      if (!inner->is(Kind::Dictionary)) {
        throw RunError(file_ + " holds " + pickle::describe(*inner) + " under '" + key + "'" + kRemedy);
      }
      return *inner;
    }
    return root;
  }

  void readDictionary(const Value& dictionary) {
    for (std::size_t i = 0; i + 1 < dictionary.items.size(); i += 2) {
      const Value &key = *dictionary.items[i], &value = *dictionary.items[i + 1];
      if (!key.is(Kind::Text)) throw RunError(file_ + " has a key that is " + pickle::describe(key) + kRemedy);
      const std::string name(key.bytes);
      if (name == "_extra_state" || name.find("._extra_state") != std::string::npos) continue;
      if (!value.is(Kind::Tensor)) {
        throw RunError(file_ + " holds " + pickle::describe(value) + " under '" + name + "', which is not a tensor" +
                       kRemedy);
      }
      found_.emplace_back(name, tensors_.make(name, *value.array));
    }
  }

  /// A TorchScript module: its attributes that are tensors, those of its submodules below their names.
  void readScript(const std::string& prefix, const Value& module, int depth) {
    if (depth > 50 || ++modules_ > kMostModules)
      throw RunError(file_ + " has modules within modules without end; it is damaged");
    if (module.items.empty() || !module.items[0]->is(Kind::Dictionary)) return;
    const auto& items = module.items[0]->items;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      const auto name = prefix + std::string(items[i]->bytes);
      if (items[i + 1]->is(Kind::Tensor)) {
        found_.emplace_back(name, tensors_.make(name, *items[i + 1]->array));
      } else if (items[i + 1]->is(Kind::Object)) {
        readScript(name + ".", *items[i + 1], depth + 1);
      }
    }
  }

  /// That of torch.nn.DataParallel.
  void removePrefix() {
    const std::string prefix = "module.";
    const auto has = [&](const auto& entry) { return entry.first.rfind(prefix, 0) == 0; };
    if (!std::all_of(found_.begin(), found_.end(), has)) return;
    for (auto& entry : found_) entry.first.erase(0, prefix.size());
  }

  static constexpr int kMostModules = 100'000;
  int modules_ = 0;
  std::string file_;
  Tensors& tensors_;
  NamedTensors found_;
};

/// torch.save from 1.6 on: a ZIP with data.pkl and one entry per storage.
NamedTensors readZip(const std::string& file, const std::string& bytes) {
  ZipArchive archive(bytes, file);
  const auto index = archive.locate("data.pkl");
  if (index.empty()) throw RunError(file + " is a ZIP file without data.pkl, so torch.save did not write it" + kRemedy);
  const auto folder = index.substr(0, index.size() - std::string("data.pkl").size());
  if (archive.contains(folder + "byteorder") && archive.read(folder + "byteorder") == "big") {
    throw RunError(file + " was written on a big-endian machine; save it again on a little-endian one");
  }
  pickle::Unpickler unpickler(archive.read(index), file);
  const auto& root = unpickler.load();
  Tensors tensors(file, bytes.size(), [&](const std::string& key) { return archive.read(folder + "data/" + key); });
  return StateDict(file, tensors).read(root);
}

/// The storages after the pickles of the old layout: for each key the element count, then the bytes. A storage's type
/// stands in the pickle, so its element size is gathered from there.
class OldStorages {
 public:
  OldStorages(const std::string& file, const std::string& bytes, std::size_t at)
      : file_(file), bytes_(bytes), at_(at) {}

  void read(const Value& keys, const std::map<std::string, std::int64_t>& elementSizes) {
    if (!keys.is(Kind::List)) throw RunError(file_ + " has no list of storages; it is cut short or damaged");
    for (const Value* key : keys.items) {
      const std::string name(key->bytes);
      const auto size = elementSizes.find(name);
      if (size == elementSizes.end()) throw RunError(file_ + " has the storage '" + name + "' of an unknown type");
      const auto count = product(takeCount(), size->second);
      if (!count || *count < 0 || static_cast<std::uint64_t>(*count) > bytes_.size() - at_) {
        throw RunError(file_ + " is cut short: the storage '" + name + "' goes beyond its end");
      }
      found_[name] = std::string_view(bytes_).substr(at_, static_cast<std::size_t>(*count));
      at_ += static_cast<std::size_t>(*count);
    }
  }

  std::string_view get(const std::string& key) const {
    const auto place = found_.find(key);
    if (place == found_.end()) throw RunError(file_ + " is cut short: the storage '" + key + "' is missing");
    return place->second;
  }

 private:
  std::int64_t takeCount() {
    if (bytes_.size() - at_ < 8) throw RunError(file_ + " is cut short: it ends before its storages do");
    std::int64_t count = 0;
    std::memcpy(&count, bytes_.data() + at_, 8);
    at_ += 8;
    return count;
  }

  const std::string& file_;
  const std::string& bytes_;
  std::size_t at_;
  std::map<std::string, std::string_view> found_;
};

/// A plain pickle of numpy arrays, or torch.save before 1.6: magic number, protocol, system, the object, the keys of
/// its storages, all pickled; then the storages.
NamedTensors readPickles(const std::string& file, const std::string& bytes) {
  constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
  pickle::Unpickler unpickler(bytes, file);
  const Value* root = &unpickler.load();
  std::unique_ptr<OldStorages> storages;
  if (root->is(Kind::Integer) && root->bytes == kMagic) {
    if (unpickler.load().integer != 1001) throw RunError(file + " is of an unknown version of torch.save" + kRemedy);
    const Value* little = unpickler.load().find("little_endian");
    if (little && little->integer == 0) {
      throw RunError(file + " was written on a big-endian machine; save it again on a little-endian one");
    }
    root = &unpickler.load();
    std::map<std::string, std::int64_t> sizes;
    for (const Value* storage : unpickler.storages()) {
      const auto type = scalarType(storage->name);
      if (type) sizes[std::string(storage->bytes)] = static_cast<std::int64_t>(torch::elementSize(*type));
    }
    const Value& keys = unpickler.load();
    storages = std::make_unique<OldStorages>(file, bytes, unpickler.position());
    storages->read(keys, sizes);
  }
  Tensors tensors(file, bytes.size(), [&](const std::string& key) -> std::string_view {
    if (!storages) throw RunError(file + " refers to a storage that it does not hold" + kRemedy);
    return storages->get(key);
  });
  return StateDict(file, tensors).read(*root);
}

}  // namespace

NamedTensors readStateDict(const fs::path& path) {
  const std::string file = path.string();
  std::array<char, 9> start{};
  std::ifstream(path, std::ios::binary).read(start.data(), start.size());
  const std::string_view head(start.data(), start.size());
  if (head[8] == '{' && head.substr(0, 2) != "PK") return readSafetensors(path);
  const std::string bytes = readFileBytes(path);
  try {
    if (head.substr(0, 4) == "PK\x03\x04") return readZip(file, bytes);
    if (head[0] == '\x80') return readPickles(file, bytes);
  } catch (const c10::Error& error) {
    throw RunError(file + " cannot be made into tensors: " + error.what_without_backtrace());
  }
  throw RunError(file + (bytes.empty() ? " is empty" : " is neither a file of torch.save nor .safetensors") + kRemedy);
}

}  // namespace eigenscape
