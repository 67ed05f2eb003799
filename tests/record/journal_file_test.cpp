// SPDX-License-Identifier: Apache-2.0
// JournalFile: all or nothing, and never over somebody's recording.
#include "sinew/record/journal_file.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <numeric>

#include "limited_disk.hpp"
#include "read_bytes.hpp"
#include "sinew/core/error.hpp"
#include "sinew/record/crc32.hpp"
#include "temporary_directory.hpp"

using namespace sinew;
using sinew::testing::read_bytes;

TEST_CASE("journal file: a write that fails half way leaves nothing behind, and the next one lands") {
  const testing::TemporaryDirectory folder;
  JournalFile file(folder.path() / "journal", false);
  std::vector<std::uint8_t> bytes(3000);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  const std::span<const std::uint8_t> all(bytes);
  REQUIRE(file.write(all.first(1000)));
  {
    const testing::LimitedDisk disk(2000);
    CHECK_FALSE(file.write(all));
    CHECK(file.error() == EFBIG);
    CHECK(std::filesystem::file_size(folder.path() / "journal") == 1000);
  }
  REQUIRE(file.write(all.subspan(1000)));
  CHECK(file.size() == 3000);
  CHECK(file.crc() == crc32(all));
  CHECK(file.sync());
  CHECK(file.close());
  CHECK(read_bytes(folder.path() / "journal") == bytes);
  CHECK_FALSE(file.write(all));
}

TEST_CASE("journal file: refuses a file with content, unless told to overwrite it") {
  const testing::TemporaryDirectory folder;
  const std::uint8_t byte[] = {7};
  {
    JournalFile file(folder.path() / "journal", false);
    REQUIRE(file.write(byte));
  }
  CHECK_THROWS_AS(JournalFile(folder.path() / "journal", false), Error);
  CHECK(read_bytes(folder.path() / "journal") == std::vector<std::uint8_t>{7});
  JournalFile again(folder.path() / "journal", true);
  CHECK(again.size() == 0);
  CHECK(std::filesystem::file_size(folder.path() / "journal") == 0);
}

TEST_CASE("journal file: two do not write the same file at once") {
  const testing::TemporaryDirectory folder;
  JournalFile file(folder.path() / "journal", false);
  CHECK_THROWS_WITH_AS(JournalFile(folder.path() / "journal", true), doctest::Contains("being written"), Error);
  CHECK(file.close());
  CHECK_NOTHROW(JournalFile(folder.path() / "journal", true));
}

TEST_CASE("journal file: names the file and the reason when it cannot be created") {
  const testing::TemporaryDirectory folder;
  try {
    JournalFile(folder.path() / "absent" / "journal", false);
    FAIL("created");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::io);
    CHECK(std::string(error.what()).find("absent/journal") != std::string::npos);
    CHECK(std::string(error.what()).find("No such file") != std::string::npos);
  }
}
