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
  policy,  ///< what a policy sees: no shadows, and fast
  shaded,  ///< the same with shadows, from a small map
  film     ///< shadows from a large map, and reflections
};

/// Holds an OpenGL context and what MuJoCo uploaded into it.
class Renderer {
 public:
  /// Throws Error when there is no OpenGL. `model` must outlive the renderer, which leaves it as it was.
  explicit Renderer(mjModel& model);
  Renderer(const Renderer&) = delete;
  Renderer& operator=(const Renderer&) = delete;
  ~Renderer();

  /// Draws the fixed camera `camera` (an index of the model) into `image`, resized to `height` by `width`. False when the
  /// context could not be made current.
  [[nodiscard]] bool draw(mjData& data, int camera, int height, int width, Look look, Image& image);

 private:
  struct FreeContext {
    void operator()(mjrContext* context) const noexcept {
      mjr_freeContext(context);
      delete context;
    }
  };
  using Target = std::unique_ptr<mjrContext, FreeContext>;
  mjrContext& target(Look look);

  mjModel& model_;
  GlContext gl_;
  mjvScene scene_{};
  mjvOption option_{};
  Target plain_;  // policy and film
  Target shaded_;
};

}  // namespace sinew::sim
