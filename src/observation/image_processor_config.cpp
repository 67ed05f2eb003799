// SPDX-License-Identifier: Apache-2.0
// Reads Hugging Face's preprocessor_config.json.
#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>

#include "sinew/core/error.hpp"
#include "sinew/io/json.hpp"
#include "sinew/io/json_cursor.hpp"
#include "sinew/io/text.hpp"
#include "sinew/observation/image_processor.hpp"

namespace sinew {

namespace {

struct Document {
  Json json;
  std::string where;
};

Document open_document(const std::string& directory_or_json) {
  constexpr JsonLimits kLimits{.max_bytes = std::size_t{1} << 16, .max_depth = 8, .max_nodes = 4096};
  const std::size_t first = directory_or_json.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && directory_or_json[first] == '{')
    return {Json::parse(directory_or_json, "preprocessor_config", kLimits), "preprocessor_config"};
  std::filesystem::path path = directory_or_json;
  // transformers 5 saves a whole processor as processor_config.json, with the image processor inside.
  if (std::error_code ignored; std::filesystem::is_directory(path, ignored)) {
    const bool whole = !std::filesystem::exists(path / "preprocessor_config.json", ignored) &&
                       std::filesystem::exists(path / "processor_config.json", ignored);
    path /= whole ? "processor_config.json" : "preprocessor_config.json";
  }
  return {Json::read_file(path, kLimits), printable(path.string(), 512)};
}

/// The keys that decide pixels, then those that never do (as transformers 4.45 to 5 writes them). A null is an absent key.
void check_keys(const JsonCursor& root) {
  constexpr std::array<std::string_view, 28> kKnown = {"image_processor_type",
                                                       "patch_size",
                                                       "merge_size",
                                                       "temporal_patch_size",
                                                       "min_pixels",
                                                       "max_pixels",
                                                       "size",
                                                       "image_mean",
                                                       "image_std",
                                                       "rescale_factor",
                                                       "resample",
                                                       "do_resize",
                                                       "do_rescale",
                                                       "do_normalize",
                                                       "do_convert_rgb",
                                                       "do_pad",
                                                       "do_center_crop",
                                                       "transformers_version",
                                                       "processor_class",
                                                       "data_format",
                                                       "device",
                                                       "return_tensors",
                                                       "default_to_square",
                                                       "disable_grouping",
                                                       "input_data_format",
                                                       "feature_extractor_type",
                                                       "_valid_kwargs_names",
                                                       "_valid_processor_keys"};
  for (const auto& [key, value] : root.members()) {
    if (value.is_null() || std::find(kKnown.begin(), kKnown.end(), key) != kKnown.end()) continue;
    const auto near = nearest_name(key, kKnown);
    fail(ErrorCode::unsupported, {value.place(), "key", "one that Qwen's image processors have", quote(key),
                                  near.empty() ? "" : "did you mean '" + std::string(near) + "'?"});
  }
}

std::optional<JsonCursor> present(const JsonCursor& parent, std::string_view key) {
  auto value = parent.optional(key);
  if (value && value->is_null()) value.reset();
  return value;
}

/// A bound given as `min_pixels` or as `size.shortest_edge`; when both are there they must agree.
std::int64_t bound(const JsonCursor& root, std::string_view key, std::string_view edge) {
  std::optional<std::int64_t> value;
  if (const auto pixels = present(root, key)) value = pixels->integer(1);
  if (const auto size = present(root, "size")) {
    const auto other = size->optional(key) ? size->at(key) : size->at(edge);  // transformers 4.45 to 4.48 named them alike
    const std::int64_t pixels = other.integer(1);
    if (value && *value != pixels) other.refuse("the value of '" + std::string(key) + "', " + std::to_string(*value));
    value = pixels;
  }
  return value ? *value : root.at(key).integer(1);
}

std::array<double, 3> per_channel(const JsonCursor& values) {
  const auto numbers = values.numbers();
  if (numbers.size() != 3) values.refuse("three numbers");
  return {numbers[0], numbers[1], numbers[2]};
}

ResizeRule rule_of(const JsonCursor& root, std::string_view resample) {
  // Pillow's numbering: 0 nearest, 1 lanczos, 2 bilinear, 3 bicubic, 4 box; 5 (hamming) is used by no processor.
  constexpr std::array<std::string_view, 5> kFilters = {"nearest", "lanczos", "bilinear", "bicubic", "box"};
  const auto entry = present(root, "resample");
  const std::int64_t filter = entry ? entry->integer(0, 4) : 3;
  if (resample == "torch") {
    if (filter != 2 && filter != 3) entry->refuse("2 or 3", "torch has antialiased bilinear and bicubic kernels");
    return filter == 2 ? ResizeRule::torch_bilinear_antialias : ResizeRule::torch_bicubic_antialias;
  }
  const std::string family = resample == "pil13" ? "pil13_" : "pil_";
  return resize_rule_from_string(family + std::string(kFilters[static_cast<std::size_t>(filter)]), root.place());
}

}  // namespace

QwenVlOptions qwen_vl_options_from_pretrained(const std::string& directory_or_json, std::string_view resample) {
  if (resample != "pil12" && resample != "pil13" && resample != "torch")
    fail(ErrorCode::unsupported,
         {"ImageProcessor", "resample", "\"pil12\", \"pil13\" or \"torch\"", '"' + std::string(resample) + '"', ""});
  const Document document = open_document(directory_or_json);
  const JsonCursor whole(document.json, document.where);
  const auto nested = present(whole, "image_processor");
  const JsonCursor& root = nested ? *nested : whole;
  static_cast<void>(
      root.at("image_processor_type")
          .one_of({"Qwen2VLImageProcessor", "Qwen2VLImageProcessorFast", "Qwen2VLImageProcessorPil", "Qwen2_5_VLImageProcessor"}));
  check_keys(root);
  for (const std::string_view step : {"do_pad", "do_center_crop"})
    if (const auto flag = present(root, step); flag && flag->boolean()) flag->refuse("false", "Qwen's processors neither pad nor crop");
  for (const std::string_view step : {"do_resize", "do_rescale", "do_normalize", "do_convert_rgb"})
    if (const auto flag = present(root, step); flag && !flag->boolean())
      flag->refuse("true", "a processor with this step switched off is not supported");

  QwenVlOptions options;
  options.patch_size = static_cast<int>(root.at("patch_size").integer(1, 256));
  options.merge_size = static_cast<int>(root.at("merge_size").integer(1, 256));
  options.temporal_patch_size = static_cast<int>(root.at("temporal_patch_size").integer(1, 256));
  options.min_pixels = bound(root, "min_pixels", "shortest_edge");
  options.max_pixels = bound(root, "max_pixels", "longest_edge");
  options.mean = per_channel(root.at("image_mean"));
  options.std = per_channel(root.at("image_std"));
  if (const auto factor = present(root, "rescale_factor")) options.rescale_factor = factor->number();
  options.rule = rule_of(root, resample);
  if (resample == "torch") options.normalization = QwenNormalization::torch;
  return options;
}

}  // namespace sinew
