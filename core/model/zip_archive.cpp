// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/zip_archive.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

#include "core/results/error.h"

namespace eigenscape {
namespace {

constexpr std::uint64_t kEndSize = 22, kLocatorSize = 20, kCentralSize = 46, kLocalSize = 30;
constexpr std::uint64_t kEndMark = 0x06054b50, kLocatorMark = 0x07064b50, kEnd64Mark = 0x06064b50,
                        kCentralMark = 0x02014b50, kLocalMark = 0x04034b50;
constexpr std::uint64_t kIn64 = 0xffffffff;  // the value stands in the zip64 field

}  // namespace

ZipArchive::ZipArchive(std::string_view data, std::string origin) : data_(data), origin_(std::move(origin)) {
  const auto end = findEnd();
  std::uint64_t count = number(end + 10, 2), at = number(end + 16, 4);
  if ((count == 0xffff || at == kIn64) && end >= kLocatorSize && number(end - kLocatorSize, 4) == kLocatorMark) {
    const auto end64 = number(end - kLocatorSize + 8, 8);
    if (number(end64, 4) != kEnd64Mark) fail("its zip64 directory is not where it should be");
    count = number(end64 + 32, 8), at = number(end64 + 48, 8);
  }
  for (std::uint64_t i = 0; i < count; ++i) at = readEntry(at);
}

void ZipArchive::fail(const std::string& what) const {
  throw RunError(origin_ + " is cut short or damaged: " + what);
}

std::string_view ZipArchive::part(std::uint64_t at, std::uint64_t count) const {
  if (at > data_.size() || count > data_.size() - at) fail("an entry lies beyond the end of the archive");
  return data_.substr(static_cast<std::size_t>(at), static_cast<std::size_t>(count));
}

std::uint64_t ZipArchive::number(std::uint64_t at, int bytes) const {
  std::uint64_t value = 0;
  const auto digits = part(at, static_cast<std::uint64_t>(bytes));
  for (std::size_t i = digits.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(digits[i]);
  return value;
}

/// The end record is the last thing but for a comment of at most 65535 bytes.
std::uint64_t ZipArchive::findEnd() const {
  for (std::uint64_t comment = 0; comment <= 0xffff && comment + kEndSize <= data_.size(); ++comment) {
    const auto at = data_.size() - kEndSize - comment;
    if (number(at, 4) == kEndMark && number(at + 20, 2) == comment) return at;
  }
  fail("the directory at the end of the archive is missing");
}

std::uint64_t ZipArchive::readEntry(std::uint64_t at) {
  if (number(at, 4) != kCentralMark) fail("the archive's directory is not where it should be");
  Entry entry;
  entry.flags = static_cast<unsigned>(number(at + 8, 2));
  entry.method = static_cast<unsigned>(number(at + 10, 2));
  entry.packed = number(at + 20, 4), entry.size = number(at + 24, 4), entry.offset = number(at + 42, 4);
  const auto nameLength = number(at + 28, 2), extraLength = number(at + 30, 2), commentLength = number(at + 32, 2);
  const auto name = part(at + kCentralSize, nameLength);
  readZip64(entry, at + kCentralSize + nameLength, extraLength);
  entries_[std::string(name)] = entry;
  return at + kCentralSize + nameLength + extraLength + commentLength;
}

void ZipArchive::readZip64(Entry& entry, std::uint64_t at, std::uint64_t length) const {
  const auto end = at + length;
  while (at + 4 <= end) {
    const auto id = number(at, 2), size = number(at + 2, 2);
    if (id == 1) {
      auto field = at + 4;
      for (std::uint64_t* value : {&entry.size, &entry.packed, &entry.offset}) {
        if (*value == kIn64) *value = number(field, 8), field += 8;
      }
      return;
    }
    at += 4 + size;
  }
}

std::string ZipArchive::locate(const std::string& leaf) const {
  std::string best;
  for (const auto& [name, entry] : entries_) {
    const bool matches =
        name == leaf ||
        (name.size() > leaf.size() && name.compare(name.size() - leaf.size() - 1, std::string::npos, "/" + leaf) == 0);
    const auto depth = [](const std::string& path) { return std::count(path.begin(), path.end(), '/'); };
    if (matches && (best.empty() || depth(name) < depth(best))) best = name;
  }
  return best;
}

std::string_view ZipArchive::read(const std::string& name) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) fail("the entry '" + name + "' is missing");
  const Entry& entry = found->second;
  if (number(entry.offset, 4) != kLocalMark) fail("the entry '" + name + "' is not where it should be");
  if (entry.flags & 1) throw RunError(origin_ + " is encrypted; save it without a password");
  const auto begin = entry.offset + kLocalSize + number(entry.offset + 26, 2) + number(entry.offset + 28, 2);
  const auto packed = part(begin, entry.packed);
  if (entry.method == 8) return inflated(name, entry, packed);
  if (entry.method != 0) {
    throw RunError(origin_ + " is packed by method " + std::to_string(entry.method) +
                   "; accepted are stored and deflated");
  }
  if (entry.size != entry.packed) fail("the entry '" + name + "' has two sizes");
  return packed;
}

std::string_view ZipArchive::inflated(const std::string& name, const Entry& entry, std::string_view packed) {
  // Deflate packs 1032 to 1 at best, so a wrong size cannot ask for more memory than that.
  constexpr std::uint64_t kMost = 0x7fffffff;
  if (entry.size / 1040 > entry.packed || entry.size > kMost || entry.packed > kMost) {
    fail("the entry '" + name + "' cannot be as large as it says");
  }
  std::string& bytes = unpacked_.emplace_back(static_cast<std::size_t>(entry.size), '\0');
  z_stream stream{};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) fail("zlib does not start");
  const int status = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  if (status != Z_STREAM_END || stream.avail_out != 0) fail("the entry '" + name + "' cannot be unpacked");
  return bytes;
}

}  // namespace eigenscape
