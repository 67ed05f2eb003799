// SPDX-License-Identifier: Apache-2.0
// Visual memory under a token budget: which frames of which cameras are kept, with how many tokens each (Qwen-RobotNav).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sinew/core/clock.hpp"
#include "sinew/core/status.hpp"
#include "sinew/observation/image_processor.hpp"
#include "sinew/observation/stamp_ring.hpp"

namespace sinew {

/// Which cells are kept when not all of them fit.
enum class BudgetMode : std::uint8_t {
  latest,  ///< the newest; of the time step that fits in part, the cameras of larger weight
  random   ///< the newest time step, then cells drawn evenly from the others
};
/// "latest" or "random".
[[nodiscard]] std::string_view to_string(BudgetMode mode) noexcept;
/// Inverse of `to_string`. Throws Error that names the nearest.
[[nodiscard]] BudgetMode budget_mode_from_string(std::string_view name);

/// The protocol Phi = (B, gamma, {w_c}, m, b_min, b_max) of Qwen-RobotNav (arXiv 2606.18112).
struct FrameBudgetOptions {
  int budget = 3072;            ///< B, visual tokens of all cells together
  double gamma = 2;             ///< the newest kept time step weighs e^gamma times the oldest; 0 to 20
  std::vector<double> weights;  ///< w_c, one per camera, > 0
  BudgetMode mode = BudgetMode::latest;
  int min_tokens = 4;      ///< b_min, of a kept cell
  int max_tokens = 256;    ///< b_max
  std::uint64_t seed = 0;  ///< of random
};

/// Shares the budget among cells (time, camera):
/// - all cells are kept when b_min tokens for each fit into B, else floor(B / b_min) of them, as the mode says;
/// - each kept cell gets b_min; the rest is shared in proportion to omega_t * w_c, omega_t = exp(gamma * (t - oldest) / (newest -
///   oldest)) over the kept cells' times; what exceeds b_max is taken back and shared among the others until nothing exceeds;
/// - shares are cut to whole tokens, and the tokens left over go one each to the largest remainders; of equal ones to the newer
///   time, then the larger weight, then the camera that is listed first.
/// The sum is min(B, kept * b_max). All of it is integer arithmetic on omega_t * w_c in units of 2^-30 of the largest (at least
/// one), so that platforms agree and permuting cameras of different weights permutes the result.
/// Allocates nothing after the first call of a shape. One object per thread.
class FrameBudget {
 public:
  static constexpr int kMaxBudget = 1 << 24;
  static constexpr int kMaxTokens = 1 << 14;  ///< of b_max
  static constexpr std::size_t kMaxCells = 65536;

  /// Throws Error for what no call could follow: no cameras, weights that are not positive and finite, gamma, B or bounds out of
  /// their range, b_min above b_max, B below b_min.
  explicit FrameBudget(FrameBudgetOptions options);

  [[nodiscard]] const FrameBudgetOptions& options() const noexcept { return options_; }
  [[nodiscard]] std::size_t cameras() const noexcept { return options_.weights.size(); }
  /// Writes `tokens [times, cameras]`, 0 for a cell that is not kept. `stamps`, oldest to newest, must not decrease
  /// (`out_of_range`). `draw` numbers the call, so that samples differ from call to call and can be repeated. `bad_shape`: another
  /// length of `tokens`; `over_capacity`: more than kMaxCells cells, or no memory.
  [[nodiscard]] Status allocate(std::span<const Time> stamps, std::span<int> tokens, std::uint64_t draw = 0) noexcept;

 private:
  struct Cell {
    std::uint32_t index = 0;  // into tokens
    std::uint32_t place = 0;  // in the order newest first, larger weight first
    std::uint64_t share = 0;  // omega_t * w_c in units of 2^-30 of the largest
    std::uint64_t remainder = 0;
  };

  void choose(std::size_t times, std::uint64_t draw);
  void weigh(std::span<const Time> stamps) noexcept;
  void share_rest(std::span<int> tokens) noexcept;

  FrameBudgetOptions options_;
  std::vector<std::uint32_t> order_;  // cameras, larger weight first
  std::vector<Cell> cells_;           // the kept ones
};

/// The size of an image that may cost `tokens`, in multiples of `side` (patch * merge, pixels): the image's own, rounded, when that
/// is cheap enough; else the grid for which 2 |log(aspect / aspect of the image)| + log(tokens / tokens used) is least. At least one
/// token. `side` and the sides of the image must be positive. A Qwen processor keeps the size if its pixel bounds allow it.
[[nodiscard]] ImageSize size_for_tokens(ImageSize image, int tokens, int side) noexcept;

/// The last `capacity` time steps of several cameras, for a FrameBudget to choose from. The payloads stay where they are: a new
/// step takes the slots of the oldest. Allocates when it is made only.
template <class Payload>
class FrameHistory {
 public:
  FrameHistory(std::size_t cameras, std::size_t capacity) : cameras_(cameras), ring_(capacity), slots_(cameras * capacity) {}

  [[nodiscard]] std::size_t cameras() const noexcept { return cameras_; }
  /// Time steps held.
  [[nodiscard]] std::size_t size() const noexcept { return ring_.size(); }
  [[nodiscard]] std::span<const Time> stamps() const noexcept { return ring_.stamps(); }
  /// One payload per camera, to be filled by the caller; they hold what the oldest step left. Empty when `stamp` is before the
  /// newest, or nothing can be held.
  [[nodiscard]] std::span<Payload> push(Time stamp) noexcept {
    const auto slot = ring_.push(stamp);
    return slot ? std::span(slots_).subspan(*slot * cameras_, cameras_) : std::span<Payload>();
  }
  /// `step` counts from the oldest, as in `stamps()` and in the rows of FrameBudget::allocate.
  [[nodiscard]] const Payload& at(std::size_t step, std::size_t camera) const noexcept {
    return slots_[ring_.slot(step) * cameras_ + camera];
  }
  void clear() noexcept { ring_.clear(); }

 private:
  std::size_t cameras_;
  StampRing ring_;
  std::vector<Payload> slots_;  // [capacity, cameras]
};

}  // namespace sinew
