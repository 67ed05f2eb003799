// SPDX-License-Identifier: Apache-2.0
// GraphOps keep the contract of nn::TensorOps when operations are replayed, and give the bits of TorchOps. On a CPU what is replayed runs
// one by one; with SINEW_TORCH_DEVICE=cuda:0 as CUDA's graphs, whose kernels may add in another order.
#include <doctest/doctest.h>

#include <bit>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sinew/backend/torch/graph_ops.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/random.hpp"
#include "sinew/nn/layers.hpp"
#include "sinew/testing/tensor_ops_conformance.hpp"
#include "test_seed.hpp"
#include "torch_device.hpp"

using namespace sinew;

namespace {

/// Gives the weights, caches and states of the trial before again, as a model has its own: without them nothing would be the same twice.
class ModelLikeOps : public GraphOps {
 public:
  using GraphOps::GraphOps;

  class Scope {
   public:
    explicit Scope(ModelLikeOps& ops) : ops_(ops), inner_(ops.GraphOps::scope()) {
      if (ops.depth_++ == 0) ops.caches_made_ = ops.states_made_ = 0;
    }
    ~Scope() { --ops_.depth_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    Tensor keep(const Tensor& x) const { return inner_.keep(x); }

   private:
    ModelLikeOps& ops_;
    GraphOps::Scope inner_;
  };

  Scope scope() { return Scope(*this); }
  Matrix matrix(const RowSource& source) {
    return remembered(matrices_, source, [&] { return GraphOps::matrix(source); });
  }
  Matrix table(const RowSource& source) {
    return remembered(tables_, source, [&] { return GraphOps::table(source); });
  }
  Filter filter(const RowSource& source, const nn::Window& window) {
    auto& of_window = filters_[std::to_string(window.size) + "/" + std::to_string(window.stride) + "/" + std::to_string(window.padding)];
    return remembered(of_window, source, [&] { return GraphOps::filter(source, window); });
  }
  Parameter parameter(std::span<const float> values, const Shape& shape) {
    const auto key = to_string(shape) + text_of(values);
    const auto found = parameters_.find(key);
    return found != parameters_.end() ? found->second : parameters_.emplace(key, GraphOps::parameter(values, shape)).first->second;
  }
  Cache cache(std::int64_t capacity, std::int64_t heads, std::int64_t dim) {
    const Shape shape{capacity, heads, dim};
    const auto key = to_string(shape) + std::to_string(caches_made_++);
    const auto found = caches_.find(key);
    const Cache& known = found != caches_.end() ? found->second : caches_.emplace(key, GraphOps::cache(capacity, heads, dim)).first->second;
    return {.values = known.values, .length = 0};
  }
  State state(const Shape& shape) {
    const auto key = to_string(shape) + std::to_string(states_made_++);
    const auto found = states_.find(key);
    State& known = found != states_.end() ? found->second : states_.emplace(key, GraphOps::state(shape)).first->second;
    known.values.zero_();
    return known;
  }

 private:
  static std::string text_of(std::span<const float> values) { return {reinterpret_cast<const char*>(values.data()), values.size_bytes()}; }
  template <class Weight, class Make>
  static Weight remembered(std::map<std::string, Weight>& all, const RowSource& source, const Make& make) {
    std::vector<float> values(static_cast<std::size_t>(source.rows * source.columns));
    if (!values.empty()) source.read(0, source.rows, DType::f32, reinterpret_cast<std::byte*>(values.data()));
    const auto key = std::to_string(source.rows) + "/" + std::to_string(source.columns) + "/" + text_of(values);
    const auto found = all.find(key);
    return found != all.end() ? found->second : all.emplace(key, make()).first->second;
  }

  int depth_ = 0;
  int caches_made_ = 0, states_made_ = 0;
  std::map<std::string, Matrix> matrices_, tables_;
  std::map<std::string, std::map<std::string, Filter>> filters_;
  std::map<std::string, Parameter> parameters_;
  std::map<std::string, Cache> caches_;
  std::map<std::string, State> states_;
};

constexpr int kRepeats = 3;  // recorded, replayed for the first time, replayed again

template <class Ops>
std::vector<float> results_of(Ops& ops, DType dtype) {
  std::vector<float> results;
  const auto violations = sinew::testing::check_tensor_ops(
      ops, {.seed = sinew::testing::seed(), .dtype = dtype, .repeats = kRepeats, .observe = [&](std::span<const float> values) {
              results.insert(results.end(), values.begin(), values.end());
            }});
  for (const std::string& violation : violations) FAIL_CHECK(violation);
  CHECK(violations.empty());
  return results;
}

}  // namespace

TEST_CASE("graph ops: the contract and the bits of TorchOps, replayed, in both dtypes") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    CAPTURE(std::string(to_string(dtype)));
    CAPTURE(sinew::testing::seed());
    TorchOps eager(sinew::testing::torch_options(dtype));
    ModelLikeOps replayed(sinew::testing::torch_options(dtype), {.enabled = true, .on_cpu = true});
    const auto expected = results_of(eager, dtype), got = results_of(replayed, dtype);
    REQUIRE(got.size() == expected.size());
    CHECK(std::ranges::equal(got, expected,
                             [](float a, float b) { return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b); }));
    // Of three trials two are replays, but for those that are refused something, or make a weight.
    const GraphReport report = replayed.report();
    CHECK(report.replayed > 3 * report.recorded / 2);
    CHECK(report.plain == 0);
    CHECK(report.uncaptured == 0);
    CHECK(report.tapes <= GraphOptions().most_tapes);
  }
}

