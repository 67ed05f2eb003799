// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/chunk_memory.hpp"

#include <algorithm>

#include "sinew/core/error.hpp"

namespace sinew {

ChunkMemory::ChunkMemory(const Policy& policy) {
  const auto has = [](const TensorSpecs& specs, std::string_view name) {
    return std::any_of(specs.begin(), specs.end(), [name](const TensorSpec& spec) { return spec.name == name; });
  };
  const ModelSpec& spec = policy.spec();
  if (!has(spec.optional_inputs, "prefix"))
    fail(ErrorCode::unsupported,
         {"ChunkMemory", "backend", "one that takes a prefix", spec.name, "real-time chunking needs a flow-matching head"});
  const Tensor* actions = policy.outputs().find("actions");
  if (actions == nullptr || actions->dtype() != DType::f32)
    fail(ErrorCode::unsupported, {"ChunkMemory", "outputs of the backend", "\"actions\" as f32", spec.name, ""});
  for (const TensorSpec& output : spec.outputs)
    if (output.name == "actions") actions_.resize(output.capacity.count());
}

void ChunkMemory::keep(const TensorMap& outputs, const ActionChunk& chunk, Time arrived) noexcept {
  const Tensor* actions = outputs.find("actions");
  rows_ = 0;
  if (actions == nullptr || actions->shape().rank() != 2 || actions->as<float>().size() > actions_.size()) return;
  const auto values = actions->as<float>();
  std::copy(values.begin(), values.end(), actions_.begin());
  rows_ = static_cast<int>(actions->shape()[0]);
  columns_ = static_cast<int>(actions->shape()[1]);
  t0_ = chunk.t0;
  dt_ = chunk.dt;
  latency_ = std::max(Time{}, arrived - chunk.t0);
}

ActOptions ChunkMemory::options(Time now) const noexcept {
  ActOptions options;
  if (rows_ == 0 || dt_ <= Time{}) return options;
  const std::int64_t due = now < t0_ ? 0 : (now - t0_) / dt_;  // the row that is being executed
  if (due >= rows_) return options;
  const int left = rows_ - static_cast<int>(due);
  options.prefix = {std::span<const float>(actions_).subspan(static_cast<std::size_t>(due) * static_cast<std::size_t>(columns_),
                                                             static_cast<std::size_t>(left) * static_cast<std::size_t>(columns_)),
                    left, columns_};
  options.prefix_delay = static_cast<int>(std::min<std::int64_t>((latency_ + dt_ - Time(1)) / dt_, left));
  return options;
}

}  // namespace sinew
