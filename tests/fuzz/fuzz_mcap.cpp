// SPDX-License-Identifier: Apache-2.0
// An MCAP file from a stranger: either a reason that names the file, or messages that lie in it; and whatever recovery accepts is a
// complete file afterwards, with as many messages as it says.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "fuzz.hpp"
#include "sinew/record/mcap_reader.hpp"
#include "sinew/record/recording.hpp"
#include "sinew/record/recover.hpp"
#include "temporary_directory.hpp"

using sinew::testing::law;

namespace {

std::uint64_t read_all(const std::filesystem::path& path, std::size_t size) {
  sinew::McapReader reader(path);
  for (const auto& attachment : reader.attachments()) {
    law(attachment.size <= size, "an attachment lies in the file");
    if (reader.complete()) law(reader.read(attachment).size() == attachment.size, "an attachment is as long as it says");
  }
  sinew::McapMessage message;
  std::uint64_t messages = 0;
  std::size_t bytes = 0;
  while (reader.next(message)) {
    ++messages;
    bytes += message.data.size();
    law(message.channel != nullptr && message.topic == message.channel->topic, "a message has a channel");
  }
  law(bytes <= size, "messages do not overlap");
  law(reader.complete() || reader.end().offset + reader.end().bytes == size, "a torn file ends where it says");
  return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const sinew::testing::TemporaryDirectory kFolder;
  const auto path = kFolder.path() / "fuzz.mcap";
  std::filesystem::remove(path);  // file systems wait for the disk when a file is overwritten
  kFolder.write("fuzz.mcap", {reinterpret_cast<const char*>(data), size});
  const std::string place = "[" + path.string();
  sinew::testing::accept_or_refuse(place, [&] { read_all(path, size); });
  sinew::testing::accept_or_refuse(place, [&] {
    sinew::Recording recording(path);
    sinew::Record record;
    while (recording.next(record)) {
    }
  });
  if (size % 64 != 0) return 0;  // recovery waits for the disk
  sinew::testing::accept_or_refuse("[", [&] {
    const auto report = sinew::recover(path, {.cut_damage = size % 128 == 0});
    law(report.bytes_cut <= size, "no more is cut than there was");
    law(read_all(path, std::filesystem::file_size(path)) == report.messages, "what is recovered can be read");
    law(!sinew::recover(path).changed, "what is recovered stays as it is");
  });
  return 0;
}
