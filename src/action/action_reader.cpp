// SPDX-License-Identifier: Apache-2.0
#include "sinew/action/action_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sinew/action/canonical.hpp"
#include "sinew/core/error.hpp"

namespace sinew {

namespace {

constexpr const char* kActions = "actions";
constexpr const char* kIds = "action_ids";

const PolicyCard& checked(const PolicyCard& card, DecoderKind kind, const std::string& where) {
  validate(card, where);
  if (card.action.decoder != kind)
    fail(ErrorCode::invalid_argument, {where, "/action/decoder", std::string(to_string(kind)), std::string(to_string(card.action.decoder)),
                                       "make_decoder picks by the card"});
  return card;
}

/// Refuses parts that are not what their slots hold: joint angles read as a pose have the right number of columns too.
void check_slots(const ActionCard& action) {
  std::size_t slot = 0;
  int left = 0;
  for (const auto& part : action.parts) {
    for (int size = part_size(part); size > 0;) {
      if (left == 0) left = action.layout->slots[slot++].size;
      const std::string& name = action.layout->slots[slot - 1].part;
      const bool fits = part.unused || (name.ends_with("_tool")      ? part.tool.has_value() && left == size
                                        : name.ends_with("_gripper") ? part.gripper.has_value()
                                                                     : name != "base" && part.joints.has_value() && left >= size);
      if (!fits)
        fail(ErrorCode::invalid_argument, {"ActionReader /action/parts", fmt::format("part '{}'", part.name),
                                           fmt::format("what slot '{}' holds, or columns that are unused", name),
                                           "another kind, or another size", "parts follow the order of the slots"});
      const int taken = std::min(size, left);
      size -= taken;
      left -= taken;
    }
  }
}

/// The column of the tensor for each column of a row; empty when they are the same.
std::vector<std::size_t> layout_columns(const ActionCard& action) {
  std::vector<std::size_t> columns;
  if (!action.layout) return columns;
  if (action.layout->name == "padded") {
    for (int i = 0; i < action.parts_size(); ++i) columns.push_back(static_cast<std::size_t>(i));
    return columns;
  }
  check_slots(action);
  std::vector<CanonicalSlot> slots;
  for (const auto& slot : action.layout->slots) slots.push_back({canonical_part(slot.part), static_cast<std::size_t>(slot.size)});
  const CanonicalLayout layout(std::move(slots));
  if (action.layout->width != static_cast<int>(kCanonicalDim))
    fail(ErrorCode::invalid_argument,
         {"ActionReader", "/action/layout/width", "80 for 'canonical'", std::to_string(action.layout->width), ""});
  for (const auto& [part, size] : layout.slots())
    for (std::size_t i = 0; i < size; ++i) columns.push_back(canonical_range(part).first + i);
  return columns;
}

/// The normaliser of a row: of its parts side by side when one has its own, else of the whole tensor.
Normalizer action_normalizer(const ActionCard& action, bool per_part, const Statistics& statistics, const std::string& where) {
  const auto check = [&](const Normalizer& normalizer, NormalizationMode mode, const std::string& at) {
    if (!normalizer.has_inverse()) fail(ErrorCode::unsupported, {at, "mode", "one with an inverse", to_string(mode), ""});
    if (normalizer.steps() > 1 && static_cast<std::size_t>(action.horizon) > normalizer.steps())
      fail(ErrorCode::invalid_argument,
           {at, "horizon", fmt::format("at most {}, as the statistics", normalizer.steps()), std::to_string(action.horizon), ""});
    return normalizer;
  };
  if (!per_part)
    return check(
        make_normalizer(action.normalization, statistics, static_cast<std::size_t>(action.size()), where + " /action/normalization"),
        action.normalization.mode, where + " /action/normalization");
  std::vector<Normalizer> parts;
  for (std::size_t i = 0; i < action.parts.size(); ++i) {
    const std::string at = fmt::format("{} /action/parts/{}/normalization", where, i);
    const PartNormalizationCard own = action.parts[i].normalization.value_or(PartNormalizationCard{});
    parts.push_back(check(make_part_normalizer(own, statistics, static_cast<std::size_t>(part_size(action.parts[i])), at), own.mode, at));
  }
  return Normalizer::join(parts);
}

bool has_own_normalization(const ActionCard& action) {
  return std::ranges::any_of(action.parts, [](const ActionPartCard& part) { return part.normalization.has_value(); });
}

}  // namespace

TensorSpecs action_specs(const ActionCard& action) {
  if (action.tokens) return {{kIds, DType::i64, {action.tokens->max_tokens}}};
  return {{kActions, DType::f32, {action.layout ? action.layout->rows : action.horizon, action.size()}}};
}

ActionReader::ActionReader(const PolicyCard& card, const Statistics& statistics, DecoderKind kind, const std::string& where,
                           ActionTokens tokens)
    : specs_(action_specs(checked(card, kind, where).action)),
      horizon_(card.action.horizon),
      dim_(kind == DecoderKind::parts ? card.action.parts_size() : card.action.size()),
      dt_(from_seconds(1.0 / card.action.rate)),
      joint_order_hash_(hash_joint_order(card.action.joint_names)),
      width_(static_cast<std::size_t>(card.action.size())),
      columns_(layout_columns(card.action)),
      normalizer_(action_normalizer(card.action, has_own_normalization(card.action), statistics, where)),
      per_part_(has_own_normalization(card.action)),
      tokens_(std::move(tokens)),
      values_(static_cast<std::size_t>(horizon_) * static_cast<std::size_t>(dim_)) {
  const auto rows = static_cast<std::size_t>(horizon_);
  if (card.action.tokens) {
    if (!tokens_)
      fail(ErrorCode::invalid_argument,
           {where + " /action/tokens", "its tokenizer", "it to be passed", "none", "pass ActionTokens(directory, card)"});
    decoded_.resize(rows * width_);
  }
  if (columns_.empty()) return;
  tensor_.resize(per_part_ ? 0 : rows * width_);
  gathered_.resize(per_part_ ? values_.size() : 0);
}

Status ActionReader::find_numbers(const TensorMap& in, std::span<const float>& numbers, FixedText& error) noexcept {
  const TensorSpec& spec = specs_.front();
  const Tensor* tensor = in.find(spec.name);
  if (tensor == nullptr || !*tensor) {
    error.format("tensor '{}' is missing", spec.name);
    return Status::missing;
  }
  const bool ids = !decoded_.empty();
  if (tensor->dtype() != spec.dtype || (ids ? tensor->shape().rank() != 1 : tensor->shape() != spec.capacity)) {
    if (ids) error.format("tensor '{}': expected i64 [up to {}]", spec.name, spec.capacity[0]);
    if (!ids) error.format("tensor '{}': expected f32 [{}, {}]", spec.name, spec.capacity[0], spec.capacity[1]);
    return Status::bad_shape;
  }
  if (!ids) {
    numbers = tensor->as<float>().first(static_cast<std::size_t>(horizon_) * width_);
    return Status::ok;
  }
  const Status status = tokens_.decode(tensor->as<std::int64_t>(), horizon_, static_cast<int>(width_), decoded_, error);
  numbers = decoded_;
  return status;
}

Status ActionReader::map_back(std::span<const float> numbers) noexcept {
  if (columns_.empty()) return normalizer_.inverse(numbers, values_);
  const auto gather = [this](const auto& from, auto& to) {
    const auto dim = static_cast<std::size_t>(dim_);
    for (std::size_t i = 0; i < to.size() / dim; ++i)
      for (std::size_t j = 0; j < dim; ++j) to[i * dim + j] = from[i * width_ + columns_[j]];
  };
  if (per_part_) {
    gather(numbers, gathered_);
    return normalizer_.inverse(gathered_, values_);
  }
  if (const Status status = normalizer_.inverse(numbers, tensor_); status != Status::ok) return status;
  gather(tensor_, values_);
  return Status::ok;
}

Status ActionReader::read(const TensorMap& in, FixedText& error) noexcept {
  error.clear();
  std::span<const float> numbers;
  if (const Status status = find_numbers(in, numbers, error); status != Status::ok) return status;
  const Status status = map_back(numbers);
  if (status != Status::ok) error.format("tensor '{}': {}", specs_.front().name, to_string(status));
  return status;
}

std::span<const double> ActionReader::row(int i) const noexcept {
  const auto dim = static_cast<std::size_t>(dim_);
  return {values_.data() + static_cast<std::size_t>(i) * dim, dim};
}

Status ActionReader::start(ActionChunk& chunk, ActionSpace space, int columns, const Observation& observation) const noexcept {
  try {
    chunk.resize(horizon_, columns);
  } catch (const std::exception&) {
    return Status::over_capacity;
  }
  chunk.space = space;
  chunk.t0 = observation.time;
  chunk.dt = dt_;
  chunk.observation_id = observation.id;
  chunk.joint_order_hash = joint_order_hash_;
  return Status::ok;
}

}  // namespace sinew
