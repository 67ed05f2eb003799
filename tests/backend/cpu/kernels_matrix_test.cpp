// SPDX-License-Identifier: Apache-2.0
// Matrix products of every instruction set that this processor runs, against plain loops in double.
#include "../../../src/backend/cpu/kernels/matrix.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "guarded_page.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::detail;
using namespace sinew::testing;

namespace {

using Index = std::ptrdiff_t;
constexpr float kFiller = 12345;
constexpr double kUnit = 0x1p-24;  // half a unit in the last place of 1

float number(Random& random) { return static_cast<float>(random.uniform(-1, 1)); }

/// To the nearest brain float, ties to even; no NaN among the arguments.
std::uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}
float from_bf16(std::uint16_t value) { return std::bit_cast<float>(std::uint32_t{value} << 16); }

struct Shape {
  Index count, inputs, outputs, first, last;
  bool bias, accumulate, bf16;
};

/// Everything that a product reads, each in front of a page that must not be touched; the gaps between rows hold NaN.
struct Operands {
  Operands(const Shape& wanted, Random& random)
      : shape(wanted),
        row_stride(shape.inputs + static_cast<Index>(random.below(20))),
        out_stride(shape.outputs + static_cast<Index>(random.below(20))),
        panels((shape.outputs + kPanel - 1) / kPanel),
        rows_page(bytes(shape.count * row_stride)),
        bias_page(bytes(shape.outputs)),
        panel_page(bytes(panels * kPanel * (shape.inputs + kPairBlock))),
        out_page(bytes(shape.count * out_stride)) {
    // The last row ends with its last input.
    rows = rows_page.last<float>(static_cast<std::size_t>(shape.count > 0 ? (shape.count - 1) * row_stride + shape.inputs : 0)).data();
    for (Index r = 0; r < shape.count; ++r)
      for (Index i = 0; i < (r + 1 < shape.count ? row_stride : shape.inputs); ++i)
        rows[r * row_stride + i] = i < shape.inputs ? number(random) : std::numeric_limits<float>::quiet_NaN();
    bias = bias_page.last<float>(static_cast<std::size_t>(shape.outputs)).data();
    for (Index j = 0; j < shape.outputs; ++j) bias[j] = number(random);
    weights.resize(static_cast<std::size_t>(shape.outputs * shape.inputs));
    for (float& weight : weights) weight = shape.bf16 ? from_bf16(to_bf16(number(random))) : number(random);
    fill_panels();
    out = out_page.last<float>(static_cast<std::size_t>(shape.count > 0 ? (shape.count - 1) * out_stride + shape.outputs : 0)).data();
    fill_out();
  }

  static std::size_t bytes(Index floats) { return static_cast<std::size_t>(floats) * sizeof(float) + 4096; }
  Index place(Index j, Index i) const {
    if (!shape.bf16) return (j / kPanel * shape.inputs + i) * kPanel + j % kPanel;
    const Index padded = (shape.inputs + kPairBlock - 1) / kPairBlock * kPairBlock;
    return (j / kPanel * padded + i / 2 * 2) * kPanel + j % kPanel * 2 + i % 2;
  }
  void fill_panels() {
    const Index padded = shape.bf16 ? (shape.inputs + kPairBlock - 1) / kPairBlock * kPairBlock : shape.inputs;
    const auto elements = static_cast<std::size_t>(panels * kPanel * padded);
    // Whole panels are multiples of 64 bytes, so that their start is aligned.
    if (shape.bf16) {
      data = panel_page.last<std::uint16_t>(elements).data();
    } else {
      data = panel_page.last<float>(elements).data();
    }
    for (Index j = 0; j < shape.outputs; ++j)
      for (Index i = 0; i < shape.inputs; ++i) {
        const float weight = weights[static_cast<std::size_t>(j * shape.inputs + i)];
        if (shape.bf16)
          static_cast<std::uint16_t*>(data)[place(j, i)] = to_bf16(weight);
        else
          static_cast<float*>(data)[place(j, i)] = weight;
      }
  }
  void fill_out() {
    for (Index r = 0; r < shape.count; ++r)
      for (Index j = 0; j < (r + 1 < shape.count ? out_stride : shape.outputs); ++j) out[r * out_stride + j] = kFiller;
  }
  MatrixProduct product() const {
    return {rows,
            row_stride,
            nullptr,
            shape.count,
            {data, shape.outputs, shape.inputs},
            shape.first,
            shape.last,
            shape.bias ? bias : nullptr,
            shape.accumulate,
            out,
            out_stride};
  }

