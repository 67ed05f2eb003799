// SPDX-License-Identifier: Apache-2.0
// A backend whose infer may throw does not meet the concept: nothing on the tick path may.
#include "sinew/backend/backend.hpp"

#ifdef MISUSE
#define INFER_NOEXCEPT
#else
#define INFER_NOEXCEPT noexcept
#endif

struct HoldBackend {
  sinew::ModelSpec model;
  [[nodiscard]] const sinew::ModelSpec& spec() const noexcept { return model; }
  [[nodiscard]] std::string_view last_error() const noexcept { return {}; }
  [[nodiscard]] sinew::Status infer(const sinew::TensorMap&, sinew::TensorMap&) INFER_NOEXCEPT { return sinew::Status::ok; }
};
static_assert(sinew::Backend<HoldBackend>);
