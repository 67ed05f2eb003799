// SPDX-License-Identifier: Apache-2.0
// Distances between the poses that joints give and recorded ones, without a pose ever written to memory.

/// Recorded position and rotation, its columns; rotation NaN where the quaternion is none.
template <class V>
SINEW_INLINE Pose<Columns<V>> recorded_pose(const V* row, double least_square, double most_square) {
  const V w = row[3], x = row[4], y = row[5], z = row[6];
  const V one = broadcast<V>(1), squares = fma(w, w, fma(x, x, fma(y, y, z * z)));
  const auto unit = (squares >= broadcast<V>(least_square)) & (squares <= broadcast<V>(most_square));  // written so that NaN fails too
  const V twice = unit ? broadcast<V>(2) / squares : broadcast<V>(__builtin_nan(""));
  const V tx = twice * x, ty = twice * y, tz = twice * z;
  return {{one - fma(ty, y, tz * z), fma(tx, y, tz * w), fma(tx, z, -(ty * w))},
          {fma(tx, y, -(tz * w)), one - fma(tx, x, tz * z), fma(ty, z, tx * w)},
          {fma(tx, z, ty * w), fma(ty, z, -(tx * w)), one - fma(tx, x, ty * y)},
          {row[0], row[1], row[2]}};
}

template <class V>
SINEW_INLINE V squared_length(const Columns<V>& a) {
  return fma(a.v[0], a.v[0], fma(a.v[1], a.v[1], a.v[2] * a.v[2]));
}

/// The squared Frobenius norm of the difference of two rotations is 8 sin^2(angle / 2), which stays exact for small angles, where the trace
/// does not. Of small sines the series up to the ninth power is exact to 2e-15 of it.
template <class V>
SINEW_INLINE V angle_of(V squared_sine) {
  constexpr double kNear = 0.0025;  // the square of sin(0.1 rad / 2)
  const V s = squared_sine, sine = square_root(s);
  const V series =
      fma(s, fma(s, fma(s, fma(s, broadcast<V>(105.0 / 3456), broadcast<V>(15.0 / 336)), broadcast<V>(3.0 / 40)), broadcast<V>(1.0 / 6)),
          broadcast<V>(1));
  V angle = broadcast<V>(2) * sine * series;
  if (const std::uint32_t far = mask_bits(s > broadcast<V>(kNear)); far != 0) {
    for (int l = 0; l < kWidth<V>; ++l) {
      if ((far >> l & 1u) != 0) angle[l] = 2 * __builtin_asin(sine[l] < 1 ? sine[l] : 1.0);
    }
  }
  return angle;
}

template <class V>
SINEW_INLINE void pose_error_tile(const KernelProgram<double>& program, const KernelPoseErrors& work, const double* q, const double* poses,
                                  double* position, double* angle) {
  V joints[kMostSegments + kWidth<V>], row[7 + kWidth<V>];
  load_tile(q, program.dof, program.dof, joints);
  if (work.signs != nullptr) {
    for (int i = 0; i < program.dof; ++i) joints[i] = joints[i] * broadcast<V>(work.signs[i]);
  }
  const Pose<Columns<V>> computed = run_lanes<V, false>(program, joints, nullptr);
  load_tile(poses, 7, 7, row);
  const Pose<Columns<V>> recorded = recorded_pose(row, work.least_square, work.most_square);
  const V turned =
      squared_length(computed.x - recorded.x) + squared_length(computed.y - recorded.y) + squared_length(computed.z - recorded.z);
  store(position, square_root(squared_length(computed.p - recorded.p)));
  store(angle, angle_of(V(turned * broadcast<V>(0.125))));
}

template <class V>
void pose_errors_many(const KernelProgram<double>& program, const KernelPoseErrors& work) {
  constexpr std::size_t kLanes = kWidth<V>;
  const std::size_t dof = static_cast<std::size_t>(program.dof);
  const auto reads = [](std::size_t width) { return (width + kLanes - 1) / kLanes * kLanes; };  // of the last row, by load_tile
  std::size_t n = 0;
  for (; n + kLanes <= work.count && (n + kLanes - 1) * dof + reads(dof) <= work.count * dof &&
         (n + kLanes - 1) * 7 + reads(7) <= work.count * 7;
       n += kLanes)
    pose_error_tile<V>(program, work, work.q + n * dof, work.poses + n * 7, work.position + n, work.angle + n);
  // The rest through buffers, so that nothing is read behind the end.
  double q_rest[(kMostSegments + 1) * kLanes] = {}, poses_rest[8 * kLanes] = {}, position_rest[kLanes], angle_rest[kLanes];
  while (n < work.count) {
    const std::size_t rest = work.count - n < kLanes ? work.count - n : kLanes;
    std::memcpy(q_rest, work.q + n * dof, rest * dof * sizeof(double));
    std::memcpy(poses_rest, work.poses + n * 7, rest * 7 * sizeof(double));
    pose_error_tile<V>(program, work, q_rest, poses_rest, position_rest, angle_rest);
    std::memcpy(work.position + n, position_rest, rest * sizeof(double));
    std::memcpy(work.angle + n, angle_rest, rest * sizeof(double));
    n += rest;
  }
}
