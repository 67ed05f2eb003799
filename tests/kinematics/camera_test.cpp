// SPDX-License-Identifier: Apache-2.0
// Agreement with OpenCV is tested in python/tests/test_camera.py; here the formulas in extended precision stand for it.
#include "sinew/kinematics/camera.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/kinematics/rotation.hpp"
#include "test_seed.hpp"

using namespace sinew;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
const LensModel kBrown = LensModel::brown_conrady, kFisheye = LensModel::kannala_brandt;

CameraOptions lens(std::vector<double> distortion, LensModel model = kBrown) {
  return {.fx = 610.3, .fy = 608.9, .cx = 322.7, .cy = 241.4, .distortion = std::move(distortion), .model = model};
}

/// Calibrations as they occur: webcams, wide angles, a rational model, fisheyes.
std::vector<CameraOptions> calibrations() {
  return {lens({}),
          lens({-0.28, 0.07, 2e-4, -3e-4}),
          lens({0.12, -0.25, 1e-3, 5e-4, 0.09}),
          lens({-0.41, 0.22, -1e-3, 8e-4, -0.07}),
          lens({0.9, 0.31, 1e-4, -2e-4, 0.011, 1.25, 0.52, 0.06}),
          lens({}, kFisheye),
          lens({-0.012, 0.04, -0.035, 0.009}, kFisheye)};
}

/// The published formulas, written out once more in extended precision.
Eigen::Vector2d reference(const CameraOptions& o, const Eigen::Vector3d& point) {
  std::vector<long double> k(o.distortion.begin(), o.distortion.end());
  k.resize(8);
  const long double x = static_cast<long double>(point.x()) / point.z(), y = static_cast<long double>(point.y()) / point.z();
  long double u = 0, v = 0;
  if (o.model == kFisheye) {
    const long double r = std::sqrt(x * x + y * y), t = std::atan(r);
    const long double d = t + k[0] * std::pow(t, 3) + k[1] * std::pow(t, 5) + k[2] * std::pow(t, 7) + k[3] * std::pow(t, 9);
    u = r > 0 ? d * x / r : 0;
    v = r > 0 ? d * y / r : 0;
  } else {
    const long double s = x * x + y * y;
    const long double radial = (1 + k[0] * s + k[1] * s * s + k[4] * s * s * s) / (1 + k[5] * s + k[6] * s * s + k[7] * s * s * s);
    u = x * radial + 2 * k[2] * x * y + k[3] * (s + 2 * x * x);
    v = y * radial + k[2] * (s + 2 * y * y) + 2 * k[3] * x * y;
  }
  return {static_cast<double>(o.fx * u + o.cx), static_cast<double>(o.fy * v + o.cy)};
}

/// A point whose ray is within `share` of the lens's domain, and within 75 degrees.
Eigen::Vector3d random_point(testing::Random& random, const Camera& camera, double share = 0.98) {
  const double r = random.uniform(0, std::min(std::tan(camera.max_angle()) * share, 3.7));
  const double direction = random.uniform(0, 2 * M_PI), z = random.uniform(0.1, 5);
  return {z * r * std::cos(direction), z * r * std::sin(direction), z};
}

}  // namespace

TEST_CASE("camera: projects as the formulas say, one by one and in batches, to the same bits") {
  testing::Random random(1);
  for (const CameraOptions& options : calibrations()) {
    const Camera camera(options);
    CAPTURE(options.distortion.size());
    std::vector<double> points, pixels;
    for (int i = 0; i < 1000; ++i) {
      const Eigen::Vector3d point = random_point(random, camera);
      points.insert(points.end(), point.begin(), point.end());
    }
    pixels.resize(2000);
    REQUIRE(camera.project(points, pixels) == Status::ok);
    for (std::size_t i = 0; i < 1000; ++i) {
      const Eigen::Vector3d point(&points[3 * i]);
      Eigen::Vector2d pixel;
      REQUIRE(camera.project(point, pixel));
      REQUIRE(pixel == Eigen::Map<Eigen::Vector2d>(&pixels[2 * i]));
      REQUIRE((pixel - reference(options, point)).norm() <= 1e-14 * std::max(1e3, pixel.norm()));
    }
  }
}

TEST_CASE("camera: undistort finds the ray to 1e-12, unproject the point") {
  testing::Random random(2);
  for (const CameraOptions& options : calibrations()) {
    const Camera camera(options);
    for (int i = 0; i < 5000; ++i) {
      const Eigen::Vector3d point = random_point(random, camera, 0.9);
      const Eigen::Vector2d ray = point.head<2>() / point.z();
      Eigen::Vector2d found;
      CAPTURE(ray.norm());
      REQUIRE(camera.undistort(reference(options, point), found));
      REQUIRE((found - ray).norm() <= 1e-12 * std::max(1.0, ray.squaredNorm()));
      Eigen::Vector3d back;
      REQUIRE(camera.unproject(reference(options, point), point.z(), back));
      REQUIRE((back - point).norm() <= 1e-12 * point.z() * std::max(1.0, ray.squaredNorm()));
    }
  }
}

