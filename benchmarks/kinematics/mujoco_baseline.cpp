// SPDX-License-Identifier: Apache-2.0
// MuJoCo as a baseline: bodies without joints fused, as it does by default, so that the tip is an offset from the last moving body.
#include <mujoco/mujoco.h>

#include <cstring>
#include <memory>
#include <stdexcept>

#include "kinematics/baseline.hpp"

namespace {

using sinew::bench::Baseline;
using sinew::bench::BaselineJoint;
using sinew::bench::BaselineRobot;
using sinew::bench::Task;
using sinew::bench::Way;

struct Free {
  void operator()(mjSpec* spec) const { mj_deleteSpec(spec); }
  void operator()(mjModel* model) const { mj_deleteModel(model); }
  void operator()(mjData* data) const { mj_deleteData(data); }
};

/// out = a b, rotations row-major.
void multiply(const double* a, const double* b, double* out) { mju_mulMatMat(out, a, b, 3, 3, 3); }

class Mujoco final : public Baseline {
 public:
  explicit Mujoco(const BaselineRobot& robot) : dof_(static_cast<int>(robot.joint_names.size())) {
    char error[500] = "";
    const std::unique_ptr<mjSpec, Free> spec(mj_parseXMLString(robot.urdf.c_str(), nullptr, error, sizeof error));
    if (!spec) throw std::runtime_error(error);
    model_.reset(mj_compile(spec.get(), nullptr));
    if (!model_) throw std::runtime_error(mjs_getError(spec.get()));
    data_.reset(mj_makeData(model_.get()));
    if (model_->nq != dof_ || model_->nv != dof_) throw std::runtime_error("other joints than expected");
    for (int i = 0; i < dof_; ++i)
      if (robot.joint_names[static_cast<std::size_t>(i)] != mj_id2name(model_.get(), mjOBJ_JOINT, i))
        throw std::runtime_error("other order of joints");
    jacobian_.resize(static_cast<std::size_t>(6 * dof_));
    find_tip(robot);
  }

  std::string name() const override { return std::string("MuJoCo ") + mj_versionString(); }

  std::vector<Way> ways() const override {
    return {{"mj_kinematics", Task::forward}, {"mj_kinematics + mj_comPos + mj_jac", Task::jacobian}};
  }

  void set_pool(const double* q, std::size_t count) override {
    pool_.assign(q, q + count * static_cast<std::size_t>(dof_));
    count_ = count;
    next_ = 0;
  }

  void run(std::size_t way, int times) override {
    for (int i = 0; i < times; ++i) {
      call(way, pool_.data() + next_ * static_cast<std::size_t>(dof_));
      asm volatile("" : : "g"(rotation_), "g"(position_), "g"(jacobian_.data()) : "memory");
      if (++next_ == count_) next_ = 0;
    }
  }

  void result(std::size_t way, std::size_t index, double* out) override {
    call(way, pool_.data() + index * static_cast<std::size_t>(dof_));
    if (way == 0)
      write_pose(out);
    else
      std::memcpy(out, jacobian_.data(), jacobian_.size() * sizeof(double));
  }

  void forward(const double* q, double* base_from_tip) override {
    call(0, q);
    write_pose(base_from_tip);
  }

 private:
  /// The last moving body, and the tip as seen from it.
  void find_tip(const BaselineRobot& robot) {
    mju_eye(body_from_tip_, 3);
    for (const BaselineJoint& joint : robot.joints) {
      if (joint.kind != BaselineJoint::Kind::fixed) {
        mju_eye(body_from_tip_, 3);
        mju_zero3(tip_in_body_);
        body_ = mj_name2id(model_.get(), mjOBJ_BODY, joint.child.c_str());
        continue;
      }
      double moved[3];
      mju_mulMatVec3(moved, body_from_tip_, joint.translation.data());
      mju_addTo3(tip_in_body_, moved);
      double turned[9];
      multiply(body_from_tip_, joint.rotation.data(), turned);
      mju_copy(body_from_tip_, turned, 9);
    }
    if (body_ < 0) throw std::runtime_error("the last moving body is missing");
  }

  void call(std::size_t way, const double* q) {
    std::memcpy(data_->qpos, q, sizeof(double) * static_cast<std::size_t>(dof_));
    mj_kinematics(model_.get(), data_.get());
    const double* body_rotation = data_->xmat + 9 * body_;
    mju_mulMatVec3(position_, body_rotation, tip_in_body_);
    mju_addTo3(position_, data_->xpos + 3 * body_);
    if (way == 0) {
      multiply(body_rotation, body_from_tip_, rotation_);
      return;
    }
    mj_comPos(model_.get(), data_.get());
    mj_jac(model_.get(), data_.get(), jacobian_.data(), jacobian_.data() + 3 * dof_, position_, body_);
  }

  void write_pose(double* out) const {
    for (int row = 0; row < 3; ++row) {
      mju_copy3(out + 4 * row, rotation_ + 3 * row);
      out[4 * row + 3] = position_[row];
    }
    const double last[4] = {0, 0, 0, 1};
    std::memcpy(out + 12, last, sizeof last);
  }

  int dof_;
  std::unique_ptr<mjModel, Free> model_;
  std::unique_ptr<mjData, Free> data_;
  int body_ = -1;
  double body_from_tip_[9] = {};
  double tip_in_body_[3] = {};
  double rotation_[9] = {};
  double position_[3] = {};
  std::vector<double> jacobian_;
  std::vector<double> pool_;
  std::size_t count_ = 0;
  std::size_t next_ = 0;
};

}  // namespace

extern "C" Baseline* make_baseline(const BaselineRobot& robot) { return new Mujoco(robot); }
