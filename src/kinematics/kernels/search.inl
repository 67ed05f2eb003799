// SPDX-License-Identifier: Apache-2.0
// One iteration of eight inverse-kinematics searches: errors, and a damped least-squares step in the dual 6 x 6 form with the damping
// proportional to the residual (Sugihara 2011), joints at a limit that would leave it taken out before solving.

/// Damping = share * |e|^2 + floor, with e in units of an arm's length and rad.
constexpr double kDampingShare = 1e-2;
constexpr double kDampingFloor = 1e-8;
/// Largest step towards the posture, rad or m, per joint and iteration: keeps the linearisation honest.
constexpr double kPostureStep = 0.3;

template <class V>
struct SearchError {
  V e[6];                ///< weighted: position, rotation
  V squared_position;    ///< m^2
  V squared_chord;       ///< (2 sin(angle / 2))^2
  IntegerOf<V> forward;  ///< the angle is below a right angle: what the chord alone cannot tell
  Columns<V> axis;       ///< base axes; of axis_only
};

template <class V>
SINEW_INLINE V dot(const Columns<V>& a, const Columns<V>& b) {
  return fma(a.v[2], b.v[2], fma(a.v[1], b.v[1], a.v[0] * b.v[0]));
}
template <class V>
SINEW_INLINE Columns<V> operator+(const Columns<V>& a, const Columns<V>& b) {
  return {a.v[0] + b.v[0], a.v[1] + b.v[1], a.v[2] + b.v[2]};
}

template <class V>
SINEW_INLINE SearchError<V> search_error(const KernelTask& task, const Pose<Columns<V>>& tip, const double* target) {
  constexpr int kStride = KernelSearch::kLanes;
  const auto column = [&](int i) {
    const double* at = target + 3 * i * kStride;
    return Columns<V>{load<V>(at), load<V>(at + kStride), load<V>(at + 2 * kStride)};
  };
  SearchError<V> error;
  const Columns<V> position = column(3) - tip.p;
  error.squared_position = dot(position, position);
  Columns<V> turn = {};  // 2 sin(angle) about the axis
  V base;                // (2 cos(angle / 2))^2
  if (task.axis_only != 0) {
    error.axis = fma(tip.z, broadcast<V>(task.axis[2]), fma(tip.y, broadcast<V>(task.axis[1]), tip.x * task.axis[0]));
    const Columns<V> wanted =
        fma(column(2), broadcast<V>(task.axis[2]), fma(column(1), broadcast<V>(task.axis[1]), column(0) * task.axis[0]));
    turn = cross(error.axis, wanted) * 2.0;
    base = fma(dot(error.axis, wanted), broadcast<V>(2.0), broadcast<V>(2.0));
  } else {
    turn = cross(tip.x, column(0)) + cross(tip.y, column(1)) + cross(tip.z, column(2));
    base = dot(tip.x, column(0)) + dot(tip.y, column(1)) + dot(tip.z, column(2)) + 1.0;
  }
  turn = turn * (1.0 / square_root(maximum(base, broadcast<V>(1e-6))));
  error.squared_chord = dot(turn, turn);
  error.forward = base > 2.0;
  for (int i = 0; i < 3; ++i) {
    error.e[i] = position.v[i] * task.position_weight;
    error.e[i + 3] = turn.v[i] * task.rotation_weight;
  }
  return error;
}

/// Weighted columns `[dof, 6]`, `kLanes` numbers apart.
template <class V>
SINEW_INLINE void search_jacobian(const KernelProgram<double>& program, const KernelTask& task, const LaneAxis<V>* axes,
                                  const Pose<Columns<V>>& tip, const Columns<V>& free_axis, double* J) {
  constexpr int kStride = KernelSearch::kLanes;
  if (program.all_plain == 0) {
    for (int i = 0; i < 6 * program.dof; ++i) store(J + i * kStride, V{});
  }
  for (int i = 0; i < program.count; ++i) {
    const KernelSegment<double>& segment = program.segments[i];
    Columns<V> linear = axes[i].axis, angular = linear;
    if (segment.prismatic != 0) {
      angular = Columns<V>{};
    } else {
      linear = cross(axes[i].axis, tip.p - axes[i].origin);
    }
    if (task.axis_only != 0) angular = fma(free_axis, -dot(free_axis, angular), angular);
    linear = linear * (task.position_weight * segment.multiplier);
    angular = angular * (task.rotation_weight * segment.multiplier);
    double* column = J + segment.variable * 6 * kStride;
    for (int row = 0; row < 3; ++row) {
      V first = linear.v[row], second = angular.v[row];
      if (program.all_plain == 0) {
        first = first + load<V>(column + row * kStride);
        second = second + load<V>(column + (row + 3) * kStride);
      }
      store(column + row * kStride, first);
      store(column + (row + 3) * kStride, second);
    }
  }
}

constexpr int triangle(int row, int column) { return row * (row + 1) / 2 + column; }

