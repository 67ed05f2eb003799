// SPDX-License-Identifier: Apache-2.0
// Servers that answer every request with the same chunk, in a process of their own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace sinew::bench {

inline constexpr float kEchoed = 0.25F;  // each number of the chunk of 10 x 7

/// This program, started anew as a server; ends with the object. Inherits the core.
class EchoProcess {
 public:
  /// `protocol`: "openpi" or "vla_cpp". Throws std::runtime_error when it does not start.
  explicit EchoProcess(const std::string& protocol);
  EchoProcess(const EchoProcess&) = delete;
  EchoProcess& operator=(const EchoProcess&) = delete;
  ~EchoProcess();
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  pid_t child_ = -1;
  std::uint16_t port_ = 0;
};

/// What the child does, until it is killed: prints its port and serves.
int run_echo(const std::string& protocol);

}  // namespace sinew::bench
