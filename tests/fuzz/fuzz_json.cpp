// SPDX-License-Identifier: Apache-2.0
// JSON: what is read can be written, and reads back the same; what is refused is refused with a place.
#include <string>
#include <string_view>

#include "fuzz.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/json_cursor.hpp"

namespace {

using sinew::testing::law;

/// Visits every value through the cursor; none of this may throw.
std::size_t walk(const sinew::JsonCursor& at) {
  std::size_t values = 1;
  if (at.value().as_array() != nullptr)
    for (const auto& element : at.elements()) values += walk(element);
  if (at.value().as_object() != nullptr)
    for (const auto& [key, member] : at.members()) {
      law(at.optional(key).has_value(), "every member is found by its key");
      values += walk(member);
    }
  return values;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto json = sinew::Json::parse(text, "fuzz");
    law(walk(sinew::JsonCursor(json, "fuzz")) <= size, "every value takes at least one byte");
    const std::string written = to_text(json);
    law(sinew::Json::parse(written, "written") == json, "parse undoes to_text");
    law(to_text(sinew::Json::parse(to_text(json, 0), "compact")) == written, "compact and indented texts mean the same");
  } catch (const sinew::Error& error) {
    sinew::testing::check_error_text(error.what());
    law(std::string_view(error.what()).starts_with("[fuzz"), "only the first reading may be refused");
  }
  return 0;
}
