// SPDX-License-Identifier: Apache-2.0
// Orocos KDL as a baseline: joints about z, which it does fastest, with the fixed transforms folded between them.
#include <kdl/chain.hpp>
#include <kdl/chainfksolverpos_recursive.hpp>
#include <kdl/chainiksolverpos_lma.hpp>
#include <kdl/chainiksolverpos_nr_jl.hpp>
#include <kdl/chainiksolvervel_pinv.hpp>
#include <kdl/chainjnttojacsolver.hpp>

#include <algorithm>
#include <cmath>

#include "kinematics/baseline.hpp"

namespace {

using sinew::bench::Baseline;
using sinew::bench::BaselineJoint;
using sinew::bench::BaselineRobot;
using sinew::bench::Task;
using sinew::bench::Way;

constexpr double kTolerance = 1e-6;          // m and rad
constexpr double kAngleWeight = 0.01;        // LMA's own default for the rotation
constexpr unsigned kMaxIterationsLma = 500;  // its own default
constexpr unsigned kMaxIterationsNr = 100;   // its own default

/// A rotation whose z axis is `axis`.
KDL::Rotation with_z(const KDL::Vector& axis) {
  const KDL::Vector side = std::abs(axis.x()) < 0.5 ? KDL::Vector(1, 0, 0) : KDL::Vector(0, 1, 0);
  KDL::Vector x = side - axis * KDL::dot(side, axis);
  x.Normalize();
  return {x, axis * x, axis};
}

/// Exactly the axis-aligned frame where there is one.
KDL::Rotation align(const BaselineJoint& joint) {
  const KDL::Vector axis(joint.axis[0], joint.axis[1], joint.axis[2]);
  return axis.z() == 1.0 ? KDL::Rotation::Identity() : with_z(axis);
}

KDL::Chain make_chain(const BaselineRobot& robot) {
  KDL::Chain chain;
  KDL::Frame offset = KDL::Frame::Identity();
  KDL::Joint joint(KDL::Joint::None);
  std::string name = robot.base;
  for (const BaselineJoint& next : robot.joints) {
    const auto& R = next.rotation;
    offset = offset * KDL::Frame(KDL::Rotation(R[0], R[1], R[2], R[3], R[4], R[5], R[6], R[7], R[8]),
                                 KDL::Vector(next.translation[0], next.translation[1], next.translation[2]));
    if (next.kind == BaselineJoint::Kind::fixed) continue;
    const KDL::Rotation aligned = align(next);
    const bool needed = joint.getType() != KDL::Joint::None || !KDL::Equal(offset * KDL::Frame(aligned), KDL::Frame::Identity(), 0.0);
    if (needed) chain.addSegment(KDL::Segment(name, joint, offset * KDL::Frame(aligned)));
    joint = KDL::Joint(next.name, next.kind == BaselineJoint::Kind::prismatic ? KDL::Joint::TransZ : KDL::Joint::RotZ);
    offset = KDL::Frame(aligned.Inverse());
    name = next.child;
  }
  chain.addSegment(KDL::Segment(name, joint, offset));
  return chain;
}

void write_pose(const KDL::Frame& frame, double* out) {
  for (int row = 0; row < 4; ++row)
    for (int column = 0; column < 4; ++column) out[4 * row + column] = frame(row, column);
}

class Kdl final : public Baseline {
 public:
  explicit Kdl(const BaselineRobot& robot)
      : chain_(make_chain(robot)),
        dof_(chain_.getNrOfJoints()),
        forward_(chain_),
        jacobian_solver_(chain_),
        jacobian_(dof_),
        velocity_(chain_),
        lma_(chain_, weights(), kTolerance * kAngleWeight, static_cast<int>(kMaxIterationsLma)),
        lower_(dof_),
        upper_(dof_) {
    unsigned i = 0;
    for (const BaselineJoint& joint : robot.joints) {
      if (joint.kind == BaselineJoint::Kind::fixed) continue;
      lower_(i) = std::max(joint.lower, -1e9);
      upper_(i++) = std::min(joint.upper, 1e9);
    }
    newton_ = std::make_unique<KDL::ChainIkSolverPos_NR_JL>(chain_, lower_, upper_, forward_, velocity_, kMaxIterationsNr, kTolerance);
  }

  std::string name() const override { return "KDL 1.5.1 (Debian)"; }

  std::vector<Way> ways() const override {
    return {{"JntToCart", Task::forward},
            {"JntToJac", Task::jacobian},
            {"ChainIkSolverPos_LMA", Task::inverse},
            {"ChainIkSolverPos_NR_JL", Task::inverse}};
  }

  void set_pool(const double* q, std::size_t count) override {
    pool_.clear();
    for (std::size_t i = 0; i < count; ++i) pool_.push_back(configuration(q + i * dof_));
  }

  void run(std::size_t way, int times) override {
    for (int i = 0; i < times; ++i) {
      call(way, pool_[next_]);
      asm volatile("" : : "g"(&pose_), "g"(jacobian_.data.data()) : "memory");
      if (++next_ == pool_.size()) next_ = 0;
    }
  }

  void result(std::size_t way, std::size_t index, double* out) override {
    call(way, pool_[index]);
    if (way == 0)
      write_pose(pose_, out);
    else
      Eigen::Map<Eigen::Matrix<double, 6, Eigen::Dynamic, Eigen::RowMajor>>(out, 6, dof_) = jacobian_.data;
  }

  void forward(const double* q, double* base_from_tip) override {
    call(0, configuration(q));
    write_pose(pose_, base_from_tip);
  }

  bool inverse(std::size_t way, const double* target, const double* seed, double* q) override {
    const KDL::Frame pose(KDL::Rotation(target[0], target[1], target[2], target[4], target[5], target[6], target[8], target[9], target[10]),
                          KDL::Vector(target[3], target[7], target[11]));
    KDL::JntArray out(dof_);
    const KDL::JntArray start = configuration(seed);
    const int status = way == 2 ? lma_.CartToJnt(start, pose, out) : newton_->CartToJnt(start, pose, out);
    for (unsigned i = 0; i < dof_; ++i) q[i] = out(i);
    return status >= 0;
  }

 private:
  static Eigen::Matrix<double, 6, 1> weights() {
    Eigen::Matrix<double, 6, 1> weights;
    weights << 1, 1, 1, kAngleWeight, kAngleWeight, kAngleWeight;
    return weights;
  }

  KDL::JntArray configuration(const double* q) const {
    KDL::JntArray out(dof_);
    for (unsigned i = 0; i < dof_; ++i) out(i) = q[i];
    return out;
  }

  void call(std::size_t way, const KDL::JntArray& q) {
    if (way == 0)
      forward_.JntToCart(q, pose_);
    else
      jacobian_solver_.JntToJac(q, jacobian_);
  }

  KDL::Chain chain_;
  unsigned dof_;
  KDL::ChainFkSolverPos_recursive forward_;
  KDL::ChainJntToJacSolver jacobian_solver_;
  KDL::Jacobian jacobian_;
  KDL::ChainIkSolverVel_pinv velocity_;
  KDL::ChainIkSolverPos_LMA lma_;
  KDL::JntArray lower_, upper_;
  std::unique_ptr<KDL::ChainIkSolverPos_NR_JL> newton_;
  KDL::Frame pose_;
  std::vector<KDL::JntArray> pool_;
  std::size_t next_ = 0;
};

}  // namespace

extern "C" Baseline* make_baseline(const BaselineRobot& robot) { return new Kdl(robot); }
