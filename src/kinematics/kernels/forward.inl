// SPDX-License-Identifier: Apache-2.0
// Forward kinematics and Jacobians. The arithmetic of a segment is written once over "columns": one vector of x, y, z for a single
// configuration, or three vectors of many configurations each. Both do the same operations in the same order, so their bits agree.

/// A 3-vector of one configuration; the fourth lane is carried along.
struct Column {
  using Factor = double;
  Double4 v;
};
/// A 3-vector of as many configurations as V has lanes.
template <class V>
struct Columns {
  using Factor = V;
  V v[3];
};

SINEW_INLINE Column operator*(Column a, double s) { return {a.v * broadcast<Double4>(s)}; }
SINEW_INLINE Column operator-(Column a) { return {-a.v}; }
SINEW_INLINE Column operator-(Column a, Column b) { return {a.v - b.v}; }
SINEW_INLINE Column fma(Column a, double s, Column b) { return {fma(a.v, broadcast<Double4>(s), b.v)}; }
SINEW_INLINE Column cross(Column a, Column b) {
  const Double4 turned_a = __builtin_shufflevector(a.v, a.v, 1, 2, 0, 3), turned_b = __builtin_shufflevector(b.v, b.v, 1, 2, 0, 3);
  const Double4 product = fma(a.v, turned_b, -(turned_a * b.v));  // z, x, y
  return {__builtin_shufflevector(product, product, 1, 2, 0, 3)};
}
SINEW_INLINE Column constant(const Column*, const double* numbers) { return {load<Double4>(numbers)}; }

template <class V>
SINEW_INLINE Columns<V> operator*(Columns<V> a, V s) {
  return {a.v[0] * s, a.v[1] * s, a.v[2] * s};
}
template <class V>
SINEW_INLINE Columns<V> operator*(Columns<V> a, ScalarOf<V> s) {
  return a * broadcast<V>(s);
}
template <class V>
SINEW_INLINE Columns<V> operator-(Columns<V> a) {
  return {-a.v[0], -a.v[1], -a.v[2]};
}
template <class V>
SINEW_INLINE Columns<V> operator-(Columns<V> a, Columns<V> b) {
  return {a.v[0] - b.v[0], a.v[1] - b.v[1], a.v[2] - b.v[2]};
}
template <class V>
SINEW_INLINE Columns<V> fma(Columns<V> a, V s, Columns<V> b) {
  return {fma(a.v[0], s, b.v[0]), fma(a.v[1], s, b.v[1]), fma(a.v[2], s, b.v[2])};
}
template <class V>
SINEW_INLINE Columns<V> fma(Columns<V> a, ScalarOf<V> s, Columns<V> b) {
  return fma(a, broadcast<V>(s), b);
}
template <class V>
SINEW_INLINE Columns<V> cross(Columns<V> a, Columns<V> b) {
  return {fma(a.v[1], b.v[2], -(a.v[2] * b.v[1])), fma(a.v[2], b.v[0], -(a.v[0] * b.v[2])), fma(a.v[0], b.v[1], -(a.v[1] * b.v[0]))};
}
template <class V>
SINEW_INLINE Columns<V> constant(const Columns<V>*, const ScalarOf<V>* numbers) {
  return {broadcast<V>(numbers[0]), broadcast<V>(numbers[1]), broadcast<V>(numbers[2])};
}

/// base_from_something.
template <class C>
struct Pose {
  C x, y, z, p;
};

template <class C, class Scalar>
SINEW_INLINE Pose<C> constant_pose(const KernelPose<Scalar>& pose) {
  constexpr const C* kType = nullptr;
  return {constant(kType, pose.columns[0]), constant(kType, pose.columns[1]), constant(kType, pose.columns[2]),
          constant(kType, pose.columns[3])};
}

template <class C, class Scalar>
SINEW_INLINE void translate(Pose<C>& pose, const Scalar* t, std::uint8_t moves) {
  if ((moves & 1) != 0) pose.p = fma(pose.x, t[0], pose.p);
  if ((moves & 2) != 0) pose.p = fma(pose.y, t[1], pose.p);
  if ((moves & 4) != 0) pose.p = fma(pose.z, t[2], pose.p);
}

/// By a rotation matrix given as columns.
template <class C, class Scalar>
SINEW_INLINE void turn(Pose<C>& pose, const Scalar* R) {
  const C x = fma(pose.z, R[2], fma(pose.y, R[1], pose.x * R[0]));
  const C y = fma(pose.z, R[5], fma(pose.y, R[4], pose.x * R[3]));
  const C z = fma(pose.z, R[8], fma(pose.y, R[7], pose.x * R[6]));
  pose.x = x;
  pose.y = y;
  pose.z = z;
}

