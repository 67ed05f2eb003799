// SPDX-License-Identifier: Apache-2.0
// Where letterboxes put the picture and what surrounds it; python/tests/test_image_processors.py compares the pixels.
#include "sinew/observation/fit_pad.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/testing/no_alloc.hpp"
#include "test_seed.hpp"

using namespace sinew;

namespace {

constexpr std::array kRules = {FitRule::openpi,        FitRule::openpi_jax, FitRule::pi0,
                               FitRule::pi0_lerobot04, FitRule::smolvla,    FitRule::hf_pi0};

Image flat(int height, int width, std::uint8_t level, int channels = 3) {
  Image image(height, width, channels);
  std::ranges::fill(image.pixels(), level);
  return image;
}

}  // namespace

TEST_CASE("fit_pad: the picture lies where each family puts it") {
  CHECK(fitted_box(FitRule::openpi, 480, 640, 224, 224) == CropBox{28, 0, 168, 224});
  CHECK(fitted_box(FitRule::pi0, 640, 480, 224, 224) == CropBox{0, 28, 224, 168});
  CHECK(fitted_box(FitRule::smolvla, 480, 640, 512, 512) == CropBox{128, 0, 384, 512});
  CHECK(fitted_box(FitRule::hf_pi0, 480, 640, 224, 224) == CropBox{0, 0, 168, 224});
  CHECK(fitted_box(FitRule::pi0, 297, 300, 224, 224) == CropBox{1, 0, 221, 224});  // an odd remainder goes to the bottom
  // Python computes 225 / (225 / 224) = 223.99999999999997, and all references truncate it.
  CHECK(fitted_box(FitRule::openpi, 223, 225, 224, 224) == CropBox{1, 0, 222, 223});
  CHECK(fitted_box(FitRule::pi0, 224, 224, 224, 224) == CropBox{0, 0, 224, 224});
  CHECK(fitted_box(FitRule::openpi, 1, 1000, 224, 224).height == 0);
  CHECK(fitted_box(FitRule::openpi, 0, 10, 224, 224).height == 0);
}

TEST_CASE("fit_pad: a flat picture stays flat, and the rest has the rule's value") {
  for (const FitRule rule : kRules) {
    CAPTURE(to_string(rule));
    FitPad fit(rule);
    for (const auto& [height, width] : {std::pair{30, 50}, std::pair{50, 30}, std::pair{40, 40}, std::pair{7, 90}}) {
      const CropBox box = fitted_box(rule, height, width, 40, 36);
      std::vector<std::uint8_t> out(40 * 36 * 3);
      REQUIRE(fit.fit(flat(height, width, 200).view(), 40, 36, out) == Status::ok);
      const std::vector<float> halves(static_cast<std::size_t>(height * width), 0.25F);
      std::vector<float> floats(40 * 36);
      REQUIRE(fit.fit(FloatImageView(halves.data(), height, width, 1), 40, 36, floats) == Status::ok);
      for (int y = 0; y < 40; ++y)
        for (int x = 0; x < 36; ++x) {
          const bool inside = y >= box.top && y < box.top + box.height && x >= box.left && x < box.left + box.width;
          const auto i = static_cast<std::size_t>(y * 36 + x);
          REQUIRE(out[3 * i] == (inside ? 200 : rule == FitRule::hf_pi0 ? 128 : 0));
          if (inside) {
            REQUIRE(floats[i] == doctest::Approx(0.25F).epsilon(1e-6));
          } else {
            REQUIRE(floats[i] == pad_value(rule));
          }
        }
    }
  }
}

TEST_CASE("fit_pad: floats are clipped where the reference clips them") {
  const std::vector<float> wild = {-3.0F, 2.0F, 0.5F, -0.5F};
  for (const auto& [rule, low, high] : {std::tuple{FitRule::pi0, 0.0F, 1.0F}, std::tuple{FitRule::pi0_lerobot04, -1.0F, 1.0F},
                                        std::tuple{FitRule::openpi_jax, -1.0F, 1.0F}, std::tuple{FitRule::smolvla, -3.0F, 2.0F}}) {
    CAPTURE(to_string(rule));
    std::vector<float> out(4);
    REQUIRE(FitPad(rule).fit(FloatImageView(wild.data(), 2, 2, 1), 2, 2, out) == Status::ok);
    CHECK(std::ranges::min(out) == low);
    CHECK(std::ranges::max(out) == high);
  }
}

TEST_CASE("fit_pad: names round-trip, a slip is answered with the nearest") {
  for (const FitRule rule : kRules) CHECK(fit_rule_from_string(to_string(rule), "test") == rule);
  CHECK_THROWS_WITH_AS(static_cast<void>(fit_rule_from_string("openpy", "card /fit")), doctest::Contains("[card /fit] letterbox rule"),
                       Error);
}

TEST_CASE("fit_pad: refuses what it cannot do, and allocates nothing after the first image") {
  REQUIRE(sinew::testing::counting_works());
  const Image image = flat(30, 50, 7);
  std::vector<std::uint8_t> out(24 * 24 * 3);
  std::vector<std::uint8_t> narrow(24 * 60 * 3);
  for (const FitRule rule : kRules) {
    CAPTURE(to_string(rule));
    FitPad fit(rule);
    REQUIRE(fit.fit(image.view(), 24, 24, out) == Status::ok);
    REQUIRE(fit.fit(image.view(), 24, 60, narrow) == Status::ok);
    const sinew::testing::HeapCallCounter counter;
    CHECK(fit.fit(image.view(), 24, 24, out) == Status::ok);
    CHECK(fit.fit(image.view(), 24, 60, narrow) == Status::ok);
    CHECK(fit.fit(ImageView(), 24, 24, out) == Status::bad_shape);
    CHECK(fit.fit(image.view(), 24, 23, out) == Status::bad_shape);
    CHECK(fit.fit(image.view(), -24, -24, out) == Status::bad_shape);
    CHECK(counter.count() == 0);
    const std::vector<float> bad = {std::numeric_limits<float>::quiet_NaN(), 1, 1, 1};
    std::vector<float> floats(9);
    CHECK(fit.fit(FloatImageView(bad.data(), 2, 2, 1), 3, 3, floats) == Status::not_finite);
  }
}