TEST_CASE("graph ops: without graphs they are TorchOps") {
  GraphOps ops;
  for (const auto& violation : sinew::testing::check_tensor_ops(ops, {.seed = sinew::testing::seed()})) FAIL_CHECK(violation);
  CHECK(ops.report().replayed + ops.report().recorded == 0);
}

namespace {

/// A model of a few layers with a cache and a state, whose host code goes ways of its own. Weights are the same for the same seed.
template <class Ops>
class Wanderer {
 public:
  using Tensor = typename Ops::Tensor;
  static constexpr std::int64_t kWidth = 8, kCapacity = 64;

  explicit Wanderer(Ops backend)
      : ops_(std::move(backend)), cache_(ops_.cache(kCapacity, 2, kWidth / 2)), state_(ops_.state(Shape{2, kWidth})) {
    Random random(3);
    const auto draw = [&](std::int64_t count) {
      std::vector<float> values(static_cast<std::size_t>(count));
      random.normal(values);
      for (float& value : values) value *= 0.3F;
      return values;
    };
    for (int i = 0; i < 3; ++i) matrices_.push_back(ops_.matrix(nn::row_source(draw(kWidth * kWidth), kWidth, kWidth)));
    taps_.emplace(ops_.parameter(draw(3 * kWidth), Shape{3, kWidth}));
    norm_.emplace(ops_.parameter(draw(kWidth), Shape{kWidth}));
  }

  struct Way {
    std::int64_t rows = 3;
    bool restarts = true;  ///< forgets what the cache and the state hold
    int reads = 3;         ///< after how many downloads the call ends
    bool detours = false;  ///< behind the first download another operation, on a tensor that is read on no other way
    int throws_at = -1;    ///< the host throws before its nth read
    bool trails = false;   ///< ends with operations that nobody downloads
  };

  /// What was read.
  std::vector<float> call(const Way& way, std::uint64_t seed) {
    Random random(seed);
    std::vector<float> numbers(static_cast<std::size_t>(way.rows * kWidth)), read;
    random.normal(numbers);
    auto scope = ops_.scope();
    if (way.restarts) {
      ops_.truncate(cache_, 0);
      ops_.clear(state_);
    }
    const Tensor x = ops_.copy(ops_.upload(numbers, Shape{way.rows, kWidth}));
    const Tensor aside = ops_.rms_norm(x, *norm_, 1e-5F);
    for (int i = 0; i < way.reads; ++i) {
      {
        auto inner = ops_.scope();
        const Tensor y = ops_.causal_conv(state_, x, *taps_, nn::Activation::silu);
        const Tensor heads = ops_.reshape(ops_.linear(y, matrices_[0], nullptr), Shape{way.rows, 2, kWidth / 2});
        const std::int64_t before = cache_.length;
        ops_.append(cache_, heads);
        const Tensor all = ops_.contents(cache_);
        ops_.add_linear_into(x, ops_.attention(heads, all, all, {.scale = 0.5F, .mask = {.causal = true, .offset = before}}), matrices_[1],
                             nullptr);
        std::vector<std::int64_t> order(static_cast<std::size_t>(way.rows));
        for (std::size_t row = 0; row < order.size(); ++row)
          order[row] = static_cast<std::int64_t>(random.bits() % static_cast<std::uint64_t>(way.rows));
        ops_.add_into(x, ops_.gather_rows(x, order), 0.25F);
        if (way.detours && i == 1) ops_.add_into(x, aside);
        if (i == way.throws_at) throw std::runtime_error("the host has had enough");
      }
      read.resize(read.size() + numbers.size());
      ops_.download(x, std::span(read).last(numbers.size()));
      // The host decides by what it read.
      if (read.back() > 0) ops_.add_into(x, ops_.upload(std::span(read).last(numbers.size()), Shape{way.rows, kWidth}), -0.5F);
    }
    if (way.trails) ops_.append(cache_, ops_.reshape(ops_.linear(x, matrices_[2], nullptr), Shape{way.rows, 2, kWidth / 2}));
    return read;
  }
  /// All that outlives a call.
  std::vector<float> memory() {
    auto scope = ops_.scope();
    std::vector<float> values(static_cast<std::size_t>(cache_.length * kWidth));
    ops_.download(ops_.contents(cache_), values);
    const auto state = state_.values.to(at::kCPU).contiguous();
    values.insert(values.end(), state.template data_ptr<float>(), state.template data_ptr<float>() + state.numel());
    return values;
  }
  Ops& ops() { return ops_; }

