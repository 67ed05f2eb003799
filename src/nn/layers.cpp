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

RowSource rows_of(RowSource source, std::int64_t first, std::int64_t count) {
  if (first < 0 || count < 0 || first + count > source.rows)
    fail(ErrorCode::internal, {"rows_of", "rows", fmt::format("some of {}", source.rows), fmt::format("{} from {}", count, first), ""});
  return {.rows = count,
          .columns = source.columns,
          .read = [read = std::move(source.read), first](std::int64_t from, std::int64_t rows, DType as, std::byte* out) {
            read(first + from, rows, as, out);
          }};
}

}  // namespace sinew::nn
