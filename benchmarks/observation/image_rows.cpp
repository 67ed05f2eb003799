// SPDX-License-Identifier: Apache-2.0
// O1 to O4: camera frames to what a model reads of them.
#include <fmt/format.h>

#include "observation/suite.hpp"
#include "sinew/observation/fit_pad.hpp"
#include "sinew/observation/image_processor.hpp"
#include "sinew/observation/resize.hpp"

namespace sinew::bench {

namespace {

constexpr double kMicroseconds = 1e6;
constexpr int kSide = 224;

void patches_row(Suite& suite, std::string id, const std::string& generation, ImageSize size) {
  const auto& pool = suite.frames(size.height, size.width);
  QwenVlProcessor processor(qwen_vl_options(generation));
  const PatchGrid grid = processor.grid(size).value();
  const int side = processor.options().patch_size;
  std::vector<float> values(2 * grid.patches() * processor.row_length());
  const Work work{.run =
                      [&](std::size_t entry) {
                        if (processor.process(views(pool[entry]), values) != Status::ok) values.assign(values.size(), 0);
                        keep(values[0]);
                      },
                  .result = [&] { return bytes_of(values); }};
  id += "/" + generation;
  const Claim claim{
      .id = id,
      .what = fmt::format("two cameras {}x{} to pixel_values, at {}x{}", size.width, size.height, side * grid.width, side * grid.height),
      .unit = "us",
      .scale = kMicroseconds,
      .least_ratio = 10,
      .baseline = id};
  suite.compare(claim, work);
  if (id.starts_with("O1")) suite.compare_isas(claim, work);
}

void resize_row(Suite& suite, const std::string& filter) {
  const auto& pool = suite.frames(480, 640);
  Resizer resizer(resize_rule_from_string("pil_" + filter, "bench"));
  std::vector<std::uint8_t> out(std::size_t{kSide} * kSide * 3);
  const Work work{.run =
                      [&](std::size_t entry) {
                        if (resizer.resize(pool[entry][0].view(), kSide, kSide, out) != Status::ok) out.assign(out.size(), 0);
                        keep(out[0]);
                      },
                  .result = [&] { return bytes_of(out); }};
  const Claim claim{.id = "O3/" + filter,
                    .what = fmt::format("640x480 to {0}x{0}, Pillow's {1}", kSide, filter),
                    .unit = "us",
                    .scale = kMicroseconds,
                    .least_ratio = 4,
                    .baseline = "O3/" + filter};
  suite.compare(claim, work);
  suite.compare_isas(claim, work);
}

void fit_row(Suite& suite) {
  const auto& pool = suite.frames(480, 640);
  FitPad fit(FitRule::openpi);
  const std::size_t size = std::size_t{kSide} * kSide * 3;
  std::vector<std::uint8_t> out(2 * size);
  const Work work{.run =
                      [&](std::size_t entry) {
                        for (std::size_t camera = 0; camera < 2; ++camera) {
                          const auto half = std::span(out).subspan(camera * size, size);
                          if (fit.fit(pool[entry][camera].view(), kSide, kSide, half) != Status::ok) out.assign(out.size(), 255);
                        }
                        keep(out[0]);
                      },
                  .result = [&] { return bytes_of(out); }};
  suite.compare({.id = "O4/openpi",
                 .what = fmt::format("two cameras 640x480 fitted and padded to {0}x{0}", kSide),
                 .unit = "us",
                 .scale = kMicroseconds,
                 .least_ratio = 5,
                 .baseline = "O4/openpi"},
                work);
}

}  // namespace

void image_rows(Suite& suite) {
  for (const char* generation : {"qwen2_vl", "qwen3_vl"}) patches_row(suite, "O1", generation, {480, 640});
  for (const char* generation : {"qwen2_vl", "qwen3_vl"}) patches_row(suite, "O2", generation, {224, 224});
  for (const char* filter : {"bilinear", "bicubic"}) resize_row(suite, filter);
  fit_row(suite);
}

}  // namespace sinew::bench
