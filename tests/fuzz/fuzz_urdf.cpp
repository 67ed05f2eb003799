// SPDX-License-Identifier: Apache-2.0
// URDF from a stranger: either sinew::Error, or a tree that holds together and compiles into chains that compute.
#include <tinyxml2.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fuzz.hpp"
#include "sinew/core/error.hpp"
#include "sinew/kinematics/chain.hpp"
#include "sinew/kinematics/forward.hpp"

namespace {

using sinew::testing::check_error_text;
using sinew::testing::law;

void require(bool property) { law(property, "an accepted description is a tree, and its chains compute"); }

void check_tree(const sinew::Urdf& urdf) {
  const int links = static_cast<int>(urdf.links.size());
  require(links > 0 && urdf.links.size() <= sinew::kUrdfMaxLinks && urdf.joints.size() + 1 == urdf.links.size());
  require(urdf.root >= 0 && urdf.root < links && urdf.links[static_cast<std::size_t>(urdf.root)].parent_joint < 0);
  for (int i = 0; i < links; ++i) {
    const sinew::UrdfLink& link = urdf.links[static_cast<std::size_t>(i)];
    require(!link.name.empty() && link.name.size() <= sinew::kUrdfMaxName && urdf.find_link(link.name) == i);
    int at = i;
    for (int steps = 0; at != urdf.root; ++steps) {
      require(steps < links);
      at = urdf.joints[static_cast<std::size_t>(urdf.links[static_cast<std::size_t>(at)].parent_joint)].parent;
    }
  }
  for (const sinew::UrdfJoint& joint : urdf.joints) {
    require(joint.parent >= 0 && joint.parent < links && joint.child >= 0 && joint.child < links);
    require(joint.parent_from_joint.matrix().allFinite() && std::abs(joint.axis.norm() - 1.0) < 1e-12);
    require(joint.lower <= joint.upper && joint.velocity >= 0 && joint.effort >= 0);
    require(!joint.mimic || (joint.mimic->index >= 0 && urdf.find_joint(joint.mimic->joint) == joint.mimic->index));
    require((joint.limit_source == sinew::LimitSource::endless) == (joint.type == sinew::UrdfJointType::continuous));
  }
}

void check_chain(const sinew::Urdf& urdf, const sinew::UrdfLink& base, const sinew::UrdfLink& tip) {
  try {
    const auto chain = sinew::Chain<>::from_urdf(urdf, base.name, tip.name);
    require(chain.dof() > 0 && chain.dof() <= sinew::kMaxDof);
    require((chain.lower().array() <= chain.upper().array()).all());
    const auto pose = sinew::forward(chain, chain.neutral());
    require(chain.frame_index(tip.name) >= 0);
    require((pose.linear().transpose() * pose.linear() - Eigen::Matrix3d::Identity()).norm() < 1e-9);
  } catch (const sinew::Error&) {
  }
}

/// The reader skips what it does not read; it must not accept on that way what the XML library refuses.
void check_markup(std::string_view xml) {
  tinyxml2::XMLDocument document;
  law(document.Parse(xml.data(), xml.size()) == tinyxml2::XML_SUCCESS, "what is accepted is XML, also where it was skipped");
}

void check(std::string_view xml, const sinew::UrdfOptions& options) {
  try {
    const sinew::Urdf urdf = sinew::parse_urdf(xml, "urdf", options);
    check_markup(xml);
    check_tree(urdf);
    check_chain(urdf, urdf.links[static_cast<std::size_t>(urdf.root)], urdf.links.back());
    check_chain(urdf, urdf.links.back(), urdf.links[urdf.links.size() / 2]);
  } catch (const sinew::Error& error) {
    check_error_text(error.what());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view xml{reinterpret_cast<const char*>(data), size};
  check(xml, {});
  check(xml, {.treat_as_continuous = true, .soft_limits = true});
  return 0;
}
