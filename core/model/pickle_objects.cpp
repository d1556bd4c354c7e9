// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <utility>

#include "core/model/pickle.h"
#include "core/results/error.h"

// What a pickle's classes and calls become. None is run: the names below are those known, all else stays opaque.
namespace eigenscape::pickle {
namespace {

std::string dotted(std::string_view global) {
  std::string text(global);
  std::replace(text.begin(), text.end(), ' ', '.');
  return text;
}

/// One name for what Python 2 and 3, and numpy 1 and 2, call differently.
std::string canonical(std::string_view module, std::string_view name) {
  std::string text(module);
  if (text == "__builtin__") text = "builtins";
  if (text.rfind("numpy._core", 0) == 0) text.erase(6, 1);
  return text + " " + std::string(name);
}

}  // namespace

const Value* Value::find(std::string_view key) const {
  if (kind != Kind::Dictionary) return nullptr;
  const Value* found = nullptr;  // the last one wins, as in Python
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    if ((items[i]->is(Kind::Text) || items[i]->is(Kind::Bytes)) && items[i]->bytes == key) found = items[i + 1];
  }
  return found;
}

std::string describe(const Value& value) {
  switch (value.kind) {
    case Value::Kind::None:
      return "None";
    case Value::Kind::Boolean:
      return "a truth value";
    case Value::Kind::Integer:
      return "an integer";
    case Value::Kind::Real:
      return "a number";
    case Value::Kind::Text:
      return "a text";
    case Value::Kind::Bytes:
      return "bytes";
    case Value::Kind::List:
      return "a list";
    case Value::Kind::Tuple:
      return "a tuple";
    case Value::Kind::Dictionary:
      return "a dictionary";
    case Value::Kind::Global:
      return "the Python class or function " + dotted(value.bytes);
    case Value::Kind::Storage:
      return "a " + value.name;
    case Value::Kind::Tensor:
      return "a tensor";
    case Value::Kind::Object:
      return "a Python object of the class " + value.name;
  }
  return "unknown";
}

// ---- calls ----

void Unpickler::pushGlobal(std::string_view module, std::string_view name) {
  texts_.push_back(canonical(module, name));
  pushText(Kind::Global, texts_.back());
}

Value& Unpickler::object(std::string className) {
  Value& value = make(Kind::Object);
  value.name = std::move(className);
  return value;
}

void Unpickler::call(Value& function, Value& arguments) {
  if (!arguments.is(Kind::Tuple)) fail("a call without a tuple of arguments");
  if (!function.is(Kind::Global)) return push(object(function.is(Kind::Object) ? function.name : describe(function)));
  const std::string name(function.bytes);
  const auto& list = arguments.items;
  if (callTorch(name, list) || callNumpy(name, list)) return;
  if (name == "collections OrderedDict" || name == "collections defaultdict" || name == "builtins dict") {
    Value& dictionary = make(Kind::Dictionary);
    if (name != "collections defaultdict" && !list.empty() && list[0]->is(Kind::List)) {
      for (const Value* pair : list[0]->items) setItems(dictionary, pair->items);
    }
    return push(dictionary);
  }
  if (name == "torch Size" && list.size() == 1) return push(*list[0]);
  if (name == "_codecs encode" && list.size() == 2 && list[0]->is(Kind::Text) && list[1]->bytes == "latin1") {
    return pushText(Kind::Bytes, latin1(list[0]->bytes));
  }
  if (name == "builtins bytes" && list.empty()) return pushText(Kind::Bytes, {});
  push(object(dotted(name)));
}

void Unpickler::build(Value& target, Value& state) {
  if (target.is(Kind::Tensor)) return buildArray(target, state);
  if (!target.is(Kind::Object)) return;  // attributes of an OrderedDict, such as `_metadata`
  if (target.name == "numpy.dtype") {
    // (version, byte order, …): the order completes the type's name.
    if (state.items.size() > 1 && (state.items[1]->bytes == ">" || state.items[1]->bytes == "<")) {
      texts_.push_back(std::string(state.items[1]->bytes) + std::string(target.bytes));
      target.bytes = texts_.back();
    }
    return;
  }
  target.items = {&state};
}

std::string_view Unpickler::latin1(std::string_view utf8) {
  std::string bytes;
  bytes.reserve(utf8.size());
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    if (lead < 0x80) {
      bytes += utf8[i];
    } else {
      if ((lead != 0xc2 && lead != 0xc3) || i + 1 == utf8.size()) fail("bytes that are not Latin-1");
      bytes += static_cast<char>((lead & 3) << 6 | (static_cast<unsigned char>(utf8[++i]) & 0x3f));
    }
  }
  texts_.push_back(std::move(bytes));
  return texts_.back();
}

// ---- torch ----

