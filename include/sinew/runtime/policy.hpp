// SPDX-License-Identifier: Apache-2.0
// A policy: encoder, backend and decoder behind one call, assembled by hand or from a policy directory.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "sinew/action/decoder.hpp"
#include "sinew/backend/registry.hpp"
#include "sinew/core/card.hpp"
#include "sinew/observation/encoder.hpp"

namespace sinew {

/// How long the stages of one `act` took, by the operating system's monotonic clock.
struct ActTiming {
  Time encode{};
  Time infer{};
  Time decode{};
};

/// Observation in, action chunk out. One thread at a time uses one policy.
class Policy {
 public:
  /// Throws Error when an input of the backend is not what the encoder writes, or an input of the decoder is not what
  /// the backend writes (name, dtype, rank, capacity).
  Policy(PolicyCard card, AnyEncoder encoder, AnyBackend backend, AnyDecoder decoder);
  /// Reads `directory/sinew.json`, its statistics and the model. `backend` overrides the card's choice. Throws Error for
  /// whatever is missing, malformed or unknown; nothing is guessed.
  static Policy load(const std::filesystem::path& directory, const BackendRegistry& registry = BackendRegistry::with_defaults(),
                     std::string_view backend = {});

  [[nodiscard]] const PolicyCard& card() const noexcept { return card_; }
  /// Tensors that the encoder writes.
  [[nodiscard]] const TensorSpecs& input_spec() const noexcept { return encoder_.spec(); }
  /// Inputs and outputs of the backend.
  [[nodiscard]] const ModelSpec& spec() const noexcept { return backend_.spec(); }
  /// A chunk of the size that `act` fills.
  [[nodiscard]] ActionChunk make_chunk() const;

  /// Encodes, infers and decodes. On a status other than ok the chunk must not be used and `last_error()` says why.
  [[nodiscard]] Status act(const Observation& observation, ActionChunk& chunk) noexcept;
  /// What the last `act` that failed had to say; empty after a successful one.
  [[nodiscard]] std::string_view last_error() const noexcept { return error_; }
  /// Stage times of the last `act`.
  [[nodiscard]] const ActTiming& timing() const noexcept { return timing_; }
  /// Starts a new episode: forgets what the backend keeps and numbers chunks from 1 again.
  void reset() noexcept;

 private:
  Status keep_error(Status status, std::string_view stage, std::string_view text) noexcept;

  PolicyCard card_;
  AnyEncoder encoder_;
  AnyBackend backend_;
  AnyDecoder decoder_;
  TensorMap inputs_;
  TensorMap outputs_;
  ActTiming timing_;
  std::uint64_t sequence_ = 0;
  std::string error_;
};

}  // namespace sinew
