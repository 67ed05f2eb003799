// SPDX-License-Identifier: Apache-2.0
// MessagePack from a peer: either a reason, or values that lie in the bytes; what was read survives the writer.
#include <cstring>
#include <vector>

#include "fuzz.hpp"
#include "sinew/backend/remote/msgpack.hpp"

using namespace sinew;
using namespace sinew::remote;
using testing::law;

namespace {

void check_inside(std::span<const std::byte> part, std::span<const std::byte> whole) {
  law(part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size()),
      "content lies in the message");
}

void check_and_write(MsgpackWriter& writer, const MsgpackValue& value, std::span<const std::byte> bytes) {
  if (const auto array = value.ndarray()) {
    check_inside(array->bytes, bytes);
    law(array->bytes.size() == array->shape.count() * size_of(array->dtype), "an array has the bytes of its shape");
    return writer.array(array->dtype, array->shape.dims(), array->bytes);
  }
  switch (value.type()) {
    case MsgpackType::nil: return writer.nil();
    case MsgpackType::boolean: return writer.boolean(*value.boolean());
    case MsgpackType::integer: return value.integer() ? writer.integer(*value.integer()) : writer.real(*value.number());
    case MsgpackType::real: return writer.real(*value.number());
    case MsgpackType::text: return writer.text(*value.text());
    case MsgpackType::binary: check_inside(*value.binary(), bytes); return writer.binary(*value.binary());
    case MsgpackType::array: writer.begin_array(value.size()); break;
    case MsgpackType::map: writer.begin_map(value.size()); break;
  }
  std::size_t seen = 0;
  for (auto each = value.first(); each; each = each.next()) {
    check_and_write(writer, each, bytes);
    ++seen;
  }
  law(seen == value.size() * (value.type() == MsgpackType::map ? 2 : 1), "a container has as many values as it says");
}

std::vector<std::byte> written(const MsgpackDocument& document, std::span<const std::byte> bytes) {
  MsgpackWriter writer;
  check_and_write(writer, document.root(), bytes);
  std::vector<std::byte> out;
  writer.copy_to(out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  static MsgpackDocument document({.most_bytes = 1 << 20, .most_elements = 4096});
  if (document.parse(bytes) != Status::ok) {
    testing::check_error_text(document.last_error());
    law(!document.root(), "what was refused has no root");
    return 0;
  }
  const auto once = written(document, bytes);
  MsgpackDocument again;
  law(again.parse(once) == Status::ok, "the writer's bytes are read");
  law(written(again, once) == once, "and written the same");
  return 0;
}
