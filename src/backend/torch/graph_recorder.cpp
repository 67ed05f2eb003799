// SPDX-License-Identifier: Apache-2.0
#include "graph_recorder.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>

#include "torch_checks.hpp"

namespace sinew::detail {

namespace {

constexpr std::size_t kAlignment = 64;  // of what is uploaded, as ATen's own memory is

std::size_t aligned(std::size_t bytes) noexcept { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }
at::IntArrayRef dims_of(const Shape& shape) { return {shape.dims().data(), shape.rank()}; }

/// Sizes and strides of `x`, and nothing else.
at::Tensor outline(const at::Tensor& x) {
  if (!x.defined()) return {};
  return at::empty_strided(x.sizes(), x.strides(), at::TensorOptions(x.scalar_type()).device(at::kMeta));
}

std::unique_ptr<GraphExecutor> executor_for(const TorchOps& ops, const GraphOptions& options) {
  if (!options.enabled) return nullptr;
  if (ops.device().is_cpu()) return options.on_cpu ? plain_executor() : nullptr;
  return cuda_executor(ops.device(), options.notice);
}

}  // namespace

TorchTensor StagedEntry::run(TorchOps& ops, GraphValues& values) const {
  const auto count = static_cast<std::int64_t>(bytes());
  if (count == 0) return {at::empty(dims_of(shape_), at::TensorOptions(type_).device(ops.device())), false};
  return {values.staged.narrow(0, static_cast<std::int64_t>(offset_), count).view(type_).view(dims_of(shape_)), false};
}

TorchTensor ReadEntry::run(TorchOps& /*ops*/, GraphValues& values) const {
  values.read.copy_(values.at(place_).value.to(at::kFloat).contiguous().view({-1}), /*non_blocking=*/true);
  return {};
}

GraphRecorder::GraphRecorder(const TorchOptions& options, const GraphOptions& graphs)
    : torch_(options), options_(graphs), executor_(executor_for(torch_, graphs)) {
  if (graphs.enabled && executor_ == nullptr && !torch_.device().is_cpu() && graphs.notice)
    graphs.notice("nothing is captured: Sinew was built without CUDA's headers");
}

GraphReport GraphRecorder::report() const {
  GraphReport report = report_;
  std::set<const GraphSegment*> segments;
  for (const auto& tape : tapes_) {
    report.operations += tape->entries.size();
    for (const auto& segment : tape->segments) segments.insert(segment.get());
  }
  report.tapes = tapes_.size();
  for (const GraphSegment* const segment : segments) {
    if (segment->run && !segment->run->captured()) ++report.uncaptured;
    for (const auto& [place, tensor] : segment->kept) report.kept_bytes += tensor.value.nbytes();
    for (const at::Tensor* const memory : {&segment->host, &segment->read_host})
      if (memory->defined()) report.staged_bytes += memory->nbytes();
  }
  return report;
}

bool GraphRecorder::begin() {
  if (depth_ == 0 && !broken_.empty())
    fail(ErrorCode::failed,
         {"graph", "the end of the call before", "", std::exchange(broken_, {}), "its caches and states are not to be used"});
  if (depth_++ > 0) return false;
  ++call_;
  place_ = 0;
  segment_ = staged_ = 0;
  mode_ = Mode::plain;
  if (executor_ == nullptr || torch_.differentiates()) return true;
  mode_ = tapes_.empty() ? Mode::record : Mode::replay;
  tape_ = tapes_.empty() ? std::make_shared<GraphTape>() : tapes_.back();
  return true;
}

void GraphRecorder::end(bool thrown) noexcept {
  if (--depth_ > 0) return;
  try {
    if (mode_ == Mode::replay) {
      if (place_ > begun()) {  // not downloaded, but caches and states may have to be written
        GraphSegment& segment = *tape_->segments[segment_];
        if (!thrown && place_ == segment.end)
          launch(segment);
        else
          run_pending();
      }
      ++report_.replayed;
      touch();
    } else if (mode_ == Mode::record) {
      if (!thrown) close_segment(-1);
      store();
      ++report_.recorded;
    }
  } catch (const std::exception& error) {
    tapes_.clear();
    if (!thrown) broken_ = error.what();
  }
  mode_ = Mode::plain;
  tape_.reset();
  extended_.reset();
  values_ = {};
}

void GraphRecorder::leave(std::string_view why) {
  if (mode_ == Mode::plain) return;
  if (mode_ == Mode::replay && place_ > begun()) {
    GraphSegment& segment = *tape_->segments[segment_];
    if (place_ == segment.end)
      launch(segment);
    else
      run_pending();
    touch();
  } else if (mode_ == Mode::record) {  // what came before is remembered
    close_segment(-1);
    store();
  }
  mode_ = Mode::plain;
  ++report_.plain;
  if (options_.notice) options_.notice(why);
}

void GraphRecorder::touch() {
  const auto used = std::ranges::find(tapes_, tape_);
  if (used != tapes_.end()) std::rotate(used, used + 1, tapes_.end());
}

const TorchTensor& GraphRecorder::real(const GraphTensor& x) const {
  if (!x.value.defined() || !x.value.is_meta()) return x;
  if (x.call != call_ || depth_ == 0)
    fail(ErrorCode::invalid_argument, {"graph", "tensors", "those of the present scope", "one of a scope that has ended", ""});
  return values_.at(x.place);
}

GraphTensor GraphRecorder::add(std::shared_ptr<GraphEntry> entry, TorchTensor result) {
  if (tape_->entries.size() >= options_.most_operations) {
    leave("more operations than are remembered");
    return GraphTensor{std::move(result)};
  }
  entry->result = {{outline(result.value), result.writable}, 0, static_cast<Place>(tape_->entries.size())};
  tape_->entries.push_back(std::move(entry));
  return {std::move(result), call_, tape_->entries.back()->result.place};
}

template <class Eager>
GraphTensor GraphRecorder::stage(std::span<const std::byte> bytes, const Shape& shape, at::ScalarType type, const Eager& eager) {
  if (mode_ == Mode::replay) {
    const bool whole = bytes.size() == shape.count() * at::elementSize(type);
    if (const GraphEntry* const entry = next([&](const GraphEntry& e) { return whole && StagedEntry::is(e, shape, type); })) {
      const auto& staged = static_cast<const StagedEntry&>(*entry);
      if (!bytes.empty())
        std::memcpy(static_cast<std::byte*>(host_of(*tape_->segments[segment_]).data_ptr()) + staged.offset(), bytes.data(), bytes.size());
      staged_ = staged.offset() + staged.bytes();
      return given(*entry);
    }
  }
  TorchTensor result = eager();
  if (mode_ != Mode::record) return GraphTensor{std::move(result)};
  auto entry = std::make_shared<StagedEntry>(shape, type, aligned(staged_));
  staged_ = entry->offset() + entry->bytes();
  return add(std::move(entry), std::move(result));
}

GraphTensor GraphRecorder::upload(std::span<const float> values, const Shape& shape) {
  return stage(std::as_bytes(values), shape, at::kFloat, [&] { return torch_.upload(values, shape); });
}

GraphTensor GraphRecorder::indices(std::span<const std::int64_t> values, std::int64_t below, const char* operation) {
  require_rows(values, below, operation);
  return stage(std::as_bytes(values), Shape{static_cast<std::int64_t>(values.size())}, at::kLong,
               [&] { return torch_.indices(values, below, operation); });
}

void GraphRecorder::download(const GraphTensor& x, std::span<float> values) {
  if (mode_ == Mode::replay)
    if (next([&](const GraphEntry& e) { return ReadEntry::is(e, call_, x, values.size()); }) != nullptr) {
      GraphSegment& segment = *tape_->segments[segment_];
      launch(segment);
      if (!values.empty()) std::memcpy(values.data(), segment.read_host.const_data_ptr<float>(), values.size_bytes());
      return;
    }
  torch_.download(real(x), values);
  if (mode_ != Mode::record) return;
  if (!own(x)) return leave("a tensor of another call");
  add(std::make_shared<ReadEntry>(x, values.size()), {});
  if (mode_ == Mode::record) close_segment(static_cast<std::int64_t>(values.size()));
}

const GraphEntry* GraphRecorder::elsewhere(const std::function<bool(const GraphEntry&)>& is) {
  const auto goes_on = [&](const std::shared_ptr<GraphTape>& tape) {
    return tape != tape_ && tape->entries.size() > place_ && (place_ == 0 || tape->entries[place_ - 1] == tape_->entries[place_ - 1]) &&
           (segment_ == 0 || tape->segments[segment_ - 1] == tape_->segments[segment_ - 1]) && is(*tape->entries[place_]);
  };
  const auto found = std::ranges::find_if(tapes_.rbegin(), tapes_.rend(), goes_on);
  if (found == tapes_.rend()) {
    branch();
    return nullptr;
  }
  switch_to(*found);
  return tape_->entries[place_++].get();
}

void GraphRecorder::switch_to(const std::shared_ptr<GraphTape>& tape) {
  if (staged_ > 0) {
    GraphSegment &from = *tape_->segments[segment_], &to = *tape->segments[segment_];
    if (&from != &to) std::memcpy(host_of(to).data_ptr(), host_of(from).const_data_ptr(), staged_);
  }
  tape_ = tape;
}

void GraphRecorder::branch() {
  run_pending();
  auto tape = std::make_shared<GraphTape>();
  tape->entries.assign(tape_->entries.begin(), tape_->entries.begin() + place_);
  tape->segments.assign(tape_->segments.begin(), tape_->segments.begin() + static_cast<std::ptrdiff_t>(segment_));
  if (place_ == tape_->entries.size()) extended_ = tape_;
  tape_ = std::move(tape);
  mode_ = Mode::record;
}

void GraphRecorder::close_segment(std::int64_t read) {
  const Place begin = tape_->segments.empty() ? 0 : tape_->segments.back()->end, end = static_cast<Place>(tape_->entries.size());
  if (begin == end) return;
  auto segment = std::make_shared<GraphSegment>();
  segment->begin = begin;
  segment->end = end;
  segment->bytes = staged_;
  segment->read = read;
  tape_->segments.push_back(std::move(segment));
  staged_ = 0;
}

void GraphRecorder::store() {
  const Place end = tape_->segments.empty() ? 0 : tape_->segments.back()->end;
  tape_->entries.resize(end);  // an exception left the rest without an end
  if (end == 0) return;
  std::erase(tapes_, extended_);
  tapes_.push_back(tape_);
  const auto operations = [this] {
    std::size_t count = 0;
    for (const auto& tape : tapes_) count += tape->entries.size();
    return count;
  };
  while (tapes_.size() > std::max<std::size_t>(options_.most_tapes, 1) || (tapes_.size() > 1 && operations() > options_.most_operations))
    tapes_.erase(tapes_.begin());
}

at::Tensor& GraphRecorder::host_of(GraphSegment& segment) {
  if (!segment.host.defined()) segment.host = executor_->host(static_cast<std::int64_t>(segment.bytes), at::kByte);
  return segment.host;
}

void GraphRecorder::launch(GraphSegment& segment) {
  try {
    values_.table.resize(std::max<std::size_t>(values_.table.size(), segment.end));
    if (!segment.run) {
      plan(segment);
      if (segment.read >= 0) segment.read_host = executor_->host(segment.read, at::kFloat);
      segment.run = executor_->segment();
    }
    segment.run->go([&] { compute(segment); });
    for (const auto& [place, tensor] : segment.kept) values_.table[place] = tensor;
  } catch (...) {  // how much of it has run, nobody knows
    tapes_.clear();
    mode_ = Mode::plain;
    throw;
  }
  ++report_.launches;
  ++segment_;
  staged_ = 0;
}

/// What the host holds now may be read by a later segment, whether the tape has that yet or not.
void GraphRecorder::plan(GraphSegment& segment) const {
  const std::size_t count = segment.end - segment.begin;
  std::vector<std::size_t> last(count);
  for (std::size_t i = 0; i < count; ++i) {
    last[i] = i;
    for (const Place place : tape_->entries[segment.begin + i]->reads)
      if (place >= segment.begin) last[place - segment.begin] = i;
  }
  segment.spent.assign(count, {});
  for (std::size_t i = 0; i < count; ++i) {
    const at::Tensor& result = tape_->entries[segment.begin + i]->result.value;
    if (result.defined() && result.use_count() == 1) segment.spent[last[i]].push_back(segment.begin + static_cast<Place>(i));
  }
}

void GraphRecorder::compute(GraphSegment& segment) {
  segment.kept.clear();
  if (segment.bytes > 0) values_.staged = executor_->staged(host_of(segment));
  values_.read = segment.read_host;
  for (Place place = segment.begin; place < segment.end; ++place) {
    values_.table[place] = tape_->entries[place]->run(torch_, values_);
    for (const Place spent : segment.spent[place - segment.begin]) values_.table[spent] = {};
  }
  values_.staged = values_.read = at::Tensor();
  for (Place place = segment.begin; place < segment.end; ++place)
    if (values_.table[place].value.defined()) segment.kept.emplace_back(place, values_.table[place]);
}

void GraphRecorder::run_pending() {
  const Place from = begun();
  if (place_ == from) return;
  values_.table.resize(std::max<std::size_t>(values_.table.size(), place_));
  if (staged_ > 0)  // not the buffer itself, which the next call writes
    values_.staged = host_of(*tape_->segments[segment_]).narrow(0, 0, static_cast<std::int64_t>(staged_)).clone().to(torch_.device());
  for (Place place = from; place < place_; ++place) values_.table[place] = tape_->entries[place]->run(torch_, values_);
  values_.staged = at::Tensor();
}

}  // namespace sinew::detail
