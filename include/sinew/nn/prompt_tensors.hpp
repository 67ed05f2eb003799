// SPDX-License-Identifier: Apache-2.0
// The tensors of an encoded prompt as a vision-language model reads them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "sinew/core/fixed_text.hpp"
#include "sinew/core/status.hpp"
#include "sinew/core/tensor_map.hpp"
#include "sinew/core/tensor_spec.hpp"
#include "sinew/nn/models/vision_language.hpp"

namespace sinew::nn {

/// Reads `input_ids i64 [n]`, and where they are offered `attention_mask i64 [n]` (padding is dropped: the model never sees it),
/// `position_ids i64 [3, n]`, `pixel_values f32 [patches, values]` with `image_grid_thw i64 [images, 3]`. Keeps its memory.
class PromptTensors {
 public:
  /// Takes from `offered` what it reads. Throws Error when there are no ids, or pixels without grids, or something has another dtype or
  /// rank.
  explicit PromptTensors(const TensorSpecs& offered);

  [[nodiscard]] const TensorSpecs& specs() const noexcept { return specs_; }
  [[nodiscard]] std::int64_t max_tokens() const noexcept { return max_tokens_; }
  /// `missing`, `bad_shape`, `over_capacity`, `out_of_range` (ids beyond `vocab`, grids that are no grids or do not fit the pixels):
  /// last_error().
  [[nodiscard]] Status read(const TensorMap& in, std::int64_t vocab) noexcept;
  /// Of the last `read`; refers to its tensors.
  [[nodiscard]] const VisionLanguageInput& input() const noexcept { return input_; }
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }

 private:
  Status read_tokens(const TensorMap& in, std::int64_t vocab) noexcept;
  Status read_images(const TensorMap& in) noexcept;
  Status refuse(Status status, std::string_view name, std::string_view what) noexcept;

  TensorSpecs specs_;
  std::int64_t max_tokens_ = 0;
  bool masked_ = false, positioned_ = false, sees_ = false;
  std::vector<std::int64_t> ids_, positions_;
  std::vector<PatchGrid> grids_;
  VisionLanguageInput input_;
  FixedText error_;
};

}  // namespace sinew::nn
