// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/frame_budget.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

namespace {

using sinew::BudgetMode;
using sinew::FrameBudget;
using sinew::FrameBudgetOptions;
using sinew::Status;
using sinew::Time;
using sinew::testing::Random;

constexpr std::size_t kProtocols = 100000;

struct Case {
  FrameBudgetOptions options;
  std::vector<Time> stamps;
};

/// A protocol as training draws them, or one with tight bounds, simple weights or equal stamps, where ties are common.
Case random_case(Random& random) {
  Case made;
  auto& o = made.options;
  const bool published = random.below(3) == 0;
  const std::size_t cameras = 1 + random.below(5);
  const std::size_t times = 1 + random.below(16);
  o.min_tokens = static_cast<int>(1 + random.below(8));
  o.max_tokens = published ? static_cast<int>(128 + random.below(129)) : o.min_tokens + static_cast<int>(random.below(40));
  o.budget = published ? static_cast<int>(2048 + random.below(2049)) : o.min_tokens + static_cast<int>(random.below(times * cameras * 24));
  o.gamma = published ? random.uniform(1, 3) : static_cast<double>(random.below(5)) * (random.below(4) == 0 ? 5 : 1);
  for (std::size_t c = 0; c < cameras; ++c)
    o.weights.push_back(published ? random.uniform(0.1, 4) : std::ldexp(1.0, static_cast<int>(random.below(4)) - 1));
  o.mode = random.below(2) == 0 ? BudgetMode::latest : BudgetMode::random;
  o.seed = random.bits();
  Time now{static_cast<Time::rep>(random.below(1000000))};
  for (std::size_t t = 0; t < times; ++t) made.stamps.push_back(now += Time(random.below(3) == 0 ? 0 : 1000 * random.below(500)));
  return made;
}

struct Cell {
  std::size_t time, camera;
  std::uint64_t units = 0;
  int tokens = 0;
};

/// The cells that `latest` keeps, by sorting all of them.
std::vector<Cell> latest_cells(const Case& made) {
  std::vector<Cell> cells;
  const auto& weights = made.options.weights;
  for (std::size_t t = 0; t < made.stamps.size(); ++t)
    for (std::size_t c = 0; c < weights.size(); ++c) cells.push_back({t, c});
  std::ranges::sort(
      cells, {}, [&](const Cell& cell) { return std::tuple(-static_cast<std::ptrdiff_t>(cell.time), -weights[cell.camera], cell.camera); });
  cells.resize(std::min(cells.size(), static_cast<std::size_t>(made.options.budget / made.options.min_tokens)));
  return cells;
}

/// The rule as the report states it, round by round, in fractions: share, take back what exceeds, share again.
void share(const Case& made, std::vector<Cell>& cells) {
  const auto& o = made.options;
  const auto [first, last] = std::ranges::minmax(cells, {}, &Cell::time);
  const auto oldest = static_cast<long double>(made.stamps[first.time].count());
  const auto newest = static_cast<long double>(made.stamps[last.time].count());
  std::vector<long double> weights;
  for (const Cell& cell : cells) {
    const long double age = newest > oldest ? (static_cast<long double>(made.stamps[cell.time].count()) - newest) / (newest - oldest) : -1;
    weights.push_back(std::exp(o.gamma * age) * o.weights[cell.camera]);
  }
  const long double largest = *std::ranges::max_element(weights);
  for (std::size_t i = 0; i < cells.size(); ++i)
    cells[i].units = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::round(weights[i] / largest * (1 << 30))));

  const auto room = static_cast<std::uint64_t>(o.max_tokens - o.min_tokens);
  std::uint64_t rest = static_cast<std::uint64_t>(o.budget) - cells.size() * static_cast<std::uint64_t>(o.min_tokens);
  std::vector<Cell*> open;
  for (Cell& cell : cells) cell.tokens = o.min_tokens, open.push_back(&cell);
  std::uint64_t total = 0;
  while (!open.empty()) {
    total = 0;
    for (const Cell* cell : open) total += cell->units;
    const auto exceeds = [&](const Cell* cell) { return rest * cell->units > room * total; };
    std::vector<Cell*> kept;
    std::uint64_t taken = 0;
    for (Cell* cell : open) {
      if (exceeds(cell)) {
        cell->tokens = o.max_tokens;
        taken += room;
      } else {
        kept.push_back(cell);
      }
    }
    if (kept.size() == open.size()) break;
    open = kept;
    rest -= taken;
  }
  if (open.empty()) return;
  std::uint64_t left = rest;
  for (Cell* cell : open) {
    const auto whole = rest * cell->units / total;
    cell->tokens += static_cast<int>(whole);
    left -= whole;
  }
  std::ranges::sort(open, [&](const Cell* a, const Cell* b) {
    const auto key = [&](const Cell* cell) {
      return std::tuple(-static_cast<std::int64_t>(rest * cell->units % total), -static_cast<std::ptrdiff_t>(cell->time),
                        -o.weights[cell->camera], cell->camera);
    };
    return key(a) < key(b);
  });
  for (std::size_t i = 0; i < left; ++i) ++open.at(i)->tokens;
}

