// SPDX-License-Identifier: Apache-2.0
#include "../../models/fast.hpp"

#include "sinew/backend/cpu/cpu_ops.hpp"

template void sinew::detail::add_fast(nn::ModelRegistry<CpuOps>& registry);
