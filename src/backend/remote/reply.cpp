// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/remote/reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <string>

#include "sinew/backend/remote/npy.hpp"
#include "sinew/core/error.hpp"

namespace sinew::remote {

void keep_text(std::string_view who, std::string_view text, FixedText& error) noexcept {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  text.remove_prefix(text.find_last_of('\n') + 1);  // npos + 1 is 0
  std::array<char, 160> shown{};
  std::size_t size = 0;
  for (const char c : text.substr(0, shown.size())) shown[size++] = static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  error.format("[{}] server: expected actions, got an error: {}", who, cut_utf8({shown.data(), size}, size));
}

Status read_map(const Message& message, MsgpackDocument& document, FixedText& error) noexcept {
  if (message.kind == MessageKind::text) {
    keep_text("remote", {reinterpret_cast<const char*>(message.bytes.data()), message.bytes.size()}, error);
    return Status::backend_failed;
  }
  if (const Status status = document.parse(message.bytes); status != Status::ok) {
    error.format("{}", document.last_error());
    return status;
  }
  if (document.root().type() == MsgpackType::map) return Status::ok;
  error.format("[remote] message: expected a map, got another value");
  return Status::bad_shape;
}

std::optional<WireArray> plain_array_of(const MsgpackValue& value, FixedText& error) noexcept {
  if (!value) return {};
  std::string_view expected;
  const auto array = value.ndarray(&expected);
  if (!expected.empty()) error.format("[msgpack] array: expected {}, got something else", expected);
  return array;
}

std::optional<WireArray> array_of(const MsgpackValue& value, FixedText& error) noexcept {
  if (value.type() != MsgpackType::map || !value.find("__ndarray_class__")) return plain_array_of(value, error);
  const MsgpackValue file = value.find("as_npy");
  WireArray array;
  if (!file || !file.binary() || read_npy(*file.binary(), array, error) != Status::ok) return {};
  return array;
}

Status check_metadata(const std::function<std::string(const MsgpackValue&)>& check, std::string_view who, const MsgpackValue& metadata,
                      FixedText& error) noexcept {
  if (!check) return Status::ok;
  try {
    const std::string wrong = check(metadata);
    if (wrong.empty()) return Status::ok;
    error.format("[{}] metadata of the server: {}", who, wrong);
  } catch (const std::exception& problem) {
    error.format("[{}] metadata of the server: {}", who, problem.what());
  }
  return Status::backend_failed;
}

namespace {

bool all_finite(const Tensor& tensor) noexcept {
  return std::ranges::all_of(tensor.as<float>(), [](float value) { return std::isfinite(value); });
}

}  // namespace

Status read_actions(const std::optional<WireArray>& array, std::string_view key, Tensor& out, FixedText& error) noexcept {
  if (!array) {
    if (error.view().empty()) error.format("[remote] reply: expected an array of numbers '{}', got none", key);
    return Status::missing;
  }
  WireArray rows = *array;
  const std::size_t rank = rows.shape.rank();
  for (std::size_t axis = 0; axis + 2 < rank; ++axis)
    if (rows.shape[axis] != 1) {
      error.format("[remote] reply: expected '{}' of one observation, got {}", key, rows.shape[axis]);
      return Status::bad_shape;
    }
  if (rank >= 2) rows.shape = Shape{rows.shape[rank - 2], rows.shape[rank - 1]};
  const Shape& most = out.capacity();
  if (rank < 2 || rows.shape[1] != most[1] || rows.shape[0] < 1 || rows.shape[0] > most[0]) {
    error.format("[remote] reply: expected '{}' of 1 to {} rows of {}, got {} of {}", key, most[0], most[1], rank < 2 ? 0 : rows.shape[0],
                 rank < 1 ? 0 : rows.shape[rows.shape.rank() - 1]);
    return Status::bad_shape;
  }
  if (const Status status = rows.copy_to(out); status != Status::ok) {
    error.format("[remote] reply: expected '{}' as f16, f32 or f64, got {}", key, to_string(rows.dtype));
    return status;
  }
  if (all_finite(out)) return Status::ok;
  error.format("[remote] reply: expected finite '{}', got NaN or infinity", key);
  return Status::not_finite;
}

TensorSpec actions_spec(std::string_view where, std::int64_t horizon, std::int64_t action_dim) {
  for (const auto& [what, size] : {std::pair("horizon", horizon), std::pair("action_dim", action_dim)})
    if (size < 1 || size > 4096) fail(ErrorCode::invalid_argument, {std::string(where), what, "1 to 4096", fmt::format("{}", size), ""});
  return {"actions", DType::f32, Shape{horizon, action_dim}};
}

}  // namespace sinew::remote
