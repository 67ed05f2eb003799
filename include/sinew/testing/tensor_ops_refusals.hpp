// SPDX-License-Identifier: Apache-2.0
// What every backend must refuse with an Error, and what is left as it was then.
#pragma once

#include <vector>

#include "sinew/testing/tensor_ops_case.hpp"

namespace sinew::testing::detail {

template <class Ops>
void check_view_refusals(OpsCase<Ops>& c) {
  auto& ops = c.ops;
  c.trial("views", [&] {
    const std::vector<float> six(6, 1.0F);
    std::vector<float> five(5);
    const auto x = c.input({2, 3}).tensor, y = c.input({3, 2}).tensor, row = c.input({3}).tensor, nothing = c.input({0}).tensor;
    const auto wide = c.input({2, 3, 4, 5}).tensor;
    c.expect_refused("an upload of fewer values than the shape has", [&] { (void)ops.upload(six, Shape{7}); });
    c.expect_refused("an upload of rank 0", [&] { (void)ops.upload(std::span(six).first(1), Shape{}); });
    c.expect_refused("an upload of rank 5", [&] { (void)ops.upload(six, Shape{1, 1, 2, 3, 1}); });
    c.expect_refused("a parameter of fewer values than the shape has", [&] { (void)ops.parameter(six, Shape{2, 2}); });
    c.expect_refused("a download into fewer values than there are", [&] { ops.download(x, five); });
    c.expect_refused("a reshape to another number of elements", [&] { (void)ops.reshape(x, Shape{7}); });
    c.expect_refused("a reshape to rank 5", [&] { (void)ops.reshape(x, Shape{1, 1, 2, 3, 1}); });
    c.expect_refused("a reshape to rank 0", [&] { (void)ops.reshape(ops.slice(row, 0, 0, 1), Shape{}); });
    c.expect_refused("a reshape across what a slice cut away", [&] { (void)ops.reshape(ops.slice(x, 1, 0, 2), Shape{4}); });
    c.expect_refused("a reshape across equal entries", [&] { (void)ops.reshape(ops.expand(x, 2), Shape{12}); });
    c.expect_refused("a slice of axis 2 of 2", [&] { (void)ops.slice(x, 2, 0, 0); });
    c.expect_refused("a slice of axis -1", [&] { (void)ops.slice(x, -1, 0, 0); });
    c.expect_refused("a slice that begins before the axis", [&] { (void)ops.slice(x, 0, -1, 1); });
    c.expect_refused("a slice that ends behind the axis", [&] { (void)ops.slice(x, 0, 0, 3); });
    c.expect_refused("a slice that ends before it begins", [&] { (void)ops.slice(x, 0, 2, 1); });
    c.expect_refused("rank 5 by expand", [&] { (void)ops.expand(wide, 2); });
    c.expect_refused("an expand to fewer than no entries", [&] { (void)ops.expand(x, -1); });
    c.expect_refused("a concat of nothing", [&] { (void)ops.concat(0, {}); });
    c.expect_refused("a concat along axis 2 of 2", [&] { (void)ops.concat(2, {x, x}); });
    c.expect_refused("a concat along axis -1", [&] { (void)ops.concat(-1, {x, x}); });
    c.expect_refused("a concat of other sizes", [&] { (void)ops.concat(0, {x, y}); });
    c.expect_refused("a concat of other ranks", [&] { (void)ops.concat(0, {x, row}); });
    c.expect_refused("a concat with nothing of another rank", [&] { (void)ops.concat(0, {x, nothing}); });
    c.expect_refused("copy_into another shape", [&] { ops.copy_into(c.computed(c.numbers({2, 3})), y); });
    c.expect_refused("copy_into one more axis", [&] { ops.copy_into(c.computed(c.numbers({1, 3})), row); });
  });
}

template <class Ops>
void check_product_refusals(OpsCase<Ops>& c) {
  auto& ops = c.ops;
  c.trial("products", [&] {
    const auto matrix = ops.matrix(c.rows(c.numbers({4, 3})));
    const auto bias = c.parameter(c.numbers({3}));
    const auto x = c.input({2, 3}).tensor, narrow = c.input({2, 2}).tensor, deep = c.input({1, 2, 3}).tensor, row = c.input({3}).tensor;
    const auto residual = c.computed(c.numbers({2, 4})), other = c.computed(c.numbers({3, 4})), wide = c.computed(c.numbers({2, 5}));
    const std::vector<std::int64_t> rows{0, 1};
    c.expect_refused("a matrix without rows", [&] { (void)ops.matrix(c.rows(c.numbers({0, 3}))); });
    c.expect_refused("a matrix without columns", [&] { (void)ops.matrix(c.rows(c.numbers({3, 0}))); });
    c.expect_refused("rows of another width than the matrix", [&] { (void)ops.linear(narrow, matrix, nullptr, nn::Activation::none); });
    c.expect_refused("a bias of another size", [&] { (void)ops.linear(x, matrix, &bias, nn::Activation::none); });
    c.expect_refused("a sum with rows of another width than the matrix", [&] { ops.add_linear_into(residual, narrow, matrix, nullptr); });
    c.expect_refused("a sum with a bias of another size", [&] { ops.add_linear_into(residual, x, matrix, &bias); });
    c.expect_refused("a residual of more rows", [&] { ops.add_linear_into(other, x, matrix, nullptr); });
    c.expect_refused("a residual of wider rows", [&] { ops.add_linear_into(wide, x, matrix, nullptr); });
    c.expect_refused("rows of rank 3 to gather", [&] { (void)ops.gather_rows(deep, rows); });
    c.expect_refused("rows of rank 1 to gather", [&] { (void)ops.gather_rows(row, rows); });
    c.expect_refused("rows of another width to add", [&] { ops.add_rows_into(residual, rows, x); });
    c.expect_refused("rows of another width to copy", [&] { ops.copy_rows_into(residual, rows, x); });
    c.expect_refused("rows of rank 1 to add", [&] { ops.add_rows_into(c.computed(c.numbers({2, 3})), rows, row); });
    c.expect_refused("rows of rank 1 to copy", [&] { ops.copy_rows_into(c.computed(c.numbers({2, 3})), rows, row); });
  });
}

template <class Ops>
void check_norm_refusals(OpsCase<Ops>& c) {
  auto& ops = c.ops;
  c.trial("norms", [&] {
    const auto two = c.parameter(c.numbers({2}));
    const auto x = c.input({2, 5, 3}).tensor, flat = c.input({2, 3}).tensor, narrow = c.input({2, 2}).tensor;
    const auto one = c.input({1, 3}).tensor, heads = c.input({2, 4, 6}).tensor;
    const auto turn = c.input({2, 4}).tensor, less = c.input({2, 2}).tensor, more = c.input({3, 4}).tensor;
    c.expect_refused("a weight of another width", [&] { (void)ops.layer_norm(flat, &two, nullptr, 1e-6F); });
    c.expect_refused("a bias of another width", [&] { (void)ops.layer_norm(flat, nullptr, &two, 1e-6F); });
    c.expect_refused("a weight of another width (rms)", [&] { (void)ops.rms_norm(flat, two, 1e-6F); });
    c.expect_refused("modulated rows without a batch", [&] { (void)ops.modulated_norm(flat, flat, flat, 1e-6F); });
    c.expect_refused("a narrower scale", [&] { (void)ops.modulated_norm(x, narrow, flat, 1e-6F); });
    c.expect_refused("a narrower shift", [&] { (void)ops.modulated_norm(x, flat, narrow, 1e-6F); });
    c.expect_refused("one scale for a batch of two", [&] { (void)ops.modulated_norm(x, one, one, 1e-6F); });
    c.expect_refused("rotary rows of rank 2", [&] { (void)ops.rope(turn, turn, turn); });
    c.expect_refused("cosines and sines of two widths", [&] { (void)ops.rope(heads, turn, less); });
    c.expect_refused("more angles than rows", [&] { (void)ops.rope(heads, more, more); });
    c.expect_refused("angles of odd width", [&] { (void)ops.rope(heads, flat, flat); });
    c.expect_refused("columns of more than four", [&] { (void)ops.transform(heads, c.input({2, 4, 4}).tensor); });
    c.expect_refused("a matrix too few", [&] { (void)ops.transform(c.input({2, 3, 8}).tensor, c.input({1, 4, 4}).tensor); });
    c.expect_refused("more angles than a head has", [&] { (void)ops.rope(c.input({2, 5, 2}).tensor, turn, turn); });
  });
}

template <class Ops>
void check_attention_refusals(OpsCase<Ops>& c) {
  c.trial("attention", [&] {
    const auto tensor = [&](const Sizes& sizes) { return c.input(sizes).tensor; };
    const auto refused = [&](std::string_view what, const Sizes& q, const Sizes& k, const Sizes& v, const nn::Mask& mask = {}) {
      const auto a = tensor(q), b = tensor(k), d = tensor(v);
      c.expect_refused(what, [&] { (void)c.ops.attention(a, b, d, {.scale = 1, .mask = mask}); });
    };
    const Sizes q{2, 5, 4, 8}, k{2, 5, 2, 8};
    refused("rank 2", {5, 8}, {5, 8}, {5, 8});
    refused("two ranks", q, {5, 2, 8}, {5, 2, 8});
    refused("fewer values than keys", q, k, {2, 4, 2, 8});
    refused("heads of two sizes", q, {2, 5, 2, 6}, {2, 5, 2, 6});
    refused("four heads on three", q, {2, 5, 3, 8}, {2, 5, 3, 8});
    refused("heads without keys", q, {2, 5, 0, 8}, {2, 5, 0, 8});
    refused("two batches", q, {1, 5, 2, 8}, {1, 5, 2, 8});
    const std::vector<std::uint8_t> six(6, 1), ten(10, 1);
    refused("hidden keys of another number", q, k, k, {.valid = six});
    using Bounds = std::vector<std::int64_t>;
    const Bounds good{0, 2, 5}, late{1, 5}, shorter{0, 4}, longer{0, 6}, backwards{0, 3, 2, 5}, single{0};
    refused("segments with a causal mask", q, k, k, {.causal = true, .segments = good});
    refused("segments with hidden keys", q, k, k, {.valid = ten, .segments = good});
    refused("segments that do not begin with 0", q, k, k, {.segments = late});
    refused("segments that end before the rows", q, k, k, {.segments = shorter});
    refused("segments that end behind the rows", q, k, k, {.segments = longer});
    refused("segments that go back", q, k, k, {.segments = backwards});
    refused("segments without an end", q, k, k, {.segments = single});
    refused("segments of more keys than queries", {2, 4, 4, 8}, k, k, {.segments = good});
  });
}

template <class Ops>
void check_element_refusals(OpsCase<Ops>& c) {
  auto& ops = c.ops;
  c.trial("element-wise work", [&] {
    const auto x = c.computed(c.numbers({2, 3})), y = c.computed(c.numbers({3, 2})), flat = c.computed(c.numbers({6})),
               row = c.computed(c.numbers({1, 3})), end = c.computed(c.numbers({2})), deep = c.computed(c.numbers({1, 2, 3}));
    for (const auto& other : {y, flat, row, deep}) {
      c.expect_refused("silu_mul of two shapes", [&] { (void)ops.silu_mul(x, other); });
      c.expect_refused("multiply of two shapes", [&] { (void)ops.multiply(x, other); });
      c.expect_refused("combine of two shapes", [&] { (void)ops.combine(1, x, 1, other); });
      c.expect_refused("add_into another shape", [&] { ops.add_into(x, other, 1); });
    }
    for (const auto& other : {y, flat, row, deep, end})
      c.expect_refused("add of a shape that is not the end of the first", [&] { (void)ops.add(x, other); });
  });
}

/// For backends that say so: uploads, parameters, caches and views with several equal entries are never written.
template <class Ops>
void check_write_refusals(OpsCase<Ops>& c) {
  if (!c.options.guards_writes) return;
  auto& ops = c.ops;
  c.trial("writing", [&] {
    const auto matrix = ops.matrix(c.rows(c.numbers({3, 3})));
    const HostTensor values = c.numbers({2, 3});
    const auto parameter = c.parameter(values);
    const auto y = c.input({2, 3}).tensor;
    const std::vector<std::int64_t> rows{1, 0};
    for (const auto& x :
         {c.upload(values), ops.view(parameter), ops.slice(ops.view(parameter), 0, 0, 2), ops.expand(c.computed(c.numbers({3})), 2)}) {
      c.expect_refused("add_into what must not be written", [&] { ops.add_into(x, y, 1); });
      c.expect_refused("copy_into what must not be written", [&] { ops.copy_into(x, y); });
      c.expect_refused("add_linear_into what must not be written", [&] { ops.add_linear_into(x, y, matrix, nullptr); });
      c.expect_refused("add_rows_into what must not be written", [&] { ops.add_rows_into(x, rows, y); });
      c.expect_refused("copy_rows_into what must not be written", [&] { ops.copy_rows_into(x, rows, y); });
    }
    c.expect_values(ops.view(parameter), exactly(values));
  });
}

}  // namespace sinew::testing::detail
