// SPDX-License-Identifier: Apache-2.0
// The latest chunk in the policy's own numbers: what real-time chunking hands back to the model.
#pragma once

#include <vector>

#include "sinew/core/clock.hpp"
#include "sinew/core/tensor_map.hpp"
#include "sinew/runtime/policy.hpp"

namespace sinew {

/// Remembers what a policy put out, and says which of it the next inference should take as a prefix: its rows that are not due yet, of
/// which those that will be executed before the new chunk arrives are fixed (Black et al., arXiv 2506.07339). One thread.
class ChunkMemory {
 public:
  /// Room for chunks of the policy. Throws Error for a policy whose backend takes no prefix, or puts out no "actions" `[horizon, dim]`.
  explicit ChunkMemory(const Policy& policy);

  void clear() noexcept { rows_ = 0; }
  /// After a successful act: `chunk` is what it decoded; `arrived` is when it was handed on.
  void keep(const TensorMap& outputs, const ActionChunk& chunk, Time arrived) noexcept;
  /// For an inference that begins at `now`. No prefix when nothing is left of the latest chunk. Views into this object.
  [[nodiscard]] ActOptions options(Time now) const noexcept;
  /// From observation to arrival, of the latest chunk.
  [[nodiscard]] Time latency() const noexcept { return latency_; }

 private:
  std::vector<float> actions_;  // [rows, columns]
  int rows_ = 0;
  int columns_ = 0;
  Time t0_{};
  Time dt_{};
  Time latency_{};
};

}  // namespace sinew
