// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/heads/camera_encoding.hpp"

#include <fmt/format.h>

#include <Eigen/Geometry>
#include <cmath>

#include "sinew/core/error.hpp"

namespace sinew::nn {

namespace {

using Matrix = Eigen::Matrix<double, 4, 4, Eigen::RowMajor>;

constexpr double kRigid = 1e-3;  // of rotations in f32 that a program has multiplied for a while

Matrix read_pose(std::span<const float> values, std::int64_t camera) {
  const Matrix pose = Eigen::Map<const Eigen::Matrix<float, 4, 4, Eigen::RowMajor>>(values.data()).cast<double>();
  const Eigen::Matrix3d rotation = pose.topLeftCorner<3, 3>();
  const bool rigid = pose.allFinite() && (rotation.transpose() * rotation - Eigen::Matrix3d::Identity()).norm() < kRigid &&
                     rotation.determinant() > 0 && pose.row(3) == Eigen::RowVector4d(0, 0, 0, 1);
  if (!rigid)
    fail(ErrorCode::invalid_argument, {"cameras", fmt::format("extrinsics of camera {}", camera),
                                       "a rigid transform, row-major, last row 0 0 0 1", "another matrix", ""});
  return pose;
}

Matrix inverse(const Matrix& pose) {
  Matrix out = Matrix::Identity();
  out.topLeftCorner<3, 3>() = pose.topLeftCorner<3, 3>().transpose();
  out.topRightCorner<3, 1>() = -(pose.topLeftCorner<3, 3>().transpose() * pose.topRightCorner<3, 1>());
  return out;
}

}  // namespace

void RelativeCameras::read(std::span<const float> extrinsics, std::int64_t reference) {
  const auto cameras = static_cast<std::int64_t>(extrinsics.size() / 16);
  if (reference < 0 || reference >= cameras)
    fail(ErrorCode::invalid_argument,
         {"cameras", "reference camera", fmt::format("0 to {}", cameras - 1), fmt::format("{}", reference), ""});
  const auto at = [&](std::int64_t camera) { return read_pose(extrinsics.subspan(static_cast<std::size_t>(16 * camera), 16), camera); };
  const Matrix reference_from_base = inverse(at(reference));
  poses_.resize(extrinsics.size());
  for (std::int64_t camera = 0; camera < cameras; ++camera) {
    Matrix pose = Matrix::Identity();
    if (camera != reference) pose = reference_from_base * at(camera);
    Eigen::Map<Matrix>(poses_.data() + 16 * camera) = pose;
  }
}

void RelativeCameras::append(std::int64_t camera, Form form, std::vector<float>& matrices) const {
  if (camera < 0 || camera >= count())
    fail(ErrorCode::invalid_argument, {"cameras", "camera", fmt::format("0 to {}", count() - 1), fmt::format("{}", camera), ""});
  Matrix matrix = Eigen::Map<const Matrix>(poses_.data() + 16 * camera);
  if (form != Form::pose) matrix = inverse(matrix);
  if (form == Form::query) matrix = matrix.transpose().eval();
  for (Eigen::Index i = 0; i < 16; ++i) matrices.push_back(static_cast<float>(matrix.data()[i]));
}

void append_plane_coordinates(std::span<const float> intrinsics, std::int64_t rows, std::int64_t columns, std::vector<float>& coordinates) {
  if (!(intrinsics[0] > 0 && intrinsics[1] > 0 && std::isfinite(intrinsics[2]) && std::isfinite(intrinsics[3])))
    fail(ErrorCode::invalid_argument, {"cameras", "intrinsics", "positive focal lengths, fx / width, fy / height", "others", ""});
  const auto place = [](std::int64_t i, std::int64_t count, float focal, float centre) {
    return static_cast<float>(((static_cast<double>(i) + 0.5) / static_cast<double>(count) - static_cast<double>(centre)) /
                              static_cast<double>(focal));
  };
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t column = 0; column < columns; ++column) {
      coordinates.push_back(place(column, columns, intrinsics[0], intrinsics[2]));
      coordinates.push_back(place(row, rows, intrinsics[1], intrinsics[3]));
    }
}

}  // namespace sinew::nn
