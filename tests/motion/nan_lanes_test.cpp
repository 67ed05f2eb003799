// SPDX-License-Identifier: Apache-2.0
// Whatever part of a target is no number, the filter does what it would have done without a target, bit for bit.
#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "sinew/motion/command_filter.hpp"
#include "victim.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

/// Quiet and signalling, of both signs, with and without payload, and the infinities.
constexpr std::uint64_t kNoNumbers[] = {0x7FF8000000000000, 0xFFF8000000000000, 0x7FF0000000000001, 0xFFF0000000000001,
                                        0x7FF4000000000000, 0xFFF4000000000000, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF,
                                        0x7FF8DEADBEEF0001, 0x7FF7FFFFFFFFFFFF, 0x7FF0000000000000, 0xFFF0000000000000};

std::vector<std::uint64_t> bits_of(const CommandFilter& filter) {
  std::vector<std::uint64_t> bits;
  for (const auto values : {filter.position(), filter.velocity(), filter.acceleration()})
    for (const double x : values) bits.push_back(std::bit_cast<std::uint64_t>(x));
  return bits;
}

/// A filter that goes from one good target to the next, and its twin that gets no target where it gets a bad one.
class Twins {
 public:
  explicit Twins(std::size_t dof)
      : random_(100 + dof),
        limits_(random_limits(dof, random_)),
        filter_(limits_, std::chrono::milliseconds(2)),
        twin_(filter_),
        q_(dof),
        q_twin_(dof) {
    for (std::size_t i = 0; i < dof; ++i) q_[i] = 0.5 * (limits_.lower[i] + limits_.upper[i]);
    REQUIRE(filter_.reset(q_) == Status::ok);
    REQUIRE(twin_.reset(q_) == Status::ok);
  }

  std::vector<double> good_target() {
    std::vector<double> target(q_.size());
    for (std::size_t i = 0; i < target.size(); ++i) target[i] = random_.uniform(limits_.lower[i], limits_.upper[i]);
    return target;
  }

  void both(const std::vector<double>& target) {
    REQUIRE(filter_.step(target, q_) == Status::ok);
    REQUIRE(twin_.step(target, q_twin_) == Status::ok);
  }

  /// `bad` chooses the kind of each lane of the mask.
  template <class Bad>
  void differ(std::uint32_t mask, const Bad& bad) {
    std::vector<double> target = good_target();
    for (std::size_t i = 0; i < target.size(); ++i)
      if ((mask >> i & 1U) != 0) target[i] = std::bit_cast<double>(bad(i));
    REQUIRE(filter_.step(target, q_) == Status::not_finite);
    REQUIRE(filter_.status() == Status::not_finite);
    REQUIRE(twin_.step({}, q_twin_) == Status::ok);
  }

  void compare() const {
    REQUIRE(bits_of(filter_) == bits_of(twin_));
    REQUIRE(q_ == q_twin_);
    REQUIRE(std::vector<double>(filter_.position().begin(), filter_.position().end()) == q_);
    REQUIRE(filter_.interventions() == twin_.interventions());
    REQUIRE(filter_.clamped_targets() == twin_.clamped_targets());
  }

  Random& random() { return random_; }

 private:
  Random random_;
  JointLimits limits_;
  CommandFilter filter_;
  CommandFilter twin_;
  std::vector<double> q_;
  std::vector<double> q_twin_;
};

}  // namespace

TEST_CASE("command filter: a target with any element that is no number equals no target, for every mask of 1 to 10 lanes") {
  for (std::size_t dof = 1; dof <= 10; ++dof) {
    CAPTURE(dof);
    Twins twins(dof);
    for (std::uint32_t mask = 1; mask < 1U << dof; ++mask) {
      CAPTURE(mask);
      twins.both(twins.good_target());
      twins.differ(mask, [&](std::size_t) { return kNoNumbers[twins.random().below(std::size(kNoNumbers))]; });
      twins.compare();
      // Nothing of it is remembered either.
      twins.both(twins.good_target());
      twins.compare();
    }
  }
}

TEST_CASE("command filter: every kind of what is no number, in every lane alone and in all lanes") {
  constexpr std::size_t kDof = 14;
  Twins twins(kDof);
  for (const std::uint64_t kind : kNoNumbers) {
    CAPTURE(kind);
    for (std::size_t lane = 0; lane <= kDof; ++lane) {
      twins.both(twins.good_target());
      twins.differ(lane < kDof ? 1U << lane : (1U << kDof) - 1, [&](std::size_t) { return kind; });
      twins.compare();
    }
  }
}

TEST_CASE("command filter: nothing but such targets for a long time leads to rest where no targets lead") {
  Twins twins(7);
  for (int k = 0; k < 200; ++k) twins.both(twins.good_target());
  for (int k = 0; k < 2000; ++k) twins.differ(1U << (k % 7), [&](std::size_t) { return kNoNumbers[static_cast<std::size_t>(k) % 12]; });
  twins.compare();
}
