// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/realtime.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace sinew {

RealtimeScope::RealtimeScope(int priority, bool lock_memory) {
  if (priority > 0) {
    sched_param before{};
    pthread_getschedparam(pthread_self(), &policy_before_, &before);
    priority_before_ = before.sched_priority;
    const sched_param parameters{.sched_priority = priority};
    const int error = pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters);
    report_.scheduled = error == 0;
    report_.text = error == 0 ? fmt::format("SCHED_FIFO at {}", priority)
                              : fmt::format("no SCHED_FIFO: {} (needs CAP_SYS_NICE or an rtprio limit)", std::strerror(error));
  }
  if (lock_memory) {
    report_.locked = mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
    report_.text += report_.text.empty() ? "" : "; ";
    report_.text += report_.locked ? "memory locked"
                                   : fmt::format("memory not locked: {} (needs CAP_IPC_LOCK or a memlock limit)", std::strerror(errno));
  }
}

RealtimeScope::~RealtimeScope() {
  if (!report_.scheduled) return;
  const sched_param before{.sched_priority = priority_before_};
  pthread_setschedparam(pthread_self(), policy_before_, &before);
}

}  // namespace sinew
