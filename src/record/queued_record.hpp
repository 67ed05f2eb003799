// SPDX-License-Identifier: Apache-2.0
// The form of records in the queue: as they lie in memory, because the same process reads them a moment later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "sinew/core/action_chunk.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/record/record_writer.hpp"

namespace sinew::detail {

enum class QueuedKind : std::uint8_t { observation, command, tick, chunk, event, motion };

/// Counts bytes.
class ByteCount {
 public:
  void bytes(const void*, std::size_t size) noexcept { size_ += size; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::size_t size_ = 0;
};

/// Fills bytes that suffice.
class ByteSink {
 public:
  explicit ByteSink(std::span<std::byte> out) noexcept : at_(out.data()) {}
  void bytes(const void* data, std::size_t size) noexcept {
    if (size > 0) std::memcpy(at_, data, size);
    at_ += size;
  }

 private:
  std::byte* at_;
};

template <class Sink, class Number>
void put_number(Sink& sink, const Number& number) noexcept {
  static_assert(std::is_trivially_copyable_v<Number>);
  sink.bytes(&number, sizeof number);
}
template <class Sink>
void put_text(Sink& sink, std::string_view text) noexcept {
  put_number(sink, text.size());
  sink.bytes(text.data(), text.size());
}
template <class Sink>
void put_doubles(Sink& sink, std::span<const double> values) noexcept {
  put_number(sink, values.size());
  sink.bytes(values.data(), values.size_bytes());
}

/// Everything of a chunk but its values in one piece.
struct ChunkHead {
  ActionSpace space;
  int horizon;
  int dim;
  Time t0;
  Time dt;
  std::uint64_t sequence;
  std::uint64_t observation_id;
  std::uint64_t joint_order_hash;
};
template <class Sink>
void put_chunk(Sink& sink, const ActionChunk& chunk) noexcept {
  put_number(sink, ChunkHead{chunk.space, chunk.horizon, chunk.dim, chunk.t0, chunk.dt, chunk.sequence, chunk.observation_id,
                             chunk.joint_order_hash});
  put_doubles(sink, chunk.values);
}

/// `frames`: where in the pool the frames of the cameras are, -1 = an empty frame.
template <class Sink>
void put_observation(Sink& sink, const Observation& observation, std::span<const int> frames) noexcept {
  put_number(sink, observation.id);
  put_text(sink, observation.instruction);
  put_number(sink, observation.channels.size());
  for (const auto& channel : observation.channels) {
    put_text(sink, channel.name);
    put_text(sink, channel.unit);
    put_number(sink, channel.stamp);
    put_doubles(sink, channel.values);
  }
  put_number(sink, observation.cameras.size());
  for (std::size_t i = 0; i < observation.cameras.size(); ++i) {
    put_text(sink, observation.cameras[i].name);
    put_number(sink, observation.cameras[i].stamp);
    put_number(sink, frames[i]);
  }
}

/// Reads what was put.
class ByteCursor {
 public:
  explicit ByteCursor(std::span<const std::byte> bytes) noexcept : at_(bytes.data()) {}

  template <class Number>
  [[nodiscard]] Number number() noexcept {
    Number value;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  [[nodiscard]] std::string_view text() noexcept {
    const auto size = number<std::size_t>();
    const std::string_view view(reinterpret_cast<const char*>(at_), size);
    at_ += size;
    return view;
  }
  void doubles(std::vector<double>& out) {
    out.resize(number<std::size_t>());
    if (!out.empty()) std::memcpy(out.data(), at_, out.size() * sizeof(double));
    at_ += out.size() * sizeof(double);
  }
  void chunk(ActionChunk& out) {
    const auto head = number<ChunkHead>();
    out.space = head.space;
    out.horizon = head.horizon;
    out.dim = head.dim;
    out.t0 = head.t0;
    out.dt = head.dt;
    out.sequence = head.sequence;
    out.observation_id = head.observation_id;
    out.joint_order_hash = head.joint_order_hash;
    doubles(out.values);
  }
  /// Without the frames, whose places go to `frames`.
  void observation(Observation& out, std::vector<int>& frames) {
    out.id = number<std::uint64_t>();
    out.instruction.assign(text());
    out.channels.resize(number<std::size_t>());
    for (auto& channel : out.channels) {
      channel.name.assign(text());
      channel.unit.assign(text());
      channel.stamp = number<Time>();
      doubles(channel.values);
    }
    out.cameras.resize(number<std::size_t>());
    frames.clear();
    for (auto& camera : out.cameras) {
      camera.name.assign(text());
      camera.stamp = number<Time>();
      frames.push_back(number<int>());
    }
  }

 private:
  const std::byte* at_;
};

}  // namespace sinew::detail
