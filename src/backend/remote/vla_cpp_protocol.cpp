// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/remote/vla_cpp_protocol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <exception>
#include <utility>

#include "sinew/backend/remote/reply.hpp"
#include "sinew/core/error.hpp"

namespace sinew::remote {

namespace {

// Field numbers of PredictRequest and Image.
constexpr std::uint32_t kImages = 1, kTokens = 2, kState = 3, kNoise = 4, kRequestId = 5, kMask = 8;
constexpr std::uint32_t kEncoding = 1, kHeight = 2, kWidth = 3, kData = 4;
constexpr std::uint64_t kRgbU8 = 1, kRgbF32 = 2;
constexpr std::size_t kMostValues = std::size_t{1} << 20;

}  // namespace

VlaCppProtocol::VlaCppProtocol(VlaCppOptions options)
    : options_(std::move(options)), outputs_{actions_spec("vla_cpp", options_.horizon, options_.action_dim)} {
  const auto& inputs = options_.inputs;
  for (const TensorSpec& spec : inputs) {
    const bool image = spec.name == fmt::format("image/{}", images_.size()) && spec.capacity.rank() == 3 && spec.capacity[2] == 3 &&
                       (spec.dtype == DType::u8 || spec.dtype == DType::f32);
    const bool integers = (spec.name == "lang_tokens" || spec.name == "attention_mask") && spec.dtype == DType::i64;
    const bool floats = (spec.name == "state" || spec.name == "noise") && spec.dtype == DType::f32;
    if (image) images_.push_back(spec.name);
    if (!image && !integers && !floats)
      fail(
          ErrorCode::invalid_argument,
          {"vla_cpp", "input", "image/0, ... [h, w, 3], lang_tokens i64, state f32, noise f32 or attention_mask i64", to_string(spec), ""});
  }
  for (const char* name : {"image/0", "lang_tokens", "state"})
    if (find_spec(inputs, name) == nullptr)
      fail(ErrorCode::invalid_argument, {"vla_cpp", "inputs", std::string("also ") + name, "none", ""});
}

void VlaCppProtocol::write_image(const Tensor& image) {
  const auto height = static_cast<std::uint64_t>(image.shape()[0]), width = static_cast<std::uint64_t>(image.shape()[1]);
  const std::size_t pixels = image.size_bytes();
  const std::size_t size = 4 + varint_size(height) + varint_size(width) + 1 + varint_size(pixels) + pixels;
  writer_.begin(kImages, size);
  writer_.varint(kEncoding, image.dtype() == DType::u8 ? kRgbU8 : kRgbF32);
  writer_.varint(kHeight, height);
  writer_.varint(kWidth, width);
  writer_.bytes(kData, image.bytes());
}

Status VlaCppProtocol::write_request(const TensorMap& in, std::uint64_t id) noexcept {
  error_.clear();
  try {
    writer_.clear();
    for (const std::string& image : images_) write_image(in[image]);
    writer_.varints(kTokens, in["lang_tokens"].as<std::int64_t>());
    writer_.floats(kState, in["state"].as<float>());
    if (const Tensor& noise = in["noise"]; noise) writer_.floats(kNoise, noise.as<float>());
    writer_.varint(kRequestId, id);
    if (const Tensor& mask = in["attention_mask"]; mask) writer_.varints(kMask, mask.as<std::int64_t>());
    return Status::ok;
  } catch (const std::exception& error) {
    error_.format("{}", error.what());
    return Status::backend_failed;
  }
}

bool VlaCppProtocol::take(const ProtoField& field, Response& response) {
  using Type = ProtoField::Type;
  const bool scalar = field.number == 1 || field.number == 3 || field.number == 4 || field.number == 7;
  if (scalar) {  // elsewhere the last of several wins; of these none may come twice
    const unsigned bit = 1U << field.number;
    if ((response.seen & bit) != 0 || field.type != (field.number == 7 ? Type::bytes : Type::varint)) return false;
    response.seen |= bit;
  }
  switch (field.number) {
    case 1: response.id = field.value; return true;
    case 3: response.rows = field.value; return true;
    case 4: response.columns = field.value; return true;
    case 7: response.error = {reinterpret_cast<const char*>(field.content.data()), field.content.size()}; return true;
    case 2: break;
    default: return true;  // times
  }
  const bool packed = field.type == Type::bytes;
  if (!packed && field.type != Type::fixed32) return false;
  const std::size_t more = packed ? field.content.size() / sizeof(float) : 1;
  if ((packed && field.content.size() % sizeof(float) != 0) || more > kMostValues - chunk_.size()) return false;
  const std::size_t before = chunk_.size();
  chunk_.resize(before + more);
  if (packed && more > 0)
    std::memcpy(chunk_.data() + before, field.content.data(), field.content.size());
  else if (!packed)
    chunk_[before] = std::bit_cast<float>(static_cast<std::uint32_t>(field.value));
  return true;
}

Status VlaCppProtocol::parse(std::span<const std::byte> bytes, Response& response) noexcept {
  chunk_.clear();
  ProtoReader reader(bytes);
  ProtoField field;
  try {
    while (reader.next(field))
      if (!take(field, response)) {
        error_.format("[vla_cpp, byte {}] reply: expected the fields of PredictResponse, each once, got field {} otherwise",
                      reader.offset(), field.number);
        return Status::bad_shape;
      }
  } catch (const std::exception& error) {
    error_.format("{}", error.what());
    return Status::over_capacity;
  }
  if (!reader.failed()) return Status::ok;
  error_.format("[vla_cpp, byte {}] reply: expected a whole message, got something else", reader.offset());
  return Status::bad_shape;
}

Status VlaCppProtocol::read_reply(const Message& message, std::uint64_t id, TensorMap& out) noexcept {
  error_.clear();
  Response response;
  if (const Status status = parse(message.bytes, response); status != Status::ok) return status;
  if (response.id != id && !(response.id == 0 && !response.error.empty())) return Status::stale;  // 0: the server could not read the id
  if (!response.error.empty()) {
    keep_text("vla_cpp", response.error, error_);
    return Status::backend_failed;
  }
  const auto horizon = static_cast<std::uint64_t>(options_.horizon), dim = static_cast<std::uint64_t>(options_.action_dim);
  if (response.rows < 1 || response.rows > horizon || response.columns < dim || response.columns > kMostValues ||
      chunk_.size() != response.rows * response.columns) {
    error_.format("[vla_cpp] reply: expected 1 to {} rows of at least {}, got {} of {} in {} numbers", horizon, dim, response.rows,
                  response.columns, chunk_.size());
    return Status::bad_shape;
  }
  Tensor& actions = out["actions"];
  if (const Status status = actions.set_shape(Shape{static_cast<std::int64_t>(response.rows), options_.action_dim}); status != Status::ok)
    return status;
  const auto to = actions.as<float>();
  for (std::size_t row = 0; row < response.rows; ++row)
    std::copy_n(chunk_.begin() + static_cast<std::ptrdiff_t>(row * response.columns), dim,
                to.begin() + static_cast<std::ptrdiff_t>(row * dim));
  if (std::ranges::all_of(to, [](float value) { return std::isfinite(value); })) return Status::ok;
  error_.format("[vla_cpp] reply: expected finite actions, got NaN or infinity");
  return Status::not_finite;
}

}  // namespace sinew::remote
