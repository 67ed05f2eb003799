// SPDX-License-Identifier: Apache-2.0
// Policies that PyTorch saved as programs: TorchScript and AOTInductor packages. Needs the target sinew::torch.
#pragma once

#include <string>

#include "sinew/backend/registry.hpp"

namespace sinew {

struct TorchPackageOptions {
  std::string file;            ///< beneath the policy directory: TorchScript ("*.ts", "*.pt") or AOTInductor ("*.pt2")
  bool trust_code = false;     ///< such a file is code: it can do whatever this process can. Off: every load is refused with that sentence
  std::string device = "cpu";  ///< as PyTorch names it; an AOTInductor package runs only where it was compiled for
  bool batched = true;         ///< every input gets a first dimension of 1
};

/// Runs one program: `registry.add("package", torch_package_backend({.file = "policy.pt", .trust_code = true}))`.
///
/// Inputs are what the encoder offers, not copied; a program must not write them. TorchScript takes them by the names of forward's
/// arguments: one without a default must be offered, what it does not name is not passed. AOTInductor takes them by name where the
/// program was exported with keyword arguments, else all of them in the order of `BackendRequest::offered`.
///
/// The result is `[rows, width]` in a floating-point type, with or without a first dimension of 1: a tensor, the entry "actions" of a
/// dict, or the first of a tuple. What the program throws is `backend_failed` with its reason in `last_error()`.
///
/// AOTInductor does not compare shapes with those that it was compiled for, and reads beyond a tensor that is smaller, unless
/// AOTI_RUNTIME_CHECK_INPUTS=1 is in the environment when the first inference runs: set it.
[[nodiscard]] BackendFactory torch_package_backend(const TorchPackageOptions& options);

}  // namespace sinew
