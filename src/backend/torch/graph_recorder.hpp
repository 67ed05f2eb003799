// SPDX-License-Identifier: Apache-2.0
// Tapes, and where a call stands on one. Note [Tapes] in sinew/backend/torch/graph_ops.hpp.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "graph_entry.hpp"
#include "graph_executor.hpp"

namespace sinew::detail {

/// Operations up to a download. Shared by tapes as their entries are.
struct GraphSegment {
  Place begin = 0, end = 0;
  std::size_t bytes = 0;                    ///< staged
  std::int64_t read = -1;                   ///< numbers of its download; -1: it has none
  at::Tensor host{}, read_host{};           ///< made when they are needed
  std::vector<std::vector<Place>> spent{};  ///< behind each operation, what nobody reads any more
  std::vector<std::pair<Place, TorchTensor>> kept{};
  std::unique_ptr<SegmentRun> run{};
};

struct GraphTape {
  std::vector<std::shared_ptr<GraphEntry>> entries;
  std::vector<std::shared_ptr<GraphSegment>> segments;  ///< all entries but, while recording, the last ones
};

class GraphRecorder {
 public:
  GraphRecorder(const TorchOptions& options, const GraphOptions& graphs);

  [[nodiscard]] TorchOps& torch() noexcept { return torch_; }
  [[nodiscard]] const TorchOps& torch() const noexcept { return torch_; }
  [[nodiscard]] GraphReport report() const;

  /// A scope begins; whether it is the outermost.
  bool begin();
  /// It ends; `thrown`: because of an exception.
  void end(bool thrown) noexcept;

  template <auto Function, class... Args>
  GraphTensor run(const Args&... args) {
    using Operation = GraphOperation<Function, decltype(keep(args))...>;
    const auto is = [&](const GraphEntry& entry) { return Operation::is(entry, call_, args...); };
    if (mode_ == Mode::replay)
      if (const GraphEntry* const entry = next(is)) return given(*entry);
    const auto live = [this](const auto& argument, const auto& kept) -> decltype(auto) { return live_of(argument, kept); };
    if (mode_ == Mode::record && !(own(args) && ...)) leave("a tensor of another call");
    if (mode_ != Mode::record) return GraphTensor{Operation::invoke(torch_, plain_of(args)...)};
    auto entry = std::make_shared<Operation>(args...);
    TorchTensor result = entry->run_on(torch_, live, args...);
    return add(std::move(entry), std::move(result));
  }
  GraphTensor upload(std::span<const float> values, const Shape& shape);
  GraphTensor indices(std::span<const std::int64_t> values, std::int64_t below, const char* operation);
  void download(const GraphTensor& x, std::span<float> values);
  /// From here to the end of the call nothing is remembered.
  void leave(std::string_view why);
  /// With memory. Throws Error for a tensor of another call that has none.
  [[nodiscard]] const TorchTensor& real(const GraphTensor& x) const;

 private:
  enum class Mode : std::uint8_t { plain, record, replay };

  /// The operation that is replayed; null: none is, and the mode has changed.
  template <class Is>
  const GraphEntry* next(const Is& is) {
    if (place_ < tape_->entries.size() && is(*tape_->entries[place_])) return tape_->entries[place_++].get();
    return elsewhere(is);
  }
  const GraphEntry* elsewhere(const std::function<bool(const GraphEntry&)>& is);
  [[nodiscard]] GraphTensor given(const GraphEntry& entry) const {
    GraphTensor x = entry.result;
    x.call = call_;
    return x;
  }
  GraphTensor add(std::shared_ptr<GraphEntry> entry, TorchTensor result);
  template <class Eager>
  GraphTensor stage(std::span<const std::byte> bytes, const Shape& shape, at::ScalarType type, const Eager& eager);
  void switch_to(const std::shared_ptr<GraphTape>& tape);
  void branch();
  void close_segment(std::int64_t read);
  void launch(GraphSegment& segment);
  void compute(GraphSegment& segment);
  void plan(GraphSegment& segment) const;
  void run_pending();
  void store();
  void touch();
  at::Tensor& host_of(GraphSegment& segment);
  [[nodiscard]] Place begun() const { return segment_ == 0 ? 0 : tape_->segments[segment_ - 1]->end; }

  [[nodiscard]] bool own(const GraphTensor& x) const { return x.call == call_; }
  [[nodiscard]] bool own(const GraphTensor* x) const { return x == nullptr || own(*x); }
  [[nodiscard]] bool own(std::span<const GraphTensor> parts) const {
    return std::ranges::all_of(parts, [this](const GraphTensor& x) { return own(x); });
  }
  template <class Other>
  [[nodiscard]] static bool own(const Other& /*other*/) {
    return true;
  }
  const TorchTensor& live_of(const GraphTensor& x, const KeptTensor& /*kept*/) const { return real(x); }
  const TorchTensor* live_of(const GraphTensor* x, const std::optional<KeptTensor>& /*kept*/) const {
    return x == nullptr ? nullptr : &real(*x);
  }
  std::vector<TorchTensor> live_of(std::span<const GraphTensor> parts, const KeptTensors& /*kept*/) const {
    std::vector<TorchTensor> tensors;
    for (const GraphTensor& part : parts) tensors.push_back(real(part));
    return tensors;
  }
  template <class Argument, class Kept>
  decltype(auto) live_of(const Argument& /*argument*/, const Kept& kept) const {
    return again(kept, values_);
  }

  [[nodiscard]] const TorchTensor& plain_of(const GraphTensor& x) const { return real(x); }
  [[nodiscard]] const TorchTensor* plain_of(const GraphTensor* x) const { return x == nullptr ? nullptr : &real(*x); }
  [[nodiscard]] std::vector<TorchTensor> plain_of(std::span<const GraphTensor> parts) const { return live_of(parts, KeptTensors{}); }
  [[nodiscard]] static KeptAttention plain_of(const nn::Attention& options) { return keep(options); }
  template <class Argument>
  [[nodiscard]] static const Argument& plain_of(const Argument& argument) {
    return argument;
  }

  TorchOps torch_;
  GraphOptions options_;
  std::unique_ptr<GraphExecutor> executor_;        // null: nothing is remembered
  std::vector<std::shared_ptr<GraphTape>> tapes_;  // the most recently used one comes last
  GraphReport report_{};
  std::string broken_{};

  // The present call.
  int depth_ = 0;
  std::uint64_t call_ = 0;
  Mode mode_ = Mode::plain;
  std::shared_ptr<GraphTape> tape_;
  Place place_ = 0;                      // of the next operation
  std::size_t segment_ = 0;              // that it belongs to
  std::size_t staged_ = 0;               // bytes of that segment so far
  std::shared_ptr<GraphTape> extended_;  // that the one which is recorded goes on from
  GraphValues values_{};
};

}  // namespace sinew::detail