std::vector<int> allocate(const Case& made, std::uint64_t draw = 0) {
  FrameBudget budget(made.options);
  std::vector<int> tokens(made.stamps.size() * budget.cameras(), -1);
  REQUIRE(budget.allocate(made.stamps, tokens, draw) == Status::ok);
  return tokens;
}

std::vector<int> brute_force(const Case& made, const std::vector<int>& tokens) {
  const std::size_t cameras = made.options.weights.size();
  std::vector<Cell> cells;
  if (made.options.mode == BudgetMode::latest) {
    cells = latest_cells(made);
  } else {
    for (std::size_t i = 0; i < tokens.size(); ++i)
      if (tokens[i] > 0) cells.push_back({i / cameras, i % cameras});
  }
  share(made, cells);
  std::vector<int> expected(tokens.size(), 0);
  for (const Cell& cell : cells) expected[cell.time * cameras + cell.camera] = cell.tokens;
  return expected;
}

/// The first law that is broken, or nothing.
std::string broken_law(const Case& made, const std::vector<int>& tokens) {
  const auto& o = made.options;
  const std::size_t cameras = o.weights.size();
  const auto kept = static_cast<std::size_t>(std::ranges::count_if(tokens, [](int n) { return n > 0; }));
  if (kept != std::min(tokens.size(), static_cast<std::size_t>(o.budget / o.min_tokens))) return "as many cells are kept as fit";
  const long long sum = std::accumulate(tokens.begin(), tokens.end(), 0LL);
  if (sum != std::min<long long>(o.budget, static_cast<long long>(kept) * o.max_tokens)) return "the budget is used to the last token";
  for (const int n : tokens)
    if (n != 0 && (n < o.min_tokens || n > o.max_tokens)) return "bounds hold";
  for (std::size_t c = 0; c < cameras; ++c) {
    int older = 0;
    for (std::size_t t = 0; t < made.stamps.size(); ++t) {
      const int n = tokens[t * cameras + c];
      if (n == 0 && (o.mode == BudgetMode::random || older == 0)) continue;
      if (n < older) return "a newer frame of a camera has no fewer tokens";
      older = n;
    }
  }
  for (std::size_t t = 0; t < made.stamps.size(); ++t)
    for (std::size_t a = 0; a < cameras; ++a)
      for (std::size_t b = 0; b < cameras; ++b) {
        const int less = tokens[t * cameras + a];
        const int more = tokens[t * cameras + b];
        if (o.weights[a] < o.weights[b] && less > more && more > 0) return "a heavier camera has no fewer tokens";
      }
  const auto newest = std::ranges::count(tokens.end() - static_cast<std::ptrdiff_t>(cameras), tokens.end(), 0);
  if (newest > 0 && kept >= cameras) return "the newest time is kept";
  return {};
}

}  // namespace

