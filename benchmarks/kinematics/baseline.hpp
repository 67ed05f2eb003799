// SPDX-License-Identifier: Apache-2.0
// What bench_kinematics asks of another library. Each library is a module of its own, opened at run time: its headers, its flags
// (some are built for the processor at hand) and its symbols stay away from ours. Plain types only, for flags change Eigen's layout.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace sinew::bench {

/// What is timed. A library may know several ways; the fastest one counts.
enum class Task { forward, jacobian, frames, load, inverse };

/// One way in which a library does a task.
struct Way {
  std::string name;  ///< its functions, e.g. "computeFrameJacobian"
  Task task;
};

/// A joint between base and tip, fixed ones included, in this order.
struct BaselineJoint {
  enum class Kind { fixed, revolute, prismatic };
  std::string name;
  std::string child;
  Kind kind = Kind::fixed;
  std::array<double, 9> rotation{};     ///< parent_from_joint, row-major
  std::array<double, 3> translation{};  ///< parent_from_joint, m
  std::array<double, 3> axis{};         ///< joint axes
  double lower = 0;                     ///< rad or m; +-infinity for continuous joints
  double upper = 0;
};

/// A joint that follows another: multiplier * q[variable] + offset. To the baselines it is a joint like any other.
struct BaselineFollower {
  std::string name;
  std::size_t variable = 0;
  double multiplier = 1;
  double offset = 0;
};

/// What a baseline is made from.
struct BaselineRobot {
  std::string original;                  ///< text, as found: for Task::load
  std::string urdf;                      ///< text: of the chain alone, or of the whole robot when `tip` is empty
  std::string base;                      ///< link
  std::string tip;                       ///< link; empty: all frames of the whole robot
  std::vector<std::string> joint_names;  ///< order of q
  std::vector<BaselineJoint> joints;     ///< the chain in numbers; empty for a whole robot
  std::vector<BaselineFollower> followers;
};

/// A chain or robot in another library. Results are written row-major: pose [4, 4], Jacobian [6, dof] (linear rows first, reference
/// point at the tip, axes of the base).
class Baseline {
 public:
  virtual ~Baseline() = default;
  /// Library, version, and how it was built.
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual std::vector<Way> ways() const = 0;
  /// Copies `count` configurations `[count, dof]` into the library's own form, for run() and result().
  virtual void set_pool(const double* q, std::size_t count) = 0;
  /// Does a task `times` times, on one configuration of the pool after the other.
  virtual void run(std::size_t way, int times) = 0;
  /// The result of run() for one configuration of the pool: pose, or Jacobian, or the poses of frame_names() `[frames, 4, 4]`.
  virtual void result(std::size_t way, std::size_t index, double* out) = 0;
  /// Pose of the tip for any `q [dof]`.
  virtual void forward(const double* q, double* base_from_tip) = 0;
  /// Searches `q [dof]` for a pose from a seed; whether the library claims success. Only for ways of Task::inverse.
  virtual bool inverse(std::size_t, const double*, const double*, double*) { return false; }
  /// Links that framesForwardKinematics or the like gives poses of.
  [[nodiscard]] virtual std::vector<std::string> frame_names() const { return {}; }
};

/// What a module exports as `make_baseline`; throws std::exception.
using MakeBaseline = Baseline*(const BaselineRobot& robot);

/// Makes the baseline of module `<name>.so`, or nothing and the reason in `why`.
[[nodiscard]] std::unique_ptr<Baseline> open_baseline(const std::string& name, const BaselineRobot& robot, std::string& why);

}  // namespace sinew::bench
