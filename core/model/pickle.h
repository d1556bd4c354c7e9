// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// A reader of Python pickles that runs nothing: it builds plain values, knows the few classes that tensors, numpy
// arrays and state dicts are made of, and keeps every other object as an opaque value that only remembers its class.
namespace eigenscape::pickle {

struct Value;

/// numpy.ndarray, or the place of a torch tensor in a storage (`storage` set).
struct Array {
  std::string type;  ///< numpy: "u1", "<f4", …; torch rebuild_v3: "torch.uint8"; empty: the storage's type
  std::vector<std::int64_t> shape, strides;  ///< strides in elements, torch alone
  bool fortran = false;                      ///< numpy: column-major
  std::string_view bytes;                    ///< numpy: into the file, or into a value that the Unpickler owns
  const Value* storage = nullptr;
  std::int64_t offset = 0;  ///< in elements of the storage
};

struct Value {
  enum class Kind {
    None,
    Boolean,
    Integer,     ///< `integer`; beyond 64 bits `bytes` has the little-endian digits
    Real,        ///< `real`
    Text,        ///< `bytes`, UTF-8 (as written; Python 2's str too)
    Bytes,       ///< `bytes`
    List,        ///< `items`
    Tuple,       ///< `items`
    Dictionary,  ///< `items`: key, value, key, value …
    Global,      ///< `bytes`: "module name" of a class or function
    Storage,     ///< `bytes`: the key; `name`: the class, such as "torch.FloatStorage"; `integer`: the element count;
                 ///< `array->offset`: where it begins, if it is a view
    Tensor,      ///< `array`
    Object,      ///< of the class `name`; `items`: the state given to it, if any
  };
  Kind kind = Kind::None;
  std::int64_t integer = 0;
  double real = 0;
  std::string_view bytes;
  std::string name;
  std::vector<Value*> items;
  Array* array = nullptr;

  bool is(Kind which) const { return kind == which; }
  /// The value under a text key of a dictionary; nullptr where there is none.
  const Value* find(std::string_view key) const;
};

/// What a value is, for a message: "an integer", "an object of the class argparse.Namespace".
std::string describe(const Value& value);

/// Loads pickles of protocols 0 to 5 that lie one after the other in `data`, which must outlive the Unpickler and its
/// values. Throws RunError; `origin` (the file) begins the message.
class Unpickler {
 public:
  Unpickler(std::string_view data, std::string origin) : data_(data), origin_(std::move(origin)) {}
  Unpickler(const Unpickler&) = delete;
  Unpickler& operator=(const Unpickler&) = delete;

  /// The next pickle. The values live as long as the Unpickler.
  const Value& load();
  /// Where the next pickle would begin.
  std::size_t position() const { return position_; }
  /// All storages named so far.
  const std::vector<const Value*>& storages() const { return storages_; }

 private:
  using Kind = Value::Kind;

  [[noreturn]] void fail(const std::string& what) const;
  // Input.
  std::string_view take(std::uint64_t count);
  std::string_view takeLine();
  std::uint64_t unsignedNumber(int bytes);
  std::string_view counted(int lengthBytes) { return take(unsignedNumber(lengthBytes)); }
  // The stack.
  Value& make(Kind kind);
  void push(Value& value) { stack_.push_back(&value); }
  void pushText(Kind kind, std::string_view text);
  void pushInteger(std::int64_t number);
  Value& pop();
  Value& top();
  std::vector<Value*> popToMark();
  void pushTuple(std::size_t count);
  // The machine.
  bool step(unsigned char op);
  bool stepNumber(unsigned char op);
  bool stepText(unsigned char op);
  bool stepContainer(unsigned char op);
  bool stepMemo(unsigned char op);
  bool stepObject(unsigned char op);
  void pushLong(std::string_view digits);
  void append(Value& list, const std::vector<Value*>& items);
  void setItems(Value& dictionary, const std::vector<Value*>& items);
  void remember(std::uint64_t index);
  void recall(std::uint64_t index);
  void pushGlobal(std::string_view module, std::string_view name);
  void call(Value& function, Value& arguments);
  void build(Value& object, Value& state);
  void persistent(const Value& id);
  Value& object(std::string className);
  bool callTorch(const std::string& name, const std::vector<Value*>& arguments);
  bool callNumpy(const std::string& name, const std::vector<Value*>& arguments);
  void rebuildTensor(const std::vector<Value*>& arguments, std::size_t typeAt);
  void buildArray(Value& tensor, const Value& state);
  std::vector<std::int64_t> numbers(const Value& value, const char* what) const;
  std::string_view latin1(std::string_view utf8);

  std::string_view data_;
  std::string origin_;
  std::size_t position_ = 0;
  std::deque<Value> values_;  // owns all: hostile cycles and depth cost nothing
  std::deque<Array> arrays_;
  std::deque<std::string> texts_;
  std::vector<const Value*> storages_;
  std::vector<Value*> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, Value*> memo_;
};

}  // namespace eigenscape::pickle
