// SPDX-License-Identifier: Apache-2.0
// The scan of tool poses as a loop over Pinocchio; in a unit of its own, for its headers.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sinew::bench {

class FkBaseline {
 public:
  virtual ~FkBaseline() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  /// Distance (m) and angle (rad) between each recorded pose `[n, 7]` (position, quaternion w, x, y, z) and that of the joints `[n, dof]`.
  virtual void scan(std::span<const double> q, std::span<const double> poses, std::span<double> position, std::span<double> angle) = 0;
};

/// Null when the library is not at hand; `reason` says why.
[[nodiscard]] std::unique_ptr<FkBaseline> make_fk_baseline(const std::string& urdf, const std::vector<std::string>& joints,
                                                           const std::string& tip, std::string& reason);

}  // namespace sinew::bench
