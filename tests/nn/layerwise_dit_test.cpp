// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "layerwise_dit_golden.hpp"
#include "sinew/backend/cpu/cpu_ops.hpp"
#include "sinew/core/isa.hpp"

using namespace sinew;

TEST_CASE("layerwise_dit: every golden case of StarVLA's heads, on every instruction set") {
  const Isa before = active_isa();
  for (const Isa isa : available_isas()) {
    CAPTURE(to_string(isa));
    select_isa(isa);
    CpuOps ops;
    sinew::testing::check_layerwise_dit(ops);
  }
  select_isa(before);
}

TEST_CASE("layerwise_dit: configurations") {
  const auto parse = [](const std::string& realtime, const std::string& rest = R"("width": 8, "heads": 2)") {
    const Json document = Json::parse(R"({"type": "layerwise_dit", "layers": 2, "context_width": 16, "mlp_width": 4, "future_tokens": 0,
      "horizon": 4, "action_dim": 7, "state_dim": 0, "positions": 4, "steps": 4, "buckets": 1000, "interleave_self_attention": false,
      "realtime": )" + realtime + ", " + rest +
                                          "}",
                                      "config.json");
    return nn::LayerwiseDitConfig::parse(JsonCursor(document, "config.json"));
  };
  const auto config = parse(R"({"mode": "pigdm", "schedule": "exp", "max_weight": 5, "suffix": null})");
  CHECK(config.projects());
  CHECK(config.dit.context_width == 8);
  CHECK(config.realtime.mode == nn::PrefixMode::jacobian);
  CHECK(config.realtime.suffix == -1);
  CHECK_FALSE(parse(R"({"mode": "guided", "schedule": "linear", "max_weight": 5, "suffix": 2})", R"("width": 16, "heads": 2)").projects());
  for (const char* bad : {R"({"mode": "pigd", "schedule": "exp", "max_weight": 5, "suffix": null})",
                          R"({"mode": "pigdm", "schedule": "exponential", "max_weight": 5, "suffix": null})",
                          R"({"mode": "pigdm", "schedule": "exp", "max_weight": 0, "suffix": null})",
                          R"({"mode": "pigdm", "schedule": "exp", "max_weight": 5, "suffix": -2})", R"({"mode": "pigdm"})"})
    CHECK_THROWS_AS((void)parse(bad), Error);
  CHECK_THROWS_AS((void)parse(R"({"mode": "guided", "schedule": "exp", "max_weight": 5, "suffix": 0})", R"("width": 9, "heads": 2)"),
                  Error);
}
