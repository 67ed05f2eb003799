// SPDX-License-Identifier: Apache-2.0
// One operation of a tape: what is kept of its arguments, when another call of it is the same, and how it runs again.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "sinew/backend/torch/graph_ops.hpp"
#include "sinew/core/error.hpp"

namespace sinew::detail {

using Place = std::uint32_t;

/// What operations read and write when they run again.
struct GraphValues {
  std::vector<TorchTensor> table;  ///< results by place, of this call; those that nobody reads any more are undefined
  at::Tensor staged;               ///< bytes that were uploaded, on the device
  at::Tensor read;                 ///< where a download goes: f32, on the host

  /// Throws Error for a result that has not been kept.
  [[nodiscard]] const TorchTensor& at(Place place) const {
    if (place >= table.size() || !table[place].value.defined())
      fail(ErrorCode::failed, {"graph", "a result of an earlier part of this call", "one that was read then too", "one that was not kept",
                               "this is a defect; load without graphs"});
    return table[place];
  }
};

/// An operation. Shared by the tapes that have their beginning in common.
class GraphEntry {
 public:
  explicit GraphEntry(const void* kind) : kind_(kind) {}
  virtual ~GraphEntry() = default;
  GraphEntry(const GraphEntry&) = delete;
  GraphEntry& operator=(const GraphEntry&) = delete;

  [[nodiscard]] const void* kind() const noexcept { return kind_; }
  /// Its result; undefined for an operation that has none.
  virtual TorchTensor run(TorchOps& ops, GraphValues& values) const = 0;

  GraphTensor result{};        ///< with the shape and no memory
  std::vector<Place> reads{};  ///< places of its arguments

 private:
  const void* kind_;
};

// ---- What is kept of an argument: `keep`; whether a later one is the same: `same`; as an argument again: `again`.

struct KeptTensor {
  Place place;
};
struct KeptTensors {
  std::vector<Place> places;
};
struct KeptAttention {
  float scale;
  bool causal;
  std::int64_t offset;
  std::vector<std::uint8_t> valid;
  std::vector<std::int64_t> segments;
  mutable std::optional<TorchMask> mask;  // on the device, made by the first run
};

inline bool same_number(float a, float b) { return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b); }
inline bool same_handle(const at::Tensor& a, const at::Tensor& b) { return a.unsafeGetTensorImpl() == b.unsafeGetTensorImpl(); }

inline KeptTensor keep(const GraphTensor& x) { return {x.place}; }
inline std::optional<KeptTensor> keep(const GraphTensor* x) { return x == nullptr ? std::nullopt : std::optional(KeptTensor{x->place}); }
inline KeptTensors keep(std::span<const GraphTensor> parts) {
  KeptTensors kept;
  for (const GraphTensor& part : parts) kept.places.push_back(part.place);
  return kept;
}
inline TorchMatrix keep(const TorchMatrix& matrix) { return matrix; }
inline TorchFilter keep(const TorchFilter& filter) { return filter; }
inline TorchParameter keep(const TorchParameter& parameter) { return parameter; }
inline std::optional<TorchParameter> keep(const TorchParameter* parameter) {
  return parameter == nullptr ? std::nullopt : std::optional(*parameter);
}
inline TorchCache keep(const TorchCache& cache) { return cache; }
inline TorchState keep(const TorchState& state) { return state; }
inline KeptAttention keep(const nn::Attention& options) {
  const nn::Mask& mask = options.mask;
  return {options.scale, mask.causal, mask.offset, {mask.valid.begin(), mask.valid.end()}, {mask.segments.begin(), mask.segments.end()},
          std::nullopt};
}
inline Shape keep(const Shape& shape) { return shape; }
inline nn::Window keep(const nn::Window& window) { return window; }
inline nn::Activation keep(nn::Activation activation) { return activation; }
inline float keep(float value) { return value; }
inline std::int64_t keep(std::int64_t value) { return value; }

