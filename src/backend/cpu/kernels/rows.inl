// SPDX-License-Identifier: Apache-2.0
// Norms, rotations and activations of rows, and sums and products element by element.

/// step(i, part, k) for the vectors of a row; k = 0 to 3 in turn, so that four sums need not wait for each other. What is left has k = 0:
/// an index that varies would keep the sums out of the registers.
template <class Step>
SINEW_INLINE void for_four_parts(Index width, Step step) {
  constexpr Index kFour = 4 * kLanes<float>;
  Index i = 0;
  for (; i + kFour <= width; i += kFour)
    for (int k = 0; k < 4; ++k) step(i + k * kLanes<float>, Part<true>{}, k);
  for_parts(width - i, [&](Index j, auto part) { step(i + j, part, 0); });
}
SINEW_INLINE float sum_of_four(const FloatLanes (&sums)[4]) { return sum_of_lanes((sums[0] + sums[1]) + (sums[2] + sums[3])); }

struct NormRows {
  const float* x;
  Index stride, rows, width;
  float eps;
  float* out;
  Index out_stride;
};

/// y = (x - mean) * factor + offset.
struct NormOfRow {
  float mean, factor, offset;
};

/// The differences from the rounded mean are nearly exact, and their own mean corrects it: far rows lose no accuracy.
inline NormOfRow norm_of_row(const float* x, Index width, float eps) {
  const auto count = static_cast<float>(width);
  FloatLanes sums[4] = {}, squares[4] = {};
  for_four_parts(width, [&](Index i, auto part, int k) { sums[k] += part.get(x + i); });
  const float mean = sum_of_four(sums) / count;
  for (FloatLanes& sum : sums) sum = FloatLanes{};
  for_four_parts(width, [&](Index i, auto part, int k) {
    const FloatLanes difference = part.only(part.get(x + i) - mean);
    sums[k] += difference;
    squares[k] = fused(difference, difference, squares[k]);
  });
  const float rest = sum_of_four(sums) / count;
  const float variance = sum_of_four(squares) / count - rest * rest;
  const float factor = 1 / __builtin_sqrtf((variance < 0 ? 0 : variance) + eps);
  return {mean, factor, -rest * factor};
}

/// finish(y, i, part) makes the outputs of the normalised values y.
template <class Finish>
SINEW_INLINE void norm_rows(const NormRows& rows, Finish finish) {
  for (Index r = 0; r < rows.rows; ++r) {
    const float* x = rows.x + r * rows.stride;
    float* out = rows.out + r * rows.out_stride;
    const NormOfRow norm = norm_of_row(x, rows.width, rows.eps);
    const FloatLanes factor = broadcast<FloatLanes>(norm.factor), offset = broadcast<FloatLanes>(norm.offset);
    for_parts(rows.width,
              [&](Index i, auto part) { part.put(out + i, finish(fused(part.get(x + i) - norm.mean, factor, offset), i, part)); });
  }
}

void layer_norm(const float* x, Index stride, Index rows, Index width, const float* weight, const float* bias, float eps, float* out) {
  const NormRows all = {x, stride, rows, width, eps, out, width};
  if (weight != nullptr && bias != nullptr) {
    norm_rows(all, [&](FloatLanes y, Index i, auto part) { return fused(y, part.get(weight + i), part.get(bias + i)); });
  } else if (weight != nullptr) {
    norm_rows(all, [&](FloatLanes y, Index i, auto part) { return y * part.get(weight + i); });
  } else if (bias != nullptr) {
    norm_rows(all, [&](FloatLanes y, Index i, auto part) { return y + part.get(bias + i); });
  } else {
    norm_rows(all, [](FloatLanes y, Index, auto) { return y; });
  }
}

void modulated_norm(const float* x, Index stride, Index rows, Index width, const float* scale, const float* shift, float eps, float* out) {
  norm_rows({x, stride, rows, width, eps, out, width},
            [&](FloatLanes y, Index i, auto part) { return fused(y, 1 + part.get(scale + i), part.get(shift + i)); });
}

void rms_norm(const float* x, Index stride, Index rows, Index width, const float* weight, float eps, float* out, Index out_stride) {
  for (Index r = 0; r < rows; ++r, x += stride, out += out_stride) {
    FloatLanes squares[4] = {};
    for_four_parts(width, [&](Index i, auto part, int k) {
      const FloatLanes value = part.get(x + i);
      squares[k] = fused(value, value, squares[k]);
    });
    const float factor = 1 / __builtin_sqrtf(sum_of_four(squares) / static_cast<float>(width) + eps);
    for_parts(width, [&](Index i, auto part) { part.put(out + i, part.get(x + i) * factor * part.get(weight + i)); });
  }
}

void rotary(const RotaryRows& r) {
  const Index half = r.rotary / 2;
  for (Index t = 0; t < r.tokens; ++t)
    for (Index h = 0; h < r.heads; ++h) {
      const float *x = r.x + t * r.token_stride + h * r.head_stride, *y = x + half;
      const float *cos = r.cos + t * r.rotary, *sin = r.sin + t * r.rotary;
      float* out = r.out + (t * r.heads + h) * r.dim;
      for_parts(half, [&](Index j, auto part) {
        const FloatLanes first = part.get(x + j), second = part.get(y + j);
        part.put(out + j, fused(first, part.get(cos + j), -second * part.get(sin + j)));
        part.put(out + half + j, fused(second, part.get(cos + half + j), first * part.get(sin + half + j)));
      });
      for_parts(r.dim - r.rotary, [&](Index j, auto part) { part.put(out + r.rotary + j, part.get(x + r.rotary + j)); });
    }
}

