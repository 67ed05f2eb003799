// SPDX-License-Identifier: Apache-2.0
// A backend chosen at run time: a value that holds any type meeting the Backend concept.
#pragma once

#include <memory>
#include <utility>

#include "sinew/backend/backend.hpp"

namespace sinew {

/// Holds one backend by value (on the heap, allocated once). Itself a Backend. Empty only after being moved from.
class AnyBackend {
 public:
  // In this order: asking whether the wrapper itself is a Backend asks for this constructor again.
  template <class B>
    requires(!std::same_as<B, AnyBackend> && Backend<B>)
  AnyBackend(B backend) : self_(std::make_unique<Model<B>>(std::move(backend))) {}  // NOLINT(google-explicit-constructor): a value wrapper

  [[nodiscard]] const ModelSpec& spec() const noexcept { return self_->spec(); }
  [[nodiscard]] Status infer(const TensorMap& in, TensorMap& out) noexcept { return self_->infer(in, out); }
  [[nodiscard]] std::string_view last_error() const noexcept { return self_->last_error(); }
  /// How many observations `infer_batch` takes; 1 for a backend that has no such call.
  [[nodiscard]] std::size_t most_batch() const noexcept { return self_->most_batch(); }
  void infer_batch(std::span<Inference> several) noexcept { self_->infer_batch(several); }
  /// Forgets what the backend keeps between calls; nothing for a backend that keeps nothing.
  void reset() noexcept { self_->reset(); }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual const ModelSpec& spec() const noexcept = 0;
    virtual Status infer(const TensorMap& in, TensorMap& out) noexcept = 0;
    virtual std::string_view last_error() const noexcept = 0;
    virtual std::size_t most_batch() const noexcept = 0;
    virtual void infer_batch(std::span<Inference> several) noexcept = 0;
    virtual void reset() noexcept = 0;
  };
  template <Backend B>
  struct Model final : Interface {
    explicit Model(B&& b) : backend(std::move(b)) {}
    const ModelSpec& spec() const noexcept override { return backend.spec(); }
    Status infer(const TensorMap& in, TensorMap& out) noexcept override { return backend.infer(in, out); }
    std::string_view last_error() const noexcept override { return backend.last_error(); }
    std::size_t most_batch() const noexcept override {
      if constexpr (BatchingBackend<B>) return backend.most_batch();
      return 1;
    }
    void infer_batch(std::span<Inference> several) noexcept override {
      if constexpr (BatchingBackend<B>)
        backend.infer_batch(several);
      else  // one at a time: most_batch() is 1
        for (Inference& each : several) each.status = backend.infer(*each.in, *each.out);
    }
    void reset() noexcept override {
      if constexpr (ResettableBackend<B>) backend.reset();
    }
    B backend;
  };
  std::unique_ptr<Interface> self_;
};

static_assert(BatchingBackend<AnyBackend>);

}  // namespace sinew
