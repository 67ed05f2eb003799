// SPDX-License-Identifier: Apache-2.0
// Pinocchio as a baseline. Built several times: with its templates compiled here or taken from its library, for any x86-64 or for the
// processor at hand (SINEW_BENCH_NATIVE; then the model is built joint by joint, because the library's reader has another Eigen layout).
#include <pinocchio/algorithm/frames.hpp>
#include <pinocchio/algorithm/jacobian.hpp>
#include <pinocchio/algorithm/joint-configuration.hpp>
#include <pinocchio/algorithm/kinematics.hpp>
#include <pinocchio/multibody.hpp>
#ifndef SINEW_BENCH_NATIVE
#include <pinocchio/parsers/urdf.hpp>
#endif

#include <stdexcept>

#include "kinematics/baseline.hpp"

namespace {

namespace pin = pinocchio;
using sinew::bench::Baseline;
using sinew::bench::BaselineJoint;
using sinew::bench::BaselineRobot;
using sinew::bench::Task;
using sinew::bench::Way;
using RowPose = Eigen::Matrix<double, 4, 4, Eigen::RowMajor>;

#ifdef SINEW_BENCH_NATIVE

pin::JointModel joint_model(const BaselineJoint& joint) {
  const Eigen::Vector3d axis(joint.axis.data());
  const bool turns = joint.kind == BaselineJoint::Kind::revolute;
  if (axis == Eigen::Vector3d::UnitX()) return turns ? pin::JointModel(pin::JointModelRX()) : pin::JointModel(pin::JointModelPX());
  if (axis == Eigen::Vector3d::UnitY()) return turns ? pin::JointModel(pin::JointModelRY()) : pin::JointModel(pin::JointModelPY());
  if (axis == Eigen::Vector3d::UnitZ()) return turns ? pin::JointModel(pin::JointModelRZ()) : pin::JointModel(pin::JointModelPZ());
  if (turns) return pin::JointModelRevoluteUnaligned(axis);
  return pin::JointModelPrismaticUnaligned(axis);
}

pin::Model read(const BaselineRobot& robot) {
  if (robot.tip.empty()) throw std::invalid_argument("whole robots are read by the other builds");
  pin::Model model;
  pin::SE3 previous_from_joint = pin::SE3::Identity();
  pin::JointIndex previous = 0;
  for (const BaselineJoint& joint : robot.joints) {
    previous_from_joint =
        previous_from_joint * pin::SE3(Eigen::Map<const Eigen::Matrix<double, 3, 3, Eigen::RowMajor>>(joint.rotation.data()),
                                       Eigen::Map<const Eigen::Vector3d>(joint.translation.data()));
    if (joint.kind == BaselineJoint::Kind::fixed) continue;
    previous = model.addJoint(previous, joint_model(joint), previous_from_joint, joint.name);
    previous_from_joint.setIdentity();
  }
  model.addFrame(pin::Frame(robot.tip, previous, 0, previous_from_joint, pin::BODY));
  return model;
}

#else

pin::Model read(const std::string& text) {
  pin::Model model;
  pin::urdf::buildModelFromXML(text, model);
  return model;
}

pin::Model read(const BaselineRobot& robot) { return read(robot.urdf); }

#endif

class Pinocchio final : public Baseline {
 public:
  explicit Pinocchio(const BaselineRobot& robot) : robot_(robot), model_(read(robot)), data_(model_), jacobian_(6, model_.nv) {
    jacobian_.setZero();
    if (!robot.tip.empty()) tip_ = model_.getFrameId(robot.tip, pin::BODY);
    for (const std::string& name : robot.joint_names) joints_.push_back(model_.getJointId(name));
    const bool whole = robot.tip.empty();
    if (tip_ >= model_.frames.size()) throw std::runtime_error("no frame " + robot.tip);
    if (!whole && static_cast<std::size_t>(model_.nv) != joints_.size()) throw std::runtime_error("other joints than expected");
    parent_ = model_.frames[tip_].parentJoint;
    for (std::size_t i = 0; i < model_.frames.size(); ++i)
      if (model_.frames[i].type == pin::BODY) bodies_.push_back(i);
  }

  std::string name() const override { return "pinocchio " PINOCCHIO_VERSION " (" SINEW_BENCH_BUILD ")"; }

  std::vector<Way> ways() const override {
    if (robot_.tip.empty()) return {{"framesForwardKinematics", Task::frames}, {"buildModelFromXML", Task::load}};
    return {{"forwardKinematics + updateFramePlacement", Task::forward},
            {"computeFrameJacobian", Task::jacobian},
            {"computeJointJacobians + getFrameJacobian", Task::jacobian},
            {"computeJointJacobians, moved to the tip by hand", Task::jacobian},
            {"computeFrameJacobian in the tip's axes, turned by hand", Task::jacobian}};
  }