template <class Function>
SINEW_INLINE void each(const float* x, std::size_t count, float* out) {
  for_packs(static_cast<Index>(count),
            [&](Index i, auto part) __attribute__((always_inline)) { part.put(out + i, Function::of(part.get(x + i))); });
}

struct Relu {
  template <class V>
  static SINEW_INLINE V of(const V& x) {
    return greater(0, x);
  }
};
struct Sigmoid {
  template <class V>
  static SINEW_INLINE V of(const V& x) {
    return gated(broadcast<V>(1), x);
  }
};
struct Silu {
  template <class V>
  static SINEW_INLINE V of(const V& x) {
    return gated(x, x);
  }
};
struct Tanh {
  template <class V>
  static SINEW_INLINE V of(const V& x) {
    return tanh_lanes(x);
  }
};
/// max(x, 0) - |x| / 2 erfc(|x| / sqrt 2): unlike the form with 1 + erf it does not cancel where x < 0.
struct Gelu {
  template <class V>
  static SINEW_INLINE V of(const V& x) {
    const V size = lesser(14, magnitude(x));  // far enough for a tail of 0; infinity times 0 would be NaN
    return fused(broadcast<V>(-0.5F) * size, gaussian_tail_lanes(size), greater(0, x));
  }
};
/// (1 + tanh u) / 2 is 1 / (1 + e^-2u), which does not cancel either.
struct GeluTanh {
  template <class V>
  static SINEW_INLINE V of(const V& x) {
    constexpr float kTwice = 1.595769122F;  // 2 sqrt(2 / pi)
    return gated(x, x * fused(x * x, broadcast<V>(0.044715F * kTwice), broadcast<V>(kTwice)));
  }
};

void relu(const float* x, std::size_t count, float* out) { each<Relu>(x, count, out); }
void silu(const float* x, std::size_t count, float* out) { each<Silu>(x, count, out); }
void sigmoid(const float* x, std::size_t count, float* out) { each<Sigmoid>(x, count, out); }
void tanh(const float* x, std::size_t count, float* out) { each<Tanh>(x, count, out); }
void gelu(const float* x, std::size_t count, float* out) { each<Gelu>(x, count, out); }
void gelu_tanh(const float* x, std::size_t count, float* out) { each<GeluTanh>(x, count, out); }

void silu_mul(const float* gate, Index gate_stride, const float* up, Index up_stride, Index rows, Index width, float* out) {
  for (Index r = 0; r < rows; ++r, gate += gate_stride, up += up_stride, out += width)
    for_packs(width, [&](Index i, auto part) __attribute__((always_inline)) {
      const auto value = part.get(gate + i);
      part.put(out + i, gated(value, value) * part.get(up + i));
    });
}

void add(const float* x, std::size_t count, float* into) {
  for_parts(static_cast<Index>(count), [&](Index i, auto part) { part.put(into + i, part.get(into + i) + part.get(x + i)); });
}
void larger(const float* x, std::size_t count, float* into) {
  for_parts(static_cast<Index>(count), [&](Index i, auto part) {
    const FloatLanes a = part.get(into + i), b = part.get(x + i);
    part.put(into + i, ((a > b) | (a != a)) ? a : b);
  });
}
void multiply(const float* x, const float* y, std::size_t count, float* out) {
  for_parts(static_cast<Index>(count), [&](Index i, auto part) { part.put(out + i, part.get(x + i) * part.get(y + i)); });
}
void combine(float a, const float* x, float b, const float* y, std::size_t count, float* out) {
  const FloatLanes factor = broadcast<FloatLanes>(a);
  for_parts(static_cast<Index>(count), [&](Index i, auto part) { part.put(out + i, fused(factor, part.get(x + i), b * part.get(y + i))); });
}

void weighted_rows(const float* const* rows, Index count, const float* weight, Index width, float* out) {
  for_parts(width, [&](Index i, auto part) {
    FloatLanes sum = {};
    for (Index j = 0; j < count; ++j) sum = fused(part.get(weight + j * width + i), part.get(rows[j] + i), sum);
    part.put(out + i, sum);
  });
}

/// Half of what is cut off is added first, less one bit when the rest would be even; a NaN is cut and kept from turning into infinity.
SINEW_INLINE HalfLanes narrowed(FloatLanes x) {
  typedef std::uint32_t BitLanes __attribute__((vector_size(kBytes)));
  const auto bits = (BitLanes)x;
  const BitLanes rounded = bits + 0x7fff + (bits >> 16 & 1);
  const BitLanes chosen = ((IntLanes)x & INT32_MAX) > 0x7f800000 ? (bits | 0x400000) : rounded;
  return __builtin_convertvector(chosen >> 16, HalfLanes);
}
void narrow_bf16(const float* x, std::size_t count, std::uint16_t* out) {
  for_parts(static_cast<Index>(count), [&](Index i, auto part) { part.put(out + i, narrowed(part.get(x + i))); });
}
