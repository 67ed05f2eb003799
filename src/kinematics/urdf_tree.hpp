// SPDX-License-Identifier: Apache-2.0
// What makes links and joints a tree: one parent each, one root, no cycle, followers that follow something. Internal to src/kinematics.
#pragma once

#include "sinew/kinematics/urdf.hpp"
#include "urdf_text.hpp"

namespace sinew::detail {

/// Gives every link its parent joint and finds the root. Throws Error that lists all roots, or the links of a cycle.
void connect_urdf(Urdf& urdf, const UrdfText& text);

/// Throws Error for a mimic of a fixed joint and for followers in a cycle, which it lists. Indices are set already.
void check_urdf_mimics(const Urdf& urdf, const UrdfText& text);

}  // namespace sinew::detail