inline bool same(const KeptTensor& kept, const GraphTensor& x, std::uint64_t call) { return kept.place == x.place && x.call == call; }
inline bool same(const std::optional<KeptTensor>& kept, const GraphTensor* x, std::uint64_t call) {
  return kept.has_value() == (x != nullptr) && (x == nullptr || same(*kept, *x, call));
}
inline bool same(const KeptTensors& kept, std::span<const GraphTensor> parts, std::uint64_t call) {
  return std::ranges::equal(kept.places, parts, [call](Place place, const GraphTensor& x) { return same(KeptTensor{place}, x, call); });
}
inline bool same(const TorchMatrix& kept, const TorchMatrix& matrix, std::uint64_t /*call*/) {
  return same_handle(kept.plain, matrix.plain) && same_handle(kept.packed, matrix.packed);
}
inline bool same(const TorchFilter& kept, const TorchFilter& filter, std::uint64_t /*call*/) {
  return same_handle(kept.weight, filter.weight);
}
inline bool same(const TorchParameter& kept, const TorchParameter& parameter, std::uint64_t /*call*/) {
  return same_handle(kept.value, parameter.value);
}
inline bool same(const std::optional<TorchParameter>& kept, const TorchParameter* parameter, std::uint64_t call) {
  return kept.has_value() == (parameter != nullptr) && (parameter == nullptr || same(*kept, *parameter, call));
}
inline bool same(const TorchCache& kept, const TorchCache& cache, std::uint64_t /*call*/) {
  return same_handle(kept.values, cache.values) && kept.length == cache.length;
}
inline bool same(const TorchState& kept, const TorchState& state, std::uint64_t /*call*/) { return same_handle(kept.values, state.values); }
inline bool same(const KeptAttention& kept, const nn::Attention& options, std::uint64_t /*call*/) {
  const nn::Mask& mask = options.mask;
  return same_number(kept.scale, options.scale) && kept.causal == mask.causal && kept.offset == mask.offset &&
         std::ranges::equal(kept.valid, mask.valid) && std::ranges::equal(kept.segments, mask.segments);
}
inline bool same(const Shape& kept, const Shape& shape, std::uint64_t /*call*/) { return kept == shape; }
inline bool same(const nn::Window& kept, const nn::Window& window, std::uint64_t /*call*/) {
  return kept.size == window.size && kept.stride == window.stride && kept.padding == window.padding;
}
inline bool same(nn::Activation kept, nn::Activation activation, std::uint64_t /*call*/) { return kept == activation; }
inline bool same(float kept, float value, std::uint64_t /*call*/) { return same_number(kept, value); }
inline bool same(std::int64_t kept, std::int64_t value, std::uint64_t /*call*/) { return kept == value; }

inline const TorchTensor& again(const KeptTensor& kept, const GraphValues& values) { return values.at(kept.place); }
inline const TorchTensor* again(const std::optional<KeptTensor>& kept, const GraphValues& values) {
  return kept ? &values.at(kept->place) : nullptr;
}
inline std::vector<TorchTensor> again(const KeptTensors& kept, const GraphValues& values) {
  std::vector<TorchTensor> parts;
  for (const Place place : kept.places) parts.push_back(values.at(place));
  return parts;
}
inline const TorchParameter* again(const std::optional<TorchParameter>& kept, const GraphValues& /*values*/) {
  return kept ? &*kept : nullptr;
}
template <class Kept>
const Kept& again(const Kept& kept, const GraphValues& /*values*/) {
  return kept;
}

inline void list_reads(const KeptTensor& kept, std::vector<Place>& reads) { reads.push_back(kept.place); }
inline void list_reads(const std::optional<KeptTensor>& kept, std::vector<Place>& reads) {
  if (kept) reads.push_back(kept->place);
}
inline void list_reads(const KeptTensors& kept, std::vector<Place>& reads) {
  reads.insert(reads.end(), kept.places.begin(), kept.places.end());
}
template <class Kept>
void list_reads(const Kept& /*kept*/, std::vector<Place>& /*reads*/) {}

