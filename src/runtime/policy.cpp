// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
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

/// An optional input that is not there.
void clear(Tensor& tensor) noexcept {
  if (!tensor) return;
  std::array<std::int64_t, Shape::kMaxRank> dims{};
  const auto capacity = tensor.capacity().dims();
  std::ranges::copy(capacity, dims.begin());
  dims[0] = 0;
  static_cast<void>(tensor.set_shape(Shape(std::span<const std::int64_t>(dims.data(), capacity.size()))));
}

/// Copies into an optional input.
template <class T>
Status fill(Tensor& tensor, const Shape& shape, std::span<const T> values) noexcept {
  if (!tensor) return Status::missing;
  if (values.size() != shape.count()) return Status::bad_shape;
  if (const Status status = tensor.set_shape(shape); status != Status::ok) return status;
  const auto to = tensor.as<T>();
  if (to.size() != values.size()) return Status::bad_shape;
  std::ranges::copy(values, to.begin());
  return Status::ok;
}

}  // namespace

Policy::Policy(PolicyCard card, AnyEncoder encoder, AnyBackend backend, AnyDecoder decoder)
    : card_(std::move(card)), encoder_(std::move(encoder)), backend_(std::move(backend)), decoder_(std::move(decoder)) {
  require_match(encoder_.spec(), backend_.spec().inputs, "encoder", "backend");
  require_match(backend_.spec().outputs, decoder_.spec(), "backend", "decoder");
  for (const auto& spec : backend_.spec().optional_inputs)
    if (find_spec(encoder_.spec(), spec.name) != nullptr)
      fail(ErrorCode::invalid_argument,
           {"Policy", fmt::format("backend input '{}'", spec.name), "one that callers set", "one of the encoder's", ""});
  inputs_ = make_inputs();
  outputs_ = make_tensors(backend_.spec().outputs);
  error_.reserve(kErrorCapacity);
}

Policy Policy::load(const std::filesystem::path& directory, const BackendRegistry& registry, std::string_view backend) {
  PolicyCard card = read_card(directory / "sinew.json");
  const Statistics statistics = read_statistics(directory, card.statistics);
  const std::string name(backend.empty() ? std::string_view(card.backend) : backend);
  VlaEncoder encoder(card, statistics, read_vla_encoder_options(directory, card));
  AnyBackend model = registry.make(name, {directory, card, encoder.spec()});
  AnyDecoder decoder = make_decoder(card, statistics, ActionTokens(directory, card));
  return Policy(std::move(card), std::move(encoder), std::move(model), std::move(decoder));
}

