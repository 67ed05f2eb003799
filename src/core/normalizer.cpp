// SPDX-License-Identifier: Apache-2.0
#include "sinew/core/normalizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <type_traits>
#include <vector>

#include "kernels/kernels.hpp"
#include "normalizer_rules.hpp"
#include "sinew/core/error.hpp"

namespace sinew {
namespace detail {

/// The cells of one direction, repeated so that a vector may begin at any place.
struct NormalizerTables {
  template <class T>
  struct alignas(64) Line {
    T values[64 / sizeof(T)];
  };
  std::vector<NormalizerCell> cells;
  std::vector<Line<double>> doubles;  // offset, factor, shift
  std::vector<Line<float>> singles;   // offset_high, offset_low, factor, shift, low, high
  std::vector<std::size_t> binary;    // places
  AffineMap map{};
  bool in_singles = true;  // the coefficients fit single precision
};

namespace {

/// Whole vectors where that stays small, so that no load of coefficients crosses a cache line.
std::size_t period_of(std::size_t cells) {
  constexpr std::size_t kSmall = 1024;
  const std::size_t aligned = std::lcm(cells, kMaxLanes);
  return aligned <= kSmall ? aligned : cells * ((kMaxLanes + cells - 1) / cells);
}

std::shared_ptr<const NormalizerTables> make_tables(const std::vector<NormalizerCell>& cells, bool clips_input, bool round_in) {
  auto tables = std::make_shared<NormalizerTables>();
  tables->cells = cells;
  const std::size_t period = period_of(cells.size());
  const std::size_t length = (period + 2 * kMaxLanes - 1) / kMaxLanes * kMaxLanes;
  tables->doubles.resize(3 * length / (64 / sizeof(double)));
  tables->singles.resize(6 * length / (64 / sizeof(float)));
  double* const doubles = tables->doubles.front().values;
  float* const singles = tables->singles.front().values;
  bool clips = false;
  for (std::size_t i = 0; i < length; ++i) {
    const NormalizerCell& cell = cells[i % cells.size()];
    const auto high = static_cast<float>(cell.offset);
    const std::array values{cell.offset, cell.factor, cell.shift};
    const std::array numbers{high,
                             static_cast<float>(cell.offset - static_cast<double>(high)),
                             static_cast<float>(cell.factor),
                             static_cast<float>(cell.shift),
                             cell.low,
                             cell.high};
    for (std::size_t k = 0; k < values.size(); ++k) doubles[k * length + i] = values[k];
    for (std::size_t k = 0; k < numbers.size(); ++k) singles[k * length + i] = numbers[k];
    for (std::size_t k = 0; k < 4; ++k) tables->in_singles = tables->in_singles && std::isfinite(numbers[k]);
    clips = clips || std::isfinite(cell.low);
  }
  for (std::size_t i = 0; i < cells.size(); ++i)
    if (cells[i].binary) tables->binary.push_back(i);
  tables->map = {.period = period,
                 .start = 0,
                 .offset = doubles,
                 .factor = doubles + length,
                 .shift = doubles + 2 * length,
                 .offset_high = singles,
                 .offset_low = singles + length,
                 .factor_single = singles + 2 * length,
                 .shift_single = singles + 3 * length,
                 .low = singles + 4 * length,
                 .high = singles + 5 * length,
                 .clip_in = clips && clips_input,
                 .clip_out = clips && !clips_input,
                 .round_in = round_in};
  return tables;
}

template <class Value>
Value clipped(Value value, const NormalizerCell& cell) noexcept {
  return value < static_cast<Value>(cell.low)    ? static_cast<Value>(cell.low)
         : value > static_cast<Value>(cell.high) ? static_cast<Value>(cell.high)
                                                 : value;
}

/// What the kernels do, value by value and in double precision: says what is wrong, and lets pass what a clip brings back into range.
template <class In, class Out>
Status map_exactly(const NormalizerTables& tables, std::size_t start, std::span<const In> in, Out* out) noexcept {
  for (std::size_t i = 0; i < in.size(); ++i) {
    const NormalizerCell& cell = tables.cells[(start + i) % tables.cells.size()];
    if (!std::isfinite(in[i])) return Status::not_finite;
    auto value = tables.map.round_in ? static_cast<double>(static_cast<float>(in[i])) : static_cast<double>(in[i]);
    if (tables.map.clip_in) value = clipped(value, cell);
    value = cell.factor == 0 ? cell.shift : (value - cell.offset) * cell.factor + cell.shift;
    if (tables.map.clip_out) value = clipped(value, cell);
    if (!(std::abs(value) <= static_cast<double>(std::numeric_limits<Out>::max()))) return Status::out_of_range;
    out[i] = static_cast<Out>(value);
  }
  return Status::ok;
}

template <class Out>
void map_binary(const NormalizerTables& tables, std::span<Out> out) noexcept {
  for (const std::size_t place : tables.binary)
    for (std::size_t i = place; i < out.size(); i += tables.cells.size())
      out[i] = out[i] > static_cast<Out>(tables.cells[place].threshold) ? Out{1} : Out{0};
}

bool run_kernel(const AffineMap& map, const double* in, std::size_t count, float* out) {
  return core_kernels().affine_narrow(map, in, count, out);
}
bool run_kernel(const AffineMap& map, const float* in, std::size_t count, double* out) {
  return core_kernels().affine_widen(map, in, count, out);
}

template <class In, class Out>
Status map_values(const NormalizerTables& tables, std::span<const In> in, std::span<Out> out) noexcept {
  if (!run_kernel(tables.map, in.data(), in.size(), out.data())) {
    const Status status = map_exactly(tables, 0, in, out.data());
    if (status != Status::ok) return status;
  }
  map_binary(tables, out);
  return Status::ok;
}

/// Block by block: a block that has to be done again is kept, for `in` may be `out`.
Status map_singles(const NormalizerTables& tables, std::span<const float> in, std::span<float> out) noexcept {
  const bool in_place = in.data() == out.data();
  std::array<float, 512> kept;
  AffineMap map = tables.map;
  const std::size_t block = in_place ? kept.size() : in.size();
  for (std::size_t i = 0; i < in.size(); i += block) {
    const std::span<const float> given = in.subspan(i, std::min(block, in.size() - i));
    const float* from = given.data();
    if (in_place) from = std::copy(given.begin(), given.end(), kept.begin()) - given.size();
    map.start = i % map.period;
    if (tables.in_singles && core_kernels().affine_single(map, from, given.size(), out.data() + i)) continue;
    const Status status = map_exactly(tables, map.start, std::span(from, given.size()), out.data() + i);
    if (status != Status::ok) return status;
  }
  map_binary(tables, out);
  return Status::ok;
}

}  // namespace
}  // namespace detail

Normalizer Normalizer::identity(std::size_t dim) {
  Normalizer normalizer;
  normalizer.dim_ = dim;
  const Cells cells(dim);
  normalizer.finish(cells, cells);
  return normalizer;
}

Normalizer::Normalizer(const VectorStatistics& statistics, const NormalizerOptions& options) : dim_(options.dim) {
  if (options.mode == NormalizationMode::identity) {
    *this = identity(options.dim);
    return;
  }
  const auto& formula = detail::normalization_formula(options.mode, options.rule);
  const auto cells = detail::make_cells(formula, statistics, options);
  waves_ = options.mode == NormalizationMode::sin_cos;
  precision_ = formula.single ? detail::Precision::single : detail::Precision::twofold;
  steps_ = dim_ == 0 ? 1 : std::max(cells.forward.size(), cells.inverse.size()) / dim_;
  finish(cells.forward, cells.inverse);
}

void Normalizer::finish(const Cells& forward, const Cells& inverse) {
  has_forward_ = !forward.empty() || dim_ == 0;
  has_inverse_ = !inverse.empty() || dim_ == 0;
  if (!forward.empty()) forward_ = detail::make_tables(forward, false, precision_ == detail::Precision::single);
  if (!inverse.empty()) inverse_ = detail::make_tables(inverse, true, false);
}

Normalizer Normalizer::join(std::span<const Normalizer> parts) {
  constexpr const char* kWhere = "Normalizer::join";
  if (parts.empty()) fail(ErrorCode::invalid_argument, {kWhere, "parts", "at least one", "none", ""});
  Normalizer joined;
  for (const Normalizer& part : parts) {
    joined.dim_ += part.dim_;
    joined.steps_ = std::max(joined.steps_, part.steps_);
    joined.precision_ = std::max(joined.precision_, part.precision_);
  }
  Cells forward, inverse;
  for (std::size_t step = 0; step < joined.steps_; ++step) {
    for (const Normalizer& part : parts) {
      if (part.waves_) fail(ErrorCode::unsupported, {kWhere, "parts", "modes that keep the number of columns", "sin_cos", ""});
      if (part.precision_ != detail::Precision::any && part.precision_ != joined.precision_)
        fail(ErrorCode::unsupported, {kWhere, "parts", "rules of one precision", "single and double precision", "join parts of one rule"});
      if (part.steps_ != 1 && part.steps_ != joined.steps_)
        fail(ErrorCode::invalid_argument, {kWhere, "parts", fmt::format("1 or {} steps", joined.steps_), std::to_string(part.steps_), ""});
      const auto append = [&](Cells& to, const auto& tables) {
        if (tables == nullptr) return;
        const auto first = tables->cells.begin() + static_cast<std::ptrdiff_t>((part.steps_ == 1 ? 0 : step) * part.dim_);
        to.insert(to.end(), first, first + static_cast<std::ptrdiff_t>(part.dim_));
      };
      append(forward, part.forward_);
      append(inverse, part.inverse_);
    }
  }
  if (forward.size() != joined.dim_ * joined.steps_) forward.clear();
  if (inverse.size() != joined.dim_ * joined.steps_) inverse.clear();
  joined.finish(forward, inverse);
  return joined;
}

bool Normalizer::fits(std::size_t count) const noexcept {
  if (dim_ == 0 || count % dim_ != 0) return false;
  const std::size_t rows = count / dim_;
  return rows <= steps_ || rows % steps_ == 0;
}

template <class In>
Status Normalizer::waves(std::span<const In> x, std::span<float> y) const noexcept {
  if (!fits(x.size()) || x.size() > y.size() || y.size() - x.size() != x.size()) return Status::bad_shape;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i])) return Status::not_finite;
    const std::size_t at = i / dim_ * 2 * dim_ + i % dim_;
    const auto angle = static_cast<double>(static_cast<float>(x[i]));
    y[at] = static_cast<float>(std::sin(angle));
    y[at + dim_] = static_cast<float>(std::cos(angle));
  }
  return Status::ok;
}