/// Into the frame of the segment, before its joint moves.
template <class C, class Scalar>
SINEW_INLINE void enter(Pose<C>& pose, const KernelSegment<Scalar>& segment) {
  translate(pose, segment.translation, segment.moves);
  const C y = pose.y;
  switch (segment.twist) {
    case AxisTwist::none: break;
    case AxisTwist::plus:
      pose.y = pose.z;
      pose.z = -y;
      break;
    case AxisTwist::minus:
      pose.y = -pose.z;
      pose.z = y;
      break;
    case AxisTwist::about_x:
      pose.y = fma(y, segment.cosine, pose.z * segment.sine);
      pose.z = fma(pose.z, segment.cosine, -(y * segment.sine));
      break;
    case AxisTwist::dense: turn(pose, segment.rotation); break;
  }
}

/// About the column c, which takes a towards b.
template <class C>
SINEW_INLINE void rotate(C& a, C& b, typename C::Factor cosine, typename C::Factor sine) {
  const C old = a;
  a = fma(old, cosine, b * sine);
  b = fma(b, cosine, -(old * sine));
}

template <class C, class Scalar>
SINEW_INLINE void finish(Pose<C>& pose, const KernelProgram<Scalar>& program) {
  translate(pose, program.tip_translation, program.tip_moves);
  if (program.tip_turns != 0) turn(pose, program.tip_rotation);
}

/// Sines and cosines of all joints of one configuration; positions of prismatic ones are in `position`.
template <int kMost>
struct Motions {
  alignas(64) double position[kMost];
  alignas(64) double sine[kMost];
  alignas(64) double cosine[kMost];
};

template <int kMost>
SINEW_INLINE void sincos_padded(Motions<kMost>& motions, int count) {
  for (int i = 0; i < count; i += kWidth<Doubles>) {
    Doubles sine, cosine;
    const Doubles position = load<Doubles>(motions.position + i);
    sincos<1>(&position, &sine, &cosine);
    store<Doubles>(motions.sine + i, sine);
    store<Doubles>(motions.cosine + i, cosine);
  }
}

/// The first `count` of `from`, then zeros: reads nothing behind them.
SINEW_INLINE Doubles load_some(const double* from, int count) {
#if defined(__AVX512F__)
  return (Doubles)_mm512_maskz_loadu_pd(static_cast<__mmask8>(count >= 8 ? 0xFFu : (1u << count) - 1u), from);
#elif defined(__AVX2__)
  const Long4 lane = {0, 1, 2, 3};
  return (Doubles)_mm256_maskload_pd(from, (__m256i)(lane < static_cast<std::int64_t>(count)));
#else
  Doubles value = {};
  for (int i = 0; i < kWidth<Doubles> && i < count; ++i) value[i] = from[i];
  return value;
#endif
}

SINEW_INLINE void compute_motions(const KernelProgram<double>& program, const double* q, Motions<kMostSegments>& motions) {
  const int count = program.count;
  if (program.all_plain != 0) {
    for (int i = 0; i < count; i += kWidth<Doubles>) {
      Doubles sine, cosine;
      const Doubles position = load_some(q + i, count - i) + load<Doubles>(program.offsets + i);
      sincos<1>(&position, &sine, &cosine);
      store<Doubles>(motions.sine + i, sine);
      store<Doubles>(motions.cosine + i, cosine);
    }
    return;
  }
  for (int i = 0; i < count; ++i) {
    const KernelSegment<double>& segment = program.segments[i];
    motions.position[i] = fma(segment.multiplier, q[segment.variable], segment.offset);
  }
  for (int i = count; i % kWidth<Doubles> != 0; ++i) motions.position[i] = 0;
  sincos_padded(motions, count);
}

struct Axes {
  Column axis[kMostSegments];
  Column origin[kMostSegments];
};

template <bool kAxes>
SINEW_INLINE Pose<Column> run_one(const KernelProgram<double>& program, const double* q, Axes* axes) {
  Motions<kMostSegments> motions;
  compute_motions(program, q, motions);
  Pose<Column> pose = constant_pose<Column>(program.base);
  const int count = program.count;
  for (int i = 0;;) {
    const KernelSegment<double>& segment = program.segments[i];
    if constexpr (kAxes) {
      axes->axis[i] = pose.z;
      axes->origin[i] = pose.p;
    }
    if (segment.prismatic != 0) {
      pose.p = fma(pose.z, motions.position[i], pose.p);
    } else {
      rotate(pose.x, pose.y, motions.cosine[i], motions.sine[i]);
    }
    if (++i == count) break;
    enter(pose, program.segments[i]);
  }
  finish(pose, program);
  return pose;
}

