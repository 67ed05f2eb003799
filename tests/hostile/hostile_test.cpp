// SPDX-License-Identifier: Apache-2.0
// Every file of the hostile collection is refused as manifest.tsv says: in time, with bounded memory, and in plain words.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "heap_peak.hpp"
#include "readers.hpp"

using namespace sinew;
using testing::Refusal;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double kMostSeconds = 20;  // of processor time
#else
constexpr double kMostSeconds = 2;
#endif
// As the fuzz targets have it: what is live at once is bounded by the size of the file.
constexpr std::size_t kHeapFixed = std::size_t{1} << 20;
constexpr std::size_t kHeapFactor = 256;

struct Entry {
  std::string file, reader, outcome, says;
};

std::vector<Entry> read_manifest() {
  std::ifstream lines(SINEW_HOSTILE_MANIFEST);
  REQUIRE(lines);
  std::vector<Entry> entries;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() == '#') continue;
    Entry entry;
    std::size_t at = 0;
    for (std::string* field : {&entry.file, &entry.reader, &entry.outcome, &entry.says}) {
      const std::size_t end = std::min(line.find('\t', at), line.size());
      *field = line.substr(at, end - at);
      at = std::min(end + 1, line.size());
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

/// Of the file, or of the files in the folder; links may lead nowhere.
std::size_t bytes_of(const std::filesystem::path& path) {
  std::error_code ignored;
  std::size_t bytes = 0;
  if (std::filesystem::is_regular_file(path, ignored)) bytes = static_cast<std::size_t>(std::filesystem::file_size(path, ignored));
  if (std::filesystem::is_directory(path, ignored))
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
      if (!entry.is_symlink() && entry.is_regular_file(ignored)) bytes += static_cast<std::size_t>(entry.file_size(ignored));
  return bytes;
}

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Nothing in it drives a terminal, and it is short.
bool is_plain(const std::string& text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
  return text.size() < 1500;
}

void check(const Entry& entry, const testing::Reader& reader) {
  const std::filesystem::path path = std::filesystem::path(SINEW_HOSTILE_FOLDER) / entry.file;
  CAPTURE(entry.file);
  const std::size_t bytes = bytes_of(path);
  const double begin = processor_seconds();
  testing::reset_heap_peak();
  const Refusal got = testing::call(reader, path);
  CHECK(testing::heap_peak() <= kHeapFixed + kHeapFactor * bytes);
  CHECK(processor_seconds() - begin < kMostSeconds);
  CHECK_MESSAGE(got.kind == entry.outcome, got.kind << " | " << got.text);
  CHECK_MESSAGE(got.text.find(entry.says) != std::string::npos, got.text);
  CHECK_MESSAGE(is_plain(got.text), got.text);
  if (got.kind == "ok" || got.kind == "stale") return;
  CHECK_MESSAGE((got.text.starts_with('[') && got.text.find(": ") != std::string::npos && !entry.says.empty()), got.text);
}

}  // namespace

TEST_CASE("hostile files: each is refused as the manifest says") {
  const auto readers = testing::readers();
  std::map<std::string, std::size_t> good, hostile;
  for (const Entry& entry : read_manifest()) {
    const auto reader = readers.find(entry.reader);
    if (entry.reader.starts_with("python.")) continue;  // python/tests/test_hostile_files.py
    CAPTURE(entry.file);
    REQUIRE(reader != readers.end());
    check(entry, reader->second);
    ++(entry.outcome == "ok" ? good : hostile)[entry.reader];
  }
  // A reader that refused everything would pass the rest: each must take what is well-formed.
  for (const auto& [name, unused] : readers) {
    CAPTURE(name);
    CHECK(good[name] > 0);
    CHECK(hostile[name] > 0);
  }
  std::size_t all = 0;
  for (const auto& [name, count] : hostile) {
    std::printf("%-32s %zu\n", name.c_str(), count);
    all += count;
  }
  std::printf("%-32s %zu\n", "hostile files", all);
  CHECK(all >= 200);
}
