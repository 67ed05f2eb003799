// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/policy.hpp"

#include <fmt/format.h>

#include <utility>

#include "sinew/action/make_decoder.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/io/statistics_file.hpp"
#include "sinew/observation/vla_encoder.hpp"

namespace sinew {

namespace {

constexpr std::size_t kErrorCapacity = 480;

/// `reader` reads what `writer` writes: throws when a tensor is missing or would not fit.
void require_match(const TensorSpecs& written, const TensorSpecs& read, std::string_view writer, std::string_view reader) {
  for (const auto& wanted : read) {
    const TensorSpec* offered = find_spec(written, wanted.name);
    const std::string what = fmt::format("{} input '{}'", reader, wanted.name);
    if (offered == nullptr) {
      std::vector<std::string_view> names;
      for (const auto& spec : written) names.push_back(spec.name);
      fail(ErrorCode::invalid_argument, {"Policy", what, fmt::format("one that the {} writes", writer), "a name that it does not write",
                                         "it writes " + join_names(names)});
    }
    if (offered->dtype != wanted.dtype || !offered->capacity.fits_in(wanted.capacity))
      fail(ErrorCode::invalid_argument,
           {"Policy", what, fmt::format("at most {}", to_string(wanted)), to_string(*offered), fmt::format("written by the {}", writer)});
  }
}

}  // namespace

Policy::Policy(PolicyCard card, AnyEncoder encoder, AnyBackend backend, AnyDecoder decoder)
    : card_(std::move(card)), encoder_(std::move(encoder)), backend_(std::move(backend)), decoder_(std::move(decoder)) {
  require_match(encoder_.spec(), backend_.spec().inputs, "encoder", "backend");
  require_match(backend_.spec().outputs, decoder_.spec(), "backend", "decoder");
  inputs_ = make_tensors(encoder_.spec());
  outputs_ = make_tensors(backend_.spec().outputs);
  error_.reserve(kErrorCapacity);
}

Policy Policy::load(const std::filesystem::path& directory, const BackendRegistry& registry, std::string_view backend) {
  PolicyCard card = read_card(directory / "sinew.json");
  const Statistics statistics = read_statistics(directory, card.statistics);
  const std::string name(backend.empty() ? std::string_view(card.backend) : backend);
  AnyBackend model = registry.make(name, {directory, card});
  VlaEncoder encoder(card, statistics, read_vla_encoder_options(directory, card));
  AnyDecoder decoder = make_decoder(card, statistics, ActionTokens(directory, card));
  return Policy(std::move(card), std::move(encoder), std::move(model), std::move(decoder));
}

ActionChunk Policy::make_chunk() const { return {card_.action.horizon, card_.action.chunk_size()}; }

Status Policy::keep_error(Status status, std::string_view stage, std::string_view text) noexcept {
  error_.clear();
  if (status == Status::ok) return status;
  // The capacity was reserved; what does not fit is cut, so that the failure path allocates nothing either.
  error_.append(stage).append(": ").append(to_string(status));
  if (!text.empty() && error_.size() + 2 < kErrorCapacity) error_.append(", ").append(cut_utf8(text, kErrorCapacity - error_.size() - 2));
  return status;
}

Status Policy::act(const Observation& observation, ActionChunk& chunk) noexcept {
  const SteadyClock clock;
  const Time start = clock.now();
  timing_ = {};
  Status status = encoder_.encode(observation, inputs_);
  const Time encoded = clock.now();
  timing_.encode = encoded - start;
  if (status != Status::ok) return keep_error(status, "encode", encoder_.last_error());
  for (const auto& spec : backend_.spec().inputs)
    if (status = check_tensor(spec, inputs_[spec.name]); status != Status::ok) return keep_error(status, "encode", spec.name);

  status = backend_.infer(inputs_, outputs_);
  const Time inferred = clock.now();
  timing_.infer = inferred - encoded;
  if (status != Status::ok) return keep_error(status, "infer", backend_.last_error());

  status = decoder_.decode(outputs_, observation, chunk);
  timing_.decode = clock.now() - inferred;
  if (status != Status::ok) return keep_error(status, "decode", decoder_.last_error());
  chunk.sequence = ++sequence_;
  return keep_error(Status::ok, "", "");
}

void Policy::reset() noexcept {
  backend_.reset();
  sequence_ = 0;
  error_.clear();
}

}  // namespace sinew
