// SPDX-License-Identifier: Apache-2.0
// A full disk without a disk: the kernel refuses, with EFBIG and after a short write, what exceeds the size allowed.
#pragma once

#include <sys/resource.h>

#include <csignal>

namespace sinew::testing {

/// While it lives, no file of this process can be written beyond `bytes`.
class LimitedDisk {
 public:
  explicit LimitedDisk(unsigned long bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~LimitedDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  LimitedDisk(const LimitedDisk&) = delete;
  LimitedDisk& operator=(const LimitedDisk&) = delete;

 private:
  rlimit before_{};
};

}  // namespace sinew::testing
