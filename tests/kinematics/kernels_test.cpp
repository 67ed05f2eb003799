// SPDX-License-Identifier: Apache-2.0
// The vector kernels of every instruction set that this processor runs: their sines against the C library's long double, and one another.
#include "../../src/kinematics/kernels/kernels.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "all_robots.hpp"
#include "guarded_page.hpp"
#include "sinew/kinematics/inverse.hpp"
#include "sinew/kinematics/jacobian.hpp"

using namespace sinew;
using namespace sinew::testing;

namespace {

constexpr std::size_t kWidest = 16;  // floats of AVX-512

template <class Scalar>
std::vector<Scalar> angles() {
  Random random(61);
  std::vector<Scalar> list;
  const auto add = [&](double value) {
    list.push_back(static_cast<Scalar>(value));
    list.push_back(static_cast<Scalar>(-value));
  };
  for (const double value : {0.0, 5e-324, 1e-310, 1e-40, 1e-45, 1.0, 1e6, 1e6 + 0.5, 4e3, 4e3 + 0.25}) add(value);
  const int largest = std::numeric_limits<Scalar>::max_exponent10;
  for (int power = -300; power <= std::min(300, largest - 1); ++power) add(std::pow(10.0, power));
  for (int i = 0; i < 50'000; ++i) {
    list.push_back(static_cast<Scalar>(random.uniform(-2 * M_PI, 2 * M_PI)));
    list.push_back(static_cast<Scalar>(random.uniform(-1e5, 1e5)));
    list.push_back(static_cast<Scalar>(random.uniform(-1.1e6, 1.1e6)));
  }
  // Where the reduction cancels most.
  for (std::int64_t k = 1; k < 700'000; k = k < 5'000 ? k + 1 : k + 137) {
    auto below = static_cast<Scalar>(k * (M_PIl / 2)), above = below;
    add(below);
    for (int step = 0; step < 3; ++step) {
      add(below = std::nextafter(below, Scalar{0}));
      add(above = std::nextafter(above, std::numeric_limits<Scalar>::infinity()));
    }
  }
  return list;
}

template <class Scalar>
void sincos_of(const detail::Kernels& kernels, const std::vector<Scalar>& x, std::vector<Scalar>& sine, std::vector<Scalar>& cosine) {
  sine.resize(x.size());
  cosine.resize(x.size());
  if constexpr (sizeof(Scalar) == 8) {
    kernels.sincos(x.data(), x.size(), sine.data(), cosine.data());
  } else {
    kernels.sincos_float(x.data(), x.size(), sine.data(), cosine.data());
  }
}

/// Tells -0 from 0; NaN equals NaN.
template <class Scalar>
bool same_bits(Scalar a, Scalar b) {
  return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b));
}

template <class Scalar>
constexpr Scalar kFiller = Scalar{-77.25};

/// The poses and Jacobians of a batch, `q` at the end of a page, and no more written than asked for.
template <class Scalar>
struct Batch {
  std::vector<Scalar> poses, J, poses_alone;

  Batch(const Chain<>& chain, const std::vector<Scalar>& q, std::size_t count, int tip) {
    const auto dof = static_cast<std::size_t>(chain.dof());
    GuardedPage q_page(count * dof * sizeof(Scalar)), pose_page(count * 16 * sizeof(Scalar)), J_page(count * 6 * dof * sizeof(Scalar));
    const auto q_end = q_page.last<Scalar>(count * dof);
    std::copy_n(q.begin(), count * dof, q_end.begin());
    const auto guarded_poses = pose_page.last<Scalar>(count * 16);
    const auto guarded_J = J_page.last<Scalar>(count * 6 * dof);
    for (std::size_t i = 1; i <= kBefore; ++i) {
      *(guarded_poses.data() - i) = *(guarded_J.data() - i) = kFiller<Scalar>;
    }
    REQUIRE(jacobian_batch(chain, std::span<const Scalar>(q_end), guarded_poses, guarded_J, tip));
    poses.assign(guarded_poses.begin(), guarded_poses.end());
    J.assign(guarded_J.begin(), guarded_J.end());
    REQUIRE(forward_batch(chain, std::span<const Scalar>(q_end), guarded_poses, tip));
    poses_alone.assign(guarded_poses.begin(), guarded_poses.end());
    for (std::size_t i = 1; i <= kBefore; ++i) {
      REQUIRE((*(guarded_poses.data() - i) == kFiller<Scalar> && *(guarded_J.data() - i) == kFiller<Scalar>));
    }
  }
};

using Columns = Eigen::Matrix<double, 6, Eigen::Dynamic>;

