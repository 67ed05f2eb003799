// SPDX-License-Identifier: Apache-2.0
// From dense transforms between joints to the canonical segments that the kernels run.
#include <algorithm>
#include <cmath>
#include <utility>

#include "program.hpp"

namespace sinew::detail {
namespace {

/// Entries of a rotation below this are the rounding of an exact 0, as of cos(pi / 2).
constexpr double kRounding = 1e-15;

double snapped(double entry) {
  return std::abs(entry) < kRounding ? 0.0 : std::abs(std::abs(entry) - 1.0) < kRounding ? std::copysign(1.0, entry) : entry;
}

Eigen::Matrix3d about_z(double angle) { return Eigen::AngleAxisd(angle, Eigen::Vector3d::UnitZ()).toRotationMatrix(); }
Eigen::Matrix3d about_x(double cosine, double sine) {
  Eigen::Matrix3d R;
  R << 1, 0, 0, 0, cosine, -sine, 0, sine, cosine;
  return R;
}

/// R = Rz(before) Rx(twist) Rz(after), the twist as cosine and sine.
struct Twisted {
  double before = 0.0, cosine = 1.0, sine = 0.0, after = 0.0;
};

Twisted decompose(const Eigen::Matrix3d& R) {
  Twisted result;
  const double sine = std::hypot(R(0, 2), R(1, 2));
  if (sine < kRounding) {
    result.cosine = R(2, 2) < 0 ? -1.0 : 1.0;
  } else {
    result.cosine = snapped(R(2, 2));
    result.sine = snapped(sine);
    result.before = std::atan2(R(0, 2), -R(1, 2));
    // The turn about the previous axis within a quarter: keeps the offsets of well-drawn robots zero.
    if (result.before > M_PI / 2 + kRounding || result.before <= -M_PI / 2 - kRounding) {
      result.before += result.before > 0 ? -M_PI : M_PI;
      result.sine = -result.sine;
    }
    if (std::abs(result.before) < kRounding) result.before = 0.0;
  }
  // From what the first two leave, not from R's own entries: so that all three together give R back even where the axes are nearly
  // parallel.
  const Eigen::Matrix3d rest = about_x(result.cosine, -result.sine) * about_z(-result.before) * R;
  result.after = std::atan2(rest(1, 0), rest(0, 0));
  if (std::abs(result.after) < kRounding) result.after = 0.0;
  return result;
}

void set_translation(const Eigen::Vector3d& t, double (&out)[3], std::uint8_t& moves) {
  const double scale = t.cwiseAbs().maxCoeff();
  moves = 0;
  for (int i = 0; i < 3; ++i) {
    // Below the rounding of the largest: left by a turn of a vector along an axis.
    const double value = std::abs(t[i]) < 1e-16 * scale ? 0.0 : t[i];
    out[i] = value;
    if (value != 0) moves |= static_cast<std::uint8_t>(1 << i);
  }
}

void set_rotation(const Eigen::Matrix3d& R, double (&out)[9]) { std::transform(R.data(), R.data() + 9, out, snapped); }

KernelPose<double> to_pose(const Eigen::Isometry3d& pose) {
  KernelPose<double> out = {};
  for (int column = 0; column < 3; ++column) {
    for (int row = 0; row < 3; ++row) out.columns[column][row] = snapped(pose(row, column));
  }
  for (int row = 0; row < 3; ++row) out.columns[3][row] = pose(row, 3);
  out.columns[3][3] = 1.0;
  return out;
}

AxisTwist twist_of(const Twisted& twisted) {
  if (twisted.sine == 0 && twisted.cosine == 1) return AxisTwist::none;
  if (twisted.cosine == 0) return twisted.sine > 0 ? AxisTwist::plus : AxisTwist::minus;
  return AxisTwist::about_x;
}

void link(ProgramStorage<double>& storage) {
  auto& program = storage.program;
  program.segments = storage.segments.data();
  program.count = static_cast<std::int32_t>(storage.segments.size());
  storage.offsets.assign((storage.segments.size() + 15) / 16 * 16, 0.0);
  program.all_plain = program.count == program.dof ? 1 : 0;
  for (std::size_t i = 0; i < storage.segments.size(); ++i) {
    const auto& segment = storage.segments[i];
    storage.offsets[i] = segment.offset;
    if (segment.variable != static_cast<int>(i) || segment.prismatic != 0 || segment.multiplier != 1) program.all_plain = 0;
  }
  program.offsets = storage.offsets.data();
}

template <class To, class From, std::size_t kCount>
void convert(const From (&from)[kCount], To (&to)[kCount]) {
  std::transform(from, from + kCount, to, [](From value) { return static_cast<To>(value); });
}

ProgramStorage<float> to_float(const ProgramStorage<double>& from) {
  ProgramStorage<float> to;
  for (const auto& segment : from.segments) {
    KernelSegment<float> narrow = {};
    convert(segment.translation, narrow.translation);
    convert(segment.rotation, narrow.rotation);
    narrow.cosine = static_cast<float>(segment.cosine);
    narrow.sine = static_cast<float>(segment.sine);
    narrow.multiplier = static_cast<float>(segment.multiplier);
    narrow.offset = static_cast<float>(segment.offset);
    narrow.variable = segment.variable;
    narrow.twist = segment.twist;
    narrow.moves = segment.moves;
    narrow.prismatic = segment.prismatic;
    to.segments.push_back(narrow);
  }
  to.offsets.assign(from.offsets.begin(), from.offsets.end());
  to.program = {.segments = to.segments.data(),
                .count = from.program.count,
                .dof = from.program.dof,
                .all_plain = from.program.all_plain,
                .tip_moves = from.program.tip_moves,
                .tip_turns = from.program.tip_turns,
                .offsets = to.offsets.data()};
  for (int i = 0; i < 4; ++i) convert(from.program.base.columns[i], to.program.base.columns[i]);
  convert(from.program.tip_translation, to.program.tip_translation);
  convert(from.program.tip_rotation, to.program.tip_rotation);
  return to;
}

}  // namespace

TipProgram compile_tip(std::vector<DenseSegment> dense, Eigen::Isometry3d last_from_tip, int dof) {
  TipProgram tip;
  ProgramStorage<double>& storage = tip.storage;
  storage.program.dof = dof;
  KernelSegment<double>* previous = nullptr;
  storage.segments.reserve(dense.size());
  // What `pose` begins with a turn about the axis before it, the joint there takes up.
  const auto give_to_previous = [&](Twisted& twisted, Eigen::Isometry3d& pose) {
    if (previous->prismatic != 0) return twisted.before == 0;
    // Between parallel axes either joint could take the turn up.
    if (twisted.sine == 0 && twisted.cosine == 1) std::swap(twisted.before, twisted.after);
    previous->offset += twisted.before;
    pose = Eigen::Isometry3d(about_z(-twisted.before)) * pose;
    twisted.before = 0;
    return true;
  };
  for (DenseSegment& from : dense) {
    KernelSegment<double> segment = {.multiplier = from.multiplier,
                                     .offset = from.offset,
                                     .variable = from.variable,
                                     .prismatic = static_cast<std::uint8_t>(from.prismatic ? 1 : 0)};
    Eigen::Isometry3d& pose = from.previous_from_joint;
    if (previous == nullptr) {
      storage.program.base = to_pose(pose);
      tip.center = pose.translation();
    } else {
      Twisted twisted = decompose(pose.linear());
      const bool taken = give_to_previous(twisted, pose);
      if (taken && !from.prismatic) {
        segment.offset += twisted.after;
        twisted.after = 0;
      }
      segment.twist = taken && twisted.after == 0 ? twist_of(twisted) : AxisTwist::dense;
      segment.cosine = twisted.cosine;
      segment.sine = twisted.sine;
      set_rotation(pose.linear(), segment.rotation);
      set_translation(pose.translation(), segment.translation, segment.moves);
      tip.reach += pose.translation().norm();
    }
    storage.segments.push_back(segment);
    previous = &storage.segments.back();
  }
  Twisted twisted = decompose(last_from_tip.linear());
  give_to_previous(twisted, last_from_tip);
  KernelProgram<double>& program = storage.program;
  set_translation(last_from_tip.translation(), program.tip_translation, program.tip_moves);
  set_rotation(last_from_tip.linear(), program.tip_rotation);
  program.tip_turns = last_from_tip.linear().isIdentity(kRounding) ? 0 : 1;
  // A turning last joint leaves its own origin in place, as seen from the tip.
  const bool turns = previous->prismatic == 0 && storage.segments.size() > 1;
  if (turns) tip.last_in_tip = -(last_from_tip.linear().transpose() * last_from_tip.translation());
  tip.reach_of_last = tip.reach + (turns ? 0.0 : last_from_tip.translation().norm());
  tip.reach += last_from_tip.translation().norm();
  link(storage);
  tip.float_storage = to_float(storage);

  for (const auto& segment : storage.segments) tip.variables.push_back(segment.variable);
  std::sort(tip.variables.begin(), tip.variables.end());
  tip.variables.erase(std::unique(tip.variables.begin(), tip.variables.end()), tip.variables.end());
  tip.search_storage.segments = storage.segments;
  tip.search_storage.program = program;
  tip.search_storage.program.dof = static_cast<std::int32_t>(tip.variables.size());
  for (auto& segment : tip.search_storage.segments) {
    const auto at = std::lower_bound(tip.variables.begin(), tip.variables.end(), segment.variable);
    segment.variable = static_cast<std::int32_t>(at - tip.variables.begin());
  }
  link(tip.search_storage);
  return tip;
}

}  // namespace sinew::detail
