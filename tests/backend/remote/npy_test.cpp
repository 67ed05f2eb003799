// SPDX-License-Identifier: Apache-2.0
// .npy: what numpy writes, and what is refused.
#include "sinew/backend/remote/npy.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "bytes.hpp"

using namespace sinew;
using namespace sinew::remote;

namespace {

std::vector<std::byte> file(const std::string& header, std::size_t data, char major = 1) {
  std::string text = "\x93NUMPY";
  text += {major, '\0', static_cast<char>(header.size() & 0xFF), static_cast<char>(header.size() >> 8)};
  if (major > 1) text += {'\0', '\0'};
  text += header + std::string(data, '\x01');
  return testing::bytes_of_text(text);
}

std::string refusal(const std::vector<std::byte>& bytes) {
  WireArray array;
  FixedText error;
  CHECK(read_npy(bytes, array, error) == Status::bad_shape);
  return std::string(error.view());
}

}  // namespace

TEST_CASE("npy: arrays of every rank and version are read in place") {
  struct Case {
    std::string shape;
    Shape expected;
    std::size_t bytes;
  };
  for (const Case& each : {Case{"()", Shape{}, 4}, Case{"(3,)", Shape{3}, 12}, Case{"(1, 2, 3)", Shape{1, 2, 3}, 24},
                           Case{"(0, 5)", Shape{0, 5}, 0}, Case{"(1, 1, 1, 1, 1, 1, 1, 2)", Shape{1, 1, 1, 1, 1, 1, 1, 2}, 8}})
    for (const char version : {'\x01', '\x02', '\x03'}) {
      CAPTURE(each.shape);
      const auto bytes = file("{'descr': '<f4', 'fortran_order': False, 'shape': " + each.shape + ", }   \n", each.bytes, version);
      WireArray array;
      FixedText error;
      REQUIRE_MESSAGE(read_npy(bytes, array, error) == Status::ok, error.view());
      CHECK(array.shape == each.expected);
      CHECK(array.dtype == DType::f32);
      CHECK(array.bytes.data() + array.bytes.size() == bytes.data() + bytes.size());
    }
}

TEST_CASE("npy: the header that is written is read, and the array begins at a multiple of 64 bytes") {
  for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{}, {7}, {1, 16, 7}, {224, 224, 3}}) {
    auto bytes = npy_header(DType::f64, shape);
    CHECK(bytes.size() % 64 == 0);
    const Shape expected{std::span<const std::int64_t>(shape)};
    bytes.resize(bytes.size() + 8 * expected.count());
    WireArray array;
    FixedText error;
    REQUIRE_MESSAGE(read_npy(bytes, array, error) == Status::ok, error.view());
    CHECK(array.shape == expected);
    CHECK(array.dtype == DType::f64);
  }
}

TEST_CASE("npy: everything else is refused with its reason") {
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";
  CHECK(refusal({}).find("magic") != std::string::npos);
  CHECK(refusal(file(good, 8, 4)).find("version") != std::string::npos);
  CHECK(refusal(file(good, 7)).find("as many bytes") != std::string::npos);
  CHECK(refusal(file(good, 9)).find("as many bytes") != std::string::npos);
  auto cut = file(good, 8);
  cut.resize(20);
  CHECK(refusal(cut).find("within the bytes") != std::string::npos);
  CHECK(refusal(file("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n", 8)).find("tensor can hold") != std::string::npos);
  CHECK(refusal(file("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }\n", 8)).find("tensor can hold") != std::string::npos);
  CHECK(refusal(file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }\n", 8)).find("'descr'") != std::string::npos);
  CHECK(refusal(file("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 1), }\n", 8)).find("C order") != std::string::npos);
  for (const char* shape : {"(2)", "(-2,)", "(2,,)", "2", "(2, )", "(99999999999999999999,)", "(1, 1, 1, 1, 1, 1, 1, 1, 2)", "(", "(2,"})
    CHECK_MESSAGE(
        refusal(file(std::string("{'descr': '<f4', 'fortran_order': False, 'shape': ") + shape + ", }\n", 8)).find("a shape of") !=
            std::string::npos,
        shape);
  CHECK(refusal(file("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }\n", 8)).find("as many bytes") !=
        std::string::npos);
  CHECK(refusal(file("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } x\n", 8)).find("end of the header") != std::string::npos);
  CHECK(refusal(file("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 8)).find("end of the header") != std::string::npos);
}
