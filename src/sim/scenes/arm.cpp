// SPDX-License-Identifier: Apache-2.0
// Dimensions of the arm: public Panda-class DH parameters; masses, limits and shapes are ours.
#include "arm.hpp"

namespace sinew::sim::arm {

namespace {

constexpr auto kCapsule = Shape::Kind::capsule;
constexpr auto kCylinder = Shape::Kind::cylinder;
constexpr auto kBox = Shape::Kind::box;

/// A ring with its axis along z, centred on the joint.
Shape joint_drum(double radius, double half_length) {
  return {kCylinder, {0, 0, -half_length}, {0, 0, half_length}, radius, Finish::joint};
}
/// A thin coloured cap on one end of a drum.
Shape drum_cap(double radius, double at, double thickness) {
  return {kCylinder, {0, 0, at}, {0, 0, at + thickness}, radius, Finish::accent};
}

}  // namespace

const std::vector<JointRow>& joints() {
  static const std::vector<JointRow> rows{
      {"j1",
       {0, 0, 0.333},
       0,
       -2.8973,
       2.8973,
       150,
       20000,
       "link1",
       {3, {0, 0, -0.05}, {0.02, 0.02, 0.01}},
       {{kCapsule, {0, 0, -0.10}, {0, 0, 0}, 0.056, Finish::shell}, {kCylinder, {0, 0, -0.145}, {0, 0, -0.135}, 0.0605, Finish::accent}}},
      {"j2",
       {0, 0, 0},
       -kQuarter,
       -1.7628,
       1.7628,
       150,
       20000,
       "link2",
       {3, {0, -0.1, 0}, {0.03, 0.01, 0.03}},
       {joint_drum(0.058, 0.078),
        drum_cap(0.047, 0.078, 0.003),
        drum_cap(0.047, -0.081, 0.003),
        {kCapsule, {0, 0, 0}, {0, -0.20, 0}, 0.054, Finish::shell}}},
      {"j3",
       {0, -0.316, 0},
       kQuarter,
       -2.8973,
       2.8973,
       150,
       15000,
       "link3",
       {2.5, {0.04, 0, -0.04}, {0.02, 0.02, 0.01}},
       {{kCylinder, {0, 0, -0.118}, {0, 0, -0.108}, 0.0565, Finish::accent},
        {kCapsule, {0, 0, -0.09}, {0.0825, 0, 0}, 0.049, Finish::shell}}},
      {"j4",
       {0.0825, 0, 0},
       kQuarter,
       -3.0718,
       -0.0698,
       150,
       15000,
       "link4",
       {2.5, {-0.04, 0.05, 0}, {0.02, 0.01, 0.02}},
       {joint_drum(0.052, 0.07),
        drum_cap(0.042, 0.07, 0.003),
        drum_cap(0.042, -0.073, 0.003),
        {kCapsule, {0, 0, 0}, {-0.0825, 0.12, 0}, 0.047, Finish::shell}}},
      {"j5",
       {-0.0825, 0.384, 0},
       -kQuarter,
       -2.8973,
       2.8973,
       40,
       6000,
       "link5",
       {2.5, {0, 0, -0.15}, {0.03, 0.03, 0.01}},
       {{kCylinder, {0, 0, -0.265}, {0, 0, -0.255}, 0.0525, Finish::accent},
        {kCapsule, {0, 0, -0.225}, {0, 0, -0.02}, 0.045, Finish::shell}}},
      {"j6",
       {0, 0, 0},
       kQuarter,
       -0.0175,
       3.7525,
       40,
       6000,
       "link6",
       {1.5, {0.05, 0, 0}, {0.004, 0.004, 0.004}},
       {joint_drum(0.047, 0.062),
        drum_cap(0.038, 0.062, 0.003),
        drum_cap(0.038, -0.065, 0.003),
        {kCapsule, {0, 0, 0}, {0.088, 0, 0}, 0.041, Finish::shell}}},
      {"j7",
       {0.088, 0, 0},
       kQuarter,
       -2.8973,
       2.8973,
       40,
       4000,
       "link7",
       {0.7, {0, 0, 0.08}, {0.003, 0.003, 0.002}},
       {{kCylinder, {0, 0, 0.03}, {0, 0, 0.085}, 0.043, Finish::shell}, {kCylinder, {0, 0, 0.085}, {0, 0, 0.107}, 0.036, Finish::joint}}},
  };
  return rows;
}

const std::vector<Shape>& base_shapes() {
  static const std::vector<Shape> shapes{{kCylinder, {0, 0, 0}, {0, 0, 0.03}, 0.105, Finish::joint},
                                         {kCylinder, {0, 0, 0.03}, {0, 0, 0.14}, 0.075, Finish::shell},
                                         {kCylinder, {0, 0, 0.14}, {0, 0, 0.187}, 0.062, Finish::joint}};
  return shapes;
}

const std::vector<Shape>& hand_shapes() {
  static const std::vector<Shape> shapes{{kBox, {0, 0, 0.032}, {0.022, 0.085, 0.022}, 0, Finish::shell},
                                         {kCylinder, {-0.0215, 0.085, 0.032}, {0.0215, 0.085, 0.032}, 0.0218, Finish::shell},
                                         {kCylinder, {-0.0215, -0.085, 0.032}, {0.0215, -0.085, 0.032}, 0.0218, Finish::shell},
                                         {kBox, {0, 0, 0.056}, {0.014, 0.09, 0.004}, 0, Finish::joint}};
  return shapes;
}

const std::vector<Shape>& finger_shapes() {
  static const std::vector<Shape> shapes{{kBox, {0, 0.013, 0.012}, {0.010, 0.009, 0.012}, 0, Finish::joint},
                                         {kBox, {0, 0.007, 0.036}, {0.009, 0.004, 0.016}, 0, Finish::joint},
                                         {kBox, {0, 0.0015, 0.040}, {0.009, 0.0015, 0.012}, 0, Finish::rubber}};
  return shapes;
}

}  // namespace sinew::sim::arm
