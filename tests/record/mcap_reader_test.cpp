// SPDX-License-Identifier: Apache-2.0
// McapReader: what a writer wrote comes back, every truncation is flagged, and no flipped bit passes.
#include "sinew/record/mcap_reader.hpp"

#include <doctest/doctest.h>

#include <string>

#include "read_bytes.hpp"
#include "sinew/core/error.hpp"
#include "temporary_directory.hpp"
#include "test_seed.hpp"

using namespace sinew;
using sinew::testing::read_bytes;

namespace {

using Bytes = std::vector<std::uint8_t>;

std::span<const std::uint8_t> bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }
std::string_view text_of(std::span<const std::uint8_t> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// Two chunks, two channels, an attachment: all kinds of records that the writer knows, in 1.2 kB.
void write_small(const std::filesystem::path& path) {
  McapWriter writer(path);
  const auto schema = writer.add_schema("S", "jsonschema", "{}");
  const auto first = writer.add_channel("/a", "json", schema, {{"k", "v"}});
  const auto second = writer.add_channel("/b", "cdr", schema);
  writer.add_attachment("note.txt", "text/plain", bytes_of("hello"), Time(5));
  writer.message(first, 1, Time(20), Time(10), {bytes_of("{"), bytes_of("}")});
  writer.message(second, 2, Time(15), Time(15), {bytes_of("xyz")});
  REQUIRE(writer.flush());
  writer.message(first, 3, Time(30), Time(31), {bytes_of("[]")});
  REQUIRE(writer.finish());
}

std::filesystem::path put_bytes(const testing::TemporaryDirectory& folder, const Bytes& bytes) {
  const auto path = folder.path() / "changed.mcap";
  std::filesystem::remove(path);  // a file that is overwritten waits for the disk
  return folder.write("changed.mcap", text_of(bytes));
}

struct Copy {
  std::string topic;
  std::uint32_t sequence;
  Time log_time;
  Time publish_time;
  std::string data;
  friend bool operator==(const Copy&, const Copy&) = default;
};

std::vector<Copy> read_all(McapReader& reader) {
  std::vector<Copy> all;
  McapMessage message;
  while (reader.next(message))
    all.push_back(
        {std::string(message.topic), message.sequence, message.log_time, message.publish_time, std::string(text_of(message.data))});
  return all;
}

}  // namespace

TEST_CASE("mcap reader: gives back what was written, and says that it is whole") {
  const testing::TemporaryDirectory folder;
  write_small(folder.path() / "a.mcap");
  McapReader reader(folder.path() / "a.mcap");
  CHECK(reader.complete());
  REQUIRE(reader.attachments().size() == 1);
  const McapAttachment& attachment = reader.attachments()[0];
  CHECK(attachment.name == "note.txt");
  CHECK(attachment.media_type == "text/plain");
  CHECK(attachment.log_time == Time(5));
  CHECK(attachment.size == 5);
  CHECK(text_of(reader.read(attachment)) == "hello");
  REQUIRE(reader.channels().size() == 2);
  CHECK(reader.channels().at(0) == McapChannel{0, 1, "/a", "json", {{"k", "v"}}});
  CHECK(reader.schemas().at(1) == McapSchema{1, "S", "jsonschema", "{}"});
  const auto messages = read_all(reader);
  const std::vector<Copy> expected = {
      {"/a", 1, Time(20), Time(10), "{}"}, {"/b", 2, Time(15), Time(15), "xyz"}, {"/a", 3, Time(30), Time(31), "[]"}};
  CHECK((messages == expected));
  const McapUnverified& unverified = reader.unverified();
  CHECK((unverified.chunks == 0 && unverified.messages == 0 && unverified.attachments == 0));
  CHECK_FALSE(unverified.data);
  CHECK_FALSE(unverified.summary);
}

TEST_CASE("mcap reader: a file cut at any byte is flagged, and gives the messages of its whole chunks") {
  const testing::TemporaryDirectory folder;
  write_small(folder.path() / "a.mcap");
  const Bytes bytes = read_bytes(folder.path() / "a.mcap");
  McapReader whole(folder.path() / "a.mcap");
  const auto expected = read_all(whole);
  std::size_t seen[4] = {};
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    McapReader reader(put_bytes(folder, Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size))));
    REQUIRE_FALSE(reader.complete());
    const auto messages = read_all(reader);
    REQUIRE(messages.size() <= expected.size());
    CHECK(std::equal(messages.begin(), messages.end(), expected.begin()));
    CHECK(reader.end().offset + reader.end().bytes == size);
    CHECK((reader.end().bytes == 0 || size < 8 || reader.end().offset >= 8));
    ++seen[messages.size()];
  }
  CHECK((seen[0] > 0 && seen[1] == 0 && seen[2] > 0 && seen[3] > 0));
}

TEST_CASE("mcap reader: no flipped bit passes") {
  const testing::TemporaryDirectory folder;
  write_small(folder.path() / "a.mcap");
  Bytes bytes = read_bytes(folder.path() / "a.mcap");
  REQUIRE(bytes.size() < 4096);
  std::size_t refused = 0;
  std::size_t incomplete = 0;
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    CAPTURE(bit / 8);
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    try {
      McapReader reader(put_bytes(folder, bytes));
      static_cast<void>(read_all(reader));
      CHECK_FALSE(reader.complete());
      ++incomplete;
    } catch (const Error& error) {
      CHECK(std::string_view(error.what()).find("changed.mcap") != std::string_view::npos);
      ++refused;
    }
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
  }
  CHECK(incomplete == 64);  // the closing magic alone
  CHECK(refused + incomplete == 8 * bytes.size());
}
