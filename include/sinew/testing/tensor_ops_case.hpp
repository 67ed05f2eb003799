// SPDX-License-Identifier: Apache-2.0
// One trial of an operation: makes its inputs in every layout, compares its result, and sees that no input was written.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <deque>
#include <exception>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/nn/layers.hpp"
#include "sinew/testing/tensor_ops_host.hpp"

namespace sinew::testing::detail {

template <nn::TensorOps Ops>
class OpsCase {
 public:
  using Tensor = typename Ops::Tensor;

  /// A tensor of the backend with its numbers.
  struct Operand {
    Tensor tensor;
    HostTensor host;
  };

  OpsCase(Ops& backend, const TensorOpsOptions& chosen, std::vector<std::string>& violations)
      : ops(backend), options(chosen), random(chosen.seed), rounding{chosen.dtype == DType::bf16}, violations_(violations) {}

  Ops& ops;
  const TensorOpsOptions& options;
  sinew::Random random;
  Rounding rounding;

  /// Runs `body()` in a scope of its own; nothing that it made as an input may have changed afterwards.
  template <class Body>
  void trial(std::string name, const Body& body) {
    name_ = std::move(name);
    for (int repeat = 1; repeat < options.repeats; ++repeat) {
      const sinew::Random before = random;
      once(body);
      random = before;
    }
    once(body);
  }
  void report(const std::string& text) { violations_.push_back(fmt::format("{}: {}", name_, text)); }

  [[nodiscard]] std::int64_t below(std::int64_t count) {
    return static_cast<std::int64_t>(random.bits() % static_cast<std::uint64_t>(count));
  }
  [[nodiscard]] bool coin() { return below(2) == 0; }
  /// Mostly 1 to `most`, now and then 0.
  [[nodiscard]] std::int64_t size(std::int64_t most) { return below(16) == 0 ? 0 : 1 + below(most); }
  /// A number that the dtype of weights and activations can hold.
  [[nodiscard]] double number(double range = 1) {
    const auto value = static_cast<float>(random.uniform(-range, range));
    return static_cast<double>(rounding.bf16 ? static_cast<float>(BFloat16(value)) : value);
  }
  [[nodiscard]] HostTensor numbers(Sizes sizes, double range = 1) {
    HostTensor host{.sizes = std::move(sizes), .values = {}};
    host.values.resize(static_cast<std::size_t>(product_of(host.sizes)));
    std::ranges::generate(host.values, [&] { return number(range); });
    return host;
  }

  /// The caller's numbers, which live to the end of the trial.
  [[nodiscard]] Tensor upload(const HostTensor& host) {
    const auto& values = uploads_.emplace_back(host.values.begin(), host.values.end());
    return keep_base(ops.upload(values, Shape(std::span<const std::int64_t>(host.sizes))), host.values);
  }
  /// The same as the result of an operation: of the backend's own dtype, and may be written.
  [[nodiscard]] Tensor computed(const HostTensor& host) {
    const Tensor uploaded = upload(host);
    if (host.values.empty()) return ops.copy(uploaded);
    return ops.linear(uploaded, identity(host.width()), nullptr, nn::Activation::none);
  }
  /// An input that nothing may write, uploaded or computed.
  [[nodiscard]] Operand input(const Sizes& sizes, Layout layout = Layout::dense, double range = 1) {
    const Base base = base_of(sizes, layout, random);
    HostTensor all{.sizes = base.sizes, .values = std::vector<double>(static_cast<std::size_t>(product_of(base.sizes)))};
    HostTensor seen{.sizes = sizes, .values = {}};
    visit_base(
        base, layout == Layout::expanded ? base.sizes[0] : sizes[base.axis],
        [&](std::size_t i) { seen.values.push_back(all.values[i] = fresh(range)); },
        [&](std::size_t i) { all.values[i] = coin() ? 1000 : -1000; });  // far from what results can be
    if (layout == Layout::heads) {
      all.sizes.pop_back();
      all.sizes.back() *= base.sizes.back();
    }
    if (layout == Layout::expanded) {
      const auto once = std::exchange(seen.values, {});
      for (std::int64_t i = 0; i < sizes[0]; ++i) seen.values.insert(seen.values.end(), once.begin(), once.end());
    }
    const Tensor whole = coin() ? keep_base(computed(all), all.values) : upload(all);
    return {view_of(whole, base, sizes, layout), std::move(seen)};
  }
  [[nodiscard]] typename Ops::Parameter parameter(const HostTensor& host) {
    const std::vector<float> values(host.values.begin(), host.values.end());
    return ops.parameter(values, Shape(std::span<const std::int64_t>(host.sizes)));
  }
  [[nodiscard]] RowSource rows(const HostTensor& host) {
    return nn::row_source(std::vector<float>(host.values.begin(), host.values.end()), host.sizes[0], host.sizes[1]);
  }

