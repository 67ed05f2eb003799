// SPDX-License-Identifier: Apache-2.0
#include "stop_action.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <utility>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew::watchdog {

namespace {

constexpr const char* kWhere = "sinew-watchdog";

/// The command runs as an ordinary process: this one's real-time priority and blocked signals are not for it.
void make_ordinary(posix_spawnattr_t& attributes) {
  const sched_param parameters{};
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setschedpolicy(&attributes, SCHED_OTHER);
  ::posix_spawnattr_setschedparam(&attributes, &parameters);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSCHEDULER | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

int open_process(pid_t process) {
  // No wrapper in glibc before 2.36.
  const int descriptor = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
  if (descriptor < 0)
    fail(errno == ESRCH ? ErrorCode::not_found : ErrorCode::io,
         {kWhere, "--pid", "a process that runs", std::to_string(process), std::strerror(errno)});
  return descriptor;
}

}  // namespace

StopAction::StopAction(const StopRequest& request) : request_(request) {
  if (request_.file) {
    const std::filesystem::path folder = std::filesystem::absolute(*request_.file).parent_path();
    if (!std::filesystem::is_directory(folder))
      fail(ErrorCode::not_found, {kWhere, "--stop-file", "a path in a folder that exists", quote(*request_.file), ""});
  }
  if (request_.signal != 0) target_ = open_process(request_.process);
  if (request_.command) argv_ = {shell_.data(), flag_.data(), request_.command->data(), nullptr};
  make_ordinary(attributes_);
}

StopAction::~StopAction() {
  ::posix_spawnattr_destroy(&attributes_);
  if (target_ >= 0) ::close(target_);
}

bool StopAction::run(const char* reason) noexcept {
  problem_ = nullptr;
  const bool sent = request_.signal == 0 || send_signal();
  const bool written = !request_.file || write_file(reason);
  const bool spawned = !request_.command || spawn();
  return sent && written && spawned;
}

bool StopAction::wait() noexcept {
  if (child_ < 0) return true;
  int status = 0;
  while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  child_ = -1;
  return (WIFEXITED(status) && WEXITSTATUS(status) == 0) || failed("the stop command failed");
}

bool StopAction::send_signal() noexcept {
  const long sent = ::syscall(SYS_pidfd_send_signal, target_, request_.signal, nullptr, 0);
  // A process that is gone needs no signal, but somebody should know.
  return sent == 0 || failed(errno == ESRCH ? "the process of --pid is gone" : "the signal was not permitted");
}

bool StopAction::write_file(const char* reason) noexcept {
  const int descriptor = ::open(request_.file->c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0644);
  if (descriptor < 0) return failed("the stop file could not be written");
  const std::size_t size = std::strlen(reason);
  const bool written = ::write(descriptor, reason, size) == static_cast<ssize_t>(size) && ::write(descriptor, "\n", 1) == 1;
  return (::close(descriptor) == 0 && written) || failed("the stop file could not be written");
}

bool StopAction::spawn() noexcept {
  // The command of an earlier trip, if it has ended by now.
  if (child_ >= 0) ::waitpid(child_, nullptr, WNOHANG);
  pid_t child = -1;
  if (::posix_spawn(&child, shell_.c_str(), nullptr, &attributes_, argv_.data(), environ) != 0)
    return failed("the stop command could not be started");
  child_ = child;
  return true;
}

bool StopAction::failed(const char* problem) noexcept {
  problem_ = problem;
  return false;
}

}  // namespace sinew::watchdog
