// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "oft_golden.hpp"
#include "sinew/backend/cpu/cpu_ops.hpp"
#include "sinew/core/isa.hpp"
#include "sinew/io/json.hpp"

using namespace sinew;

TEST_CASE("oft: every golden case of StarVLA's head, on every instruction set") {
  const Isa before = active_isa();
  for (const Isa isa : available_isas()) {
    CAPTURE(to_string(isa));
    select_isa(isa);
    CpuOps ops;
    sinew::testing::check_oft(ops);
  }
  select_isa(before);
}

TEST_CASE("oft: configurations that no head has are refused") {
  const auto parse = [](const char* text) {
    const Json document = Json::parse(text, "config.json");
    return nn::OftConfig::parse(JsonCursor(document, "config.json"));
  };
  CHECK(parse(R"({"type": "oft", "context_width": 8, "width": 16, "blocks": 2, "horizon": 4, "action_dim": 7, "placeholder": 5})").width ==
        16);
  for (const char* bad :
       {R"({"type": "of", "context_width": 8, "width": 16, "blocks": 2, "horizon": 4, "action_dim": 7, "placeholder": 5})",
        R"({"type": "oft", "context_width": 8, "width": 16, "blocks": 2, "horizon": 0, "action_dim": 7, "placeholder": 5})",
        R"({"type": "oft", "context_width": 8, "width": 16, "blocks": 2, "horizon": 4, "action_dim": 7, "placeholder": -1})",
        R"({"type": "oft", "context_width": 8, "width": 16, "block": 2, "horizon": 4, "action_dim": 7, "placeholder": 5})",
        R"({"type": "oft", "context_width": 8, "width": 1048577, "blocks": 2, "horizon": 4, "action_dim": 7, "placeholder": 5})"})
    CHECK_THROWS_AS((void)parse(bad), Error);
}
