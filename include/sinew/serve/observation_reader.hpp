// SPDX-License-Identifier: Apache-2.0
// What a client of a policy server sends, as an observation: the way back of WireEncoder.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "sinew/backend/remote/msgpack.hpp"
#include "sinew/core/card.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/core/status.hpp"
#include "sinew/core/tensor.hpp"
#include "sinew/observation/wire_encoder.hpp"

namespace sinew::serve {

/// Keys of a card's policy in a form. droid (the keys of openpi's examples): `observation/<camera>`, `observation/<channel>`, `prompt`;
/// groot: `video/<camera>`, `state/<channel>`, `language/annotation.human.task_description`; aloha: `images/<camera>`, `state` (all
/// channels), `prompt`. Throws Error for another form.
[[nodiscard]] WireOptions served_keys(const PolicyCard& card, WireForm form);

/// Reads the map of a request. Images may have any size: the policy's encoder scales them. Keys may be flat ("observation/image") or
/// nested; other keys are passed over. Arrays have one of the forms of numpy that MsgpackValue::ndarray and read_npy know, with leading
/// dimensions of 1 or without.
class ObservationReader {
 public:
  /// Throws Error for no keys and sizes out of range. Of `options`, form, cameras, states and the text's key and size count.
  explicit ObservationReader(WireOptions options);

  /// Keeps the memory of `observation`. `missing`: a key that is not optional; `bad_shape`: another type, size or layout; `over_capacity`:
  /// text. Stamps are `now`. last_error() names the key.
  [[nodiscard]] Status read(const remote::MsgpackValue& map, Time now, Observation& observation) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }

 private:
  Status read_camera(const WireCamera& camera, const remote::MsgpackValue& map, Time now, Observation& observation, std::size_t& place);
  Status read_state(const WireState& state, const remote::MsgpackValue& map, Time now, Observation& observation, std::size_t& place);
  Status read_text(const remote::MsgpackValue& map, Observation& observation);

  /// Puts the key before what an array's reader says.
  void name_key(std::string_view key) noexcept;

  WireOptions options_;
  Tensor values_;  // f64, of one state
  FixedText error_;
};

}  // namespace sinew::serve
