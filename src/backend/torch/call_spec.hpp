// SPDX-License-Identifier: Apache-2.0
// How a program of torch.export is called: what its package says about arguments and results.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sinew::detail {

struct CallSpec {
  std::size_t inputs = 0;
  std::vector<std::string> names;  ///< of the inputs; empty where they have none
  std::size_t actions = 0;         ///< which of the flattened results
};

/// Reads the two pytree specifications that an AOTInductor package keeps. Throws Error for arguments that are no plain tensors, and for
/// results without actions.
[[nodiscard]] CallSpec read_call_spec(const std::vector<std::string>& texts, const std::string& where);

}  // namespace sinew::detail
