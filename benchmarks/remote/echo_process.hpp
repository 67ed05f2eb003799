// SPDX-License-Identifier: Apache-2.0
// Servers that answer every request with the same chunk, in a process of their own.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace sinew::bench {

inline constexpr float kEchoed = 0.25F;  // each number of the chunk of 10 x 7

/// This program, started anew as a server; ends with the object. Inherits the core.
class EchoProcess {
 public:
  /// `protocol`: "openpi", "vla_cpp" or "bytes". Throws std::runtime_error when it does not start.
  explicit EchoProcess(const std::string& protocol);
  EchoProcess(const EchoProcess&) = delete;
  EchoProcess& operator=(const EchoProcess&) = delete;
  ~EchoProcess();
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  pid_t child_ = -1;
  std::uint16_t port_ = 0;
};

/// Seconds that `count` bytes to an echo of "bytes" and its answer take, the median of a second: the kernel's share of a round trip.
[[nodiscard]] double bytes_there_and_back(std::uint16_t port, std::size_t count);

/// What the child does, until it is killed: prints its port and serves.
int run_echo(const std::string& protocol);

}  // namespace sinew::bench