TEST_CASE("frame_budget: laws hold, and tokens equal those of a literal round by round version, on random protocols") {
  Random random(60);
  std::size_t full = 0, dropped = 0, partly = 0;
  for (std::size_t i = 0; i < kProtocols; ++i) {
    const Case made = random_case(random);
    const auto tokens = allocate(made);
    const std::string law = broken_law(made, tokens);
    const auto expected = brute_force(made, tokens);
    if (law.empty() && tokens == expected) {
      dropped += std::ranges::count(tokens, 0) > 0 ? 1 : 0;
      const auto at_most = std::ranges::count(tokens, made.options.max_tokens);
      full += at_most == static_cast<std::ptrdiff_t>(tokens.size()) ? 1 : 0;
      partly += at_most > 0 && at_most < static_cast<std::ptrdiff_t>(tokens.size()) ? 1 : 0;
      continue;
    }
    FAIL(fmt::format("protocol {}: {} tokens [{}], expected [{}], budget {} gamma {} bounds {} {} weights [{}] {}", i, law,
                     fmt::join(tokens, " "), fmt::join(expected, " "), made.options.budget, made.options.gamma, made.options.min_tokens,
                     made.options.max_tokens, fmt::join(made.options.weights, " "), to_string(made.options.mode)));
  }
  MESSAGE(kProtocols << " protocols: cells dropped in " << dropped << ", some full in " << partly << ", all full in " << full);
  CHECK(dropped * 20 > kProtocols);
  CHECK(partly * 20 > kProtocols);
  CHECK(full * 100 > kProtocols);
}

TEST_CASE("frame_budget: permuting cameras of different weights permutes the tokens") {
  Random random(61);
  for (int i = 0; i < 20000; ++i) {
    Case made = random_case(random);
    auto& weights = made.options.weights;
    if (std::set<double>(weights.begin(), weights.end()).size() != weights.size()) continue;
    const auto tokens = allocate(made);
    std::vector<std::size_t> order(weights.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t k = order.size(); k > 1; --k) std::swap(order[k - 1], order[random.below(k)]);
    Case permuted = made;
    for (std::size_t c = 0; c < order.size(); ++c) permuted.options.weights[c] = weights[order[c]];
    const auto moved = allocate(permuted);
    for (std::size_t cell = 0; cell < tokens.size(); ++cell)
      REQUIRE(moved[cell] == tokens[cell / order.size() * order.size() + order[cell % order.size()]]);
  }
}

TEST_CASE("frame_budget: the published example") {
  // Front 2, right 1, back 0.5, left 1 at gamma 2 and B 3072: proportional, for the bounds do not bind.
  Case made;
  made.options = {.budget = 3072, .gamma = 2, .weights = {2, 1, 0.5, 1}, .min_tokens = 4, .max_tokens = 3000};
  made.stamps = {Time(0), Time(1), Time(2)};
  const auto tokens = allocate(made);
  const double rest = 3072 - 12 * 4;
  const double total = 4.5 * (1 + std::exp(1) + std::exp(2));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const double share = rest * made.options.weights[i % 4] * std::exp(static_cast<double>(i / 4)) / total;
    CHECK(std::abs(tokens[i] - 4 - share) < 1);
  }
}

