// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/results/tables.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>
#include <system_error>

#include "core/results/error.h"

namespace eigenscape {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void failToWrite(const fs::path& path, int error) {
  const char* remedy = "free some space or choose a folder that can be written";
  if (error == ENOENT || error == ENOTDIR) remedy = "make that folder first or choose one that is there";
  if (error == EACCES || error == EPERM || error == EROFS) remedy = "choose a folder that can be written";
  throw RunError("cannot write " + path.string() + ": " + (error ? std::strerror(error) : "the write was refused") +
                 "; " + remedy);
}

std::string cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string cell(bool value) {
  return value ? "true" : "false";
}

std::string cell(const std::optional<bool>& value) {
  return value ? cell(*value) : std::string();
}

std::string cell(std::int64_t value) {
  return std::to_string(value);
}

std::string cell(double value) {
  if (std::isnan(value)) return "nan";  // to_chars would tell -nan apart
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return std::string(buffer, end);
}

bool parse(const std::string& text, std::string& value) {
  value = text;
  return true;
}

bool parse(const std::string& text, bool& value) {
  value = text == "true" || text == "True" || text == "1";
  return value || text == "false" || text == "False" || text == "0";
}

bool parse(const std::string& text, std::optional<bool>& value) {
  value.emplace();
  return parse(text, *value);
}

template <class Number>
bool parse(const std::string& text, Number& value) {
  const auto end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  return result.ec == std::errc() && result.ptr == end;
}

const char* expected(const std::string&) {
  return "text";
}
const char* expected(bool) {
  return "true or false";
}
const char* expected(const std::optional<bool>&) {
  return "true or false";
}
const char* expected(std::int64_t) {
  return "a whole number";
}
const char* expected(double) {
  return "a number";
}

/// Splits CSV text into records. A record counts once its line break is there.
class CsvReader {
 public:
  explicit CsvReader(const std::string& text) : text_(text) {
    if (text_.compare(0, 3, "\xEF\xBB\xBF") == 0) at_ = 3;
  }

  /// False at the end, or when what is left is a line without its end.
  bool next(std::vector<std::string>& cells) {
    cells.assign(1, {});
    std::size_t at = at_;
    std::size_t lines = 0;
    bool quoted = false;
    for (; at < text_.size(); ++at) {
      const char c = text_[at];
      if (c == '\n') ++lines;
      if (quoted) {
        if (c != '"') {
          cells.back() += c;
        } else if (at + 1 < text_.size() && text_[at + 1] == '"') {
          cells.back() += text_[++at];
        } else {
          quoted = false;
        }
      } else if (c == '"') {
        quoted = true;
      } else if (c == ',') {
        cells.emplace_back();
      } else if (c == '\n') {
        line_ = nextLine_;
        nextLine_ += lines;
        at_ = at + 1;
        return true;
      } else if (c != '\r') {
        cells.back() += c;
      }
    }
    return false;
  }

  /// Line number (from 1) at which the last record began.
  std::size_t line() const { return line_; }
  /// How much of the text the records so far took.
  std::size_t consumed() const { return at_; }

 private:
  const std::string& text_;
  std::size_t at_ = 0;
  std::size_t line_ = 0;
  std::size_t nextLine_ = 1;
};

bool readFile(const fs::path& path, std::string& text) {
  std::error_code error;
  if (!fs::exists(path, error)) return false;
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  text.assign(std::istreambuf_iterator<char>(stream), {});
  if (!stream || fs::is_directory(path, error)) {
    throw RunError("cannot read " + path.string() + ": " + (errno ? std::strerror(errno) : "not a readable file") +
                   "; check its permissions");
  }
  return true;
}

using Positions = std::map<std::string, std::size_t>;

template <class Row>
void checkHeader(const fs::path& path, const Positions& positions) {
  Row row;
  columns(row, [&](const char* name, auto&) {
    if (!positions.count(name) && !mayLack<Row>(name)) {
      throw RunError(path.string() + ", line 1: the column '" + name + "' is missing; expected " + headerOf<Row>());
    }
  });
}

/// Where a table that exists can be appended to: cuts a last line that was not finished. False: there is no header yet.
template <class Row>
bool prepareToAppend(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return false;
  std::string text;
  readFile(path, text);
  CsvReader reader(text);
  std::vector<std::string> cells;
  const bool header = reader.next(cells);
  if (header) {
    std::string found;
    for (const auto& name : cells) found += (found.empty() ? "" : ",") + cell(name);
    if (found != headerOf<Row>()) {
      throw RunError("cannot append to " + path.string() + ": its columns are not " + headerOf<Row>() +
                     "; move the file away");
    }
    while (reader.next(cells)) {
    }
  }
  const std::size_t keep = header ? reader.consumed() : 0;
  if (keep < text.size()) fs::resize_file(path, keep, error);
  if (error) failToWrite(path, error.value());
  return header;
}

}  // namespace