/// `Function(ops, arguments...)`, a member of TorchOps or a function.
template <auto Function, class... Kept>
class GraphOperation final : public GraphEntry {
 public:
  template <class... Args>
  explicit GraphOperation(const Args&... args) : GraphEntry(&kTag), kept_(keep(args)...) {
    std::apply([this](const auto&... kept) { (list_reads(kept, reads), ...); }, kept_);
  }

  template <class... Args>
  [[nodiscard]] static bool is(const GraphEntry& entry, std::uint64_t call, const Args&... args) {
    return entry.kind() == &kTag && static_cast<const GraphOperation&>(entry).same_as(call, std::index_sequence_for<Args...>(), args...);
  }
  TorchTensor run(TorchOps& ops, GraphValues& values) const override {
    return std::apply([&](const auto&... kept) { return invoke(ops, again(kept, values)...); }, kept_);
  }
  /// The same on tensors that are at hand: `live(argument, kept)`.
  template <class Live, class... Args>
  TorchTensor run_on(TorchOps& ops, const Live& live, const Args&... args) const {
    return std::apply([&](const auto&... kept) { return invoke(ops, live(args, kept)...); }, kept_);
  }

  /// On tensors that nothing is kept of.
  template <class... Operands>
  static TorchTensor invoke(TorchOps& ops, Operands&&... operands) {
    if constexpr (std::is_void_v<std::invoke_result_t<decltype(Function), TorchOps&, Operands...>>) {
      std::invoke(Function, ops, std::forward<Operands>(operands)...);
      return {};
    } else {
      return std::invoke(Function, ops, std::forward<Operands>(operands)...);
    }
  }

 private:
  static constexpr char kTag = 0;

  template <std::size_t... I, class... Args>
  [[nodiscard]] bool same_as(std::uint64_t call, std::index_sequence<I...> /*indices*/, const Args&... args) const {
    return (same(std::get<I>(kept_), args, call) && ...);
  }

  std::tuple<Kept...> kept_;
};

/// Numbers of the caller's, which lie in the staged bytes of their segment.
class StagedEntry final : public GraphEntry {
 public:
  StagedEntry(const Shape& shape, at::ScalarType type, std::size_t offset)
      : GraphEntry(&kTag), shape_(shape), type_(type), offset_(offset) {}
  [[nodiscard]] static bool is(const GraphEntry& entry, const Shape& shape, at::ScalarType type) {
    if (entry.kind() != &kTag) return false;
    const auto& staged = static_cast<const StagedEntry&>(entry);
    return staged.shape_ == shape && staged.type_ == type;
  }
  TorchTensor run(TorchOps& ops, GraphValues& values) const override;
  [[nodiscard]] std::size_t offset() const noexcept { return offset_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return shape_.count() * at::elementSize(type_); }

 private:
  static constexpr char kTag = 0;
  Shape shape_;
  at::ScalarType type_;
  std::size_t offset_;
};

/// A download: the last operation of its segment.
class ReadEntry final : public GraphEntry {
 public:
  ReadEntry(const GraphTensor& x, std::size_t count) : GraphEntry(&kTag), place_(x.place), count_(count) { reads.push_back(place_); }
  [[nodiscard]] static bool is(const GraphEntry& entry, std::uint64_t call, const GraphTensor& x, std::size_t count) {
    if (entry.kind() != &kTag) return false;
    const auto& read = static_cast<const ReadEntry&>(entry);
    return read.place_ == x.place && read.count_ == count && x.call == call;
  }
  TorchTensor run(TorchOps& ops, GraphValues& values) const override;

 private:
  static constexpr char kTag = 0;
  Place place_;
  std::size_t count_;
};

}  // namespace sinew::detail
