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
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int get() const noexcept { return value_; }
  /// Closes now and says whether that worked.
  [[nodiscard]] bool close() noexcept { return ::close(std::exchange(value_, -1)) == 0; }

 private:
  int value_;
};

/// A regular file opened for reading, and its size.
struct OpenFile {
  Descriptor descriptor;
  std::size_t size;
};

OpenFile open_file(const std::filesystem::path& path, std::size_t max_bytes, const std::string& where) {
  // O_NONBLOCK: a named pipe where a file is expected must be refused below, not waited for.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  OpenFile file{Descriptor(descriptor), 0};
  if (descriptor < 0)
    fail(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io, {where, "file", "one that can be read", reason(errno), ""});
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) fail(ErrorCode::io, {where, "file", "its size", reason(errno), ""});
  if (!S_ISREG(status.st_mode))
    fail(ErrorCode::io, {where, "file", "a regular file", S_ISDIR(status.st_mode) ? "a directory" : "something else", ""});
  const auto size = static_cast<std::uintmax_t>(status.st_size);
  if (size > max_bytes)
    fail(ErrorCode::limit, {where, "file", "at most " + std::to_string(max_bytes) + " bytes", std::to_string(size), ""});
  file.size = static_cast<std::size_t>(size);
  return file;
}

template <class Content>
Content read_all(const OpenFile& file, const std::string& where) {
  Content content(file.size, typename Content::value_type{});
  std::size_t done = 0;
  while (done < content.size()) {
    const ::ssize_t count = ::read(file.descriptor.get(), content.data() + done, content.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(ErrorCode::io, {where, "file", std::to_string(file.size) + " bytes", reason(errno), ""});
    if (count == 0)
      fail(ErrorCode::io, {where, "file", std::to_string(file.size) + " bytes", std::to_string(done), "it shrank while it was read"});
    done += static_cast<std::size_t>(count);
  }
  return content;
}

template <class Content>
Content read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  const std::string where = printable(path.string(), 512);
  return read_all<Content>(open_file(path, max_bytes, where), where);
}

}  // namespace

std::string read_text_file(const std::filesystem::path& path, std::size_t max_bytes) { return read_file<std::string>(path, max_bytes); }

std::vector<std::byte> read_binary_file(const std::filesystem::path& path, std::size_t max_bytes) {
  return read_file<std::vector<std::byte>>(path, max_bytes);
}

MappedFile::MappedFile(const std::filesystem::path& path, std::size_t max_bytes) {
  const std::string where = printable(path.string(), 512);
  const OpenFile file = open_file(path, max_bytes, where);
  if (file.size == 0) return;
  void* const mapping = ::mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, file.descriptor.get(), 0);
  if (mapping != MAP_FAILED) {
    bytes_ = {static_cast<const std::byte*>(mapping), file.size};
  } else {
    copy_ = read_all<std::vector<std::byte>>(file, where);
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
