// SPDX-License-Identifier: Apache-2.0
// What a vision-language model is given, whichever it is.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sinew/core/patch_grid.hpp"

namespace sinew::nn {

/// A prompt with its images, without padding.
struct VisionLanguageInput {
  std::span<const std::int64_t> ids;          ///< [n], an image's tokens in place
  std::span<const std::int64_t> positions{};  ///< [3, n]: time, height, width; empty: as core/position_ids.hpp counts them
  std::span<const float> pixels{};            ///< [patches, values], all images, as observation/image_processor.hpp lays them out
  std::span<const PatchGrid> grids{};         ///< of the images
};

/// How much a model must be able to hold, and what it is for.
struct SequenceOptions {
  std::int64_t max_tokens = 0;  ///< of a sequence, those that are generated included
  bool cached = false;          ///< keys and values are kept, so that tokens can be added one by one
  bool logits = false;          ///< the output layer is read
};

/// Where the tokens of a prompt stand. Keeps its memory between prompts.
class TokenPlaces {
 public:
  /// Throws Error for ids and images that do not fit each other, and for more tokens than `most`.
  void find(const VisionLanguageInput& input, std::int64_t image_token, std::int64_t merge, std::int64_t most);

  [[nodiscard]] std::span<const std::int64_t> image_rows() const noexcept { return image_rows_; }
  [[nodiscard]] std::span<const std::int64_t> positions() const noexcept { return positions_; }  ///< [3, n]
  /// Of a token behind the prompt, on all axes.
  [[nodiscard]] std::int64_t next_position() const noexcept { return next_; }

 private:
  std::vector<std::int64_t> image_rows_;
  std::vector<std::int64_t> positions_;
  std::vector<std::int64_t> mask_;
  std::int64_t next_ = 0;
};

}  // namespace sinew::nn
