// SPDX-License-Identifier: Apache-2.0
// Joint actions relative to the state that the policy saw: LeRobot's and openpi's masks, and the state that belongs to a chunk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sinew/core/normalizer.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

/// Which dimensions are relative, by name: all of the first `dim` but those whose name equals or contains an entry of `exclude`, both
/// in lower case; dimensions without a name are relative (huggingface/lerobot @ 7427f31
/// src/lerobot/processor/relative_action_processor.py).
[[nodiscard]] std::vector<bool> relative_mask(std::span<const std::string> names, std::span<const std::string> exclude, std::size_t dim);
/// Which dimensions are relative, by runs: n dimensions that are for each positive n, -n that are not for each negative one, e.g.
/// {6, -1, 6, -1} (Physical-Intelligence/openpi @ 15a9616 src/openpi/transforms.py make_bool_mask). Throws Error for a run of 0.
[[nodiscard]] std::vector<bool> relative_mask(std::span<const int> runs);

/// Adds and takes away the state of the observation: `relative = action - state` in the masked dimensions, for every step of the
/// chunk alike. Dimensions behind the mask stay as they are. Immutable; shared by threads; state and actions in the same units, not
/// normalised.
class RelativeActions {
 public:
  explicit RelativeActions(const std::vector<bool>& mask);

  /// Dimensions that the mask speaks of, up to the last relative one: what a state must have at least.
  [[nodiscard]] std::size_t size() const noexcept { return mask_.size(); }

  /// In place, `actions` `[rows, dim]`. `bad_shape` when the rows are not whole, or narrower than the mask, or the state is;
  /// `not_finite` for a state or an action that is not. Nothing is written then.
  [[nodiscard]] Status to_relative(std::span<double> actions, std::size_t dim, std::span<const double> state) const noexcept;
  [[nodiscard]] Status to_absolute(std::span<double> actions, std::size_t dim, std::span<const double> state) const noexcept;

 private:
  [[nodiscard]] Status add(std::span<double> actions, std::size_t dim, std::span<const double> state, double sign) const noexcept;

  std::vector<double> mask_;  // 1 or 0
};

/// The states that recent inferences used, by observation id. A chunk of an asynchronous policy arrives when newer states have been
/// measured; making it absolute with one of those moves the robot by the difference. One thread; allocates only while being made.
class RelativeReference {
 public:
  /// Keeps the last `capacity` states of at most `dim` values. Throws Error for sizes below 1.
  RelativeReference(std::size_t capacity, std::size_t dim);

  /// Remembers the state of an observation that goes into an inference; the oldest is forgotten. `bad_shape`, `not_finite`.
  [[nodiscard]] Status remember(std::uint64_t observation_id, std::span<const double> state) noexcept;
  /// The state of that observation, valid until the next `remember`; empty when it was never seen, is forgotten, or a reset came between.
  [[nodiscard]] std::span<const double> find(std::uint64_t observation_id) const noexcept;
  /// `RelativeActions::to_absolute` with the state of that observation; `stale` when there is none.
  [[nodiscard]] Status to_absolute(const RelativeActions& relative, std::uint64_t observation_id, std::span<double> actions,
                                   std::size_t dim) const noexcept;
  void reset() noexcept;

 private:
  struct Entry {
    std::uint64_t id = 0;
    std::size_t size = 0;  // 0: none
  };
  std::size_t dim_;
  std::size_t next_ = 0;
  std::vector<Entry> entries_;
  std::vector<double> states_;  // [capacity, dim]
};

/// Makes what is left of a chunk (absolute, `[rows, dim]`) the prefix of the next inference of a relative policy: relative to the state
/// of now, then normalised (huggingface/lerobot @ 7427f31 src/lerobot/policies/rtc/relative.py). `absolute` holds the relative values
/// afterwards. Statuses of RelativeActions and Normalizer.
[[nodiscard]] Status reanchor_prefix(const RelativeActions& relative, const Normalizer& normalizer, std::span<const double> state,
                                     std::span<double> absolute, std::span<float> prefix) noexcept;

}  // namespace sinew