template <class Row>
std::string headerOf() {
  std::string line;
  Row row;
  columns(row, [&](const char* name, auto&) { line += (line.empty() ? "" : ",") + std::string(name); });
  return line;
}

template <class Row>
std::string toCsv(const Row& row) {
  std::string line;
  bool first = true;
  columns(row, [&](const char*, const auto& value) {
    if (!first) line += ',';
    first = false;
    line += cell(value);
  });
  return line;
}

namespace {

/// A cell of a column that may be missing: nothing stands for what is not known.
template <class Value>
void setUnknown(Value& value) {
  value = Value();
  if constexpr (std::is_same_v<Value, double>) value = std::nan("");
}

template <class Row>
Row rowOf(const std::vector<std::string>& cells, const Positions& positions, const std::string& place) {
  Row row;
  readColumns(row, [&](const char* name, auto& value) {
    const auto at = positions.find(name);
    if (at == positions.end() || (mayLack<Row>(name) && cells[at->second].empty())) return setUnknown(value);
    const std::string& found = cells[at->second];
    if (!parse(found, value)) {
      throw RunError(place + ", column '" + name + "': '" + found + "' is not " + expected(value) +
                     "; remove or mend the line");
    }
  });
  return row;
}

template <class Row>
std::vector<Row> rowsOf(const fs::path& path, const std::string& text) {
  std::vector<Row> rows;
  CsvReader reader(text);
  std::vector<std::string> cells;
  if (!reader.next(cells)) return rows;
  Positions positions;
  for (std::size_t i = 0; i < cells.size(); ++i) positions[cells[i]] = i;
  const std::size_t width = cells.size();
  checkHeader<Row>(path, positions);
  while (reader.next(cells)) {
    if (cells.size() == 1 && cells[0].empty()) continue;
    const std::string place = path.string() + ", line " + std::to_string(reader.line());
    if (cells.size() != width) {
      throw RunError(place + ": " + std::to_string(cells.size()) + " cells where the header has " +
                     std::to_string(width) + "; remove or mend the line");
    }
    rows.push_back(rowOf<Row>(cells, positions, place));
  }
  return rows;
}

}  // namespace

template <class Row>
std::vector<Row> readTable(const fs::path& directory) {
  const fs::path path = directory / Row::file;
  std::string text;
  if (!readFile(path, text)) return {};
  return rowsOf<Row>(path, text);
}

template <class Row>
std::vector<Row> readTableFile(const fs::path& file) {
  std::string text;
  if (!readFile(file, text)) throw RunError(file.string() + ": no such file; name one that is there");
  if (!text.empty() && text.back() != '\n') text += '\n';
  return rowsOf<Row>(file, text);
}

template <class Row>
void writeTable(const fs::path& directory, const std::vector<Row>& rows) {
  std::string text = headerOf<Row>() + '\n';
  for (const auto& row : rows) text += toCsv(row) + '\n';
  writeFileAtomically(directory / Row::file, text);
}

template <class Row>
TableWriter<Row>::TableWriter(fs::path directory) : path_(std::move(directory) / Row::file) {}

template <class Row>
void TableWriter<Row>::append(const Row& row) {
  append(std::vector<Row>{row});
}