/// Portable and v2 round products and sums apart on x86-64, v3 and those after it fuse them.
bool fuses_like_the_one_before(Isa isa) { return isa == Isa::v2 || isa >= Isa::v4; }

std::vector<double> random_rows(const Chain<>& chain, std::size_t count, Random& random) {
  std::vector<double> q;
  for (std::size_t i = 0; i < count; ++i) {
    const Eigen::VectorXd row = random_q(chain, random);
    q.insert(q.end(), row.begin(), row.end());
  }
  return q;
}

/// Batches of 1 to `most` rows have the bits of single calls, on all instruction sets.
void check_batches(const NamedChain& robot, std::size_t most, Random& random) {
  const int dof = robot.chain.dof();
  const auto width = static_cast<std::size_t>(dof);
  const std::vector<double> q = random_rows(robot.chain, most, random);
  for (const Isa isa : available_isas()) {
    CAPTURE(to_string(isa));
    const WithIsa selected(isa);
    for (std::size_t count = 1; count <= most; ++count) {
      CAPTURE(count);
      for (int tip = 0; tip < robot.tips(); ++tip) {
        const Batch<double> batch(robot.chain, q, count, tip);
        const Batch<float> narrow(robot.chain, std::vector<float>(q.begin(), q.end()), count, tip);
        REQUIRE(std::equal(batch.poses.begin(), batch.poses.end(), batch.poses_alone.begin(), same_bits<double>));
        REQUIRE(std::equal(narrow.poses.begin(), narrow.poses.end(), narrow.poses_alone.begin(), same_bits<float>));
        bool same = true;
        double worst = 0;
        for (std::size_t n = 0; n < count; ++n) {
          Columns J(6, dof);
          const Eigen::Map<const Eigen::VectorXd> row(q.data() + n * width, dof);
          const Eigen::Isometry3d pose = jacobian(robot.chain, row, J, {.tip = tip});
          for (std::size_t r = 0; r < 6; ++r) {
            for (std::size_t c = 0; c < width; ++c) {
              const std::size_t at = n * 6 * width + r * width + c;
              const double expected = J(static_cast<int>(r), static_cast<int>(c));
              same = same && same_bits(batch.J[at], expected);
              worst = std::max(worst, std::abs(narrow.J[at] - expected));
            }
          }
          for (std::size_t e = 0; e < 16; ++e) {
            const double expected = pose(static_cast<int>(e / 4), static_cast<int>(e % 4));
            // The zeros of the last row may carry a sign in one and none in the other.
            same = same && (e < 12 ? same_bits(batch.poses[n * 16 + e], expected) : batch.poses[n * 16 + e] == expected);
            worst = std::max(worst, std::abs(narrow.poses[n * 16 + e] - expected));
          }
        }
        REQUIRE(same);
        REQUIRE(worst <= 2e-6 * robot.reach);
      }
    }
  }
}

/// A snake of `joints` moving joints in all directions: turning, sliding and following ones.
NamedChain snake(int joints, bool plain) {
  Random random(static_cast<std::uint64_t>(joints));
  std::string links = "<link name='l0'/>", text;
  for (int i = 1; i <= joints; ++i) {
    const bool slides = !plain && i % 5 == 3, follows = !plain && i % 4 == 2;
    const auto number = [&] { return fmt::format("{:.17g}", random.uniform(-1, 1)); };
    links += fmt::format("<link name='l{}'/>", i);
    text += fmt::format(
        "<joint name='j{0}' type='{1}'><parent link='l{2}'/><child link='l{0}'/><origin xyz='{3} 0 {4}' rpy='{5} {6} {7}'/>"
        "<axis xyz='{8} {9} 2'/><limit lower='-0.5' upper='0.5' velocity='1' effort='1'/>{10}</joint>",
        i, slides ? "prismatic" : "revolute", i - 1, 0.02, number(), number(), number(), number(), number(), number(),
        follows ? fmt::format("<mimic joint='j{}' multiplier='0.75' offset='0.01'/>", i - 1) : "");
  }
  const std::string name = "snake" + std::to_string(joints), tip = "l" + std::to_string(joints);
  return named_chain(parse_urdf("<robot name='" + name + "'>" + links + text + "</robot>"), name, "l0", {tip});
}

}  // namespace

