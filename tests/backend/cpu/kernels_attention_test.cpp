// SPDX-License-Identifier: Apache-2.0
// Attention of every instruction set that this processor runs, against plain loops in double.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "../../../src/backend/cpu/kernels/matrix.hpp"
#include "guarded_page.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::detail;
using namespace sinew::testing;

namespace {

using Index = std::ptrdiff_t;
constexpr float kFiller = 12345;
constexpr double kUnit = 0x1p-24;  // half a unit in the last place of 1
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Shape {
  Index heads, queries, keys, dim;
  bool causal;
  Index offset;
  Index masked;  ///< of ten keys, so many are invalid; -1: no mask
};

/// `rows` rows of `width` numbers in front of a page that must not be touched; NaN, or what is given, in the gaps between them.
struct Rows {
  Rows(Index count, Index row_width, Random& random, float gap = kNan)
      : rows(count), width(row_width), stride(width + static_cast<Index>(random.below(20))), page(size() * sizeof(float)) {
    const auto all = page.last<float>(size());
    std::fill(all.begin(), all.end(), gap);
    data = all.data();
    for (Index r = 0; r < rows; ++r)
      for (Index i = 0; i < width; ++i) data[r * stride + i] = static_cast<float>(random.uniform(-2, 2));
  }
  std::size_t size() const { return static_cast<std::size_t>(rows > 0 ? (rows - 1) * stride + width : 0); }

  Index rows, width, stride;
  GuardedPage page;
  float* data;
};

struct Operands {
  Operands(const Shape& wanted, Random& random)
      : shape(wanted),
        q(shape.queries, shape.heads * shape.dim, random),  // heads side by side, as a projection leaves them
        k(shape.keys, shape.dim, random),
        v(shape.keys, shape.dim, random),
        out(shape.queries, shape.heads * shape.dim, random, kFiller),
        valid(static_cast<std::size_t>(shape.keys), 1) {
    if (shape.masked < 0) return;
    for (auto& flag : valid) flag = random.below(10) < static_cast<std::uint64_t>(shape.masked) ? 0 : 1;
    for (Index j = 0; j < shape.keys; ++j)
      if (!valid[static_cast<std::size_t>(j)]) k.data[j * k.stride] = v.data[j * v.stride + shape.dim - 1] = kNan;
  }
  AttentionHead head(void* scratch) const {
    return {.q = q.data,
            .k = k.data,
            .v = v.data,
            .out = out.data,
            .q_head_stride = shape.dim,
            .q_stride = q.stride,
            .k_stride = k.stride,
            .v_stride = v.stride,
            .out_head_stride = shape.dim,
            .out_stride = out.stride,
            .heads = shape.heads,
            .queries = shape.queries,
            .keys = shape.keys,
            .dim = shape.dim,
            .scale = scale(),
            .causal = shape.causal,
            .offset = shape.offset,
            .valid = shape.masked < 0 ? nullptr : valid.data(),
            .scratch = scratch};
  }
  float scale() const { return 1 / std::sqrt(static_cast<float>(shape.dim)); }
  bool sees(Index query, Index key) const {
    return (!shape.causal || key <= query + shape.offset) && valid[static_cast<std::size_t>(key)] != 0;
  }

