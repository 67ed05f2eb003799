// SPDX-License-Identifier: Apache-2.0
#include "observation/baselines.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>

extern char** environ;

namespace sinew::bench {

namespace {

std::filesystem::path temporary_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "bench_observation.XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder: " + name);
  return name;
}

}  // namespace

Baselines::Baselines(const std::string& python) : folder_(temporary_folder()) { start(python); }

Baselines::~Baselines() {
  if (requests_ >= 0) close(requests_);  // the child ends at the end of its input
  if (replies_ >= 0) close(replies_);
  if (child_ > 0) waitpid(child_, nullptr, 0);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Baselines::start(const std::string& python) {
  why_ = fmt::format("{} cannot be started", python);
  signal(SIGPIPE, SIG_IGN);  // a child that died is seen at its reply
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) return;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  std::array<std::string, 3> words = {python, SINEW_BENCH_BASELINES, folder_.string()};
  std::array<char*, 4> arguments = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  const int failed = posix_spawnp(&child_, python.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  requests_ = in[1];
  replies_ = out[0];
  if (failed != 0) child_ = -1;
}

std::optional<std::string> Baselines::ask(std::string_view request) {
  if (child_ <= 0) return std::nullopt;
  const std::string line = std::string(request) + "\n";
  if (::write(requests_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    why_ = "the Python child ended";
    return std::nullopt;
  }
  std::array<char, 4096> part{};
  while (unread_.find('\n') == std::string::npos) {
    const ssize_t size = read(replies_, part.data(), part.size());
    if (size <= 0) {
      why_ = "the Python child ended";
      return std::nullopt;
    }
    unread_.append(part.data(), static_cast<std::size_t>(size));
  }
  const std::size_t end = unread_.find('\n');
  const std::string reply = unread_.substr(0, end);
  unread_.erase(0, end + 1);
  if (reply.starts_with("ok ")) return reply.substr(3);
  why_ = reply;
  return std::nullopt;
}

std::string Baselines::must(std::string_view request) {
  auto reply = ask(request);
  if (!reply) throw std::runtime_error(fmt::format("{}: {}", request, why_));
  return *reply;
}

std::optional<std::string> Baselines::open(const std::string& baseline) { return ask("open " + baseline); }

Sampler Baselines::sampler(const std::string& baseline) {
  return [this, baseline](int batch) { return std::strtod(must(fmt::format("run {} {}", baseline, batch)).c_str(), nullptr); };
}

std::vector<std::byte> Baselines::result(const std::string& baseline, std::size_t entry) {
  const std::filesystem::path path = folder_ / "result";
  must(fmt::format("write {} {} {}", baseline, entry, path.string()));
  std::vector<std::byte> bytes(std::filesystem::file_size(path));
  std::ifstream(path, std::ios::binary).read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

std::optional<std::filesystem::path> Baselines::build_vocabulary() {
  auto path = ask("build");
  return path ? std::optional<std::filesystem::path>(*path) : std::nullopt;
}

void Baselines::write(const std::string& name, const void* bytes, std::size_t size) const {
  std::ofstream(folder_ / name, std::ios::binary).write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
}

}  // namespace sinew::bench
