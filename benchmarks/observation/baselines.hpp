// SPDX-License-Identifier: Apache-2.0
// The libraries that bench_observation is compared with run in Python, in a child process of their own: see baselines.py.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench.hpp"

namespace sinew::bench {

/// A child that runs the baselines, and a temporary folder through which both sides see the same inputs. It inherits the core that this
/// process is pinned to; only one of the two works at a time.
class Baselines {
 public:
  /// Starts `python`. When that fails, every baseline is absent and why() says so.
  explicit Baselines(const std::string& python);
  Baselines(const Baselines&) = delete;
  Baselines& operator=(const Baselines&) = delete;
  ~Baselines();

  /// Absolute; gone when this object is.
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  /// Prepares a baseline. Its name, with version and fastest way; nothing when it or its packages are absent, then why() says why.
  [[nodiscard]] std::optional<std::string> open(const std::string& baseline);
  /// Times it on the next entries of its pool of inputs. Throws std::runtime_error when the child fails.
  [[nodiscard]] Sampler sampler(const std::string& baseline);
  /// What it makes of one entry, as bytes. Throws as above.
  [[nodiscard]] std::vector<std::byte> result(const std::string& baseline, std::size_t entry);
  /// Builds the Qwen vocabulary as a tokenizer.json of the folder. Nothing when the packages for that are absent.
  [[nodiscard]] std::optional<std::filesystem::path> build_vocabulary();
  [[nodiscard]] const std::string& why() const { return why_; }

  void write(const std::string& name, const void* bytes, std::size_t size) const;

 private:
  void start(const std::string& python);
  std::optional<std::string> ask(std::string_view request);
  std::string must(std::string_view request);

  std::filesystem::path folder_;
  pid_t child_ = -1;
  int requests_ = -1;  // file descriptors
  int replies_ = -1;
  std::string unread_;
  std::string why_;
};

}  // namespace sinew::bench
