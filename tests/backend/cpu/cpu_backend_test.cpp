// SPDX-License-Identifier: Apache-2.0
// The backend "cpu" as a policy uses it: conformance, heap, memory, threads, refusals. That its numbers are right: python/tests/test_nn.py.
#include "sinew/backend/cpu/cpu_backend.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <thread>
#include <vector>

#include "sinew/backend/cpu/cpu_models.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/io/statistics_file.hpp"
#include "sinew/observation/vla_encoder.hpp"
#include "sinew/runtime/policy.hpp"
#include "sinew/testing/backend_conformance.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "temporary_directory.hpp"
#include "tiny_policy.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

struct Tiny {
  explicit Tiny(const TinyPolicyOptions& options = {}) { write_tiny_policy(folder.path(), options); }
  TemporaryDirectory folder;
};

std::vector<double> chunk_of(Policy& policy, const Observation& observation, const ActOptions& options = {}) {
  ActionChunk chunk = policy.make_chunk();
  INFO(policy.last_error());
  REQUIRE(policy.act(observation, chunk, options) == Status::ok);
  return {chunk.values.data(), chunk.values.data() + chunk.values.size()};
}

}  // namespace

TEST_CASE("cpu backend: conforms, and takes nothing from the heap after the first call") {
  for (const DType dtype : {DType::f32, DType::bf16})
    for (const int threads : {1, 2}) {
      CAPTURE(to_string(dtype));
      CAPTURE(threads);
      const Tiny tiny({.dtype = dtype});
      const PolicyCard card = read_card(tiny.folder.path() / "sinew.json");
      VlaEncoder encoder(card, read_statistics(tiny.folder.path(), card.statistics), read_vla_encoder_options(tiny.folder.path(), card));
      TensorMap inputs = make_tensors(encoder.spec());
      REQUIRE(encoder.encode(tiny_observation(1), inputs) == Status::ok);
      AnyBackend backend = cpu_backend({.threads = threads})({tiny.folder.path(), card, encoder.spec()});
      for (const auto& violation : check_backend(backend, {.seed = 1, .heap_calls = heap_calls, .inputs = &inputs})) FAIL_CHECK(violation);
    }
}

TEST_CASE("cpu backend: a whole act takes nothing from the heap after the first") {
  const Tiny tiny;
  Policy policy = Policy::load(tiny.folder.path());
  const Observation observation = tiny_observation(2);
  ActionChunk chunk = policy.make_chunk();
  REQUIRE(policy.act(observation, chunk) == Status::ok);
  const HeapCallCounter counter;
  for (int i = 0; i < 3; ++i) CHECK(policy.act(observation, chunk, {.seed = i}) == Status::ok);
  CHECK(counter.count() == 0);
}

TEST_CASE("cpu backend: the same seed gives the same bits, whatever the number of threads, alone or beside other policies") {
  const Tiny tiny;
  Policy one = Policy::load(tiny.folder.path());
  const Observation observation = tiny_observation(3);
  const auto expected = chunk_of(one, observation, {.seed = 7});
  BackendRegistry registry = BackendRegistry::with_defaults();
  registry.add("cpu3", cpu_backend({.threads = 3}));
  Policy three = Policy::load(tiny.folder.path(), registry, "cpu3");
  CHECK(chunk_of(three, observation, {.seed = 7}) == expected);

  std::vector<std::vector<double>> results(3);
  std::vector<std::thread> threads;
  for (auto& result : results)
    threads.emplace_back([&] {
      Policy mine = Policy::load(tiny.folder.path());
      ActionChunk chunk = mine.make_chunk();
      for (int i = 0; i < 5; ++i)
        if (mine.act(observation, chunk, {.seed = 7}) != Status::ok) return;
      result.assign(chunk.values.data(), chunk.values.data() + chunk.values.size());
    });
  for (auto& thread : threads) thread.join();
  for (const auto& result : results) CHECK(result == expected);
}

TEST_CASE("cpu backend: seeds, noise and prefixes do what they say") {
  const Tiny tiny;
  Policy policy = Policy::load(tiny.folder.path());
  const Observation observation = tiny_observation(4);
  const auto first = chunk_of(policy, observation), second = chunk_of(policy, observation);
  CHECK(first != second);
  policy.reset();
  CHECK(chunk_of(policy, observation) == first);
  const std::vector<float> noise(kTinyHorizon * kTinyJoints, 0.25F);
  CHECK(chunk_of(policy, observation, {.noise = noise}) == chunk_of(policy, observation, {.seed = 9, .noise = noise}));
  const auto raw = policy.outputs()["actions"].as<float>();
  const std::vector<float> prefix(raw.begin() + 2 * kTinyJoints, raw.end());
  const ChunkPrefix<float> rest{prefix, kTinyHorizon - 2, kTinyJoints};
  CHECK(chunk_of(policy, observation, {.seed = 9, .prefix = rest, .prefix_delay = 2}) != chunk_of(policy, observation, {.seed = 9}));

  ActionChunk chunk = policy.make_chunk();
  CHECK(policy.act(observation, chunk, {.noise = std::span(noise).first(3)}) == Status::bad_shape);
  CHECK(policy.act(observation, chunk, {.prefix = {prefix, kTinyHorizon, kTinyJoints}}) == Status::bad_shape);
  CHECK(policy.act(observation, chunk, {.prefix = {prefix, -1, kTinyJoints}}) == Status::bad_shape);
  CHECK(policy.last_error().find("prefix") != std::string_view::npos);
  CHECK(chunk_of(policy, observation, {.seed = 9}) == chunk_of(policy, observation, {.seed = 9}));
}

