// SPDX-License-Identifier: Apache-2.0
// JPEG and PNG to pixels and back: camera streams, recordings and requests. Files from strangers are bounded and checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/core/image.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

/// What a decoder accepts. Besides, an image must not claim more pixels than its bytes could hold at the best compression of its
/// format (JPEG 1024 pixels per byte, PNG 1032 bytes per byte), so a few bytes never make gigabytes.
struct ImageLimits {
  int max_side = 8192;                              ///< pixels
  std::int64_t max_pixels = std::int64_t{1} << 25;  ///< height * width; 8K video has 33 million
};

/// Arithmetic of a JPEG's inverse DCT; the results differ by several levels.
enum class JpegDct : std::uint8_t {
  accurate,  ///< libjpeg's default (islow): Pillow, OpenCV, torchvision
  fast       ///< libjpeg's ifast: what TensorFlow's decode_jpeg and decode_image do unless told otherwise
};

/// Decodes JPEG and PNG, told apart by their first bytes, to RGB `[height, width, 3]`.
///
/// JPEG: grey, YCbCr or RGB, 8 bits, baseline or progressive (at most 100 scans); Huffman tables may be absent as in Motion JPEG.
/// Chroma is upsampled smoothly, as Pillow, OpenCV and TensorFlow do. Refused: CMYK, arithmetic coding, 12 bits. PNG: every colour type and
/// depth, interlaced or not; of 16 bits the upper 8 stay, alpha and transparent colours are dropped, grey and palettes become RGB, gamma
/// and colour profiles are ignored (Pillow's `convert("RGB")`). EXIF orientation is ignored. What is cut short is refused, never filled
/// up with grey, and so is what libjpeg warns about; JPEG has no checksum, so other damage shows in the pixels only.
///
/// One object per thread. After the first frame of a size nothing of ours is allocated; the codec libraries use the heap for
/// each frame.
class ImageDecoder {
 public:
  explicit ImageDecoder(const ImageLimits& limits = {}, JpegDct dct = JpegDct::accurate) noexcept : limits_(limits), dct_(dct) {}

  /// `bad_shape`: no image, a damaged one or a kind that is refused; `over_capacity`: above the limits, or no memory.
  /// last_error() says what. After a failure the pixels of `out` mean nothing.
  [[nodiscard]] Status decode(std::span<const std::byte> data, Image& out) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }
  /// The kind of the last failure: `parse`, `unsupported` or `limit`.
  [[nodiscard]] ErrorCode last_code() const noexcept { return code_; }

 private:
  Status refuse(ErrorCode code) noexcept;
  /// Checks a claimed size, which `most` pixels could back, and makes room for it.
  Status prepare(std::int64_t height, std::int64_t width, std::int64_t most, Image& out) noexcept;
  Status decode_jpeg(std::span<const std::byte> data, Image& out) noexcept;
  Status decode_png(std::span<const std::byte> data, Image& out) noexcept;

  ImageLimits limits_;
  JpegDct dct_;
  std::vector<std::uint8_t*> rows_;  // of an interlaced PNG
  FixedText error_;
  ErrorCode code_ = ErrorCode::parse;
};

/// The same at set-up: throws Error that begins with `where`.
void decode_image(std::span<const std::byte> data, Image& out, std::string_view where = "decode_image", JpegDct dct = JpegDct::accurate);

/// How often chroma is sampled: at each pixel, at every second column, or at every second column and row.
enum class ChromaSubsampling : std::uint8_t { yuv444, yuv422, yuv420 };

struct JpegOptions {
  int quality = 75;  ///< 1 to 100; Pillow's default. OpenCV's is 95
  ChromaSubsampling subsampling = ChromaSubsampling::yuv420;
};

/// Writes a baseline JPEG (JFIF) of a grey or RGB image; `out` keeps its memory. `bad_shape`: an empty image, a side above
/// 65500, other than 1 or 3 channels; `out_of_range`: quality; `over_capacity`: no memory.
[[nodiscard]] Status encode_jpeg(const ImageView& image, const JpegOptions& options, std::vector<std::byte>& out) noexcept;

/// Writes a PNG of 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels. `compression`: 1 (fast) to 9 (small). Statuses as above.
[[nodiscard]] Status encode_png(const ImageView& image, int compression, std::vector<std::byte>& out) noexcept;

}  // namespace sinew
