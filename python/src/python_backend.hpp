// SPDX-License-Identifier: Apache-2.0
// A backend written in Python: an object with infer(dict of arrays) -> dict of arrays, and infer_batch(list of them) where it can.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bindings.hpp"
#include "sinew/backend/backend.hpp"
#include "sinew/backend/registry.hpp"

namespace sinew {

/// Calls `object.infer(inputs)`. Inputs are read-only: at the first call copies, and if the object has kept none of them by its end, from
/// then on views of the encoder's memory, without a copy; for an object that keeps what it is given they remain copies. Results are checked
/// against `outputs` and taken over. `object.reset()` is called when it exists. An object with `infer_batch(list of dicts) -> list of
/// dicts` is asked for several observations at once, `object.max_batch` at most (8 when it has none). Takes the GIL itself.
class PythonBackend {
 public:
  /// Every tensor that the encoder wrote is passed; `outputs` are what infer must return. Throws Error when the object has no `infer`.
  PythonBackend(pybind11::object object, TensorSpecs outputs);

  [[nodiscard]] const ModelSpec& spec() const noexcept { return spec_; }
  [[nodiscard]] Status infer(const TensorMap& in, TensorMap& out) noexcept;
  [[nodiscard]] std::string_view last_error() const noexcept { return error_; }
  [[nodiscard]] std::size_t most_batch() const noexcept { return most_batch_; }
  void infer_batch(std::span<Inference> several) noexcept;
  void reset() noexcept;

 private:
  /// Drops the reference under the GIL, whichever thread destroys the backend.
  struct Release {
    void operator()(pybind11::object* object) const {
      const pybind11::gil_scoped_acquire gil;
      delete object;
    }
  };
  /// Of `infer` with one, or of `infer_batch`.
  void call(std::span<Inference> several, bool together);
  void read_all(const pybind11::object& results, std::span<Inference> several);
  Status read(const pybind11::object& result, TensorMap& out);
  Status take(const pybind11::object& value, const TensorSpec& spec, Tensor& tensor);

  std::unique_ptr<pybind11::object, Release> object_;
  ModelSpec spec_;
  std::string error_;
  std::size_t most_batch_ = 1;
  bool called_ = false;
  bool views_ = false;
};

static_assert(ResettableBackend<PythonBackend> && BatchingBackend<PythonBackend>);

/// A registry entry that calls `factory(path)` and expects the tensor that the card's decoder reads: `actions`, or `action_ids`.
[[nodiscard]] BackendFactory python_factory(pybind11::object factory);

}  // namespace sinew
