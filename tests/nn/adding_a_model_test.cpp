// SPDX-License-Identifier: Apache-2.0
// The head of docs/adding_a_model.md: written from nothing, registered, run by a whole policy.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "sinew/backend/cpu/cpu_models.hpp"
#include "sinew/backend/native_backend.hpp"
#include "sinew/io/file.hpp"
#include "sinew/io/safetensors.hpp"
#include "sinew/runtime/policy.hpp"
#include "temporary_directory.hpp"
#include "tiny_policy.hpp"

using namespace sinew;

// docs: begin config
/// Actions straight from the mean of the hidden states: a layer of `width`, then the chunk.
struct MeanHeadConfig {
  std::int64_t width = 0;
  std::int64_t horizon = 0;
  std::int64_t action_dim = 0;

  static MeanHeadConfig parse(const JsonCursor& document) {
    document.only_keys({"type", "width", "horizon", "action_dim"});
    return {.width = document.at("width").integer(1, 65536),
            .horizon = document.at("horizon").integer(1, 4096),
            .action_dim = document.at("action_dim").integer(1, 4096)};
  }
};
// docs: end config

// docs: begin head
template <nn::TensorOps Ops>
class MeanHead {
 public:
  using Config = MeanHeadConfig;
  using Tensor = typename Ops::Tensor;

  MeanHead(const nn::Loader<Ops>& loader, const Config& config, const nn::HeadInputs& inputs)
      : layer1_(loader.linear("layer1", config.width, inputs.hidden_size)),
        layer2_(loader.linear("layer2", config.horizon * config.action_dim, config.width)) {
    spec_.outputs = {{"actions", DType::f32, Shape{config.horizon, config.action_dim}}};
  }
  const nn::HeadSpec& spec() const noexcept { return spec_; }

  void act(Ops& ops, const nn::Context<Ops>& context, const TensorMap& /*in*/, TensorMap& out) {
    auto scope = ops.scope();
    const Tensor& hidden = context.hidden;  // [tokens, hidden_size], behind the backbone's last norm
    // The mean as attention: one query of zeros looks at all tokens alike.
    const std::vector<float> zeros(static_cast<std::size_t>(hidden.size(1)), 0.0F);
    const Tensor query = ops.upload(zeros, Shape{1, 1, hidden.size(1)});
    const Tensor tokens = ops.reshape(hidden, Shape{hidden.size(0), 1, hidden.size(1)});
    const Tensor mean = ops.attention(query, tokens, tokens, {.scale = 1});
    ops.download(layer2_(ops, layer1_(ops, mean, nn::Activation::gelu)), out["actions"].template as<float>());
  }
  void reset() noexcept {}

 private:
  nn::Linear<Ops> layer1_, layer2_;
  nn::HeadSpec spec_;
};
static_assert(nn::Head<MeanHead<CpuOps>, CpuOps>);
// docs: end head

// docs: begin registration
BackendFactory my_backend() {
  return [](const BackendRequest& request) {
    auto models = cpu_models();
    models.add_head<MeanHead<CpuOps>>("mean_head");  // the card says "qwen3_vl/mean_head"
    return AnyBackend(NativeBackend<CpuOps>(CpuOps({.weights = request.card.dtype}), models, request));
  };
}
// docs: end registration

namespace {

/// The tiny policy with the head of this page: its directory's files, changed.
void write_policy(const std::filesystem::path& directory) {
  testing::write_tiny_policy(directory);
  constexpr std::int64_t kHidden = 48, kWidth = 10, kActions = testing::kTinyHorizon * testing::kTinyJoints;
  const SafetensorsFile old(directory / "model.safetensors");
  std::vector<SafetensorsTensor> tensors;
  for (const auto& [name, view] : old.tensors())
    if (!name.starts_with("action_model.")) tensors.push_back({name, DType::f32, view.shape, view.bytes});
  std::vector<float> values(kHidden * kWidth + kWidth + kActions * kWidth + kActions);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.1F * std::sin(static_cast<float>(i));
  const auto bytes = std::as_bytes(std::span(values));
  std::size_t at = 0;
  const auto add = [&](const std::string& name, const std::vector<std::int64_t>& shape, std::int64_t count) {
    tensors.push_back({"action_model." + name, DType::f32, shape, bytes.subspan(at * 4, static_cast<std::size_t>(count) * 4)});
    at += static_cast<std::size_t>(count);
  };
  add("layer1.weight", {kWidth, kHidden}, kWidth * kHidden);
  add("layer1.bias", {kWidth}, kWidth);
  add("layer2.weight", {kActions, kWidth}, kActions * kWidth);
  add("layer2.bias", {kActions}, kActions);
  write_safetensors(directory / "new.safetensors", tensors);
  std::filesystem::rename(directory / "new.safetensors", directory / "model.safetensors");

  Json config = Json::read_file(directory / "config.json");
  for (auto& [key, value] : *config.as_object())
    if (key == "action_head")
      value = Json(Json::Object{{"type", Json("mean_head")},
                                {"width", Json(kWidth)},
                                {"horizon", Json(testing::kTinyHorizon)},
                                {"action_dim", Json(testing::kTinyJoints)}});
  write_file(directory / "config.json", to_text(config));
  Json card = Json::read_file(directory / "sinew.json");
  for (auto& [key, value] : *card.as_object())
    if (key == "architecture") value = Json("qwen3_vl/mean_head");
  write_file(directory / "sinew.json", to_text(card));
}

}  // namespace

TEST_CASE("adding a model: a head that was registered by name runs in a policy") {
  const testing::TemporaryDirectory folder;
  write_policy(folder.path());
  BackendRegistry registry;
  registry.add("mine", my_backend());
  Policy policy = Policy::load(folder.path(), registry, "mine");
  ActionChunk chunk = policy.make_chunk();
  INFO(policy.last_error());
  REQUIRE(policy.act(testing::tiny_observation(1), chunk) == Status::ok);
  const auto first = chunk.values;
  REQUIRE(policy.act(testing::tiny_observation(2), chunk) == Status::ok);
  CHECK(first != chunk.values);                                                            // it sees
  CHECK(policy.act(testing::tiny_observation(2), chunk, {.seed = 1}) == Status::missing);  // nothing to draw
}