TEST_CASE("camera: what has no pixel becomes NaN and false, and spoils no other row") {
  for (const CameraOptions& options : calibrations()) {
    const Camera camera(options);
    Eigen::Vector2d pixel;
    for (const Eigen::Vector3d& point : {Eigen::Vector3d(0, 0, -1), Eigen::Vector3d(0.1, 0.2, -1), Eigen::Vector3d(0, 0, 0),
                                         Eigen::Vector3d(1, 0, 0), Eigen::Vector3d(kNan, 0, 1), Eigen::Vector3d(0, kInfinity, 1),
                                         Eigen::Vector3d(0, 0, kInfinity), Eigen::Vector3d(0, 0, kNan), Eigen::Vector3d(1, 0, 1e-300)}) {
      CAPTURE(point.transpose());
      pixel.setZero();
      CHECK_FALSE(camera.project(point, pixel));
      CHECK(pixel.array().isNaN().all());
    }
    const std::vector<double> points = {0, 0, 1, 0, 0, -1, 0.1, 0, 1};
    std::vector<double> pixels(6);
    CHECK(camera.project(points, pixels) == Status::out_of_range);
    CHECK(pixels[0] == 322.7);
    CHECK(std::isnan(pixels[2]));
    CHECK(pixels[4] == doctest::Approx(reference(options, {0.1, 0, 1}).x()).epsilon(1e-14));
    CHECK(camera.project(points, std::span(pixels).first(4)) == Status::bad_shape);
    Eigen::Vector3d point;
    for (const double depth : {0.0, -1.0, kNan, kInfinity}) CHECK_FALSE(camera.unproject({300, 200}, depth, point));
    CHECK(point.array().isNaN().all());
    CHECK_FALSE(camera.undistort({kNan, 0}, pixel));
    CHECK_FALSE(camera.undistort({kInfinity, 0}, pixel));
    CHECK(pixel.array().isNaN().all());
  }
}

TEST_CASE("camera: the domain ends where the lens folds, found by finite differences") {
  testing::Random random(3);
  int folding = 0;
  for (int trial = 0; trial < 300; ++trial) {
    const bool fisheye = trial % 3 == 0, rational = trial % 3 == 1;
    std::vector<double> k = {random.uniform(-0.5, 0.3), random.uniform(-0.3, 0.3), random.uniform(-0.1, 0.1), random.uniform(-0.02, 0.02)};
    if (!fisheye) k = {k[0], k[1], random.uniform(-0.003, 0.003), random.uniform(-0.003, 0.003), random.uniform(-0.1, 0.1)};
    if (rational) k.insert(k.end(), {random.uniform(-0.2, 0.5), random.uniform(-0.1, 0.2), random.uniform(-0.05, 0.05)});
    const CameraOptions options = lens(k, fisheye ? kFisheye : kBrown);
    const Camera camera(options);
    const double limit = std::tan(camera.max_angle());
    const auto determinant = [&](double r, double direction) {
      const double h = 1e-5 * r, x = r * std::cos(direction), y = r * std::sin(direction);
      const Eigen::Vector2d dx = reference(options, {x + h, y, 1}) - reference(options, {x - h, y, 1});
      const Eigen::Vector2d dy = reference(options, {x, y + h, 1}) - reference(options, {x, y - h, 1});
      return (dx.x() * dy.y() - dx.y() * dy.x()) / (4 * h * h);
    };
    for (int ring = 1; ring <= 40; ++ring) {
      const double r = std::min(limit, 20.0) * 0.998 * ring / 40;
      for (int step = 0; step < 24; ++step) REQUIRE(determinant(r, step * M_PI / 12) > 0);
    }
    Eigen::Vector2d pixel;
    if (limit > 20) continue;
    ++folding;
    CHECK(camera.project({0.999 * limit, 0, 1}, pixel));
    CHECK_FALSE(camera.project({1.001 * limit, 0, 1}, pixel));
    CHECK_FALSE(camera.project({0, 1.5 * limit, 1}, pixel));
    // Just outside, somewhere, it has folded: a larger domain would hold ghosts. (A denominator's pole is no fold.)
    double least = 1;
    for (int step = 0; step < 720; ++step) least = std::min(least, determinant(1.003 * limit, step * M_PI / 360));
    if (!rational) CHECK(least < 0);
  }
  CHECK(folding > 100);
}

