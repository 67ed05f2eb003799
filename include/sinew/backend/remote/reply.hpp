// SPDX-License-Identifier: Apache-2.0
// What protocols over MessagePack have in common when they read a message.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "sinew/backend/remote/msgpack.hpp"
#include "sinew/backend/remote/protocol.hpp"
#include "sinew/core/fixed_text.hpp"

namespace sinew::remote {

/// Parses `message` into a map. A text message is an error of the server, of which the last line is kept: it sends a traceback.
[[nodiscard]] Status read_map(const Message& message, MsgpackDocument& document, FixedText& error) noexcept;

/// msgpack-numpy's array (MsgpackValue::ndarray), or nothing, also where there is no value; `error` says why, where the value means to
/// be one.
[[nodiscard]] std::optional<WireArray> plain_array_of(const MsgpackValue& value, FixedText& error) noexcept;
/// The same, or GR00T's form `{"__ndarray_class__": true, "as_npy": file}`.
[[nodiscard]] std::optional<WireArray> array_of(const MsgpackValue& value, FixedText& error) noexcept;

/// Copies an array of floats `[rows, columns]`, with or without leading dimensions of 1, into `out`. `bad_shape` for other columns, no rows
/// or more than the tensor holds; `missing` where there is no array, for the reason that `error` has already or none; `not_finite`.
[[nodiscard]] Status read_actions(const std::optional<WireArray>& array, std::string_view key, Tensor& out, FixedText& error) noexcept;

/// What a function of the caller's finds wrong with a server's metadata; null: any will do.
[[nodiscard]] Status check_metadata(const std::function<std::string(const MsgpackValue&)>& check, std::string_view who,
                                    const MsgpackValue& metadata, FixedText& error) noexcept;

/// The last line of a peer's text, fit for a terminal.
void keep_text(std::string_view who, std::string_view text, FixedText& error) noexcept;

/// Shape of `actions` in a specification. Throws Error for sizes outside 1 to 4096.
[[nodiscard]] TensorSpec actions_spec(std::string_view where, std::int64_t horizon, std::int64_t action_dim);

}  // namespace sinew::remote
