// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/pickle.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "core/results/error.h"

namespace eigenscape::pickle {
namespace {

/// Bounds what a small file can make of itself; real checkpoints hold some thousands.
constexpr std::size_t kMostValues = 4'000'000;

std::string printable(unsigned char op) {
  std::string text = "0x";
  for (const int digit : {op >> 4, op & 15}) text += "0123456789abcdef"[digit];
  return text;
}

}  // namespace

void Unpickler::fail(const std::string& what) const {
  throw RunError(origin_ + " is cut short or is no pickle of tensors: " + what + " at byte " +
                 std::to_string(position_));
}

// ---- input ----

std::string_view Unpickler::take(std::uint64_t count) {
  if (count > data_.size() - position_) fail("the data end within a value that starts");
  const auto taken = data_.substr(position_, static_cast<std::size_t>(count));
  position_ += static_cast<std::size_t>(count);
  return taken;
}

std::string_view Unpickler::takeLine() {
  const auto end = data_.find('\n', position_);
  if (end == std::string_view::npos) fail("the data end within a line that starts");
  const auto line = take(end - position_);
  take(1);
  return line;
}

std::uint64_t Unpickler::unsignedNumber(int bytes) {
  std::uint64_t number = 0;
  const auto digits = take(static_cast<std::uint64_t>(bytes));
  for (std::size_t i = digits.size(); i-- > 0;) number = number << 8 | static_cast<unsigned char>(digits[i]);
  return number;
}

// ---- the stack ----

Value& Unpickler::make(Kind kind) {
  if (values_.size() >= kMostValues) fail("it holds more than " + std::to_string(kMostValues) + " Python values");
  values_.emplace_back().kind = kind;
  return values_.back();
}

void Unpickler::pushText(Kind kind, std::string_view text) {
  Value& value = make(kind);
  value.bytes = text;
  push(value);
}

void Unpickler::pushInteger(std::int64_t number) {
  Value& value = make(Kind::Integer);
  value.integer = number;
  push(value);
}

Value& Unpickler::top() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("a value is missing");
  return *stack_.back();
}

Value& Unpickler::pop() {
  Value& value = top();
  stack_.pop_back();
  return value;
}

