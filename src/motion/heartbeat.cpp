// SPDX-License-Identifier: Apache-2.0
#include "sinew/motion/heartbeat.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

#include "heartbeat_segment.hpp"
#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew {

namespace {

constexpr const char* kWhere = "Heartbeat";

std::string reason(int error) { return std::error_code(error, std::generic_category()).message(); }

/// The segment still has its name: nobody removed it, and the name means no other.
bool has_name(int descriptor) noexcept {
  struct ::stat status{};
  return ::fstat(descriptor, &status) == 0 && status.st_nlink != 0;
}

/// Closes the descriptor of a segment, and removes its name, unless it was released.
struct Pending {
  const std::string& path;
  int descriptor;
  ~Pending() {
    if (descriptor < 0) return;
    if (has_name(descriptor)) ::shm_unlink(path.c_str());
    ::close(descriptor);
  }
};

[[noreturn]] void refuse(const std::string& path, const char* expected, int error) {
  fail(ErrorCode::io, {kWhere, "shared memory " + quote(path), expected, reason(error), "see /dev/shm"});
}

[[noreturn]] void refuse_taken(const std::string& path) {
  fail(ErrorCode::failed, {kWhere, "shared memory " + quote(path), "a name that nobody uses", "one that a live process holds",
                           "one heartbeat per name; a process that was forked from a dead one holds its name too"});
}

/// The lock lives as long as the process that made the segment, however that ends; who gets it may remove what a dead one left.
void remove_leftover(const std::string& path) {
  const int descriptor = ::shm_open(path.c_str(), O_RDWR | O_CLOEXEC, 0);
  if (descriptor < 0 && errno == ENOENT) return;
  if (descriptor < 0) refuse(path, "a name that this user may take", errno);
  const bool dead = ::flock(descriptor, LOCK_EX | LOCK_NB) == 0;
  if (dead) ::shm_unlink(path.c_str());
  ::close(descriptor);
  if (!dead) refuse_taken(path);
}

int create_segment(const std::string& path) {
  remove_leftover(path);
  Pending segment{path, ::shm_open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (segment.descriptor < 0) refuse(path, "to be created", errno);
  // Between these two lines it looks like a leftover to a process that starts at the same moment: who finds it removed gives way.
  if (::flock(segment.descriptor, LOCK_EX) != 0) refuse(path, "to be locked", errno);
  if (!has_name(segment.descriptor)) refuse_taken(path);
  // Reserves the memory now: with ftruncate alone a full file system would be a SIGBUS at the first beat.
  if (const int error = ::posix_fallocate(segment.descriptor, 0, sizeof(detail::HeartbeatSegment)); error != 0)
    refuse(path, "memory for it", error);
  return std::exchange(segment.descriptor, -1);
}

}  // namespace

Heartbeat::Heartbeat(std::string_view name) : path_(detail::heartbeat_path(name, kWhere)), process_(::getpid()) {
  Pending pending{path_, create_segment(path_)};
  void* memory = ::mmap(nullptr, sizeof(detail::HeartbeatSegment), PROT_READ | PROT_WRITE, MAP_SHARED, pending.descriptor, 0);
  if (memory == MAP_FAILED) refuse(path_, "to be mapped", errno);
  auto* segment = new (memory) detail::HeartbeatSegment();
  segment->version.store(detail::kHeartbeatVersion, std::memory_order_relaxed);
  segment->size.store(sizeof(detail::HeartbeatSegment), std::memory_order_relaxed);
  segment->process.store(process_, std::memory_order_relaxed);
  segment->magic.store(detail::kHeartbeatMagic, std::memory_order_release);
  segment_ = segment;
  descriptor_ = std::exchange(pending.descriptor, -1);
}

Heartbeat::~Heartbeat() {
  if (process_ == ::getpid()) {
    disarm();
    if (has_name(descriptor_)) ::shm_unlink(path_.c_str());
  }
  ::munmap(segment_, sizeof(detail::HeartbeatSegment));
  ::close(descriptor_);
}

void Heartbeat::beat(const Beat& beat) noexcept {
  detail::write_beat(*static_cast<detail::HeartbeatSegment*>(segment_), beat,
                     (beat.valid ? detail::kBeatValid : 0) | (beat.holding ? detail::kBeatHolding : 0));
}

void Heartbeat::disarm() noexcept { detail::write_beat(*static_cast<detail::HeartbeatSegment*>(segment_), {}, detail::kBeatDisarmed); }

}  // namespace sinew
