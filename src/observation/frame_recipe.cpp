// SPDX-License-Identifier: Apache-2.0
#include "sinew/observation/frame_recipe.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

constexpr MeanStd kSiglip{.mean = {0.5F, 0.5F, 0.5F}, .std = {0.5F, 0.5F, 0.5F}};
constexpr float kLeRobotEpsilon = 1e-8F;  // its normaliser adds it to every std

/// The size that is wanted, or the family's.
struct Size {
  int height, width;
  Size(const FrameOptions& options, int edge) noexcept
      : height(options.height > 0 ? options.height : edge), width(options.width > 0 ? options.width : edge) {}
};

FrameRecipe openpi(const FrameOptions& options) {
  const Size size(options, 224);
  return {.reference = "Physical-Intelligence/openpi 15a9616 src/openpi/transforms.py ResizeImages, models/model.py Observation.from_dict",
          .steps = {FitStep{FitRule::openpi, size.height, size.width}},
          .scale = PixelScale::symmetric};
}

FrameRecipe fitted(const FrameOptions& options, FitRule rule, int edge, std::string reference) {
  const Size size(options, edge);
  return {.reference = std::move(reference),
          .steps = {FitStep{rule, size.height, size.width}},
          .on_floats = true,
          .scale = PixelScale::symmetric,
          .channels_first = true};
}

FrameRecipe pi0(const FrameOptions& options) {
  return fitted(options, FitRule::pi0, 224,
                "huggingface/lerobot 7427f31 (0.6) src/lerobot/policies/pi05/modeling_pi05.py _preprocess_images");
}

FrameRecipe pi0_lerobot04(const FrameOptions& options) {
  return fitted(options, FitRule::pi0_lerobot04, 224,
                "huggingface/lerobot 0.4.4 src/lerobot/policies/pi0/modeling_pi0.py _preprocess_images");
}

FrameRecipe smolvla(const FrameOptions& options) {
  return fitted(options, FitRule::smolvla, 512,
                "huggingface/lerobot 7427f31 (0.6) src/lerobot/policies/smolvla/modeling_smolvla.py prepare_images");
}

FrameRecipe openvla(const FrameOptions& options) {
  const Size size(options, 224);
  return {
      .reference =
          "moojink/openvla-oft 213c5ff prismatic/extern/hf/processing_prismatic.py PrismaticImageProcessor (dinosiglip-224, resize-naive)",
      .steps = {ResizeStep{ResizeRule::pil_bicubic, size.height, size.width}},
      .scale = PixelScale::mean_std,
      .normalizations = {MeanStd{}, kSiglip},
      .channels_first = true};
}

FrameRecipe openvla_oft(const FrameOptions& options) {
  const Size size(options, 224);
  FrameRecipe recipe = openvla(options);
  recipe.reference =
      "moojink/openvla-oft 213c5ff experiments/robot/openvla_utils.py resize_image_for_policy, center_crop_image, then " + recipe.reference;
  recipe.steps = {JpegResizeStep{options.jpeg ? 95 : 0, ResizeRule::jax_lanczos3, size.height, size.width}};
  if (options.centre_crop) recipe.steps.emplace_back(AreaCropStep{0.9, size.height, size.width});
  return recipe;
}

FrameRecipe groot_n15(const FrameOptions& options) {
  const Size size(options, 224);
  return {.reference = "vla.cpp 0.3.0, client of GR00T N1.5", .steps = {ResizeStep{ResizeRule::cv2_area, size.height, size.width}}};
}

FrameRecipe groot_area(const FrameOptions& options, int edge, double fraction, std::string reference) {
  const Size size(options, edge);
  FrameRecipe recipe{.reference = std::move(reference)};
  if (options.letterbox.value_or(true)) recipe.steps.emplace_back(SquareStep{});
  const ShortestEdgeStep shortest{ResizeRule::cv2_area, size.height};
  recipe.steps.emplace_back(shortest);
  const double crop = options.crop_fraction > 0 ? options.crop_fraction : fraction;
  if (crop >= 1) return recipe;
  recipe.steps.emplace_back(CropFractionStep{crop, SideRounding::truncate});
  recipe.steps.emplace_back(shortest);
  return recipe;
}

FrameRecipe groot_n16(const FrameOptions& options) {
  return groot_area(
      options, 224, 0.95,
      "NVIDIA/Isaac-GR00T N1.6 image_augmentations.py build_image_transformations_albumentations; letterbox as vla.cpp 0.3.0");
}

FrameRecipe groot_n17_albumentations(const FrameOptions& options) {
  return groot_area(options, 256, 230.0 / 256.0,
                    "huggingface/lerobot 7427f31 (0.6) processor_groot.py _transform_n1_7_image_for_vlm_albumentations");
}

FrameRecipe groot_n17(const FrameOptions& options) {
  const Size size(options, 256);
  FrameRecipe recipe{.reference = "huggingface/lerobot 7427f31 (0.6) processor_groot.py _transform_n1_7_image_for_vlm_torch",
                     .channels_first = true};
  if (options.letterbox.value_or(true)) recipe.steps.emplace_back(SquareStep{});
  const ResizeStep resize{ResizeRule::torch_bicubic_antialias, size.height, size.width};
  recipe.steps.emplace_back(resize);
  const double crop = options.crop_fraction > 0 ? options.crop_fraction : 230.0 / 256.0;
  if (crop >= 1) return recipe;
  recipe.steps.emplace_back(CropFractionStep{crop, SideRounding::round});
  recipe.steps.emplace_back(resize);
  return recipe;
}

