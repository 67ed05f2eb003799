// SPDX-License-Identifier: Apache-2.0
// URDF text -> tree, strictly: a description that is accepted has one root, no cycle, unique names and finite numbers.
#pragma once

#include <Eigen/Geometry>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sinew {

/// Joint types that Sinew moves; planar and floating joints are refused when the description is read.
enum class UrdfJointType : std::uint8_t { fixed, revolute, continuous, prismatic };

/// Name as in URDF.
[[nodiscard]] std::string_view to_string(UrdfJointType type) noexcept;

/// Where the position limits of a joint come from.
enum class LimitSource : std::uint8_t {
  stated,     ///< lower and upper of `<limit>`
  defaulted,  ///< `<limit>` without lower or upper: 0, as URDF says
  soft,       ///< narrowed by `<safety_controller>`, see UrdfOptions::soft_limits
  endless     ///< a continuous joint has none
};

/// Name of the enumerator, e.g. "stated".
[[nodiscard]] std::string_view to_string(LimitSource source) noexcept;

/// `<mimic>`: position = multiplier * position of `joint` + offset.
struct UrdfMimic {
  std::string joint;        ///< the joint that is followed, which may follow another
  int index = -1;           ///< of that joint, into Urdf::joints
  double multiplier = 1.0;  ///< as URDF's default
  double offset = 0.0;      ///< rad or m
};

/// A joint; its frame is the child link's frame.
struct UrdfJoint {
  std::string name;
  UrdfJointType type = UrdfJointType::fixed;
  int parent = -1;                                                      ///< index into Urdf::links
  int child = -1;                                                       ///< index into Urdf::links
  Eigen::Isometry3d parent_from_joint = Eigen::Isometry3d::Identity();  ///< at position 0, m
  Eigen::Vector3d axis = Eigen::Vector3d::UnitX();                      ///< unit length, joint axes
  double lower = 0.0;                                                   ///< rad or m; -infinity for continuous
  double upper = 0.0;                                                   ///< rad or m; +infinity for continuous
  LimitSource limit_source = LimitSource::stated;                       ///< of lower and upper; meaningless for a fixed joint
  double velocity = 0.0;                                                ///< rad/s or m/s; infinity when not stated (absent or 0)
  double effort = 0.0;                                                  ///< N m or N; infinity when not stated (absent)
  std::optional<UrdfMimic> mimic;                                       ///< never on a fixed joint
  int line = 0;                                                         ///< of the element, from 1
};

/// A link: only its place in the tree. Inertias and geometry are not read, meshes never opened.
struct UrdfLink {
  std::string name;
  int parent_joint = -1;  ///< index into Urdf::joints; -1 for the root
  int line = 0;           ///< of the element, from 1
};

/// The tree. Links and joints are in the order of the file; a link and a joint may share a name.
struct Urdf {
  std::string name;  ///< of the robot
  std::vector<UrdfLink> links;
  std::vector<UrdfJoint> joints;
  int root = -1;                      ///< index into links
  std::vector<std::string> warnings;  ///< what was accepted but looks like a slip, with joint and line

  /// Index of the link, or -1.
  [[nodiscard]] int find_link(std::string_view name) const noexcept;
  /// Index of the joint, or -1.
  [[nodiscard]] int find_joint(std::string_view name) const noexcept;
};

inline constexpr std::size_t kUrdfMaxBytes = 4u << 20;  ///< of text
inline constexpr std::size_t kUrdfMaxLinks = 2000;      ///< and as many joints
inline constexpr std::size_t kUrdfMaxElements = 200'000;
inline constexpr std::size_t kUrdfMaxName = 128;  ///< bytes
inline constexpr double kUrdfMaxNumber = 1e18;    ///< magnitude; keeps products of a chain finite

/// What a caller may allow. The defaults refuse whatever has two readings.
struct UrdfOptions {
  /// A revolute joint without `<limit>` turns without end (and is warned about) instead of being an error.
  bool treat_as_continuous = false;
  /// Intersects position limits with soft_lower_limit and soft_upper_limit of `<safety_controller>`; one that is absent bounds
  /// nothing. Joints without end keep none.
  bool soft_limits = false;
};

/// Reads a description from text. `where` begins every message, before the line number. Throws Error for whatever is
/// malformed, ambiguous or unsupported; the text of the message names joint (or link) and line.
[[nodiscard]] Urdf parse_urdf(std::string_view xml, const std::string& where = "urdf", const UrdfOptions& options = {});

/// Reads a description from a regular file; messages begin with the path. No other file is opened, whatever meshes are named.
[[nodiscard]] Urdf load_urdf(const std::filesystem::path& path, const UrdfOptions& options = {});

}  // namespace sinew
