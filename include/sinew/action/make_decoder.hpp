// SPDX-License-Identifier: Apache-2.0
// The decoder that a policy card names.
#pragma once

#include "sinew/action/action_tokens.hpp"
#include "sinew/action/decoder.hpp"
#include "sinew/core/card.hpp"
#include "sinew/core/statistics.hpp"

namespace sinew {

/// Throws Error as the decoders' constructors do. `tokens` for a card whose actions are token ids.
[[nodiscard]] AnyDecoder make_decoder(const PolicyCard& card, const Statistics& statistics, ActionTokens tokens = {});

}  // namespace sinew
