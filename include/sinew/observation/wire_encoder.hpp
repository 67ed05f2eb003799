// SPDX-License-Identifier: Apache-2.0
// What a remote policy server expects of the client: images in its size and layout, named state vectors, and text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sinew/core/card.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/observation/encoder.hpp"
#include "sinew/observation/frame_processor.hpp"

namespace sinew {

/// Whose request. Tensor names are the keys on the wire, nested maps joined by '/':
enum class WireForm : std::uint8_t {
  aloha,    ///< openpi: `images/<camera>` u8 `[3, h, w]`, `state` `[14]`, `prompt`
  droid,    ///< openpi: flat keys that contain the slash: `observation/...` u8 `[h, w, 3]`, state vectors, `prompt`
  libero,   ///< openpi: as droid
  starvla,  ///< one element of `examples`: `image/<i>` u8 `[h, w, 3]` in order, `lang`, `state` `[1, d]`
  groot     ///< `video/<view>` u8 `[1, 1, h, w, 3]`, `state/<group>` `[1, 1, d]`, `language/<key>`
};
[[nodiscard]] std::string_view to_string(WireForm form) noexcept;
/// Inverse of `to_string`. Throws Error that names the nearest form; `where` begins the message.
[[nodiscard]] WireForm wire_form_from_string(std::string_view name, std::string_view where);

/// One image of the request.
struct WireCamera {
  std::string key;        ///< on the wire
  std::string camera;     ///< as in Observation::cameras
  bool optional = false;  ///< left out of the request when the observation lacks it
};

/// One vector of the request: channels, concatenated in this order.
struct WireState {
  std::string key;
  std::vector<SensorCard> channels;  ///< an empty unit accepts any
  DType dtype = DType::f32;          ///< or f64
};

/// Frames must have the size already.
struct AsTheyAre {};

struct WireOptions {
  WireForm form = WireForm::droid;
  std::vector<WireCamera> cameras;
  std::vector<WireState> states;
  std::string text_key = "prompt";
  int max_text_bytes = 2048;
  int height = 224;                                                        ///< of the images, pixels
  int width = 224;                                                         ///< of the images, pixels
  std::variant<AsTheyAre, FitRule, ResizeRule> scaling = FitRule::openpi;  ///< letterboxed or stretched
  bool rotate_180 = false;                                                 ///< turn frames first
};

/// The keys and habits of a form; camera and channel names are the last part of their key, to be replaced by the robot's.
/// aloha: cam_high, and optionally cam_low, cam_left_wrist, cam_right_wrist; state 14. droid: exterior_image_1_left,
/// wrist_image_left; joint_position 7, gripper_position 1. libero: image, wrist_image, both turned; state 8. All three: letterbox
/// "openpi" 224 (openpi 15a9616, examples/*/main.py). starvla: image/0, no state (the server does not normalise it), stretched by
/// Pillow's bilinear to 224 as its LIBERO client does. groot: video/ego_view, frames as they are, 256 x 256; the modality
/// configuration of the checkpoint names the rest.
[[nodiscard]] WireOptions wire_options(WireForm form);

/// Writes the tensors of a request; text is UTF-8, `u8 [n]`. A camera that is optional and absent gets the shape of its tensor with
/// zeros in every place: whoever sends the request leaves empty tensors out (openpi's server then puts a black image and the mask
/// false in that place).
///
/// `encode` gives `missing` (camera, channel, tensor), `bad_shape` (frame, number or unit of a channel's values, dtype),
/// `not_finite`, `over_capacity` (text); last_error() names the culprit. Nothing is allocated after the first observation of the
/// same frame sizes. One object per thread.
class WireEncoder {
 public:
  /// Throws Error for empty or repeated keys, sizes out of range, state dtypes other than f32 and f64.
  explicit WireEncoder(WireOptions options);

  [[nodiscard]] const TensorSpecs& spec() const noexcept { return specs_; }
  [[nodiscard]] Status encode(const Observation& observation, TensorMap& out) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }
  [[nodiscard]] const WireOptions& options() const noexcept { return options_; }

 private:
  Status encode_camera(std::size_t index, const Observation& observation, TensorMap& out) noexcept;
  Status encode_state(std::size_t index, const Observation& observation, TensorMap& out) noexcept;
  Status encode_text(const Observation& observation, TensorMap& out) noexcept;
  Status append(const SensorCard& expected, const Observation& observation, std::size_t& place) noexcept;

  WireOptions options_;
  TensorSpecs specs_;  // cameras, states, text
  std::vector<FrameProcessor> processors_;
  std::vector<double> values_;  // of one state
  FixedText error_;
};

static_assert(Encoder<WireEncoder>);

}  // namespace sinew
