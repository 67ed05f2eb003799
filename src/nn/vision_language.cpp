// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/models/vision_language.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sinew/core/error.hpp"
#include "sinew/core/position_ids.hpp"

namespace sinew::nn {

void TokenPlaces::find(const VisionLanguageInput& input, std::int64_t image_token, std::int64_t merge, std::int64_t most) {
  const std::size_t count = input.ids.size();
  if (count == 0 || count > static_cast<std::size_t>(most))
    fail(ErrorCode::limit, {"prompt", "tokens", fmt::format("1 to {}", most), fmt::format("{}", count), "the sequence's max_tokens"});
  image_rows_.clear();
  for (std::size_t i = 0; i < count; ++i)
    if (input.ids[i] == image_token) image_rows_.push_back(static_cast<std::int64_t>(i));
  std::size_t expected = 0;
  for (const auto& grid : input.grids) expected += image_tokens(grid, static_cast<int>(merge));
  if (image_rows_.size() != expected)
    fail(ErrorCode::invalid_argument,
         {"prompt", "image tokens", fmt::format("{} for the grids of its {} images", expected, input.grids.size()),
          fmt::format("{}", image_rows_.size()), ""});
  if (!input.positions.empty()) {
    if (input.positions.size() != 3 * count)
      fail(ErrorCode::invalid_argument,
           {"prompt", "positions", fmt::format("[3, {}]", count), fmt::format("{} numbers", input.positions.size()), ""});
    constexpr std::int64_t kMost = std::int64_t{1} << 31;
    if (std::ranges::any_of(input.positions, [](std::int64_t p) { return p < 0 || p >= kMost; }))
      fail(ErrorCode::invalid_argument, {"prompt", "positions", "0 to 2^31", "others", ""});
    positions_.assign(input.positions.begin(), input.positions.end());
  } else {
    positions_.resize(3 * count);
    mask_.assign(count, 1);
    if (multi_section_positions(input.ids, mask_, image_token, input.grids, static_cast<int>(merge), positions_) != Status::ok)
      fail(ErrorCode::invalid_argument,
           {"prompt", "image tokens", "one run for each image, in the order of the grids", "another arrangement", ""});
  }
  next_ = *std::ranges::max_element(positions_) + 1;
}

}  // namespace sinew::nn
