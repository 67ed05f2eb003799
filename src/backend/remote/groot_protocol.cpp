// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/remote/groot_protocol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "sinew/backend/remote/npy.hpp"
#include "sinew/backend/remote/reply.hpp"
#include "sinew/core/error.hpp"

namespace sinew::remote {

namespace {

std::int64_t columns_of(const std::vector<ActionGroup>& groups) {
  std::int64_t columns = 0;
  for (const ActionGroup& group : groups) {
    const auto same = [&](const ActionGroup& other) { return other.key == group.key; };
    if (group.key.empty() || group.size < 1 || group.size > 4096 || std::ranges::count_if(groups, same) != 1)
      fail(ErrorCode::invalid_argument, {"groot", "group '" + group.key + "'", "a name of its own and 1 to 4096 columns", "another", ""});
    columns += group.size;
  }
  return columns;
}

}  // namespace

GrootProtocol::GrootProtocol(GrootOptions options)
    : options_(std::move(options)),
      outputs_{actions_spec("groot", options_.horizon, columns_of(options_.groups))},
      tree_(options_.inputs, true),
      document_(options_.limits) {
  for (const ActionGroup& group : options_.groups) parts_.emplace_back(DType::f32, Shape{options_.horizon, group.size});
}

void GrootProtocol::write_leaf(std::string_view, const Tensor& tensor) {
  if (is_text(tensor)) {  // one text of one observation
    writer_.begin_array(1);
    writer_.begin_array(1);
    return writer_.text(text_of(tensor));
  }
  const auto header = npy_header(tensor.dtype(), tensor.shape().dims());
  writer_.begin_map(2);
  writer_.text("__ndarray_class__");
  writer_.boolean(true);
  writer_.text("as_npy");
  writer_.reference(tensor.bytes(), header);
}

Status GrootProtocol::write_request(const TensorMap& in, std::uint64_t /*id*/) noexcept {
  error_.clear();
  try {
    writer_.clear();
    writer_.begin_map(options_.api_token.empty() ? 2 : 3);
    if (!options_.api_token.empty()) {  // first, so that a server can look at it before it reads the rest
      writer_.text("api_token");
      writer_.text(options_.api_token);
    }
    writer_.text("endpoint");
    writer_.text("get_action");
    writer_.text("data");
    writer_.begin_map(2);
    writer_.text("observation");
    tree_.write(writer_, in, [this](std::string_view name, const Tensor& tensor) { write_leaf(name, tensor); });
    writer_.text("options");
    writer_.nil();
    return Status::ok;
  } catch (const std::exception& error) {
    error_.format("{}", error.what());
    return Status::backend_failed;
  }
}

Status GrootProtocol::read_group(std::size_t index, const MsgpackValue& actions, std::int64_t column, Tensor& out) noexcept {
  const ActionGroup& group = options_.groups[index];
  const MsgpackValue value = actions.find(group.key);
  const auto array = value ? array_of(value, error_) : std::nullopt;
  if (!array && !error_.view().empty()) return Status::bad_shape;
  Tensor& part = parts_[index];
  if (const Status status = read_actions(array, group.key, part, error_); status != Status::ok) return status;
  const std::int64_t rows = part.shape()[0], width = outputs_[0].capacity[1];
  if (index > 0 && rows != out.shape()[0]) {
    error_.format("[groot] reply: expected groups of as many rows, got {} and {}", out.shape()[0], rows);
    return Status::bad_shape;
  }
  if (const Status status = out.set_shape(Shape{rows, width}); status != Status::ok) return status;
  const auto from = part.as<float>(), to = out.as<float>();
  for (std::int64_t row = 0; row < rows; ++row) std::copy_n(from.begin() + row * group.size, group.size, to.begin() + row * width + column);
  return Status::ok;
}

Status GrootProtocol::read_reply(const Message& message, std::uint64_t /*id*/, TensorMap& out) noexcept {
  error_.clear();
  if (const Status status = document_.parse(message.bytes); status != Status::ok) {
    error_.format("{}", document_.last_error());
    return status;
  }
  const MsgpackValue root = document_.root();
  if (root.type() == MsgpackType::map) {
    if (const MsgpackValue error = root.find("error"); error && error.text()) {
      keep_text("groot", *error.text(), error_);
      return Status::backend_failed;
    }
  }
  // [actions, info], and of older servers the actions alone.
  const MsgpackValue actions = root.type() == MsgpackType::array ? root.first() : root;
  if (!actions || actions.type() != MsgpackType::map) {
    error_.format("[groot] reply: expected a map of action groups, got another value");
    return Status::bad_shape;
  }
  std::int64_t column = 0;
  for (std::size_t index = 0; index < options_.groups.size(); ++index) {
    if (const Status status = read_group(index, actions, column, out["actions"]); status != Status::ok) return status;
    column += options_.groups[index].size;
  }
  return Status::ok;
}

}  // namespace sinew::remote