  void set_pool(const double* q, std::size_t count) override {
    pool_.clear();
    for (std::size_t i = 0; i < count; ++i) pool_.push_back(configuration(q + i * joints_.size()));
  }

  void run(std::size_t way, int times) override {
    for (int i = 0; i < times; ++i) {
      call(way, pool_[next_]);
      asm volatile("" : : "g"(&data_), "g"(jacobian_.data()) : "memory");
      if (++next_ == pool_.size()) next_ = 0;
    }
  }

  void result(std::size_t way, std::size_t index, double* out) override {
    call(way, pool_[index]);
    if (robot_.tip.empty()) {
      for (std::size_t i = 0; i < bodies_.size(); ++i) Eigen::Map<RowPose>(out + 16 * i) = data_.oMf[bodies_[i]].toHomogeneousMatrix();
    } else if (way == 0) {
      Eigen::Map<RowPose>{out} = data_.oMf[tip_].toHomogeneousMatrix();
    } else {
      Eigen::Map<Eigen::Matrix<double, 6, Eigen::Dynamic, Eigen::RowMajor>>(out, 6, model_.nv) = jacobian_;
    }
  }

  void forward(const double* q, double* base_from_tip) override {
    call(0, configuration(q));
    Eigen::Map<RowPose>{base_from_tip} = data_.oMf[tip_].toHomogeneousMatrix();
  }

  std::vector<std::string> frame_names() const override {
    std::vector<std::string> names;
    for (const std::size_t body : bodies_) names.push_back(model_.frames[body].name);
    return names;
  }

 private:
  Eigen::VectorXd configuration(const double* q) const {
    Eigen::VectorXd theirs = pin::neutral(model_);
    for (std::size_t i = 0; i < joints_.size(); ++i) theirs[model_.joints[joints_[i]].idx_q()] = q[i];
    for (const auto& follower : robot_.followers)
      if (const pin::JointIndex joint = model_.getJointId(follower.name); joint < model_.joints.size())
        theirs[model_.joints[joint].idx_q()] = follower.multiplier * q[follower.variable] + follower.offset;
    return theirs;
  }

  void call(std::size_t way, const Eigen::VectorXd& q) {
    if (robot_.tip.empty()) {
      if (way == 0) pin::framesForwardKinematics(model_, data_, q);
#ifndef SINEW_BENCH_NATIVE
      if (way == 1) {
        const pin::Model model = read(robot_.original);
        asm volatile("" : : "g"(&model) : "memory");
      }
#endif
      return;
    }
    switch (way) {
      case 0:
        pin::forwardKinematics(model_, data_, q);
        pin::updateFramePlacement(model_, data_, tip_);
        return;
      case 1: pin::computeFrameJacobian(model_, data_, q, tip_, pin::LOCAL_WORLD_ALIGNED, jacobian_); return;
      case 2:
        pin::computeJointJacobians(model_, data_, q);
        pin::getFrameJacobian(model_, data_, tip_, pin::LOCAL_WORLD_ALIGNED, jacobian_);
        return;
      case 3: {
        pin::computeJointJacobians(model_, data_, q);
        const Eigen::Vector3d tip = data_.oMi[parent_].act(model_.frames[tip_].placement.translation());
        for (Eigen::Index i = 0; i < model_.nv; ++i) {
          const Eigen::Vector3d angular = data_.J.col(i).tail<3>();
          jacobian_.col(i).head<3>() = data_.J.col(i).head<3>() + angular.cross(tip);
          jacobian_.col(i).tail<3>() = angular;
        }
        return;
      }
      default: {
        pin::computeFrameJacobian(model_, data_, q, tip_, pin::LOCAL, jacobian_);
        const Eigen::Matrix3d base_from_tip = data_.iMf[0].rotation();
        for (Eigen::Index i = 0; i < model_.nv; ++i) {
          const Eigen::Vector3d linear = base_from_tip * jacobian_.col(i).head<3>();
          const Eigen::Vector3d angular = base_from_tip * jacobian_.col(i).tail<3>();
          jacobian_.col(i) << linear, angular;
        }
      }
    }
  }

  BaselineRobot robot_;
  pin::Model model_;
  pin::Data data_;
  pin::Data::Matrix6x jacobian_;
  std::vector<pin::JointIndex> joints_;
  std::vector<std::size_t> bodies_;
  pin::FrameIndex tip_ = 0;
  pin::JointIndex parent_ = 0;
  std::vector<Eigen::VectorXd> pool_;
  std::size_t next_ = 0;
};

}  // namespace

extern "C" Baseline* make_baseline(const BaselineRobot& robot) { return new Pinocchio(robot); }