/// Solves A y = e for the lower triangle A, by Cholesky; A is overwritten.
template <class V>
SINEW_INLINE void solve_dual(V (&A)[21], const V (&e)[6], const V& floor, V (&y)[6]) {
  V inverse[6];
#pragma GCC unroll 6
  for (int a = 0; a < 6; ++a) {
#pragma GCC unroll 6
    for (int b = 0; b < a; ++b) {
      V sum = A[triangle(a, b)];
#pragma GCC unroll 6
      for (int k = 0; k < b; ++k) sum = fma(-A[triangle(a, k)], A[triangle(b, k)], sum);
      A[triangle(a, b)] = sum * inverse[b];
    }
    V sum = A[triangle(a, a)];
#pragma GCC unroll 6
    for (int k = 0; k < a; ++k) sum = fma(-A[triangle(a, k)], A[triangle(a, k)], sum);
    inverse[a] = 1.0 / square_root(maximum(sum, floor));
  }
#pragma GCC unroll 6
  for (int a = 0; a < 6; ++a) {
    V sum = e[a];
#pragma GCC unroll 6
    for (int k = 0; k < a; ++k) sum = fma(-A[triangle(a, k)], y[k], sum);
    y[a] = sum * inverse[a];
  }
#pragma GCC unroll 6
  for (int a = 5; a >= 0; --a) {
    V sum = y[a];
#pragma GCC unroll 6
    for (int k = a + 1; k < 6; ++k) sum = fma(-A[triangle(k, a)], y[k], sum);
    y[a] = sum * inverse[a];
  }
}

/// The lanes from `lane` on, as many as V has. Bits of the result as for search_step.
template <class V>
SINEW_INLINE std::uint32_t search_group(const KernelProgram<double>& program, const KernelTask& task, const KernelSearch& search,
                                        int lane) {
  constexpr int kStride = KernelSearch::kLanes;
  const int dof = program.dof;
  V q[kMostSegments];
  for (int k = 0; k < dof; ++k) q[k] = load<V>(search.q + k * kStride + lane);
  LaneAxis<V> axes[kMostSegments];
  const Pose<Columns<V>> tip = run_lanes<V, true>(program, q, axes);
  const SearchError<V> error = search_error(task, tip, search.target + lane);
  double* J = search.jacobian + lane;
  search_jacobian(program, task, axes, tip, error.axis, J);

  V squared = error.e[0] * error.e[0];
  for (int i = 1; i < 6; ++i) squared = fma(error.e[i], error.e[i], squared);
  store(search.squared_error + lane, squared);
  const V damping = fma(squared, broadcast<V>(kDampingShare), broadcast<V>(kDampingFloor));

  V A[21], e[6];
  for (int a = 0; a < 6; ++a) {
    e[a] = error.e[a];
    for (int b = 0; b <= a; ++b) A[triangle(a, b)] = a == b ? damping : V{};
  }
  V pull[kMostSegments];
  for (int k = 0; k < dof; ++k) {
    double* column = J + k * 6 * kStride;
    V c[6], descent = V{};
    for (int i = 0; i < 6; ++i) {
      c[i] = load<V>(column + i * kStride);
      descent = fma(c[i], error.e[i], descent);
    }
    const IntegerOf<V> blocked =
        ((q[k] <= broadcast<V>(search.lower[k])) & (descent < V{})) | ((q[k] >= broadcast<V>(search.upper[k])) & (descent > V{}));
    for (int i = 0; i < 6; ++i) {
      c[i] = blocked ? V{} : c[i];
      store(column + i * kStride, c[i]);
    }
    if (search.posture != nullptr) {
      const V away = (search.posture[k] - q[k]) * load<V>(search.posture_gain + lane);
      const V step = minimum(maximum(away, broadcast<V>(-kPostureStep)), broadcast<V>(kPostureStep));
      pull[k] = blocked ? V{} : step;
      for (int i = 0; i < 6; ++i) e[i] = fma(-c[i], pull[k], e[i]);
    }
    for (int a = 0; a < 6; ++a) {
      for (int b = 0; b <= a; ++b) A[triangle(a, b)] = fma(c[a], c[b], A[triangle(a, b)]);
    }
  }
  V y[6];
  solve_dual(A, e, damping * 0.5, y);
  for (int k = 0; k < dof; ++k) {
    const double* column = J + k * 6 * kStride;
    V move = search.posture != nullptr ? pull[k] : V{};
    for (int i = 0; i < 6; ++i) move = fma(load<V>(column + i * kStride), y[i], move);
    const V next = minimum(maximum(q[k] + move, broadcast<V>(search.lower[k])), broadcast<V>(search.upper[k]));
    store(search.next + k * kStride + lane, next);
  }
  IntegerOf<V> within = error.squared_position <= task.squared_position_tolerance;
  if (task.rotation_weight != 0) within &= (error.squared_chord <= task.squared_chord_tolerance) & error.forward;
  return mask_bits(within) << lane;
}

std::uint32_t search_step(const KernelProgram<double>& program, const KernelTask& task, const KernelSearch& search) {
#if defined(__AVX512F__)
  // A seed alone fills half a register as well as a whole one, and most processors run those at twice the rate.
  if (search.lanes < 1u << kWidth<Double4>) return search_group<Double4>(program, task, search, 0) & search.lanes;
#endif
  std::uint32_t within = 0;
  for (int lane = 0; lane < KernelSearch::kLanes; lane += kWidth<Doubles>) {
    if ((search.lanes >> lane & ((1u << kWidth<Doubles>)-1u)) != 0) within |= search_group<Doubles>(program, task, search, lane);
  }
  return within & search.lanes;
}