 private:
  Ops ops_;
  typename Ops::Cache cache_;
  typename Ops::State state_;
  std::vector<typename Ops::Matrix> matrices_;
  std::optional<typename Ops::Parameter> taps_, norm_;
};

}  // namespace

TEST_CASE("graph ops: a call that leaves its tape loses nothing, whatever has run before it does") {
  using Way = Wanderer<TorchOps>::Way;
  Random random(sinew::testing::seed());
  CAPTURE(sinew::testing::seed());
  Wanderer<TorchOps> eager{TorchOps(sinew::testing::torch_options())};
  Wanderer<GraphOps> taped{GraphOps(sinew::testing::torch_options(), {.enabled = true, .on_cpu = true, .most_tapes = 6})};
  std::uint64_t ended_by_exception = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    CAPTURE(i);
    const auto below = [&](std::uint64_t count) { return static_cast<int>(random.bits() % count); };
    const Way way{.rows = below(4) == 0 ? 2 : 3,
                  .restarts = i % 4 != 1 || below(4) != 0,
                  .reads = below(4) == 0 ? 1 + below(4) : 3,
                  .detours = below(5) == 0,
                  .throws_at = below(8) == 0 ? below(3) : -1,
                  .trails = below(4) == 0};
    std::vector<float> expected, got;
    bool threw = false;
    try {
      expected = eager.call(way, i);
    } catch (const std::runtime_error&) {
      threw = true;
    }
    if (threw)
      CHECK_THROWS_AS((void)taped.call({way.rows, way.restarts, way.reads, way.detours, way.throws_at, way.trails}, i), std::runtime_error);
    else
      got = taped.call({way.rows, way.restarts, way.reads, way.detours, way.throws_at, way.trails}, i);
    ended_by_exception += threw ? 1 : 0;
    CHECK(got == expected);
    CHECK(taped.memory() == eager.memory());
  }
  const GraphReport report = taped.ops().report();
  CHECK(report.tapes <= 6);
  CHECK(report.plain == 0);
  CHECK(report.launches > 100);
  CHECK(ended_by_exception > 10);
}

TEST_CASE("graph ops: tensors of a scope that has ended are refused, and bounds are kept") {
  GraphOps ops({}, {.enabled = true, .on_cpu = true, .most_operations = 8});
  const std::vector<float> numbers{1, 2, 3, 4};
  std::vector<float> out(4);
  GraphTensor old;
  for (int i = 0; i < 3; ++i) {
    auto scope = ops.scope();
    old = ops.activate(ops.upload(numbers, Shape{4}), nn::Activation::relu);
    ops.download(old, out);
    CHECK(out == numbers);
  }
  {
    auto scope = ops.scope();
    CHECK_THROWS_AS((void)ops.activate(old, nn::Activation::relu), Error);
  }
  std::string why;
  GraphOps bounded({}, {.enabled = true, .on_cpu = true, .most_operations = 8, .notice = [&](std::string_view text) { why = text; }});
  for (int i = 0; i < 3; ++i) {
    auto scope = bounded.scope();
    GraphTensor x = bounded.upload(numbers, Shape{4});
    for (int step = 0; step < 20; ++step) x = bounded.combine(1, x, 1, x);
    bounded.download(x, out);
    CHECK(out[3] == 4.0F * 0x1p20F);
  }
  CHECK(bounded.report().plain == 3);
  CHECK(bounded.report().operations <= 8);
  CHECK(why == "more operations than are remembered");
  // Indices are checked when they are replayed, too.
  for (const std::int64_t row : {0, 1, 2}) {
    auto scope = ops.scope();
    const GraphTensor x = ops.upload(numbers, Shape{2, 2});
    if (row < 2) {
      ops.download(ops.gather_rows(x, std::vector<std::int64_t>{row}), std::span(out).first(2));
      CHECK(out[0] == numbers[static_cast<std::size_t>(2 * row)]);
    } else {
      CHECK_THROWS_AS((void)ops.gather_rows(x, std::vector<std::int64_t>{row}), Error);
    }
  }
}
