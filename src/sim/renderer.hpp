// SPDX-License-Identifier: Apache-2.0
// Draws a MuJoCo model off screen.
#pragma once

#include <mujoco/mujoco.h>

#include <memory>

#include "gl_context.hpp"
#include "sinew/core/image.hpp"

namespace sinew::sim {

/// What a frame is for.
enum class Look {
  policy,  ///< no shadows: what a policy sees, and fast
  film     ///< shadows and reflections
};

/// Holds an OpenGL context and what MuJoCo uploaded into it.
class Renderer {
 public:
  /// Throws Error when there is no OpenGL. `model` must outlive the renderer.
  explicit Renderer(const mjModel& model);
  Renderer(const Renderer&) = delete;
  Renderer& operator=(const Renderer&) = delete;
  ~Renderer();

  /// Draws the fixed camera `camera` (an index of the model) into `image`, resized to `height` by `width`. False when the
  /// context could not be made current.
  [[nodiscard]] bool draw(mjData& data, int camera, int height, int width, Look look, Image& image);

 private:
  mjrContext& context();

  const mjModel& model_;
  GlContext gl_;
  mjvScene scene_{};
  mjvOption option_{};
  std::unique_ptr<mjrContext> context_;
};

}  // namespace sinew::sim
