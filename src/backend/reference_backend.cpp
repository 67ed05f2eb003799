// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/reference_backend.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "sinew/core/error.hpp"
#include "sinew/io/json_cursor.hpp"

namespace sinew {

ReferenceBackend::ReferenceBackend(AffineModel model) : model_(std::move(model)) {
  const auto check = [](bool condition, std::string_view what, const std::string& expected, const std::string& got) {
    if (!condition) fail(ErrorCode::invalid_argument, {"ReferenceBackend", what, expected, got, ""});
  };
  check(model_.state_dim > 0 && model_.horizon > 0 && model_.action_dim > 0, "sizes", "all above 0",
        fmt::format("state_dim {}, horizon {}, action_dim {}", model_.state_dim, model_.horizon, model_.action_dim));
  const auto rows = static_cast<std::size_t>(model_.horizon) * static_cast<std::size_t>(model_.action_dim);
  const auto columns = static_cast<std::size_t>(model_.state_dim);
  check(model_.weight.size() == rows * columns, "weight", fmt::format("{} x {} numbers", rows, columns),
        std::to_string(model_.weight.size()));
  check(model_.bias.size() == rows, "bias", fmt::format("{} numbers", rows), std::to_string(model_.bias.size()));
  for (const auto& parameters : {std::cref(model_.weight), std::cref(model_.bias)})
    for (const float value : parameters.get()) check(std::isfinite(value), "parameters", "finite numbers", std::to_string(value));
  spec_ = {.name = "affine",
           .inputs = {{"state", DType::f32, Shape{model_.state_dim}}},
           .outputs = {{"actions", DType::f32, Shape{model_.horizon, model_.action_dim}}},
           .allocates = false};
}

ReferenceBackend ReferenceBackend::load(const BackendRequest& request) {
  const std::filesystem::path path = request.directory / "config.json";
  const Json document = Json::read_file(path, {.max_bytes = std::size_t{64} << 20});
  const JsonCursor root(document, path.string());
  root.only_keys({"architecture", "weight", "bias"});
  (void)root.at("architecture").one_of({"affine"});
  AffineModel model{
      .state_dim = request.card.state.size(), .horizon = request.card.action.horizon, .action_dim = request.card.action.size()};
  for (const auto& row : root.at("weight").elements()) {
    const auto values = row.numbers();
    if (values.size() != static_cast<std::size_t>(model.state_dim))
      row.refuse(fmt::format("{} numbers, the size of the card's state", model.state_dim));
    for (const double value : values) model.weight.push_back(static_cast<float>(value));
  }
  const JsonCursor bias = root.at("bias");
  for (const double value : bias.numbers()) model.bias.push_back(static_cast<float>(value));
  return ReferenceBackend(std::move(model));
}

Status ReferenceBackend::infer(const TensorMap& in, TensorMap& out) noexcept {
  error_ = {};
  const Tensor& state = in["state"];
  Tensor& actions = out["actions"];
  if (!state || !actions) {
    error_ = !state ? "input 'state' is missing" : "output 'actions' is missing";
    return Status::missing;
  }
  const auto x = state.as<float>();
  if (state.shape() != spec_.inputs[0].capacity || x.empty()) {
    error_ = "input 'state' is not f32 [state_dim]";
    return Status::bad_shape;
  }
  if (actions.dtype() != DType::f32 || actions.set_shape(spec_.outputs[0].capacity) != Status::ok) {
    error_ = "output 'actions' cannot hold f32 [horizon, action_dim]";
    return Status::bad_shape;
  }
  const auto y = actions.as<float>();
  const float* row = model_.weight.data();
  for (std::size_t i = 0; i < y.size(); ++i, row += x.size()) {
    float sum = model_.bias[i];
    for (std::size_t j = 0; j < x.size(); ++j) sum += row[j] * x[j];
    y[i] = sum;
  }
  return Status::ok;
}

}  // namespace sinew