TensorMap Policy::make_inputs() const {
  TensorMap inputs = make_tensors(encoder_.spec());
  for (const auto& spec : backend_.spec().optional_inputs) clear(inputs.add(spec.name, Tensor(spec.dtype, spec.capacity)));
  return inputs;
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

Status Policy::set_options(const ActOptions& options) noexcept {
  for (const auto& spec : backend_.spec().optional_inputs) clear(inputs_[spec.name]);
  const auto put = [this]<class T>(std::string_view name, const Shape& shape, std::span<const T> values) noexcept {
    const Status status = fill(inputs_[name], shape, values);
    return keep_error(status, "options", name);
  };
  Status status = Status::ok;
  if (options.seed) status = put("seed", Shape{1}, std::span<const std::int64_t>(&*options.seed, 1));
  if (status == Status::ok && !options.noise.empty()) status = put("noise", inputs_["noise"].capacity(), options.noise);
  if (status == Status::ok && options.inputs != nullptr) status = set_inputs(*options.inputs);
  if (status != Status::ok || options.prefix.rows == 0) return status;
  if (options.prefix.rows < 0 || options.prefix.columns < 0) return keep_error(Status::bad_shape, "options", "prefix");
  const std::int64_t delay = options.prefix_delay;
  status = put("prefix", Shape{options.prefix.rows, options.prefix.columns}, options.prefix.values);
  return status == Status::ok ? put("prefix_delay", Shape{1}, std::span<const std::int64_t>(&delay, 1)) : status;
}

Status Policy::set_inputs(const TensorMap& inputs) noexcept {
  for (const auto& [name, from] : inputs) {
    // What the encoder writes is not the caller's to set.
    Tensor* const to = find_spec(backend_.spec().optional_inputs, name) != nullptr ? inputs_.find(name) : nullptr;
    if (to == nullptr) return keep_error(Status::missing, "options", name);
    if (!from || from.dtype() != to->dtype()) return keep_error(Status::bad_shape, "options", name);
    if (const Status status = to->set_shape(from.shape()); status != Status::ok) return keep_error(status, "options", name);
    std::ranges::copy(from.bytes(), to->bytes().begin());
  }
  return Status::ok;
}

Status Policy::check_inputs(const TensorMap& inputs, std::string_view& name) const noexcept {
  for (const auto& spec : backend_.spec().inputs)
    if (const Status status = check_tensor(spec, inputs[spec.name]); status != Status::ok) {
      name = spec.name;
      return status;
    }
  return Status::ok;
}

Status Policy::act(const Observation& observation, ActionChunk& chunk, const ActOptions& options) noexcept {
  const SteadyClock clock;
  const Time start = clock.now();
  timing_ = {};
  Status status = set_options(options);
  if (status != Status::ok) return status;
  status = encoder_.encode(observation, inputs_);
  const Time encoded = clock.now();
  timing_.encode = encoded - start;
  if (status != Status::ok) return keep_error(status, "encode", encoder_.last_error());
  std::string_view bad;
  if (status = check_inputs(inputs_, bad); status != Status::ok) return keep_error(status, "encode", bad);

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

void Policy::act_batch(std::span<BatchedAct> several) noexcept {
  const std::size_t most = most_batch();
  while (!several.empty()) {
    const auto some = several.first(std::min(most, several.size()));
    several = several.subspan(some.size());
    try {
      act_together(some);
    } catch (const std::exception&) {  // of memory
      for (BatchedAct& each : some) {
        each.status = Status::backend_failed;
        each.error.format("infer: no memory for {} observations at once", some.size());
      }
    }
  }
}

void Policy::act_together(std::span<BatchedAct> several) {
  const auto say = [](BatchedAct& each, Status status, std::string_view stage, std::string_view text) {
    each.status = status;
    each.error.format("{}: {}{}{}", stage, to_string(status), text.empty() ? "" : ", ", text);
  };
  while (places_.size() < several.size()) places_.push_back({make_inputs(), make_tensors(backend_.spec().outputs)});
  inferences_.clear();
  for (std::size_t i = 0; i < several.size(); ++i) {
    BatchedAct& each = several[i];
    each.status = Status::ok;
    each.error.clear();
    std::string_view bad;
    if (const Status status = encoder_.encode(*each.observation, places_[i].inputs); status != Status::ok)
      say(each, status, "encode", encoder_.last_error());
    else if (const Status checked = check_inputs(places_[i].inputs, bad); checked != Status::ok)
      say(each, checked, "encode", bad);
    else
      inferences_.push_back({&places_[i].inputs, &places_[i].outputs});
  }
  if (!inferences_.empty()) backend_.infer_batch(inferences_);
  bool first = true;
  for (std::size_t i = 0, inferred = 0; i < several.size(); ++i) {
    BatchedAct& each = several[i];
    if (each.status != Status::ok) continue;
    if (const Status status = inferences_[inferred++].status; status != Status::ok) {
      say(each, status, "infer", std::exchange(first, false) ? backend_.last_error() : std::string_view());
      continue;
    }
    if (const Status status = decoder_.decode(places_[i].outputs, *each.observation, *each.chunk); status != Status::ok)
      say(each, status, "decode", decoder_.last_error());
    else
      each.chunk->sequence = ++sequence_;
  }
}

void Policy::reset() noexcept {
  encoder_.reset();
  backend_.reset();
  sequence_ = 0;
  error_.clear();
}

}  // namespace sinew