template <class Row>
void TableWriter<Row>::append(const std::vector<Row>& rows) {
  std::string text;
  errno = 0;
  if (!stream_.is_open()) {
    if (!prepareToAppend<Row>(path_)) text = headerOf<Row>() + '\n';
    errno = 0;
    // Without a buffer of its own the stream cannot let a part of the rows out before the rest, nor try once more what
    // did not fit the disk.
    stream_.rdbuf()->pubsetbuf(nullptr, 0);
    stream_.open(path_, std::ios::binary | std::ios::app);
    if (!stream_) failToWrite(path_, errno);
  }
  for (const auto& row : rows) text += toCsv(row) + '\n';
  std::error_code error;
  const auto before = fs::file_size(path_, error);
  stream_.write(text.data(), static_cast<std::streamsize>(text.size()));
  stream_.flush();
  if (!stream_) {
    const int reason = errno;
    if (!error) fs::resize_file(path_, before, error);  // no half line stays
    failToWrite(path_, reason);
  }
  // A deleted file would go on taking rows that nobody can ever read.
  if (!fs::exists(path_, error)) failToWrite(path_, ENOENT);
}

template <class Row>
void retainRows(const fs::path& directory, const std::function<bool(const Row&)>& keep) {
  std::error_code error;
  if (!fs::exists(directory / Row::file, error)) return;
  std::vector<Row> kept;
  for (auto& row : readTable<Row>(directory)) {
    if (keep(row)) kept.push_back(std::move(row));
  }
  writeTable(directory, kept);
}

void makeFolder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw RunError("cannot make " + folder.string() + ": " + error.message() + "; choose a folder that can be written");
  }
}

void writeFileAtomically(const fs::path& path, const std::string& text) {
  fs::path beside = path;
  beside += ".part";
  std::error_code error;
  errno = 0;
  std::ofstream stream(beside, std::ios::binary | std::ios::trunc);
  if (!stream) failToWrite(path, errno);
  stream.write(text.data(), static_cast<std::streamsize>(text.size()));
  stream.close();
  if (!stream) {
    const int reason = errno;
    fs::remove(beside, error);
    failToWrite(path, reason);
  }
  fs::rename(beside, path, error);
  if (error) {
    const int reason = error.value();
    fs::remove(beside, error);
    failToWrite(path, reason);
  }
}

#define EIGENSCAPE_TABLE(Row)                                              \
  template std::string headerOf<Row>();                                    \
  template std::string toCsv<Row>(const Row&);                             \
  template std::vector<Row> readTable<Row>(const fs::path&);               \
  template std::vector<Row> readTableFile<Row>(const fs::path&);           \
  template void writeTable<Row>(const fs::path&, const std::vector<Row>&); \
  template class TableWriter<Row>;                                         \
  template void retainRows<Row>(const fs::path&, const std::function<bool(const Row&)>&);

EIGENSCAPE_TABLE(MetricRow)
EIGENSCAPE_TABLE(SpectrumRow)
EIGENSCAPE_TABLE(SolveRow)
EIGENSCAPE_TABLE(PowerRow)
EIGENSCAPE_TABLE(DensityRow)
EIGENSCAPE_TABLE(DensityNodeRow)
EIGENSCAPE_TABLE(TraceRow)
EIGENSCAPE_TABLE(FrobeniusRow)
EIGENSCAPE_TABLE(OverlapRow)
EIGENSCAPE_TABLE(GradientRow)
EIGENSCAPE_TABLE(OverheadRow)
EIGENSCAPE_TABLE(ProfileRow)
EIGENSCAPE_TABLE(SurfaceRow)
EIGENSCAPE_TABLE(CurvatureMapRow)
EIGENSCAPE_TABLE(TrajectoryRow)
EIGENSCAPE_TABLE(PersistenceRow)
EIGENSCAPE_TABLE(LayerLossRow)
EIGENSCAPE_TABLE(LayerEigenvalueRow)
EIGENSCAPE_TABLE(InputSensitivityRow)
EIGENSCAPE_TABLE(TraceCorrelationRow)
EIGENSCAPE_TABLE(LayerScoreRow)
EIGENSCAPE_TABLE(RankingRow)
EIGENSCAPE_TABLE(FinetuneRow)
EIGENSCAPE_TABLE(ShapeRow)
EIGENSCAPE_TABLE(SensitivityRow)
EIGENSCAPE_TABLE(AllocationRow)
EIGENSCAPE_TABLE(ParetoRow)
EIGENSCAPE_TABLE(SettingRow)
EIGENSCAPE_TABLE(SettingBitsRow)

#undef EIGENSCAPE_TABLE

}  // namespace eigenscape
