// SPDX-License-Identifier: Apache-2.0
// MuJoCo's classic renderer into framebuffer objects.
#include "renderer.hpp"

#include <algorithm>

namespace sinew::sim {

namespace {

constexpr int kMaxGeoms = 500;

}  // namespace

Renderer::Renderer(mjModel& model) : model_(model), gl_(GlContext::create()) {
  mjv_defaultScene(&scene_);
  mjv_makeScene(&model_, &scene_, kMaxGeoms);
  mjv_defaultOption(&option_);
}

Renderer::~Renderer() {
  const GlContext::Current current(gl_);
  // Without the context there is nothing left that they could be freed in.
  for (Target* target : {&plain_, &shaded_}) {
    if (!current) (void)target->release();
    target->reset();
  }
  mjv_freeScene(&scene_);
}

mjrContext& Renderer::target(Look look) {
  Target& target = look == Look::shaded ? shaded_ : plain_;
  if (target) return *target;
  target = Target(new mjrContext);
  mjr_defaultContext(target.get());
  // Both are fixed when a target is made. With shadows the scene is drawn three times, so that its facets count.
  const auto usual = model_.vis.quality;
  if (look == Look::shaded) {
    model_.vis.quality.shadowsize = 256;
    model_.vis.quality.numslices = 20;
    model_.vis.quality.numstacks = 10;
  }
  mjr_makeContext(&model_, target.get(), mjFONTSCALE_100);
  model_.vis.quality = usual;
  return *target;
}

bool Renderer::draw(mjData& data, int camera, int height, int width, Look look, Image& image) {
  const GlContext::Current current(gl_);
  if (!current) return false;
  mjrContext& target = this->target(look);
  if (target.offWidth < width || target.offHeight < height)
    mjr_resizeOffscreen(std::max(width, target.offWidth), std::max(height, target.offHeight), &target);
  mjr_setBuffer(mjFB_OFFSCREEN, &target);

  mjvCamera view;
  mjv_defaultCamera(&view);
  view.type = mjCAMERA_FIXED;
  view.fixedcamid = camera;
  scene_.flags[mjRND_SHADOW] = look != Look::policy;
  scene_.flags[mjRND_REFLECTION] = look == Look::film;
  mjv_updateScene(&model_, &data, &option_, nullptr, &view, mjCAT_ALL, &scene_);

  image.resize(height, width, 3);
  const mjrRect viewport{0, 0, width, height};
  mjr_render(viewport, &scene_, &target);
  const auto pixels = image.pixels();
  mjr_readPixels(pixels.data(), nullptr, viewport, &target);
  // OpenGL's first row is the lowest one.
  const auto row = [&](int y) { return pixels.begin() + static_cast<std::ptrdiff_t>(y) * width * 3; };
  for (int y = 0; y < height / 2; ++y) std::swap_ranges(row(y), row(y + 1), row(height - 1 - y));
  return true;
}

}  // namespace sinew::sim
