// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "core/results/error.h"

namespace eigenscape {

/// A whole file. Throws RecipeError when it is not there, RunError when it cannot be read.
inline std::string readFileBytes(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) throw RecipeError(path.string() + " is not there; check the path");
  if (!std::filesystem::is_regular_file(path, error)) {
    throw RecipeError(path.string() + " is not a file; give a file");
  }
  const auto size = std::filesystem::file_size(path, error);
  std::ifstream stream(path, std::ios::binary);
  if (error || !stream) throw RunError(path.string() + " cannot be opened; check its permissions");
  std::string bytes(size, '\0');
  if (!stream.read(bytes.data(), static_cast<std::streamsize>(size))) {
    throw RunError(path.string() + " cannot be read to its end");
  }
  return bytes;
}

}  // namespace eigenscape
