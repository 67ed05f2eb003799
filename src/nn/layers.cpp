// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/layers.hpp"

#include <algorithm>
#include <memory>

#include "sinew/core/error.hpp"

namespace sinew::nn {

RowSource row_source(std::vector<float> values, std::int64_t rows, std::int64_t columns) {
  if (static_cast<std::int64_t>(values.size()) != rows * columns)
    fail(ErrorCode::internal, {"row_source", "values", fmt::format("[{}, {}]", rows, columns), fmt::format("{}", values.size()), ""});
  const auto shared = std::make_shared<const std::vector<float>>(std::move(values));
  return {.rows = rows, .columns = columns, .read = [shared, columns](std::int64_t first, std::int64_t count, DType as, std::byte* out) {
            const float* const from = shared->data() + first * columns;
            if (as == DType::f32)
              std::copy_n(from, count * columns, reinterpret_cast<float*>(out));
            else
              std::transform(from, from + count * columns, reinterpret_cast<BFloat16*>(out), [](float value) { return BFloat16(value); });
          }};
}

}  // namespace sinew::nn
