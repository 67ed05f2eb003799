// SPDX-License-Identifier: Apache-2.0
// Joint vectors and poses as NumPy arrays, for the bindings of kinematics.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "bindings.hpp"
#include "sinew/kinematics/forward.hpp"

namespace sinew::bindings {

using AnyChain = Chain<>;
using RowMajor4 = Eigen::Matrix<double, 4, 4, Eigen::RowMajor>;

inline Doubles to_array(const JointVector<>& q) { return to_array(std::span<const double>(q.data(), static_cast<std::size_t>(q.size()))); }

inline Doubles to_array(const Eigen::Isometry3d& pose) {
  const RowMajor4 rows = pose.matrix();
  return to_array(std::span<const double>{rows.data(), 16}, {4, 4});
}

inline Eigen::Map<const Eigen::VectorXd> joints(const AnyChain& chain, const Doubles& q, std::string_view where,
                                                std::string_view what = "q") {
  require_shape(q, {chain.dof()}, where, what);
  return {q.data(), chain.dof()};
}

inline JointVector<> joints_or_neutral(const AnyChain& chain, const std::optional<Doubles>& q, std::string_view where,
                                       std::string_view what) {
  return q ? JointVector<>(joints(chain, *q, where, what)) : chain.neutral();
}

/// A tip by its index or its name.
using TipArgument = std::variant<int, std::string>;

inline int checked_tip(const AnyChain& chain, const TipArgument& tip, std::string_view where) {
  if (const auto* name = std::get_if<std::string>(&tip)) return chain.tip_index(*name);
  const int index = std::get<int>(tip);
  const auto count = static_cast<int>(chain.description().tips.size());
  if (index < 0 || index >= count)
    fail(ErrorCode::invalid_argument, {where, "tip", fmt::format("an index below {}", count), std::to_string(index), ""});
  return index;
}

}  // namespace sinew::bindings