FrameRecipe lerobot_mean_std(const FrameOptions& options, std::string reference) {
  FrameRecipe recipe{.reference = std::move(reference), .scale = PixelScale::mean_std, .channels_first = true};
  if (options.height > 0 && options.width > 0) {
    recipe.on_floats = true;
    recipe.steps.emplace_back(ResizeStep{ResizeRule::torch_bilinear_antialias, options.height, options.width});
  }
  if (options.crop_height > 0 && options.crop_width > 0)
    recipe.steps.emplace_back(CropStep{options.crop_height, options.crop_width, CropRounding::torchvision});
  MeanStd statistics = options.mean_std.value_or(MeanStd{});
  for (float& std : statistics.std) std += kLeRobotEpsilon;
  recipe.normalizations = {statistics};
  return recipe;
}

FrameRecipe act(const FrameOptions& options) {
  return lerobot_mean_std(options, "huggingface/lerobot 7427f31 (0.6) src/lerobot/policies/act/processor_act.py");
}

FrameRecipe diffusion(const FrameOptions& options) {
  return lerobot_mean_std(options,
                          "huggingface/lerobot 7427f31 (0.6) src/lerobot/policies/diffusion/modeling_diffusion.py DiffusionRgbEncoder");
}

FrameRecipe starvla(const FrameOptions& options) {
  const Size size(options, 224);
  return {.reference = "starVLA/starVLA 0ed0aad starVLA/training/trainer_utils/trainer_tools.py resize_images",
          .steps = {ResizeStep{ResizeRule::pil_bicubic, size.height, size.width}}};
}

/// What a family takes beside its size and the turn; anything else would be left out on the quiet.
void check_used(std::string_view family, const FrameOptions& options, std::string_view where) {
  const auto only = [&](bool given, std::string_view option, std::initializer_list<std::string_view> families) {
    if (given && std::ranges::find(families, family) == families.end())
      fail(ErrorCode::invalid_argument, {where, option, "no such option for this family", quote(family), ""});
  };
  only(options.crop_height > 0 || options.crop_width > 0, "crop", {"diffusion", "act"});
  only(options.letterbox.has_value(), "letterbox", {"groot_n16", "groot_n17", "groot_n17_albumentations"});
  only(options.crop_fraction > 0, "crop_fraction", {"groot_n16", "groot_n17", "groot_n17_albumentations"});
  only(!options.centre_crop, "centre_crop", {"openvla_oft"});
  only(!options.jpeg, "jpeg", {"openvla_oft"});
  only(options.mean_std.has_value(), "mean and std", {"act", "diffusion"});
}

struct Family {
  std::string_view name;
  FrameRecipe (*make)(const FrameOptions&);
};

constexpr std::array kFamilies = {Family{"openpi", openpi},
                                  Family{"pi0", pi0},
                                  Family{"pi05", pi0},
                                  Family{"pi0_lerobot04", pi0_lerobot04},
                                  Family{"pi05_lerobot04", pi0_lerobot04},
                                  Family{"smolvla", smolvla},
                                  Family{"openvla", openvla},
                                  Family{"openvla_oft", openvla_oft},
                                  Family{"groot_n15", groot_n15},
                                  Family{"groot_n16", groot_n16},
                                  Family{"groot_n17", groot_n17},
                                  Family{"groot_n17_albumentations", groot_n17_albumentations},
                                  Family{"act", act},
                                  Family{"diffusion", diffusion},
                                  Family{"starvla", starvla}};

void check(const FrameOptions& options, std::string_view where) {
  for (const int side : {options.height, options.width, options.crop_height, options.crop_width})
    if (side < 0 || side > Resizer::kMaxSide)
      fail(ErrorCode::invalid_argument, {where, "a size", fmt::format("0 to {} pixels", Resizer::kMaxSide), std::to_string(side), ""});
  if (!(options.crop_fraction >= 0 && options.crop_fraction <= 1))
    fail(ErrorCode::invalid_argument, {where, "crop_fraction", "0 to 1", fmt::format("{}", options.crop_fraction), ""});
}

}  // namespace

FrameRecipe frame_recipe(std::string_view family, const FrameOptions& options, std::string_view where) {
  check(options, where);
  std::array<std::string_view, kFamilies.size()> names;
  std::ranges::transform(kFamilies, names.begin(), &Family::name);
  const auto* found = std::ranges::find(kFamilies, family, &Family::name);
  if (found == kFamilies.end()) {
    const std::string_view near = nearest_name(family, names);
    fail(ErrorCode::not_found,
         {where, "family", join_names(names), quote(family), near.empty() ? "" : "did you mean " + quote(near) + "?"});
  }
  check_used(family, options, where);
  FrameRecipe recipe = found->make(options);
  if (options.rotate_180) recipe.steps.insert(recipe.steps.begin(), TurnStep{});
  return recipe;
}

}  // namespace sinew
