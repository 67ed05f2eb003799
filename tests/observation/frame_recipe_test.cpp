// SPDX-License-Identifier: Apache-2.0
// Options change the steps that they name, and no other.
#include "sinew/observation/frame_recipe.hpp"

#include <doctest/doctest.h>

using namespace sinew;

TEST_CASE("frame recipe: options reach their step") {
  const FrameRecipe turned = frame_recipe("openpi", {.height = 96, .width = 128, .rotate_180 = true});
  REQUIRE(turned.steps.size() == 2);
  CHECK(std::holds_alternative<TurnStep>(turned.steps[0]));
  const auto& fit = std::get<FitStep>(turned.steps[1]);
  CHECK(fit.height == 96);
  CHECK(fit.width == 128);

  CHECK(frame_recipe("groot_n17").steps.size() == 4);
  CHECK(frame_recipe("groot_n17", {.letterbox = false}).steps.size() == 3);
  CHECK(frame_recipe("groot_n17", {.letterbox = false, .crop_fraction = 1.0}).steps.size() == 1);
  CHECK(std::get<CropFractionStep>(frame_recipe("groot_n16").steps[2]).fraction == 0.95);

  const FrameRecipe bare = frame_recipe("openvla_oft", {.centre_crop = false, .jpeg = false});
  REQUIRE(bare.steps.size() == 1);
  CHECK(std::get<JpegResizeStep>(bare.steps[0]).quality == 0);
  CHECK(frame_recipe("act").steps.empty());
  CHECK(frame_recipe("act", {.mean_std = MeanStd{.mean = {1, 2, 3}, .std = {4, 5, 6}}}).normalizations[0].std[2] == 6.0F);
}