SINEW_INLINE void write_pose(const Pose<Column>& pose, double* out) {
  const Double4 zero = {};  // the fourth lane may have become -0
  store(out, Double4(__builtin_shufflevector(pose.x.v, zero, 0, 1, 2, 7)));
  store(out + 4, Double4(__builtin_shufflevector(pose.y.v, zero, 0, 1, 2, 7)));
  store(out + 8, Double4(__builtin_shufflevector(pose.z.v, zero, 0, 1, 2, 7)));
  store(out + 12, pose.p.v);
}

void forward_one(const KernelProgram<double>& program, const double* q, double* out) {
  write_pose(run_one<false>(program, q, nullptr), out);
}

SINEW_INLINE void write_column(const Column& linear, const Column& angular, double* column) {
  store(column, Double4(__builtin_shufflevector(linear.v, angular.v, 0, 1, 2, 4)));
  store(column + 4, Double2(__builtin_shufflevector(angular.v, angular.v, 1, 2)));
}

void jacobian_one(const KernelProgram<double>& program, const double* q, double* out, double* J, std::ptrdiff_t stride) {
  Axes axes;
  const Pose<Column> tip = run_one<true>(program, q, &axes);
  write_pose(tip, out);
  if (program.all_plain != 0) {
    for (int i = 0; i < program.count; ++i) write_column(cross(axes.axis[i], tip.p - axes.origin[i]), axes.axis[i], J + i * stride);
    return;
  }
  for (int i = 0; i < program.dof; ++i) {
    for (int row = 0; row < 6; ++row) J[i * stride + row] = 0;
  }
  for (int i = 0; i < program.count; ++i) {
    const KernelSegment<double>& segment = program.segments[i];
    Column linear = axes.axis[i] * segment.multiplier, angular = linear;
    if (segment.prismatic != 0) {
      angular.v = Double4{};
    } else {
      linear = cross(axes.axis[i], tip.p - axes.origin[i]) * segment.multiplier;
    }
    double* column = J + segment.variable * stride;
    for (int row = 0; row < 3; ++row) {
      column[row] += linear.v[row];
      column[row + 3] += angular.v[row];
    }
  }
}

/// Rows of `kWidth` numbers each, `stride` apart, as vectors over the rows: element e of row l becomes lane l of `out[e]`.
template <class V>
SINEW_INLINE void load_tile(const ScalarOf<V>* rows, int count, int stride, V* out) {
  for (int e = 0; e < count; e += kWidth<V>) {
    V square[kWidth<V>];
    for (int l = 0; l < kWidth<V>; ++l) square[l] = load<V>(rows + l * stride + e);
    transpose(square);
    for (int k = 0; k < kWidth<V>; ++k) out[e + k] = square[k];  // `out` has room for the padding
  }
}

/// The opposite; writes exactly `count` numbers per row.
template <class V>
SINEW_INLINE void store_tile(const V* values, int count, ScalarOf<V>* rows, int stride) {
  if (count < kWidth<V>) {
    for (int l = 0; l < kWidth<V>; ++l) {
      for (int e = 0; e < count; ++e) rows[l * stride + e] = values[e][l];
    }
    return;
  }
  for (int e = 0; e < count; e += kWidth<V>) {
    const int first = e + kWidth<V> <= count ? e : count - kWidth<V>;  // the last square overlaps the one before
    V square[kWidth<V>];
    for (int k = 0; k < kWidth<V>; ++k) square[k] = values[first + k];
    transpose(square);
    for (int l = 0; l < kWidth<V>; ++l) store(rows + l * stride + first, square[l]);
  }
}

template <class V>
struct LaneAxis {
  Columns<V> axis, origin;
};

/// As many sines at once as the registers hold.
#if defined(__AVX512F__)
constexpr int kTogether = 4;
#else
constexpr int kTogether = 2;
#endif

template <class V>
SINEW_INLINE void sincos_all(int count, const V* position, V* sine, V* cosine) {
  int i = 0;
  for (; i + kTogether <= count; i += kTogether) sincos<kTogether>(position + i, sine + i, cosine + i);
  if constexpr (kTogether == 4) {
    if (count - i == 3) return sincos<3>(position + i, sine + i, cosine + i);
    if (count - i == 2) return sincos<2>(position + i, sine + i, cosine + i);
  }
  if (count - i == 1) sincos<1>(position + i, sine + i, cosine + i);
}

