// SPDX-License-Identifier: Apache-2.0
// recover: whatever a crash left becomes a complete file with the messages that were whole, and recovery may itself be killed.
// That another library reads the result is shown in python/tests/test_record_read.py.
#include "sinew/record/recover.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>

#include "limited_disk.hpp"
#include "read_bytes.hpp"
#include "sinew/core/error.hpp"
#include "temporary_directory.hpp"
#include "test_seed.hpp"

using namespace sinew;
using sinew::testing::read_bytes;

namespace {

using Bytes = std::vector<std::uint8_t>;

std::span<const std::uint8_t> bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
  std::filesystem::remove(path);  // a file that is overwritten waits for the disk
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// `chunks` chunks of one message of `size` bytes on each of two channels, and an attachment.
void write_recording(const std::filesystem::path& path, std::uint32_t chunks, std::size_t size) {
  McapWriter writer(path);
  const auto schema = writer.add_schema("S", "jsonschema", "{}");
  const auto first = writer.add_channel("/a", "json", schema, {{"k", "v"}});
  const auto second = writer.add_channel("/b", "cdr", schema);
  writer.add_attachment("note.txt", "text/plain", bytes_of("hello"), Time(5));
  testing::Random random(4);
  for (std::uint32_t i = 1; i <= chunks; ++i) {
    Bytes payload(size);
    for (auto& byte : payload) byte = static_cast<std::uint8_t>(random.bits());
    writer.message(first, i, Time(10 * i), Time(10 * i), {payload});
    writer.message(second, i, Time(10 * i - 5), Time(1), {payload});
    REQUIRE(writer.flush());
  }
  REQUIRE(writer.finish());
}

/// Sequence numbers of all messages of a file that must be complete.
std::vector<std::uint32_t> sequences(const std::filesystem::path& path) {
  McapReader reader(path);
  REQUIRE(reader.complete());
  std::vector<std::uint32_t> all;
  McapMessage message;
  while (reader.next(message)) all.push_back(message.sequence);
  CHECK(reader.attachments().size() <= 1);
  return all;
}

/// Where the DataEnd record of a complete file starts: right before the summary, whose place the footer states.
std::ptrdiff_t data_end(const Bytes& bytes) {
  std::ptrdiff_t summary = 0;
  for (std::size_t i = 8; i-- > 0;) summary = summary << 8 | bytes[bytes.size() - 28 + i];
  return summary - 13;
}

struct Fixture {
  testing::TemporaryDirectory folder;
  std::filesystem::path path = folder.path() / "a.mcap";
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "recover: leaves a complete file as it is, byte for byte, and says so") {
  write_recording(path, 3, 20);
  const Bytes before = read_bytes(path);
  const auto report = recover(path);
  CHECK_FALSE(report.changed);
  CHECK((report.messages == 6 && report.chunks == 3 && report.bytes_cut == 0 && report.last_sequence == 3));
  CHECK(read_bytes(path) == before);
}

TEST_CASE_FIXTURE(Fixture, "recover: a file cut at any byte becomes complete, with its whole chunks, and stays so") {
  write_recording(path, 3, 20);
  const Bytes whole = read_bytes(path);
  std::size_t kept[4] = {};
  write_file(path, {});
  CHECK_THROWS_WITH_AS((void)recover(path), doctest::Contains("expected an MCAP file, got an empty one"), Error);
  CHECK(std::filesystem::is_empty(path));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    CAPTURE(size);
    write_file(path, std::span(whole).first(size));
    const auto report = recover(path);
    CHECK(report.changed);
    CHECK(report.messages == 2 * report.chunks);
    CHECK(report.last_sequence == report.chunks);
    const std::vector<std::uint32_t> expected = {1, 1, 2, 2, 3, 3};
    const auto found = sequences(path);
    REQUIRE(found.size() == report.messages);
    CHECK(std::equal(found.begin(), found.end(), expected.begin()));
    ++kept[report.chunks];
    if (report.chunks == 3) CHECK(read_bytes(path) == whole);  // nothing but the tail was missing
    if (size % 50 == 0) {
      const Bytes once = read_bytes(path);
      CHECK_FALSE(recover(path).changed);
      CHECK(read_bytes(path) == once);
    }
  }
  for (const std::size_t count : kept) CHECK(count > 0);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE_FIXTURE(Fixture, "recover: garbage and zeros behind the last whole chunk are cut and counted") {
  write_recording(path, 3, 20);
  const Bytes whole = read_bytes(path);
  const std::ptrdiff_t end = data_end(whole);
  for (const int filler : {0x00, 0xFF, 0x06, 0x8F}) {
    CAPTURE(filler);
    Bytes bytes(whole.begin(), whole.begin() + end);
    bytes.resize(bytes.size() + 5000, static_cast<std::uint8_t>(filler));
    write_file(path, bytes);
    const auto report = recover(path);
    CHECK((report.changed && report.chunks == 3 && report.bytes_cut == 5000));
    CHECK(report.reason.find("a.mcap, byte " + std::to_string(end)) != std::string::npos);
    CHECK(read_bytes(path) == whole);
  }
}

TEST_CASE_FIXTURE(Fixture, "recover: does not throw away whole chunks behind damage unless told to") {
  write_recording(path, 3, 200);
  Bytes bytes = read_bytes(path);
  bytes[400] ^= 1;  // in the first chunk
  SUBCASE("of a complete file") {}
  SUBCASE("of a torn file") { bytes.resize(bytes.size() - 100); }
  write_file(path, bytes);
  CHECK_THROWS_AS(static_cast<void>(recover(path)), Error);
  CHECK(read_bytes(path) == bytes);
  const auto report = recover(path, {.cut_damage = true});
  CHECK((report.changed && report.chunks == 0));
  CHECK(sequences(path).empty());
}

TEST_CASE_FIXTURE(Fixture, "recover: a bit flipped in a torn file costs no more than what is not whole, or the file is left alone") {
  write_recording(path, 3, 20);
  Bytes bytes = read_bytes(path);
  bytes.resize(static_cast<std::size_t>(data_end(bytes)));
  const std::vector<std::uint32_t> expected = {1, 1, 2, 2, 3, 3};
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < 8 * bytes.size(); bit += 31) {
    CAPTURE(bit / 8);
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    write_file(path, bytes);
    try {
      const auto report = recover(path);
      const auto found = sequences(path);
      REQUIRE((report.changed && found.size() == report.messages && found.size() <= expected.size()));
      CHECK(std::equal(found.begin(), found.end(), expected.begin()));
    } catch (const Error&) {
      CHECK(read_bytes(path) == bytes);
      ++refused;
    }
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
  }
  CHECK(refused > 0);
}

