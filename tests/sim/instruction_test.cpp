// SPDX-License-Identifier: Apache-2.0
// Reading instructions, and what is said about those that cannot be read.
#include <doctest/doctest.h>

#include <string>

#include "sinew/core/error.hpp"
#include "sinew/sim/instruction.hpp"

using namespace sinew::sim;

namespace {

std::string complaint(std::string_view text) {
  try {
    (void)parse_instruction(text);
  } catch (const sinew::Error& error) {
    CHECK(error.code() == sinew::ErrorCode::invalid_argument);
    return error.what();
  }
  return "accepted";
}

bool mentions(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("parse_instruction: reads every known instruction back") {
  const auto all = known_instructions();
  REQUIRE(all.size() == 21);
  CHECK(all.front() == "put the red cube on the yellow plate");
  CHECK(all[8] == "put the blue cube on the white plate");
  CHECK(all[9] == "stack the red cube on the green cube");
  CHECK(all[14] == "stack the blue cube on the green cube");
  CHECK(all[15] == "push the red cube to the left");
  CHECK(all.back() == "push the blue cube to the right");
  for (const auto& text : all) CHECK(to_string(parse_instruction(text)) == text);
}

TEST_CASE("parse_instruction: case, spaces and a full stop do not matter") {
  CHECK(parse_instruction("  Put the  BLUE cube\ton the White plate. ") == Instruction{Task::put, 2, 2});
  CHECK(parse_instruction("Stack the green  cube on the RED cube.") == Instruction{Task::stack, 1, 0});
  CHECK(parse_instruction(" push The blue cube\nto the Right.") == Instruction{Task::push, 2, 1});
  CHECK(parse_instruction("PUT THE GREEN CUBE ON THE PURPLE PLATE") == Instruction{Task::put, 1, 1});
}

TEST_CASE("parse_instruction: an unknown colour lists those there are and names the nearest") {
  const std::string cube = complaint("put the gren cube on the yellow plate");
  for (const auto part : {"red", "green", "blue", "yellow", "purple", "white", "'gren'", "did you mean 'green'"})
    CHECK_MESSAGE(mentions(cube, part), cube);
  CHECK(mentions(complaint("put the red cube on the yelow plate"), "did you mean 'yellow'"));
  // A plate's colour is no cube's.
  CHECK(mentions(complaint("put the yellow cube on the white plate"), "the cube's colour"));
}

TEST_CASE("parse_instruction: the other families' words are checked as well") {
  CHECK(mentions(complaint("stack the red cube on the bleu cube"), "did you mean 'blue'"));
  CHECK(mentions(complaint("stack the red cube on the yellow cube"), "the lower cube's colour"));
  CHECK(mentions(complaint("push the red cube to the lefd"), "did you mean 'left'"));
  CHECK(mentions(complaint("push the grean cube to the left"), "did you mean 'green'"));
  const std::string same = complaint("stack the red cube on the red cube");
  CHECK_MESSAGE(mentions(same, "two different cubes"), same);
  CHECK(mentions(complaint("stack the red cube on the yellow plate"), "for example \"stack the red cube on the green cube\""));
  CHECK(mentions(complaint("push the red cube on the yellow plate"), "for example \"push the red cube to the left\""));
}

TEST_CASE("to_string: refuses indices that are none, and a cube on itself") {
  for (const Instruction& bad : {Instruction{Task::put, 3, 0}, Instruction{Task::put, 0, -1}, Instruction{Task::stack, 1, 1},
                                 Instruction{Task::push, 0, 2}, Instruction{static_cast<Task>(3), 0, 0}}) {
    CHECK_FALSE(valid(bad));
    CHECK_THROWS_AS((void)to_string(bad), sinew::Error);
  }
}

TEST_CASE("parse_instruction: any other sentence is refused with an example") {
  for (const auto text :
       {"", "   ", "dance", "put the red cube", "put the red cube on the yellow plate twice", "put the red plate on the yellow cube",
        "\xff\xfe", "put the red cube on the yellow plate..", "pull the red cube to the left"}) {
    CAPTURE(text);
    CHECK(mentions(complaint(text), "for example \"put the red cube on the yellow plate\""));
  }
  CHECK(complaint(std::string(100000, 'x')).size() < 500);
}

TEST_CASE("find_instruction: finds the instruction inside a prompt") {
  CHECK(find_instruction(
            "Please predict the next 16 control actions to execute the following task: Put the green cube on the purple plate.") ==
        Instruction{Task::put, 1, 1});
  CHECK(find_instruction("put the red cube on the yellow plate") == Instruction{Task::put, 0, 0});
}

TEST_CASE("find_instruction: the last one counts, and half a sentence is none") {
  CHECK(find_instruction("put the red cube on the yellow plate, no: put the blue cube on the white plate") == Instruction{Task::put, 2, 2});
  CHECK_FALSE(find_instruction("put the red cube on the"));
  CHECK_FALSE(find_instruction("put the pink cube on the white plate"));
  CHECK_FALSE(find_instruction("output the red cube on the white plate"));
  CHECK(find_instruction("put the red cube on the yellow plate. Push the red cube to the left") == Instruction{Task::push, 0, 0});
  CHECK(find_instruction("do: stack the blue cube on the red cube!") == Instruction{Task::stack, 2, 0});
  CHECK_FALSE(find_instruction("stack the blue cube on the blue cube"));
  CHECK_FALSE(find_instruction("push the red cube to the"));
  CHECK_FALSE(find_instruction(""));
}
