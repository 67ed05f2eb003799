// SPDX-License-Identifier: Apache-2.0
#include "weight_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "kernels/kernels.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew::detail {

namespace {
constexpr std::size_t kBand = std::size_t{256} << 10;  // bytes of the file

/// Nothing when numbers are read as they are stored.
FloatConversion conversion(DType from, bool to_brain) noexcept {
  const IoKernels& kernels = io_kernels();
  switch (from) {
    case DType::f64: return to_brain ? kernels.f64_to_bf16 : kernels.f64_to_f32;
    case DType::f32: return to_brain ? kernels.f32_to_bf16 : nullptr;
    case DType::f16: return to_brain ? kernels.f16_to_bf16 : kernels.f16_to_f32;
    case DType::bf16: return to_brain ? nullptr : kernels.bf16_to_f32;
    default: return nullptr;
  }
}

}  // namespace

void WeightReader::read(std::size_t first, std::size_t count, DType as, std::byte* out) const {
  const std::size_t size = size_of(stored_), band = kBand / size;
  const bool brain = as == DType::bf16;
  const FloatConversion convert = conversion(stored_, brain);
  const auto is_finite = brain ? io_kernels().finite_bf16 : io_kernels().finite_f32;
  std::vector<std::byte> scratch(convert == nullptr ? 0 : std::min(count, band) * size);
  for (std::size_t done = 0; done < count; done += band) {
    const std::size_t length = std::min(band, count - done);
    std::byte* const target = out + done * size_of(as);
    std::byte* const source = convert == nullptr ? target : scratch.data();
    file_->read(offset_ + (first + done) * size, {source, length * size});
    const bool good = convert == nullptr ? is_finite(target, length) : convert(source, length, target);
    if (!good) refuse(target, as, first + done);
  }
}

void WeightReader::refuse(const std::byte* values, DType dtype, std::size_t first) const {
  const auto is_finite = dtype == DType::bf16 ? io_kernels().finite_bf16 : io_kernels().finite_f32;
  std::size_t bad = 0;
  while (is_finite(values + bad * size_of(dtype), 1)) ++bad;
  fail(ErrorCode::parse, {where(), fmt::format("tensor {}", quote(name_)), fmt::format("finite numbers as {}", to_string(dtype)),
                          fmt::format("NaN or infinity at number {}", first + bad), ""});
}

}  // namespace sinew::detail
