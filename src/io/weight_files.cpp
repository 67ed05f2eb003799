// SPDX-License-Identifier: Apache-2.0
// A file of the fixed name, or the shards of an index: names in an index come from a stranger and must not lead out of the directory.
#include "weight_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <system_error>

#include "sinew/core/error.hpp"
#include "sinew/io/json.hpp"
#include "sinew/io/json_cursor.hpp"
#include "sinew/io/text.hpp"

namespace sinew::detail {

namespace {

namespace fs = std::filesystem;

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr std::string_view kExtension = ".safetensors";
constexpr std::size_t kMaxShards = 1024;
constexpr JsonLimits kIndexLimits{.max_bytes = std::size_t{16} << 20, .max_depth = 8};

bool is_shard_name(std::string_view name) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return name.size() > kExtension.size() && name.ends_with(kExtension) && name.find_first_not_of(kLetters) == std::string_view::npos;
}

/// `path` lies in `folder`, both without links.
bool lies_in(const fs::path& path, const fs::path& folder) { return std::ranges::mismatch(folder, path).in1 == folder.end(); }

/// The file behind a name of the index. A snapshot of a Hugging Face cache holds links into the blobs of the same repository.
fs::path resolve_shard(const fs::path& directory, const std::string& name, const JsonCursor& at) {
  if (!is_shard_name(name)) at.refuse("a file name of letters, digits, '.', '_' and '-' that ends with .safetensors");
  std::error_code error;
  const fs::path root = fs::canonical(directory, error);
  const fs::path file = fs::canonical(directory / name, error);
  if (error) fail(ErrorCode::not_found, {at.place(), "shard " + quote(name), "a file beside the index", error.message(), ""});
  const fs::path snapshots = root.parent_path();
  if (!lies_in(file, root) && !(snapshots.filename() == "snapshots" && lies_in(file, snapshots.parent_path() / "blobs")))
    fail(ErrorCode::unsupported, {at.place(), "shard " + quote(name), "a file in the directory", "a link that leads out of it", ""});
  return file;
}

WeightFiles read_index(const fs::path& directory) {
  const Json document = Json::read_file(directory / kIndex, kIndexLimits);
  const JsonCursor index(document, printable((directory / kIndex).string(), 512));
  index.only_keys({"metadata", "weight_map"});
  WeightFiles files;
  if (const auto metadata = index.optional("metadata"))
    if (const auto total = metadata->optional("total_size")) files.total_size = total->number();
  std::map<std::string, std::size_t> shard_of;
  for (const auto& [name, at] : index.at("weight_map").members()) {
    const auto [known, is_new] = shard_of.emplace(at.text(), files.shards.size());
    if (is_new && files.shards.size() == kMaxShards) at.refuse(fmt::format("at most {} shards", kMaxShards));
    if (is_new) files.shards.push_back({resolve_shard(directory, known->first, at), {}});
    files.shards[known->second].names.push_back(name);
  }
  for (auto& shard : files.shards) std::ranges::sort(shard.names);
  if (files.shards.empty()) index.at("weight_map").refuse("the shard of each tensor");
  return files;
}

/// Says why there is nothing to read, and what there is instead.
[[noreturn]] void refuse_directory(const fs::path& directory) {
  const std::string where = printable(directory.string(), 512);
  std::vector<std::string> tensors, pickles;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string(), extension = entry.path().extension().string();
    if (extension == kExtension) tensors.push_back(name);
    if (extension == ".pt" || extension == ".pth" || (extension == ".bin" && name.starts_with("pytorch_model"))) pickles.push_back(name);
  }
  if (error) fail(ErrorCode::not_found, {where, "directory of weights", "one that can be read", error.message(), ""});
  if (!tensors.empty())
    fail(ErrorCode::not_found, {where, "weights", fmt::format("{} or {}", kSingle, kIndex), quote(std::ranges::min(tensors)),
                                tensors.size() == 1 ? fmt::format("rename it to {}", kSingle) : "shards need the index"});
  if (!pickles.empty())
    fail(ErrorCode::unsupported,
         {where, "weights", kSingle, "pickled " + quote(std::ranges::min(pickles)) + ", which can run code when it is read",
          fmt::format("convert it once, in a process of its own: python -m sinew.convert_weights {}", quote(directory.string(), 512))});
  fail(ErrorCode::not_found, {where, "weights", fmt::format("{} or {}", kSingle, kIndex), "neither", ""});
}

/// A link that leads nowhere is there too: opening it says what is wrong.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

}  // namespace

WeightFiles find_weight_files(const fs::path& directory) {
  const bool single = is_there(directory / kSingle), index = is_there(directory / kIndex);
  if (single && index)
    fail(ErrorCode::invalid_argument, {printable(directory.string(), 512), "weights", fmt::format("{} or {}", kSingle, kIndex), "both",
                                       "remove the one that is not meant"});
  if (single) return {.shards = {{directory / kSingle, {}}}};
  if (index) return read_index(directory);
  refuse_directory(directory);
}

}  // namespace sinew::detail
