// SPDX-License-Identifier: Apache-2.0
// POSIX files: the limit is checked on the open descriptor, so that a file that grows or is swapped cannot slip past.
#include "sinew/io/file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

std::string reason(int error) { return std::error_code(error, std::generic_category()).message(); }

/// Closes the descriptor when the scope is left.
class Descriptor {
 public:
  explicit Descriptor(int value) noexcept : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int get() const noexcept { return value_; }
  [[nodiscard]] int release() noexcept { return std::exchange(value_, -1); }
  /// Closes now and says whether that worked.
  [[nodiscard]] bool close() noexcept { return ::close(std::exchange(value_, -1)) == 0; }

 private:
  int value_;
};

/// Size and moment of the last change.
struct ::stat status_of(int descriptor, const std::string& where) {
  struct ::stat status{};
  if (::fstat(descriptor, &status) != 0) fail(ErrorCode::io, {where, "file", "its size", reason(errno), ""});
  return status;
}

std::pair<std::int64_t, std::int64_t> modified_at(const struct ::stat& status) noexcept {
  return {status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

template <class Content>
Content read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  const RandomAccessFile file(path, max_bytes);
  Content content(file.size(), typename Content::value_type{});
  file.read(0, std::as_writable_bytes(std::span(content)));
  return content;
}

}  // namespace

std::string read_text_file(const std::filesystem::path& path, std::size_t max_bytes) { return read_file<std::string>(path, max_bytes); }

std::vector<std::byte> read_binary_file(const std::filesystem::path& path, std::size_t max_bytes) {
  return read_file<std::vector<std::byte>>(path, max_bytes);
}

RandomAccessFile::RandomAccessFile(const std::filesystem::path& path, std::size_t max_bytes) : where_(printable(path.string(), 512)) {
  // O_NONBLOCK: a named pipe where a file is expected must be refused below, not waited for.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0)
    fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io, {where_, "file", "one that can be read", reason(errno), ""});
  const struct ::stat status = status_of(file.get(), where_);
  if (!S_ISREG(status.st_mode))
    fail(ErrorCode::io, {where_, "file", "a regular file", S_ISDIR(status.st_mode) ? "a directory" : "something else", ""});
  const auto size = static_cast<std::uintmax_t>(status.st_size);
  if (size > max_bytes)
    fail(ErrorCode::limit, {where_, "file", "at most " + std::to_string(max_bytes) + " bytes", std::to_string(size), ""});
  size_ = static_cast<std::size_t>(size);
  modified_ = modified_at(status);
  descriptor_ = file.release();
}

RandomAccessFile::~RandomAccessFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

RandomAccessFile::RandomAccessFile(RandomAccessFile&& other) noexcept
    : where_(std::move(other.where_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(std::exchange(other.size_, 0)),
      modified_(other.modified_) {}

RandomAccessFile& RandomAccessFile::operator=(RandomAccessFile&& other) noexcept {
  std::swap(where_, other.where_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  std::swap(modified_, other.modified_);
  return *this;
}

void RandomAccessFile::read(std::size_t offset, std::span<std::byte> out) const {
  const std::string_view what = "file";
  if (offset > size_ || out.size() > size_ - offset)
    fail(ErrorCode::io, {where_, what, std::to_string(out.size()) + " bytes at " + std::to_string(offset), std::to_string(size_), ""});
  for (std::size_t done = 0; done < out.size();) {
    const ::ssize_t count = ::pread(descriptor_, out.data() + done, out.size() - done, static_cast<::off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(ErrorCode::io, {where_, what, std::to_string(size_) + " bytes", reason(errno), ""});
    if (count == 0)
      fail(ErrorCode::io,
           {where_, what, std::to_string(size_) + " bytes", std::to_string(offset + done), "it was shortened after it was opened"});
    done += static_cast<std::size_t>(count);
  }
  check_unchanged();
}

void RandomAccessFile::check_unchanged() const {
  const struct ::stat status = status_of(descriptor_, where_);
  if (static_cast<std::size_t>(status.st_size) != size_ || modified_at(status) != modified_)
    fail(ErrorCode::io, {where_, "file", "the one that was opened", "one that was written to since", "replace files as a whole"});
}

void RandomAccessFile::expect_sequential_reading() const noexcept {
  // Advice that is not taken is no error.
  [[maybe_unused]] const int ignored = ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_SEQUENTIAL);
}

MappedFile::MappedFile(const std::filesystem::path& path, std::size_t max_bytes) {
  const RandomAccessFile file(path, max_bytes);
  if (file.size() == 0) return;
  void* const mapping = ::mmap(nullptr, file.size(), PROT_READ, MAP_PRIVATE, file.descriptor_, 0);
  if (mapping != MAP_FAILED) {
    bytes_ = {static_cast<const std::byte*>(mapping), file.size()};
  } else {
    copy_.resize(file.size());
    file.read(0, copy_);
    bytes_ = copy_;
  }
}

MappedFile::~MappedFile() {
  if (!bytes_.empty() && copy_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})), copy_(std::move(other.copy_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(copy_, other.copy_);
  return *this;
}

void write_file(const std::filesystem::path& path, std::string_view content) { write_file(path, std::span(&content, 1)); }

void write_file(const std::filesystem::path& path, std::span<const std::string_view> pieces) {
  static std::atomic<unsigned> counter{0};
  const std::string where = printable(path.string(), 512);
  std::filesystem::path temporary = path;
  temporary += ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(counter.fetch_add(1));
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.get() < 0) fail(ErrorCode::io, {where, "file", "a folder that can be written", reason(errno), ""});

  const auto give_up = [&](std::string_view what) {
    const std::string got = reason(errno);
    ::unlink(temporary.c_str());
    fail(ErrorCode::io, {where, what, "success", got, ""});
  };
  for (const std::string_view content : pieces) {
    for (std::size_t done = 0; done < content.size();) {
      const ::ssize_t count = ::write(file.get(), content.data() + done, content.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) give_up("write");
      done += static_cast<std::size_t>(count);
    }
  }
  if (::fsync(file.get()) != 0) give_up("sync");
  if (!file.close()) give_up("close");
  if (::rename(temporary.c_str(), path.c_str()) != 0) give_up("rename");
  // The rename itself lasts only when the folder is synced; file systems that cannot sync a folder say EINVAL, which is no loss of ours.
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const Descriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() >= 0 && ::fsync(parent.get()) != 0 && errno != EINVAL)
    fail(ErrorCode::io, {where, "sync of the folder", "success", reason(errno), ""});
}

}  // namespace sinew
