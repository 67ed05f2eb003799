// SPDX-License-Identifier: Apache-2.0
// The refusals of McapFields, and its strings.
#include "mcap_fields.hpp"

#include <fmt/format.h>

#include "sinew/io/text.hpp"

namespace sinew::detail {

void refuse_at(std::uint64_t byte, ErrorCode code, const Complaint& complaint) {
  const std::string place = fmt::format("{}, byte {}", complaint.where, byte);
  fail(code, {place, complaint.what, complaint.expected, complaint.got, complaint.hint});
}

void McapFields::refuse_short(std::uint64_t size, std::string_view what) const {
  refuse(what, fmt::format("{} bytes", size), fmt::format("{} in the record", remaining()));
}

std::string_view McapFields::string(std::string_view what) {
  const auto part = bytes(number<std::uint32_t>(what), what);
  return {reinterpret_cast<const char*>(part.data()), part.size()};
}

std::string_view McapFields::text(std::string_view what) {
  const auto found = string(what);
  if (!is_utf8(found)) refuse(what, "well-formed UTF-8", quote(found));
  return found;
}

Time McapFields::time(std::string_view what) {
  const auto nanoseconds = number<std::uint64_t>(what);
  if (nanoseconds > static_cast<std::uint64_t>(Time::max().count())) refuse(what, "nanoseconds below 2^63", std::to_string(nanoseconds));
  return Time(static_cast<Time::rep>(nanoseconds));
}

}  // namespace sinew::detail
