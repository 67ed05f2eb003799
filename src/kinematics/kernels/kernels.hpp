// SPDX-License-Identifier: Apache-2.0
// What the vector kernels of kinematics take and offer. Plain numbers and pointers only: the kernels are compiled once per instruction
// set, and an inline function of a library that two such units share would make the program run whichever copy the linker kept.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sinew/core/isa.hpp"

namespace sinew::detail {

inline constexpr int kMostSegments = 64;      ///< moving joints on the way to one tip
inline constexpr int kMostFrameJoints = 128;  ///< turning joints of an all-frames program, and intermediate poses

/// How the frame of a segment is turned against that of the one before, when the joint stands at its zero.
enum class AxisTwist : std::uint8_t {
  none,
  plus,     ///< +90 degrees about x
  minus,    ///< -90 degrees about x
  about_x,  ///< by the angle of `cosine`, `sine` about x
  dense     ///< by `rotation`: beside prismatic joints, which cannot take up a turn about z
};

/// One moving joint: translation, twist, then a motion along or about z by multiplier * q[variable] + offset.
template <class Scalar>
struct KernelSegment {
  Scalar translation[3];  ///< m, axes of the frame before
  Scalar cosine, sine;    ///< of the twist
  Scalar rotation[9];     ///< columns; of a dense twist
  Scalar multiplier, offset;
  std::int32_t variable;  ///< index into q
  AxisTwist twist;
  std::uint8_t moves;      ///< bit i: translation[i] is not 0
  std::uint8_t prismatic;  ///< slides along z instead of turning about it
};

/// A rotation as columns and an origin, 4 numbers each: what a 4 x 4 column-major matrix holds.
template <class Scalar>
struct KernelPose {
  Scalar columns[4][4];
};

/// The program of one tip.
template <class Scalar>
struct KernelProgram {
  const KernelSegment<Scalar>* segments;
  std::int32_t count;         ///< of segments, at least 1
  std::int32_t dof;           ///< length of q
  std::uint8_t all_plain;     ///< segment i moves variable i, revolute, multiplier 1, and there are no other variables
  KernelPose<Scalar> base;    ///< base_from_first, before its joint moves
  Scalar tip_translation[3];  ///< from the last segment
  Scalar tip_rotation[9];     ///< columns
  std::uint8_t tip_moves;     ///< bit i: tip_translation[i] is not 0
  std::uint8_t tip_turns;     ///< tip_rotation is not the identity
  const Scalar* offsets;      ///< `[count, padded to 16]` copies of the segments'
};

/// One step of the all-frames program: parent pose, origin, motion. Kept in the axes of the description, where origins are mostly pure
/// translations and link frames need no product of their own.
struct KernelFrame {
  double translation[3];
  double rotation[9];  ///< columns
  double axis[3];      ///< of a motion about or along neither x, y nor z
  double multiplier, offset;
  std::int32_t parent;    ///< >= 0: pose of that output; < 0: intermediate -1 - parent
  std::int32_t output;    ///< likewise where this pose goes
  std::int32_t variable;  ///< index into q; -1 for a fixed step
  std::int32_t position;  ///< index among the revolute steps
  std::uint8_t moves;     ///< bit i: translation[i] is not 0
  std::uint8_t turns;     ///< rotation is not the identity
  std::uint8_t prismatic;
  std::uint8_t axis_index;  ///< 0, 1, 2: x, y, z; 3: `axis`
};

struct KernelFrames {
  const KernelFrame* steps;
  std::int32_t count;
  std::int32_t revolute;          ///< steps that need a sine
  const std::int32_t* variables;  ///< `[revolute]`
  const double* multipliers;      ///< `[revolute]`
  const double* offsets;          ///< `[revolute]`
};

/// What the tip shall do: weights that are 0 leave that part free.
struct KernelTask {
  double position_weight;  ///< 1 / m
  double rotation_weight;
  double axis[3];          ///< tip frame; used when `axis_only`
  std::uint8_t axis_only;  ///< only the direction of `axis` counts, the rotation about it is free
  double squared_position_tolerance;
  double squared_chord_tolerance;  ///< of 2 sin(angle / 2)
};

/// Eight searches side by side, element k of lane l at [8 k + l].
struct KernelSearch {
  static constexpr int kLanes = 8;
  const double* q;             ///< `[dof, 8]`
  double* next;                ///< `[dof, 8]` after one damped step
  const double* lower;         ///< `[dof]`
  const double* upper;         ///< `[dof]`
  const double* posture;       ///< `[dof]`, or null
  const double* posture_gain;  ///< `[8]`
  const double* target;        ///< `[12, 8]` columns of the rotation, position
  double* jacobian;            ///< `[dof, 6, 8]` working memory
  double* squared_error;       ///< `[8]` weighted
  std::uint32_t lanes;         ///< bit l: lane l is wanted
};

/// Frames whose recorded poses are compared with those of their joints.
struct KernelPoseErrors {
  const double* q;      ///< `[count, dof]`
  const double* poses;  ///< `[count, 7]` position, quaternion w, x, y, z
  std::size_t count;
  const double* signs;               ///< `[dof]` factors of q, or null
  double least_square, most_square;  ///< of the norm of a quaternion
  double* position;                  ///< `[count]` m
  double* angle;                     ///< `[count]` rad
};

/// The kernels of one instruction set. `q` pointers need no alignment and may be read only within their stated length.
struct Kernels {
  /// Pose of the tip; `out` 16 numbers, column-major, aligned or not.
  void (*forward)(const KernelProgram<double>&, const double* q, double* out);
  /// And the Jacobian `[6, dof]`, column-major with `stride`.
  void (*jacobian)(const KernelProgram<double>&, const double* q, double* out, double* J, std::ptrdiff_t stride);
  /// Poses of all frames, 16 numbers each, column-major.
  void (*frames)(const KernelFrames&, const double* q, double* out);
  /// `q [n, dof]` -> `poses [n, 4, 4]`, row-major.
  void (*forward_batch)(const KernelProgram<double>&, const double* q, std::size_t count, double* poses);
  void (*forward_batch_float)(const KernelProgram<float>&, const float* q, std::size_t count, float* poses);
  /// And `J [n, 6, dof]`, row-major.
  void (*jacobian_batch)(const KernelProgram<double>&, const double* q, std::size_t count, double* poses, double* J);
  void (*jacobian_batch_float)(const KernelProgram<float>&, const float* q, std::size_t count, float* poses, float* J);
  /// Errors and one step of eight searches; bit l of the result: lane l is within the tolerance.
  std::uint32_t (*search)(const KernelProgram<double>&, const KernelTask&, const KernelSearch&);
  void (*pose_errors)(const KernelProgram<double>&, const KernelPoseErrors&);
  /// Sine and cosine of `count` angles; `sine`, `cosine` `[count]`. For the self-check and tests.
  void (*sincos)(const double* angle, std::size_t count, double* sine, double* cosine);
  void (*sincos_float)(const float* angle, std::size_t count, float* sine, float* cosine);
};

namespace portable {
extern const Kernels kKernels;
}
#if defined(__x86_64__)
namespace v2 {
extern const Kernels kKernels;
}
namespace v3 {
extern const Kernels kKernels;
}
namespace v4 {
extern const Kernels kKernels;
}
#endif

/// Those of the active instruction set.
const Kernels& kernels() noexcept;

/// Throws Error when a kernel's sine is off: the library was compiled with options that change values. Checks once per process.
void check_kernels();

}  // namespace sinew::detail
