// SPDX-License-Identifier: Apache-2.0
#include "sinew/core/isa.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>

#include "sinew/core/error.hpp"

namespace sinew {
namespace {

struct Available {
  std::array<Isa, kIsaCount> isas = {Isa::portable};
  std::size_t count = 1;
};

Available detect() noexcept {
  Available available;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const std::array<bool, kIsaCount - 1> runs = {
      __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"),
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"),
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"),
      __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi")};
  for (const Isa isa : {Isa::v2, Isa::v3, Isa::v4, Isa::v4_vnni}) {
    if (!runs[static_cast<std::size_t>(isa) - 1]) break;
    available.isas[available.count++] = isa;
  }
#endif
  return available;
}

const Available& available() noexcept {
  static const Available value = detect();
  return value;
}

std::atomic<Isa>& active() noexcept {
  static std::atomic<Isa> value = available().isas[available().count - 1];
  return value;
}

}  // namespace

std::string_view to_string(Isa isa) noexcept {
  switch (isa) {
    case Isa::portable: return "portable";
    case Isa::v2: return "v2";
    case Isa::v3: return "v3";
    case Isa::v4: return "v4";
    case Isa::v4_vnni: return "v4_vnni";
  }
  return "unknown";
}

std::span<const Isa> available_isas() noexcept { return {available().isas.data(), available().count}; }

Isa active_isa() noexcept { return active().load(std::memory_order_relaxed); }

void select_isa(Isa isa) {
  const auto isas = available_isas();
  if (std::find(isas.begin(), isas.end(), isa) == isas.end())
    fail(ErrorCode::unsupported, {"select_isa", "isa", fmt::format("at most {}", to_string(isas.back())), std::string(to_string(isa)),
                                  "this processor has no more"});
  active().store(isa, std::memory_order_relaxed);
}

}  // namespace sinew
