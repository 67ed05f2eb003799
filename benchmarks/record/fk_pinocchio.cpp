// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <pinocchio/algorithm/frames.hpp>
#include <pinocchio/algorithm/joint-configuration.hpp>
#include <pinocchio/algorithm/kinematics.hpp>
#include <pinocchio/algorithm/model.hpp>
#include <pinocchio/multibody.hpp>
#include <pinocchio/parsers/urdf.hpp>

#include "fk_baseline.hpp"

namespace sinew::bench {
namespace {

namespace pin = pinocchio;

/// The chain alone: every other joint is locked.
pin::Model reduced(const std::string& urdf, const std::vector<std::string>& joints) {
  pin::Model full;
  pin::urdf::buildModelFromXML(urdf, full);
  std::vector<pin::JointIndex> locked;
  for (pin::JointIndex i = 1; i < full.joints.size(); ++i)
    if (std::find(joints.begin(), joints.end(), full.names[i]) == joints.end()) locked.push_back(i);
  return pin::buildReducedModel(full, locked, pin::neutral(full));
}

class Pinocchio final : public FkBaseline {
 public:
  Pinocchio(const std::string& urdf, const std::vector<std::string>& joints, const std::string& tip)
      : model_(reduced(urdf, joints)), data_(model_), tip_(model_.getFrameId(tip)) {}

  std::string name() const override { return "pinocchio 4.1.0, loop in C++"; }
  void scan(std::span<const double> q, std::span<const double> poses, std::span<double> position, std::span<double> angle) override {
    const auto dof = static_cast<std::size_t>(model_.nq);
    Eigen::VectorXd joints(model_.nq);
    for (std::size_t i = 0; i < position.size(); ++i) {
      joints = Eigen::Map<const Eigen::VectorXd>(q.data() + dof * i, model_.nq);
      pin::forwardKinematics(model_, data_, joints);
      const pin::SE3& found = pin::updateFramePlacement(model_, data_, tip_);
      const double* pose = poses.data() + 7 * i;
      const Eigen::Matrix3d turn = Eigen::Quaterniond(pose[3], pose[4], pose[5], pose[6]).normalized().toRotationMatrix();
      position[i] = (found.translation() - Eigen::Map<const Eigen::Vector3d>(pose)).norm();
      angle[i] = 2 * std::asin(std::min(1.0, (found.rotation() - turn).norm() / std::sqrt(8.0)));
    }
  }

 private:
  pin::Model model_;
  pin::Data data_;
  pin::FrameIndex tip_;
};

}  // namespace

std::unique_ptr<FkBaseline> make_fk_baseline(const std::string& urdf, const std::vector<std::string>& joints, const std::string& tip,
                                             std::string&) {
  return std::make_unique<Pinocchio>(urdf, joints, tip);
}

}  // namespace sinew::bench
