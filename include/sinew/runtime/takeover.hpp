// SPDX-License-Identifier: Apache-2.0
// Who holds control of a loop: asks its operator, records the change of hands, and turns what the operator wants into the loop's chunks.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sinew/record/recorder.hpp"
#include "sinew/runtime/joint_resolver.hpp"
#include "sinew/runtime/operator.hpp"

namespace sinew {

/// What a takeover has to know of its loop.
struct TakeoverOptions {
  ActionSpace space = ActionSpace::joint_position;  ///< that the timeline takes
  int dim = 0;                                      ///< columns that the timeline takes
  int max_rows = 0;                                 ///< that the timeline takes
  Time control_period{};                            ///< the operator is not asked more often
  Recorder* recorder = nullptr;                     ///< gets the events `intervention`
};

/// The operator's side of a control loop. Set-up throws Error; the rest neither throws nor, with an operator of which that is true,
/// allocates. One thread at a time: the one that infers, or nobody.
class Takeover {
 public:
  /// Throws Error for a rate that is negative, not finite or above 10 kHz.
  Takeover(AnyOperator person, TakeoverOptions options);

  /// Asks who holds control from now on. `changed()` says whether that is somebody else than before.
  [[nodiscard]] Status ask(const OperatorView& view) noexcept;
  [[nodiscard]] bool held() const noexcept { return held_; }
  [[nodiscard]] bool changed() const noexcept { return changed_; }
  /// What the operator wants, in the timeline's space, with the view's observation as its origin; `resolver`, which may be null, is for
  /// tool poses where the timeline takes joints. `taken` must have been made for `max_rows` rows. As JointResolver::resolve, `bad_shape`
  /// for a chunk that the loop cannot take, `over_capacity` for one that is too long.
  [[nodiscard]] Status act(OperatorView view, JointResolver* resolver, ActionChunk& taken) noexcept;
  /// Whether a pose of the latest chunk had no solution, so that the chunk ends before it.
  [[nodiscard]] bool cut() const noexcept { return cut_; }
  /// The loop starts anew: an intervention ends at `now`, and a new one begins when the operator still holds control.
  void restart(Time now) noexcept;

  /// Time between two inferences: `policy`'s own while that holds control.
  [[nodiscard]] Time period(Time policy) const noexcept { return held_ && period_ > Time{} ? period_ : policy; }
  /// One number after the other for all chunks of the loop: policy and operator each count their own, and the policy from 1 after each
  /// reset.
  [[nodiscard]] std::uint64_t next_sequence() noexcept { return ++sequence_; }
  /// Why the latest `ask` or `act` failed.
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }

 private:
  void change(bool held, Time now) noexcept;
  [[nodiscard]] Status convert(std::span<const double> commanded, JointResolver* resolver, ActionChunk& taken) noexcept;
  [[nodiscard]] Status keep_error(Status status, std::string_view text) noexcept;

  AnyOperator person_;
  TakeoverOptions options_;
  Time period_{};
  std::string begin_;  // text of the event
  ActionChunk chunk_;
  FixedText error_;
  std::uint64_t sequence_ = 0;
  bool held_ = false;
  bool changed_ = false;
  bool first_ = false;
  bool cut_ = false;
};

}  // namespace sinew
