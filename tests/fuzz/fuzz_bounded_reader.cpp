// SPDX-License-Identifier: Apache-2.0
// BoundedReader against a model: the input is a script of calls, then the bytes that they read.
#include <cstring>
#include <optional>
#include <span>
#include <string>

#include "fuzz.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/bounded_reader.hpp"
#include "sinew/io/text.hpp"

namespace {

using namespace sinew;
using sinew::testing::law;

/// Calls and says whether it was refused.
template <class Call>
bool refused(Call call) {
  try {
    call();
    return false;
  } catch (const Error& error) {
    sinew::testing::check_error_text(error.what());
    return true;
  }
}

struct Model {
  std::span<const std::byte> data;
  std::size_t offset = 0;
  std::uint64_t budget = 0;
  [[nodiscard]] std::size_t left() const { return data.size() - offset; }
};

template <class Word>
void check_read(BoundedReader& reader, Model& model) {
  Word got{};
  const bool no = refused([&] { got = reader.read<Word>("word"); });
  law(no == (model.left() < sizeof(Word)), "a word is read exactly when all of it is there");
  if (no) return;
  Word expected{};
  std::memcpy(&expected, model.data.data() + model.offset, sizeof(Word));
  law(std::memcmp(&got, &expected, sizeof(Word)) == 0, "a word is little-endian");
  model.offset += sizeof(Word);
}

void step(BoundedReader& reader, Model& model, unsigned code, std::uint64_t size) {
  switch (code % 9) {
    case 0: check_read<std::uint8_t>(reader, model); break;
    case 1: check_read<std::int16_t>(reader, model); break;
    case 2: check_read<float>(reader, model); break;
    case 3: check_read<double>(reader, model); break;
    case 4: {
      const bool no =
          refused([&] { law(reader.bytes(size, "bytes").data() == model.data.data() + model.offset, "bytes are given in place"); });
      law(no == (size > model.left()), "bytes are read exactly when all of them are there");
      if (!no) model.offset += static_cast<std::size_t>(size);
      break;
    }
    case 5: {
      const bool there = size <= model.left();
      const auto* begin = reinterpret_cast<const char*>(model.data.data()) + model.offset;
      const bool good = there && is_utf8({begin, static_cast<std::size_t>(there ? size : 0)});
      law(refused([&] { static_cast<void>(reader.text(size, "text")); }) == !good, "text is read exactly when it is UTF-8");
      if (good) model.offset += static_cast<std::size_t>(size);
      break;
    }
    case 6: {
      const bool good = size <= model.left() / 3 && size <= model.budget;
      law(refused([&] { static_cast<void>(reader.count(size, 3, "count")); }) == !good, "a count must fit into the bytes and the budget");
      if (good) model.budget -= size;
      break;
    }
    case 7: {
      law(refused([&] { reader.take_budget(size, "budget"); }) == (size > model.budget), "the budget is never overdrawn");
      if (size <= model.budget) model.budget -= size;
      break;
    }
    default: {
      if (size > model.left()) {
        law(refused([&] { static_cast<void>(reader.part(size, "part")); }), "a part is no longer than what is left");
        break;
      }
      auto part = reader.part(size, "part");
      Model inner{model.data.subspan(model.offset, static_cast<std::size_t>(size)), 0, model.budget};
      check_read<std::uint32_t>(part, inner);
      law(part.offset() == inner.offset && part.remaining() == inner.left(), "a part knows its own end");
      model.offset += static_cast<std::size_t>(size);
    }
  }
  law(reader.offset() == model.offset && reader.remaining() == model.left() && reader.budget() == model.budget,
      "the reader is where the model is");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto all = std::as_bytes(std::span(data, size));
  const std::size_t steps = size > 0 ? std::min<std::size_t>(data[0] % 32, (size - 1) / 2) : 0;
  const auto script = std::span(data, size).subspan(size > 0 ? 1 : 0, 2 * steps);
  const auto content = all.subspan(size > 0 ? 1 + 2 * steps : 0);
  BoundedReader reader(content, "fuzz", 100);
  Model model{content, 0, 100};
  for (std::size_t i = 0; i < steps; ++i) {
    const unsigned length = script[2 * i + 1];
    step(reader, model, script[2 * i], length < 0xF0 ? length % 64 : ~std::uint64_t{0} >> (length & 15));
  }
  return 0;
}
