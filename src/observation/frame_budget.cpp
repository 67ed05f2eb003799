// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/frame_budget.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <numeric>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

constexpr std::string_view kWhere = "FrameBudget";
constexpr std::array<std::string_view, 2> kModes = {"latest", "random"};
constexpr double kUnits = 1 << 30;

void require(bool holds, std::string_view what, const std::string& expected, const std::string& got) {
  if (!holds) fail(ErrorCode::invalid_argument, {kWhere, what, expected, got, ""});
}

/// splitmix64: the same on every platform.
std::uint64_t next_random(std::uint64_t& state) noexcept {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15ULL);
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31U);
}

/// Unsigned, because stamps may lie farther apart than Time can say.
double nanoseconds_between(Time before, Time after) noexcept {
  return static_cast<double>(static_cast<std::uint64_t>(after.count()) - static_cast<std::uint64_t>(before.count()));
}

}  // namespace

std::string_view to_string(BudgetMode mode) noexcept { return kModes[static_cast<std::size_t>(mode)]; }

BudgetMode budget_mode_from_string(std::string_view name) {
  const auto found = std::ranges::find(kModes, name);
  if (found != kModes.end()) return static_cast<BudgetMode>(found - kModes.begin());
  const auto near = nearest_name(name, kModes);
  fail(ErrorCode::invalid_argument, {kWhere, "mode " + quote(name), "one of " + join_names(kModes), "no such mode",
                                     near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
}

FrameBudget::FrameBudget(FrameBudgetOptions options) : options_(std::move(options)), order_(options_.weights.size()) {
  const auto& o = options_;
  require(!o.weights.empty() && o.weights.size() <= kMaxCells, "cameras", fmt::format("1 to {}", kMaxCells),
          std::to_string(o.weights.size()));
  for (const double weight : o.weights)
    require(std::isfinite(weight) && weight > 0, "weights", "finite numbers above 0", fmt::format("{}", weight));
  require(o.gamma >= 0 && o.gamma <= 20, "gamma", "0 to 20", fmt::format("{}", o.gamma));
  require(o.min_tokens >= 1, "b_min", "at least 1", std::to_string(o.min_tokens));
  require(o.max_tokens >= o.min_tokens && o.max_tokens <= kMaxTokens, "b_max", fmt::format("b_min ({}) to {}", o.min_tokens, kMaxTokens),
          std::to_string(o.max_tokens));
  require(o.budget >= o.min_tokens && o.budget <= kMaxBudget, "budget", fmt::format("b_min ({}) to {}", o.min_tokens, kMaxBudget),
          std::to_string(o.budget));
  std::iota(order_.begin(), order_.end(), 0U);
  std::ranges::stable_sort(order_, [&](auto a, auto b) { return o.weights[a] > o.weights[b]; });
}

Status FrameBudget::allocate(std::span<const Time> stamps, std::span<int> tokens, std::uint64_t draw) noexcept {
  if (tokens.size() != stamps.size() * cameras()) return Status::bad_shape;
  if (tokens.size() > kMaxCells) return Status::over_capacity;
  if (!std::ranges::is_sorted(stamps)) return Status::out_of_range;
  std::ranges::fill(tokens, 0);
  if (tokens.empty()) return Status::ok;
  try {
    choose(stamps.size(), draw);
  } catch (const std::exception&) {
    return Status::over_capacity;
  }
  weigh(stamps);
  share_rest(tokens);
  return Status::ok;
}

void FrameBudget::choose(std::size_t times, std::uint64_t draw) {
  const std::size_t cameras = order_.size();
  const std::size_t count = times * cameras;
  const auto fit = std::min(count, static_cast<std::size_t>(options_.budget / options_.min_tokens));
  cells_.resize(count);
  for (std::size_t place = 0; place < count; ++place) {
    const std::size_t row = times - 1 - place / cameras;
    cells_[place] = {.index = static_cast<std::uint32_t>(row * cameras + order_[place % cameras]),
                     .place = static_cast<std::uint32_t>(place)};
  }
  if (options_.mode == BudgetMode::random) {
    std::uint64_t state = options_.seed;
    state = next_random(state) ^ draw;
    for (std::size_t i = std::min(cameras, fit); i < fit; ++i) std::swap(cells_[i], cells_[i + next_random(state) % (count - i)]);
  }
  cells_.resize(fit);
}

void FrameBudget::weigh(std::span<const Time> stamps) noexcept {
  const auto stamp = [&](const Cell& cell) { return stamps[cell.index / cameras()]; };
  const auto [oldest, newest] = std::ranges::minmax(cells_, {}, stamp);
  const Time start = stamp(oldest);
  const double span = std::max(nanoseconds_between(start, stamp(newest)), 1.0);
  // Relative to the newest time, so that the largest number is that of a weight.
  const auto weight = [&](const Cell& cell) {
    return std::exp(options_.gamma * (nanoseconds_between(start, stamp(cell)) / span - 1)) * options_.weights[cell.index % cameras()];
  };
  double largest = 0;
  for (const Cell& cell : cells_) largest = std::max(largest, weight(cell));
  for (Cell& cell : cells_) cell.share = static_cast<std::uint64_t>(std::max(std::round(weight(cell) / largest * kUnits), 1.0));
}

void FrameBudget::share_rest(std::span<int> tokens) noexcept {
  // Largest share first: whoever is full forms a prefix.
  std::ranges::sort(cells_, [](const Cell& a, const Cell& b) { return a.share != b.share ? a.share > b.share : a.place < b.place; });
  const auto room = static_cast<std::uint64_t>(options_.max_tokens - options_.min_tokens);
  auto rest = static_cast<std::uint64_t>(options_.budget) - cells_.size() * static_cast<std::uint64_t>(options_.min_tokens);
  std::uint64_t total = 0;
  for (const Cell& cell : cells_) total += cell.share;
  auto first = cells_.begin();
  // At most 2^24 * 2^30 on the left and 2^14 * 2^46 on the right.
  for (; first != cells_.end() && rest * first->share >= room * total; ++first) {
    tokens[first->index] = options_.max_tokens;
    rest -= room;
    total -= first->share;
  }
  if (first == cells_.end()) return;
  std::uint64_t given = 0;
  for (auto cell = first; cell != cells_.end(); ++cell) {
    const std::uint64_t part = rest * cell->share;
    tokens[cell->index] = options_.min_tokens + static_cast<int>(part / total);
    cell->remainder = part % total;
    given += part / total;
  }
  const auto left = static_cast<std::ptrdiff_t>(rest - given);
  std::partial_sort(first, first + left, cells_.end(), [](const Cell& a, const Cell& b) {
    return a.remainder != b.remainder ? a.remainder > b.remainder : a.place < b.place;
  });
  for (auto cell = first; cell != first + left; ++cell) ++tokens[cell->index];
}

ImageSize size_for_tokens(ImageSize image, int tokens, int side) noexcept {
  constexpr int kMostCells = 1 << 14;
  const int most = std::max(tokens, 1);
  const auto cells = [&](int pixels) {
    return std::clamp(static_cast<int>(std::lround(static_cast<double>(pixels) / side)), 1, kMostCells);
  };
  const ImageSize own{cells(image.height), cells(image.width)};
  if (own.height * own.width <= most) return {own.height * side, own.width * side};
  const double aspect = static_cast<double>(image.height) / image.width;
  ImageSize best{1, 1};
  double best_loss = INFINITY;
  for (int height = 1; height <= std::min(own.height, most); ++height) {
    for (const double ideal : {std::floor(height / aspect), std::ceil(height / aspect)}) {
      const int width = std::clamp(static_cast<int>(std::min<double>(ideal, kMostCells)), 1, std::min(own.width, most / height));
      const double loss = 2 * std::abs(std::log(height / (width * aspect))) - std::log(static_cast<double>(height) * width / most);
      if (loss >= best_loss) continue;
      best_loss = loss;
      best = {height, width};
    }
  }
  return {best.height * side, best.width * side};
}

}  // namespace sinew
