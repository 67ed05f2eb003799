// SPDX-License-Identifier: Apache-2.0
// Safetensors files: eight bytes of header length, a JSON header, the data of named tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinew/core/dtype.hpp"
#include "sinew/io/file.hpp"

namespace sinew {

namespace safetensors {
struct Header;
}

/// A tensor inside a file: views of the file's memory.
struct SafetensorsView {
  std::string dtype;  ///< as the file names it, e.g. "F32"
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;

  /// Product of the shape.
  [[nodiscard]] std::size_t count() const noexcept;
  /// Ours, or nothing for a dtype that Sinew does not have, e.g. "F8_E4M3".
  [[nodiscard]] std::optional<DType> known_dtype() const noexcept;
};

/// What the reader accepts, and how it reads.
struct SafetensorsOptions {
  std::size_t max_header = std::size_t{16} << 20;  ///< bytes; the reference library takes up to 100,000,000
  std::size_t max_bytes = std::size_t{1} << 30;    ///< of a file that is read; a mapped one may have any size
  /// Maps the file instead of reading it, so that opening costs the header only. See MappedFile for what that asks of other processes.
  bool map = false;
};

/// A file that was checked as the format demands: names are unique, sizes agree with shapes, and the tensors fill the data
/// without gap or overlap. Stricter than the reference library in what nobody writes: white space before the header or other than
/// spaces behind it, unknown or repeated keys, more than 8 dimensions, a null "__metadata__".
/// Format: huggingface/safetensors README, version 0.8. For the weights of a model see `Weights`.
class SafetensorsFile {
 public:
  /// Reads the file into memory of its own. Throws Error whose message begins with the path.
  explicit SafetensorsFile(const std::filesystem::path& path, const SafetensorsOptions& options = {});
  /// The same on memory that must outlive the object; `where` begins messages.
  SafetensorsFile(std::span<const std::byte> bytes, const std::string& where, const SafetensorsOptions& options = {});

  [[nodiscard]] const std::map<std::string, SafetensorsView, std::less<>>& tensors() const noexcept { return tensors_; }
  /// Texts under "__metadata__".
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }

  /// The tensor of that name. Throws Error(not_found) that names the nearest there is.
  [[nodiscard]] const SafetensorsView& at(std::string_view name) const;
  /// Its data without a copy. Throws Error when the dtype is another, the file does not align the data to it, or a BOOL is neither 0 nor 1.
  template <class T>
  [[nodiscard]] std::span<const T> values(std::string_view name) const {
    return {reinterpret_cast<const T*>(checked(name, dtype_v<T>, alignof(T)).data()), at(name).count()};
  }
  /// Its data as doubles, from any number type. Throws Error that names a dtype which Sinew does not have, and for integers beyond 2^53.
  [[nodiscard]] std::vector<double> doubles(std::string_view name) const;

 private:
  void adopt(safetensors::Header header, std::span<const std::byte> data);
  void parse(std::span<const std::byte> bytes, const SafetensorsOptions& options);
  [[nodiscard]] std::span<const std::byte> checked(std::string_view name, DType dtype, std::size_t alignment) const;

  MappedFile file_;
  std::shared_ptr<std::byte[]> data_;  // instead of a mapping; 64-byte aligned
  std::string where_;
  std::map<std::string, SafetensorsView, std::less<>> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// A tensor to be written.
struct SafetensorsTensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

/// A file in memory, byte for byte as the reference library writes it: wide types first, then by name, the header padded to a multiple
/// of 8. Throws Error for names that are empty, twice or reserved, for sizes that disagree with shapes, and for what `SafetensorsFile`
/// would refuse by default.
[[nodiscard]] std::vector<std::byte> to_safetensors(std::span<const SafetensorsTensor> tensors,
                                                    const std::map<std::string, std::string>& metadata = {});
/// The same to a file, whole or not at all, without a copy of the tensors.
void write_safetensors(const std::filesystem::path& path, std::span<const SafetensorsTensor> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace sinew
