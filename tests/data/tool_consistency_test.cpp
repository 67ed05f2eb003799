// SPDX-License-Identifier: Apache-2.0
// fit_tool and tool_errors: constants that were put into random poses are found, for every single joint's sign, and nothing else is.
#include "sinew/data/tool_consistency.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <numbers>
#include <sstream>

#include "sinew/core/error.hpp"
#include "sinew/kinematics/forward.hpp"
#include "test_seed.hpp"

using namespace sinew;

namespace {

Chain<> panda() {
  std::ifstream file(SINEW_MODELS_DIR "/robots/panda.urdf");
  std::stringstream text;
  text << file.rdbuf();
  return Chain<>::from_urdf(text.str(), "panda_link0", "panda_hand_tcp");
}

struct Data {
  std::vector<double> q;      // [n, dof]
  std::vector<double> poses;  // [n, 7]
};

/// recorded = base * forward(q) * tool; the joints are then recorded with `signs`.
Data make(const Chain<>& chain, const Eigen::Isometry3d& base, const Eigen::Isometry3d& tool, const std::vector<double>& signs) {
  testing::Random random(4);
  Data data;
  for (int i = 0; i < 300; ++i) {
    Eigen::VectorXd q(chain.dof());
    for (int j = 0; j < chain.dof(); ++j) q[j] = random.uniform(chain.lower()[j], chain.upper()[j]);
    const Eigen::Isometry3d pose = base * forward(chain, JointRef<Eigen::Dynamic>(q)) * tool;
    const Eigen::Quaterniond turn(pose.linear());
    for (int j = 0; j < chain.dof(); ++j) data.q.push_back(q[j] * signs[static_cast<std::size_t>(j)]);
    for (const double x : {pose.translation().x(), pose.translation().y(), pose.translation().z(), turn.w(), turn.x(), turn.y(), turn.z()})
      data.poses.push_back(x);
  }
  return data;
}

}  // namespace

TEST_CASE("tool consistency: nothing is changed where nothing is wrong; offset, base and signs are found") {
  const Chain<> chain = panda();
  const std::vector<double> plain(static_cast<std::size_t>(chain.dof()), 1.0);
  const Eigen::Isometry3d none = Eigen::Isometry3d::Identity();
  Eigen::Isometry3d tool = none, base = none;
  tool.translation() << 0.01, -0.02, 0.1;
  tool.linear() = Eigen::AngleAxisd(0.4, Eigen::Vector3d(1, 2, 3).normalized()).toRotationMatrix();
  base.linear() = Eigen::AngleAxisd(std::numbers::pi / 2, Eigen::Vector3d::UnitZ()).toRotationMatrix();

  const Data clean = make(chain, none, none, plain);
  CHECK(fit_tool(chain, clean.q, clean.poses).identity());
  const Data offset = make(chain, none, tool, plain);
  const ToolFit found = fit_tool(chain, offset.q, offset.poses);
  CHECK(found.found);
  CHECK(found.signs == plain);
  CHECK((found.tip_from_recorded.matrix() - tool.matrix()).cwiseAbs().maxCoeff() < 1e-9);
  const Data turned = make(chain, base, tool, plain);
  const ToolFit both = fit_tool(chain, turned.q, turned.poses);
  CHECK((both.recorded_from_base.matrix() - base.matrix()).cwiseAbs().maxCoeff() < 1e-9);
  CHECK((both.tip_from_recorded.matrix() - tool.matrix()).cwiseAbs().maxCoeff() < 1e-9);
  for (int joint = 0; joint < chain.dof(); ++joint) {
    std::vector<double> signs = plain;
    signs[static_cast<std::size_t>(joint)] = -1;
    signs[static_cast<std::size_t>((joint + 3) % chain.dof())] = -1;
    const Data flipped = make(chain, none, none, signs);
    CHECK(fit_tool(chain, flipped.q, flipped.poses).signs == signs);
    signs = plain;
    signs[static_cast<std::size_t>(joint)] = -1;
    const Data one = make(chain, none, tool, signs);
    CHECK(fit_tool(chain, one.q, one.poses).signs == signs);
  }
}

TEST_CASE("tool consistency: errors are those that were put in; wrong sizes are refused, NaN is no error") {
  const Chain<> chain = panda();
  const std::vector<double> plain(static_cast<std::size_t>(chain.dof()), 1.0);
  const Eigen::Isometry3d none = Eigen::Isometry3d::Identity();
  Data data = make(chain, none, none, plain);
  data.poses[7 * 5] += 0.03;
  data.poses[7 * 9 + 3] = std::nan("");
  const ToolErrors errors = tool_errors(chain, data.q, data.poses, {.signs = plain});
  CHECK(errors.position[5] == doctest::Approx(0.03));
  CHECK(errors.position[4] < 1e-9);
  CHECK(errors.angle[5] < 1e-6);
  CHECK(std::isnan(errors.angle[9]));
  CHECK_THROWS_AS((void)tool_errors(chain, std::span(data.q).first(9), data.poses, {.signs = plain}), Error);
  CHECK_THROWS_AS((void)fit_tool(chain, data.q, std::span(data.poses).first(8)), Error);
  CHECK_FALSE(fit_tool(chain, {}, {}).found);
}