TEST_CASE("kernels: sine and cosine are those of long double, whatever the angle and the instruction set") {
  const auto check = [](auto scalar, double most) {
    using Scalar = decltype(scalar);
    const std::vector<Scalar> x = angles<Scalar>();
    std::vector<Scalar> sine, cosine;
    for (const Isa isa : available_isas()) {
      CAPTURE(to_string(isa));
      const WithIsa selected(isa);
      sincos_of(detail::kernels(), x, sine, cosine);
      double worst = 0;
      Scalar where = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const auto angle = static_cast<long double>(x[i]);
        const double error = static_cast<double>(std::max(std::abs(sine[i] - std::sin(angle)), std::abs(cosine[i] - std::cos(angle))));
        if (!(error <= worst)) {
          worst = error;
          where = x[i];
        }
      }
      MESSAGE(to_string(isa) << ", " << sizeof(Scalar) << " bytes: largest error " << worst << " at " << where);
      CHECK(worst <= most);
    }
  };
  check(double{}, 2.3e-16);
  check(float{}, 1.3e-7);
}

TEST_CASE("kernels: infinite angles and NaN give NaN, in their own lane only") {
  const auto check = [](auto scalar) {
    using Scalar = decltype(scalar);
    constexpr Scalar kInfinity = std::numeric_limits<Scalar>::infinity();
    for (const Isa isa : available_isas()) {
      CAPTURE(to_string(isa));
      const WithIsa selected(isa);
      for (const Scalar bad : {kInfinity, -kInfinity, std::numeric_limits<Scalar>::quiet_NaN()}) {
        for (std::size_t place = 0; place < 2 * kWidest + 1; ++place) {
          std::vector<Scalar> x(2 * kWidest + 1, Scalar{0.5}), sine, cosine;
          x[place] = bad;
          sincos_of(detail::kernels(), x, sine, cosine);
          for (std::size_t i = 0; i < x.size(); ++i) {
            REQUIRE(std::isnan(sine[i]) == (i == place));
            REQUIRE(std::isnan(cosine[i]) == (i == place));
          }
        }
      }
    }
  };
  check(double{});
  check(float{});
}

TEST_CASE(
    "kernels: all instruction sets agree with a plain product, and with one another, to 1e-14 of the reach; bit for bit where they fuse "
    "alike") {
  Random random(62);
  for (const NamedChain& robot : all_robots()) {
    CAPTURE(robot.name);
    const int dof = robot.chain.dof();
    for (int trial = 0; trial < 300; ++trial) {
      const Eigen::VectorXd q = random_q(robot.chain, random);
      for (int tip = 0; tip < robot.tips(); ++tip) {
        const Eigen::Matrix4d plain = robot.plain(q, tip);
        Columns reference, before, J(6, dof);
        Eigen::Matrix4d pose_before;
        std::vector<Eigen::Isometry3d> first_frames, all(robot.chain.frame_names().size());
        for (const Isa isa : available_isas()) {
          CAPTURE(to_string(isa));
          const WithIsa selected(isa);
          REQUIRE((forward(robot.chain, q, tip).matrix() - plain).cwiseAbs().maxCoeff() <= 1e-14 * robot.reach);
          const Eigen::Isometry3d pose = jacobian(robot.chain, q, J, {.tip = tip});
          REQUIRE(pose.matrix() == forward(robot.chain, q, tip).matrix());
          frames(robot.chain, q, all);
          if (isa == Isa::portable) {
            reference = J;
            first_frames = all;
          }
          REQUIRE((J - reference).cwiseAbs().maxCoeff() <= 1e-14 * robot.reach);
          for (std::size_t i = 0; i < all.size(); ++i)
            REQUIRE((all[i].matrix() - first_frames[i].matrix()).cwiseAbs().maxCoeff() <= 1e-14 * robot.reach);
          if (fuses_like_the_one_before(isa)) {
            REQUIRE(pose.matrix() == pose_before);
            REQUIRE(J == before);
          }
          pose_before = pose.matrix();
          before = J;
        }
      }
    }
  }
}

TEST_CASE("kernels: a batch of any length has the bits of single calls, and keeps within its memory") {
  Random random(63);
  for (const NamedChain& robot : all_robots()) check_batches(robot, 2 * kWidest + 1, random);
}

TEST_CASE("kernels: so it is for chains of any number of joints, sliding and following ones among them") {
  Random random(65);
  for (int joints = 1; joints <= kMaxDof; ++joints) {
    for (const bool plain : {true, false}) check_batches(snake(joints, plain), joints <= 20 ? kWidest + 1 : 3, random);
  }
}

