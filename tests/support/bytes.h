// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include "core/results/error.h"

// Files as strings of bytes, and what goes wrong with them.
namespace bytes {

inline std::string read(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

/// A new file each time: some file systems wait for the disk when a file is cut to nothing and filled again.
inline void write(const std::filesystem::path& path, const std::string& text) {
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error)) std::filesystem::remove(path, error);
  std::ofstream(path, std::ios::binary) << text;
}

/// `count` bytes, the least significant first.
inline std::string little(std::uint64_t value, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += static_cast<char>(value >> (8 * i) & 255);
  return text;
}

inline std::string big(std::uint64_t value, int count) {
  const auto text = little(value, count);
  return {text.rbegin(), text.rend()};
}

/// What a RunError (or RecipeError) thrown by `call` says, "" where there is none.
template <class Error = eigenscape::RunError, class Call>
std::string errorOf(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Calls `load` on each true prefix of `whole`, put into `path`. The first length that it takes without a RunError that
/// names the file in one line; −1 when there is none.
template <class Load>
std::int64_t firstPrefixTaken(const std::filesystem::path& path, const std::string& whole, Load&& load) {
  for (std::size_t length = 0; length < whole.size(); ++length) {
    write(path, whole.substr(0, length));
    const auto error = errorOf([&] { load(path); });
    if (!contains(error, path.filename().string()) || contains(error, "\n")) return static_cast<std::int64_t>(length);
  }
  return -1;
}

/// Calls `load` on copies of `whole` with one byte changed, for each byte: it may take them or throw a RunError, no
/// more.
template <class Load>
void changeEachByte(const std::filesystem::path& path, const std::string& whole, Load&& load) {
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int change : {0x01, 0x80}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ change);
      write(path, changed);
      errorOf([&] { load(path); });
    }
  }
}

}  // namespace bytes
