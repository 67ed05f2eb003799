// SPDX-License-Identifier: Apache-2.0
#include "sinew/runtime/realtime.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace sinew {

RealtimeReport request_realtime(int priority, bool lock_memory) {
  RealtimeReport report;
  if (priority > 0) {
    const sched_param parameters{.sched_priority = priority};
    const int error = pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters);
    report.scheduled = error == 0;
    report.text = error == 0 ? fmt::format("SCHED_FIFO at {}", priority)
                             : fmt::format("no SCHED_FIFO: {} (needs CAP_SYS_NICE or an rtprio limit)", std::strerror(error));
  }
  if (lock_memory) {
    report.locked = mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
    report.text += report.text.empty() ? "" : "; ";
    report.text += report.locked ? "memory locked"
                                 : fmt::format("memory not locked: {} (needs CAP_IPC_LOCK or a memlock limit)", std::strerror(errno));
  }
  return report;
}

}  // namespace sinew