  Shape shape;
  Index row_stride, out_stride, panels;
  GuardedPage rows_page, bias_page, panel_page, out_page;
  float *rows, *bias, *out;
  void* data;
  std::vector<float> weights;
};

/// Compares one element with a sum in double. `rounded`: the rows were rounded to brain floats.
bool agrees(const Operands& o, Index r, Index j, bool rounded) {
  double sum = o.shape.bias ? o.bias[j] : 0, size = std::abs(sum);
  for (Index i = 0; i < o.shape.inputs; ++i) {
    const float row = o.rows[r * o.row_stride + i];
    const double term = double{rounded ? from_bf16(to_bf16(row)) : row} * o.weights[static_cast<std::size_t>(j * o.shape.inputs + i)];
    sum += term;
    size += std::abs(term);
  }
  if (o.shape.accumulate) {
    sum += kFiller;
    size += kFiller;
  }
  // Each of `inputs + 2` roundings is of a partial sum, none larger than the sum of the sizes.
  return std::abs(o.out[r * o.out_stride + j] - sum) <= static_cast<double>(o.shape.inputs + 4) * kUnit * size;
}

void run(const MatrixKernels& kernels, const Operands& operands) {
  MatrixProduct product = operands.product();
  if (!operands.shape.bf16) return kernels.product_f32(product);
  const std::size_t bytes = kernels.prepared_bytes(product.count, product.weight.inputs);
  REQUIRE(bytes % 64 == 0);
  GuardedPage page(bytes);
  void* prepared = page.last<std::byte>(bytes).data();
  std::memset(prepared, 0xff, bytes);  // NaN
  kernels.prepare_rows(product.rows, product.row_stride, product.count, product.weight.inputs, prepared);
  product.prepared = prepared;
  product.rows = nullptr;
  kernels.product_bf16(product);
}

void check_product(Isa isa, const Shape& shape, Random& random) {
  INFO(std::string(to_string(isa)), std::string(shape.bf16 ? " bf16" : " f32"), " count ", shape.count, " inputs ", shape.inputs,
       " outputs ", shape.outputs, " panels ", shape.first, " ", shape.last, " bias ", shape.bias, " accumulate ", shape.accumulate);
  const Operands operands(shape, random);
  run(matrix_kernels(isa), operands);
  bool right = true, untouched = true;
  for (Index r = 0; r < shape.count; ++r)
    for (Index j = 0; j < (r + 1 < shape.count ? operands.out_stride : shape.outputs); ++j)
      if (j >= shape.first * kPanel && j < std::min(shape.last * kPanel, shape.outputs))
        right = right && agrees(operands, r, j, shape.bf16 && isa >= Isa::v4_bf16);
      else
        untouched = untouched && operands.out[r * operands.out_stride + j] == kFiller;
  CHECK(right);
  CHECK(untouched);
}

}  // namespace

TEST_CASE("matrix kernels: sixteen rows lie beside each other, bit by bit") {
  Random random(101);
  for (const Isa isa : available_isas())
    for (Index rows = 0; rows <= kPanel; ++rows)
      for (const Index columns : {0, 1, 3, 4, 7, 16, 33, 50}) {
        INFO(std::string(to_string(isa)), " rows ", rows, " columns ", columns);
        const Index stride = columns + static_cast<Index>(random.below(5));
        const std::size_t from_count = static_cast<std::size_t>(rows > 0 ? (rows - 1) * stride + columns : 0),
                          count = static_cast<std::size_t>(columns * kPanel);
        GuardedPage from_page(from_count * 4), panel_page(count * 4);
        const auto from = from_page.last<std::uint32_t>(from_count), panel = panel_page.last<std::uint32_t>(count);
        for (auto& word : from) word = static_cast<std::uint32_t>(random.bits());
        matrix_kernels(isa).transpose(from.data(), stride, rows, columns, panel.data());
        bool right = true;
        for (Index i = 0; i < columns; ++i)
          for (Index j = 0; j < kPanel; ++j)
            right =
                right && panel[static_cast<std::size_t>(i * kPanel + j)] == (j < rows ? from[static_cast<std::size_t>(j * stride + i)] : 0);
        CHECK(right);
      }
}

