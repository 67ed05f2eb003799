// SPDX-License-Identifier: Apache-2.0
#include "sinew/core/isa.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

#include "sinew/core/error.hpp"

namespace sinew {
namespace {

struct Available {
  std::array<Isa, kIsaCount> isas = {Isa::portable};
  std::size_t count = 1;
};

#if defined(__x86_64__)
/// The processor has tiles of brain floats, and the system lets this process use their registers.
bool amx_runs() noexcept {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kBf16 = 1U << 22, kTile = 1U << 24;  // EDX of leaf 7
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & kBf16) == 0 || (d & kTile) == 0) return false;
#if defined(__linux__)
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA: Linux 5.16
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}
#endif

Available detect() noexcept {
  Available available;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const std::array<bool, kIsaCount - 1> runs = {
      __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"),
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"),
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"),
      __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi"),
      __builtin_cpu_supports("avx512bf16") != 0,
      amx_runs()};
  for (const Isa isa : {Isa::v2, Isa::v3, Isa::v4, Isa::v4_vnni, Isa::v4_bf16, Isa::v4_amx}) {
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
    case Isa::v4_bf16: return "v4_bf16";
    case Isa::v4_amx: return "v4_amx";
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
