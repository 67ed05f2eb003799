// SPDX-License-Identifier: Apache-2.0
// The mailbox: what one thread sees in sequence, and what two threads never see.
#include "sinew/core/mailbox.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include "mailbox_exchange.hpp"
#include "test_seed.hpp"

using namespace sinew;
using namespace sinew::testing;

TEST_CASE("mailbox: empty until something is published, and every value is taken once") {
  Mailbox<int> mailbox;
  CHECK(mailbox.take() == nullptr);
  mailbox.back() = 7;
  CHECK(mailbox.take() == nullptr);
  mailbox.publish();
  const int* value = mailbox.take();
  REQUIRE(value != nullptr);
  CHECK(*value == 7);
  CHECK(mailbox.take() == nullptr);
  CHECK(mailbox.published() == 1);
}

TEST_CASE("mailbox: a value that nobody took makes room for the next") {
  Mailbox<int> mailbox;
  for (int i = 1; i <= 5; ++i) {
    mailbox.back() = i;
    mailbox.publish();
  }
  const int* value = mailbox.take();
  REQUIRE(value != nullptr);
  CHECK(*value == 5);
  CHECK(mailbox.take() == nullptr);
}

TEST_CASE("mailbox: what was taken stays as it is while the producer goes on") {
  Mailbox<int> mailbox;
  mailbox.back() = 1;
  mailbox.publish();
  const int* held = mailbox.take();
  REQUIRE(held != nullptr);
  for (int i = 2; i <= 9; ++i) {
    mailbox.back() = i;
    mailbox.publish();
    CHECK(*held == 1);
    CHECK(&mailbox.back() != held);
  }
  CHECK(*mailbox.take() == 9);
}

TEST_CASE("mailbox: the slots are copies of the prototype and keep their capacity") {
  std::vector<double> prototype;
  prototype.reserve(32);
  prototype.resize(32, 0.5);
  Mailbox<std::vector<double>> mailbox(prototype);
  for (int i = 0; i < 6; ++i) {
    CHECK(mailbox.back().size() == 32);
    mailbox.back().assign(32, i);
    mailbox.publish();
    REQUIRE(mailbox.take() != nullptr);
  }
}

TEST_CASE("mailbox: any sequence of calls does what a variable with the newest value does") {
  Random random(1);
  Mailbox<std::uint64_t> mailbox;
  std::optional<std::uint64_t> newest;
  std::uint64_t counter = 0;
  for (int i = 0; i < 100000; ++i) {
    if (random.below(2) == 0) {
      mailbox.back() = ++counter;
      mailbox.publish();
      newest = counter;
      continue;
    }
    const std::uint64_t* value = mailbox.take();
    REQUIRE((value != nullptr) == newest.has_value());
    if (value != nullptr) REQUIRE(*value == *newest);
    newest.reset();
  }
  CHECK(mailbox.published() == counter);
}

TEST_CASE("mailbox: a million values cross from one thread to another whole, newer each time, and the last arrives") {
  const MailboxResult result = exchange(1'000'000, std::chrono::minutes(4));
  CAPTURE(result.published);
  CHECK(result.taken >= 1'000'000);
  CHECK(result.torn == 0);
  CHECK(result.backwards == 0);
  CHECK(result.last == result.published);
}
