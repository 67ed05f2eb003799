// SPDX-License-Identifier: Apache-2.0
// The kept part of the old file and a new tail, into a file beside it that takes its place when it has been read back.
#include "sinew/record/recover.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>

#include "mcap_file.hpp"
#include "mcap_salvage.hpp"
#include "posix_file.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/file.hpp"
#include "sinew/io/text.hpp"
#include "sinew/record/journal_file.hpp"

namespace sinew {
namespace {

namespace fs = std::filesystem;

/// Reads all of a file, strictly when it is complete.
RecoverReport read_through(McapReader& reader) {
  RecoverReport report;
  McapMessage message;
  while (reader.next(message)) {
    ++report.messages;
    if (message.sequence != 0) report.last_sequence = message.sequence;
  }
  report.chunks = reader.chunks();
  return report;
}

/// Keeps recorders and other recoveries from the file while it lives.
class FileLock {
 public:
  explicit FileLock(const fs::path& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (detail::try_lock(descriptor_)) return;
    ::close(descriptor_);
    fail(ErrorCode::io,
         {"recover", "file " + quote(path.string(), 512), "one that nobody writes", "one that is being written or recovered", ""});
  }
  ~FileLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_;
};

/// A file that is removed again unless it was renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(fs::path path) : path_(std::move(path)), file_(path_, true) {}
  ~TemporaryFile() {
    file_.close();
    std::error_code ignored;
    if (!path_.empty()) fs::remove(path_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  [[nodiscard]] JournalFile& file() noexcept { return file_; }
  [[nodiscard]] const fs::path& path() const noexcept { return path_; }
  void write(std::span<const std::uint8_t> bytes) { require(file_.write(bytes), "writing"); }
  /// Takes the place of `target`, durably.
  void replace(const fs::path& target) {
    std::error_code error;
    fs::permissions(path_, fs::status(target, error).permissions(), error);
    require(file_.sync(), "syncing");
    require(file_.close(), "closing");
    fs::rename(path_, target, error);
    if (error) fail(ErrorCode::io, {"recover", "renaming " + quote(path_.string(), 512), "success", error.message(), ""});
    path_.clear();
    if (!detail::sync_folder_of(target))
      fail(ErrorCode::io, {"recover", "syncing the folder of " + quote(target.string(), 512), "success", std::strerror(errno), ""});
  }

 private:
  void require(bool good, std::string_view what) const {
    if (!good)
      fail(ErrorCode::io, {"recover", std::string(what) + ' ' + quote(path_.string(), 512), "success", std::strerror(file_.error()),
                           "the recording is as it was"});
  }

  fs::path path_;
  JournalFile file_;
};

void copy_start(const RandomAccessFile& from, std::uint64_t bytes, TemporaryFile& to) {
  constexpr std::uint64_t kPiece = std::uint64_t{1} << 20;
  std::vector<std::uint8_t> piece;
  for (std::uint64_t at = 0; at < bytes; at += piece.size()) {
    piece.resize(static_cast<std::size_t>(std::min(kPiece, bytes - at)));
    from.read(static_cast<std::size_t>(at), std::as_writable_bytes(std::span(piece)));
    to.write(piece);
  }
}

void write_recovered(const RandomAccessFile& file, const detail::McapSalvage& kept, TemporaryFile& out) {
  detail::Bytes bytes;
  if (!kept.has_header) {
    detail::put_head(bytes);
    out.write(bytes);
  }
  copy_start(file, kept.kept, out);
  out.write(kept.last_indexes);
  detail::McapTail tail{.start = out.file().size(), .data_crc = out.file().crc()};
  for (const auto& [id, schema] : kept.definitions.schemas()) detail::put_schema(tail.schemas, schema);
  for (const auto& [id, channel] : kept.definitions.channels()) detail::put_channel(tail.channels, channel);
  tail.statistics = kept.counts.statistics(kept.definitions);
  tail.chunk_indexes = kept.chunk_indexes;
  tail.attachment_indexes = kept.attachment_indexes;
  tail.metadata_indexes = kept.metadata_indexes;
  detail::put_tail(bytes, tail);
  out.write(bytes);
}

/// Refuses to cut what is not a torn end.
void refuse_loss(const RandomAccessFile& file, const detail::McapSalvage& kept, bool has_summary, const RecoverOptions& options) {
  if (options.cut_damage || kept.reached_data_end) return;
  constexpr std::string_view kHint = "nothing was changed; what lies behind is lost only with cut_damage";
  if (has_summary)
    detail::refuse_at(kept.torn, ErrorCode::parse,
                      {file.where(), "recover", "a file whose end is missing", "a complete one with damage: " + kept.reason, kHint});
  if (const auto chunk = detail::find_chunk(file, kept.torn, options.reading.max_record_bytes))
    detail::refuse_at(
        kept.torn, ErrorCode::parse,
        {file.where(), "recover", "damage at the end only", "a whole chunk behind it, at byte " + std::to_string(*chunk), kHint});
}

/// Whether the file ends with a footer and a summary that agree with their checksum.
bool has_good_summary(const RandomAccessFile& file, std::size_t max_record) {
  try {
    detail::McapDefinitions definitions;
    return detail::has_tail(file) && detail::McapSummary(file, max_record, definitions).verified();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::parse) throw;
    return false;
  }
}

/// The report of a file that needs nothing.
std::optional<RecoverReport> read_complete(const fs::path& path, const RecoverOptions& options) {
  try {
    McapReader reader(path, options.reading);
    if (!reader.complete()) return std::nullopt;
    return read_through(reader);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::parse) throw;
    return std::nullopt;
  }
}

}  // namespace

RecoverReport recover(const fs::path& name, const RecoverOptions& options) {
  std::error_code missing;
  const fs::path resolved = fs::canonical(name, missing);  // a link stays one
  const fs::path& path = missing ? name : resolved;
  if (auto report = read_complete(path, options)) return *std::move(report);
  const FileLock lock(path);
  const RandomAccessFile file(path, std::numeric_limits<std::size_t>::max());
  if (file.size() == 0) fail(ErrorCode::parse, {file.where(), "recover", "an MCAP file", "an empty one", "nothing was changed"});
  detail::check_magic(file);
  const detail::McapSalvage kept = detail::salvage(file, options.reading.max_record_bytes);
  refuse_loss(file, kept, has_good_summary(file, options.reading.max_record_bytes), options);

  fs::path beside = path;
  beside += ".recovering";
  TemporaryFile out(beside);
  write_recovered(file, kept, out);
  McapReader reader(out.path(), options.reading);
  RecoverReport report = read_through(reader);
  out.replace(path);
  report.changed = true;
  report.bytes_cut = file.size() - kept.torn;
  report.reason = kept.reason;
  return report;
}

}  // namespace sinew
