// SPDX-License-Identifier: Apache-2.0
// A policy: encoder, backend and decoder behind one call, assembled by hand or from a policy directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/action/decoder.hpp"
#include "sinew/backend/registry.hpp"
#include "sinew/core/card.hpp"
#include "sinew/core/chunk_math.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/observation/encoder.hpp"

namespace sinew {

/// How long the stages of one `act` took, by the operating system's monotonic clock.
struct ActTiming {
  Time encode{};
  Time infer{};
  Time decode{};
};

/// What `act` passes to a backend that takes it (ModelSpec::optional_inputs). Numbers are in the policy's normalised space, as `outputs()`
/// has them.
struct ActOptions {
  std::optional<std::int64_t> seed{};  ///< of the noise
  std::span<const float> noise{};      ///< [horizon, dim], instead of a seed; empty: the backend draws
  ChunkPrefix<float> prefix{};         ///< the unexecuted rest of the previous chunk, its first row due now; no rows: none
  int prefix_delay = 0;                ///< rows of it that will be executed before the new chunk arrives
  const TensorMap* inputs = nullptr;   ///< other optional inputs by name, e.g. "extrinsics"; copied; none: none
};

/// One observation of several, and how it went.
struct BatchedAct {
  const Observation* observation = nullptr;
  ActionChunk* chunk = nullptr;  ///< of make_chunk(); not to be used on a status other than ok
  Status status = Status::ok;
  FixedText error{};  ///< what a status other than ok has to say
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
  [[nodiscard]] Status act(const Observation& observation, ActionChunk& chunk) noexcept { return act(observation, chunk, {}); }
  /// The same with options; `missing` when the backend does not take one of those that are set.
  [[nodiscard]] Status act(const Observation& observation, ActionChunk& chunk, const ActOptions& options) noexcept;
  /// How many observations the backend infers at once; 1 for a policy that remembers observations, whose episodes must not mix.
  [[nodiscard]] std::size_t most_batch() const noexcept { return card_.history ? 1 : backend_.most_batch(); }
  /// Acts on each, most_batch() at a time. One that is refused does not harm the others. outputs(), timing() and last_error() stay those of
  /// the last `act`.
  void act_batch(std::span<BatchedAct> several) noexcept;
  /// What the backend wrote at the last `act`.
  [[nodiscard]] const TensorMap& outputs() const noexcept { return outputs_; }
  /// What the last `act` that failed had to say; empty after a successful one.
  [[nodiscard]] std::string_view last_error() const noexcept { return error_; }
  /// Stage times of the last `act`.
  [[nodiscard]] const ActTiming& timing() const noexcept { return timing_; }
  /// Starts a new episode: forgets what encoder and backend keep and numbers chunks from 1 again.
  void reset() noexcept;

 private:
  /// Tensors of one observation of a batch.
  struct Place {
    TensorMap inputs, outputs;
  };

  [[nodiscard]] TensorMap make_inputs() const;
  [[nodiscard]] Status check_inputs(const TensorMap& inputs, std::string_view& name) const noexcept;
  void act_together(std::span<BatchedAct> several);
  Status set_options(const ActOptions& options) noexcept;
  Status set_inputs(const TensorMap& inputs) noexcept;
  Status keep_error(Status status, std::string_view stage, std::string_view text) noexcept;

  PolicyCard card_;
  AnyEncoder encoder_;
  AnyBackend backend_;
  AnyDecoder decoder_;
  TensorMap inputs_;
  TensorMap outputs_;
  std::vector<Place> places_;          // of a batch, made when one is asked for
  std::vector<Inference> inferences_;  // of those whose observation was good
  ActTiming timing_;
  std::uint64_t sequence_ = 0;
  std::string error_;
};

}  // namespace sinew