  Shape shape;
  Rows q, k, v, out;
  std::vector<std::uint8_t> valid;
};

/// Compares the result of one query of one head.
bool agrees(const Operands& o, Index head, Index query) {
  const Index dim = o.shape.dim;
  const float* q = o.q.data + query * o.q.stride + head * dim;
  const float* out = o.out.data + query * o.out.stride + head * dim;
  std::vector<double> weights(static_cast<std::size_t>(o.shape.keys));
  double most = -std::numeric_limits<double>::infinity(), largest = 0, total = 0;
  for (Index j = 0; j < o.shape.keys; ++j) {
    if (!o.sees(query, j)) continue;
    double score = 0, size = 0;
    for (Index d = 0; d < dim; ++d) {
      score += double{q[d]} * o.k.data[j * o.k.stride + d];
      size += std::abs(double{q[d]} * o.k.data[j * o.k.stride + d]);
    }
    weights[static_cast<std::size_t>(j)] = score * o.scale();
    most = std::max(most, score * o.scale());
    largest = std::max(largest, size * o.scale());
  }
  for (Index j = 0; j < o.shape.keys; ++j)
    if (o.sees(query, j)) total += weights[static_cast<std::size_t>(j)] = std::exp(weights[static_cast<std::size_t>(j)] - most);
  for (Index d = 0; d < dim; ++d) {
    double expected = 0, size = 0;
    for (Index j = 0; j < o.shape.keys; ++j) {
      if (!o.sees(query, j)) continue;
      const double term = weights[static_cast<std::size_t>(j)] / total * o.v.data[j * o.v.stride + d];
      expected += term;
      size += std::abs(term);
    }
    // A score is off by `dim + 4` roundings of its largest partial sum, a weight by twice that (its own and the total's) and the
    // exponential; the sum over the keys adds a rounding each.
    const double bound = (2 * static_cast<double>(dim + 4) * largest + 2 * static_cast<double>(o.shape.keys) + 16) * kUnit * size;
    if (!(std::abs(out[d] - expected) <= bound)) return false;
  }
  return true;
}

void check_attention(Isa isa, const Shape& shape, Random& random) {
  INFO(std::string(to_string(isa)), " heads ", shape.heads, " queries ", shape.queries, " keys ", shape.keys, " dim ", shape.dim,
       " causal ", shape.causal, " offset ", shape.offset, " masked ", shape.masked);
  const Operands operands(shape, random);
  const std::size_t bytes = matrix_kernels(isa).attention_scratch(shape.heads, shape.queries, shape.keys, shape.dim);
  REQUIRE(bytes % 64 == 0);
  GuardedPage page(bytes);
  void* scratch = page.last<std::byte>(bytes).data();
  std::memset(scratch, 0xff, bytes);  // NaN
  matrix_kernels(isa).attention(operands.head(scratch));
  bool right = true, untouched = true;
  for (Index i = 0; i < shape.queries; ++i) {
    for (Index h = 0; h < shape.heads; ++h) right = right && agrees(operands, h, i);
    if (i + 1 < shape.queries)
      for (Index d = operands.out.width; d < operands.out.stride; ++d)
        untouched = untouched && operands.out.data[i * operands.out.stride + d] == kFiller;
  }
  CHECK(right);
  CHECK(untouched);
}

}  // namespace

TEST_CASE("attention kernels: agree with sums in double for all kinds of masks") {
  Random random(111);
  for (const Isa isa : available_isas())
    for (int round = 0; round < 60; ++round) {
      const auto upto = [&](std::uint64_t most) { return static_cast<Index>(1 + random.below(most)); };
      Shape shape = {upto(4), upto(40), upto(70), upto(90), round % 2 == 0, 0, round % 3 == 0 ? upto(9) : -1};
      if (round % 5 == 0) shape.queries = 1;
      if (round % 7 == 0) shape.dim = 64;
      shape.offset = static_cast<Index>(random.below(40)) - 10;
      check_attention(isa, shape, random);
    }
}

TEST_CASE("attention kernels: many keys, many heads, single queries") {
  Random random(112);
  for (const Isa isa : available_isas()) {
    check_attention(isa, {2, 30, 1300, 32, false, 0, -1}, random);
    check_attention(isa, {1, 600, 600, 16, true, 0, -1}, random);
    check_attention(isa, {2, 20, 1100, 40, true, 1080, 4}, random);
    check_attention(isa, {20, 1, 1025, 64, false, 0, -1}, random);
    check_attention(isa, {9, 2, 700, 72, true, 650, -1}, random);
    check_attention(isa, {1, 1, 1500, 128, false, 0, -1}, random);
    check_attention(isa, {1, 2, 530, 50, true, 528, 3}, random);
    check_attention(isa, {40, 3, 33, 48, true, 20, 5}, random);
  }
}

TEST_CASE("attention kernels: who sees nothing gets zeros") {
  Random random(113);
  for (const Isa isa : available_isas()) {
    check_attention(isa, {2, 5, 0, 24, false, 0, -1}, random);
    check_attention(isa, {2, 5, 20, 24, false, 0, 10}, random);
    check_attention(isa, {2, 25, 20, 24, true, -30, -1}, random);
    check_attention(isa, {3, 25, 20, 24, true, -12, -1}, random);
    check_attention(isa, {3, 0, 20, 24, true, 0, -1}, random);
  }
}

TEST_CASE("attention kernels: large scores neither overflow nor lose the order") {
  Random random(114);
  for (const Isa isa : available_isas()) {
    INFO(std::string(to_string(isa)));
    const Operands operands({1, 3, 600, 16, false, 0, -1}, random);
    for (Index i = 0; i < 3; ++i)
      for (Index d = 0; d < 16; ++d) operands.q.data[i * operands.q.stride + d] = 1e4F;
    for (Index d = 0; d < 16; ++d) operands.k.data[570 * operands.k.stride + d] = 1e4F;
    std::vector<float> scratch(matrix_kernels(isa).attention_scratch(1, 3, 600, 16) / sizeof(float) + 16);
    auto* aligned = reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(scratch.data()) + 63) / 64 * 64);
    matrix_kernels(isa).attention(operands.head(aligned));
    bool right = true;
    for (Index i = 0; i < 3; ++i)
      for (Index d = 0; d < 16; ++d)
        right = right && operands.out.data[i * operands.out.stride + d] == doctest::Approx(operands.v.data[570 * operands.v.stride + d]);
    CHECK(right);
  }
}
