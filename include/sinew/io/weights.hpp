// SPDX-License-Identifier: Apache-2.0
// The weights of a model: tensors of a policy directory by the names that the model uses, read row by row when they are packed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/dtype.hpp"
#include "sinew/core/shape.hpp"
#include "sinew/io/file.hpp"

namespace sinew {

namespace detail {
class WeightReader;
}

/// Rows of a matrix that are read when they are asked for, in the number type that is asked for.
struct RowSource {
  std::int64_t rows = 0, columns = 0;
  /// Writes rows `first` to `first + count` as `as` (f32 or bf16) to `out` [count, columns]. Several threads may read at once. Throws
  /// Error for rows that do not exist, for a file that was shortened or changed since it was opened, and for NaN and infinity: those
  /// that are stored, and numbers that are too large for `as`.
  std::function<void(std::int64_t first, std::int64_t count, DType as, std::byte* out)> read;
};

/// The parts one below the other, e.g. the matrices of queries, keys and values. Throws Error when there is none or columns differ.
[[nodiscard]] RowSource stacked(std::vector<RowSource> parts);

/// Of a list of these, the first whose `stored` a name begins with is applied: it is replaced by `runtime`. {"qwen_vl_interface.model.",
/// ""} removes a prefix. Other names stay as they are.
struct NameRule {
  std::string stored;
  std::string runtime;
};

/// What is known of a tensor without reading it.
struct WeightInfo {
  std::string_view dtype;            ///< as the format names it, e.g. "BF16"
  std::optional<DType> known_dtype;  ///< nothing for one that Sinew does not have, e.g. "F8_E4M3"
  Shape shape;
};

/// The tensors of a policy directory. Opening reads headers only; rows are read with pread into the caller's memory, so that no page
/// of a file counts as the process's own. For one thread; what `rows` returns is for any number and may outlive the object.
class Weights {
 public:
  /// Opens `model.safetensors`, or the shards of `model.safetensors.index.json`. Throws Error for everything that is not right: a file
  /// that breaks the format, an index that disagrees with its shards or points out of the directory (shards may be links into the
  /// `blobs` of a Hugging Face cache), two tensors that get the same name, pickled weights.
  [[nodiscard]] static Weights open(const std::filesystem::path& directory, std::span<const NameRule> rules = {});

  [[nodiscard]] bool contains(std::string_view name) const { return tensors_.find(name) != tensors_.end(); }
  /// Throws Error(not_found) that names the nearest tensor there is.
  [[nodiscard]] const WeightInfo& at(std::string_view name) const;
  /// In alphabetical order; valid as long as the object.
  [[nodiscard]] std::vector<std::string_view> names() const;
  /// Bytes of all tensors.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

  /// The tensor as a matrix whose columns are all dimensions but the first, e.g. a kernel [D, 3, 2, 16, 16] as [D, 1536]. Marks it as
  /// used. Throws Error when there is none of that name, or its shape is another, or it does not hold floating-point numbers.
  [[nodiscard]] RowSource rows(std::string_view name, std::int64_t rows, std::int64_t columns);
  /// A small tensor, read at once. Marks it as used. Throws Error as `rows` and its reader.
  [[nodiscard]] std::vector<float> floats(std::string_view name, const Shape& shape);
  /// Marks all tensors whose names begin with `prefix` as used: those that a model may carry and does not need, e.g. "mtp.".
  void ignore(std::string_view prefix);
  /// Throws Error that counts and names tensors which nobody asked for.
  void require_all_used() const;

 private:
  struct Stored {
    WeightInfo info;
    std::shared_ptr<const RandomAccessFile> file;
    std::size_t offset = 0;  // in the file
    bool used = false;
  };

  Weights() = default;
  void add_file(const std::filesystem::path& path, std::span<const std::string> expected, std::span<const NameRule> rules);
  void add_tensor(std::string name, Stored tensor);
  [[nodiscard]] const Stored& use(std::string_view name);
  [[nodiscard]] detail::WeightReader reader(std::string_view name, const Stored& tensor) const;
  [[noreturn]] void refuse_unknown(std::string_view name) const;

  std::string where_;
  std::map<std::string, Stored, std::less<>> tensors_;
  std::uint64_t bytes_ = 0;
};

}  // namespace sinew
