// SPDX-License-Identifier: Apache-2.0
// Spares the XML library what the reader never looks at, which is most of a description. Internal to src/kinematics.
#pragma once

#include <string>
#include <string_view>

namespace sinew::detail {

/// `xml` without comments and without the content of <robot>'s children other than joints: inertias, geometry, materials,
/// transmissions. Elements stay on their lines. Only what is plainly well-formed goes; at the first oddity the rest of the text
/// stays as it is, for the XML library to judge, so nothing is accepted that the library would refuse.
[[nodiscard]] std::string without_unread(std::string_view xml);

}  // namespace sinew::detail
