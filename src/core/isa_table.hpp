// SPDX-License-Identifier: Apache-2.0
// One table of kernels for each instruction set; sets without kernels of their own use those of the set before.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <utility>

#include "sinew/core/isa.hpp"

namespace sinew::detail {

template <class Kernels>
class IsaTable {
 public:
  /// Ascending; the first is of Isa::portable.
  constexpr IsaTable(std::initializer_list<std::pair<Isa, const Kernels*>> kernels) noexcept {
    for (const auto& [isa, table] : kernels)
      for (std::size_t i = static_cast<std::size_t>(isa); i < kIsaCount; ++i) tables_[i] = table;
  }
  [[nodiscard]] constexpr const Kernels& operator[](Isa isa) const noexcept { return *tables_[static_cast<std::size_t>(isa)]; }

 private:
  std::array<const Kernels*, kIsaCount> tables_{};
};

}  // namespace sinew::detail