/// Poses of the tip for `kWidth` configurations, `q [dof]` vectors.
template <class V, bool kAxes>
SINEW_INLINE Pose<Columns<V>> run_lanes(const KernelProgram<ScalarOf<V>>& program, const V* q, LaneAxis<V>* axes) {
  using Scalar = ScalarOf<V>;
  const int count = program.count;
  V position[kMostSegments], sine[kMostSegments], cosine[kMostSegments];
  for (int i = 0; i < count; ++i) {
    const KernelSegment<Scalar>& segment = program.segments[i];
    position[i] = fma(broadcast<V>(segment.multiplier), q[segment.variable], broadcast<V>(segment.offset));
  }
  sincos_all(count, position, sine, cosine);
  Pose<Columns<V>> pose = constant_pose<Columns<V>>(program.base);
  for (int i = 0;;) {
    const KernelSegment<Scalar>& segment = program.segments[i];
    if constexpr (kAxes) {
      axes[i].axis = pose.z;
      axes[i].origin = pose.p;
    }
    if (segment.prismatic != 0) {
      pose.p = fma(pose.z, position[i], pose.p);
    } else {
      rotate(pose.x, pose.y, cosine[i], sine[i]);
    }
    if (++i == count) break;
    enter(pose, program.segments[i]);
  }
  finish(pose, program);
  return pose;
}

template <class V>
SINEW_INLINE void store_poses(const Pose<Columns<V>>& pose, ScalarOf<V>* poses) {
  const V zero = V{}, one = broadcast<V>(1);
  const V rows[16] = {pose.x.v[0], pose.y.v[0], pose.z.v[0], pose.p.v[0], pose.x.v[1], pose.y.v[1], pose.z.v[1], pose.p.v[1],
                      pose.x.v[2], pose.y.v[2], pose.z.v[2], pose.p.v[2], zero,        zero,        zero,        one};
  store_tile(rows, 16, poses, 16);
}

/// `J [6, dof]` of vectors.
template <class V>
SINEW_INLINE void lane_jacobian(const KernelProgram<ScalarOf<V>>& program, const LaneAxis<V>* axes, const Columns<V>& tip, V* J) {
  const int dof = program.dof;
  if (program.all_plain == 0) {
    for (int i = 0; i < 6 * dof; ++i) J[i] = V{};
  }
  for (int i = 0; i < program.count; ++i) {
    const KernelSegment<ScalarOf<V>>& segment = program.segments[i];
    const Columns<V>& axis = axes[i].axis;
    V* column = J + segment.variable;
    if (program.all_plain != 0) {
      const Columns<V> linear = cross(axis, tip - axes[i].origin);
      for (int row = 0; row < 3; ++row) {
        column[row * dof] = linear.v[row];
        column[(row + 3) * dof] = axis.v[row];
      }
      continue;
    }
    Columns<V> linear = axis * segment.multiplier, angular = linear;
    if (segment.prismatic != 0) {
      angular = Columns<V>{};
    } else {
      linear = cross(axis, tip - axes[i].origin) * segment.multiplier;
    }
    for (int row = 0; row < 3; ++row) {
      column[row * dof] = column[row * dof] + linear.v[row];
      column[(row + 3) * dof] = column[(row + 3) * dof] + angular.v[row];
    }
  }
}

template <class V, bool kJacobian>
SINEW_INLINE void run_tile(const KernelProgram<ScalarOf<V>>& program, const ScalarOf<V>* q, ScalarOf<V>* poses, ScalarOf<V>* J) {
  V columns[kMostSegments + kWidth<V>];
  load_tile(q, program.dof, program.dof, columns);
  if constexpr (kJacobian) {
    LaneAxis<V> axes[kMostSegments];
    const Pose<Columns<V>> pose = run_lanes<V, true>(program, columns, axes);
    store_poses(pose, poses);
    V lanes[6 * kMostSegments];
    lane_jacobian(program, axes, pose.p, lanes);
    store_tile(lanes, 6 * program.dof, J, 6 * program.dof);
  } else {
    store_poses(run_lanes<V, false>(program, columns, nullptr), poses);
  }
}

