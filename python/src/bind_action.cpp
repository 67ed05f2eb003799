// SPDX-License-Identifier: Apache-2.0
// Binds what belongs to actions, each part in a file of its own: sinew.Normalizer and the module sinew.action.
#include <pybind11/pybind11.h>

namespace sinew {

void bind_action_spaces(pybind11::module_& action);
void bind_action_tokenizers(pybind11::module_& action);
void bind_chunk_math(pybind11::module_& action);
void bind_decoder(pybind11::module_& action);
void bind_normalizer(pybind11::module_& m);
void bind_poses(pybind11::module_& action);

void bind_action(pybind11::module_& m) {
  bind_normalizer(m);
  auto action = m.def_submodule("action", "Model outputs to actions, and actions to tokens.");
  bind_action_spaces(action);
  bind_action_tokenizers(action);
  bind_chunk_math(action);
  bind_decoder(action);
  bind_poses(action);
}

}  // namespace sinew
