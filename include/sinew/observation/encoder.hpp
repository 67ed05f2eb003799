// SPDX-License-Identifier: Apache-2.0
// From an observation to tensors: the concept, the run-time wrapper and the encoder that a policy card describes.
#pragma once

#include <concepts>
#include <memory>
#include <string_view>
#include <utility>

#include "sinew/core/observation.hpp"
#include "sinew/core/status.hpp"
#include "sinew/core/tensor_spec.hpp"

namespace sinew {

/// Writes tensors from an observation. `encode` does not throw; after the first call of a shape it allocates nothing.
template <class E>
concept Encoder = std::movable<E> && requires(E encoder, const E& constant, const Observation& observation, TensorMap& out) {
  { constant.spec() } noexcept -> std::same_as<const TensorSpecs&>;
  { encoder.encode(observation, out) } noexcept -> std::same_as<Status>;
  { constant.last_error() } noexcept -> std::same_as<std::string_view>;
};

/// An encoder that remembers observations forgets them: a new episode, or another robot, begins.
template <class E>
concept ResettableEncoder = Encoder<E> && requires(E encoder) {
  { encoder.reset() } noexcept;
};

/// An encoder chosen at run time. Itself an Encoder. Empty only after being moved from.
class AnyEncoder {
 public:
  // In this order: asking whether the wrapper itself is an Encoder asks for this constructor again.
  template <class E>
    requires(!std::same_as<E, AnyEncoder> && Encoder<E>)
  AnyEncoder(E encoder) : self_(std::make_unique<Model<E>>(std::move(encoder))) {}  // NOLINT(google-explicit-constructor): a value wrapper

  [[nodiscard]] const TensorSpecs& spec() const noexcept { return self_->spec(); }
  [[nodiscard]] Status encode(const Observation& observation, TensorMap& out) noexcept { return self_->encode(observation, out); }
  [[nodiscard]] std::string_view last_error() const noexcept { return self_->last_error(); }
  /// Of encoders that have nothing to forget: does nothing.
  void reset() noexcept { self_->reset(); }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual const TensorSpecs& spec() const noexcept = 0;
    virtual Status encode(const Observation& observation, TensorMap& out) noexcept = 0;
    virtual std::string_view last_error() const noexcept = 0;
    virtual void reset() noexcept = 0;
  };
  template <Encoder E>
  struct Model final : Interface {
    explicit Model(E&& e) : encoder(std::move(e)) {}
    const TensorSpecs& spec() const noexcept override { return encoder.spec(); }
    Status encode(const Observation& observation, TensorMap& out) noexcept override { return encoder.encode(observation, out); }
    std::string_view last_error() const noexcept override { return encoder.last_error(); }
    void reset() noexcept override {
      if constexpr (ResettableEncoder<E>) encoder.reset();
    }
    E encoder;
  };
  std::unique_ptr<Interface> self_;
};

static_assert(Encoder<AnyEncoder>);

}  // namespace sinew
