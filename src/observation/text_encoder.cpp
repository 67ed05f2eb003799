// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/text_encoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "prepare_tensor.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/position_ids.hpp"

namespace sinew {

namespace {

constexpr const char* kWhere = "TextEncoder";
constexpr const char* kPrompt = "prompt";
constexpr const char* kIds = "input_ids";
constexpr const char* kMask = "attention_mask";
constexpr const char* kPositions = "position_ids";
constexpr std::string_view kImageToken = "<|image_pad|>";

}  // namespace

TextEncoder::TextEncoder(const PromptCard& prompt, const std::optional<TextCard>& text, std::optional<Tokenizer> tokenizer, int merge)
    : prompt_(prompt), max_bytes_(prompt.max_bytes), text_(text), tokenizer_(std::move(tokenizer)), merge_(merge) {
  std::size_t fixed_bytes = 0;
  if (prompt_.render(PromptInput{}, {}, fixed_bytes) == Status::over_capacity && fixed_bytes > static_cast<std::size_t>(max_bytes_))
    fail(ErrorCode::invalid_argument,
         {kWhere, "/prompt/max_bytes", fmt::format("more than the {} bytes of the template", fixed_bytes), std::to_string(max_bytes_), ""});
  if (!text_) {
    specs_ = {{kPrompt, DType::u8, {max_bytes_}}};
    return;
  }
  if (!tokenizer_) fail(ErrorCode::not_found, {kWhere, "/text", "a tokenizer", "none", "the card asks for token ids"});
  if (prompt_.has_image_slots()) {
    const auto id = tokenizer_->id_of(kImageToken);
    if (!id)
      fail(ErrorCode::invalid_argument,
           {kWhere, "/text/tokenizer", fmt::format("a vocabulary with '{}'", kImageToken), "one without", "the prompt has image slots"});
    image_token_ = *id;
  }
  if (text_->padding != "none" && std::cmp_greater_equal(text_->pad_id, tokenizer_->vocab_size()))
    fail(ErrorCode::invalid_argument, {kWhere, "/text/pad_id", fmt::format("below the vocabulary's {} ids", tokenizer_->vocab_size()),
                                       std::to_string(text_->pad_id), ""});
  const std::int64_t most = text_->max_tokens;
  specs_ = {{kIds, DType::i64, {most}}, {kMask, DType::i64, {most}}};
  if (text_->positions) specs_.push_back({kPositions, DType::i64, {3, most}});
  bytes_.resize(static_cast<std::size_t>(max_bytes_));
  ids_.resize(static_cast<std::size_t>(most));
  expanded_.reserve(static_cast<std::size_t>(most));
}

Tensor* TextEncoder::prepare(TensorMap& out, std::string_view name, DType dtype, const Shape& shape, Status& status) noexcept {
  return detail::prepare_tensor(out, {name, dtype, shape}, status, error_);
}

Status TextEncoder::render(const PromptInput& input, std::span<char> out, std::size_t& size) noexcept {
  const Status status = prompt_.render(input, out, size);
  switch (status) {
    case Status::ok: break;
    case Status::over_capacity: error_.format("prompt of {} bytes exceeds the {} of the card", size, max_bytes_); break;
    case Status::missing: error_.format("prompt template needs a state, an image or a view tag that is not there"); break;
    case Status::not_finite: error_.format("prompt template writes the state, which has a value that is not finite"); break;
    default: error_.format("instruction does not fit the prompt template: not UTF-8, several lines, or \"<|\" inside a chat"); break;
  }
  return status;
}

Status TextEncoder::encode(const PromptInput& input, std::span<const PatchGrid> grids, TensorMap& out) noexcept {
  error_.clear();
  if (text_) {
    const Status status = tokenize(input, grids);
    return status == Status::ok ? write_tokens(grids, out) : status;
  }
  Status status = Status::ok;
  Tensor* tensor = prepare(out, kPrompt, DType::u8, {max_bytes_}, status);
  if (tensor == nullptr) return status;
  const auto bytes = tensor->as<std::uint8_t>();
  std::size_t size = 0;
  status = render(input, {reinterpret_cast<char*>(bytes.data()), bytes.size()}, size);
  return status == Status::ok ? tensor->set_shape({static_cast<std::int64_t>(size)}) : status;
}

/// The ids of the prompt into expanded_, whose capacity was reserved.
Status TextEncoder::tokenize(const PromptInput& input, std::span<const PatchGrid> grids) noexcept {
  std::size_t bytes = 0, count = 0;
  // The tokenizer would take such text for the control token that it spells.
  if (input.instruction.find("<|") != std::string_view::npos) {
    error_.format("instruction with \"<|\", which could stand for a control token");
    return Status::out_of_range;
  }
  if (const Status status = render(input, bytes_, bytes); status != Status::ok) return status;
  Status status = tokenizer_->encode({bytes_.data(), bytes}, scratch_, ids_, count);
  if (status != Status::ok) {
    if (status == Status::over_capacity) {
      error_.format("prompt of {} tokens exceeds the {} of the card", count, text_->max_tokens);
    } else {
      error_.format("prompt cannot be tokenized: {}", to_string(status));
    }
    return status;
  }
  expanded_.clear();
  std::size_t slot = 0;
  bool fits = true;
  const auto append = [&](TokenId id, std::size_t times) {
    fits = fits && times <= static_cast<std::size_t>(text_->max_tokens) - expanded_.size();
    if (fits) expanded_.insert(expanded_.end(), times, id);
  };
  if (text_->add_special_tokens)
    for (const TokenId id : tokenizer_->prefix()) append(id, 1);
  for (const TokenId id : std::span(ids_).first(count)) {
    const bool image = id == image_token_ && slot < grids.size();
    append(id, image ? image_tokens(grids[slot], merge_) : 1);
    if (id == image_token_) ++slot;
  }
  if (text_->add_special_tokens)
    for (const TokenId id : tokenizer_->suffix()) append(id, 1);
  if (image_token_ >= 0 && !grids.empty() && slot != grids.size()) {
    error_.format("prompt has {} image slots for {} images", slot, grids.size());
    return Status::bad_shape;
  }
  if (!fits) {
    error_.format("prompt and its images take more than the {} tokens of the card", text_->max_tokens);
    return Status::over_capacity;
  }
  return Status::ok;
}

Status TextEncoder::write_tokens(std::span<const PatchGrid> grids, TensorMap& out) noexcept {
  const std::size_t used = expanded_.size();
  const std::size_t length = text_->padding == "none" ? used : static_cast<std::size_t>(text_->max_tokens);
  const auto n = static_cast<std::int64_t>(length);
  Status status = Status::ok;
  Tensor* ids = prepare(out, kIds, DType::i64, {n}, status);
  Tensor* mask = ids != nullptr ? prepare(out, kMask, DType::i64, {n}, status) : nullptr;
  if (mask == nullptr) return status;
  const auto id_values = ids->as<std::int64_t>();
  const auto mask_values = mask->as<std::int64_t>();
  const std::size_t begin = text_->padding == "left" ? length - used : 0;
  std::ranges::fill(id_values, std::int64_t{text_->pad_id});
  std::ranges::fill(mask_values, std::int64_t{0});
  std::ranges::copy(expanded_, id_values.begin() + static_cast<std::ptrdiff_t>(begin));
  std::ranges::fill(mask_values.subspan(begin, used), std::int64_t{1});
  if (!text_->positions) return Status::ok;
  Tensor* positions = prepare(out, kPositions, DType::i64, {3, n}, status);
  if (positions == nullptr) return status;
  status = multi_section_positions(id_values, mask_values, image_token_, grids, merge_, positions->as<std::int64_t>());
  if (status != Status::ok) error_.format("image tokens of the prompt do not match the images");
  return status;
}

}  // namespace sinew
