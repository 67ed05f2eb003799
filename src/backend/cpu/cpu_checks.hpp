// SPDX-License-Identifier: Apache-2.0
// What operations ask of a CpuTensor.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../require.hpp"
#include "sinew/backend/cpu/cpu_tensor.hpp"

namespace sinew::detail {

inline std::size_t as_size(std::int64_t value) noexcept { return static_cast<std::size_t>(value); }

/// Whether the elements of a row follow each other.
inline bool dense_rows(const CpuTensor& x) noexcept { return x.width() <= 1 || x.stride(static_cast<std::int64_t>(x.rank()) - 1) == 1; }

}  // namespace sinew::detail
