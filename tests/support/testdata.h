// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

// Real data sets and weights are not part of the repository. Tests that want them look here and skip where they are
// not.
namespace testdata {

/// The data folder: $EIGENSCAPE_SHARED_DATA, else ../shared/data beside the checkout.
inline std::filesystem::path root() {
  if (const char* set = std::getenv("EIGENSCAPE_SHARED_DATA")) return set;
  return std::filesystem::path(EIGENSCAPE_SOURCE_DIR) / ".." / "shared" / "data";
}

/// A file or folder in it; empty when it is not there.
inline std::filesystem::path shared(const std::string& name) {
  const auto path = root() / name;
  std::error_code error;
  return std::filesystem::exists(path, error) ? std::filesystem::canonical(path, error) : std::filesystem::path();
}

}  // namespace testdata
