// SPDX-License-Identifier: Apache-2.0
// A file of weights for a model that nobody trained.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sinew/core/dtype.hpp"
#include "sinew/core/random.hpp"
#include "sinew/io/safetensors.hpp"

namespace sinew::testing {

/// Random tensors by name.
class RandomWeights {
 public:
  explicit RandomWeights(std::uint64_t seed, DType dtype = DType::f32) : random_(seed), dtype_(dtype) {}

  /// Matrices of a scale that keeps activations near one; vectors near `around`.
  void add(const std::string& name, const std::vector<std::int64_t>& shape, float around = 0) {
    std::size_t count = 1;
    for (const auto size : shape) count *= static_cast<std::size_t>(size);
    std::vector<float> values(count);
    random_.normal(values);
    const float scale = shape.size() == 1 ? 0.1F : 1 / std::sqrt(static_cast<float>(count) / static_cast<float>(shape[0]));
    auto& bytes = data_.emplace_back(count * size_of(dtype_));
    for (std::size_t i = 0; i < count; ++i) {
      const float value = around + scale * values[i];
      if (dtype_ == DType::f32)
        reinterpret_cast<float*>(bytes.data())[i] = value;
      else
        reinterpret_cast<BFloat16*>(bytes.data())[i] = BFloat16(value);
    }
    tensors_.push_back({name, dtype_, shape, {}});
  }
  void linear(const std::string& name, std::int64_t outputs, std::int64_t inputs, bool bias = true) {
    add(name + ".weight", {outputs, inputs});
    if (bias) add(name + ".bias", {outputs});
  }
  void norm(const std::string& name, std::int64_t width) {
    add(name + ".weight", {width}, 1);
    add(name + ".bias", {width});
  }
  void write(const std::filesystem::path& path) {
    for (std::size_t i = 0; i < tensors_.size(); ++i) tensors_[i].bytes = data_[i];
    write_safetensors(path, tensors_);
  }

 private:
  Random random_;
  DType dtype_;
  std::vector<SafetensorsTensor> tensors_;
  std::vector<std::vector<std::byte>> data_;
};

}  // namespace sinew::testing
