// SPDX-License-Identifier: Apache-2.0
// numpy's .npy form of one array in memory (NEP 1; versions 1.0 to 3.0): what GR00T's servers put into a message.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sinew/backend/remote/wire_array.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/core/status.hpp"
#include "sinew/core/tensor.hpp"

namespace sinew::remote {

/// Reads an array in place. `bad_shape` for what is no such file: another magic, a header that is not exactly the three entries in the form
/// in which numpy writes them, an element type that no tensor has (objects first of all), Fortran order of more than one dimension, another
/// number of bytes than the shape says. Nothing is allocated; `error` says why.
[[nodiscard]] Status read_npy(std::span<const std::byte> bytes, WireArray& array, FixedText& error) noexcept;

/// The header that goes before the elements, version 1.0, padded to a multiple of 64 bytes as numpy writes it. Throws Error for bf16.
[[nodiscard]] std::vector<std::byte> npy_header(DType dtype, std::span<const std::int64_t> shape);

}  // namespace sinew::remote