TEST_CASE("frame_budget: random covers the history evenly, always with the newest time, and can be repeated") {
  Case made;
  made.options = {.budget = 8, .gamma = 0, .weights = {1, 2}, .mode = BudgetMode::random, .min_tokens = 1, .max_tokens = 1, .seed = 7};
  for (int t = 0; t < 13; ++t) made.stamps.emplace_back(t);
  std::vector<int> drawn(26, 0);
  constexpr int kDraws = 20000;
  for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
    const auto tokens = allocate(made, draw);
    for (std::size_t i = 0; i < tokens.size(); ++i) drawn[i] += tokens[i];
  }
  CHECK(drawn[24] == kDraws);
  CHECK(drawn[25] == kDraws);
  for (std::size_t i = 0; i < 24; ++i) CHECK(std::abs(drawn[i] - kDraws / 4) < 400);  // 6.5 standard deviations
  CHECK(allocate(made, 5) == allocate(made, 5));
  CHECK(allocate(made, 5) != allocate(made, 6));
}

TEST_CASE("frame_budget: impossible protocols are refused by name") {
  const FrameBudgetOptions good = {.budget = 100, .gamma = 2, .weights = {1, 2}, .min_tokens = 4, .max_tokens = 64};
  const auto refused = [&](auto change, const char* part) {
    FrameBudgetOptions options = good;
    change(options);
    CHECK_THROWS_WITH_AS(FrameBudget{options}, doctest::Contains(part), sinew::Error);
  };
  refused([](auto& o) { o.weights.clear(); }, "cameras");
  refused([](auto& o) { o.weights[1] = 0; }, "weights");
  refused([](auto& o) { o.weights[1] = std::nan(""); }, "weights");
  refused([](auto& o) { o.gamma = -1; }, "gamma");
  refused([](auto& o) { o.gamma = std::nan(""); }, "gamma");
  refused([](auto& o) { o.min_tokens = 0; }, "b_min");
  refused([](auto& o) { o.max_tokens = 3; }, "b_max");
  refused([](auto& o) { o.budget = 3; }, "budget");
  refused([](auto& o) { o.budget = FrameBudget::kMaxBudget + 1; }, "budget");
  CHECK_THROWS_WITH_AS(static_cast<void>(sinew::budget_mode_from_string("lates")), doctest::Contains("'latest'"), sinew::Error);

  FrameBudget budget(good);
  std::vector<int> tokens(4);
  CHECK(budget.allocate(std::array{Time(0), Time(1), Time(2)}, tokens) == Status::bad_shape);
  CHECK(budget.allocate(std::array{Time(1), Time(0)}, tokens) == Status::out_of_range);
  CHECK(budget.allocate({}, {}) == Status::ok);
  CHECK(budget.allocate(std::array{Time::min(), Time::max()}, tokens) == Status::ok);
  std::vector<int> many(2 * FrameBudget::kMaxCells);
  CHECK(budget.allocate(std::vector<Time>(FrameBudget::kMaxCells), many) == Status::over_capacity);
}

TEST_CASE("frame_budget: the largest protocols stay inside their integers") {
  std::vector<Time> stamps(FrameBudget::kMaxCells / 2);
  for (std::size_t i = 0; i < stamps.size(); ++i) stamps[i] = Time(static_cast<Time::rep>(i));
  std::vector<int> tokens(FrameBudget::kMaxCells);
  for (const double gamma : {0.0, 20.0})
    for (const double weight : {1.0, 1e300})
      for (const int most : {256, FrameBudget::kMaxTokens}) {
        FrameBudget budget(
            {.budget = FrameBudget::kMaxBudget, .gamma = gamma, .weights = {weight, 1}, .min_tokens = 1, .max_tokens = most});
        REQUIRE(budget.allocate(stamps, tokens) == Status::ok);
        CHECK(std::accumulate(tokens.begin(), tokens.end(), 0LL) == FrameBudget::kMaxBudget);
        CHECK(std::ranges::max(tokens) <= most);
        CHECK(std::ranges::min(tokens) >= 1);
      }
}