TEST_CASE("matrix kernels: products of all row counts agree with sums in double") {
  Random random(102);
  for (const Isa isa : available_isas())
    for (const bool bf16 : {false, true})
      for (Index count = 0; count <= 40; ++count) {
        const auto outputs = static_cast<Index>(1 + random.below(100)), panels = (outputs + kPanel - 1) / kPanel;
        const auto first = static_cast<Index>(random.below(static_cast<std::uint64_t>(panels)));
        const auto last = first + static_cast<Index>(random.below(static_cast<std::uint64_t>(panels - first + 1)));
        const auto inputs = static_cast<Index>(random.below(count % 8 == 0 ? 1300 : 90));
        check_product(isa, {count, inputs, outputs, first, last, random.below(2) == 0, random.below(3) == 0, bf16}, random);
      }
}

TEST_CASE("matrix kernels: products of large and of degenerate shapes") {
  Random random(103);
  for (const Isa isa : available_isas())
    for (const bool bf16 : {false, true}) {
      for (const Index count : {1, 3, 4, 5, 37}) check_product(isa, {count, 0, 20, 0, 2, true, count == 3, bf16}, random);
      check_product(isa, {150, 600, 40, 0, 3, true, false, bf16}, random);
      check_product(isa, {229, 33, 50, 1, 4, true, true, bf16}, random);
      check_product(isa, {4, 9000, 17, 0, 2, true, false, bf16}, random);
      check_product(isa, {1, 9001, 130, 0, 9, false, true, bf16}, random);
      for (const Index inputs : {1, 31, 130, 257})
        check_product(isa, {64 + inputs, inputs, 83, 1, 6, inputs > 100, inputs % 2 == 0, bf16}, random);
      check_product(isa, {520, 40, 16, 0, 1, true, true, bf16}, random);
    }
}

TEST_CASE("matrix kernels: a product in parts has the bits of the whole") {
  Random random(105);
  for (const Isa isa : available_isas())
    for (const bool bf16 : {false, true})
      for (const Index count : {1, 3, 14, 64, 90}) {
        INFO(std::string(to_string(isa)), std::string(bf16 ? " bf16" : " f32"), " count ", count);
        Operands operands({count, 300, 150, 0, 10, true, false, bf16}, random);
        run(matrix_kernels(isa), operands);
        const std::vector<float> whole(operands.out, operands.out + (count - 1) * operands.out_stride + 150);
        operands.fill_out();
        for (const Index first : {0, 3, 4, 9}) {
          operands.shape.first = first;
          operands.shape.last = first == 0 ? 3 : first == 3 ? 4 : first == 4 ? 9 : 10;
          run(matrix_kernels(isa), operands);
        }
        CHECK(std::memcmp(whole.data(), operands.out, whole.size() * sizeof(float)) == 0);
      }
}

TEST_CASE("matrix kernels: what is not finite in a row stays in its row") {
  Random random(104);
  for (const Isa isa : available_isas())
    for (const bool bf16 : {false, true})
      for (const Index count : {2, 5, 33, 100}) {
        INFO(std::string(to_string(isa)), std::string(bf16 ? " bf16" : " f32"), " count ", count);
        const Operands operands({count, 37, 21, 0, 2, true, false, bf16}, random);
        const auto bad = static_cast<Index>(random.below(static_cast<std::uint64_t>(count)));
        operands.rows[bad * operands.row_stride + 5] = std::numeric_limits<float>::quiet_NaN();
        run(matrix_kernels(isa), operands);
        bool right = true;
        for (Index r = 0; r < count; ++r)
          for (Index j = 0; j < 21; ++j) right = right && std::isnan(operands.out[r * operands.out_stride + j]) == (r == bad);
        CHECK(right);
      }
}
