// SPDX-License-Identifier: Apache-2.0
// The layouts of pixel_values by name.
#pragma once

#include <string>
#include <string_view>

#include "sinew/core/error.hpp"
#include "sinew/observation/image_processor.hpp"

namespace sinew::bindings {

/// "hugging_face" or "single_frame"; `where` begins the message that refuses another.
inline PatchLayout layout_of(const std::string& name, std::string_view where) {
  if (name == "hugging_face") return PatchLayout::hugging_face;
  if (name != "single_frame") fail(ErrorCode::unsupported, {where, "layout", "\"hugging_face\" or \"single_frame\"", '"' + name + '"', ""});
  return PatchLayout::single_frame;
}

}  // namespace sinew::bindings