std::vector<Value*> Unpickler::popToMark() {
  if (marks_.empty()) fail("a mark is missing");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<Value*> items(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return items;
}

void Unpickler::pushTuple(std::size_t count) {
  Value& tuple = make(Kind::Tuple);
  tuple.items.resize(count);
  for (std::size_t i = count; i-- > 0;) tuple.items[i] = &pop();
  push(tuple);
}

// ---- the machine ----

const Value& Unpickler::load() {
  stack_.clear(), marks_.clear(), memo_.clear();
  for (;;) {
    const auto op = static_cast<unsigned char>(take(1)[0]);
    if (op == '.') return pop();
    if (!step(op)) fail("the pickle instruction " + printable(op) + " is not one that tensors are saved with");
  }
}

bool Unpickler::step(unsigned char op) {
  return stepNumber(op) || stepText(op) || stepContainer(op) || stepMemo(op) || stepObject(op);
}

bool Unpickler::stepNumber(unsigned char op) {
  switch (op) {
    case 0x80:  // PROTO
      if (const auto protocol = unsignedNumber(1); protocol > 5) fail("pickle protocol " + std::to_string(protocol));
      return true;
    case 0x95:
      take(8);
      return true;  // FRAME
    case 'N':
      push(make(Kind::None));
      return true;
    case 0x88:
    case 0x89: {
      Value& value = make(Kind::Boolean);
      value.integer = op == 0x88;
      push(value);
      return true;
    }
    case 'J':
      pushInteger(static_cast<std::int32_t>(unsignedNumber(4)));
      return true;
    case 'K':
      pushInteger(static_cast<std::int64_t>(unsignedNumber(1)));
      return true;
    case 'M':
      pushInteger(static_cast<std::int64_t>(unsignedNumber(2)));
      return true;
    case 0x8a:
      pushLong(counted(1));
      return true;
    case 0x8b:
      pushLong(counted(4));
      return true;
    case 'I':
    case 'L': {
      auto line = takeLine();
      if (!line.empty() && line.back() == 'L') line.remove_suffix(1);
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
      if (error != std::errc() || end != line.data() + line.size()) fail("a number that cannot be read");
      pushInteger(number);
      return true;
    }
    case 'G': {
      std::uint64_t bits = 0;
      for (const char byte : take(8)) bits = bits << 8 | static_cast<unsigned char>(byte);
      Value& value = make(Kind::Real);
      std::memcpy(&value.real, &bits, sizeof bits);
      push(value);
      return true;
    }
    default:
      return false;
  }
}

void Unpickler::pushLong(std::string_view digits) {
  std::uint64_t number = !digits.empty() && (digits.back() & 0x80) ? ~std::uint64_t{0} : 0;
  if (digits.size() <= 8) {
    for (std::size_t i = digits.size(); i-- > 0;) number = number << 8 | static_cast<unsigned char>(digits[i]);
    pushInteger(static_cast<std::int64_t>(number));
  } else {
    pushText(Kind::Integer, digits);
  }
}

bool Unpickler::stepText(unsigned char op) {
  switch (op) {
    case 'U':
      pushText(Kind::Text, counted(1));
      return true;  // Python 2's str: text or raw bytes
    case 'T':
      pushText(Kind::Text, counted(4));
      return true;
    case 0x8c:
      pushText(Kind::Text, counted(1));
      return true;
    case 'X':
      pushText(Kind::Text, counted(4));
      return true;
    case 0x8d:
      pushText(Kind::Text, counted(8));
      return true;
    case 'C':
      pushText(Kind::Bytes, counted(1));
      return true;
    case 'B':
      pushText(Kind::Bytes, counted(4));
      return true;
    case 0x8e:
    case 0x96:
      pushText(Kind::Bytes, counted(8));
      return true;
    default:
      return false;
  }
}

bool Unpickler::stepContainer(unsigned char op) {
  switch (op) {
    case '(':
      marks_.push_back(stack_.size());
      return true;
    case '0':
      if (!marks_.empty() && stack_.size() == marks_.back())
        marks_.pop_back();
      else
        pop();
      return true;
    case '1':
      popToMark();
      return true;
    case '2':
      push(top());
      return true;
    case ')':
      pushTuple(0);
      return true;
    case 0x85:
      pushTuple(1);
      return true;
    case 0x86:
      pushTuple(2);
      return true;
    case 0x87:
      pushTuple(3);
      return true;
    case ']':
    case 0x8f:
      push(make(Kind::List));
      return true;  // a set is kept as a list
    case '}':
      push(make(Kind::Dictionary));
      return true;
    case 't':
    case 'l':
    case 0x91: {
      auto items = popToMark();
      Value& value = make(op == 't' ? Kind::Tuple : Kind::List);
      value.items = std::move(items);
      push(value);
      return true;
    }
    case 'd': {
      const auto items = popToMark();
      Value& value = make(Kind::Dictionary);
      setItems(value, items);
      push(value);
      return true;
    }
    case 'a': {
      Value& item = pop();
      append(top(), {&item});
      return true;
    }
    case 'e':
    case 0x90: {
      const auto items = popToMark();
      append(top(), items);
      return true;
    }
    case 's': {
      Value &value = pop(), &key = pop();
      setItems(top(), {&key, &value});
      return true;
    }
    case 'u': {
      const auto items = popToMark();
      setItems(top(), items);
      return true;
    }
    default:
      return false;
  }
}

void Unpickler::append(Value& list, const std::vector<Value*>& items) {
  if (list.is(Kind::Object)) return;  // a class of its own that is filled like a list
  if (!list.is(Kind::List)) fail("items for " + describe(list));
  list.items.insert(list.items.end(), items.begin(), items.end());
}

void Unpickler::setItems(Value& dictionary, const std::vector<Value*>& items) {
  if (items.size() % 2 != 0) fail("a key without a value");
  if (dictionary.is(Kind::Object)) return;
  if (!dictionary.is(Kind::Dictionary)) fail("keys for " + describe(dictionary));
  dictionary.items.insert(dictionary.items.end(), items.begin(), items.end());
}

bool Unpickler::stepMemo(unsigned char op) {
  const auto index = [&]() -> std::uint64_t {
    const auto line = takeLine();
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    if (error != std::errc() || end != line.data() + line.size()) fail("a memo number that cannot be read");
    return number;
  };
  switch (op) {
    case 'q':
      remember(unsignedNumber(1));
      return true;
    case 'r':
      remember(unsignedNumber(4));
      return true;
    case 'p':
      remember(index());
      return true;
    case 0x94:
      remember(memo_.size());
      return true;
    case 'h':
      recall(unsignedNumber(1));
      return true;
    case 'j':
      recall(unsignedNumber(4));
      return true;
    case 'g':
      recall(index());
      return true;
    default:
      return false;
  }
}

void Unpickler::remember(std::uint64_t index) {
  memo_[index] = &top();
}

void Unpickler::recall(std::uint64_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) fail("a reference to a value that was not stored");
  push(*found->second);
}

bool Unpickler::stepObject(unsigned char op) {
  switch (op) {
    case 'c': {
      const auto module = takeLine(), name = takeLine();
      pushGlobal(module, name);
      return true;
    }
    case 0x93: {
      const Value &name = pop(), &module = pop();
      if (!name.is(Kind::Text) || !module.is(Kind::Text)) fail("a class without a name");
      pushGlobal(module.bytes, name.bytes);
      return true;
    }
    case 'R':
    case 0x81: {  // REDUCE, NEWOBJ
      Value &arguments = pop(), &function = pop();
      call(function, arguments);
      return true;
    }
    case 0x92: {  // NEWOBJ_EX
      pop();
      Value &arguments = pop(), &function = pop();
      call(function, arguments);
      return true;
    }
    case 'b': {
      Value& state = pop();
      build(top(), state);
      return true;
    }
    case 'Q':
      persistent(pop());
      return true;
    default:
      return false;
  }
}

}  // namespace eigenscape::pickle