template <class V, bool kJacobian>
void run_batch(const KernelProgram<ScalarOf<V>>& program, const ScalarOf<V>* q, std::size_t count, ScalarOf<V>* poses, ScalarOf<V>* J) {
  using Scalar = ScalarOf<V>;
  constexpr std::size_t kLanes = kWidth<V>;
  const std::size_t dof = static_cast<std::size_t>(program.dof);
  const std::size_t padded = (dof + kLanes - 1) / kLanes * kLanes;  // what load_tile reads of the last row
  std::size_t n = 0;
  for (; n + kLanes <= count && (n + kLanes - 1) * dof + padded <= count * dof; n += kLanes)
    run_tile<V, kJacobian>(program, q + n * dof, poses + n * 16, kJacobian ? J + n * 6 * dof : nullptr);
  // The rest through buffers, so that nothing is read behind the end.
  Scalar q_rest[(kMostSegments + 1) * kLanes] = {}, poses_rest[16 * kLanes], J_rest[kJacobian ? 6 * kMostSegments * kLanes : 1];
  while (n < count) {
    const std::size_t rest = count - n < kLanes ? count - n : kLanes;
    std::memcpy(q_rest, q + n * dof, rest * dof * sizeof(Scalar));
    run_tile<V, kJacobian>(program, q_rest, poses_rest, J_rest);
    std::memcpy(poses + n * 16, poses_rest, rest * 16 * sizeof(Scalar));
    if constexpr (kJacobian) std::memcpy(J + n * 6 * dof, J_rest, rest * 6 * dof * sizeof(Scalar));
    n += rest;
  }
}

template <class V>
void forward_many(const KernelProgram<ScalarOf<V>>& program, const ScalarOf<V>* q, std::size_t count, ScalarOf<V>* poses) {
  run_batch<V, false>(program, q, count, poses, nullptr);
}

template <class V>
void jacobian_many(const KernelProgram<ScalarOf<V>>& program, const ScalarOf<V>* q, std::size_t count, ScalarOf<V>* poses, ScalarOf<V>* J) {
  run_batch<V, true>(program, q, count, poses, J);
}

/// About or along an axis that is none of x, y, z (Rodrigues).
SINEW_INLINE void turn_about(Pose<Column>& pose, const double* a, double cosine, double sine) {
  const double v = 1.0 - cosine;
  const double R[9] = {fma(a[0] * a[0], v, cosine),         fma(a[0] * a[1], v, a[2] * sine),    fma(a[0] * a[2], v, -(a[1] * sine)),
                       fma(a[0] * a[1], v, -(a[2] * sine)), fma(a[1] * a[1], v, cosine),         fma(a[1] * a[2], v, a[0] * sine),
                       fma(a[0] * a[2], v, a[1] * sine),    fma(a[1] * a[2], v, -(a[0] * sine)), fma(a[2] * a[2], v, cosine)};
  turn(pose, R);
}

void frames_one(const KernelFrames& frames, const double* q, double* out) {
  Motions<kMostFrameJoints> motions;
  for (int i = 0; i < frames.revolute; ++i) motions.position[i] = fma(frames.multipliers[i], q[frames.variables[i]], frames.offsets[i]);
  for (int i = frames.revolute; i % kWidth<Doubles> != 0; ++i) motions.position[i] = 0;
  sincos_padded(motions, frames.revolute);
  alignas(64) double between[16 * (kMostFrameJoints + 1)];  // poses that nobody asked for
  constexpr double kIdentity[16] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  std::memcpy(between, kIdentity, sizeof kIdentity);
  const auto place = [&](std::int32_t index) { return index >= 0 ? out + 16 * index : between + 16 * (-1 - index); };
  for (int i = 0; i < frames.count; ++i) {
    const KernelFrame& step = frames.steps[i];
    const double* parent = place(step.parent);
    Pose<Column> pose = {{load<Double4>(parent)}, {load<Double4>(parent + 4)}, {load<Double4>(parent + 8)}, {load<Double4>(parent + 12)}};
    translate(pose, step.translation, step.moves);
    if (step.turns != 0) turn(pose, step.rotation);
    if (step.variable >= 0 && step.prismatic != 0) {
      const double position = fma(step.multiplier, q[step.variable], step.offset);
      const double along[3] = {step.axis[0] * position, step.axis[1] * position, step.axis[2] * position};
      translate(pose, along, 7);
    } else if (step.variable >= 0) {
      const double cosine = motions.cosine[step.position], sine = motions.sine[step.position];
      switch (step.axis_index) {
        case 0: rotate(pose.y, pose.z, cosine, sine); break;
        case 1: rotate(pose.z, pose.x, cosine, sine); break;
        case 2: rotate(pose.x, pose.y, cosine, sine); break;
        default: turn_about(pose, step.axis, cosine, sine);
      }
    }
    write_pose(pose, place(step.output));
  }
}
