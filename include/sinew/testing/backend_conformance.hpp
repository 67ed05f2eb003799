// SPDX-License-Identifier: Apache-2.0
// What every backend must do, as functions that return what went wrong, so that any test framework can use them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "sinew/backend/backend.hpp"

namespace sinew::testing {

/// Tensors of a backend, filled with reproducible numbers: floats in [-1, 1], bytes 0 to 255, other integers 0 to 3.
[[nodiscard]] inline TensorMap filled_inputs(const ModelSpec& spec, std::uint64_t seed) {
  TensorMap inputs = make_tensors(spec.inputs);
  std::uint64_t state = seed;
  const auto next = [&state] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<double>(state >> 11) * 0x1.0p-53;
  };
  const auto signed_unit = [&next] { return static_cast<float>(2 * next() - 1); };
  for (auto& [name, tensor] : inputs) {
    for (bool& value : tensor.as<bool>()) value = next() < 0.5;
    for (std::uint8_t& value : tensor.as<std::uint8_t>()) value = static_cast<std::uint8_t>(256 * next());
    for (std::int8_t& value : tensor.as<std::int8_t>()) value = static_cast<std::int8_t>(4 * next());
    for (std::int32_t& value : tensor.as<std::int32_t>()) value = static_cast<std::int32_t>(4 * next());
    for (std::int64_t& value : tensor.as<std::int64_t>()) value = static_cast<std::int64_t>(4 * next());
    for (Float16& value : tensor.as<Float16>()) value = Float16(signed_unit());
    for (BFloat16& value : tensor.as<BFloat16>()) value = BFloat16(signed_unit());
    for (float& value : tensor.as<float>()) value = signed_unit();
    for (double& value : tensor.as<double>()) value = signed_unit();
  }
  return inputs;
}

/// Fills every tensor with one byte, so that what a backend leaves unwritten differs between two calls.
inline void poison(TensorMap& tensors, std::byte value) {
  for (auto& [name, tensor] : tensors) std::ranges::fill(tensor.bytes(), value);
}

/// Options of the suite.
struct ConformanceOptions {
  std::uint64_t seed = 1;
  /// Current heap-call count of the thread, e.g. sinew::testing::heap_calls; empty skips the allocation check.
  std::function<std::uint64_t()> heap_calls;
  /// Inputs for backends that refuse random ones: ids and grids that fit each other, say; null: filled_inputs.
  const TensorMap* inputs = nullptr;
  double batch_tolerance = 0;  ///< relative difference of outputs that are inferred together; products of other sizes round differently
};

/// Largest difference of two outputs of f32 relative to the largest number; infinite for other bytes that differ.
inline double difference(const Tensor& a, const Tensor& b) {
  if (a.dtype() != DType::f32 || a.shape() != b.shape())
    return std::ranges::equal(a.bytes(), b.bytes()) ? 0 : std::numeric_limits<double>::infinity();
  double worst = 0, largest = std::numeric_limits<float>::min();
  for (std::size_t i = 0; i < a.as<float>().size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(a.as<float>()[i]) - static_cast<double>(b.as<float>()[i])));
    largest = std::max(largest, std::abs(static_cast<double>(a.as<float>()[i])));
  }
  return worst / largest;
}

/// The laws of several inferences at once.
template <BatchingBackend B>
void check_batches(B& backend, const TensorMap& inputs, double tolerance, const std::function<void(bool, std::string)>& expect) {
  const ModelSpec spec = backend.spec();
  const std::size_t count = std::min<std::size_t>(backend.most_batch(), 3);
  expect(count >= 1, "most_batch: none");
  const TensorMap empty;
  const std::vector<const TensorMap*> given{&inputs, spec.inputs.empty() ? &inputs : &empty, &inputs};
  std::vector<TensorMap> alone, outputs;
  std::vector<Status> statuses;
  for (std::size_t i = 0; i < count; ++i) {
    alone.push_back(make_tensors(spec.outputs));
    outputs.push_back(make_tensors(spec.outputs));
    if constexpr (ResettableBackend<B>) backend.reset();
    statuses.push_back(backend.infer(*given[i], alone[i]));
  }
  std::vector<Inference> several;
  for (std::size_t i = 0; i < count; ++i) several.push_back({given[i], &outputs[i]});
  if constexpr (ResettableBackend<B>) backend.reset();
  backend.infer_batch(several);
  for (std::size_t i = 0; i < count; ++i) {
    expect((several[i].status == Status::ok) == (statuses[i] == Status::ok), "infer_batch: another status than infer");
    if (statuses[i] != Status::ok || several[i].status != Status::ok) continue;
    for (const auto& [name, tensor] : alone[i])
      expect(difference(tensor, outputs[i][name]) <= tolerance, "infer_batch: '" + name + "' differs from infer's");
  }
}

