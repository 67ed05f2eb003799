// SPDX-License-Identifier: Apache-2.0
// Binds what the action side has for Python so far: sinew.Normalizer. Decoders are reached through a policy.
#include <pybind11/pybind11.h>

namespace sinew {

void bind_normalizer(pybind11::module_& m);

void bind_action(pybind11::module_& m) { bind_normalizer(m); }

}  // namespace sinew
