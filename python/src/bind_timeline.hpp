// SPDX-License-Identifier: Apache-2.0
// The timeline as Python holds it; shared by the files that bind motion/.
#pragma once

#include <optional>
#include <string>

#include "sinew/core/error.hpp"
#include "sinew/motion/chunk_timeline.hpp"

namespace sinew::bindings {

/// A timeline that remembers the latest time it was asked for: the default "now" of a push.
struct Timeline {
  ChunkTimeline timeline;
  std::optional<Time> latest;
};

/// Throws Error that lists the names.
inline ChunkMerge merge_of(const std::string& name) {
  for (const ChunkMerge merge : {ChunkMerge::replace, ChunkMerge::blend, ChunkMerge::ensemble})
    if (name == to_string(merge)) return merge;
  fail(ErrorCode::invalid_argument, {"merge", "name", "\"replace\", \"blend\" or \"ensemble\"", name, ""});
}

}  // namespace sinew::bindings
