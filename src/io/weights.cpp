// SPDX-License-Identifier: Apache-2.0
#include "sinew/io/weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "safetensors_header.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/safetensors.hpp"
#include "sinew/io/text.hpp"
#include "weight_files.hpp"
#include "weight_reader.hpp"

namespace sinew {

using namespace detail;

namespace {

std::string renamed(std::string name, std::span<const NameRule> rules) {
  const auto rule = std::ranges::find_if(rules, [&](const NameRule& candidate) { return name.starts_with(candidate.stored); });
  return rule == rules.end() ? std::move(name) : rule->runtime + name.substr(rule->stored.size());
}

/// A shard holds what the index says, no less and no more.
void check_names(const safetensors::Header& header, std::span<const std::string> expected, const std::string& where) {
  const auto [more, missing] = std::ranges::mismatch(header.tensors, expected, {}, &safetensors::HeaderTensor::name);
  if (more == header.tensors.end() && missing == expected.end()) return;
  const bool is_missing = more == header.tensors.end() || (missing != expected.end() && *missing < more->name);
  fail(ErrorCode::parse, {where, fmt::format("tensor {}", quote(is_missing ? *missing : more->name)), "the tensors that the index names",
                          is_missing ? "none of that name" : "one that the index has elsewhere or not at all", ""});
}

}  // namespace

Weights Weights::open(const std::filesystem::path& directory, std::span<const NameRule> rules) {
  Weights weights;
  weights.where_ = printable(directory.string(), 512);
  const WeightFiles files = find_weight_files(directory);
  for (const auto& shard : files.shards) weights.add_file(shard.path, shard.names, rules);
  if (files.total_size && *files.total_size != static_cast<double>(weights.bytes_))
    fail(ErrorCode::parse, {weights.where_, "total_size of the index", std::to_string(weights.bytes_), fmt::format("{}", *files.total_size),
                            "the index is of other shards"});
  return weights;
}

void Weights::add_file(const std::filesystem::path& path, std::span<const std::string> expected, std::span<const NameRule> rules) {
  const auto file = std::make_shared<const RandomAccessFile>(path, std::numeric_limits<std::size_t>::max());
  file->expect_sequential_reading();
  safetensors::Header header = safetensors::read_header(*file, SafetensorsOptions{}.max_header);
  if (!expected.empty()) check_names(header, expected, file->where());
  for (auto& tensor : header.tensors) {
    bytes_ += tensor.end - tensor.begin;
    add_tensor(
        renamed(std::move(tensor.name), rules),
        {.info = {tensor.kind->name, tensor.kind->dtype, Shape(tensor.shape)}, .file = file, .offset = header.data_offset + tensor.begin});
  }
}

void Weights::add_tensor(std::string name, Stored tensor) {
  // Headers come in the order of names: the next is most often the last so far.
  const std::size_t before = tensors_.size();
  const auto added = tensors_.emplace_hint(tensors_.end(), std::move(name), std::move(tensor));
  if (tensors_.size() == before)
    fail(ErrorCode::parse, {where_, fmt::format("tensor {}", quote(added->first)), "each name once", "two tensors that get it", ""});
}

std::vector<std::string_view> Weights::names() const {
  std::vector<std::string_view> names;
  names.reserve(tensors_.size());
  for (const auto& [name, tensor] : tensors_) names.push_back(name);
  return names;
}

const WeightInfo& Weights::at(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) refuse_unknown(name);
  return found->second.info;
}

const Weights::Stored& Weights::use(std::string_view name) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) refuse_unknown(name);
  found->second.used = true;
  return found->second;
}

void Weights::refuse_unknown(std::string_view name) const {
  const auto all = names();
  const auto near = nearest_name(name, all);
  fail(ErrorCode::not_found, {where_, fmt::format("tensor {}", quote(name)), fmt::format("one of {}", all.size()), "no such tensor",
                              near.empty() ? "" : fmt::format("did you mean {}?", quote(near))});
}

