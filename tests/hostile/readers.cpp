// SPDX-License-Identifier: Apache-2.0
#include "readers.hpp"

#include "sinew/action/fast_tokenizer.hpp"
#include "sinew/action/groot_modality.hpp"
#include "sinew/core/normalizer.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/io/file.hpp"
#include "sinew/io/image_codec.hpp"
#include "sinew/io/json_cursor.hpp"
#include "sinew/io/safetensors.hpp"
#include "sinew/io/statistics_file.hpp"
#include "sinew/io/tokenizer.hpp"
#include "sinew/io/weights.hpp"
#include "sinew/kinematics/urdf.hpp"
#include "sinew/nn/models/act_config.hpp"
#include "sinew/nn/models/qwen3_vl_config.hpp"
#include "sinew/observation/image_processor.hpp"
#include "sinew/record/recording.hpp"
#include "sinew/runtime/policy.hpp"
#ifdef SINEW_HOSTILE_REMOTE
#include "sinew/backend/remote/groot_protocol.hpp"
#include "sinew/backend/remote/npy.hpp"
#include "sinew/backend/remote/openpi_protocol.hpp"
#include "sinew/backend/remote/starvla_protocol.hpp"
#include "sinew/backend/remote/vla_cpp_protocol.hpp"
#endif

namespace sinew::testing {

namespace {

using Path = std::filesystem::path;

constexpr std::size_t kMostBytes = std::size_t{32} << 20;

/// A reader that throws or has nothing to say.
template <class Read>
Reader throwing(Read read) {
  return [read](const Path& path) {
    read(path);
    return Refusal{};
  };
}

void use_safetensors(const Path& path) {
  const SafetensorsFile file(path);
  for (const auto& [name, view] : file.tensors()) (void)file.doubles(name);
}

void use_weights(const Path& path) {
  Weights weights = Weights::open(path);
  for (const auto name : weights.names()) (void)weights.floats(name, weights.at(name).shape);
  weights.require_all_used();
}

/// Statistics reach a robot through a normaliser only.
Reader statistics(StatisticsFormat format) {
  return throwing([format](const Path& path) {
    for (const auto& [key, entry] : read_statistics(path, format)) {
      const std::size_t dim = std::max(entry.mean.size(), entry.q01.size()) / entry.steps;
      if (dim > 0 && !entry.mean.empty() && !entry.std.empty())
        (void)Normalizer(entry, {.mode = NormalizationMode::mean_std, .rule = "lerobot", .dim = dim});
    }
  });
}

void use_tokenizer(const Path& path) { (void)Tokenizer::from_file(path).encode("move the arm"); }

void use_image(const Path& path) {
  Image image;
  decode_image(read_binary_file(path, kMostBytes), image, path.filename().string());
}

void use_processor(const Path& path) { QwenVlProcessor(qwen_vl_options_from_pretrained(path.string(), "torch")); }

template <class Config>
void use_config(const Path& path) {
  const Json document = Json::read_file(path);
  (void)Config::parse(JsonCursor(document, path.filename().string()));
}

Refusal use_mcap(const Path& path) {
  McapReader reader(path);
  for (const auto& attachment : reader.attachments())
    if (reader.complete()) (void)reader.read(attachment);
  McapMessage message;
  while (reader.next(message)) {
  }
  return reader.complete() ? Refusal{} : Refusal{"torn", reader.end().reason.empty() ? "[end] file: no tail" : reader.end().reason};
}

Refusal use_recording(const Path& path) {
  Recording recording(path);
  Record record;
  while (recording.next(record)) {
  }
  return recording.complete() ? Refusal{} : Refusal{"torn", recording.end().reason};
}

#ifdef SINEW_HOSTILE_REMOTE
Refusal refusal(Status status, std::string_view text) {
  return {std::string(to_string(status)), status == Status::ok ? "" : std::string(text)};
}

Refusal use_msgpack(const Path& path) {
  const auto bytes = read_binary_file(path, kMostBytes);
  remote::MsgpackDocument document;
  const Status status = document.parse(bytes);
  return refusal(status, document.last_error());
}

Refusal use_npy(const Path& path) {
  const auto bytes = read_binary_file(path, kMostBytes);
  remote::WireArray array;
  FixedText error;
  const Status status = remote::read_npy(bytes, array, error);
  return refusal(status, error.view());
}

/// The reply to request 7.
template <class Protocol, class Options>
Reader reply(Options options) {
  return [options](const Path& path) {
    const auto bytes = read_binary_file(path, kMostBytes);
    Protocol protocol(options);
    TensorMap out = make_tensors(protocol.outputs());
    const Status status = protocol.read_reply({.kind = remote::MessageKind::binary, .bytes = bytes}, 7, out);
    return refusal(status, protocol.last_error());
  };
}

void add_remote(std::map<std::string, Reader>& all) {
  const TensorSpecs state{{"state", DType::f32, Shape{4}}};
  const TensorSpec image{"image/0", DType::u8, Shape{4, 4, 3}}, words{"lang", DType::u8, Shape{64}},
      ids{"lang_tokens", DType::i64, Shape{8}};
  all["msgpack"] = use_msgpack;
  all["npy"] = use_npy;
  all["openpi"] = reply<remote::OpenpiProtocol>(remote::OpenpiOptions{.inputs = state, .horizon = 4, .action_dim = 3});
  all["starvla"] = reply<remote::StarvlaProtocol>(remote::StarvlaOptions{.inputs = {image, words}, .horizon = 4, .action_dim = 3});
  all["groot"] = reply<remote::GrootProtocol>(remote::GrootOptions{.inputs = state, .horizon = 4, .groups = {{"arm", 2}, {"hand", 1}}});
  all["vla_cpp"] = reply<remote::VlaCppProtocol>(remote::VlaCppOptions{.inputs = {image, ids, state[0]}, .horizon = 4, .action_dim = 3});
}
#endif

}  // namespace

std::map<std::string, Reader> readers() {
  std::map<std::string, Reader> all{
      {"json", throwing([](const Path& path) { (void)Json::read_file(path); })},
      {"safetensors", throwing(use_safetensors)},
      {"weights", throwing(use_weights)},
      {"card", throwing([](const Path& path) { (void)read_card(path); })},
      {"policy", throwing([](const Path& path) { (void)Policy::load(path); })},
      {"tokenizer", throwing(use_tokenizer)},
      {"fast", throwing([](const Path& path) { (void)FastTokenizer::from_pretrained(path); })},
      {"urdf", throwing([](const Path& path) { (void)load_urdf(path); })},
      {"image", throwing(use_image)},
      {"preprocessor", throwing(use_processor)},
      {"modality", throwing([](const Path& path) { (void)read_modality(path); })},
      {"qwen3_vl", throwing(use_config<nn::Qwen3VlConfig>)},
      {"act", throwing(use_config<nn::ActConfig>)},
      {"mcap", use_mcap},
      {"recording", use_recording},
  };
  for (int format = 0; format <= static_cast<int>(StatisticsFormat::groot); ++format)
    all["statistics." + std::string(to_string(static_cast<StatisticsFormat>(format)))] = statistics(static_cast<StatisticsFormat>(format));
#ifdef SINEW_HOSTILE_REMOTE
  add_remote(all);
#endif
  return all;
}

}  // namespace sinew::testing