TEST_CASE("kernels: inverse gives the same statuses on all instruction sets, and the same bits on those that fuse alike") {
  Random random(64);
  for (const NamedChain& robot : all_robots()) {
    CAPTURE(robot.name);
    ChainScratch<> scratch;
    for (int trial = 0; trial < 300; ++trial) {
      CAPTURE(trial);
      const int tip = trial % robot.tips();
      const Eigen::VectorXd truth = random_q(robot.chain, random), seed = random_q(robot.chain, random);
      Eigen::Isometry3d target;
      target.matrix() = robot.plain(truth, tip);
      if (trial % 50 == 7) target.translation() *= 20 / target.translation().norm();  // out of reach
      std::vector<InverseResult<>> results;
      for (const Isa isa : available_isas()) {
        const WithIsa selected(isa);
        results.push_back(inverse(robot.chain, target, seed, scratch, {.tip = tip}));
      }
      for (std::size_t i = 0; i < results.size(); ++i) {
        const Isa isa = available_isas()[i];
        CAPTURE(to_string(isa));
        REQUIRE(results[i].status == results[0].status);
        if (results[i]) REQUIRE(pose_error(robot.plain(results[i].q, tip), target.matrix()) < 1.001e-6);
        if (fuses_like_the_one_before(isa)) {
          REQUIRE(results[i].q == results[i - 1].q);
          REQUIRE(results[i].iterations == results[i - 1].iterations);
        }
      }
    }
  }
}

TEST_CASE("kernels: angles of many turns are angles, and NaN in one joint spoils only its own pose") {
  for (const NamedChain& robot : all_robots()) {
    CAPTURE(robot.name);
    const auto width = static_cast<std::size_t>(robot.chain.dof());
    for (const Isa isa : available_isas()) {
      CAPTURE(to_string(isa));
      const WithIsa selected(isa);
      for (const double far : {1e7, -1e7, 1e300}) {
        Eigen::VectorXd q = robot.chain.neutral();
        for (int k = 0; k < robot.chain.dof(); ++k) {
          if (robot.chain.description().prismatic[static_cast<std::size_t>(k)] == 0) q[k] = far + k;
        }
        const Eigen::Isometry3d pose = forward(robot.chain, q);
        REQUIRE(pose.matrix().allFinite());
        REQUIRE((pose.linear().transpose() * pose.linear() - Eigen::Matrix3d::Identity()).cwiseAbs().maxCoeff() < 1e-14);
        std::vector<double> poses(16);
        REQUIRE(forward_batch(robot.chain, std::span<const double>(q.data(), width), poses));
        REQUIRE(Eigen::Matrix<double, 4, 4, Eigen::RowMajor>::Map(poses.data()) == pose.matrix());
      }
      for (std::size_t joint = 0; joint < width; ++joint) {
        std::vector<double> q;
        for (int n = 0; n < 9; ++n) {
          const auto neutral = robot.chain.neutral();
          q.insert(q.end(), neutral.begin(), neutral.end());
        }
        q[4 * width + joint] = std::numeric_limits<double>::quiet_NaN();
        std::vector<double> poses(9 * 16);
        bool moves = false;
        for (int tip = 0; tip < robot.tips(); ++tip) {
          REQUIRE(forward_batch(robot.chain, q, poses, tip));
          for (std::size_t n = 0; n < 9; ++n) {
            const bool finite =
                std::all_of(poses.begin() + static_cast<std::ptrdiff_t>(n * 16), poses.begin() + static_cast<std::ptrdiff_t>(n * 16 + 16),
                            [](double v) { return std::isfinite(v); });
            if (n == 4) {
              moves = moves || !finite;
            } else {
              REQUIRE(finite);
            }
          }
        }
        REQUIRE(moves);
      }
    }
  }
}

TEST_CASE("kernels: single calls keep within their memory as well") {
  for (const NamedChain& robot : all_robots()) {
    CAPTURE(robot.name);
    const int dof = robot.chain.dof();
    const auto width = static_cast<std::size_t>(dof);
    GuardedPage q_page(width * 8), J_page(width * 48);
    Eigen::Map<Eigen::VectorXd> q(q_page.last<double>(width).data(), dof);
    Eigen::Map<Columns> J(J_page.last<double>(width * 6).data(), 6, dof);
    q = robot.chain.neutral();
    std::vector<Eigen::Isometry3d> all(robot.chain.frame_names().size());
    for (const Isa isa : available_isas()) {
      CAPTURE(to_string(isa));
      const WithIsa selected(isa);
      for (std::size_t i = 1; i <= kBefore; ++i) *(J.data() - i) = kFiller<double>;
      const Eigen::Isometry3d pose = jacobian(robot.chain, q, J);
      CHECK(forward(robot.chain, q).matrix() == pose.matrix());
      CHECK(J.allFinite());
      frames(robot.chain, q, all);
      for (std::size_t i = 1; i <= kBefore; ++i) CHECK(*(J.data() - i) == kFiller<double>);
    }
  }
}