TEST_CASE("camera: a pixel that no ray of the domain reaches is refused") {
  const Camera camera(lens({-0.3, 0.02, 0, 0}));  // the image ends at a finite radius
  const double limit = std::tan(camera.max_angle());
  REQUIRE(limit < 1.2);
  const double edge = limit * (1 - 0.3 * limit * limit + 0.02 * std::pow(limit, 4));
  Eigen::Vector2d ray;
  CHECK(camera.undistort({322.7 + 610.3 * 0.9999 * edge, 241.4}, ray));
  CHECK(ray.x() < limit);
  CHECK_FALSE(camera.undistort({322.7 + 610.3 * 1.0001 * edge, 241.4}, ray));
  CHECK_FALSE(camera.undistort({322.7, 241.4 - 608.9 * 5 * edge}, ray));
  // With tangential terms the image of the disc is no disc: the last check is Newton's method itself.
  const Camera bent(lens({-0.3, 0.02, 4e-3, -2e-3}));
  int found = 0, refused = 0;
  for (int i = 0; i < 720; ++i) {
    const double direction = i * M_PI / 360, r = edge;
    const bool ok = bent.undistort({322.7 + 610.3 * r * std::cos(direction), 241.4 + 608.9 * r * std::sin(direction)}, ray);
    (ok ? found : refused) += 1;
    if (ok) CHECK(ray.norm() <= std::tan(bent.max_angle()));
  }
  CHECK(found > 0);
  CHECK(refused > 0);
}

TEST_CASE("camera: base_from_camera and the axes mean what their names say") {
  // On the wall, 2 m in front of the base, looking back along -x; OpenGL axes: the camera looks along its own -z, y is up.
  Eigen::Isometry3d base_from_opengl = Eigen::Isometry3d::Identity();
  base_from_opengl.translation() = Eigen::Vector3d(2, 0, 0.5);
  base_from_opengl.linear().col(0) = Eigen::Vector3d(0, 1, 0);  // the image's right is the base's left
  base_from_opengl.linear().col(1) = Eigen::Vector3d(0, 0, 1);
  base_from_opengl.linear().col(2) = Eigen::Vector3d(1, 0, 0);
  CameraOptions options = lens({});
  options.base_from_camera = base_from_opencv_camera(base_from_opengl);
  CHECK((options.base_from_camera.linear() - base_from_opengl.linear() * opencv_from_opengl()).norm() == 0);
  CHECK(options.base_from_camera.linear().col(2) == Eigen::Vector3d(-1, 0, 0));
  CHECK((base_from_opengl_camera(options.base_from_camera).matrix() - base_from_opengl.matrix()).norm() == 0);
  const Camera camera(options);
  Eigen::Vector2d pixel;
  REQUIRE(camera.project_from_base({0, 0, 0.5}, pixel));
  CHECK((pixel - Eigen::Vector2d(322.7, 241.4)).norm() < 1e-12);
  REQUIRE(camera.project_from_base({1, 0.1, 0.5 + 0.2}, pixel));  // left of the base and up: right and up in the image
  CHECK((pixel - Eigen::Vector2d(322.7 + 61.03, 241.4 - 0.2 * 608.9)).norm() < 1e-12);
  CHECK_FALSE(camera.project_from_base({3, 0, 0.5}, pixel));
  Eigen::Vector3d point;
  REQUIRE(camera.unproject_to_base({322.7 + 61.03, 241.4 - 0.2 * 608.9}, 1, point));
  CHECK((point - Eigen::Vector3d(1, 0.1, 0.7)).norm() < 1e-12);
  const std::vector<double> points = {1, 0.1, 0.7, 3, 0, 0}, depths = {1, 2};
  std::vector<double> pixels(4), back(6);
  CHECK(camera.project_from_base(points, pixels) == Status::out_of_range);
  CHECK(pixels[0] == doctest::Approx(383.73).epsilon(1e-12));
  CHECK(camera.unproject_to_base(pixels, depths, back) == Status::out_of_range);
  CHECK(back[2] == doctest::Approx(0.7).epsilon(1e-12));
  CHECK(std::isnan(back[3]));
  CHECK(camera.unproject(pixels, depths, std::span(back).first(3)) == Status::bad_shape);
}

TEST_CASE("camera: bad calibrations are refused by name") {
  const auto refused = [](CameraOptions options, const char* text) {
    CHECK_THROWS_WITH_AS(Camera{options}, doctest::Contains(text), Error);
  };
  CameraOptions options = lens({});
  refused({}, "fx: expected a finite number of pixels above 0, got 0");
  options.fy = -1;
  refused(options, "fy");
  options = lens({});
  options.cx = kNan;
  refused(options, "cx");
  refused(lens({1, 2, 3}), "0, 4, 5 or 8 coefficients for brown_conrady, got 3");
  refused(lens({0, 0, 0, 0, 0}, kFisheye), "0 or 4 coefficients for kannala_brandt, got 5");
  refused(lens(std::vector<double>(14)), "got 14");
  refused(lens({0, kNan, 0, 0}), "finite coefficients");
  refused(lens({0, 1e7, 0, 0}), "up to 1e6");
  options = lens({});
  options.base_from_camera.linear() *= 2;
  refused(options, "base_from_camera");
  CHECK_THROWS_WITH_AS((void)lens_model("fisheye"), doctest::Contains("brown_conrady, kannala_brandt"), Error);
  CHECK(lens_model("kannala_brandt") == kFisheye);
  const Camera camera(lens({0.1, 0.2, 0.3, 0.4, 0.5}));
  CHECK(camera.distortion().size() == 5);
  CHECK(camera.matrix()(1, 2) == 241.4);
}
