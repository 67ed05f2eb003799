// SPDX-License-Identifier: Apache-2.0
// McapWriter: the bytes of a small file, walked record by record as the specification lays them out. That other readers
// agree is shown in python/tests/test_record.py.
#include "sinew/record/mcap_writer.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <map>

#include "limited_disk.hpp"
#include "read_bytes.hpp"
#include "sinew/core/error.hpp"
#include "sinew/record/crc32.hpp"
#include "temporary_directory.hpp"

using namespace sinew;

namespace {

using Bytes = std::vector<std::uint8_t>;

template <class Integer>
Integer at(const Bytes& bytes, std::size_t offset) {
  Integer value{};
  REQUIRE(offset + sizeof value <= bytes.size());
  std::memcpy(&value, bytes.data() + offset, sizeof value);  // little-endian, as every machine that the tests run on
  return value;
}

struct Record {
  int opcode;
  std::size_t start;    // of the record
  std::size_t content;  // of its content
  std::size_t size;     // of its content
};

std::vector<Record> walk(const Bytes& bytes, std::size_t from, std::size_t to) {
  std::vector<Record> records;
  while (from < to) {
    const auto size = at<std::uint64_t>(bytes, from + 1);
    records.push_back({bytes[from], from, from + 9, size});
    from += 9 + size;
  }
  REQUIRE(from == to);
  return records;
}

std::span<const std::uint8_t> text(std::string_view value) { return {reinterpret_cast<const std::uint8_t*>(value.data()), value.size()}; }

}  // namespace

TEST_CASE("mcap writer: magic, records in order and every checksum as the specification has them") {
  const testing::TemporaryDirectory folder;
  const auto path = folder.path() / "a.mcap";
  {
    McapWriter writer(path);
    const auto schema = writer.add_schema("S", "jsonschema", "{}");
    const auto channel = writer.add_channel("/a", "json", schema, {{"k", "v"}});
    writer.add_attachment("note.txt", "text/plain", text("hello"), Time(5));
    const std::size_t first = writer.cost(channel, 2);
    writer.message(channel, 1, Time(20), Time(10), {text("{"), text("}")});
    CHECK(writer.pending() == first);
    writer.message(channel, 2, Time(15), Time(15), {text("{}")});
    CHECK(writer.pending() == first + writer.cost(channel, 2));
    CHECK(writer.cost(channel, 2) < first);
    REQUIRE(writer.flush());
    CHECK(writer.pending() == 0);
    writer.message(channel, 3, Time(30), Time(30), {text("[]")});
    REQUIRE(writer.finish());
    CHECK_FALSE(writer.finish());
  }
  const Bytes bytes = testing::read_bytes(path);
  const Bytes magic = {0x89, 'M', 'C', 'A', 'P', '0', '\r', '\n'};
  REQUIRE(bytes.size() > 16);
  CHECK(std::equal(magic.begin(), magic.end(), bytes.begin()));
  CHECK(std::equal(magic.begin(), magic.end(), bytes.end() - 8));

  const auto records = walk(bytes, 8, bytes.size() - 8);
  std::vector<int> opcodes;
  for (const auto& record : records) opcodes.push_back(record.opcode);
  const std::vector<int> expected = {0x01, 0x09, 0x06, 0x07, 0x06, 0x07, 0x0F, 0x03, 0x04, 0x0B,
                                     0x08, 0x08, 0x0A, 0x0E, 0x0E, 0x0E, 0x0E, 0x0E, 0x02};
  REQUIRE(opcodes == expected);

  const std::span<const std::uint8_t> all(bytes);
  const Record& attachment = records[1];
  CHECK(at<std::uint32_t>(bytes, attachment.content + attachment.size - 4) == crc32(all.subspan(attachment.content, attachment.size - 4)));
  const Record& chunk = records[2];
  CHECK(at<std::uint64_t>(bytes, chunk.content) == 15);      // earliest
  CHECK(at<std::uint64_t>(bytes, chunk.content + 8) == 20);  // latest
  const auto chunk_records = all.subspan(chunk.content + 40, chunk.size - 40);
  CHECK(at<std::uint64_t>(bytes, chunk.content + 16) == chunk_records.size());
  CHECK(at<std::uint32_t>(bytes, chunk.content + 24) == crc32(chunk_records));
  // Its index points at the two messages.
  const Record& index = records[3];
  REQUIRE(at<std::uint32_t>(bytes, index.content + 2) == 32);
  CHECK(at<std::uint64_t>(bytes, index.content + 6) == 20);
  CHECK(chunk_records[at<std::uint64_t>(bytes, index.content + 14)] == 0x05);
  CHECK(at<std::uint64_t>(bytes, index.content + 22) == 15);
  CHECK(chunk_records[at<std::uint64_t>(bytes, index.content + 30)] == 0x05);
  // The second chunk defines its schema and channel again.
  const auto inner = walk(bytes, records[4].content + 40, records[4].content + records[4].size);
  REQUIRE(inner.size() == 3);
  CHECK((inner[0].opcode == 0x03 && inner[1].opcode == 0x04 && inner[2].opcode == 0x05));

  const Record& end = records[6];
  CHECK(at<std::uint32_t>(bytes, end.content) == crc32(all.first(end.start)));
  const Record& footer = records.back();
  const auto summary = at<std::uint64_t>(bytes, footer.content);
  CHECK(summary == records[7].start);
  CHECK(at<std::uint64_t>(bytes, footer.content + 8) == records[13].start);
  CHECK(at<std::uint32_t>(bytes, footer.content + 16) == crc32(all.subspan(summary, footer.content + 16 - summary)));
  CHECK(at<std::uint64_t>(bytes, records[9].content) == 3);  // statistics: messages
  for (std::size_t i = 13; i < 18; ++i) {                    // each group is where its offset says
    const auto start = at<std::uint64_t>(bytes, records[i].content + 1);
    CHECK(bytes[start] == bytes[records[i].content]);
  }
}

TEST_CASE("mcap writer: a chunk that the disk refuses is gone, the next one stands on its own") {
  const testing::TemporaryDirectory folder;
  const auto path = folder.path() / "a.mcap";
  McapWriter writer(path);
  const auto schema = writer.add_schema("S", "jsonschema", "{}");
  const auto channel = writer.add_channel("/a", "json", schema);
  const std::vector<std::uint8_t> large(5000, ' ');
  const auto size = writer.size();
  writer.message(channel, 1, Time(1), Time(1), {large});
  {
    const testing::LimitedDisk disk(4096);
    CHECK_FALSE(writer.flush());
    CHECK(writer.error() == EFBIG);
  }
  CHECK(writer.size() == size);
  CHECK(writer.pending() == 0);
  writer.message(channel, 2, Time(2), Time(2), {text("{}")});
  REQUIRE(writer.finish());
  const Bytes bytes = testing::read_bytes(path);
  std::map<int, int> counts;
  for (const auto& record : walk(bytes, 8, bytes.size() - 8)) {
    ++counts[record.opcode];
    if (record.opcode == 0x0B) CHECK(at<std::uint64_t>(bytes, record.content) == 1);
  }
  CHECK(counts[0x06] == 1);
}

TEST_CASE("mcap writer: refuses a channel without a schema of its own") {
  const testing::TemporaryDirectory folder;
  McapWriter writer(folder.path() / "a.mcap");
  CHECK_THROWS_AS((void)writer.add_channel("/a", "json", 0), Error);
  CHECK_THROWS_AS((void)writer.add_channel("/a", "json", 1), Error);
}
