// SPDX-License-Identifier: Apache-2.0
// Picks the kernels of the CPU backend for an instruction set.
#include "../../core/isa_table.hpp"
#include "kernels/matrix.hpp"
#include "kernels/rows.hpp"

namespace sinew::detail {

const MatrixKernels& matrix_kernels(Isa isa) noexcept {
#if defined(__x86_64__)
  static constexpr IsaTable<MatrixKernels> kTable = {{Isa::portable, &portable::kMatrixKernels},
                                                     {Isa::v2, &v2::kMatrixKernels},
                                                     {Isa::v3, &v3::kMatrixKernels},
                                                     {Isa::v4, &v4::kMatrixKernels},
                                                     {Isa::v4_bf16, &v4_bf16::kMatrixKernels},
                                                     {Isa::v4_amx, &v4_amx::kMatrixKernels}};
  return kTable[isa];
#else
  (void)isa;
  return portable::kMatrixKernels;
#endif
}

const MatrixKernels& matrix_kernels() noexcept { return matrix_kernels(active_isa()); }

const RowKernels& row_kernels(Isa isa) noexcept {
#if defined(__x86_64__)
  static constexpr IsaTable<RowKernels> kTable = {
      {Isa::portable, &portable::kRowKernels}, {Isa::v2, &v2::kRowKernels}, {Isa::v3, &v3::kRowKernels}, {Isa::v4, &v4::kRowKernels}};
  return kTable[isa];
#else
  (void)isa;
  return portable::kRowKernels;
#endif
}

const RowKernels& row_kernels() noexcept { return row_kernels(active_isa()); }

}  // namespace sinew::detail
