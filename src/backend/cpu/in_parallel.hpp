// SPDX-License-Identifier: Apache-2.0
// Work of one operation on the threads of CpuOps.
#pragma once

#include <cstdint>

#include "sinew/backend/cpu/cpu_ops.hpp"
#include "thread_pool.hpp"

namespace sinew {

namespace detail {

inline constexpr double kWorthThreads = 4e5;  // multiplications and additions of a call that two threads share with gain

/// Calls `work(part)` for every part, on the threads of a pool.
template <class Work>
void run_on(ThreadPool& pool, std::int64_t parts, const Work& work) noexcept {
  pool.run(parts, [](void* context, std::int64_t part) { (*static_cast<const Work*>(context))(part); }, const_cast<Work*>(&work));
}

}  // namespace detail

template <class Work>
void CpuOps::in_parallel(std::int64_t parts, double operations, const Work& work) {
  if (threads_ == nullptr || parts < 2 || operations < detail::kWorthThreads) {
    for (std::int64_t part = 0; part < parts; ++part) work(part);
    return;
  }
  detail::run_on(*threads_, parts, work);
}

}  // namespace sinew