/// Runs the suite and returns one line per violation; empty means that the backend conforms.
///
/// The laws: the specification is well-formed; the same inputs give the same bytes; inputs are not written; outputs have
/// the specified dtype and fit their capacity; a missing input, a wrong dtype and a wrong rank are refused with a status
/// and a text, and a good call after that works; a backend that says so allocates nothing; several inferences at once give each what it
/// gets alone, and one that is refused does not harm the others.
template <Backend B>
[[nodiscard]] std::vector<std::string> check_backend(B& backend, const ConformanceOptions& options = {}) {
  std::vector<std::string> violations;
  const auto expect = [&violations](bool condition, std::string text) {
    if (!condition) violations.push_back(std::move(text));
  };
  const ModelSpec spec = backend.spec();
  expect(!spec.name.empty(), "spec: the model has no name");
  expect(!spec.outputs.empty(), "spec: no output");
  const TensorMap inputs = options.inputs != nullptr ? *options.inputs : filled_inputs(spec, options.seed);
  TensorMap outputs = make_tensors(spec.outputs);
  const auto reset = [&backend] {
    if constexpr (ResettableBackend<B>) backend.reset();
  };

  reset();
  poison(outputs, std::byte{0x5A});
  TensorMap inputs_kept = inputs;
  expect(backend.infer(inputs_kept, outputs) == Status::ok,
         "infer: refuses inputs of its own specification: " + std::string(backend.last_error()));
  for (const auto& [name, tensor] : inputs)
    expect(std::ranges::equal(tensor.bytes(), inputs_kept[name].bytes()), "infer: writes its input '" + name + "'");
  for (const auto& output : spec.outputs)
    expect(check_tensor(output, outputs[output.name]) == Status::ok, "infer: output '" + output.name + "' breaks its specification");

  const TensorMap first = outputs;
  outputs = make_tensors(spec.outputs);
  poison(outputs, std::byte{0xA5});
  reset();
  expect(backend.infer(inputs, outputs) == Status::ok, "infer: refuses the second call");
  for (const auto& [name, tensor] : first)
    expect(std::ranges::equal(tensor.bytes(), outputs[name].bytes()), "infer: '" + name + "' differs between equal calls");

  if (options.heap_calls && !spec.allocates) {
    const auto before = options.heap_calls();
    const Status status = backend.infer(inputs, outputs);
    const auto after = options.heap_calls();  // before the text below takes memory of its own
    expect(status == Status::ok && after == before, "infer: allocates although the specification says that it does not");
  }

  for (const auto& damaged : spec.inputs) {
    const auto refused = [&](const TensorMap& bad, const std::string& how) {
      reset();
      expect(backend.infer(bad, outputs) != Status::ok, "infer: accepts input '" + damaged.name + "' " + how);
      expect(!backend.last_error().empty(), "last_error: says nothing about input '" + damaged.name + "' " + how);
    };
    const auto replaced = [&](const Tensor& tensor) {
      TensorMap bad;
      for (const auto& [name, original] : inputs) bad.add(name, name == damaged.name ? tensor : original);
      return bad;
    };
    TensorMap without;
    for (const auto& [name, tensor] : inputs)
      if (name != damaged.name) without.add(name, tensor);
    refused(without, "missing");
    refused(replaced(Tensor(damaged.dtype == DType::f64 ? DType::i32 : DType::f64, damaged.capacity)), "of another dtype");
    std::vector<std::int64_t> dims(damaged.capacity.dims().begin(), damaged.capacity.dims().end());
    dims.push_back(1);
    if (dims.size() <= Shape::kMaxRank) refused(replaced(Tensor(damaged.dtype, Shape(dims))), "of another rank");
  }
  reset();
  expect(backend.infer(inputs, outputs) == Status::ok, "infer: does not recover from refused inputs");
  if constexpr (BatchingBackend<B>) check_batches(backend, inputs, options.batch_tolerance, expect);
  return violations;
}

}  // namespace sinew::testing