  /// A result: the right shape, the right numbers, dense.
  void expect(const Tensor& got, const Expected& expected) {
    if (!expect_values(got, expected)) return;
    const auto count = static_cast<std::int64_t>(expected.values.size());
    refuse_nothing("a result that is not dense", [&] { (void)ops.reshape(got, Shape{count}); });
  }
  /// A view: the right shape and numbers.
  bool expect_values(const Tensor& got, const Expected& expected) {
    const Shape shape(std::span<const std::int64_t>(expected.sizes));
    if (got.shape() != shape) {
      report(fmt::format("has the shape {}, not {}", to_string(got.shape()), to_string(shape)));
      return false;
    }
    std::vector<float> values(expected.values.size());
    ops.download(got, values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::abs(static_cast<double>(values[i]) - expected.values[i]) <= expected.bounds[i]) continue;
      report(
          fmt::format("element {} of {} is {}, not {} within {}", i, to_string(shape), values[i], expected.values[i], expected.bounds[i]));
      return false;
    }
    if (options.observe) options.observe(values);
    return true;
  }
  /// For inputs that the contract does not promise to take: refused, or right.
  template <class Make>
  void expect_or_refused(const Expected& expected, const Make& make) {
    try {
      expect_values(make(), expected);
    } catch (const Error&) {  // as good
    }
  }
  template <class Call>
  void expect_refused(std::string_view what, const Call& call) {
    try {
      call();
      report(fmt::format("accepts {}", what));
    } catch (const Error&) {  // as it should
    } catch (const std::exception& error) {
      report(fmt::format("refuses {} with something that is no Error: {}", what, std::string_view(error.what()).substr(0, 80)));
    }
  }

 private:
  template <class Body>
  void once(const Body& body) {
    try {
      auto scope = ops.scope();
      body();
      expect_inputs_kept();
      bases_.clear();
    } catch (const std::exception& error) {
      report(fmt::format("throws \"{}\"", error.what()));
    }
    bases_.clear();
    uploads_.clear();
  }
  /// Where the numbers of inputs come from.
  [[nodiscard]] double fresh(double range) {
    if (options.repeats == 1) return number(range);
    std::swap(random, fresh_);
    const double value = number(range);
    std::swap(random, fresh_);
    return value;
  }
  template <class Call>
  void refuse_nothing(std::string_view what, const Call& call) {
    try {
      call();
    } catch (const std::exception& error) {
      report(fmt::format("{}: {}", what, error.what()));
    }
  }
  [[nodiscard]] Tensor keep_base(const Tensor& tensor, const std::vector<double>& values) {
    bases_.emplace_back(tensor, values);
    return tensor;
  }
  [[nodiscard]] Tensor view_of(const Tensor& whole, const Base& base, const Sizes& sizes, Layout layout) {
    if (layout == Layout::dense) return whole;
    if (layout == Layout::expanded) return ops.expand(whole, sizes[0]);
    const Tensor apart = layout == Layout::heads ? ops.reshape(whole, Shape(std::span<const std::int64_t>(base.sizes))) : whole;
    return ops.slice(apart, static_cast<std::int64_t>(base.axis), base.begin, base.begin + sizes[base.axis]);
  }
  /// Multiplies nothing but by 1, so that results are exact.
  [[nodiscard]] const typename Ops::Matrix& identity(std::int64_t width) {
    const auto found = identities_.find(width);
    if (found != identities_.end()) return found->second;
    HostTensor one{.sizes = {width, width}, .values = std::vector<double>(static_cast<std::size_t>(width * width), 0.0)};
    for (std::int64_t i = 0; i < width; ++i) one.values[static_cast<std::size_t>(i * width + i)] = 1;
    return identities_.emplace(width, ops.matrix(rows(one))).first->second;
  }
  void expect_inputs_kept() {
    for (const auto& [tensor, values] : bases_) {
      std::vector<float> now(values.size());
      ops.download(tensor, now);
      const auto same = [](float a, double b) {
        return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(static_cast<float>(b));
      };
      if (!std::ranges::equal(now, values, same)) return report("writes an input");
    }
  }

  std::vector<std::string>& violations_;
  sinew::Random fresh_{~options.seed};
  std::string name_{};
  std::deque<std::vector<float>> uploads_{};
  std::vector<std::pair<Tensor, std::vector<double>>> bases_{};
  std::map<std::int64_t, typename Ops::Matrix> identities_{};
};

/// Calls body(layout name, layout) often enough for each layout.
template <class Ops, class Body>
void for_layouts(OpsCase<Ops>& c, std::string_view operation, const Body& body) {
  for (const Layout layout : kLayouts)
    for (int round = 0; round < c.options.rounds; ++round)
      c.trial(fmt::format("{} ({}, round {})", operation, kLayoutNames[static_cast<std::size_t>(layout)], round), [&] { body(layout); });
}

}  // namespace sinew::testing::detail
