// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "core/results/rows.h"

// CSV tables of a run directory. Numbers are written with the fewest digits that read back the same double; a cell that
// is not finite is `nan`, `inf` or `-inf`; text with a comma, a quote or a line break is quoted as in RFC 4180.
namespace eigenscape {

/// The header line of Row's table, without the line break.
template <class Row>
std::string headerOf();

/// One CSV line, without the line break.
template <class Row>
std::string toCsv(const Row& row);

/// Reads DIR/<Row::file>; no file gives no rows. Columns are found by their names, so a table may carry more of them. A
/// last line without its line break (a write that was cut short) is left out.
/// Throws RunError that names file, line and column of a cell that cannot be read, or the column that is missing.
template <class Row>
std::vector<Row> readTable(const std::filesystem::path& directory);

/// The same of any file, which has to be there; its last line needs no line break.
template <class Row>
std::vector<Row> readTableFile(const std::filesystem::path& file);

/// Writes the whole table beside and renames it over the old one. Throws RunError.
template <class Row>
void writeTable(const std::filesystem::path& directory, const std::vector<Row>& rows);

/// Appends to DIR/<Row::file>, flushing each call, so that an interrupted run keeps what it had.
/// The file (with its header) is made by the first append.
template <class Row>
class TableWriter {
 public:
  explicit TableWriter(std::filesystem::path directory);
  /// Throws RunError when the line could not be written (disk full, folder gone).
  void append(const Row& row);
  void append(const std::vector<Row>& rows);

 private:
  std::filesystem::path path_;
  std::ofstream stream_;
};

/// Keeps the rows for which `keep` holds (in order) and drops the rest: what a resumed run does first.
template <class Row>
void retainRows(const std::filesystem::path& directory, const std::function<bool(const Row&)>& keep);

/// With those that lead there. Throws RunError.
void makeFolder(const std::filesystem::path& folder);

/// Writes `text` to `path` by way of a file beside it that is then renamed. Throws RunError.
void writeFileAtomically(const std::filesystem::path& path, const std::string& text);

}  // namespace eigenscape
