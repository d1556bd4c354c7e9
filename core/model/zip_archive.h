// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace eigenscape {

/// Reads the entries of a ZIP file that lies in memory (zip64 too), stored or deflated. `data` must outlive it. Throws
/// RunError; `origin` (the file) begins the message.
class ZipArchive {
 public:
  ZipArchive(std::string_view data, std::string origin);

  bool contains(const std::string& name) const { return entries_.count(name) != 0; }
  /// The name of the entry that is `leaf` or ends with "/leaf" and lies least deep; empty where there is none.
  std::string locate(const std::string& leaf) const;
  /// The bytes of an entry: within the file where it is stored, else unpacked and owned by the archive.
  std::string_view read(const std::string& name);

 private:
  struct Entry {
    std::uint64_t offset = 0, packed = 0, size = 0;
    unsigned method = 0, flags = 0;
  };

  [[noreturn]] void fail(const std::string& what) const;
  std::string_view part(std::uint64_t at, std::uint64_t count) const;
  std::uint64_t number(std::uint64_t at, int bytes) const;
  std::uint64_t findEnd() const;
  std::uint64_t readEntry(std::uint64_t at);
  void readZip64(Entry& entry, std::uint64_t at, std::uint64_t length) const;
  std::string_view inflated(const std::string& name, const Entry& entry, std::string_view packed);

  std::string_view data_;
  std::string origin_;
  std::map<std::string, Entry> entries_;
  std::deque<std::string> unpacked_;
};

}  // namespace eigenscape