WeightReader Weights::reader(std::string_view name, const Stored& tensor) const {
  const auto dtype = tensor.info.known_dtype;
  if (!dtype || !is_float(*dtype))
    fail(ErrorCode::unsupported,
         {where_, fmt::format("dtype of tensor {}", quote(name)), "F64, F32, F16 or BF16", std::string(tensor.info.dtype), ""});
  return {tensor.file, std::string(name), tensor.offset, *dtype};
}

RowSource Weights::rows(std::string_view name, std::int64_t rows, std::int64_t columns) {
  const Stored& tensor = use(name);
  const auto dims = tensor.info.shape.dims();
  if (dims.empty() || dims[0] != rows || Shape(dims.subspan(1)).checked_count() != columns)
    fail(ErrorCode::parse,
         {where_, fmt::format("tensor {}", quote(name)), fmt::format("shape [{}, {}]", rows, columns), to_string(tensor.info.shape), ""});
  return {rows, columns, [reader = reader(name, tensor), rows, columns](std::int64_t first, std::int64_t count, DType as, std::byte* out) {
            if (first < 0 || count < 0 || first > rows - count || (as != DType::f32 && as != DType::bf16))
              fail(ErrorCode::invalid_argument,
                   {"RowSource::read", fmt::format("tensor {}", quote(reader.name())), fmt::format("rows of {} as f32 or bf16", rows),
                    fmt::format("{} from {} as {}", count, first, to_string(as)), ""});
            reader.read(static_cast<std::size_t>(first * columns), static_cast<std::size_t>(count * columns), as, out);
          }};
}

std::vector<float> Weights::floats(std::string_view name, const Shape& shape) {
  const Stored& tensor = use(name);
  if (tensor.info.shape != shape)
    fail(ErrorCode::parse, {where_, fmt::format("tensor {}", quote(name)), "shape " + to_string(shape), to_string(tensor.info.shape), ""});
  std::vector<float> values(shape.count());
  reader(name, tensor).read(0, values.size(), DType::f32, reinterpret_cast<std::byte*>(values.data()));
  return values;
}

void Weights::ignore(std::string_view prefix) {
  for (auto tensor = tensors_.lower_bound(prefix); tensor != tensors_.end() && tensor->first.starts_with(prefix); ++tensor)
    tensor->second.used = true;
}

void Weights::require_all_used() const {
  constexpr std::size_t kShown = 3;
  std::size_t count = 0;
  std::string shown;
  for (const auto& [name, tensor] : tensors_) {
    if (tensor.used) continue;
    if (count++ < kShown) shown += (shown.empty() ? "" : ", ") + quote(name);
  }
  if (count > 0)
    fail(ErrorCode::unsupported, {where_, "tensors", "each one to belong to the model",
                                  fmt::format("{} that it has no place for: {}{}", count, shown, count > kShown ? ", ..." : ""),
                                  "is this another model, or another version of it?"});
}

RowSource stacked(std::vector<RowSource> parts) {
  if (parts.empty()) fail(ErrorCode::invalid_argument, {"stacked", "parts", "one or more", "none", ""});
  RowSource whole{.rows = 0, .columns = parts[0].columns};
  for (const RowSource& part : parts) {
    if (part.columns != whole.columns)
      fail(ErrorCode::invalid_argument,
           {"stacked", "columns", std::to_string(whole.columns) + " in each part", std::to_string(part.columns), ""});
    whole.rows += part.rows;
  }
  whole.read = [parts = std::move(parts), rows = whole.rows](std::int64_t first, std::int64_t count, DType as, std::byte* out) {
    if (first < 0 || count < 0 || first > rows - count)
      fail(ErrorCode::invalid_argument,
           {"RowSource::read", "rows", fmt::format("some of {}", rows), fmt::format("{} from {}", count, first), ""});
    for (const RowSource& part : parts) {
      const std::int64_t taken = std::min(count, part.rows - first);
      if (taken > 0) {
        part.read(first, taken, as, out);
        out += static_cast<std::size_t>(taken * part.columns) * size_of(as);
        count -= taken;
      }
      first = std::max<std::int64_t>(0, first - part.rows);
    }
  };
  return whole;
}

}  // namespace sinew
