// SPDX-License-Identifier: Apache-2.0
// Resizing exactly as the libraries that policies were trained with do it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>

#include "sinew/core/image.hpp"
#include "sinew/core/status.hpp"
#include "sinew/observation/image_ops.hpp"

namespace sinew {

/// Whose arithmetic a resize reproduces.
///
/// `pil_*`: Pillow 12.2 and 12.3, horizontal pass first but for strips (h > 100 w and h > H; Pillow up to 12.1 knows no exception).
/// `pil13_*`: Pillow 13, vertical first where that saves work (h > H and h - H > 2 (w - W)). The order shows because values are
/// rounded to 8 bits in between. Float images follow mode F, channel by channel.
/// `torch_*`: torch.nn.functional.interpolate, align_corners=False (PyTorch 2.13, CPU).
/// `cv2_*`: cv2.resize (OpenCV 4.11 and 5.0). `jax_*`: jax.image.resize with antialias (jax 0.5), as openpi calls it: 8-bit images are
/// rounded to the nearest level, halves to even.
enum class ResizeRule : std::uint8_t {
  pil_nearest,
  pil_box,
  pil_bilinear,
  pil_bicubic,  ///< a = -0.5
  pil_lanczos,  ///< three lobes
  pil13_nearest,
  pil13_box,
  pil13_bilinear,
  pil13_bicubic,
  pil13_lanczos,
  torch_bilinear,  ///< two taps, whatever the scale
  torch_bilinear_antialias,
  torch_bicubic,            ///< a = -0.75, four taps
  torch_bicubic_antialias,  ///< a = -0.5
  cv2_linear,               ///< INTER_LINEAR
  cv2_area,                 ///< INTER_AREA
  cv2_cubic,                ///< INTER_CUBIC
  jax_linear,
  jax_lanczos3,  ///< tf.image.resize(lanczos3, antialias=True) has the same weights
  torch_area     ///< mode "area": the mean of what each output pixel touches; for float images there, rounded here
};

/// "pil_bicubic", "torch_bilinear_antialias", ...
[[nodiscard]] std::string_view to_string(ResizeRule rule) noexcept;
/// Inverse of `to_string`. Throws Error that names the nearest rule; `where` begins the message.
[[nodiscard]] ResizeRule resize_rule_from_string(std::string_view name, std::string_view where);

/// A resize of an image on a black canvas, of which a part is wanted. The pixels are those of pad(), resize and crop() one after the
/// other, but what is black or cut off is not computed.
struct ResizeRequest {
  int height = 0;         ///< of the whole result
  int width = 0;          ///< of the whole result
  Placement canvas = {};  ///< height 0: none
  CropBox window = {};    ///< of the result; height 0: all of it
};

/// Resizes images of 1 to 4 channels and 1 to 8192 pixels a side with one rule. Channels are independent: alpha is not
/// premultiplied (Pillow does that for modes LA and RGBA only).
///
/// Weights are kept for the last eight axis lengths, so after the first frame of a geometry nothing is allocated. Kernels for
/// each instruction set compute the same bytes. One object per thread.
class Resizer {
 public:
  static constexpr int kMaxSide = 8192;

  explicit Resizer(ResizeRule rule = ResizeRule::pil_bicubic) noexcept;
  Resizer(Resizer&&) noexcept;
  Resizer& operator=(Resizer&&) noexcept;
  ~Resizer();
  [[nodiscard]] ResizeRule rule() const noexcept { return rule_; }

  /// Writes `[height, width, in.channels()]`, tightly packed; rows of `in` may be padded. `out` must not overlap `in`.
  /// `bad_shape`: an empty image, a size or channel count outside the range, or another size of `out`; `over_capacity`: no
  /// memory for the weights or the rows between the passes.
  [[nodiscard]] Status resize(const ImageView& in, int height, int width, std::span<std::uint8_t> out) noexcept;
  /// Writes the window of the request, tightly packed. `bad_shape` also for an image that sticks out of its canvas and a window that
  /// does not lie inside the result.
  [[nodiscard]] Status resize(const ImageView& in, const ResizeRequest& request, std::span<std::uint8_t> out) noexcept;
  /// The same into an owned image, which keeps its memory when that suffices.
  [[nodiscard]] Status resize(const ImageView& in, int height, int width, Image& out) noexcept;
  /// The same for float images, neither rounded nor clipped. `not_finite`: a NaN or infinity in `in`.
  [[nodiscard]] Status resize(const FloatImageView& in, int height, int width, std::span<float> out) noexcept;

  /// The same for 8-bit images in bands of `rows` output rows (the last may be shorter): `sink(band, top)` gets each while it is still in
  /// the cache, an ImageView of full width that is valid until it returns, and the row at which it begins.
  template <class Sink>
  [[nodiscard]] Status resize_bands(const ImageView& in, int height, int width, int rows, Sink&& sink) noexcept {
    const BandSink erased{
        [](void* context, const ImageView& band, int top) { (*static_cast<std::remove_reference_t<Sink>*>(context))(band, top); },
        const_cast<void*>(static_cast<const void*>(&sink))};
    return run_bands(in, height, width, rows, erased);
  }

 private:
  struct BandSink {
    void (*call)(void* context, const ImageView& band, int top);
    void* context;
  };
  struct State;

  Status run_bands(const ImageView& in, int height, int width, int rows, const BandSink& sink) noexcept;
  State& state();

  ResizeRule rule_;
  std::unique_ptr<State> state_;  // weights and rows between the passes, made at the first resize
};

}  // namespace sinew
