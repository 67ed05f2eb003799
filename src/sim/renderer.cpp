// SPDX-License-Identifier: Apache-2.0
// MuJoCo's classic renderer into framebuffer objects, one for each look.
#include "renderer.hpp"

#include <algorithm>

namespace sinew::sim {

namespace {

constexpr int kMaxGeoms = 500;
constexpr int kFilmSamples = 4;

}  // namespace

Renderer::Renderer(const mjModel& model) : model_(model), gl_(GlContext::create()) {
  mjv_defaultScene(&scene_);
  mjv_makeScene(&model_, &scene_, kMaxGeoms);
  mjv_defaultOption(&option_);
}

Renderer::~Renderer() {
  const GlContext::Current current(gl_);
  if (current) {
    if (policy_) mjr_freeContext(policy_.get());
    if (film_) mjr_freeContext(film_.get());
  }
  mjv_freeScene(&scene_);
}

mjrContext& Renderer::context_for(Look look) {
  auto& context = look == Look::policy ? policy_ : film_;
  if (context) return *context;
  context = std::make_unique<mjrContext>();
  mjr_defaultContext(context.get());
  // The number of samples is read from the model; everything else in the copy is only pointed to.
  mjModel model = model_;
  model.vis.quality.offsamples = look == Look::film ? kFilmSamples : 0;
  mjr_makeContext(&model, context.get(), mjFONTSCALE_100);
  return *context;
}

bool Renderer::draw(mjData& data, int camera, int height, int width, Look look, Image& image) {
  const GlContext::Current current(gl_);
  if (!current) return false;
  mjrContext& context = context_for(look);
  if (context.offWidth < width || context.offHeight < height)
    mjr_resizeOffscreen(std::max(width, context.offWidth), std::max(height, context.offHeight), &context);
  mjr_setBuffer(mjFB_OFFSCREEN, &context);

  mjvCamera view;
  mjv_defaultCamera(&view);
  view.type = mjCAMERA_FIXED;
  view.fixedcamid = camera;
  scene_.flags[mjRND_SHADOW] = scene_.flags[mjRND_REFLECTION] = look == Look::film;
  mjv_updateScene(&model_, &data, &option_, nullptr, &view, mjCAT_ALL, &scene_);

  image.resize(height, width, 3);
  const mjrRect viewport{0, 0, width, height};
  mjr_render(viewport, &scene_, &context);
  const auto pixels = image.pixels();
  mjr_readPixels(pixels.data(), nullptr, viewport, &context);
  // OpenGL's first row is the lowest one.
  const auto row = [&](int y) { return pixels.begin() + static_cast<std::ptrdiff_t>(y) * width * 3; };
  for (int y = 0; y < height / 2; ++y) std::swap_ranges(row(y), row(y + 1), row(height - 1 - y));
  return true;
}

}  // namespace sinew::sim