TEST_CASE("frame_budget: allocates nothing after the first call of a shape") {
  REQUIRE(sinew::testing::counting_works());
  FrameBudget budget({.budget = 200, .gamma = 2, .weights = {2, 1}, .mode = BudgetMode::random, .min_tokens = 4, .max_tokens = 64});
  const std::array stamps = {Time(0), Time(1), Time(5)};
  std::array<int, 6> tokens{};
  REQUIRE(budget.allocate(stamps, tokens) == Status::ok);
  const sinew::testing::HeapCallCounter heap;
  for (std::uint64_t draw = 0; draw < 50; ++draw) CHECK(budget.allocate(stamps, tokens, draw) == Status::ok);
  CHECK(heap.count() == 0);
}

TEST_CASE("frame_budget: an image's size for its tokens is the best of all grids") {
  Random random(62);
  const auto loss = [](double height, double width, double aspect, double most) {
    return 2 * std::abs(std::log(height / width / aspect)) + std::log(most / (height * width));
  };
  for (int i = 0; i < 3000; ++i) {
    const sinew::ImageSize image{static_cast<int>(1 + random.below(800)), static_cast<int>(1 + random.below(800))};
    const int tokens = static_cast<int>(1 + random.below(256));
    const int side = random.below(2) == 0 ? 28 : 32;
    const auto size = size_for_tokens(image, tokens, side);
    REQUIRE(size.height % side == 0);
    REQUIRE(size.width % side == 0);
    const int rows = std::max(1, static_cast<int>(std::round(image.height / static_cast<double>(side))));
    const int columns = std::max(1, static_cast<int>(std::round(image.width / static_cast<double>(side))));
    const int height = size.height / side;
    const int width = size.width / side;
    REQUIRE((height >= 1 && height <= rows && width >= 1 && width <= columns && height * width <= tokens));
    if (rows * columns <= tokens) {
      REQUIRE((height == rows && width == columns));
      continue;
    }
    const double aspect = static_cast<double>(image.height) / image.width;
    double best = 1e9;
    for (int h = 1; h <= rows; ++h)
      for (int w = 1; w <= columns; ++w)
        if (h * w <= tokens) best = std::min(best, loss(h, w, aspect, tokens));
    REQUIRE(loss(height, width, aspect, tokens) <= best + 1e-9);
  }
  CHECK(sinew::size_for_tokens({480, 640}, 48, 32) == sinew::ImageSize{192, 256});
  CHECK(sinew::size_for_tokens({480, 640}, 300, 32) == sinew::ImageSize{480, 640});
  CHECK(sinew::size_for_tokens({480, 640}, 1, 32) == sinew::ImageSize{32, 32});
}

TEST_CASE("frame_budget: the history hands its newest steps to the budget") {
  REQUIRE(sinew::testing::counting_works());
  sinew::FrameHistory<std::string> history(2, 3);
  FrameBudget budget({.budget = 12, .gamma = 2, .weights = {2, 1}, .min_tokens = 1, .max_tokens = 64});
  std::vector<int> tokens(6);
  const auto add = [&](int step) {
    const auto slots = history.push(Time(step));
    REQUIRE(slots.size() == 2);
    for (std::size_t c = 0; c < 2; ++c) slots[c].assign(fmt::format("{}-{}", step, c));
  };
  for (int step = 0; step < 5; ++step) add(step);
  CHECK(history.size() == 3);
  CHECK(std::ranges::equal(history.stamps(), std::array{Time(2), Time(3), Time(4)}));
  CHECK(history.at(0, 1) == "2-1");
  CHECK(history.at(2, 0) == "4-0");
  CHECK(history.push(Time(3)).empty());
  REQUIRE(budget.allocate(history.stamps(), tokens) == Status::ok);
  CHECK(std::accumulate(tokens.begin(), tokens.end(), 0) == 12);
  const sinew::testing::HeapCallCounter heap;
  static_cast<void>(history.push(Time(9)));
  CHECK(budget.allocate(history.stamps(), tokens) == Status::ok);
  CHECK(heap.count() == 0);
  history.clear();
  CHECK(history.stamps().empty());
}
