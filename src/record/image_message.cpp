// SPDX-License-Identifier: Apache-2.0
// The CDR of ROS 2's image message, read as strictly as the recorder writes it.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "mcap_fields.hpp"
#include "recorded_values.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew::detail {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

/// Values per pixel of an encoding; 0 = none of ours.
int channels_of(std::string_view encoding) {
  if (encoding == "mono8") return 1;
  if (encoding == "rgb8") return 3;
  if (encoding == "rgba8") return 4;
  const auto digit = [&](std::size_t i) { return encoding[i] >= '0' && encoding[i] <= '9' ? encoding[i] - '0' : -100; };
  return encoding.size() == 5 && encoding.starts_with("8UC") ? std::max(0, 10 * digit(3) + digit(4)) : 0;
}

class CdrFields {
 public:
  CdrFields(std::span<const std::uint8_t> cdr, const std::string& where) : fields_(cdr, 0, where) {
    const auto head = fields_.bytes(4, "head of the image message");
    if (!std::ranges::equal(head, std::array<std::uint8_t, 4>{0, 1, 0, 0}))
      fields_.refuse("head of the image message", "little-endian CDR", "another");
  }
  [[nodiscard]] std::uint32_t number(std::string_view what) {
    align();
    return fields_.number<std::uint32_t>(what);
  }
  [[nodiscard]] std::string_view text(std::string_view what) {
    align();
    const std::string_view found = fields_.string(what);
    if (found.empty() || found.back() != '\0') fields_.refuse(what, "a text with a final NUL", "none");
    return found.substr(0, found.size() - 1);
  }
  [[nodiscard]] McapFields& fields() noexcept { return fields_; }
  void require(std::string_view what, std::uint64_t expected, std::uint64_t got) const {
    if (expected != got) fields_.refuse(what, std::to_string(expected), std::to_string(got));
  }
  /// std_msgs/Header: the stamp must be the frame's.
  void read_header(const AnnouncedFrame& frame) {
    const std::uint64_t seconds = number("stamp"), nanoseconds = number("stamp");
    const auto stamp = static_cast<std::uint64_t>(frame.stamp.count());
    // Other stamps do not fit the message; the observation has them.
    if (frame.stamp >= Time::zero() && stamp < (std::uint64_t{1} << 31) * kSecond) require("stamp", stamp, seconds * kSecond + nanoseconds);
    static_cast<void>(text("camera name"));
  }

 private:
  void align() {
    while (fields_.position() % 4 != 0) fields_.skip(1);
  }
  McapFields fields_;
};

}  // namespace

void read_image(std::span<const std::uint8_t> cdr, const std::string& where, const AnnouncedFrame& frame, Image& image) {
  CdrFields cursor(cdr, where);
  McapFields& fields = cursor.fields();
  const auto require = [&](std::string_view what, std::uint64_t expected, std::uint64_t got) { cursor.require(what, expected, got); };
  cursor.read_header(frame);
  require("height", static_cast<std::uint64_t>(frame.height), cursor.number("height"));
  require("width", static_cast<std::uint64_t>(frame.width), cursor.number("width"));
  const auto encoding = cursor.text("encoding");
  const int channels = channels_of(encoding);
  if (channels < 0 || channels > 16 || (channels == 0 && encoding != "8UC00"))
    fields.refuse("encoding", "mono8, rgb8, rgba8 or 8UCnn", quote(encoding));
  require("is_bigendian", 0, fields.number<std::uint8_t>("is_bigendian"));
  const auto row = static_cast<std::uint64_t>(frame.width) * static_cast<std::uint64_t>(channels);
  require("bytes per row", row, cursor.number("bytes per row"));
  require("number of bytes", row * static_cast<std::uint64_t>(frame.height), cursor.number("number of bytes"));
  const auto pixels = fields.rest();
  require("bytes of pixels", row * static_cast<std::uint64_t>(frame.height), pixels.size());
  image.resize(frame.height, frame.width, channels);
  std::ranges::copy(pixels, image.pixels().begin());
}

void read_jpeg(std::span<const std::uint8_t> cdr, const std::string& where, const AnnouncedFrame& frame, std::vector<std::uint8_t>& jpeg) {
  CdrFields cursor(cdr, where);
  cursor.read_header(frame);
  const std::string_view format = cursor.text("format");
  if (format != "jpeg") cursor.fields().refuse("format", "jpeg", quote(format));
  const std::uint64_t bytes = cursor.number("number of bytes");
  const auto rest = cursor.fields().rest();
  cursor.require("number of bytes", rest.size(), bytes);
  jpeg.assign(rest.begin(), rest.end());
}

}  // namespace sinew::detail
