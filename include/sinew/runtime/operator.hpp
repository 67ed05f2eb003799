// SPDX-License-Identifier: Apache-2.0
// Who may take a loop over from its policy: a person with a keyboard, or a scripted corrector.
#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "sinew/core/action_chunk.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/core/observation.hpp"
#include "sinew/core/status.hpp"

namespace sinew {

/// What an operator is shown at an inference instant.
struct OperatorView {
  const Observation& observation;
  std::span<const double> commanded;  ///< joint positions `[dof]` that the robot was last told, rad or m
  Time now{};                         ///< robot's clock
  int max_rows = 0;                   ///< of a chunk that the loop takes
  bool first = false;                 ///< in `act`: the first one since it took over
};

/// Takes control from a policy and hands it back.
///
/// - `holds(view, held)`: whether it holds control from this instant on. On a status other than `ok` nobody is asked for a chunk: whoever
///   held control keeps it, and the motion comes to rest at the end of the plan.
/// - `act(view, chunk)`: while it holds control, what the robot shall do: joint positions, or tool poses where the loop has a chain. `t0`
/// and
///   `dt` are the operator's; the loop numbers the chunk.
/// - `name()`: stands in the recording. `rate()`: Hz of `act` while it holds control; 0 = the policy's.
/// - `last_error()`: why the latest call gave no `ok`.
///
/// One thread at a time: the one that infers.
template <class O>
concept Operator = requires(O person, const O& constant, const OperatorView& view, bool& held, ActionChunk& chunk) {
  { person.holds(view, held) } -> std::same_as<Status>;
  { person.act(view, chunk) } -> std::same_as<Status>;
  { constant.name() } -> std::convertible_to<std::string_view>;
  { constant.rate() } -> std::convertible_to<double>;
  { constant.last_error() } -> std::convertible_to<std::string_view>;
};

/// Shares one operator, chosen at run time. An exception of its `holds` or `act` is `backend_failed`, with the text in `last_error()`.
class AnyOperator {
 public:
  template <Operator O>
    requires(!std::same_as<O, AnyOperator>)
  explicit AnyOperator(std::shared_ptr<O> person) : self_(std::make_shared<Model<O>>(std::move(person))) {}

  [[nodiscard]] Status holds(const OperatorView& view, bool& held) noexcept { return self_->holds(view, held); }
  [[nodiscard]] Status act(const OperatorView& view, ActionChunk& chunk) noexcept { return self_->act(view, chunk); }
  [[nodiscard]] const std::string& name() const noexcept { return self_->name; }
  [[nodiscard]] double rate() const noexcept { return self_->rate; }
  [[nodiscard]] std::string_view last_error() const noexcept { return self_->last_error(); }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual Status holds(const OperatorView& view, bool& held) noexcept = 0;
    virtual Status act(const OperatorView& view, ActionChunk& chunk) noexcept = 0;
    virtual std::string_view last_error() const noexcept = 0;
    std::string name;
    double rate = 0;
  };
  template <Operator O>
  struct Model final : Interface {
    explicit Model(std::shared_ptr<O> p) : person(std::move(p)) {
      this->name = std::string_view(std::as_const(*person).name());
      this->rate = std::as_const(*person).rate();
    }
    Status holds(const OperatorView& view, bool& held) noexcept override {
      return guarded([&] { return person->holds(view, held); });
    }
    Status act(const OperatorView& view, ActionChunk& chunk) noexcept override {
      return guarded([&] { return person->act(view, chunk); });
    }
    std::string_view last_error() const noexcept override {
      return thrown.view().empty() ? std::string_view(std::as_const(*person).last_error()) : thrown.view();
    }
    template <class Call>
    Status guarded(Call call) noexcept {
      thrown.clear();
      try {
        return call();
      } catch (const std::exception& error) {
        thrown.format("{}", error.what());
      } catch (...) {
        thrown.format("an exception of unknown type");
      }
      return Status::backend_failed;
    }
    std::shared_ptr<O> person;
    FixedText thrown;
  };
  std::shared_ptr<Interface> self_;
};

static_assert(Operator<AnyOperator>);

}  // namespace sinew
