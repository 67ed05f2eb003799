// SPDX-License-Identifier: Apache-2.0
// Fields of the model: materials, lights, cameras.
#include "model_look.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "scenes/wood.hpp"
#include "sinew/core/error.hpp"

namespace sinew::sim {

namespace {

constexpr double kLightDistance = 2;  // m, from the middle of the table: where the shadows' map is drawn from
constexpr std::array<double, 3> kMiddle{0.42, 0, 0};

int find(const mjModel& model, mjtObj type, const char* name) {
  const int id = mj_name2id(&model, type, name);
  if (id < 0) fail(ErrorCode::internal, {"MujocoRobot", "the tabletop scene", fmt::format("an object named '{}'", name), "none", ""});
  return id;
}

template <class Scalar>
std::array<float, 3> copy(const Scalar* values) {
  return {static_cast<float>(values[0]), static_cast<float>(values[1]), static_cast<float>(values[2])};
}

void scale(const std::array<float, 3>& usual, double factor, float* target) {
  for (std::size_t i = 0; i < 3; ++i) target[i] = usual[i] * static_cast<float>(factor);
}

void set_colour(mjModel& model, int material, const std::array<double, 3>& colour) {
  for (std::size_t i = 0; i < 3; ++i) model.mat_rgba[4 * static_cast<std::size_t>(material) + i] = static_cast<float>(colour[i]);
}

std::span<std::uint8_t> pixels_of(mjModel& model, int texture) {
  return {model.tex_data + model.tex_adr[texture], static_cast<std::size_t>(model.tex_height[texture]) * model.tex_width[texture] * 3};
}

void check(const TabletopLook& look) {
  const auto finite = [](const std::array<double, 3>& values) {
    return std::ranges::all_of(values, [](double v) { return std::isfinite(v); });
  };
  const bool numbers = finite(look.light_direction) && finite(look.table) && finite(look.floor) && finite(look.front.offset) &&
                       finite(look.front.rotation) && finite(look.wrist.offset) && finite(look.wrist.rotation);
  const auto positive = [](double value) { return std::isfinite(value) && value >= 0; };
  if (!numbers || !positive(look.light) || !positive(look.ambient) || !positive(look.arm))
    fail(ErrorCode::invalid_argument, {"MujocoRobot", "look", "finite numbers, none of the factors negative", "others", ""});
  if (!(look.light_direction[2] < 0))
    fail(ErrorCode::invalid_argument,
         {"MujocoRobot", "look.light_direction", "z below zero: light comes from above", fmt::format("{}", look.light_direction[2]), ""});
}

}  // namespace

ModelLook::ModelLook(mjModel& model)
    : front_{find(model, mjOBJ_CAMERA, "front"), {}, {}},
      wrist_{find(model, mjOBJ_CAMERA, "wrist"), {}, {}},
      light_(find(model, mjOBJ_LIGHT, "key")),
      table_(find(model, mjOBJ_GEOM, "table")),
      wood_(find(model, mjOBJ_MATERIAL, "wood")),
      laminate_(find(model, mjOBJ_MATERIAL, "laminate")),
      edge_(find(model, mjOBJ_MATERIAL, "table_edge")),
      tiles_(find(model, mjOBJ_MATERIAL, "tiles")),
      shell_(find(model, mjOBJ_MATERIAL, "shell")),
      light_diffuse_(copy(model.light_diffuse + 3 * light_)),
      light_specular_(copy(model.light_specular + 3 * light_)),
      edge_colour_(copy(model.mat_rgba + 4 * edge_)),
      shell_colour_(copy(model.mat_rgba + 4 * shell_)),
      headlight_{copy(model.vis.headlight.ambient), copy(model.vis.headlight.diffuse)} {
  for (Camera* camera : {&front_, &wrist_}) {
    camera->position = Eigen::Map<const Eigen::Vector3d>(model.cam_pos + 3 * camera->id);
    const mjtNum* q = model.cam_quat + 4 * camera->id;
    camera->rotation = Eigen::Quaterniond(q[0], q[1], q[2], q[3]);
  }
  const int wood = find(model, mjOBJ_TEXTURE, "wood");
  const int laminate = find(model, mjOBJ_TEXTURE, "laminate");
  paint_wood(pixels_of(model, wood), model.tex_width[wood]);
  paint_laminate(pixels_of(model, laminate), model.tex_width[laminate]);
}

void ModelLook::place(mjModel& model, const Camera& camera, const CameraShift& shift) {
  const Eigen::Vector3d turn(shift.rotation[0], shift.rotation[1], shift.rotation[2]);
  const double angle = turn.norm();
  Eigen::Quaterniond rotation = camera.rotation;
  if (angle > 0) rotation = rotation * Eigen::Quaterniond(Eigen::AngleAxisd(angle, turn / angle));
  Eigen::Map<Eigen::Vector3d>(model.cam_pos + 3 * camera.id) =
      camera.position + camera.rotation * Eigen::Vector3d(shift.offset[0], shift.offset[1], shift.offset[2]);
  mjtNum* q = model.cam_quat + 4 * camera.id;
  q[0] = rotation.w(), q[1] = rotation.x(), q[2] = rotation.y(), q[3] = rotation.z();
}

void ModelLook::light(mjModel& model, const TabletopLook& look) const {
  const auto& way = look.light_direction;
  const double length = std::sqrt(way[0] * way[0] + way[1] * way[1] + way[2] * way[2]);
  for (std::size_t i = 0; i < 3; ++i) {
    model.light_dir[3 * light_ + i] = way[i] / length;
    model.light_pos[3 * light_ + i] = kMiddle[i] - kLightDistance * way[i] / length;
  }
  scale(light_diffuse_, look.light, model.light_diffuse + 3 * light_);
  scale(light_specular_, look.light, model.light_specular + 3 * light_);
  scale(headlight_.ambient, look.ambient, model.vis.headlight.ambient);
  scale(headlight_.diffuse, look.ambient, model.vis.headlight.diffuse);
}

void ModelLook::apply(mjModel& model, const TabletopLook& look) {
  check(look);
  place(model, front_, look.front);
  place(model, wrist_, look.wrist);
  light(model, look);
  model.geom_matid[table_] = look.wood ? wood_ : laminate_;
  set_colour(model, look.wood ? wood_ : laminate_, look.table);
  constexpr double kLaminateEdge = 0.65;  // darker than the top, as that of wood is
  for (std::size_t i = 0; i < 3; ++i)
    model.mat_rgba[4 * edge_ + i] = static_cast<float>((look.wood ? edge_colour_[i] : kLaminateEdge) * look.table[i]);
  set_colour(model, tiles_, look.floor);
  scale(shell_colour_, look.arm, model.mat_rgba + 4 * shell_);
  look_ = look;
}

}  // namespace sinew::sim
