// SPDX-License-Identifier: Apache-2.0
// The module _sinew_sim: the simulated robot and its demonstrator.
#include <pybind11/stl/filesystem.h>

#include <filesystem>
#include <memory>

#include "bindings.hpp"
#include "sinew/runtime/any_robot.hpp"
#include "sinew/runtime/policy.hpp"
#include "sinew/sim/demonstrator.hpp"
#include "sinew/sim/instruction.hpp"
#include "sinew/sim/mujoco_robot.hpp"

namespace py = pybind11;
using namespace sinew;
using namespace sinew::bindings;
using namespace sinew::sim;

namespace {

using RobotPointer = std::shared_ptr<MujocoRobot>;

// The parameters of a Python signature, one each.
RobotPointer tabletop(std::uint64_t seed, std::pair<int, int> camera_size, bool render, std::optional<JointLimits> limits,
                      bool privileged) {
  return std::make_shared<MujocoRobot>(MujocoRobot::tabletop({.seed = seed,
                                                              .camera_height = camera_size.first,
                                                              .camera_width = camera_size.second,
                                                              .render_cameras = render,
                                                              .limits = std::move(limits),
                                                              .privileged = privileged}));
}

void reset(MujocoRobot& robot, std::uint64_t seed, const std::optional<std::string>& instruction) {
  robot.reset(seed, instruction ? std::optional(parse_instruction(*instruction)) : std::nullopt);
}

// The GIL is kept in all calls: it is what keeps two threads from using one simulation at once.
Observation observe(MujocoRobot& robot, const std::string& instruction) {
  Observation observation;
  raise_unless_ok(robot.observe(instruction, observation), "MujocoRobot.observe", "a frame could not be drawn");
  return observation;
}

void wait_until(MujocoRobot& robot, double time) {
  if (!(time >= 0 && time < 1e9))
    fail(ErrorCode::invalid_argument, {"MujocoRobot.wait_until", "time", "seconds from 0 to 1e9", fmt::format("{}", time), ""});
  raise_unless_ok(robot.wait_until(from_seconds(time)), "MujocoRobot.wait_until", "the physics diverged; reset the robot");
}

Doubles positions(const MujocoRobot& robot) {
  std::vector<double> q(kRobotJoints);
  raise_unless_ok(robot.positions(q), "MujocoRobot.positions", "");
  return to_array(q);
}

void command(MujocoRobot& robot, const Doubles& q) {
  require_shape(q, {kRobotJoints}, "MujocoRobot.command", "q");
  raise_unless_ok(robot.command(as_span(q)), "MujocoRobot.command", "finite values inside the position limits are needed");
}

py::array render(MujocoRobot& robot, const std::string& camera, std::pair<int, int> size) {
  Image image;
  robot.render(camera, size.first, size.second, image);
  return to_array(image);
}

py::dict objects(const MujocoRobot& robot) {
  py::dict poses;
  for (const auto& object : robot.objects())
    poses[py::str(object.name)] = py::make_tuple(to_array(object.position), to_array(object.quaternion));
  return poses;
}

/// The policy directory that comes with the package.
std::filesystem::path packaged_demonstrator() {
  const py::list folders(py::module_::import("sinew").attr("__path__"));
  return folders[0].cast<std::filesystem::path>() / "models" / "tabletop_demonstrator";
}

Policy demonstrator_policy(const MujocoRobot& robot, const std::optional<std::filesystem::path>& directory) {
  BackendRegistry registry;
  add_demonstrator(registry, robot);
  return Policy::load(directory ? *directory : packaged_demonstrator(), registry);
}

void bind_robot(py::module_& m) {
  py::class_<MujocoRobot, RobotPointer>(
      m, "MujocoRobot", "The simulated tabletop robot: j1 to j7 (rad), gripper (opening, m). Its clock moves only in wait_until.")
      .def_static(
          "tabletop", &tabletop, py::arg("seed") = 0, py::arg("camera_size") = std::pair(128, 128), py::arg("render") = true,
          py::arg("limits") = py::none(), py::arg("privileged") = false,
          "seed: of the first layout. camera_size: (height, width) of \"front\" and \"wrist\" in observations. render: False "
          "leaves cameras out\n"
          "and needs no OpenGL. limits: sinew.motion.JointLimits, tightened to what the arm can do. privileged: observations also have\n"
          "\"object_position\" [18] m, centres of cubes, then plates (their feet), in the order of objects(),\n"
          "and \"cube_yaw\" [3] rad, about the vertical: for targets in training only.")
      .def("reset", &reset, py::arg("seed"), py::arg("instruction") = py::none(),
           "Places everything anew; with an instruction, so that it can be done. The clock goes on. The same for the same seed and "
           "instruction.")
      .def("set_look", &MujocoRobot::set_look, py::arg("look"),
           "Changes light, colours and cameras from the next frame on; a reset keeps them. Cheap.")
      .def_property_readonly("look", &MujocoRobot::look, py::return_value_policy::copy, "a copy of the present TabletopLook")
      .def("observe", &observe, py::arg("instruction"),
           "-> sinew.Observation: cameras \"front\", \"wrist\"; state \"joint_position\" [8] rad,m, \"joint_velocity\" [8] rad/s,m/s and\n"
           "\"tool_pose\" [7] m,quat_wxyz (base_from_tool).")
      .def("command", &command, py::arg("q"),
           "q: float64 [8], targets of the position servos, rad and m. Raises sinew.Error outside the limits.")
      .def("wait_until", &wait_until, py::arg("time"), "Steps the physics (1 ms) until the clock is at time, s.")
      .def("positions", &positions, "float64 [8]: measured joint positions, rad and m.")
      .def("stop", &MujocoRobot::stop, "Holds the arm where it is; the gripper keeps its last target.")
      .def_property_readonly(
          "now", [](const MujocoRobot& robot) { return to_seconds(robot.now()); }, "s, the simulation's clock")
      .def_property_readonly(
          "limits", [](const MujocoRobot& robot) { return robot.limits(); }, "sinew.motion.JointLimits")
      .def_property_readonly("urdf", &MujocoRobot::urdf, "the arm as URDF text: base \"link0\", tip \"tool\"")
      .def("succeeded", &MujocoRobot::succeeded, py::arg("instruction"),
           "True when the instruction has been done for 0.3 s: the cube rests on its plate or on the other cube, released, or lies at "
           "least 6 cm\n"
           "farther to that side than at the reset; the tool is out of the way.")
      .def("render", &render, py::arg("camera"), py::arg("size"),
           "camera: \"front\", \"wrist\" or \"video\" (always with shadows), in the present look. size: (height, width). -> uint8 [height, "
           "width, 3].")
      .def("objects", &objects, "dict name -> (position [3] m, quaternion wxyz [4]) in the arm's base frame.")
      .def("_any_robot", [](const RobotPointer& robot) { return AnyRobot(robot); });
}

void bind_look(py::module_& m) {
  py::class_<CameraShift>(m, "CameraShift", "A camera moved from where it usually is, in its own axes: right, up, backwards.")
      .def(py::init<>())
      .def_readwrite("offset", &CameraShift::offset, "[3] m")
      .def_readwrite("rotation", &CameraShift::rotation, "[3] rotation vector, rad");
  py::class_<TabletopLook>(m, "TabletopLook",
                           "What can change in the tabletop scene without changing the task. A list is assigned as a whole.")
      .def(py::init<>(), "The scene as it is written.")
      .def_readwrite("shadows", &TabletopLook::shadows, "in \"front\" and \"wrist\"; \"video\" always has them")
      .def_readwrite("light_direction", &TabletopLook::light_direction, "[3] of the main light, base frame; points down")
      .def_readwrite("light", &TabletopLook::light, "brightness of the main light, times the usual")
      .def_readwrite("ambient", &TabletopLook::ambient, "brightness of the light from everywhere, times the usual")
      .def_readwrite("wood", &TabletopLook::wood, "the table's top: planks, or a light grey laminate for any `table`")
      .def_readwrite("table", &TabletopLook::table, "[3] red, green, blue: what the table's surface is multiplied with")
      .def_readwrite("floor", &TabletopLook::floor, "[3] and the floor's, the background of \"front\"")
      .def_readwrite("arm", &TabletopLook::arm, "brightness of the arm's shell, times the usual")
      .def_readwrite("front", &TabletopLook::front, "CameraShift of \"front\"")
      .def_readwrite("wrist", &TabletopLook::wrist, "CameraShift of \"wrist\"");
  m.def(
      "make_tabletop_look",
      [](std::uint64_t seed, bool outside) { return make_tabletop_look(seed, outside ? LookRange::outside : LookRange::training); },
      py::arg("seed"), py::arg("outside") = false,
      "A random look from the range of training, or from outside of it. The same for the same seed.");
}

}  // namespace