Status Normalizer::forward(std::span<const double> x, std::span<float> y) const noexcept {
  if (waves_) return waves(x, y);
  if (x.size() != y.size() || !fits(x.size())) return Status::bad_shape;
  return forward_ == nullptr ? Status::missing : detail::map_values(*forward_, x, y);
}

Status Normalizer::inverse(std::span<const float> y, std::span<double> x) const noexcept {
  if (x.size() != y.size() || !fits(x.size())) return Status::bad_shape;
  return inverse_ == nullptr ? Status::missing : detail::map_values(*inverse_, y, x);
}

Status Normalizer::forward(std::span<const float> x, std::span<float> y) const noexcept {
  if (waves_) return waves(x, y);
  if (x.size() != y.size() || !fits(x.size())) return Status::bad_shape;
  return forward_ == nullptr ? Status::missing : detail::map_singles(*forward_, x, y);
}

Status Normalizer::inverse(std::span<const float> y, std::span<float> x) const noexcept {
  if (x.size() != y.size() || !fits(x.size())) return Status::bad_shape;
  return inverse_ == nullptr ? Status::missing : detail::map_singles(*inverse_, y, x);
}

Normalizer make_normalizer(const NormalizationCard& card, const Statistics& statistics, std::size_t dim, const std::string& where) {
  if (card.mode == NormalizationMode::identity) return Normalizer::identity(dim);
  const auto found = statistics.find(card.key);
  if (found == statistics.end()) {
    std::vector<std::string_view> keys;
    for (const auto& [key, unused] : statistics) keys.push_back(key);
    const auto near = nearest_name(card.key, keys);
    fail(ErrorCode::not_found,
         {where, fmt::format("statistics key '{}'", card.key), keys.empty() ? "statistics" : "one of " + join_names(keys), "no such key",
          near.empty() ? "" : fmt::format("did you mean '{}'?", near)});
  }
  return Normalizer(found->second, card.mode, card.rule, dim);
}

}  // namespace sinew
