// SPDX-License-Identifier: Apache-2.0
// What a policy server sends, whichever it is: the first byte chooses the protocol, and whether the message is a greeting.
#include <cmath>

#include "fuzz.hpp"
#include "sinew/backend/remote/groot_protocol.hpp"
#include "sinew/backend/remote/openpi_protocol.hpp"
#include "sinew/backend/remote/starvla_protocol.hpp"
#include "sinew/backend/remote/vla_cpp_protocol.hpp"

using namespace sinew;
using namespace sinew::remote;
using testing::law;

namespace {

const TensorSpecs kState{{"state", DType::f32, Shape{4}}, {"prompt", DType::u8, Shape{64}}};

template <class Protocol>
void check(Protocol& protocol, const Message& message, bool greeting) {
  TensorMap in = make_tensors(protocol.inputs()), out = make_tensors(protocol.outputs());
  law(protocol.write_request(in, 7) == Status::ok, "a request is written");
  const Status status = greeting ? protocol.read_greeting(message) : protocol.read_reply(message, 7, out);
  if (status != Status::ok) return law(status == Status::stale || !protocol.last_error().empty(), "a refusal says why");
  if (greeting) return;
  const Tensor& actions = out["actions"];
  law(actions.shape().rank() == 2 && actions.shape()[0] >= 1 && actions.shape()[0] <= 4 && actions.shape()[1] == 3,
      "a chunk has the agreed shape");
  for (const float value : actions.as<float>()) law(std::isfinite(value), "a chunk is finite");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Message message{.kind = (data[0] & 0x80U) != 0 ? MessageKind::text : MessageKind::binary,
                        .bytes = {reinterpret_cast<const std::byte*>(data) + 1, size - 1}};
  const bool greeting = (data[0] & 0x40U) != 0;
  static OpenpiProtocol openpi({.inputs = kState, .horizon = 4, .action_dim = 3});
  static StarvlaProtocol starvla(
      {.inputs = {{"image/0", DType::u8, Shape{4, 4, 3}}, {"lang", DType::u8, Shape{64}}}, .horizon = 4, .action_dim = 3});
  static GrootProtocol groot({.inputs = kState, .horizon = 4, .groups = {{"arm", 2}, {"hand", 1}}});
  static VlaCppProtocol vla_cpp(
      {.inputs = {{"image/0", DType::u8, Shape{4, 4, 3}}, {"lang_tokens", DType::i64, Shape{8}}, {"state", DType::f32, Shape{4}}},
       .horizon = 4,
       .action_dim = 3});
  switch (data[0] & 3U) {
    case 0: check(openpi, message, greeting); break;
    case 1: check(starvla, message, greeting); break;
    case 2: check(groot, message, greeting); break;
    default: check(vla_cpp, message, greeting);
  }
  return 0;
}