PYBIND11_MODULE(_sinew_sim, m) {
  // The types that this module takes and returns are registered there.
  py::module_::import("sinew._sinew");
  m.doc() = "Sinew's simulator; import `sinew.sim` instead.";
  bind_look(m);
  bind_robot(m);
  m.def("known_instructions", &known_instructions, "All instructions of the tabletop scene.");
  m.def(
      "parse_instruction",
      [](const std::string& text) {
        const Instruction instruction = parse_instruction(text);
        return py::make_tuple(std::string(to_string(instruction.task)),
                              std::string(kCubeColours.at(static_cast<std::size_t>(instruction.cube))),
                              std::string(target_name(instruction)));
      },
      py::arg("text"),
      "-> (task \"put\", \"stack\" or \"push\", cube colour, target: plate colour, colour of the lower cube, or \"left\" (the robot's, "
      "+y) or\n"
      "\"right\"). Raises sinew.Error that lists what there is.");
  m.def("add_demonstrator", &add_demonstrator, py::arg("registry"), py::arg("robot"),
        "Registers the backend \"demonstrator\" for the world of robot.");
  m.def("demonstrator_policy", &demonstrator_policy, py::arg("robot"), py::arg("directory") = py::none(),
        "-> sinew.Policy that solves the tabletop task for robot; it reads the simulator's state. directory: its card, by default the "
        "package's.");
}
