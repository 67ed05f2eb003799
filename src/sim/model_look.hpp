// SPDX-License-Identifier: Apache-2.0
// Writes a look into the fields of a MuJoCo model that the renderer reads.
#pragma once

#include <mujoco/mujoco.h>

#include <Eigen/Geometry>
#include <array>

#include "sinew/sim/scenes/tabletop_look.hpp"

namespace sinew::sim {

/// The model's own look, and any other as a change of it.
class ModelLook {
 public:
  /// Remembers the fields of `model` that a look changes, and paints its textures. Throws Error for a model without them.
  explicit ModelLook(mjModel& model);

  /// Cheap; poses of cameras and lights in an mjData follow with the next mj_camlight. Throws Error for a look that is not
  /// finite or has no light from above.
  void apply(mjModel& model, const TabletopLook& look);
  [[nodiscard]] const TabletopLook& look() const noexcept { return look_; }

 private:
  struct Camera {
    int id;
    Eigen::Vector3d position;
    Eigen::Quaterniond rotation;
  };
  struct Headlight {
    std::array<float, 3> ambient;
    std::array<float, 3> diffuse;
  };
  static void place(mjModel& model, const Camera& camera, const CameraShift& shift);
  void light(mjModel& model, const TabletopLook& look) const;

  TabletopLook look_;
  Camera front_;
  Camera wrist_;
  int light_;
  int table_;
  int wood_;
  int laminate_;
  int edge_;
  int tiles_;
  int shell_;
  std::array<float, 3> light_diffuse_;
  std::array<float, 3> light_specular_;
  std::array<float, 3> edge_colour_;
  std::array<float, 3> shell_colour_;
  Headlight headlight_;
};

}  // namespace sinew::sim
