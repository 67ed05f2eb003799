// SPDX-License-Identifier: Apache-2.0
#include "sinew/core/fixed_text.hpp"

#include <doctest/doctest.h>

#include <string>

#include "sinew/io/text.hpp"

TEST_CASE("fixed text: what is too long is cut between characters") {
  const std::string unit = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\xA4\x96";  // 1, 2, 3 and 4 bytes
  std::string text;
  while (text.size() < 600) text += unit;
  for (std::size_t skip = 0; skip < 10; ++skip) {
    sinew::FixedText fixed;
    fixed.format("{}{}", std::string(skip, 'x'), text);
    CHECK(sinew::is_utf8(fixed.view()));
    CHECK(fixed.view().size() > 250);
    CHECK(fixed.view().size() <= 255);
    CHECK(sinew::is_utf8(sinew::cut_utf8(text, 100 + skip)));
  }
  CHECK(sinew::cut_utf8("short", 10) == "short");
}

TEST_CASE("fixed text: formatting replaces, clearing empties") {
  sinew::FixedText fixed;
  CHECK(fixed.view().empty());
  fixed.format("{} of {}", 1, 2);
  CHECK(fixed.view() == "1 of 2");
  fixed.clear();
  CHECK(fixed.view().empty());
}