TEST_CASE("cpu backend: the arena does not grow with depth") {
  const auto peak = [](std::int64_t layers) {
    const Tiny tiny({.text_layers = layers, .vision_layers = layers, .head_layers = layers});
    CpuOps ops;
    const auto entry = cpu_models().backbone("qwen3_vl");
    Weights weights = Weights::open(tiny.folder.path(), entry.names);
    const Json config = Json::read_file(tiny.folder.path() / "config.json");
    auto backbone = entry.load(nn::Loader<CpuOps>(ops, weights), JsonCursor(config, "config.json"), {.max_tokens = 64});
    const std::vector<std::int64_t> ids(40, 5);
    {
      auto scope = ops.scope();
      static_cast<void>(backbone.prefill(ops, {.ids = ids}));
    }
    return ops.peak_bytes();
  };
  CHECK(peak(9) == peak(3));
}

TEST_CASE("cpu backend: what an encoder does not offer is refused at load") {
  const Tiny tiny;
  const PolicyCard card = read_card(tiny.folder.path() / "sinew.json");
  const auto refusal = [&](const TensorSpecs& offered) {
    try {
      static_cast<void>(cpu_backend()({tiny.folder.path(), card, offered}));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(refusal({}).find("'input_ids' among them") != std::string::npos);
  CHECK(refusal({{"input_ids", DType::i32, Shape{8}}}).find("i64 of rank 1") != std::string::npos);
  CHECK(refusal({{"input_ids", DType::i64, Shape{8}}, {"pixel_values", DType::f32, Shape{4, 1536}}}).find("'image_grid_thw'") !=
        std::string::npos);
  CHECK(refusal({{"input_ids", DType::i64, Shape{8}}, {"state", DType::f32, Shape{5}}}).find("f32 [6]") != std::string::npos);
  PolicyCard half = card;
  half.dtype = DType::f16;
  CHECK_THROWS_WITH_AS(static_cast<void>(cpu_backend()({tiny.folder.path(), half, {}})), doctest::Contains("f32 or bf16"), Error);
}

TEST_CASE("cpu ops: a matrix that is read in many parts by several threads, exact to the bit; a source that fails is passed on") {
  constexpr std::int64_t kRows = 2100, kColumns = 1030;
  const auto value = [](std::int64_t row, std::int64_t column) { return static_cast<float>((row * 31 + column * 7) % 251 - 125); };
  for (const DType dtype : {DType::f32, DType::bf16}) {
    CAPTURE(to_string(dtype));
    CpuOps ops({.weights = dtype});
    std::int64_t failing = -1;
    const RowSource source{kRows, kColumns, [&](std::int64_t first, std::int64_t count, DType as, std::byte* out) {
                             if (failing >= first && failing < first + count) fail(ErrorCode::io, {"test", "row", "", "", ""});
                             for (std::int64_t r = 0; r < count; ++r)
                               for (std::int64_t c = 0; c < kColumns; ++c, out += size_of(as)) {
                                 const auto bits = std::bit_cast<std::uint32_t>(value(first + r, c));  // small integers: exact in both
                                 if (as == DType::f32)
                                   std::memcpy(out, &bits, 4);
                                 else
                                   std::memcpy(out, reinterpret_cast<const std::byte*>(&bits) + 2, 2);
                               }
                           }};
    const CpuMatrix matrix = ops.matrix(source);
    const auto scope = ops.scope();
    std::vector<std::int64_t> ids(kRows);
    std::iota(ids.begin(), ids.end(), 0);
    const CpuTensor all = ops.embedding(matrix, ids);
    std::int64_t wrong = 0;
    for (std::int64_t r = 0; r < kRows; ++r)
      for (std::int64_t c = 0; c < kColumns; ++c) wrong += all.data()[r * kColumns + c] != value(r, c);
    CHECK(wrong == 0);
    failing = 1500;
    CHECK_THROWS_AS((void)ops.matrix(source), Error);
  }
}
