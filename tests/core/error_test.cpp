// SPDX-License-Identifier: Apache-2.0
// Error texts, names of the enumerations, and the search for the nearest name.
#include "sinew/core/error.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "sinew/core/log.hpp"
#include "sinew/core/status.hpp"
#include "sinew/core/version.hpp"
#include "test_seed.hpp"

using namespace sinew;

TEST_CASE("error: the text has where, what, expected, got and hint, and leaves out what is empty") {
  CHECK(to_string(Complaint{"f", "rate", "10", "0", "set it"}) == "[f] rate: expected 10, got 0 (set it)");
  CHECK(to_string(Complaint{"f", "rate", "10", "", ""}) == "[f] rate: expected 10");
  CHECK(to_string(Complaint{"f", "rate", "", "0", ""}) == "[f] rate: got 0");
  CHECK(to_string(Complaint{"f", "rate", "", "", "set it"}) == "[f] rate (set it)");
  CHECK(to_string(Complaint{"f", "{braces}", "", "", ""}) == "[f] {braces}");
}

TEST_CASE("fail: throws the code and the text") {
  try {
    fail(ErrorCode::limit, {"reader", "size", "1", "2", ""});
    FAIL("did not throw");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::limit);
    CHECK(std::string(error.what()) == "[reader] size: expected 1, got 2");
  }
}

TEST_CASE("names: every enumerator has its own, and a stray value has one too") {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(ErrorCode::internal); ++i) names.insert(to_string(static_cast<ErrorCode>(i)));
  CHECK(names.size() == 8);
  CHECK(names.count("unknown") == 0);
  names.clear();
  for (int i = 0; i <= static_cast<int>(Status::backend_failed); ++i) names.insert(to_string(static_cast<Status>(i)));
  CHECK(names.size() == 12);
  CHECK(names.count("unknown") == 0);
  names.clear();
  for (int i = 0; i <= static_cast<int>(LogLevel::error); ++i) names.insert(to_string(static_cast<LogLevel>(i)));
  CHECK(names.size() == 4);
  CHECK(to_string(static_cast<Status>(200)) == "unknown");
  CHECK(to_string(static_cast<ErrorCode>(200)) == "unknown");
}

TEST_CASE("nearest_name: finds slips and stays silent when nothing is near") {
  const std::vector<std::string_view> names{"height", "width", "horizon", "observation.state"};
  CHECK(nearest_name("hieght", names) == "height");
  CHECK(nearest_name("Width", names) == "width");
  CHECK(nearest_name("observation.stat", names) == "observation.state");
  CHECK(nearest_name("gravity", names).empty());
  CHECK(nearest_name("height", {}).empty());
  CHECK(nearest_name("width", names) == "width");
}

TEST_CASE("nearest_name: is the nearest by the definition of edit distance") {
  const std::function<std::size_t(std::string_view, std::string_view)> distance = [&](std::string_view a,
                                                                                      std::string_view b) -> std::size_t {
    if (a.empty() || b.empty()) return a.size() + b.size();
    if (a[0] == b[0]) return distance(a.substr(1), b.substr(1));
    return 1 + std::min({distance(a.substr(1), b), distance(a, b.substr(1)), distance(a.substr(1), b.substr(1))});
  };
  sinew::testing::Random random(4);
  const auto word = [&random] {
    std::string made;
    for (auto n = 1 + random.below(5); n > 0; --n) made += static_cast<char>('a' + random.below(3));
    return made;
  };
  for (int i = 0; i < 300; ++i) {
    const std::string wanted = word();
    const std::vector<std::string> pool{word(), word(), word()};
    const std::vector<std::string_view> names(pool.begin(), pool.end());
    std::size_t best = 3;  // for words this short, more than two edits are no slip
    for (const auto name : names) best = std::min(best, distance(wanted, name));
    const auto found = nearest_name(wanted, names);
    CAPTURE(wanted);
    CHECK((found.empty() ? 3 : distance(wanted, found)) == best);
  }
}

TEST_CASE("join_names: commas between, nothing for nothing") {
  CHECK(join_names(std::vector<std::string_view>{"a", "b"}) == "a, b");
  CHECK(join_names({}).empty());
}

TEST_CASE("version: three numbers that the header also states") {
  const std::string expected =
      std::to_string(SINEW_VERSION_MAJOR) + '.' + std::to_string(SINEW_VERSION_MINOR) + '.' + std::to_string(SINEW_VERSION_PATCH);
  CHECK(version() == expected);
}

TEST_CASE("find_name: a stranger's name neither drives a terminal nor floods a log") {
  constexpr std::string_view kNames[] = {"base", "tool"};
  CHECK(find_name("tool", kNames, "frame", "name") == 1);
  CHECK_THROWS_WITH_AS((void)find_name("to\x1bl", kNames, "frame", "name"),
                       "[frame] name: expected one of base, tool, got 'to?l' (did you mean 'tool'?)", Error);
  CHECK_THROWS_WITH_AS((void)find_name(std::string(70, 'x'), kNames, "frame", "name"),
                       ("[frame] name: expected one of base, tool, got '" + std::string(64, 'x') + "...'").c_str(), Error);
}
