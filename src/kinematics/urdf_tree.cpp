// SPDX-License-Identifier: Apache-2.0
#include "urdf_tree.hpp"

#include <fmt/format.h>

#include <vector>

namespace sinew::detail {
namespace {

constexpr std::size_t kMostListed = 8;  // names in one message

const UrdfJoint& joint_at(const Urdf& urdf, int index) { return urdf.joints[static_cast<std::size_t>(index)]; }
const UrdfLink& link_at(const Urdf& urdf, int index) { return urdf.links[static_cast<std::size_t>(index)]; }

/// Follows `next` from every place below `count` until it is negative or was passed before. Returns a place of the first cycle, or -1.
template <class Next>
int find_cycle(int count, const Next& next) {
  std::vector<int> seen_from(static_cast<std::size_t>(count), -1);
  for (int start = 0; start < count; ++start) {
    int place = start;
    while (place >= 0 && seen_from[static_cast<std::size_t>(place)] < 0) {
      seen_from[static_cast<std::size_t>(place)] = start;
      place = next(place);
    }
    if (place >= 0 && seen_from[static_cast<std::size_t>(place)] == start) return place;
  }
  return -1;
}

/// "'a' -> 'b' -> 'a'", shortened in the middle.
template <class Next, class Name>
std::string list_cycle(int first, const Next& next, const Name& name) {
  std::string list = fmt::format("'{}'", name(first));
  std::size_t listed = 1;
  for (int place = next(first); place != first; place = next(place), ++listed) {
    if (listed < kMostListed) list += fmt::format(" -> '{}'", name(place));
    if (listed == kMostListed) list += " -> ...";
  }
  return list + fmt::format(" -> '{}'", name(first));
}

void refuse_cycle(const Urdf& urdf, const UrdfText& text) {
  const auto parent = [&](int link) {
    const int joint = link_at(urdf, link).parent_joint;
    return joint < 0 ? -1 : joint_at(urdf, joint).parent;
  };
  const int link = find_cycle(static_cast<int>(urdf.links.size()), parent);
  if (link < 0) return;
  const UrdfJoint& joint = joint_at(urdf, link_at(urdf, link).parent_joint);
  text.refuse(ErrorCode::parse, joint.line, UrdfPlace{"joint", joint.name}.text(), "a tree",
              "a cycle from child to parent: " + list_cycle(link, parent, [&](int i) { return link_at(urdf, i).name; }));
}

void refuse_roots(const Urdf& urdf, const UrdfText& text) {
  std::size_t count = 0;
  std::string list;
  int second = -1;
  for (std::size_t i = 0; i < urdf.links.size(); ++i) {
    const UrdfLink& link = urdf.links[i];
    if (link.parent_joint >= 0) continue;
    if (++count == 2) second = static_cast<int>(i);
    if (count <= kMostListed) list += fmt::format("{}'{}' (line {})", list.empty() ? "" : ", ", link.name, link.line);
  }
  if (count < 2) return;
  const UrdfLink& link = link_at(urdf, second);
  text.refuse(ErrorCode::parse, link.line, UrdfPlace{"link", link.name}.text(), "one root",
              fmt::format("{}: {}{}", count, list, count > kMostListed ? ", ..." : ""), "join them by fixed joints");
}

}  // namespace

void connect_urdf(Urdf& urdf, const UrdfText& text) {
  for (std::size_t i = 0; i < urdf.joints.size(); ++i) {
    const UrdfJoint& joint = urdf.joints[i];
    UrdfLink& link = urdf.links[static_cast<std::size_t>(joint.child)];
    if (link.parent_joint >= 0)
      text.refuse(ErrorCode::parse, joint.line, UrdfPlace{"joint", joint.name, "child"}.text(), "a link without another parent",
                  fmt::format("'{}', the child of joint '{}' already", link.name, joint_at(urdf, link.parent_joint).name));
    link.parent_joint = static_cast<int>(i);
  }
  refuse_cycle(urdf, text);
  refuse_roots(urdf, text);
  while (link_at(urdf, ++urdf.root).parent_joint >= 0) {
  }
}

void check_urdf_mimics(const Urdf& urdf, const UrdfText& text) {
  for (const UrdfJoint& joint : urdf.joints) {
    if (joint.mimic && joint_at(urdf, joint.mimic->index).type == UrdfJointType::fixed)
      text.refuse(ErrorCode::parse, joint.line, UrdfPlace{"joint", joint.name, "mimic"}.text(), "a joint that moves",
                  fmt::format("fixed joint '{}'", joint.mimic->joint));
  }
  const auto followed = [&](int joint) {
    const auto& mimic = joint_at(urdf, joint).mimic;
    return mimic ? mimic->index : -1;
  };
  const int index = find_cycle(static_cast<int>(urdf.joints.size()), followed);
  if (index < 0) return;
  const UrdfJoint& joint = joint_at(urdf, index);
  text.refuse(ErrorCode::parse, joint.line, UrdfPlace{"joint", joint.name, "mimic"}.text(), "a joint to follow",
              "a cycle: " + list_cycle(index, followed, [&](int i) { return joint_at(urdf, i).name; }));
}

}  // namespace sinew::detail