TEST_CASE_FIXTURE(Fixture, "recover: a damaged summary is written anew") {
  write_recording(path, 3, 20);
  const Bytes whole = read_bytes(path);
  Bytes bytes = whole;
  bytes[bytes.size() - 60] ^= 1;
  write_file(path, bytes);
  const auto report = recover(path);
  CHECK((report.changed && report.chunks == 3));
  CHECK(read_bytes(path) == whole);
}

TEST_CASE_FIXTURE(Fixture, "recover: refuses what is no MCAP file, and what a recorder still writes") {
  write_file(path, bytes_of("something else"));
  CHECK_THROWS_AS(static_cast<void>(recover(path)), Error);
  CHECK(read_bytes(path).size() == 14);
  std::filesystem::remove(path);
  const McapWriter writer(path);
  CHECK_THROWS_WITH_AS(static_cast<void>(recover(path)), doctest::Contains("being written"), Error);
}

TEST_CASE_FIXTURE(Fixture, "recover: a full disk leaves the file as it was and nothing beside it; a link stays a link") {
  write_recording(path, 3, 2000);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 100);
  const Bytes torn = read_bytes(path);
  {
    const testing::LimitedDisk disk(5000);
    CHECK_THROWS_WITH_AS(static_cast<void>(recover(path)), doctest::Contains("File too large"), Error);
  }
  CHECK(read_bytes(path) == torn);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
  const auto link = folder.path() / "link.mcap";
  std::filesystem::create_symlink(path, link);
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  CHECK(recover(link).changed);
  CHECK(std::filesystem::is_symlink(link));
  CHECK(sequences(path).size() == 6);
  CHECK(std::filesystem::status(path).permissions() == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE_FIXTURE(Fixture, "recover: killed at any moment, it leaves a file that can be recovered") {
  write_recording(path, 24, 100'000);
  const Bytes whole = read_bytes(path);
  const std::span<const std::uint8_t> torn = std::span(whole).first(whole.size() - 150'000);
  const auto copy = folder.path() / "b.mcap";
  write_file(copy, torn);
  const auto begin = std::chrono::steady_clock::now();
  static_cast<void>(recover(copy));
  const auto duration = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin).count();
  const Bytes expected = read_bytes(copy);

  testing::Random random(5);
  int killed = 0;
  int untouched = 0;
  int runs = 0;
  for (; killed < 50 && runs < 500; ++runs) {
    write_file(path, torn);
    const ::pid_t child = ::fork();
    if (child == 0) {
      try {
        ::_exit(recover(path).changed ? 0 : 1);
      } catch (const Error&) {
        ::_exit(2);
      }
    }
    ::usleep(static_cast<unsigned>(random.below(static_cast<std::uint64_t>(duration) * 3 / 2)));
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK((WIFSIGNALED(status) || WEXITSTATUS(status) == 0));
    if (WIFSIGNALED(status)) ++killed;
    const Bytes left = read_bytes(path);
    const bool old = std::equal(left.begin(), left.end(), torn.begin(), torn.end());
    if (old) ++untouched;
    CHECK((old || left == expected));
    CHECK(recover(path).changed == old);
    CHECK(read_bytes(path) == expected);
    CHECK_FALSE(std::filesystem::exists(folder.path() / "a.mcap.recovering"));
  }
  MESSAGE(killed << " of " << runs << " were killed, " << untouched << " before the new file took its place");
  CHECK(killed == 50);
}
