// SPDX-License-Identifier: Apache-2.0
#include "frame_meter.hpp"

#include <cstring>
#include <span>

namespace sinew {

namespace {

/// Sum over a row and what it turns into grey: ITU-R BT.601 luma in 8 bits, as JPEG's Y.
std::uint64_t grey_row(const std::uint8_t* pixel, int channels, std::span<std::uint8_t> grey) {
  std::uint64_t sum = 0;
  for (std::uint8_t& value : grey) {
    value = channels < 3 ? pixel[0] : static_cast<std::uint8_t>((77 * pixel[0] + 150 * pixel[1] + 29 * pixel[2] + 128) >> 8);
    sum += value;
    pixel += channels;
  }
  return sum;
}

/// Four lanes of multiply and rotate over words of 8 bytes; not for adversaries.
class Digest {
 public:
  void add(std::span<const std::uint8_t> bytes) {
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + at, 8);
      mix(word);
    }
    std::uint64_t rest = bytes.size();
    for (; at < bytes.size(); ++at) rest = rest << 8 | bytes[at];
    mix(rest);
  }
  [[nodiscard]] std::uint64_t value() const {
    std::uint64_t all = 0;
    for (const std::uint64_t lane : lanes_) all = (all ^ lane) * kPrime + (lane >> 29);
    return all | 1;  // 0 says that there was no frame
  }

 private:
  static constexpr std::uint64_t kPrime = 0x9E3779B97F4A7C15ULL;
  void mix(std::uint64_t word) {
    std::uint64_t& lane = lanes_[next_++ & 3U];
    lane = (lane ^ word) * kPrime;
    lane ^= lane >> 32;
  }
  std::uint64_t lanes_[4] = {1, 2, 3, 4};
  std::size_t next_ = 0;
};

double laplacian_variance(const std::vector<std::uint8_t>& grey, int height, int width) {
  if (height < 3 || width < 3) return 0;
  std::int64_t sum = 0, squares = 0;
  for (int y = 1; y + 1 < height; ++y) {
    const std::uint8_t* row = grey.data() + std::ptrdiff_t{y} * width;
    for (int x = 1; x + 1 < width; ++x) {
      const int value = row[x - 1] + row[x + 1] + row[x - width] + row[x + width] - 4 * row[x];
      sum += value;
      squares += std::int64_t{value} * value;
    }
  }
  const double count = static_cast<double>(height - 2) * (width - 2);
  const double mean = static_cast<double>(sum) / count;
  return static_cast<double>(squares) / count - mean * mean;
}

}  // namespace

FrameMeasure FrameMeter::measure(const ImageView& image) {
  if (image.empty()) return {};
  const auto width = static_cast<std::size_t>(image.width());
  grey_.resize(static_cast<std::size_t>(image.height()) * width);
  std::uint64_t sum = 0;
  Digest digest;
  for (int y = 0; y < image.height(); ++y) {
    sum += grey_row(image.row(y), image.channels(), std::span(grey_).subspan(static_cast<std::size_t>(y) * width, width));
    digest.add({image.row(y), width * static_cast<std::size_t>(image.channels())});
  }
  return {.brightness = static_cast<double>(sum) / static_cast<double>(grey_.size()),
          .sharpness = laplacian_variance(grey_, image.height(), image.width()),
          .digest = digest.value()};
}

}  // namespace sinew
