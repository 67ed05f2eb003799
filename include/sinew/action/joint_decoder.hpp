// SPDX-License-Identifier: Apache-2.0
// Decoder for policies that emit joint positions.
#pragma once

#include <string_view>

#include "sinew/action/action_reader.hpp"
#include "sinew/action/decoder.hpp"

namespace sinew {

/// `actions f32 [horizon, joints]` (normalised) to a chunk in space joint_position: one column per entry of the card's
/// joint_names, rad or m. On any other status than ok the chunk is as it was.
class JointDecoder {
 public:
  /// Throws Error for a card that `validate` refuses, another decoder kind or missing statistics.
  JointDecoder(const PolicyCard& card, const Statistics& statistics);

  [[nodiscard]] const TensorSpecs& spec() const noexcept { return reader_.spec(); }
  [[nodiscard]] Status decode(const TensorMap& in, const Observation& observation, ActionChunk& chunk) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }

 private:
  ActionReader reader_;
  FixedText error_;
};

static_assert(Decoder<JointDecoder>);

}  // namespace sinew
