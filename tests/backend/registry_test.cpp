// SPDX-License-Identifier: Apache-2.0
#include "sinew/backend/registry.hpp"

#include <doctest/doctest.h>

#include "sinew/backend/reference_backend.hpp"
#include "sinew/core/error.hpp"

namespace {

sinew::AnyBackend affine(const sinew::BackendRequest& /*request*/) {
  return sinew::ReferenceBackend({.state_dim = 1, .horizon = 1, .action_dim = 1, .weight = {2.0F}, .bias = {0.0F}});
}

}  // namespace

TEST_CASE("registry: builds what was added and knows its names") {
  sinew::BackendRegistry registry;
  registry.add("affine", affine);
  registry.add("other", affine);
  const sinew::PolicyCard card;
  auto backend = registry.make("affine", {"", card});
  CHECK(backend.spec().name == "affine");
  CHECK(registry.contains("other"));
  CHECK(registry.names() == std::vector<std::string_view>{"affine", "other"});
}

TEST_CASE("registry: an unknown name lists the known ones and the nearest") {
  sinew::BackendRegistry registry;
  registry.add("affine", affine);
  const sinew::PolicyCard card;
  CHECK_THROWS_WITH_AS((void)registry.make("afine", {"", card}),
                       "[BackendRegistry] backend 'afine': expected one of affine, got no such name (did you mean 'affine'?)",
                       sinew::Error);
}

TEST_CASE("registry: refuses an empty name and a name that is taken") {
  sinew::BackendRegistry registry;
  registry.add("affine", affine);
  CHECK_THROWS_AS(registry.add("affine", affine), sinew::Error);
  CHECK_THROWS_AS(registry.add("", affine), sinew::Error);
  CHECK_THROWS_AS(registry.add("none", nullptr), sinew::Error);
}

TEST_CASE("registry: the defaults hold the reference backend") { CHECK(sinew::BackendRegistry::with_defaults().contains("reference")); }
