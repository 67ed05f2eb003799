// SPDX-License-Identifier: Apache-2.0
// Convolutions over images whose channels are last: pixels of a line take the part of rows in a product, as they lie in the image. A block
// keeps its sums in registers through the whole window, so that nothing is packed or added up in memory.

#if defined(__AVX512BF16__)
using ImageWeights = PairProducts;
constexpr Index kImageBytes = 2;
#else
using ImageWeights = PairWeights;
constexpr Index kImageBytes = 4;
#endif

/// Neighbouring pixels of a line; distances in words of the image.
struct PixelBlock {
  const float* image;  ///< the first pixel's window
  Index line;          ///< from one line of the window to the next
  Index step;          ///< from pixel to pixel
  Index pixel;         ///< of the result: the first
};

template <int Rows, int Across>
SINEW_INLINE void finish_pixels(const ConvolutionRows& c, const PixelBlock& block, Index column, const FloatLanes (&sums)[Rows][Across]) {
#pragma GCC unroll 16
  for (int v = 0; v < Across; ++v) {
    const Index first = column + v * kLanes<float>, left = c.weight.outputs - first;
    if (left <= 0) return;
    const int count = left < kLanes<float> ? static_cast<int>(left) : kLanes<float>;
    const FloatLanes bias = c.bias ? load(c.bias + first, count) : FloatLanes{};
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const Index at = (block.pixel + r) * c.weight.outputs + first;
      FloatLanes sum = sums[r][v] + bias;
      if (c.residual) sum += load(c.residual + at, count);
      store(c.out + at, c.relu ? greater(0, sum) : sum, count);
    }
  }
}

template <class Weights, int Rows, int Panels>
void multiply_pixels(const ConvolutionRows& c, const PixelBlock& block, Index panel) {
  constexpr int kAcross = Panels * kVectors, kBases = (Rows + 2) / 3;  // a base for three pixels: addresses reach one and two steps on
  const Index stride = Weights::padded(c.weight.inputs) * kPanel, step = block.step;
  const auto* weights = static_cast<const typename Weights::Element*>(c.weight.data) + panel * stride;
  FloatLanes sums[Rows][kAcross] = {};
  for (Index k = 0; k < c.window; ++k) {
    const float* bases[kBases];
#pragma GCC unroll 8
    for (int b = 0; b < kBases; ++b) bases[b] = block.image + k * block.line + 3 * b * step;
    for (Index i = 0; i < c.depth; i += Weights::kInputs) {
      FloatLanes lanes[Panels][Weights::kWords][kVectors];
#pragma GCC unroll 4
      for (int p = 0; p < Panels; ++p) Weights::load(weights + p * stride, lanes[p]);
#pragma GCC unroll 2
      for (int word = 0; word < Weights::kWords; ++word)
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r) {
          const FloatLanes row = every_lane(bases[r / 3][r % 3 * step + word]);
#pragma GCC unroll 16
          for (int v = 0; v < kAcross; ++v) sums[r][v] = Weights::multiply(row, lanes[v / kVectors][word][v % kVectors], sums[r][v]);
        }
#pragma GCC unroll 8
      for (int b = 0; b < kBases; ++b) bases[b] += Weights::kWords;
      weights += Weights::kInputs * kPanel;
    }
  }
  finish_pixels<Rows, kAcross>(c, block, panel * kPanel, sums);
}

/// The block of so many pixels, at most Rows.
template <class Weights, int Panels, int Rows = kBlockRows>
inline void run_pixels(Index pixels, const ConvolutionRows& c, const PixelBlock& block, Index panel) {
  if constexpr (Rows > 1)
    if (pixels < Rows) return run_pixels<Weights, Panels, Rows - 1>(pixels, c, block, panel);
  multiply_pixels<Weights, Rows, Panels>(c, block, panel);
}

template <class Weights>
void convolve(const ConvolutionRows& c) {
  const auto words = [](Index elements) { return elements / Weights::kInputs * Weights::kWords; };
  const Index blocks = block_count(c.columns), line = words(c.line), step = words(c.step);
  const auto* image = static_cast<const float*>(c.image);
  for (Index panel = c.first; panel < c.last; panel += kBlockPanels)
    for (Index y = 0; y < c.lines; ++y)
      for (Index b = 0; b < blocks; ++b) {
        const Index x = block_start(c.columns, b), pixels = block_start(c.columns, b + 1) - x;
        const PixelBlock block = {image + y * c.line_step * line + x * step, line, step, y * c.columns + x};
        if (panel + kBlockPanels <= c.last)
          run_pixels<Weights, kBlockPanels>(pixels, c, block, panel);
        else
          run_pixels<Weights, 1>(pixels, c, block, panel);
      }
}

void convolution_f32(const ConvolutionRows& c) { convolve<FloatWeights>(c); }
void convolution_bf16(const ConvolutionRows& c) { convolve<ImageWeights>(c); }
