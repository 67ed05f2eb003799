// SPDX-License-Identifier: Apache-2.0
// What a policy family does to one camera frame, as data: steps of geometry, then the conversion to numbers.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sinew/observation/fit_pad.hpp"
#include "sinew/observation/image_ops.hpp"
#include "sinew/observation/resize.hpp"

namespace sinew {

/// Half a turn.
struct TurnStep {};
/// Stretches to a size.
struct ResizeStep {
  ResizeRule rule = ResizeRule::pil_bicubic;
  int height = 0;
  int width = 0;
};
/// Letterboxes into a size.
struct FitStep {
  FitRule rule = FitRule::openpi;
  int height = 0;
  int width = 0;
};
/// Pads with black to a square, centred; an odd remainder goes to the bottom or the right.
struct SquareStep {};
/// Brings the shorter side to `edge` and keeps the ratio; the other side is round(side * edge / shorter), halves to even.
struct ShortestEdgeStep {
  ResizeRule rule = ResizeRule::cv2_area;
  int edge = 0;
};
/// Cuts out the centre in a size.
struct CropStep {
  int height = 0;
  int width = 0;
  CropRounding rounding = CropRounding::torchvision;
};
/// Cuts out the centre in a fraction of each side; offsets are rounded down.
struct CropFractionStep {
  double fraction = 1;
  SideRounding rounding = SideRounding::truncate;
};
/// Cuts out the central `area` of the image and samples it to a size: image_ops.hpp, crop_and_resize.
struct AreaCropStep {
  double area = 0.9;
  int height = 0;
  int width = 0;
};
/// A frame of another size goes through a JPEG of `quality` (4:2:0, decoded with TensorFlow's fast DCT; 0 skips it) and is resized; one
/// of this size is left alone.
struct JpegResizeStep {
  int quality = 95;
  ResizeRule rule = ResizeRule::jax_lanczos3;
  int height = 0;
  int width = 0;
};
/// Any of them.
using FrameStep =
    std::variant<TurnStep, ResizeStep, FitStep, SquareStep, ShortestEdgeStep, CropStep, CropFractionStep, AreaCropStep, JpegResizeStep>;

/// From levels 0 to 255 to what the policy reads.
enum class PixelScale : std::uint8_t {
  levels,     ///< u8 as they are
  unit,       ///< x / 255
  symmetric,  ///< x / 255 * 2 - 1
  mean_std    ///< (x / 255 - mean) / std, once for each entry of FrameRecipe::normalizations
};

/// R, G, B on [0, 1].
struct MeanStd {
  std::array<float, 3> mean = {0.485F, 0.456F, 0.406F};  ///< ImageNet's
  std::array<float, 3> std = {0.229F, 0.224F, 0.225F};
};

/// The whole recipe.
struct FrameRecipe {
  std::string reference;         ///< project, file and commit or version whose result it is
  std::vector<FrameStep> steps;  ///< in order
  bool on_floats = false;        ///< the steps work on floats x / 255 instead of levels
  PixelScale scale = PixelScale::levels;
  std::vector<MeanStd> normalizations;  ///< of mean_std; several are stacked on the channels
  bool channels_first = false;          ///< `[channels, height, width]` instead of `[height, width, channels]`
};

/// What can differ within a family; what is left out is the family's own value.
struct FrameOptions {
  int height = 0;                   ///< of the result; 0: the family's
  int width = 0;                    ///< of the result; 0: the family's
  int crop_height = 0;              ///< diffusion: centre crop after resizing; 0: none
  int crop_width = 0;               ///< as crop_height
  std::optional<bool> letterbox;    ///< GR00T N1.6, N1.7: pad to a square first
  double crop_fraction = 0;         ///< GR00T N1.6, N1.7: side of the centre crop; 0: the family's
  bool centre_crop = true;          ///< openvla_oft: as for models trained with random crops
  bool jpeg = true;                 ///< openvla_oft: the JPEG round trip of its training data
  std::optional<MeanStd> mean_std;  ///< act, diffusion: statistics of the data set instead of ImageNet's
  bool rotate_180 = false;          ///< turn the frame first, as LIBERO's need
};

/// The recipe of a family. Result f32 unless said otherwise; sizes are the defaults:
/// - "openpi": what the server's model reads; letterbox "openpi" 224, x / 255 * 2 - 1, HWC. openpi 15a9616, transforms.py
///   ResizeImages and models/model.py Observation.from_dict.
/// - "pi0", "pi05": LeRobot 0.6 (7427f31) modeling_pi0.py _preprocess_images; letterbox "pi0" 224, padding -1, CHW.
/// - "pi0_lerobot04", "pi05_lerobot04": LeRobot 0.4; padding -3.
/// - "smolvla": LeRobot 0.6 modeling_smolvla.py prepare_images; letterbox "smolvla" 512, padding -1, CHW.
/// - "openvla": PrismaticImageProcessor (openvla-oft 213c5ff) of dinosiglip-224 with "resize-naive"; Pillow bicubic 224, ImageNet's
///   statistics and mean = std = 0.5 stacked, [6, 224, 224].
/// - "openvla_oft": the same after JPEG, TensorFlow lanczos3 224 and centre crop of area 0.9 (openvla-oft 213c5ff, openvla_utils.py
///   resize_image_for_policy, center_crop_image).
/// - "groot_n15": cv2 INTER_AREA 224, u8 HWC (the client of vla.cpp 0.3).
/// - "groot_n16", "groot_n17_albumentations": [letterbox to a square,] shortest edge 224 (256) by INTER_AREA, centre crop 0.95
///   (230/256), shortest edge again; u8 HWC, not square without the letterbox. Isaac-GR00T image_augmentations.py; LeRobot 0.6
///   (7427f31) processor_groot.py _transform_n1_7_image_for_vlm_albumentations. Isaac letterboxes, so that is the default; LeRobot
///   follows the checkpoint's flag, which is off by default.
/// - "groot_n17": LeRobot 0.6 _transform_n1_7_image_for_vlm_torch: [letterbox,] torch bicubic antialias to 256 x 256, centre crop
///   230/256, again to 256 x 256; u8 CHW. Letterbox as above.
/// - "act": LeRobot 0.6; no geometry unless a size is given (torch bilinear antialias), ImageNet's statistics, CHW.
/// - "diffusion": LeRobot 0.6; [resize as torchvision does,] [centre crop,] ImageNet's statistics, CHW. LeRobot normalises first and
///   resizes then: the same up to rounding.
/// - "starvla": Pillow bicubic 224 x 224, u8 HWC (starVLA 0ed0aad, trainer_tools.py resize_images).
/// Throws Error for another family (naming the nearest) or options that are out of range; `where` begins the message.
[[nodiscard]] FrameRecipe frame_recipe(std::string_view family, const FrameOptions& options = {}, std::string_view where = "frame_recipe");

}  // namespace sinew
