// SPDX-License-Identifier: Apache-2.0
// From tensors to an action chunk: the concept and the run-time wrapper.
#pragma once

#include <concepts>
#include <memory>
#include <string_view>
#include <utility>

#include "sinew/core/action_chunk.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/core/status.hpp"
#include "sinew/core/tensor_spec.hpp"

namespace sinew {

/// Turns a backend's outputs into a chunk in SI units. `observation` is the one that the outputs were computed from:
/// deltas are relative to it. Fills space, horizon, dim, values, t0 (the observation's time), dt, observation_id and
/// joint_order_hash; the caller numbers the chunk. Does not throw; allocates nothing after the first call.
template <class D>
concept Decoder =
    std::movable<D> && requires(D decoder, const D& constant, const TensorMap& in, const Observation& observation, ActionChunk& chunk) {
      { constant.spec() } noexcept -> std::same_as<const TensorSpecs&>;
      { decoder.decode(in, observation, chunk) } noexcept -> std::same_as<Status>;
      { constant.last_error() } noexcept -> std::same_as<std::string_view>;
    };

/// A decoder chosen at run time. Itself a Decoder. Empty only after being moved from.
class AnyDecoder {
 public:
  // In this order: asking whether the wrapper itself is a Decoder asks for this constructor again.
  template <class D>
    requires(!std::same_as<D, AnyDecoder> && Decoder<D>)
  AnyDecoder(D decoder) : self_(std::make_unique<Model<D>>(std::move(decoder))) {}  // NOLINT(google-explicit-constructor): a value wrapper

  /// The tensors that `decode` reads.
  [[nodiscard]] const TensorSpecs& spec() const noexcept { return self_->spec(); }
  [[nodiscard]] Status decode(const TensorMap& in, const Observation& observation, ActionChunk& chunk) noexcept {
    return self_->decode(in, observation, chunk);
  }
  [[nodiscard]] std::string_view last_error() const noexcept { return self_->last_error(); }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual const TensorSpecs& spec() const noexcept = 0;
    virtual Status decode(const TensorMap& in, const Observation& observation, ActionChunk& chunk) noexcept = 0;
    virtual std::string_view last_error() const noexcept = 0;
  };
  template <Decoder D>
  struct Model final : Interface {
    explicit Model(D&& d) : decoder(std::move(d)) {}
    const TensorSpecs& spec() const noexcept override { return decoder.spec(); }
    Status decode(const TensorMap& in, const Observation& observation, ActionChunk& chunk) noexcept override {
      return decoder.decode(in, observation, chunk);
    }
    std::string_view last_error() const noexcept override { return decoder.last_error(); }
    D decoder;
  };
  std::unique_ptr<Interface> self_;
};

static_assert(Decoder<AnyDecoder>);

}  // namespace sinew
