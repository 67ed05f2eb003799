// SPDX-License-Identifier: Apache-2.0
// Sizes of StarVLA's layer-wise flow-matching head, as "action_head" of config.json gives them.
#pragma once

#include <cstdint>

#include "sinew/io/json_cursor.hpp"
#include "sinew/nn/heads/flow_dit_config.hpp"
#include "sinew/nn/heads/flow_inputs.hpp"

namespace sinew::nn {

/// Keys of the JSON object are those of FlowDitConfig without "output_width", and "realtime" (RealtimeConfig); "type" is "layerwise_dit".
/// `context_width` is the backbone's: where it is not the transformer's width, hidden states are projected (PI_v3).
struct LayerwiseDitConfig {
  FlowDitConfig dit;               ///< with the width that its blocks read as context_width
  std::int64_t context_width = 0;  ///< of the vision-language model's hidden states
  RealtimeConfig realtime;

  [[nodiscard]] bool projects() const noexcept { return context_width != dit.width; }
  /// Throws Error at the place of the document.
  static LayerwiseDitConfig parse(const JsonCursor& document);
};

}  // namespace sinew::nn
