// SPDX-License-Identifier: Apache-2.0
// The models that Sinew has, in one list for every compute backend. Each is defined beside this file and compiled once for each backend, in
// src/backend/<name>/models/.
#pragma once

#include "sinew/nn/registry.hpp"

namespace sinew::detail {

template <nn::TensorOps Ops>
void add_qwen2_5_vl(nn::ModelRegistry<Ops>& registry);
template <nn::TensorOps Ops>
void add_qwen3_vl(nn::ModelRegistry<Ops>& registry);
template <nn::TensorOps Ops>
void add_qwen3_5(nn::ModelRegistry<Ops>& registry);
template <nn::TensorOps Ops>
void add_flow_dit(nn::ModelRegistry<Ops>& registry);
template <nn::TensorOps Ops>
void add_layerwise_dit(nn::ModelRegistry<Ops>& registry);
template <nn::TensorOps Ops>
void add_oft(nn::ModelRegistry<Ops>& registry);
template <nn::TensorOps Ops>
void add_fast(nn::ModelRegistry<Ops>& registry);
template <nn::TensorOps Ops>
void add_qwen_vla_dit(nn::ModelRegistry<Ops>& registry);
template <nn::TensorOps Ops>
void add_robotmanip_dit(nn::ModelRegistry<Ops>& registry);
template <nn::TensorOps Ops>
void add_robotnav_mlp(nn::ModelRegistry<Ops>& registry);
template <nn::TensorOps Ops>
void add_act(nn::ModelRegistry<Ops>& registry);

template <nn::TensorOps Ops>
[[nodiscard]] nn::ModelRegistry<Ops> all_models() {
  nn::ModelRegistry<Ops> registry;
  add_qwen2_5_vl(registry);
  add_qwen3_vl(registry);
  add_qwen3_5(registry);
  add_flow_dit(registry);
  add_layerwise_dit(registry);
  add_oft(registry);
  add_fast(registry);
  add_qwen_vla_dit(registry);
  add_robotmanip_dit(registry);
  add_robotnav_mlp(registry);
  add_act(registry);
  return registry;
}

}  // namespace sinew::detail