void Unpickler::persistent(const Value& id) {
  if (!id.is(Kind::Tuple) || id.items.empty()) fail("an outside reference that is not PyTorch's");
  const auto& items = id.items;
  if (items[0]->bytes == "module" && items.size() >= 2) return push(*items[1]);  // a class and its source text
  if (items[0]->bytes != "storage" || items.size() < 5 || !items[1]->is(Kind::Global) || !items[2]->is(Kind::Text) ||
      !items[4]->is(Kind::Integer)) {
    fail("an outside reference that is not a storage");
  }
  Value& storage = make(Kind::Storage);
  storage.name = dotted(items[1]->bytes);
  storage.bytes = items[2]->bytes;
  storage.integer = items[4]->integer;
  if (items.size() > 5 && items[5]->items.size() == 3) {  // a view of another storage: key, offset, size
    if (!items[5]->items[1]->is(Kind::Integer)) fail("a storage view without an offset");
    storage.array = &arrays_.emplace_back();
    storage.array->offset = items[5]->items[1]->integer;
  }
  storages_.push_back(&storage);
  push(storage);
}

bool Unpickler::callTorch(const std::string& name, const std::vector<Value*>& arguments) {
  if (name == "torch._utils _rebuild_tensor" || name == "torch._utils _rebuild_tensor_v2") {
    rebuildTensor(arguments, 0);
  } else if (name == "torch._utils _rebuild_tensor_v3") {
    rebuildTensor(arguments, 6);
  } else if (name == "torch._utils _rebuild_parameter" || name == "torch._utils _rebuild_parameter_with_state") {
    if (arguments.empty()) fail("a parameter without data");
    push(*arguments[0]);
  } else if (name.rfind("torch.jit._pickle ", 0) == 0 && !arguments.empty()) {
    push(*arguments[0]);  // LibTorch's own containers: restore_type_tag(value, type), build_tensorlist(values), …
  } else if (name == "torch._tensor _rebuild_from_type_v2") {
    // (function, type, arguments, state); a function of this name again would recurse.
    if (arguments.size() < 3 || arguments[0]->bytes == name) fail("a tensor without data");
    call(*arguments[0], *arguments[2]);
  } else {
    return false;
  }
  return true;
}

std::vector<std::int64_t> Unpickler::numbers(const Value& value, const char* what) const {
  if (!value.is(Kind::Tuple) && !value.is(Kind::List)) fail(std::string("a tensor without ") + what);
  std::vector<std::int64_t> list;
  for (const Value* item : value.items) {
    if (!item->is(Kind::Integer) || !item->bytes.empty()) fail(std::string("a wrong number in the tensor's ") + what);
    list.push_back(item->integer);
  }
  return list;
}

void Unpickler::rebuildTensor(const std::vector<Value*>& arguments, std::size_t typeAt) {
  if (arguments.size() < 4 || !arguments[0]->is(Kind::Storage) || !arguments[1]->is(Kind::Integer)) {
    fail("a tensor without a storage");
  }
  Array& array = arrays_.emplace_back();
  array.storage = arguments[0];
  array.offset = arguments[1]->integer;
  array.shape = numbers(*arguments[2], "shape");
  array.strides = numbers(*arguments[3], "strides");
  if (array.strides.size() != array.shape.size()) fail("a tensor with another number of strides than dimensions");
  if (typeAt != 0) {
    if (arguments.size() <= typeAt || !arguments[typeAt]->is(Kind::Global)) fail("a tensor without a type");
    array.type = dotted(arguments[typeAt]->bytes);
  }
  Value& tensor = make(Kind::Tensor);
  tensor.array = &array;
  push(tensor);
}

// ---- numpy ----

bool Unpickler::callNumpy(const std::string& name, const std::vector<Value*>& arguments) {
  if (name == "numpy dtype" && !arguments.empty()) {
    Value& type = object("numpy.dtype");
    type.bytes = arguments[0]->bytes;
    push(type);
  } else if (name == "numpy.core.multiarray _reconstruct") {
    Value& tensor = make(Kind::Tensor);
    tensor.array = &arrays_.emplace_back();
    push(tensor);
  } else if (name == "numpy.core.numeric _frombuffer" && arguments.size() == 4) {
    Value& tensor = make(Kind::Tensor);
    tensor.array = &arrays_.emplace_back();
    tensor.array->bytes = arguments[0]->bytes;
    tensor.array->type = arguments[1]->bytes;
    tensor.array->shape = numbers(*arguments[2], "shape");
    tensor.array->fortran = arguments[3]->bytes == "F";
    push(tensor);
  } else {
    return false;
  }
  return true;
}

/// The state of a numpy array: (version, shape, type, column-major, bytes).
void Unpickler::buildArray(Value& tensor, const Value& state) {
  if (tensor.array->storage) return;  // attributes of a torch tensor
  const auto& items = state.items;
  if (!state.is(Kind::Tuple) || items.size() != 5 || !items[2]->is(Kind::Object)) fail("an array without its state");
  if (!items[4]->is(Kind::Bytes) && !items[4]->is(Kind::Text)) {
    tensor.kind = Kind::Object;
    tensor.name = "numpy.ndarray (of Python objects)";
    return;
  }
  tensor.array->shape = numbers(*items[1], "shape");
  tensor.array->type = items[2]->bytes;
  tensor.array->fortran = items[3]->integer != 0;
  tensor.array->bytes = items[4]->bytes;
}

}  // namespace eigenscape::pickle
