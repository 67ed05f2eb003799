// SPDX-License-Identifier: Apache-2.0
// Norms, activations and element-wise work. (First, plain version.)
void norm_row(const float* x, Index width, float eps, float& mean, float& factor) {
  float sum = 0, squares = 0;
  for (Index i = 0; i < width; ++i) sum += x[i];
  mean = sum / static_cast<float>(width);
  for (Index i = 0; i < width; ++i) squares += (x[i] - mean) * (x[i] - mean);
  factor = 1 / __builtin_sqrtf(squares / static_cast<float>(width) + eps);
}
void layer_norm(const float* x, Index stride, Index rows, Index width, const float* weight, const float* bias, float eps, float* out) {
  for (Index r = 0; r < rows; ++r) {
    float mean, factor;
    norm_row(x + r * stride, width, eps, mean, factor);
    for (Index i = 0; i < width; ++i)
      out[r * width + i] = (x[r * stride + i] - mean) * factor * (weight ? weight[i] : 1) + (bias ? bias[i] : 0);
  }
}
void modulated_norm(const float* x, Index stride, Index rows, Index width, const float* scale, const float* shift, float eps, float* out) {
  for (Index r = 0; r < rows; ++r) {
    float mean, factor;
    norm_row(x + r * stride, width, eps, mean, factor);
    for (Index i = 0; i < width; ++i) out[r * width + i] = (x[r * stride + i] - mean) * factor * (1 + scale[i]) + shift[i];
  }
}
void rms_norm(const float* x, Index stride, Index rows, Index width, const float* weight, float eps, float* out, Index out_stride) {
  for (Index r = 0; r < rows; ++r) {
    float squares = 0;
    for (Index i = 0; i < width; ++i) squares += x[r * stride + i] * x[r * stride + i];
    const float factor = 1 / __builtin_sqrtf(squares / static_cast<float>(width) + eps);
    for (Index i = 0; i < width; ++i) out[r * out_stride + i] = x[r * stride + i] * factor * weight[i];
  }
}
void rotary(const RotaryRows& r) {
  const Index half = r.rotary / 2;
  for (Index t = 0; t < r.tokens; ++t)
    for (Index h = 0; h < r.heads; ++h) {
      const float* x = r.x + t * r.token_stride + h * r.head_stride;
      const float *c = r.cos + t * r.rotary, *s = r.sin + t * r.rotary;
      float* out = r.out + (t * r.heads + h) * r.dim;
      for (Index j = 0; j < half; ++j) {
        out[j] = x[j] * c[j] - x[j + half] * s[j];
        out[j + half] = x[j + half] * c[j + half] + x[j] * s[j + half];
      }
      for (Index j = r.rotary; j < r.dim; ++j) out[j] = x[j];
    }
}
inline float sigmoid1(float x) { return 1 / (1 + exp1(-x)); }
void relu(const float* x, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = x[i] > 0 ? x[i] : 0;
}
void silu(const float* x, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = x[i] * sigmoid1(x[i]);
}
void sigmoid(const float* x, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = sigmoid1(x[i]);
}
void tanh(const float* x, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = __builtin_tanhf(x[i]);
}
void gelu(const float* x, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = 0.5F * x[i] * (1 + __builtin_erff(x[i] * 0.70710678F));
}
void gelu_tanh(const float* x, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = 0.5F * x[i] * (1 + __builtin_tanhf(0.79788456F * (x[i] + 0.044715F * x[i] * x[i] * x[i])));
}
void silu_mul(const float* gate, Index gate_stride, const float* up, Index up_stride, Index rows, Index width, float* out) {
  for (Index r = 0; r < rows; ++r)
    for (Index i = 0; i < width; ++i) {
      const float g = gate[r * gate_stride + i];
      out[r * width + i] = g * sigmoid1(g) * up[r * up_stride + i];
    }
}
void add(const float* x, std::size_t n, float* into) {
  for (std::size_t i = 0; i < n; ++i) into[i] += x[i];
}
void multiply(const float* x, const float* y, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = x[i] * y[i];
}
void combine(float a, const float* x, float b, const float* y, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = a * x[i] + b * y[i];
}
void narrow_bf16(const float* x, std::size_t n, std::uint16_t* out) {
  for (std::size_t i = 0; i < n; ++i) {
    std::uint32_t bits;
    __builtin_memcpy(&bits, x + i, 4);
    out[i] = (bits & 0x7fffffffU) > 0x7f800000U ? static_cast<std::uint16_t>((bits >> 16) | 0x40U)
                                                : static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
  }
}
